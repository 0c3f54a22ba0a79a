/*
 * What every process shows of itself, whatever its roles:
 *
 *     GET /healthz         200 while the process runs
 *     GET /readyz          200 when each check passes, else 503 with the checks and why
 *     GET /metrics         Prometheus text format; scope read, or no key in loopback mode
 *     GET /api/v1/status   one object a part of the process (docs/api/openapi.yaml)
 */
#ifndef HS_GATEWAY_OPS_H
#define HS_GATEWAY_OPS_H

#include "base/clock.h"
#include "base/json_out.h"
#include "conf/conf.h"
#include "net/http_server.h"
#include "port/keys.h"

enum { HS_OPS_PARTS_MAX = 16 };

/* One part of the process. All functions: @thread any, must not block for long. */
struct hs_ops_part {
    const char *name; /* "stream": the key in /api/v1/status */
    /* Writes one JSON value. NULL: the part has no status. */
    void (*status)(void *arg, struct hs_json *json);
    /* The same for what is a tenant's own: that of the key that asks. Stands in for status. */
    void (*tenant_status)(void *arg, struct hs_str tenant, struct hs_json *json);
    /* False when not ready; `why` gets a short reason. NULL: always ready. */
    bool (*ready)(void *arg, struct hs_buf *why);
    /* Sets gauges just before /metrics is written. NULL: none. */
    void (*measure)(void *arg);
    void *arg;
};

struct hs_ops;

struct hs_ops_deps {
    const struct hs_conf *conf;
    const struct hs_clock *clock;
    struct hs_keys *keys;
};

struct hs_ops *hs_ops_new(const struct hs_ops_deps *deps);
/* Before the server starts, or any time: parts are added under a lock. */
void hs_ops_add(struct hs_ops *ops, const struct hs_ops_part *part);
/* Removes the part of that name: what it points to is about to go. Waits for calls in work. */
void hs_ops_remove(struct hs_ops *ops, const char *name);
int hs_ops_routes(struct hs_ops *ops, struct hs_http_server *server, unsigned listeners,
                  struct hs_err *err);
void hs_ops_free(struct hs_ops *ops); /* NULL is a no-op */

#endif
