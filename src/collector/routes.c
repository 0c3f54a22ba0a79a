#include "base/mem.h"
#include "collector/collector_int.h"

struct ingest_route {
    enum hs_http_method method;
    const char *path;
    unsigned flags;
    bool otlp; /* on the OTLP listener too */
    hs_http_handler_fn *handler;
    hs_http_error_fn *error_fn;
};

enum { FROM_BROWSER = HS_ROUTE_SIMPLE_TYPE | HS_ROUTE_CORS };

static const struct ingest_route routes[] = {
    {HS_POST, "/api/v1/telemetry/event", FROM_BROWSER, false, hs_ingest_event_handler, NULL},
    {HS_OPTIONS, "/api/v1/telemetry/event", HS_ROUTE_CORS, false, hs_ingest_preflight_handler,
     NULL},
    {HS_POST, "/api/v1/telemetry/batch", FROM_BROWSER, false, hs_ingest_batch_handler, NULL},
    {HS_OPTIONS, "/api/v1/telemetry/batch", HS_ROUTE_CORS, false, hs_ingest_preflight_handler,
     NULL},
    {HS_POST, "/api/v1/telemetry/ndjson", 0, false, hs_ingest_ndjson_handler, NULL},
    {HS_POST, "/ubi_queries", FROM_BROWSER, false, hs_ingest_ubi_queries_handler, NULL},
    {HS_OPTIONS, "/ubi_queries", HS_ROUTE_CORS, false, hs_ingest_preflight_handler, NULL},
    {HS_POST, "/ubi_events", FROM_BROWSER, false, hs_ingest_ubi_events_handler, NULL},
    {HS_OPTIONS, "/ubi_events", HS_ROUTE_CORS, false, hs_ingest_preflight_handler, NULL},
    {HS_POST, "/_bulk", 0, false, hs_ingest_bulk_handler, hs_ingest_bulk_error},
    {HS_PUT, "/_bulk", 0, false, hs_ingest_bulk_handler, hs_ingest_bulk_error},
    {HS_POST, "/{index}/_bulk", 0, false, hs_ingest_bulk_handler, hs_ingest_bulk_error},
    {HS_PUT, "/{index}/_bulk", 0, false, hs_ingest_bulk_handler, hs_ingest_bulk_error},
    {HS_POST, "/v1/traces", 0, true, hs_ingest_traces_handler, hs_ingest_otlp_error},
    {HS_POST, "/v1/logs", 0, true, hs_ingest_logs_handler, hs_ingest_otlp_error},
};

int hs_collector_routes(struct hs_collector *collector, struct hs_http_server *server,
                        unsigned gateway, unsigned otlp, struct hs_err *err)
{
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(routes) && rc == HS_OK; i++) {
        const struct hs_route route = {
            .listeners = gateway | (routes[i].otlp ? otlp : 0),
            .method = routes[i].method,
            .path = routes[i].path,
            .flags = routes[i].flags,
            .handler = routes[i].handler,
            .arg = collector,
            .error_fn = routes[i].error_fn,
        };

        if (route.listeners != 0)
            rc = hs_http_server_route(server, &route, err);
    }
    return rc;
}
