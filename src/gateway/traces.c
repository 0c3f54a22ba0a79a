/* GET /api/v1/traces/{trace_id}: spans as stored, and the searches that carry the trace id. */
#include <stdio.h>

#include "base/json_out.h"
#include "base/mem.h"
#include "gateway/authorize.h"
#include "gateway/gateway_int.h"

enum {
    TRACE_ID_CHARS = 32,
    SPANS_MAX = 20000,
    SEARCHES_MAX = 1000,
    TRACE_ARENA_BYTES = 256 << 20,
};

struct trace {
    const struct hs_gateway *gateway;
    struct hs_identity identity;
    char id[TRACE_ID_CHARS + 1]; /* lower case */
    struct hs_arena arena;
    struct hs_table range, spans, searches;
};

static int ask(struct trace *trace, const char *sql, struct hs_table *out, struct hs_err *err)
{
    const struct hs_conf *conf = trace->gateway->deps.conf;
    const struct hs_param params[] = {
        {"tenant", hs_str_c(trace->identity.tenant.id)},
        {"trace", hs_str_c(trace->id)},
    };
    const struct hs_query query = {.sql = sql,
                                   .params = params,
                                   .params_n = HS_ARRAY_LEN(params),
                                   .user = HS_ANALYTICS_RO,
                                   .timeout_ms = (int64_t)conf->query_timeout_ms,
                                   .rows_read_max = conf->query_rows_max};

    return hs_analytics_query(trace->gateway->deps.analytics, &query, &trace->arena, out, err);
}

/* When the trace was: count, first and last start in ns. */
static int ask_range(struct trace *trace, struct hs_err *err)
{
    return ask(trace,
               "SELECT count() AS n, toUnixTimestamp64Nano(min(first)) AS first, "
               "toUnixTimestamp64Nano(max(last)) AS last FROM haystat.trace_by_id "
               "WHERE tenant = {tenant:String} AND trace_id = {trace:String}",
               &trace->range, err);
}

static int ask_spans(struct trace *trace, int64_t first_ns, int64_t last_ns, struct hs_err *err)
{
    char sql[1024];

    snprintf(sql, sizeof(sql),
             "SELECT span_id, parent_span_id, trace_state, service::String AS service, "
             "environment::String AS environment, version::String AS version, "
             "name::String AS name, kind::String AS kind, toUnixTimestamp64Nano(ts) AS start_ns, "
             "duration_ns, status::String AS status, status_message, "
             "scope_name::String AS scope_name, scope_version::String AS scope_version, "
             "attributes, resource_attributes, events, links FROM haystat.spans "
             "WHERE tenant = {tenant:String} AND trace_id = {trace:String} "
             "AND ts >= fromUnixTimestamp64Nano(%lld) AND ts <= fromUnixTimestamp64Nano(%lld) "
             "ORDER BY start_ns, span_id LIMIT %d",
             (long long)first_ns, (long long)last_ns, SPANS_MAX + 1);
    return ask(trace, sql, &trace->spans, err);
}

/* Searches are looked for an hour around the spans, or in all that is kept when there are none. */
static int ask_searches(struct trace *trace, bool has_range, int64_t first_ns, int64_t last_ns,
                        struct hs_err *err)
{
    const int64_t around_ns = 3600 * HS_NS_PER_S;
    char when[160] = "";
    char sql[1024];

    if (has_range)
        snprintf(when, sizeof(when),
                 "AND ts >= fromUnixTimestamp64Nano(%lld) AND ts <= fromUnixTimestamp64Nano(%lld) ",
                 (long long)HS_MAX(0, first_ns - around_ns),
                 (long long)(HS_MIN(last_ns, INT64_MAX - around_ns) + around_ns));
    snprintf(sql, sizeof(sql),
             "SELECT event_id, query_id, parent_query_id, span_id, source::String AS source, "
             "application::String AS application, service::String AS service, "
             "environment::String AS environment, version::String AS version, "
             "`index`::String AS index, kind::String AS kind, tier::String AS tier, query, "
             "status::String AS status, error_code::String AS error_code, "
             "toUnixTimestamp64Micro(ts) * 1000 AS start_ns, latency_ms, took_ms, total_hits, "
             "returned FROM haystat.searches "
             "WHERE tenant = {tenant:String} AND trace_id = {trace:String} %s"
             "ORDER BY start_ns, event_id LIMIT %d",
             when, SEARCHES_MAX + 1);
    return ask(trace, sql, &trace->searches, err);
}

static int ask_all(struct trace *trace, struct hs_err *err)
{
    int64_t first_ns = 0;
    int64_t last_ns = 0;
    bool known;
    int rc = ask_range(trace, err);

    if (rc != HS_OK)
        return rc;
    known =
        trace->range.rows == 1 && trace->range.columns_n == 3 && trace->range.columns[0].u64[0] > 0;
    if (known) {
        first_ns = trace->range.columns[1].i64[0];
        last_ns = trace->range.columns[2].i64[0];
        rc = ask_spans(trace, first_ns, last_ns, err);
    }
    if (rc == HS_OK)
        rc = ask_searches(trace, known, first_ns, last_ns, err);
    return rc;
}

static void add_map(struct hs_json *json, const struct hs_column *column, size_t row)
{
    size_t from = row > 0 ? (size_t)column->offsets[row - 1] : 0;
    size_t i;

    hs_json_obj_open(json);
    for (i = from; i < column->offsets[row]; i++) {
        hs_json_key_str(json, column->children[0].str[i]);
        hs_json_add_str(json, column->children[1].str[i]);
    }
    hs_json_obj_close(json);
}

/* One value as JSON. Columns that hold JSON already are named events and links. */
static void add_value(struct hs_json *json, const struct hs_column *column, size_t row)
{
    bool is_json = hs_str_eq_c(column->name, "events") || hs_str_eq_c(column->name, "links");

    if (column->nulls && column->nulls[row]) {
        hs_json_add_null(json);
        return;
    }
    switch (column->kind) {
    case HS_COL_U64: hs_json_add_u64(json, column->u64[row]); break;
    case HS_COL_I64: hs_json_add_i64(json, column->i64[row]); break;
    case HS_COL_F64: hs_json_add_double(json, column->f64[row]); break;
    case HS_COL_MAP: add_map(json, column, row); break;
    case HS_COL_STR:
        if (is_json)
            hs_json_add_raw(json, column->str[row].n > 0 ? column->str[row] : HS_STR("[]"));
        else
            hs_json_add_str(json, column->str[row]);
        break;
    default: hs_json_add_null(json);
    }
}

/* Rows as objects with the columns' names, start as a time, and durations in ms beside ns. */
static void add_rows(struct hs_json *json, const struct hs_table *table, size_t max)
{
    size_t n = HS_MIN(table->rows, max);
    size_t row;
    size_t i;

    hs_json_arr_open(json);
    for (row = 0; row < n; row++) {
        hs_json_obj_open(json);
        for (i = 0; i < table->columns_n; i++) {
            const struct hs_column *column = &table->columns[i];

            if (hs_str_eq_c(column->name, "start_ns")) {
                hs_json_key(json, "start");
                hs_json_add_time(json, column->i64[row]);
                continue;
            }
            hs_json_key_str(json, column->name);
            add_value(json, column, row);
        }
        hs_json_obj_close(json);
    }
    hs_json_arr_close(json);
}

static void write_answer(const struct trace *trace, struct hs_buf *out)
{
    struct hs_json json;

    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    hs_json_key(&json, "trace_id");
    hs_json_add_c(&json, trace->id);
    hs_json_key(&json, "truncated");
    hs_json_add_bool(&json, trace->spans.rows > SPANS_MAX || trace->searches.rows > SEARCHES_MAX);
    hs_json_key(&json, "spans");
    add_rows(&json, &trace->spans, SPANS_MAX);
    hs_json_key(&json, "searches");
    add_rows(&json, &trace->searches, SEARCHES_MAX);
    hs_json_obj_close(&json);
}

static void reply(struct hs_http_req *req, struct trace *trace)
{
    struct hs_buf body;
    struct hs_err err;
    int rc = ask_all(trace, &err);

    hs_buf_init(&body, HS_ANSWER_BYTES_MAX);
    if (rc == HS_OK && trace->spans.rows + trace->searches.rows == 0) {
        hs_http_reply_problem(req, 404, "unknown_trace", "no span and no search has trace id %s",
                              trace->id);
    } else if (rc == HS_OK) {
        write_answer(trace, &body);
        hs_gateway_reply(req, trace->gateway, &body);
    } else {
        hs_gateway_failed(req, trace->gateway, &err);
    }
    hs_buf_fini(&body);
}

/* Lower case; false when it is no trace id. */
static bool take_id(struct hs_str text, char out[TRACE_ID_CHARS + 1])
{
    unsigned char bytes[TRACE_ID_CHARS / 2];

    if (text.n != TRACE_ID_CHARS || hs_hex_decode(text, bytes, sizeof(bytes)) != HS_OK)
        return false;
    hs_hex_encode(bytes, sizeof(bytes), out);
    out[TRACE_ID_CHARS] = '\0';
    return true;
}

void hs_gateway_trace(struct hs_http_req *req, void *arg)
{
    struct trace trace = {.gateway = arg};
    const struct hs_gateway_deps *deps = &trace.gateway->deps;
    struct hs_str id = hs_http_req_path_param(req, "trace_id");

    if (!hs_authorize(req, deps->keys, deps->conf, HS_SCOPE_READ, &trace.identity))
        return;
    if (!take_id(id, trace.id)) {
        hs_http_reply_problem(req, 400, "invalid_parameter",
                              "trace_id=%.*s: must be 32 hexadecimal digits",
                              HS_STR_ARG(hs_str_utf8_cut(id, 64)));
        return;
    }
    if (!hs_gateway_no_params(req))
        return;
    hs_arena_init(&trace.arena, TRACE_ARENA_BYTES);
    reply(req, &trace);
    hs_arena_fini(&trace.arena);
}
