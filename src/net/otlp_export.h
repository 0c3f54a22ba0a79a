/*
 * Haystat's own OpenTelemetry spans: one of kind server for each request that its HTTP server
 * answers, sent as OTLP/HTTP protobuf to <url>/v1/traces.
 *
 *     event loops ──hs_otlp_export_request──▶ bounded queue ──▶ one thread ──▶ POST
 *
 * A span holds method, route pattern, status, listener, size of the body and times; never path,
 * query, header or body, which may hold secrets. A caller's traceparent is honoured: its trace goes
 * on, and a trace that it does not sample is not recorded.
 *
 * It never stands in anybody's way and never feeds back: at most spans_max a second are recorded
 * (with bursts of as many), the queue holds HS_OTLP_EXPORT_QUEUE_MAX, a batch is tried a few times,
 * and what is dropped is counted by reason in hs_telemetry_spans_dropped_total. Requests that an
 * exporter sent (told by its User-Agent) are not recorded, so that the target may be this very
 * process.
 */
#ifndef HS_NET_OTLP_EXPORT_H
#define HS_NET_OTLP_EXPORT_H

#include "base/clock.h"
#include "base/err.h"
#include "net/http_server.h"

enum { HS_OTLP_EXPORT_QUEUE_MAX = 4096, HS_OTLP_EXPORT_BATCH_MAX = 512 };

struct hs_otlp_export_params {
    const struct hs_clock *clock;
    const char *url;      /* base URL, http:// or https://, without credentials */
    const char *key;      /* sent as Authorization: Bearer; "" for none */
    const char *version;  /* of this program */
    const char *instance; /* service.instance.id */
    double spans_max;     /* a second; 0 means no limit */
};

struct hs_otlp_export;

/* Starts the thread. Strings are copied, the clock is borrowed. HS_EINVAL: the URL. */
int hs_otlp_export_start(const struct hs_otlp_export_params *params, struct hs_otlp_export **out,
                         struct hs_err *err);
/* Tries to send what waits, for 2 s at most, and frees. No request may be recorded meanwhile. NULL
 * is a no-op. @blocks */
void hs_otlp_export_stop(struct hs_otlp_export *exporter);

/* Records a request; for hs_http_server_on_done. arg is the exporter. @thread any */
void hs_otlp_export_request(void *arg, const struct hs_http_done *done);

#endif
