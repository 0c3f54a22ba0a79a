#include "net/otlp.h"

#include "base/mem.h"

#define LEN_TAG(number) HS_PB_TAG(number, HS_PB_LEN)

static int malformed(struct hs_err *err, const char *what, struct hs_str message,
                     const struct hs_pb *pb)
{
    return hs_err_set(err, HS_EINVAL, 0, "OTLP: malformed protobuf at byte %zu of %zu of the %s",
                      (size_t)((const char *)pb->p - message.p), message.n, what);
}

void hs_otlp_iter_init(struct hs_otlp_iter *iter, struct hs_str body)
{
    *iter = (struct hs_otlp_iter){
        .body = body,
        .data = hs_pb_of(body),
        .resource = hs_pb_of(HS_STR_NULL),
        .scope = hs_pb_of(HS_STR_NULL),
    };
}

/* Fields 1 (resource or scope) and 3 (schema_url) of a message whose field 2 repeats. They may come
 * behind what they describe, so they are looked up before it is walked. */
static bool read_head(struct hs_pb pb, struct hs_str *out_head, struct hs_str *out_schema)
{
    struct hs_pb_field field;
    int rc;

    *out_head = HS_STR_NULL;
    *out_schema = HS_STR_NULL;
    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        if (field.tag == LEN_TAG(1))
            *out_head = field.bytes;
        else if (field.tag == LEN_TAG(3))
            *out_schema = field.bytes;
    }
    return rc == 0;
}

/* The next field of pb with that number. 1, 0 or HS_EINVAL. */
static int next_with(struct hs_pb *pb, uint32_t tag, struct hs_str *out)
{
    struct hs_pb_field field;
    int rc;

    while ((rc = hs_pb_next(pb, &field)) > 0) {
        if (field.tag != tag)
            continue;
        *out = field.bytes;
        return 1;
    }
    return rc;
}

/* Enters the next section. 1, 0 or HS_EINVAL. */
static int next_section(struct hs_otlp_iter *iter, const struct hs_pb **out_at)
{
    struct hs_otlp_section *section = &iter->section;
    struct hs_str message;
    int rc;

    *out_at = &iter->resource;
    while ((rc = next_with(&iter->resource, LEN_TAG(2), &message)) == 0) {
        *out_at = &iter->data;
        rc = next_with(&iter->data, LEN_TAG(1), &message);
        if (rc <= 0)
            return rc;
        iter->resource = hs_pb_of(message);
        iter->resource_n++;
        *out_at = &iter->resource;
        if (!read_head(iter->resource, &section->resource, &section->resource_schema))
            return HS_EINVAL;
    }
    if (rc < 0)
        return rc;
    iter->scope = hs_pb_of(message);
    iter->section_n++;
    *out_at = &iter->scope;
    return read_head(iter->scope, &section->scope, &section->scope_schema) ? 1 : HS_EINVAL;
}

int hs_otlp_iter_next(struct hs_otlp_iter *iter, struct hs_str *out_item, struct hs_err *err)
{
    const struct hs_pb *at = &iter->scope;
    int rc;

    while ((rc = next_with(&iter->scope, LEN_TAG(2), out_item)) == 0) {
        rc = next_section(iter, &at);
        if (rc <= 0)
            break;
    }
    return rc < 0 ? malformed(err, "body", iter->body, at) : rc;
}

int hs_otlp_value_read(struct hs_str any_value, struct hs_otlp_value *out)
{
    struct hs_pb pb = hs_pb_of(any_value);
    struct hs_pb_field field;
    int rc;

    *out = (struct hs_otlp_value){.kind = HS_OTLP_NONE};
    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        switch (field.tag) {
        case LEN_TAG(1): *out = (struct hs_otlp_value){HS_OTLP_STR, {.str = field.bytes}}; break;
        case HS_PB_TAG(2, HS_PB_VARINT):
            *out = (struct hs_otlp_value){HS_OTLP_BOOL, {.boolean = field.value != 0}};
            break;
        case HS_PB_TAG(3, HS_PB_VARINT):
            *out = (struct hs_otlp_value){HS_OTLP_INT, {.i64 = (int64_t)field.value}};
            break;
        case HS_PB_TAG(4, HS_PB_I64):
            *out = (struct hs_otlp_value){HS_OTLP_DOUBLE, {.f64 = hs_pb_double(field.value)}};
            break;
        case LEN_TAG(5): *out = (struct hs_otlp_value){HS_OTLP_ARRAY, {.str = field.bytes}}; break;
        case LEN_TAG(6): *out = (struct hs_otlp_value){HS_OTLP_KVLIST, {.str = field.bytes}}; break;
        case LEN_TAG(7): *out = (struct hs_otlp_value){HS_OTLP_BYTES, {.str = field.bytes}}; break;
        default: break;
        }
    }
    return rc;
}

int hs_otlp_attr_read(struct hs_str key_value, struct hs_otlp_attr *out)
{
    struct hs_pb pb = hs_pb_of(key_value);
    struct hs_str value = HS_STR_NULL;
    struct hs_pb_field field;
    int rc;

    out->key = HS_STR_NULL;
    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        if (field.tag == LEN_TAG(1))
            out->key = field.bytes;
        else if (field.tag == LEN_TAG(2))
            value = field.bytes;
    }
    return rc < 0 ? rc : hs_otlp_value_read(value, &out->value);
}

void hs_otlp_each_init(struct hs_otlp_each *each, struct hs_str message,
                       enum hs_otlp_repeated number)
{
    each->pb = hs_pb_of(message);
    each->tag = LEN_TAG(number);
}

int hs_otlp_each_next(struct hs_otlp_each *each, struct hs_str *out)
{
    return next_with(&each->pb, each->tag, out);
}

int hs_otlp_attr_next(struct hs_otlp_each *each, struct hs_otlp_attr *out)
{
    struct hs_str message;
    int rc = hs_otlp_each_next(each, &message);

    if (rc > 0 && hs_otlp_attr_read(message, out) != HS_OK)
        return HS_EINVAL;
    return rc;
}

int hs_otlp_value_next(struct hs_otlp_each *each, struct hs_otlp_value *out)
{
    struct hs_str message;
    int rc = hs_otlp_each_next(each, &message);

    if (rc > 0 && hs_otlp_value_read(message, out) != HS_OK)
        return HS_EINVAL;
    return rc;
}

struct hs_otlp_value hs_otlp_attr_find(struct hs_str message, enum hs_otlp_repeated number,
                                       struct hs_str key)
{
    struct hs_otlp_each each;
    struct hs_otlp_attr attr;

    hs_otlp_each_init(&each, message, number);
    while (hs_otlp_attr_next(&each, &attr) > 0) {
        if (hs_str_eq(attr.key, key))
            return attr.value;
    }
    return (struct hs_otlp_value){.kind = HS_OTLP_NONE};
}

bool hs_otlp_id_valid(struct hs_str id, size_t n)
{
    static const char zeros[HS_OTLP_TRACE_ID];

    HS_ASSERT(n <= sizeof(zeros));
    return id.n == n && memcmp(id.p, zeros, n) != 0;
}

static int read_status(struct hs_otlp_span *span, struct hs_str message)
{
    struct hs_pb pb = hs_pb_of(message);
    struct hs_pb_field field;
    int rc;

    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        if (field.tag == LEN_TAG(2))
            span->status_message = field.bytes;
        else if (field.tag == HS_PB_TAG(3, HS_PB_VARINT))
            span->status_code = (uint32_t)field.value;
    }
    return rc;
}

int hs_otlp_span_field(struct hs_otlp_span *span, const struct hs_pb_field *field)
{
    switch (field->tag) {
    case LEN_TAG(1): span->trace_id = field->bytes; break;
    case LEN_TAG(2): span->span_id = field->bytes; break;
    case LEN_TAG(3): span->trace_state = field->bytes; break;
    case LEN_TAG(4): span->parent_span_id = field->bytes; break;
    case LEN_TAG(5): span->name = field->bytes; break;
    case HS_PB_TAG(6, HS_PB_VARINT): span->kind = (uint32_t)field->value; break;
    case HS_PB_TAG(7, HS_PB_I64): span->start_ns = field->value; break;
    case HS_PB_TAG(8, HS_PB_I64): span->end_ns = field->value; break;
    case LEN_TAG(9): span->attributes_n++; break;
    case HS_PB_TAG(10, HS_PB_VARINT): span->attributes_dropped = (uint32_t)field->value; break;
    case LEN_TAG(11): span->events_n++; break;
    case HS_PB_TAG(12, HS_PB_VARINT): span->events_dropped = (uint32_t)field->value; break;
    case LEN_TAG(13): span->links_n++; break;
    case HS_PB_TAG(14, HS_PB_VARINT): span->links_dropped = (uint32_t)field->value; break;
    case LEN_TAG(15): return read_status(span, field->bytes);
    case HS_PB_TAG(16, HS_PB_I32): span->flags = (uint32_t)field->value; break;
    default: break;
    }
    return HS_OK;
}

int hs_otlp_span_read(struct hs_str message, struct hs_otlp_span *out, struct hs_err *err)
{
    struct hs_pb pb = hs_pb_of(message);
    struct hs_pb_field field;
    int rc;

    memset(out, 0, sizeof(*out));
    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        if (hs_otlp_span_field(out, &field) != HS_OK)
            return malformed(err, "span (in its status)", message, &pb);
    }
    return rc < 0 ? malformed(err, "span", message, &pb) : HS_OK;
}

int hs_otlp_event_read(struct hs_str message, struct hs_otlp_event *out, struct hs_err *err)
{
    struct hs_pb pb = hs_pb_of(message);
    struct hs_pb_field field;
    int rc;

    memset(out, 0, sizeof(*out));
    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        switch (field.tag) {
        case HS_PB_TAG(1, HS_PB_I64): out->time_ns = field.value; break;
        case LEN_TAG(2): out->name = field.bytes; break;
        case HS_PB_TAG(4, HS_PB_VARINT): out->attributes_dropped = (uint32_t)field.value; break;
        default: break;
        }
    }
    return rc < 0 ? malformed(err, "span event", message, &pb) : HS_OK;
}

int hs_otlp_link_read(struct hs_str message, struct hs_otlp_link *out, struct hs_err *err)
{
    struct hs_pb pb = hs_pb_of(message);
    struct hs_pb_field field;
    int rc;

    memset(out, 0, sizeof(*out));
    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        switch (field.tag) {
        case LEN_TAG(1): out->trace_id = field.bytes; break;
        case LEN_TAG(2): out->span_id = field.bytes; break;
        case LEN_TAG(3): out->trace_state = field.bytes; break;
        case HS_PB_TAG(5, HS_PB_VARINT): out->attributes_dropped = (uint32_t)field.value; break;
        case HS_PB_TAG(6, HS_PB_I32): out->flags = (uint32_t)field.value; break;
        default: break;
        }
    }
    return rc < 0 ? malformed(err, "span link", message, &pb) : HS_OK;
}

static struct hs_str id_or_none(struct hs_str id, size_t n)
{
    return hs_otlp_id_valid(id, n) ? id : HS_STR_NULL;
}

/* HS_EINVAL when the body inside is malformed. */
static int read_log_field(struct hs_otlp_log *log, const struct hs_pb_field *field)
{
    switch (field->tag) {
    case HS_PB_TAG(1, HS_PB_I64): log->time_ns = field->value; break;
    case HS_PB_TAG(2, HS_PB_VARINT): log->severity = (int32_t)field->value; break;
    case LEN_TAG(3): log->severity_text = field->bytes; break;
    case LEN_TAG(5): return hs_otlp_value_read(field->bytes, &log->body);
    case LEN_TAG(6): log->attributes_n++; break;
    case HS_PB_TAG(7, HS_PB_VARINT): log->attributes_dropped = (uint32_t)field->value; break;
    case HS_PB_TAG(8, HS_PB_I32): log->flags = (uint32_t)field->value; break;
    case LEN_TAG(9): log->trace_id = id_or_none(field->bytes, HS_OTLP_TRACE_ID); break;
    case LEN_TAG(10): log->span_id = id_or_none(field->bytes, HS_OTLP_SPAN_ID); break;
    case HS_PB_TAG(11, HS_PB_I64): log->observed_time_ns = field->value; break;
    case LEN_TAG(12): log->event_name = field->bytes; break;
    default: break;
    }
    return HS_OK;
}

int hs_otlp_log_read(struct hs_str message, struct hs_otlp_log *out, struct hs_err *err)
{
    struct hs_pb pb = hs_pb_of(message);
    struct hs_pb_field field;
    int rc;

    memset(out, 0, sizeof(*out));
    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        if (read_log_field(out, &field) != HS_OK)
            return malformed(err, "log record (in its body)", message, &pb);
    }
    return rc < 0 ? malformed(err, "log record", message, &pb) : HS_OK;
}

int hs_otlp_scope_read(struct hs_str message, struct hs_otlp_scope *out, struct hs_err *err)
{
    struct hs_pb pb = hs_pb_of(message);
    struct hs_pb_field field;
    int rc;

    memset(out, 0, sizeof(*out));
    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        if (field.tag == LEN_TAG(1))
            out->name = field.bytes;
        else if (field.tag == LEN_TAG(2))
            out->version = field.bytes;
    }
    return rc < 0 ? malformed(err, "scope", message, &pb) : HS_OK;
}
