/*
 * Writing JSON into a buffer: escapes, numbers, commas. It checks nothing but what it is told: the
 * caller opens and closes in order. Strings that are not valid UTF-8 get U+FFFD for each bad byte.
 */
#ifndef HS_BASE_JSON_OUT_H
#define HS_BASE_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* A string with its quotes, escaped. */
void hs_json_str(struct hs_buf *buf, struct hs_str s);
/* Shortest text that reads back as the same double; inf and nan become null. */
void hs_json_double(struct hs_buf *buf, double v);

/* A small helper that places commas: depth is bounded at 32 levels. */
struct hs_json {
    struct hs_buf *buf;
    uint32_t has_item; /* bit d: level d holds an item already */
    unsigned depth;
    bool after_key;
};

void hs_json_init(struct hs_json *json, struct hs_buf *buf);
void hs_json_obj_open(struct hs_json *json);
void hs_json_obj_close(struct hs_json *json);
void hs_json_arr_open(struct hs_json *json);
void hs_json_arr_close(struct hs_json *json);
void hs_json_key(struct hs_json *json, const char *key);
void hs_json_key_str(struct hs_json *json, struct hs_str key);
void hs_json_add_str(struct hs_json *json, struct hs_str s);
void hs_json_add_c(struct hs_json *json, const char *s); /* NULL gives null */
void hs_json_add_u64(struct hs_json *json, uint64_t v);
void hs_json_add_i64(struct hs_json *json, int64_t v);
void hs_json_add_double(struct hs_json *json, double v);
void hs_json_add_bool(struct hs_json *json, bool v);
void hs_json_add_null(struct hs_json *json);
void hs_json_add_time(struct hs_json *json, int64_t ns); /* RFC 3339 string */
/* Ready-made JSON text. */
void hs_json_add_raw(struct hs_json *json, struct hs_str text);

#endif
