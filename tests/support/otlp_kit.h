/*
 * Requests of OTLP for tests of the collector: spans and log records built in protobuf, an intake
 * with a redactor, and what came out of it.
 */
#ifndef HS_TESTS_SUPPORT_OTLP_KIT_H
#define HS_TESTS_SUPPORT_OTLP_KIT_H

#include <yyjson.h>

#include "collector/intake.h"
#include "collector/otlp_reader.h"
#include "net/otlp.h"

struct otlp_kit {
    struct hs_redactor *redactor;
    struct hs_intake_rules rules;
    struct hs_intake intake;
    struct hs_otlp_reader *reader;
    struct hs_otlp_outcome out;
    struct hs_err err;
    struct hs_buf body;
    size_t resource, scope, item; /* marks of what is open */
};

/* What a test says about a span; zero ids become the defaults below. */
struct otlp_span {
    const char *trace_id; /* 32 hex digits */
    const char *span_id;  /* 16 hex digits */
    const char *parent_id;
    const char *name;
    int kind;
    int status;
    uint64_t duration_ms;
};

#define OTLP_TRACE "0af7651916cd43dd8448eb211c80319c"
#define OTLP_SPAN "b7ad6b7169203331"
#define OTLP_START_NS 1795000000123456789LL
#define OTLP_RECEIVED_NS (OTLP_START_NS + 1000000000LL)

void otlp_kit_init(struct otlp_kit *kit);
void otlp_kit_fini(struct otlp_kit *kit);

/* Building kit->body, in this order: resource, its attributes, scope, spans or records. A call
 * closes what it cannot stand in. */
void otlp_resource(struct otlp_kit *kit, const char *service);
void otlp_scope(struct otlp_kit *kit, const char *name);
void otlp_span(struct otlp_kit *kit, const struct otlp_span *span);
void otlp_record(struct otlp_kit *kit, const char *body);
/* To the span, record or resource that is open. */
void otlp_attr(struct otlp_kit *kit, const char *key, const char *value);
void otlp_attr_int(struct otlp_kit *kit, const char *key, int64_t value);
void otlp_attr_bool(struct otlp_kit *kit, const char *key, bool value);
void otlp_attr_double(struct otlp_kit *kit, const char *key, double value);
/* values: NULL-ended */
void otlp_attr_array(struct otlp_kit *kit, const char *key, const char *const *values);
/* A string inside `levels` arrays. */
void otlp_attr_nested(struct otlp_kit *kit, const char *key, unsigned levels, const char *value);
/* An attribute to any message under construction. */
void otlp_add_attr(struct hs_buf *out, unsigned number, const char *key, const char *value);
/* A span event named exception. */
void otlp_exception(struct otlp_kit *kit, const char *type, const char *message, const char *stack);
/* Closes everything. */
void otlp_done(struct otlp_kit *kit);

/* Closes, reads the body as traces or logs, expects HS_OK. */
void otlp_read_traces(struct otlp_kit *kit);
void otlp_read_logs(struct otlp_kit *kit);
/* Empty again, for another request. */
void otlp_again(struct otlp_kit *kit);

size_t otlp_messages_n(const struct otlp_kit *kit, enum hs_topic topic);
struct hs_message otlp_message(const struct otlp_kit *kit, enum hs_topic topic, size_t index);
/* The search event at that place, parsed; free with yyjson_doc_free. */
yyjson_doc *otlp_event(const struct otlp_kit *kit, size_t index);
/* The event's member as a C string; "" when it is absent or no string. */
const char *otlp_event_str(yyjson_doc *event, const char *key);
/* Whether any message of any topic holds the text. */
bool otlp_holds(const struct otlp_kit *kit, const char *text);

#endif
