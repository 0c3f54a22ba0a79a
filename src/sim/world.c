#include "sim/world.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static const struct hs_sim_service services[HS_SIM_SERVICES] = {
    {"product-search",
     "search",
     "products",
     "products-v41",
     "products-v42",
     "ltr-14",
     {"2.14.3", "2.15.0"},
     0.34,
     0.25,
     6,
     24,
     {38, 0.45, 0.015, 3, 1.9},
     2000,
     0.004,
     0.003,
     0.004,
     1,
     0.42},
    {"autosuggest",
     "autosuggest",
     "suggestions",
     "suggestions-v7",
     "suggestions-v8",
     "prefix-2",
     {"1.9.0", "1.9.1"},
     0.24,
     0.2,
     2,
     8,
     {5.5, 0.4, 0.01, 3, 2.2},
     500,
     0.001,
     0.012,
     0.001,
     0.5,
     0.1},
    {"category-browse",
     "browse",
     "products",
     "products-v41",
     "products-v42",
     "popularity-3",
     {"3.2.0", "3.3.0"},
     0.13,
     0.2,
     6,
     24,
     {24, 0.4, 0.012, 3, 2},
     2000,
     0.002,
     0.003,
     0.003,
     0.1,
     0.35},
    {"marketplace-search",
     "search",
     "offers",
     "offers-v12",
     "offers-v13",
     "ltr-9",
     {"5.0.2", "5.1.0"},
     0.1,
     0.3,
     8,
     20,
     {61, 0.5, 0.02, 3, 1.8},
     2500,
     0.006,
     0.004,
     0.006,
     1.4,
     0.36},
    {"content-search",
     "search",
     "articles",
     "articles-v88",
     "articles-v89",
     "bm25-2",
     {"1.22.4", "1.23.0"},
     0.07,
     0.2,
     3,
     10,
     {29, 0.42, 0.012, 3, 2},
     1500,
     0.003,
     0.002,
     0.002,
     1.2,
     0.3},
    {"help-search",
     "search",
     "help",
     "help-v5",
     "help-v6",
     "bm25-1",
     {"0.8.1", "0.9.0"},
     0.04,
     0.5,
     2,
     10,
     {18, 0.38, 0.01, 3, 2.2},
     1500,
     0.002,
     0.002,
     0.001,
     2,
     0.45},
    {"recommend",
     "recommendation",
     "embeddings",
     "embeddings-v3",
     "embeddings-v4",
     "twotower-5",
     {"4.4.0", "4.5.0"},
     0.05,
     0.15,
     4,
     12,
     {46, 0.35, 0.01, 2.5, 2.1},
     1000,
     0.003,
     0.002,
     0.003,
     0.2,
     0.12},
    {"rag-retrieval",
     "retrieval",
     "passages",
     "passages-v2",
     "passages-v3",
     "rerank-1",
     {"0.3.7", "0.4.0"},
     0.03,
     0.3,
     4,
     8,
     {88, 0.5, 0.02, 2.5, 1.9},
     5000,
     0.005,
     0.006,
     0.004,
     0.6,
     0},
};

static const char *const scenario_names[HS_SIM_SCENARIOS] = {
    [HS_SIM_NORMAL] = "normal",
    [HS_SIM_ERROR_SPIKE] = "error_spike",
    [HS_SIM_SLOW_QUERIES] = "slow_queries",
    [HS_SIM_ANOMALY_SPIKE] = "anomaly_spike",
};

/* The incident of each scenario, but for its time. */
static const struct hs_sim_incident typical[HS_SIM_SCENARIOS] = {
    [HS_SIM_ERROR_SPIKE] = {HS_SIM_ERROR_SPIKE, .service = 0, .version = 1, .size = 0.3},
    [HS_SIM_SLOW_QUERIES] = {HS_SIM_SLOW_QUERIES, .service = 3, .shard = 5, .size = 6},
    [HS_SIM_ANOMALY_SPIKE] = {HS_SIM_ANOMALY_SPIKE, .service = 4, .size = 0.4},
};

const struct hs_sim_service *hs_sim_service(size_t i)
{
    HS_ASSERT(i < HS_SIM_SERVICES);
    return &services[i];
}

bool hs_sim_scenario_parse(const char *name, enum hs_sim_scenario *out)
{
    size_t i;

    for (i = 0; i < HS_SIM_SCENARIOS; i++) {
        if (strcmp(name, scenario_names[i]) == 0) {
            *out = (enum hs_sim_scenario)i;
            return true;
        }
    }
    return false;
}

const char *hs_sim_scenario_name(enum hs_sim_scenario scenario)
{
    HS_ASSERT(scenario < HS_SIM_SCENARIOS);
    return scenario_names[scenario];
}

void hs_sim_incident_of(enum hs_sim_scenario scenario, int64_t from_us, int64_t to_us,
                        struct hs_sim_incident *out)
{
    HS_ASSERT(scenario > HS_SIM_NORMAL && scenario < HS_SIM_SCENARIOS);
    *out = typical[scenario];
    out->from_us = from_us + (to_us - from_us) / 5 * 2;
    out->to_us = from_us + (to_us - from_us) / 5 * 4;
}

size_t hs_sim_incidents_plan(uint64_t seed, int64_t from_us, int64_t to_us, int64_t every_us,
                             struct hs_sim_incident out[HS_SIM_INCIDENTS_MAX])
{
    int64_t from = from_us;
    struct hs_rand rand;
    size_t n = 0;

    HS_ASSERT(every_us >= 12);
    hs_rand_init(&rand, hs_sim_mix(seed ^ 0x1ac1de47));
    while (n < HS_SIM_INCIDENTS_MAX) {
        struct hs_sim_incident *incident = &out[n];

        from += every_us / 2 + (int64_t)hs_rand_below(&rand, (uint64_t)every_us);
        if (from + every_us / 12 > to_us)
            break;
        *incident = typical[1 + hs_rand_below(&rand, HS_SIM_SCENARIOS - 1)];
        incident->service = (unsigned)hs_rand_below(&rand, 6); /* those with much to see */
        if (incident->kind == HS_SIM_ANOMALY_SPIKE)
            incident->service = hs_rand_below(&rand, 2) ? 4 : 0; /* that count zero results */
        incident->shard = (unsigned)hs_rand_below(&rand, services[incident->service].shards);
        incident->from_us = from;
        incident->to_us = from + every_us / 12;
        n++;
    }
    return n;
}

static const char *const descriptions[HS_SIM_SCENARIOS] = {
    [HS_SIM_ERROR_SPIKE] = "the version being rolled out fails for a share of its searches",
    [HS_SIM_SLOW_QUERIES] = "one shard of the index answers slower by a factor",
    [HS_SIM_ANOMALY_SPIKE] = "a new version of the index lacks documents: a share of the searches "
                             "that found something finds nothing, top scores are lower",
};

static void add_c(struct hs_json *json, const char *key, const char *value)
{
    hs_json_key(json, key);
    hs_json_add_c(json, value);
}

static void add_time(struct hs_json *json, const char *key, int64_t us)
{
    hs_json_key(json, key);
    hs_json_add_time(json, us * HS_NS_PER_US);
}

void hs_sim_incident_write(const struct hs_sim_incident *incident, struct hs_json *json)
{
    const struct hs_sim_service *service = hs_sim_service(incident->service);
    bool slow = incident->kind == HS_SIM_SLOW_QUERIES;
    bool fails = incident->kind == HS_SIM_ERROR_SPIKE;

    hs_json_obj_open(json);
    add_c(json, "kind", hs_sim_scenario_name(incident->kind));
    add_c(json, "service", service->name);
    add_c(json, "version", fails ? service->versions[incident->version] : NULL);
    add_c(json, "index", fails ? NULL : service->index);
    add_c(json, "index_version",
          incident->kind == HS_SIM_ANOMALY_SPIKE ? service->index_version_next : NULL);
    hs_json_key(json, "shard");
    if (slow)
        hs_json_add_u64(json, incident->shard);
    else
        hs_json_add_null(json);
    add_time(json, "start", incident->from_us);
    add_time(json, "end", incident->to_us);
    hs_json_key(json, "size");
    hs_json_add_double(json, incident->size);
    add_c(json, "description", descriptions[incident->kind]);
    hs_json_obj_close(json);
}

double hs_sim_daily(int64_t wall_us)
{
    double day = (double)(wall_us % (86400LL * 1000000)) / (86400.0 * 1e6);

    return 1 + 0.6 * cos(2 * M_PI * (day - 16.0 / 24));
}
