/*
 * The smallest HTTP client that the store needs for itself: is it there, and please stop. It runs
 * in two places where a full client does not belong: the supervisor's thread and the watchdog
 * inside the engine's process.
 */
#ifndef HS_STORE_PROBE_H
#define HS_STORE_PROBE_H

#include "base/err.h"
#include "store/address.h"

/* GET /ping answers 200. HS_EIO: refused or another answer (err->sys is ECONNREFUSED when nobody
 * listens); HS_ETIMEOUT: no answer within wait_ms. @thread any @blocks */
int hs_store_probe_ping(const struct hs_store_address *address, int wait_ms, struct hs_err *err);

/* Runs one statement as `user`. Returns as hs_store_probe_ping; an answer other than 200 gives
 * HS_EIO with the status in err->sys. The password is not put into errors. @thread any @blocks */
int hs_store_probe_query(const struct hs_store_address *address, const char *user,
                         const char *password, const char *sql, int wait_ms, struct hs_err *err);

#endif
