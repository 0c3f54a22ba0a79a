#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/rate.h"

static void json__has_value_counts_interval_and_definition(void **state)
{
    struct hs_json json;
    struct hs_buf text;

    (void)state;
    hs_buf_init(&text, 1024);
    hs_json_init(&json, &text);
    hs_rate_json(&json, 1, 1, "hits / of", "nothing");
    assert_non_null(strstr(hs_buf_cstr(&text), "{\"value\":1,\"numerator\":1,\"denominator\":1,"
                                               "\"low\":0.206549314377237"));
    assert_non_null(strstr(hs_buf_cstr(&text), ",\"high\":1,\"definition\":\"hits / of\"}"));
    hs_buf_fini(&text);
}

static void json__of_nothing_is_null_with_the_reason(void **state)
{
    struct hs_json json;
    struct hs_buf text;

    (void)state;
    hs_buf_init(&text, 1024);
    hs_json_init(&json, &text);
    hs_rate_json(&json, 0, 0, "hits / of", "nothing");
    assert_string_equal(hs_buf_cstr(&text),
                        "{\"value\":null,\"numerator\":0,\"denominator\":0,\"low\":null,"
                        "\"high\":null,\"reason\":\"nothing\",\"definition\":\"hits / of\"}");
    hs_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__has_value_counts_interval_and_definition),
        cmocka_unit_test(json__of_nothing_is_null_with_the_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
