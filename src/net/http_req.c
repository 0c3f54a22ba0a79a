/* What handlers ask a request. */
#include "base/mem.h"
#include "net/http_server_int.h"

enum hs_http_method hs_http_req_method(const struct hs_http_req *req)
{
    return req->method;
}

struct hs_str hs_http_req_path(const struct hs_http_req *req)
{
    return req->target.path;
}

struct hs_str hs_http_req_path_param(const struct hs_http_req *req, const char *name)
{
    const struct hs_http_pattern *pattern = req->route ? &req->route->pattern : NULL;

    for (size_t i = 0; pattern && i < pattern->parts_n; i++) {
        if (pattern->parts[i].kind != HS_PART_LITERAL && hs_str_eq_c(pattern->parts[i].text, name))
            return req->values[i];
    }
    return HS_STR_NULL;
}

bool hs_http_req_query(const struct hs_http_req *req, const char *name, size_t i,
                       struct hs_str *out)
{
    for (size_t k = 0; k < req->target.params_n; k++) {
        if (!hs_str_eq_c(req->target.params[k].name, name) || i-- > 0)
            continue;
        *out = req->target.params[k].value;
        return true;
    }
    return false;
}

void hs_http_req_query_each(const struct hs_http_req *req, hs_http_query_fn *fn, void *arg)
{
    for (size_t k = 0; k < req->target.params_n; k++) {
        if (!fn(arg, req->target.params[k].name, req->target.params[k].value))
            return;
    }
}

struct hs_str hs_http_req_header(const struct hs_http_req *req, const char *name)
{
    for (size_t i = 0; i < req->headers_n; i++) {
        if (hs_str_ieq(req->headers[i].name, hs_str_c(name)))
            return req->headers[i].value;
    }
    return HS_STR_NULL;
}

struct hs_str hs_http_req_content_type(const struct hs_http_req *req)
{
    return req->content_type;
}

char *hs_http_req_body(struct hs_http_req *req, size_t *out_n)
{
    HS_ASSERT(req->body != NULL);
    *out_n = req->body->buf.n;
    return req->body->buf.p;
}

struct hs_arena *hs_http_req_arena(struct hs_http_req *req)
{
    return &req->arena;
}

struct hs_str hs_http_req_id(const struct hs_http_req *req)
{
    return req->id;
}

struct hs_str hs_http_req_peer(const struct hs_http_req *req)
{
    return req->peer;
}

bool hs_http_req_on_loopback(const struct hs_http_req *req)
{
    return req->listener->loopback;
}

unsigned hs_http_req_listener(const struct hs_http_req *req)
{
    return req->listener->index;
}

bool hs_http_req_cross_origin(const struct hs_http_req *req)
{
    return req->cross_origin;
}

int64_t hs_http_req_start_ns(const struct hs_http_req *req)
{
    return req->start_ns;
}
