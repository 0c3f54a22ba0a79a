/*
 * GET /api/v1/metrics/degraded: intents that were answered, but not as they should have been (a
 * fallback, shards that failed, partial results), how many, and how much worse they did than the
 * same queries undegraded. From haystat.intents (docs/metrics.md#degraded).
 */
#include <math.h>

#include "analysis/stats.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "gateway/authorize.h"
#include "gateway/gateway_int.h"
#include "gateway/metrics_sql.h"
#include "gateway/rate.h"

enum { DEGRADED_ARENA_BYTES = 256 << 20, SERVICES_MAX = 1000, KINDS = 4 };

/* The conditions on an intent; the first is any of the others. */
static const struct {
    const char *name, *condition;
} kinds[KINDS] = {
    {"any", "(fallback != '' OR shards_failed > 0 OR status = 'partial')"},
    {"fallback", "(fallback != '')"},
    {"shards_failed", "(shards_failed > 0)"},
    {"partial", "(status = 'partial')"},
};

struct degraded {
    const struct hs_gateway *gateway;
    struct hs_identity identity;
    struct hs_params params;
    struct hs_range range;
    struct hs_arena arena;
    struct hs_sql sql;
    struct hs_table rows;
};

/* ---- the statement */

/* What is compared: how often something happened among how many. */
static const struct {
    const char *name, *of, *event;
} outcomes[] = {
    {"zero", "1", "(hits = 0)"},
    {"click", "(tracked AND hits > 0)", "(tracked AND hits > 0 AND clicks > 0)"},
};

/* By query: n and events of the undegraded (u) and of each kind (0…). */
static void add_by_query(struct hs_buf *text)
{
    size_t o, k;

    for (o = 0; o < HS_ARRAY_LEN(outcomes); o++) {
        hs_buf_addf(text,
                    ", toFloat64(countIf(NOT %s AND %s)) AS %s_n_u, "
                    "toFloat64(countIf(NOT %s AND %s)) AS %s_x_u",
                    kinds[0].condition, outcomes[o].of, outcomes[o].name, kinds[0].condition,
                    outcomes[o].event, outcomes[o].name);
        for (k = 0; k < KINDS; k++)
            hs_buf_addf(text,
                        ", toFloat64(countIf(%s AND %s)) AS %s_n_%zu, "
                        "toFloat64(countIf(%s AND %s)) AS %s_x_%zu",
                        kinds[k].condition, outcomes[o].of, outcomes[o].name, k, kinds[k].condition,
                        outcomes[o].event, outcomes[o].name, k);
    }
}

/* Sums over queries: all of a kind; those whose query was also undegraded: theirs, what was to be
 * expected of them by the undegraded share, and the variance of the difference (shares smoothed by
 * half an event on each side, so that 0 of 3 is not taken for certain). */
static void add_sums(struct hs_buf *text)
{
    size_t o, k;

    for (k = 0; k < KINDS; k++) {
        for (o = 0; o < HS_ARRAY_LEN(outcomes); o++) {
            const char *name = outcomes[o].name;

            hs_buf_addf(text, ", sum(%s_n_%zu), sum(%s_x_%zu)", name, k, name, k);
            hs_buf_addf(text, ", sumIf(%s_n_%zu, %s_n_u > 0), sumIf(%s_x_%zu, %s_n_u > 0)", name, k,
                        name, name, k, name);
            hs_buf_addf(text, ", sumIf(%s_n_%zu * %s_x_u / %s_n_u, %s_n_u > 0)", name, k, name,
                        name, name);
            hs_buf_addf(text,
                        ", sumIf(%s_n_%zu * ((%s_x_%zu + 0.5) / (%s_n_%zu + 1)) * "
                        "(1 - (%s_x_%zu + 0.5) / (%s_n_%zu + 1)) + pow(%s_n_%zu, 2) / %s_n_u * "
                        "((%s_x_u + 0.5) / (%s_n_u + 1)) * (1 - (%s_x_u + 0.5) / (%s_n_u + 1)), "
                        "%s_n_%zu > 0 AND %s_n_u > 0)",
                        name, k, name, k, name, k, name, k, name, k, name, k, name, name, name,
                        name, name, name, k, name);
        }
    }
}

enum { SUMS = 6, KEYS = 2 };

static void make_sql(struct degraded *degraded)
{
    struct hs_sql *sql = &degraded->sql;
    struct hs_buf *text = &sql->text;

    HS_BUF_ADD_LIT(text, "SELECT service, toFloat64(sum(intents_n)) AS n");
    add_sums(text);
    HS_BUF_ADD_LIT(text, " FROM (SELECT service, fingerprint, count() AS intents_n");
    add_by_query(text);
    HS_BUF_ADD_LIT(text, " FROM haystat.intents FINAL WHERE tenant = ");
    hs_sql_value(sql, hs_str_c(degraded->identity.tenant.id));
    hs_buf_addf(text,
                " AND t >= toDateTime(%lld, 'UTC') AND t < toDateTime(%lld, 'UTC') "
                "AND first_page AND answered",
                (long long)degraded->range.from_s, (long long)degraded->range.to_s);
    hs_sql_raw_filters(sql, &degraded->params);
    hs_buf_addf(text,
                " GROUP BY service, fingerprint) GROUP BY service ORDER BY n DESC, service "
                "LIMIT %d",
                SERVICES_MAX + 1);
}

static int run(struct degraded *degraded, struct hs_err *err)
{
    const struct hs_conf *conf = degraded->gateway->deps.conf;
    struct hs_query query = {.user = HS_ANALYTICS_RO,
                             .timeout_ms = (int64_t)conf->query_timeout_ms,
                             .rows_read_max = conf->query_rows_max};

    make_sql(degraded);
    if (!hs_buf_ok(&degraded->sql.text))
        return hs_err_set(err, HS_ELIMIT, 0, "the request has more than %d values",
                          HS_SQL_PARAMS_MAX);
    query.sql = hs_buf_cstr(&degraded->sql.text);
    query.params = degraded->sql.params;
    query.params_n = degraded->sql.params_n;
    return hs_analytics_query(degraded->gateway->deps.analytics, &query, &degraded->arena,
                              &degraded->rows, err);
}

/* ---- the answer */

struct sums {
    double n, x;                 /* all of the kind */
    double matched_n, matched_x; /* of queries that were undegraded, too */
    double expected_x, variance; /* of matched_x, by the undegraded */
};

static struct sums sums_at(const struct degraded *degraded, size_t row, size_t kind, size_t outcome)
{
    const struct hs_column *column =
        &degraded->rows.columns[KEYS + (kind * HS_ARRAY_LEN(outcomes) + outcome) * SUMS];

    return (struct sums){.n = column[0].f64[row],
                         .x = column[1].f64[row],
                         .matched_n = column[2].f64[row],
                         .matched_x = column[3].f64[row],
                         .expected_x = column[4].f64[row],
                         .variance = column[5].f64[row]};
}

static void add_number(struct hs_json *json, const char *key, double value, bool known)
{
    hs_json_key(json, key);
    if (known)
        hs_json_add_double(json, value);
    else
        hs_json_add_null(json);
}

/* Share of the degraded less that of the same queries undegraded. */
static void add_difference(struct hs_json *json, const struct sums *sums, const char *what)
{
    bool known = sums->matched_n > 0;
    double value = (sums->matched_x - sums->expected_x) / sums->matched_n;
    double half = HS_NORMAL_97_5 * sqrt(sums->variance) / sums->matched_n;

    hs_json_obj_open(json);
    add_number(json, "value", value, known);
    add_number(json, "low", fmax(-1, value - half), known);
    add_number(json, "high", fmin(1, value + half), known);
    hs_json_key(json, "n");
    hs_json_add_u64(json, (uint64_t)sums->matched_n);
    if (!known) {
        hs_json_key(json, "reason");
        hs_json_add_c(json, sums->n > 0 ? "none of their queries was answered undegraded"
                                        : "there are none");
    }
    hs_json_key(json, "definition");
    hs_json_add_c(json, what);
    hs_json_obj_close(json);
}

static void add_kind(struct hs_json *json, const struct degraded *degraded, size_t row, size_t kind)
{
    struct sums zero = sums_at(degraded, row, kind, 0);
    struct sums click = sums_at(degraded, row, kind, 1);
    double all = degraded->rows.columns[1].f64[row];

    hs_json_obj_open(json);
    hs_json_key(json, "kind");
    hs_json_add_c(json, kinds[kind].name);
    hs_json_key(json, "share");
    hs_rate_json(json, (uint64_t)zero.n, (uint64_t)all, "degraded intents / answered intents",
                 "no intent was answered");
    hs_json_key(json, "zero_results");
    hs_rate_json(json, (uint64_t)zero.x, (uint64_t)zero.n,
                 "degraded intents without results / degraded intents", "there are none");
    hs_json_key(json, "zero_results_difference");
    add_difference(json, &zero,
                   "share without results less that of the same queries undegraded, weighted by "
                   "degraded intents");
    hs_json_key(json, "ctr");
    hs_rate_json(json, (uint64_t)click.x, (uint64_t)click.n,
                 "degraded intents with a click / those shown results in applications that send "
                 "actions",
                 "none was shown results in an application that sends actions");
    hs_json_key(json, "ctr_difference");
    add_difference(json, &click,
                   "CTR less that of the same queries undegraded, weighted by degraded intents");
    hs_json_obj_close(json);
}

static void write_answer(const struct degraded *degraded, struct hs_buf *out)
{
    size_t n = HS_MIN(degraded->rows.rows, SERVICES_MAX);
    struct hs_json json;
    size_t i, k;

    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    hs_json_key(&json, "from");
    hs_json_add_time(&json, degraded->range.from_s * HS_NS_PER_S);
    hs_json_key(&json, "to");
    hs_json_add_time(&json, degraded->range.to_s * HS_NS_PER_S);
    hs_json_key(&json, "groups");
    hs_json_arr_open(&json);
    for (i = 0; i < n; i++) {
        hs_json_obj_open(&json);
        hs_json_key(&json, "key");
        hs_json_obj_open(&json);
        hs_json_key(&json, "service");
        hs_json_add_str(&json, degraded->rows.columns[0].str[i]);
        hs_json_obj_close(&json);
        hs_json_key(&json, "answered");
        hs_json_add_u64(&json, (uint64_t)degraded->rows.columns[1].f64[i]);
        hs_json_key(&json, "degraded");
        hs_json_arr_open(&json);
        for (k = 0; k < KINDS; k++)
            add_kind(&json, degraded, i, k);
        hs_json_arr_close(&json);
        hs_json_obj_close(&json);
    }
    hs_json_arr_close(&json);
    hs_json_key(&json, "truncated");
    hs_json_add_bool(&json, degraded->rows.rows > n);
    hs_json_obj_close(&json);
}

/* An answer without rows has no columns either. */
static bool columns_ok(const struct hs_table *rows)
{
    size_t i;

    if (rows->rows == 0)
        return true;
    if (rows->columns_n != KEYS + KINDS * HS_ARRAY_LEN(outcomes) * SUMS ||
        rows->columns[0].kind != HS_COL_STR)
        return false;
    for (i = 1; i < rows->columns_n; i++)
        if (rows->columns[i].kind != HS_COL_F64)
            return false;
    return true;
}

static void reply(struct hs_http_req *req, struct degraded *degraded)
{
    struct hs_buf body;
    struct hs_err err;
    int rc = run(degraded, &err);

    hs_buf_init(&body, HS_ANSWER_BYTES_MAX);
    if (rc == HS_OK && !columns_ok(&degraded->rows))
        rc = hs_err_set(&err, HS_ECORRUPT, 0, "the store's answer has other columns");
    if (rc == HS_OK) {
        write_answer(degraded, &body);
        hs_gateway_reply(req, degraded->gateway, &body);
    } else {
        hs_gateway_failed(req, degraded->gateway, &err);
    }
    hs_buf_fini(&body);
}

static int parse(struct hs_http_req *req, struct degraded *degraded, struct hs_err *err)
{
    struct hs_http_param *pairs;
    size_t n = hs_gateway_pairs(req, &pairs);
    int rc = hs_params_parse(HS_PARAMS_DEGRADED, pairs, n,
                             hs_wall_ns(degraded->gateway->deps.clock), &degraded->params, err);

    if (rc == HS_OK && !hs_metrics_of_intents(&degraded->params))
        rc = hs_err_set(err, HS_EINVAL, 0, "filter: names a field that intents do not have");
    degraded->params.series = false;
    if (rc == HS_OK)
        rc = hs_params_range(&degraded->params, hs_level_s(HS_LEVEL_1M), &degraded->range, err);
    return rc;
}

void hs_gateway_degraded(struct hs_http_req *req, void *arg)
{
    const struct hs_gateway *gateway = arg;
    struct degraded *degraded = hs_xalloc(sizeof(*degraded));
    struct hs_err err;

    degraded->gateway = gateway;
    if (!hs_authorize(req, gateway->deps.keys, gateway->deps.conf, HS_SCOPE_READ,
                      &degraded->identity))
        goto out;
    if (parse(req, degraded, &err) != HS_OK) {
        hs_gateway_bad_param(req, &err);
        goto out;
    }
    hs_arena_init(&degraded->arena, DEGRADED_ARENA_BYTES);
    hs_sql_init(&degraded->sql);
    reply(req, degraded);
    hs_sql_fini(&degraded->sql);
    hs_arena_fini(&degraded->arena);
out:
    hs_free(degraded);
}
