#include "engine/anomaly_rows.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

enum { SQL_MAX = 2048, QUERY_MS = 60000 };

static const uint64_t answer_bytes_max = (uint64_t)512 << 20;

static int ask(const struct hs_loader_deps *deps, const char *sql, struct hs_arena *arena,
               struct hs_table *out, struct hs_err *err)
{
    const struct hs_query query = {.sql = sql,
                                   .user = HS_ANALYTICS_RW,
                                   .timeout_ms = QUERY_MS,
                                   .result_bytes_max = answer_bytes_max,
                                   .settings = "max_threads=1"};

    return hs_analytics_query(deps->analytics, &query, arena, out, err);
}

static struct hs_str text_at(const struct hs_table *table, const char *name, size_t row)
{
    return hs_table_column(table, name)->str[row];
}

static double number_at(const struct hs_table *table, const char *name, size_t row)
{
    const struct hs_column *column = hs_table_column(table, name);

    switch (column->kind) {
    case HS_COL_U64: return (double)column->u64[row];
    case HS_COL_I64: return (double)column->i64[row];
    default: return column->f64[row];
    }
}

static int no_memory(struct hs_err *err)
{
    return hs_err_set(err, HS_ELIMIT, 0, "rows to watch do not fit into memory");
}

/* ---- services */

static void services_sql(char out[SQL_MAX], const char *level, const struct hs_anomaly_range *range)
{
    snprintf(out, SQL_MAX,
             "SELECT toUnixTimestamp(t) AS start, tenant, service, environment, count, errors, "
             "searches, zero_results, latency_state FROM haystat.fast_%s FINAL "
             "WHERE t >= toDateTime(%" PRId64 ") AND t < toDateTime(%" PRId64 ") "
             "ORDER BY start, tenant, service, environment",
             level, range->from_s, range->to_s);
}

static void behaviour_sql(char out[SQL_MAX], const char *level,
                          const struct hs_anomaly_range *range)
{
    snprintf(out, SQL_MAX,
             "SELECT toUnixTimestamp(t) AS start, tenant, service, environment, shown, clicked, "
             "clicks FROM haystat.behaviour_%s FINAL WHERE dim = '' "
             "AND t >= toDateTime(%" PRId64 ") AND t < toDateTime(%" PRId64 ") "
             "ORDER BY start, tenant, service, environment",
             level, range->from_s, range->to_s);
}

static int fill_row(const struct hs_table *table, size_t i, struct hs_arena *arena,
                    struct hs_anomaly_row *out, struct hs_err *err)
{
    struct hs_latency_bins *bins = hs_arena_calloc(arena, 1, sizeof(*bins));

    if (!bins)
        return no_memory(err);
    *out = (struct hs_anomaly_row){
        .start_s = (int64_t)number_at(table, "start", i),
        .tenant = text_at(table, "tenant", i),
        .row = {.service = text_at(table, "service", i),
                .environment = text_at(table, "environment", i),
                .count = number_at(table, "count", i),
                .errors = number_at(table, "errors", i),
                .answered = number_at(table, "searches", i),
                .zero_results = number_at(table, "zero_results", i),
                .latency = bins},
    };
    return hs_latency_bins_add_state(bins, text_at(table, "latency_state", i), err);
}

static int read_services(const struct hs_loader_deps *deps, const char *sql, struct hs_arena *arena,
                         struct hs_anomaly_rows *out, struct hs_err *err)
{
    struct hs_table table;
    size_t i;
    int rc = ask(deps, sql, arena, &table, err);

    *out = (struct hs_anomaly_rows){.n = 0};
    if (rc == HS_OK && table.rows > 0)
        out->at = hs_arena_calloc(arena, table.rows, sizeof(*out->at));
    if (rc == HS_OK && table.rows > 0 && !out->at)
        rc = no_memory(err);
    for (i = 0; rc == HS_OK && i < table.rows; i++)
        rc = fill_row(&table, i, arena, &out->at[i], err);
    if (rc == HS_OK)
        out->n = table.rows;
    return rc;
}

static int compare_keys(const struct hs_anomaly_row *a, const struct hs_anomaly_row *b)
{
    int c = (a->start_s > b->start_s) - (a->start_s < b->start_s);

    c = c ? c : hs_str_cmp(a->tenant, b->tenant);
    c = c ? c : hs_str_cmp(a->row.service, b->row.service);
    return c ? c : hs_str_cmp(a->row.environment, b->row.environment);
}

/* The service of row i of a table that has the four key columns; NULL: it is not counted. */
static struct hs_anomaly_row *find(const struct hs_anomaly_rows *rows, const struct hs_table *table,
                                   size_t i)
{
    const struct hs_anomaly_row key = {.start_s = (int64_t)number_at(table, "start", i),
                                       .tenant = text_at(table, "tenant", i),
                                       .row = {.service = text_at(table, "service", i),
                                               .environment = text_at(table, "environment", i)}};
    size_t low = 0;
    size_t high = rows->n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int c = compare_keys(&rows->at[middle], &key);

        if (c == 0)
            return &rows->at[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- hosts and actions */

/* Which application a service's searches came from, mostly. */
struct of_application {
    struct hs_str name;
    double count;
};

static void add_host(struct hs_anomaly_row *row, struct hs_str name, double count,
                     struct hs_arena *arena)
{
    struct hs_watch_host *hosts = (struct hs_watch_host *)row->row.hosts;
    size_t i;

    if (!hosts)
        hosts = hs_arena_calloc(arena, HS_WATCH_HOSTS_MAX, sizeof(*hosts));
    row->row.hosts = hosts;
    for (i = 0; hosts && i < row->row.hosts_n; i++) {
        if (hs_str_eq(hosts[i].name, name)) {
            hosts[i].count += count;
            return;
        }
    }
    if (hosts && row->row.hosts_n < HS_WATCH_HOSTS_MAX)
        hosts[row->row.hosts_n++] = (struct hs_watch_host){.name = name, .count = count};
}

struct details {
    const struct hs_loader_deps *deps;
    const struct hs_anomaly_range *range;
    struct hs_arena *arena;
    const struct hs_anomaly_rows *rows;
    struct of_application *applications; /* beside the rows */
};

static int read_hosts(const struct details *details, struct hs_err *err)
{
    char sql[SQL_MAX];
    struct hs_table table;
    size_t i;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT toUnixTimestamp(toStartOfMinute(ts)) AS start, tenant, service, environment, "
             "host, application, count() AS n FROM haystat.searches "
             "WHERE ts >= toDateTime(%" PRId64 ") AND ts < toDateTime(%" PRId64 ") "
             "AND parent_query_id = '' "
             "GROUP BY start, tenant, service, environment, host, application "
             "ORDER BY n DESC LIMIT %d BY start, tenant, service, environment",
             details->range->from_s, details->range->to_s, HS_WATCH_HOSTS_MAX);
    rc = ask(details->deps, sql, details->arena, &table, err);
    for (i = 0; rc == HS_OK && i < table.rows; i++) {
        struct hs_anomaly_row *row = find(details->rows, &table, i);
        double count = number_at(&table, "n", i);
        struct of_application *application;

        if (!row)
            continue;
        application = &details->applications[row - details->rows->at];
        if (text_at(&table, "host", i).n > 0)
            add_host(row, text_at(&table, "host", i), count, details->arena);
        if (count > application->count)
            *application =
                (struct of_application){.name = text_at(&table, "application", i), .count = count};
    }
    return rc;
}

/* Actions are told by application: those of a service are its application's. */
static int read_actions(const struct details *details, struct hs_err *err)
{
    const struct hs_anomaly_rows *rows = details->rows;
    char sql[SQL_MAX];
    struct hs_table table;
    size_t i, k;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT toUnixTimestamp(toStartOfMinute(ts)) AS start, tenant, application, "
             "count() AS n FROM haystat.results "
             "WHERE ts >= toDateTime(%" PRId64 ") AND ts < toDateTime(%" PRId64 ") "
             "AND action = 'click' GROUP BY start, tenant, application",
             details->range->from_s, details->range->to_s);
    rc = ask(details->deps, sql, details->arena, &table, err);
    for (i = 0; rc == HS_OK && i < table.rows; i++) {
        for (k = 0; k < rows->n; k++) {
            if (rows->at[k].start_s == (int64_t)number_at(&table, "start", i) &&
                hs_str_eq(rows->at[k].tenant, text_at(&table, "tenant", i)) &&
                hs_str_eq(details->applications[k].name, text_at(&table, "application", i)))
                rows->at[k].row.actions += number_at(&table, "n", i);
        }
    }
    return rc;
}

int hs_anomaly_minutes(const struct hs_loader_deps *deps, const struct hs_anomaly_range *range,
                       struct hs_arena *arena, struct hs_anomaly_rows *out, struct hs_err *err)
{
    struct details details = {.deps = deps, .range = range, .arena = arena, .rows = out};
    char sql[SQL_MAX];
    int rc;

    services_sql(sql, "1m", range);
    rc = read_services(deps, sql, arena, out, err);
    if (rc != HS_OK || !range->detail || out->n == 0)
        return rc;
    details.applications = hs_arena_calloc(arena, out->n, sizeof(*details.applications));
    if (!details.applications)
        return no_memory(err);
    rc = read_hosts(&details, err);
    return rc == HS_OK ? read_actions(&details, err) : rc;
}

/* ---- behaviour */

int hs_anomaly_hours(const struct hs_loader_deps *deps, const struct hs_anomaly_range *range,
                     struct hs_arena *arena, struct hs_anomaly_rows *out, struct hs_err *err)
{
    char sql[SQL_MAX];
    struct hs_table table;
    size_t i;
    int rc;

    services_sql(sql, "1h", range);
    rc = read_services(deps, sql, arena, out, err);
    behaviour_sql(sql, "1h", range);
    if (rc == HS_OK)
        rc = ask(deps, sql, arena, &table, err);
    for (i = 0; rc == HS_OK && i < table.rows; i++) {
        struct hs_anomaly_row *row = find(out, &table, i);

        if (row)
            row->row.actions = number_at(&table, "clicks", i);
    }
    return rc;
}

static int read_settled(const struct hs_loader_deps *deps, const char *sql, struct hs_arena *arena,
                        struct hs_anomaly_settled_rows *out, struct hs_err *err)
{
    struct hs_table table;
    size_t i;
    int rc = ask(deps, sql, arena, &table, err);

    *out = (struct hs_anomaly_settled_rows){.n = 0};
    if (rc != HS_OK || table.rows == 0)
        return rc;
    out->at = hs_arena_calloc(arena, table.rows, sizeof(*out->at));
    if (!out->at)
        return no_memory(err);
    for (i = 0; i < table.rows; i++)
        out->at[i] =
            (struct hs_anomaly_settled){.start_s = (int64_t)number_at(&table, "start", i),
                                        .tenant = text_at(&table, "tenant", i),
                                        .row = {.service = text_at(&table, "service", i),
                                                .environment = text_at(&table, "environment", i),
                                                .shown = number_at(&table, "shown", i),
                                                .clicked = number_at(&table, "clicked", i)}};
    out->n = table.rows;
    return HS_OK;
}

int hs_anomaly_settled_minutes(const struct hs_loader_deps *deps,
                               const struct hs_anomaly_range *range, struct hs_arena *arena,
                               struct hs_anomaly_settled_rows *out, struct hs_err *err)
{
    char sql[SQL_MAX];

    behaviour_sql(sql, "1m", range);
    return read_settled(deps, sql, arena, out, err);
}

int hs_anomaly_settled_hours(const struct hs_loader_deps *deps,
                             const struct hs_anomaly_range *range, struct hs_arena *arena,
                             struct hs_anomaly_settled_rows *out, struct hs_err *err)
{
    char sql[SQL_MAX];

    behaviour_sql(sql, "1h", range);
    return read_settled(deps, sql, arena, out, err);
}
