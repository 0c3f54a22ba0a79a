/*
 * The database file: creation and migrations. `PRAGMA user_version` counts the migrations that were
 * applied; each runs in the transaction that raises it, so that two processes may start at once.
 */
#include "backend/metadata_sqlite/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

enum { APPLICATION_ID = 0x48537461, WAL_ATTEMPTS = 1000 };

/* Only ever appended to. */
static const char *const migrations[] = {
    "CREATE TABLE entry ("
    "  space TEXT NOT NULL,"
    "  key BLOB NOT NULL,"
    "  value BLOB NOT NULL,"
    "  version INTEGER NOT NULL,"
    "  PRIMARY KEY (space, key)"
    ") WITHOUT ROWID;"
    "CREATE TABLE counter ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  version INTEGER NOT NULL"
    ");"
    "INSERT INTO counter (id, version) VALUES (1, 0);",
};

int schema_create_file(const char *dir, const char *path, struct hs_err *err)
{
    /* An existing file is not opened: closing any descriptor of it would drop the POSIX locks that
     * another connection of this process holds. */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return HS_OK;
    if (fd < 0)
        return hs_err_sys(err, "metadata: open %s", path);
    close(fd);
    return hs_fs_sync_dir(dir, err);
}

enum { VERSION = (int)HS_ARRAY_LEN(migrations) };

/* The change to WAL needs the file for itself for a moment and does not use the busy wait. */
static int use_wal(struct conn *conn, struct hs_err *err)
{
    int rc = HS_ETIMEOUT;
    int i;

    for (i = 0; rc == HS_ETIMEOUT && i < WAL_ATTEMPTS; i++) {
        rc = conn_exec(conn, "PRAGMA journal_mode = WAL", err);
        if (rc == HS_ETIMEOUT)
            sqlite3_sleep(10);
    }
    return rc;
}

static int apply(struct conn *conn, int64_t from, struct hs_err *err)
{
    char sql[96];
    int64_t i;
    int rc = HS_OK;

    for (i = from; rc == HS_OK && i < VERSION; i++)
        rc = conn_exec(conn, migrations[i], err);
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, VERSION);
    return rc ? rc : conn_exec(conn, sql, err);
}

/* Whether migrations are missing. HS_ECONFLICT: there are more than this program knows. */
static int read_version(struct conn *conn, int64_t *out, struct hs_err *err)
{
    int rc = conn_pragma_i64(conn, "PRAGMA user_version", out, err);

    if (rc == HS_OK && *out > VERSION)
        return hs_err_set(err, HS_ECONFLICT, 0,
                          "metadata: schema version %" PRId64 " is newer than this program's %d",
                          *out, VERSION);
    return rc;
}

static int migrate_locked(struct conn *conn, struct hs_err *err)
{
    int64_t version = 0;
    int rc = read_version(conn, &version, err);

    if (rc == HS_OK && version < VERSION)
        rc = apply(conn, version, err);
    return rc ? rc : conn_run(conn, CONN_COMMIT, err);
}

int schema_migrate(struct conn *conn, struct hs_err *err)
{
    int64_t version = 0;
    int rc = use_wal(conn, err);

    if (rc == HS_OK)
        rc = read_version(conn, &version, err);
    if (rc || version == VERSION)
        return rc; /* without waiting for another process's commit */
    rc = conn_run(conn, CONN_BEGIN, err);
    if (rc)
        return rc;
    rc = migrate_locked(conn, err); /* another process may have been faster */
    if (rc && !sqlite3_get_autocommit(conn->db))
        conn_run(conn, CONN_ROLLBACK, NULL);
    return rc;
}
