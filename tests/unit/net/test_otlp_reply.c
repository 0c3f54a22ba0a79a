#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/otlp_reply.h"

static void expect(const struct hs_buf *buf, const void *bytes, size_t n)
{
    assert_int_equal(buf->n, n);
    if (n > 0)
        assert_memory_equal(buf->p, bytes, n);
}

static void encoding_parse__takes_both_types_with_parameters(void **state)
{
    static const struct {
        const char *type;
        int rc;
        enum hs_otlp_encoding encoding;
    } cases[] = {
        {"application/x-protobuf", HS_OK, HS_OTLP_PROTOBUF},
        {"application/json; charset=utf-8", HS_OK, HS_OTLP_JSON},
        {" Application/JSON ;x", HS_OK, HS_OTLP_JSON},
        {"application/grpc", HS_EUNSUP, 0},
        {"", HS_EUNSUP, 0},
        {"application/jsonx", HS_EUNSUP, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        enum hs_otlp_encoding encoding = 9;

        assert_int_equal(hs_otlp_encoding_parse(hs_str_c(cases[i].type), &encoding, NULL),
                         cases[i].rc);
        assert_int_equal(encoding, cases[i].rc == HS_OK ? cases[i].encoding : 9);
    }
}

static void reply__is_empty_on_full_success(void **state)
{
    struct hs_buf out;

    (void)state;
    hs_buf_init(&out, 256);
    hs_otlp_reply(HS_OTLP_TRACES, HS_OTLP_PROTOBUF, 0, HS_STR_NULL, &out);
    expect(&out, "", 0);
    hs_otlp_reply(HS_OTLP_TRACES, HS_OTLP_JSON, 0, HS_STR_NULL, &out);
    expect(&out, "{}", 2);
    hs_buf_fini(&out);
}

static void reply__says_what_was_rejected(void **state)
{
    static const char json[] =
        "{\"partialSuccess\":{\"rejectedLogRecords\":\"300\",\"errorMessage\":\"a \\\"b\\\"\"}}";
    struct hs_buf out;

    (void)state;
    hs_buf_init(&out, 256);
    hs_otlp_reply(HS_OTLP_TRACES, HS_OTLP_PROTOBUF, 300, HS_STR("why"), &out);
    expect(&out, "\x0a\x08\x08\xac\x02\x12\x03why", 10);
    hs_buf_reset(&out);
    hs_otlp_reply(HS_OTLP_LOGS, HS_OTLP_JSON, 300, HS_STR("a \"b\""), &out);
    expect(&out, json, sizeof(json) - 1);
    hs_buf_fini(&out);
}

static void status__has_the_code_of_the_http_status(void **state)
{
    static const int rows[][2] = {{400, 3}, {401, 16}, {403, 7},  {404, 5},  {405, 3},  {413, 8},
                                  {415, 3}, {429, 8},  {500, 13}, {501, 12}, {503, 14}, {504, 4}};
    struct hs_buf out;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(rows); i++)
        assert_int_equal(hs_otlp_grpc_code(rows[i][0]), rows[i][1]);
    hs_buf_init(&out, 256);
    hs_otlp_reply_status(HS_OTLP_PROTOBUF, 503, HS_STR("full"), &out);
    expect(&out,
           "\x08\x0e\x12\x04"
           "full",
           8);
    hs_buf_reset(&out);
    hs_otlp_reply_status(HS_OTLP_JSON, 400, HS_STR("bad"), &out);
    expect(&out, "{\"code\":3,\"message\":\"bad\"}", 26);
    hs_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_parse__takes_both_types_with_parameters),
        cmocka_unit_test(reply__is_empty_on_full_success),
        cmocka_unit_test(reply__says_what_was_rejected),
        cmocka_unit_test(status__has_the_code_of_the_http_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
