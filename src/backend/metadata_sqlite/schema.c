/*
 * The database file: creation and migrations. `PRAGMA user_version` counts the migrations that were
 * applied; each runs in the transaction that raises it, so that two processes may start at once.
 */
#include "backend/metadata_sqlite/schema.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

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

int schema_create_file(const char *path, struct hs_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return hs_err_sys(err, "metadata: open %s", path);
    close(fd);
    return HS_OK;
}

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

    for (i = from; rc == HS_OK && i < (int64_t)HS_ARRAY_LEN(migrations); i++)
        rc = conn_exec(conn, migrations[i], err);
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %zu",
             APPLICATION_ID, HS_ARRAY_LEN(migrations));
    return rc ? rc : conn_exec(conn, sql, err);
}

static int migrate_locked(struct conn *conn, struct hs_err *err)
{
    int64_t version = 0;
    int rc = conn_pragma_i64(conn, "PRAGMA user_version", &version, err);

    if (rc)
        return rc;
    if (version > (int64_t)HS_ARRAY_LEN(migrations))
        return hs_err_set(err, HS_ECONFLICT, 0,
                          "metadata: schema version %" PRId64 " is newer than this program's %zu",
                          version, HS_ARRAY_LEN(migrations));
    return version == (int64_t)HS_ARRAY_LEN(migrations) ? HS_OK : apply(conn, version, err);
}

int schema_migrate(struct conn *conn, struct hs_err *err)
{
    int rc = use_wal(conn, err);

    if (rc == HS_OK)
        rc = conn_run(conn, CONN_BEGIN, err);
    if (rc)
        return rc;
    rc = migrate_locked(conn, err);
    if (rc == HS_OK)
        rc = conn_run(conn, CONN_COMMIT, err);
    if (rc && !sqlite3_get_autocommit(conn->db))
        conn_run(conn, CONN_ROLLBACK, NULL);
    return rc;
}
