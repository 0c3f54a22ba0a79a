#include "port/analytics.h"

#include "base/mem.h"
#include "base/metric.h"

static const double seconds_bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30};

static struct hs_metric calls_total = {
    .name = "hs_analytics_calls_total",
    .type = HS_METRIC_COUNTER,
    .help = "Calls of the analytics port by operation and result.",
    .labels = {"op", "result"},
};

static struct hs_metric call_seconds = {
    .name = "hs_analytics_call_seconds",
    .type = HS_METRIC_HISTOGRAM,
    .help = "Duration of calls of the analytics port.",
    .labels = {"op"},
    .buckets = seconds_bounds,
    .buckets_n = HS_ARRAY_LEN(seconds_bounds),
};

static struct hs_metric insert_rows_total = {
    .name = "hs_analytics_insert_rows_total",
    .type = HS_METRIC_COUNTER,
    .help = "Rows of blocks whose insert succeeded; a block that is sent twice counts twice.",
};

static int64_t start(void)
{
    return hs_mono_ns(hs_clock_system());
}

static int measured(const char *op, int64_t start_ns, int rc)
{
    double seconds = (double)(start() - start_ns) / HS_NS_PER_S;

    hs_metric_add(&calls_total, HS_LABELS(op, hs_rc_name(rc), ""), 1);
    hs_metric_observe(&call_seconds, HS_LABELS(op, "", ""), seconds);
    return rc;
}

int hs_analytics_query(struct hs_analytics *analytics, const struct hs_query *query,
                       struct hs_arena *arena, struct hs_table *out, struct hs_err *err)
{
    int64_t start_ns = start();

    HS_ASSERT(query->timeout_ms > 0);
    HS_ASSERT(!query->every_host);
    return measured("query", start_ns, analytics->ops->query(analytics, query, arena, out, err));
}

int hs_analytics_query_raw(struct hs_analytics *analytics, const struct hs_query *query,
                           const char *format, struct hs_buf *out, struct hs_err *err)
{
    int64_t start_ns = start();

    HS_ASSERT(query->timeout_ms > 0);
    HS_ASSERT(!query->every_host);
    return measured("query_raw", start_ns,
                    analytics->ops->query_raw(analytics, query, format, out, err));
}

int hs_analytics_exec(struct hs_analytics *analytics, const struct hs_query *query,
                      struct hs_err *err)
{
    int64_t start_ns = start();

    HS_ASSERT(query->timeout_ms > 0);
    return measured("exec", start_ns, analytics->ops->exec(analytics, query, err));
}

int hs_analytics_insert(struct hs_analytics *analytics, const struct hs_insert *insert,
                        const struct hs_block *block, struct hs_err *err)
{
    int64_t start_ns = start();
    int rc;

    HS_ASSERT(insert->timeout_ms > 0);
    rc = measured("insert", start_ns, analytics->ops->insert(analytics, insert, block, err));
    if (rc == HS_OK)
        hs_metric_add(&insert_rows_total, HS_LABELS_NONE, (double)block->rows);
    return rc;
}

int hs_analytics_ping(struct hs_analytics *analytics, int64_t timeout_ms, struct hs_err *err)
{
    HS_ASSERT(timeout_ms > 0);
    return measured("ping", start(), analytics->ops->ping(analytics, timeout_ms, err));
}

void hs_analytics_close(struct hs_analytics *analytics)
{
    if (analytics)
        analytics->ops->close(analytics);
}

int hs_analytics_kill(struct hs_analytics *analytics, struct hs_str prefix, bool sync,
                      int64_t timeout_ms, struct hs_err *err)
{
    const struct hs_param param = {"prefix", prefix};
    const struct hs_query query = {
        .sql = sync ? "KILL QUERY WHERE startsWith(query_id, {prefix:String}) SYNC"
                    : "KILL QUERY WHERE startsWith(query_id, {prefix:String}) ASYNC",
        .params = &param,
        .params_n = 1,
        .user = HS_ANALYTICS_RW,
        .timeout_ms = timeout_ms,
        .every_host = true,
    };

    return hs_analytics_exec(analytics, &query, err);
}
