/*
 * Parser of type texts: "Map(LowCardinality(String), Array(Nullable(UInt8)))". One table row for
 * each word; words with arguments have a function.
 */
#include "base/mem.h"
#include "model/native_int.h"

struct type_parser {
    struct hs_str rest;
    unsigned depth;
    const struct hs_native_limits *limits;
    struct hs_arena *arena;
    struct hs_err *err;
};

struct type_row;
/* Called behind the word; reads the arguments with their brackets. */
typedef int type_args_fn(struct type_parser *parser, const struct type_row *row,
                         struct native_node *node);

struct type_row {
    const char *word;
    enum native_code code;
    unsigned width;
    type_args_fn *args_fn; /* NULL: none expected */
};

static int parse_type(struct type_parser *parser, struct native_node *node);

/* ---- lexing */

static int malformed(struct type_parser *parser, const char *expected)
{
    return hs_err_set(parser->err, HS_ECORRUPT, 0, "Native type: expected %s at '%.*s'", expected,
                      (int)HS_MIN(parser->rest.n, (size_t)40),
                      parser->rest.p ? parser->rest.p : "");
}

static int no_room(struct type_parser *parser)
{
    return hs_err_set(parser->err, HS_ELIMIT, 0, "Native type: the arena of %zu bytes is full",
                      parser->arena->limit);
}

static void advance(struct type_parser *parser, size_t n)
{
    parser->rest = hs_str_n(parser->rest.p + n, parser->rest.n - n);
}

static char peek(struct type_parser *parser)
{
    while (parser->rest.n > 0 && parser->rest.p[0] == ' ')
        advance(parser, 1);
    return parser->rest.n > 0 ? parser->rest.p[0] : '\0';
}

static bool accept(struct type_parser *parser, char c)
{
    if (peek(parser) != c)
        return false;
    advance(parser, 1);
    return true;
}

static int expect(struct type_parser *parser, char c)
{
    const char text[] = {'\'', c, '\'', '\0'};

    return accept(parser, c) ? HS_OK : malformed(parser, text);
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

static struct hs_str take_word(struct type_parser *parser)
{
    size_t n = 0;
    struct hs_str word;

    peek(parser);
    while (n < parser->rest.n && is_word_char(parser->rest.p[n]))
        n++;
    word = hs_str_n(parser->rest.p, n);
    advance(parser, n);
    return word;
}

/* Where the quoted text that starts at i ends: at its closing quote, or past the end. */
static size_t quoted_end(struct hs_str s, size_t i)
{
    char quote = s.p[i++];

    while (i < s.n && s.p[i] != quote)
        i += s.p[i] == '\\' ? 2 : 1;
    return i;
}

static char unescape(char c)
{
    static const char from[] = "0bfnrt";
    static const char to[] = "\0\b\f\n\r\t";
    const char *at = c ? strchr(from, c) : NULL;

    return at ? to[at - from] : c;
}

/* A text between two `quote` with backslash escapes; the view in *out is unescaped. */
static int take_quoted(struct type_parser *parser, char quote, struct hs_str *out)
{
    size_t end;
    size_t n = 0;
    size_t i;
    char *text;

    if (peek(parser) != quote)
        return malformed(parser, "a quoted name");
    end = quoted_end(parser->rest, 0);
    if (end >= parser->rest.n)
        return malformed(parser, "a closing quote");
    text = hs_arena_alloc(parser->arena, end);
    if (!text)
        return no_room(parser);
    for (i = 1; i < end; i++) {
        bool escaped = parser->rest.p[i] == '\\';

        i += escaped;
        text[n++] = escaped ? unescape(parser->rest.p[i]) : parser->rest.p[i];
    }
    advance(parser, end + 1);
    *out = hs_str_n(text, n);
    return HS_OK;
}

static int take_number(struct type_parser *parser, int64_t min, int64_t max, int64_t *out)
{
    bool minus = accept(parser, '-');
    struct hs_str digits = take_word(parser);
    int64_t v;

    if (digits.n > 18 || hs_str_to_i64(digits, &v) != HS_OK)
        return malformed(parser, "a number");
    v = minus ? -v : v;
    if (v < min || v > max)
        return malformed(parser, "a number in range");
    *out = v;
    return HS_OK;
}

/* ---- arguments, one function each kind */

/* Skips "(…)" when it is there: precision and time zone do not change the layout. */
static int skip_args(struct type_parser *parser, const struct type_row *row,
                     struct native_node *node)
{
    (void)row;
    (void)node;
    if (!accept(parser, '('))
        return HS_OK;
    while (peek(parser) != ')') {
        struct hs_str skipped;

        if (peek(parser) == '\'') {
            int rc = take_quoted(parser, '\'', &skipped);

            if (rc != HS_OK)
                return rc;
        } else if (!accept(parser, ',') && take_word(parser).n == 0) {
            return malformed(parser, "an argument");
        }
    }
    return expect(parser, ')');
}

static int parse_fixed(struct type_parser *parser, const struct type_row *row,
                       struct native_node *node)
{
    int64_t width;
    int rc = expect(parser, '(');

    (void)row;
    if (rc == HS_OK)
        rc = take_number(parser, 1, 1 << 24, &width);
    if (rc != HS_OK)
        return rc;
    node->width = (unsigned)width;
    return expect(parser, ')');
}

static unsigned decimal_width(int64_t precision)
{
    if (precision <= 9)
        return 4;
    if (precision <= 18)
        return 8;
    return precision <= 38 ? 16 : 32;
}

static int parse_decimal(struct type_parser *parser, const struct type_row *row,
                         struct native_node *node)
{
    int64_t precision;
    int64_t scale;
    int rc = expect(parser, '(');

    (void)row;
    if (rc == HS_OK)
        rc = take_number(parser, 1, 76, &precision);
    if (rc == HS_OK)
        rc = expect(parser, ',');
    if (rc == HS_OK)
        rc = take_number(parser, 0, 76, &scale);
    if (rc != HS_OK)
        return rc;
    node->width = decimal_width(precision);
    node->scale = (unsigned)scale;
    if (node->width > 16)
        return hs_err_set(parser->err, HS_EUNSUP, 0, "Native type %.*s: at most 38 digits",
                          HS_STR_ARG(node->type));
    return scale <= precision ? expect(parser, ')') : malformed(parser, "scale <= precision");
}

/* How many items stand before the bracket that closes the current list; at least 1. */
static size_t items_max(const struct type_parser *parser)
{
    size_t depth = 0;
    size_t n = 1;
    size_t i;

    for (i = 0; i < parser->rest.n; i++) {
        char c = parser->rest.p[i];

        if (c == '\'' || c == '`')
            i = quoted_end(parser->rest, i);
        if (c == ')' && depth == 0)
            break;
        depth += c == '(';
        depth -= c == ')';
        n += c == ',' && depth == 0;
    }
    return n;
}

static int parse_enum(struct type_parser *parser, const struct type_row *row,
                      struct native_node *node)
{
    int64_t max = row->width == 1 ? INT8_MAX : INT16_MAX;
    int rc = expect(parser, '(');
    size_t names_max = items_max(parser);

    node->names = hs_arena_calloc(parser->arena, names_max, sizeof(*node->names));
    if (!node->names)
        return no_room(parser);
    while (rc == HS_OK) {
        struct native_enum *name = &node->names[node->names_n];
        int64_t value = 0;

        HS_ASSERT(node->names_n < names_max);
        rc = take_quoted(parser, '\'', &name->name);
        if (rc == HS_OK)
            rc = expect(parser, '=');
        if (rc == HS_OK)
            rc = take_number(parser, -max - 1, max, &value);
        name->value = (int16_t)value;
        node->names_n++;
        if (rc == HS_OK && !accept(parser, ','))
            return expect(parser, ')');
    }
    return rc;
}

static int add_children(struct type_parser *parser, struct native_node *node, size_t n)
{
    node->children = hs_arena_calloc(parser->arena, n, sizeof(*node->children));
    if (!node->children)
        return no_room(parser);
    node->children_n = n;
    return HS_OK;
}

static int parse_array(struct type_parser *parser, const struct type_row *row,
                       struct native_node *node)
{
    int rc = expect(parser, '(');

    (void)row;
    if (rc == HS_OK)
        rc = add_children(parser, node, 1);
    if (rc == HS_OK)
        rc = parse_type(parser, &node->children[0]);
    return rc == HS_OK ? expect(parser, ')') : rc;
}

static int parse_map(struct type_parser *parser, const struct type_row *row,
                     struct native_node *node)
{
    int rc = expect(parser, '(');

    (void)row;
    if (rc == HS_OK)
        rc = add_children(parser, node, 2);
    if (rc == HS_OK)
        rc = parse_type(parser, &node->children[0]);
    if (rc == HS_OK)
        rc = expect(parser, ',');
    if (rc == HS_OK)
        rc = parse_type(parser, &node->children[1]);
    return rc == HS_OK ? expect(parser, ')') : rc;
}

/* "name Type", "`odd name` Type" or "Type". */
static int parse_element(struct type_parser *parser, struct native_node *node)
{
    struct hs_str name = HS_STR_NULL;
    struct hs_str before;
    int rc;

    if (peek(parser) == '`') {
        rc = take_quoted(parser, '`', &name);
        if (rc != HS_OK)
            return rc;
    } else {
        before = parser->rest;
        name = take_word(parser);
        if (!is_word_char(peek(parser))) { /* the word was the type */
            parser->rest = before;
            name = HS_STR_NULL;
        }
    }
    rc = parse_type(parser, node);
    node->name = name;
    return rc;
}

static int parse_tuple(struct type_parser *parser, const struct type_row *row,
                       struct native_node *node)
{
    size_t n = 0;
    int rc = expect(parser, '(');

    (void)row;
    if (rc == HS_OK && accept(parser, ')'))
        return HS_OK;
    if (rc == HS_OK)
        rc = add_children(parser, node, items_max(parser));
    while (rc == HS_OK) {
        HS_ASSERT(n < node->children_n);
        rc = parse_element(parser, &node->children[n++]);
        if (rc == HS_OK && !accept(parser, ','))
            break;
    }
    node->children_n = n;
    return rc == HS_OK ? expect(parser, ')') : rc;
}

/* Nested(a T, b U) lies like Array(Tuple(a T, b U)). */
static int parse_nested(struct type_parser *parser, const struct type_row *row,
                        struct native_node *node)
{
    int rc = add_children(parser, node, 1);

    if (rc != HS_OK)
        return rc;
    node->children[0].code = NATIVE_TUPLE;
    node->children[0].type = HS_STR("Tuple");
    return parse_tuple(parser, row, &node->children[0]);
}

/* Parses the wrapped type into node itself and keeps the wrapper's text. */
static int parse_wrapped(struct type_parser *parser, struct native_node *node)
{
    struct hs_str type = node->type;
    int rc = parse_type(parser, node);

    node->type = type;
    return rc == HS_OK ? expect(parser, ')') : rc;
}

static int parse_nullable(struct type_parser *parser, const struct type_row *row,
                          struct native_node *node)
{
    int rc = expect(parser, '(');

    (void)row;
    if (rc == HS_OK)
        rc = parse_wrapped(parser, node);
    if (rc == HS_OK && (node->nullable || node->low_cardinality || node->code >= NATIVE_ARRAY))
        return hs_err_set(parser->err, HS_EUNSUP, 0, "Native type %.*s: Nullable of that",
                          HS_STR_ARG(node->type));
    node->nullable = true;
    return rc;
}

static int parse_low_cardinality(struct type_parser *parser, const struct type_row *row,
                                 struct native_node *node)
{
    int rc = expect(parser, '(');

    (void)row;
    if (rc == HS_OK)
        rc = parse_wrapped(parser, node);
    if (rc == HS_OK && (node->low_cardinality || node->code >= NATIVE_ARRAY))
        return hs_err_set(parser->err, HS_EUNSUP, 0, "Native type %.*s: LowCardinality of that",
                          HS_STR_ARG(node->type));
    node->low_cardinality = true;
    return rc;
}

/* SimpleAggregateFunction(sum, T) lies like T. */
static int parse_simple_aggregate(struct type_parser *parser, const struct type_row *row,
                                  struct native_node *node)
{
    int rc = expect(parser, '(');

    if (rc == HS_OK && take_word(parser).n == 0)
        return malformed(parser, "a function's name");
    if (rc == HS_OK)
        rc = skip_args(parser, row, node);
    if (rc == HS_OK)
        rc = expect(parser, ',');
    return rc == HS_OK ? parse_wrapped(parser, node) : rc;
}

/* ---- words */

static const struct type_row type_rows[] = {
    {"Array", NATIVE_ARRAY, 0, parse_array},
    {"BFloat16", NATIVE_BFLOAT, 2, NULL},
    {"Bool", NATIVE_UINT, 1, NULL},
    {"Date", NATIVE_UINT, 2, NULL},
    {"Date32", NATIVE_INT, 4, NULL},
    {"DateTime", NATIVE_UINT, 4, skip_args},
    {"DateTime64", NATIVE_INT, 8, skip_args},
    {"Decimal", NATIVE_DECIMAL, 0, parse_decimal},
    {"Enum16", NATIVE_ENUM, 2, parse_enum},
    {"Enum8", NATIVE_ENUM, 1, parse_enum},
    {"FixedString", NATIVE_FIXED, 0, parse_fixed},
    {"Float32", NATIVE_FLOAT, 4, NULL},
    {"Float64", NATIVE_FLOAT, 8, NULL},
    {"IPv4", NATIVE_IPV4, 4, NULL},
    {"IPv6", NATIVE_IPV6, 16, NULL},
    {"Int128", NATIVE_DECIMAL, 16, NULL},
    {"Int16", NATIVE_INT, 2, NULL},
    {"Int32", NATIVE_INT, 4, NULL},
    {"Int64", NATIVE_INT, 8, NULL},
    {"Int8", NATIVE_INT, 1, NULL},
    {"IntervalDay", NATIVE_INT, 8, NULL},
    {"IntervalHour", NATIVE_INT, 8, NULL},
    {"IntervalMicrosecond", NATIVE_INT, 8, NULL},
    {"IntervalMillisecond", NATIVE_INT, 8, NULL},
    {"IntervalMinute", NATIVE_INT, 8, NULL},
    {"IntervalMonth", NATIVE_INT, 8, NULL},
    {"IntervalNanosecond", NATIVE_INT, 8, NULL},
    {"IntervalQuarter", NATIVE_INT, 8, NULL},
    {"IntervalSecond", NATIVE_INT, 8, NULL},
    {"IntervalWeek", NATIVE_INT, 8, NULL},
    {"IntervalYear", NATIVE_INT, 8, NULL},
    {"LowCardinality", NATIVE_STRING, 0, parse_low_cardinality},
    {"Map", NATIVE_MAP, 0, parse_map},
    {"Nested", NATIVE_ARRAY, 0, parse_nested},
    {"Nothing", NATIVE_NOTHING, 1, NULL},
    {"Nullable", NATIVE_STRING, 0, parse_nullable},
    {"SimpleAggregateFunction", NATIVE_STRING, 0, parse_simple_aggregate},
    {"String", NATIVE_STRING, 0, NULL},
    {"Time", NATIVE_INT, 4, NULL},
    {"Time64", NATIVE_INT, 8, skip_args},
    {"Tuple", NATIVE_TUPLE, 0, parse_tuple},
    {"UInt128", NATIVE_WIDE, 16, NULL},
    {"UInt16", NATIVE_UINT, 2, NULL},
    {"UInt32", NATIVE_UINT, 4, NULL},
    {"UInt64", NATIVE_UINT, 8, NULL},
    {"UInt8", NATIVE_UINT, 1, NULL},
    {"UUID", NATIVE_UUID, 16, NULL},
};

static const struct type_row *find_row(struct hs_str word)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(type_rows); i++) {
        if (hs_str_eq_c(word, type_rows[i].word))
            return &type_rows[i];
    }
    return NULL;
}

static int parse_type(struct type_parser *parser, struct native_node *node)
{
    const struct type_row *row;
    struct hs_str word;
    const char *start;
    int rc = HS_OK;

    if (parser->depth >= parser->limits->depth_max)
        return hs_err_set(parser->err, HS_ELIMIT, 0, "Native type: nested deeper than %u",
                          parser->limits->depth_max);
    peek(parser);
    start = parser->rest.p;
    word = take_word(parser);
    if (word.n == 0)
        return malformed(parser, "a type");
    row = find_row(word);
    node->type = hs_str_n(start, word.n);
    if (!row)
        return hs_err_set(parser->err, HS_EUNSUP, 0, "Native type %.*s is not decoded",
                          (int)HS_MIN(word.n, (size_t)80), word.p);
    node->code = row->code;
    node->width = row->width;
    parser->depth++;
    if (row->args_fn)
        rc = row->args_fn(parser, row, node);
    parser->depth--;
    node->type = hs_str_n(start, (size_t)(parser->rest.p - start));
    return rc;
}

int native_type_parse(struct hs_str text, const struct hs_native_limits *limits,
                      struct hs_arena *arena, struct native_node *node, struct hs_err *err)
{
    struct type_parser parser = {text, 0, limits, arena, err};
    int rc;

    if (text.n > HS_NATIVE_TYPE_TEXT_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "Native type: a text of %zu bytes, limit %d", text.n,
                          HS_NATIVE_TYPE_TEXT_MAX);
    rc = parse_type(&parser, node);
    peek(&parser);
    if (rc == HS_OK && parser.rest.n > 0)
        return malformed(&parser, "the end");
    return rc;
}
