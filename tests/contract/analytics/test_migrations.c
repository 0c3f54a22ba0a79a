/* Migrations against a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backend/analytics_clickhouse/clickhouse.h"
#include "port/migrate.h"
#include "support/analytics_kit.h"

static const struct hs_migration first = {
    "0001_one.sql",
    (const unsigned char *)"-- a; comment\nCREATE TABLE IF NOT EXISTS haystat.one (s String "
                           "DEFAULT ';') ENGINE = MergeTree ORDER BY s;\n"
                           "ALTER TABLE haystat.one ADD COLUMN IF NOT EXISTS n UInt8;\n",
    0};
static const struct hs_migration second = {
    "0002_two.sql",
    (const unsigned char *)"CREATE TABLE IF NOT EXISTS haystat.two (n UInt8) ENGINE = MergeTree "
                           "ORDER BY n",
    0};
static const struct hs_migration broken = {
    "0003_broken.sql",
    (const unsigned char *)"CREATE TABLE IF NOT EXISTS haystat.three (n UInt8) ENGINE = Memory;"
                           "CREATE TABLE (;",
    0};

static struct hs_migration sized(struct hs_migration file)
{
    file.size = strlen((const char *)file.data);
    return file;
}

static int migrate(const struct hs_migration *files, size_t n, struct hs_migrate_result *out)
{
    const struct hs_migrations set = {files, n};

    memset(&kit.err, 0, sizeof(kit.err));
    return hs_migrate(kit.analytics, &set, out, &kit.err);
}

static void migrate__applies_each_file_once(void **state)
{
    struct hs_migration files[] = {sized(first), sized(second)};
    struct hs_migrate_result result;

    (void)state;
    if (migrate(files, 1, &result) != HS_OK)
        fail_msg("%s", kit.err.text);
    assert_int_equal(result.applied, 1);
    assert_int_equal(migrate(files, 2, &result), HS_OK);
    assert_int_equal(result.applied, 1);
    assert_int_equal(result.version, 2);
    assert_int_equal(migrate(files, 2, &result), HS_OK);
    assert_int_equal(result.applied, 0);
    assert_int_equal(kit_number("SELECT count() FROM haystat.migrations"), 2);
    assert_int_equal(kit_number("SELECT count() FROM system.columns WHERE database = 'haystat' "
                                "AND table = 'one'"),
                     2);
}

static void migrate__refuses_a_changed_file(void **state)
{
    struct hs_migration files[] = {sized(first), sized(second)};
    struct hs_migrate_result result;

    (void)state;
    files[1].size--;
    assert_int_equal(migrate(files, 2, &result), HS_ECONFLICT);
    assert_non_null(strstr(kit.err.text, "0002_two.sql"));
}

static void migrate__refuses_a_newer_database(void **state)
{
    struct hs_migration files[] = {sized(first)};
    struct hs_migrate_result result;

    (void)state;
    assert_int_equal(migrate(files, 1, &result), HS_ECONFLICT);
    assert_non_null(strstr(kit.err.text, "newer"));
}

static void migrate__names_file_and_statement_and_repeats_after_a_failure(void **state)
{
    struct hs_migration files[] = {sized(first), sized(second), sized(broken)};
    struct hs_migrate_result result;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(migrate(files, 3, &result), HS_EINVAL);
        assert_int_equal(kit.err.sys, 62);
        assert_non_null(strstr(kit.err.text, "0003_broken.sql', statement 2"));
    }
    assert_int_equal(kit_number("SELECT count() FROM haystat.migrations"), 2);
}

static void migrate__note_written_twice_is_harmless(void **state)
{
    struct hs_migration files[] = {sized(first), sized(second)};
    struct hs_migrate_result result;

    (void)state;
    kit_exec("INSERT INTO haystat.migrations SELECT version, name, checksum, now64(3) "
             "FROM haystat.migrations");
    assert_int_equal(migrate(files, 2, &result), HS_OK);
    assert_int_equal(result.applied, 0);
}

static void migrate_hosts__goes_to_each_host(void **state)
{
    struct hs_migration files[] = {sized(first), sized(second)};
    const struct hs_migrations set = {files, 2};
    struct hs_migrate_result result;
    char urls[256];
    struct hs_conf conf = {.analytics_url = urls,
                           .analytics_user = (char *)"haystat_rw",
                           .analytics_password = (char *)STORE_FIXTURE_RW_PASSWORD,
                           .analytics_user_ro = (char *)"",
                           .analytics_password_ro = (char *)"",
                           .analytics_connections_max = 2};

    (void)state;
    snprintf(urls, sizeof(urls), "%s, http://localhost:%d", kit.store.url, kit.store.port);
    kit_exec("TRUNCATE TABLE haystat.migrations");
    assert_int_equal(hs_migrate_hosts(&hs_analytics_clickhouse_ops, &conf, hs_clock_system(), &set,
                                      &result, &kit.err),
                     HS_OK);
    assert_int_equal(result.applied, 2); /* both names are one server, so the second has nothing */
    snprintf(urls, sizeof(urls), "%s,http://127.0.0.1:1", kit.store.url);
    assert_int_equal(hs_migrate_hosts(&hs_analytics_clickhouse_ops, &conf, hs_clock_system(), &set,
                                      &result, &kit.err),
                     HS_EAGAIN);
    assert_non_null(strstr(kit.err.text, "host 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrate__applies_each_file_once),
        cmocka_unit_test(migrate__refuses_a_changed_file),
        cmocka_unit_test(migrate__refuses_a_newer_database),
        cmocka_unit_test(migrate__names_file_and_statement_and_repeats_after_a_failure),
        cmocka_unit_test(migrate__note_written_twice_is_harmless),
        cmocka_unit_test(migrate_hosts__goes_to_each_host),
    };

    if (!store_fixture_available()) {
        printf("skipped: no libchdb.so (HAYSTAT_TEST_LIBCHDB, build/, scripts/setup)\n");
        return STORE_FIXTURE_SKIP;
    }
    return cmocka_run_group_tests(tests, kit_start, kit_stop);
}
