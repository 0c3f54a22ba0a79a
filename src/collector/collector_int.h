/* Private to the collector's HTTP part. */
#ifndef HS_COLLECTOR_COLLECTOR_INT_H
#define HS_COLLECTOR_COLLECTOR_INT_H

#include "base/atomic.h"

#include "base/thread.h"
#include "collector/collector.h"
#include "collector/intake.h"
#include "collector/otlp_reader.h"
#include "collector/outcome.h"

enum {
    IDLE_MAX = 16,            /* request workplaces that are kept for the next request */
    IDLE_BYTES_MAX = 4 << 20, /* of buffers; a workplace that grew beyond is not kept */
    INTAKE_BYTES_MAX = HS_STREAM_BATCH_BYTES_MAX,
    REJECTS_MAX = 8,
};

/* The workplace of one request, kept from request to request. */
struct hs_workplace {
    struct hs_workplace *next;
    struct hs_intake intake;
    struct hs_intake_rules rules;
    struct hs_otlp_reader *otlp;
    struct hs_outcome outcome;
};

struct hs_collector {
    struct hs_collector_deps deps;
    struct hs_redactor *redactor;
    struct hs_mutex lock; /* guards idle */
    struct hs_workplace *idle;
    size_t idle_n;
};

/* One of the ways in. */
struct hs_way_in {
    const char *name; /* for metrics: native, ubi, bulk, otlp_traces, otlp_logs */
    enum hs_source source;
    bool from_browser; /* browser keys suffice, and with them text/plain does */
    bool otlp;         /* has media types of its own; all others take JSON */
};

/* Events of an accepted request that were refused for one reason. */
struct hs_ingest_reject {
    const char *reason; /* a literal */
    uint64_t n;
};

/* A request on its way to the stream. Lives in the request's arena. */
struct hs_ingest {
    struct hs_collector *collector;
    struct hs_http_req *req;
    struct hs_identity identity;
    struct hs_workplace *place;
    const struct hs_way_in *way;
    size_t events;       /* that were accepted; tokens to take */
    size_t tokens_taken; /* of the address's bucket, before the body was read */
    struct hs_ingest_reject rejects[REJECTS_MAX]; /* beside those in place->outcome */
    size_t rejects_n;
    struct hs_counter pending; /* appends without an answer, plus one while they are being made */
    struct hs_flag failed;     /* an append failed; the first one writes err */
    struct hs_err err;         /* written before pending falls */
    /* Answers after everything is durable. */
    void (*reply)(struct hs_ingest *ingest);
    struct hs_buf answer; /* built before the append, sent by reply; empty when not used */
    int answer_status;
    const char *answer_type;
    int otlp_encoding;
};

/* Checks who asks and takes a workplace. NULL: the request was answered. Scope ingest suffices, and
 * browser where the way in allows it; ?import=1 wants scope import. */
struct hs_ingest *hs_ingest_begin(struct hs_collector *collector, struct hs_http_req *req,
                                  const struct hs_way_in *way);
/* Notes n events that were refused while the request goes on; counted with the answer. */
void hs_ingest_reject(struct hs_ingest *ingest, const char *reason, uint64_t n);
/* Takes the rate limit's tokens and appends all topics; answers by ingest->reply or an error, now
 * or later. The caller touches ingest no more. */
void hs_ingest_commit(struct hs_ingest *ingest);
/* Answers a request that is refused as a whole and gives the workplace back. */
void hs_ingest_refuse(struct hs_ingest *ingest, int status, const char *code, const char *detail);
/* The same for a reader's error: HS_EINVAL 400, HS_ELIMIT 413. */
void hs_ingest_refuse_err(struct hs_ingest *ingest, const char *code, const struct hs_err *err);

/* Commits and answers with the outcome of many events: 202, or 422 when none was accepted. */
void hs_ingest_commit_outcome(struct hs_ingest *ingest); /* ingest_native.c */

/* Handlers, by file. arg is the collector. */
hs_http_handler_fn hs_ingest_event_handler; /* ingest_native.c */
hs_http_handler_fn hs_ingest_batch_handler;
hs_http_handler_fn hs_ingest_ndjson_handler;
hs_http_handler_fn hs_ingest_ubi_queries_handler; /* ingest_ubi.c */
hs_http_handler_fn hs_ingest_ubi_events_handler;
hs_http_handler_fn hs_ingest_bulk_handler;
hs_http_handler_fn hs_ingest_traces_handler; /* ingest_otlp.c */
hs_http_handler_fn hs_ingest_logs_handler;
hs_http_handler_fn hs_ingest_preflight_handler; /* ingest.c: CORS */

/* The forms of errors that the clients of some routes read. */
hs_http_error_fn hs_ingest_bulk_error; /* ingest_ubi.c: Elasticsearch's */
hs_http_error_fn hs_ingest_otlp_error; /* ingest_otlp.c: google.rpc.Status */

#endif
