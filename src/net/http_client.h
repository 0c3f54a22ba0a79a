/*
 * A blocking HTTP/1.1 client for one peer or a few: a bounded pool of kept-alive connections over
 * libcurl. It follows no redirects, reads no proxy from the environment, and takes no credentials
 * in URLs (HS_EINVAL): they belong into headers.
 *
 * Any thread may call; a call occupies one slot of the pool for its duration.
 */
#ifndef HS_NET_HTTP_CLIENT_H
#define HS_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct hs_http_client;

enum {
    HS_HTTP_CLIENT_HEADERS_MAX = 65536, /* bytes of an answer's header fields; beyond: HS_ELIMIT */
    HS_HTTP_CLIENT_SEND_HEADERS_MAX = 32,
};

struct hs_http_field {
    const char *name;
    struct hs_str value; /* CR, LF and NUL give HS_EINVAL */
};

struct hs_http_call {
    const char *method; /* "GET", "POST", "PUT", "DELETE", "HEAD" */
    const char *url;    /* http:// or https:// */
    const struct hs_http_field *fields;
    size_t fields_n;
    struct hs_str body;  /* sent for POST and PUT, with Content-Length */
    int64_t connect_ms;  /* > 0; until the connection stands */
    int64_t total_ms;    /* > 0; for everything, waiting for a slot included */
    size_t response_max; /* bytes of the answer's body */
    bool once;           /* the request must never be sent twice: takes a new connection, because
                             libcurl sends again when a kept-alive one turns out to be closed */
};

struct hs_http_reply {
    int status;         /* 0: no answer began */
    bool sent;          /* a byte of the request may have reached the peer */
    bool no_slot;       /* the pool was full until the deadline; says nothing of the peer */
    struct hs_buf head; /* header lines as they came; see hs_http_answer_header */
    struct hs_buf body; /* what came, after a failure too */
};

/* connections_max bounds calls in flight; more wait for a slot. */
int hs_http_client_open(size_t connections_max, struct hs_http_client **out, struct hs_err *err);
/* No call may be in flight. NULL is a no-op. */
void hs_http_client_close(struct hs_http_client *client);

/* The caller inits and finis; call may be repeated on one reply, which resets it. */
void hs_http_reply_init(struct hs_http_reply *reply);
void hs_http_reply_fini(struct hs_http_reply *reply);

/*
 * Sends the request and reads the whole answer. HS_OK: an answer of any status came completely.
 * HS_EAGAIN: nothing reached the peer (no connection, or no free slot in time).
 * HS_ETIMEOUT: total_ms passed after the request was begun. HS_EIO: the connection broke; what came
 * until then is in the reply. HS_ELIMIT: the answer is longer than response_max.
 * HS_EINVAL: the URL or a field is malformed. @thread any @blocks
 */
int hs_http_client_call(struct hs_http_client *client, const struct hs_http_call *call,
                        struct hs_http_reply *reply, struct hs_err *err);

/* The value of the last field of that name (any case), trimmed; the null view when absent. */
struct hs_str hs_http_answer_header(const struct hs_http_reply *reply, const char *name);

/* Appends s percent-encoded (all but A–Z a–z 0–9 - . _ ~), for query parameters. */
void hs_http_url_encode(struct hs_buf *out, struct hs_str s);

#endif
