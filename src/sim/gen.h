/*
 * The generator: searches and what users do with their results, in the order of time.
 *
 * It is pure: it reads no clock, and equal settings give equal items, ids included. Ids are made
 * of a hash of (seed, run) and a number that counts up, so that two runs do not collide.
 *
 * Searches arrive as a Poisson process. A search "arrives" when it is finished, for that is when a
 * service reports it; its timestamp, the start, lies its latency earlier. Each service is a queue
 * (Lindley's recursion over its arrivals), so that latency grows with load.
 *
 * One thread.
 */
#ifndef HS_SIM_GEN_H
#define HS_SIM_GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "sim/vocab.h"
#include "sim/world.h"

enum {
    HS_SIM_RESULTS_MAX = 20, /* results listed in one search */
    HS_SIM_ACTIONS_MAX =
        1 << 20, /* actions that wait for their time; beyond it they do not occur */
};

struct hs_sim_gen_conf {
    uint64_t seed;
    struct hs_str run; /* borrowed for the call */
    double qps;        /* > 0; searches a second, on average over a day when daily */
    bool daily;
    int64_t from_us;                         /* wall time of the first moment */
    unsigned results_max;                    /* <= HS_SIM_RESULTS_MAX */
    double trace_share;                      /* 0…1: of the searches have a trace */
    const struct hs_sim_incident *incidents; /* borrowed for the generator's life */
    size_t incidents_n;
};

enum hs_sim_status {
    HS_SIM_OK,
    HS_SIM_ERROR,
    HS_SIM_TIMEOUT,
    HS_SIM_PARTIAL,
    HS_SIM_CANCELLED,
    HS_SIM_STATUSES,
};

/* "ok", "error" … as in events. */
const char *hs_sim_status_name(enum hs_sim_status status);

struct hs_sim_phases {
    uint32_t queue_us, parse_us, retrieve_us, rank_us, fetch_us; /* sum: the latency */
};

struct hs_sim_search {
    uint64_t seq; /* counts from 1 in a run */
    int64_t ts_us, end_us;
    uint32_t latency_us;
    struct hs_sim_phases phases;
    uint32_t shard_us[HS_SIM_SHARDS_MAX]; /* the slowest takes retrieve_us */
    uint8_t service, version, status;
    uint8_t region, device, locale; /* indexes into the tables of the writer */
    uint8_t filter;                 /* 0: none */
    uint8_t error;                  /* which one, for ERROR */
    uint8_t shards_failed;
    bool index_next; /* the service's new index version answered */
    bool cache_hit, traced, user_known;
    uint16_t page;
    uint32_t total_hits, returned, listed; /* unknown unless answered */
    double top_score;
    uint64_t session, query_key; /* query_key: equal for equal texts */
    struct hs_str query;         /* valid until the next item */
};

enum hs_sim_action_kind { HS_SIM_CLICK, HS_SIM_ADD_TO_CART, HS_SIM_PURCHASE };

struct hs_sim_action {
    int64_t at_us;
    uint64_t seq; /* of its search */
    uint64_t session;
    uint32_t doc;
    uint32_t value_cents; /* purchase */
    uint16_t position;    /* absolute */
    uint8_t service, version, device, kind;
};

struct hs_sim_item {
    bool is_search;
    union {
        struct hs_sim_search search;
        struct hs_sim_action action;
    };
};

struct hs_sim_gen;

struct hs_sim_gen *hs_sim_gen_new(const struct hs_sim_gen_conf *conf);
void hs_sim_gen_free(struct hs_sim_gen *gen); /* NULL is a no-op */

/* The next item that occurs before until_us (wall time); false when there is none. Calls with
 * growing until_us give the same items as one call with the last. */
bool hs_sim_gen_next(struct hs_sim_gen *gen, int64_t until_us, struct hs_sim_item *out);

/* The run's part of all ids. */
uint64_t hs_sim_gen_run(const struct hs_sim_gen *gen);

/* Whether its status says that there was a whole or partial answer. */
bool hs_sim_answered(const struct hs_sim_search *search);
/* The document at a place (0…) of a query's results. */
uint32_t hs_sim_doc(uint64_t query_key, uint32_t place);

#endif
