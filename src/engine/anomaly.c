#include "engine/anomaly.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "engine/anomaly_int.h"
#include "port/dirty.h"

enum {
    STEP_MS = 500,
    STEP_MAX_MS = 5000,
    CLOSE_S = 5, /* after its end a minute counts as closed */
    TIDY_S = 300,
    ARENA_BYTES = 1 << 30,
    KEY_ARENA_BYTES = 1 << 20,
    SETTLED_A_STEP = 60, /* minutes */
};

static struct hs_metric judged_minutes = {
    .name = "hs_engine_anomaly_minutes_total",
    .type = HS_METRIC_COUNTER,
    .help = "Minutes judged.",
};
static struct hs_metric judge_seconds = {
    .name = "hs_engine_anomaly_seconds",
    .type = HS_METRIC_HISTOGRAM,
    .help = "Time to judge one minute of all services.",
    .buckets = hs_metric_seconds,
};

static int64_t now_s(const struct hs_anomaly *anomaly)
{
    return hs_wall_ns(anomaly->deps.clock) / HS_NS_PER_S;
}

static int hold_lease(struct hs_anomaly *anomaly, struct hs_err *err)
{
    int64_t ttl_ms = (int64_t)anomaly->deps.conf->engine_lease_ms;
    int64_t now_ns = hs_mono_ns(anomaly->deps.clock);
    uint64_t epoch = anomaly->lease.epoch;
    int rc = HS_OK;

    if (anomaly->lease.held && now_ns - anomaly->lease_renewed_ns < ttl_ms * HS_NS_PER_MS / 3)
        return HS_OK;
    if (anomaly->deps.exclusive && epoch == 0)
        rc = hs_lease_break(anomaly->deps.metadata, &anomaly->lease, err);
    if (rc == HS_OK)
        rc = hs_lease_acquire(anomaly->deps.metadata, &anomaly->lease, ttl_ms, err);
    if (rc != HS_OK)
        return rc;
    anomaly->lease_renewed_ns = now_ns;
    if (anomaly->lease.epoch != epoch)
        hs_anomaly_forget(anomaly);
    return HS_OK;
}

/* ---- when a minute can be judged */

/* Whether the fast rollup has computed the tenant's minute since all of it was loaded: no mark
 * stands, or one was cleared later than that. */
static int is_computed(struct hs_anomaly *anomaly, const char *tenant, int64_t minute_s, bool *out,
                       struct hs_err *err)
{
    struct hs_metadata *metadata = anomaly->deps.metadata;
    char key[HS_DIRTY_KEY_MAX];
    size_t n = hs_dirty_key(HS_LEVEL_1M, hs_str_c(tenant), minute_s, key);
    struct hs_arena arena;
    struct hs_entry entry;
    int rc;

    hs_arena_init(&arena, KEY_ARENA_BYTES);
    rc = hs_metadata_get(metadata, hs_dirty_fast.dirty, hs_str_n(key, n), &arena, &entry, err);
    *out = rc == HS_ENOTFOUND;
    if (rc == HS_OK) {
        rc = hs_metadata_get(metadata, hs_dirty_fast.rolled, hs_str_n(key, n), &arena, &entry, err);
        *out = rc == HS_OK && entry.version > anomaly->loaded_version;
    }
    hs_arena_fini(&arena);
    return rc == HS_ENOTFOUND ? HS_OK : rc;
}

static int all_computed(struct hs_anomaly *anomaly, int64_t minute_s, bool *out, struct hs_err *err)
{
    struct hs_entry *entries = hs_xcalloc(HS_TENANTS_MAX, sizeof(*entries));
    struct hs_arena arena;
    size_t n = 0;
    size_t i;
    int rc;

    hs_arena_init(&arena, ARENA_BYTES);
    rc = hs_metadata_scan(anomaly->deps.metadata, "tenants", HS_STR(""), HS_STR(""), &arena,
                          entries, HS_TENANTS_MAX, &n, err);
    *out = true;
    for (i = 0; rc == HS_OK && *out && i < n; i++) {
        char tenant[HS_TENANT_ID_MAX + 1];

        snprintf(tenant, sizeof(tenant), "%.*s", HS_STR_ARG(entries[i].key));
        rc = is_computed(anomaly, tenant, minute_s, out, err);
    }
    hs_arena_fini(&arena);
    hs_free(entries);
    return rc;
}

/* All that had been received when the minute closed is loaded: notes at which version. */
static int note_loaded(struct hs_anomaly *anomaly, int64_t minute_s, struct hs_err *err)
{
    char text[24];
    struct hs_metadata_op ops[2] = {hs_lease_check_op(&anomaly->lease),
                                    {.space = HS_SPACE_WATCH, .key = HS_STR("closing")}};
    int rc;

    snprintf(text, sizeof(text), "%" PRId64, minute_s);
    ops[1].value = hs_str_c(text);
    rc = hs_metadata_commit(anomaly->deps.metadata, ops, 2, &anomaly->loaded_version, NULL, err);
    anomaly->loaded = rc == HS_OK;
    return rc;
}

static int can_judge(struct hs_anomaly *anomaly, bool *out, struct hs_err *err)
{
    int64_t minute_s = anomaly->judged_s;
    int rc = HS_OK;

    *out = false;
    if (now_s(anomaly) < minute_s + ANOMALY_MINUTE_S + CLOSE_S)
        return HS_OK;
    if (!anomaly->mark)
        rc = hs_loader_mark_new(anomaly->loader, &anomaly->mark, err);
    if (rc == HS_EAGAIN)
        return HS_OK;
    if (rc == HS_OK && !anomaly->loaded && hs_loader_mark_reached(anomaly->loader, anomaly->mark))
        rc = note_loaded(anomaly, minute_s, err);
    if (rc == HS_OK && anomaly->loaded)
        rc = all_computed(anomaly, minute_s, out, err);
    return rc;
}

/* ---- judging */

/* The tenant's rows; returns how many. */
static size_t rows_of(const struct hs_anomaly_rows *rows, const char *tenant,
                      struct hs_watch_row *out)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < rows->n; i++)
        if (hs_str_eq_c(rows->at[i].tenant, tenant))
            out[n++] = rows->at[i].row;
    return n;
}

static void judge_rows(struct hs_anomaly *anomaly, int64_t minute_s,
                       const struct hs_anomaly_rows *rows)
{
    struct hs_watch_row *own = hs_xcalloc(rows->n + 1, sizeof(*own));
    size_t i;

    for (i = 0; i < rows->n; i++)
        hs_anomaly_tenant(anomaly, rows->at[i].tenant);
    for (i = 0; i < anomaly->tenants_n; i++) {
        struct anomaly_tenant *tenant = anomaly->tenants[i];

        hs_watch_minute(tenant->watch, minute_s, own, rows_of(rows, tenant->id, own));
    }
    hs_free(own);
}

static int judge(struct hs_anomaly *anomaly, struct hs_err *err)
{
    int64_t start_ns = hs_mono_ns(anomaly->deps.clock);
    int64_t minute_s = anomaly->judged_s;
    const struct hs_anomaly_range range = {.from_s = minute_s,
                                           .to_s = minute_s + ANOMALY_MINUTE_S,
                                           .detail = true};
    struct hs_anomaly_rows rows;
    struct hs_arena arena;
    int rc;

    hs_arena_init(&arena, ARENA_BYTES);
    rc = hs_anomaly_minutes(&anomaly->deps, &range, &arena, &rows, err);
    if (rc == HS_OK) {
        judge_rows(anomaly, minute_s, &rows);
        anomaly->judged_s = minute_s + ANOMALY_MINUTE_S;
        anomaly->moved = true;
        hs_loader_mark_free(anomaly->mark);
        anomaly->mark = NULL;
        anomaly->loaded = false;
        rc = hs_anomaly_points(anomaly, minute_s, err);
        hs_metric_add(&judged_minutes, NULL, 1);
        hs_metric_observe(&judge_seconds, NULL,
                          (double)(hs_mono_ns(anomaly->deps.clock) - start_ns) / HS_NS_PER_S);
    }
    hs_arena_fini(&arena);
    return rc;
}

/* ---- settled clicks */

/* Whether a block of behaviour is still to be computed, of any tenant. */
static int block_dirty(struct hs_anomaly *anomaly, int64_t minute_s, bool *out, struct hs_err *err)
{
    int64_t block_s = hs_level_s(HS_LEVEL_10M);
    char key[HS_DIRTY_KEY_MAX];
    struct hs_arena arena;
    struct hs_entry entry;
    size_t i, n;
    int rc = HS_OK;

    *out = false;
    for (i = 0; i < anomaly->tenants_n && rc == HS_OK && !*out; i++) {
        n = hs_dirty_key(HS_LEVEL_10M, hs_str_c(anomaly->tenants[i]->id),
                         minute_s / block_s * block_s, key);
        hs_arena_init(&arena, KEY_ARENA_BYTES);
        rc = hs_metadata_get(anomaly->deps.metadata, hs_dirty_behaviour.dirty, hs_str_n(key, n),
                             &arena, &entry, err);
        *out = rc == HS_OK;
        hs_arena_fini(&arena);
        if (rc == HS_ENOTFOUND)
            rc = HS_OK;
    }
    return rc;
}

static int settle_minute(struct hs_anomaly *anomaly, struct hs_err *err)
{
    int64_t minute_s = anomaly->settled_s;
    const struct hs_anomaly_range range = {.from_s = minute_s, .to_s = minute_s + ANOMALY_MINUTE_S};
    struct hs_anomaly_settled_rows rows;
    struct hs_arena arena;
    size_t i;
    int rc;

    hs_arena_init(&arena, ARENA_BYTES);
    rc = hs_anomaly_settled_minutes(&anomaly->deps, &range, &arena, &rows, err);
    for (i = 0; rc == HS_OK && i < rows.n; i++)
        hs_watch_settle(hs_anomaly_tenant(anomaly, rows.at[i].tenant)->watch, minute_s,
                        &rows.at[i].row, 1);
    if (rc == HS_OK) {
        anomaly->settled_s = minute_s + ANOMALY_MINUTE_S;
        anomaly->moved = true;
        rc = hs_anomaly_points(anomaly, minute_s, err);
    }
    hs_arena_fini(&arena);
    return rc;
}

static int settle(struct hs_anomaly *anomaly, struct hs_err *err)
{
    bool dirty = false;
    int rc = HS_OK;
    int n;

    for (n = 0; n < SETTLED_A_STEP && rc == HS_OK; n++) {
        if (now_s(anomaly) < anomaly->settled_s + ANOMALY_MINUTE_S + ANOMALY_SETTLE_S ||
            anomaly->settled_s >= anomaly->judged_s)
            break;
        rc = block_dirty(anomaly, anomaly->settled_s, &dirty, err);
        if (rc != HS_OK || dirty)
            break;
        rc = settle_minute(anomaly, err);
    }
    return rc;
}

/* ---- the thread */

/* Now and then: old incidents go, and much more history is learnt anew. */
static int tidy(struct hs_anomaly *anomaly, struct hs_err *err)
{
    int64_t now_ns = hs_mono_ns(anomaly->deps.clock);
    bool grew = false;
    int rc;

    if (now_ns - anomaly->tidied_ns < TIDY_S * HS_NS_PER_S)
        return HS_OK;
    anomaly->tidied_ns = now_ns;
    rc = hs_anomaly_prune(anomaly, err);
    if (rc == HS_OK)
        rc = hs_anomaly_history_grew(anomaly, &grew, err);
    if (rc == HS_OK && grew) {
        hs_log(HS_LOG_INFO, "anomalies", "more history is there: learning it");
        hs_anomaly_forget(anomaly);
        rc = hs_anomaly_learn(anomaly, err);
    }
    return rc;
}

static void show(struct hs_anomaly *anomaly)
{
    size_t services = 0, open = 0;
    uint64_t refused = 0;
    size_t i;

    for (i = 0; i < anomaly->tenants_n; i++) {
        services += hs_watch_services(anomaly->tenants[i]->watch);
        open += hs_watch_open(anomaly->tenants[i]->watch);
        refused += hs_watch_refused(anomaly->tenants[i]->watch);
    }
    hs_mutex_lock(&anomaly->lock);
    anomaly->shown.judged_s = anomaly->ready ? anomaly->judged_s : 0;
    anomaly->shown.settled_s = anomaly->ready ? anomaly->settled_s : 0;
    anomaly->shown.services = services;
    anomaly->shown.open = open;
    anomaly->shown.refused = refused;
    hs_mutex_unlock(&anomaly->lock);
}

static int step(struct hs_anomaly *anomaly, struct hs_err *err)
{
    bool can = false;
    size_t i;
    int rc = hold_lease(anomaly, err);

    if (rc == HS_OK && !anomaly->ready)
        rc = hs_anomaly_learn(anomaly, err);
    if (rc == HS_OK)
        rc = tidy(anomaly, err);
    if (rc == HS_OK)
        rc = can_judge(anomaly, &can, err);
    if (rc == HS_OK && can)
        rc = judge(anomaly, err);
    if (rc == HS_OK)
        rc = settle(anomaly, err);
    if (rc == HS_OK)
        rc = hs_anomaly_todo(anomaly, err);
    for (i = 0; rc == HS_OK && i < anomaly->tenants_n; i++)
        hs_watch_tick(anomaly->tenants[i]->watch, now_s(anomaly));
    if (rc == HS_OK)
        rc = hs_anomaly_keep(anomaly, err);
    if (rc == HS_OK)
        show(anomaly);
    return rc;
}

/* Returns false when stop was asked. */
static bool wait_step(struct hs_anomaly *anomaly, int64_t wait_ms)
{
    hs_mutex_lock(&anomaly->lock);
    if (!hs_flag_is_set(&anomaly->stop))
        hs_cond_wait_ms(&anomaly->wake, &anomaly->lock, wait_ms);
    hs_mutex_unlock(&anomaly->lock);
    return !hs_flag_is_set(&anomaly->stop);
}

/* What failed half-way is judged again from what is committed. */
static void anomaly_main(void *arg)
{
    struct hs_anomaly *anomaly = arg;
    int64_t wait_ms = STEP_MS;
    struct hs_err err;

    while (wait_step(anomaly, wait_ms)) {
        int rc = step(anomaly, &err);

        if (rc == HS_OK) {
            wait_ms = STEP_MS;
            continue;
        }
        if (hs_flag_is_set(&anomaly->stop))
            break;
        hs_anomaly_forget(anomaly);
        if (rc == HS_ECONFLICT)
            anomaly->lease.held = false;
        hs_log_err(rc == HS_ECONFLICT ? HS_LOG_DEBUG : HS_LOG_WARN, "anomalies",
                   "minutes not judged, will retry", &err);
        wait_ms = HS_MIN(wait_ms * 2, (int64_t)STEP_MAX_MS);
    }
    hs_lease_release(anomaly->deps.metadata, &anomaly->lease, &err);
}

int hs_anomaly_start(const struct hs_loader_deps *deps, struct hs_loader *loader,
                     struct hs_anomaly **out, struct hs_err *err)
{
    struct hs_anomaly *anomaly = hs_xalloc(sizeof(*anomaly));
    int rc;

    anomaly->deps = *deps;
    anomaly->loader = loader;
    hs_mutex_init(&anomaly->lock, HS_RANK_SERVICE);
    hs_cond_init(&anomaly->wake);
    rc = hs_lease_init(&anomaly->lease, HS_STR("anomalies"), hs_str_c(deps->owner), err);
    if (rc == HS_OK)
        rc = hs_thread_start(&anomaly->thread, "anomalies", anomaly_main, anomaly, err);
    if (rc != HS_OK) {
        hs_anomaly_stop(anomaly);
        return rc;
    }
    *out = anomaly;
    return HS_OK;
}

void hs_anomaly_stop(struct hs_anomaly *anomaly)
{
    if (!anomaly)
        return;
    hs_flag_set(&anomaly->stop);
    hs_mutex_lock(&anomaly->lock);
    hs_cond_broadcast(&anomaly->wake);
    hs_mutex_unlock(&anomaly->lock);
    hs_thread_join(&anomaly->thread);
    hs_anomaly_forget(anomaly);
    hs_cond_fini(&anomaly->wake);
    hs_mutex_fini(&anomaly->lock);
    hs_free(anomaly);
}

static void add_time(struct hs_json *json, const char *name, int64_t at_s)
{
    hs_json_key(json, name);
    if (at_s > 0)
        hs_json_add_time(json, at_s * HS_NS_PER_S);
    else
        hs_json_add_null(json);
}

void hs_anomaly_status(struct hs_anomaly *anomaly, struct hs_json *json)
{
    hs_mutex_lock(&anomaly->lock);
    hs_json_obj_open(json);
    add_time(json, "judged_until", anomaly->shown.judged_s);
    add_time(json, "settled_until", anomaly->shown.settled_s);
    hs_json_key(json, "services");
    hs_json_add_u64(json, anomaly->shown.services);
    hs_json_key(json, "open");
    hs_json_add_u64(json, anomaly->shown.open);
    hs_json_key(json, "services_not_watched");
    hs_json_add_u64(json, anomaly->shown.refused);
    hs_json_obj_close(json);
    hs_mutex_unlock(&anomaly->lock);
}
