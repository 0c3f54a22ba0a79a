#include "sim/truth.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

/* Latencies below DENSE_US are counted by value, the few above are kept in a list. */
enum { DENSE_US = 1 << 18, GROUPS = HS_SIM_SERVICES * HS_SIM_VERSIONS };

static const int64_t minute_us = 60000000;

struct group {
    struct hs_sim_counts counts;
    uint32_t *dense; /* NULL until the first */
    uint32_t *above; /* unsorted until asked */
    size_t above_n, above_cap;
    struct hs_sim_counts *minutes; /* grows to minutes_max */
    size_t minutes_n;
};

struct hs_sim_truth {
    struct group groups[GROUPS];
    int64_t first_minute; /* since 1970 */
    size_t minutes_max;
    uint64_t outside;
};

struct hs_sim_truth *hs_sim_truth_new(int64_t from_us, size_t minutes_max)
{
    struct hs_sim_truth *truth = hs_xalloc(sizeof(*truth));

    truth->first_minute = from_us / minute_us;
    truth->minutes_max = minutes_max;
    return truth;
}

void hs_sim_truth_free(struct hs_sim_truth *truth)
{
    size_t i;

    if (!truth)
        return;
    for (i = 0; i < GROUPS; i++) {
        hs_free(truth->groups[i].dense);
        hs_free(truth->groups[i].above);
        hs_free(truth->groups[i].minutes);
    }
    hs_free(truth);
}

static void count(struct hs_sim_counts *counts, const struct hs_sim_search *search)
{
    bool searches = strcmp(hs_sim_service(search->service)->kind, "search") == 0;

    counts->executions++;
    counts->timeouts += search->status == HS_SIM_TIMEOUT;
    counts->errors += search->status == HS_SIM_ERROR || search->status == HS_SIM_TIMEOUT;
    counts->partials += search->status == HS_SIM_PARTIAL;
    counts->cancelled += search->status == HS_SIM_CANCELLED;
    counts->latency_count += search->status != HS_SIM_CANCELLED;
    if (searches && hs_sim_answered(search)) {
        counts->answered++;
        counts->zero_results += search->total_hits == 0;
    }
}

static void add_counts(struct hs_sim_counts *sum, const struct hs_sim_counts *part)
{
    sum->executions += part->executions;
    sum->errors += part->errors;
    sum->timeouts += part->timeouts;
    sum->partials += part->partials;
    sum->cancelled += part->cancelled;
    sum->answered += part->answered;
    sum->zero_results += part->zero_results;
    sum->latency_count += part->latency_count;
}

static void keep_latency(struct group *group, uint32_t us)
{
    if (us < DENSE_US) {
        if (!group->dense)
            group->dense = hs_xcalloc(DENSE_US, sizeof(*group->dense));
        group->dense[us]++;
        return;
    }
    if (group->above_n == group->above_cap) {
        group->above_cap = group->above_cap ? group->above_cap * 2 : 1024;
        group->above = hs_xrealloc(group->above, group->above_cap, sizeof(*group->above));
    }
    group->above[group->above_n++] = us;
}

static void grow_minutes(struct group *group, size_t n)
{
    size_t old = group->minutes_n;

    if (n <= old)
        return;
    n = HS_MAX(n, old + old / 2);
    group->minutes = hs_xrealloc(group->minutes, n, sizeof(*group->minutes));
    memset(group->minutes + old, 0, (n - old) * sizeof(*group->minutes));
    group->minutes_n = n;
}

void hs_sim_truth_add(struct hs_sim_truth *truth, const struct hs_sim_item *item)
{
    const struct hs_sim_search *search = &item->search;
    struct group *group;
    int64_t minute;

    if (!item->is_search)
        return;
    group = &truth->groups[search->service * HS_SIM_VERSIONS + search->version];
    count(&group->counts, search);
    if (search->status != HS_SIM_CANCELLED)
        keep_latency(group, search->latency_us);
    minute = search->ts_us / minute_us - truth->first_minute;
    if (minute < 0 || (size_t)minute >= truth->minutes_max) {
        truth->outside++;
        return;
    }
    grow_minutes(group, (size_t)minute + 1);
    count(&group->minutes[minute], search);
}

static bool selected(size_t i, int service, int version)
{
    return (service < 0 || (int)(i / HS_SIM_VERSIONS) == service) &&
           (version < 0 || (int)(i % HS_SIM_VERSIONS) == version);
}

void hs_sim_truth_counts(const struct hs_sim_truth *truth, int service, int version,
                         struct hs_sim_counts *out)
{
    size_t i;

    *out = (struct hs_sim_counts){0};
    for (i = 0; i < GROUPS; i++)
        if (selected(i, service, version))
            add_counts(out, &truth->groups[i].counts);
}

uint64_t hs_sim_truth_outside(const struct hs_sim_truth *truth)
{
    return truth->outside;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The latencies of some groups, merged. */
struct merged {
    uint64_t *dense; /* owned; how many are at most that value */
    uint32_t *above; /* owned, sorted */
    size_t above_n;
    uint64_t n;
};

static void merge(const struct hs_sim_truth *truth, int service, int version, struct merged *out)
{
    size_t i, us;

    *out = (struct merged){.dense = hs_xcalloc(DENSE_US, sizeof(*out->dense))};
    for (i = 0; i < GROUPS; i++) {
        const struct group *group = &truth->groups[i];

        if (!selected(i, service, version))
            continue;
        for (us = 0; group->dense && us < DENSE_US; us++)
            out->dense[us] += group->dense[us];
        if (group->above_n == 0)
            continue;
        out->above = hs_xrealloc(out->above, out->above_n + group->above_n, sizeof(*out->above));
        memcpy(out->above + out->above_n, group->above, group->above_n * sizeof(*out->above));
        out->above_n += group->above_n;
    }
    for (us = 1; us < DENSE_US; us++)
        out->dense[us] += out->dense[us - 1];
    out->n = out->dense[DENSE_US - 1] + out->above_n;
    if (out->above_n > 0)
        qsort(out->above, out->above_n, sizeof(*out->above), compare_u32);
}

static void merged_fini(struct merged *merged)
{
    hs_free(merged->dense);
    hs_free(merged->above);
}

static double quantile(const struct merged *merged, double q)
{
    double at = ceil(fmin(fmax(q, 0), 1) * (double)merged->n);
    uint64_t rank = at < 1 ? 1 : (uint64_t)at;
    size_t low = 0, high = DENSE_US - 1;

    if (merged->n == 0)
        return -1;
    if (rank > merged->dense[DENSE_US - 1])
        return merged->above[rank - merged->dense[DENSE_US - 1] - 1] / 1000.0;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (merged->dense[middle] >= rank)
            high = middle;
        else
            low = middle + 1;
    }
    return (double)low / 1000.0;
}

double hs_sim_truth_quantile(struct hs_sim_truth *truth, int service, int version, double q)
{
    struct merged merged;
    double value;

    merge(truth, service, version, &merged);
    value = quantile(&merged, q);
    merged_fini(&merged);
    return value;
}

static void add_u64(struct hs_json *json, const char *key, uint64_t value)
{
    hs_json_key(json, key);
    hs_json_add_u64(json, value);
}

static void write_counts(const struct hs_sim_counts *counts, struct hs_json *json)
{
    add_u64(json, "executions", counts->executions);
    add_u64(json, "errors", counts->errors);
    add_u64(json, "timeouts", counts->timeouts);
    add_u64(json, "partials", counts->partials);
    add_u64(json, "cancelled", counts->cancelled);
    add_u64(json, "answered", counts->answered);
    add_u64(json, "zero_results", counts->zero_results);
    add_u64(json, "latency_count", counts->latency_count);
}

static const struct {
    const char *name;
    double q;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}};

static void write_latency(const struct hs_sim_truth *truth, int service, int version,
                          struct hs_json *json)
{
    struct merged merged;
    size_t i;

    merge(truth, service, version, &merged);
    hs_json_key(json, "latency_ms");
    hs_json_obj_open(json);
    for (i = 0; merged.n > 0 && i < HS_ARRAY_LEN(quantiles); i++) {
        hs_json_key(json, quantiles[i].name);
        hs_json_obj_open(json);
        hs_json_key(json, "low");
        hs_json_add_double(json, quantile(&merged, quantiles[i].q - 0.001));
        hs_json_key(json, "exact");
        hs_json_add_double(json, quantile(&merged, quantiles[i].q));
        hs_json_key(json, "high");
        hs_json_add_double(json, quantile(&merged, quantiles[i].q + 0.001));
        hs_json_obj_close(json);
    }
    hs_json_obj_close(json);
    merged_fini(&merged);
}

static void write_part(const struct hs_sim_truth *truth, int service, int version,
                       struct hs_json *json)
{
    struct hs_sim_counts counts;

    hs_sim_truth_counts(truth, service, version, &counts);
    write_counts(&counts, json);
    write_latency(truth, service, version, json);
}

static void write_service(const struct hs_sim_truth *truth, int service, struct hs_json *json)
{
    int version;

    hs_json_obj_open(json);
    hs_json_key(json, "service");
    hs_json_add_c(json, hs_sim_service((size_t)service)->name);
    write_part(truth, service, -1, json);
    hs_json_key(json, "versions");
    hs_json_arr_open(json);
    for (version = 0; version < HS_SIM_VERSIONS; version++) {
        hs_json_obj_open(json);
        hs_json_key(json, "version");
        hs_json_add_c(json, hs_sim_service((size_t)service)->versions[version]);
        write_part(truth, service, version, json);
        hs_json_obj_close(json);
    }
    hs_json_arr_close(json);
    hs_json_obj_close(json);
}

/* Figures of a minute, as columns. */
static const struct {
    const char *name;
    size_t at;
} columns[] = {
    {"executions", offsetof(struct hs_sim_counts, executions)},
    {"errors", offsetof(struct hs_sim_counts, errors)},
    {"timeouts", offsetof(struct hs_sim_counts, timeouts)},
    {"answered", offsetof(struct hs_sim_counts, answered)},
    {"zero_results", offsetof(struct hs_sim_counts, zero_results)},
};

static void write_column(const struct group *group, size_t at, struct hs_json *json)
{
    size_t minute;

    hs_json_arr_open(json);
    for (minute = 0; minute < group->minutes_n; minute++) {
        const struct hs_sim_counts *counts = &group->minutes[minute];

        if (counts->executions > 0)
            hs_json_add_u64(json, *(const uint64_t *)((const char *)counts + at));
    }
    hs_json_arr_close(json);
}

/* Minutes without executions are left out. */
static void write_minutes(const struct hs_sim_truth *truth, size_t i, struct hs_json *json)
{
    const struct hs_sim_service *service = hs_sim_service(i / HS_SIM_VERSIONS);
    const struct group *group = &truth->groups[i];
    size_t k;

    hs_json_obj_open(json);
    hs_json_key(json, "service");
    hs_json_add_c(json, service->name);
    hs_json_key(json, "version");
    hs_json_add_c(json, service->versions[i % HS_SIM_VERSIONS]);
    hs_json_key(json, "t");
    hs_json_arr_open(json);
    for (k = 0; k < group->minutes_n; k++)
        if (group->minutes[k].executions > 0)
            hs_json_add_i64(json, (truth->first_minute + (int64_t)k) * 60);
    hs_json_arr_close(json);
    for (k = 0; k < HS_ARRAY_LEN(columns); k++) {
        hs_json_key(json, columns[k].name);
        write_column(group, columns[k].at, json);
    }
    hs_json_obj_close(json);
}

void hs_sim_truth_write(struct hs_sim_truth *truth, struct hs_json *json)
{
    int service;
    size_t i;

    hs_json_key(json, "totals");
    hs_json_obj_open(json);
    write_part(truth, -1, -1, json);
    hs_json_obj_close(json);
    hs_json_key(json, "services");
    hs_json_arr_open(json);
    for (service = 0; service < HS_SIM_SERVICES; service++)
        write_service(truth, service, json);
    hs_json_arr_close(json);
    hs_json_key(json, "minutes");
    hs_json_arr_open(json);
    for (i = 0; i < GROUPS; i++)
        write_minutes(truth, i, json);
    hs_json_arr_close(json);
}
