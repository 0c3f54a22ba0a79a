#include "store/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { REQUEST_MAX = 4096, ANSWER_MAX = 512 };

struct talk {
    int fd;
    int64_t deadline_ns; /* monotonic */
    const char *where;   /* "127.0.0.1:8123" */
};

static int64_t now_ns(void)
{
    return hs_mono_ns(hs_clock_system());
}

static int wait_for(const struct talk *talk, short events, struct hs_err *err)
{
    struct pollfd pfd = {.fd = talk->fd, .events = events};
    int64_t left_ms = (talk->deadline_ns - now_ns()) / HS_NS_PER_MS;
    int n = left_ms > 0 ? poll(&pfd, 1, (int)left_ms) : 0;

    if (n < 0 && errno != EINTR)
        return hs_err_sys(err, "poll %s", talk->where);
    if (n == 0)
        return hs_err_set(err, HS_ETIMEOUT, 0, "%s does not answer in time", talk->where);
    return HS_OK;
}

static int open_socket(const struct hs_store_address *address, struct talk *talk,
                       struct hs_err *err)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    int family = address->is_ipv6 ? AF_INET6 : AF_INET;
    int rc;

    if (address->is_ipv6)
        inet_pton(AF_INET6, address->host, &v6.sin6_addr);
    else
        inet_pton(AF_INET, address->host, &v4.sin_addr);
    talk->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (talk->fd < 0)
        return hs_err_sys(err, "socket for %s", talk->where);
    rc = address->is_ipv6 ? connect(talk->fd, (struct sockaddr *)&v6, sizeof(v6))
                          : connect(talk->fd, (struct sockaddr *)&v4, sizeof(v4));
    if (rc != 0 && errno != EINPROGRESS)
        return hs_err_sys(err, "connect %s", talk->where);
    return HS_OK;
}

static int finish_connect(const struct talk *talk, struct hs_err *err)
{
    int sys = 0;
    socklen_t n = sizeof(sys);
    int rc = wait_for(talk, POLLOUT, err);

    if (rc != HS_OK)
        return rc;
    if (getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &sys, &n) != 0)
        return hs_err_sys(err, "connect %s", talk->where);
    errno = sys;
    return sys ? hs_err_sys(err, "connect %s", talk->where) : HS_OK;
}

static int send_all(const struct talk *talk, struct hs_str data, struct hs_err *err)
{
    while (data.n > 0) {
        ssize_t n = send(talk->fd, data.p, data.n, MSG_NOSIGNAL);
        int rc = HS_OK;

        if (n < 0 && errno == EAGAIN)
            rc = wait_for(talk, POLLOUT, err);
        else if (n < 0 && errno != EINTR)
            rc = hs_err_sys(err, "send to %s", talk->where);
        if (rc != HS_OK)
            return rc;
        if (n > 0)
            data = hs_str_n(data.p + n, data.n - (size_t)n);
    }
    return HS_OK;
}

/* Reads up to ANSWER_MAX bytes or the end; the status line stands in the first of them. */
static int read_status(const struct talk *talk, int *out_status, struct hs_err *err)
{
    char answer[ANSWER_MAX + 1] = "";
    size_t n = 0;

    while (n < ANSWER_MAX && !memchr(answer, '\n', n)) {
        ssize_t got = recv(talk->fd, answer + n, ANSWER_MAX - n, 0);
        int rc = HS_OK;

        if (got == 0)
            break;
        if (got < 0 && errno == EAGAIN)
            rc = wait_for(talk, POLLIN, err);
        else if (got < 0 && errno != EINTR)
            rc = hs_err_sys(err, "read from %s", talk->where);
        if (rc != HS_OK)
            return rc;
        n += got > 0 ? (size_t)got : 0;
    }
    if (sscanf(answer, "HTTP/1.%*1d %3d", out_status) != 1)
        return hs_err_set(err, HS_EIO, 0, "%s does not answer HTTP", talk->where);
    return HS_OK;
}

static int exchange(const struct hs_store_address *address, struct hs_str request, int wait_ms,
                    struct hs_err *err)
{
    char where[HS_STORE_ADDRESS_MAX];
    struct talk talk = {.fd = -1, .where = where};
    int status = 0;
    int rc;

    hs_store_address_format(address, where);
    talk.deadline_ns = now_ns() + wait_ms * HS_NS_PER_MS;
    rc = open_socket(address, &talk, err);
    if (rc == HS_OK)
        rc = finish_connect(&talk, err);
    if (rc == HS_OK)
        rc = send_all(&talk, request, err);
    if (rc == HS_OK)
        rc = read_status(&talk, &status, err);
    if (rc == HS_OK && status != 200)
        rc = hs_err_set(err, HS_EIO, status, "%s answers with status %d", where, status);
    if (talk.fd >= 0)
        close(talk.fd);
    return rc;
}

int hs_store_probe_ping(const struct hs_store_address *address, int wait_ms, struct hs_err *err)
{
    struct hs_store_address to = hs_store_address_local(address);
    char request[REQUEST_MAX];
    char where[HS_STORE_ADDRESS_MAX];
    int n;

    hs_store_address_format(&to, where);
    n = snprintf(request, sizeof(request),
                 "GET /ping HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", where);
    return exchange(&to, hs_str_n(request, (size_t)n), wait_ms, err);
}

int hs_store_probe_query(const struct hs_store_address *address, const char *user,
                         const char *password, const char *sql, int wait_ms, struct hs_err *err)
{
    struct hs_store_address to = hs_store_address_local(address);
    char where[HS_STORE_ADDRESS_MAX];
    struct hs_buf request;
    int rc;

    hs_store_address_format(&to, where);
    hs_buf_init(&request, REQUEST_MAX);
    hs_buf_addf(&request,
                "POST / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nX-ClickHouse-User: %s\r\n"
                "X-ClickHouse-Key: %s\r\nContent-Length: %zu\r\n\r\n%s",
                where, user, password, strlen(sql), sql);
    if (hs_buf_ok(&request))
        rc = exchange(&to, hs_buf_str(&request), wait_ms, err);
    else
        rc = hs_err_set(err, HS_ELIMIT, 0, "statement of %zu bytes, limit %d", strlen(sql),
                        REQUEST_MAX);
    hs_buf_fini(&request);
    return rc;
}
