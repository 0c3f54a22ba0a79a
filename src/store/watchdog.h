/*
 * Watching over ClickHouse from inside its process, on the main thread: see store/engine.h.
 */
#ifndef HS_STORE_WATCHDOG_H
#define HS_STORE_WATCHDOG_H

#include <stdbool.h>

#include "store/config.h"
#include "store/sandbox.h"

struct hs_store_watchdog {
    const struct hs_store_plan *plan;       /* borrowed */
    const struct hs_store_sandbox *sandbox; /* borrowed; filled before ClickHouse listens */
    bool is_guarded;                        /* store/survive.h is in force */
    int report_fd;
    int supervisor_fd;
    int wake_fd;   /* eventfd: written when ClickHouse has returned */
    int signal_fd; /* SIGTERM, SIGINT */
};

/* Makes the descriptors. SIGTERM and SIGINT must be blocked already. HS_EIO. */
int hs_store_watchdog_open(struct hs_store_watchdog *watchdog, struct hs_err *err);
/* Closes them. */
void hs_store_watchdog_close(struct hs_store_watchdog *watchdog);

/* Reports when the server is ready, waits for a reason to stop it, stops it. Returns when it has
 * returned: true when it was asked to. @thread main @blocks */
bool hs_store_watchdog_run(const struct hs_store_watchdog *watchdog);

/* ClickHouse has returned. @thread any */
void hs_store_watchdog_wake(const struct hs_store_watchdog *watchdog);

#endif
