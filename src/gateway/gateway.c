#include "gateway/gateway.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/failure.h"
#include "gateway/gateway_int.h"

enum { MARKS_A_PAGE = 1000, MARKS_MAX = 20000 };

int hs_gateway_new(const struct hs_gateway_deps *deps, struct hs_gateway **out, struct hs_err *err)
{
    struct hs_gateway *gateway = hs_xalloc(sizeof(*gateway));

    (void)err;
    gateway->deps = *deps;
    *out = gateway;
    return HS_OK;
}

void hs_gateway_free(struct hs_gateway *gateway)
{
    hs_free(gateway);
}

int hs_gateway_routes(struct hs_gateway *gateway, struct hs_http_server *server, unsigned listeners,
                      struct hs_err *err)
{
    const struct hs_route routes[] = {
        {.method = HS_GET, .path = "/api/v1/metrics/latency", .handler = hs_gateway_latency},
        {.method = HS_GET, .path = "/api/v1/metrics/relevance", .handler = hs_gateway_relevance},
        {.method = HS_GET, .path = "/api/v1/metrics/errors", .handler = hs_gateway_errors},
        {.method = HS_GET, .path = "/api/v1/metrics/summary", .handler = hs_gateway_summary},
        {.method = HS_GET, .path = "/api/v1/metrics/degraded", .handler = hs_gateway_degraded},
        {.method = HS_GET, .path = "/api/v1/queries/top", .handler = hs_gateway_top},
        {.method = HS_GET, .path = "/api/v1/traces/{trace_id}", .handler = hs_gateway_trace},
        {.method = HS_GET, .path = "/api/v1/anomalies", .handler = hs_gateway_anomalies},
        {.method = HS_GET, .path = "/api/v1/anomalies/{id}", .handler = hs_gateway_anomaly},
        {.method = HS_POST,
         .path = "/api/v1/anomalies/{id}/{action}",
         .handler = hs_gateway_anomaly_say},
        {.method = HS_GET, .path = "/api/v1/applications", .handler = hs_gateway_applications},
        {.method = HS_PUT, .path = "/api/v1/applications", .handler = hs_gateway_applications_put},
        {.method = HS_GET, .path = "/", .handler = hs_gateway_start_page},
        {.method = HS_GET, .path = "/docs", .handler = hs_gateway_docs_page},
        {.method = HS_GET, .path = "/docs/openapi.yaml", .handler = hs_gateway_openapi},
        {.method = HS_GET, .path = "/assets/{name}", .handler = hs_gateway_asset},
    };
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(routes) && rc == HS_OK; i++) {
        struct hs_route route = routes[i];

        route.listeners = listeners;
        route.flags = HS_ROUTE_BLOCKS;
        route.arg = gateway;
        rc = hs_http_server_route(server, &route, err);
    }
    return rc;
}

struct pairs {
    struct hs_http_param *items;
    size_t n;
};

static bool add_pair(void *arg, struct hs_str name, struct hs_str value)
{
    struct pairs *pairs = arg;

    pairs->items[pairs->n++] = (struct hs_http_param){name, value};
    return pairs->n < HS_GATEWAY_PAIRS_MAX;
}

size_t hs_gateway_pairs(struct hs_http_req *req, struct hs_http_param **out)
{
    struct pairs pairs = {.n = 0};

    pairs.items =
        hs_arena_calloc(hs_http_req_arena(req), HS_GATEWAY_PAIRS_MAX, sizeof(*pairs.items));
    HS_ASSERT(pairs.items != NULL);
    hs_http_req_query_each(req, add_pair, &pairs);
    *out = pairs.items;
    return pairs.n;
}

void hs_gateway_bad_param(struct hs_http_req *req, const struct hs_err *err)
{
    hs_http_reply_problem(req, 400, "invalid_parameter", "%s", err->text);
}

void hs_gateway_failed(struct hs_http_req *req, const struct hs_gateway *gateway,
                       const struct hs_err *err)
{
    struct hs_failure failure;
    struct hs_buf detail;

    hs_buf_init(&detail, 2 * HS_ERR_TEXT_MAX);
    failure = hs_failure_of(err, gateway->deps.conf, &detail);
    if (failure.bug)
        hs_log_err(HS_LOG_ERROR, "gateway", "a request cannot be answered", err);
    hs_http_reply_problem(req, failure.status, failure.code, "%s", hs_buf_cstr(&detail));
    hs_buf_fini(&detail);
}

void hs_gateway_reply(struct hs_http_req *req, const struct hs_gateway *gateway,
                      struct hs_buf *body)
{
    struct hs_err err;

    if (hs_buf_ok(body)) {
        hs_http_reply_etag(req);
        hs_http_reply_buf(req, 200, "application/json", body);
        return;
    }
    hs_err_set(&err, HS_ELIMIT, 0, "the answer is larger than %zu bytes", body->max);
    hs_gateway_failed(req, gateway, &err);
}

bool hs_gateway_no_params(struct hs_http_req *req)
{
    struct hs_http_param *pairs;
    size_t n = hs_gateway_pairs(req, &pairs);
    struct hs_err err;
    size_t i;

    for (i = 0; i < n; i++) {
        if (hs_str_eq_c(pairs[i].name, "key"))
            continue;
        hs_err_set(&err, HS_EINVAL, 0, "%.*s: is no parameter of this endpoint, which has none",
                   HS_STR_ARG(hs_str_utf8_cut(pairs[i].name, 64)));
        hs_gateway_bad_param(req, &err);
        return false;
    }
    return true;
}

void hs_gateway_floors(struct hs_plan_in *plan)
{
    enum { HOUR_S = 3600 };
    int64_t hour_s = (plan->now_s / HOUR_S + 1) * HOUR_S;

    plan->floor_s[HS_LEVEL_1M] = hour_s - hs_level_kept_s(HS_LEVEL_1M);
    plan->floor_s[HS_LEVEL_10M] = hour_s - hs_level_kept_s(HS_LEVEL_10M);
    plan->floor_s[HS_LEVEL_1H] = 0;
    plan->floor_s[HS_LEVEL_6H] = 0;
}

/* Where marks lie. */
struct marks_of {
    struct hs_metadata *metadata;
    const char *space;
};

/* Reads one level's marks from the plan's range. */
static int read_level(const struct marks_of *from, struct hs_str tenant, enum hs_level level,
                      struct hs_plan_in *plan, struct hs_arena *arena, struct hs_err *err)
{
    struct hs_plan_marks *marks = &plan->marks[level];
    struct hs_entry *entries = hs_arena_calloc(arena, MARKS_A_PAGE, sizeof(*entries));
    int64_t *starts = hs_arena_calloc(arena, MARKS_MAX, sizeof(*starts));
    char prefix[HS_DIRTY_KEY_MAX];
    char after[HS_DIRTY_KEY_MAX];
    size_t prefix_n = hs_dirty_key(level, tenant, 0, prefix) - 12;
    size_t after_n = hs_dirty_key(level, tenant, HS_MAX(0, plan->from_s - 1), after);
    struct hs_str last = hs_str_n(after, after_n);
    size_t n = MARKS_A_PAGE;
    size_t i;
    int rc = HS_OK;

    if (!entries || !starts)
        return hs_err_set(err, HS_ELIMIT, 0, "dirty marks do not fit into the request's memory");
    *marks = (struct hs_plan_marks){.start_s = starts, .unknown_from_s = INT64_MAX};
    while (rc == HS_OK && n == MARKS_A_PAGE && marks->n + MARKS_A_PAGE <= MARKS_MAX) {
        rc = hs_metadata_scan(from->metadata, from->space, hs_str_n(prefix, prefix_n), last, arena,
                              entries, MARKS_A_PAGE, &n, err);
        for (i = 0; i < n && rc == HS_OK; i++) {
            enum hs_level found;
            struct hs_str owner;

            rc = hs_dirty_parse(entries[i].key, &found, &owner, &starts[marks->n]);
            if (rc != HS_OK)
                rc = hs_err_set(err, rc, 0, "a dirty mark does not parse");
            last = entries[i].key;
            marks->n++;
        }
        if (rc == HS_OK && marks->n > 0 && starts[marks->n - 1] >= plan->to_s)
            return HS_OK;
    }
    if (rc == HS_OK && n == MARKS_A_PAGE)
        marks->unknown_from_s = starts[marks->n - 1];
    return rc;
}

int hs_gateway_marks(const struct hs_gateway *gateway, const struct hs_dirty_spaces *spaces,
                     struct hs_str tenant, struct hs_plan_in *plan, struct hs_arena *arena,
                     struct hs_err *err)
{
    const struct marks_of from = {gateway->deps.metadata, spaces->dirty};
    int level;
    int rc = HS_OK;

    for (level = 0; level < HS_LEVEL_N && rc == HS_OK; level++)
        rc = read_level(&from, tenant, (enum hs_level)level, plan, arena, err);
    return rc;
}
