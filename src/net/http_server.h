/*
 * HTTP/1.1 server over libmicrohttpd: listeners, routes, limits and deadlines. It knows nothing of
 * what is served: services register routes, then the command starts it.
 *
 * Before a handler sees a request the server has: refused requests with two Content-Length fields,
 * Content-Length together with Transfer-Encoding, or another length than told; checked the Host and
 * Origin rules of a loopback listener (design §1); read and decompressed the body (gzip, deflate,
 * zstd) under http.body_max and http.inflated_max (413); and enforced the total deadline (408 or
 * close) from the first byte of the request on. Bodies that a route does not want are refused with
 * 413 before they are read. Errors are RFC 9457 problems with a request id, or of the form that the
 * route wants.
 */
#ifndef HS_NET_HTTP_SERVER_H
#define HS_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"

struct hs_http_server;
struct hs_http_req;

enum hs_http_method { HS_GET, HS_POST, HS_PUT, HS_DELETE, HS_OPTIONS, HS_HEAD, HS_METHOD_OTHER };

/* Answers with hs_http_reply… exactly once, now or later, from any thread. Runs on an event loop
 * (must not block) unless the route has HS_ROUTE_BLOCKS. */
typedef void hs_http_handler_fn(struct hs_http_req *req, void *arg);

/* Appends the body of an error's reply in the form that a route's clients read, and returns its
 * content type (a literal). It may add headers to the reply. @thread any */
typedef const char *hs_http_error_fn(struct hs_http_req *req, int status, const char *code,
                                     const char *detail, struct hs_buf *out);

enum hs_route_flags {
    HS_ROUTE_BLOCKS = 1 << 0,        /* run on the worker pool; 503 when its queue is full */
    HS_ROUTE_SIMPLE_TYPE = 1 << 1,   /* a write that accepts text/plain from browsers (UBI, events):
                                      only with a browser key; see hs_http_req_cross_origin */
    HS_ROUTE_CORS = 1 << 2,          /* the service answers OPTIONS and Origin itself */
    HS_ROUTE_NO_BODY_LIMIT = 1 << 3, /* reserved for imports: inflated limit times 4 */
};

struct hs_route {
    unsigned listeners; /* set of 1 << listener index given to hs_http_server_listen */
    enum hs_http_method method;
    const char *path; /* "/api/v1/traces/{trace_id}"; {x} matches one segment; a final
                              "{x...}" matches the rest */
    unsigned flags;
    uint64_t body_max; /* 0: http.body_max of the configuration; only lower values count, and then
                          bound the decoded body too */
    hs_http_handler_fn *handler;
    void *arg;
    hs_http_error_fn *error_fn; /* NULL: RFC 9457 problems; also for what the server itself refuses
                                   once it has found the route */
};

/* HEAD is answered for each GET route. 405 with Allow, 404 otherwise. */
int hs_http_server_new(const struct hs_conf *conf, const struct hs_clock *clock,
                       struct hs_http_server **out, struct hs_err *err);
/* Adds a route before start. Two routes of one listener that match alike give HS_ECONFLICT. */
int hs_http_server_route(struct hs_http_server *server, const struct hs_route *route,
                         struct hs_err *err);
/* Binds "host:port" ("[::1]:0" too) as listener `index` (0…7). out_address gets what was bound as
 * "127.0.0.1:43211". HS_EINVAL: not an address; HS_EIO: in use or not permitted. */
int hs_http_server_listen(struct hs_http_server *server, unsigned index, const char *address,
                          struct hs_buf *out_address, struct hs_err *err);
/* The listener's word in metrics ("gateway"; default: its index). Before start. */
void hs_http_server_name(struct hs_http_server *server, unsigned index, const char *name);

/* A request whose reply was sent. Views are borrowed until the hook returns. */
struct hs_http_done {
    enum hs_http_method method;
    const char *route;    /* the pattern; "" when no route took it */
    const char *listener; /* its word in metrics */
    int status;
    uint64_t body_bytes;       /* of the request, as sent */
    int64_t start_ns, end_ns;  /* mono clock: first byte of the request, last of the reply */
    struct hs_str traceparent; /* header; empty when absent, as the next */
    struct hs_str user_agent;
};

/* Called after each reply, on an event loop: must not block. Before start; one at most. */
typedef void hs_http_done_fn(void *arg, const struct hs_http_done *done);
void hs_http_server_on_done(struct hs_http_server *server, hs_http_done_fn *fn, void *arg);
int hs_http_server_start(struct hs_http_server *server, struct hs_err *err);
/* Stops accepting, waits until running requests are answered (at most wait_ms), closes. What has no
 * reply by then gets 503; its handler's late reply is still allowed, also after
 * hs_http_server_free, and goes nowhere. Workers inside a handler are then left to end on their
 * own; a handler that blocks an event loop holds up the stop. @blocks */
void hs_http_server_stop(struct hs_http_server *server, int64_t wait_ms);
void hs_http_server_free(struct hs_http_server *server); /* NULL is a no-op */

/* The request. All views and the arena live until the reply was sent. */
enum hs_http_method hs_http_req_method(const struct hs_http_req *req);
struct hs_str hs_http_req_path(const struct hs_http_req *req);
struct hs_str hs_http_req_path_param(const struct hs_http_req *req, const char *name);
/* Percent-decoded query parameter; false when absent. The i-th value of a repeated one. */
bool hs_http_req_query(const struct hs_http_req *req, const char *name, size_t i,
                       struct hs_str *out);
/* Calls fn for each query parameter in order, until it returns false. */
typedef bool hs_http_query_fn(void *arg, struct hs_str name, struct hs_str value);
void hs_http_req_query_each(const struct hs_http_req *req, hs_http_query_fn *fn, void *arg);
/* First header of that name (any case); the null view when absent. */
struct hs_str hs_http_req_header(const struct hs_http_req *req, const char *name);
/* Media type in lower case without parameters; empty when absent. */
struct hs_str hs_http_req_content_type(const struct hs_http_req *req);
/* The whole body after decompression; mutable, with 64 zero bytes past its end that may be written
 * (for in-place parsers). */
char *hs_http_req_body(struct hs_http_req *req, size_t *out_n);
struct hs_arena *hs_http_req_arena(struct hs_http_req *req);
struct hs_str hs_http_req_id(const struct hs_http_req *req);   /* request id */
struct hs_str hs_http_req_peer(const struct hs_http_req *req); /* address without port */
bool hs_http_req_on_loopback(const struct hs_http_req *req);   /* listener is on loopback */
unsigned hs_http_req_listener(const struct hs_http_req *req);
/* Sent by a page of another origin (Origin or Sec-Fetch-Site says so). */
bool hs_http_req_cross_origin(const struct hs_http_req *req);
int64_t hs_http_req_start_ns(const struct hs_http_req *req); /* mono clock, first byte */

/* Adds a header to the reply to come. Borrowed until the reply; HS_ELIMIT past 32, HS_EINVAL for a
 * value with control bytes (nothing can be smuggled into the reply). */
int hs_http_reply_header(struct hs_http_req *req, const char *name, struct hs_str value);
/* Sends and ends the request: status, content type (literal), body (copied). Compresses bodies of
 * 1 KiB or more when the client accepts gzip or zstd. With a strong ETag for GET 200s of routes
 * that called hs_http_reply_etag. @thread any */
void hs_http_reply(struct hs_http_req *req, int status, const char *content_type,
                   struct hs_str body);
/* Same with a buffer whose memory is taken (buf is empty after). */
void hs_http_reply_buf(struct hs_http_req *req, int status, const char *content_type,
                       struct hs_buf *body);
/* Computes an ETag of the body for the next reply, answers 304 to a matching If-None-Match. */
void hs_http_reply_etag(struct hs_http_req *req);
/* An error in the form of the route, else application/problem+json: {"type":"about:blank",
 * "title":…,"status":…,"detail":…,"code":…,"request_id":…}. `code` is a short word from a closed
 * set ("invalid_json"). */
void hs_http_reply_problem(struct hs_http_req *req, int status, const char *code,
                           const char *detail_fmt, ...) __attribute__((format(printf, 4, 5)));
/* The problem that err stands for: status from its code, 503 and 429 with Retry-After: 1. */
void hs_http_reply_err(struct hs_http_req *req, const char *code, const struct hs_err *err);

#endif
