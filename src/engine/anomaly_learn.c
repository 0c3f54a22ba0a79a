/* Baselines from what the rollups hold, and the incidents that were open. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/watch_json.h"
#include "base/mem.h"
#include "conf/timezone.h"
#include "engine/anomaly_int.h"
#include "port/incidents.h"

enum {
    HISTORY_S = 28 * 86400,
    DAY_S = 86400,
    BY_MINUTE_S = 6 * 3600, /* of the end of history */
    DETAIL_S = 600,         /* of the end of that: with hosts */
    CHUNK_S = 600,          /* of minutes in one query; the last one with hosts */
    CATCH_UP_S = 6 * 3600,  /* minutes further back are not judged any more */
    INCIDENTS_READ = 1000,  /* newest, of a tenant */
    ARENA_BYTES = 1 << 30,
};

static const double hour_minutes = 60;
static const double grown_by = 1.1;
static const double grown_rows_min = 8;

static int64_t offset_s(void *arg, int64_t utc_s)
{
    (void)arg;
    return hs_timezone_offset_s(utc_s);
}

static void on_event(void *arg, enum hs_watch_event event, const struct hs_watch_incident *incident)
{
    const struct anomaly_tenant *tenant = arg;
    struct hs_anomaly *anomaly = tenant->owner;

    if (anomaly->events_n == anomaly->events_max) {
        anomaly->events_max = HS_MAX(16, 2 * anomaly->events_max);
        anomaly->events =
            hs_xrealloc(anomaly->events, anomaly->events_max, sizeof(*anomaly->events));
    }
    anomaly->events[anomaly->events_n++] =
        (struct anomaly_event){.tenant = tenant,
                               .event = event,
                               .at_s = hs_wall_ns(anomaly->deps.clock) / HS_NS_PER_S,
                               .incident = *incident};
}

struct anomaly_tenant *hs_anomaly_tenant(struct hs_anomaly *anomaly, struct hs_str id)
{
    struct anomaly_tenant *tenant;
    struct hs_watch_deps deps = {.offset_s = offset_s, .on_event = on_event};
    size_t i;

    for (i = 0; i < anomaly->tenants_n; i++)
        if (hs_str_eq_c(id, anomaly->tenants[i]->id))
            return anomaly->tenants[i];
    if (anomaly->tenants_n == anomaly->tenants_max) {
        anomaly->tenants_max = HS_MAX(4, 2 * anomaly->tenants_max);
        anomaly->tenants =
            (struct anomaly_tenant **)hs_xrealloc((void *)anomaly->tenants, anomaly->tenants_max,
                                                  sizeof(*anomaly->tenants));
    }
    tenant = hs_xalloc(sizeof(*tenant));
    snprintf(tenant->id, sizeof(tenant->id), "%.*s", HS_STR_ARG(id));
    tenant->owner = anomaly;
    deps.tenant = hs_str_c(tenant->id);
    deps.arg = tenant;
    tenant->watch = hs_watch_new(&deps);
    anomaly->tenants[anomaly->tenants_n++] = tenant;
    return tenant;
}

void hs_anomaly_forget(struct hs_anomaly *anomaly)
{
    size_t i;

    for (i = 0; i < anomaly->tenants_n; i++) {
        hs_watch_free(anomaly->tenants[i]->watch);
        hs_free(anomaly->tenants[i]);
    }
    hs_free((void *)anomaly->tenants);
    hs_free(anomaly->events);
    hs_loader_mark_free(anomaly->mark);
    anomaly->tenants = NULL;
    anomaly->tenants_n = anomaly->tenants_max = 0;
    anomaly->events = NULL;
    anomaly->events_n = anomaly->events_max = 0;
    anomaly->mark = NULL;
    anomaly->loaded = false;
    anomaly->moved = false;
    anomaly->ready = false;
}

/* ---- where it stands */

static int64_t now_minute(const struct hs_anomaly *anomaly)
{
    return hs_wall_ns(anomaly->deps.clock) / HS_NS_PER_S / ANOMALY_MINUTE_S * ANOMALY_MINUTE_S;
}

/* The first time, or after a long pause: from now on. */
static int read_position(struct hs_anomaly *anomaly, struct hs_err *err)
{
    int64_t now_s = now_minute(anomaly);
    struct hs_arena arena;
    struct hs_entry entry;
    char text[64];
    long long judged = 0, settled = 0;
    int rc;

    hs_arena_init(&arena, 1 << 16);
    rc = hs_metadata_get(anomaly->deps.metadata, HS_SPACE_WATCH, HS_STR("position"), &arena, &entry,
                         err);
    if (rc == HS_OK) {
        snprintf(text, sizeof(text), "%.*s", HS_STR_ARG(entry.value));
        if (sscanf(text, "%lld %lld", &judged, &settled) != 2)
            rc =
                hs_err_set(err, HS_ECORRUPT, 0, "the watch's position \"%s\" does not parse", text);
    } else if (rc == HS_ENOTFOUND) {
        rc = HS_OK;
    }
    hs_arena_fini(&arena);
    anomaly->judged_s = judged < now_s - CATCH_UP_S || judged > now_s ? now_s : judged;
    anomaly->settled_s = HS_MAX(settled, anomaly->judged_s - CATCH_UP_S);
    if (settled == 0)
        anomaly->settled_s = anomaly->judged_s - ANOMALY_SETTLE_S;
    return rc;
}

/* ---- learning */

static int learn_hours(struct hs_anomaly *anomaly, const struct hs_anomaly_range *range,
                       struct hs_err *err)
{
    struct hs_anomaly_settled_rows settled;
    struct hs_anomaly_rows rows;
    struct hs_arena arena;
    size_t i;
    int rc;

    hs_arena_init(&arena, ARENA_BYTES);
    rc = hs_anomaly_hours(&anomaly->deps, range, &arena, &rows, err);
    for (i = 0; rc == HS_OK && i < rows.n; i++)
        hs_watch_train(hs_anomaly_tenant(anomaly, rows.at[i].tenant)->watch, rows.at[i].start_s,
                       hour_minutes, &rows.at[i].row, 1);
    if (rc == HS_OK) {
        anomaly->history_rows += (double)rows.n;
        rc = hs_anomaly_settled_hours(&anomaly->deps, range, &arena, &settled, err);
    }
    for (i = 0; rc == HS_OK && i < settled.n; i++)
        hs_watch_train_settled(hs_anomaly_tenant(anomaly, settled.at[i].tenant)->watch,
                               settled.at[i].start_s, hour_minutes, &settled.at[i].row, 1);
    hs_arena_fini(&arena);
    return rc;
}

/* Minutes of one tenant's rows, which are together. */
static void push_minutes(struct hs_anomaly *anomaly, const struct hs_anomaly_rows *rows)
{
    size_t i, k, n;

    for (i = 0; i < rows->n; i += n) {
        struct hs_watch_row *minute;

        for (n = 1; i + n < rows->n && rows->at[i + n].start_s == rows->at[i].start_s &&
                    hs_str_eq(rows->at[i + n].tenant, rows->at[i].tenant);
             n++)
            ;
        minute = hs_xcalloc(n, sizeof(*minute));
        for (k = 0; k < n; k++)
            minute[k] = rows->at[i + k].row;
        hs_watch_minute(hs_anomaly_tenant(anomaly, rows->at[i].tenant)->watch, rows->at[i].start_s,
                        minute, n);
        hs_free(minute);
    }
}

static int learn_minutes(struct hs_anomaly *anomaly, const struct hs_anomaly_range *range,
                         struct hs_err *err)
{
    struct hs_anomaly_range until_settled = {.from_s = range->from_s,
                                             .to_s = HS_MIN(range->to_s, anomaly->settled_s)};
    struct hs_anomaly_settled_rows settled;
    struct hs_anomaly_rows rows;
    struct hs_arena arena;
    size_t i;
    int rc;

    hs_arena_init(&arena, ARENA_BYTES);
    rc = hs_anomaly_minutes(&anomaly->deps, range, &arena, &rows, err);
    for (i = 0; rc == HS_OK && i < rows.n; i++)
        hs_watch_quiet(hs_anomaly_tenant(anomaly, rows.at[i].tenant)->watch);
    if (rc == HS_OK) {
        push_minutes(anomaly, &rows);
        rc = hs_anomaly_settled_minutes(&anomaly->deps, &until_settled, &arena, &settled, err);
    }
    for (i = 0; rc == HS_OK && i < settled.n; i++)
        hs_watch_settle(hs_anomaly_tenant(anomaly, settled.at[i].tenant)->watch,
                        settled.at[i].start_s, &settled.at[i].row, 1);
    hs_arena_fini(&arena);
    return rc;
}

/* ---- what was open */

static int restore(struct hs_anomaly *anomaly, struct hs_str tenant, struct hs_err *err)
{
    struct hs_entry *entries = hs_xcalloc(INCIDENTS_READ, sizeof(*entries));
    struct hs_watch_incident incident;
    char prefix[HS_INCIDENT_KEY_MAX];
    struct hs_arena arena;
    size_t n = 0;
    size_t i;
    int rc;

    hs_arena_init(&arena, ARENA_BYTES);
    snprintf(prefix, sizeof(prefix), "%.*s/", HS_STR_ARG(tenant));
    rc = hs_metadata_scan(anomaly->deps.metadata, HS_SPACE_INCIDENTS, hs_str_c(prefix), HS_STR(""),
                          &arena, entries, INCIDENTS_READ, &n, err);
    for (i = 0; rc == HS_OK && i < n; i++) {
        rc = hs_watch_incident_read(entries[i].value, &incident, err);
        if (rc == HS_OK && incident.end_s == 0)
            hs_watch_restore(hs_anomaly_tenant(anomaly, tenant)->watch, &incident);
    }
    hs_arena_fini(&arena);
    hs_free(entries);
    return rc;
}

static int restore_all(struct hs_anomaly *anomaly, struct hs_err *err)
{
    struct hs_entry *entries = hs_xcalloc(HS_TENANTS_MAX, sizeof(*entries));
    struct hs_arena arena;
    size_t n = 0;
    size_t i;
    int rc;

    hs_arena_init(&arena, ARENA_BYTES);
    rc = hs_metadata_scan(anomaly->deps.metadata, "tenants", HS_STR(""), HS_STR(""), &arena,
                          entries, HS_TENANTS_MAX, &n, err);
    for (i = 0; rc == HS_OK && i < n; i++)
        rc = restore(anomaly, entries[i].key, err);
    hs_arena_fini(&arena);
    hs_free(entries);
    return rc;
}

int hs_anomaly_learn(struct hs_anomaly *anomaly, struct hs_err *err)
{
    struct hs_anomaly_range range;
    int64_t at_s;
    size_t i;
    int rc = read_position(anomaly, err);

    anomaly->history_rows = 0;
    anomaly->history_s = (anomaly->judged_s - BY_MINUTE_S) / ANOMALY_HOUR_S * ANOMALY_HOUR_S;
    for (at_s = anomaly->history_s - HISTORY_S; rc == HS_OK && at_s < anomaly->history_s;
         at_s += DAY_S) {
        range = (struct hs_anomaly_range){.from_s = at_s, .to_s = at_s + DAY_S};
        rc = learn_hours(anomaly, &range, err);
    }
    for (at_s = anomaly->history_s; rc == HS_OK && at_s < anomaly->judged_s; at_s += CHUNK_S) {
        range = (struct hs_anomaly_range){.from_s = at_s,
                                          .to_s = HS_MIN(at_s + CHUNK_S, anomaly->judged_s),
                                          .detail = at_s + CHUNK_S >= anomaly->judged_s};
        rc = learn_minutes(anomaly, &range, err);
    }
    for (i = 0; i < anomaly->tenants_n; i++)
        hs_watch_begin(anomaly->tenants[i]->watch, anomaly->judged_s);
    if (rc == HS_OK)
        rc = restore_all(anomaly, err);
    anomaly->events_n = 0;
    anomaly->tidied_ns = 0;
    anomaly->ready = rc == HS_OK;
    if (rc != HS_OK)
        hs_anomaly_forget(anomaly);
    return rc;
}

int hs_anomaly_history_grew(struct hs_anomaly *anomaly, bool *out, struct hs_err *err)
{
    char sql[256];
    struct hs_table table;
    struct hs_arena arena;
    const struct hs_query query = {.sql = sql, .user = HS_ANALYTICS_RW, .timeout_ms = 60000};
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT uniqExact(tenant, t, service, environment) AS n FROM haystat.fast_1h "
             "WHERE t >= toDateTime(%" PRId64 ") AND t < toDateTime(%" PRId64 ")",
             anomaly->history_s - HISTORY_S, anomaly->history_s);
    hs_arena_init(&arena, 1 << 20);
    rc = hs_analytics_query(anomaly->deps.analytics, &query, &arena, &table, err);
    if (rc == HS_OK)
        *out = (double)hs_table_column(&table, "n")->u64[0] >
               anomaly->history_rows * grown_by + grown_rows_min;
    hs_arena_fini(&arena);
    return rc;
}
