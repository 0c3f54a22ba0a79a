/*
 * What every metadata backend promises, run for each one in the build. A backend is a row of
 * `backends`: prepare() gives it an empty place of its own, whose name comes from conf->data.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/metadata_sqlite/metadata_sqlite.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/thread.h"
#include "port/metadata.h"

struct backend {
    const struct hs_metadata_ops *ops;
    const char *sets[4]; /* options that it needs, name=value */
};

static const struct backend backends[] = {
    {.ops = &hs_metadata_sqlite_ops},
};

/* Each test starts on an empty database. */
struct fixture {
    const struct backend *backend;
    char dir[64];
    struct hs_conf conf;
    struct hs_metadata *metadata;
    struct hs_arena arena;
    struct hs_err err;
};

static const struct backend *current; /* the row whose group runs */

static struct hs_metadata *open_again(struct fixture *f)
{
    struct hs_metadata *metadata = NULL;

    if (f->backend->ops->open(&f->conf, &metadata, &f->err))
        fail_msg("open: %s", f->err.text);
    return metadata;
}

static int setup(void **state)
{
    struct fixture *f = hs_xalloc(sizeof(*f));
    struct hs_conf_source source = {.sets = current->sets};
    char set[96];

    f->backend = current;
    snprintf(f->dir, sizeof(f->dir), "/tmp/hs_metadata_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    while (source.sets[source.sets_n])
        source.sets_n++;
    assert_int_equal(hs_conf_load(&source, &f->conf, &f->err), HS_OK);
    snprintf(set, sizeof(set), "%s/data", f->dir);
    assert_int_equal(hs_conf_set(&f->conf, HS_STR("data"), hs_str_c(set), &f->err), HS_OK);
    hs_arena_init(&f->arena, 256 << 20);
    f->metadata = open_again(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    hs_metadata_close(f->metadata);
    hs_arena_fini(&f->arena);
    hs_conf_fini(&f->conf);
    hs_fs_remove_tree(f->dir, NULL);
    hs_free(f);
    return 0;
}

static struct hs_metadata_op op_put(const char *key, const char *value)
{
    return (struct hs_metadata_op){.action = HS_METADATA_PUT,
                                   .space = "test",
                                   .key = hs_str_c(key),
                                   .value = hs_str_c(value)};
}

static uint64_t put(struct fixture *f, const char *key, const char *value)
{
    struct hs_metadata_op op = op_put(key, value);
    uint64_t version = 0;

    if (hs_metadata_commit(f->metadata, &op, 1, &version, NULL, &f->err))
        fail_msg("put %s: %s", key, f->err.text);
    assert_true(version > 0);
    return version;
}

static int get(struct fixture *f, const char *key, struct hs_entry *out)
{
    return hs_metadata_get(f->metadata, "test", hs_str_c(key), &f->arena, out, &f->err);
}

static void assert_value(struct fixture *f, const char *key, const char *value)
{
    struct hs_entry entry;

    if (get(f, key, &entry))
        fail_msg("get %s: %s", key, f->err.text);
    assert_true(hs_str_eq_c(entry.value, value));
}

static void get__says_not_found_for_an_absent_entry(void **state)
{
    struct fixture *f = *state;
    struct hs_entry entry;

    put(f, "here", "1");
    assert_int_equal(get(f, "elsewhere", &entry), HS_ENOTFOUND);
    assert_non_null(strstr(f->err.text, "test/elsewhere"));
    assert_int_equal(hs_metadata_get(f->metadata, "other", HS_STR("here"), &f->arena, &entry, NULL),
                     HS_ENOTFOUND);
}

static void commit__keeps_binary_keys_and_values(void **state)
{
    struct fixture *f = *state;
    char bytes[512];
    struct hs_metadata_op op = {.space = "test"};
    struct hs_entry entry;
    size_t i;

    for (i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    op.key = hs_str_n(bytes + 1, 255);
    op.value = hs_str_n(bytes, sizeof(bytes));
    assert_int_equal(hs_metadata_commit(f->metadata, &op, 1, NULL, NULL, &f->err), HS_OK);
    assert_int_equal(hs_metadata_get(f->metadata, "test", op.key, &f->arena, &entry, &f->err),
                     HS_OK);
    assert_true(hs_str_eq(entry.value, op.value));
    assert_true(hs_str_eq(entry.key, op.key));
    op.value = HS_STR_NULL;
    assert_int_equal(hs_metadata_commit(f->metadata, &op, 1, NULL, NULL, &f->err), HS_OK);
    assert_int_equal(hs_metadata_get(f->metadata, "test", op.key, &f->arena, &entry, &f->err),
                     HS_OK);
    assert_int_equal(entry.value.n, 0);
}

static void commit__holds_each_action_to_its_expectation(void **state)
{
    static const struct {
        enum hs_metadata_action action;
        enum hs_metadata_expect expect;
        bool present;
        int version_delta; /* added to the entry's version, or to 1 when it is absent */
        int rc;
    } cases[] = {
        {HS_METADATA_PUT, HS_EXPECT_ANY, true, 0, HS_OK},
        {HS_METADATA_PUT, HS_EXPECT_ANY, false, 0, HS_OK},
        {HS_METADATA_PUT, HS_EXPECT_ABSENT, true, 0, HS_ECONFLICT},
        {HS_METADATA_PUT, HS_EXPECT_ABSENT, false, 0, HS_OK},
        {HS_METADATA_PUT, HS_EXPECT_VERSION, true, 0, HS_OK},
        {HS_METADATA_PUT, HS_EXPECT_VERSION, true, -1, HS_ECONFLICT},
        {HS_METADATA_PUT, HS_EXPECT_VERSION, true, 1, HS_ECONFLICT},
        {HS_METADATA_PUT, HS_EXPECT_VERSION, false, 0, HS_ECONFLICT},
        {HS_METADATA_PUT, HS_EXPECT_VERSION, false, -1, HS_ECONFLICT},
        {HS_METADATA_DELETE, HS_EXPECT_ANY, true, 0, HS_OK},
        {HS_METADATA_DELETE, HS_EXPECT_ANY, false, 0, HS_OK},
        {HS_METADATA_DELETE, HS_EXPECT_ABSENT, true, 0, HS_ECONFLICT},
        {HS_METADATA_DELETE, HS_EXPECT_ABSENT, false, 0, HS_OK},
        {HS_METADATA_DELETE, HS_EXPECT_VERSION, true, 0, HS_OK},
        {HS_METADATA_DELETE, HS_EXPECT_VERSION, true, -1, HS_ECONFLICT},
        {HS_METADATA_DELETE, HS_EXPECT_VERSION, false, 0, HS_ECONFLICT},
        {HS_METADATA_CHECK, HS_EXPECT_ANY, false, 0, HS_OK},
        {HS_METADATA_CHECK, HS_EXPECT_ABSENT, true, 0, HS_ECONFLICT},
        {HS_METADATA_CHECK, HS_EXPECT_ABSENT, false, 0, HS_OK},
        {HS_METADATA_CHECK, HS_EXPECT_VERSION, true, 0, HS_OK},
        {HS_METADATA_CHECK, HS_EXPECT_VERSION, true, -1, HS_ECONFLICT},
        {HS_METADATA_CHECK, HS_EXPECT_VERSION, false, 0, HS_ECONFLICT},
        {HS_METADATA_CHECK, HS_EXPECT_VERSION, false, -1, HS_ECONFLICT}, /* version 0 */
    };
    struct fixture *f = *state;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_metadata_op op = op_put("key", "new");
        struct hs_entry entry;
        uint64_t version = 1;
        bool there;

        op.action = HS_METADATA_DELETE;
        assert_int_equal(hs_metadata_commit(f->metadata, &op, 1, NULL, NULL, NULL), HS_OK);
        if (cases[i].present)
            version = put(f, "key", "old");
        op.action = cases[i].action;
        op.expect = cases[i].expect;
        op.version = version + (uint64_t)cases[i].version_delta;
        if (hs_metadata_commit(f->metadata, &op, 1, NULL, NULL, &f->err) != cases[i].rc)
            fail_msg("case %zu: expected %s", i, hs_rc_name(cases[i].rc));
        there = get(f, "key", &entry) == HS_OK;
        if (cases[i].rc == HS_OK && cases[i].action != HS_METADATA_CHECK) {
            assert_int_equal(there, cases[i].action == HS_METADATA_PUT);
            continue;
        }
        assert_int_equal(there, cases[i].present);
        if (there)
            assert_true(hs_str_eq_c(entry.value, "old"));
    }
}

static void commit__reports_the_failing_index_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata_op ops[4] = {op_put("a", "2"), op_put("b", "2"), op_put("c", "2"),
                                    op_put("d", "2")};
    struct hs_entry entry;
    uint64_t version = 77;
    size_t failed = 99;

    put(f, "a", "1");
    put(f, "c", "1");
    ops[2].expect = HS_EXPECT_ABSENT;
    assert_int_equal(hs_metadata_commit(f->metadata, ops, 4, &version, &failed, &f->err),
                     HS_ECONFLICT);
    assert_int_equal(failed, 2);
    assert_int_equal(version, 77); /* untouched on failure */
    assert_non_null(strstr(f->err.text, "test/c"));
    assert_value(f, "a", "1");
    assert_int_equal(get(f, "b", &entry), HS_ENOTFOUND);
    assert_int_equal(hs_metadata_commit(f->metadata, ops, 2, NULL, NULL, &f->err), HS_OK);
    assert_value(f, "b", "2");
}

static void commit__applies_operations_in_order(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata_op ops[3] = {op_put("k", "1"), op_put("k", "2"), op_put("k", "3")};
    size_t failed = 99;

    assert_int_equal(hs_metadata_commit(f->metadata, ops, 3, NULL, NULL, &f->err), HS_OK);
    assert_value(f, "k", "3");
    ops[0].action = HS_METADATA_DELETE;
    ops[1].expect = HS_EXPECT_ABSENT;
    assert_int_equal(hs_metadata_commit(f->metadata, ops, 2, NULL, NULL, &f->err), HS_OK);
    assert_value(f, "k", "2");
    ops[2].expect = HS_EXPECT_ABSENT;
    assert_int_equal(hs_metadata_commit(f->metadata, ops, 3, NULL, &failed, &f->err), HS_ECONFLICT);
    assert_int_equal(failed, 2);
}

static void versions__grow_and_never_repeat(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata_op op = op_put("k", "");
    struct hs_metadata_op two[2] = {op_put("x", "1"), op_put("y", "1")};
    struct hs_entry x, y;
    uint64_t first = put(f, "k", "1");
    uint64_t second = put(f, "k", "1");
    uint64_t third, fourth;

    assert_true(second > first);
    op.action = HS_METADATA_DELETE;
    assert_int_equal(hs_metadata_commit(f->metadata, &op, 1, NULL, NULL, NULL), HS_OK);
    third = put(f, "k", "1");
    assert_true(third > second + 1); /* the deletion took one too */
    hs_metadata_close(f->metadata);
    f->metadata = open_again(f);
    fourth = put(f, "other", "1");
    assert_true(fourth > third);
    assert_int_equal(hs_metadata_commit(f->metadata, two, 2, &first, NULL, NULL), HS_OK);
    assert_int_equal(get(f, "x", &x), HS_OK);
    assert_int_equal(get(f, "y", &y), HS_OK);
    assert_int_equal(x.version, first);
    assert_int_equal(y.version, first);
}

/* Commits one put with a key and a value of the given sizes. */
static int put_sized(struct fixture *f, size_t key_n, size_t value_n, const char *space)
{
    struct hs_metadata_op op = {.space = space};
    char *bytes = hs_xalloc(value_n + key_n + 1);
    int rc;

    memset(bytes, 'x', value_n + key_n);
    op.key = hs_str_n(bytes, key_n);
    op.value = hs_str_n(bytes, value_n);
    rc = hs_metadata_commit(f->metadata, &op, 1, NULL, NULL, &f->err);
    hs_free(bytes);
    return rc;
}

static void commit__holds_its_limits(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata_op *ops = hs_xcalloc(HS_METADATA_OPS_MAX + 1, sizeof(*ops));
    size_t i;

    assert_int_equal(put_sized(f, HS_METADATA_KEY_MAX - 1, 1, "test"), HS_OK);
    assert_int_equal(put_sized(f, HS_METADATA_KEY_MAX, 1, "test"), HS_OK);
    assert_int_equal(put_sized(f, HS_METADATA_KEY_MAX + 1, 1, "test"), HS_ELIMIT);
    assert_non_null(strstr(f->err.text, "513 bytes, limit 512"));
    assert_int_equal(put_sized(f, 0, 1, "test"), HS_EINVAL);
    assert_int_equal(put_sized(f, 1, HS_METADATA_VALUE_MAX - 1, "test"), HS_OK);
    assert_int_equal(put_sized(f, 1, HS_METADATA_VALUE_MAX, "test"), HS_OK);
    assert_int_equal(put_sized(f, 1, HS_METADATA_VALUE_MAX + 1, "test"), HS_ELIMIT);
    assert_int_equal(put_sized(f, 1, 1, "abcdefghijklmnopqrstuvwxyz_abcde"), HS_OK);
    assert_int_equal(put_sized(f, 1, 1, "abcdefghijklmnopqrstuvwxyz_abcdef"), HS_EINVAL);
    assert_int_equal(put_sized(f, 1, 1, "Test"), HS_EINVAL);
    assert_int_equal(put_sized(f, 1, 1, ""), HS_EINVAL);
    for (i = 0; i <= HS_METADATA_OPS_MAX; i++) {
        ops[i] = op_put("k", "");
        ops[i].action = HS_METADATA_CHECK;
    }
    assert_int_equal(hs_metadata_commit(f->metadata, ops, HS_METADATA_OPS_MAX, NULL, NULL, NULL),
                     HS_OK);
    assert_int_equal(hs_metadata_commit(f->metadata, ops, HS_METADATA_OPS_MAX + 1, NULL, NULL,
                                        NULL),
                     HS_ELIMIT);
    assert_int_equal(hs_metadata_commit(f->metadata, ops, 0, NULL, NULL, NULL), HS_EINVAL);
    ops[1].key = hs_str_n("a\0b", 3);
    assert_int_equal(hs_metadata_commit(f->metadata, ops, 2, NULL, NULL, &f->err), HS_EINVAL);
    assert_non_null(strstr(f->err.text, "operation 1"));
    hs_free(ops);
}

static void get_and_scan__say_when_the_arena_is_full(void **state)
{
    struct fixture *f = *state;
    struct hs_entry entry;
    struct hs_arena small;
    size_t n = 99;

    assert_int_equal(put_sized(f, 1, 100000, "test"), HS_OK);
    hs_arena_init(&small, 50000);
    assert_int_equal(hs_metadata_get(f->metadata, "test", HS_STR("x"), &small, &entry, &f->err),
                     HS_ELIMIT);
    assert_int_equal(hs_metadata_scan(f->metadata, "test", HS_STR_NULL, HS_STR_NULL, &small, &entry,
                                      1, &n, &f->err),
                     HS_ELIMIT);
    assert_int_equal(n, 99);
    hs_arena_fini(&small);
}

/* Scans and joins the keys with spaces. */
static const char *scan_keys(struct fixture *f, const char *prefix, const char *after, size_t max)
{
    static char text[1024];
    struct hs_entry entries[32];
    size_t used = 0;
    size_t n = 0;
    size_t i;

    HS_ASSERT(max <= HS_ARRAY_LEN(entries));
    text[0] = '\0';
    assert_int_equal(hs_metadata_scan(f->metadata, "test", hs_str_c(prefix), hs_str_c(after),
                                      &f->arena, entries, max, &n, &f->err),
                     HS_OK);
    for (i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s", i ? " " : "",
                                 HS_STR_ARG(entries[i].key));
    return text;
}

static void scan__gives_keys_in_byte_order_by_prefix_and_page(void **state)
{
    static const char *const keys[] = {"b",    "a/2",   "a/10",  "a",  "a/1", "\xff\xff",
                                       "\xff", "a\x01", "a\xff", "a0", "A"};
    static const struct {
        const char *prefix, *after;
        size_t max;
        const char *keys;
    } cases[] = {
        {"", "", 32, "A a a\x01 a/1 a/10 a/2 a0 a\xff b \xff \xff\xff"},
        {"", "", 3, "A a a\x01"},
        {"", "a\x01", 3, "a/1 a/10 a/2"},
        {"", "\xff\xff", 3, ""},
        {"a/", "", 32, "a/1 a/10 a/2"},
        {"a/1", "", 32, "a/1 a/10"},
        {"a/", "a/1", 1, "a/10"},
        {"a/", "a/2", 9, ""},
        {"a/", "A", 9, "a/1 a/10 a/2"}, /* before the prefix */
        {"a/", "b", 9, ""},             /* past it */
        {"a\xff", "", 9, "a\xff"},
        {"\xff", "", 9, "\xff \xff\xff"},
        {"c", "", 9, ""},
    };
    struct fixture *f = *state;
    struct hs_metadata_op other = {.space = "tesu", .key = HS_STR("a/0")};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(keys); i++)
        put(f, keys[i], "v");
    assert_int_equal(hs_metadata_commit(f->metadata, &other, 1, NULL, NULL, NULL), HS_OK);
    for (i = 0; i < HS_ARRAY_LEN(cases); i++)
        assert_string_equal(scan_keys(f, cases[i].prefix, cases[i].after, cases[i].max),
                            cases[i].keys);
}

/* Adds one to the number in "counter" by compare-and-set, `times` times. */
static int count_up(struct hs_metadata *metadata, int times)
{
    int done = 0;

    while (done < times) {
        struct hs_metadata_op op = op_put("counter", NULL);
        struct hs_arena arena;
        struct hs_entry entry;
        char text[24];
        uint64_t v = 0;
        int rc;

        hs_arena_init(&arena, 1 << 16);
        rc = hs_metadata_get(metadata, "test", op.key, &arena, &entry, NULL);
        op.expect = HS_EXPECT_ABSENT;
        if (rc == HS_OK) {
            op.expect = HS_EXPECT_VERSION;
            op.version = entry.version;
            rc = hs_str_to_u64(entry.value, &v);
        }
        if (rc == HS_OK || rc == HS_ENOTFOUND) {
            snprintf(text, sizeof(text), "%llu", (unsigned long long)v + 1);
            op.value = hs_str_c(text);
            rc = hs_metadata_commit(metadata, &op, 1, NULL, NULL, NULL);
        }
        hs_arena_fini(&arena);
        if (rc == HS_OK)
            done++;
        else if (rc != HS_ECONFLICT)
            return rc;
    }
    return HS_OK;
}

enum { WRITERS = 4, WRITES = 30 };

static void count_thread(void *arg)
{
    int rc = count_up(arg, WRITES);

    HS_ASSERT(rc == HS_OK);
}

static void commit__loses_no_update_between_threads(void **state)
{
    struct fixture *f = *state;
    struct hs_thread threads[WRITERS] = {0};
    char expected[24];
    size_t i;

    for (i = 0; i < WRITERS; i++)
        assert_int_equal(hs_thread_start(&threads[i], "count", count_thread, f->metadata, &f->err),
                         HS_OK);
    for (i = 0; i < WRITERS; i++)
        hs_thread_join(&threads[i]);
    snprintf(expected, sizeof(expected), "%d", WRITERS * WRITES);
    assert_value(f, "counter", expected);
}

static void commit__loses_no_update_between_processes(void **state)
{
    struct fixture *f = *state;
    pid_t children[2];
    size_t i;

    hs_metadata_close(f->metadata); /* both also race to create the database */
    f->metadata = NULL;
    hs_fs_remove_tree(f->conf.data, NULL);
    for (i = 0; i < HS_ARRAY_LEN(children); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct hs_metadata *metadata = NULL;

            if (f->backend->ops->open(&f->conf, &metadata, NULL) || count_up(metadata, 60))
                _exit(1);
            hs_metadata_close(metadata);
            _exit(0);
        }
    }
    for (i = 0; i < HS_ARRAY_LEN(children); i++) {
        int status = 0;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    f->metadata = open_again(f);
    assert_value(f, "counter", "120");
}

/* Commits pairs a<i>, b<i> and tells each i on fd after its commit, until it is killed. */
static _Noreturn void commit_until_killed(struct fixture *f, int fd)
{
    struct hs_metadata *metadata = NULL;
    uint32_t i;

    if (f->backend->ops->open(&f->conf, &metadata, NULL))
        _exit(1);
    for (i = 0;; i++) {
        char a[16], b[16];
        struct hs_metadata_op ops[2];

        snprintf(a, sizeof(a), "a%06u", i);
        snprintf(b, sizeof(b), "b%06u", i);
        ops[0] = op_put(a, "v");
        ops[1] = op_put(b, "v");
        ops[0].expect = HS_EXPECT_ANY;
        if (hs_metadata_commit(metadata, ops, 2, NULL, NULL, NULL) ||
            write(fd, &i, sizeof(i)) != sizeof(i))
            _exit(1);
    }
}

static void commit__survives_kill_9_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    int round;

    hs_metadata_close(f->metadata);
    f->metadata = NULL;
    for (round = 0; round < 5; round++) {
        uint32_t acked = 0;
        uint32_t wanted = 3 + 7 * (uint32_t)round;
        int status;
        int fds[2];
        pid_t child;
        uint32_t i;
        char key[16];
        struct hs_entry a, b;

        assert_int_equal(pipe(fds), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
            commit_until_killed(f, fds[1]);
        close(fds[1]);
        while (acked < wanted)
            assert_int_equal(read(fds[0], &acked, sizeof(acked)), sizeof(acked));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        while (read(fds[0], &acked, sizeof(acked)) == sizeof(acked))
            ; /* what it told before it died */
        close(fds[0]);
        f->metadata = open_again(f);
        for (i = 0; i <= acked + 1; i++) {
            int rc_a, rc_b;

            snprintf(key, sizeof(key), "a%06u", i);
            rc_a = get(f, key, &a);
            snprintf(key, sizeof(key), "b%06u", i);
            rc_b = get(f, key, &b);
            assert_int_equal(rc_a, rc_b);
            if (i <= acked)
                assert_int_equal(rc_a, HS_OK);
        }
        hs_metadata_close(f->metadata);
        f->metadata = NULL;
    }
}

static void commit__takes_100000_puts_at_once(void **state)
{
    enum { N = 100000, LONGEST_S = 20 };
    struct fixture *f = *state;
    struct hs_metadata_op *ops = hs_xcalloc(N, sizeof(*ops));
    char(*keys)[16] = hs_xcalloc(N, sizeof(*keys));
    const struct hs_clock *clock = hs_clock_system();
    struct hs_entry entry;
    int64_t started;
    double seconds;
    size_t i;

    for (i = 0; i < N; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%08zu", i * 7919 % N);
        ops[i] = op_put(keys[i], "a value of some forty bytes, as dirty marks");
    }
    started = hs_mono_ns(clock);
    assert_int_equal(hs_metadata_commit(f->metadata, ops, N, NULL, NULL, &f->err), HS_OK);
    seconds = (double)(hs_mono_ns(clock) - started) / 1e9;
    print_message("%s: 100,000 puts in one commit took %.3f s\n", f->backend->ops->name, seconds);
    assert_true(seconds < LONGEST_S);
    assert_int_equal(get(f, "00099999", &entry), HS_OK);
    hs_free(keys);
    hs_free(ops);
}

static void open__finds_what_was_committed_before(void **state)
{
    struct fixture *f = *state;
    uint64_t version = put(f, "k", "v");
    struct hs_entry entry;

    hs_metadata_close(f->metadata);
    f->metadata = open_again(f);
    assert_int_equal(get(f, "k", &entry), HS_OK);
    assert_int_equal(entry.version, version);
}

static void now__is_a_wall_clock(void **state)
{
    struct fixture *f = *state;
    int64_t ours = hs_wall_ns(hs_clock_system());
    int64_t theirs = 0;

    assert_int_equal(hs_metadata_now(f->metadata, &theirs, &f->err), HS_OK);
    assert_true(theirs > ours - 3600 * HS_NS_PER_S);
    assert_true(theirs < ours + 3600 * HS_NS_PER_S);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(get__says_not_found_for_an_absent_entry),
        CASE(commit__keeps_binary_keys_and_values),
        CASE(commit__holds_each_action_to_its_expectation),
        CASE(commit__reports_the_failing_index_and_changes_nothing),
        CASE(commit__applies_operations_in_order),
        CASE(versions__grow_and_never_repeat),
        CASE(commit__holds_its_limits),
        CASE(get_and_scan__say_when_the_arena_is_full),
        CASE(scan__gives_keys_in_byte_order_by_prefix_and_page),
        CASE(commit__loses_no_update_between_threads),
        CASE(commit__loses_no_update_between_processes),
        CASE(commit__survives_kill_9_whole_or_not_at_all),
        CASE(commit__takes_100000_puts_at_once),
        CASE(open__finds_what_was_committed_before),
        CASE(now__is_a_wall_clock),
    };
    int failed = 0;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(backends); i++) {
        current = &backends[i];
        failed += cmocka_run_group_tests_name(current->ops->name, tests, NULL, NULL);
    }
    return failed;
}
