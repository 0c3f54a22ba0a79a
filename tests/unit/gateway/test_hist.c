/* Histograms of states: the values are known by what ClickHouse answers for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/hist.h"

struct entry {
    float value;
    uint64_t weight;
};

static void add_entries(struct hs_buf *out, const struct entry *entries, size_t n)
{
    size_t i;

    hs_buf_reset(out);
    hs_buf_add_varint(out, n);
    for (i = 0; i < n; i++) {
        unsigned char bits[sizeof(float)];

        memcpy(bits, &entries[i].value, sizeof(bits));
        hs_buf_add(out, bits + 2, 2);
        hs_buf_add(out, &entries[i].weight, sizeof(entries[i].weight));
    }
}

struct fixture {
    struct hs_hist hist, other;
    struct hs_buf state;
};

static int setup(void **state)
{
    struct fixture *fixture = hs_xalloc(sizeof(*fixture));

    hs_hist_init(&fixture->hist);
    hs_hist_init(&fixture->other);
    hs_buf_init(&fixture->state, 1 << 20);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    hs_hist_fini(&fixture->hist);
    hs_hist_fini(&fixture->other);
    hs_buf_fini(&fixture->state);
    hs_free(fixture);
    return 0;
}

static int add(struct fixture *fixture, struct hs_hist *hist, const struct entry *entries, size_t n)
{
    add_entries(&fixture->state, entries, n);
    return hs_hist_add_state(hist, hs_buf_str(&fixture->state), NULL);
}

static const double levels[] = {0, 0.25, 0.5, 0.75, 1};

static void check(const struct hs_hist *hist, const double expected[5])
{
    double values[5];
    size_t i;

    assert_true(hs_hist_quantiles(hist, levels, HS_ARRAY_LEN(levels), values));
    for (i = 0; i < HS_ARRAY_LEN(levels); i++) {
        if (values[i] != expected[i])
            fail_msg("level %g: %g, not %g", levels[i], values[i], expected[i]);
    }
}

static void quantiles__are_the_least_value_that_reaches_the_rank(void **state)
{
    static const struct entry entries[] = {{8, 1}, {1.5F, 1}, {4, 1}, {2, 1}};
    static const double expected[] = {1.5, 1.5, 2, 4, 8};
    struct fixture *fixture = *state;

    assert_int_equal(add(fixture, &fixture->hist, entries, HS_ARRAY_LEN(entries)), HS_OK);
    check(&fixture->hist, expected);
}

static void quantiles__count_weights(void **state)
{
    static const struct entry entries[] = {{1, 1}, {2, 98}, {1000, 1}};
    static const double expected[] = {1, 2, 2, 2, 1000};
    struct fixture *fixture = *state;

    assert_int_equal(add(fixture, &fixture->hist, entries, HS_ARRAY_LEN(entries)), HS_OK);
    check(&fixture->hist, expected);
}

static void quantiles__order_negative_values_and_zero(void **state)
{
    static const struct entry entries[] = {{0, 1}, {-0.5F, 1}, {3, 1}, {-8, 1}};
    static const double expected[] = {-8, -8, -0.5, 0, 3};
    struct fixture *fixture = *state;

    assert_int_equal(add(fixture, &fixture->hist, entries, HS_ARRAY_LEN(entries)), HS_OK);
    check(&fixture->hist, expected);
}

static void states__add_up_in_whatever_way_they_come(void **state)
{
    static const struct entry one[] = {{1, 2}, {5, 1}};
    static const struct entry two[] = {{5, 3}, {-7, 1}, {1e9F, 1}};
    static const double expected[] = {-7, 1, 5, 5, 998244352};
    struct fixture *fixture = *state;

    add(fixture, &fixture->hist, one, HS_ARRAY_LEN(one));
    add(fixture, &fixture->hist, two, HS_ARRAY_LEN(two));
    check(&fixture->hist, expected);
    hs_hist_add(&fixture->other, &fixture->hist);
    check(&fixture->other, expected);
    hs_hist_reset(&fixture->hist);
    add(fixture, &fixture->hist, two, HS_ARRAY_LEN(two));
    add(fixture, &fixture->hist, one, HS_ARRAY_LEN(one));
    check(&fixture->hist, expected);
}

static void hist__of_nothing_has_no_quantiles(void **state)
{
    static const struct entry one[] = {{1, 1}};
    struct fixture *fixture = *state;
    double value = 7;

    assert_int_equal(add(fixture, &fixture->hist, NULL, 0), HS_OK);
    assert_false(hs_hist_quantiles(&fixture->hist, levels, 1, &value));
    add(fixture, &fixture->hist, one, 1);
    hs_hist_reset(&fixture->hist);
    assert_false(hs_hist_quantiles(&fixture->hist, levels, 1, &value));
    assert_true(value == 7);
}

static void state__of_any_other_length_is_refused(void **state)
{
    static const struct entry entries[] = {{1, 1}, {2, 1}};
    struct fixture *fixture = *state;
    struct hs_str whole;
    size_t n;

    add_entries(&fixture->state, entries, HS_ARRAY_LEN(entries));
    whole = hs_buf_str(&fixture->state);
    for (n = 0; n < whole.n; n++)
        assert_int_equal(hs_hist_add_state(&fixture->hist, hs_str_n(whole.p, n), NULL),
                         HS_ECORRUPT);
    hs_buf_add_char(&fixture->state, 0);
    assert_int_equal(hs_hist_add_state(&fixture->hist, hs_buf_str(&fixture->state), NULL),
                     HS_ECORRUPT);
    assert_int_equal(fixture->hist.total, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(quantiles__are_the_least_value_that_reaches_the_rank),
        TEST(quantiles__count_weights),
        TEST(quantiles__order_negative_values_and_zero),
        TEST(states__add_up_in_whatever_way_they_come),
        TEST(hist__of_nothing_has_no_quantiles),
        TEST(state__of_any_other_length_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
