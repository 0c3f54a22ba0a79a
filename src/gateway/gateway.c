#include "gateway/gateway.h"

#include "base/mem.h"

struct hs_gateway {
    struct hs_gateway_deps deps;
};

int hs_gateway_new(const struct hs_gateway_deps *deps, struct hs_gateway **out,
                   struct hs_err *err)
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

int hs_gateway_routes(struct hs_gateway *gateway, struct hs_http_server *server,
                      unsigned listeners, struct hs_err *err)
{
    (void)gateway;
    (void)server;
    (void)listeners;
    (void)err;
    return HS_OK;
}
