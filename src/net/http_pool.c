#include <pthread.h>

#include "base/mem.h"
#include "net/http_server_int.h"

struct http_body *http_body_take(struct hs_http_server *server)
{
    struct http_body *body;

    hs_mutex_lock(&server->lock);
    body = server->bodies;
    if (body) {
        server->bodies = body->next;
        server->bodies_n--;
    }
    hs_mutex_unlock(&server->lock);
    if (!body) {
        body = hs_xalloc(sizeof(*body));
        hs_buf_init(&body->buf, 0);
    }
    hs_buf_reset(&body->buf);
    return body;
}

static void free_body(struct http_body *body)
{
    for (size_t i = 0; i < HS_ARRAY_LEN(body->decoders); i++)
        hs_inflate_free(body->decoders[i]);
    hs_buf_fini(&body->buf);
    hs_free(body);
}

void http_body_give(struct hs_http_server *server, struct http_body *body)
{
    bool keep = body->buf.cap <= HTTP_BODY_POOL_BYTES;

    body->used_ns = hs_mono_ns(server->clock);
    hs_mutex_lock(&server->lock);
    keep = keep && server->bodies_n < HTTP_BODY_POOL_MAX;
    if (keep) {
        body->next = server->bodies;
        server->bodies = body;
        server->bodies_n++;
    }
    hs_mutex_unlock(&server->lock);
    if (!keep)
        free_body(body);
}

void http_bodies_trim(struct hs_http_server *server, int64_t now_ns)
{
    struct http_body *old = NULL;
    struct http_body **at;

    hs_mutex_lock(&server->lock);
    for (at = &server->bodies; *at;) {
        struct http_body *body = *at;

        if (now_ns - body->used_ns < HTTP_BODY_POOL_MS * HS_NS_PER_MS) {
            at = &body->next;
            continue;
        }
        *at = body->next;
        server->bodies_n--;
        body->next = old;
        old = body;
    }
    hs_mutex_unlock(&server->lock);
    while (old) {
        struct http_body *body = old;

        old = body->next;
        free_body(body);
    }
}

bool http_body_charge(struct hs_http_req *req, uint64_t bytes)
{
    struct hs_http_server *server = req->server;
    uint64_t more;
    bool fits;

    if (bytes <= req->body_charged)
        return true;
    more = bytes - req->body_charged;
    hs_mutex_lock(&server->lock);
    fits = server->body_bytes + more <= HTTP_BODIES_BYTES_MAX;
    if (fits)
        server->body_bytes += more;
    hs_mutex_unlock(&server->lock);
    if (fits)
        req->body_charged = bytes;
    return fits;
}

void http_body_uncharge(struct hs_http_req *req)
{
    struct hs_http_server *server = req->server;

    if (req->body_charged == 0)
        return;
    hs_mutex_lock(&server->lock);
    HS_ASSERT(server->body_bytes >= req->body_charged);
    server->body_bytes -= req->body_charged;
    hs_mutex_unlock(&server->lock);
    req->body_charged = 0;
}

/* The next request to handle, or NULL when the workers are to end. */
static struct hs_http_req *pop(struct hs_http_server *server)
{
    struct hs_http_req *req;

    hs_mutex_lock(&server->lock);
    while (!server->queue_head && !server->workers_quit)
        hs_cond_wait_ms(&server->wake_workers, &server->lock, -1);
    req = server->queue_head;
    if (req) {
        server->queue_head = req->next;
        if (!server->queue_head)
            server->queue_tail = NULL;
        server->queue_n--;
    }
    hs_mutex_unlock(&server->lock);
    return req;
}

static void worker_main(void *arg)
{
    struct hs_http_server *server = arg;
    struct hs_http_req *req;

    while ((req = pop(server)) != NULL)
        req->route->row.handler(req, req->route->row.arg);
    hs_mutex_lock(&server->lock);
    server->workers_live--;
    hs_cond_broadcast(&server->worker_gone);
    hs_mutex_unlock(&server->lock);
    http_server_unref(server);
}

int http_workers_start(struct hs_http_server *server, struct hs_err *err)
{
    int rc = HS_OK;

    server->workers = hs_xcalloc(server->workers_max, sizeof(*server->workers));
    server->workers_quit = false;
    while (server->workers_n < server->workers_max && rc == HS_OK) {
        http_server_ref(server);
        hs_mutex_lock(&server->lock);
        server->workers_live++;
        hs_mutex_unlock(&server->lock);
        rc = hs_thread_start(&server->workers[server->workers_n], "http-worker", worker_main,
                             server, err);
        if (rc == HS_OK) {
            server->workers_n++;
            continue;
        }
        hs_mutex_lock(&server->lock);
        server->workers_live--;
        hs_mutex_unlock(&server->lock);
        http_server_unref(server);
    }
    return rc;
}

/* Answers what no worker has begun. */
static void refuse_queued(struct hs_http_server *server)
{
    struct hs_http_req *req;

    hs_mutex_lock(&server->lock);
    server->workers_quit = true;
    req = server->queue_head;
    server->queue_head = NULL;
    server->queue_tail = NULL;
    server->queue_n = 0;
    hs_cond_broadcast(&server->wake_workers);
    hs_mutex_unlock(&server->lock);
    while (req) {
        struct hs_http_req *next = req->next;

        hs_http_reply_problem(req, 503, "stopping", "the server is stopping");
        req = next;
    }
}

void http_workers_stop(struct hs_http_server *server, int64_t until_ns)
{
    bool all_gone;

    refuse_queued(server);
    hs_mutex_lock(&server->lock);
    while (server->workers_live > 0) {
        int64_t left_ns = until_ns - hs_mono_ns(hs_clock_system());

        if (left_ns <= 0)
            break;
        hs_cond_wait_ms(&server->worker_gone, &server->lock, left_ns / HS_NS_PER_MS + 1);
    }
    all_gone = server->workers_live == 0;
    hs_mutex_unlock(&server->lock);
    for (size_t i = 0; i < server->workers_n; i++) {
        if (all_gone)
            hs_thread_join(&server->workers[i]);
        else
            pthread_detach(server->workers[i].raw); /* ends after its handler; holds a reference */
    }
    server->workers_n = 0;
    hs_free(server->workers);
    server->workers = NULL;
}

bool http_workers_submit(struct hs_http_server *server, struct hs_http_req *req)
{
    bool room;

    hs_mutex_lock(&server->lock);
    room = server->queue_n < server->workers_max * HTTP_QUEUE_PER_WORKER && !server->workers_quit;
    if (room) {
        req->next = NULL;
        if (server->queue_tail)
            server->queue_tail->next = req;
        else
            server->queue_head = req;
        server->queue_tail = req;
        server->queue_n++;
        hs_cond_signal(&server->wake_workers);
    }
    hs_mutex_unlock(&server->lock);
    return room;
}
