#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/base64.h"
#include "net/http_key.h"

static void parse__takes_the_first_key_presented(void **state)
{
    static const struct {
        const char *authorization, *x_api_key, *url_key;
        const char *text;
        bool in_url;
        int rc;
    } cases[] = {
        {"", "", "", "", false, HS_OK},
        {"Bearer hs_i_abc", "", "", "hs_i_abc", false, HS_OK},
        {"bearer   hs_i_abc  ", "", "", "hs_i_abc", false, HS_OK},
        {"ApiKey hs_i_abc", "", "", "hs_i_abc", false, HS_OK},
        {"ApiKey aWQ6aHNfaV9hYmM=", "", "", "hs_i_abc", false, HS_OK},    /* id:hs_i_abc */
        {"Basic dXNlcjpoc19pX2FiYw==", "", "", "hs_i_abc", false, HS_OK}, /* user:hs_i_abc */
        {"Basic OmE6Yg==", "", "", "a:b", false, HS_OK},                  /* :a:b */
        {"Basic dXNlcjo=", "", "", "", false, HS_OK},                     /* user: */
        {"", "hs_i_abc", "", "hs_i_abc", false, HS_OK},
        {"", "", "hs_b_abc", "hs_b_abc", true, HS_OK},
        {"Bearer one", "two", "three", "one", false, HS_OK},
        {"", "two", "three", "two", false, HS_OK},
        {"Bearer", "", "", "", false, HS_OK},
        {"Digest username=\"x\"", "", "", NULL, false, HS_EINVAL},
        {"hs_i_abc", "", "", NULL, false, HS_EINVAL},
        {"Basic ???", "", "", NULL, false, HS_EINVAL},
        {"Basic dXNlcg==", "", "", NULL, false, HS_EINVAL}, /* user */
        {"ApiKey !", "", "", NULL, false, HS_EINVAL},
    };
    struct hs_arena arena;
    size_t i;

    (void)state;
    hs_arena_init(&arena, 1 << 16);
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_http_key key = {.in_url = true};
        struct hs_err err = {0};
        int rc = hs_http_key_parse(hs_str_c(cases[i].authorization), hs_str_c(cases[i].x_api_key),
                                   hs_str_c(cases[i].url_key), &arena, &key, &err);

        if (rc != cases[i].rc)
            fail_msg("case %zu: %s", i, hs_rc_name(rc));
        if (rc) {
            assert_null(strstr(err.text, "abc")); /* messages hold no key */
            continue;
        }
        assert_true(hs_str_eq_c(key.text, cases[i].text));
        assert_int_equal(key.in_url, cases[i].in_url);
    }
    hs_arena_fini(&arena);
}

static void parse__bounds_the_header(void **state)
{
    char header[HS_HTTP_KEY_HEADER_MAX + 1];
    struct hs_http_key key;
    struct hs_arena arena;

    (void)state;
    memset(header, 'x', sizeof(header));
    memcpy(header, "Bearer ", 7);
    hs_arena_init(&arena, 1 << 16);
    assert_int_equal(hs_http_key_parse(hs_str_n(header, HS_HTTP_KEY_HEADER_MAX), HS_STR_NULL,
                                       HS_STR_NULL, &arena, &key, NULL),
                     HS_OK);
    assert_int_equal(hs_http_key_parse(hs_str_n(header, HS_HTTP_KEY_HEADER_MAX + 1), HS_STR_NULL,
                                       HS_STR_NULL, &arena, &key, NULL),
                     HS_EINVAL);
    hs_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__takes_the_first_key_presented),
        cmocka_unit_test(parse__bounds_the_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
