/* POST /api/v1/telemetry/event, /batch and /ndjson. */
#include "base/mem.h"
#include "collector/collector_int.h"
#include "collector/native.h"

static const struct hs_way_in from_page = {"native", HS_SOURCE_NATIVE, true, false};
static const struct hs_way_in from_server = {"native", HS_SOURCE_NATIVE, false, false};

/* The answer that was built before the append. */
static void reply_built(struct hs_ingest *ingest)
{
    hs_http_reply(ingest->req, ingest->answer_status, "application/json",
                  hs_buf_str(&ingest->answer));
}

static void write_outcome(const struct hs_outcome *outcome, struct hs_buf *out)
{
    struct hs_json json;
    size_t i;

    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    hs_json_key(&json, "accepted");
    hs_json_add_u64(&json, outcome->accepted);
    hs_json_key(&json, "rejected");
    hs_json_add_u64(&json, outcome->rejected);
    hs_json_key(&json, "errors");
    hs_json_arr_open(&json);
    for (i = 0; i < outcome->errors_n; i++) {
        hs_json_obj_open(&json);
        hs_json_key(&json, "index");
        hs_json_add_u64(&json, outcome->errors[i].index);
        hs_json_key(&json, "code");
        hs_json_add_c(&json, outcome->errors[i].code);
        hs_json_key(&json, "detail");
        hs_json_add_c(&json, outcome->errors[i].detail);
        hs_json_obj_close(&json);
    }
    hs_json_arr_close(&json);
    hs_json_obj_close(&json);
}

void hs_ingest_commit_outcome(struct hs_ingest *ingest)
{
    const struct hs_outcome *outcome = &ingest->place->outcome;

    write_outcome(outcome, &ingest->answer);
    ingest->events = outcome->accepted;
    ingest->answer_status = outcome->accepted == 0 && outcome->rejected > 0 ? 422 : 202;
    ingest->reply = reply_built;
    hs_ingest_commit(ingest);
}

void hs_ingest_event_handler(struct hs_http_req *req, void *arg)
{
    struct hs_ingest *ingest = hs_ingest_begin(arg, req, &from_page);
    struct hs_json json;
    struct hs_str id;
    struct hs_err err;
    size_t n;
    char *body;
    int rc;

    if (!ingest)
        return;
    body = hs_http_req_body(req, &n);
    rc = hs_native_read_one(&ingest->place->intake, body, n, &id, &err);
    if (rc != HS_OK) {
        const char *code = hs_refusal_name(err.sys);

        if (rc == HS_EINVAL && err.sys != HS_REFUSED_JSON)
            hs_ingest_refuse(ingest, 422, code, err.text);
        else
            hs_ingest_refuse_err(ingest, code, &err);
        return;
    }
    hs_json_init(&json, &ingest->answer);
    hs_json_obj_open(&json);
    hs_json_key(&json, "event_id");
    hs_json_add_str(&json, id);
    hs_json_obj_close(&json);
    ingest->events = 1;
    ingest->answer_status = 202;
    ingest->reply = reply_built;
    hs_ingest_commit(ingest);
}

typedef int read_many_fn(struct hs_intake *intake, char *body, size_t n, size_t batch_max,
                         struct hs_outcome *out, struct hs_err *err);

static void read_many(struct hs_http_req *req, struct hs_collector *collector,
                      const struct hs_way_in *way, read_many_fn *read)
{
    struct hs_ingest *ingest = hs_ingest_begin(collector, req, way);
    struct hs_err err;
    size_t n;
    char *body;
    int rc;

    if (!ingest)
        return;
    body = hs_http_req_body(req, &n);
    rc = read(&ingest->place->intake, body, n, collector->deps.conf->ingest_batch_max,
              &ingest->place->outcome, &err);
    if (rc != HS_OK)
        hs_ingest_refuse_err(ingest, rc == HS_ELIMIT ? "too_large" : hs_refusal_name(err.sys),
                             &err);
    else
        hs_ingest_commit_outcome(ingest);
}

void hs_ingest_batch_handler(struct hs_http_req *req, void *arg)
{
    struct hs_str type = hs_http_req_content_type(req);

    read_many(req, arg, &from_page,
              hs_str_eq_c(type, "application/x-ndjson") ? hs_native_read_ndjson
                                                        : hs_native_read_batch);
}

void hs_ingest_ndjson_handler(struct hs_http_req *req, void *arg)
{
    read_many(req, arg, &from_server, hs_native_read_ndjson);
}
