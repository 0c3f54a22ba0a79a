/*
 * Minutes of simulated traffic, without the searches: what rollups would hold of each service, for
 * as many weeks as one likes, so that what watches them can be judged (docs/anomalies.md).
 *
 * Normal is not quiet: a day and a week by the clock of Berlin with its change of clocks, good and
 * bad days, slow drifts, bots in bursts, one sale day, deployments that replace each host, minutes
 * with a slow tail or some errors, services with a fiftieth of the traffic. Equal seeds give equal
 * files. CSV, one row a service and minute:
 *
 *     minute,delay_s,service,environment,count,errors,answered,zero_results,latency,actions,hosts,
 *     shown,clicked
 *
 * minute: s since the epoch; delay_s: how long after its end it was there; latency: "bin:count …"
 * (analysis/latency_bins.h); hosts: "name:count …"; shown, clicked: of its intents, once settled. A
 * row without a service says that the minute passed.
 */
#ifndef HS_SIM_MINUTES_H
#define HS_SIM_MINUTES_H

#include <stdio.h>

#include "base/err.h"
#include "sim/world.h"

enum hs_sim_fault {
    HS_SIM_FAULT_NONE,
    HS_SIM_FAULT_ERRORS,    /* error share 0.5 % to 5 % */
    HS_SIM_FAULT_LATENCY,   /* an eighth of the searches takes 2.5 times as long */
    HS_SIM_FAULT_VOLUME,    /* 0.4 times the searches */
    HS_SIM_FAULT_OUTAGE,    /* none */
    HS_SIM_FAULT_ZERO,      /* zero results + 10 points */
    HS_SIM_FAULT_CTR,       /* 30 % fewer clicks */
    HS_SIM_FAULT_SILENCE,   /* no service sends anything */
    HS_SIM_FAULT_PRODUCER,  /* one of three hosts of a service stops */
    HS_SIM_FAULT_STALL,     /* nothing is loaded for so long, then all at once */
    HS_SIM_FAULT_NO_CLICKS, /* no actions of any service come in */
    HS_SIM_FAULTS,
};

/* "errors", "latency", …; false for other words. */
bool hs_sim_fault_parse(const char *name, enum hs_sim_fault *out);

struct hs_sim_minutes_conf {
    uint64_t seed;
    double qps; /* of all services on average */
    int64_t start_s, minutes;
    enum hs_sim_fault fault;
    unsigned service;                    /* that the fault is of */
    int64_t fault_minute, fault_minutes; /* from the start */
    double fault_size;                   /* 1: as above; 0.5: half the effect */
};

/* The time zone that the simulated people live in. */
#define HS_SIM_MINUTES_ZONE "Europe/Berlin"
/* Seconds that it is ahead of UTC. */
int64_t hs_sim_minutes_offset_s(int64_t utc_s);

/* HS_EIO: the file. @blocks */
int hs_sim_minutes_write(const struct hs_sim_minutes_conf *conf, FILE *file, struct hs_err *err);

#endif
