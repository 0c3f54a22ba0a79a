#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backend/analytics_clickhouse/errors.h"
#include "backend/analytics_clickhouse/hosts.h"
#include "base/mem.h"

struct outcome {
    int code;
    const char *text;
    int query, exec, insert;
};

static void classify__says_what_may_be_retried(void **state)
{
    static const struct outcome cases[] = {
        {62, "", HS_EINVAL, HS_EINVAL, HS_EAGAIN},  /* our statement, not the rows */
        {60, "", HS_EINVAL, HS_EINVAL, HS_EAGAIN},  /* a migration brings the table */
        {497, "", HS_EINVAL, HS_EINVAL, HS_EAGAIN}, /* a grant is missing */
        {516, "", HS_EAGAIN, HS_EAGAIN, HS_EAGAIN},
        {202, "", HS_EAGAIN, HS_EAGAIN, HS_EAGAIN},
        {6, "", HS_EINVAL, HS_EINVAL, HS_EINVAL},
        {16, "", HS_EINVAL, HS_EINVAL, HS_EINVAL},
        {53, "", HS_EINVAL, HS_EINVAL, HS_EINVAL},
        {469, "", HS_EINVAL, HS_EINVAL, HS_EINVAL},
        {252, "Too many parts (3000). Merges are slower", HS_EAGAIN, HS_EAGAIN, HS_EAGAIN},
        {252, "Too many partitions for single INSERT block", HS_EINVAL, HS_EINVAL, HS_EINVAL},
        {241, "", HS_ELIMIT, HS_ELIMIT, HS_EIO}, /* a part of the block may be in */
        {158, "", HS_ELIMIT, HS_ELIMIT, HS_EIO},
        {159, "", HS_ELIMIT, HS_ETIMEOUT, HS_ETIMEOUT},
        {33, "", HS_EIO, HS_EIO, HS_EIO}, /* cut on its way: no fault of the rows */
        {243, "", HS_EIO, HS_EIO, HS_EIO},
        {999, "", HS_EIO, HS_EIO, HS_EIO},
        {4711, "", HS_EIO, HS_EIO, HS_EIO}, /* not in the table */
    };

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        const struct outcome *want = &cases[i];
        enum ch_class class = ch_classify(want->code, 500, hs_str_c(want->text));

        if (ch_class_rc(class, CH_QUERY) != want->query ||
            ch_class_rc(class, CH_EXEC) != want->exec ||
            ch_class_rc(class, CH_INSERT) != want->insert)
            fail_msg("code %d '%s' is class %d", want->code, want->text, class);
    }
}

static void classify__unknown_code_is_poison_for_no_block(void **state)
{
    (void)state;
    for (int code = 0; code < 2000; code++) {
        enum ch_class class = ch_classify(code, 400, HS_STR_NULL);
        bool listed = false;

        for (unsigned i = 0; i < ch_codes_n; i++)
            listed = listed || ch_codes[i].code == code;
        if (!listed)
            assert_int_not_equal(ch_class_rc(class, CH_INSERT), HS_EINVAL);
    }
}

static void exception_code__needs_the_whole_form(void **state)
{
    (void)state;
    assert_int_equal(ch_exception_code(HS_STR("Code: 62. DB::Exception: x")), 62);
    assert_int_equal(ch_exception_code(HS_STR("\nCode: 241. x")), 241);
    assert_int_equal(ch_exception_code(HS_STR("Code: 62")), 62);
    assert_int_equal(ch_exception_code(HS_STR("Code: 62x. y")), 0);
    assert_int_equal(ch_exception_code(HS_STR("Code: 99999999. y")), 0);
    assert_int_equal(ch_exception_code(HS_STR("code: 62. y")), 0);
    assert_int_equal(ch_exception_code(HS_STR_NULL), 0);
}

#define TAGGED                                                                                     \
    "data\n\r\n__exception__\r\nabcdefghijklmnop\nCode: 395. DB::Exception: Value (version 26)\n"  \
    "50 abcdefghijklmnop\r\n__exception__\r\n"

struct tail {
    const char *body, *tag;
    bool broken;
    int code; /* 0: no exception */
    size_t data_n;
};

static void find_exception__knows_both_forms(void **state)
{
    static const struct tail cases[] = {
        {TAGGED, "abcdefghijklmnop", true, 395, 5},
        {TAGGED, "abcdefghijklmnop", false, 395, 5},
        {TAGGED, "another_tag_here", true, 0, 0}, /* somebody's data */
        {"1\n2\nCode: 241. DB::Exception: Memory (version 24.8.1.1)\n", "", false, 241, 4},
        {"1\n2\nCode: 241. DB::Exception: Memory", "", true, 241, 4},
        {"1\n2\nCode: 241. DB::Exception: Memory", "", false, 0, 0},
        {"a log line: Code: 60. DB::Exception: x (version 1) and more\n", "", false, 0, 0},
        {"", "", true, 0, 0},
        {"", "abcdefghijklmnop", true, 0, 0},
        {"\r\n__exception__\r\n", "abcdefghijklmnop", true, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct ch_exception exception = {0};
        size_t data_n = 0;
        bool found = ch_find_exception(hs_str_c(cases[i].body), hs_str_c(cases[i].tag),
                                       cases[i].broken, &exception, &data_n);

        if (found != (cases[i].code != 0) || (found && exception.code != cases[i].code))
            fail_msg("case %zu: found %d, code %d", i, found, exception.code);
        if (found)
            assert_int_equal(data_n, cases[i].data_n);
    }
}

static void find_exception__text_ends_before_the_length_line(void **state)
{
    struct ch_exception exception;
    size_t data_n;

    (void)state;
    assert_true(
        ch_find_exception(HS_STR(TAGGED), HS_STR("abcdefghijklmnop"), true, &exception, &data_n));
    assert_true(hs_str_ends_with(exception.text, HS_STR("(version 26)")));
}

static void hosts__rest_longer_after_each_failure_up_to_a_limit(void **state)
{
    struct hs_clock_fake clock;
    struct ch_hosts hosts;
    int64_t limit_ms = CH_REST_FIRST_MS;

    (void)state;
    hs_clock_fake_init(&clock, 0);
    assert_int_equal(ch_hosts_init(&hosts, "http://a:1/, https://b:2//", 1, &clock.base, NULL),
                     HS_OK);
    assert_int_equal(hosts.n, 2);
    assert_string_equal(hosts.items[1].url, "https://b:2");
    assert_int_equal(ch_host_rest_ms(&hosts, 0), 0);
    for (int i = 0; i < 100; i++) {
        int64_t rest_ms;

        ch_host_failed(&hosts, 0);
        rest_ms = ch_host_rest_ms(&hosts, 0);
        assert_true(rest_ms >= limit_ms / 2);
        assert_true(rest_ms <= limit_ms + 1);
        limit_ms = HS_MIN(2 * limit_ms, CH_REST_MAX_MS);
    }
    assert_int_equal(ch_host_rest_ms(&hosts, 1), 0);
    hs_clock_fake_advance(&clock, CH_REST_MAX_MS * HS_NS_PER_MS);
    assert_int_equal(ch_host_rest_ms(&hosts, 0), 0);
    ch_host_failed(&hosts, 0);
    ch_host_worked(&hosts, 0);
    assert_int_equal(ch_host_rest_ms(&hosts, 0), 0);
    ch_hosts_fini(&hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classify__says_what_may_be_retried),
        cmocka_unit_test(classify__unknown_code_is_poison_for_no_block),
        cmocka_unit_test(exception_code__needs_the_whole_form),
        cmocka_unit_test(find_exception__knows_both_forms),
        cmocka_unit_test(find_exception__text_ends_before_the_length_line),
        cmocka_unit_test(hosts__rest_longer_after_each_failure_up_to_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
