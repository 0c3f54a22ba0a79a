#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/http_server_int.h"

enum { BACKLOG = 1024, STOP_SEND_MS = 500 };

struct hs_metric http_requests_total = {
    .name = "hs_http_requests_total",
    .type = HS_METRIC_COUNTER,
    .help = "Requests answered, by listener, route pattern and status",
    .labels = {"listener", "route", "code"},
};
struct hs_metric http_request_seconds = {
    .name = "hs_http_request_seconds",
    .type = HS_METRIC_HISTOGRAM,
    .help = "Time from a request's first byte to the last byte of its reply",
    .labels = {"listener", "route"},
};
struct hs_metric http_connections = {
    .name = "hs_http_connections",
    .type = HS_METRIC_GAUGE,
    .help = "Open connections",
    .labels = {"listener"},
};
struct hs_metric http_refused_total = {
    .name = "hs_http_refused_total",
    .type = HS_METRIC_COUNTER,
    .help = "Requests and connections refused before a handler saw them, by reason",
    .labels = {"listener", "reason"},
};

void http_count_refused(const struct http_listener *listener, const char *reason)
{
    hs_metric_add(&http_refused_total, HS_LABELS(listener->name, reason), 1);
}

int hs_http_server_new(const struct hs_conf *conf, const struct hs_clock *clock,
                       struct hs_http_server **out, struct hs_err *err)
{
    struct hs_http_server *server;
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    HS_ASSERT(conf->http_threads > 0);
    HS_ASSERT(conf->http_workers > 0);
    if (fd < 0)
        return hs_err_sys(err, "eventfd");
    http_request_seconds.buckets = hs_metric_seconds;
    http_request_seconds.buckets_n = hs_metric_seconds_n;
    server = hs_xalloc(sizeof(*server));
    server->clock = clock;
    server->wake_fd = fd;
    server->refs = 1;
    server->loops_per_listener = (size_t)HS_MIN(conf->http_threads, (uint64_t)HTTP_LOOPS_MAX);
    server->workers_max = (size_t)conf->http_workers;
    server->conns_max = (size_t)conf->http_connections_max;
    server->conns_ip_max = (size_t)conf->http_connections_ip_max;
    server->deadline_ns = (int64_t)conf->http_deadline_ms * HS_NS_PER_MS;
    server->body_max = conf->http_body_max;
    server->inflated_max = conf->http_inflated_max;
    hs_mutex_init(&server->lock, HS_RANK_HTTP);
    hs_cond_init(&server->wake_workers);
    hs_cond_init(&server->worker_gone);
    for (unsigned i = 0; i < HTTP_LISTENERS_MAX; i++) {
        struct http_listener *listener = &server->listeners[i];

        listener->server = server;
        listener->index = i;
        listener->fd = -1;
        snprintf(listener->name, sizeof(listener->name), "%u", i);
        hs_mutex_init(&listener->lock, HS_RANK_HTTP);
        hs_cond_init(&listener->changed);
    }
    *out = server;
    return HS_OK;
}

void hs_http_server_name(struct hs_http_server *server, unsigned index, const char *name)
{
    HS_ASSERT(index < HTTP_LISTENERS_MAX);
    snprintf(server->listeners[index].name, sizeof(server->listeners[index].name), "%s", name);
}

void hs_http_server_on_done(struct hs_http_server *server, hs_http_done_fn *fn, void *arg)
{
    HS_ASSERT(!server->started);
    HS_ASSERT(!server->on_done);
    server->on_done = fn;
    server->on_done_arg = arg;
}

static int add_route(struct http_listener *listener, const struct hs_route *row,
                     const struct hs_http_pattern *pattern, struct hs_err *err)
{
    size_t at = 0;
    struct http_route *routes = listener->routes;

    while (at < listener->routes_n && hs_http_pattern_cmp(&routes[at].pattern, pattern) < 0)
        at++;
    for (size_t i = at; i < listener->routes_n; i++) {
        if (hs_http_pattern_cmp(&routes[i].pattern, pattern) != 0)
            break;
        if (routes[i].row.method == row->method)
            return hs_err_set(err, HS_ECONFLICT, 0, "route \"%s\" matches like \"%s\"", row->path,
                              routes[i].row.path);
    }
    routes = hs_xrealloc(routes, listener->routes_n + 1, sizeof(*routes));
    memmove(routes + at + 1, routes + at, (listener->routes_n - at) * sizeof(*routes));
    routes[at].row = *row;
    routes[at].row.path = hs_xstrdup(row->path);
    listener->routes = routes;
    listener->routes_n++;
    return hs_http_pattern_parse(routes[at].row.path, &routes[at].pattern, err);
}

int hs_http_server_route(struct hs_http_server *server, const struct hs_route *route,
                         struct hs_err *err)
{
    struct hs_http_pattern pattern;
    int rc = hs_http_pattern_parse(route->path, &pattern, err);

    HS_ASSERT(!server->started);
    HS_ASSERT(route->handler != NULL);
    for (unsigned i = 0; i < HTTP_LISTENERS_MAX && rc == HS_OK; i++) {
        if (route->listeners & 1U << i)
            rc = add_route(&server->listeners[i], route, &pattern, err);
    }
    return rc;
}

/* "host:port" with a numeric host; "localhost" and "*" are the two names that are known. */
static int parse_address(const char *text, struct sockaddr_storage *out, socklen_t *out_n,
                         struct hs_err *err)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    const char *colon = strrchr(text, ':');
    char host[64];
    uint64_t port;
    size_t n = colon ? (size_t)(colon - text) : 0;

    if (!colon || n == 0 || n >= sizeof(host) ||
        hs_str_to_u64(hs_str_c(colon + 1), &port) != HS_OK || port > 65535)
        return hs_err_set(err, HS_EINVAL, 0, "listen address \"%s\" is not host:port", text);
    snprintf(host, sizeof(host), "%.*s", (int)n, text);
    *out = (struct sockaddr_storage){0};
    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *out_n = sizeof(*v6);
        if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1)
            return HS_OK;
    } else {
        const char *ip = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;

        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *out_n = sizeof(*v4);
        if (inet_pton(AF_INET, strcmp(ip, "*") == 0 ? "0.0.0.0" : ip, &v4->sin_addr) == 1)
            return HS_OK;
    }
    return hs_err_set(err, HS_EINVAL, 0, "listen address \"%s\" has no numeric host", text);
}

static bool is_loopback(const struct sockaddr_storage *addr)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;

    if (addr->ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static void format_address(const struct sockaddr_storage *addr, struct hs_buf *out)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;
    char text[INET6_ADDRSTRLEN];

    if (addr->ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
        hs_buf_addf(out, "%s:%u", text, ntohs(v4->sin_port));
        return;
    }
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    hs_buf_addf(out, "[%s]:%u", text, ntohs(v6->sin6_port));
}

int hs_http_server_listen(struct hs_http_server *server, unsigned index, const char *address,
                          struct hs_buf *out_address, struct hs_err *err)
{
    struct http_listener *listener = &server->listeners[index];
    struct sockaddr_storage addr;
    socklen_t addr_n;
    int one = 1;
    int rc = parse_address(address, &addr, &addr_n, err);
    int fd;

    HS_ASSERT(index < HTTP_LISTENERS_MAX);
    HS_ASSERT(!listener->in_use);
    if (rc != HS_OK)
        return rc;
    fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return hs_err_sys(err, "listen on %s: socket", address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* inherited on accept */
    if (bind(fd, (struct sockaddr *)&addr, addr_n) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &addr_n) != 0) {
        rc = hs_err_sys(err, "listen on %s", address);
        close(fd);
        return rc;
    }
    listener->fd = fd;
    listener->in_use = true;
    listener->loopback = is_loopback(&addr);
    if (out_address)
        format_address(&addr, out_address);
    return HS_OK;
}

static int start_loop(struct http_listener *listener, struct hs_err *err)
{
    struct http_loop *loop = &listener->loops[listener->loops_n];

    loop->listener = listener;
    loop->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                             MHD_ALLOW_SUSPEND_RESUME,
                         0, NULL, NULL, http_on_access, loop, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)HTTP_CONN_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)listener->server->conns_max + 64, MHD_OPTION_CONNECTION_TIMEOUT,
                         (unsigned)HTTP_STALL_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                         MHD_OPTION_URI_LOG_CALLBACK, http_on_uri, loop,
                         MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, loop,
                         MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, loop, MHD_OPTION_END);
    if (!loop->daemon)
        return hs_err_sys(err, "HTTP event loop of listener %s", listener->name);
    listener->loops_n++;
    return HS_OK;
}

/* Signals are for the main thread: what libmicrohttpd starts inherits a full mask. */
static int start_listener(struct http_listener *listener, struct hs_err *err)
{
    const struct hs_http_server *server = listener->server;
    sigset_t all;
    sigset_t old;
    int rc = HS_OK;

    listener->conns = hs_try_calloc(server->conns_max, sizeof(struct http_conn *));
    if (!listener->conns)
        return hs_err_set(err, HS_ELIMIT, 0, "http.connections_max: %zu does not fit",
                          server->conns_max);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (rc == HS_OK && listener->loops_n < server->loops_per_listener)
        rc = start_loop(listener, err);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

int hs_http_server_start(struct hs_http_server *server, struct hs_err *err)
{
    int rc;

    HS_ASSERT(!server->started);
    server->started = true;
    rc = http_workers_start(server, err);
    for (size_t i = 0; i < HTTP_LISTENERS_MAX && rc == HS_OK; i++) {
        if (server->listeners[i].in_use)
            rc = start_listener(&server->listeners[i], err);
    }
    if (rc == HS_OK)
        rc = hs_thread_start(&server->keeper, "http-keeper", http_keeper_main, server, err);
    if (rc != HS_OK)
        hs_http_server_stop(server, 0);
    return rc;
}

static void begin_stop(struct hs_http_server *server)
{
    for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++) {
        hs_mutex_lock(&server->listeners[i].lock);
        server->listeners[i].stopping = true;
        hs_mutex_unlock(&server->listeners[i].lock);
    }
    http_keeper_wake(server);
}

/* Waits until no request is under way, at most until then. */
static void wait_for_requests(struct http_listener *listener, int64_t until_ns)
{
    hs_mutex_lock(&listener->lock);
    while (listener->requests_n > 0) {
        int64_t left_ns = until_ns - hs_mono_ns(hs_clock_system());

        if (left_ns <= 0)
            break;
        hs_cond_wait_ms(&listener->changed, &listener->lock, left_ns / HS_NS_PER_MS + 1);
    }
    hs_mutex_unlock(&listener->lock);
}

static void stop_keeper(struct hs_http_server *server)
{
    hs_mutex_lock(&server->lock);
    server->keeper_quit = true;
    hs_mutex_unlock(&server->lock);
    http_keeper_wake(server);
    hs_thread_join(&server->keeper);
    while (server->lingers_n > 0)
        close(server->lingers[--server->lingers_n].fd);
}

static void stop_listener(struct http_listener *listener)
{
    while (listener->loops_n > 0)
        MHD_stop_daemon(listener->loops[--listener->loops_n].daemon);
    /* Of connections that a loop had not taken yet it closes the sockets and tells nobody. */
    while (listener->conns_n > 0) {
        HS_ASSERT(listener->conns[listener->conns_n - 1]->state == CONN_ADDED);
        hs_free(listener->conns[--listener->conns_n]);
        hs_metric_add(&http_connections, HS_LABELS(listener->name), -1);
    }
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}

void hs_http_server_stop(struct hs_http_server *server, int64_t wait_ms)
{
    int64_t until_ns = hs_mono_ns(hs_clock_system()) + HS_MAX(wait_ms, 0) * HS_NS_PER_MS;

    if (!server->started)
        return;
    server->started = false;
    begin_stop(server);
    for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++)
        wait_for_requests(&server->listeners[i], until_ns);
    for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++)
        http_abandon_all(&server->listeners[i]);
    http_workers_stop(server, until_ns);
    /* Let the 503s that this made go out. */
    until_ns = hs_mono_ns(hs_clock_system()) + STOP_SEND_MS * HS_NS_PER_MS;
    for (size_t i = 0; i < HTTP_LISTENERS_MAX && wait_ms > 0; i++)
        wait_for_requests(&server->listeners[i], until_ns);
    stop_keeper(server);
    for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++)
        stop_listener(&server->listeners[i]);
}

void http_server_ref(struct hs_http_server *server)
{
    hs_mutex_lock(&server->lock);
    server->refs++;
    hs_mutex_unlock(&server->lock);
}

static void free_listener(struct http_listener *listener)
{
    for (size_t i = 0; i < listener->routes_n; i++)
        hs_free((char *)listener->routes[i].row.path);
    hs_free(listener->routes);
    hs_free(listener->conns);
    if (listener->fd >= 0)
        close(listener->fd);
    hs_cond_fini(&listener->changed);
    hs_mutex_fini(&listener->lock);
}

void http_server_unref(struct hs_http_server *server)
{
    bool last;

    hs_mutex_lock(&server->lock);
    HS_ASSERT(server->refs > 0);
    last = --server->refs == 0;
    hs_mutex_unlock(&server->lock);
    if (!last)
        return;
    http_bodies_trim(server, INT64_MAX);
    for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++)
        free_listener(&server->listeners[i]);
    close(server->wake_fd);
    hs_cond_fini(&server->worker_gone);
    hs_cond_fini(&server->wake_workers);
    hs_mutex_fini(&server->lock);
    hs_free(server);
}

void hs_http_server_free(struct hs_http_server *server)
{
    if (!server)
        return;
    hs_http_server_stop(server, 0);
    http_server_unref(server);
}
