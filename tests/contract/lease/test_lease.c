/*
 * Leases over a real metadata backend whose clock the test moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/metadata_sqlite/metadata_sqlite.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"
#include "port/lease.h"
#include "support/metadata_clock.h"

enum { TTL_MS = 1000 };

#define START_NS (1700000000 * HS_NS_PER_S)

struct fixture {
    char dir[64];
    struct hs_conf conf;
    struct hs_metadata *inner;
    struct metadata_clock clock;
    struct hs_metadata *metadata; /* &clock.base */
    struct hs_lease a, b;         /* the same lease, two owners */
    struct hs_err err;
};

static int setup(void **state)
{
    struct fixture *f = hs_xalloc(sizeof(*f));

    snprintf(f->dir, sizeof(f->dir), "/tmp/hs_lease_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    hs_conf_init(&f->conf);
    assert_int_equal(hs_conf_set(&f->conf, HS_STR("data"), hs_str_c(f->dir), NULL), HS_OK);
    assert_int_equal(hs_metadata_sqlite_ops.open(&f->conf, &f->inner, &f->err), HS_OK);
    metadata_clock_init(&f->clock, f->inner, START_NS);
    f->metadata = &f->clock.base;
    assert_int_equal(hs_lease_init(&f->a, HS_STR("rollup"), HS_STR("owner-a"), NULL), HS_OK);
    assert_int_equal(hs_lease_init(&f->b, HS_STR("rollup"), HS_STR("owner-b"), NULL), HS_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    hs_metadata_close(f->inner);
    hs_conf_fini(&f->conf);
    hs_fs_remove_tree(f->dir, NULL);
    hs_free(f);
    return 0;
}

static int acquire(struct fixture *f, struct hs_lease *lease)
{
    return hs_lease_acquire(f->metadata, lease, TTL_MS, &f->err);
}

static void advance_ms(struct fixture *f, int64_t ms)
{
    f->clock.now_ns += ms * HS_NS_PER_MS;
}

/* A step of the job: a put guarded by the lease. */
static int step(struct fixture *f, const struct hs_lease *lease, size_t *out_failed)
{
    struct hs_metadata_op ops[2] = {
        {.space = "test", .key = HS_STR("progress"), .value = HS_STR("1")},
        hs_lease_check_op(lease),
    };

    return hs_metadata_commit(f->metadata, ops, 2, NULL, out_failed, &f->err);
}

static void acquire__gives_a_free_lease_and_refuses_a_second_owner(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(acquire(f, &f->a), HS_OK);
    assert_true(f->a.held);
    assert_int_equal(f->a.epoch, 1);
    assert_int_equal(f->a.until_ns, START_NS + TTL_MS * HS_NS_PER_MS);
    assert_int_equal(acquire(f, &f->b), HS_ECONFLICT);
    assert_false(f->b.held);
    assert_non_null(strstr(f->err.text, "held by owner-a for another 1000 ms"));
}

static void acquire__renews_in_time_with_the_same_epoch(void **state)
{
    struct fixture *f = *state;
    int i;

    for (i = 0; i < 5; i++) {
        assert_int_equal(acquire(f, &f->a), HS_OK);
        assert_int_equal(f->a.epoch, 1);
        advance_ms(f, TTL_MS - 1);
    }
    assert_int_equal(acquire(f, &f->b), HS_ECONFLICT);
}

static void acquire__takes_over_at_the_end_by_database_time(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(acquire(f, &f->a), HS_OK);
    advance_ms(f, TTL_MS - 1);
    assert_int_equal(acquire(f, &f->b), HS_ECONFLICT);
    advance_ms(f, 1);
    assert_int_equal(acquire(f, &f->b), HS_OK);
    assert_int_equal(f->b.epoch, 2);
    assert_int_equal(acquire(f, &f->a), HS_ECONFLICT);
    assert_false(f->a.held);
}

static void acquire__raises_the_epoch_when_its_own_time_was_over(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(acquire(f, &f->a), HS_OK);
    advance_ms(f, TTL_MS);
    assert_int_equal(acquire(f, &f->a), HS_OK);
    assert_int_equal(f->a.epoch, 2);
}

static void check_op__refuses_the_former_owner(void **state)
{
    struct fixture *f = *state;
    size_t failed = 99;

    assert_int_equal(step(f, &f->a, &failed), HS_ECONFLICT); /* never held */
    assert_int_equal(acquire(f, &f->a), HS_OK);
    assert_int_equal(step(f, &f->a, NULL), HS_OK);
    advance_ms(f, TTL_MS);
    assert_int_equal(acquire(f, &f->b), HS_OK);
    assert_true(f->a.held); /* it does not know yet */
    assert_int_equal(step(f, &f->a, &failed), HS_ECONFLICT);
    assert_int_equal(failed, 1);
    assert_int_equal(step(f, &f->b, NULL), HS_OK);
}

static void check_op__is_to_be_taken_after_the_last_renewal(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata_op old;

    assert_int_equal(acquire(f, &f->a), HS_OK);
    old = hs_lease_check_op(&f->a);
    assert_int_equal(acquire(f, &f->a), HS_OK);
    assert_int_equal(hs_metadata_commit(f->metadata, &old, 1, NULL, NULL, NULL), HS_ECONFLICT);
    assert_int_equal(step(f, &f->a, NULL), HS_OK);
}

static void release__frees_at_once_and_keeps_the_epoch_growing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(hs_lease_release(f->metadata, &f->a, &f->err), HS_OK); /* not held */
    assert_int_equal(acquire(f, &f->a), HS_OK);
    assert_int_equal(hs_lease_release(f->metadata, &f->a, &f->err), HS_OK);
    assert_int_equal(step(f, &f->a, NULL), HS_ECONFLICT);
    assert_int_equal(acquire(f, &f->b), HS_OK);
    assert_int_equal(f->b.epoch, 2);
}

static void release__leaves_a_new_owner_alone(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(acquire(f, &f->a), HS_OK);
    advance_ms(f, TTL_MS);
    assert_int_equal(acquire(f, &f->b), HS_OK);
    assert_int_equal(hs_lease_release(f->metadata, &f->a, &f->err), HS_OK);
    assert_int_equal(step(f, &f->b, NULL), HS_OK);
}

static void acquire__treats_an_unknown_outcome_as_not_held(void **state)
{
    struct fixture *f = *state;

    f->clock.fail_rc = HS_ETIMEOUT;
    f->clock.after = true;
    assert_int_equal(acquire(f, &f->a), HS_ETIMEOUT);
    assert_false(f->a.held);
    assert_int_equal(step(f, &f->a, NULL), HS_ECONFLICT);
    assert_int_equal(acquire(f, &f->a), HS_OK); /* the record names us */
    assert_int_equal(f->a.epoch, 2);
    f->clock.fail_rc = HS_EIO;
    f->clock.after = false;
    assert_int_equal(acquire(f, &f->a), HS_EIO);
    assert_false(f->a.held);
}

static void acquire__does_not_wait_for_a_clock_that_was_set_back(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(acquire(f, &f->a), HS_OK);
    advance_ms(f, -3600 * 1000);
    assert_int_equal(acquire(f, &f->b), HS_OK);
    assert_int_equal(f->b.epoch, 2);
    assert_int_equal(step(f, &f->a, NULL), HS_ECONFLICT);
}

static void acquire__reports_a_record_that_does_not_parse(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata_op op = {.space = "leases", .key = HS_STR("rollup"), .value = HS_STR("x")};

    assert_int_equal(hs_metadata_commit(f->inner, &op, 1, NULL, NULL, NULL), HS_OK);
    assert_int_equal(acquire(f, &f->a), HS_ECORRUPT);
    assert_non_null(strstr(f->err.text, "lease rollup"));
}

static void acquire__holds_its_limits(void **state)
{
    struct fixture *f = *state;
    char text[HS_LEASE_NAME_MAX + 1];
    struct hs_lease lease;

    memset(text, 'n', sizeof(text));
    assert_int_equal(hs_lease_init(&lease, hs_str_n(text, HS_LEASE_NAME_MAX - 1), HS_STR("o"),
                                   NULL),
                     HS_OK);
    assert_int_equal(acquire(f, &lease), HS_OK);
    assert_int_equal(hs_lease_init(&lease, hs_str_n(text, HS_LEASE_NAME_MAX), HS_STR("o"), NULL),
                     HS_EINVAL);
    assert_int_equal(hs_lease_init(&lease, HS_STR("n"), hs_str_n(text, HS_LEASE_OWNER_MAX - 1),
                                   NULL),
                     HS_OK);
    assert_int_equal(hs_lease_init(&lease, HS_STR("n"), hs_str_n(text, HS_LEASE_OWNER_MAX), NULL),
                     HS_EINVAL);
    assert_int_equal(hs_lease_init(&lease, HS_STR("n"), HS_STR(""), NULL), HS_EINVAL);
    assert_int_equal(hs_lease_init(&lease, HS_STR("a\nb"), HS_STR("o"), NULL), HS_EINVAL);
    assert_int_equal(hs_lease_acquire(f->metadata, &f->a, 0, &f->err), HS_EINVAL);
    assert_int_equal(hs_lease_acquire(f->metadata, &f->a, 86400000, &f->err), HS_OK);
    assert_int_equal(hs_lease_acquire(f->metadata, &f->a, 86400001, &f->err), HS_EINVAL);
}

struct racer {
    struct hs_thread thread;
    struct hs_metadata *metadata;
    struct hs_lease lease;
    int rc;
};

static void race(void *arg)
{
    struct racer *racer = arg;

    racer->rc = hs_lease_acquire(racer->metadata, &racer->lease, TTL_MS, NULL);
}

static void acquire__lets_one_of_many_threads_win(void **state)
{
    struct fixture *f = *state;
    struct racer racers[4] = {0};
    size_t held = 0;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(racers); i++) {
        char owner[16];

        snprintf(owner, sizeof(owner), "racer-%zu", i);
        racers[i].metadata = f->inner;
        hs_lease_init(&racers[i].lease, HS_STR("race"), hs_str_c(owner), NULL);
        assert_int_equal(hs_thread_start(&racers[i].thread, "race", race, &racers[i], NULL), HS_OK);
    }
    for (i = 0; i < HS_ARRAY_LEN(racers); i++) {
        hs_thread_join(&racers[i].thread);
        assert_true(racers[i].rc == HS_OK || racers[i].rc == HS_ECONFLICT);
        held += racers[i].lease.held;
    }
    assert_int_equal(held, 1);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(acquire__gives_a_free_lease_and_refuses_a_second_owner),
        CASE(acquire__renews_in_time_with_the_same_epoch),
        CASE(acquire__takes_over_at_the_end_by_database_time),
        CASE(acquire__raises_the_epoch_when_its_own_time_was_over),
        CASE(check_op__refuses_the_former_owner),
        CASE(check_op__is_to_be_taken_after_the_last_renewal),
        CASE(release__frees_at_once_and_keeps_the_epoch_growing),
        CASE(release__leaves_a_new_owner_alone),
        CASE(acquire__treats_an_unknown_outcome_as_not_held),
        CASE(acquire__does_not_wait_for_a_clock_that_was_set_back),
        CASE(acquire__reports_a_record_that_does_not_parse),
        CASE(acquire__holds_its_limits),
        CASE(acquire__lets_one_of_many_threads_win),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
