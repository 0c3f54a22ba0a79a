/*
 * Decoder of ClickHouse's Native format (revision 0, as HTTP sends it). Pure: no I/O, no clock.
 * The bytes are not trusted: every count is checked against what is left before anything is
 * allocated for it.
 *
 * One block: varint columns, varint rows, then for each column its name, its type (both varint
 * length and bytes) and, when there are rows, its data:
 *   prefixes    a u64 version for each LowCardinality inside, in the order of the type text
 *   scalars     fixed width, little-endian
 *   strings     varint length and bytes each
 *   Nullable    a byte for each row, then the values, null rows included
 *   Array, Map  u64 end offset for each row, then the elements (of a map: keys, then values)
 *   Tuple       its elements one after another; an empty Tuple is a byte for each row
 *   LowCardinality  u64 flags, u64 keys, the keys, u64 rows, indexes of 1, 2, 4 or 8 bytes
 * An answer is any number of blocks with the same columns; none at all is an empty table.
 */
#ifndef HS_MODEL_NATIVE_H
#define HS_MODEL_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/table.h"

struct hs_native_limits {
    size_t columns_max;
    uint64_t rows_max;
    unsigned depth_max; /* nesting of types: UInt8 is 1, Array(UInt8) is 2 */
};

enum { HS_NATIVE_TYPE_TEXT_MAX = 65536 }; /* bytes of one column's type text */

/* 4,096 columns, 100 million rows, depth 16. */
extern const struct hs_native_limits hs_native_limits_default;

/* Decodes all blocks into one table in `arena`. Strings are views into `bytes`, which must live as
 * long as the table. Numbers are widened to 8 bytes, so a table may need up to 16 times the memory
 * of its bytes: the arena's limit bounds it.
 *
 * HS_ECORRUPT: the bytes are not Native, are cut short, or blocks differ in their columns.
 * HS_ELIMIT: a limit, or the arena's. HS_EUNSUP: a type that is not decoded (AggregateFunction,
 * Variant, Dynamic, JSON, 256-bit numbers …); its name is in the text. `out` is untouched on
 * failure; the arena may hold garbage. @thread any */
int hs_native_decode(struct hs_str bytes, const struct hs_native_limits *limits,
                     struct hs_arena *arena, struct hs_table *out, struct hs_err *err);

#endif
