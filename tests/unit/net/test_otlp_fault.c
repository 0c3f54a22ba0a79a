/* What is wrong with a body is said with its place, its field and the rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/otlp_fault.h"
#include "net/pb.h"

#define BYTES(text) text, sizeof(text) - 1

static void find__names_place_field_and_rule(void **state)
{
    static const struct {
        const char *body;
        size_t n;
        const char *text;
    } cases[] = {
        {BYTES("\xff\xff"), "at byte 0 of 2, in the body: the tag of a field is cut off or longer "
                            "than 10 bytes"},
        {BYTES("\x00\x01"),
         "at byte 0 of 2, in the body: a field has the number 0, must be from 1 to "
         "536870911"},
        {BYTES("\x0a\x05\x12"),
         "at byte 0 of 3, in the body: field 1 (resourceSpans) has 5 bytes, but "
         "only 1 are left"},
        {BYTES("\x0a"), "at byte 0 of 1, in the body: the length of field 1 (resourceSpans) is cut "
                        "off or longer than 10 bytes"},
        {BYTES("\x0a\x00\x0a\x03\x12\x01\x0b"),
         "at byte 6 of 7, in resourceSpans[1].scopeSpans[0]: field 1 (scope) has the wire type 3, "
         "must be 0, 1, 2 or 5"},
        {BYTES("\x0a\x06\x12\x04\x12\x02\x39\x01"),
         "at byte 6 of 8, in resourceSpans[0].scopeSpans[0].spans[0]: field 7 (startTimeUnixNano) "
         "must have 8 bytes, but only 1 are left"},
        {BYTES("\x0a\x07\x12\x05\x12\x03\x85\x01\x00"),
         "at byte 6 of 9, in resourceSpans[0].scopeSpans[0].spans[0]: field 16 (flags) must have 4 "
         "bytes, but only 1 are left"},
        {BYTES("\x0a\x06\x12\x04\x12\x02\x30\x80"),
         "at byte 6 of 8, in resourceSpans[0].scopeSpans[0].spans[0]: the varint of field 6 (kind) "
         "is cut off or longer than 10 bytes"},
        {BYTES("\x7a\x02\x00"), "at byte 0 of 3, in the body: field 15 has 2 bytes, but only 1 are "
                                "left"},
        {BYTES("{}"),
         "at byte 0 of 2, in the body: field 15 has the wire type 3, must be 0, 1, 2 or 5 "
         "(the body looks like JSON: its Content-Type is application/json)"},
    };
    const char *what = "OTLP: malformed protobuf ";
    struct hs_err err;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        assert_int_equal(hs_otlp_fault_find(HS_OTLP_TRACES, hs_str_n(cases[i].body, cases[i].n),
                                            &err),
                         HS_EINVAL);
        assert_memory_equal(err.text, what, strlen(what));
        assert_string_equal(err.text + strlen(what), cases[i].text);
    }
}

static void find__leaves_good_bodies_alone(void **state)
{
    struct hs_err err = {.rc = 7};

    (void)state;
    assert_int_equal(hs_otlp_fault_find(HS_OTLP_LOGS, HS_STR(""), &err), HS_OK);
    assert_int_equal(hs_otlp_fault_find(HS_OTLP_LOGS, hs_str_n(BYTES("\x0a\x02\x0a\x00")), &err),
                     HS_OK);
    assert_int_equal(err.rc, 7);
}

/* A log record whose body nests `levels` arrays, with a field cut off innermost. */
static int find_nested(unsigned levels, struct hs_err *err)
{
    size_t marks[3 + 2 * 1000 + 1];
    struct hs_buf body;
    size_t n = 0;
    int rc;

    hs_buf_init(&body, 1 << 20);
    marks[n++] = hs_pb_open(&body, 1); /* resourceLogs */
    marks[n++] = hs_pb_open(&body, 2); /* scopeLogs */
    marks[n++] = hs_pb_open(&body, 2); /* logRecords */
    marks[n++] = hs_pb_open(&body, 5); /* body */
    while (levels-- > 0) {
        marks[n++] = hs_pb_open(&body, 5); /* arrayValue */
        marks[n++] = hs_pb_open(&body, 1); /* values */
    }
    hs_buf_add_char(&body, (char)0xff);
    while (n > 0)
        hs_pb_close(&body, marks[--n]);
    rc = hs_otlp_fault_find(HS_OTLP_LOGS, hs_buf_str(&body), err);
    hs_buf_fini(&body);
    return rc;
}

static void find__bounds_its_depth(void **state)
{
    struct hs_err err;

    (void)state;
    assert_int_equal(find_nested(20, &err), HS_EINVAL);
    assert_non_null(strstr(err.text, "resourceLogs[0].scopeLogs[0].logRecords[0].body.arrayValue."
                                     "values[0]"));
    assert_int_equal(find_nested(1000, &err), HS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find__names_place_field_and_rule),
        cmocka_unit_test(find__leaves_good_bodies_alone),
        cmocka_unit_test(find__bounds_its_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
