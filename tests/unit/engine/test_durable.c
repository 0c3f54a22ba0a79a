/* Rolled marks: forgotten once synced, but never before a power loss has been recovered from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backend/analytics_clickhouse/clickhouse.h"
#include "backend/metadata_sqlite/metadata_sqlite.h"
#include "backend/stream_memory.h"
#include "base/fs.h"
#include "base/mem.h"
#include "engine/durable.h"
#include "port/dirty.h"

#define MARK "1m/default/001795618800"

struct fixture {
    char dir[64];
    struct hs_conf conf;
    struct hs_loader_deps deps;
    struct hs_err err;
};

static int setup(void **state)
{
    struct fixture *f = hs_xalloc(sizeof(*f));
    const struct hs_clock *clock = hs_clock_system();

    snprintf(f->dir, sizeof(f->dir), "/tmp/hs_durable_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    hs_conf_init(&f->conf);
    assert_int_equal(hs_conf_set(&f->conf, HS_STR("data"), hs_str_c(f->dir), NULL), HS_OK);
    /* Nobody listens there: the loader cannot recover. */
    assert_int_equal(hs_conf_set(&f->conf, HS_STR("analytics.url"), HS_STR("http://127.0.0.1:1"),
                                 NULL),
                     HS_OK);
    f->deps = (struct hs_loader_deps){.conf = &f->conf, .clock = clock, .owner = "test"};
    assert_int_equal(hs_metadata_sqlite_ops.open(&f->conf, &f->deps.metadata, &f->err), HS_OK);
    assert_int_equal(hs_stream_memory_ops.open(&f->conf, clock, &f->deps.stream, &f->err), HS_OK);
    assert_int_equal(hs_analytics_clickhouse_ops.open(&f->conf, clock, &f->deps.analytics, &f->err),
                     HS_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    hs_analytics_close(f->deps.analytics);
    hs_stream_close(f->deps.stream);
    hs_metadata_close(f->deps.metadata);
    hs_conf_fini(&f->conf);
    hs_fs_remove_tree(f->dir, NULL);
    hs_free(f);
    return 0;
}

static void put_rolled(struct fixture *f)
{
    const struct hs_metadata_op op = {.action = HS_METADATA_PUT,
                                      .space = hs_dirty_fast.rolled,
                                      .key = HS_STR(MARK)};

    assert_int_equal(hs_metadata_commit(f->deps.metadata, &op, 1, NULL, NULL, &f->err), HS_OK);
}

static bool has_mark(struct fixture *f, const char *space)
{
    struct hs_arena arena;
    struct hs_entry entry;
    int rc;

    hs_arena_init(&arena, 1 << 20);
    rc = hs_metadata_get(f->deps.metadata, space, HS_STR(MARK), &arena, &entry, &f->err);
    hs_arena_fini(&arena);
    assert_true(rc == HS_OK || rc == HS_ENOTFOUND);
    return rc == HS_OK;
}

/* A stop syncs once. */
static void sync_once(struct fixture *f)
{
    struct hs_loader *loader = NULL;
    struct hs_durable *durable = NULL;

    assert_int_equal(hs_loader_start(&f->deps, &loader, &f->err), HS_OK);
    assert_int_equal(hs_durable_start(&f->deps, loader, f->dir, &durable, &f->err), HS_OK);
    hs_durable_stop(durable);
    hs_loader_stop(loader);
}

static void sync__keeps_rolled_marks_until_a_power_loss_is_recovered_from(void **state)
{
    struct fixture *f = *state;

    put_rolled(f);
    sync_once(f);
    assert_true(has_mark(f, hs_dirty_fast.rolled));
    assert_int_equal(hs_power_recovered(f->deps.metadata, &f->err), HS_OK);
    assert_false(has_mark(f, hs_dirty_fast.rolled));
    assert_true(has_mark(f, hs_dirty_fast.dirty));
}

static void sync__forgets_what_was_rolled_in_this_boot(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(hs_power_recovered(f->deps.metadata, &f->err), HS_OK);
    put_rolled(f);
    sync_once(f);
    assert_false(has_mark(f, hs_dirty_fast.rolled));
    assert_false(has_mark(f, hs_dirty_fast.dirty));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            sync__keeps_rolled_marks_until_a_power_loss_is_recovered_from, setup, teardown),
        cmocka_unit_test_setup_teardown(sync__forgets_what_was_rolled_in_this_boot, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
