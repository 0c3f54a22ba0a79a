/*
 * Reading JSON documents out of a request's body, in place and without an allocation each: the
 * values lie in one pool that the next read uses again.
 *
 * Numbers stay the text they were sent as (model/event.h). Strings point into the body, which must
 * stay as long as the document. Not thread-safe.
 */
#ifndef HS_COLLECTOR_PARSER_H
#define HS_COLLECTOR_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct yyjson_val;

enum {
    HS_BODY_PADDING = 64,         /* writable bytes that follow every body */
    HS_PARSER_KEEP_MAX = 8 << 20, /* a larger pool is freed by reset */
};

struct hs_parser {
    void *pool; /* owned */
    size_t cap;
};

void hs_parser_init(struct hs_parser *parser);
void hs_parser_fini(struct hs_parser *parser); /* NULL is a no-op */
/* Frees the pool when it is large; documents are gone. */
void hs_parser_reset(struct hs_parser *parser);

/* Reads the one JSON document in body[0..n); body[n..n + HS_BODY_PADDING) must be writable and is
 * as before afterwards. *out lives until the next read. HS_EINVAL (err->sys HS_REFUSED_JSON): no
 * JSON, err says where; the body may then be changed. HS_ELIMIT: memory is out. */
int hs_parser_read(struct hs_parser *parser, char *body, size_t n, struct yyjson_val **out,
                   struct hs_err *err);
/* Whether [p, p + n) is one JSON document; changes nothing but the pool. */
bool hs_parser_is_json(struct hs_parser *parser, const char *p, size_t n);

/* The lines of an NDJSON body: takes the next one that is not white space out of *rest. Returns
 * false at the end. `rest` is a view of the mutable body. */
bool hs_ndjson_next(struct hs_str *rest, struct hs_str *out_line);

#endif
