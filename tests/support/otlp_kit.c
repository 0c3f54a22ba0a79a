#include "support/otlp_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

#define DAY_NS (86400LL * 1000000000LL)

void otlp_kit_init(struct otlp_kit *kit)
{
    memset(kit, 0, sizeof(*kit));
    assert_int_equal(hs_redactor_new(true, HS_STR_NULL, &kit->redactor, NULL), HS_OK);
    kit->rules = (struct hs_intake_rules){
        .tenant = HS_STR("default"),
        .received_ns = OTLP_RECEIVED_NS,
        .late_max_ns = DAY_NS,
        .early_max_ns = DAY_NS,
        .retention_ns = 30 * DAY_NS,
        .source = HS_SOURCE_SPAN,
        .redactor = kit->redactor,
        .pseudonyms = true,
        .pseudonym_key = "0123456789abcde",
    };
    hs_intake_init(&kit->intake, &kit->rules, 256 << 20);
    kit->reader = hs_otlp_reader_new();
    hs_buf_init(&kit->body, 256 << 20);
}

void otlp_kit_fini(struct otlp_kit *kit)
{
    hs_otlp_reader_free(kit->reader);
    hs_intake_fini(&kit->intake);
    hs_redactor_free(kit->redactor);
    hs_buf_fini(&kit->body);
}

static void close_mark(struct otlp_kit *kit, size_t *mark)
{
    if (*mark)
        hs_pb_close(&kit->body, *mark);
    *mark = 0;
}

void otlp_done(struct otlp_kit *kit)
{
    close_mark(kit, &kit->item);
    close_mark(kit, &kit->scope);
    close_mark(kit, &kit->resource);
    assert_true(hs_buf_ok(&kit->body));
}

void otlp_resource(struct otlp_kit *kit, const char *service)
{
    otlp_done(kit);
    kit->resource = hs_pb_open(&kit->body, 1);
    kit->item = hs_pb_open(&kit->body, 1);
    if (service)
        otlp_add_attr(&kit->body, 1, "service.name", service);
}

void otlp_scope(struct otlp_kit *kit, const char *name)
{
    size_t mark;

    close_mark(kit, &kit->item);
    close_mark(kit, &kit->scope);
    kit->scope = hs_pb_open(&kit->body, 2);
    mark = hs_pb_open(&kit->body, 1);
    hs_pb_add_bytes(&kit->body, 1, hs_str_c(name));
    hs_pb_close(&kit->body, mark);
}

static void open_item(struct otlp_kit *kit)
{
    if (!kit->resource)
        otlp_resource(kit, "shop");
    if (!kit->scope)
        otlp_scope(kit, "test");
    close_mark(kit, &kit->item);
    kit->item = hs_pb_open(&kit->body, 2);
}

static void add_id(struct otlp_kit *kit, unsigned number, const char *hex)
{
    char bytes[64];
    size_t n = strlen(hex) / 2;

    assert_int_equal(hs_hex_decode(hs_str_c(hex), bytes, n), HS_OK);
    hs_pb_add_bytes(&kit->body, number, hs_str_n(bytes, n));
}

void otlp_span(struct otlp_kit *kit, const struct otlp_span *span)
{
    size_t mark;

    open_item(kit);
    add_id(kit, 1, span->trace_id ? span->trace_id : OTLP_TRACE);
    add_id(kit, 2, span->span_id ? span->span_id : OTLP_SPAN);
    if (span->parent_id)
        add_id(kit, 4, span->parent_id);
    hs_pb_add_bytes(&kit->body, 5, hs_str_c(span->name ? span->name : "GET /search"));
    if (span->kind)
        hs_pb_add_uint(&kit->body, 6, (uint64_t)span->kind);
    hs_pb_add_fixed64(&kit->body, 7, OTLP_START_NS);
    hs_pb_add_fixed64(&kit->body, 8, OTLP_START_NS + span->duration_ms * 1000000);
    if (span->status) {
        mark = hs_pb_open(&kit->body, 15);
        hs_pb_add_uint(&kit->body, 3, (uint64_t)span->status);
        hs_pb_close(&kit->body, mark);
    }
}

void otlp_record(struct otlp_kit *kit, const char *body)
{
    size_t mark;

    open_item(kit);
    hs_pb_add_fixed64(&kit->body, 1, OTLP_START_NS);
    hs_pb_add_uint(&kit->body, 2, 9);
    mark = hs_pb_open(&kit->body, 5);
    hs_pb_add_bytes(&kit->body, 1, hs_str_c(body));
    hs_pb_close(&kit->body, mark);
}

/* Attributes of a resource are field 1, of a span 9, of a log record 6: told by what is open. */
static unsigned attr_number(const struct otlp_kit *kit)
{
    struct hs_pb pb = hs_pb_of(hs_str_n(kit->body.p + kit->item, kit->body.n - kit->item));
    struct hs_pb_field field;

    if (!kit->scope)
        return 1;
    assert_int_equal(hs_pb_next(&pb, &field), 1);
    return field.tag == HS_PB_TAG(1, HS_PB_LEN) ? 9 : 6;
}

static void open_attr(struct otlp_kit *kit, const char *key, size_t marks[2])
{
    assert_true(kit->item);
    marks[0] = hs_pb_open(&kit->body, attr_number(kit));
    hs_pb_add_bytes(&kit->body, 1, hs_str_c(key));
    marks[1] = hs_pb_open(&kit->body, 2);
}

static void close_attr(struct otlp_kit *kit, const size_t marks[2])
{
    hs_pb_close(&kit->body, marks[1]);
    hs_pb_close(&kit->body, marks[0]);
}

void otlp_add_attr(struct hs_buf *out, unsigned number, const char *key, const char *value)
{
    size_t attr = hs_pb_open(out, number), any;

    hs_pb_add_bytes(out, 1, hs_str_c(key));
    any = hs_pb_open(out, 2);
    hs_pb_add_bytes(out, 1, hs_str_c(value));
    hs_pb_close(out, any);
    hs_pb_close(out, attr);
}

void otlp_attr(struct otlp_kit *kit, const char *key, const char *value)
{
    otlp_add_attr(&kit->body, attr_number(kit), key, value);
}

void otlp_attr_int(struct otlp_kit *kit, const char *key, int64_t value)
{
    size_t marks[2];

    open_attr(kit, key, marks);
    hs_pb_add_uint(&kit->body, 3, (uint64_t)value);
    close_attr(kit, marks);
}

void otlp_attr_bool(struct otlp_kit *kit, const char *key, bool value)
{
    size_t marks[2];

    open_attr(kit, key, marks);
    hs_pb_add_uint(&kit->body, 2, value);
    close_attr(kit, marks);
}

void otlp_attr_double(struct otlp_kit *kit, const char *key, double value)
{
    size_t marks[2];

    open_attr(kit, key, marks);
    hs_pb_add_double(&kit->body, 4, value);
    close_attr(kit, marks);
}

void otlp_attr_array(struct otlp_kit *kit, const char *key, const char *const *values)
{
    size_t marks[2], array, any;

    open_attr(kit, key, marks);
    array = hs_pb_open(&kit->body, 5);
    for (; *values; values++) {
        any = hs_pb_open(&kit->body, 1);
        hs_pb_add_bytes(&kit->body, 1, hs_str_c(*values));
        hs_pb_close(&kit->body, any);
    }
    hs_pb_close(&kit->body, array);
    close_attr(kit, marks);
}

void otlp_attr_nested(struct otlp_kit *kit, const char *key, unsigned levels, const char *value)
{
    size_t marks[2], arrays[64], values[64];
    unsigned i;

    assert_true(levels < HS_ARRAY_LEN(arrays));
    open_attr(kit, key, marks);
    for (i = 0; i < levels; i++) {
        arrays[i] = hs_pb_open(&kit->body, 5);
        values[i] = hs_pb_open(&kit->body, 1);
    }
    hs_pb_add_bytes(&kit->body, 1, hs_str_c(value));
    while (i-- > 0) {
        hs_pb_close(&kit->body, values[i]);
        hs_pb_close(&kit->body, arrays[i]);
    }
    close_attr(kit, marks);
}

void otlp_exception(struct otlp_kit *kit, const char *type, const char *message, const char *stack)
{
    size_t event = hs_pb_open(&kit->body, 11);

    hs_pb_add_bytes(&kit->body, 2, HS_STR("exception"));
    otlp_add_attr(&kit->body, 3, "exception.type", type);
    otlp_add_attr(&kit->body, 3, "exception.message", message);
    otlp_add_attr(&kit->body, 3, "exception.stacktrace", stack);
    hs_pb_close(&kit->body, event);
}

typedef int read_fn(struct hs_otlp_reader *reader, struct hs_intake *intake, struct hs_str body,
                    enum hs_otlp_encoding encoding, struct hs_otlp_outcome *out,
                    struct hs_err *err);

static void read_body(struct otlp_kit *kit, read_fn *read)
{
    otlp_done(kit);
    if (read(kit->reader, &kit->intake, hs_buf_str(&kit->body), HS_OTLP_PROTOBUF, &kit->out,
             &kit->err) != HS_OK)
        fail_msg("%s", kit->err.text);
}

void otlp_read_traces(struct otlp_kit *kit)
{
    read_body(kit, hs_otlp_traces_read);
}

void otlp_read_logs(struct otlp_kit *kit)
{
    read_body(kit, hs_otlp_logs_read);
}

void otlp_again(struct otlp_kit *kit)
{
    otlp_done(kit);
    hs_buf_reset(&kit->body);
    hs_intake_reset(&kit->intake, &kit->rules);
}

size_t otlp_messages_n(const struct otlp_kit *kit, enum hs_topic topic)
{
    return kit->intake.topics[topic].n;
}

struct hs_message otlp_message(const struct otlp_kit *kit, enum hs_topic topic, size_t index)
{
    size_t n = otlp_messages_n(kit, topic);
    struct hs_message *messages, message;

    if (index >= n)
        fail_msg("%s has %zu messages, wanted number %zu", hs_topic_name(topic), n, index);
    messages = calloc(n, sizeof(*messages));
    hs_intake_messages(&kit->intake, topic, messages);
    message = messages[index];
    free(messages);
    return message;
}

yyjson_doc *otlp_event(const struct otlp_kit *kit, size_t index)
{
    struct hs_message message = otlp_message(kit, HS_TOPIC_EVENTS, index);
    yyjson_doc *doc = yyjson_read(message.value.p, message.value.n, 0);

    assert_non_null(doc);
    return doc;
}

const char *otlp_event_str(yyjson_doc *event, const char *key)
{
    const char *text = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(event), key));

    return text ? text : "";
}

bool otlp_holds(const struct otlp_kit *kit, const char *text)
{
    int topic;

    for (topic = 0; topic < HS_TOPIC_N; topic++) {
        if (hs_str_contains(hs_buf_str(&kit->intake.topics[topic].bytes), hs_str_c(text)))
            return true;
    }
    return false;
}
