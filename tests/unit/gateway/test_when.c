#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/when.h"

#define NOW_S 1795428000LL /* 2026-11-23T10:00:00Z */
#define NOW_NS (NOW_S * HS_NS_PER_S)

static void parse__takes_each_form_of_a_time(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"2026-11-23T10:00:00Z", NOW_NS},
        {"2026-11-23T10:00:00.250Z", NOW_NS + 250 * HS_NS_PER_MS},
        {"2026-11-23T11:00:00+01:00", NOW_NS},
        {"2026-11-23T11:00:00 01:00", NOW_NS}, /* + in a query string */
        {"2026-11-23T11:00:00.5 01:00", NOW_NS + 500 * HS_NS_PER_MS},
        {"1795428000", NOW_NS},
        {"1795428000123", NOW_NS + 123 * HS_NS_PER_MS},
        {"1795428000123456", NOW_NS + 123456 * HS_NS_PER_US},
        {"1795428000123456789", NOW_NS + 123456789},
        {"0", 0},
        {"now", NOW_NS},
        {"now-1", NOW_NS - HS_NS_PER_S},
        {"now-90s", NOW_NS - 90 * HS_NS_PER_S},
        {"now-5m", NOW_NS - 300 * HS_NS_PER_S},
        {"now-1h", NOW_NS - 3600 * HS_NS_PER_S},
        {"now-1d", NOW_NS - 86400 * HS_NS_PER_S},
        {"now-1w", NOW_NS - 7 * 86400 * HS_NS_PER_S},
        {"now-1830d", NOW_NS - HS_WHEN_BACK_MAX_S * HS_NS_PER_S},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        int64_t ns = -1;

        if (hs_when_parse(hs_str_c(cases[i].text), NOW_NS, &ns, NULL) != HS_OK || ns != cases[i].ns)
            fail_msg("\"%s\": %lld", cases[i].text, (long long)ns);
    }
}

static void parse__refuses_what_is_no_time(void **state)
{
    static const char *const texts[] = {
        "",
        "Now",
        "now+1h",
        "now-",
        "now-0s",
        "now-1y",
        "now-1.5h",
        "now- 1h",
        "now-1831d",
        "now-99999999999999999999s",
        "-1",
        "1e9",
        "12:00",
        "yesterday",
        "2026-11-23",
        "now-1h ",
        "0x10",
        "now--1h",
        "now-h",
        "2026-11-23T10:00:00",
        "now-1hh",
        "now-5M",
        "2026-13-01T00:00:00Z",
        " 01:00",
        "2026-11-23 10:00:00",
        "2026-11-23T11:00:00.00000000000000000000000000000000 01:00",
        "99999999999999999999",
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(texts); i++) {
        struct hs_err err;
        int64_t ns = 42;

        if (hs_when_parse(hs_str_c(texts[i]), NOW_NS, &ns, &err) != HS_EINVAL || ns != 42)
            fail_msg("\"%s\"", texts[i]);
        assert_true(err.text[0] != '\0');
    }
}

static void parse__does_not_go_before_1970(void **state)
{
    int64_t ns;

    (void)state;
    assert_int_equal(hs_when_parse(HS_STR("now-1h"), HS_NS_PER_S, &ns, NULL), HS_OK);
    assert_int_equal(ns, 0);
}

static void span__takes_units_and_bare_seconds(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* 0: refused */
    } cases[] = {
        {"1", 1},
        {"60", 60},
        {"60s", 60},
        {"10m", 600},
        {"1h", 3600},
        {"1d", 86400},
        {"1w", 604800},
        {"1830d", HS_WHEN_BACK_MAX_S},
        {"0", 0},
        {"0m", 0},
        {"1831d", 0},
        {"", 0},
        {"m", 0},
        {"1 m", 0},
        {"-1m", 0},
        {"+1m", 0},
        {"1ms", 0},
        {"auto", 0},
        {"1.5h", 0},
        {"158112001", 0},
        {"18446744073709551617s", 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        int64_t seconds = 0;
        struct hs_err err;
        int rc = hs_when_span(hs_str_c(cases[i].text), &seconds, &err);

        if (rc != (cases[i].seconds ? HS_OK : HS_EINVAL) || seconds != cases[i].seconds)
            fail_msg("\"%s\": %lld", cases[i].text, (long long)seconds);
        if (rc != HS_OK)
            assert_non_null(strstr(err.text, "at most 1830 days"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__takes_each_form_of_a_time),
        cmocka_unit_test(parse__refuses_what_is_no_time),
        cmocka_unit_test(parse__does_not_go_before_1970),
        cmocka_unit_test(span__takes_units_and_bare_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
