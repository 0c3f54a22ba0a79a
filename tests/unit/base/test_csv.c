/* CSV as RFC 4180 has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/csv.h"
#include "base/mem.h"

static struct hs_csv csv;
static struct hs_csv_row row;
static struct hs_err err;
static char text[1024];

static void given(const char *content)
{
    size_t n = strlen(content);

    memcpy(text, content, n);
    hs_csv_init(&csv, text, n);
}

static void next_is(const char *fields[], size_t n)
{
    size_t i;

    assert_int_equal(hs_csv_next(&csv, &row, &err), HS_OK);
    assert_int_equal(row.n, n);
    for (i = 0; i < n; i++)
        assert_true(hs_str_eq_c(row.fields[i], fields[i]));
}

static void rows__have_plain_and_quoted_fields(void **state)
{
    (void)state;
    given("\xef\xbb\xbfQuery,grade\r\n\"a, \"\"b\"\"\",2\n\n,\n\"x\ny\",last");
    next_is((const char *[]){"Query", "grade"}, 2);
    assert_int_equal(hs_csv_find(&row, HS_STR("query")), 0);
    assert_int_equal(hs_csv_find(&row, HS_STR("doc")), 2);
    next_is((const char *[]){"a, \"b\"", "2"}, 2);
    assert_int_equal(csv.line, 2);
    next_is((const char *[]){"", ""}, 2);
    next_is((const char *[]){"x\ny", "last"}, 2);
    assert_int_equal(csv.line, 5);
    assert_int_equal(hs_csv_next(&csv, &row, &err), HS_ENOTFOUND);
}

static void quotes__that_do_not_end_are_an_error_with_the_line(void **state)
{
    (void)state;
    given("a,b\nc,\"d\n");
    assert_int_equal(hs_csv_next(&csv, &row, &err), HS_OK);
    assert_int_equal(hs_csv_next(&csv, &row, &err), HS_EINVAL);
    assert_string_equal(err.text, "line 2: a quote does not end");
    given("\"a\"b,c\n");
    assert_int_equal(hs_csv_next(&csv, &row, &err), HS_EINVAL);
    assert_string_equal(err.text, "line 1: text after a closing quote");
}

static void fields__have_a_limit(void **state)
{
    char many[HS_CSV_FIELDS_MAX + 1] = "";

    (void)state;
    memset(many, ',', HS_CSV_FIELDS_MAX - 1);
    given(many);
    assert_int_equal(hs_csv_next(&csv, &row, &err), HS_OK);
    assert_int_equal(row.n, HS_CSV_FIELDS_MAX);
    memset(many, ',', HS_CSV_FIELDS_MAX);
    given(many);
    assert_int_equal(hs_csv_next(&csv, &row, &err), HS_ELIMIT);
    assert_string_equal(err.text, "line 1: more than 64 fields");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows__have_plain_and_quoted_fields),
        cmocka_unit_test(quotes__that_do_not_end_are_an_error_with_the_line),
        cmocka_unit_test(fields__have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
