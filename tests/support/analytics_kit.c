#include "support/analytics_kit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "backend/analytics_clickhouse/clickhouse.h"

struct analytics_kit kit;

struct hs_analytics *kit_open(const char *urls, const char *password)
{
    struct hs_conf conf = {
        .analytics_url = (char *)(urls ? urls : kit.store.url),
        .analytics_user = (char *)"haystat_rw",
        .analytics_password = (char *)(password ? password : STORE_FIXTURE_RW_PASSWORD),
        .analytics_user_ro = (char *)"haystat_ro",
        .analytics_password_ro = (char *)STORE_FIXTURE_RO_PASSWORD,
        .analytics_connections_max = 16,
    };
    struct hs_analytics *analytics = NULL;

    if (hs_analytics_clickhouse_ops.open(&conf, hs_clock_system(), &analytics, &kit.err) != HS_OK)
        fail_msg("open: %s", kit.err.text);
    return analytics;
}

int kit_start(void **state)
{
    (void)state;
    store_fixture_start(&kit.store);
    kit.analytics = kit_open(NULL, NULL);
    kit_exec("CREATE DATABASE IF NOT EXISTS haystat");
    return 0;
}

int kit_stop(void **state)
{
    (void)state;
    hs_analytics_close(kit.analytics);
    store_fixture_stop(&kit.store);
    return 0;
}

struct hs_query kit_query(const char *sql)
{
    return (struct hs_query){.sql = sql, .user = HS_ANALYTICS_RW, .timeout_ms = 10000};
}

void kit_exec(const char *sql)
{
    struct hs_query query = kit_query(sql);

    if (hs_analytics_exec(kit.analytics, &query, &kit.err) != HS_OK)
        fail_msg("%s: %s", sql, kit.err.text);
}

uint64_t kit_number(const char *sql)
{
    struct hs_query query = kit_query(sql);
    struct hs_arena arena;
    struct hs_table table;
    uint64_t v;

    hs_arena_init(&arena, 1 << 20);
    if (hs_analytics_query(kit.analytics, &query, &arena, &table, &kit.err) != HS_OK)
        fail_msg("%s: %s", sql, kit.err.text);
    assert_int_equal(table.rows, 1);
    assert_int_equal(table.columns[0].kind, HS_COL_U64);
    v = table.columns[0].u64[0];
    hs_arena_fini(&arena);
    return v;
}

int kit_insert(const char *table, const char *token, const struct hs_block *block)
{
    const struct hs_insert insert = {.table = table, .token = hs_str_c(token), .timeout_ms = 10000};

    return hs_analytics_insert(kit.analytics, &insert, block, &kit.err);
}
