/*
 * What every cache backend promises, run for each one in the build. Time is the test's own, so a
 * backend with a clock elsewhere (Redis) gets a row with `own_clock` and skips what moves it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cache_memory/cache_memory.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "port/cache.h"

struct backend {
    const struct hs_cache_ops *ops;
    bool own_clock; /* does not follow the clock given to open */
    bool bounded;   /* holds at most cache.bytes_max */
};

static const struct backend backends[] = {
    {.ops = &hs_cache_memory_ops, .bounded = true},
};

struct fixture {
    const struct backend *backend;
    struct hs_conf conf;
    struct hs_clock_fake clock;
    struct hs_cache *cache;
    struct hs_buf out;
    struct hs_err err;
};

static const struct backend *current; /* the row whose group runs */

static int setup(void **state)
{
    struct fixture *f = hs_xalloc(sizeof(*f));

    f->backend = current;
    hs_conf_init(&f->conf);
    hs_clock_fake_init(&f->clock, 1700000000 * HS_NS_PER_S);
    hs_buf_init(&f->out, HS_CACHE_VALUE_MAX);
    assert_int_equal(current->ops->open(&f->conf, &f->clock.base, &f->cache, &f->err), HS_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    hs_cache_close(f->cache);
    hs_buf_fini(&f->out);
    hs_conf_fini(&f->conf);
    hs_free(f);
    return 0;
}

static void advance_ms(struct fixture *f, int64_t ms)
{
    hs_clock_fake_advance(&f->clock, ms * HS_NS_PER_MS);
}

static int set(struct fixture *f, const char *key, const char *value, int64_t ttl_ms)
{
    return hs_cache_set(f->cache, hs_str_c(key), hs_str_c(value), ttl_ms, &f->err);
}

/* The value, NULL when absent. */
static const char *get(struct fixture *f, const char *key)
{
    hs_buf_reset(&f->out);
    if (hs_cache_get(f->cache, hs_str_c(key), &f->out, &f->err)) {
        assert_int_equal(f->err.rc, HS_ENOTFOUND);
        return NULL;
    }
    return hs_buf_cstr(&f->out);
}

static void get__gives_what_was_set_last(void **state)
{
    struct fixture *f = *state;

    assert_null(get(f, "t/k"));
    assert_int_equal(set(f, "t/k", "one", 1000), HS_OK);
    assert_string_equal(get(f, "t/k"), "one");
    assert_int_equal(set(f, "t/k", "twotwo", 1000), HS_OK);
    assert_string_equal(get(f, "t/k"), "twotwo");
    assert_int_equal(set(f, "t/k", "", 1000), HS_OK);
    assert_string_equal(get(f, "t/k"), "");
    assert_null(get(f, "t/K"));
}

static void get__appends_binary_values(void **state)
{
    struct fixture *f = *state;
    struct hs_str key = hs_str_n("k\0k", 3);

    assert_int_equal(hs_cache_set(f->cache, key, hs_str_n("\0\xff", 2), 1000, NULL), HS_OK);
    HS_BUF_ADD_LIT(&f->out, "x");
    assert_int_equal(hs_cache_get(f->cache, key, &f->out, NULL), HS_OK);
    assert_memory_equal(f->out.p, "x\0\xff", 3);
    assert_null(get(f, "k"));
}

static void del__forgets(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(set(f, "k", "v", 1000), HS_OK);
    assert_int_equal(hs_cache_del(f->cache, HS_STR("k"), NULL), HS_OK);
    assert_null(get(f, "k"));
    assert_int_equal(hs_cache_del(f->cache, HS_STR("k"), NULL), HS_OK);
}

static void get__forgets_at_the_end_of_the_time_to_live(void **state)
{
    struct fixture *f = *state;

    if (f->backend->own_clock)
        skip();
    assert_int_equal(set(f, "k", "v", 1000), HS_OK);
    advance_ms(f, 999);
    assert_non_null(get(f, "k"));
    advance_ms(f, 1);
    assert_null(get(f, "k"));
    assert_int_equal(set(f, "k", "v", 1000), HS_OK);
    advance_ms(f, 500);
    assert_int_equal(set(f, "k", "v", 1000), HS_OK); /* begins anew */
    advance_ms(f, 999);
    assert_non_null(get(f, "k"));
}

static int set_sized(struct fixture *f, size_t key_n, size_t value_n)
{
    char *bytes = hs_xalloc(key_n + value_n + 1);
    int rc = hs_cache_set(f->cache, hs_str_n(bytes, key_n), hs_str_n(bytes, value_n), 1000, NULL);

    hs_free(bytes);
    return rc;
}

static void set__holds_its_limits(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(set_sized(f, HS_CACHE_KEY_MAX - 1, 1), HS_OK);
    assert_int_equal(set_sized(f, HS_CACHE_KEY_MAX, 1), HS_OK);
    assert_int_equal(set_sized(f, HS_CACHE_KEY_MAX + 1, 1), HS_ELIMIT);
    assert_int_equal(set_sized(f, 0, 1), HS_ELIMIT);
    assert_int_equal(set_sized(f, 1, HS_CACHE_VALUE_MAX - 1), HS_OK);
    assert_int_equal(set_sized(f, 1, HS_CACHE_VALUE_MAX), HS_OK);
    assert_int_equal(set_sized(f, 1, HS_CACHE_VALUE_MAX + 1), HS_ELIMIT);
    assert_int_equal(set(f, "k", "v", 0), HS_EINVAL);
    assert_int_equal(set(f, "k", "v", -1), HS_EINVAL);
    assert_int_equal(set(f, "k", "v", INT64_MAX), HS_EINVAL);
}

static void get__says_when_the_buffer_is_too_small(void **state)
{
    struct fixture *f = *state;
    struct hs_buf small;

    hs_buf_init(&small, 3);
    assert_int_equal(set(f, "k", "four", 1000), HS_OK);
    assert_int_equal(hs_cache_get(f->cache, HS_STR("k"), &small, &f->err), HS_ELIMIT);
    assert_int_equal(small.n, 0);
    hs_buf_fini(&small);
}

static void set__keeps_recently_used_entries_within_its_bytes(void **state)
{
    enum { VALUE_BYTES = 64 << 10, N = 4000 };
    struct fixture *f = *state;
    char *value = hs_xalloc(VALUE_BYTES);
    size_t kept = 0;
    size_t i;
    char key[24];

    if (!f->backend->bounded)
        skip();
    assert_int_equal(set(f, "hot", "v", 1000), HS_OK);
    for (i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "k%zu", i);
        assert_int_equal(hs_cache_set(f->cache, hs_str_c(key), hs_str_n(value, VALUE_BYTES), 1000,
                                      NULL),
                         HS_OK);
        assert_non_null(get(f, "hot"));
    }
    for (i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "k%zu", i);
        kept += get(f, key) != NULL;
    }
    assert_true(kept * VALUE_BYTES <= f->conf.cache_bytes_max);
    assert_true(kept * VALUE_BYTES >= f->conf.cache_bytes_max / 2);
    hs_free(value);
}

static void set__keeps_many_small_entries(void **state)
{
    enum { N = 50000 };
    struct fixture *f = *state;
    char key[24];
    size_t i;

    for (i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "k%zu", i);
        assert_int_equal(set(f, key, key, 1000), HS_OK);
    }
    for (i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "k%zu", i);
        assert_string_equal(get(f, key), key);
    }
}

static int take(struct fixture *f, double n, double rate, double burst, int64_t *out_wait_ms)
{
    return hs_cache_take(f->cache, HS_STR("bucket"), n, rate, burst, out_wait_ms, &f->err);
}

static void take__gives_a_burst_then_the_rate(void **state)
{
    struct fixture *f = *state;
    int64_t wait_ms = -1;

    if (f->backend->own_clock)
        skip();
    assert_int_equal(take(f, 60, 10, 100, &wait_ms), HS_OK);
    assert_int_equal(wait_ms, 0);
    assert_int_equal(take(f, 60, 10, 100, &wait_ms), HS_EAGAIN);
    assert_int_equal(wait_ms, 2000);                         /* 20 are missing */
    assert_int_equal(take(f, 40, 10, 100, &wait_ms), HS_OK); /* nothing was taken before */
    assert_int_equal(take(f, 1, 10, 100, &wait_ms), HS_EAGAIN);
    assert_int_equal(wait_ms, 100);
    advance_ms(f, 99);
    assert_int_equal(take(f, 1, 10, 100, &wait_ms), HS_EAGAIN);
    advance_ms(f, 1);
    assert_int_equal(take(f, 1, 10, 100, &wait_ms), HS_OK);
    assert_int_equal(take(f, 1, 10, 100, &wait_ms), HS_EAGAIN);
    advance_ms(f, 3600 * 1000);
    assert_int_equal(take(f, 100, 10, 100, &wait_ms), HS_OK); /* never above its burst */
    assert_int_equal(take(f, 1, 10, 100, &wait_ms), HS_EAGAIN);
}

static void take__lets_more_than_the_burst_pass_when_full(void **state)
{
    struct fixture *f = *state;
    int64_t wait_ms;

    if (f->backend->own_clock)
        skip();
    assert_int_equal(take(f, 500, 10, 100, &wait_ms), HS_OK);
    assert_int_equal(take(f, 500, 10, 100, &wait_ms), HS_EAGAIN);
    assert_int_equal(wait_ms, 10000);
    advance_ms(f, 10000);
    assert_int_equal(take(f, 500, 10, 100, &wait_ms), HS_OK);
}

static void take__waits_as_long_as_it_says(void **state)
{
    struct fixture *f = *state;
    double rates[] = {0.3, 7, 20000, 333333.3};
    size_t i;

    if (f->backend->own_clock)
        skip();
    for (i = 0; i < HS_ARRAY_LEN(rates); i++) {
        char key[16];
        int64_t wait_ms, ignored;

        snprintf(key, sizeof(key), "r%zu", i);
        assert_int_equal(hs_cache_take(f->cache, hs_str_c(key), 500, rates[i], 500, &wait_ms, NULL),
                         HS_OK);
        assert_int_equal(hs_cache_take(f->cache, hs_str_c(key), 333, rates[i], 500, &wait_ms, NULL),
                         HS_EAGAIN);
        advance_ms(f, wait_ms);
        assert_int_equal(hs_cache_take(f->cache, hs_str_c(key), 333, rates[i], 500, &ignored, NULL),
                         HS_OK);
    }
}

static void take__refuses_impossible_rates(void **state)
{
    struct fixture *f = *state;
    int64_t wait_ms;

    assert_int_equal(take(f, 1, 0, 1, &wait_ms), HS_EINVAL);
    assert_int_equal(take(f, 1, 1, 0, &wait_ms), HS_EINVAL);
    assert_int_equal(take(f, -1, 1, 1, &wait_ms), HS_EINVAL);
    assert_int_equal(take(f, 1.0 / 0.0, 1, 1, &wait_ms), HS_EINVAL);
    assert_int_equal(take(f, 0, 1, 1, &wait_ms), HS_OK);
}

static void calls__are_counted_by_result(void **state)
{
    static const char *const lines[] = {
        "hs_cache_calls_total{op=\"get\",result=\"ENOTFOUND\"}",
        "hs_cache_calls_total{op=\"set\",result=\"OK\"}",
        "hs_cache_calls_total{op=\"take\",result=\"EAGAIN\"}",
    };
    struct fixture *f = *state;
    struct hs_buf text;
    int64_t wait_ms;
    size_t i;

    get(f, "absent");
    set(f, "k", "v", 1000);
    take(f, 1, 0.001, 1, &wait_ms);
    take(f, 1, 0.001, 1, &wait_ms);
    hs_buf_init(&text, 1 << 20);
    hs_metric_expose(&text);
    for (i = 0; i < HS_ARRAY_LEN(lines); i++)
        if (!hs_str_contains(hs_buf_str(&text), hs_str_c(lines[i])))
            fail_msg("%s is missing in\n%s", lines[i], hs_buf_cstr(&text));
    hs_buf_fini(&text);
}

static void take__has_keys_of_its_own(void **state)
{
    struct fixture *f = *state;
    int64_t wait_ms;

    assert_int_equal(take(f, 1, 1, 1, &wait_ms), HS_OK);
    assert_null(get(f, "bucket"));
    assert_int_equal(set(f, "bucket", "v", 1000), HS_OK);
    assert_int_equal(take(f, 1, 0.001, 1, &wait_ms), HS_EAGAIN);
    assert_string_equal(get(f, "bucket"), "v");
}

enum { TAKERS = 4, TAKES = 5000 };

struct taker {
    struct hs_thread thread;
    struct hs_cache *cache;
    size_t taken;
};

static void take_many(void *arg)
{
    struct taker *taker = arg;
    int i;

    for (i = 0; i < TAKES; i++) {
        char key[16];
        int64_t wait_ms;

        snprintf(key, sizeof(key), "k%d", i % 100);
        hs_cache_set(taker->cache, hs_str_c(key), hs_str_c(key), 1000, NULL);
        hs_cache_del(taker->cache, hs_str_c(key), NULL);
        if (hs_cache_take(taker->cache, HS_STR("shared"), 1, 1e-6, 10000, &wait_ms, NULL) == HS_OK)
            taker->taken++;
    }
}

static void take__gives_no_token_twice_between_threads(void **state)
{
    struct fixture *f = *state;
    struct taker takers[TAKERS] = {0};
    size_t taken = 0;
    size_t i;

    for (i = 0; i < TAKERS; i++) {
        takers[i].cache = f->cache;
        assert_int_equal(hs_thread_start(&takers[i].thread, "take", take_many, &takers[i], NULL),
                         HS_OK);
    }
    for (i = 0; i < TAKERS; i++) {
        hs_thread_join(&takers[i].thread);
        taken += takers[i].taken;
    }
    assert_int_equal(taken, 10000);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(get__gives_what_was_set_last),
        CASE(get__appends_binary_values),
        CASE(del__forgets),
        CASE(get__forgets_at_the_end_of_the_time_to_live),
        CASE(set__holds_its_limits),
        CASE(get__says_when_the_buffer_is_too_small),
        CASE(set__keeps_recently_used_entries_within_its_bytes),
        CASE(set__keeps_many_small_entries),
        CASE(take__gives_a_burst_then_the_rate),
        CASE(take__lets_more_than_the_burst_pass_when_full),
        CASE(take__waits_as_long_as_it_says),
        CASE(take__refuses_impossible_rates),
        CASE(calls__are_counted_by_result),
        CASE(take__has_keys_of_its_own),
        CASE(take__gives_no_token_twice_between_threads),
    };
    int failed = 0;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(backends); i++) {
        current = &backends[i];
        failed += cmocka_run_group_tests_name(current->ops->name, tests, NULL, NULL);
    }
    return failed;
}
