/*
 * A decoded answer: columns of equal length.
 *
 * Everything lives in the arena that the decoder was given, strings may also lie in the bytes that
 * were decoded; the table owns nothing. Read-only once made, so threads may share it.
 */
#ifndef HS_MODEL_TABLE_H
#define HS_MODEL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum hs_column_kind {
    HS_COL_U64,   /* UInt8…64, Bool, Date (days), DateTime (seconds) */
    HS_COL_I64,   /* Int8…64, Date32 (days), DateTime64 and Time64 (ticks), Time, Interval… */
    HS_COL_F64,   /* Float32, Float64, BFloat16 */
    HS_COL_STR,   /* String, FixedString, Enum8 and Enum16 (names), and as text UUID, IPv4, IPv6,
                     Decimal, Int128 and UInt128 */
    HS_COL_ARRAY, /* Array(T): offsets into the one child column */
    HS_COL_MAP,   /* Map(K, V): offsets into the child columns key, value */
    HS_COL_TUPLE, /* children side by side */
};

/* LowCardinality(T) has the kind of T. */
struct hs_column {
    struct hs_str name; /* of a tuple's child: its name or "" */
    struct hs_str type; /* ClickHouse's type text */
    enum hs_column_kind kind;
    size_t rows;
    const uint8_t *nulls; /* NULL when the type is not Nullable; else 1 per null row */
    union {
        const uint64_t *u64;
        const int64_t *i64;
        const double *f64;
        const struct hs_str *str;
    };
    const uint64_t *offsets;          /* ARRAY, MAP: end of row i in the children */
    const struct hs_column *children; /* ARRAY 1, MAP 2, TUPLE children_n */
    size_t children_n;
};

struct hs_table {
    struct hs_column *columns;
    size_t columns_n;
    size_t rows;
    uint64_t rows_read; /* from X-ClickHouse-Summary; 0 when not sent */
    uint64_t bytes_read;
};

/* The column of that name, NULL when there is none. */
const struct hs_column *hs_table_column(const struct hs_table *table, const char *name);

#endif
