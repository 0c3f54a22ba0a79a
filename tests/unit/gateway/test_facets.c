#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gateway/facets.h"

static void find__knows_which_table_answers(void **state)
{
    static const struct {
        const char *name;
        enum hs_facet_kind kind;
        const char *column;
    } cases[] = {
        {"service", HS_FACET_BASE, "service::String"},
        {"environment", HS_FACET_BASE, "environment::String"},
        {"version", HS_FACET_DIM, "version::String"},
        {"index", HS_FACET_DIM, "index::String"},
        {"ranker", HS_FACET_DIM, "ranker::String"},
        {"region", HS_FACET_DIM, "region::String"},
        {"locale", HS_FACET_DIM, "locale::String"},
        {"application", HS_FACET_DIM, "application::String"},
        {"status", HS_FACET_RAW, "status::String"},
        {"error_code", HS_FACET_RAW, "error_code::String"},
        {"query", HS_FACET_RAW, "query_norm"},
    };
    struct hs_facet_ref ref;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        if (hs_facet_find(hs_str_c(cases[i].name), &ref, NULL) != HS_OK)
            fail_msg("%s is not found", cases[i].name);
        assert_int_equal(ref.field->kind, cases[i].kind);
        assert_string_equal(ref.field->column, cases[i].column);
        assert_true(hs_str_eq_c(ref.name, cases[i].name));
        assert_int_equal(ref.attribute.n, 0);
    }
    assert_int_equal(hs_facet_find(HS_STR("experiment"), &ref, NULL), HS_OK);
    assert_int_equal(ref.field->kind, HS_FACET_EXPERIMENT);
}

static void find__takes_an_attribute_of_any_name(void **state)
{
    struct hs_facet_ref ref;

    (void)state;
    assert_int_equal(hs_facet_find(HS_STR("attributes.a.b c'\\"), &ref, NULL), HS_OK);
    assert_int_equal(ref.field->kind, HS_FACET_ATTRIBUTE);
    assert_true(hs_str_eq_c(ref.attribute, "a.b c'\\"));
    assert_true(hs_str_eq_c(ref.name, "attributes.a.b c'\\"));
}

static void find__refuses_other_names_and_suggests(void **state)
{
    static const struct {
        const char *name;
        const char *words;
    } cases[] = {
        {"versoin", "did you mean \"version\""},
        {"Service", "did you mean \"service\""},
        {"", "\"\" is no known key"},
        {"attributes", "\"attributes\" is no known key"},
        {"attributes.", "must be 1 to 128"},
        {"service ", "\"service \" is no known key"},
        {"searches.service", "known are service, environment"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_facet_ref ref;
        struct hs_err err;

        if (hs_facet_find(hs_str_c(cases[i].name), &ref, &err) != HS_EINVAL)
            fail_msg("\"%s\" is taken", cases[i].name);
        if (!strstr(err.text, cases[i].words))
            fail_msg("\"%s\": %s", cases[i].name, err.text);
    }
}

static struct hs_facet_ref found(const char *name)
{
    struct hs_facet_ref ref;

    assert_int_equal(hs_facet_find(hs_str_c(name), &ref, NULL), HS_OK);
    return ref;
}

static void same__tells_attributes_apart_by_name(void **state)
{
    const struct hs_facet_ref service = found("service");
    const struct hs_facet_ref version = found("version");
    const struct hs_facet_ref a = found("attributes.a");
    const struct hs_facet_ref b = found("attributes.b");
    const struct hs_facet_ref again = found("attributes.a");

    (void)state;
    assert_true(hs_facet_same(&service, &service));
    assert_false(hs_facet_same(&service, &version));
    assert_true(hs_facet_same(&a, &again));
    assert_false(hs_facet_same(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find__knows_which_table_answers),
        cmocka_unit_test(find__takes_an_attribute_of_any_name),
        cmocka_unit_test(find__refuses_other_names_and_suggests),
        cmocka_unit_test(same__tells_attributes_apart_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
