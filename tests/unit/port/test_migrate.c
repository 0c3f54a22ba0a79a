/* Splitting of statements; applying is tested against a real server in tests/contract/analytics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "port/migrate.h"

struct split {
    const char *text;
    const char *statements[4];
};

static void next_statement__splits_outside_quotes_and_comments(void **state)
{
    static const struct split cases[] = {
        {"", {NULL}},
        {" \n;; ; -- nothing\n/* at ; all */", {NULL}},
        {"A", {"A"}},
        {"A;", {"A"}},
        {"A; B ;\nC", {"A", "B", "C"}},
        {"SELECT ';'; B", {"SELECT ';'", "B"}},
        {"SELECT 'it''s;'; B", {"SELECT 'it''s;'", "B"}},
        {"SELECT 'a\\';b'; B", {"SELECT 'a\\';b'", "B"}},
        {"SELECT `a;b`, \"c;d\"; B", {"SELECT `a;b`, \"c;d\"", "B"}},
        {"-- head; it\nA -- tail; x\n, 'y'; B", {"A -- tail; x\n, 'y'", "B"}},
        {"A /* 'open ; */ B; C", {"A /* 'open ; */ B", "C"}},
        {"A 'never closed; B", {"A 'never closed; B"}},
        {"A /* never closed; B", {"A /* never closed; B"}},
        {"A 'ends in a backslash\\", {"A 'ends in a backslash\\"}},
        {"A - B / C; D", {"A - B / C", "D"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hs_str rest = hs_str_c(cases[i].text);
        struct hs_str statement;
        size_t n = 0;

        while (hs_migrate_next_statement(&rest, &statement)) {
            assert_true(n < 4);
            if (!cases[i].statements[n] || !hs_str_eq_c(statement, cases[i].statements[n]))
                fail_msg("'%s': statement %zu is '%.*s'", cases[i].text, n, HS_STR_ARG(statement));
            n++;
        }
        if (n < 4 && cases[i].statements[n])
            fail_msg("'%s': no statement %zu", cases[i].text, n);
    }
}

static void migrate__refuses_bad_file_names_before_anything_else(void **state)
{
    static const char *const names[] = {"tables.sql", "0001tables.sql", "0001_tables.txt",
                                        "0000_zero.sql", "1234567890_long.sql"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct hs_migration file = {names[i], (const unsigned char *)"", 0};
        struct hs_migrations set = {&file, 1};
        struct hs_migrate_result result;
        struct hs_err err;

        assert_int_equal(hs_migrate(NULL, &set, &result, &err), HS_EINVAL);
    }
}

static void migrate__refuses_versions_out_of_order(void **state)
{
    static const struct hs_migration files[] = {{"0002_b.sql", (const unsigned char *)"", 0},
                                                {"0002_c.sql", (const unsigned char *)"", 0}};
    struct hs_migrations set = {files, 2};
    struct hs_migrate_result result;
    struct hs_err err;

    (void)state;
    assert_int_equal(hs_migrate(NULL, &set, &result, &err), HS_EINVAL);
    assert_non_null(strstr(err.text, "0002_c.sql"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_statement__splits_outside_quotes_and_comments),
        cmocka_unit_test(migrate__refuses_bad_file_names_before_anything_else),
        cmocka_unit_test(migrate__refuses_versions_out_of_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
