/*
 * OTLP requests of any bytes. The first byte says traces or logs, protobuf or JSON; the rest is the
 * body. What must hold: nothing is read outside the body; a request that is taken in gives messages
 * that the walk can read, and in them exactly the spans or records that were accepted.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "collector/otlp_reader.h"
#include "net/otlp.h"

struct fuzz {
    struct hs_redactor *redactor;
    struct hs_intake_rules rules;
    struct hs_intake intake;
    struct hs_otlp_reader *reader;
    struct hs_buf text;
};

static struct fuzz *fuzz_get(void)
{
    static struct fuzz fuzz;

    if (fuzz.reader)
        return &fuzz;
    HS_ASSERT(hs_redactor_new(true, HS_STR("SECRET-[0-9]+"), &fuzz.redactor, NULL) == HS_OK);
    fuzz.rules = (struct hs_intake_rules){
        .tenant = HS_STR("default"),
        .received_ns = 1795000001000000000LL,
        .late_max_ns = INT64_MAX,
        .early_max_ns = INT64_MAX,
        .retention_ns = INT64_MAX,
        .source = HS_SOURCE_SPAN,
        .redactor = fuzz.redactor,
        .pseudonyms = true,
    };
    hs_intake_init(&fuzz.intake, &fuzz.rules, 64 << 20);
    hs_buf_init(&fuzz.text, 64 << 20);
    fuzz.reader = hs_otlp_reader_new();
    return &fuzz;
}

/* The items of one message; each is read to its end. */
static uint64_t read_message(struct fuzz *fuzz, enum hs_topic topic, struct hs_str message)
{
    struct hs_otlp_iter iter;
    struct hs_otlp_span span;
    struct hs_otlp_log log;
    struct hs_str item;
    uint64_t n = 0;
    int rc;

    hs_otlp_iter_init(&iter, message);
    while ((rc = hs_otlp_iter_next(&iter, &item, NULL)) > 0) {
        n++;
        hs_buf_reset(&fuzz->text);
        if (topic == HS_TOPIC_SPANS) {
            HS_ASSERT(hs_otlp_span_read(item, &span, NULL) == HS_OK);
            HS_ASSERT(hs_otlp_id_valid(span.trace_id, HS_OTLP_TRACE_ID));
            HS_ASSERT(hs_otlp_attrs_json(item, HS_OTLP_SPAN_ATTRIBUTES, &fuzz->text) == HS_OK);
        } else {
            HS_ASSERT(hs_otlp_log_read(item, &log, NULL) == HS_OK);
            HS_ASSERT(hs_otlp_value_text(&log.body, &fuzz->text) == HS_OK);
            HS_ASSERT(hs_otlp_attrs_json(item, HS_OTLP_LOG_ATTRIBUTES, &fuzz->text) == HS_OK);
        }
    }
    HS_ASSERT(rc == 0);
    return n;
}

static void check_messages(struct fuzz *fuzz, enum hs_topic topic, uint64_t accepted)
{
    size_t n = fuzz->intake.topics[topic].n, i;
    struct hs_message *messages = hs_xcalloc(n + 1, sizeof(*messages));
    uint64_t items = 0;

    hs_intake_messages(&fuzz->intake, topic, messages);
    for (i = 0; i < n; i++) {
        HS_ASSERT(messages[i].value.n <= HS_STREAM_VALUE_MAX);
        HS_ASSERT(messages[i].key.n <= HS_STREAM_KEY_MAX);
        items += read_message(fuzz, topic, messages[i].value);
    }
    HS_ASSERT(items == accepted);
    hs_free(messages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz *fuzz = fuzz_get();
    struct hs_otlp_outcome out;
    struct hs_str body;
    enum hs_otlp_encoding encoding;
    bool traces;

    if (size == 0)
        return 0;
    traces = (data[0] & 1) == 0;
    encoding = data[0] & 2 ? HS_OTLP_JSON : HS_OTLP_PROTOBUF;
    body = hs_str_n(data + 1, size - 1);
    hs_intake_reset(&fuzz->intake, &fuzz->rules);
    if ((traces ? hs_otlp_traces_read : hs_otlp_logs_read)(fuzz->reader, &fuzz->intake, body,
                                                           encoding, &out, NULL) == HS_OK)
        check_messages(fuzz, traces ? HS_TOPIC_SPANS : HS_TOPIC_LOGS, out.accepted);
    return 0;
}
