/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "model/field.h"

static void find__finds_every_field_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HS_FIELD_N; i++) {
        assert_non_null(hs_fields[i].name);
        assert_int_equal(hs_fields[i].name_n, strlen(hs_fields[i].name));
        assert_int_equal(hs_field_find(hs_str_c(hs_fields[i].name)), i);
    }
}

static void find__knows_no_other_name(void **state)
{
    static const char *const names[] = {"",        "q",       "queri",     "query_idx",
                                        "Query",   "latency", "event_ids", "attribute",
                                        "servicE", "querz",   "indexes"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(hs_field_find(hs_str_c(names[i])), HS_FIELD_N);
    assert_int_equal(hs_field_find(hs_str_n("query\0", 6)), HS_FIELD_N);
}

static void table__hides_each_personal_id_in_every_type_of_event(void **state)
{
    static const enum hs_field person[] = {HS_F_SESSION_ID, HS_F_CLIENT_ID, HS_F_USER_ID};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        unsigned all = HS_FF_SEARCH | HS_FF_RESULT | HS_FF_FAILURE | HS_FF_PERSON;

        assert_int_equal(hs_fields[person[i]].flags & all, all);
    }
}

static void table__bounds_every_string_and_array(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HS_FIELD_N; i++) {
        enum hs_field_type type = hs_fields[i].type;

        if (type == HS_FT_STRING || type == HS_FT_ARRAY)
            assert_true(hs_fields[i].max > 0);
        if (type == HS_FT_WORD)
            assert_non_null(hs_fields[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find__finds_every_field_by_its_name),
        cmocka_unit_test(find__knows_no_other_name),
        cmocka_unit_test(table__hides_each_personal_id_in_every_type_of_event),
        cmocka_unit_test(table__bounds_every_string_and_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
