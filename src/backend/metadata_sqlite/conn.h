/*
 * One SQLite connection with its prepared statements. Used by one thread at a time.
 */
#ifndef HS_BACKEND_METADATA_SQLITE_CONN_H
#define HS_BACKEND_METADATA_SQLITE_CONN_H

#include <sqlite3.h>

#include "base/err.h"
#include "base/str.h"

enum conn_statement {
    CONN_GET,
    CONN_SCAN,
    CONN_BEGIN,
    CONN_COMMIT,
    CONN_ROLLBACK,
    CONN_NEXT_VERSION,
    CONN_PUT,
    CONN_PUT_ABSENT,
    CONN_PUT_VERSION,
    CONN_DELETE,
    CONN_DELETE_VERSION,
    CONN_VERSION_OF,
    CONN_STATEMENTS_N,
};

struct conn {
    sqlite3 *db;
    sqlite3_stmt *statements[CONN_STATEMENTS_N]; /* prepared at first use */
};

/* Opens the existing file. HS_EIO, HS_ECORRUPT. On failure the conn is closed. @blocks */
int conn_open(struct conn *conn, const char *path, struct hs_err *err);
/* NULL-safe and safe on a zeroed struct. */
void conn_close(struct conn *conn);

/* The statement, reset and without values; NULL when it can't be prepared (then err is set). */
sqlite3_stmt *conn_statement(struct conn *conn, enum conn_statement which, struct hs_err *err);
/* Runs one that gives no rows. */
int conn_run(struct conn *conn, enum conn_statement which, struct hs_err *err);
/* Runs SQL text without values or rows. */
int conn_exec(struct conn *conn, const char *sql, struct hs_err *err);
/* The first column of the first row. */
int conn_pragma_i64(struct conn *conn, const char *sql, int64_t *out, struct hs_err *err);

/* Binds a key or value as a blob that stays borrowed until the next reset. */
void conn_bind_blob(sqlite3_stmt *statement, int index, struct hs_str s);
/* The current row's blob, borrowed until the next step or reset. */
struct hs_str conn_column_blob(sqlite3_stmt *statement, int index);

/* Our code and text for what the connection's last call gave. */
int conn_error(const struct conn *conn, int sqlite_rc, const char *doing, struct hs_err *err);

#endif
