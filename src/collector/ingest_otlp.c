/* POST /v1/traces and /v1/logs. */
#include "base/mem.h"
#include "collector/collector_int.h"

typedef int read_otlp_fn(struct hs_otlp_reader *reader, struct hs_intake *intake,
                         struct hs_str body, enum hs_otlp_encoding encoding,
                         struct hs_otlp_outcome *out, struct hs_err *err);

struct signal_row {
    struct hs_way_in way;
    enum hs_otlp_signal signal;
    read_otlp_fn *read;
};

static const struct signal_row traces_row = {{"otlp_traces", HS_SOURCE_SPAN, false, true},
                                             HS_OTLP_TRACES,
                                             hs_otlp_traces_read};
static const struct signal_row logs_row = {{"otlp_logs", HS_SOURCE_SPAN, false, true},
                                           HS_OTLP_LOGS,
                                           hs_otlp_logs_read};

static void reply_otlp(struct hs_ingest *ingest)
{
    hs_http_reply(ingest->req, 200,
                  hs_otlp_encoding_type((enum hs_otlp_encoding)ingest->otlp_encoding),
                  hs_buf_str(&ingest->answer));
}

/* A media type that OTLP does not have is answered in JSON, which people can read. */
const char *hs_ingest_otlp_error(struct hs_http_req *req, int status, const char *code,
                                 const char *detail, struct hs_buf *out)
{
    enum hs_otlp_encoding encoding = HS_OTLP_JSON;

    (void)code;
    hs_otlp_encoding_parse(hs_http_req_content_type(req), &encoding, NULL);
    hs_otlp_reply_status(encoding, status, hs_str_c(detail), out);
    return hs_otlp_encoding_type(encoding);
}

static void handle(struct hs_http_req *req, struct hs_collector *collector,
                   const struct signal_row *row)
{
    struct hs_ingest *ingest = hs_ingest_begin(collector, req, &row->way);
    enum hs_otlp_encoding encoding = HS_OTLP_PROTOBUF;
    struct hs_otlp_outcome *outcome;
    struct hs_err err;
    size_t n;
    char *body;
    int rc;
    int i;

    if (!ingest)
        return;
    rc = hs_otlp_encoding_parse(hs_http_req_content_type(req), &encoding, &err);
    if (rc != HS_OK) {
        hs_ingest_refuse(ingest, 415, "unsupported_media_type", err.text);
        return;
    }
    ingest->otlp_encoding = (int)encoding;
    outcome = hs_arena_alloc(hs_http_req_arena(req), sizeof(*outcome));
    HS_ASSERT(outcome);
    body = hs_http_req_body(req, &n);
    rc = row->read(ingest->place->otlp, &ingest->place->intake, hs_str_n(body, n), encoding,
                   outcome, &err);
    if (rc != HS_OK) {
        hs_ingest_refuse_err(ingest, "malformed", &err);
        return;
    }
    for (i = 0; i < HS_OTLP_REJECT_N; i++)
        hs_ingest_reject(ingest, hs_otlp_reject_name((enum hs_otlp_reject)i),
                         outcome->rejected_by[i]);
    hs_otlp_reply(row->signal, encoding, outcome->rejected, hs_str_c(outcome->message),
                  &ingest->answer);
    ingest->events = outcome->accepted;
    ingest->reply = reply_otlp;
    hs_ingest_commit(ingest);
}

void hs_ingest_traces_handler(struct hs_http_req *req, void *arg)
{
    handle(req, arg, &traces_row);
}

void hs_ingest_logs_handler(struct hs_http_req *req, void *arg)
{
    handle(req, arg, &logs_row);
}
