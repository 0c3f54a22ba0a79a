/*
 * The supervisor: keeps one `haystat store` running as a child of this process.
 *
 *            spawn            "ready …"            SIGTERM
 *   down ──────────▶ starting ──────────▶ ready ──────────▶ stopped
 *    ▲                   │ exit, 120 s      │ exit, or /ping fails
 *    └───── back-off ◀───┴──────────────────┘
 *
 * The back-off doubles from 250 ms to 30 s, with ± 25 % of jitter, and starts over once a child was
 * ready for 60 s. A child that is alive but does not answer /ping is ended: at once when nobody
 * listens any more, after five failures in a row otherwise. The child ends by itself when this
 * process dies: it waits on a socket between the two.
 *
 * Everything here is safe to call from any thread. One thread of its own does the work. The child
 * gets no environment but PATH and TZ, and no secret in its arguments.
 */
#ifndef HS_STORE_SUPERVISOR_H
#define HS_STORE_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "conf/conf.h"
#include "store/engine.h"

struct hs_store_supervisor;

struct hs_store_supervisor_params {
    const struct hs_conf *conf; /* borrowed until hs_store_supervisor_open returns */
    const char *program;        /* what to run as `program store …`; NULL: this program */
};

enum hs_store_phase {
    HS_STORE_DOWN,     /* waiting for the next start */
    HS_STORE_STARTING, /* the child runs and does not answer yet */
    HS_STORE_READY,
    HS_STORE_STOPPED, /* not started, or stopped for good */
};

struct hs_store_state {
    enum hs_store_phase phase;
    int64_t since_ns;   /* wall clock: when this phase began; for DOWN when it was last ready */
    pid_t pid;          /* 0: no child */
    uint64_t starts;    /* children started so far; restarts = starts - 1 */
    uint64_t rss_bytes; /* resident memory of the child, 0 when unknown */
    /* addresses: fixed by _open; the rest is of the last child that was ready */
    struct hs_store_ready ready;
    char error[HS_ERR_TEXT_MAX]; /* why the last child ended or failed; "" */
};

/* Makes the passwords under conf->data and settles the addresses (port 0 becomes a free port that
 * stays the same over restarts), so that clients in this process can be made at once. HS_EINVAL
 * names the option; HS_EIO. *out is freed with _close. @blocks */
int hs_store_supervisor_open(const struct hs_store_supervisor_params *params,
                             struct hs_store_supervisor **out, struct hs_err *err);

/* Starts the thread, which starts the child. HS_EIO. */
int hs_store_supervisor_start(struct hs_store_supervisor *supervisor, struct hs_err *err);

/* Waits until it is ready, at most wait_ms (-1: for ever). HS_ETIMEOUT with the last error of the
 * child; HS_EIO when it was stopped meanwhile. @blocks */
int hs_store_supervisor_wait_ready(struct hs_store_supervisor *supervisor, int64_t wait_ms,
                                   struct hs_err *err);

void hs_store_supervisor_state(struct hs_store_supervisor *supervisor, struct hs_store_state *out);

/* Asks the child to end, kills it after deadline_ms and waits for it. A second call is a no-op.
 * @blocks */
void hs_store_supervisor_stop(struct hs_store_supervisor *supervisor, int64_t deadline_ms);

/* Stops with HS_STORE_STOP_MS and frees. NULL is a no-op. @blocks */
void hs_store_supervisor_close(struct hs_store_supervisor *supervisor);

/* "down", "starting", "ready", "stopped". */
const char *hs_store_phase_name(enum hs_store_phase phase);

#endif
