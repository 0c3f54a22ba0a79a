#include <stdarg.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "net/http_server_int.h"

/* A body on its way out: `buf` when it owns memory, else a borrowed view. */
struct reply_body {
    struct hs_buf buf;
    struct hs_str view;
};

int hs_http_reply_header(struct hs_http_req *req, const char *name, struct hs_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return HS_EINVAL;
    }
    if (req->reply_headers_n == HTTP_REPLY_HEADERS_MAX)
        return HS_ELIMIT;
    req->reply_headers[req->reply_headers_n].name = hs_str_c(name);
    req->reply_headers[req->reply_headers_n++].value = value;
    return HS_OK;
}

void hs_http_reply_etag(struct hs_http_req *req)
{
    req->want_etag = true;
}

static bool has_header(const struct hs_http_req *req, const char *name)
{
    for (size_t i = 0; i < req->reply_headers_n; i++) {
        if (hs_str_ieq(req->reply_headers[i].name, hs_str_c(name)))
            return true;
    }
    return false;
}

static void add_c(struct MHD_Response *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value); /* fails when memory is out */
}

static void add_str(struct hs_http_req *req, struct MHD_Response *response, struct hs_str name,
                    struct hs_str value)
{
    struct hs_str copy = hs_arena_copy(&req->arena, value); /* with a NUL behind */

    if (copy.p)
        MHD_add_response_header(response, name.p, copy.p);
}

static bool is_compressible(const char *content_type)
{
    static const char *const words[] = {"text/", "json",     "javascript", "xml",
                                        "yaml",  "protobuf", "ndjson",     "openmetrics"};

    for (size_t i = 0; i < HS_ARRAY_LEN(words); i++) {
        if (strstr(content_type, words[i]))
            return true;
    }
    return false;
}

static enum hs_coding choose_coding(const struct hs_http_req *req, int status,
                                    const char *content_type, size_t n)
{
    if (n < HTTP_COMPRESS_MIN || status == 204 || status == 304 || !content_type ||
        !is_compressible(content_type) || has_header(req, "Content-Encoding"))
        return HS_CODING_IDENTITY;
    return hs_coding_accept(hs_http_req_header(req, "Accept-Encoding"));
}

/* Replaces the body by its compressed form when that is smaller. */
static enum hs_coding compress_body(enum hs_coding coding, struct reply_body *body)
{
    struct hs_buf small;

    if (coding == HS_CODING_IDENTITY)
        return coding;
    hs_buf_init(&small, body->view.n + body->view.n / 8 + 1024);
    if (hs_compress(coding, 0, body->view, &small, NULL) != HS_OK || small.n >= body->view.n) {
        hs_buf_fini(&small);
        return HS_CODING_IDENTITY;
    }
    hs_buf_fini(&body->buf);
    body->buf = small;
    body->view = hs_buf_str(&body->buf);
    return coding;
}

enum { ETAG_MAX = 48 };

/* If-None-Match is "*" or a list of tags; the coding's suffix and W/ do not matter, because all
 * forms of a representation are equal to somebody who has one of them. *out_tag is the tag of that
 * form, or stays as it is. */
static bool etag_matches(struct hs_str list, struct hs_str hex, struct hs_str *out_tag)
{
    struct hs_str tag;

    while (hs_str_split(&list, ',', &tag)) {
        tag = hs_str_trim(tag);
        if (hs_str_eq_c(tag, "*"))
            return true;
        if (hs_str_starts_with(tag, HS_STR("W/")))
            tag = hs_str_n(tag.p + 2, tag.n - 2);
        if (tag.n < hex.n + 2 || tag.p[0] != '"' || memcmp(tag.p + 1, hex.p, hex.n) != 0)
            continue;
        if (tag.p[1 + hex.n] != '"' && tag.p[1 + hex.n] != '-')
            continue;
        if (tag.n < ETAG_MAX && tag.p[tag.n - 1] == '"')
            *out_tag = tag;
        return true;
    }
    return false;
}

static void add_fixed_headers(struct hs_http_req *req, struct MHD_Response *response, int status,
                              const char *content_type, enum hs_coding coding)
{
    if (content_type)
        add_c(response, "Content-Type", content_type);
    add_c(response, "X-Content-Type-Options", "nosniff");
    add_str(req, response, HS_STR("X-Request-Id"), req->id);
    if (!has_header(req, "Cache-Control"))
        add_c(response, "Cache-Control", req->want_etag ? "private, no-cache" : "no-store");
    if (coding != HS_CODING_IDENTITY)
        add_c(response, "Content-Encoding", hs_coding_name(coding));
    if (content_type && is_compressible(content_type))
        add_c(response, "Vary", "Accept-Encoding");
    if (content_type && strncmp(content_type, "text/html", 9) == 0 &&
        !has_header(req, "Content-Security-Policy"))
        add_c(response, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    if ((status == 429 || status == 503) && !has_header(req, "Retry-After"))
        add_c(response, "Retry-After", "1");
    if (req->closing)
        add_c(response, "Connection", "close");
    for (size_t i = 0; i < req->reply_headers_n; i++)
        add_str(req, response, req->reply_headers[i].name, req->reply_headers[i].value);
}

/* libmicrohttpd frees what it is given; small bodies are copied into the response itself. */
static struct MHD_Response *create_response(struct reply_body *body)
{
    static char none[1];
    struct MHD_Response *response;

    if (body->view.n == 0)
        return MHD_create_response_from_buffer(0, none, MHD_RESPMEM_PERSISTENT);
    if (!body->buf.p)
        return MHD_create_response_from_buffer(body->view.n, (void *)body->view.p,
                                               MHD_RESPMEM_MUST_COPY);
    response =
        MHD_create_response_from_buffer_with_free_callback(body->view.n, body->buf.p, hs_free);
    if (response)
        body->buf = (struct hs_buf){0};
    return response;
}

static bool is_stopping(struct http_listener *listener)
{
    bool stopping;

    hs_mutex_lock(&listener->lock);
    stopping = listener->stopping;
    hs_mutex_unlock(&listener->lock);
    return stopping;
}

/* Builds the response out of body, which is empty after. NULL when memory is out. */
static struct MHD_Response *build(struct hs_http_req *req, int *status, const char *content_type,
                                  struct reply_body *body)
{
    bool tagged =
        req->want_etag && *status == 200 && (req->method == HS_GET || req->method == HS_HEAD);
    struct hs_str hex = HS_STR_NULL;
    struct hs_str known = HS_STR_NULL; /* the form that the client has */
    struct MHD_Response *response;
    enum hs_coding coding;
    char digits[32];
    char etag[ETAG_MAX];

    req->want_etag = tagged;
    req->closing = req->closing || is_stopping(req->listener);
    if (tagged) {
        struct hs_hash128 hash = hs_hash128(body->view);

        hs_hex_encode(&hash, sizeof(hash), digits);
        hex = hs_str_n(digits, sizeof(digits));
    }
    if (tagged && etag_matches(hs_http_req_header(req, "If-None-Match"), hex, &known)) {
        *status = 304;
        body->view = HS_STR("");
    }
    coding = compress_body(choose_coding(req, *status, content_type, body->view.n), body);
    response = create_response(body);
    if (response) {
        add_fixed_headers(req, response, *status, *status == 204 ? NULL : content_type, coding);
        snprintf(etag, sizeof(etag), "\"%.*s%s%s\"", HS_STR_ARG(hex),
                 coding == HS_CODING_IDENTITY ? "" : "-",
                 coding == HS_CODING_IDENTITY ? "" : hs_coding_name(coding));
        if (known.n > 0)
            snprintf(etag, sizeof(etag), "%.*s", HS_STR_ARG(known));
        if (tagged)
            add_c(response, "ETag", etag);
    }
    hs_buf_fini(&body->buf);
    return response;
}

void hs_http_reply(struct hs_http_req *req, int status, const char *content_type,
                   struct hs_str body)
{
    struct reply_body out = {.view = body};
    struct MHD_Response *response = build(req, &status, content_type, &out);

    http_req_finish(req, status, response);
}

void hs_http_reply_buf(struct hs_http_req *req, int status, const char *content_type,
                       struct hs_buf *body)
{
    struct reply_body out = {.buf = *body, .view = hs_buf_str(body)};
    struct MHD_Response *response;

    *body = (struct hs_buf){.max = body->max};
    response = build(req, &status, content_type, &out);
    http_req_finish(req, status, response);
}

void http_problem_text(struct hs_buf *out, int status, const char *code, const char *detail,
                       struct hs_str request_id)
{
    struct hs_json json;

    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    hs_json_key(&json, "type");
    hs_json_add_c(&json, "about:blank");
    hs_json_key(&json, "title");
    hs_json_add_c(&json, MHD_get_reason_phrase_for((unsigned)status));
    hs_json_key(&json, "status");
    hs_json_add_i64(&json, status);
    hs_json_key(&json, "detail");
    hs_json_add_c(&json, detail);
    hs_json_key(&json, "code");
    hs_json_add_c(&json, code);
    if (request_id.n > 0) {
        hs_json_key(&json, "request_id");
        hs_json_add_str(&json, request_id);
    }
    hs_json_obj_close(&json);
}

const char *http_error_text(struct hs_http_req *req, int status, const char *code,
                            const char *detail, struct hs_buf *out)
{
    if (req->route && req->route->row.error_fn)
        return req->route->row.error_fn(req, status, code, detail, out);
    http_problem_text(out, status, code, detail, req->id);
    return "application/problem+json";
}

enum { PROBLEM_BYTES_MAX = 8192 };

void hs_http_reply_problem(struct hs_http_req *req, int status, const char *code,
                           const char *detail_fmt, ...)
{
    char detail[1024];
    struct hs_buf body;
    const char *type;
    va_list ap;

    va_start(ap, detail_fmt);
    vsnprintf(detail, sizeof(detail), detail_fmt, ap);
    va_end(ap);
    hs_buf_init(&body, PROBLEM_BYTES_MAX);
    type = http_error_text(req, status, code, detail, &body);
    hs_http_reply_buf(req, status, type, &body);
}

void hs_http_reply_err(struct hs_http_req *req, const char *code, const struct hs_err *err)
{
    hs_http_reply_problem(req, hs_rc_http_status(err->rc), code, "%s", err->text);
}

void http_reply_refused(struct hs_http_req *req)
{
    struct reply_body body = {.view = HS_STR("")};
    const char *type = NULL;

    hs_buf_init(&body.buf, PROBLEM_BYTES_MAX);
    req->status = req->refused_status;
    req->want_etag = false;
    if (req->refused_code) {
        type = http_error_text(req, req->status, req->refused_code, req->refused_detail, &body.buf);
        body.view = hs_buf_str(&body.buf);
    }
    req->response = build(req, &req->status, type, &body);
}
