/*
 * Walking OTLP messages in protobuf form: TracesData and LogsData (their Export…ServiceRequest have
 * the same bytes). Nothing is copied or allocated: views into the caller's bytes.
 *
 *     TracesData  = ResourceSpans*    ResourceSpans = Resource, ScopeSpans*, schema_url
 *                                     ScopeSpans    = Scope, Span*, schema_url
 *     LogsData has the same shape and numbers, with LogRecord for Span.
 *
 *     hs_otlp_iter_init(&iter, body);
 *     while ((rc = hs_otlp_iter_next(&iter, &item, err)) > 0) {
 *         hs_otlp_span_read(item, &span, err);
 *         hs_otlp_each_init(&each, item, HS_OTLP_SPAN_ATTRIBUTES);
 *         while (hs_otlp_attr_next(&each, &attr) > 0)
 *             …
 *     }
 *
 * Fields with an unexpected wire type are taken for unknown ones and skipped, as protobuf does. Of
 * a single message that stands twice the last counts. Strings are not checked for UTF-8.
 * All calls: @thread any.
 */
#ifndef HS_NET_OTLP_H
#define HS_NET_OTLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "net/pb.h"

enum {
    HS_OTLP_DEPTH_MAX = 16, /* levels of arrays and key-value lists in one value */
    HS_OTLP_TRACE_ID = 16,  /* bytes */
    HS_OTLP_SPAN_ID = 8,    /* bytes */
};

/* Field numbers of repeated messages, for hs_otlp_each_init. */
enum hs_otlp_repeated {
    HS_OTLP_RESOURCE_ATTRIBUTES = 1,
    HS_OTLP_SCOPE_ATTRIBUTES = 3,
    HS_OTLP_SPAN_ATTRIBUTES = 9,
    HS_OTLP_SPAN_EVENTS = 11,
    HS_OTLP_SPAN_LINKS = 13,
    HS_OTLP_EVENT_ATTRIBUTES = 3,
    HS_OTLP_LINK_ATTRIBUTES = 4,
    HS_OTLP_LOG_ATTRIBUTES = 6,
    HS_OTLP_ARRAY_VALUES = 1,  /* of an ARRAY value's bytes: values */
    HS_OTLP_KVLIST_VALUES = 1, /* of a KVLIST value's bytes: attributes */
};

/* Where an item stands. The same for neighbours. */
struct hs_otlp_section {
    struct hs_str resource; /* message Resource; empty when none was sent */
    struct hs_str resource_schema;
    struct hs_str scope; /* message InstrumentationScope; empty when none was sent */
    struct hs_str scope_schema;
};

struct hs_otlp_iter {
    struct hs_otlp_section section; /* of the item that came last */
    unsigned resource_n; /* resources entered so far: another number is another resource */
    unsigned section_n;  /* sections entered so far */
    /* private */
    struct hs_str body;
    struct hs_pb data, resource, scope;
};

void hs_otlp_iter_init(struct hs_otlp_iter *iter, struct hs_str body);
/* 1: *out_item is the next Span's or LogRecord's message and iter->section says where it stands;
 * 0: no more; HS_EINVAL: the bytes are no protobuf of this shape; err names the byte. */
int hs_otlp_iter_next(struct hs_otlp_iter *iter, struct hs_str *out_item, struct hs_err *err);

enum hs_otlp_kind {
    HS_OTLP_NONE, /* an empty AnyValue */
    HS_OTLP_STR,
    HS_OTLP_BOOL,
    HS_OTLP_INT,
    HS_OTLP_DOUBLE,
    HS_OTLP_ARRAY,
    HS_OTLP_KVLIST,
    HS_OTLP_BYTES,
};

struct hs_otlp_value {
    enum hs_otlp_kind kind;
    union {
        struct hs_str str; /* STR, BYTES; ARRAY, KVLIST: the message of that kind */
        bool boolean;
        int64_t i64;
        double f64;
    };
};

struct hs_otlp_attr {
    struct hs_str key;
    struct hs_otlp_value value;
};

/* Both return HS_OK or HS_EINVAL (malformed). */
int hs_otlp_value_read(struct hs_str any_value, struct hs_otlp_value *out);
int hs_otlp_attr_read(struct hs_str key_value, struct hs_otlp_attr *out);

/* The messages of one repeated field. */
struct hs_otlp_each {
    struct hs_pb pb;
    uint32_t tag;
};

void hs_otlp_each_init(struct hs_otlp_each *each, struct hs_str message,
                       enum hs_otlp_repeated number);
/* 1: one more; 0: the end; HS_EINVAL: malformed. */
int hs_otlp_each_next(struct hs_otlp_each *each, struct hs_str *out);
int hs_otlp_attr_next(struct hs_otlp_each *each, struct hs_otlp_attr *out);
int hs_otlp_value_next(struct hs_otlp_each *each, struct hs_otlp_value *out);
/* The value of the first attribute with that key; kind NONE when there is none or the message is
 * malformed before it. */
struct hs_otlp_value hs_otlp_attr_find(struct hs_str message, enum hs_otlp_repeated number,
                                       struct hs_str key);

/* Appends the value as text: a string as it is, numbers in decimal or as NaN, Infinity, -Infinity,
 * true or false, bytes in base64, arrays and lists as JSON, NONE as nothing. Levels below
 * HS_OTLP_DEPTH_MAX become null. HS_EINVAL: malformed inside; what was appended until then
 * stays. */
int hs_otlp_value_text(const struct hs_otlp_value *value, struct hs_buf *out);
/* The same as a JSON value; bytes become a base64 string, NONE, NaN and infinities become null. */
int hs_otlp_value_json(const struct hs_otlp_value *value, struct hs_buf *out);
/* The attributes of a message as one JSON object, in the order sent; keys that repeat, repeat. */
int hs_otlp_attrs_json(struct hs_str message, enum hs_otlp_repeated number, struct hs_buf *out);

enum hs_otlp_span_kind {
    HS_OTLP_KIND_UNSPECIFIED,
    HS_OTLP_KIND_INTERNAL,
    HS_OTLP_KIND_SERVER,
    HS_OTLP_KIND_CLIENT,
    HS_OTLP_KIND_PRODUCER,
    HS_OTLP_KIND_CONSUMER,
};

enum hs_otlp_status { HS_OTLP_STATUS_UNSET, HS_OTLP_STATUS_OK, HS_OTLP_STATUS_ERROR };

struct hs_otlp_span {
    struct hs_str trace_id, span_id, parent_span_id; /* bytes as sent, of any length */
    struct hs_str trace_state, name;
    uint64_t start_ns, end_ns;
    uint32_t kind; /* enum hs_otlp_span_kind, or a number that we do not know */
    uint32_t flags;
    uint32_t status_code; /* enum hs_otlp_status, or a number that we do not know */
    struct hs_str status_message;
    uint32_t attributes_dropped, events_dropped, links_dropped;
    uint32_t attributes_n, events_n, links_n;
};

struct hs_otlp_event {
    uint64_t time_ns;
    struct hs_str name;
    uint32_t attributes_dropped;
};

struct hs_otlp_link {
    struct hs_str trace_id, span_id, trace_state;
    uint32_t attributes_dropped;
    uint32_t flags;
};

struct hs_otlp_log {
    uint64_t time_ns;          /* 0 when not sent */
    uint64_t observed_time_ns; /* 0 when not sent */
    int32_t severity;          /* 1 … 24; 0 when not sent */
    struct hs_str severity_text, event_name;
    struct hs_otlp_value body;
    struct hs_str trace_id, span_id; /* empty unless of the right length and not all zero */
    uint32_t flags;
    uint32_t attributes_dropped, attributes_n;
};

struct hs_otlp_scope {
    struct hs_str name, version;
};

/* Each reads the message's own fields; attributes and what repeats are walked with hs_otlp_each.
 * HS_OK or HS_EINVAL (malformed; err says where). */
int hs_otlp_span_read(struct hs_str message, struct hs_otlp_span *out, struct hs_err *err);
int hs_otlp_event_read(struct hs_str message, struct hs_otlp_event *out, struct hs_err *err);
int hs_otlp_link_read(struct hs_str message, struct hs_otlp_link *out, struct hs_err *err);
int hs_otlp_log_read(struct hs_str message, struct hs_otlp_log *out, struct hs_err *err);
int hs_otlp_scope_read(struct hs_str message, struct hs_otlp_scope *out, struct hs_err *err);

/* One field of a Span into *span, for callers that walk the fields themselves. HS_EINVAL when the
 * status message inside is malformed. */
int hs_otlp_span_field(struct hs_otlp_span *span, const struct hs_pb_field *field);

/* Whether the bytes are an id of that length and not all zero. */
bool hs_otlp_id_valid(struct hs_str id, size_t n);

#endif
