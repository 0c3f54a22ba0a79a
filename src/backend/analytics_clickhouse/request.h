/*
 * One request to ClickHouse's HTTP interface: its URL, headers and body, and what became of it.
 */
#ifndef HS_BACKEND_ANALYTICS_CLICKHOUSE_REQUEST_H
#define HS_BACKEND_ANALYTICS_CLICKHOUSE_REQUEST_H

#include "backend/analytics_clickhouse/errors.h"
#include "backend/analytics_clickhouse/hosts.h"
#include "port/analytics.h"

enum {
    CH_URL_MAX = 900000,  /* bytes; the server's own limit is 1 MiB */
    CH_CONNECT_MS = 3000, /* at most, for one connection */
    CH_GRACE_MS = 250,    /* for the server's own answer "timeout" to arrive */
    CH_EXCEPTION_BYTES_MAX = 65536,
};

struct ch_request {
    enum ch_op op;
    struct hs_buf params; /* "a=b&c=d", encoded */
    struct hs_str body;
    const char *user; /* borrowed, as the password */
    const char *password;
    int64_t deadline_ns; /* monotonic */
    size_t response_max;
};

void ch_request_init(struct ch_request *request, enum ch_op op);
void ch_request_fini(struct ch_request *request);
/* Adds name=value, the value encoded. */
void ch_request_param(struct ch_request *request, const char *name, struct hs_str value);
void ch_request_param_u64(struct ch_request *request, const char *name, uint64_t value);
/* Adds param_<name>, escaped as in TSV. HS_EINVAL: the name is not [A-Za-z_][A-Za-z0-9_]*. */
int ch_request_query_param(struct ch_request *request, const struct hs_param *param,
                           struct hs_err *err);
/* Adds everything that a query brings but its text. HS_EINVAL, HS_ELIMIT (the URL). */
int ch_request_query(struct ch_request *request, const struct hs_query *query, struct hs_err *err);

/*
 * Sends it to one host and keeps the host's back-off. HS_OK: status 200 and no exception; the body
 * is the answer. Otherwise as the port says, with the exception's code in err->sys. *out_next says
 * whether another host may be tried: nothing was done, or the request only reads. @blocks
 */
int ch_request_send(struct ch_request *request, struct ch_hosts *hosts, size_t i,
                    struct hs_http_reply *reply, bool *out_next, struct hs_err *err);

#endif
