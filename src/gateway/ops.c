#include "gateway/ops.h"

#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "gateway/authorize.h"

enum { OPS_BYTES_MAX = 16 << 20 };

struct hs_ops {
    struct hs_ops_deps deps;
    int64_t start_ns;     /* wall */
    struct hs_mutex lock; /* guards parts; held while they are called, so that remove waits */
    struct hs_ops_part parts[HS_OPS_PARTS_MAX];
    size_t parts_n;
};

struct hs_ops *hs_ops_new(const struct hs_ops_deps *deps)
{
    struct hs_ops *ops = hs_xalloc(sizeof(*ops));

    ops->deps = *deps;
    ops->start_ns = hs_wall_ns(deps->clock);
    hs_mutex_init(&ops->lock, HS_RANK_OPS);
    return ops;
}

void hs_ops_free(struct hs_ops *ops)
{
    if (!ops)
        return;
    hs_mutex_fini(&ops->lock);
    hs_free(ops);
}

void hs_ops_add(struct hs_ops *ops, const struct hs_ops_part *part)
{
    hs_mutex_lock(&ops->lock);
    HS_ASSERT(ops->parts_n < HS_OPS_PARTS_MAX);
    ops->parts[ops->parts_n++] = *part;
    hs_mutex_unlock(&ops->lock);
}

void hs_ops_remove(struct hs_ops *ops, const char *name)
{
    size_t i;

    hs_mutex_lock(&ops->lock);
    for (i = 0; i < ops->parts_n; i++) {
        if (strcmp(ops->parts[i].name, name) == 0) {
            ops->parts[i] = ops->parts[--ops->parts_n];
            break;
        }
    }
    hs_mutex_unlock(&ops->lock);
}

static void healthz(struct hs_http_req *req, void *arg)
{
    (void)arg;
    hs_http_reply(req, 200, "application/json", HS_STR("{\"status\":\"ok\"}"));
}

/* One check as {"name", "ready", "detail"}. */
static bool add_check(const struct hs_ops_part *part, struct hs_json *json)
{
    struct hs_buf why;
    bool ready;

    hs_buf_init(&why, HS_ERR_TEXT_MAX);
    ready = part->ready(part->arg, &why);
    hs_json_obj_open(json);
    hs_json_key(json, "name");
    hs_json_add_c(json, part->name);
    hs_json_key(json, "ready");
    hs_json_add_bool(json, ready);
    hs_json_key(json, "detail");
    hs_json_add_str(json, hs_buf_str(&why));
    hs_json_obj_close(json);
    hs_buf_fini(&why);
    return ready;
}

static void readyz(struct hs_http_req *req, void *arg)
{
    struct hs_ops *ops = arg;
    struct hs_buf body;
    struct hs_json json;
    bool ready = true;
    size_t i;

    hs_buf_init(&body, OPS_BYTES_MAX);
    hs_json_init(&json, &body);
    hs_json_obj_open(&json);
    hs_json_key(&json, "checks");
    hs_json_arr_open(&json);
    hs_mutex_lock(&ops->lock);
    for (i = 0; i < ops->parts_n; i++) {
        if (ops->parts[i].ready)
            ready = add_check(&ops->parts[i], &json) && ready;
    }
    hs_mutex_unlock(&ops->lock);
    hs_json_arr_close(&json);
    hs_json_key(&json, "ready");
    hs_json_add_bool(&json, ready);
    hs_json_obj_close(&json);
    hs_http_reply_buf(req, ready ? 200 : 503, "application/json", &body);
}

static bool authorized(struct hs_ops *ops, struct hs_http_req *req, struct hs_identity *out)
{
    return hs_authorize(req, ops->deps.keys, ops->deps.conf, HS_SCOPE_READ, out);
}

static void metrics(struct hs_http_req *req, void *arg)
{
    struct hs_ops *ops = arg;
    struct hs_identity identity;
    struct hs_buf body;
    size_t i;

    if (!authorized(ops, req, &identity))
        return;
    hs_mutex_lock(&ops->lock);
    for (i = 0; i < ops->parts_n; i++) {
        if (ops->parts[i].measure)
            ops->parts[i].measure(ops->parts[i].arg);
    }
    hs_mutex_unlock(&ops->lock);
    hs_buf_init(&body, OPS_BYTES_MAX);
    hs_metric_expose(&body);
    hs_http_reply_buf(req, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

static void add_status(const struct hs_ops_part *part, struct hs_str tenant, struct hs_json *json)
{
    if (!part->status && !part->tenant_status)
        return;
    hs_json_key(json, part->name);
    if (part->tenant_status)
        part->tenant_status(part->arg, tenant, json);
    else
        part->status(part->arg, json);
}

static void status(struct hs_http_req *req, void *arg)
{
    struct hs_ops *ops = arg;
    struct hs_identity identity;
    struct hs_buf body;
    struct hs_json json;
    size_t i;

    if (!authorized(ops, req, &identity))
        return;
    hs_buf_init(&body, OPS_BYTES_MAX);
    hs_json_init(&json, &body);
    hs_json_obj_open(&json);
    hs_json_key(&json, "version");
    hs_json_add_c(&json, HS_VERSION);
    hs_json_key(&json, "started");
    hs_json_add_time(&json, ops->start_ns);
    hs_mutex_lock(&ops->lock);
    for (i = 0; i < ops->parts_n; i++)
        add_status(&ops->parts[i], hs_str_c(identity.tenant.id), &json);
    hs_mutex_unlock(&ops->lock);
    hs_json_obj_close(&json);
    hs_http_reply_buf(req, 200, "application/json", &body);
}

int hs_ops_routes(struct hs_ops *ops, struct hs_http_server *server, unsigned listeners,
                  struct hs_err *err)
{
    const struct hs_route routes[] = {
        {.method = HS_GET, .path = "/healthz", .handler = healthz},
        {.method = HS_GET, .path = "/readyz", .handler = readyz},
        {.method = HS_GET, .path = "/metrics", .flags = HS_ROUTE_BLOCKS, .handler = metrics},
        {.method = HS_GET, .path = "/api/v1/status", .flags = HS_ROUTE_BLOCKS, .handler = status},
    };
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(routes) && rc == HS_OK; i++) {
        struct hs_route route = routes[i];

        route.listeners = listeners;
        route.arg = ops;
        rc = hs_http_server_route(server, &route, err);
    }
    return rc;
}
