/* Queries, parameters, limits and errors against a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backend/analytics_clickhouse/clickhouse.h"
#include "backend/analytics_clickhouse/errors.h"
#include "base/thread.h"
#include "support/analytics_kit.h"

enum { ARENA_BYTES = 64 << 20 };

static int run(const struct hs_query *query, struct hs_arena *arena, struct hs_table *out)
{
    hs_arena_init(arena, ARENA_BYTES);
    memset(&kit.err, 0, sizeof(kit.err));
    return hs_analytics_query(kit.analytics, query, arena, out, &kit.err);
}

/* Runs it, checks return and ClickHouse's code, and that `out` stays untouched. */
static void expect_failure(const struct hs_query *query, int rc, int code)
{
    struct hs_table table = {.rows = 12345};
    struct hs_arena arena;
    int got = run(query, &arena, &table);

    if (got != rc || (code != 0 && kit.err.sys != code))
        fail_msg("%s: rc %s, code %d: %s", query->sql, hs_rc_name(got), kit.err.sys, kit.err.text);
    assert_int_equal(kit.err.rc, rc);
    assert_int_equal(table.rows, 12345);
    hs_arena_fini(&arena);
}

static void query__decodes_columns(void **state)
{
    struct hs_query query =
        kit_query("SELECT number AS n, toString(number) AS s, [number, 7] AS a, "
                  "map('k', number) AS m, toLowCardinality(s) AS lc, "
                  "if(n = 1, NULL, n) AS maybe FROM numbers(3)");
    struct hs_table table;
    struct hs_arena arena;

    (void)state;
    assert_int_equal(run(&query, &arena, &table), HS_OK);
    assert_int_equal(table.rows, 3);
    assert_int_equal(hs_table_column(&table, "n")->u64[2], 2);
    assert_true(hs_str_eq_c(hs_table_column(&table, "s")->str[1], "1"));
    assert_int_equal(hs_table_column(&table, "a")->offsets[2], 6);
    assert_int_equal(hs_table_column(&table, "a")->children[0].u64[4], 2);
    assert_int_equal(hs_table_column(&table, "m")->children[1].u64[2], 2);
    assert_true(hs_str_eq_c(hs_table_column(&table, "lc")->str[2], "2"));
    assert_int_equal(hs_table_column(&table, "maybe")->nulls[1], 1);
    assert_int_equal(table.rows_read, 3);
    assert_null(hs_table_column(&table, "none"));
    hs_arena_fini(&arena);
}

static void query__joins_many_blocks(void **state)
{
    struct hs_query query = kit_query("SELECT number, toString(number) AS s FROM numbers(300000)");
    struct hs_table table;
    struct hs_arena arena;

    (void)state;
    query.settings = "max_block_size=1000";
    assert_int_equal(run(&query, &arena, &table), HS_OK);
    assert_int_equal(table.rows, 300000);
    for (size_t i = 0; i < table.rows; i++)
        assert_int_equal(table.columns[0].u64[i], i);
    assert_true(hs_str_eq_c(table.columns[1].str[299999], "299999"));
    hs_arena_fini(&arena);
}

static void query__empty_answer_has_no_rows(void **state)
{
    struct hs_query query = kit_query("SELECT number FROM numbers(5) WHERE number > 9");
    struct hs_table table;
    struct hs_arena arena;

    (void)state;
    assert_int_equal(run(&query, &arena, &table), HS_OK);
    assert_int_equal(table.rows, 0);
    hs_arena_fini(&arena);
}

static void query__every_text_parameter_comes_back_equal(void **state)
{
    static const struct hs_str values[] = {
        {"", 0},
        {"plain", 5},
        {"tab\there", 8},
        {"line\nbreak\r", 11},
        {"back\\slash\\t", 12},
        {"quote'\"`", 8},
        {"nul\0inside", 10},
        {"\b\f\v\x1b\x7f", 5},
        {"gr\xc3\xbc\xc3\x9f \xe6\xa4\x9c\xe7\xb4\xa2 \xf0\x9f\x94\x8d", 18},
        {"\xff\xfe not UTF-8", 12},
        {"\\N", 2},
        {"a&b=c%20d+e#f?g;h", 17},
        {"{x:String}", 10},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct hs_param param = {"x", values[i]};
        struct hs_query query = kit_query("SELECT {x:String} AS x -- no format here");
        struct hs_table table;
        struct hs_arena arena;

        query.params = &param;
        query.params_n = 1;
        query.user = HS_ANALYTICS_RO;
        if (run(&query, &arena, &table) != HS_OK)
            fail_msg("value %zu: %s", i, kit.err.text);
        if (!hs_str_eq(table.columns[0].str[0], values[i]))
            fail_msg("value %zu came back as '%.*s'", i, HS_STR_ARG(table.columns[0].str[0]));
        hs_arena_fini(&arena);
    }
}

static void query__refuses_bad_parameter_name(void **state)
{
    struct hs_param param = {"x&y", HS_STR("1")};
    struct hs_query query = kit_query("SELECT 1");

    (void)state;
    query.params = &param;
    query.params_n = 1;
    expect_failure(&query, HS_EINVAL, 0);
}

static void query__syntax_error_is_einval(void **state)
{
    struct hs_query query = kit_query("SELEC 1");

    (void)state;
    expect_failure(&query, HS_EINVAL, 62);
}

static void query__unknown_table_is_einval(void **state)
{
    struct hs_query query = kit_query("SELECT * FROM haystat.nothing_here");

    (void)state;
    expect_failure(&query, HS_EINVAL, 60);
}

static void query__wrong_password_is_refused(void **state)
{
    struct hs_analytics *analytics = kit_open(NULL, "wrong");
    struct hs_query query = kit_query("SELECT 1");
    struct hs_table table;
    struct hs_arena arena;

    (void)state;
    hs_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hs_analytics_query(analytics, &query, &arena, &table, &kit.err), HS_EAGAIN);
    assert_int_equal(kit.err.sys, 516);
    assert_null(strstr(kit.err.text, "wrong"));
    hs_arena_fini(&arena);
    hs_analytics_close(analytics);
}

static void query__memory_limit_is_elimit(void **state)
{
    struct hs_query query = kit_query("SELECT length(groupArray(number)) FROM numbers(100000000)");

    (void)state;
    query.settings = "max_memory_usage=20000000";
    expect_failure(&query, HS_ELIMIT, 241);
}

static void query__row_limit_is_elimit_158(void **state)
{
    struct hs_query query = kit_query("SELECT sum(number) FROM numbers(1000)");

    (void)state;
    query.rows_read_max = 999;
    query.user = HS_ANALYTICS_RO;
    expect_failure(&query, HS_ELIMIT, 158);
    query.rows_read_max = 1000;
    kit.err.rc = 0;
    struct hs_table table;
    struct hs_arena arena;
    assert_int_equal(run(&query, &arena, &table), HS_OK);
    hs_arena_fini(&arena);
}

static void query__server_timeout_is_elimit_159(void **state)
{
    struct hs_query query = kit_query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)");

    (void)state;
    query.timeout_ms = 700;
    expect_failure(&query, HS_ELIMIT, 159);
}

static void query__own_deadline_is_etimeout(void **state)
{
    struct hs_query query =
        kit_query("SELECT sleepEachRow(3) FROM numbers(1) SETTINGS max_block_size = 1");
    int64_t start = hs_mono_ns(hs_clock_system());

    (void)state;
    query.timeout_ms = 300;
    expect_failure(&query, HS_ETIMEOUT, 0);
    assert_true(hs_mono_ns(hs_clock_system()) - start < 2 * HS_NS_PER_S);
}

static void query__result_limit_is_elimit(void **state)
{
    struct hs_query query = kit_query("SELECT repeat('x', 1000) FROM numbers(1000)");

    (void)state;
    query.result_bytes_max = 100000;
    expect_failure(&query, HS_ELIMIT, 0);
}

static void query__exception_behind_data_is_found(void **state)
{
    struct hs_query query =
        kit_query("SELECT throwIf(number = 3000000) AS t, number FROM numbers(5000000)");

    (void)state;
    query.settings = "max_block_size=10000&wait_end_of_query=0";
    expect_failure(&query, HS_ECORRUPT, 395);
}

static void query__data_that_quotes_an_exception_is_data(void **state)
{
    struct hs_query query =
        kit_query("SELECT '\\r\\n__exception__\\r\\nabcdefghijklmnop\\nCode: 60. DB::Exception: x "
                  "(version 1.1)\\n' AS s");
    struct hs_buf out;

    (void)state;
    hs_buf_init(&out, 4096);
    assert_int_equal(hs_analytics_query_raw(kit.analytics, &query, "RawBLOB", &out, &kit.err),
                     HS_OK);
    assert_true(hs_str_contains(hs_buf_str(&out), HS_STR("__exception__")));
    hs_buf_fini(&out);
}

static void query_raw__gives_the_format_asked_for(void **state)
{
    struct hs_query query = kit_query("SELECT 1 AS a");
    struct hs_buf out;

    (void)state;
    hs_buf_init(&out, 4096);
    HS_BUF_ADD_LIT(&out, "before:");
    assert_int_equal(hs_analytics_query_raw(kit.analytics, &query, "JSONEachRow", &out, &kit.err),
                     HS_OK);
    assert_string_equal(hs_buf_cstr(&out), "before:{\"a\":1}\n");
    assert_int_equal(hs_analytics_query_raw(kit.analytics, &query, "TSV SETTINGS x", &out,
                                            &kit.err),
                     HS_EINVAL);
    hs_buf_fini(&out);
}

static void query__reader_may_not_write(void **state)
{
    struct hs_query query = kit_query("CREATE TABLE haystat.no (a UInt8) ENGINE = Memory");

    (void)state;
    query.user = HS_ANALYTICS_RO;
    assert_int_equal(hs_analytics_exec(kit.analytics, &query, &kit.err), HS_EINVAL);
}

struct parallel {
    struct hs_thread thread;
    uint64_t want, got;
    int rc;
};

static void one_of_many(void *arg)
{
    struct parallel *parallel = arg;
    char sql[128] = "";
    struct hs_query query = kit_query(sql);
    struct hs_table table;
    struct hs_arena arena;

    snprintf(sql, sizeof(sql), "SELECT %llu + sum(number) * 0 FROM numbers(100000)",
             (unsigned long long)parallel->want);
    hs_arena_init(&arena, 1 << 20);
    parallel->rc = hs_analytics_query(kit.analytics, &query, &arena, &table, NULL);
    if (parallel->rc == HS_OK)
        parallel->got = table.columns[0].u64[0];
    hs_arena_fini(&arena);
}

static void query__fifty_at_once_get_their_own_answers(void **state)
{
    struct parallel many[50];

    (void)state;
    memset(many, 0, sizeof(many));
    for (size_t i = 0; i < 50; i++) {
        many[i].want = 1000 + i;
        assert_int_equal(hs_thread_start(&many[i].thread, "query", one_of_many, &many[i], NULL),
                         HS_OK);
    }
    for (size_t i = 0; i < 50; i++)
        hs_thread_join(&many[i].thread);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(many[i].rc, HS_OK);
        assert_int_equal(many[i].got, many[i].want);
    }
}

struct long_query {
    struct hs_thread thread;
    struct hs_err err;
    int rc;
};

static void run_long_query(void *arg)
{
    struct long_query *job = arg;
    struct hs_query query = kit_query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)");
    struct hs_table table;
    struct hs_arena arena;

    query.query_id = HS_STR("contract-kill-me");
    hs_arena_init(&arena, 1 << 20);
    job->rc = hs_analytics_query(kit.analytics, &query, &arena, &table, &job->err);
    hs_arena_fini(&arena);
}

static void kill__ends_running_queries_by_prefix(void **state)
{
    struct long_query job = {.rc = 1};
    int tries = 10000;

    (void)state;
    assert_int_equal(hs_thread_start(&job.thread, "long", run_long_query, &job, NULL), HS_OK);
    while (kit_number("SELECT count() FROM system.processes WHERE query_id = 'contract-kill-me'") ==
           0)
        assert_true(tries-- > 0);
    assert_int_equal(hs_analytics_kill(kit.analytics, HS_STR("contract-kill"), true, 10000,
                                       &kit.err),
                     HS_OK);
    hs_thread_join(&job.thread);
    assert_int_equal(job.rc, HS_EIO);
    assert_int_equal(job.err.sys, 394);
    assert_int_equal(hs_analytics_kill(kit.analytics, HS_STR("not-running"), false, 10000,
                                       &kit.err),
                     HS_OK);
}

static void name_of(const struct hs_table *table, int code, struct hs_str *out)
{
    const struct hs_column *codes = hs_table_column(table, "code");

    for (size_t i = 0; i < table->rows; i++) {
        if (codes->i64[i] == code)
            *out = hs_table_column(table, "name")->str[i];
    }
}

static void codes__names_agree_with_the_server(void **state)
{
    struct hs_query query = kit_query("SELECT code, name FROM system.errors");
    struct hs_table table;
    struct hs_arena arena;

    (void)state;
    query.settings = "system_events_show_zero_values=1";
    assert_int_equal(run(&query, &arena, &table), HS_OK);
    for (unsigned i = 0; i < ch_codes_n; i++) {
        struct hs_str name = HS_STR_NULL;

        name_of(&table, ch_codes[i].code, &name);
        if (!hs_str_eq_c(name, ch_codes[i].name))
            fail_msg("code %d is %.*s", ch_codes[i].code, HS_STR_ARG(name));
        assert_true(i == 0 || ch_codes[i - 1].code < ch_codes[i].code);
    }
    hs_arena_fini(&arena);
}

static void open__refuses_bad_urls(void **state)
{
    static const char *const urls[] = {"",
                                       " , ",
                                       "127.0.0.1:8123",
                                       "ftp://x/",
                                       "http://u:secret@127.0.0.1:1",
                                       "http://127.0.0.1:1/?a=b"};

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct hs_conf conf = {.analytics_url = (char *)urls[i],
                               .analytics_user = (char *)"",
                               .analytics_password = (char *)"",
                               .analytics_user_ro = (char *)"",
                               .analytics_password_ro = (char *)""};
        struct hs_analytics *analytics = NULL;

        assert_int_equal(hs_analytics_clickhouse_ops.open(&conf, hs_clock_system(), &analytics,
                                                          &kit.err),
                         HS_EINVAL);
        assert_null(analytics);
        assert_null(strstr(kit.err.text, "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query__decodes_columns),
        cmocka_unit_test(query__joins_many_blocks),
        cmocka_unit_test(query__empty_answer_has_no_rows),
        cmocka_unit_test(query__every_text_parameter_comes_back_equal),
        cmocka_unit_test(query__refuses_bad_parameter_name),
        cmocka_unit_test(query__syntax_error_is_einval),
        cmocka_unit_test(query__unknown_table_is_einval),
        cmocka_unit_test(query__wrong_password_is_refused),
        cmocka_unit_test(query__memory_limit_is_elimit),
        cmocka_unit_test(query__row_limit_is_elimit_158),
        cmocka_unit_test(query__server_timeout_is_elimit_159),
        cmocka_unit_test(query__own_deadline_is_etimeout),
        cmocka_unit_test(query__result_limit_is_elimit),
        cmocka_unit_test(query__exception_behind_data_is_found),
        cmocka_unit_test(query__data_that_quotes_an_exception_is_data),
        cmocka_unit_test(query_raw__gives_the_format_asked_for),
        cmocka_unit_test(query__reader_may_not_write),
        cmocka_unit_test(query__fifty_at_once_get_their_own_answers),
        cmocka_unit_test(kill__ends_running_queries_by_prefix),
        cmocka_unit_test(codes__names_agree_with_the_server),
        cmocka_unit_test(open__refuses_bad_urls),
    };

    if (!store_fixture_available()) {
        printf("skipped: no libchdb.so (HAYSTAT_TEST_LIBCHDB, build/, scripts/setup)\n");
        return STORE_FIXTURE_SKIP;
    }
    return cmocka_run_group_tests(tests, kit_start, kit_stop);
}
