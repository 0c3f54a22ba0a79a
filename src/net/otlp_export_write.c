#include <stdio.h>

#include "base/mem.h"
#include "net/otlp.h"
#include "net/otlp_export_int.h"

/* Field numbers of opentelemetry/proto/{trace,resource,common}/v1. */
enum {
    RESOURCE_SPANS = 1,
    RESOURCE = 1,
    SCOPE_SPANS = 2,
    RESOURCE_ATTRIBUTES = 1,
    SCOPE = 1,
    SPANS = 2,
    SCOPE_NAME = 1,
    SCOPE_VERSION = 2,
    SPAN_TRACE_ID = 1,
    SPAN_ID = 2,
    SPAN_PARENT_ID = 4,
    SPAN_NAME = 5,
    SPAN_KIND = 6,
    SPAN_START = 7,
    SPAN_END = 8,
    SPAN_ATTRIBUTES = 9,
    SPAN_STATUS = 15,
    STATUS_CODE = 3,
    ATTRIBUTE_KEY = 1,
    ATTRIBUTE_VALUE = 2,
    VALUE_STRING = 1,
    VALUE_INT = 3,
};

static const char *method_word(enum hs_http_method method)
{
    static const char *const words[] = {
        [HS_GET] = "GET",       [HS_POST] = "POST",       [HS_PUT] = "PUT",
        [HS_DELETE] = "DELETE", [HS_OPTIONS] = "OPTIONS", [HS_HEAD] = "HEAD",
    };

    return method < HS_METHOD_OTHER ? words[method] : "_OTHER";
}

static void add_text(struct hs_buf *out, uint32_t field, const char *key, const char *value)
{
    size_t attribute = hs_pb_open(out, field);
    size_t mark;

    hs_pb_add_bytes(out, ATTRIBUTE_KEY, hs_str_c(key));
    mark = hs_pb_open(out, ATTRIBUTE_VALUE);
    hs_pb_add_bytes(out, VALUE_STRING, hs_str_c(value));
    hs_pb_close(out, mark);
    hs_pb_close(out, attribute);
}

static void add_number(struct hs_buf *out, uint32_t field, const char *key, uint64_t value)
{
    size_t attribute = hs_pb_open(out, field);
    size_t mark;

    hs_pb_add_bytes(out, ATTRIBUTE_KEY, hs_str_c(key));
    mark = hs_pb_open(out, ATTRIBUTE_VALUE);
    hs_pb_add_uint(out, VALUE_INT, value);
    hs_pb_close(out, mark);
    hs_pb_close(out, attribute);
}

/* A 5xx is the server's fault; a 4xx is the caller's and leaves the status unset. */
static void add_status(struct hs_buf *out, int status)
{
    char text[12];
    size_t mark;

    if (status < 500)
        return;
    snprintf(text, sizeof(text), "%d", status);
    add_text(out, SPAN_ATTRIBUTES, "error.type", text);
    mark = hs_pb_open(out, SPAN_STATUS);
    hs_pb_add_uint(out, STATUS_CODE, HS_OTLP_STATUS_ERROR);
    hs_pb_close(out, mark);
}

static void write_span(const struct otlp_row *row, struct hs_buf *out)
{
    char name[OTLP_ROUTE_MAX + 16];
    const char *method = method_word(row->method);
    size_t span = hs_pb_open(out, SPANS);
    bool routed = row->route[0] != '\0';

    snprintf(name, sizeof(name), "%s%s%s", method, routed ? " " : "", row->route);
    hs_pb_add_bytes(out, SPAN_TRACE_ID, hs_str_n(row->trace_id, sizeof(row->trace_id)));
    hs_pb_add_bytes(out, SPAN_ID, hs_str_n(row->span_id, sizeof(row->span_id)));
    if (row->has_parent)
        hs_pb_add_bytes(out, SPAN_PARENT_ID, hs_str_n(row->parent_id, sizeof(row->parent_id)));
    hs_pb_add_bytes(out, SPAN_NAME, hs_str_c(name));
    hs_pb_add_uint(out, SPAN_KIND, HS_OTLP_KIND_SERVER);
    hs_pb_add_fixed64(out, SPAN_START, (uint64_t)row->start_ns);
    hs_pb_add_fixed64(out, SPAN_END, (uint64_t)row->end_ns);
    add_text(out, SPAN_ATTRIBUTES, "http.request.method", method);
    if (routed)
        add_text(out, SPAN_ATTRIBUTES, "http.route", row->route);
    add_number(out, SPAN_ATTRIBUTES, "http.response.status_code", (uint64_t)row->status);
    add_number(out, SPAN_ATTRIBUTES, "http.request.body.size", row->body_bytes);
    add_text(out, SPAN_ATTRIBUTES, "url.scheme", "http");
    add_text(out, SPAN_ATTRIBUTES, "haystat.listener", row->listener);
    add_status(out, row->status);
    hs_pb_close(out, span);
}

static void write_resource(const struct otlp_resource *resource, struct hs_buf *out)
{
    size_t mark = hs_pb_open(out, RESOURCE);

    add_text(out, RESOURCE_ATTRIBUTES, "service.name", "haystat");
    add_text(out, RESOURCE_ATTRIBUTES, "service.version", resource->version);
    add_text(out, RESOURCE_ATTRIBUTES, "service.instance.id", resource->instance);
    hs_pb_close(out, mark);
}

static void write_scope(const struct otlp_resource *resource, struct hs_buf *out)
{
    size_t mark = hs_pb_open(out, SCOPE);

    hs_pb_add_bytes(out, SCOPE_NAME, HS_STR("haystat.http"));
    hs_pb_add_bytes(out, SCOPE_VERSION, hs_str_c(resource->version));
    hs_pb_close(out, mark);
}

void otlp_write_rows(const struct otlp_resource *resource, const struct otlp_row *rows, size_t n,
                     struct hs_buf *out)
{
    size_t outer = hs_pb_open(out, RESOURCE_SPANS);
    size_t inner;
    size_t i;

    write_resource(resource, out);
    inner = hs_pb_open(out, SCOPE_SPANS);
    write_scope(resource, out);
    for (i = 0; i < n; i++)
        write_span(&rows[i], out);
    hs_pb_close(out, inner);
    hs_pb_close(out, outer);
}

size_t otlp_rejected_spans(struct hs_str answer)
{
    struct hs_pb pb = hs_pb_of(answer);
    struct hs_pb_field field;

    while (hs_pb_next(&pb, &field) > 0) {
        if (field.tag != HS_PB_TAG(1, HS_PB_LEN))
            continue;
        pb = hs_pb_of(field.bytes);
        while (hs_pb_next(&pb, &field) > 0) {
            if (field.tag == HS_PB_TAG(1, HS_PB_VARINT))
                return (size_t)field.value;
        }
        return 0;
    }
    return 0;
}
