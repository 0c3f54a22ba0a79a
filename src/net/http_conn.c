#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/http_server_int.h"

enum { LINGER_READS = 16, LINGER_BYTES = 1 << 20, ACCEPTS_PER_ROUND = 64, ACCEPT_PAUSE_MS = 50 };

static const unsigned char v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

void http_keeper_wake(struct hs_http_server *server)
{
    uint64_t one = 1;
    ssize_t n = write(server->wake_fd, &one, sizeof(one));

    HS_ASSERT(n == sizeof(one) || errno == EAGAIN);
}

static bool in_request(enum conn_state state)
{
    return state == CONN_RECEIVING || state == CONN_HANDLING || state == CONN_REPLYING;
}

bool http_conn_enter_locked(struct http_conn *conn, enum conn_state state, int64_t now_ns)
{
    struct http_listener *listener = conn->listener;
    enum conn_state old = conn->state;

    hs_mutex_assert_held(&listener->lock);
    if (old == state)
        return !conn->shut;
    if (in_request(state) && !in_request(old))
        listener->requests_n++;
    if (!in_request(state) && in_request(old)) {
        HS_ASSERT(listener->requests_n > 0);
        listener->requests_n--;
        conn->fresh = false;
        conn->bytes_idle = UINT64_MAX;
        hs_cond_broadcast(&listener->changed);
    }
    conn->state = state;
    conn->since_ns = now_ns;
    return !conn->shut;
}

/* Takes it out of the table; the caller frees it. */
static void remove_locked(struct http_conn *conn)
{
    struct http_listener *listener = conn->listener;
    struct http_conn *last = listener->conns[listener->conns_n - 1];

    HS_ASSERT(listener->conns[conn->slot] == conn);
    http_conn_enter_locked(conn, CONN_IDLE, conn->since_ns);
    listener->conns[conn->slot] = last;
    last->slot = conn->slot;
    listener->conns_n--;
    conn->loop->conns_n--;
    hs_cond_broadcast(&listener->changed);
}

static void drop_conn(struct http_conn *conn)
{
    struct http_listener *listener = conn->listener;

    hs_mutex_lock(&listener->lock);
    remove_locked(conn);
    hs_mutex_unlock(&listener->lock);
    hs_metric_add(&http_connections, HS_LABELS(listener->name), -1);
    hs_free(conn);
}

void http_conn_send(int fd, int status, const char *type, struct hs_str body)
{
    struct hs_buf head;
    ssize_t n;

    hs_buf_init(&head, 8192);
    hs_buf_addf(&head,
                "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n"
                "Content-Length: %zu\r\nConnection: close\r\nCache-Control: no-store\r\n"
                "X-Content-Type-Options: nosniff\r\n%s\r\n",
                status, MHD_get_reason_phrase_for((unsigned)status), type, body.n,
                status == 503 || status == 429 ? "Retry-After: 1\r\n" : "");
    hs_buf_add_str(&head, body);
    /* What does not fit the socket's buffer at once belongs to a client that does not read. */
    n = send(fd, head.p, head.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)n;
    hs_buf_fini(&head);
}

void http_conn_send_problem(int fd, int status, const char *code, const char *detail,
                            struct hs_str request_id)
{
    struct hs_buf body;

    hs_buf_init(&body, 4096);
    http_problem_text(&body, status, code, detail, request_id);
    http_conn_send(fd, status, "application/problem+json", hs_buf_str(&body));
    hs_buf_fini(&body);
}

/* Bytes that the peer has sent so far; 0 when the kernel does not say. */
static uint64_t bytes_received(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof(info);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0)
        return 0;
    return info.tcpi_bytes_received;
}

static void read_address(const struct sockaddr_storage *addr, struct http_conn *conn)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;

    if (addr->ss_family == AF_INET) {
        memcpy(conn->ip, v4_prefix, sizeof(v4_prefix));
        memcpy(conn->ip + 12, &v4->sin_addr, 4);
    } else {
        memcpy(conn->ip, &v6->sin6_addr, 16);
    }
    if (memcmp(conn->ip, v4_prefix, sizeof(v4_prefix)) == 0)
        inet_ntop(AF_INET, conn->ip + 12, conn->peer, sizeof(conn->peer));
    else
        inet_ntop(AF_INET6, conn->ip, conn->peer, sizeof(conn->peer));
}

static size_t count_address(const struct http_listener *listener, const unsigned char ip[16])
{
    size_t n = 0;

    for (size_t i = 0; i < listener->conns_n; i++)
        n += memcmp(listener->conns[i]->ip, ip, 16) == 0;
    return n;
}

/* Enters it into the table and gives it to the loop with the fewest, or names the limit. */
static const char *admit(struct http_listener *listener, struct http_conn *conn)
{
    const struct hs_http_server *server = listener->server;
    const char *reason = NULL;

    hs_mutex_lock(&listener->lock);
    if (listener->conns_n >= server->conns_max)
        reason = "connections_max";
    else if (count_address(listener, conn->ip) >= server->conns_ip_max)
        reason = "connections_ip_max";
    if (!reason) {
        conn->loop = &listener->loops[0];
        for (size_t i = 1; i < listener->loops_n; i++) {
            if (listener->loops[i].conns_n < conn->loop->conns_n)
                conn->loop = &listener->loops[i];
        }
        conn->loop->conns_n++;
        conn->slot = listener->conns_n;
        listener->conns[listener->conns_n++] = conn;
    }
    hs_mutex_unlock(&listener->lock);
    return reason;
}

static void welcome(struct http_listener *listener, int fd, const struct sockaddr_storage *addr,
                    socklen_t addr_n)
{
    struct http_conn *conn = hs_xalloc(sizeof(*conn));
    const char *reason;

    conn->listener = listener;
    conn->fd = fd;
    conn->state = CONN_ADDED;
    conn->fresh = true;
    conn->since_ns = hs_mono_ns(listener->server->clock);
    read_address(addr, conn);
    reason = admit(listener, conn);
    if (reason) {
        http_count_refused(listener, reason);
        http_conn_send_problem(fd, 503, reason, "too many connections are open at this time",
                               HS_STR(""));
        hs_free(conn);
        close(fd);
        return;
    }
    hs_metric_add(&http_connections, HS_LABELS(listener->name), 1);
    /* On failure libmicrohttpd has closed the socket. */
    if (MHD_add_connection(conn->loop->daemon, fd, (const struct sockaddr *)addr, addr_n) !=
        MHD_YES)
        drop_conn(conn);
}

/* Returns false when the process is out of descriptors, so that accepting must pause. */
static bool accept_some(struct http_listener *listener)
{
    for (int i = 0; i < ACCEPTS_PER_ROUND; i++) {
        struct sockaddr_storage addr = {0};
        socklen_t n = sizeof(addr);
        int fd = accept4(listener->fd, (struct sockaddr *)&addr, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
            return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
        welcome(listener, fd, &addr, n);
    }
    return true;
}

/* Keeps the socket open while the rest of a refused body comes in: closing with unread bytes would
 * make the kernel reset the connection, and the client would not see the reply. */
static void start_linger(struct http_conn *conn)
{
    struct hs_http_server *server = conn->listener->server;
    int fd = fcntl(conn->fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return;
    hs_mutex_lock(&server->lock);
    if (server->lingers_n < HTTP_LINGER_MAX) {
        server->lingers[server->lingers_n++] =
            (struct http_linger){fd, hs_mono_ns(hs_clock_system()) + HTTP_LINGER_MS * HS_NS_PER_MS};
        fd = -1;
    }
    hs_mutex_unlock(&server->lock);
    if (fd >= 0)
        close(fd);
    http_keeper_wake(server);
}

static void on_started(struct http_loop *loop, struct MHD_Connection *mhd, void **socket_context)
{
    struct http_listener *listener = loop->listener;
    int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

    hs_mutex_lock(&listener->lock);
    for (size_t i = listener->conns_n; i-- > 0;) {
        struct http_conn *conn = listener->conns[i];

        if (conn->state != CONN_ADDED || conn->fd != fd)
            continue;
        conn->mhd = mhd;
        http_conn_enter_locked(conn, CONN_IDLE, hs_mono_ns(listener->server->clock));
        *socket_context = conn;
        break;
    }
    hs_mutex_unlock(&listener->lock);
}

void http_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                        enum MHD_ConnectionNotificationCode code)
{
    struct http_conn *conn = *socket_context;
    struct hs_http_req *req;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        on_started(cls, mhd, socket_context);
        return;
    }
    if (!conn)
        return;
    hs_mutex_lock(&conn->listener->lock);
    req = conn->req;
    conn->req = NULL;
    conn->id = HS_STR_NULL; /* it lies in the request, which is freed before the connection */
    HS_ASSERT(!req || !req->dispatched || req->handler_done);
    hs_mutex_unlock(&conn->listener->lock);
    if (req)
        http_req_free(req);
    if (conn->linger)
        start_linger(conn);
    *socket_context = NULL;
    drop_conn(conn);
}

static void shut_locked(struct http_conn *conn)
{
    conn->shut = true;
    shutdown(conn->fd, SHUT_RDWR);
}

static void check_idle(struct http_conn *conn, int64_t now_ns)
{
    const struct hs_http_server *server = conn->listener->server;
    int64_t age_ns = now_ns - conn->since_ns;
    int64_t limit_ns = HTTP_IDLE_MS * HS_NS_PER_MS;
    uint64_t bytes = bytes_received(conn->fd);

    if (conn->fresh)
        limit_ns = HS_MIN(limit_ns, server->deadline_ns);
    if (conn->bytes_idle == UINT64_MAX)
        conn->bytes_idle = bytes;
    if (bytes > conn->bytes_idle)
        http_conn_enter_locked(conn, CONN_RECEIVING, now_ns);
    else if (conn->listener->stopping || age_ns > limit_ns)
        shut_locked(conn);
}

/* One connection against its time limits; the reasons of closing idle ones are not refusals. */
static void check_conn(struct http_conn *conn, int64_t now_ns)
{
    const struct hs_http_server *server = conn->listener->server;
    int64_t age_ns = now_ns - conn->since_ns;

    if (conn->shut)
        return;
    switch (conn->state) {
    case CONN_IDLE: check_idle(conn, now_ns); break;
    case CONN_RECEIVING:
        if (age_ns <= server->deadline_ns)
            break;
        http_conn_send_problem(conn->fd, 408, "request_timeout",
                               "the request was not complete within http.deadline", conn->id);
        shut_locked(conn);
        http_count_refused(conn->listener, "deadline");
        break;
    case CONN_REPLYING:
        if (age_ns > HTTP_REPLY_MS * HS_NS_PER_MS)
            shut_locked(conn);
        break;
    default: break;
    }
}

static void check_all(struct http_listener *listener)
{
    int64_t now_ns = hs_mono_ns(listener->server->clock);

    hs_mutex_lock(&listener->lock);
    for (size_t i = listener->conns_n; i-- > 0;) {
        struct http_conn *conn = listener->conns[i];

        check_conn(conn, now_ns);
        if (conn->state != CONN_ADDED || now_ns - conn->since_ns < HTTP_IDLE_MS * HS_NS_PER_MS)
            continue;
        remove_locked(conn); /* its loop could not take it and has closed the socket */
        hs_metric_add(&http_connections, HS_LABELS(listener->name), -1);
        hs_free(conn);
    }
    if (listener->stopping && listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
    hs_mutex_unlock(&listener->lock);
}

/* Whether the peer has closed, or is not worth more reads. */
static bool linger_is_over(const struct http_linger *linger, int64_t now_ns)
{
    for (int i = 0; i < LINGER_READS; i++) {
        /* MSG_TRUNC throws TCP data away without a copy. */
        ssize_t n = recv(linger->fd, NULL, LINGER_BYTES, MSG_DONTWAIT | MSG_TRUNC);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return true;
        if (n < 0)
            break;
    }
    return now_ns > linger->until_ns;
}

/* Reads out and closes lingering sockets; fills polls with those that stay. */
static size_t check_lingers(struct hs_http_server *server, struct pollfd *polls)
{
    int64_t now_ns = hs_mono_ns(hs_clock_system());
    size_t n = 0;

    hs_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->lingers_n; i++) {
        if (linger_is_over(&server->lingers[i], now_ns)) {
            close(server->lingers[i].fd);
            continue;
        }
        polls[n] = (struct pollfd){.fd = server->lingers[i].fd, .events = POLLIN};
        server->lingers[n++] = server->lingers[i];
    }
    server->lingers_n = n;
    hs_mutex_unlock(&server->lock);
    return n;
}

static bool keeper_quits(struct hs_http_server *server)
{
    bool quit;

    hs_mutex_lock(&server->lock);
    quit = server->keeper_quit;
    hs_mutex_unlock(&server->lock);
    return quit;
}

static int tick_ms(const struct hs_http_server *server)
{
    int64_t eighth = server->deadline_ns / 8 / HS_NS_PER_MS;

    return (int)HS_MAX(HS_MIN(eighth, (int64_t)HTTP_TICK_MS_MAX), (int64_t)5);
}

/* Accepts on each listener; true when all went well. */
static bool accept_all(struct hs_http_server *server)
{
    bool well = true;

    for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++) {
        if (server->listeners[i].in_use && server->listeners[i].fd >= 0)
            well = accept_some(&server->listeners[i]) && well;
    }
    return well;
}

/* What the keeper waits for; `paused` leaves out the listeners. */
static size_t fill_polls(struct hs_http_server *server, bool paused, struct pollfd *polls)
{
    size_t n = 0;

    polls[n++] = (struct pollfd){.fd = server->wake_fd, .events = POLLIN};
    for (size_t i = 0; i < HTTP_LISTENERS_MAX && !paused; i++) {
        if (server->listeners[i].in_use && server->listeners[i].fd >= 0)
            polls[n++] = (struct pollfd){.fd = server->listeners[i].fd, .events = POLLIN};
    }
    return n + check_lingers(server, polls + n);
}

static void check_listeners(struct hs_http_server *server)
{
    for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++) {
        if (server->listeners[i].in_use)
            check_all(&server->listeners[i]);
    }
    http_bodies_trim(server, hs_mono_ns(server->clock));
}

void http_keeper_main(void *arg)
{
    struct hs_http_server *server = arg;
    struct pollfd polls[1 + HTTP_LISTENERS_MAX + HTTP_LINGER_MAX];
    int64_t next_ns = 0;
    bool paused = false;

    while (!keeper_quits(server)) {
        size_t n = fill_polls(server, paused, polls);
        uint64_t woken;
        int64_t now_ns;

        poll(polls, n, paused ? ACCEPT_PAUSE_MS : tick_ms(server));
        if (read(server->wake_fd, &woken, sizeof(woken)) == sizeof(woken))
            next_ns = 0; /* somebody wants a look at once */
        paused = !accept_all(server);
        now_ns = hs_mono_ns(hs_clock_system());
        if (now_ns < next_ns)
            continue;
        next_ns = now_ns + tick_ms(server) * HS_NS_PER_MS;
        check_listeners(server);
    }
}
