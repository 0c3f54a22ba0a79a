/* GET /api/v1/anomalies: the list's form. Detection is not part of this version, so it is empty. */
#include "gateway/authorize.h"
#include "gateway/gateway_int.h"

void hs_gateway_anomalies(struct hs_http_req *req, void *arg)
{
    const struct hs_gateway *gateway = arg;
    struct hs_identity identity;

    if (!hs_authorize(req, gateway->deps.keys, gateway->deps.conf, HS_SCOPE_READ, &identity) ||
        !hs_gateway_no_params(req))
        return;
    hs_http_reply_etag(req);
    hs_http_reply(req, 200, "application/json", HS_STR("{\"anomalies\":[],\"next_cursor\":null}"));
}
