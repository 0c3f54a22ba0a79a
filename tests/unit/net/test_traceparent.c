/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "base/mem.h"
#include "net/traceparent.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static void parse__takes_what_the_standard_says(void **state)
{
    static const struct {
        const char *text;
        int rc;
        bool sampled;
    } cases[] = {
        {"00-" TRACE "-" SPAN "-01", HS_OK, true},
        {" 00-" TRACE "-" SPAN "-00 ", HS_OK, false},
        {"00-" TRACE "-" SPAN "-02", HS_OK, false},
        {"cc-" TRACE "-" SPAN "-03-what-comes-later", HS_OK, true},
        {"cc-" TRACE "-" SPAN "-01", HS_OK, true},
        {"", HS_EINVAL, false},
        {"00-" TRACE "-" SPAN "-0", HS_EINVAL, false},
        {"00-" TRACE "-" SPAN "-01-more", HS_EINVAL, false},
        {"cc-" TRACE "-" SPAN "-01.more", HS_EINVAL, false},
        {"ff-" TRACE "-" SPAN "-01", HS_EINVAL, false},
        {"00-00000000000000000000000000000000-" SPAN "-01", HS_EINVAL, false},
        {"00-" TRACE "-0000000000000000-01", HS_EINVAL, false},
        {"00-0AF7651916cd43dd8448eb211c80319c-" SPAN "-01", HS_EINVAL, false},
        {"00_" TRACE "-" SPAN "-01", HS_EINVAL, false},
        {"00-" TRACE "-" SPAN "-zz", HS_EINVAL, false},
    };
    struct hs_traceparent parent;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        if (hs_traceparent_parse(hs_str_c(cases[i].text), &parent) != cases[i].rc)
            fail_msg("\"%s\"", cases[i].text);
        if (cases[i].rc == HS_OK && parent.sampled != cases[i].sampled)
            fail_msg("\"%s\": sampled", cases[i].text);
    }
}

static void parse__gives_the_ids(void **state)
{
    struct hs_traceparent parent;
    char hex[32];

    (void)state;
    assert_int_equal(hs_traceparent_parse(HS_STR("00-" TRACE "-" SPAN "-01"), &parent), HS_OK);
    hs_hex_encode(parent.trace_id, sizeof(parent.trace_id), hex);
    assert_memory_equal(hex, TRACE, 32);
    hs_hex_encode(parent.span_id, sizeof(parent.span_id), hex);
    assert_memory_equal(hex, SPAN, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__takes_what_the_standard_says),
        cmocka_unit_test(parse__gives_the_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
