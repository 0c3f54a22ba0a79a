/* Answers that are not ClickHouse's own: proxies, older servers, broken ends. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/analytics_clickhouse/clickhouse.h"
#include "base/mem.h"
#include "base/thread.h"

struct peer {
    struct hs_thread thread;
    int listener;
    const char *answer;
    char url[64];
};

/* Reads until the request's body ("SELECT 1…" or a block) has begun, answers, closes. */
static void serve(void *arg)
{
    struct peer *peer = arg;
    int fd;

    while ((fd = accept(peer->listener, NULL, NULL)) >= 0) {
        char request[65536];
        size_t n = 0;
        ssize_t got = 1;

        while (got > 0 && (n < 5 || !memmem(request, n, "\r\n\r\n", 4))) {
            got = recv(fd, request + n, sizeof(request) - n, 0);
            n += got > 0 ? (size_t)got : 0;
        }
        send(fd, peer->answer, strlen(peer->answer), MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        while (recv(fd, request, sizeof(request), 0) > 0)
            ;
        close(fd);
    }
}

static void start_peer(struct peer *peer, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    *peer = (struct peer){.answer = answer};
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(peer->listener, 16), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(peer->url, sizeof(peer->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(hs_thread_start(&peer->thread, "peer", serve, peer, NULL), HS_OK);
}

static void stop_peer(struct peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    hs_thread_join(&peer->thread);
    close(peer->listener);
}

static struct hs_analytics *open_port(char *url)
{
    struct hs_conf conf = {.analytics_url = url,
                           .analytics_user = (char *)"u",
                           .analytics_password = (char *)"p",
                           .analytics_user_ro = (char *)"u",
                           .analytics_password_ro = (char *)"p",
                           .analytics_connections_max = 1};
    struct hs_analytics *analytics = NULL;

    assert_int_equal(hs_analytics_clickhouse_ops.open(&conf, hs_clock_system(), &analytics, NULL),
                     HS_OK);
    return analytics;
}

static int insert_one(struct hs_analytics *analytics, struct hs_err *err)
{
    static const struct hs_column_def columns[] = {
        {"id", "UInt64", HS_BLOCK_U64, HS_SHAPE_SCALAR, 0}};
    static const struct hs_table_def def = {"haystat.t", columns, 1};
    const struct hs_insert insert = {.table = "haystat.t", .timeout_ms = 2000};
    struct hs_block block;
    int rc;

    assert_int_equal(hs_block_init(&block, &def, 1000, NULL), HS_OK);
    hs_block_u64(&block, 0, 1);
    assert_int_equal(hs_block_row_end(&block, NULL), HS_OK);
    rc = hs_analytics_insert(analytics, &insert, &block, err);
    hs_block_fini(&block);
    return rc;
}

struct status {
    const char *answer;
    int query, exec, insert, sys;
};

#define HEAD(status) "HTTP/1.1 " status "\r\nConnection: close\r\n"

static void foreign_answers__are_never_poison_nor_success(void **state)
{
    static const struct status cases[] = {
        {HEAD("429 Slow") "Content-Length: 0\r\n\r\n", HS_EAGAIN, HS_EAGAIN, HS_EAGAIN, 429},
        {HEAD("503 Away") "Content-Length: 3\r\n\r\nno!", HS_EAGAIN, HS_EAGAIN, HS_EAGAIN, 503},
        {HEAD("401 Who") "Content-Length: 0\r\n\r\n", HS_EAGAIN, HS_EAGAIN, HS_EAGAIN, 401},
        {HEAD("504 Late") "Content-Length: 0\r\n\r\n", HS_EAGAIN, HS_ETIMEOUT, HS_ETIMEOUT, 504},
        {HEAD("502 Gate") "Content-Length: 0\r\n\r\n", HS_EIO, HS_EIO, HS_EIO, 502},
        {HEAD("404 None") "Content-Length: 4\r\n\r\nnope", HS_EIO, HS_EIO, HS_EIO, 404},
        {HEAD("302 Else") "Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", HS_EIO,
         HS_EIO, HS_EIO, 302},
        {HEAD("500 Old") "Content-Length: 36\r\n\r\nCode: 117. DB::Exception: odd value.\n",
         HS_EINVAL, HS_EINVAL, HS_EINVAL, 117},
        {HEAD("200 OK") "Content-Length: 900\r\n\r\nCode: 241. DB::Exception: Memory", HS_ELIMIT,
         HS_ELIMIT, HS_EIO, 241},
        {HEAD("200 OK") "Content-Length: 900\r\n\r\ncut", HS_EAGAIN, HS_EIO, HS_EIO, 0},
        {"", HS_EAGAIN, HS_EIO, HS_EIO, 0},
    };

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_query query = {.sql = "SELECT 1", .timeout_ms = 2000};
        int got[3];
        struct hs_err err[3];
        struct peer peer;

        memset(err, 0, sizeof(err));
        start_peer(&peer, cases[i].answer);
        for (int op = 0; op < 3; op++) { /* a port each, so that none rests */
            struct hs_analytics *analytics = open_port(peer.url);
            struct hs_buf out;

            hs_buf_init(&out, 1000);
            if (op == 0)
                got[op] = hs_analytics_query_raw(analytics, &query, "TSV", &out, &err[op]);
            else if (op == 1)
                got[op] = hs_analytics_exec(analytics, &query, &err[op]);
            else
                got[op] = insert_one(analytics, &err[op]);
            assert_int_equal(err[op].rc, got[op]);
            assert_int_equal(err[op].sys, cases[i].sys);
            hs_buf_fini(&out);
            hs_analytics_close(analytics);
        }
        if (got[0] != cases[i].query || got[1] != cases[i].exec || got[2] != cases[i].insert)
            fail_msg("case %zu: %s %s %s: %s", i, hs_rc_name(got[0]), hs_rc_name(got[1]),
                     hs_rc_name(got[2]), err[2].text);
        stop_peer(&peer);
    }
}

static void query__answer_that_is_not_native_is_corrupt(void **state)
{
    struct hs_query query = {.sql = "SELECT 1", .timeout_ms = 2000};
    struct hs_analytics *analytics;
    struct hs_arena arena;
    struct hs_table table;
    struct peer peer;

    (void)state;
    start_peer(&peer, HEAD("200 OK") "Content-Length: 12\r\n\r\n<html></html");
    analytics = open_port(peer.url);
    hs_arena_init(&arena, 1 << 20);
    assert_int_equal(hs_analytics_query(analytics, &query, &arena, &table, NULL), HS_ECORRUPT);
    hs_arena_fini(&arena);
    hs_analytics_close(analytics);
    stop_peer(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_answers__are_never_poison_nor_success),
        cmocka_unit_test(query__answer_that_is_not_native_is_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
