#ifndef HS_BACKEND_METADATA_SQLITE_SCHEMA_H
#define HS_BACKEND_METADATA_SQLITE_SCHEMA_H

#include "backend/metadata_sqlite/conn.h"

/* Makes the file in dir with mode 0600 when it does not exist; SQLite's own files beside it take
 * over its mode. HS_EIO. @blocks */
int schema_create_file(const char *dir, const char *path, struct hs_err *err);
/* Brings the database to this program's schema. HS_ECONFLICT: it is newer. @blocks */
int schema_migrate(struct conn *conn, struct hs_err *err);

#endif
