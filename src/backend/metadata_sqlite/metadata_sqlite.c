#include "backend/metadata_sqlite/metadata_sqlite.h"

#include <string.h>

#include "backend/metadata_sqlite/conn.h"
#include "backend/metadata_sqlite/schema.h"
#include "base/fs.h"
#include "base/killpoint.h"
#include "base/mem.h"
#include "base/thread.h"

enum { READERS_MAX = 4 };

struct sqlite_metadata {
    struct hs_metadata base; /* first */
    char path[HS_PATH_MAX];
    struct hs_mutex write_lock; /* guards writer; held over a whole commit with its fsync */
    struct conn writer;
    struct hs_mutex read_lock; /* guards the two arrays, not the connections lent out */
    struct hs_cond reader_free;
    struct conn readers[READERS_MAX]; /* opened at first use */
    bool lent[READERS_MAX];
};

static struct sqlite_metadata *self(struct hs_metadata *metadata)
{
    return HS_CONTAINER_OF(metadata, struct sqlite_metadata, base);
}

static void sqlite_close(struct hs_metadata *metadata)
{
    struct sqlite_metadata *db;
    size_t i;

    if (!metadata)
        return;
    db = self(metadata);
    for (i = 0; i < READERS_MAX; i++) {
        HS_ASSERT(!db->lent[i]);
        conn_close(&db->readers[i]);
    }
    conn_close(&db->writer);
    hs_cond_fini(&db->reader_free);
    hs_mutex_fini(&db->read_lock);
    hs_mutex_fini(&db->write_lock);
    hs_free(db);
}

static int sqlite_open(const struct hs_conf *conf, struct hs_metadata **out, struct hs_err *err)
{
    struct sqlite_metadata *db = hs_xalloc(sizeof(*db));
    int rc;

    db->base.ops = &hs_metadata_sqlite_ops;
    hs_mutex_init(&db->write_lock, HS_RANK_BACKEND);
    hs_mutex_init(&db->read_lock, HS_RANK_BACKEND);
    hs_cond_init(&db->reader_free);
    rc = hs_fs_mkdirs(conf->data, 0700, err);
    if (rc == HS_OK)
        rc = hs_conf_path(conf, "metadata.db", db->path, err);
    if (rc == HS_OK)
        rc = schema_create_file(conf->data, db->path, err);
    if (rc == HS_OK)
        rc = conn_open(&db->writer, db->path, err);
    if (rc == HS_OK)
        rc = schema_migrate(&db->writer, err);
    if (rc) {
        sqlite_close(&db->base);
        return rc;
    }
    *out = &db->base;
    return HS_OK;
}

/* Lends a read connection; waits while all are lent, which ends because reads do. */
static int reader_take(struct sqlite_metadata *db, struct conn **out, struct hs_err *err)
{
    size_t i;
    int rc = HS_OK;

    hs_mutex_lock(&db->read_lock);
    for (;;) {
        for (i = 0; i < READERS_MAX && db->lent[i]; i++)
            ;
        if (i < READERS_MAX)
            break;
        hs_cond_wait_ms(&db->reader_free, &db->read_lock, -1);
    }
    db->lent[i] = true;
    hs_mutex_unlock(&db->read_lock);
    if (!db->readers[i].db)
        rc = conn_open(&db->readers[i], db->path, err);
    *out = &db->readers[i];
    return rc;
}

static void reader_give(struct sqlite_metadata *db, struct conn *conn)
{
    size_t i = (size_t)(conn - db->readers);

    hs_mutex_lock(&db->read_lock);
    HS_ASSERT(db->lent[i]);
    db->lent[i] = false;
    hs_cond_signal(&db->reader_free);
    hs_mutex_unlock(&db->read_lock);
}

static void bind_entry(sqlite3_stmt *statement, const char *space, struct hs_str key)
{
    int code = sqlite3_bind_text(statement, 1, space, -1, SQLITE_STATIC);

    HS_ASSERT(code == SQLITE_OK);
    conn_bind_blob(statement, 2, key);
}

static int copy_entry(struct hs_arena *arena, struct hs_entry entry, struct hs_entry *out,
                      struct hs_err *err)
{
    struct hs_entry copy = {.version = entry.version};

    copy.key = hs_arena_copy(arena, entry.key);
    copy.value = hs_arena_copy(arena, entry.value);
    if (!copy.key.p || !copy.value.p)
        return hs_err_set(err, HS_ELIMIT, 0,
                          "metadata entry of %zu bytes does not fit the caller's arena of %zu",
                          entry.key.n + entry.value.n, arena->limit);
    *out = copy;
    return HS_OK;
}

static int get_with(struct conn *conn, const char *space, struct hs_str key, struct hs_arena *arena,
                    struct hs_entry *out, struct hs_err *err)
{
    sqlite3_stmt *statement = conn_statement(conn, CONN_GET, err);
    int code;
    int rc;

    if (!statement)
        return HS_EIO;
    bind_entry(statement, space, key);
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        struct hs_entry entry = {
            .key = key,
            .value = conn_column_blob(statement, 0),
            .version = (uint64_t)sqlite3_column_int64(statement, 1),
        };

        rc = copy_entry(arena, entry, out, err);
    } else if (code == SQLITE_DONE) {
        rc = hs_err_set(err, HS_ENOTFOUND, 0, "metadata has no entry %s/%.*s", space,
                        (int)HS_MIN(key.n, (size_t)100), key.p);
    } else {
        rc = conn_error(conn, code, "get", err);
    }
    sqlite3_reset(statement);
    return rc;
}

static int sqlite_get(struct hs_metadata *metadata, const char *space, struct hs_str key,
                      struct hs_arena *arena, struct hs_entry *out, struct hs_err *err)
{
    struct sqlite_metadata *db = self(metadata);
    struct conn *conn;
    int rc = reader_take(db, &conn, err);

    if (rc == HS_OK)
        rc = get_with(conn, space, key, arena, out, err);
    reader_give(db, conn);
    return rc;
}

/* The bounds of a scan: lower <= key < upper. Keys have no NUL byte, so that after + NUL is the
 * next possible key, and none is longer than KEY_MAX, so that 0xff … is above all. */
struct bounds {
    char lower[HS_METADATA_KEY_MAX + 1];
    char upper[HS_METADATA_KEY_MAX + 1];
    size_t lower_n, upper_n;
};

static void bounds_init(struct bounds *bounds, struct hs_str prefix, struct hs_str after)
{
    size_t n = prefix.n;

    memset(bounds, 0, sizeof(*bounds));
    if (after.n > 0 && hs_str_cmp(after, prefix) >= 0) {
        memcpy(bounds->lower, after.p, after.n);
        bounds->lower_n = after.n + 1;
    } else if (prefix.n > 0) {
        memcpy(bounds->lower, prefix.p, prefix.n);
        bounds->lower_n = prefix.n;
    }
    while (n > 0 && (unsigned char)prefix.p[n - 1] == 0xff)
        n--;
    if (n == 0) {
        memset(bounds->upper, 0xff, sizeof(bounds->upper));
        bounds->upper_n = sizeof(bounds->upper);
        return;
    }
    memcpy(bounds->upper, prefix.p, n);
    bounds->upper[n - 1]++;
    bounds->upper_n = n;
}

struct scan {
    const char *space;
    struct bounds bounds;
    struct hs_arena *arena;
    struct hs_entry *out;
    size_t max;
};

static int scan_with(struct conn *conn, const struct scan *scan, size_t *out_n, struct hs_err *err)
{
    sqlite3_stmt *statement = conn_statement(conn, CONN_SCAN, err);
    size_t n = 0;
    int code = SQLITE_DONE;
    int rc = HS_OK;

    if (!statement)
        return HS_EIO;
    bind_entry(statement, scan->space, hs_str_n(scan->bounds.lower, scan->bounds.lower_n));
    conn_bind_blob(statement, 3, hs_str_n(scan->bounds.upper, scan->bounds.upper_n));
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)scan->max);
    while (rc == HS_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct hs_entry entry = {
            .key = conn_column_blob(statement, 0),
            .value = conn_column_blob(statement, 1),
            .version = (uint64_t)sqlite3_column_int64(statement, 2),
        };

        HS_ASSERT(n < scan->max);
        rc = copy_entry(scan->arena, entry, &scan->out[n++], err);
    }
    if (rc == HS_OK && code != SQLITE_DONE)
        rc = conn_error(conn, code, "scan", err);
    sqlite3_reset(statement);
    if (rc == HS_OK)
        *out_n = n;
    return rc;
}

static int sqlite_scan(struct hs_metadata *metadata, const char *space, struct hs_str prefix,
                       struct hs_str after, struct hs_arena *arena, struct hs_entry *out,
                       size_t max, size_t *out_n, struct hs_err *err)
{
    struct sqlite_metadata *db = self(metadata);
    struct scan scan = {.space = space, .arena = arena, .out = out, .max = max};
    struct conn *conn;
    int rc = reader_take(db, &conn, err);

    bounds_init(&scan.bounds, prefix, after);
    if (rc == HS_OK)
        rc = scan_with(conn, &scan, out_n, err);
    reader_give(db, conn);
    return rc;
}

/* The version of the entry, 0 when it is absent. */
static int version_of(struct conn *conn, const struct hs_metadata_op *op, uint64_t *out,
                      struct hs_err *err)
{
    sqlite3_stmt *statement = conn_statement(conn, CONN_VERSION_OF, err);
    int code;

    if (!statement)
        return HS_EIO;
    bind_entry(statement, op->space, op->key);
    code = sqlite3_step(statement);
    *out = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? HS_OK : conn_error(conn, code, "check", err);
}

static int conflict(const struct hs_metadata_op *op, struct hs_err *err)
{
    return hs_err_set(err, HS_ECONFLICT, 0, "metadata entry %s/%.*s is not as expected", op->space,
                      (int)HS_MIN(op->key.n, (size_t)100), op->key.p);
}

static int check(struct conn *conn, const struct hs_metadata_op *op, struct hs_err *err)
{
    uint64_t version = 0;
    int rc;

    if (op->expect == HS_EXPECT_ANY)
        return HS_OK;
    rc = version_of(conn, op, &version, err);
    if (rc)
        return rc;
    if (op->expect == HS_EXPECT_ABSENT)
        return version == 0 ? HS_OK : conflict(op, err);
    return version != 0 && version == op->version ? HS_OK : conflict(op, err);
}

/* A put or delete. Its expectation is part of the statement: no row changed means that it did not
 * hold. */
static int write_entry(struct conn *conn, const struct hs_metadata_op *op, uint64_t version,
                       struct hs_err *err)
{
    static const enum conn_statement statements[2][3] = {
        [HS_METADATA_PUT] = {CONN_PUT, CONN_PUT_ABSENT, CONN_PUT_VERSION},
        [HS_METADATA_DELETE] = {CONN_DELETE, CONN_DELETE, CONN_DELETE_VERSION},
    };
    sqlite3_stmt *statement = conn_statement(conn, statements[op->action][op->expect], err);
    int code;

    if (!statement)
        return HS_EIO;
    bind_entry(statement, op->space, op->key);
    if (op->action == HS_METADATA_PUT) {
        conn_bind_blob(statement, 3, op->value);
        sqlite3_bind_int64(statement, 4, (sqlite3_int64)version);
    }
    if (op->expect == HS_EXPECT_VERSION)
        sqlite3_bind_int64(statement, 5, (sqlite3_int64)op->version);
    code = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        return conn_error(conn, code, "write", err);
    if (op->expect != HS_EXPECT_ANY && sqlite3_changes(conn->db) == 0)
        return conflict(op, err);
    return HS_OK;
}

static int apply_op(struct conn *conn, const struct hs_metadata_op *op, uint64_t version,
                    struct hs_err *err)
{
    if (op->action == HS_METADATA_CHECK)
        return check(conn, op, err);
    if (op->action == HS_METADATA_DELETE && op->expect == HS_EXPECT_ABSENT)
        return check(conn, op, err); /* nothing to delete when it holds */
    return write_entry(conn, op, version, err);
}

static int next_version(struct conn *conn, uint64_t *out, struct hs_err *err)
{
    sqlite3_stmt *statement = conn_statement(conn, CONN_NEXT_VERSION, err);
    int code;

    if (!statement)
        return HS_EIO;
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    if (code == SQLITE_DONE)
        return hs_err_set(err, HS_ECORRUPT, 0, "metadata: the version counter is gone");
    return code == SQLITE_ROW ? HS_OK : conn_error(conn, code, "count", err);
}

static int apply_all(struct conn *conn, const struct hs_metadata_op *ops, size_t n,
                     uint64_t *out_version, size_t *out_failed, struct hs_err *err)
{
    size_t i;
    int rc = next_version(conn, out_version, err);

    for (i = 0; rc == HS_OK && i < n; i++) {
        rc = apply_op(conn, &ops[i], *out_version, err);
        if (rc == HS_ECONFLICT)
            *out_failed = i;
    }
    if (rc)
        return rc;
    hs_killpoint("metadata_before_commit");
    return conn_run(conn, CONN_COMMIT, err);
}

static int sqlite_commit(struct hs_metadata *metadata, const struct hs_metadata_op *ops, size_t n,
                         uint64_t *out_version, size_t *out_failed, struct hs_err *err)
{
    struct sqlite_metadata *db = self(metadata);
    uint64_t version = 0;
    size_t failed = 0;
    int rc;

    hs_mutex_lock(&db->write_lock);
    rc = conn_run(&db->writer, CONN_BEGIN, err);
    if (rc == HS_OK) {
        rc = apply_all(&db->writer, ops, n, &version, &failed, err);
        if (rc && !sqlite3_get_autocommit(db->writer.db))
            conn_run(&db->writer, CONN_ROLLBACK, NULL);
    }
    hs_mutex_unlock(&db->write_lock);
    hs_killpoint("metadata_after_commit");
    if (rc == HS_OK && out_version)
        *out_version = version;
    if (rc == HS_ECONFLICT && out_failed)
        *out_failed = failed;
    return rc;
}

static int sqlite_now(struct hs_metadata *metadata, int64_t *out_ns, struct hs_err *err)
{
    (void)metadata;
    (void)err;
    *out_ns = hs_wall_ns(hs_clock_system()); /* the file lies on this machine */
    return HS_OK;
}

const struct hs_metadata_ops hs_metadata_sqlite_ops = {
    .name = "sqlite",
    .open = sqlite_open,
    .get = sqlite_get,
    .scan = sqlite_scan,
    .commit = sqlite_commit,
    .now = sqlite_now,
    .close = sqlite_close,
};
