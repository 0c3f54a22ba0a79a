/* What the mappers of OTLP messages share. */
#ifndef HS_ENGINE_MAP_OTLP_H
#define HS_ENGINE_MAP_OTLP_H

#include "engine/rows.h"
#include "net/otlp.h"

enum { HS_MAP_TEXT_MAX = 16 << 20 };

/* What all items of a resource share. */
struct hs_map_resource {
    unsigned resource_n; /* of the iterator when this was read; 0: nothing yet */
    struct hs_str service, environment, version; /* views into the message */
};

/* Reads the resource again when the iterator has entered another. */
void hs_map_resource_read(struct hs_map_resource *resource, const struct hs_otlp_iter *iter);
/* A message's attributes into Map(String, String). `text` is scratch. */
void hs_map_otlp_attributes(struct hs_block *block, unsigned col, struct hs_str message,
                            enum hs_otlp_repeated number, struct hs_buf *text);
/* Bytes as lower-case hex. */
void hs_map_hex(struct hs_block *block, unsigned col, struct hs_str bytes);
/* The scope of what the iterator is at; empty texts when there is none. */
struct hs_otlp_scope hs_map_scope(const struct hs_otlp_iter *iter);

/* Adds what a row takes of the message to *bytes: a resource is written with each of its rows, so
 * that a small message can become large. HS_EINVAL: past HS_ROWS_MESSAGE_BYTES_MAX. */
int hs_map_grow(const struct hs_otlp_iter *iter, struct hs_str message, size_t *bytes,
                struct hs_err *err);

#endif
