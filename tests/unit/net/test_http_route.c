#include "net/http_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

enum { ARENA = 1 << 20 };

static int parse(struct hs_arena *arena, const char *text, struct hs_http_target *target)
{
    hs_arena_init(arena, ARENA);
    return hs_http_target_parse(hs_str_c(text), arena, target, NULL);
}

static void parse_target__takes_all_three_forms(void **state)
{
    static const struct {
        const char *text, *path, *authority;
        size_t segments, params;
    } cases[] = {
        {"/", "/", "", 1, 0},
        {"/a/b", "/a/b", "", 2, 0},
        {"/a//b/", "/a//b/", "", 4, 0},
        {"/a%20b?x=1&&y", "/a b", "", 1, 2},
        {"/a?", "/a", "", 1, 0},
        {"/a#b?c=d", "/a", "", 1, 0},
        {"http://h:80/p?q=r", "/p", "h:80", 1, 1},
        {"HTTPS://h", "/", "h", 1, 0},
        {"http://h?q", "/", "h", 1, 1},
        {"*", "*", "", 0, 0},
        {"/...", "/...", "", 1, 0},
        {"/.a/b.", "/.a/b.", "", 2, 0},
    };

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_http_target target;
        struct hs_arena arena;

        if (parse(&arena, cases[i].text, &target) != HS_OK)
            fail_msg("%s", cases[i].text);
        assert_true(hs_str_eq_c(target.path, cases[i].path));
        assert_true(hs_str_eq_c(target.authority, cases[i].authority));
        assert_int_equal(target.segments_n, cases[i].segments);
        assert_int_equal(target.params_n, cases[i].params);
        hs_arena_fini(&arena);
    }
}

static void parse_target__refuses_tricks(void **state)
{
    static const char *const bad[] = {
        "",        "a",         "//../a",    "/..",        "/a/.",  "/%2e%2e", "/%2E",
        "/a%2f..", "/..%5ca",   "/%00",      "/a%0a",      "/%7f",  "/%",      "/%4",
        "/%4x",    "/%c3",      "/%c0%ae",   "/%ed%a0%80", "/?a=%", "/?%00=b", "/?a=%ff",
        "http://", "http:///a", "ftp://h/a", "/\x01",
    };

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(bad); i++) {
        struct hs_http_target target;
        struct hs_arena arena;

        if (parse(&arena, bad[i], &target) != HS_EINVAL)
            fail_msg("%s", bad[i]);
        hs_arena_fini(&arena);
    }
}

static void parse_target__holds_its_limits(void **state)
{
    static char text[HS_TARGET_BYTES_MAX + 2];
    struct hs_http_target target;
    struct hs_arena arena;

    (void)state;
    for (size_t n = HS_TARGET_BYTES_MAX - 1; n <= HS_TARGET_BYTES_MAX + 1; n++) {
        memset(text, 'a', n);
        text[0] = '/';
        text[n] = '\0';
        assert_int_equal(parse(&arena, text, &target), n > HS_TARGET_BYTES_MAX ? HS_ELIMIT : HS_OK);
        hs_arena_fini(&arena);
    }
    for (size_t n = HS_TARGET_SEGMENTS_MAX - 1; n <= HS_TARGET_SEGMENTS_MAX + 1; n++) {
        for (size_t i = 0; i < n; i++)
            memcpy(text + 2 * i, "/a", 3);
        assert_int_equal(parse(&arena, text, &target),
                         n > HS_TARGET_SEGMENTS_MAX ? HS_ELIMIT : HS_OK);
        hs_arena_fini(&arena);
    }
    for (size_t n = HS_TARGET_PARAMS_MAX - 1; n <= HS_TARGET_PARAMS_MAX + 1; n++) {
        memcpy(text, "/?", 2);
        for (size_t i = 0; i < n; i++)
            memcpy(text + 2 + 2 * i, "a&", 3);
        text[2 + 2 * n - 1] = '\0';
        assert_int_equal(parse(&arena, text, &target),
                         n > HS_TARGET_PARAMS_MAX ? HS_ELIMIT : HS_OK);
        hs_arena_fini(&arena);
    }
}

static void pattern__matches_segments(void **state)
{
    static const struct {
        const char *pattern, *target, *values; /* NULL: no match */
    } cases[] = {
        {"/", "/", ""},
        {"/a", "/a", "a"},
        {"/a", "/a/", NULL},
        {"/a", "/b", NULL},
        {"/a/{x}", "/a/b", "a|b"},
        {"/a/{x}", "/a/b%2Fc", "a|b/c"},
        {"/a/{x}", "/a/", NULL},
        {"/a/{x}", "/a", NULL},
        {"/a/{x}", "/a/b/c", NULL},
        {"/{x}/b", "/a/b", "a|b"},
        {"/a/{r...}", "/a/b/c", "a|b/c"},
        {"/a/{r...}", "/a/", "a|"},
        {"/a/{r...}", "/a", "a|"},
        {"/a/{r...}", "/b/c", NULL},
        {"/a/{r...}", "/a/b%2fc", NULL},
        {"/{r...}", "/", ""},
        {"/a", "*", NULL},
    };

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_str values[HS_TARGET_SEGMENTS_MAX];
        struct hs_http_pattern pattern;
        struct hs_http_target target;
        struct hs_arena arena;
        char got[128] = "";
        bool match;

        assert_int_equal(hs_http_pattern_parse(cases[i].pattern, &pattern, NULL), HS_OK);
        assert_int_equal(parse(&arena, cases[i].target, &target), HS_OK);
        match = hs_http_pattern_match(&pattern, &target, values);
        if (match != (cases[i].values != NULL))
            fail_msg("%s on %s", cases[i].pattern, cases[i].target);
        for (size_t k = 0; match && k < pattern.parts_n; k++) {
            size_t n = strlen(got);

            snprintf(got + n, sizeof(got) - n, "%s%.*s", k ? "|" : "", HS_STR_ARG(values[k]));
        }
        if (match)
            assert_string_equal(got, cases[i].values);
        hs_arena_fini(&arena);
    }
}

static void pattern__refuses_what_cannot_match(void **state)
{
    static const char *const bad[] = {"", "a", "/{}", "/{", "/a/{r...}/b", "/{x"};
    struct hs_http_pattern pattern;

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(bad); i++)
        assert_int_equal(hs_http_pattern_parse(bad[i], &pattern, NULL), HS_EINVAL);
}

static void pattern_order__puts_the_more_exact_first(void **state)
{
    static const char *const sorted[] = {"/a/b/c", "/a/b", "/a/{x}", "/a/{r...}",
                                         "/{x}/b", "/{x}", "/{r...}"};

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(sorted); i++) {
        for (size_t k = 0; k < HS_ARRAY_LEN(sorted); k++) {
            struct hs_http_pattern a, b;
            int order;

            assert_int_equal(hs_http_pattern_parse(sorted[i], &a, NULL), HS_OK);
            assert_int_equal(hs_http_pattern_parse(sorted[k], &b, NULL), HS_OK);
            order = hs_http_pattern_cmp(&a, &b);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_target__takes_all_three_forms),
        cmocka_unit_test(parse_target__refuses_tricks),
        cmocka_unit_test(parse_target__holds_its_limits),
        cmocka_unit_test(pattern__matches_segments),
        cmocka_unit_test(pattern__refuses_what_cannot_match),
        cmocka_unit_test(pattern_order__puts_the_more_exact_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
