#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gateway/failure.h"

#define SQL_TEXT                                                                                   \
    "ClickHouse: Code: 60. DB::Exception: Unknown table 'haystat.searches' in SELECT secret"

static const struct {
    int rc;
    int sys;
    const char *text;
    int status;
    const char *code;
    const char *words; /* in the detail */
} cases[] = {
    {HS_ELIMIT, 158, SQL_TEXT, 422, "row_budget", "query.rows_max = 1234"},
    {HS_ELIMIT, 241, SQL_TEXT, 422, "memory_budget", "store.memory_max"},
    {HS_ELIMIT, 159, SQL_TEXT, 504, "query_timeout", "query.timeout = 5678 ms"},
    {HS_ELIMIT, 160, SQL_TEXT, 504, "query_timeout", "query.timeout = 5678 ms"},
    {HS_ETIMEOUT, 0, "no answer", 504, "query_timeout", "query.timeout = 5678 ms"},
    {HS_ELIMIT, 0, "group_by gives more than 5 groups", 422, "too_large", "more than 5 groups"},
    {HS_EINVAL, 60, SQL_TEXT, 503, "store_starting", "/readyz"},
    {HS_EINVAL, 81, SQL_TEXT, 503, "store_starting", "/readyz"},
    {HS_EAGAIN, 0, "all 1 hosts failed lately", 503, "unavailable", "all 1 hosts failed lately"},
    {HS_EIO, 0, "connection broke\nsecond line", 503, "unavailable", "connection broke"},
    {HS_EINVAL, 62, SQL_TEXT, 500, "internal", "the log says more"},
    {HS_EINVAL, 0, SQL_TEXT, 500, "internal", "the log says more"},
    {HS_ECORRUPT, 0, SQL_TEXT, 500, "internal", "the log says more"},
    {HS_EUNSUP, 0, SQL_TEXT, 500, "internal", "the log says more"},
};

static void failure__has_the_status_that_tells_what_to_do(void **state)
{
    const struct hs_conf conf = {.query_rows_max = 1234, .query_timeout_ms = 5678};
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_failure failure;
        struct hs_buf detail;
        struct hs_err err;

        hs_buf_init(&detail, 2 * HS_ERR_TEXT_MAX);
        hs_err_set(&err, cases[i].rc, cases[i].sys, "%s", cases[i].text);
        failure = hs_failure_of(&err, &conf, &detail);
        if (failure.status != cases[i].status || strcmp(failure.code, cases[i].code) != 0 ||
            !strstr(hs_buf_cstr(&detail), cases[i].words))
            fail_msg("case %zu: %d %s %s", i, failure.status, failure.code, hs_buf_cstr(&detail));
        assert_int_equal(failure.bug, cases[i].status == 500);
        assert_null(strstr(hs_buf_cstr(&detail), "SELECT"));
        assert_null(strstr(hs_buf_cstr(&detail), "second line"));
        hs_buf_fini(&detail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure__has_the_status_that_tells_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
