/* GET /api/v1/metrics/…: parameters, plan, one statement, cache. */
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "gateway/authorize.h"
#include "gateway/gateway_int.h"
#include "gateway/metrics_json.h"
#include "gateway/range.h"
#include "port/source.h"

enum {
    METRICS_ARENA_BYTES = 512 << 20,
    CELLS_BYTES_MAX = 256 << 20, /* of what the store sends */
    CONDITION_BYTES_MAX = 8 << 20,
    SETTLED_S = 300,       /* a range that ended longer ago changes seldom */
    SETTLED_TTL_MS = 5000, /* how long such an answer is kept */
    FRESH_TTL_MS = 250,
};

/* One request in work. */
struct work {
    const struct hs_gateway *gateway;
    enum hs_metrics_kind kind;
    struct hs_identity identity;
    struct hs_str tenant;
    struct hs_params params;
    struct hs_range range;
    struct hs_plan_in in;
    struct hs_plan plan, behaviour;
    enum hs_metrics_table table;
    struct hs_arena arena;
    struct hs_buf counted;
    struct hs_sql sql;
    char cache_key[HS_CACHE_KEY_MAX];
    size_t cache_key_n;
};

static enum hs_level coarsest(const struct work *work)
{
    int level = HS_LEVEL_N - 1;

    while (work->params.series && level > HS_LEVEL_1M &&
           work->range.step_s % hs_level_s((enum hs_level)level) != 0)
        level--;
    return (enum hs_level)level;
}

/* Names the answer: the tenant, the endpoint, the range and every parameter that shapes it. */
static void make_cache_key(struct work *work, const struct hs_http_param *pairs, size_t n)
{
    struct hs_buf text;
    struct hs_hash128 hash;
    size_t i;

    hs_buf_init(&text, 1 << 20);
    for (i = 0; i < n; i++) {
        static const char *const skipped[] = {"from", "to", "key"};
        size_t k = 0;

        while (k < HS_ARRAY_LEN(skipped) && !hs_str_eq_c(pairs[i].name, skipped[k]))
            k++;
        if (k < HS_ARRAY_LEN(skipped))
            continue;
        hs_buf_addf(&text, "%zu:%zu:", pairs[i].name.n, pairs[i].value.n);
        hs_buf_add_str(&text, pairs[i].name);
        hs_buf_add_str(&text, pairs[i].value);
    }
    hash = hs_hash128(hs_buf_str(&text));
    hs_buf_fini(&text);
    work->cache_key_n =
        (size_t)snprintf(work->cache_key, sizeof(work->cache_key),
                         "%.*s/metrics/%s/%lld-%lld-%lld/%016llx%016llx", HS_STR_ARG(work->tenant),
                         hs_metrics_kind_name(work->kind), (long long)work->range.from_s,
                         (long long)work->range.to_s, (long long)work->range.step_s,
                         (unsigned long long)hash.hi, (unsigned long long)hash.lo);
    HS_ASSERT(work->cache_key_n < sizeof(work->cache_key));
}

/* Runs one statement for the plan and folds its rows. The answer may be large: the store sends it
 * as it comes, instead of keeping it in a file until the end. */
static int run(struct work *work, const struct hs_params *params, struct hs_table *rows,
               struct hs_fold *out, struct hs_err *err)
{
    const struct hs_conf *conf = work->gateway->deps.conf;
    struct hs_facet_ref dim;
    bool raw = hs_metrics_table(params, &dim) == HS_METRICS_RAW;
    const struct hs_metrics_ask ask = {
        .params = params,
        .range = &work->range,
        .plan = &work->plan,
        .behaviour = &work->behaviour,
        .counted = hs_buf_str(&work->counted),
        .tenant = work->tenant,
        .measures = hs_metrics_kind_measures(work->kind),
    };
    const struct hs_fold_in in = {.table = rows,
                                  .keys_n = params->groups_n,
                                  .series = params->series,
                                  .rows_max = HS_METRIC_ROWS_MAX};
    struct hs_query query = {.user = HS_ANALYTICS_RO,
                             .timeout_ms = (int64_t)conf->query_timeout_ms,
                             .rows_read_max = raw ? conf->query_rows_max : 0,
                             .result_bytes_max = CELLS_BYTES_MAX,
                             .settings = "wait_end_of_query=0"};
    int rc;

    hs_sql_init(&work->sql);
    hs_metrics_sql(&ask, &work->sql);
    if (hs_buf_ok(&work->sql.text)) {
        query.sql = hs_buf_cstr(&work->sql.text);
        query.params = work->sql.params;
        query.params_n = work->sql.params_n;
        rc = hs_analytics_query(work->gateway->deps.analytics, &query, &work->arena, rows, err);
    } else {
        rc =
            hs_err_set(err, HS_ELIMIT, 0, "the request has more than %d values", HS_SQL_PARAMS_MAX);
    }
    hs_sql_fini(&work->sql);
    if (rc == HS_OK)
        rc = hs_fold(&in, &work->arena, out, err);
    return rc;
}

static bool groups_by_experiment(const struct hs_params *params)
{
    size_t i;

    for (i = 0; i < params->groups_n; i++) {
        if (params->groups[i].field->kind == HS_FACET_EXPERIMENT)
            return true;
    }
    return false;
}

/* Whether some statement of the answer reads rollups: the total of raw groups by experiment may. */
static bool reads_cells(const struct work *work)
{
    return work->table != HS_METRICS_RAW || groups_by_experiment(&work->params);
}

/* Searches with several experiments stand in several groups, those without in none: their total is
 * asked for by itself. */
static int run_total(struct work *work, struct hs_cell *out, struct hs_err *err)
{
    struct hs_params params = work->params;
    struct hs_fold fold;
    struct hs_table rows;
    int rc;

    params.groups_n = 0;
    params.series = false;
    rc = run(work, &params, &rows, &fold, err);
    if (rc == HS_OK)
        *out = fold.total;
    return rc;
}

static int plan_cells(struct work *work, const struct hs_dirty_spaces *spaces, struct hs_plan *out,
                      struct hs_err *err)
{
    int rc = hs_gateway_marks(work->gateway, spaces, work->tenant, &work->in, &work->arena, err);

    if (rc == HS_OK)
        hs_plan_make(&work->in, out);
    return rc;
}

static int answer(struct work *work, struct hs_buf *body, struct hs_err *err)
{
    struct hs_table rows;
    struct hs_fold fold;
    const struct hs_metrics_answer result = {
        .kind = work->kind,
        .params = &work->params,
        .range = &work->range,
        .table = work->table,
        .now_s = work->in.now_s,
        .rows = &rows,
        .fold = &fold,
    };
    int rc = hs_source_condition(work->gateway->deps.metadata, work->tenant, &work->counted, err);

    if (rc == HS_OK && reads_cells(work))
        rc = plan_cells(work, &hs_dirty_fast, &work->plan, err);
    if (rc == HS_OK && reads_cells(work) &&
        (hs_metrics_kind_measures(work->kind) & HS_MEASURE_BEHAVIOUR))
        rc = plan_cells(work, &hs_dirty_behaviour, &work->behaviour, err);
    if (rc == HS_OK)
        rc = run(work, &work->params, &rows, &fold, err);
    if (rc == HS_OK && groups_by_experiment(&work->params))
        rc = run_total(work, &fold.total, err);
    if (rc == HS_OK)
        rc = hs_metrics_json(&result, body, err);
    return rc;
}

/* HS_EINVAL: raw searches of the range's beginning are gone. */
static int check_kept(const struct work *work, struct hs_err *err)
{
    uint64_t kept_days = work->gateway->deps.conf->retention_searches_days;
    int64_t from_s = work->params.from_ns / HS_NS_PER_S;

    if (work->table != HS_METRICS_RAW ||
        from_s >= work->in.now_s - (int64_t)kept_days * 86400 - HS_STEP_MIN_S)
        return HS_OK;
    return hs_err_set(err, HS_EINVAL, 0,
                      "from: is more than retention.searches = %llu days ago, and this group_by "
                      "or filter is answered from raw searches",
                      (unsigned long long)kept_days);
}

/* The range and where it is read from. */
static int prepare(struct work *work, struct hs_err *err)
{
    struct hs_facet_ref dim;
    int rc;

    work->in.now_s = hs_wall_ns(work->gateway->deps.clock) / HS_NS_PER_S;
    work->table = hs_metrics_table(&work->params, &dim);
    hs_gateway_floors(&work->in);
    rc = check_kept(work, err);
    if (rc == HS_OK)
        rc = reads_cells(work)
                 ? hs_range_of_cells(&work->in, &work->params, &work->range, err)
                 : hs_params_range(&work->params, hs_level_s(HS_LEVEL_1M), &work->range, err);
    if (rc != HS_OK)
        return rc;
    work->in.from_s = work->range.from_s;
    work->in.to_s = work->range.to_s;
    work->in.coarsest = coarsest(work);
    return HS_OK;
}

static void reply(struct hs_http_req *req, struct work *work)
{
    struct hs_cache *cache = work->gateway->deps.cache;
    struct hs_str key = hs_str_n(work->cache_key, work->cache_key_n);
    bool settled = work->range.to_s + SETTLED_S < work->in.now_s;
    struct hs_buf body;
    struct hs_err err;
    int rc;

    hs_buf_init(&body, HS_ANSWER_BYTES_MAX);
    rc = hs_cache_get(cache, key, &body, NULL);
    if (rc != HS_OK) {
        hs_buf_reset(&body);
        rc = answer(work, &body, &err);
        if (rc == HS_OK && body.n <= HS_CACHE_VALUE_MAX)
            hs_cache_set(cache, key, hs_buf_str(&body), settled ? SETTLED_TTL_MS : FRESH_TTL_MS,
                         NULL);
    }
    if (rc == HS_OK) {
        hs_gateway_reply(req, work->gateway, &body);
    } else {
        hs_gateway_failed(req, work->gateway, &err);
    }
    hs_buf_fini(&body);
}

static void metrics(struct hs_http_req *req, const struct hs_gateway *gateway,
                    enum hs_metrics_kind kind)
{
    struct work *work = hs_xalloc(sizeof(*work));
    struct hs_http_param *pairs;
    struct hs_err err;
    size_t n;

    work->gateway = gateway;
    work->kind = kind;
    if (!hs_authorize(req, gateway->deps.keys, gateway->deps.conf, HS_SCOPE_READ, &work->identity))
        goto out;
    work->tenant = hs_str_c(work->identity.tenant.id);
    n = hs_gateway_pairs(req, &pairs);
    if (hs_params_parse(HS_PARAMS_METRICS, pairs, n, hs_wall_ns(gateway->deps.clock), &work->params,
                        &err) != HS_OK ||
        prepare(work, &err) != HS_OK) {
        hs_gateway_bad_param(req, &err);
        goto out;
    }
    make_cache_key(work, pairs, n);
    hs_arena_init(&work->arena, METRICS_ARENA_BYTES);
    hs_buf_init(&work->counted, CONDITION_BYTES_MAX);
    reply(req, work);
    hs_buf_fini(&work->counted);
    hs_arena_fini(&work->arena);
out:
    hs_free(work);
}

void hs_gateway_latency(struct hs_http_req *req, void *arg)
{
    metrics(req, arg, HS_METRICS_LATENCY);
}

void hs_gateway_relevance(struct hs_http_req *req, void *arg)
{
    metrics(req, arg, HS_METRICS_RELEVANCE);
}

void hs_gateway_errors(struct hs_http_req *req, void *arg)
{
    metrics(req, arg, HS_METRICS_ERRORS);
}

void hs_gateway_summary(struct hs_http_req *req, void *arg)
{
    metrics(req, arg, HS_METRICS_SUMMARY);
}
