/*
 * An HTTP server with a few routes, for the tests of src/net.
 *
 *   GET  /hello              "hello"
 *   GET  /big                4 KiB of JSON with an ETag
 *   GET  /items/{id}         the parameter
 *   GET  /files/{rest...}    the rest
 *   GET  /query              "name=value;" for each query parameter
 *   POST /echo               the body as application/octet-stream
 *   POST /small              the same, at most 100 bytes
 *   POST /hold               replied to by http_fixture_release
 *   POST /block              on a worker; waits for http_fixture_open_gate
 *   POST /simple             any media type, any origin
 *   GET  /fail               hs_http_reply_err of HS_EAGAIN
 */
#ifndef HS_TESTS_HTTP_FIXTURE_H
#define HS_TESTS_HTTP_FIXTURE_H

#include "base/thread.h"
#include "conf/conf.h"
#include "net/http_server.h"
#include "support/http_raw.h"

enum { FIXTURE_HELD_MAX = 2048 };

struct http_fixture {
    struct hs_conf conf;
    struct hs_http_server *server;
    char address[64];
    char outside[64]; /* listener 1, bound to all addresses, reached by loopback */
    struct hs_mutex lock;
    struct hs_cond changed;
    struct hs_http_req *held[FIXTURE_HELD_MAX];
    size_t held_n;
    size_t blocked_n;
    bool gate_open;
    bool stopped;
};

/* Limits: body 64 KiB, inflated 1 MiB, deadline 5 s, 1,200 connections. */
struct http_fixture *http_fixture_new(void);
/* Starts the server; between new and start the test may change conf. */
void http_fixture_start(struct http_fixture *fixture);
/* Opens the gate, releases what is held, stops and frees all. */
void http_fixture_free(struct http_fixture *fixture);
/* Waits until n requests are held (or blocked, for wait_blocked). */
void http_fixture_wait_held(struct http_fixture *fixture, size_t n);
void http_fixture_wait_blocked(struct http_fixture *fixture, size_t n);
/* Answers all that are held with 200 "released"; returns how many. */
size_t http_fixture_release(struct http_fixture *fixture);
void http_fixture_open_gate(struct http_fixture *fixture);

#endif
