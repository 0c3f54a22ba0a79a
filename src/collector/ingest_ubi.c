/* POST /ubi_queries, /ubi_events, /_bulk. */
#include "base/mem.h"
#include "collector/bulk.h"
#include "collector/collector_int.h"
#include "collector/ubi.h"

static const struct hs_way_in ubi = {"ubi", HS_SOURCE_UBI, true};
static const struct hs_way_in bulk_api = {"bulk", HS_SOURCE_UBI, false};

typedef int read_ubi_fn(struct hs_intake *intake, char *body, size_t n, struct hs_outcome *out,
                        struct hs_err *err);

static void read_ubi(struct hs_http_req *req, struct hs_collector *collector, read_ubi_fn *read)
{
    struct hs_ingest *ingest = hs_ingest_begin(collector, req, &ubi);
    struct hs_err err;
    size_t n;
    char *body;
    int rc;

    if (!ingest)
        return;
    body = hs_http_req_body(req, &n);
    rc = read(&ingest->place->intake, body, n, &ingest->place->outcome, &err);
    if (rc != HS_OK)
        hs_ingest_refuse_err(ingest, rc == HS_ELIMIT ? "too_large" : "invalid_json", &err);
    else
        hs_ingest_commit_outcome(ingest);
}

void hs_ingest_ubi_queries_handler(struct hs_http_req *req, void *arg)
{
    read_ubi(req, arg, hs_ubi_read_queries);
}

void hs_ingest_ubi_events_handler(struct hs_http_req *req, void *arg)
{
    read_ubi(req, arg, hs_ubi_read_events);
}

/* Elasticsearch's clients want their product header and, when they asked for it, their own media
 * type back. */
static void reply_bulk(struct hs_ingest *ingest)
{
    bool versioned = hs_str_starts_with(hs_http_req_header(ingest->req, "Accept"),
                                        HS_STR("application/vnd.elasticsearch+json"));

    hs_http_reply_header(ingest->req, "X-Elastic-Product", HS_STR("Elasticsearch"));
    hs_http_reply(ingest->req, 200,
                  versioned ? "application/vnd.elasticsearch+json;compatible-with=8"
                            : "application/json",
                  hs_buf_str(&ingest->answer));
}

static void refuse_bulk(struct hs_ingest *ingest, int status, const char *code, const char *detail)
{
    struct hs_buf body;
    struct hs_json json;

    hs_buf_init(&body, 8192);
    hs_json_init(&json, &body);
    hs_json_obj_open(&json);
    hs_json_key(&json, "error");
    hs_json_obj_open(&json);
    hs_json_key(&json, "type");
    hs_json_add_c(&json, code);
    hs_json_key(&json, "reason");
    hs_json_add_c(&json, detail);
    hs_json_obj_close(&json);
    hs_json_key(&json, "status");
    hs_json_add_i64(&json, status);
    hs_json_obj_close(&json);
    hs_http_reply_header(ingest->req, "X-Elastic-Product", HS_STR("Elasticsearch"));
    hs_http_reply(ingest->req, status, "application/json", hs_buf_str(&body));
    hs_buf_fini(&body);
}

void hs_ingest_bulk_handler(struct hs_http_req *req, void *arg)
{
    struct hs_ingest *ingest = hs_ingest_begin(arg, req, &bulk_api);
    struct hs_bulk bulk;
    struct hs_err err;
    uint64_t took_ms;
    size_t n;
    char *body;
    int rc;

    if (!ingest)
        return;
    ingest->refuse = refuse_bulk;
    body = hs_http_req_body(req, &n);
    hs_bulk_init(&bulk);
    rc = hs_bulk_read(&ingest->place->intake, hs_http_req_path_param(req, "index"), body, n, &bulk,
                      &err);
    if (rc != HS_OK) {
        hs_bulk_fini(&bulk);
        hs_ingest_refuse_err(ingest, "illegal_argument_exception", &err);
        return;
    }
    took_ms = (uint64_t)((hs_mono_ns(ingest->collector->deps.clock) - hs_http_req_start_ns(req)) /
                         HS_NS_PER_MS);
    hs_bulk_write_answer(&bulk, took_ms, &ingest->answer);
    ingest->events = bulk.accepted;
    hs_ingest_reject(ingest, "document_parsing_exception", bulk.unreadable);
    hs_ingest_reject(ingest, "illegal_argument_exception", bulk.not_added);
    hs_ingest_reject(ingest, "index_not_found_exception", bulk.other_index);
    ingest->reply = reply_bulk;
    hs_bulk_fini(&bulk);
    hs_ingest_commit(ingest);
}
