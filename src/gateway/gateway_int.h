/* Inside of the gateway: what its handlers share. */
#ifndef HS_GATEWAY_GATEWAY_INT_H
#define HS_GATEWAY_GATEWAY_INT_H

#include "gateway/gateway.h"
#include "gateway/params.h"
#include "gateway/plan.h"
#include "model/table.h"

enum { HS_GATEWAY_PAIRS_MAX = HS_TARGET_PARAMS_MAX, HS_ANSWER_BYTES_MAX = 64 << 20 };

struct hs_gateway {
    struct hs_gateway_deps deps;
};

/* The request's query parameters in order, in its arena. Returns how many. */
size_t hs_gateway_pairs(struct hs_http_req *req, struct hs_http_param **out);
/* Answers 400 with err's text. */
void hs_gateway_bad_param(struct hs_http_req *req, const struct hs_err *err);
/* Answers an error of the store or of metadata (failure.h) and logs what is a bug. */
void hs_gateway_failed(struct hs_http_req *req, const struct hs_gateway *gateway,
                       const struct hs_err *err);
/* Answers 200 with the JSON in body, which is taken, and an ETag; 422 when it did not fit. */
void hs_gateway_reply(struct hs_http_req *req, const struct hs_gateway *gateway,
                      struct hs_buf *body);
/* Refuses every query parameter but `key`. False: the request was answered. */
bool hs_gateway_no_params(struct hs_http_req *req);

/* Fills a plan's marks of a rollup from metadata, in arena. Bounded: beyond, windows count as
 * dirty. @blocks */
int hs_gateway_marks(const struct hs_gateway *gateway, const struct hs_dirty_spaces *spaces,
                     struct hs_str tenant, struct hs_plan_in *plan, struct hs_arena *arena,
                     struct hs_err *err);
/* The floors of a plan: what the rollups keep (sql/0003_fast.sql). */
void hs_gateway_floors(struct hs_plan_in *plan);

/* Handlers; arg is the gateway. */
hs_http_handler_fn hs_gateway_latency, hs_gateway_relevance, hs_gateway_errors, hs_gateway_summary;
hs_http_handler_fn hs_gateway_degraded;
hs_http_handler_fn hs_gateway_top, hs_gateway_trace;
hs_http_handler_fn hs_gateway_anomalies, hs_gateway_anomaly, hs_gateway_anomaly_say;
hs_http_handler_fn hs_gateway_applications, hs_gateway_applications_put;
hs_http_handler_fn hs_gateway_start_page, hs_gateway_docs_page, hs_gateway_openapi,
    hs_gateway_asset;

#endif
