/*
 * Inside of the HTTP server. Files:
 *
 *   http_server.c   life cycle: listeners, event loops, start, stop
 *   http_conn.c     the keeper thread: accepts, limits, deadlines, lingering closes
 *   http_request.c  libmicrohttpd's callbacks: a request from its first line to its reply
 *   http_check.c    what is refused by its header: framing, Host, Origin, media type
 *   http_pool.c     body buffers and the worker threads
 *   http_reply.c    replies
 *   http_route.c    targets and patterns
 *
 * A connection's states; the keeper may shut it down in each but HANDLING:
 *
 *   ADDED ──▶ IDLE ──▶ RECEIVING ──▶ HANDLING ──▶ REPLYING ──▶ IDLE …
 *              first byte   all is here   reply queued   reply sent
 *
 * A request has two owners: the connection (until libmicrohttpd reports its end) and, from dispatch
 * to reply, the handler. Whoever is last frees it. A stop that waited long enough takes the
 * connection's share away ("abandons" the request); the handler's late reply then only frees it.
 *
 * Lock order: listener->lock, then libmicrohttpd's own. No callback runs under a lock of ours.
 */
#ifndef HS_NET_HTTP_SERVER_INT_H
#define HS_NET_HTTP_SERVER_INT_H

#include <microhttpd.h>
#include <netinet/in.h>

#include "base/metric.h"
#include "base/thread.h"
#include "net/compress.h"
#include "net/http_route.h"
#include "net/http_server.h"

enum {
    HTTP_LISTENERS_MAX = 8,
    HTTP_LOOPS_MAX = 64,
    HTTP_HEADERS_MAX = 100, /* fields of one request; 431 beyond */
    HTTP_REPLY_HEADERS_MAX = 32,
    HTTP_ID_MAX = 128,            /* bytes of an X-Request-Id that is kept */
    HTTP_CONN_MEMORY = 160 << 10, /* of one connection; about half is its read buffer */
    HTTP_IDLE_MS = 60000,         /* a connection between two requests */
    HTTP_STALL_S = 60,            /* a reply of which nothing could be sent */
    HTTP_REPLY_MS = 300000,       /* a reply in all */
    HTTP_DRAIN_MAX = 64 << 10,    /* a refused body is read to its end up to this length */
    HTTP_LINGER_MAX = 64,         /* refused connections that are read out before their close */
    HTTP_LINGER_MS = 1000,
    HTTP_ARENA_MAX = 64 << 20,
    HTTP_QUEUE_PER_WORKER = 16,     /* blocking requests that may wait */
    HTTP_BODY_TAIL = 64,            /* zero bytes behind a body */
    HTTP_BODY_POOL_MAX = 16,        /* buffers kept */
    HTTP_BODY_POOL_BYTES = 4 << 20, /* of a buffer that is kept */
    HTTP_BODY_POOL_MS = 10000,      /* an unused buffer is kept so long */
    HTTP_COMPRESS_MIN = 1024,
    HTTP_TICK_MS_MAX = 250,
};
/* Bodies in memory at once, of all listeners; 503 beyond. */
#define HTTP_BODIES_BYTES_MAX ((uint64_t)1 << 30)

enum conn_state { CONN_ADDED, CONN_IDLE, CONN_RECEIVING, CONN_HANDLING, CONN_REPLYING };

struct http_conn {
    struct http_listener *listener;
    struct MHD_Connection *mhd; /* loop thread; others only while suspended and under the lock */
    bool linger;                /* loop thread: body bytes may still come after the reply */
    int fd;
    struct http_loop *loop;
    struct hs_http_req *req; /* under the lock; NULL between requests and when abandoned */
    struct hs_str id;        /* under the lock: req's id once it is known */
    size_t slot;             /* under the lock, as all below: index in listener->conns */
    enum conn_state state;
    int64_t since_ns;    /* of the state; RECEIVING: of the first byte */
    uint64_t bytes_idle; /* received when the keeper first saw it idle; UINT64_MAX: not yet */
    bool fresh;          /* no request has ended yet */
    bool shut;           /* the keeper has shut it down */
    bool suspended;
    unsigned char ip[16]; /* IPv4 as ::ffff:a.b.c.d */
    char peer[INET6_ADDRSTRLEN];
};

struct http_loop {
    struct http_listener *listener;
    struct MHD_Daemon *daemon;
    size_t conns_n; /* under the listener's lock */
};

struct http_route {
    struct hs_route row; /* path owned */
    struct hs_http_pattern pattern;
};

struct http_listener {
    struct hs_http_server *server;
    unsigned index;
    char name[32]; /* the metric label */
    bool in_use;
    bool loopback;
    int fd; /* -1: not bound, or closed by stop; owned by the keeper from start on */
    struct http_route *routes; /* sorted; fixed from start on */
    size_t routes_n;
    struct http_loop loops[HTTP_LOOPS_MAX];
    size_t loops_n;
    struct hs_mutex lock;
    struct hs_cond changed;   /* a connection left, or a request ended */
    struct http_conn **conns; /* under the lock, as all below */
    size_t conns_n;
    size_t requests_n; /* connections in RECEIVING, HANDLING or REPLYING */
    bool stopping;     /* replies close their connections, idle ones are shut */
    bool stop_hard;    /* no handler gets a request any more */
};

/* A body buffer with its decoders; taken from and given back to the pool. */
struct http_body {
    struct http_body *next;
    struct hs_buf buf;
    struct hs_inflate *decoders[HS_CODING_ZSTD + 1];
    int64_t used_ns;
};

struct http_linger {
    int fd;
    int64_t until_ns;
};

struct hs_http_server {
    const struct hs_clock *clock;
    size_t loops_per_listener;
    size_t workers_max;
    size_t conns_max;
    size_t conns_ip_max;
    int64_t deadline_ns;
    uint64_t body_max;
    uint64_t inflated_max;
    struct http_listener listeners[HTTP_LISTENERS_MAX];
    hs_http_done_fn *on_done; /* NULL: none; fixed from start on */
    void *on_done_arg;

    struct hs_thread keeper;
    int wake_fd; /* eventfd: wakes the keeper */

    struct hs_mutex lock; /* all below */
    struct hs_cond wake_workers;
    struct hs_cond worker_gone;
    bool started;
    bool keeper_quit;
    bool workers_quit;
    size_t refs; /* the owner, and each request that a handler holds */
    struct http_body *bodies;
    size_t bodies_n;
    uint64_t body_bytes;
    struct hs_thread *workers;
    size_t workers_n;
    size_t workers_live;
    struct hs_http_req *queue_head, *queue_tail;
    size_t queue_n;
    struct http_linger lingers[HTTP_LINGER_MAX];
    size_t lingers_n;
};

/* What libmicrohttpd's next call of the access handler means. */
enum req_phase {
    REQ_START,    /* the header is complete */
    REQ_BODY,     /* body pieces, then the end */
    REQ_DRAIN,    /* refused: pieces are thrown away, the reply waits for the end */
    REQ_HANDLING, /* the handler has it, or has replied */
    REQ_QUEUED,   /* the reply is libmicrohttpd's */
};

struct hs_http_req {
    struct hs_http_server *server;
    struct http_listener *listener;
    struct http_conn *conn;   /* NULL when abandoned; under the lock once HANDLING */
    struct hs_http_req *next; /* in the workers' queue */
    struct hs_arena arena;
    enum req_phase phase; /* loop thread */
    bool dispatched;      /* the handler is an owner, or was */
    bool handler_done;    /* it has replied; under the lock */

    /* set before dispatch, then constant */
    enum hs_http_method method;
    struct hs_str method_name;
    struct hs_str raw_target;
    struct hs_http_target target;
    struct hs_http_param headers[HTTP_HEADERS_MAX];
    size_t headers_n;
    bool folded; /* a field came in several lines */
    struct hs_str id;
    struct hs_str peer;
    struct hs_str content_type;
    bool has_content_type;
    bool cross_origin;
    bool expects_continue;
    bool chunked;
    bool has_length;
    uint64_t length;
    enum hs_coding coding;
    uint64_t body_max;     /* as sent */
    uint64_t inflated_max; /* after decoding */
    const struct http_route *route;
    struct hs_str values[HS_TARGET_SEGMENTS_MAX];
    int64_t start_ns;

    struct http_body *body;
    uint64_t body_charged; /* bytes counted in server->body_bytes */
    uint64_t received;     /* body bytes as sent */

    /* the reply */
    struct hs_http_param reply_headers[HTTP_REPLY_HEADERS_MAX];
    size_t reply_headers_n;
    bool want_etag;
    bool closing;                  /* the reply asks for the end of the connection */
    struct MHD_Response *response; /* owned until it is queued */
    int status;
    int refused_status; /* why the body is drained; 0: not refused */
    const char *refused_code;
    char refused_detail[HS_ERR_TEXT_MAX];
};

extern struct hs_metric http_requests_total;
extern struct hs_metric http_request_seconds;
extern struct hs_metric http_connections;
extern struct hs_metric http_refused_total;

/* Counts one refusal; reasons are literals. @thread any */
void http_count_refused(const struct http_listener *listener, const char *reason);

/* http_request.c: callbacks of libmicrohttpd; cls is the loop. @thread loop */
void *http_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *data_n, void **context);
void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode code);
/* Frees a request that nobody else owns. @thread any */
void http_req_free(struct hs_http_req *req);
/* Takes the reply: wakes the connection, or frees an abandoned request. @thread any */
void http_req_finish(struct hs_http_req *req, int status, struct MHD_Response *response);
/* Takes the connection's share of each request that is being handled and answers 503. After it no
 * connection of the listener is suspended and none will be. @thread any */
void http_abandon_all(struct http_listener *listener);
struct http_conn *http_conn_of(struct MHD_Connection *mhd);

/* http_check.c: HS_OK, or refused_* are set. @thread loop */
int http_check_framing(struct hs_http_req *req);
int http_check_target(struct hs_http_req *req);
int http_check_origin(struct hs_http_req *req);
int http_check_route(struct hs_http_req *req);
int http_check_body(struct hs_http_req *req);
/* Sets refused_*, counts it, returns HS_EINVAL. */
int http_refuse(struct hs_http_req *req, int status, const char *code, const char *reason,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* http_conn.c */
void http_keeper_main(void *arg); /* the server */
void http_keeper_wake(struct hs_http_server *server);
void http_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                        enum MHD_ConnectionNotificationCode code);
/* Moves to a state; false when the keeper has shut it down. Caller holds the listener's lock. */
bool http_conn_enter_locked(struct http_conn *conn, enum conn_state state, int64_t now_ns);
/* Write a whole reply to the socket, for connections that libmicrohttpd will not answer. */
void http_conn_send(int fd, int status, const char *type, struct hs_str body);
void http_conn_send_problem(int fd, int status, const char *code, const char *detail,
                            struct hs_str request_id);

/* http_pool.c */
struct http_body *http_body_take(struct hs_http_server *server);
void http_body_give(struct hs_http_server *server, struct http_body *body);
/* Counts `bytes` in memory, in all, for req; false when the server's bound is reached. */
bool http_body_charge(struct hs_http_req *req, uint64_t bytes);
void http_body_uncharge(struct hs_http_req *req);
void http_bodies_trim(struct hs_http_server *server, int64_t now_ns); /* INT64_MAX: all */
int http_workers_start(struct hs_http_server *server, struct hs_err *err);
/* Ends idle workers; those in a handler end after it and are not waited for beyond until_ns. */
void http_workers_stop(struct hs_http_server *server, int64_t until_ns);
/* False when the queue is full. */
bool http_workers_submit(struct hs_http_server *server, struct hs_http_req *req);
void http_server_ref(struct hs_http_server *server);
void http_server_unref(struct hs_http_server *server);

/* http_reply.c: problem+json text of a request that is refused before or without a handler. */
void http_problem_text(struct hs_buf *out, int status, const char *code, const char *detail,
                       struct hs_str request_id);
/* The same in the form of the request's route; returns the content type. */
const char *http_error_text(struct hs_http_req *req, int status, const char *code,
                            const char *detail, struct hs_buf *out);
/* Builds the reply of a request that has refused_* set into req->response and req->status. */
void http_reply_refused(struct hs_http_req *req);

#endif
