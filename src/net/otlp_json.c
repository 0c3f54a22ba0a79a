#include "net/otlp_json.h"

#include <math.h>
#include <stdio.h>
#include <yyjson.h>

#include "base/mem.h"
#include "net/base64.h"
#include "net/pb.h"

enum form {
    FORM_STRING,
    FORM_HEX,   /* bytes written as hex */
    FORM_BYTES, /* bytes written as base64 */
    FORM_BOOL,
    FORM_ENUM,   /* 32-bit integer, a number only */
    FORM_INT,    /* varint of 64 bits */
    FORM_UINT32, /* varint */
    FORM_FIXED32,
    FORM_FIXED64,
    FORM_DOUBLE,
    FORM_MESSAGE,
};

struct member {
    const char *name;
    unsigned char number; /* of the protobuf field */
    unsigned char form;
    bool repeated;
    const struct member *message; /* MESSAGE: its members, ended by a NULL name */
};

static const struct member kvlist_members[], array_members[];

static const struct member value_members[] = {
    {"stringValue", 1, FORM_STRING, false, NULL},
    {"boolValue", 2, FORM_BOOL, false, NULL},
    {"intValue", 3, FORM_INT, false, NULL},
    {"doubleValue", 4, FORM_DOUBLE, false, NULL},
    {"arrayValue", 5, FORM_MESSAGE, false, array_members},
    {"kvlistValue", 6, FORM_MESSAGE, false, kvlist_members},
    {"bytesValue", 7, FORM_BYTES, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct member attr_members[] = {
    {"key", 1, FORM_STRING, false, NULL},
    {"value", 2, FORM_MESSAGE, false, value_members},
    {NULL, 0, 0, false, NULL},
};

static const struct member array_members[] = {
    {"values", 1, FORM_MESSAGE, true, value_members},
    {NULL, 0, 0, false, NULL},
};

static const struct member kvlist_members[] = {
    {"values", 1, FORM_MESSAGE, true, attr_members},
    {NULL, 0, 0, false, NULL},
};

static const struct member resource_members[] = {
    {"attributes", 1, FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 2, FORM_UINT32, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct member scope_members[] = {
    {"name", 1, FORM_STRING, false, NULL},
    {"version", 2, FORM_STRING, false, NULL},
    {"attributes", 3, FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 4, FORM_UINT32, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct member event_members[] = {
    {"timeUnixNano", 1, FORM_FIXED64, false, NULL},
    {"name", 2, FORM_STRING, false, NULL},
    {"attributes", 3, FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 4, FORM_UINT32, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct member link_members[] = {
    {"traceId", 1, FORM_HEX, false, NULL},
    {"spanId", 2, FORM_HEX, false, NULL},
    {"traceState", 3, FORM_STRING, false, NULL},
    {"attributes", 4, FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 5, FORM_UINT32, false, NULL},
    {"flags", 6, FORM_FIXED32, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct member status_members[] = {
    {"message", 2, FORM_STRING, false, NULL},
    {"code", 3, FORM_ENUM, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct member span_members[] = {
    {"traceId", 1, FORM_HEX, false, NULL},
    {"spanId", 2, FORM_HEX, false, NULL},
    {"traceState", 3, FORM_STRING, false, NULL},
    {"parentSpanId", 4, FORM_HEX, false, NULL},
    {"name", 5, FORM_STRING, false, NULL},
    {"kind", 6, FORM_ENUM, false, NULL},
    {"startTimeUnixNano", 7, FORM_FIXED64, false, NULL},
    {"endTimeUnixNano", 8, FORM_FIXED64, false, NULL},
    {"attributes", 9, FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 10, FORM_UINT32, false, NULL},
    {"events", 11, FORM_MESSAGE, true, event_members},
    {"droppedEventsCount", 12, FORM_UINT32, false, NULL},
    {"links", 13, FORM_MESSAGE, true, link_members},
    {"droppedLinksCount", 14, FORM_UINT32, false, NULL},
    {"status", 15, FORM_MESSAGE, false, status_members},
    {"flags", 16, FORM_FIXED32, false, NULL},
    {NULL, 0, 0, false, NULL},
};

static const struct member log_members[] = {
    {"timeUnixNano", 1, FORM_FIXED64, false, NULL},
    {"severityNumber", 2, FORM_ENUM, false, NULL},
    {"severityText", 3, FORM_STRING, false, NULL},
    {"body", 5, FORM_MESSAGE, false, value_members},
    {"attributes", 6, FORM_MESSAGE, true, attr_members},
    {"droppedAttributesCount", 7, FORM_UINT32, false, NULL},
    {"flags", 8, FORM_FIXED32, false, NULL},
    {"traceId", 9, FORM_HEX, false, NULL},
    {"spanId", 10, FORM_HEX, false, NULL},
    {"observedTimeUnixNano", 11, FORM_FIXED64, false, NULL},
    {"eventName", 12, FORM_STRING, false, NULL},
    {NULL, 0, 0, false, NULL},
};

#define SCOPE_ITEMS(name, items)                                                                   \
    {                                                                                              \
        {"scope", 1, FORM_MESSAGE, false, scope_members}, {name, 2, FORM_MESSAGE, true, items},    \
            {"schemaUrl", 3, FORM_STRING, false, NULL}, {NULL, 0, 0, false, NULL},                 \
    }
#define RESOURCE_ITEMS(name, items)                                                                \
    {                                                                                              \
        {"resource", 1, FORM_MESSAGE, false, resource_members},                                    \
            {name, 2, FORM_MESSAGE, true, items}, {"schemaUrl", 3, FORM_STRING, false, NULL},      \
            {NULL, 0, 0, false, NULL},                                                             \
    }

static const struct member scope_spans[] = SCOPE_ITEMS("spans", span_members);
static const struct member scope_logs[] = SCOPE_ITEMS("logRecords", log_members);
static const struct member resource_spans[] = RESOURCE_ITEMS("scopeSpans", scope_spans);
static const struct member resource_logs[] = RESOURCE_ITEMS("scopeLogs", scope_logs);

static const struct member traces_members[] = {
    {"resourceSpans", 1, FORM_MESSAGE, true, resource_spans},
    {NULL, 0, 0, false, NULL},
};

static const struct member logs_members[] = {
    {"resourceLogs", 1, FORM_MESSAGE, true, resource_logs},
    {NULL, 0, 0, false, NULL},
};

/* Where the reader is, for error messages: a member, and an index when it is in an array. */
struct step {
    const struct step *up;
    const char *name;
    size_t index;
    bool indexed;
    unsigned depth;
};

static size_t write_path(const struct step *step, char *out, size_t max)
{
    size_t n = 0;

    if (!step || !step->name)
        return 0;
    n = write_path(step->up, out, max);
    if (n < max)
        n += (size_t)snprintf(out + n, max - n, "%s%s", n > 0 ? "." : "", step->name);
    if (step->indexed && n < max)
        n += (size_t)snprintf(out + n, max - n, "[%zu]", step->index);
    return HS_MIN(n, max - 1);
}

static int refuse(struct hs_err *err, const struct step *step, yyjson_val *value, const char *rule)
{
    char path[300] = "";

    write_path(step, path, sizeof(path));
    return hs_err_set(err, HS_EINVAL, 0, "OTLP/JSON: %s is %s, must be %s",
                      path[0] ? path : "the body", yyjson_get_type_desc(value), rule);
}

static struct hs_str string_of(yyjson_val *value)
{
    return hs_str_n(yyjson_get_str(value), yyjson_get_len(value));
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
    [FORM_STRING] = "a string",
    [FORM_HEX] = "a string of hex digits, two a byte",
    [FORM_BYTES] = "a string of base64",
    [FORM_BOOL] = "true or false",
    [FORM_ENUM] = "an integer (enums have no names in OTLP/JSON)",
    [FORM_INT] = "a 64-bit integer, as a number or a decimal string",
    [FORM_UINT32] = "an integer from 0 to 4294967295",
    [FORM_FIXED32] = "an integer from 0 to 4294967295",
    [FORM_FIXED64] = "an unsigned 64-bit integer, as a number or a decimal string",
    [FORM_DOUBLE] = "a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
    [FORM_MESSAGE] = "an object",
};

static int add_integer(enum form form, yyjson_val *value, uint32_t number, struct hs_buf *out)
{
    uint64_t u64 = 0;
    int64_t i64 = 0;

    if (form == FORM_INT || form == FORM_ENUM) {
        if (get_i64(value, &i64) != HS_OK)
            return HS_EINVAL;
        if (form == FORM_ENUM && (yyjson_is_str(value) || i64 < INT32_MIN || i64 > INT32_MAX))
            return HS_EINVAL;
        hs_pb_add_uint(out, number, (uint64_t)i64);
        return HS_OK;
    }
    if (get_u64(value, &u64) != HS_OK || (form != FORM_FIXED64 && u64 > UINT32_MAX))
        return HS_EINVAL;
    if (form == FORM_FIXED64)
        hs_pb_add_fixed64(out, number, u64);
    else if (form == FORM_FIXED32)
        hs_pb_add_fixed32(out, number, (uint32_t)u64);
    else
        hs_pb_add_uint(out, number, u64);
    return HS_OK;
}

/* HS_EINVAL: not of that form. */
static int add_scalar(enum form form, yyjson_val *value, uint32_t number, struct hs_buf *out)
{
    double f64;

    switch (form) {
    case FORM_STRING:
        if (!yyjson_is_str(value))
            return HS_EINVAL;
        hs_pb_add_bytes(out, number, string_of(value));
        return HS_OK;
    case FORM_HEX: return add_hex(value, number, out);
    case FORM_BYTES: return add_base64(value, number, out);
    case FORM_BOOL:
        if (!yyjson_is_bool(value))
            return HS_EINVAL;
        hs_pb_add_uint(out, number, yyjson_get_bool(value));
        return HS_OK;
    case FORM_DOUBLE:
        if (get_double(value, &f64) != HS_OK)
            return HS_EINVAL;
        hs_pb_add_double(out, number, f64);
        return HS_OK;
    default: return add_integer(form, value, number, out);
    }
}

static int add_message(const struct member *members, yyjson_val *object, const struct step *step,
                       struct hs_buf *out, struct hs_err *err);

static int add_one(const struct member *member, yyjson_val *value, const struct step *step,
                   struct hs_buf *out, struct hs_err *err)
{
    size_t mark;
    int rc;

    if (member->form != FORM_MESSAGE) {
        rc = add_scalar(member->form, value, member->number, out);
        return rc == HS_EINVAL ? refuse(err, step, value, form_rules[member->form]) : rc;
    }
    mark = hs_pb_open(out, member->number);
    rc = add_message(member->message, value, step, out, err);
    hs_pb_close(out, mark);
    return rc;
}

static int add_array(const struct member *member, yyjson_val *array, struct step *step,
                     struct hs_buf *out, struct hs_err *err)
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

static const struct member *find(const struct member *members, struct hs_str name)
{
    for (; members->name; members++) {
        if (hs_str_eq_c(name, members->name))
            return members;
    }
    return NULL;
}

/* Recursion: bounded by step->depth. */
static int add_message(const struct member *members, yyjson_val *object, const struct step *step,
                       struct hs_buf *out, struct hs_err *err)
{
    struct step inner = {.up = step, .depth = step->depth + 1};
    yyjson_val *key, *value;
    size_t i, n;
    int rc;

    if (!yyjson_is_obj(object))
        return refuse(err, step, object, form_rules[FORM_MESSAGE]);
    if (inner.depth > HS_OTLP_JSON_DEPTH_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "OTLP/JSON: nests deeper than %d messages",
                          HS_OTLP_JSON_DEPTH_MAX);
    yyjson_obj_foreach(object, i, n, key, value)
    {
        const struct member *member = find(members, string_of(key));

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
    const struct member *members = signal == HS_OTLP_TRACES ? traces_members : logs_members;
    struct step root = {.name = NULL};
    yyjson_read_err why;
    yyjson_doc *doc;
    int rc;

    if (body.n > HS_OTLP_JSON_BODY_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "OTLP/JSON: the body is %zu bytes, limit %d", body.n,
                          HS_OTLP_JSON_BODY_MAX);
    /* Without the in-situ flag yyjson does not write to its input. */
    doc = yyjson_read_opts((char *)(uintptr_t)body.p, body.n, YYJSON_READ_NOFLAG, NULL, &why);
    if (!doc)
        return hs_err_set(err, HS_EINVAL, 0, "OTLP/JSON: the body is no JSON at byte %zu: %s",
                          why.pos, why.msg);
    rc = add_message(members, yyjson_doc_get_root(doc), &root, out, err);
    if (rc == HS_OK && !hs_buf_ok(out))
        rc = hs_err_set(err, HS_ELIMIT, 0, "OTLP/JSON: more than %zu bytes as protobuf", out->max);
    yyjson_doc_free(doc);
    return rc;
}
