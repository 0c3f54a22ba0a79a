/*
 * The gateway: the REST API over the store (docs/api/openapi.yaml), /docs, and the start page.
 * Everything it answers is read from the analytics port as user RO and from metadata.
 */
#ifndef HS_GATEWAY_GATEWAY_H
#define HS_GATEWAY_GATEWAY_H

#include "base/clock.h"
#include "base/json_out.h"
#include "conf/conf.h"
#include "net/http_server.h"
#include "port/analytics.h"
#include "port/cache.h"
#include "port/keys.h"
#include "port/metadata.h"

struct hs_gateway;

struct hs_gateway_deps {
    const struct hs_conf *conf;
    const struct hs_clock *clock;
    struct hs_analytics *analytics;
    struct hs_metadata *metadata;
    struct hs_cache *cache;
    struct hs_keys *keys;
};

/* `deps` and what it names outlive the gateway. */
int hs_gateway_new(const struct hs_gateway_deps *deps, struct hs_gateway **out, struct hs_err *err);
int hs_gateway_routes(struct hs_gateway *gateway, struct hs_http_server *server, unsigned listeners,
                      struct hs_err *err);
/* For /api/v1/status, of type struct hs_ops_part's tenant_status: the newest row of each raw table.
 * {"searches": {"newest_received": …, "age_s": …}, …}; null where the last day has none. Answers
 * are kept for a second. @thread any @blocks for at most a second */
void hs_gateway_status(void *arg, struct hs_str tenant, struct hs_json *json);
/* After the server stopped. NULL is a no-op. */
void hs_gateway_free(struct hs_gateway *gateway);

#endif
