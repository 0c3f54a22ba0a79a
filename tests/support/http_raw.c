#include "support/http_raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAIT_MS = 20000 };

void raw_open(struct raw_conn *conn, const char *address)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    const char *colon = strrchr(address, ':');
    char host[64];

    assert_non_null(colon);
    snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
    assert_int_equal(inet_pton(AF_INET, host, &addr.sin_addr), 1);
    addr.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(conn->fd >= 0);
    assert_int_equal(connect(conn->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    conn->buf = calloc(1, RAW_REPLY_MAX + 1);
    assert_non_null(conn->buf);
    conn->n = 0;
}

void raw_close(struct raw_conn *conn)
{
    close(conn->fd);
    free(conn->buf);
    conn->buf = NULL;
}

bool raw_send(struct raw_conn *conn, const void *p, size_t n)
{
    const char *at = p;

    while (n > 0) {
        ssize_t sent = send(conn->fd, at, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool raw_sendf(struct raw_conn *conn, const char *fmt, ...)
{
    char text[16384];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    assert_in_range(n, 0, sizeof(text) - 1);
    return raw_send(conn, text, (size_t)n);
}

/* Reads more into buf; false at the end of the stream. */
static bool read_more(struct raw_conn *conn)
{
    struct pollfd poll_fd = {.fd = conn->fd, .events = POLLIN};
    ssize_t n;

    assert_true(conn->n < RAW_REPLY_MAX);
    if (poll(&poll_fd, 1, WAIT_MS) != 1)
        fail_msg("no reply within %d ms", WAIT_MS);
    n = recv(conn->fd, conn->buf + conn->n, RAW_REPLY_MAX - conn->n, 0);
    if (n <= 0)
        return false;
    conn->n += (size_t)n;
    conn->buf[conn->n] = '\0';
    return true;
}

static char *take(struct raw_conn *conn, size_t n)
{
    char *copy = calloc(1, n + 1);

    assert_non_null(copy);
    memcpy(copy, conn->buf, n);
    conn->n -= n;
    memmove(conn->buf, conn->buf + n, conn->n + 1);
    return copy;
}

static bool read_head(struct raw_conn *conn, struct raw_reply *reply)
{
    char *end;

    while (!(end = strstr(conn->buf, "\r\n\r\n"))) {
        if (!read_more(conn))
            return false;
    }
    reply->head = take(conn, (size_t)(end - conn->buf) + 4);
    assert_int_equal(strncmp(reply->head, "HTTP/1.", 7), 0);
    reply->status = (int)strtol(reply->head + 9, NULL, 10);
    return true;
}

struct raw_reply raw_read(struct raw_conn *conn, bool head_only)
{
    struct raw_reply reply = {0};
    char value[32];
    size_t want = 0;

    while (read_head(conn, &reply) && reply.status == 100) {
        free(reply.head);
        reply = (struct raw_reply){0};
    }
    if (!reply.head)
        return reply;
    if (raw_header(&reply, "Content-Length", value, sizeof(value)))
        want = head_only || reply.status == 304 ? 0 : strtoul(value, NULL, 10);
    while (conn->n < want) {
        if (!read_more(conn))
            fail_msg("reply ends after %zu of %zu body bytes", conn->n, want);
    }
    reply.body_n = want;
    reply.body = take(conn, want);
    return reply;
}

void raw_reply_free(struct raw_reply *reply)
{
    free(reply->head);
    free(reply->body);
    *reply = (struct raw_reply){0};
}

bool raw_header(const struct raw_reply *reply, const char *name, char *out, size_t out_n)
{
    size_t name_n = strlen(name);
    const char *line = reply->head;

    while (line && (line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (strncasecmp(line, name, name_n) != 0 || line[name_n] != ':')
            continue;
        line += name_n + 1;
        line += strspn(line, " ");
        snprintf(out, out_n, "%.*s", (int)strcspn(line, "\r"), line);
        return true;
    }
    return false;
}

bool raw_wait_closed(struct raw_conn *conn, int wait_ms)
{
    struct pollfd poll_fd = {.fd = conn->fd, .events = POLLIN};
    char sink[4096];

    while (poll(&poll_fd, 1, wait_ms) == 1) {
        if (recv(conn->fd, sink, sizeof(sink), 0) <= 0)
            return true;
    }
    return false;
}

struct raw_reply raw_ask(const char *address, const char *text)
{
    struct raw_conn conn;
    struct raw_reply reply;

    raw_open(&conn, address);
    raw_send(&conn, text, strlen(text));
    reply = raw_read(&conn, strncmp(text, "HEAD ", 5) == 0);
    raw_close(&conn);
    return reply;
}
