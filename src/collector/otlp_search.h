/*
 * From spans of search operations to search events.
 *
 * A span is a search operation when it has
 *   - an attribute search.* or ubi.* that says something about a search, and no search.phase; or
 *   - gen_ai.operation.name = retrieval; or
 *   - db.system(.name) of a search engine and a db.operation(.name) that reads a result list.
 *
 * The first two are of tier edge, the last of tier engine; search.tier on the span or its resource
 * says otherwise. One search is counted once: an event with a parent_query_id is no execution.
 *
 *   search.parent_query.id given                      → that
 *   a search operation among the span's ancestors in the same request  → the nearest one's query id
 *   tier edge                                         → none: an execution
 *   tier engine, no parent span, or the request holds the way up to the trace's root
 *                                                     → none: an execution
 *   tier engine otherwise                             → the trace id
 */
#ifndef HS_COLLECTOR_OTLP_SEARCH_H
#define HS_COLLECTOR_OTLP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "collector/intake.h"
#include "collector/otlp_group.h"
#include "collector/otlp_reader.h"
#include "net/otlp.h"

enum hs_otlp_family {
    HS_OTLP_FAMILY_DB = 1 << 0,
    HS_OTLP_FAMILY_SEARCH = 1 << 1, /* search.* and ubi.* */
    HS_OTLP_FAMILY_GEN_AI = 1 << 2,
};

/* A span that may be a search operation, as it was sent: pseudonyms and redaction of its event are
 * the intake's. */
struct hs_otlp_search {
    struct hs_str span, resource; /* messages; borrowed until the next request */
    uint32_t item;                /* in the groups */
    /* filled in by write */
    bool is_search;
    bool is_edge;
    bool is_retrieval;
    struct hs_str query_id, parent_query_id;
};

struct hs_otlp_searches {
    struct hs_otlp_search *rows; /* owned; ascending items */
    size_t n, cap;
    uint32_t *spans; /* owned; open addressing by (trace id, span id): item + 1 */
    size_t spans_cap;
    struct hs_buf text;
};

void hs_otlp_searches_init(struct hs_otlp_searches *searches);
void hs_otlp_searches_fini(struct hs_otlp_searches *searches);
void hs_otlp_searches_reset(struct hs_otlp_searches *searches);

/* The family of one attribute (a KeyValue message), 0 for most. */
unsigned hs_otlp_search_family(struct hs_str key_value);

/* HS_ELIMIT: no memory. */
int hs_otlp_searches_add(struct hs_otlp_searches *searches, const struct hs_otlp_search *search,
                         struct hs_err *err);

/* Adds the events of all rows that are search operations to the intake. Texts go into the arena. A
 * refused event is counted in `out`, its reason put into out->message. HS_ELIMIT: the intake is
 * full or memory is out. */
int hs_otlp_searches_write(struct hs_otlp_searches *searches, const struct hs_otlp_groups *groups,
                           struct hs_arena *arena, struct hs_intake *intake,
                           struct hs_otlp_outcome *out, struct hs_err *err);

/* Fills `event` from a search operation's span and resource; query_id, parent_query_id, is_edge and
 * is_retrieval must stand. `text` is scratch. HS_ELIMIT: the arena is full. */
int hs_otlp_search_event(const struct hs_otlp_search *search, struct hs_arena *arena,
                         struct hs_buf *text, struct hs_event *event, struct hs_err *err);

/* The value's text in UTF-8, without U+0000: the string itself, or a copy in the arena; cut to max
 * bytes. */
struct hs_str hs_otlp_search_text(const struct hs_otlp_value *value, size_t max,
                                  struct hs_arena *arena, struct hs_buf *text);

#endif
