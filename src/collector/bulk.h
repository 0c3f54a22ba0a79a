/*
 * `_bulk` of Elasticsearch and OpenSearch for the indexes ubi_queries and ubi_events: pairs of an
 * action line ({"index": {…}} or {"create": {…}}) and a document line.
 *
 * Each item is answered by itself, as those servers do; a document's _id becomes its event id, and
 * a repeat of it is dropped later, so that create never answers 409. Bodies as in native.h.
 */
#ifndef HS_COLLECTOR_BULK_H
#define HS_COLLECTOR_BULK_H

#include "collector/intake.h"

enum { HS_BULK_ANSWER_MAX = 64 << 20 }; /* bytes of the items' answers */

struct hs_bulk {
    size_t accepted;
    size_t rejected;     /* the sum of: */
    size_t unreadable;   /* documents that are no UBI */
    size_t not_added;    /* update and delete */
    size_t other_index;  /* neither ubi_queries nor ubi_events */
    struct hs_buf items; /* the answer's items, JSON, comma-separated */
};

void hs_bulk_init(struct hs_bulk *bulk);
void hs_bulk_fini(struct hs_bulk *bulk); /* NULL is a no-op */

/* Reads the body. default_index (of /{index}/_bulk, may be empty) is that of actions without
 * _index. HS_OK: every item has its answer. HS_EINVAL: the body is no bulk body, err names the
 * line; HS_ELIMIT: a bound of the intake or of the answer. Then nothing is to be appended. */
int hs_bulk_read(struct hs_intake *intake, struct hs_str default_index, char *body, size_t n,
                 struct hs_bulk *bulk, struct hs_err *err);

/* Appends {"took", "errors", "items"} once the messages are durable. */
void hs_bulk_write_answer(const struct hs_bulk *bulk, uint64_t took_ms, struct hs_buf *out);

#endif
