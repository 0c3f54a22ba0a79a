/*
 * Writing messages. Strings that need no escape and numbers are copied as they came; the room for a
 * piece is reserved once, so that the pieces themselves are plain copies.
 */
#include <yyjson.h>

#include "base/json_out.h"
#include "base/mem.h"
#include "model/event.h"

static void add_plain(struct hs_buf *out, const char *p, size_t n)
{
    char *at = hs_buf_reserve(out, n + 2);

    if (!at)
        return;
    at[0] = '"';
    if (n > 0)
        memcpy(at + 1, p, n);
    at[n + 1] = '"';
    out->n += n + 2;
}

static void add_string(yyjson_val *val, struct hs_buf *out)
{
    const char *p = unsafe_yyjson_get_str(val);
    size_t n = unsafe_yyjson_get_len(val);

    if (unsafe_yyjson_get_subtype(val) == YYJSON_SUBTYPE_NOESC)
        add_plain(out, p, n);
    else
        hs_json_str(out, hs_str_n(p, n));
}

static void add_number(yyjson_val *val, struct hs_buf *out)
{
    if (unsafe_yyjson_is_uint(val))
        hs_buf_add_u64(out, unsafe_yyjson_get_uint(val));
    else if (unsafe_yyjson_is_sint(val))
        hs_buf_add_i64(out, unsafe_yyjson_get_sint(val));
    else
        hs_json_double(out, unsafe_yyjson_get_real(val));
}

static void add_container(yyjson_val *val, struct hs_buf *out)
{
    bool object = unsafe_yyjson_is_obj(val);
    size_t n = unsafe_yyjson_get_len(val);
    yyjson_val *at = unsafe_yyjson_get_first(val);
    size_t i;

    hs_buf_add_char(out, object ? '{' : '[');
    for (i = 0; i < n; i++) {
        if (i > 0)
            hs_buf_add_char(out, ',');
        if (object) {
            add_string(at++, out);
            hs_buf_add_char(out, ':');
        }
        hs_event_write_json(at, out);
        at = unsafe_yyjson_get_next(at);
    }
    hs_buf_add_char(out, object ? '}' : ']');
}

void hs_event_write_json(struct yyjson_val *val, struct hs_buf *out)
{
    switch (unsafe_yyjson_get_type(val)) {
    case YYJSON_TYPE_RAW:
        hs_buf_add(out, unsafe_yyjson_get_raw(val), unsafe_yyjson_get_len(val));
        break;
    case YYJSON_TYPE_STR: add_string(val, out); break;
    case YYJSON_TYPE_BOOL:
        if (unsafe_yyjson_is_true(val))
            HS_BUF_ADD_LIT(out, "true");
        else
            HS_BUF_ADD_LIT(out, "false");
        break;
    case YYJSON_TYPE_NUM: add_number(val, out); break;
    case YYJSON_TYPE_ARR:
    case YYJSON_TYPE_OBJ: add_container(val, out); break;
    default: HS_BUF_ADD_LIT(out, "null"); break;
    }
}

static void add_value(const struct hs_value *value, struct hs_buf *out)
{
    switch (value->kind) {
    case HS_VALUE_STR:
        if (value->plain)
            add_plain(out, value->str.p, value->str.n);
        else
            hs_json_str(out, value->str);
        break;
    case HS_VALUE_I64: hs_buf_add_i64(out, value->i64); break;
    case HS_VALUE_F64: hs_json_double(out, value->f64); break;
    case HS_VALUE_BOOL:
        if (value->boolean)
            HS_BUF_ADD_LIT(out, "true");
        else
            HS_BUF_ADD_LIT(out, "false");
        break;
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
    at[0] = before;
    at[1] = '"';
    memcpy(at + 2, def->name, def->name_n);
    memcpy(at + 2 + def->name_n, "\":", 2);
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
