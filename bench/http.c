/*
 * CPU time of the HTTP server for one request: POSTs of 250 kB over kept-alive connections, against
 * a plain recv loop that reads the same bytes in the same run.
 *
 * usage: bench_http [requests] [body bytes] [connections]
 *
 * The client runs in a child process, so that the parent's CPU time is the server's alone (user +
 * system, all threads). The plain loop reads each body into one buffer with 64 KiB calls and
 * answers with a fixed text: the floor below which no server on these sockets comes.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/http_server.h"

enum { READ_BYTES = 64 << 10, ROUNDS = 5 };

struct plan {
    size_t requests;
    size_t body;
    size_t conns;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double cpu_seconds(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_utime.tv_sec + (double)use.ru_stime.tv_sec +
           ((double)use.ru_utime.tv_usec + (double)use.ru_stime.tv_usec) / 1e6;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
        die("connect");
    return fd;
}

static void send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

        if (sent <= 0)
            die("send");
        p += sent;
        n -= (size_t)sent;
    }
}

/* The child: requests in turn over its connections, one in flight on each. */
static void run_client(const struct plan *plan, uint16_t port)
{
    int *fds = hs_xcalloc(plan->conns, sizeof(*fds));
    char *text = hs_xalloc(plan->body + 512);
    int head = snprintf(text, 512,
                        "POST /sink HTTP/1.1\r\nHost: localhost\r\n"
                        "Content-Type: application/json\r\nAuthorization: Bearer 0123456789\r\n"
                        "User-Agent: bench\r\nAccept: */*\r\nContent-Length: %zu\r\n\r\n",
                        plan->body);
    char reply[4096];

    memset(text + head, 'x', plan->body);
    for (size_t i = 0; i < plan->conns; i++)
        fds[i] = connect_to(port);
    for (size_t i = 0; i < plan->requests + plan->conns; i++) {
        int fd = fds[i % plan->conns];

        if (i >= plan->conns && recv(fd, reply, sizeof(reply), 0) <= 0)
            die("recv");
        if (i < plan->requests)
            send_all(fd, text, (size_t)head + plan->body);
    }
    _exit(0);
}

static double measure(const struct plan *plan, uint16_t port, void (*serve)(int), int listen_fd)
{
    double before;
    int status;
    pid_t child;

    fflush(stdout);
    child = fork();

    if (child < 0)
        die("fork");
    if (child == 0)
        run_client(plan, port);
    before = cpu_seconds();
    if (serve)
        serve(listen_fd);
    if (waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "the client failed\n");
        exit(1);
    }
    return (cpu_seconds() - before) / (double)plan->requests;
}

/* The plain loop, for one connection: it knows nothing of HTTP but where a request ends. */
static struct plan plain_plan;

static void serve_plain(int listen_fd)
{
    static const char answer[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
    char *buf = hs_xalloc(plain_plan.body + READ_BYTES);
    int fd = accept(listen_fd, NULL, NULL);

    for (size_t i = 0; i < plain_plan.requests; i++) {
        size_t want = SIZE_MAX;
        size_t n = 0;

        while (n < want) {
            ssize_t got = recv(fd, buf + n, READ_BYTES, 0);
            const char *end;

            if (got <= 0)
                die("recv");
            n += (size_t)got;
            end = want == SIZE_MAX ? memmem(buf, n, "\r\n\r\n", 4) : NULL;
            if (end)
                want = (size_t)(end - buf) + 4 + plain_plan.body;
        }
        send_all(fd, answer, sizeof(answer) - 1);
    }
    close(fd);
    hs_free(buf);
}

static double bench_plain(const struct plan *plan)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t n = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    double seconds;

    plain_plan = *plan;
    plain_plan.conns = 1;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, n) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &n) != 0)
        die("listen");
    seconds = measure(&plain_plan, ntohs(addr.sin_port), serve_plain, fd);
    close(fd);
    return seconds;
}

static void on_sink(struct hs_http_req *req, void *arg)
{
    size_t n;

    (void)arg;
    hs_http_req_body(req, &n);
    hs_http_reply(req, 202, "application/json", HS_STR("{}"));
}

static double bench_server(const struct plan *plan)
{
    struct hs_conf conf = {
        .http_threads = 1,
        .http_workers = 1,
        .http_connections_max = 100,
        .http_connections_ip_max = 100,
        .http_deadline_ms = 10000,
        .http_body_max = 64 << 20,
        .http_inflated_max = 64 << 20,
    };
    struct hs_route route = {.listeners = 1,
                             .method = HS_POST,
                             .path = "/sink",
                             .handler = on_sink};
    struct hs_http_server *server;
    struct hs_buf address;
    struct hs_err err;
    double seconds;

    hs_buf_init(&address, 64);
    if (hs_http_server_new(&conf, hs_clock_system(), &server, &err) != HS_OK ||
        hs_http_server_route(server, &route, &err) != HS_OK ||
        hs_http_server_listen(server, 0, "127.0.0.1:0", &address, &err) != HS_OK ||
        hs_http_server_start(server, &err) != HS_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    seconds = measure(plan, (uint16_t)strtoul(strrchr(hs_buf_cstr(&address), ':') + 1, NULL, 10),
                      NULL, -1);
    hs_http_server_stop(server, 1000);
    hs_http_server_free(server);
    hs_buf_fini(&address);
    return seconds;
}

int main(int argc, char **argv)
{
    struct plan plan = {
        .requests = argc > 1 ? strtoul(argv[1], NULL, 10) : 4000,
        .body = argc > 2 ? strtoul(argv[2], NULL, 10) : 250000,
        .conns = argc > 3 ? strtoul(argv[3], NULL, 10) : 4,
    };

    if (plan.requests == 0 || plan.conns == 0 || plan.conns > 90) {
        fprintf(stderr, "usage: bench_http [requests] [body bytes] [connections, at most 90]\n");
        return 2;
    }
    printf("%zu requests of %zu bytes, %zu connections\n", plan.requests, plan.body, plan.conns);
    for (int i = 0; i < ROUNDS; i++) {
        double plain = bench_plain(&plan);
        double server = bench_server(&plan);

        printf("round %d: plain recv loop %.1f us, server %.1f us, difference %.1f us of CPU a "
               "request\n",
               i + 1, plain * 1e6, server * 1e6, (server - plain) * 1e6);
    }
    return 0;
}
