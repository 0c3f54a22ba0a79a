/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "support/intake_kit.h"

enum { BATCH_MAX = 3 };

#define A "{\"event_id\":\"a\",\"service\":\"w\",\"query\":\"q\"}"
#define B "{\"event_id\":\"b\",\"service\":\"w\",\"action\":\"click\",\"query_id\":\"q\"}"
#define BAD "{\"event_id\":\"c\",\"query\":\"q\"}"

static int read_batch(struct intake_kit *kit, const char *json)
{
    char *body = intake_kit_body(kit, json);

    return hs_native_read_batch(&kit->intake, body, kit->body_n, BATCH_MAX, &kit->outcome,
                                &kit->err);
}

static int read_ndjson(struct intake_kit *kit, const char *text)
{
    char *body = intake_kit_body(kit, text);

    return hs_native_read_ndjson(&kit->intake, body, kit->body_n, BATCH_MAX, &kit->outcome,
                                 &kit->err);
}

static void batch__takes_an_array_and_an_object_with_events(void **state)
{
    static const char *const bodies[] = {"[" A "," B "]", " {\"events\" : [" A ",\n" B "]}\n"};
    struct intake_kit *kit = *state;

    for (size_t i = 0; i < 2; i++) {
        intake_kit_reset(kit);
        assert_int_equal(read_batch(kit, bodies[i]), HS_OK);
        assert_int_equal(kit->outcome.accepted, 2);
        assert_int_equal(kit->outcome.rejected, 0);
        assert_int_equal(kit->intake.topics[HS_TOPIC_EVENTS].n, 1);
        assert_int_equal(kit->intake.topics[HS_TOPIC_RESULTS].n, 1);
    }
}

static void batch__rejects_events_one_by_one(void **state)
{
    struct intake_kit *kit = *state;

    assert_int_equal(read_batch(kit, "[" A "," BAD ",7]"), HS_OK);
    assert_int_equal(kit->outcome.accepted, 1);
    assert_int_equal(kit->outcome.rejected, 2);
    assert_int_equal(kit->outcome.errors_n, 2);
    assert_int_equal(kit->outcome.errors[0].index, 1);
    assert_string_equal(kit->outcome.errors[0].code, "missing_field");
    assert_string_equal(kit->outcome.errors[0].detail,
                        "service is missing: a search event needs it");
    assert_int_equal(kit->outcome.errors[1].index, 2);
    assert_string_equal(kit->outcome.errors[1].detail, "the event is a number, must be an object");
}

static void batch__refuses_what_is_no_batch(void **state)
{
    static const char *const bodies[] = {
        "",    "  ",       "{}",       "7",    "{\"events\":{}}", "[",
        "[" A, "[" A "]x", "[" A ",]", "\xff", "[\"\xff\"]"};
    struct intake_kit *kit = *state;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        intake_kit_reset(kit);
        assert_int_equal(read_batch(kit, bodies[i]), HS_EINVAL);
        assert_int_equal(kit->intake.counts.accepted, 0);
    }
    assert_int_equal(read_batch(kit, "[" A "]x"), HS_EINVAL);
    assert_non_null(strstr(kit->err.text, "not JSON at byte "));
}

static void batch__holds_its_limit(void **state)
{
    struct intake_kit *kit = *state;

    assert_int_equal(read_batch(kit, "[" A "," A "," A "]"), HS_OK);
    assert_int_equal(read_batch(kit, "[" A "," A "," A "," A "]"), HS_ELIMIT);
    assert_string_equal(kit->err.text, "the batch has 4 events, limit 3");
}

static void batch__describes_the_first_hundred_errors(void **state)
{
    struct intake_kit *kit = *state;
    struct hs_buf body;
    char *copy;

    hs_buf_init(&body, 1 << 20);
    hs_buf_add_c(&body, "[0");
    for (int i = 1; i < 150; i++)
        hs_buf_add_c(&body, ",0");
    hs_buf_add_c(&body, "]");
    copy = intake_kit_body(kit, hs_buf_cstr(&body));
    assert_int_equal(hs_native_read_batch(&kit->intake, copy, kit->body_n, 500, &kit->outcome,
                                          NULL),
                     HS_OK);
    assert_int_equal(kit->outcome.rejected, 150);
    assert_int_equal(kit->outcome.errors_n, HS_OUTCOME_ERRORS_MAX);
    assert_int_equal(kit->outcome.errors[99].index, 99);
    hs_buf_fini(&body);
}

static void batch__stops_at_the_bytes_of_its_messages(void **state)
{
    struct intake_kit *kit = *state;

    kit->intake.bytes_max = 10;
    assert_int_equal(read_batch(kit, "[" A "]"), HS_ELIMIT);
    assert_string_equal(kit->err.text,
                        "the request's messages pass 10 bytes, or 100000 of one topic");
}

static void ndjson__reads_a_line_at_a_time(void **state)
{
    struct intake_kit *kit = *state;

    assert_int_equal(read_ndjson(kit, A "\n\r\n" B "\r\n{\"service\":\n"), HS_OK);
    assert_int_equal(kit->outcome.accepted, 2);
    assert_int_equal(kit->outcome.rejected, 1);
    assert_int_equal(kit->outcome.errors[0].index, 2);
    assert_string_equal(kit->outcome.errors[0].code, "invalid_json");
}

static void ndjson__goes_on_after_a_broken_line(void **state)
{
    static const char *const broken[] = {"{", "}", "\"", "{\"a\":\"", "nul", "[1,2", "{\"a\":1}}"};
    struct intake_kit *kit = *state;
    char text[200];

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        intake_kit_reset(kit);
        snprintf(text, sizeof(text), "%s\n%s\n%s", A, broken[i], B);
        assert_int_equal(read_ndjson(kit, text), HS_OK);
        assert_int_equal(kit->outcome.accepted, 2);
        assert_int_equal(kit->outcome.rejected, 1);
    }
}

static void ndjson__holds_its_limit(void **state)
{
    struct intake_kit *kit = *state;

    assert_int_equal(read_ndjson(kit, A "\n" A "\n" A "\n"), HS_OK);
    assert_int_equal(read_ndjson(kit, A "\n" A "\n" A "\n" A), HS_ELIMIT);
    assert_int_equal(read_ndjson(kit, ""), HS_OK);
    assert_int_equal(kit->outcome.accepted + kit->outcome.rejected, 0);
}

static void every_prefix_of_a_batch__is_refused(void **state)
{
    struct intake_kit *kit = *state;
    const char *whole = "[" A "," B "]";
    size_t n = strlen(whole);

    for (size_t i = 0; i < n; i++) {
        char *body = intake_kit_body_n(kit, whole, i);

        intake_kit_reset(kit);
        assert_int_equal(hs_native_read_batch(&kit->intake, body, i, BATCH_MAX, &kit->outcome,
                                              &kit->err),
                         HS_EINVAL);
        assert_int_equal(kit->intake.counts.accepted, 0);
    }
}

static void padding__is_as_before(void **state)
{
    struct intake_kit *kit = *state;

    assert_int_equal(read_batch(kit, "[" A "]"), HS_OK);
    for (int i = 0; i < HS_BODY_PADDING; i++)
        assert_int_equal(kit->body[kit->body_n + (size_t)i], 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTAKE_TEST(batch__takes_an_array_and_an_object_with_events),
        INTAKE_TEST(batch__rejects_events_one_by_one),
        INTAKE_TEST(batch__refuses_what_is_no_batch),
        INTAKE_TEST(batch__holds_its_limit),
        INTAKE_TEST(batch__describes_the_first_hundred_errors),
        INTAKE_TEST(batch__stops_at_the_bytes_of_its_messages),
        INTAKE_TEST(ndjson__reads_a_line_at_a_time),
        INTAKE_TEST(ndjson__goes_on_after_a_broken_line),
        INTAKE_TEST(ndjson__holds_its_limit),
        INTAKE_TEST(every_prefix_of_a_batch__is_refused),
        INTAKE_TEST(padding__is_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
