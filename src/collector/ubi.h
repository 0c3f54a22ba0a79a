/*
 * User Behavior Insights 1.3: documents of ubi_queries and ubi_events, as ubi.js, the OpenSearch
 * plugin and Data Prepper send them (docs/events.md).
 *
 * Lenient: a document is refused only when it is no object, lacks a required field (user_query;
 * action_name and timestamp) or passes a limit of ours; other violations of UBI's schema are
 * accepted and counted in intake->counts.schema_violations, one an event. Keys without a field of
 * their own are kept as attributes.
 *
 * Bodies as in native.h. The intake's rules must have source HS_SOURCE_UBI.
 */
#ifndef HS_COLLECTOR_UBI_H
#define HS_COLLECTOR_UBI_H

#include "collector/intake.h"
#include "collector/outcome.h"

enum { HS_UBI_DOCUMENTS_MAX = 10000 };

/* A body with one object, an array of objects, or NDJSON. HS_OK when it could be read, whatever
 * became of its documents. HS_EINVAL: no JSON. HS_ELIMIT: more than HS_UBI_DOCUMENTS_MAX, or the
 * intake's bytes_max. */
int hs_ubi_read_queries(struct hs_intake *intake, char *body, size_t n, struct hs_outcome *out,
                        struct hs_err *err);
int hs_ubi_read_events(struct hs_intake *intake, char *body, size_t n, struct hs_outcome *out,
                       struct hs_err *err);

/* One document of a body in work. */
struct hs_ubi_document {
    struct yyjson_val *val;
    struct hs_str id; /* its _id, becomes the event id; empty: none */
    size_t index;     /* place in the request */
};

/* A query's missing id is derived from (tenant, application, query_id), so that a query sent twice
 * counts once; without a query_id, and for events, as hs_intake_event does. HS_EINVAL,
 * HS_ELIMIT. */
typedef int hs_ubi_add_fn(struct hs_intake *intake, const struct hs_ubi_document *document,
                          struct hs_str *out_id, struct hs_err *err);
hs_ubi_add_fn hs_ubi_add_query;
hs_ubi_add_fn hs_ubi_add_event;

#endif
