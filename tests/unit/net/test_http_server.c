/* What the HTTP server takes, refuses and answers, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/metric.h"
#include "net/compress.h"
#include "support/http_fixture.h"

extern struct hs_metric http_requests_total, http_refused_total; /* the server's own */

static int setup(void **state)
{
    struct http_fixture *fixture = http_fixture_new();

    http_fixture_start(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    http_fixture_free(*state);
    return 0;
}

#define H "Host: localhost\r\n"
#define OCTETS "Content-Type: application/octet-stream\r\n"

struct ask_case {
    const char *text;
    int status;
    const char *code; /* of the problem; NULL: any body */
};

static void check_asks(const char *address, const struct ask_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct raw_reply reply = raw_ask(address, cases[i].text);
        char want[64];

        if (reply.status != cases[i].status)
            fail_msg("%s: got %d, want %d: %s", cases[i].text, reply.status, cases[i].status,
                     reply.body ? reply.body : "");
        snprintf(want, sizeof(want), "\"code\":\"%s\"", cases[i].code ? cases[i].code : "");
        if (cases[i].code && !strstr(reply.body, want))
            fail_msg("%s: no code %s in %s", cases[i].text, cases[i].code, reply.body);
        raw_reply_free(&reply);
    }
}

static void reply__carries_safe_headers_and_the_request_id(void **state)
{
    struct http_fixture *fixture = *state;
    struct raw_reply reply;
    char value[128];

    reply = raw_ask(fixture->address, "GET /hello HTTP/1.1\r\n" H "X-Request-Id: abc-1.2\r\n\r\n");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    assert_true(raw_header(&reply, "X-Request-Id", value, sizeof(value)));
    assert_string_equal(value, "abc-1.2");
    assert_true(raw_header(&reply, "X-Content-Type-Options", value, sizeof(value)));
    assert_string_equal(value, "nosniff");
    assert_true(raw_header(&reply, "Cache-Control", value, sizeof(value)));
    assert_string_equal(value, "no-store");
    raw_reply_free(&reply);

    reply =
        raw_ask(fixture->address, "GET /hello HTTP/1.1\r\n" H "X-Request-Id: a b<script>\r\n\r\n");
    assert_true(raw_header(&reply, "X-Request-Id", value, sizeof(value)));
    assert_int_equal(strlen(value), 36); /* ours */
    raw_reply_free(&reply);
}

static void html__without_a_policy_gets_the_strictest(void **state)
{
    struct http_fixture *fixture = *state;
    struct raw_reply reply = raw_ask(fixture->address, "GET /files/a/b HTTP/1.1\r\n" H "\r\n");
    char value[128];

    assert_string_equal(reply.body, "a/b");
    assert_true(raw_header(&reply, "Content-Security-Policy", value, sizeof(value)));
    assert_non_null(strstr(value, "default-src 'none'"));
    raw_reply_free(&reply);
}

static void unknown_paths_and_methods__are_problems(void **state)
{
    struct http_fixture *fixture = *state;
    static const struct ask_case cases[] = {
        {"GET /nothing HTTP/1.1\r\n" H "\r\n", 404, "not_found"},
        {"GET /hello/ HTTP/1.1\r\n" H "\r\n", 404, "not_found"},
        {"GET /items/ HTTP/1.1\r\n" H "\r\n", 404, "not_found"},
        {"DELETE /hello HTTP/1.1\r\n" H "\r\n", 405, "method_not_allowed"},
        {"BREW /hello HTTP/1.1\r\n" H "\r\n", 405, "method_not_allowed"},
        {"HEAD /echo HTTP/1.1\r\n" H "\r\n", 405, NULL},
        {"OPTIONS /hello HTTP/1.1\r\n" H "\r\n", 204, NULL},
        {"GET /fail HTTP/1.1\r\n" H "\r\n", 503, "queue_full"},
    };
    struct raw_reply reply;
    char value[128];

    check_asks(fixture->address, cases, HS_ARRAY_LEN(cases));
    reply = raw_ask(fixture->address, "GET /echo HTTP/1.1\r\n" H "X-Request-Id: id7\r\n\r\n");
    assert_int_equal(reply.status, 405);
    assert_true(raw_header(&reply, "Allow", value, sizeof(value)));
    assert_string_equal(value, "POST, PUT, OPTIONS");
    assert_true(raw_header(&reply, "Content-Type", value, sizeof(value)));
    assert_string_equal(value, "application/problem+json");
    assert_non_null(strstr(reply.body, "\"request_id\":\"id7\""));
    assert_non_null(strstr(reply.body, "\"title\":\"Method Not Allowed\""));
    raw_reply_free(&reply);
    reply = raw_ask(fixture->address, "GET /fail HTTP/1.1\r\n" H "\r\n");
    assert_true(raw_header(&reply, "Retry-After", value, sizeof(value)));
    raw_reply_free(&reply);
}

static void check_own(const char *address, const char *text, const char *want)
{
    struct raw_reply reply = raw_ask(address, text);
    char value[128];

    assert_true(raw_header(&reply, "Content-Type", value, sizeof(value)));
    assert_string_equal(value, "text/x-error");
    assert_true(raw_header(&reply, "X-Own", value, sizeof(value)));
    assert_memory_equal(reply.body, want, strlen(want));
    raw_reply_free(&reply);
}

/* What the handler refuses and what the server refuses before it. */
static void errors__have_the_form_of_the_route(void **state)
{
    struct http_fixture *fixture = *state;

    check_own(fixture->address,
              "POST /own-errors HTTP/1.1\r\n" H OCTETS "Content-Length: 2\r\n\r\n{}",
              "503|queue_full|");
    check_own(fixture->address,
              "POST /own-errors HTTP/1.1\r\n" H OCTETS
              "Expect: 100-continue\r\nContent-Length: 101\r\n\r\n",
              "413|body_too_large|body is 101 bytes, limit 100");
    check_own(fixture->address, "POST /own-errors HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}",
              "415|unsupported_media_type|Content-Type is missing");
    check_own(fixture->address,
              "POST /own-errors HTTP/1.1\r\n" H OCTETS
              "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno",
              "400|invalid_content_encoding|");
}

static void paths__are_decoded_and_tricks_refused(void **state)
{
    struct http_fixture *fixture = *state;
    static const struct ask_case cases[] = {
        {"GET /items/a%00b HTTP/1.1\r\n" H "\r\n", 400, "invalid_path"},
        {"GET /items/%zz HTTP/1.1\r\n" H "\r\n", 400, "invalid_path"},
        {"GET /items/%e0%80 HTTP/1.1\r\n" H "\r\n", 400, "invalid_path"},
        {"GET /files/../x HTTP/1.1\r\n" H "\r\n", 400, "invalid_path"},
        {"GET /files/%2e%2E/x HTTP/1.1\r\n" H "\r\n", 400, "invalid_path"},
        {"GET /files/a%2f..%2fx HTTP/1.1\r\n" H "\r\n", 400, "invalid_path"},
        {"GET /files/a%5c..%5cx HTTP/1.1\r\n" H "\r\n", 400, "invalid_path"},
        {"GET /files/a%2fx HTTP/1.1\r\n" H "\r\n", 404, "not_found"},
        {"GET /query?a=%00 HTTP/1.1\r\n" H "\r\n", 400, "invalid_path"},
        {"GET hello HTTP/1.1\r\n" H "\r\n", 400, "invalid_path"},
        {"GET http://localhost/hello HTTP/1.1\r\n" H "\r\n", 200, NULL},
        {"GET http://evil.example/hello HTTP/1.1\r\n" H "\r\n", 403, "host_not_allowed"},
    };
    struct raw_reply reply;

    check_asks(fixture->address, cases, HS_ARRAY_LEN(cases));
    reply = raw_ask(fixture->address, "GET /items/a%2Fb%20c HTTP/1.1\r\n" H "\r\n");
    assert_string_equal(reply.body, "a/b c");
    raw_reply_free(&reply);
    reply = raw_ask(fixture->address, "GET /query?a=1&b=x+y%26&a=2&c HTTP/1.1\r\n" H "\r\n");
    assert_string_equal(reply.body, "a=1;b=x y&;a=2;c=;");
    raw_reply_free(&reply);
}

static void doubtful_framing__is_refused(void **state)
{
    struct http_fixture *fixture = *state;
    static const struct ask_case cases[] = {
        {"POST /echo HTTP/1.1\r\n" H OCTETS "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
         400, NULL},
        {"POST /echo HTTP/1.1\r\n" H OCTETS "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
         400, NULL},
        {"POST /echo HTTP/1.1\r\n" H OCTETS
         "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400, NULL},
        {"POST /echo HTTP/1.1\r\n" H OCTETS
         "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
         400, NULL},
        {"POST /echo HTTP/1.1\r\n" H OCTETS "Content-Length: -1\r\n\r\n", 400, NULL},
        {"POST /echo HTTP/1.1\r\n" H OCTETS "Content-Length: 0x5\r\n\r\n", 400, NULL},
        {"POST /echo HTTP/1.1\r\n" H OCTETS "Content-Length: 5, 5\r\n\r\nabcde", 400, NULL},
        {"POST /echo HTTP/1.1\r\n" H OCTETS "Content-Length : 5\r\n\r\nabcde", 400, NULL},
        {"GET /hello HTTP/1.1\r\n\r\n", 400, NULL},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400, NULL},
    };

    check_asks(fixture->address, cases, HS_ARRAY_LEN(cases));
}

static void transfer_codings_but_chunked__are_refused(void **state)
{
    struct http_fixture *fixture = *state;
    struct raw_reply reply;

    reply = raw_ask(fixture->address,
                    "POST /echo HTTP/1.1\r\n" H OCTETS "Transfer-Encoding: gzip\r\n\r\nabc");
    assert_true(reply.status == 501 || reply.status == 400);
    raw_reply_free(&reply);
}

/* RFC 9112 lets a server refuse them; one that reads them wrong loses the framing. */
static void folded_lines__are_refused(void **state)
{
    struct http_fixture *fixture = *state;
    static const struct ask_case cases[] = {
        {"POST /echo HTTP/1.1\r\n" H OCTETS "Content-Length:\r\n 3\r\n\r\nabc", 400, NULL},
        {"POST /echo HTTP/1.1\r\n" H OCTETS "Content-Length: 3\r\n\t\r\n\r\nabc", 400, NULL},
        {"POST /echo HTTP/1.1\r\n" H OCTETS
         "Content-Length: 3\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
         400, NULL},
        {"GET /hello HTTP/1.1\r\n" H "X-A: b\r\n c\r\n\r\n", 400, NULL},
        {"GET /hello HTTP/1.1\r\n" H "X-A: \t  b\r\nX-B:\r\nX-C:\t\r\n\r\n", 200, NULL},
    };

    check_asks(fixture->address, cases, HS_ARRAY_LEN(cases));
}

static void loopback__answers_only_to_loopback_names(void **state)
{
    struct http_fixture *fixture = *state;
    static const struct ask_case cases[] = {
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\nHost: LOCALHOST:8000\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\nHost: 127.9.8.7\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.0\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "host_not_allowed"},
        {"GET /hello HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 403, "host_not_allowed"},
        {"GET /hello HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403, "host_not_allowed"},
        {"GET /hello HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n", 403, "host_not_allowed"},
        {"GET /hello HTTP/1.1\r\nHost: 127.1\r\n\r\n", 403, "host_not_allowed"},
        {"GET /hello HTTP/1.1\r\nHost: [::2]\r\n\r\n", 403, "host_not_allowed"},
        {"GET /hello HTTP/1.1\r\nHost: localhost:99999\r\n\r\n", 400, "invalid_host"},
        {"GET /hello HTTP/1.1\r\nHost: \r\n\r\n", 400, "invalid_host"},
    };
    static const struct ask_case outside[] = {
        {"GET /hello HTTP/1.1\r\nHost: search.example\r\n\r\n", 200, NULL},
    };

    check_asks(fixture->address, cases, HS_ARRAY_LEN(cases));
    check_asks(fixture->outside, outside, HS_ARRAY_LEN(outside));
}

static void pages_of_other_origins__are_refused(void **state)
{
    struct http_fixture *fixture = *state;
    static const struct ask_case cases[] = {
        {"GET /hello HTTP/1.1\r\n" H "Origin: http://evil.example\r\n\r\n", 403,
         "origin_not_allowed"},
        {"GET /hello HTTP/1.1\r\n" H "Origin: null\r\n\r\n", 403, "origin_not_allowed"},
        {"GET /hello HTTP/1.1\r\n" H "Origin: http://localhost:5173\r\n\r\n", 403,
         "origin_not_allowed"},
        {"GET /hello HTTP/1.1\r\n" H "Origin: http://localhost\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\nHost: localhost:80\r\nOrigin: http://localhost\r\n\r\n", 200,
         NULL},
        {"GET /hello HTTP/1.1\r\n" H "Sec-Fetch-Site: cross-site\r\n\r\n", 403,
         "origin_not_allowed"},
        {"GET /hello HTTP/1.1\r\n" H "Sec-Fetch-Site: same-site\r\n\r\n", 403,
         "origin_not_allowed"},
        {"GET /hello HTTP/1.1\r\n" H "Sec-Fetch-Site: same-origin\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\n" H "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"
         "Sec-Fetch-Dest: document\r\n\r\n",
         200, NULL},
        {"GET /hello HTTP/1.1\r\n" H "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"
         "Sec-Fetch-Dest: iframe\r\n\r\n",
         403, "origin_not_allowed"},
        {"OPTIONS /echo HTTP/1.1\r\n" H "Origin: http://evil.example\r\n"
         "Access-Control-Request-Method: POST\r\n\r\n",
         403, "origin_not_allowed"},
        {"POST /simple HTTP/1.1\r\n" H "Origin: http://shop.example\r\n"
         "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
         200, NULL},
    };

    check_asks(fixture->address, cases, HS_ARRAY_LEN(cases));
}

static void writes__need_a_type_that_pages_cannot_send(void **state)
{
    struct http_fixture *fixture = *state;
    static const struct ask_case cases[] = {
        {"POST /echo HTTP/1.1\r\n" H "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx", 415,
         "unsupported_media_type"},
        {"POST /echo HTTP/1.1\r\n" H
         "Content-Type: Text/Plain; charset=utf-8\r\nContent-Length: 1\r\n\r\nx",
         415, "unsupported_media_type"},
        {"POST /echo HTTP/1.1\r\n" H
         "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1\r\n\r\nx",
         415, "unsupported_media_type"},
        {"PUT /echo HTTP/1.1\r\n" H
         "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1\r\n\r\nx",
         415, "unsupported_media_type"},
        {"POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx", 415, "unsupported_media_type"},
        {"POST /echo HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200, NULL},
        {"POST /echo HTTP/1.1\r\n" H
         "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
         200, NULL},
    };

    check_asks(fixture->address, cases, HS_ARRAY_LEN(cases));
}

static struct raw_reply post(const char *address, const char *path, const char *extra,
                             const void *body, size_t n)
{
    struct raw_conn conn;
    struct raw_reply reply;

    raw_open(&conn, address);
    raw_sendf(&conn, "POST %s HTTP/1.1\r\n" H OCTETS "%sContent-Length: %zu\r\n\r\n", path, extra,
              n);
    raw_send(&conn, body, n);
    reply = raw_read(&conn, false);
    raw_close(&conn);
    return reply;
}

static void bodies__are_taken_up_to_the_limit_and_not_one_byte_more(void **state)
{
    struct http_fixture *fixture = *state;
    static const struct {
        const char *path;
        size_t n;
        int status;
    } cases[] = {
        {"/small", 0, 200},    {"/small", 99, 200},     {"/small", 100, 200},
        {"/small", 101, 413},  {"/echo", 65535, 200},   {"/echo", 65536, 200},
        {"/echo", 65537, 413}, {"/echo", 4 << 20, 413}, /* refused unread; the reply arrives */
    };
    char *body = calloc(1, 4 << 20);

    assert_non_null(body);
    memset(body, 'x', 4 << 20);
    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct raw_reply reply = post(fixture->address, cases[i].path, "", body, cases[i].n);

        assert_int_equal(reply.status, cases[i].status);
        if (reply.status == 200) {
            assert_int_equal(reply.body_n, cases[i].n);
            assert_memory_equal(reply.body, body, cases[i].n);
        } else {
            assert_non_null(strstr(reply.body, "\"code\":\"body_too_large\""));
        }
        raw_reply_free(&reply);
    }
    free(body);
}

/* Sends n bytes in chunks of 1,000. */
static struct raw_reply post_chunked(const char *address, const char *path, size_t n)
{
    char chunk[1000];
    struct raw_conn conn;
    struct raw_reply reply;
    bool open;

    memset(chunk, 'c', sizeof(chunk));
    raw_open(&conn, address);
    open = raw_sendf(&conn, "POST %s HTTP/1.1\r\n" H OCTETS "Transfer-Encoding: chunked\r\n\r\n",
                     path);
    while (n > 0 && open) {
        size_t part = n < sizeof(chunk) ? n : sizeof(chunk);

        open = raw_sendf(&conn, "%zx\r\n", part) && raw_send(&conn, chunk, part) &&
               raw_sendf(&conn, "\r\n");
        n -= part;
    }
    if (open)
        raw_sendf(&conn, "0\r\n\r\n");
    reply = raw_read(&conn, false);
    raw_close(&conn);
    return reply;
}

static void chunked_bodies__are_counted_while_they_come(void **state)
{
    struct http_fixture *fixture = *state;
    static const struct {
        const char *path;
        size_t n;
        int status;
    } cases[] = {
        {"/echo", 0, 200},    {"/echo", 65536, 200},  {"/echo", 65537, 413},   {"/small", 100, 200},
        {"/small", 101, 413}, {"/small", 70000, 413}, {"/echo", 3 << 20, 413},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct raw_reply reply = post_chunked(fixture->address, cases[i].path, cases[i].n);

        if (reply.status != cases[i].status)
            fail_msg("%s with %zu bytes: %d", cases[i].path, cases[i].n, reply.status);
        if (reply.status == 200)
            assert_int_equal(reply.body_n, cases[i].n);
        raw_reply_free(&reply);
    }
}

static void expect_continue__invites_only_what_is_wanted(void **state)
{
    struct http_fixture *fixture = *state;
    struct raw_conn conn;
    struct raw_reply reply;

    raw_open(&conn, fixture->address);
    raw_sendf(&conn, "POST /echo HTTP/1.1\r\n" H OCTETS
                     "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    while (!strstr(conn.buf, "100 Continue\r\n\r\n")) {
        ssize_t n = recv(conn.fd, conn.buf + conn.n, 100, 0);

        assert_true(n > 0);
        conn.n += (size_t)n;
    }
    raw_send(&conn, "ok", 2);
    reply = raw_read(&conn, false);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "ok");
    raw_reply_free(&reply);
    raw_close(&conn);

    reply = raw_ask(fixture->address, "POST /small HTTP/1.1\r\n" H OCTETS
                                      "Expect: 100-continue\r\nContent-Length: 101\r\n\r\n");
    assert_int_equal(reply.status, 413);
    raw_reply_free(&reply);
}

static void coded_bodies__are_decoded(void **state)
{
    struct http_fixture *fixture = *state;
    static const enum hs_coding codings[] = {HS_CODING_GZIP, HS_CODING_DEFLATE, HS_CODING_ZSTD};
    struct hs_str text = HS_STR("one two three one two three one two three");

    for (size_t i = 0; i < HS_ARRAY_LEN(codings); i++) {
        struct raw_reply reply;
        struct hs_buf packed;
        char extra[64];

        hs_buf_init(&packed, 4096);
        assert_int_equal(hs_compress(codings[i], 0, text, &packed, NULL), HS_OK);
        snprintf(extra, sizeof(extra), "Content-Encoding: %s\r\n", hs_coding_name(codings[i]));
        for (int round = 0; round < 2; round++) { /* the second uses a decoder again */
            reply = post(fixture->address, "/echo", extra, packed.p, packed.n);
            assert_int_equal(reply.status, 200);
            assert_int_equal(reply.body_n, text.n);
            assert_memory_equal(reply.body, text.p, text.n);
            raw_reply_free(&reply);
        }
        for (size_t cut = 0; cut < packed.n; cut++) { /* 0: no body, which is cut short too */
            reply = post(fixture->address, "/echo", extra, packed.p, cut);
            assert_int_equal(reply.status, cut == 0 ? 200 : 400);
            raw_reply_free(&reply);
        }
        hs_buf_fini(&packed);
    }
}

static void bombs__stop_at_the_inflated_limit(void **state)
{
    struct http_fixture *fixture = *state;
    static const enum hs_coding codings[] = {HS_CODING_GZIP, HS_CODING_DEFLATE, HS_CODING_ZSTD};
    size_t sizes[] = {(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 32 << 20};
    char *zeros = calloc(1, 32 << 20);

    assert_non_null(zeros);
    for (size_t i = 0; i < HS_ARRAY_LEN(codings) * HS_ARRAY_LEN(sizes); i++) {
        enum hs_coding coding = codings[i % HS_ARRAY_LEN(codings)];
        size_t n = sizes[i / HS_ARRAY_LEN(codings)];
        struct raw_reply reply;
        struct hs_buf packed;
        char extra[64];

        hs_buf_init(&packed, 64 << 20);
        assert_int_equal(hs_compress(coding, 0, hs_str_n(zeros, n), &packed, NULL), HS_OK);
        snprintf(extra, sizeof(extra), "Content-Encoding: %s\r\n", hs_coding_name(coding));
        reply = post(fixture->address, "/echo", extra, packed.p, packed.n);
        if (reply.status != (n > 1 << 20 ? 413 : 200))
            fail_msg("%s of %zu: %d %s", hs_coding_name(coding), n, reply.status, reply.body);
        raw_reply_free(&reply);
        hs_buf_fini(&packed);
    }
    free(zeros);
}

static void unknown_codings__are_415_and_named(void **state)
{
    struct http_fixture *fixture = *state;
    struct raw_reply reply = post(fixture->address, "/echo", "Content-Encoding: br\r\n", "x", 1);

    assert_int_equal(reply.status, 415);
    assert_non_null(strstr(reply.body, "gzip, deflate, zstd"));
    raw_reply_free(&reply);
    reply = post(fixture->address, "/echo", "Content-Encoding: gzip\r\n", "not gzip at all", 15);
    assert_int_equal(reply.status, 400);
    raw_reply_free(&reply);
}

static void replies__are_compressed_when_asked(void **state)
{
    struct http_fixture *fixture = *state;
    static const struct {
        const char *accept;
        enum hs_coding coding;
    } cases[] = {
        {"gzip", HS_CODING_GZIP},
        {"gzip, deflate, br, zstd", HS_CODING_ZSTD},
        {"zstd;q=0, gzip;q=0.5", HS_CODING_GZIP},
        {"br", HS_CODING_IDENTITY},
        {"gzip;q=0", HS_CODING_IDENTITY},
        {"*", HS_CODING_ZSTD},
    };
    struct raw_reply plain = raw_ask(fixture->address, "GET /big HTTP/1.1\r\n" H "\r\n");

    assert_int_equal(plain.status, 200);
    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct raw_reply reply;
        struct hs_buf out;
        char text[256];
        char value[64];

        snprintf(text, sizeof(text), "GET /big HTTP/1.1\r\n" H "Accept-Encoding: %s\r\n\r\n",
                 cases[i].accept);
        reply = raw_ask(fixture->address, text);
        hs_buf_init(&out, 1 << 20);
        if (cases[i].coding == HS_CODING_IDENTITY) {
            assert_false(raw_header(&reply, "Content-Encoding", value, sizeof(value)));
            hs_buf_add(&out, reply.body, reply.body_n);
        } else {
            assert_true(raw_header(&reply, "Content-Encoding", value, sizeof(value)));
            assert_string_equal(value, hs_coding_name(cases[i].coding));
            assert_true(raw_header(&reply, "Vary", value, sizeof(value)));
            assert_true(reply.body_n < plain.body_n / 2);
            assert_int_equal(hs_inflate_all(cases[i].coding, hs_str_n(reply.body, reply.body_n),
                                            &out, NULL),
                             HS_OK);
        }
        assert_int_equal(out.n, plain.body_n);
        assert_memory_equal(out.p, plain.body, plain.body_n);
        hs_buf_fini(&out);
        raw_reply_free(&reply);
    }
    raw_reply_free(&plain);
}

static void etag__answers_304_to_those_who_have_it(void **state)
{
    struct http_fixture *fixture = *state;
    struct raw_reply reply =
        raw_ask(fixture->address, "GET /big HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n\r\n");
    char etag[64];
    char again[64];
    char text[256];

    assert_true(raw_header(&reply, "ETag", etag, sizeof(etag)));
    assert_non_null(strstr(etag, "-gzip\""));
    raw_reply_free(&reply);
    snprintf(text, sizeof(text), "GET /big HTTP/1.1\r\n" H "If-None-Match: \"x\", %s\r\n\r\n",
             etag);
    reply = raw_ask(fixture->address, text);
    assert_int_equal(reply.status, 304);
    assert_int_equal(reply.body_n, 0);
    /* A cache finds what it keeps by this very tag. */
    assert_true(raw_header(&reply, "ETag", again, sizeof(again)));
    assert_string_equal(again, etag);
    raw_reply_free(&reply);
    reply = raw_ask(fixture->address, "GET /big HTTP/1.1\r\n" H "If-None-Match: \"other\"\r\n\r\n");
    assert_int_equal(reply.status, 200);
    raw_reply_free(&reply);
}

static void head__has_the_headers_of_get_and_no_body(void **state)
{
    struct http_fixture *fixture = *state;
    struct raw_conn conn;
    struct raw_reply reply;
    char value[64];

    raw_open(&conn, fixture->address);
    raw_sendf(&conn, "HEAD /hello HTTP/1.1\r\n" H "\r\nGET /hello HTTP/1.1\r\n" H "\r\n");
    reply = raw_read(&conn, true);
    assert_int_equal(reply.status, 200);
    assert_true(raw_header(&reply, "Content-Length", value, sizeof(value)));
    assert_string_equal(value, "5");
    raw_reply_free(&reply);
    reply = raw_read(&conn, false);
    assert_string_equal(reply.body, "hello");
    raw_reply_free(&reply);
    raw_close(&conn);
}

static void keep_alive__survives_small_refusals_but_not_garbage(void **state)
{
    struct http_fixture *fixture = *state;
    struct raw_conn conn;
    struct raw_reply reply;

    raw_open(&conn, fixture->address);
    for (int i = 0; i < 50; i++) {
        bool bad = i % 3 == 1;

        raw_sendf(&conn, "POST %s HTTP/1.1\r\n" H OCTETS "Content-Length: 5\r\n\r\nab%03d",
                  bad ? "/missing" : "/echo", i);
        reply = raw_read(&conn, false);
        assert_int_equal(reply.status, bad ? 404 : 200);
        raw_reply_free(&reply);
    }
    raw_sendf(&conn, "GET /hello HTTP/1.1\r\n" H "\r\n\x01\x02 garbage\r\n\r\n");
    reply = raw_read(&conn, false);
    assert_int_equal(reply.status, 200);
    raw_reply_free(&reply);
    reply = raw_read(&conn, false);
    assert_true(reply.status == 0 || reply.status == 400 || reply.status == 505);
    raw_reply_free(&reply);
    assert_true(raw_wait_closed(&conn, 10000));
    raw_close(&conn);
}

static void pipelined_requests__are_answered_in_order(void **state)
{
    enum { N = 200 };
    struct http_fixture *fixture = *state;
    struct hs_buf text;
    struct raw_conn conn;

    hs_buf_init(&text, 1 << 20);
    for (int i = 0; i < N; i++) {
        if (i % 2)
            hs_buf_addf(&text, "GET /items/%d HTTP/1.1\r\n" H "\r\n", i);
        else if (i % 4)
            hs_buf_addf(&text, "POST /echo HTTP/1.1\r\n" H OCTETS "Content-Length: 3\r\n\r\n%03d",
                        i);
        else
            hs_buf_addf(&text,
                        "POST /echo HTTP/1.1\r\n" H OCTETS
                        "Transfer-Encoding: chunked\r\n\r\n1\r\n%d\r\n2\r\n%02d\r\n0\r\n\r\n",
                        i / 100, i % 100);
    }
    raw_open(&conn, fixture->address);
    raw_send(&conn, text.p, text.n);
    for (int i = 0; i < N; i++) {
        struct raw_reply reply = raw_read(&conn, false);
        char want[16];

        snprintf(want, sizeof(want), i % 2 ? "%d" : "%03d", i);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, want);
        raw_reply_free(&reply);
    }
    raw_close(&conn);
    hs_buf_fini(&text);
}

static void header__of_more_than_its_memory_is_431(void **state)
{
    struct http_fixture *fixture = *state;
    struct raw_conn conn;
    struct raw_reply reply;
    char field[1001];
    bool open = true;

    memset(field, 'f', sizeof(field));
    field[sizeof(field) - 1] = '\0';
    raw_open(&conn, fixture->address);
    raw_sendf(&conn, "GET /hello HTTP/1.1\r\n" H);
    for (int i = 0; i < 200 && open; i++)
        open = raw_sendf(&conn, "X-%d: %s\r\n", i, field);
    reply = raw_read(&conn, false);
    assert_true(reply.status == 431 || reply.status == 0); /* or a reset that overtook it */
    raw_reply_free(&reply);
    raw_close(&conn);
}

static void header_fields__are_limited_in_number(void **state)
{
    struct http_fixture *fixture = *state;

    for (int n = 99; n <= 101; n++) {
        struct raw_conn conn;
        struct raw_reply reply;

        raw_open(&conn, fixture->address);
        raw_sendf(&conn, "GET /hello HTTP/1.1\r\n" H);
        for (int i = 1; i < n; i++)
            raw_sendf(&conn, "X-%d: y\r\n", i);
        raw_sendf(&conn, "\r\n");
        reply = raw_read(&conn, false);
        assert_int_equal(reply.status, n > 100 ? 431 : 200);
        raw_reply_free(&reply);
        raw_close(&conn);
    }
}

static void requests_and_refusals__are_counted(void **state)
{
    struct http_fixture *fixture = *state;
    double before = hs_metric_get(&http_requests_total, HS_LABELS("test", "/items/{id}", "200"));
    double refused = hs_metric_get(&http_refused_total, HS_LABELS("test", "host"));
    struct raw_conn conn;
    struct raw_reply reply;

    raw_open(&conn, fixture->address);
    for (int i = 0; i < 2; i++) { /* the first is recorded before the second is answered */
        raw_sendf(&conn, "GET /items/7 HTTP/1.1\r\n" H "\r\n");
        reply = raw_read(&conn, false);
        raw_reply_free(&reply);
    }
    raw_close(&conn);
    reply = raw_ask(fixture->address, "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    raw_reply_free(&reply);
    assert_true(hs_metric_get(&http_requests_total, HS_LABELS("test", "/items/{id}", "200")) >=
                before + 1);
    assert_true(hs_metric_get(&http_refused_total, HS_LABELS("test", "host")) == refused + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reply__carries_safe_headers_and_the_request_id),
        cmocka_unit_test(html__without_a_policy_gets_the_strictest),
        cmocka_unit_test(unknown_paths_and_methods__are_problems),
        cmocka_unit_test(errors__have_the_form_of_the_route),
        cmocka_unit_test(paths__are_decoded_and_tricks_refused),
        cmocka_unit_test(doubtful_framing__is_refused),
        cmocka_unit_test(transfer_codings_but_chunked__are_refused),
        cmocka_unit_test(folded_lines__are_refused),
        cmocka_unit_test(loopback__answers_only_to_loopback_names),
        cmocka_unit_test(pages_of_other_origins__are_refused),
        cmocka_unit_test(writes__need_a_type_that_pages_cannot_send),
        cmocka_unit_test(bodies__are_taken_up_to_the_limit_and_not_one_byte_more),
        cmocka_unit_test(chunked_bodies__are_counted_while_they_come),
        cmocka_unit_test(expect_continue__invites_only_what_is_wanted),
        cmocka_unit_test(coded_bodies__are_decoded),
        cmocka_unit_test(bombs__stop_at_the_inflated_limit),
        cmocka_unit_test(unknown_codings__are_415_and_named),
        cmocka_unit_test(replies__are_compressed_when_asked),
        cmocka_unit_test(etag__answers_304_to_those_who_have_it),
        cmocka_unit_test(head__has_the_headers_of_get_and_no_body),
        cmocka_unit_test(keep_alive__survives_small_refusals_but_not_garbage),
        cmocka_unit_test(pipelined_requests__are_answered_in_order),
        cmocka_unit_test(header__of_more_than_its_memory_is_431),
        cmocka_unit_test(header_fields__are_limited_in_number),
        cmocka_unit_test(requests_and_refusals__are_counted),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
