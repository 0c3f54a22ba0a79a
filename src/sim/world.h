/*
 * What is simulated: services with their indexes, shards and versions, and incidents with a stated
 * cause. Tables and pure functions.
 *
 * The graph of one search: edge → service → (parse, shards of its index, ranker, fetch).
 */
#ifndef HS_SIM_WORLD_H
#define HS_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_out.h"
#include "sim/dist.h"

enum {
    HS_SIM_SERVICES = 8,
    HS_SIM_VERSIONS = 2, /* 0: in production for long, 1: being rolled out */
    HS_SIM_SHARDS_MAX = 8,
    HS_SIM_INCIDENTS_MAX = 64,
    HS_SIM_EDGE_US = 1200, /* what the edge adds around the service's own time */
};

struct hs_sim_service {
    const char *name;
    const char *kind; /* of its searches, as in docs/events.md */
    const char *index;
    const char *index_version, *index_version_next;
    const char *ranker;
    const char *versions[HS_SIM_VERSIONS];
    double share;        /* of all searches; the shares sum to 1 */
    double canary_share; /* of its searches: versions[1] */
    unsigned shards;     /* <= HS_SIM_SHARDS_MAX */
    unsigned page_size;
    struct hs_sim_latency latency; /* ms, without queueing */
    double timeout_ms;
    double error_share, cancelled_share, partial_share;
    double zero_factor; /* times the share of zero results that a query of its rank has */
    double click_share; /* of its answered searches: with a click */
};

const struct hs_sim_service *hs_sim_service(size_t i);

enum hs_sim_scenario {
    HS_SIM_NORMAL,
    HS_SIM_ERROR_SPIKE,   /* one service's new version fails */
    HS_SIM_SLOW_QUERIES,  /* one shard of one index is slow */
    HS_SIM_ANOMALY_SPIKE, /* a new version of one index lacks documents: no results, low scores */
    HS_SIM_SCENARIOS,
};

/* "error_spike"; false for other words. */
bool hs_sim_scenario_parse(const char *name, enum hs_sim_scenario *out);
const char *hs_sim_scenario_name(enum hs_sim_scenario scenario);

struct hs_sim_incident {
    enum hs_sim_scenario kind; /* never NORMAL */
    unsigned service;
    unsigned version;       /* ERROR_SPIKE: only this one fails */
    unsigned shard;         /* SLOW_QUERIES */
    int64_t from_us, to_us; /* wall time, [from, to), by the end of the search */
    double size; /* ERROR_SPIKE, ANOMALY_SPIKE: share of searches; SLOW_QUERIES: factor */
};

/* What the scenario's incident is, over the middle of the run: from 40 % to 80 % of its time. */
void hs_sim_incident_of(enum hs_sim_scenario scenario, int64_t from_us, int64_t to_us,
                        struct hs_sim_incident *out);
/* Incidents now and then over a long time, deterministic from the seed: one in about every_us, each
 * a twelfth of that long. Returns how many, at most HS_SIM_INCIDENTS_MAX. */
size_t hs_sim_incidents_plan(uint64_t seed, int64_t from_us, int64_t to_us, int64_t every_us,
                             struct hs_sim_incident out[HS_SIM_INCIDENTS_MAX]);
/* {"kind", "service", "version", "index", "index_version", "shard", "start", "end", "size",
 * "description"}; what is no part of the cause is null. */
void hs_sim_incident_write(const struct hs_sim_incident *incident, struct hs_json *json);

/* Traffic at that time of day (UTC), as a factor with mean 1: least at 04:00, most at 16:00. */
double hs_sim_daily(int64_t wall_us);

#endif
