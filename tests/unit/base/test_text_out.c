/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <math.h>
#include <stdio.h>
#include <yyjson.h>

#include "base/json_out.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/rand.h"

/* Random valid UTF-8 with every kind of control byte; returns its length. */
static size_t random_text(struct hs_rand *rand, char *out, size_t parts)
{
    static const char *const wide[] = {"é", "日", "😀", "\xE2\x80\xA8", "\"", "\\", "/"};
    size_t n = 0;

    while (parts-- > 0) {
        if (hs_rand_below(rand, 3) == 0) {
            const char *part = wide[hs_rand_below(rand, HS_ARRAY_LEN(wide))];

            memcpy(out + n, part, strlen(part));
            n += strlen(part);
        } else {
            out[n++] = (char)hs_rand_below(rand, 128);
        }
    }
    return n;
}

static void json__a_parser_reads_back_equal_strings_and_numbers(void **state)
{
    struct hs_rand rand;
    struct hs_buf buf;
    char text[256];
    int round;

    (void)state;
    hs_buf_init(&buf, 1 << 16);
    hs_rand_init(&rand, 3);
    for (round = 0; round < 20000; round++) {
        size_t n = random_text(&rand, text, (size_t)hs_rand_below(&rand, 40));
        uint64_t bits = hs_rand_u64(&rand);
        struct hs_json json;
        yyjson_doc *doc;
        yyjson_val *root;
        double v;

        memcpy(&v, &bits, sizeof(v));
        hs_buf_reset(&buf);
        hs_json_init(&json, &buf);
        hs_json_arr_open(&json);
        hs_json_add_str(&json, hs_str_n(text, n));
        hs_json_add_double(&json, v);
        hs_json_add_u64(&json, bits);
        hs_json_add_i64(&json, (int64_t)bits);
        hs_json_arr_close(&json);
        doc = yyjson_read(buf.p, buf.n, 0);
        assert_non_null(doc);
        root = yyjson_doc_get_root(doc);
        assert_true(hs_str_eq(hs_str_n(yyjson_get_str(yyjson_arr_get(root, 0)),
                                       yyjson_get_len(yyjson_arr_get(root, 0))),
                              hs_str_n(text, n)));
        if (isfinite(v))
            assert_true(yyjson_get_num(yyjson_arr_get(root, 1)) == v);
        else
            assert_true(yyjson_is_null(yyjson_arr_get(root, 1)));
        assert_true(yyjson_get_uint(yyjson_arr_get(root, 2)) == bits);
        assert_true(yyjson_get_sint(yyjson_arr_get(root, 3)) == (int64_t)bits);
        yyjson_doc_free(doc);
    }
    hs_buf_fini(&buf);
}

static void json__places_commas_and_repairs_bytes(void **state)
{
    struct hs_json json;
    struct hs_buf buf;

    (void)state;
    hs_buf_init(&buf, 1000);
    hs_json_init(&json, &buf);
    hs_json_obj_open(&json);
    hs_json_key(&json, "a");
    hs_json_arr_open(&json);
    hs_json_arr_close(&json);
    hs_json_key_str(&json, HS_STR("b\""));
    hs_json_add_str(&json, HS_STR("x\xFF\xC3y\x01"));
    hs_json_key(&json, "c");
    hs_json_add_c(&json, NULL);
    hs_json_key(&json, "d");
    hs_json_add_time(&json, 0);
    hs_json_key(&json, "e");
    hs_json_add_bool(&json, true);
    hs_json_key(&json, "f");
    hs_json_add_raw(&json, HS_STR("{}"));
    hs_json_obj_close(&json);
    assert_string_equal(hs_buf_cstr(&buf),
                        "{\"a\":[],\"b\\\"\":\"x\xEF\xBF\xBD\xEF\xBF\xBDy\\u0001\",\"c\":null,"
                        "\"d\":\"1970-01-01T00:00:00.000Z\",\"e\":true,\"f\":{}}");
    hs_buf_fini(&buf);
}

static void metric__exposition_is_ordered_escaped_and_cumulative(void **state)
{
    static const double bounds[] = {0.5, 1};
    static struct hs_metric seconds = {.name = "b_seconds",
                                       .type = HS_METRIC_HISTOGRAM,
                                       .help = "How long.",
                                       .buckets = bounds,
                                       .buckets_n = 2};
    static struct hs_metric total = {.name = "a_total",
                                     .type = HS_METRIC_COUNTER,
                                     .help = "How many.",
                                     .labels = {"why"}};
    struct hs_buf buf;

    (void)state;
    hs_buf_init(&buf, 10000);
    hs_metric_observe(&seconds, HS_LABELS_NONE, 0.25);
    hs_metric_observe(&seconds, HS_LABELS_NONE, 1);
    hs_metric_observe(&seconds, HS_LABELS_NONE, 7);
    hs_metric_add(&total, HS_LABELS("a\"\\\n"), 2);
    hs_metric_add(&total, HS_LABELS("a\"\\\n"), 1);
    hs_metric_expose(&buf);
    assert_string_equal(hs_buf_cstr(&buf), "# HELP a_total How many.\n# TYPE a_total counter\n"
                                           "a_total{why=\"a\\\"\\\\\\n\"} 3\n"
                                           "# HELP b_seconds How long.\n"
                                           "# TYPE b_seconds histogram\n"
                                           "b_seconds_bucket{le=\"0.5\"} 1\n"
                                           "b_seconds_bucket{le=\"1\"} 2\n"
                                           "b_seconds_bucket{le=\"+Inf\"} 3\n"
                                           "b_seconds_sum 8.25\nb_seconds_count 3\n");
    assert_true(hs_metric_get(&seconds, HS_LABELS_NONE) == 3);
    assert_true(hs_metric_get(&total, HS_LABELS("never")) == 0);
    hs_buf_fini(&buf);
}

static void metric__as_json_has_labels_joined_by_dots(void **state)
{
    static struct hs_metric total = {.name = "d_total",
                                     .type = HS_METRIC_COUNTER,
                                     .help = "How many.",
                                     .labels = {"topic", "why"}};
    struct hs_json json;
    struct hs_buf buf;

    (void)state;
    hs_buf_init(&buf, 1000);
    hs_json_init(&json, &buf);
    hs_metric_json(&total, &json);
    assert_string_equal(hs_buf_cstr(&buf), "{}");
    hs_buf_reset(&buf);
    hs_json_init(&json, &buf);
    hs_metric_add(&total, HS_LABELS("a", "b"), 2);
    hs_metric_json(&total, &json);
    assert_string_equal(hs_buf_cstr(&buf), "{\"a.b\":2}");
    hs_buf_fini(&buf);
}

static void metric__series_past_the_limit_are_counted_as_other(void **state)
{
    static struct hs_metric total = {.name = "c_total",
                                     .type = HS_METRIC_COUNTER,
                                     .help = "Many.",
                                     .labels = {"id"}};
    char id[16];
    int i;

    (void)state;
    for (i = 0; i < HS_METRIC_SERIES_MAX + 5; i++) {
        snprintf(id, sizeof(id), "%d", i);
        hs_metric_add(&total, HS_LABELS(id), 1);
    }
    assert_true(hs_metric_get(&total, HS_LABELS("999")) == 1);
    assert_true(hs_metric_get(&total, HS_LABELS("1000")) == 0);
    assert_true(hs_metric_get(&total, HS_LABELS("other")) == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__a_parser_reads_back_equal_strings_and_numbers),
        cmocka_unit_test(json__places_commas_and_repairs_bytes),
        cmocka_unit_test(metric__exposition_is_ordered_escaped_and_cumulative),
        cmocka_unit_test(metric__as_json_has_labels_joined_by_dots),
        cmocka_unit_test(metric__series_past_the_limit_are_counted_as_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
