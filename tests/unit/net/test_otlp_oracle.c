/*
 * Our walk against a generated decoder, on messages of random shape: every field of OTLP's schema,
 * in any order, unknown fields between them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"
#include "net/otlp.h"

#ifdef HS_TEST_OTLP_ORACLE

#include <opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h>
#include <opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h>

#include "support/otlp_random.h"

typedef Opentelemetry__Proto__Common__V1__AnyValue any_value;
typedef Opentelemetry__Proto__Common__V1__KeyValue key_value;

enum { ROUNDS = 300 };

/* -------- comparison -------- */

static void same_text(struct hs_str ours, const char *theirs)
{
    assert_true(hs_str_eq_c(ours, theirs));
}

static void same_bytes(struct hs_str ours, ProtobufCBinaryData theirs)
{
    assert_true(hs_str_eq(ours, hs_str_n(theirs.data, theirs.len)));
}

static void same_attrs(struct hs_str message, enum hs_otlp_repeated number, key_value **theirs,
                       size_t n);

static void same_value(const struct hs_otlp_value *ours, const any_value *theirs)
{
    struct hs_otlp_each each;
    struct hs_otlp_value value;
    uint64_t bits;
    size_t i;

    switch (theirs ? theirs->value_case : 0) {
    case 1:
        assert_int_equal(ours->kind, HS_OTLP_STR);
        same_text(ours->str, theirs->string_value);
        break;
    case 2: assert_true(ours->kind == HS_OTLP_BOOL && ours->boolean == theirs->bool_value); break;
    case 3: assert_true(ours->kind == HS_OTLP_INT && ours->i64 == theirs->int_value); break;
    case 4:
        assert_int_equal(ours->kind, HS_OTLP_DOUBLE);
        memcpy(&bits, &ours->f64, sizeof(bits));
        assert_memory_equal(&bits, &theirs->double_value, sizeof(bits));
        break;
    case 5:
        assert_int_equal(ours->kind, HS_OTLP_ARRAY);
        hs_otlp_each_init(&each, ours->str, HS_OTLP_ARRAY_VALUES);
        for (i = 0; i < theirs->array_value->n_values; i++) {
            assert_int_equal(hs_otlp_value_next(&each, &value), 1);
            same_value(&value, theirs->array_value->values[i]);
        }
        assert_int_equal(hs_otlp_value_next(&each, &value), 0);
        break;
    case 6:
        assert_int_equal(ours->kind, HS_OTLP_KVLIST);
        same_attrs(ours->str, HS_OTLP_KVLIST_VALUES, theirs->kvlist_value->values,
                   theirs->kvlist_value->n_values);
        break;
    case 7:
        assert_int_equal(ours->kind, HS_OTLP_BYTES);
        same_bytes(ours->str, theirs->bytes_value);
        break;
    default: assert_int_equal(ours->kind, HS_OTLP_NONE); break;
    }
}

static void same_attrs(struct hs_str message, enum hs_otlp_repeated number, key_value **theirs,
                       size_t n)
{
    struct hs_otlp_each each;
    struct hs_otlp_attr attr;
    size_t i;

    hs_otlp_each_init(&each, message, number);
    for (i = 0; i < n; i++) {
        assert_int_equal(hs_otlp_attr_next(&each, &attr), 1);
        same_text(attr.key, theirs[i]->key);
        same_value(&attr.value, theirs[i]->value);
    }
    assert_int_equal(hs_otlp_attr_next(&each, &attr), 0);
}

static void same_section(const struct hs_otlp_section *ours,
                         const Opentelemetry__Proto__Resource__V1__Resource *resource,
                         const char *resource_schema,
                         const Opentelemetry__Proto__Common__V1__InstrumentationScope *scope,
                         const char *scope_schema)
{
    struct hs_otlp_scope head;

    same_text(ours->resource_schema, resource_schema);
    same_text(ours->scope_schema, scope_schema);
    same_attrs(ours->resource, HS_OTLP_RESOURCE_ATTRIBUTES, resource ? resource->attributes : NULL,
               resource ? resource->n_attributes : 0);
    assert_int_equal(hs_otlp_scope_read(ours->scope, &head, NULL), HS_OK);
    same_text(head.name, scope ? scope->name : "");
    same_text(head.version, scope ? scope->version : "");
    same_attrs(ours->scope, HS_OTLP_SCOPE_ATTRIBUTES, scope ? scope->attributes : NULL,
               scope ? scope->n_attributes : 0);
}

typedef Opentelemetry__Proto__Trace__V1__Span span_oracle;

static void same_events(struct hs_str message, const span_oracle *theirs)
{
    struct hs_otlp_each each;
    struct hs_otlp_event event;
    struct hs_str item;
    size_t i;

    hs_otlp_each_init(&each, message, HS_OTLP_SPAN_EVENTS);
    for (i = 0; i < theirs->n_events; i++) {
        assert_int_equal(hs_otlp_each_next(&each, &item), 1);
        assert_int_equal(hs_otlp_event_read(item, &event, NULL), HS_OK);
        assert_true(event.time_ns == theirs->events[i]->time_unix_nano);
        same_text(event.name, theirs->events[i]->name);
        assert_int_equal(event.attributes_dropped, theirs->events[i]->dropped_attributes_count);
        same_attrs(item, HS_OTLP_EVENT_ATTRIBUTES, theirs->events[i]->attributes,
                   theirs->events[i]->n_attributes);
    }
    assert_int_equal(hs_otlp_each_next(&each, &item), 0);
}

static void same_links(struct hs_str message, const span_oracle *theirs)
{
    struct hs_otlp_each each;
    struct hs_otlp_link link;
    struct hs_str item;
    size_t i;

    hs_otlp_each_init(&each, message, HS_OTLP_SPAN_LINKS);
    for (i = 0; i < theirs->n_links; i++) {
        assert_int_equal(hs_otlp_each_next(&each, &item), 1);
        assert_int_equal(hs_otlp_link_read(item, &link, NULL), HS_OK);
        same_bytes(link.trace_id, theirs->links[i]->trace_id);
        same_bytes(link.span_id, theirs->links[i]->span_id);
        same_text(link.trace_state, theirs->links[i]->trace_state);
        assert_int_equal(link.flags, theirs->links[i]->flags);
        assert_int_equal(link.attributes_dropped, theirs->links[i]->dropped_attributes_count);
        same_attrs(item, HS_OTLP_LINK_ATTRIBUTES, theirs->links[i]->attributes,
                   theirs->links[i]->n_attributes);
    }
    assert_int_equal(hs_otlp_each_next(&each, &item), 0);
}

static void same_span(struct hs_str message, const span_oracle *theirs)
{
    struct hs_otlp_span span;

    assert_int_equal(hs_otlp_span_read(message, &span, NULL), HS_OK);
    same_bytes(span.trace_id, theirs->trace_id);
    same_bytes(span.span_id, theirs->span_id);
    same_bytes(span.parent_span_id, theirs->parent_span_id);
    same_text(span.trace_state, theirs->trace_state);
    same_text(span.name, theirs->name);
    assert_int_equal(span.kind, theirs->kind);
    assert_int_equal(span.flags, theirs->flags);
    assert_true(span.start_ns == theirs->start_time_unix_nano);
    assert_true(span.end_ns == theirs->end_time_unix_nano);
    assert_int_equal(span.attributes_dropped, theirs->dropped_attributes_count);
    assert_int_equal(span.events_dropped, theirs->dropped_events_count);
    assert_int_equal(span.links_dropped, theirs->dropped_links_count);
    assert_int_equal(span.attributes_n, theirs->n_attributes);
    assert_int_equal(span.events_n, theirs->n_events);
    assert_int_equal(span.links_n, theirs->n_links);
    assert_int_equal(span.status_code, theirs->status ? theirs->status->code : 0);
    same_text(span.status_message, theirs->status ? theirs->status->message : "");
    same_attrs(message, HS_OTLP_SPAN_ATTRIBUTES, theirs->attributes, theirs->n_attributes);
    same_events(message, theirs);
    same_links(message, theirs);
}

static void same_log(struct hs_str message, const Opentelemetry__Proto__Logs__V1__LogRecord *theirs)
{
    struct hs_otlp_log log;

    assert_int_equal(hs_otlp_log_read(message, &log, NULL), HS_OK);
    assert_true(log.time_ns == theirs->time_unix_nano);
    assert_true(log.observed_time_ns == theirs->observed_time_unix_nano);
    assert_int_equal(log.severity, theirs->severity_number);
    same_text(log.severity_text, theirs->severity_text);
    same_text(log.event_name, theirs->event_name);
    assert_int_equal(log.flags, theirs->flags);
    assert_int_equal(log.attributes_dropped, theirs->dropped_attributes_count);
    if (log.trace_id.n > 0)
        same_bytes(log.trace_id, theirs->trace_id);
    else
        assert_true(theirs->trace_id.len != HS_OTLP_TRACE_ID);
    same_value(&log.body, theirs->body);
    same_attrs(message, HS_OTLP_LOG_ATTRIBUTES, theirs->attributes, theirs->n_attributes);
}

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest traces_oracle;
typedef Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest logs_oracle;

static size_t same_traces(struct hs_str body, const traces_oracle *theirs)
{
    struct hs_otlp_iter iter;
    struct hs_str item;
    size_t i, j, k, n = 0;

    hs_otlp_iter_init(&iter, body);
    for (i = 0; i < theirs->n_resource_spans; i++) {
        const Opentelemetry__Proto__Trace__V1__ResourceSpans *resource = theirs->resource_spans[i];

        for (j = 0; j < resource->n_scope_spans; j++) {
            const Opentelemetry__Proto__Trace__V1__ScopeSpans *scope = resource->scope_spans[j];

            for (k = 0; k < scope->n_spans; k++, n++) {
                assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 1);
                same_section(&iter.section, resource->resource, resource->schema_url, scope->scope,
                             scope->schema_url);
                same_span(item, scope->spans[k]);
            }
        }
    }
    assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 0);
    return n;
}

static size_t same_logs(struct hs_str body, const logs_oracle *theirs)
{
    struct hs_otlp_iter iter;
    struct hs_str item;
    size_t i, j, k, n = 0;

    hs_otlp_iter_init(&iter, body);
    for (i = 0; i < theirs->n_resource_logs; i++) {
        const Opentelemetry__Proto__Logs__V1__ResourceLogs *resource = theirs->resource_logs[i];

        for (j = 0; j < resource->n_scope_logs; j++) {
            const Opentelemetry__Proto__Logs__V1__ScopeLogs *scope = resource->scope_logs[j];

            for (k = 0; k < scope->n_log_records; k++, n++) {
                assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 1);
                same_section(&iter.section, resource->resource, resource->schema_url, scope->scope,
                             scope->schema_url);
                same_log(item, scope->log_records[k]);
            }
        }
    }
    assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 0);
    return n;
}

static void walk__agrees_with_the_generated_decoder_on_traces(void **state)
{
    struct hs_buf body;
    struct hs_rand rand;
    size_t n = 0;
    int i;

    (void)state;
    hs_rand_init(&rand, 11);
    hs_buf_init(&body, 64 << 20);
    for (i = 0; i < ROUNDS; i++) {
        traces_oracle *theirs;

        hs_buf_reset(&body);
        add_random_message(
            &rand,
            &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor,
            0, &body);
        theirs = (traces_oracle *)protobuf_c_message_unpack(
            &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor,
            NULL, body.n, (const uint8_t *)body.p);
        assert_non_null(theirs);
        n += same_traces(hs_buf_str(&body), theirs);
        protobuf_c_message_free_unpacked(&theirs->base, NULL);
    }
    assert_true(n > ROUNDS);
    hs_buf_fini(&body);
}

static void walk__agrees_with_the_generated_decoder_on_logs(void **state)
{
    struct hs_buf body;
    struct hs_rand rand;
    size_t n = 0;
    int i;

    (void)state;
    hs_rand_init(&rand, 12);
    hs_buf_init(&body, 64 << 20);
    for (i = 0; i < ROUNDS; i++) {
        logs_oracle *theirs;

        hs_buf_reset(&body);
        add_random_message(
            &rand,
            &opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor, 0,
            &body);
        theirs = (logs_oracle *)protobuf_c_message_unpack(
            &opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor,
            NULL, body.n, (const uint8_t *)body.p);
        assert_non_null(theirs);
        n += same_logs(hs_buf_str(&body), theirs);
        protobuf_c_message_free_unpacked(&theirs->base, NULL);
    }
    assert_true(n > ROUNDS);
    hs_buf_fini(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk__agrees_with_the_generated_decoder_on_traces),
        cmocka_unit_test(walk__agrees_with_the_generated_decoder_on_logs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 77; /* skipped: the oracle is not in this build */
}

#endif
