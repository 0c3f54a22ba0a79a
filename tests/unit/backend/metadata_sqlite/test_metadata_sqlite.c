#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "backend/metadata_sqlite/metadata_sqlite.h"
#include "base/fs.h"
#include "base/mem.h"

struct fixture {
    char dir[64];
    char path[128];
    struct hs_conf conf;
    struct hs_arena arena;
    struct hs_err err;
};

static int setup(void **state)
{
    struct fixture *f = hs_xalloc(sizeof(*f));

    snprintf(f->dir, sizeof(f->dir), "/tmp/hs_sqlite_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/metadata.db", f->dir);
    hs_conf_init(&f->conf);
    assert_int_equal(hs_conf_set(&f->conf, HS_STR("data"), hs_str_c(f->dir), NULL), HS_OK);
    hs_arena_init(&f->arena, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    hs_arena_fini(&f->arena);
    hs_conf_fini(&f->conf);
    hs_fs_remove_tree(f->dir, NULL);
    hs_free(f);
    return 0;
}

static int open_metadata(struct fixture *f, struct hs_metadata **out)
{
    return hs_metadata_sqlite_ops.open(&f->conf, out, &f->err);
}

static int put(struct hs_metadata *metadata, const char *value, struct hs_err *err)
{
    struct hs_metadata_op op = {.space = "test", .key = HS_STR("k"), .value = hs_str_c(value)};

    return hs_metadata_commit(metadata, &op, 1, NULL, NULL, err);
}

/* Another program's connection to the same file. */
static sqlite3 *open_raw(struct fixture *f)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    return db;
}

static void run_raw(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static void open__makes_files_for_the_owner_only(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct fixture *f = *state;
    struct hs_metadata *metadata;
    size_t i;

    assert_int_equal(open_metadata(f, &metadata), HS_OK);
    assert_int_equal(put(metadata, "v", NULL), HS_OK);
    for (i = 0; i < HS_ARRAY_LEN(suffixes); i++) {
        char path[160];
        struct stat st;

        snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    hs_metadata_close(metadata);
}

static void open__refuses_a_newer_schema_and_leaves_it_alone(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata *metadata = NULL;
    sqlite3 *db;

    assert_int_equal(open_metadata(f, &metadata), HS_OK);
    hs_metadata_close(metadata);
    db = open_raw(f);
    run_raw(db, "PRAGMA user_version = 1000");
    sqlite3_close(db);
    assert_int_equal(open_metadata(f, &metadata), HS_ECONFLICT);
    assert_non_null(strstr(f->err.text, "schema version 1000 is newer"));
    db = open_raw(f);
    run_raw(db, "SELECT 1 / (SELECT user_version = 1000 FROM pragma_user_version)");
    sqlite3_close(db);
}

static void open__reports_a_file_that_is_no_database(void **state)
{
    static char junk[8192];
    struct fixture *f = *state;
    struct hs_metadata *metadata = NULL;

    memset(junk, 'j', sizeof(junk));
    assert_int_equal(hs_fs_write_atomic(f->path, hs_str_n(junk, sizeof(junk)), 0600, NULL), HS_OK);
    assert_int_equal(open_metadata(f, &metadata), HS_ECORRUPT);
}

static void open__reports_a_folder_that_cannot_be_made(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata *metadata = NULL;

    assert_int_equal(hs_conf_set(&f->conf, HS_STR("data"), HS_STR("/dev/null/x"), NULL), HS_OK);
    assert_int_equal(open_metadata(f, &metadata), HS_EIO);
    assert_non_null(strstr(f->err.text, "/dev/null"));
}

static void get__does_not_wait_for_a_commit_that_is_under_way(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata *metadata;
    struct hs_entry entry;
    sqlite3 *db;

    assert_int_equal(open_metadata(f, &metadata), HS_OK);
    assert_int_equal(put(metadata, "before", NULL), HS_OK);
    db = open_raw(f);
    run_raw(db, "BEGIN IMMEDIATE; UPDATE entry SET value = x'00'");
    assert_int_equal(hs_metadata_get(metadata, "test", HS_STR("k"), &f->arena, &entry, &f->err),
                     HS_OK);
    assert_true(hs_str_eq_c(entry.value, "before"));
    run_raw(db, "ROLLBACK");
    sqlite3_close(db);
    hs_metadata_close(metadata);
}

static void open__neither_waits_for_nor_drops_the_locks_of_others(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata *first, *second;
    int status = 1;
    sqlite3 *db;
    pid_t child;

    assert_int_equal(open_metadata(f, &first), HS_OK);
    db = open_raw(f);
    run_raw(db, "BEGIN IMMEDIATE");
    assert_int_equal(open_metadata(f, &second), HS_OK);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* another process still finds the database locked */
        sqlite3 *other = NULL;

        _exit(sqlite3_open(f->path, &other) != SQLITE_OK ||
              sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_BUSY);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    run_raw(db, "ROLLBACK");
    sqlite3_close(db);
    hs_metadata_close(second);
    hs_metadata_close(first);
}

static void commit__reports_a_lost_counter(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata *metadata;
    sqlite3 *db;

    assert_int_equal(open_metadata(f, &metadata), HS_OK);
    db = open_raw(f);
    run_raw(db, "DELETE FROM counter");
    assert_int_equal(put(metadata, "v", &f->err), HS_ECORRUPT);
    run_raw(db, "INSERT INTO counter VALUES (1, 5)");
    assert_int_equal(put(metadata, "v", &f->err), HS_OK); /* the failed one left no transaction */
    sqlite3_close(db);
    hs_metadata_close(metadata);
}

static void open__uses_the_write_ahead_log(void **state)
{
    struct fixture *f = *state;
    struct hs_metadata *metadata;
    sqlite3 *db;

    assert_int_equal(open_metadata(f, &metadata), HS_OK);
    db = open_raw(f);
    run_raw(db, "SELECT 1 / (SELECT journal_mode = 'wal' FROM pragma_journal_mode)");
    sqlite3_close(db);
    hs_metadata_close(metadata);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(open__makes_files_for_the_owner_only),
        CASE(open__refuses_a_newer_schema_and_leaves_it_alone),
        CASE(open__reports_a_file_that_is_no_database),
        CASE(open__reports_a_folder_that_cannot_be_made),
        CASE(get__does_not_wait_for_a_commit_that_is_under_way),
        CASE(open__neither_waits_for_nor_drops_the_locks_of_others),
        CASE(commit__reports_a_lost_counter),
        CASE(open__uses_the_write_ahead_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
