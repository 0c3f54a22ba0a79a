/* GET /api/v1/queries/top: the most frequent, empty, failing or slow normalised queries, from raw
 * searches under query.rows_max. */
#include <stdio.h>

#include "base/hash.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "gateway/authorize.h"
#include "gateway/cursor.h"
#include "gateway/gateway_int.h"
#include "gateway/metrics_sql.h"
#include "gateway/rate.h"
#include "model/cell_sql.h"
#include "port/source.h"

enum { TOP_ARENA_BYTES = 64 << 20, CONDITION_BYTES_MAX = 8 << 20 };

struct top {
    const struct hs_gateway *gateway;
    struct hs_identity identity;
    struct hs_params params;
    struct hs_range range;
    struct hs_cursor after; /* of the page before; id 0: the first page */
    uint64_t shape;
    struct hs_arena arena;
    struct hs_buf counted;
    struct hs_sql sql;
};

/* What a row is ordered by, as Float64, and which rows are in the list at all. */
static const char *const order_of[HS_TOP_N] = {
    [HS_TOP_COUNT] = "toFloat64(n)",
    [HS_TOP_ZERO_RESULTS] = "toFloat64(zero_n)",
    [HS_TOP_ERRORS] = "toFloat64(error_n)",
    [HS_TOP_P95] = "if(timed_n > 0, toFloat64(p95), 0.)",
};

static uint64_t shape_of(const struct hs_http_param *pairs, size_t n)
{
    struct hs_buf text;
    uint64_t hash;
    size_t i;

    hs_buf_init(&text, 1 << 20);
    for (i = 0; i < n; i++) {
        if (hs_str_eq_c(pairs[i].name, "by") || hs_str_eq_c(pairs[i].name, "service") ||
            hs_str_eq_c(pairs[i].name, "environment") || hs_str_eq_c(pairs[i].name, "filter")) {
            hs_buf_addf(&text, "%zu:%zu:", pairs[i].name.n, pairs[i].value.n);
            hs_buf_add_str(&text, pairs[i].name);
            hs_buf_add_str(&text, pairs[i].value);
        }
    }
    hash = hs_hash64(hs_buf_str(&text));
    hs_buf_fini(&text);
    return hash;
}

/* The range: that of the cursor, or from and to snapped to minutes. */
static int take_range(struct top *top, struct hs_err *err)
{
    top->params.series = false;
    if (top->params.cursor.n == 0)
        return hs_params_range(&top->params, hs_level_s(HS_LEVEL_1M), &top->range, err);
    if (hs_cursor_decode(top->params.cursor, &top->after, err) != HS_OK) {
        hs_err_prefix(err, "cursor=%.*s", HS_STR_ARG(hs_str_utf8_cut(top->params.cursor, 40)));
        return HS_EINVAL;
    }
    if (top->after.shape != top->shape)
        return hs_err_set(err, HS_EINVAL, 0,
                          "cursor: belongs to another by, service, environment or filter");
    top->range = (struct hs_range){top->after.from_s, top->after.to_s, HS_STEP_MIN_S};
    return HS_OK;
}

static void make_sql(struct top *top)
{
    struct hs_sql *sql = &top->sql;
    struct hs_buf *text = &sql->text;
    const char *order = order_of[top->params.by];
    char id[24];

    hs_buf_addf(text,
                "SELECT fingerprint, any(query_norm) AS text, count() AS n, "
                "countIf(failed) AS error_n, countIf(answered) AS answered_n, "
                "countIf(answered AND hits = 0) AS zero_n, countIf(timed) AS timed_n, "
                "quantileBFloat16WeightedIf(0.95)(ms, weight, timed) AS p95, %s AS score "
                "FROM (SELECT fingerprint, query_norm, " HS_SQL_ROW_COLUMNS
                " FROM haystat.searches WHERE tenant = ",
                order);
    hs_sql_value(sql, hs_str_c(top->identity.tenant.id));
    hs_buf_addf(text,
                " AND ts >= toDateTime64(%lld, 6, 'UTC') AND ts < toDateTime64(%lld, 6, 'UTC') AND "
                "parent_query_id = '' AND fingerprint != 0 AND (%.*s)",
                (long long)top->range.from_s, (long long)top->range.to_s,
                HS_STR_ARG(hs_buf_str(&top->counted)));
    hs_sql_raw_filters(sql, &top->params);
    HS_BUF_ADD_LIT(text, ") GROUP BY fingerprint HAVING score > 0");
    if (top->after.id != 0) {
        HS_BUF_ADD_LIT(text, " AND (score, fingerprint) < (toFloat64(");
        hs_sql_value(sql, hs_str_c(top->after.value));
        HS_BUF_ADD_LIT(text, "), toUInt64(");
        snprintf(id, sizeof(id), "%llu", (unsigned long long)top->after.id);
        hs_sql_value(sql, hs_arena_copy(&top->arena, hs_str_c(id)));
        HS_BUF_ADD_LIT(text, "))");
    }
    hs_buf_addf(text, " ORDER BY score DESC, fingerprint DESC LIMIT %zu", top->params.limit + 1);
}

static int run(struct top *top, struct hs_table *out, struct hs_err *err)
{
    const struct hs_conf *conf = top->gateway->deps.conf;
    struct hs_query query = {.user = HS_ANALYTICS_RO,
                             .timeout_ms = (int64_t)conf->query_timeout_ms,
                             .rows_read_max = conf->query_rows_max};
    int rc = hs_source_condition(top->gateway->deps.metadata, hs_str_c(top->identity.tenant.id),
                                 &top->counted, err);

    if (rc != HS_OK)
        return rc;
    make_sql(top);
    if (!hs_buf_ok(&top->sql.text))
        return hs_err_set(err, HS_ELIMIT, 0, "the request has more than %d values",
                          HS_SQL_PARAMS_MAX);
    query.sql = hs_buf_cstr(&top->sql.text);
    query.params = top->sql.params;
    query.params_n = top->sql.params_n;
    return hs_analytics_query(top->gateway->deps.analytics, &query, &top->arena, out, err);
}

/* The columns of the statement in their order. */
enum {
    COL_ID,
    COL_TEXT,
    COL_N,
    COL_ERRORS,
    COL_ANSWERED,
    COL_ZERO,
    COL_TIMED,
    COL_P95,
    COL_SCORE,
    COLS_N
};

/* An answer without rows has no columns either. */
static bool columns_ok(const struct hs_table *rows)
{
    static const enum hs_column_kind kinds[COLS_N] = {HS_COL_U64, HS_COL_STR, HS_COL_U64,
                                                      HS_COL_U64, HS_COL_U64, HS_COL_U64,
                                                      HS_COL_U64, HS_COL_F64, HS_COL_F64};
    size_t i;

    if (rows->rows == 0)
        return true;
    if (rows->columns_n != COLS_N)
        return false;
    for (i = 0; i < COLS_N; i++) {
        if (rows->columns[i].kind != kinds[i])
            return false;
    }
    return true;
}

static void add_count(struct hs_json *json, const char *key, const struct hs_table *rows,
                      size_t column, size_t row)
{
    hs_json_key(json, key);
    hs_json_add_u64(json, rows->columns[column].u64[row]);
}

static void add_query(struct hs_json *json, const struct hs_table *rows, size_t row)
{
    char id[24];

    snprintf(id, sizeof(id), "%016llx", (unsigned long long)rows->columns[COL_ID].u64[row]);
    hs_json_obj_open(json);
    hs_json_key(json, "fingerprint");
    hs_json_add_c(json, id);
    hs_json_key(json, "query");
    hs_json_add_str(json, rows->columns[COL_TEXT].str[row]);
    add_count(json, "count", rows, COL_N, row);
    add_count(json, "errors", rows, COL_ERRORS, row);
    add_count(json, "searches", rows, COL_ANSWERED, row);
    add_count(json, "zero_results", rows, COL_ZERO, row);
    hs_json_key(json, "p95_ms");
    if (rows->columns[COL_TIMED].u64[row] > 0)
        hs_json_add_double(json, rows->columns[COL_P95].f64[row]);
    else
        hs_json_add_null(json);
    hs_json_obj_close(json);
}

static void add_cursor(const struct top *top, const struct hs_table *rows, struct hs_json *json)
{
    size_t last = top->params.limit - 1;
    struct hs_cursor next = {.from_s = top->range.from_s,
                             .to_s = top->range.to_s,
                             .id = rows->columns[COL_ID].u64[last],
                             .shape = top->shape};
    struct hs_buf text;

    snprintf(next.value, sizeof(next.value), "%.17g", rows->columns[COL_SCORE].f64[last]);
    hs_buf_init(&text, HS_CURSOR_BYTES_MAX);
    hs_cursor_encode(&next, &text);
    hs_json_add_str(json, hs_buf_str(&text));
    hs_buf_fini(&text);
}

static void write_answer(const struct top *top, const struct hs_table *rows, struct hs_buf *out)
{
    size_t n = HS_MIN(rows->rows, top->params.limit);
    struct hs_json json;
    size_t i;

    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    hs_json_key(&json, "from");
    hs_json_add_time(&json, top->range.from_s * HS_NS_PER_S);
    hs_json_key(&json, "to");
    hs_json_add_time(&json, top->range.to_s * HS_NS_PER_S);
    hs_json_key(&json, "by");
    hs_json_add_c(&json, hs_top_by_name(top->params.by));
    hs_json_key(&json, "queries");
    hs_json_arr_open(&json);
    for (i = 0; i < n; i++)
        add_query(&json, rows, i);
    hs_json_arr_close(&json);
    hs_json_key(&json, "next_cursor");
    if (rows->rows > n)
        add_cursor(top, rows, &json);
    else
        hs_json_add_null(&json);
    hs_json_obj_close(&json);
}

static void reply(struct hs_http_req *req, struct top *top)
{
    struct hs_table rows;
    struct hs_buf body;
    struct hs_err err;
    int rc = run(top, &rows, &err);

    hs_buf_init(&body, HS_ANSWER_BYTES_MAX);
    if (rc == HS_OK && !columns_ok(&rows))
        rc = hs_err_set(&err, HS_ECORRUPT, 0, "the store's answer has other columns");
    if (rc == HS_OK) {
        write_answer(top, &rows, &body);
        hs_gateway_reply(req, top->gateway, &body);
    } else {
        hs_gateway_failed(req, top->gateway, &err);
    }
    hs_buf_fini(&body);
}

void hs_gateway_top(struct hs_http_req *req, void *arg)
{
    const struct hs_gateway *gateway = arg;
    struct top *top = hs_xalloc(sizeof(*top));
    struct hs_http_param *pairs;
    struct hs_err err;
    size_t n;

    top->gateway = gateway;
    if (!hs_authorize(req, gateway->deps.keys, gateway->deps.conf, HS_SCOPE_READ, &top->identity))
        goto out;
    n = hs_gateway_pairs(req, &pairs);
    top->shape = shape_of(pairs, n);
    if (hs_params_parse(HS_PARAMS_TOP, pairs, n, hs_wall_ns(gateway->deps.clock), &top->params,
                        &err) != HS_OK ||
        take_range(top, &err) != HS_OK) {
        hs_gateway_bad_param(req, &err);
        goto out;
    }
    hs_arena_init(&top->arena, TOP_ARENA_BYTES);
    hs_buf_init(&top->counted, CONDITION_BYTES_MAX);
    hs_sql_init(&top->sql);
    reply(req, top);
    hs_sql_fini(&top->sql);
    hs_buf_fini(&top->counted);
    hs_arena_fini(&top->arena);
out:
    hs_free(top);
}
