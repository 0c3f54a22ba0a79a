#include "support/http_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

enum { WAIT_MS = 20000 };

static void on_hello(struct hs_http_req *req, void *arg)
{
    (void)arg;
    hs_http_reply(req, 200, "text/plain", HS_STR("hello"));
}

static void on_big(struct hs_http_req *req, void *arg)
{
    struct hs_buf body;

    (void)arg;
    hs_buf_init(&body, 8192);
    for (int i = 0; i < 256; i++)
        hs_buf_addf(&body, "{\"i\": %8d}\n", i);
    hs_http_reply_etag(req);
    hs_http_reply_buf(req, 200, "application/json", &body);
}

static void on_item(struct hs_http_req *req, void *arg)
{
    (void)arg;
    hs_http_reply(req, 200, "text/plain", hs_http_req_path_param(req, "id"));
}

static void on_file(struct hs_http_req *req, void *arg)
{
    (void)arg;
    hs_http_reply(req, 200, "text/html", hs_http_req_path_param(req, "rest"));
}

static bool add_param(void *arg, struct hs_str name, struct hs_str value)
{
    hs_buf_addf(arg, "%.*s=%.*s;", HS_STR_ARG(name), HS_STR_ARG(value));
    return true;
}

static void on_query(struct hs_http_req *req, void *arg)
{
    struct hs_buf body;

    (void)arg;
    hs_buf_init(&body, 65536);
    hs_http_req_query_each(req, add_param, &body);
    hs_http_reply_buf(req, 200, "text/plain", &body);
}

static void on_echo(struct hs_http_req *req, void *arg)
{
    size_t n;
    char *body = hs_http_req_body(req, &n);

    (void)arg;
    for (size_t i = 0; i < 64; i++)
        HS_ASSERT(body[n + i] == 0);
    hs_http_reply(req, 200, "application/octet-stream", hs_str_n(body, n));
}

static void on_hold(struct hs_http_req *req, void *arg)
{
    struct http_fixture *fixture = arg;

    hs_mutex_lock(&fixture->lock);
    HS_ASSERT(fixture->held_n < FIXTURE_HELD_MAX);
    fixture->held[fixture->held_n++] = req;
    hs_cond_broadcast(&fixture->changed);
    hs_mutex_unlock(&fixture->lock);
}

static void on_block(struct hs_http_req *req, void *arg)
{
    struct http_fixture *fixture = arg;

    hs_mutex_lock(&fixture->lock);
    fixture->blocked_n++;
    hs_cond_broadcast(&fixture->changed);
    while (!fixture->gate_open)
        hs_cond_wait_ms(&fixture->changed, &fixture->lock, -1);
    fixture->blocked_n--;
    hs_cond_broadcast(&fixture->changed);
    hs_mutex_unlock(&fixture->lock);
    hs_http_reply(req, 200, "text/plain", HS_STR("unblocked"));
}

static void on_fail(struct hs_http_req *req, void *arg)
{
    struct hs_err err = {.rc = HS_EAGAIN, .text = "queue is full"};

    (void)arg;
    hs_http_reply_err(req, "queue_full", &err);
}

struct http_fixture *http_fixture_new(void)
{
    struct http_fixture *fixture = hs_xalloc(sizeof(*fixture));

    fixture->conf = (struct hs_conf){
        .http_threads = 2,
        .http_workers = 2,
        .http_connections_max = 1200,
        .http_connections_ip_max = 1200,
        .http_deadline_ms = 5000,
        .http_body_max = 65536,
        .http_inflated_max = 1 << 20,
    };
    hs_mutex_init(&fixture->lock, HS_RANK_SERVICE);
    hs_cond_init(&fixture->changed);
    return fixture;
}

/* Errors of a form of its own, with a header. */
static const char *write_error(struct hs_http_req *req, int status, const char *code,
                               const char *detail, struct hs_buf *out)
{
    hs_http_reply_header(req, "X-Own", HS_STR("yes"));
    hs_buf_addf(out, "%d|%s|%s", status, code, detail);
    return "text/x-error";
}

static void bind_one(struct http_fixture *fixture, unsigned index, const char *where, char *out,
                     size_t out_n)
{
    struct hs_buf text;
    struct hs_err err;

    hs_buf_init(&text, 128);
    if (hs_http_server_listen(fixture->server, index, where, &text, &err) != HS_OK)
        fail_msg("%s", err.text);
    snprintf(out, out_n, "127.0.0.1%s", strrchr(hs_buf_cstr(&text), ':'));
    hs_buf_fini(&text);
}

void http_fixture_start(struct http_fixture *fixture)
{
    struct hs_route routes[] = {
        {3, HS_GET, "/hello", 0, 0, on_hello, fixture, NULL},
        {3, HS_GET, "/big", 0, 0, on_big, fixture, NULL},
        {3, HS_GET, "/items/{id}", 0, 0, on_item, fixture, NULL},
        {3, HS_GET, "/files/{rest...}", 0, 0, on_file, fixture, NULL},
        {3, HS_GET, "/query", 0, 0, on_query, fixture, NULL},
        {3, HS_POST, "/echo", 0, 0, on_echo, fixture, NULL},
        {3, HS_PUT, "/echo", 0, 0, on_echo, fixture, NULL},
        {3, HS_POST, "/small", 0, 100, on_echo, fixture, NULL},
        {3, HS_POST, "/hold", 0, 0, on_hold, fixture, NULL},
        {3, HS_POST, "/block", HS_ROUTE_BLOCKS, 0, on_block, fixture, NULL},
        {3, HS_POST, "/simple", HS_ROUTE_SIMPLE_TYPE | HS_ROUTE_CORS, 0, on_echo, fixture, NULL},
        {3, HS_GET, "/fail", 0, 0, on_fail, fixture, NULL},
        {3, HS_POST, "/own-errors", 0, 100, on_fail, fixture, write_error},
    };
    struct hs_err err;

    assert_int_equal(hs_http_server_new(&fixture->conf, hs_clock_system(), &fixture->server, &err),
                     HS_OK);
    hs_http_server_name(fixture->server, 0, "test");
    for (size_t i = 0; i < HS_ARRAY_LEN(routes); i++)
        assert_int_equal(hs_http_server_route(fixture->server, &routes[i], &err), HS_OK);
    bind_one(fixture, 0, "127.0.0.1:0", fixture->address, sizeof(fixture->address));
    bind_one(fixture, 1, "0.0.0.0:0", fixture->outside, sizeof(fixture->outside));
    if (hs_http_server_start(fixture->server, &err) != HS_OK)
        fail_msg("%s", err.text);
}

void http_fixture_open_gate(struct http_fixture *fixture)
{
    hs_mutex_lock(&fixture->lock);
    fixture->gate_open = true;
    hs_cond_broadcast(&fixture->changed);
    hs_mutex_unlock(&fixture->lock);
}

size_t http_fixture_release(struct http_fixture *fixture)
{
    size_t n = 0;

    for (;;) {
        struct hs_http_req *req = NULL;

        hs_mutex_lock(&fixture->lock);
        if (fixture->held_n > 0)
            req = fixture->held[--fixture->held_n];
        hs_mutex_unlock(&fixture->lock);
        if (!req)
            return n;
        hs_http_reply(req, 200, "text/plain", HS_STR("released"));
        n++;
    }
}

static void wait_for(struct http_fixture *fixture, const size_t *counter, size_t n)
{
    hs_mutex_lock(&fixture->lock);
    while (*counter < n) {
        if (!hs_cond_wait_ms(&fixture->changed, &fixture->lock, WAIT_MS))
            fail_msg("%zu of %zu requests came", *counter, n);
    }
    hs_mutex_unlock(&fixture->lock);
}

void http_fixture_wait_held(struct http_fixture *fixture, size_t n)
{
    wait_for(fixture, &fixture->held_n, n);
}

void http_fixture_wait_blocked(struct http_fixture *fixture, size_t n)
{
    wait_for(fixture, &fixture->blocked_n, n);
}

void http_fixture_free(struct http_fixture *fixture)
{
    http_fixture_open_gate(fixture);
    http_fixture_release(fixture);
    if (!fixture->stopped)
        hs_http_server_stop(fixture->server, 2000);
    hs_mutex_lock(&fixture->lock); /* handlers that outlived a short stop use the fixture */
    while (fixture->blocked_n > 0)
        hs_cond_wait_ms(&fixture->changed, &fixture->lock, -1);
    hs_mutex_unlock(&fixture->lock);
    hs_http_server_free(fixture->server);
    hs_cond_fini(&fixture->changed);
    hs_mutex_fini(&fixture->lock);
    hs_free(fixture);
}
