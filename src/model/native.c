/*
 * Two passes over the same bytes with the same code: the first checks everything and counts rows of
 * each node, then arrays of exactly that size are allocated, the second stores.
 */
#include "model/native.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/mem.h"
#include "model/native_int.h"

enum {
    LC_VERSION = 1,               /* the only one: indexes with a dictionary for each block */
    LC_INDEX_TYPE = 0xff,         /* flags: width of an index as a power of two */
    LC_GLOBAL_DICTIONARY = 0x100, /* flags: a dictionary that is not in the message */
    LC_OWN_KEYS = 0x200,          /* flags: the keys follow */
    TEXT_MAX = 64,
};

const struct hs_native_limits hs_native_limits_default = {4096, 100000000, 16};

struct decoder {
    const char *start;
    struct hs_str rest;
    struct hs_arena *arena;
    const struct hs_native_limits *limits;
    struct hs_err *err;
    struct native_node *columns;
    size_t columns_n;
    uint64_t rows;
    bool store; /* second pass */
};

typedef int read_fn(struct decoder *decoder, struct native_node *node, size_t n);

static int read_node(struct decoder *decoder, struct native_node *node, size_t n);

static int corrupt(struct decoder *decoder, const char *what)
{
    return hs_err_set(decoder->err, HS_ECORRUPT, 0, "Native data: %s at byte %zu", what,
                      (size_t)(decoder->rest.p - decoder->start));
}

static int no_room(struct decoder *decoder)
{
    return hs_err_set(decoder->err, HS_ELIMIT, 0, "Native data: the arena of %zu bytes is full",
                      decoder->arena->limit);
}

/* The next n bytes, NULL when there are not so many. */
static const char *take(struct decoder *decoder, size_t n)
{
    const char *p = decoder->rest.p;

    if (n > decoder->rest.n)
        return NULL;
    decoder->rest = hs_str_n(p + n, decoder->rest.n - n);
    return p;
}

/* n values of `width` bytes; NULL when they are not there. */
static const char *take_array(struct decoder *decoder, size_t n, size_t width)
{
    return n > decoder->rest.n / width ? NULL : take(decoder, n * width);
}

static int read_varint(struct decoder *decoder, uint64_t *out)
{
    uint64_t v = 0;
    unsigned shift;

    for (shift = 0; shift < 64; shift += 7) {
        const char *p = take(decoder, 1);
        uint64_t bits;

        if (!p)
            return corrupt(decoder, "a number is cut short");
        bits = (unsigned char)*p & 0x7fU;
        if (shift == 63 && bits > 1)
            break;
        v |= bits << shift;
        if (!((unsigned char)*p & 0x80U)) {
            *out = v;
            return HS_OK;
        }
    }
    return corrupt(decoder, "a number is longer than 64 bits");
}

static int read_string(struct decoder *decoder, struct hs_str *out)
{
    uint64_t n = 0;
    int rc = read_varint(decoder, &n);

    if (rc != HS_OK)
        return rc;
    if (n > decoder->rest.n)
        return corrupt(decoder, "a string is longer than what is left");
    *out = hs_str_n(take(decoder, (size_t)n), (size_t)n);
    return HS_OK;
}

static int read_u64(struct decoder *decoder, uint64_t *out)
{
    const char *p = take(decoder, sizeof(*out));

    if (!p)
        return corrupt(decoder, "a count is cut short");
    memcpy(out, p, sizeof(*out));
    return HS_OK;
}

/* ---- values as numbers */

static uint64_t load_uint(const char *p, unsigned width)
{
    uint64_t v = 0;

    memcpy(&v, p, width);
    return v;
}

static int64_t load_int(const char *p, unsigned width)
{
    unsigned shift = 64 - 8 * width;

    return (int64_t)(load_uint(p, width) << shift) >> shift;
}

static double load_float(const struct native_node *node, const char *p)
{
    uint32_t bits;
    float narrow;
    double wide;

    if (node->width == 8) {
        memcpy(&wide, p, sizeof(wide));
        return wide;
    }
    bits = (uint32_t)load_uint(p, node->width);
    if (node->code == NATIVE_BFLOAT)
        bits <<= 16;
    memcpy(&narrow, &bits, sizeof(narrow));
    return narrow;
}

/* ---- values as text */

static size_t uuid_text(const char *p, char out[TEXT_MAX])
{
    uint64_t high = load_uint(p, 8);
    uint64_t low = load_uint(p + 8, 8);

    return (size_t)snprintf(out, TEXT_MAX, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
                            (unsigned)(high >> 16) & 0xffffU, (unsigned)high & 0xffffU,
                            (unsigned)(low >> 48), (unsigned long long)(low & 0xffffffffffffULL));
}

static size_t ip_text(const char *p, int family, char out[TEXT_MAX])
{
    char address[16];

    if (family == AF_INET6) {
        memcpy(address, p, 16);
    } else { /* a number, so its bytes stand in the other order */
        uint32_t net = htonl((uint32_t)load_uint(p, 4));

        memcpy(address, &net, sizeof(net));
    }
    HS_ASSERT(inet_ntop(family, address, out, TEXT_MAX) != NULL);
    return strlen(out);
}

/* Decimal digits, right-aligned in out, with a point `scale` digits from the end. */
static size_t wide_text(unsigned __int128 v, bool negative, unsigned scale, char out[TEXT_MAX])
{
    char text[TEXT_MAX];
    size_t at = sizeof(text);
    unsigned digits = 0;

    do {
        text[--at] = (char)('0' + (int)(v % 10));
        v /= 10;
        if (++digits == scale)
            text[--at] = '.';
    } while (v > 0 || digits <= scale);
    if (negative)
        text[--at] = '-';
    memcpy(out, text + at, sizeof(text) - at);
    return sizeof(text) - at;
}

static size_t decimal_text(const struct native_node *node, const char *p, char out[TEXT_MAX])
{
    __int128 v;
    bool negative;

    if (node->width == 16)
        memcpy(&v, p, sizeof(v));
    else
        v = load_int(p, node->width);
    negative = v < 0;
    return wide_text(negative ? 0 - (unsigned __int128)v : (unsigned __int128)v, negative,
                     node->scale, out);
}

/* The value's name; its number where the type has no name for it. */
static struct hs_str enum_text(const struct native_node *node, const char *p, char out[TEXT_MAX])
{
    int64_t value = load_int(p, node->width);
    size_t i;

    for (i = 0; i < node->names_n; i++) {
        if (node->names[i].value == value)
            return node->names[i].name;
    }
    return hs_str_n(out, (size_t)snprintf(out, TEXT_MAX, "%lld", (long long)value));
}

static int store_text(struct decoder *decoder, const struct native_node *node, const char *p,
                      struct hs_str *out)
{
    char text[TEXT_MAX];
    struct hs_str v = hs_str_n(text, 0);
    unsigned __int128 wide;

    switch (node->code) {
    case NATIVE_UUID: v.n = uuid_text(p, text); break;
    case NATIVE_IPV4: v.n = ip_text(p, AF_INET, text); break;
    case NATIVE_IPV6: v.n = ip_text(p, AF_INET6, text); break;
    case NATIVE_DECIMAL: v.n = decimal_text(node, p, text); break;
    case NATIVE_ENUM: v = enum_text(node, p, text); break;
    case NATIVE_WIDE:
        memcpy(&wide, p, sizeof(wide));
        v.n = wide_text(wide, false, 0, text);
        break;
    default: break; /* NATIVE_NOTHING has no value */
    }
    if (v.p != text) {
        *out = v;
        return HS_OK;
    }
    *out = hs_arena_copy(decoder->arena, v);
    return out->p ? HS_OK : no_room(decoder);
}

/* ---- columns of scalars */

/* Stores n values of fixed width at values[0…n). */
static int store_fixed(struct decoder *decoder, const struct native_node *node, const char *p,
                       size_t n, void *values)
{
    size_t i;
    int rc = HS_OK;

    for (i = 0; i < n && rc == HS_OK; i++, p += node->width) {
        switch (node->code) {
        case NATIVE_UINT: ((uint64_t *)values)[i] = load_uint(p, node->width); break;
        case NATIVE_INT: ((int64_t *)values)[i] = load_int(p, node->width); break;
        case NATIVE_FLOAT:
        case NATIVE_BFLOAT: ((double *)values)[i] = load_float(node, p); break;
        case NATIVE_FIXED: ((struct hs_str *)values)[i] = hs_str_n(p, node->width); break;
        default: rc = store_text(decoder, node, p, &((struct hs_str *)values)[i]); break;
        }
    }
    return rc;
}

/* Reads n scalars; values is NULL in the measuring pass. */
static int read_scalars(struct decoder *decoder, const struct native_node *node, size_t n,
                        void *values)
{
    struct hs_str *strings = values;
    struct hs_str skipped;
    const char *p;
    size_t i;
    int rc = HS_OK;

    if (node->code == NATIVE_STRING) {
        for (i = 0; i < n && rc == HS_OK; i++)
            rc = read_string(decoder, strings ? &strings[i] : &skipped);
        return rc;
    }
    p = take_array(decoder, n, node->width);
    if (!p)
        return corrupt(decoder, "values are cut short");
    return values ? store_fixed(decoder, node, p, n, values) : HS_OK;
}

static size_t value_size(const struct native_node *node)
{
    return node->code <= NATIVE_BFLOAT ? sizeof(uint64_t) : sizeof(struct hs_str);
}

static void *values_at(const struct decoder *decoder, const struct native_node *node)
{
    return decoder->store ? (char *)node->values + node->filled * value_size(node) : NULL;
}

static int read_nulls(struct decoder *decoder, struct native_node *node, size_t n)
{
    const char *p = take(decoder, n);
    size_t i;

    if (!p)
        return corrupt(decoder, "null marks are cut short");
    for (i = 0; decoder->store && i < n; i++)
        node->nulls[node->filled + i] = p[i] != 0;
    return HS_OK;
}

static int read_plain(struct decoder *decoder, struct native_node *node, size_t n)
{
    int rc = node->nullable ? read_nulls(decoder, node, n) : HS_OK;

    return rc == HS_OK ? read_scalars(decoder, node, n, values_at(decoder, node)) : rc;
}

/* ---- LowCardinality */

struct lc_head {
    uint64_t keys;
    unsigned index_width;
};

/* Copies dictionary values by index. */
static int store_indexed(struct decoder *decoder, struct native_node *node,
                         const struct lc_head *head, const char *indexes, const char *dictionary,
                         size_t n)
{
    unsigned width = head->index_width;
    size_t size = value_size(node);
    char *values = values_at(decoder, node);
    size_t i;

    for (i = 0; i < n; i++) {
        uint64_t index = load_uint(indexes + i * width, width);

        if (index >= head->keys)
            return corrupt(decoder, "an index points past its dictionary");
        memcpy(values + i * size, dictionary + index * size, size);
        if (node->nullable)
            node->nulls[node->filled + i] = index == 0;
    }
    return HS_OK;
}

static int read_lc_head(struct decoder *decoder, struct lc_head *head)
{
    uint64_t flags = 0;
    int rc = read_u64(decoder, &flags);

    if (rc == HS_OK)
        rc = read_u64(decoder, &head->keys);
    if (rc != HS_OK)
        return rc;
    if ((flags & LC_INDEX_TYPE) > 3 || !(flags & LC_OWN_KEYS) || (flags & LC_GLOBAL_DICTIONARY))
        return corrupt(decoder, "unknown flags of a LowCardinality column");
    if (head->keys > decoder->rest.n)
        return corrupt(decoder, "a dictionary is longer than what is left");
    head->index_width = 1U << (flags & LC_INDEX_TYPE);
    return HS_OK;
}

static int read_low_cardinality(struct decoder *decoder, struct native_node *node, size_t n)
{
    struct lc_head head = {0};
    void *dictionary = NULL;
    const char *indexes;
    uint64_t rows = 0;
    int rc = read_lc_head(decoder, &head);

    if (rc != HS_OK)
        return rc;
    if (decoder->store) {
        dictionary = hs_arena_calloc(decoder->arena, HS_MAX(head.keys, 1), value_size(node));
        if (!dictionary)
            return no_room(decoder);
    }
    rc = read_scalars(decoder, node, (size_t)head.keys, dictionary);
    if (rc == HS_OK)
        rc = read_u64(decoder, &rows);
    if (rc != HS_OK)
        return rc;
    indexes = rows == n ? take_array(decoder, n, head.index_width) : NULL;
    if (!indexes)
        return corrupt(decoder, "indexes do not match the rows");
    if (!decoder->store)
        return HS_OK;
    return store_indexed(decoder, node, &head, indexes, dictionary, n);
}

/* ---- columns of columns */

/* Reads n end offsets; *out_elements is the last one. */
static int read_offsets(struct decoder *decoder, struct native_node *node, size_t n,
                        size_t *out_elements)
{
    const char *p = take_array(decoder, n, sizeof(uint64_t));
    uint64_t base = node->children[0].filled;
    uint64_t last = 0;
    size_t i;

    if (!p)
        return corrupt(decoder, "offsets are cut short");
    for (i = 0; i < n; i++) {
        uint64_t end = load_uint(p + i * sizeof(end), sizeof(end));

        if (end < last || end > decoder->rest.n)
            return corrupt(decoder, "an offset runs backwards or past the end");
        last = end;
        if (decoder->store)
            node->offsets[node->filled + i] = base + end;
    }
    *out_elements = (size_t)last;
    return HS_OK;
}

static int read_children(struct decoder *decoder, struct native_node *node, size_t n)
{
    size_t i;
    int rc = HS_OK;

    for (i = 0; i < node->children_n && rc == HS_OK; i++)
        rc = read_node(decoder, &node->children[i], n);
    return rc;
}

static int read_list(struct decoder *decoder, struct native_node *node, size_t n)
{
    size_t elements = 0;
    int rc = read_offsets(decoder, node, n, &elements);

    return rc == HS_OK ? read_children(decoder, node, elements) : rc;
}

static int read_tuple(struct decoder *decoder, struct native_node *node, size_t n)
{
    if (node->children_n > 0)
        return read_children(decoder, node, n);
    return take(decoder, n) ? HS_OK : corrupt(decoder, "an empty tuple is cut short");
}

static int read_node(struct decoder *decoder, struct native_node *node, size_t n)
{
    read_fn *fn = read_plain;
    int rc;

    if (n == 0)
        return HS_OK;
    if (n > decoder->rest.n) /* each row takes a byte at least */
        return corrupt(decoder, "more rows than bytes");
    if (node->low_cardinality)
        fn = read_low_cardinality;
    else if (node->code == NATIVE_TUPLE)
        fn = read_tuple;
    else if (node->code >= NATIVE_ARRAY)
        fn = read_list;
    rc = fn(decoder, node, n);
    if (decoder->store)
        node->filled += n;
    else
        node->rows += n;
    return rc;
}

/* The versions that stand before a column's data. */
static int read_prefixes(struct decoder *decoder, const struct native_node *node)
{
    uint64_t version = LC_VERSION;
    size_t i;
    int rc = node->low_cardinality ? read_u64(decoder, &version) : HS_OK;

    if (rc == HS_OK && version != LC_VERSION)
        return corrupt(decoder, "unknown version of a LowCardinality column");
    for (i = 0; i < node->children_n && rc == HS_OK; i++)
        rc = read_prefixes(decoder, &node->children[i]);
    return rc;
}

/* ---- blocks */

/* Name and type: taken over from the first block, compared in all others. */
static int read_column_head(struct decoder *decoder, struct native_node *node, bool first)
{
    struct hs_str name = HS_STR_NULL;
    struct hs_str type = HS_STR_NULL;
    int rc = read_string(decoder, &name);

    if (rc == HS_OK)
        rc = read_string(decoder, &type);
    if (rc != HS_OK)
        return rc;
    if (!first)
        return hs_str_eq(node->name, name) && hs_str_eq(node->type, type)
                   ? HS_OK
                   : corrupt(decoder, "a block with other columns than the first");
    rc = native_type_parse(type, decoder->limits, decoder->arena, node, decoder->err);
    if (rc != HS_OK)
        return decoder->err ? hs_err_prefix(decoder->err, "column %.*s",
                                            (int)HS_MIN(name.n, (size_t)80), name.p)
                            : rc;
    node->name = name;
    node->type = type;
    return HS_OK;
}

static int begin_columns(struct decoder *decoder, uint64_t n)
{
    if (n > decoder->limits->columns_max)
        return hs_err_set(decoder->err, HS_ELIMIT, 0, "Native data: %llu columns, limit %zu",
                          (unsigned long long)n, decoder->limits->columns_max);
    decoder->columns = hs_arena_calloc(decoder->arena, (size_t)n, sizeof(*decoder->columns));
    if (!decoder->columns)
        return no_room(decoder);
    decoder->columns_n = (size_t)n;
    return HS_OK;
}

static int read_counts(struct decoder *decoder, uint64_t *out_columns, uint64_t *out_rows)
{
    int rc = read_varint(decoder, out_columns);

    if (rc == HS_OK)
        rc = read_varint(decoder, out_rows);
    if (rc != HS_OK)
        return rc;
    if (*out_columns == 0 || *out_columns > decoder->rest.n)
        return corrupt(decoder, "an impossible number of columns");
    if (*out_rows > decoder->rest.n)
        return corrupt(decoder, "more rows than bytes");
    if (!decoder->store && *out_rows > decoder->limits->rows_max - decoder->rows)
        return hs_err_set(decoder->err, HS_ELIMIT, 0, "Native data: more than %llu rows",
                          (unsigned long long)decoder->limits->rows_max);
    return HS_OK;
}

static int read_block(struct decoder *decoder)
{
    bool first = decoder->columns == NULL;
    uint64_t columns = 0;
    uint64_t rows = 0;
    size_t i;
    int rc = read_counts(decoder, &columns, &rows);

    if (rc == HS_OK && first)
        rc = begin_columns(decoder, columns);
    if (rc == HS_OK && columns != decoder->columns_n)
        return corrupt(decoder, "a block with other columns than the first");
    for (i = 0; i < decoder->columns_n && rc == HS_OK; i++) {
        rc = read_column_head(decoder, &decoder->columns[i], first);
        if (rc == HS_OK && rows > 0)
            rc = read_prefixes(decoder, &decoder->columns[i]);
        if (rc == HS_OK)
            rc = read_node(decoder, &decoder->columns[i], (size_t)rows);
    }
    decoder->rows += decoder->store ? 0 : rows;
    return rc;
}

static int read_blocks(struct decoder *decoder, struct hs_str bytes, bool store)
{
    int rc = HS_OK;

    decoder->rest = bytes;
    decoder->store = store;
    while (decoder->rest.n > 0 && rc == HS_OK)
        rc = read_block(decoder);
    return rc;
}

/* Room for what the first pass counted; at least one element, so that NULL means "not there". */
static int allocate(struct decoder *decoder, struct native_node *node)
{
    size_t n = (size_t)HS_MAX(node->rows, 1);
    bool is_list = node->code == NATIVE_ARRAY || node->code == NATIVE_MAP;
    size_t i;
    int rc = HS_OK;

    if (node->nullable)
        node->nulls = hs_arena_calloc(decoder->arena, n, sizeof(*node->nulls));
    if (is_list)
        node->offsets = hs_arena_calloc(decoder->arena, n, sizeof(*node->offsets));
    if (node->code < NATIVE_ARRAY)
        node->values = hs_arena_calloc(decoder->arena, n, value_size(node));
    if ((node->nullable && !node->nulls) || (is_list && !node->offsets) ||
        (node->code < NATIVE_ARRAY && !node->values))
        return no_room(decoder);
    for (i = 0; i < node->children_n && rc == HS_OK; i++)
        rc = allocate(decoder, &node->children[i]);
    return rc;
}

/* ---- the table */

static enum hs_column_kind kind_of(const struct native_node *node)
{
    switch (node->code) {
    case NATIVE_UINT: return HS_COL_U64;
    case NATIVE_INT: return HS_COL_I64;
    case NATIVE_FLOAT:
    case NATIVE_BFLOAT: return HS_COL_F64;
    case NATIVE_ARRAY: return HS_COL_ARRAY;
    case NATIVE_MAP: return HS_COL_MAP;
    case NATIVE_TUPLE: return HS_COL_TUPLE;
    default: return HS_COL_STR;
    }
}

static int make_columns(struct decoder *decoder, const struct native_node *nodes, size_t n,
                        struct hs_column **out)
{
    struct hs_column *columns = hs_arena_calloc(decoder->arena, HS_MAX(n, 1), sizeof(*columns));
    size_t i;

    if (!columns)
        return no_room(decoder);
    for (i = 0; i < n; i++) {
        const struct native_node *node = &nodes[i];
        struct hs_column *children = NULL;
        int rc = node->children_n == 0
                     ? HS_OK
                     : make_columns(decoder, node->children, node->children_n, &children);

        if (rc != HS_OK)
            return rc;
        columns[i] = (struct hs_column){
            .name = node->name,
            .type = node->type,
            .kind = kind_of(node),
            .rows = (size_t)node->rows,
            .nulls = node->nulls,
            .u64 = node->values,
            .offsets = node->offsets,
            .children = children,
            .children_n = node->children_n,
        };
    }
    *out = columns;
    return HS_OK;
}

int hs_native_decode(struct hs_str bytes, const struct hs_native_limits *limits,
                     struct hs_arena *arena, struct hs_table *out, struct hs_err *err)
{
    struct decoder decoder = {.start = bytes.p, .arena = arena, .limits = limits, .err = err};
    struct hs_column *columns = NULL;
    size_t i;
    int rc = read_blocks(&decoder, bytes, false);

    for (i = 0; i < decoder.columns_n && rc == HS_OK; i++)
        rc = allocate(&decoder, &decoder.columns[i]);
    if (rc == HS_OK)
        rc = read_blocks(&decoder, bytes, true);
    if (rc == HS_OK)
        rc = make_columns(&decoder, decoder.columns, decoder.columns_n, &columns);
    if (rc != HS_OK)
        return rc;
    *out = (struct hs_table){.columns = columns,
                             .columns_n = decoder.columns_n,
                             .rows = (size_t)decoder.rows};
    return HS_OK;
}
