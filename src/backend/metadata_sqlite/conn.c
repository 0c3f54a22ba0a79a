#include "backend/metadata_sqlite/conn.h"

#include <string.h>

#include "base/mem.h"

enum {
    BUSY_WAIT_MS = 10000, /* for another process's commit */
    WAL_KEEP_BYTES = 64 << 20,
};

static const char *const statement_texts[CONN_STATEMENTS_N] = {
    [CONN_GET] = "SELECT value, version FROM entry WHERE space = ?1 AND key = ?2",
    [CONN_SCAN] = "SELECT key, value, version FROM entry"
                  " WHERE space = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT ?4",
    [CONN_BEGIN] = "BEGIN IMMEDIATE",
    [CONN_COMMIT] = "COMMIT",
    [CONN_ROLLBACK] = "ROLLBACK",
    [CONN_NEXT_VERSION] = "UPDATE counter SET version = version + 1 RETURNING version",
    [CONN_PUT] = "INSERT INTO entry (space, key, value, version) VALUES (?1, ?2, ?3, ?4)"
                 " ON CONFLICT (space, key) DO UPDATE"
                 " SET value = excluded.value, version = excluded.version",
    [CONN_PUT_ABSENT] = "INSERT INTO entry (space, key, value, version) VALUES (?1, ?2, ?3, ?4)"
                        " ON CONFLICT (space, key) DO NOTHING",
    [CONN_PUT_VERSION] = "UPDATE entry SET value = ?3, version = ?4"
                         " WHERE space = ?1 AND key = ?2 AND version = ?5",
    [CONN_DELETE] = "DELETE FROM entry WHERE space = ?1 AND key = ?2",
    [CONN_DELETE_VERSION] = "DELETE FROM entry WHERE space = ?1 AND key = ?2 AND version = ?5",
    [CONN_VERSION_OF] = "SELECT version FROM entry WHERE space = ?1 AND key = ?2",
};

int conn_error(const struct conn *conn, int sqlite_rc, const char *doing, struct hs_err *err)
{
    const char *text = conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(sqlite_rc);
    int rc = HS_EIO;

    switch (sqlite_rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: rc = HS_ETIMEOUT; break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: rc = HS_ECORRUPT; break;
    default: break;
    }
    return hs_err_set(err, rc, sqlite_rc, "metadata: %s: %s (SQLite code %d)", doing, text,
                      sqlite_rc);
}

int conn_exec(struct conn *conn, const char *sql, struct hs_err *err)
{
    int code = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? HS_OK : conn_error(conn, code, sql, err);
}

int conn_pragma_i64(struct conn *conn, const char *sql, int64_t *out, struct hs_err *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(conn->db, sql, -1, &statement, NULL);
    int rc = HS_OK;

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else
        rc = conn_error(conn, code, sql, err);
    sqlite3_finalize(statement);
    return rc;
}

int conn_open(struct conn *conn, const char *path, struct hs_err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code;
    int rc;

    memset(conn, 0, sizeof(*conn));
    code = sqlite3_open_v2(path, &conn->db, flags, NULL);
    if (code != SQLITE_OK) {
        rc = conn_error(conn, code, path, err);
        goto out;
    }
    sqlite3_busy_timeout(conn->db, BUSY_WAIT_MS);
    rc = conn_exec(conn, "PRAGMA synchronous = FULL", err);
    if (rc == HS_OK)
        rc = conn_exec(conn, "PRAGMA cell_size_check = ON", err);
    if (rc == HS_OK) {
        char sql[64];

        sqlite3_snprintf(sizeof(sql), sql, "PRAGMA journal_size_limit = %d", WAL_KEEP_BYTES);
        rc = conn_exec(conn, sql, err);
    }
out:
    if (rc)
        conn_close(conn);
    return rc;
}

void conn_close(struct conn *conn)
{
    size_t i;

    if (!conn)
        return;
    for (i = 0; i < CONN_STATEMENTS_N; i++)
        sqlite3_finalize(conn->statements[i]);
    sqlite3_close(conn->db);
    memset(conn, 0, sizeof(*conn));
}

sqlite3_stmt *conn_statement(struct conn *conn, enum conn_statement which, struct hs_err *err)
{
    sqlite3_stmt **statement = &conn->statements[which];

    if (!*statement) {
        int code = sqlite3_prepare_v3(conn->db, statement_texts[which], -1,
                                      SQLITE_PREPARE_PERSISTENT, statement, NULL);

        if (code != SQLITE_OK) {
            conn_error(conn, code, statement_texts[which], err);
            return NULL;
        }
    }
    sqlite3_reset(*statement);
    return *statement;
}

int conn_run(struct conn *conn, enum conn_statement which, struct hs_err *err)
{
    sqlite3_stmt *statement = conn_statement(conn, which, err);
    int code;
    int rc = HS_OK;

    if (!statement)
        return HS_EIO;
    code = sqlite3_step(statement);
    if (code != SQLITE_DONE)
        rc = conn_error(conn, code, statement_texts[which], err);
    sqlite3_reset(statement);
    return rc;
}

void conn_bind_blob(sqlite3_stmt *statement, int index, struct hs_str s)
{
    /* An empty view may have no address, which SQLite would take for NULL. */
    int code = sqlite3_bind_blob64(statement, index, s.n > 0 ? s.p : "", s.n, SQLITE_STATIC);

    HS_ASSERT(code == SQLITE_OK);
}

struct hs_str conn_column_blob(sqlite3_stmt *statement, int index)
{
    const void *p = sqlite3_column_blob(statement, index);

    return hs_str_n(p, (size_t)sqlite3_column_bytes(statement, index));
}
