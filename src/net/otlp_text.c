/*
 * Attribute values as text and JSON. Nested values recurse, at most HS_OTLP_DEPTH_MAX levels.
 */
#include <math.h>

#include "base/json_out.h"
#include "net/base64.h"
#include "net/otlp.h"

static int add_json(const struct hs_otlp_value *value, unsigned depth, struct hs_buf *out);

static int add_array(struct hs_str message, unsigned depth, struct hs_buf *out)
{
    struct hs_otlp_each each;
    struct hs_otlp_value value;
    bool first = true;
    int rc;

    hs_buf_add_char(out, '[');
    hs_otlp_each_init(&each, message, HS_OTLP_ARRAY_VALUES);
    while ((rc = hs_otlp_value_next(&each, &value)) > 0) {
        if (!first)
            hs_buf_add_char(out, ',');
        first = false;
        rc = add_json(&value, depth, out);
        if (rc < 0)
            break;
    }
    hs_buf_add_char(out, ']');
    return rc;
}

static int add_object(struct hs_str message, enum hs_otlp_repeated number, unsigned depth,
                      struct hs_buf *out)
{
    struct hs_otlp_each each;
    struct hs_otlp_attr attr;
    bool first = true;
    int rc;

    hs_buf_add_char(out, '{');
    hs_otlp_each_init(&each, message, number);
    while ((rc = hs_otlp_attr_next(&each, &attr)) > 0) {
        if (!first)
            hs_buf_add_char(out, ',');
        first = false;
        hs_json_str(out, attr.key);
        hs_buf_add_char(out, ':');
        rc = add_json(&attr.value, depth, out);
        if (rc < 0)
            break;
    }
    hs_buf_add_char(out, '}');
    return rc;
}

static void add_base64(struct hs_str bytes, struct hs_buf *out)
{
    hs_buf_add_char(out, '"');
    hs_base64_encode(bytes, out);
    hs_buf_add_char(out, '"');
}

/* HS_OK or HS_EINVAL. `depth` is the number of levels around this value. */
static int add_json(const struct hs_otlp_value *value, unsigned depth, struct hs_buf *out)
{
    bool nested = value->kind == HS_OTLP_ARRAY || value->kind == HS_OTLP_KVLIST;

    if (nested && depth >= HS_OTLP_DEPTH_MAX) {
        HS_BUF_ADD_LIT(out, "null");
        return HS_OK;
    }
    switch (value->kind) {
    case HS_OTLP_STR: hs_json_str(out, value->str); break;
    case HS_OTLP_BOOL: hs_buf_add_c(out, value->boolean ? "true" : "false"); break;
    case HS_OTLP_INT: hs_buf_add_i64(out, value->i64); break;
    case HS_OTLP_DOUBLE: hs_json_double(out, value->f64); break;
    case HS_OTLP_BYTES: add_base64(value->str, out); break;
    case HS_OTLP_ARRAY: return add_array(value->str, depth + 1, out);
    case HS_OTLP_KVLIST: return add_object(value->str, HS_OTLP_KVLIST_VALUES, depth + 1, out);
    case HS_OTLP_NONE: HS_BUF_ADD_LIT(out, "null"); break;
    }
    return HS_OK;
}

int hs_otlp_value_json(const struct hs_otlp_value *value, struct hs_buf *out)
{
    return add_json(value, 0, out);
}

/* Outside JSON, numbers that it cannot write have OTLP's words for them. */
static void add_double_text(double v, struct hs_buf *out)
{
    if (isnan(v))
        HS_BUF_ADD_LIT(out, "NaN");
    else if (isinf(v))
        hs_buf_add_c(out, v > 0 ? "Infinity" : "-Infinity");
    else
        hs_json_double(out, v);
}

int hs_otlp_value_text(const struct hs_otlp_value *value, struct hs_buf *out)
{
    switch (value->kind) {
    case HS_OTLP_NONE: return HS_OK;
    case HS_OTLP_STR: hs_buf_add_str(out, value->str); return HS_OK;
    case HS_OTLP_BYTES: hs_base64_encode(value->str, out); return HS_OK;
    case HS_OTLP_DOUBLE: add_double_text(value->f64, out); return HS_OK;
    default: return add_json(value, 0, out);
    }
}

int hs_otlp_attrs_json(struct hs_str message, enum hs_otlp_repeated number, struct hs_buf *out)
{
    return add_object(message, number, 0, out);
}
