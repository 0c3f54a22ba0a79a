/*
 * OTLP/JSON against the generated decoder: random messages are written as JSON by their schema,
 * made into protobuf by us, decoded by it, and written again: the same text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json_out.h"
#include "base/mem.h"
#include "net/base64.h"
#include "net/otlp_json.h"

#ifdef HS_TEST_OTLP_ORACLE

#include <ctype.h>
#include <inttypes.h>
#include <math.h>

#include <opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h>
#include <opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h>

#include "support/otlp_random.h"

enum { ROUNDS = 200 };

/* Fields that OTLP/JSON does not have, or that we do not take. */
static bool is_left_out(const ProtobufCFieldDescriptor *field)
{
    return strcmp(field->name, "entity_refs") == 0 || strstr(field->name, "strindex") != NULL;
}

static void add_name(const char *snake, struct hs_buf *out)
{
    hs_buf_add_char(out, '"');
    for (; *snake; snake++) {
        if (*snake == '_')
            hs_buf_add_char(out, (char)toupper(*++snake));
        else
            hs_buf_add_char(out, *snake);
    }
    HS_BUF_ADD_LIT(out, "\":");
}

static void add_object(const ProtobufCMessage *message, struct hs_buf *out);

static void add_bytes(const ProtobufCFieldDescriptor *field, const ProtobufCBinaryData *bytes,
                      struct hs_buf *out)
{
    hs_buf_add_char(out, '"');
    if (strstr(field->name, "_id"))
        hs_buf_add_hex(out, bytes->data, bytes->len);
    else
        hs_base64_encode(hs_str_n(bytes->data, bytes->len), out);
    hs_buf_add_char(out, '"');
}

static void add_double(double value, struct hs_buf *out)
{
    if (isnan(value))
        HS_BUF_ADD_LIT(out, "\"NaN\"");
    else if (isinf(value))
        hs_buf_add_c(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        hs_json_double(out, value);
}

static void add_json(const ProtobufCFieldDescriptor *field, const void *at, struct hs_buf *out)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: hs_json_str(out, hs_str_c(*(char *const *)at)); break;
    case PROTOBUF_C_TYPE_BYTES: add_bytes(field, at, out); break;
    case PROTOBUF_C_TYPE_MESSAGE: add_object(*(ProtobufCMessage *const *)at, out); break;
    case PROTOBUF_C_TYPE_DOUBLE: add_double(*(const double *)at, out); break;
    case PROTOBUF_C_TYPE_FIXED64: hs_buf_addf(out, "\"%" PRIu64 "\"", *(const uint64_t *)at); break;
    case PROTOBUF_C_TYPE_INT64: hs_buf_addf(out, "\"%" PRId64 "\"", *(const int64_t *)at); break;
    case PROTOBUF_C_TYPE_BOOL:
        hs_buf_add_c(out, *(const protobuf_c_boolean *)at ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_INT32: hs_buf_addf(out, "%" PRId32, *(const int32_t *)at); break;
    default: hs_buf_addf(out, "%" PRIu32, *(const uint32_t *)at); break;
    }
}

static void add_array(const ProtobufCFieldDescriptor *field, const char *base, struct hs_buf *out)
{
    size_t n = *(const size_t *)(const void *)(base + field->quantifier_offset), i;
    ProtobufCMessage **items = *(ProtobufCMessage ***)(uintptr_t)(base + field->offset);

    hs_buf_add_char(out, '[');
    for (i = 0; i < n; i++) {
        if (i > 0)
            hs_buf_add_char(out, ',');
        add_object(items[i], out);
    }
    hs_buf_add_char(out, ']');
}

/* Whether the field is there: of a oneof the one that is set, a message that was sent. */
static bool is_there(const ProtobufCFieldDescriptor *field, const char *base)
{
    if (is_left_out(field))
        return false;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)(const void *)(base + field->quantifier_offset) == field->id;
    return field->type != PROTOBUF_C_TYPE_MESSAGE ||
           *(void *const *)(const void *)(base + field->offset) != NULL;
}

static void add_object(const ProtobufCMessage *message, struct hs_buf *out)
{
    const char *base = (const char *)message;
    bool first = true;
    unsigned i;

    hs_buf_add_char(out, '{');
    for (i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];

        if (!is_there(field, base))
            continue;
        if (!first)
            hs_buf_add_char(out, ',');
        first = false;
        add_name(field->name, out);
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            add_array(field, base, out);
        else
            add_json(field, base + field->offset, out);
    }
    hs_buf_add_char(out, '}');
}

static void to_json(const ProtobufCMessageDescriptor *type, const struct hs_buf *bytes,
                    struct hs_buf *out)
{
    ProtobufCMessage *message =
        protobuf_c_message_unpack(type, NULL, bytes->n, (const uint8_t *)bytes->p);

    assert_non_null(message);
    hs_buf_reset(out);
    add_object(message, out);
    assert_true(hs_buf_ok(out));
    protobuf_c_message_free_unpacked(message, NULL);
}

static void round_trip(enum hs_otlp_signal signal, const ProtobufCMessageDescriptor *type)
{
    struct hs_buf bytes, json, again;
    struct hs_rand rand;
    struct hs_err err;
    int i;

    hs_rand_init(&rand, 21);
    hs_buf_init(&bytes, 64 << 20);
    hs_buf_init(&json, 256 << 20);
    hs_buf_init(&again, 256 << 20);
    for (i = 0; i < ROUNDS; i++) {
        hs_buf_reset(&bytes);
        add_random_message(&rand, type, 0, &bytes);
        to_json(type, &bytes, &json);
        hs_buf_reset(&bytes);
        if (hs_otlp_json_read(signal, hs_buf_str(&json), &bytes, &err) != HS_OK)
            fail_msg("round %d: %s", i, err.text);
        to_json(type, &bytes, &again);
        assert_true(hs_str_eq(hs_buf_str(&json), hs_buf_str(&again)));
    }
    hs_buf_fini(&bytes);
    hs_buf_fini(&json);
    hs_buf_fini(&again);
}

static void traces__come_through_json_unchanged(void **state)
{
    (void)state;
    round_trip(
        HS_OTLP_TRACES,
        &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor);
}

static void logs__come_through_json_unchanged(void **state)
{
    (void)state;
    round_trip(HS_OTLP_LOGS,
               &opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traces__come_through_json_unchanged),
        cmocka_unit_test(logs__come_through_json_unchanged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 77; /* skipped: the oracle is not in this build */
}

#endif
