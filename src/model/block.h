/*
 * Rows on their way into a table: columns in the layout of ClickHouse's Native format, filled row
 * by row and sent as they are.
 *
 * A block is made for a table (a static list of columns), then for each row every column gets
 * exactly one value, in any order, and hs_block_row_end() checks that. hs_block_row_abort() takes
 * the half-built row back. LowCardinality columns are sent as plain String columns: the server
 * converts. Not thread-safe.
 *
 * Native (revision 0), one block: varint columns, varint rows, then for each column: name and type
 * as varint-length strings and the data: fixed-width little-endian values; strings as varint length
 * and bytes; arrays as all u64 end offsets, then the elements; maps as Array(Tuple(key, value));
 * Nullable as all null bytes, then the values.
 */
#ifndef HS_MODEL_BLOCK_H
#define HS_MODEL_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum hs_block_type {
    HS_BLOCK_U8,
    HS_BLOCK_U16,
    HS_BLOCK_U32,
    HS_BLOCK_U64,
    HS_BLOCK_I64,
    HS_BLOCK_F32,
    HS_BLOCK_F64,
    HS_BLOCK_STRING,
    HS_BLOCK_FIXED, /* FixedString(width): exactly `width` bytes */
};

enum hs_block_shape {
    HS_SHAPE_SCALAR,
    HS_SHAPE_ARRAY,    /* Array(type) */
    HS_SHAPE_MAP,      /* Map(String, type) */
    HS_SHAPE_NULLABLE, /* Nullable(type): a value or hs_block_null */
};

struct hs_column_def {
    const char *name;
    const char *ch_type; /* the text sent: "DateTime64(3)", "LowCardinality(String)" as "String" */
    enum hs_block_type type;
    enum hs_block_shape shape;
    unsigned width; /* HS_BLOCK_FIXED only */
};

struct hs_table_def {
    const char *table; /* "haystat.searches" */
    const struct hs_column_def *columns;
    unsigned columns_n;
};

struct hs_block_column;

struct hs_block {
    const struct hs_table_def *def;
    struct hs_block_column *columns; /* owned */
    size_t rows;                     /* complete rows */
    size_t bytes_max;                /* bound of one column's data */
};

/* bytes_max bounds each column's data; at most 4 GiB - 17. HS_ELIMIT when memory is out. */
int hs_block_init(struct hs_block *block, const struct hs_table_def *def, size_t bytes_max,
                  struct hs_err *err);
void hs_block_fini(struct hs_block *block);
void hs_block_reset(struct hs_block *block); /* no rows, memory kept */

/* Setters: `col` is the index in def->columns; the type must fit (asserted). Integers are truncated
 * to the column's width: callers check ranges. */
void hs_block_u64(struct hs_block *block, unsigned col, uint64_t v); /* any integer column */
void hs_block_f64(struct hs_block *block, unsigned col, double v);
void hs_block_str(struct hs_block *block, unsigned col, struct hs_str v); /* STRING, FIXED */
void hs_block_null(struct hs_block *block, unsigned col);                 /* NULLABLE */
/* Arrays and maps: add elements, then end the row's array (an empty one needs only the end). */
void hs_block_array_u64(struct hs_block *block, unsigned col, uint64_t v);
void hs_block_array_f64(struct hs_block *block, unsigned col, double v);
void hs_block_array_str(struct hs_block *block, unsigned col, struct hs_str v);
void hs_block_map_str(struct hs_block *block, unsigned col, struct hs_str key, struct hs_str v);
void hs_block_map_f64(struct hs_block *block, unsigned col, struct hs_str key, double v);
void hs_block_array_end(struct hs_block *block, unsigned col);

/* HS_OK: the row is in. HS_ELIMIT: a column passed bytes_max; the row was taken back. Asserts that
 * each column got exactly one value. */
int hs_block_row_end(struct hs_block *block, struct hs_err *err);
void hs_block_row_abort(struct hs_block *block);

/* Bytes of all columns together. */
size_t hs_block_bytes(const struct hs_block *block);
/* Appends rows [first, first + n) of `from` (same def) to `block`. HS_ELIMIT as row_end. */
int hs_block_append(struct hs_block *block, const struct hs_block *from, size_t first, size_t n,
                    struct hs_err *err);
/* The whole block in Native format, appended to out. HS_ELIMIT when out is too small. */
int hs_block_encode(const struct hs_block *block, struct hs_buf *out, struct hs_err *err);

#endif
