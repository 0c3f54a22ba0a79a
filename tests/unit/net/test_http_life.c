/* The HTTP server over time: replies from other threads, deadlines, limits of connections, stop. */
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/metric.h"
#include "support/http_fixture.h"

#define H "Host: localhost\r\n"
#define HOLD "POST /hold HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"
#define BLOCK "POST /block HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"

enum { MANY = 1000 };

extern struct hs_metric http_requests_total; /* the server's own */

static struct http_fixture *start_with(uint64_t deadline_ms, uint64_t conns_max, uint64_t ip_max)
{
    struct http_fixture *fixture = http_fixture_new();

    if (deadline_ms > 0)
        fixture->conf.http_deadline_ms = deadline_ms;
    if (conns_max > 0)
        fixture->conf.http_connections_max = conns_max;
    if (ip_max > 0)
        fixture->conf.http_connections_ip_max = ip_max;
    http_fixture_start(fixture);
    return fixture;
}

static void expect_reply(struct raw_conn *conn, int status, const char *body)
{
    struct raw_reply reply = raw_read(conn, false);

    assert_int_equal(reply.status, status);
    if (body)
        assert_string_equal(reply.body, body);
    raw_reply_free(&reply);
}

static void held_request__is_answered_from_another_thread(void **state)
{
    struct http_fixture *fixture = start_with(0, 0, 0);
    struct raw_conn conn;

    (void)state;
    raw_open(&conn, fixture->address);
    for (int i = 0; i < 200; i++) {
        raw_sendf(&conn, HOLD);
        http_fixture_wait_held(fixture, 1);
        assert_int_equal(http_fixture_release(fixture), 1);
        expect_reply(&conn, 200, "released");
    }
    raw_close(&conn);
    http_fixture_free(fixture);
}

static void held_request__of_a_client_that_left_is_freed(void **state)
{
    struct http_fixture *fixture = start_with(0, 0, 0);
    struct raw_conn conn;

    (void)state;
    for (int i = 0; i < 50; i++) {
        struct linger hard = {.l_onoff = 1};

        raw_open(&conn, fixture->address);
        raw_sendf(&conn, HOLD);
        http_fixture_wait_held(fixture, 1);
        if (i % 2)
            setsockopt(conn.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)); /* a reset */
        raw_close(&conn);
        http_fixture_release(fixture);
    }
    raw_open(&conn, fixture->address);
    raw_sendf(&conn, "GET /hello HTTP/1.1\r\n" H "\r\n");
    expect_reply(&conn, 200, "hello");
    raw_close(&conn);
    http_fixture_free(fixture);
}

static void half_closed_client__still_gets_its_reply(void **state)
{
    struct http_fixture *fixture = start_with(0, 0, 0);
    struct raw_conn conn;

    (void)state;
    raw_open(&conn, fixture->address);
    raw_sendf(&conn, "GET /hello HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
    shutdown(conn.fd, SHUT_WR);
    expect_reply(&conn, 200, "hello");
    raw_close(&conn);
    http_fixture_free(fixture);
}

static void many_connections__are_served_at_once(void **state)
{
    struct http_fixture *fixture = start_with(20000, 0, 0);
    struct raw_conn *conns = calloc(MANY, sizeof(*conns));
    struct rlimit limit;
    size_t n = MANY;

    (void)state;
    assert_non_null(conns);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * MANY + 100)
        n = (size_t)(limit.rlim_cur - 100) / 2;
    for (size_t i = 0; i < n; i++) {
        raw_open(&conns[i], fixture->address);
        raw_sendf(&conns[i], HOLD);
    }
    http_fixture_wait_held(fixture, n);
    assert_int_equal(http_fixture_release(fixture), n);
    for (size_t i = 0; i < n; i++) {
        expect_reply(&conns[i], 200, "released");
        raw_close(&conns[i]);
    }
    free(conns);
    http_fixture_free(fixture);
}

/* Sends a byte every 20 ms until the server closes; returns the milliseconds that it lived. */
static int64_t drip(struct raw_conn *conn, const char *text)
{
    int64_t start_ns = hs_mono_ns(hs_clock_system());
    bool open = true;

    for (size_t i = 0; open && hs_mono_ns(hs_clock_system()) - start_ns < 20 * HS_NS_PER_S; i++) {
        open = raw_send(conn, text[i] ? &text[i] : "x", 1) && !raw_wait_closed(conn, 20);
        if (!text[i])
            i--;
    }
    assert_false(open);
    return (hs_mono_ns(hs_clock_system()) - start_ns) / HS_NS_PER_MS;
}

static void slow_drip__ends_at_the_deadline(void **state)
{
    static const char *const prefixes[] = {
        "",                          /* the request line drips */
        "GET /hello HTTP/1.1\r\n" H, /* the header drips */
        "POST /echo HTTP/1.1\r\n" H "Content-Type: application/json\r\n"
        "Content-Length: 5000\r\n\r\n", /* the body drips */
        "POST /echo HTTP/1.1\r\n" H "Content-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n1000\r\n",
    };
    struct http_fixture *fixture = start_with(400, 0, 0);

    (void)state;
    for (size_t i = 0; i < 2 * HS_ARRAY_LEN(prefixes); i++) {
        struct raw_conn conn;
        int64_t lived_ms;

        raw_open(&conn, fixture->address);
        if (i >= HS_ARRAY_LEN(prefixes)) { /* once more, as a second request */
            raw_sendf(&conn, "GET /hello HTTP/1.1\r\n" H "\r\n");
            expect_reply(&conn, 200, "hello");
        }
        raw_sendf(&conn, "%s", prefixes[i % HS_ARRAY_LEN(prefixes)]);
        lived_ms = drip(&conn, "X-Drip");
        assert_in_range(lived_ms, 200, 3000);
        raw_close(&conn);
    }
    http_fixture_free(fixture);
}

static void deadline__is_answered_with_408(void **state)
{
    struct http_fixture *fixture = start_with(200, 0, 0);
    struct raw_conn conn;

    (void)state;
    raw_open(&conn, fixture->address);
    raw_sendf(&conn, "POST /echo HTTP/1.1\r\n" H "Content-Type: application/json\r\n"
                     "X-Request-Id: slow-1\r\nContent-Length: 10\r\n\r\n{");
    expect_reply(&conn, 408, NULL);
    assert_true(raw_wait_closed(&conn, 5000));
    raw_close(&conn);
    http_fixture_free(fixture);
}

static void deadline__does_not_touch_what_a_handler_has(void **state)
{
    struct http_fixture *fixture = start_with(100, 0, 0);
    struct raw_conn conn;
    struct raw_conn other;

    (void)state;
    raw_open(&conn, fixture->address);
    raw_sendf(&conn, HOLD);
    http_fixture_wait_held(fixture, 1);
    raw_open(&other, fixture->address); /* sends nothing: gone after the deadline */
    assert_true(raw_wait_closed(&other, 5000));
    raw_close(&other);
    http_fixture_release(fixture);
    expect_reply(&conn, 200, "released");
    raw_close(&conn);
    http_fixture_free(fixture);
}

static void connections__past_the_limit_get_503(void **state)
{
    struct http_fixture *fixture = start_with(0, 4, 0);
    struct http_fixture *by_ip = start_with(0, 0, 3);
    struct raw_conn conns[5];

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        raw_open(&conns[i], fixture->address);
        raw_sendf(&conns[i], "GET /hello HTTP/1.1\r\n" H "\r\n");
        expect_reply(&conns[i], i < 4 ? 200 : 503, NULL);
    }
    raw_close(&conns[4]);
    raw_close(&conns[3]);
    for (size_t i = 0; i < 4; i++) {
        raw_open(&conns[3], by_ip->address);
        raw_sendf(&conns[3], HOLD);
        if (i == 3)
            expect_reply(&conns[3], 503, NULL);
        else
            http_fixture_wait_held(by_ip, i + 1);
        if (i == 3)
            raw_close(&conns[3]);
        else
            free(conns[3].buf); /* left open: the server counts it */
    }
    for (size_t i = 0; i < 3; i++)
        raw_close(&conns[i]);
    http_fixture_free(by_ip);
    http_fixture_free(fixture);
}

/* Index of the connection that has something to read first. */
static size_t first_readable(const struct raw_conn *conns, size_t n)
{
    struct pollfd polls[64];

    assert_in_range(n, 1, HS_ARRAY_LEN(polls));
    for (size_t i = 0; i < n; i++)
        polls[i] = (struct pollfd){.fd = conns[i].fd, .events = POLLIN};
    assert_true(poll(polls, n, 20000) > 0);
    for (size_t i = 0; i < n; i++) {
        if (polls[i].revents)
            return i;
    }
    fail();
    return 0;
}

static void blocking_routes__are_refused_when_the_queue_is_full(void **state)
{
    struct http_fixture *fixture = start_with(0, 0, 0);
    struct raw_conn conns[2 + 32 + 1]; /* working, waiting, one too many */
    struct raw_reply reply;
    char value[32];
    size_t refused;

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(conns); i++) {
        raw_open(&conns[i], fixture->address);
        raw_sendf(&conns[i], BLOCK);
        if (i < 2)
            http_fixture_wait_blocked(fixture, i + 1);
    }
    refused = first_readable(conns, HS_ARRAY_LEN(conns));
    reply = raw_read(&conns[refused], false);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body, "\"code\":\"overloaded\""));
    assert_true(raw_header(&reply, "Retry-After", value, sizeof(value)));
    raw_reply_free(&reply);
    http_fixture_open_gate(fixture);
    for (size_t i = 0; i < HS_ARRAY_LEN(conns); i++) {
        if (i != refused)
            expect_reply(&conns[i], 200, "unblocked");
        raw_close(&conns[i]);
    }
    http_fixture_free(fixture);
}

/* Waits until nobody listens at the fixture's address: the stop has begun. */
static void wait_until_refused(const struct http_fixture *fixture)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    int rc = 0;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons((uint16_t)strtoul(strrchr(fixture->address, ':') + 1, NULL, 10));
    for (int i = 0; i < 10000 && rc == 0; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        rc = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
        close(fd);
        poll(NULL, 0, 1);
    }
    assert_int_equal(rc, -1);
}

static void release_later(void *arg)
{
    struct http_fixture *fixture = arg;

    wait_until_refused(fixture);
    http_fixture_release(fixture);
    http_fixture_open_gate(fixture);
}

static void stop__lets_running_requests_end(void **state)
{
    struct http_fixture *fixture = start_with(0, 0, 0);
    struct hs_thread thread = {0};
    struct raw_conn conns[2];
    struct raw_reply reply;
    char value[32];

    (void)state;
    raw_open(&conns[0], fixture->address);
    raw_sendf(&conns[0], HOLD);
    raw_open(&conns[1], fixture->address);
    raw_sendf(&conns[1], BLOCK);
    http_fixture_wait_held(fixture, 1);
    http_fixture_wait_blocked(fixture, 1);
    assert_int_equal(hs_thread_start(&thread, "release", release_later, fixture, NULL), HS_OK);
    hs_http_server_stop(fixture->server, 10000);
    fixture->stopped = true;
    hs_thread_join(&thread);
    reply = raw_read(&conns[0], false);
    assert_string_equal(reply.body, "released");
    assert_true(raw_header(&reply, "Connection", value, sizeof(value)));
    assert_string_equal(value, "close");
    raw_reply_free(&reply);
    expect_reply(&conns[1], 200, "unblocked");
    raw_close(&conns[0]);
    raw_close(&conns[1]);
    http_fixture_free(fixture);
}

static void stop__does_not_wait_longer_than_told(void **state)
{
    struct http_fixture *fixture = start_with(0, 0, 0);
    struct raw_conn conns[20];
    int64_t start_ns;

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        raw_open(&conns[2 * i], fixture->address);
        raw_sendf(&conns[2 * i], HOLD);
        raw_open(&conns[2 * i + 1], fixture->address);
        raw_sendf(&conns[2 * i + 1], BLOCK);
    }
    http_fixture_wait_held(fixture, 10);
    http_fixture_wait_blocked(fixture, 2);
    start_ns = hs_mono_ns(hs_clock_system());
    hs_http_server_stop(fixture->server, 200);
    fixture->stopped = true;
    assert_in_range((hs_mono_ns(hs_clock_system()) - start_ns) / HS_NS_PER_MS, 150, 5000);
    for (size_t i = 0; i < 20; i++) {
        struct raw_reply reply = raw_read(&conns[i], false);

        assert_true(reply.status == 503 || reply.status == 0);
        raw_reply_free(&reply);
        raw_close(&conns[i]);
    }
    /* The handlers reply after the server has stopped: their requests are freed, not answered. */
    http_fixture_free(fixture);
}

static void stop__closes_idle_connections(void **state)
{
    struct http_fixture *fixture = start_with(0, 0, 0);
    struct raw_conn conn;
    int64_t start_ns;

    (void)state;
    raw_open(&conn, fixture->address);
    raw_sendf(&conn, "GET /hello HTTP/1.1\r\n" H "\r\n");
    expect_reply(&conn, 200, "hello");
    start_ns = hs_mono_ns(hs_clock_system());
    hs_http_server_stop(fixture->server, 10000);
    fixture->stopped = true;
    assert_true(hs_mono_ns(hs_clock_system()) - start_ns < 5 * HS_NS_PER_S);
    assert_true(raw_wait_closed(&conn, 1000));
    raw_close(&conn);
    http_fixture_free(fixture);
}

struct load {
    struct http_fixture *fixture;
    struct hs_thread thread;
    unsigned answered;
};

static void load_main(void *arg)
{
    struct load *load = arg;
    struct raw_conn conn;
    struct raw_reply reply;
    bool open = true;

    raw_open(&conn, load->fixture->address);
    while (open) {
        open = raw_sendf(&conn, load->answered % 2 ? BLOCK : "GET /hello HTTP/1.1\r\n" H "\r\n");
        reply = open ? raw_read(&conn, false) : (struct raw_reply){0};
        open = reply.status == 200;
        load->answered += open;
        raw_reply_free(&reply);
    }
    raw_close(&conn);
}

static void wait_until_answered(const char *route, double n)
{
    for (int i = 0; i < 20000; i++) {
        if (hs_metric_get(&http_requests_total, HS_LABELS("test", route, "200")) >= n)
            return;
        poll(NULL, 0, 1);
    }
    fail_msg("%s was not answered %g times", route, n);
}

static void stop__under_load_leaves_nothing_behind(void **state)
{
    struct load loads[8] = {0};

    (void)state;
    for (int round = 0; round < 5; round++) {
        struct http_fixture *fixture = start_with(0, 0, 0);
        double before = hs_metric_get(&http_requests_total, HS_LABELS("test", "/hello", "200"));

        http_fixture_open_gate(fixture);
        for (size_t i = 0; i < HS_ARRAY_LEN(loads); i++) {
            loads[i] = (struct load){.fixture = fixture};
            assert_int_equal(hs_thread_start(&loads[i].thread, "load", load_main, &loads[i], NULL),
                             HS_OK);
        }
        wait_until_answered("/hello", before + 200);
        hs_http_server_stop(fixture->server, round % 2 ? 0 : 2000);
        fixture->stopped = true;
        for (size_t i = 0; i < HS_ARRAY_LEN(loads); i++)
            hs_thread_join(&loads[i].thread);
        http_fixture_free(fixture);
    }
}

static void routes__that_match_alike_conflict(void **state)
{
    struct http_fixture *fixture = http_fixture_new();
    struct hs_http_server *server;
    struct hs_route route = {1, HS_GET, "/a/{x}", 0, 0, (hs_http_handler_fn *)0, NULL, NULL};
    struct hs_err err;

    (void)state;
    route.handler = (hs_http_handler_fn *)(uintptr_t)1; /* never called */
    assert_int_equal(hs_http_server_new(&fixture->conf, hs_clock_system(), &server, &err), HS_OK);
    assert_int_equal(hs_http_server_route(server, &route, &err), HS_OK);
    route.path = "/a/{y}";
    assert_int_equal(hs_http_server_route(server, &route, &err), HS_ECONFLICT);
    route.method = HS_PUT;
    assert_int_equal(hs_http_server_route(server, &route, &err), HS_OK);
    route.path = "a";
    assert_int_equal(hs_http_server_route(server, &route, &err), HS_EINVAL);
    hs_http_server_free(server);
    hs_cond_fini(&fixture->changed);
    hs_mutex_fini(&fixture->lock);
    hs_free(fixture);
}

static void listen__names_what_is_wrong(void **state)
{
    static const char *const bad[] = {"",           "8000",
                                      "localhost",  "host.example:80",
                                      "127.0.0.1:", "127.0.0.1:65536",
                                      "[::1:80",    "127.0.0.1:x"};
    struct http_fixture *fixture = start_with(0, 0, 0);
    struct hs_http_server *server;
    struct hs_err err;

    (void)state;
    assert_int_equal(hs_http_server_new(&fixture->conf, hs_clock_system(), &server, &err), HS_OK);
    for (size_t i = 0; i < HS_ARRAY_LEN(bad); i++)
        assert_int_equal(hs_http_server_listen(server, 0, bad[i], NULL, &err), HS_EINVAL);
    assert_int_equal(hs_http_server_listen(server, 0, fixture->address, NULL, &err), HS_EIO);
    assert_non_null(strstr(err.text, fixture->address));
    hs_http_server_free(server);
    http_fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_request__is_answered_from_another_thread),
        cmocka_unit_test(held_request__of_a_client_that_left_is_freed),
        cmocka_unit_test(half_closed_client__still_gets_its_reply),
        cmocka_unit_test(many_connections__are_served_at_once),
        cmocka_unit_test(slow_drip__ends_at_the_deadline),
        cmocka_unit_test(deadline__is_answered_with_408),
        cmocka_unit_test(deadline__does_not_touch_what_a_handler_has),
        cmocka_unit_test(connections__past_the_limit_get_503),
        cmocka_unit_test(blocking_routes__are_refused_when_the_queue_is_full),
        cmocka_unit_test(stop__lets_running_requests_end),
        cmocka_unit_test(stop__does_not_wait_longer_than_told),
        cmocka_unit_test(stop__closes_idle_connections),
        cmocka_unit_test(stop__under_load_leaves_nothing_behind),
        cmocka_unit_test(routes__that_match_alike_conflict),
        cmocka_unit_test(listen__names_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
