/*
 * The collector: takes telemetry in over HTTP and answers when it is durable in the stream.
 *
 *     POST /api/v1/telemetry/event | batch | ndjson        native events (docs/events.md)
 *     POST /ubi_queries | /ubi_events                       UBI 1.3
 *     POST, PUT /_bulk | /{index}/_bulk                     UBI through Elasticsearch clients
 *     POST /v1/traces | /v1/logs                            OTLP/HTTP (docs/otlp.md)
 *
 * An event loop reads, checks and rewrites a request whole (no waiting), appends one batch a topic,
 * and the request is suspended until the last of them is on disk; the stream's commit thread then
 * sends the answer. What is not appended is refused with 429 or 503, never dropped.
 */
#ifndef HS_COLLECTOR_COLLECTOR_H
#define HS_COLLECTOR_COLLECTOR_H

#include "base/clock.h"
#include "base/json_out.h"
#include "conf/conf.h"
#include "net/http_server.h"
#include "port/cache.h"
#include "port/keys.h"
#include "port/stream.h"

struct hs_collector;

struct hs_collector_deps {
    const struct hs_conf *conf;
    const struct hs_clock *clock;
    struct hs_stream *stream;
    struct hs_cache *cache; /* token buckets */
    struct hs_keys *keys;
};

/* `deps` and what it names outlive the collector. HS_EINVAL: redact.patterns. */
int hs_collector_new(const struct hs_collector_deps *deps, struct hs_collector **out,
                     struct hs_err *err);
/* Adds the routes: all of them on `gateway`, those of OTLP on `otlp` too (sets of listener
 * bits). */
int hs_collector_routes(struct hs_collector *collector, struct hs_http_server *server,
                        unsigned gateway, unsigned otlp, struct hs_err *err);
/* After the server stopped and the stream closed: no request is in flight. NULL is a no-op. */
void hs_collector_free(struct hs_collector *collector);
/* {"accepted": {…}, "refused": {…}, "adjusted": {…}} for /api/v1/status. @thread any */
void hs_collector_status(void *collector, struct hs_json *json);

#endif
