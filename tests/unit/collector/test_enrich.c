/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "base/rand.h"
#include "collector/enrich.h"

/* The normalised query in out, which the caller frees. */
static struct hs_str normalize(struct hs_buf *out, struct hs_str query)
{
    hs_buf_reset(out);
    assert_int_equal(hs_query_normalize(query, out, NULL), HS_OK);
    return hs_buf_str(out);
}

static void check(const char *query, const char *expected)
{
    struct hs_buf out;
    struct hs_str result;

    hs_buf_init(&out, 4096);
    result = normalize(&out, hs_str_c(query));
    if (!hs_str_eq_c(result, expected))
        fail_msg("\"%s\" became \"%.*s\", not \"%s\"", query, HS_STR_ARG(result), expected);
    hs_buf_fini(&out);
}

static void normalize__folds_case_width_and_space(void **state)
{
    static const char *const cases[][2] = {
        {"Red  SHOES", "red shoes"},
        {"  a\t\n\v\f\rb  ", "a b"},
        {"", ""},
        {" \t ", ""},
        {"ＡＢＣ　１２３", "abc 123"},
        {"ﾄﾅｰ", "トナー"},
        {"STRASSE", "strasse"},
        {"straße", "strasse"},
        {"STRAẞE", "strasse"},
        {"İstanbul", "i̇stanbul"},
        {"ΣΊΣΥΦΟΣ", "σίσυφοσ"},
        {"e\xCC\x81", "é"},
        {"É", "é"},
        {"\xE2\x84\xA6", "ω"},
        {"ﬁsh ½ ①", "fish 1⁄2 1"},
        {"東京　タワー", "東京 タワー"},
        {"한글", "한글"},
        {"a\xC2\xA0\xE2\x80\x89\xE2\x80\xA8\xE3\x80\x80"
         "b",
         "a b"},
        {"é ", "é"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++)
        check(cases[i][0], cases[i][1]);
}

static void normalize__bytes_that_are_not_utf8_become_replacements(void **state)
{
    (void)state;
    check("A\xFF"
          "B",
          "a\xEF\xBF\xBD"
          "b");
    check("\xE6\x9D", "\xEF\xBF\xBD\xEF\xBF\xBD");
    check("\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD");
}

/* U+00E9 in front sends the same ASCII through the general path. */
static void normalize__fast_path_agrees_with_the_general_one(void **state)
{
    struct hs_buf fast;
    struct hs_buf slow;
    struct hs_rand rand;
    char text[42] = "\xC3\xA9";
    int round;
    size_t i;

    (void)state;
    hs_buf_init(&fast, 256);
    hs_buf_init(&slow, 256);
    hs_rand_init(&rand, 1);
    for (round = 0; round < 3000; round++) {
        struct hs_str result;

        text[2] = 'x';
        for (i = 3; i < sizeof(text); i++)
            text[i] = (char)(round < 128 ? (size_t)round : hs_rand_below(&rand, 128));
        normalize(&fast, hs_str_n(text + 2, sizeof(text) - 2));
        result = normalize(&slow, hs_str_n(text, sizeof(text)));
        assert_true(hs_str_eq(hs_buf_str(&fast), hs_str_n(result.p + 2, result.n - 2)));
    }
    hs_buf_fini(&fast);
    hs_buf_fini(&slow);
}

/* Texts of letters, marks, kana, spaces, ligatures and stray bytes. */
static void normalize__twice_is_the_same_as_once(void **state)
{
    static const char *const parts[] = {"A",  "ß",        " ",  "é", "e\xCC\x81", "ﬁ",
                                        "Ａ", "　",       "ﾊﾟ", "İ", "\xFF",      "日",
                                        "\t", "\xCD\x85", "Σ",  "½", "\xCC\x88",  "ǆ"};
    struct hs_buf text;
    struct hs_buf once;
    struct hs_buf twice;
    struct hs_rand rand;
    int round;

    (void)state;
    hs_buf_init(&text, 1024);
    hs_buf_init(&once, 8192);
    hs_buf_init(&twice, 8192);
    hs_rand_init(&rand, 2);
    for (round = 0; round < 5000; round++) {
        size_t left = (size_t)hs_rand_below(&rand, 12);

        hs_buf_reset(&text);
        while (left-- > 0)
            hs_buf_add_c(&text, parts[hs_rand_below(&rand, HS_ARRAY_LEN(parts))]);
        normalize(&once, hs_buf_str(&text));
        normalize(&twice, hs_buf_str(&once));
        if (!hs_str_eq(hs_buf_str(&once), hs_buf_str(&twice)))
            fail_msg("\"%.*s\" gives \"%.*s\", then \"%.*s\"", HS_STR_ARG(hs_buf_str(&text)),
                     HS_STR_ARG(hs_buf_str(&once)), HS_STR_ARG(hs_buf_str(&twice)));
    }
    hs_buf_fini(&text);
    hs_buf_fini(&once);
    hs_buf_fini(&twice);
}

/* A run of marks is put into order in time that grows with its length: with the square of it, this
 * takes seconds. */
static void normalize__orders_a_long_run_of_marks_at_once(void **state)
{
    enum { MARKS = 16384 };
    char query[2 * MARKS];
    struct hs_buf out;
    struct hs_str result;
    clock_t start = clock();
    size_t i;

    (void)state;
    for (i = 0; i < MARKS; i++) /* class 230, then class 220 */
        memcpy(query + 2 * i, i < MARKS / 2 ? "\xCC\x80" : "\xCC\xA3", 2);
    hs_buf_init(&out, sizeof(query));
    result = normalize(&out, hs_str_n(query, sizeof(query)));
    assert_true(clock() - start < CLOCKS_PER_SEC / 2);
    assert_int_equal(result.n, sizeof(query));
    for (i = 0; i < MARKS; i++)
        assert_memory_equal(result.p + 2 * i, i < MARKS / 2 ? "\xCC\xA3" : "\xCC\x80", 2);
    hs_buf_fini(&out);
}

/* As utf8proc_map does it with the same options. */
static void normalize__orders_marks_as_utf8proc_does(void **state)
{
    static const char *const marks[] = {"a",        "\xCC\x80",     "\xCC\xA3",     "\xCC\xB8",
                                        "\xCC\xA7", "\xE0\xBD\xB3", "\xD6\xB0",     "\xCD\x84",
                                        "\xC3\xA9", "\xE1\x84\x80", "\xE1\x85\xA1", "\xE1\x86\xA8"};
    const utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD;
    struct hs_rand rand;
    struct hs_buf query;
    struct hs_buf out;

    (void)state;
    hs_rand_init(&rand, 7);
    hs_buf_init(&query, 4096);
    hs_buf_init(&out, 4096);
    for (int round = 0; round < 2000; round++) {
        utf8proc_uint8_t *expected = NULL;
        utf8proc_ssize_t n;
        struct hs_str result;

        hs_buf_reset(&query);
        for (uint64_t left = 1 + hs_rand_below(&rand, 40); left > 0; left--)
            hs_buf_add_c(&query, marks[hs_rand_below(&rand, HS_ARRAY_LEN(marks))]);
        n = utf8proc_map((const utf8proc_uint8_t *)query.p, (utf8proc_ssize_t)query.n, &expected,
                         options);
        result = normalize(&out, hs_buf_str(&query));
        assert_int_equal(result.n, n);
        assert_memory_equal(result.p, expected, (size_t)n);
        free(expected);
    }
    hs_buf_fini(&out);
    hs_buf_fini(&query);
}

static void normalize__full_buffer_is_an_error(void **state)
{
    struct hs_err err;
    struct hs_buf out;

    (void)state;
    hs_buf_init(&out, 3);
    assert_int_equal(hs_query_normalize(HS_STR("abc"), &out, &err), HS_OK);
    hs_buf_reset(&out);
    assert_int_equal(hs_query_normalize(HS_STR("abcd"), &out, &err), HS_ELIMIT);
    hs_buf_reset(&out);
    assert_int_equal(hs_query_normalize(HS_STR("éé"), &out, &err), HS_ELIMIT);
    hs_buf_fini(&out);
}

static void fingerprint__is_equal_for_equal_queries_only_and_never_0(void **state)
{
    (void)state;
    assert_true(hs_query_fingerprint(HS_STR("a b")) == hs_query_fingerprint(HS_STR("a b")));
    assert_true(hs_query_fingerprint(HS_STR("a b")) != hs_query_fingerprint(HS_STR("b a")));
    assert_true(hs_query_fingerprint(HS_STR_NULL) != 0);
}

static void bot__browsers_are_none(void **state)
{
    static const char *const browsers[] = {
        "",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/131.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
        "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 14; SM-S928B) AppleWebKit/537.36 (KHTML, like Gecko) "
        "SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 14; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/131.0.0.0 Mobile Safari/537.36",
        "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(browsers); i++) {
        if (hs_user_agent_is_bot(hs_str_c(browsers[i])))
            fail_msg("taken for a bot: %s", browsers[i]);
    }
}

static void bot__crawlers_and_scripts_are(void **state)
{
    static const char *const bots[] = {
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131.0.0.0 Safari/537.36",
        "facebookexternalhit/1.1",
        "GPTBot/1.2",
        "curl/8.5.0",
        "Wget/1.21",
        "python-requests/2.32.3",
        "Go-http-client/2.0",
        "Java/17.0.2",
        "Apache-HttpClient/4.5.13 (Java/11)",
        "axios/1.7.2",
        "Scrapy/2.11",
        "PostmanRuntime/7.39",
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(bots); i++) {
        if (!hs_user_agent_is_bot(hs_str_c(bots[i])))
            fail_msg("not taken for a bot: %s", bots[i]);
    }
}

static void pseudonym__is_siphash128_and_depends_on_the_key(void **state)
{
    unsigned char key[16];
    char text[HS_PSEUDONYM_TEXT];
    char other[HS_PSEUDONYM_TEXT];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(key); i++)
        key[i] = (unsigned char)i;
    hs_pseudonym(key, HS_STR("\0\1"), text);
    assert_memory_equal(text, "8177228da4a45dc7fca38bdef60affe4", HS_PSEUDONYM_TEXT);
    key[15] ^= 1;
    hs_pseudonym(key, HS_STR("\0\1"), other);
    assert_memory_not_equal(text, other, HS_PSEUDONYM_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalize__folds_case_width_and_space),
        cmocka_unit_test(normalize__bytes_that_are_not_utf8_become_replacements),
        cmocka_unit_test(normalize__fast_path_agrees_with_the_general_one),
        cmocka_unit_test(normalize__twice_is_the_same_as_once),
        cmocka_unit_test(normalize__orders_a_long_run_of_marks_at_once),
        cmocka_unit_test(normalize__orders_marks_as_utf8proc_does),
        cmocka_unit_test(normalize__full_buffer_is_an_error),
        cmocka_unit_test(fingerprint__is_equal_for_equal_queries_only_and_never_0),
        cmocka_unit_test(bot__browsers_are_none),
        cmocka_unit_test(bot__crawlers_and_scripts_are),
        cmocka_unit_test(pseudonym__is_siphash128_and_depends_on_the_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
