/*
 * One run of the simulator: generates, paces, sends, keeps the truth.
 *
 * Open loop: the time is cut into slots of HS_SIM_SLOT_MS, fixed in advance. What occurs in a slot
 * is sent at its end, whether or not earlier batches were answered; a slow server does not slow the
 * arrivals down, and its delay is in the latencies. A backfill goes as fast as it is answered; then
 * latency counts from the moment at which a batch was ready.
 */
#ifndef HS_SIM_RUN_H
#define HS_SIM_RUN_H

#include "sim/gen.h"
#include "sim/send.h"

enum { HS_SIM_SLOT_MS = 50, HS_SIM_BATCH_EVENTS = 500 };

struct hs_sim_run_conf {
    uint64_t seed;
    const char *run; /* names the run in all ids */
    double qps;
    enum hs_sim_scenario scenario;
    bool demo;          /* daily cycle, an incident now and then, until stopped */
    int64_t duration_s; /* > 0 */
    int64_t backfill_s; /* 0: live; else how far back history begins; replaces duration_s */
    unsigned results_max;
    double trace_share;
    const char *events_url, *spans_url; /* spans_url "": no spans */
    const char *key;                    /* NULL: none */
    unsigned connections;
    int64_t give_up_ms;
    const char *truth_path; /* "": none */
    const struct hs_clock *clock;
    /* Waits so long; false: stop now. Called about every slot. */
    bool (*wait_fn)(void *arg, int64_t wait_ms);
    /* Called a few times a second. */
    void (*progress_fn)(void *arg, double done, const struct hs_sim_send_stats *stats);
    void *arg;
};

struct hs_sim_report {
    struct hs_sim_send_stats stats;
    uint64_t searches, actions, spans; /* generated */
    int64_t elapsed_ns;                /* until the last slot */
    int64_t drained_ns;                /* until the last answer */
    bool complete;                     /* all of it was acknowledged */
};

/* HS_OK also when something was not acknowledged (see complete). HS_EIO: threads, truth file.
 * @blocks */
int hs_sim_run(const struct hs_sim_run_conf *conf, struct hs_sim_report *out, struct hs_err *err);

#endif
