/*
 * The store's engine: this process becomes ClickHouse's server.
 *
 *   main thread    lock, configuration, dlopen; then the watchdog: reports when the server is
 *                  ready, waits for SIGTERM, SIGINT or the end of the supervisor's socket, stops it
 *   engine thread  ClickHouse's own main; shut in by store/sandbox.h, as are all threads that it
 *                  starts
 *
 * ClickHouse ignores SIGTERM here; killing the statement that keeps it alive makes it close
 * everything and return, within about 2 s. When that takes more than HS_STORE_STOP_MS the process
 * ends at once, which loses nothing that was acknowledged and synced.
 */
#ifndef HS_STORE_ENGINE_H
#define HS_STORE_ENGINE_H

#include "conf/conf.h"
#include "store/address.h"
#include "store/config.h"

enum { HS_STORE_STOP_MS = 8000, HS_STORE_REPORT_MAX = 1024 };

/*
 * What the engine writes to report_fd, one line each, at most HS_STORE_REPORT_MAX bytes:
 *   ready http=127.0.0.1:8123 native=- start_id=0198… network=denied files=denied \
 *       broken=survived
 *   failed -3 <text>
 * native is "-" when that listener is off. network and files say whether the kernel holds the
 * engine back ("denied") or cannot ("open").
 */
struct hs_store_engine_params {
    const struct hs_conf *conf; /* borrowed: data, listen_store…, store_… */
    int report_fd;              /* -1: nowhere */
    int supervisor_fd;          /* a socket whose end means "stop"; -1: none */
};

/* Runs until told to stop. HS_OK after a clean stop. Otherwise the error, which was also written
 * to report_fd: HS_ECONFLICT (folder in use, names the pid), HS_ENOTFOUND, HS_EUNSUP (library),
 * HS_EINVAL (addresses), HS_EIO. The process cannot run a second engine and should _exit.
 * @thread main, no other thread exists @blocks */
int hs_store_engine_run(const struct hs_store_engine_params *params, struct hs_err *err);

/* Reads a line that hs_store_engine_run wrote. HS_ECORRUPT when it is none. A "failed" line fills
 * `err` and returns its code; a "ready" line fills the rest and returns HS_OK. */
struct hs_store_ready {
    char http[HS_STORE_ADDRESS_MAX];
    char native[HS_STORE_ADDRESS_MAX]; /* "" when off */
    char start_id[HS_STORE_START_ID_MAX];
    bool network_denied;
    bool files_denied;
    bool survives_broken;
};
int hs_store_engine_parse_report(struct hs_str line, struct hs_store_ready *out,
                                 struct hs_err *err);

#endif
