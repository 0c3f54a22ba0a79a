#include "net/otlp_json.h"

#include <math.h>
#include <stdio.h>
#include <yyjson.h>

#include "base/mem.h"
#include "model/event.h"
#include "net/base64.h"
#include "net/otlp_schema.h"
#include "net/pb.h"

static struct hs_str string_of(yyjson_val *value)
{
    return yyjson_is_str(value) ? hs_str_n(yyjson_get_str(value), yyjson_get_len(value))
                                : HS_STR_NULL;
}

enum { DOUBLE_VALUE = 4 }; /* AnyValue.double_value */

/* A scalar with its value, so that its sender finds it again. */
static void write_what(yyjson_val *value, char *out, size_t max)
{
    struct hs_str text = hs_str_utf8_cut(string_of(value), 40);

    if (yyjson_is_str(value))
        snprintf(out, max, "the string \"%.*s\"", HS_STR_ARG(text));
    else if (yyjson_is_uint(value))
        snprintf(out, max, "the number %llu", (unsigned long long)yyjson_get_uint(value));
    else if (yyjson_is_int(value))
        snprintf(out, max, "the number %lld", (long long)yyjson_get_sint(value));
    else if (yyjson_is_real(value))
        snprintf(out, max, "the number %.17g", yyjson_get_real(value));
    else
        snprintf(out, max, "%s", hs_json_kind(value));
}

static int refuse(struct hs_err *err, const struct hs_otlp_step *step, yyjson_val *value,
                  const char *rule)
{
    char path[300];
    char what[80];

    hs_otlp_step_path(step, path, sizeof(path));
    write_what(value, what, sizeof(what));
    return hs_err_set(err, HS_EINVAL, 0, "OTLP/JSON: %s is %s, must be %s", path, what, rule);
}

static int add_hex(yyjson_val *value, uint32_t number, struct hs_buf *out)
{
    struct hs_str text = string_of(value);
    size_t mark;
    char *at;

    if (!yyjson_is_str(value) || text.n % 2 != 0)
        return HS_EINVAL;
    mark = hs_pb_open(out, number);
    at = hs_buf_reserve(out, text.n / 2 + 1);
    if (!at)
        return HS_OK;
    if (hs_hex_decode(text, at, text.n / 2) != HS_OK)
        return HS_EINVAL;
    out->n += text.n / 2;
    hs_pb_close(out, mark);
    return HS_OK;
}

static int add_base64(yyjson_val *value, uint32_t number, struct hs_buf *out)
{
    size_t mark;

    if (!yyjson_is_str(value))
        return HS_EINVAL;
    mark = hs_pb_open(out, number);
    if (hs_base64_decode(string_of(value), out) != HS_OK)
        return HS_EINVAL;
    hs_pb_close(out, mark);
    return HS_OK;
}

/* A whole number written as 1.0 or 1e3 counts, as in proto3's JSON. */
static int get_i64(yyjson_val *value, int64_t *out)
{
    double real;

    if (yyjson_is_str(value))
        return hs_str_to_i64(string_of(value), out);
    if (yyjson_is_real(value)) {
        real = yyjson_get_real(value);
        if (!(real >= -0x1p63 && real < 0x1p63) || real != trunc(real))
            return HS_EINVAL;
        *out = (int64_t)real;
        return HS_OK;
    }
    if (!yyjson_is_int(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX))
        return HS_EINVAL;
    *out = yyjson_get_sint(value);
    return HS_OK;
}

static int get_u64(yyjson_val *value, uint64_t *out)
{
    int64_t i64;

    if (yyjson_is_str(value))
        return hs_str_to_u64(string_of(value), out);
    if (yyjson_is_uint(value)) {
        *out = yyjson_get_uint(value);
        return HS_OK;
    }
    if (get_i64(value, &i64) != HS_OK || i64 < 0)
        return HS_EINVAL;
    *out = (uint64_t)i64;
    return HS_OK;
}

static int get_double(yyjson_val *value, double *out)
{
    struct hs_str text = string_of(value);

    if (yyjson_is_num(value)) {
        *out = yyjson_get_num(value);
        return HS_OK;
    }
    if (!yyjson_is_str(value))
        return HS_EINVAL;
    if (hs_str_eq_c(text, "NaN"))
        *out = NAN;
    else if (hs_str_eq_c(text, "Infinity"))
        *out = INFINITY;
    else if (hs_str_eq_c(text, "-Infinity"))
        *out = -INFINITY;
    else
        return hs_str_to_double(text, out);
    return HS_OK;
}

static const char *const form_rules[] = {
    [HS_OTLP_FORM_STRING] = "a string",
    [HS_OTLP_FORM_HEX] = "a string of hex digits, two a byte",
    [HS_OTLP_FORM_BYTES] = "a string of base64",
    [HS_OTLP_FORM_BOOL] = "true or false",
    [HS_OTLP_FORM_ENUM] = "an integer (enums have no names in OTLP/JSON)",
    [HS_OTLP_FORM_INT] = "a 64-bit integer, as a number or a decimal string",
    [HS_OTLP_FORM_UINT32] = "an integer from 0 to 4294967295",
    [HS_OTLP_FORM_FIXED32] = "an integer from 0 to 4294967295",
    [HS_OTLP_FORM_FIXED64] = "an unsigned 64-bit integer, as a number or a decimal string",
    [HS_OTLP_FORM_DOUBLE] = "a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
    [HS_OTLP_FORM_MESSAGE] = "an object",
};

static int add_integer(enum hs_otlp_form form, yyjson_val *value, uint32_t number,
                       struct hs_buf *out)
{
    uint64_t u64 = 0;
    int64_t i64 = 0;

    if (form == HS_OTLP_FORM_INT || form == HS_OTLP_FORM_ENUM) {
        if (get_i64(value, &i64) != HS_OK)
            return HS_EINVAL;
        if (form == HS_OTLP_FORM_ENUM &&
            (yyjson_is_str(value) || i64 < INT32_MIN || i64 > INT32_MAX))
            return HS_EINVAL;
        hs_pb_add_uint(out, number, (uint64_t)i64);
        return HS_OK;
    }
    if (get_u64(value, &u64) != HS_OK || (form != HS_OTLP_FORM_FIXED64 && u64 > UINT32_MAX))
        return HS_EINVAL;
    if (form == HS_OTLP_FORM_FIXED64)
        hs_pb_add_fixed64(out, number, u64);
    else if (form == HS_OTLP_FORM_FIXED32)
        hs_pb_add_fixed32(out, number, (uint32_t)u64);
    else
        hs_pb_add_uint(out, number, u64);
    return HS_OK;
}

/* A whole number that 64 bits do not hold. The SDK for JavaScript sends such doubles as intValue,
 * because it looks only at whether a number has a fraction. */
static bool is_beyond_int(yyjson_val *value)
{
    double v = yyjson_is_real(value) ? yyjson_get_real(value) : 0;

    if (yyjson_is_uint(value))
        return yyjson_get_uint(value) > INT64_MAX;
    return (v < -0x1p63 || v >= 0x1p63) && v == trunc(v);
}

/* HS_EINVAL: not of that form. */
static int add_scalar(enum hs_otlp_form form, yyjson_val *value, uint32_t number,
                      struct hs_buf *out)
{
    double f64;

    switch (form) {
    case HS_OTLP_FORM_STRING:
        if (!yyjson_is_str(value))
            return HS_EINVAL;
        hs_pb_add_bytes(out, number, string_of(value));
        return HS_OK;
    case HS_OTLP_FORM_HEX: return add_hex(value, number, out);
    case HS_OTLP_FORM_BYTES: return add_base64(value, number, out);
    case HS_OTLP_FORM_BOOL:
        if (!yyjson_is_bool(value))
            return HS_EINVAL;
        hs_pb_add_uint(out, number, yyjson_get_bool(value));
        return HS_OK;
    case HS_OTLP_FORM_DOUBLE:
        if (get_double(value, &f64) != HS_OK)
            return HS_EINVAL;
        hs_pb_add_double(out, number, f64);
        return HS_OK;
    case HS_OTLP_FORM_INT:
        if (!is_beyond_int(value))
            return add_integer(form, value, number, out);
        hs_pb_add_double(out, DOUBLE_VALUE, yyjson_get_num(value));
        return HS_OK;
    default: return add_integer(form, value, number, out);
    }
}

static int add_message(const struct hs_otlp_member *members, yyjson_val *object,
                       const struct hs_otlp_step *step, struct hs_buf *out, struct hs_err *err);

static int add_one(const struct hs_otlp_member *member, yyjson_val *value,
                   const struct hs_otlp_step *step, struct hs_buf *out, struct hs_err *err)
{
    size_t mark;
    int rc;

    if (member->form != HS_OTLP_FORM_MESSAGE) {
        rc = add_scalar(member->form, value, member->number, out);
        return rc == HS_EINVAL ? refuse(err, step, value, form_rules[member->form]) : rc;
    }
    mark = hs_pb_open(out, member->number);
    rc = add_message(member->message, value, step, out, err);
    hs_pb_close(out, mark);
    return rc;
}

static int add_array(const struct hs_otlp_member *member, yyjson_val *array,
                     struct hs_otlp_step *step, struct hs_buf *out, struct hs_err *err)
{
    yyjson_val *value;
    size_t i, n;
    int rc;

    if (!yyjson_is_arr(array))
        return refuse(err, step, array, "an array");
    step->indexed = true;
    yyjson_arr_foreach(array, i, n, value)
    {
        step->index = i;
        rc = add_one(member, value, step, out, err);
        if (rc < 0)
            return rc;
    }
    return HS_OK;
}

static const struct hs_otlp_member *find(const struct hs_otlp_member *members, struct hs_str name)
{
    for (; members->name; members++) {
        if (hs_str_eq_c(name, members->name))
            return members;
    }
    return NULL;
}

/* Recursion: bounded by step->depth. */
static int add_message(const struct hs_otlp_member *members, yyjson_val *object,
                       const struct hs_otlp_step *step, struct hs_buf *out, struct hs_err *err)
{
    struct hs_otlp_step inner = {.up = step, .depth = step->depth + 1};
    yyjson_val *key, *value;
    size_t i, n;
    int rc;

    if (!yyjson_is_obj(object))
        return refuse(err, step, object, form_rules[HS_OTLP_FORM_MESSAGE]);
    if (inner.depth > HS_OTLP_JSON_DEPTH_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "OTLP/JSON: nests deeper than %d messages",
                          HS_OTLP_JSON_DEPTH_MAX);
    yyjson_obj_foreach(object, i, n, key, value)
    {
        const struct hs_otlp_member *member = find(members, string_of(key));

        if (!member || yyjson_is_null(value))
            continue;
        inner.name = member->name;
        inner.indexed = false;
        rc = member->repeated ? add_array(member, value, &inner, out, err)
                              : add_one(member, value, &inner, out, err);
        if (rc < 0)
            return rc;
    }
    return HS_OK;
}

int hs_otlp_json_read(enum hs_otlp_signal signal, struct hs_str body, struct hs_buf *out,
                      struct hs_err *err)
{
    const struct hs_otlp_member *members = hs_otlp_members(signal);
    struct hs_otlp_step root = {.name = NULL};
    yyjson_read_err why;
    yyjson_doc *doc;
    int rc;

    if (body.n > HS_OTLP_JSON_BODY_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "OTLP/JSON: the body is %zu bytes, limit %d", body.n,
                          HS_OTLP_JSON_BODY_MAX);
    if (body.n == 0)
        return hs_err_set(err, HS_EINVAL, 0, "OTLP/JSON: the body is empty, must be an object");
    /* Without the in-situ flag yyjson does not write to its input. */
    doc = yyjson_read_opts((char *)(uintptr_t)body.p, body.n, YYJSON_READ_NOFLAG, NULL, &why);
    if (!doc)
        return hs_err_set(err, HS_EINVAL, 0, "OTLP/JSON: not JSON at byte %zu of %zu: %s", why.pos,
                          body.n, why.msg);
    rc = add_message(members, yyjson_doc_get_root(doc), &root, out, err);
    if (rc == HS_OK && !hs_buf_ok(out))
        rc = hs_err_set(err, HS_ELIMIT, 0, "OTLP/JSON: more than %zu bytes as protobuf", out->max);
    yyjson_doc_free(doc);
    return rc;
}
