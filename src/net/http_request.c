#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/http_server_int.h"

enum { BODY_FIRST_MAX = 1 << 20, BODY_FREE_BYTES = 256 << 10, HEADER_GAP_MAX = 64 };

struct http_conn *http_conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info;

    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void http_req_free(struct hs_http_req *req)
{
    struct hs_http_server *server = req->server;
    bool held = req->dispatched;

    if (req->response)
        MHD_destroy_response(req->response);
    if (req->body)
        http_body_give(server, req->body);
    http_body_uncharge(req);
    hs_arena_fini(&req->arena);
    hs_free(req);
    if (held)
        http_server_unref(server);
}

void *http_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct http_loop *loop = cls;
    struct http_listener *listener = loop->listener;
    struct http_conn *conn = http_conn_of(mhd);
    struct hs_http_req *req;

    if (!conn)
        return NULL;
    req = hs_xalloc(sizeof(*req));
    req->server = listener->server;
    req->listener = listener;
    req->conn = conn;
    req->start_ns = hs_mono_ns(listener->server->clock);
    hs_arena_init(&req->arena, HTTP_ARENA_MAX);
    req->peer = hs_arena_copy(&req->arena, hs_str_c(conn->peer));
    req->raw_target = hs_arena_copy(&req->arena, hs_str_c(uri));
    hs_mutex_lock(&listener->lock);
    http_conn_enter_locked(conn, CONN_RECEIVING, req->start_ns);
    req->start_ns = conn->since_ns;
    HS_ASSERT(!conn->req); /* libmicrohttpd reports the end of each request that it began */
    conn->req = req;
    hs_mutex_unlock(&listener->lock);
    return NULL;
}

static enum hs_http_method method_of(const char *word)
{
    static const char *const words[] = {
        [HS_GET] = "GET",       [HS_POST] = "POST",       [HS_PUT] = "PUT",
        [HS_DELETE] = "DELETE", [HS_OPTIONS] = "OPTIONS", [HS_HEAD] = "HEAD",
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0)
            return (enum hs_http_method)i;
    }
    return HS_METHOD_OTHER;
}

/*
 * libmicrohttpd 0.9.75 appends a folded line to the field's *name*: a folded Content-Length then
 * escapes every check. It moves the name for that, so a field whose name and value do not lie
 * behind each other as they came ("name", NUL for the colon, white space, "value") was folded.
 */
static bool was_folded(const char *name, size_t name_n, const char *value)
{
    uintptr_t end = (uintptr_t)name + name_n + 1;

    if (!value)
        return false;
    if ((uintptr_t)value < end || (uintptr_t)value - end > HEADER_GAP_MAX)
        return true;
    for (const char *p = name + name_n + 1; p < value; p++) {
        if (*p != ' ' && *p != '\t')
            return true;
    }
    return false;
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t name_n, const char *value, size_t value_n)
{
    struct hs_http_req *req = cls;
    struct hs_http_param *header;

    (void)kind;
    if (req->headers_n == HTTP_HEADERS_MAX) {
        req->refused_status = 431;
        return MHD_NO;
    }
    req->folded = req->folded || was_folded(name, name_n, value);
    header = &req->headers[req->headers_n++];
    header->name = hs_arena_copy(&req->arena, hs_str_n(name, name_n));
    header->value = hs_arena_copy(&req->arena, hs_str_n(value, value ? value_n : 0));
    return MHD_YES;
}

static bool id_is_sane(struct hs_str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '-' || c == '_' || c == '.' || c == ':'))
            return false;
    }
    return id.n > 0 && id.n <= HTTP_ID_MAX;
}

static void set_id(struct hs_http_req *req)
{
    char uuid[HS_UUID_TEXT];

    req->id = hs_http_req_header(req, "X-Request-Id");
    if (id_is_sane(req->id))
        return;
    hs_uuid7(hs_wall_ns(req->server->clock), uuid);
    req->id = hs_arena_copy(&req->arena, hs_str_n(uuid, sizeof(uuid)));
}

/* The keeper answers 408 with it. */
static void publish_id(struct http_conn *conn, struct hs_str id)
{
    hs_mutex_lock(&conn->listener->lock);
    conn->id = id;
    hs_mutex_unlock(&conn->listener->lock);
}

static void set_content_type(struct hs_http_req *req)
{
    struct hs_str type = hs_http_req_header(req, "Content-Type");

    req->has_content_type = type.p != NULL;
    type = hs_str_trim(hs_str_n(type.p, hs_str_index(type, ';')));
    type = hs_arena_copy(&req->arena, type);
    for (size_t i = 0; i < type.n; i++) {
        if (type.p[i] >= 'A' && type.p[i] <= 'Z')
            ((char *)type.p)[i] += 'a' - 'A'; /* our own copy */
    }
    req->content_type = type;
}

/* GET's route also answers HEAD. Sets route and values; otherwise *allow gets the methods of the
 * routes that match the path. */
static void find_route(struct hs_http_req *req, unsigned *allow)
{
    enum hs_http_method want = req->method == HS_HEAD ? HS_GET : req->method;

    *allow = 0;
    for (size_t i = 0; i < req->listener->routes_n; i++) {
        const struct http_route *route = &req->listener->routes[i];

        if (route->row.method != want && *allow & 1U << route->row.method)
            continue;
        if (!hs_http_pattern_match(&route->pattern, &req->target, req->values))
            continue;
        *allow |= 1U << route->row.method;
        if (route->row.method != want)
            continue;
        req->route = route;
        return;
    }
}

static void allow_text(unsigned allow, struct hs_buf *out)
{
    static const char *const words[] = {
        [HS_GET] = "GET, HEAD", [HS_POST] = "POST",       [HS_PUT] = "PUT",
        [HS_DELETE] = "DELETE", [HS_OPTIONS] = "OPTIONS",
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(words); i++) {
        if (!(allow & 1U << i))
            continue;
        if (out->n > 0)
            HS_BUF_ADD_LIT(out, ", ");
        hs_buf_add_c(out, words[i]);
    }
}

/* No route: 404, 405, or the plain answer to OPTIONS. */
static int refuse_unrouted(struct hs_http_req *req, unsigned allow)
{
    char text[64];
    struct hs_buf buf;

    if (allow == 0)
        return http_refuse(req, 404, "not_found", "not_found", "there is nothing at this path");
    if (!(allow & 1U << HS_OPTIONS))
        allow |= 1U << HS_OPTIONS;
    hs_buf_init(&buf, sizeof(text));
    allow_text(allow, &buf);
    hs_http_reply_header(req, "Allow", hs_arena_copy(&req->arena, hs_buf_str(&buf)));
    hs_buf_fini(&buf);
    if (req->method == HS_OPTIONS) {
        req->refused_status = 204; /* an answer without a handler, not a refusal */
        return HS_EINVAL;
    }
    return http_refuse(req, 405, "method_not_allowed", "method", "this path does not take %.*s",
                       HS_STR_ARG(req->method_name));
}

/* All that can be said by the header. HS_OK, or refused_* are set; *out_close when the framing is
 * in doubt, so that nothing more may be read from the connection. */
static int examine(struct hs_http_req *req, bool *out_close)
{
    unsigned allow;

    *out_close = true;
    if (req->refused_status == 431)
        return http_refuse(req, 431, "too_many_headers", "header",
                           "request has more than %d header fields", HTTP_HEADERS_MAX);
    if (http_check_framing(req) != HS_OK)
        return HS_EINVAL;
    *out_close = false;
    if (http_check_target(req) != HS_OK)
        return HS_EINVAL;
    http_check_origin(req);
    find_route(req, &allow);
    if (http_check_route(req) != HS_OK)
        return HS_EINVAL;
    if (!req->route)
        return refuse_unrouted(req, allow);
    return http_check_body(req);
}

static enum MHD_Result queue_reply(struct http_conn *conn, struct hs_http_req *req)
{
    struct http_listener *listener = conn->listener;
    enum MHD_Result result;
    bool open;

    hs_mutex_lock(&listener->lock);
    open = http_conn_enter_locked(conn, CONN_REPLYING, hs_mono_ns(listener->server->clock));
    hs_mutex_unlock(&listener->lock);
    req->phase = REQ_QUEUED;
    if (!open || !req->response)
        return MHD_NO;
    result = MHD_queue_response(conn->mhd, (unsigned)req->status, req->response);
    MHD_destroy_response(req->response);
    req->response = NULL;
    return result;
}

/* The reply to a connection whose request was taken away by stop. */
static enum MHD_Result queue_abandoned(struct http_conn *conn)
{
    static char none[1];
    struct MHD_Response *response;
    enum MHD_Result result;

    response = MHD_create_response_from_buffer(0, none, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Connection", "close");
    MHD_add_response_header(response, "Retry-After", "1");
    result = MHD_queue_response(conn->mhd, 503, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result start_request(struct http_conn *conn, struct hs_http_req *req,
                                     const char *method)
{
    bool must_close;
    bool has_body;

    req->method = method_of(method);
    req->method_name = hs_arena_copy(&req->arena, hs_str_c(method));
    MHD_get_connection_values_n(conn->mhd, MHD_HEADER_KIND, add_header, req);
    set_id(req);
    publish_id(conn, req->id);
    set_content_type(req);
    req->expects_continue = hs_str_ieq(hs_http_req_header(req, "Expect"), HS_STR("100-continue"));
    if (examine(req, &must_close) == HS_OK) {
        req->phase = REQ_BODY;
        return MHD_YES;
    }
    has_body = req->chunked || req->length > 0;
    if (!must_close &&
        (!has_body || (!req->chunked && !req->expects_continue && req->length <= HTTP_DRAIN_MAX))) {
        req->phase = REQ_DRAIN;
        return MHD_YES;
    }
    conn->linger = true;
    req->closing = true;
    http_reply_refused(req);
    return queue_reply(conn, req);
}

/* Ends a connection in the middle of a body, where libmicrohttpd takes no reply. */
static enum MHD_Result abort_body(struct http_conn *conn, struct hs_http_req *req)
{
    struct hs_buf body;
    const char *type;

    hs_buf_init(&body, 4096);
    type = http_error_text(req, req->refused_status, req->refused_code, req->refused_detail, &body);
    http_conn_send(conn->fd, req->refused_status, type, hs_buf_str(&body));
    hs_buf_fini(&body);
    req->status = req->refused_status;
    conn->linger = true;
    return MHD_NO;
}

/* Makes room for n bytes and the tail, in steps that fit the announced length. */
static int reserve_body(struct hs_http_req *req, size_t n)
{
    struct hs_buf *buf = &req->body->buf;
    size_t extra = n;

    if (buf->n == 0 && req->has_length && req->coding == HS_CODING_IDENTITY)
        extra = HS_MAX(n, (size_t)HS_MIN(req->length, (uint64_t)BODY_FIRST_MAX));
    if (!hs_buf_reserve(buf, extra + HTTP_BODY_TAIL) ||
        (buf->n + n > BODY_FREE_BYTES && !http_body_charge(req, buf->n + n)))
        return http_refuse(req, 503, "out_of_memory", "memory",
                           "no memory for the body at this time");
    return HS_OK;
}

static int decode_piece(struct hs_http_req *req, struct hs_str data)
{
    struct hs_inflate **decoder = &req->body->decoders[req->coding];
    struct hs_err err;
    int rc;

    if (!*decoder)
        *decoder = hs_inflate_new(req->coding);
    else if (req->received == data.n) /* the first piece */
        hs_inflate_reset(*decoder);
    rc = hs_inflate_feed(*decoder, data, HTTP_BODY_TAIL, &req->body->buf, &err);
    if (rc == HS_ELIMIT)
        return http_refuse(req, 413, "body_too_large", "inflated_max", "%s", err.text);
    if (rc != HS_OK)
        return http_refuse(req, 400, "invalid_content_encoding", "content_encoding", "%s",
                           err.text);
    return reserve_body(req, 0);
}

static int take_piece(struct hs_http_req *req, struct hs_str data)
{
    if (req->received > req->body_max)
        return http_refuse(req, 413, "body_too_large", "body_max",
                           "body is larger than its limit of %llu bytes",
                           (unsigned long long)req->body_max);
    if (!req->body) {
        req->body = http_body_take(req->server);
        req->body->buf.max =
            (size_t)(req->coding == HS_CODING_IDENTITY ? req->body_max : req->inflated_max) +
            HTTP_BODY_TAIL;
    }
    if (req->coding != HS_CODING_IDENTITY)
        return decode_piece(req, data);
    if (reserve_body(req, data.n) != HS_OK)
        return HS_EINVAL;
    hs_buf_add_str(&req->body->buf, data);
    return HS_OK;
}

static enum MHD_Result on_piece(struct http_conn *conn, struct hs_http_req *req, struct hs_str data)
{
    req->received += data.n;
    if (req->phase == REQ_BODY && take_piece(req, data) != HS_OK)
        req->phase = REQ_DRAIN;
    if (req->phase == REQ_DRAIN && req->received > HTTP_DRAIN_MAX &&
        (!req->has_length || req->length - req->received > HTTP_DRAIN_MAX))
        return abort_body(conn, req);
    return MHD_YES;
}

static int finish_body(struct hs_http_req *req)
{
    struct hs_buf *buf;
    struct hs_err err;

    if (!req->body) {
        req->body = http_body_take(req->server);
        req->body->buf.max = HTTP_BODY_TAIL;
    } else if (req->coding != HS_CODING_IDENTITY &&
               hs_inflate_end(req->body->decoders[req->coding], &err) != HS_OK) {
        return http_refuse(req, 400, "invalid_content_encoding", "content_encoding", "%s",
                           err.text);
    }
    buf = &req->body->buf;
    if (!hs_buf_reserve(buf, HTTP_BODY_TAIL))
        return http_refuse(req, 503, "out_of_memory", "memory",
                           "no memory for the body at this time");
    memset(buf->p + buf->n, 0, HTTP_BODY_TAIL);
    return HS_OK;
}

/* Suspends unless the reply is there already or the request was taken away. Returns whether it
 * did; *out_req is then not to be touched, otherwise it is the request or NULL. */
static bool suspend_unless_done(struct http_conn *conn, struct hs_http_req **out_req)
{
    struct http_listener *listener = conn->listener;
    bool suspend;

    hs_mutex_lock(&listener->lock);
    *out_req = conn->req;
    suspend = conn->req && !conn->req->handler_done;
    if (suspend) {
        MHD_suspend_connection(conn->mhd);
        conn->suspended = true;
    }
    hs_mutex_unlock(&listener->lock);
    return suspend;
}

static enum MHD_Result queue_or_wait(struct http_conn *conn)
{
    struct hs_http_req *req;

    if (suspend_unless_done(conn, &req))
        return MHD_YES;
    return req ? queue_reply(conn, req) : queue_abandoned(conn);
}

static enum MHD_Result run_blocking(struct http_conn *conn, struct hs_http_req *req)
{
    struct hs_http_req *same;

    if (!suspend_unless_done(conn, &same))
        return queue_abandoned(conn);
    if (http_workers_submit(req->server, req))
        return MHD_YES;
    http_count_refused(req->listener, "workers_full");
    hs_http_reply_problem(req, 503, "overloaded",
                          "all %zu workers are busy and %zu requests wait, limit reached",
                          req->server->workers_max,
                          req->server->workers_max * HTTP_QUEUE_PER_WORKER);
    return MHD_YES;
}

static enum MHD_Result dispatch(struct http_conn *conn, struct hs_http_req *req)
{
    struct http_listener *listener = conn->listener;
    const struct hs_route *row = &req->route->row;
    bool open;
    bool hard;

    hs_mutex_lock(&listener->lock);
    open = http_conn_enter_locked(conn, CONN_HANDLING, hs_mono_ns(listener->server->clock));
    hard = listener->stop_hard;
    req->dispatched = open && !hard;
    hs_mutex_unlock(&listener->lock);
    if (!open)
        return MHD_NO;
    if (hard)
        return queue_abandoned(conn);
    http_server_ref(req->server);
    req->phase = REQ_HANDLING;
    if (row->flags & HS_ROUTE_BLOCKS)
        return run_blocking(conn, req);
    row->handler(req, row->arg);
    return queue_or_wait(conn);
}

static enum MHD_Result end_of_body(struct http_conn *conn, struct hs_http_req *req)
{
    if (req->phase == REQ_BODY && finish_body(req) != HS_OK)
        req->phase = REQ_DRAIN;
    if (req->phase == REQ_BODY)
        return dispatch(conn, req);
    http_reply_refused(req);
    return queue_reply(conn, req);
}

enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *data_n, void **context)
{
    struct http_conn *conn = http_conn_of(mhd);
    struct hs_http_req *req;
    size_t n = *data_n;

    (void)cls;
    (void)url;
    (void)version;
    (void)context;
    if (!conn)
        return MHD_NO;
    hs_mutex_lock(&conn->listener->lock);
    req = conn->req;
    hs_mutex_unlock(&conn->listener->lock);
    *data_n = 0;
    if (!req)
        return queue_abandoned(conn);
    switch (req->phase) {
    case REQ_START: *data_n = n; return start_request(conn, req, method);
    case REQ_BODY:
    case REQ_DRAIN: return n > 0 ? on_piece(conn, req, hs_str_n(data, n)) : end_of_body(conn, req);
    case REQ_HANDLING: return queue_or_wait(conn);
    case REQ_QUEUED: break;
    }
    return MHD_YES;
}

void http_req_finish(struct hs_http_req *req, int status, struct MHD_Response *response)
{
    struct http_listener *listener = req->listener;
    struct http_conn *conn;

    hs_mutex_lock(&listener->lock);
    HS_ASSERT(!req->handler_done);
    req->handler_done = true;
    req->response = response;
    req->status = status;
    conn = req->conn;
    if (conn && conn->suspended) {
        conn->suspended = false;
        MHD_resume_connection(conn->mhd);
    }
    hs_mutex_unlock(&listener->lock);
    if (!conn)
        http_req_free(req);
}

void http_abandon_all(struct http_listener *listener)
{
    hs_mutex_lock(&listener->lock);
    listener->stop_hard = true;
    for (size_t i = 0; i < listener->conns_n; i++) {
        struct http_conn *conn = listener->conns[i];

        if (conn->state != CONN_HANDLING || !conn->req || !conn->req->dispatched ||
            conn->req->handler_done)
            continue;
        conn->req->conn = NULL;
        conn->req = NULL;
        if (!conn->suspended)
            continue;
        conn->suspended = false;
        MHD_resume_connection(conn->mhd);
    }
    hs_mutex_unlock(&listener->lock);
}

static void tell(const struct hs_http_req *req, int64_t now_ns)
{
    const struct hs_http_server *server = req->server;
    const struct hs_http_done done = {
        .method = req->method,
        .route = req->route ? req->route->row.path : "",
        .listener = req->listener->name,
        .status = req->status,
        .body_bytes = req->received,
        .start_ns = req->start_ns,
        .end_ns = now_ns,
        .traceparent = hs_http_req_header(req, "traceparent"),
        .user_agent = hs_http_req_header(req, "User-Agent"),
    };

    if (server->on_done)
        server->on_done(server->on_done_arg, &done);
}

static void record(const struct hs_http_req *req, int64_t now_ns)
{
    const char *route = req->route ? req->route->row.path : "none";
    char code[12];

    if (req->status == 0)
        return;
    snprintf(code, sizeof(code), "%d", req->status);
    hs_metric_add(&http_requests_total, HS_LABELS(req->listener->name, route, code), 1);
    hs_metric_observe(&http_request_seconds, HS_LABELS(req->listener->name, route),
                      (double)(now_ns - req->start_ns) / (double)HS_NS_PER_S);
    /* A path that is none of ours may be anything, personal data too. */
    hs_log(HS_LOG_DEBUG, "http", "request answered", HS_KV_V("method", req->method_name),
           HS_KV_V("path", req->route ? req->target.path : HS_STR("")),
           HS_KV_I("status", req->status), HS_KV_I("body_bytes", req->received),
           HS_KV_I("us", (now_ns - req->start_ns) / HS_NS_PER_US), HS_KV_V("request_id", req->id),
           HS_KV_V("peer", req->peer));
    tell(req, now_ns);
}

void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode code)
{
    struct http_conn *conn = http_conn_of(mhd);
    struct hs_http_req *req;
    int64_t now_ns;
    bool ours;

    (void)cls;
    (void)context;
    (void)code;
    if (!conn)
        return;
    now_ns = hs_mono_ns(conn->listener->server->clock);
    hs_mutex_lock(&conn->listener->lock);
    req = conn->req;
    conn->req = NULL;
    conn->id = HS_STR_NULL;
    ours = req && (!req->dispatched || req->handler_done);
    if (req)
        req->conn = NULL;
    http_conn_enter_locked(conn, CONN_IDLE, now_ns);
    hs_mutex_unlock(&conn->listener->lock);
    if (!ours)
        return;
    record(req, now_ns);
    http_req_free(req);
}
