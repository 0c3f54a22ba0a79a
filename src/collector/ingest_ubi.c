/* POST /ubi_queries, /ubi_events, /_bulk. */
#include "base/mem.h"
#include "collector/bulk.h"
#include "collector/collector_int.h"
#include "collector/ubi.h"

static const struct hs_way_in ubi = {"ubi", HS_SOURCE_UBI, true, false};
static const struct hs_way_in bulk_api = {"bulk", HS_SOURCE_UBI, false, false};

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
        hs_ingest_refuse_err(ingest, rc == HS_ELIMIT ? "too_large" : hs_refusal_name(err.sys),
                             &err);
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
 * type back, of the version that they speak. */
static const char *open_bulk_reply(struct hs_http_req *req)
{
    static const char *const types[] = {
        "application/vnd.elasticsearch+json;compatible-with=7",
        "application/vnd.elasticsearch+json;compatible-with=8",
        "application/vnd.elasticsearch+json;compatible-with=9",
    };
    static const char prefix[] = "application/vnd.elasticsearch+json";
    struct hs_str accept = hs_http_req_header(req, "Accept");
    size_t i;

    hs_http_reply_header(req, "X-Elastic-Product", HS_STR("Elasticsearch"));
    if (!hs_str_starts_with(accept, hs_str_c(prefix)))
        return "application/json";
    for (i = 0; i < HS_ARRAY_LEN(types); i++) {
        if (accept.p[accept.n - 1] == types[i][strlen(types[i]) - 1])
            return types[i];
    }
    return types[1];
}

static void reply_bulk(struct hs_ingest *ingest)
{
    const char *type = open_bulk_reply(ingest->req);

    hs_http_reply(ingest->req, 200, type, hs_buf_str(&ingest->answer));
}

static void add_cause(struct hs_json *json, const char *code, const char *detail)
{
    hs_json_key(json, "type");
    hs_json_add_c(json, code);
    hs_json_key(json, "reason");
    hs_json_add_c(json, detail);
}

/* Clients show the first root cause to their users. */
const char *hs_ingest_bulk_error(struct hs_http_req *req, int status, const char *code,
                                 const char *detail, struct hs_buf *out)
{
    struct hs_json json;

    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    hs_json_key(&json, "error");
    hs_json_obj_open(&json);
    hs_json_key(&json, "root_cause");
    hs_json_arr_open(&json);
    hs_json_obj_open(&json);
    add_cause(&json, code, detail);
    hs_json_obj_close(&json);
    hs_json_arr_close(&json);
    add_cause(&json, code, detail);
    hs_json_obj_close(&json);
    hs_json_key(&json, "status");
    hs_json_add_i64(&json, status);
    hs_json_obj_close(&json);
    return open_bulk_reply(req);
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
