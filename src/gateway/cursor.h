/*
 * Where the next page of a list begins: opaque to clients, base64 of "1|from|to|value|id|shape".
 * `shape` is a hash of what else the request asked for, so that a cursor of another question is
 * refused. It is no secret and grants nothing.
 */
#ifndef HS_GATEWAY_CURSOR_H
#define HS_GATEWAY_CURSOR_H

#include "base/buf.h"

enum { HS_CURSOR_VALUE_MAX = 40 };

struct hs_cursor {
    int64_t from_s, to_s;            /* the first page's range, kept for all pages */
    char value[HS_CURSOR_VALUE_MAX]; /* of the last row's order column: a decimal number */
    uint64_t id;                     /* of the last row */
    uint64_t shape;
};

void hs_cursor_encode(const struct hs_cursor *cursor, struct hs_buf *out);
/* HS_EINVAL: not made by hs_cursor_encode. */
int hs_cursor_decode(struct hs_str text, struct hs_cursor *out, struct hs_err *err);

#endif
