#include "model/block.h"

#include "base/mem.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers are copied as they lie");

/*
 * A column keeps its values in wire form. Rows of fixed-width scalars are found by arithmetic, all
 * others through byte positions: `ends` (and `key_ends`) hold the end of each complete row, so that
 * rows can be copied out without parsing.
 *
 * The buffers may run up to BLOCK_SLACK bytes past the block's bytes_max, so that setters reserve
 * for the longest varint without looking; hs_block_row_end() holds the row to the exact limit.
 */
struct hs_block_column {
    struct hs_buf data;     /* values, or the elements of arrays, or the values of maps */
    struct hs_buf keys;     /* MAP: the keys; NULLABLE: a byte a row, 1 for null */
    struct hs_buf offsets;  /* ARRAY, MAP: u64 elements up to the end of row i */
    struct hs_buf ends;     /* STRING: u32 bytes of data up to the end of row i */
    struct hs_buf key_ends; /* MAP: u32 bytes of keys up to the end of row i */
    uint64_t elements;      /* ARRAY, MAP: in data */
    uint8_t width;          /* bytes of a fixed-width value; 0 for STRING */
    uint8_t type;           /* enum hs_block_type */
    uint8_t shape;          /* enum hs_block_shape */
    unsigned sets;          /* values that the row being built has here */
    size_t data_mark;       /* the three as they were after the last complete row */
    size_t keys_mark;
    uint64_t elements_mark;
};

enum { BLOCK_SLACK = 16, VARINT_MAX = 10, OFFSET_BYTES = 8, END_BYTES = 4 };

static unsigned type_width(const struct hs_column_def *def)
{
    static const uint8_t widths[] = {
        [HS_BLOCK_U8] = 1,  [HS_BLOCK_U16] = 2, [HS_BLOCK_U32] = 4, [HS_BLOCK_U64] = 8,
        [HS_BLOCK_I64] = 8, [HS_BLOCK_F32] = 4, [HS_BLOCK_F64] = 8, [HS_BLOCK_STRING] = 0,
    };

    return def->type == HS_BLOCK_FIXED ? def->width : widths[def->type];
}

static void column_init(struct hs_block_column *column, const struct hs_column_def *def,
                        size_t bytes_max)
{
    size_t max = bytes_max + BLOCK_SLACK;

    column->type = (uint8_t)def->type;
    column->shape = (uint8_t)def->shape;
    column->width = (uint8_t)type_width(def);
    hs_buf_init(&column->data, max);
    hs_buf_init(&column->keys, max);
    hs_buf_init(&column->offsets, max);
    hs_buf_init(&column->ends, END_BYTES * max);
    hs_buf_init(&column->key_ends, END_BYTES * max);
}

int hs_block_init(struct hs_block *block, const struct hs_table_def *def, size_t bytes_max,
                  struct hs_err *err)
{
    struct hs_block_column *columns;
    unsigned i;

    HS_ASSERT(def->columns_n > 0);
    if (bytes_max > UINT32_MAX - BLOCK_SLACK)
        return hs_err_set(err, HS_ELIMIT, 0, "%s: a column of %zu bytes, limit %u", def->table,
                          bytes_max, UINT32_MAX - BLOCK_SLACK);
    columns = hs_try_calloc(def->columns_n, sizeof(*columns));
    if (!columns)
        return hs_err_set(err, HS_ELIMIT, 0, "%s: no memory for %u columns", def->table,
                          def->columns_n);
    for (i = 0; i < def->columns_n; i++) {
        const struct hs_column_def *column = &def->columns[i];

        HS_ASSERT(column->type != HS_BLOCK_FIXED || (column->width > 0 && column->width <= 255));
        HS_ASSERT(column->shape != HS_SHAPE_MAP || column->type == HS_BLOCK_STRING ||
                  column->type == HS_BLOCK_F64);
        column_init(&columns[i], column, bytes_max);
    }
    *block = (struct hs_block){.def = def, .columns = columns, .bytes_max = bytes_max};
    return HS_OK;
}

void hs_block_fini(struct hs_block *block)
{
    unsigned i;

    if (!block || !block->columns)
        return;
    for (i = 0; i < block->def->columns_n; i++) {
        struct hs_block_column *column = &block->columns[i];

        hs_buf_fini(&column->data);
        hs_buf_fini(&column->keys);
        hs_buf_fini(&column->offsets);
        hs_buf_fini(&column->ends);
        hs_buf_fini(&column->key_ends);
    }
    hs_free(block->columns);
    block->columns = NULL;
    block->rows = 0;
}

void hs_block_reset(struct hs_block *block)
{
    unsigned i;

    for (i = 0; i < block->def->columns_n; i++) {
        struct hs_block_column *column = &block->columns[i];

        hs_buf_reset(&column->data);
        hs_buf_reset(&column->keys);
        hs_buf_reset(&column->offsets);
        hs_buf_reset(&column->ends);
        hs_buf_reset(&column->key_ends);
        column->elements = 0;
        column->sets = 0;
        column->data_mark = 0;
        column->keys_mark = 0;
        column->elements_mark = 0;
    }
    block->rows = 0;
}

/* ---- values */

static inline struct hs_block_column *column_at(struct hs_block *block, unsigned col,
                                                enum hs_block_shape shape)
{
    struct hs_block_column *column;

    HS_ASSERT(col < block->def->columns_n);
    column = &block->columns[col];
    HS_ASSERT(column->shape == shape);
    return column;
}

/* A column that takes one value a row; the byte of a value that is there goes first. */
static inline struct hs_block_column *single_at(struct hs_block *block, unsigned col)
{
    struct hs_block_column *column;

    HS_ASSERT(col < block->def->columns_n);
    column = &block->columns[col];
    HS_ASSERT(column->shape == HS_SHAPE_SCALAR || column->shape == HS_SHAPE_NULLABLE);
    if (column->shape == HS_SHAPE_NULLABLE)
        hs_buf_add_char(&column->keys, 0);
    return column;
}

static inline bool has_offsets(const struct hs_block_column *column)
{
    return column->shape == HS_SHAPE_ARRAY || column->shape == HS_SHAPE_MAP;
}

static inline void add_u64(struct hs_block_column *column, uint64_t v)
{
    char *at;

    HS_ASSERT(column->type <= HS_BLOCK_I64);
    at = hs_buf_reserve(&column->data, sizeof(v));
    if (at) {
        memcpy(at, &v, sizeof(v)); /* the next value overwrites what is past the width */
        column->data.n += column->width;
    }
}

static inline void add_f64(struct hs_block_column *column, double v)
{
    float narrow = (float)v;

    if (column->type == HS_BLOCK_F32) {
        hs_buf_add(&column->data, &narrow, sizeof(narrow));
        return;
    }
    HS_ASSERT(column->type == HS_BLOCK_F64);
    hs_buf_add(&column->data, &v, sizeof(v));
}

static inline void add_string(struct hs_buf *buf, struct hs_str v)
{
    size_t rest = v.n;
    char *at;

    if (v.n > buf->max) { /* also keeps the sum below from overflowing */
        buf->failed = true;
        return;
    }
    at = hs_buf_reserve(buf, v.n + VARINT_MAX);
    if (!at)
        return;
    while (rest >= 0x80) {
        *at++ = (char)(rest | 0x80);
        rest >>= 7;
    }
    *at++ = (char)rest;
    if (v.n > 0)
        memcpy(at, v.p, v.n);
    buf->n = (size_t)(at - buf->p) + v.n;
}

static inline void add_str(struct hs_block_column *column, struct hs_str v)
{
    if (column->type == HS_BLOCK_STRING) {
        add_string(&column->data, v);
        return;
    }
    HS_ASSERT(column->type == HS_BLOCK_FIXED);
    HS_ASSERT(v.n == column->width);
    hs_buf_add(&column->data, v.p, v.n);
}

void hs_block_u64(struct hs_block *block, unsigned col, uint64_t v)
{
    struct hs_block_column *column = single_at(block, col);

    add_u64(column, v);
    column->sets++;
}

void hs_block_f64(struct hs_block *block, unsigned col, double v)
{
    struct hs_block_column *column = single_at(block, col);

    add_f64(column, v);
    column->sets++;
}

void hs_block_str(struct hs_block *block, unsigned col, struct hs_str v)
{
    struct hs_block_column *column = single_at(block, col);

    add_str(column, v);
    column->sets++;
}

void hs_block_null(struct hs_block *block, unsigned col)
{
    static const char zeros[256];
    struct hs_block_column *column = column_at(block, col, HS_SHAPE_NULLABLE);

    hs_buf_add_char(&column->keys, 1);
    if (column->type == HS_BLOCK_STRING)
        add_string(&column->data, HS_STR(""));
    else
        hs_buf_add(&column->data, zeros, column->width);
    column->sets++;
}

void hs_block_array_u64(struct hs_block *block, unsigned col, uint64_t v)
{
    struct hs_block_column *column = column_at(block, col, HS_SHAPE_ARRAY);

    add_u64(column, v);
    column->elements++;
}

void hs_block_array_f64(struct hs_block *block, unsigned col, double v)
{
    struct hs_block_column *column = column_at(block, col, HS_SHAPE_ARRAY);

    add_f64(column, v);
    column->elements++;
}

void hs_block_array_str(struct hs_block *block, unsigned col, struct hs_str v)
{
    struct hs_block_column *column = column_at(block, col, HS_SHAPE_ARRAY);

    add_str(column, v);
    column->elements++;
}

void hs_block_map_str(struct hs_block *block, unsigned col, struct hs_str key, struct hs_str v)
{
    struct hs_block_column *column = column_at(block, col, HS_SHAPE_MAP);

    add_string(&column->keys, key);
    add_string(&column->data, v);
    column->elements++;
}

void hs_block_map_f64(struct hs_block *block, unsigned col, struct hs_str key, double v)
{
    struct hs_block_column *column = column_at(block, col, HS_SHAPE_MAP);

    add_string(&column->keys, key);
    add_f64(column, v);
    column->elements++;
}

void hs_block_array_end(struct hs_block *block, unsigned col)
{
    HS_ASSERT(col < block->def->columns_n);
    HS_ASSERT(has_offsets(&block->columns[col]));
    block->columns[col].sets++;
}

/* ---- rows */

static bool has_ends(const struct hs_block_column *column)
{
    return column->type == HS_BLOCK_STRING;
}

static void buf_cut(struct hs_buf *buf, size_t n)
{
    buf->n = n;
    buf->failed = false;
}

/* Takes everything past the block's complete rows back. */
static void column_rewind(struct hs_block_column *column, size_t rows)
{
    buf_cut(&column->data, column->data_mark);
    buf_cut(&column->keys, column->keys_mark);
    buf_cut(&column->offsets, has_offsets(column) ? rows * OFFSET_BYTES : 0);
    buf_cut(&column->ends, has_ends(column) ? rows * END_BYTES : 0);
    buf_cut(&column->key_ends, column->shape == HS_SHAPE_MAP ? rows * END_BYTES : 0);
    column->elements = column->elements_mark;
    column->sets = 0;
}

/* Writes the row's end positions. False when the column does not fit. */
static inline bool column_seal(struct hs_block_column *column, size_t bytes_max)
{
    if (has_offsets(column))
        hs_buf_add(&column->offsets, &column->elements, OFFSET_BYTES);
    if (has_ends(column)) {
        uint32_t end = (uint32_t)column->data.n;

        hs_buf_add(&column->ends, &end, END_BYTES);
    }
    if (column->shape == HS_SHAPE_MAP) {
        uint32_t end = (uint32_t)column->keys.n;

        hs_buf_add(&column->key_ends, &end, END_BYTES);
    }
    return !column->data.failed && !column->keys.failed && !column->offsets.failed &&
           !column->ends.failed && !column->key_ends.failed && column->data.n <= bytes_max &&
           column->keys.n <= bytes_max && column->offsets.n <= bytes_max;
}

int hs_block_row_end(struct hs_block *block, struct hs_err *err)
{
    unsigned n = block->def->columns_n;
    unsigned i;

    for (i = 0; i < n; i++) {
        HS_ASSERT(block->columns[i].sets == 1);
        if (!column_seal(&block->columns[i], block->bytes_max)) {
            hs_block_row_abort(block);
            return hs_err_set(err, HS_ELIMIT, 0, "%s.%s: %zu rows and one more pass %zu bytes",
                              block->def->table, block->def->columns[i].name, block->rows,
                              block->bytes_max);
        }
    }
    for (i = 0; i < n; i++) {
        struct hs_block_column *column = &block->columns[i];

        column->data_mark = column->data.n;
        column->keys_mark = column->keys.n;
        column->elements_mark = column->elements;
        column->sets = 0;
    }
    block->rows++;
    return HS_OK;
}

void hs_block_row_abort(struct hs_block *block)
{
    unsigned i;

    for (i = 0; i < block->def->columns_n; i++)
        column_rewind(&block->columns[i], block->rows);
}

size_t hs_block_bytes(const struct hs_block *block)
{
    size_t bytes = 0;
    unsigned i;

    for (i = 0; i < block->def->columns_n; i++) {
        const struct hs_block_column *column = &block->columns[i];

        bytes += column->data.n + column->keys.n + column->offsets.n;
    }
    return bytes;
}

/* ---- copying rows */

/* A half-open range of bytes or elements. */
struct span {
    uint64_t from, to;
};

static uint64_t load_u64(const struct hs_buf *buf, size_t i)
{
    uint64_t v;

    memcpy(&v, buf->p + i * OFFSET_BYTES, sizeof(v));
    return v;
}

static uint32_t load_u32(const struct hs_buf *buf, size_t i)
{
    uint32_t v;

    memcpy(&v, buf->p + i * END_BYTES, sizeof(v));
    return v;
}

static struct span ends_span(const struct hs_buf *ends, size_t first, size_t n)
{
    return (struct span){first > 0 ? load_u32(ends, first - 1) : 0, load_u32(ends, first + n - 1)};
}

static struct span elements_span(const struct hs_block_column *from, size_t first, size_t n)
{
    if (!has_offsets(from))
        return (struct span){first, first + n};
    return (struct span){first > 0 ? load_u64(&from->offsets, first - 1) : 0,
                         load_u64(&from->offsets, first + n - 1)};
}

static struct span data_span(const struct hs_block_column *from, size_t first, size_t n)
{
    struct span elements;

    if (has_ends(from))
        return ends_span(&from->ends, first, n);
    elements = elements_span(from, first, n);
    return (struct span){elements.from * from->width, elements.to * from->width};
}

static void append_bytes(struct hs_buf *to, const struct hs_buf *from, struct span bytes)
{
    if (bytes.to > bytes.from)
        hs_buf_add(to, from->p + bytes.from, bytes.to - bytes.from);
}

/* Copies positions [first, first + n), moved from the source's base to ours. */
static void append_ends(struct hs_buf *to, const struct hs_buf *from, size_t first, size_t n,
                        int64_t shift)
{
    size_t i;

    if (!hs_buf_reserve(to, n * END_BYTES))
        return;
    for (i = 0; i < n; i++) {
        uint32_t end = (uint32_t)(load_u32(from, first + i) + shift);

        hs_buf_add(to, &end, END_BYTES);
    }
}

static void append_offsets(struct hs_block_column *to, const struct hs_block_column *from,
                           size_t first, size_t n)
{
    struct span elements = elements_span(from, first, n);
    size_t i;

    if (!hs_buf_reserve(&to->offsets, n * OFFSET_BYTES))
        return;
    for (i = 0; i < n; i++) {
        uint64_t end = load_u64(&from->offsets, first + i) - elements.from + to->elements;

        hs_buf_add(&to->offsets, &end, OFFSET_BYTES);
    }
    to->elements += elements.to - elements.from;
}

/* False when the column does not fit; it may then hold a part. */
static bool append_column(struct hs_block_column *to, const struct hs_block_column *from,
                          size_t first, size_t n, size_t bytes_max)
{
    struct span data = data_span(from, first, n);

    if (has_ends(from))
        append_ends(&to->ends, &from->ends, first, n, (int64_t)to->data.n - (int64_t)data.from);
    if (from->shape == HS_SHAPE_MAP) {
        struct span keys = ends_span(&from->key_ends, first, n);

        append_ends(&to->key_ends, &from->key_ends, first, n,
                    (int64_t)to->keys.n - (int64_t)keys.from);
        append_bytes(&to->keys, &from->keys, keys);
    }
    if (from->shape == HS_SHAPE_NULLABLE)
        append_bytes(&to->keys, &from->keys, (struct span){first, first + n});
    append_bytes(&to->data, &from->data, data);
    if (has_offsets(from))
        append_offsets(to, from, first, n);
    return !to->data.failed && !to->keys.failed && !to->offsets.failed && !to->ends.failed &&
           !to->key_ends.failed && to->data.n <= bytes_max && to->keys.n <= bytes_max &&
           to->offsets.n <= bytes_max;
}

int hs_block_append(struct hs_block *block, const struct hs_block *from, size_t first, size_t n,
                    struct hs_err *err)
{
    unsigned i;

    HS_ASSERT(block != from);
    HS_ASSERT(block->def == from->def);
    HS_ASSERT(first <= from->rows);
    HS_ASSERT(n <= from->rows - first);
    if (n == 0)
        return HS_OK;
    for (i = 0; i < block->def->columns_n; i++) {
        HS_ASSERT(block->columns[i].sets == 0);
        if (!append_column(&block->columns[i], &from->columns[i], first, n, block->bytes_max)) {
            hs_block_row_abort(block);
            return hs_err_set(err, HS_ELIMIT, 0, "%s.%s: %zu rows and %zu more pass %zu bytes",
                              block->def->table, block->def->columns[i].name, block->rows, n,
                              block->bytes_max);
        }
    }
    for (i = 0; i < block->def->columns_n; i++) {
        struct hs_block_column *column = &block->columns[i];

        column->data_mark = column->data.n;
        column->keys_mark = column->keys.n;
        column->elements_mark = column->elements;
    }
    block->rows += n;
    return HS_OK;
}

/* ---- wire form */

static void encode_text(struct hs_buf *out, const char *text)
{
    size_t n = strlen(text);

    hs_buf_add_varint(out, n);
    hs_buf_add(out, text, n);
}

int hs_block_encode(const struct hs_block *block, struct hs_buf *out, struct hs_err *err)
{
    size_t start = out->n;
    unsigned i;

    hs_buf_add_varint(out, block->def->columns_n);
    hs_buf_add_varint(out, block->rows);
    for (i = 0; i < block->def->columns_n; i++) {
        const struct hs_block_column *column = &block->columns[i];

        HS_ASSERT(column->sets == 0);
        encode_text(out, block->def->columns[i].name);
        encode_text(out, block->def->columns[i].ch_type);
        hs_buf_add(out, column->offsets.p, column->offsets.n);
        hs_buf_add(out, column->keys.p, column->keys.n);
        hs_buf_add(out, column->data.p, column->data.n);
    }
    if (hs_buf_ok(out))
        return HS_OK;
    out->n = start;
    return hs_err_set(err, HS_ELIMIT, 0, "%s: a block of %zu rows and %zu bytes, limit %zu",
                      block->def->table, block->rows, hs_block_bytes(block), out->max - start);
}
