/* The client against a peer that says exactly what each test wants. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"
#include "net/http_client.h"

enum { REQUEST_MAX = 65536, ANSWERS_MAX = 8 };

/* What the peer does with the next request. */
enum act {
    ACT_ANSWER,       /* sends the text, keeps the connection */
    ACT_ANSWER_CLOSE, /* sends the text, closes */
    ACT_CLOSE,        /* closes without a word */
    ACT_HANG,         /* waits until the client goes away */
};

struct answer {
    enum act act;
    const char *text;
};

struct peer {
    struct hs_thread thread;
    int listener;
    char url[64];
    struct answer answers[ANSWERS_MAX];
    size_t answers_n;
    /* what the peer saw; read after stop */
    char request[REQUEST_MAX];
    size_t requests;
    size_t connections;
};

/* Reads one request with its Content-Length body; false at the end of the connection. */
static bool read_request(int fd, char out[REQUEST_MAX])
{
    size_t n = 0;

    for (;;) {
        char *end;
        ssize_t got = recv(fd, out + n, REQUEST_MAX - 1 - n, 0);

        if (got <= 0)
            return false;
        n += (size_t)got;
        out[n] = '\0';
        end = memmem(out, n, "\r\n\r\n", 4);
        if (end) {
            const char *length = strcasestr(out, "Content-Length: ");
            size_t body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;

            if (n >= (size_t)(end - out) + 4 + body)
                return true;
        }
    }
}

static void serve_connection(struct peer *peer, int fd, size_t *next)
{
    char request[REQUEST_MAX];

    while (*next < peer->answers_n && read_request(fd, request)) {
        const struct answer *answer = &peer->answers[(*next)++];

        peer->requests++;
        memcpy(peer->request, request, sizeof(request));
        if (answer->act == ACT_HANG) {
            while (recv(fd, request, sizeof(request), 0) > 0)
                ;
            return;
        }
        if (answer->act == ACT_CLOSE)
            return;
        send(fd, answer->text, strlen(answer->text), MSG_NOSIGNAL);
        if (answer->act == ACT_ANSWER_CLOSE)
            return;
    }
}

static void serve(void *arg)
{
    struct peer *peer = arg;
    size_t next = 0;
    int fd;

    while ((fd = accept(peer->listener, NULL, NULL)) >= 0) {
        peer->connections++;
        serve_connection(peer, fd, &next);
        close(fd);
    }
}

static void start_peer(struct peer *peer, const struct answer *answers, size_t n)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    memset(peer, 0, sizeof(*peer));
    if (n > 0)
        memcpy(peer->answers, answers, n * sizeof(*answers));
    peer->answers_n = n;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(peer->listener, 16), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(peer->url, sizeof(peer->url), "http://127.0.0.1:%d/x", ntohs(address.sin_port));
    assert_int_equal(hs_thread_start(&peer->thread, "peer", serve, peer, NULL), HS_OK);
}

static void stop_peer(struct peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    hs_thread_join(&peer->thread);
    close(peer->listener);
}

struct client {
    struct hs_http_client *http;
    struct hs_http_reply reply;
    struct hs_http_call call;
    struct hs_err err;
};

static void open_client(struct client *client, const char *url, size_t connections)
{
    memset(client, 0, sizeof(*client));
    assert_int_equal(hs_http_client_open(connections, &client->http, NULL), HS_OK);
    hs_http_reply_init(&client->reply);
    client->call = (struct hs_http_call){
        .method = "GET", .url = url, .connect_ms = 1000, .total_ms = 3000, .response_max = 1000};
}

static int call(struct client *client)
{
    memset(&client->err, 0, sizeof(client->err));
    return hs_http_client_call(client->http, &client->call, &client->reply, &client->err);
}

static void close_client(struct client *client)
{
    hs_http_reply_fini(&client->reply);
    hs_http_client_close(client->http);
}

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: a\r\nx-one:  b \r\n\r\nhello"

static void call__gives_status_headers_and_body(void **state)
{
    const struct answer answers[] = {{ACT_ANSWER, OK_HELLO}};
    const struct hs_http_field fields[] = {{"X-Key", HS_STR("secret")}, {"X-Empty", HS_STR("")}};
    struct client client;
    struct peer peer;

    (void)state;
    start_peer(&peer, answers, 1);
    open_client(&client, peer.url, 1);
    client.call.method = "POST";
    client.call.body = HS_STR("the body");
    client.call.fields = fields;
    client.call.fields_n = 2;
    assert_int_equal(call(&client), HS_OK);
    assert_int_equal(client.reply.status, 200);
    assert_true(hs_str_eq_c(hs_buf_str(&client.reply.body), "hello"));
    assert_true(hs_str_eq_c(hs_http_answer_header(&client.reply, "X-ONE"), "b"));
    assert_null(hs_http_answer_header(&client.reply, "X-Two").p);
    close_client(&client);
    stop_peer(&peer);
    assert_non_null(strstr(peer.request, "POST /x HTTP/1.1\r\n"));
    assert_non_null(strstr(peer.request, "X-Key: secret\r\n"));
    assert_non_null(strstr(peer.request, "X-Empty:\r\n"));
    assert_non_null(strstr(peer.request, "Content-Length: 8\r\n"));
    assert_null(strstr(peer.request, "Expect"));
    assert_non_null(strstr(peer.request, "\r\n\r\nthe body"));
}

static void call__reuses_its_connection_unless_once(void **state)
{
    const struct answer answers[] = {{ACT_ANSWER, OK_HELLO},
                                     {ACT_ANSWER, OK_HELLO},
                                     {ACT_ANSWER_CLOSE, OK_HELLO}};
    struct client client;
    struct peer peer;

    (void)state;
    start_peer(&peer, answers, 3);
    open_client(&client, peer.url, 1);
    assert_int_equal(call(&client), HS_OK);
    assert_int_equal(call(&client), HS_OK);
    assert_int_equal(call(&client), HS_OK);
    close_client(&client);
    stop_peer(&peer);
    assert_int_equal(peer.connections, 1);

    start_peer(&peer,
               (const struct answer[]){{ACT_ANSWER_CLOSE, OK_HELLO}, {ACT_ANSWER_CLOSE, OK_HELLO}},
               2);
    open_client(&client, peer.url, 1);
    client.call.once = true;
    assert_int_equal(call(&client), HS_OK);
    assert_int_equal(call(&client), HS_OK);
    close_client(&client);
    stop_peer(&peer);
    assert_int_equal(peer.connections, 2);
}

/* The peer takes the request and closes without a word. */
static void call__once_is_never_sent_twice(void **state)
{
    const struct answer answers[] = {{ACT_ANSWER_CLOSE, OK_HELLO},
                                     {ACT_CLOSE, NULL},
                                     {ACT_ANSWER, OK_HELLO}};
    struct client client;
    struct peer peer;

    (void)state;
    start_peer(&peer, answers, 3);
    open_client(&client, peer.url, 1);
    assert_int_equal(call(&client), HS_OK);
    client.call.once = true;
    client.call.method = "POST";
    assert_int_equal(call(&client), HS_EIO);
    assert_true(client.reply.sent);
    close_client(&client);
    stop_peer(&peer);
    assert_int_equal(peer.requests, 2);
}

static void call__refused_connection_is_eagain_and_not_sent(void **state)
{
    struct client client;
    struct peer peer;

    (void)state;
    start_peer(&peer, NULL, 0);
    stop_peer(&peer); /* its port is free */
    open_client(&client, peer.url, 1);
    assert_int_equal(call(&client), HS_EAGAIN);
    assert_false(client.reply.sent);
    assert_false(client.reply.no_slot);
    close_client(&client);
}

static void call__silent_peer_is_etimeout(void **state)
{
    const struct answer answers[] = {{ACT_HANG, NULL}};
    struct client client;
    struct peer peer;
    int64_t start = hs_mono_ns(hs_clock_system());

    (void)state;
    start_peer(&peer, answers, 1);
    open_client(&client, peer.url, 1);
    client.call.total_ms = 100;
    assert_int_equal(call(&client), HS_ETIMEOUT);
    assert_true(client.reply.sent);
    assert_true(hs_mono_ns(hs_clock_system()) - start < 2 * HS_NS_PER_S);
    close_client(&client);
    stop_peer(&peer);
}

static void call__cut_answer_is_eio_and_keeps_what_came(void **state)
{
    const struct answer answers[] = {
        {ACT_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npartial"}};
    struct client client;
    struct peer peer;

    (void)state;
    start_peer(&peer, answers, 1);
    open_client(&client, peer.url, 1);
    assert_int_equal(call(&client), HS_EIO);
    assert_int_equal(client.reply.status, 200);
    assert_true(hs_str_eq_c(hs_buf_str(&client.reply.body), "partial"));
    close_client(&client);
    stop_peer(&peer);
}

static void call__holds_response_max_to_the_byte(void **state)
{
    const struct answer answers[] = {{ACT_ANSWER, OK_HELLO},
                                     {ACT_ANSWER, OK_HELLO},
                                     {ACT_ANSWER, OK_HELLO}};
    struct client client;
    struct peer peer;

    (void)state;
    start_peer(&peer, answers, 3);
    open_client(&client, peer.url, 1);
    assert_int_equal(call(&client), HS_OK); /* its buffer is larger than the next limit */
    client.call.response_max = 4;
    assert_int_equal(call(&client), HS_ELIMIT);
    client.call.response_max = 5;
    assert_int_equal(call(&client), HS_OK);
    close_client(&client);
    stop_peer(&peer);
}

static void call__bounds_header_bytes(void **state)
{
    static char text[80000];
    const struct answer answers[] = {{ACT_ANSWER_CLOSE, text}};
    struct client client;
    struct peer peer;
    size_t n;

    (void)state;
    n = (size_t)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n");
    while (n < 70000)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "X-Filler: %0100d\r\n", 1);
    snprintf(text + n, sizeof(text) - n, "Content-Length: 0\r\n\r\n");
    start_peer(&peer, answers, 1);
    open_client(&client, peer.url, 1);
    assert_int_equal(call(&client), HS_ELIMIT);
    close_client(&client);
    stop_peer(&peer);
}

static void call__follows_no_redirect(void **state)
{
    const struct answer answers[] = {
        {ACT_ANSWER,
         "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"}};
    struct client client;
    struct peer peer;

    (void)state;
    start_peer(&peer, answers, 1);
    open_client(&client, peer.url, 1);
    assert_int_equal(call(&client), HS_OK);
    assert_int_equal(client.reply.status, 302);
    close_client(&client);
    stop_peer(&peer);
}

static void call__reads_no_proxy_from_the_environment(void **state)
{
    const struct answer answers[] = {{ACT_ANSWER, OK_HELLO}};
    struct client client;
    struct peer peer;

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    start_peer(&peer, answers, 1);
    open_client(&client, peer.url, 1);
    assert_int_equal(call(&client), HS_OK);
    unsetenv("http_proxy");
    close_client(&client);
    stop_peer(&peer);
}

static void call__refuses_bad_urls_and_fields(void **state)
{
    static const char *const urls[] = {"",
                                       "127.0.0.1",
                                       "file:///etc/passwd",
                                       "ftp://h/",
                                       "http://user:secret@h/",
                                       "http://user@h/"};
    const struct hs_http_field field = {"X-Key", HS_STR("a\r\nX-Other: b")};
    struct client client;

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        open_client(&client, urls[i], 1);
        assert_int_equal(call(&client), HS_EINVAL);
        assert_null(strstr(client.err.text, "secret"));
        close_client(&client);
    }
    open_client(&client, "http://127.0.0.1:1/", 1);
    client.call.fields = &field;
    client.call.fields_n = 1;
    assert_int_equal(call(&client), HS_EINVAL);
    close_client(&client);
}

struct waiter {
    struct hs_thread thread;
    struct hs_http_client *http;
    const char *url;
};

static void hold_slot(void *arg)
{
    struct waiter *waiter = arg;
    struct hs_http_call held = {.method = "GET",
                                .url = waiter->url,
                                .connect_ms = 1000,
                                .total_ms = 1500,
                                .response_max = 10};
    struct hs_http_reply reply;

    hs_http_reply_init(&reply);
    do /* the other thread may have the slot just then */
        hs_http_client_call(waiter->http, &held, &reply, NULL);
    while (reply.no_slot);
    hs_http_reply_fini(&reply);
}

static void call__full_pool_is_eagain(void **state)
{
    const struct answer answers[] = {{ACT_HANG, NULL}};
    struct client client;
    struct waiter waiter = {0};
    struct peer peer;
    int64_t until_ns = hs_mono_ns(hs_clock_system()) + 30 * HS_NS_PER_S;
    int rc = HS_OK;

    (void)state;
    start_peer(&peer, answers, 1);
    open_client(&client, "http://127.0.0.1:1/", 1);
    waiter.http = client.http;
    waiter.url = peer.url;
    assert_int_equal(hs_thread_start(&waiter.thread, "waiter", hold_slot, &waiter, NULL), HS_OK);
    client.call.total_ms = 20;
    while (!client.reply.no_slot && hs_mono_ns(hs_clock_system()) < until_ns)
        rc = call(&client); /* until the waiter holds the slot */
    assert_int_equal(rc, HS_EAGAIN);
    assert_true(client.reply.no_slot);
    hs_thread_join(&waiter.thread);
    close_client(&client);
    stop_peer(&peer);
}

static void url_encode__leaves_only_unreserved(void **state)
{
    struct hs_buf out;

    (void)state;
    hs_buf_init(&out, 1000);
    hs_http_url_encode(&out, hs_str_n("aZ09-._~ &=%+#\0\xff", 16));
    assert_string_equal(hs_buf_cstr(&out), "aZ09-._~%20%26%3D%25%2B%23%00%FF");
    hs_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call__gives_status_headers_and_body),
        cmocka_unit_test(call__reuses_its_connection_unless_once),
        cmocka_unit_test(call__once_is_never_sent_twice),
        cmocka_unit_test(call__refused_connection_is_eagain_and_not_sent),
        cmocka_unit_test(call__silent_peer_is_etimeout),
        cmocka_unit_test(call__cut_answer_is_eio_and_keeps_what_came),
        cmocka_unit_test(call__holds_response_max_to_the_byte),
        cmocka_unit_test(call__bounds_header_bytes),
        cmocka_unit_test(call__follows_no_redirect),
        cmocka_unit_test(call__reads_no_proxy_from_the_environment),
        cmocka_unit_test(call__refuses_bad_urls_and_fields),
        cmocka_unit_test(call__full_pool_is_eagain),
        cmocka_unit_test(url_encode__leaves_only_unreserved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
