#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cmd/args.h"

static const char *qps;
static const char *verbose;

static const struct hs_flag flags[] = {
    {"qps", "N", "queries a second", &qps},
    {"verbose", NULL, "says more", &verbose},
    {NULL, NULL, NULL, NULL},
};

static const struct hs_command command = {
    .name = "probe",
    .synopsis = "A [B]",
    .about = "Test.",
    .flags = flags,
    .operands_min = 1,
    .operands_max = 2,
};

enum { WORDS_MAX = 16 };

/* Splits `line` at spaces and parses it with or without the shared flags. */
static int parse(const char *line, bool shared, struct hs_args *out)
{
    static char copy[512];
    char *argv[WORDS_MAX];
    char *rest = copy;
    int argc = 0;

    qps = verbose = NULL;
    snprintf(copy, sizeof(copy), "%s", line);
    while (argc < WORDS_MAX && (argv[argc] = strsep(&rest, " ")) != NULL)
        argc++;
    return shared ? hs_args_parse_conf(&command, argc, argv, out)
                  : hs_args_parse(&command, argc, argv, out);
}

static void parse__takes_flags_in_both_forms_and_operands(void **state)
{
    struct hs_args args;

    (void)state;
    assert_int_equal(parse("probe one --qps 5 --verbose two", false, &args), -1);
    assert_string_equal(qps, "5");
    assert_non_null(verbose);
    assert_int_equal(args.operands_n, 2);
    assert_string_equal(args.operands[1], "two");
    assert_int_equal(parse("probe --qps=6 -- --qps", false, &args), -1);
    assert_string_equal(qps, "6");
    assert_string_equal(args.operands[0], "--qps");
    assert_int_equal(parse("probe -", false, &args), -1);
}

static void parse__refuses_wrong_usage_with_exit_code_2(void **state)
{
    static const char *const lines[] = {
        "probe",      "probe a b c",         "probe a --qps",      "probe a --qsp 5",
        "probe a -q", "probe a --verbose=1", "probe a --config f",
    };
    static const char *const shared_lines[] = {
        "probe a --set",
        "probe a --set data",
        "probe a --set http.threads=0",
        "probe a --roles x",
        "probe a --config /nonexistent/f",
    };
    struct hs_args args;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(lines); i++)
        assert_int_equal(parse(lines[i], false, &args), 2);
    for (i = 0; i < HS_ARRAY_LEN(shared_lines); i++)
        assert_int_equal(parse(shared_lines[i], true, &args), 2);
}

static void parse__shows_help_with_exit_code_0(void **state)
{
    struct hs_args args;

    (void)state;
    assert_int_equal(parse("probe --help", true, &args), 0);
    assert_int_equal(parse("probe -h", false, &args), 0);
}

static void parse_conf__applies_shared_flags_in_order(void **state)
{
    struct hs_args args;

    (void)state;
    assert_int_equal(parse("probe a --set data=x --data y --roles=engine --set http.threads=3",
                           true, &args),
                     -1);
    assert_string_equal(args.conf.data, "y");
    assert_int_equal(args.conf.roles, HS_ROLE_ENGINE);
    assert_int_equal(args.conf.http_threads, 3);
    hs_args_fini(&args);
    assert_int_equal(parse("probe a --data y --set data=x", true, &args), -1);
    assert_string_equal(args.conf.data, "x");
    hs_args_fini(&args);
    hs_args_fini(&args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__takes_flags_in_both_forms_and_operands),
        cmocka_unit_test(parse__refuses_wrong_usage_with_exit_code_2),
        cmocka_unit_test(parse__shows_help_with_exit_code_0),
        cmocka_unit_test(parse_conf__applies_shared_flags_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
