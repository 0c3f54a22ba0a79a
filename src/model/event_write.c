/*
 * Writing messages. Strings that need no escape and numbers are copied as they came. The room that
 * a value can take at most is reserved once; then its pieces are written without a check each.
 */
#include <yyjson.h>

#include "base/json_out.h"
#include "base/mem.h"
#include "model/event.h"

enum {
    ESCAPED_BYTES_MAX = 6, /* of one byte: \u001f */
    SCALAR_BYTES_MAX = 40, /* numbers that are not text, words, brackets and commas */
};

/* Bytes that val takes at most: all its values lie behind each other. */
static size_t bound_of(yyjson_val *val)
{
    const yyjson_val *end = unsafe_yyjson_get_next(val);
    size_t bound = 0;

    for (; val < end; val++) {
        size_t n = unsafe_yyjson_get_len(val);

        if (unsafe_yyjson_is_str(val))
            bound += unsafe_yyjson_get_subtype(val) == YYJSON_SUBTYPE_NOESC
                         ? n + 3
                         : n * ESCAPED_BYTES_MAX + 3;
        else if (unsafe_yyjson_is_raw(val))
            bound += n + 1;
        else
            bound += SCALAR_BYTES_MAX;
    }
    return bound;
}

/* Most pieces are short: two copies of a fixed size, which may overlap, take less than a call. */
static inline char *put(char *at, const char *p, size_t n)
{
    if (n > 16) {
        memcpy(at, p, n);
    } else if (n >= 8) {
        memcpy(at, p, 8);
        memcpy(at + (n - 8), p + (n - 8), 8);
    } else if (n >= 4) {
        memcpy(at, p, 4);
        memcpy(at + (n - 4), p + (n - 4), 4);
    } else {
        for (size_t i = 0; i < n; i++)
            at[i] = p[i];
    }
    return at + n;
}

static char *put_plain(char *at, const char *p, size_t n)
{
    *at++ = '"';
    at = put(at, p, n);
    *at++ = '"';
    return at;
}

/* Runs a writer of base/json_out over room that is known to be enough. */
static char *put_escaped(char *at, struct hs_str s)
{
    struct hs_buf room = {.p = at, .cap = s.n * ESCAPED_BYTES_MAX + 3, .max = SIZE_MAX};

    hs_json_str(&room, s);
    HS_ASSERT(room.p == at);
    return at + room.n;
}

static char *put_number(char *at, yyjson_val *val)
{
    struct hs_buf room = {.p = at, .cap = SCALAR_BYTES_MAX, .max = SIZE_MAX};

    if (unsafe_yyjson_is_uint(val))
        hs_buf_add_u64(&room, unsafe_yyjson_get_uint(val));
    else if (unsafe_yyjson_is_sint(val))
        hs_buf_add_i64(&room, unsafe_yyjson_get_sint(val));
    else
        hs_json_double(&room, unsafe_yyjson_get_real(val));
    HS_ASSERT(room.p == at);
    return at + room.n;
}

static char *put_json(char *at, yyjson_val *val);

static char *put_container(char *at, yyjson_val *val)
{
    bool object = unsafe_yyjson_is_obj(val);
    size_t n = unsafe_yyjson_get_len(val);
    yyjson_val *item = unsafe_yyjson_get_first(val);
    size_t i;

    *at++ = object ? '{' : '[';
    for (i = 0; i < n; i++) {
        if (i > 0)
            *at++ = ',';
        if (object) {
            at = put_json(at, item++);
            *at++ = ':';
        }
        at = put_json(at, item);
        item = unsafe_yyjson_get_next(item);
    }
    *at++ = object ? '}' : ']';
    return at;
}

static char *put_json(char *at, yyjson_val *val)
{
    size_t n = unsafe_yyjson_get_len(val);

    switch (unsafe_yyjson_get_type(val)) {
    case YYJSON_TYPE_RAW: return put(at, unsafe_yyjson_get_raw(val), n);
    case YYJSON_TYPE_STR:
        if (unsafe_yyjson_get_subtype(val) == YYJSON_SUBTYPE_NOESC)
            return put_plain(at, unsafe_yyjson_get_str(val), n);
        return put_escaped(at, hs_str_n(unsafe_yyjson_get_str(val), n));
    case YYJSON_TYPE_BOOL:
        return unsafe_yyjson_is_true(val) ? put(at, "true", 4) : put(at, "false", 5);
    case YYJSON_TYPE_NUM: return put_number(at, val);
    case YYJSON_TYPE_ARR:
    case YYJSON_TYPE_OBJ: return put_container(at, val);
    default: return put(at, "null", 4);
    }
}

void hs_event_write_json(struct yyjson_val *val, struct hs_buf *out)
{
    char *at = hs_buf_reserve(out, bound_of(val));

    if (at)
        out->n += (size_t)(put_json(at, val) - at);
}

static void add_value(const struct hs_value *value, struct hs_buf *out)
{
    char *at;

    switch (value->kind) {
    case HS_VALUE_STR:
        if (!value->plain) {
            hs_json_str(out, value->str);
            break;
        }
        at = hs_buf_reserve(out, value->str.n + 2);
        if (at)
            out->n += (size_t)(put_plain(at, value->str.p, value->str.n) - at);
        break;
    case HS_VALUE_I64: hs_buf_add_i64(out, value->i64); break;
    case HS_VALUE_F64: hs_json_double(out, value->f64); break;
    case HS_VALUE_BOOL: hs_buf_add_c(out, value->boolean ? "true" : "false"); break;
    case HS_VALUE_JSON: hs_event_write_json(value->json, out); break;
    case HS_VALUE_RAW: hs_buf_add_str(out, value->str); break;
    case HS_VALUE_NONE: HS_BUF_ADD_LIT(out, "null"); break;
    }
}

/* `{"name":` or `,"name":` */
static void add_name(const struct hs_field_def *def, char before, struct hs_buf *out)
{
    char *at = hs_buf_reserve(out, def->name_n + 4);

    if (!at)
        return;
    *at++ = before;
    *at++ = '"';
    at = put(at, def->name, def->name_n);
    put(at, "\":", 2);
    out->n += def->name_n + 4;
}

/* The members of an object that is given as a value, without its braces; returns whether there are
 * any. */
static bool add_members(const struct hs_value *value, struct hs_buf *out)
{
    size_t start = out->n;

    if (value->kind == HS_VALUE_NONE)
        return false;
    add_value(value, out);
    if (!hs_buf_ok(out))
        return false;
    HS_ASSERT(out->n >= start + 2);
    HS_ASSERT(out->p[start] == '{');
    memmove(out->p + start, out->p + start + 1, out->n - start - 2);
    out->n -= 2;
    return out->n > start;
}

static void add_attributes(const struct hs_event *event, char before, struct hs_buf *out)
{
    bool first;
    unsigned i;

    add_name(&hs_fields[HS_F_ATTRIBUTES], before, out);
    hs_buf_add_char(out, '{');
    first = !add_members(&event->v[HS_F_ATTRIBUTES], out);
    for (i = 0; i < event->attributes_n; i++) {
        if (!first)
            hs_buf_add_char(out, ',');
        first = false;
        hs_json_str(out, event->attributes[i].key);
        hs_buf_add_char(out, ':');
        add_value(&event->attributes[i].value, out);
    }
    hs_buf_add_char(out, '}');
}

void hs_event_write(const struct hs_event *event, struct hs_buf *out)
{
    char before = '{';
    unsigned i;

    for (i = 0; i < HS_F_ATTRIBUTES; i++) {
        if (event->v[i].kind == HS_VALUE_NONE)
            continue;
        add_name(&hs_fields[i], before, out);
        add_value(&event->v[i], out);
        before = ',';
    }
    if (event->attributes_n > 0 || event->v[HS_F_ATTRIBUTES].kind != HS_VALUE_NONE) {
        add_attributes(event, before, out);
        before = ',';
    }
    if (before == '{')
        hs_buf_add_char(out, '{');
    hs_buf_add_char(out, '}');
}

void hs_event_write_failure(const struct hs_event *event, struct hs_buf *out)
{
    char before = '{';
    unsigned i;

    for (i = 0; i < HS_F_ATTRIBUTES; i++) {
        if (event->v[i].kind == HS_VALUE_NONE || !(hs_fields[i].flags & HS_FF_FAILURE))
            continue;
        add_name(&hs_fields[i], before, out);
        add_value(&event->v[i], out);
        before = ',';
    }
    if (before == '{')
        hs_buf_add_char(out, '{');
    hs_buf_add_char(out, '}');
}
