#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gateway/rate.h"

/* Wilson's score interval, computed apart with 50 digits. */
static void wilson__is_the_score_interval(void **state)
{
    static const struct {
        uint64_t hits, of;
        double low, high;
    } cases[] = {
        {0, 1, 0.0, 0.7934506856227626},
        {1, 1, 0.20654931437723742, 1.0},
        {0, 10, 0.0, 0.2775327998628892},
        {1, 10, 0.017876213095072906, 0.4041500267952385},
        {5, 10, 0.236593090512564, 0.763406909487436},
        {10, 10, 0.7224672001371107, 1.0},
        {500, 10000, 0.045898482690584774, 0.05444711584302416},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_rate rate = hs_rate_wilson(cases[i].hits, cases[i].of);

        if (fabs(rate.low - cases[i].low) > 1e-12 || fabs(rate.high - cases[i].high) > 1e-12)
            fail_msg("%llu of %llu: %.17g to %.17g", (unsigned long long)cases[i].hits,
                     (unsigned long long)cases[i].of, rate.low, rate.high);
        assert_true(rate.value == (double)cases[i].hits / (double)cases[i].of);
    }
}

static void wilson__keeps_its_order_whatever_the_counts(void **state)
{
    uint64_t of;
    uint64_t hits;

    (void)state;
    for (of = 1; of < UINT64_MAX / 16; of *= 7) {
        for (hits = 0; hits <= of; hits += HS_MAX(of / 5, 1U)) {
            struct hs_rate rate = hs_rate_wilson(hits, of);

            assert_true(rate.low >= 0 && rate.low <= rate.value && rate.value <= rate.high &&
                        rate.high <= 1);
        }
    }
}

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
        cmocka_unit_test(wilson__is_the_score_interval),
        cmocka_unit_test(wilson__keeps_its_order_whatever_the_counts),
        cmocka_unit_test(json__has_value_counts_interval_and_definition),
        cmocka_unit_test(json__of_nothing_is_null_with_the_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
