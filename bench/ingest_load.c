/*
 * The load of bench/run-ingest, bench/run-system and bench/run-query: requests of 500 distinct
 * events or spans over connections that are kept open.
 *
 *     bench_ingest_load KIND HOST:PORT KEY REQUESTS FIRST CONNECTIONS [RATE [DAYS SERIES]]
 *
 * KIND: events (JSON search events with five results), spans (OTLP protobuf, 12 attributes, five
 * spans a trace), searches (the same, two spans of each five are searches). FIRST numbers the first
 * request, so that runs with ranges of their own send nothing twice. RATE, in events a second,
 * sends by the clock whether or not answers come (each connection waits for its own); 0 or none
 * sends as fast as the server answers. KEY "-" sends none. KIND history sends events as imports,
 * whose times go evenly from DAYS ago to the start of the program, of SERIES pairs of service and
 * environment (two environments a service); some fail, some find nothing.
 *
 * So that the generator takes little CPU, bodies are made once, with runs of bytes that occur in
 * neither format where an id, a time or a number stands; each request writes fresh ones there. Ids
 * are a bijection of the event's number: they differ for certain. A request that is refused with
 * 429 or 503 is sent again. Prints JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/thread.h"
#include "net/pb.h"

enum {
    EVENTS = 500,
    RESULTS = 5,
    SPANS_OF_TRACE = 5,
    BODIES = 8, /* for each connection */
    BODY_MAX = 4 << 20,
    CONNS_MAX = 64,
    ANSWER_MAX = 64 << 10,
    TRIES_MAX = 1000,
    RETRY_MS = 100,
};

enum kind { KIND_EVENTS, KIND_SPANS, KIND_SEARCHES, KIND_HISTORY };

/* The byte that marks a place, and how many of it. */
enum place { EVENT_ID, QUERY_ID, SESSION, TIME_MS, SIX_DIGITS, TRACE, SPAN, PARENT, START, END };
static const struct {
    unsigned char mark;
    unsigned char n;
} places[] = {[EVENT_ID] = {0xF5, 36}, [QUERY_ID] = {0xF6, 16},  [SESSION] = {0xF7, 8},
              [TIME_MS] = {0xF8, 13},  [SIX_DIGITS] = {0xF9, 6}, [TRACE] = {0xFA, 16},
              [SPAN] = {0xFB, 8},      [PARENT] = {0xFC, 8},     [START] = {0xFD, 8},
              [END] = {0xFE, 8}};

struct patch {
    uint32_t at;
    uint32_t place;
};

struct body {
    struct hs_buf text;
    struct hs_buf head;
    struct patch *patches;
    size_t patches_n;
};

struct load {
    enum kind kind;
    struct sockaddr_in to;
    const char *key;
    uint64_t requests;
    uint64_t first;
    unsigned conns_n;
    double rate;
    double days;     /* of history */
    unsigned series; /* of history */
    int64_t start_ns;
    int64_t start_wall_ns;
};

struct conn {
    const struct load *load;
    struct hs_thread thread;
    unsigned number;
    int fd;
    struct hs_rand rand;
    struct body bodies[BODIES];
    char answer[ANSWER_MAX];
    uint64_t requests;
    uint64_t refused;
    uint64_t bytes;
    int64_t *took_ns;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_ingest_load: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

/* --- bodies ----------------------------------------------------------------------------------- */

static void add_place(struct hs_buf *out, enum place place)
{
    char marks[64];

    memset(marks, places[place].mark, places[place].n);
    hs_buf_add(out, marks, places[place].n);
}

static struct hs_str place_str(enum place place, char *room)
{
    memset(room, places[place].mark, places[place].n);
    return hs_str_n(room, places[place].n);
}

static void add_query(struct hs_rand *rand, struct hs_buf *out)
{
    static const char *const words[] = {"red",    "running", "shoes",   "waterproof", "jacket",
                                        "mens",   "small",   "leather", "wallet",     "bluetooth",
                                        "garden", "usb",     "walnut",  "headphones", "kids",
                                        "winter", "ceramic", "lamp",    "size 9",     "organic"};
    uint64_t n = 1 + hs_rand_below(rand, 4);

    for (uint64_t i = 0; i < n; i++)
        hs_buf_addf(out, "%s%s", i > 0 ? " " : "", words[hs_rand_below(rand, HS_ARRAY_LEN(words))]);
}

/* Which of the series; some services are on one version, some roll another out. */
static void add_source(const struct load *load, struct hs_rand *rand, struct hs_buf *out)
{
    static const char *const services[] = {"search-api", "suggest", "browse", "mobile"};
    static const char *const versions[] = {"2.4.1", "2.4.2", "2.5.0"};
    uint64_t series;

    if (load->kind == KIND_EVENTS) {
        hs_buf_addf(out, "\"service\":\"%s\",",
                    services[hs_rand_below(rand, HS_ARRAY_LEN(services))]);
    } else {
        series = hs_rand_below(rand, load->series);
        hs_buf_addf(out, "\"service\":\"service-%02u\",\"environment\":\"%s\",",
                    (unsigned)(series / 2), series % 2 == 0 ? "production" : "staging");
    }
    hs_buf_addf(out, "\"version\":\"%s\",", versions[hs_rand_below(rand, HS_ARRAY_LEN(versions))]);
}

/* Of history 2 % fail and 5 % find nothing. */
static void add_outcome(const struct load *load, struct hs_rand *rand, struct hs_buf *out)
{
    static const char *const codes[] = {"shard_failure", "too_many_clauses", "queue_full"};
    uint64_t dice = load->kind == KIND_HISTORY ? hs_rand_below(rand, 100) : 100;
    bool failed = dice < 2;

    hs_buf_addf(out, "\"latency_ms\":%.2f,\"took_ms\":%" PRIu64 ",\"total_hits\":%" PRIu64 ",",
                hs_rand_double(rand) * 200, hs_rand_below(rand, 150),
                dice < 7 ? 0 : hs_rand_below(rand, 9000));
    if (failed)
        hs_buf_addf(out, "\"status\":\"error\",\"error\":{\"code\":\"%s\"},",
                    codes[hs_rand_below(rand, HS_ARRAY_LEN(codes))]);
    else
        hs_buf_add_c(out, "\"status\":\"ok\",");
}

static void add_event(const struct load *load, struct hs_rand *rand, struct hs_buf *out)
{
    hs_buf_add_c(out, "{\"event_id\":\"");
    add_place(out, EVENT_ID);
    hs_buf_add_c(out, "\",\"timestamp\":");
    add_place(out, TIME_MS);
    hs_buf_add_c(out, ",\"query_id\":\"q-");
    add_place(out, QUERY_ID);
    hs_buf_add_c(out, "\",");
    add_source(load, rand, out);
    hs_buf_add_c(out, "\"session_id\":\"s-");
    add_place(out, SESSION);
    hs_buf_add_c(out, "\",\"query\":\"");
    add_query(rand, out);
    hs_buf_add_c(out, "\",");
    add_outcome(load, rand, out);
    hs_buf_add_c(out, "\"index\":\"products\",\"ranker\":\"bm25\",\"results\":[");
    for (int i = 0; i < RESULTS; i++) {
        hs_buf_addf(out, "%s{\"id\":\"p", i > 0 ? "," : "");
        add_place(out, SIX_DIGITS);
        hs_buf_addf(out, "\",\"position\":%d,\"score\":%.3f}", i + 1,
                    20.0 - i - hs_rand_double(rand));
    }
    hs_buf_add_c(out, "]}");
}

static void add_events(const struct load *load, struct hs_rand *rand, struct hs_buf *out)
{
    hs_buf_add_char(out, '[');
    for (int i = 0; i < EVENTS; i++) {
        if (i > 0)
            hs_buf_add_char(out, ',');
        add_event(load, rand, out);
    }
    hs_buf_add_char(out, ']');
}

static void add_attr(struct hs_buf *out, unsigned number, const char *key, struct hs_str value)
{
    size_t attr = hs_pb_open(out, number);
    size_t any;

    hs_pb_add_bytes(out, 1, hs_str_c(key));
    any = hs_pb_open(out, 2);
    hs_pb_add_bytes(out, 1, value);
    hs_pb_close(out, any);
    hs_pb_close(out, attr);
}

static void add_int(struct hs_buf *out, const char *key, uint64_t value)
{
    size_t attr = hs_pb_open(out, 9);
    size_t any;

    hs_pb_add_bytes(out, 1, hs_str_c(key));
    any = hs_pb_open(out, 2);
    hs_pb_add_uint(out, 3, value);
    hs_pb_close(out, any);
    hs_pb_close(out, attr);
}

/* Nine attributes. */
static void add_http(struct hs_rand *rand, struct hs_buf *out)
{
    static const char *const routes[] = {"/search", "/suggest", "/product/{id}", "/basket"};
    char room[16];
    char text[96];

    add_attr(out, 9, "http.request.method", HS_STR("GET"));
    add_attr(out, 9, "http.route", hs_str_c(routes[hs_rand_below(rand, HS_ARRAY_LEN(routes))]));
    add_int(out, "http.response.status_code", 200);
    place_str(SIX_DIGITS, room);
    snprintf(text, sizeof(text), "https://shop.example/search?q=shoes+%.6s&page=1", room);
    add_attr(out, 9, "url.full", hs_str_c(text));
    add_attr(out, 9, "server.address", HS_STR("shop.example"));
    add_int(out, "server.port", 443);
    snprintf(text, sizeof(text), "10.0.%u.%u", (unsigned)hs_rand_below(rand, 256),
             (unsigned)hs_rand_below(rand, 256));
    add_attr(out, 9, "network.peer.address", hs_str_c(text));
    add_attr(out, 9, "network.protocol.version", HS_STR("1.1"));
    add_attr(out, 9, "user_agent.original",
             HS_STR("Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"));
}

/* Three attributes: of any span, a search at the edge, a search engine's client span. */
static void add_role(int role, struct hs_rand *rand, struct hs_buf *out)
{
    struct hs_buf query;

    hs_buf_init(&query, 1024);
    add_query(rand, &query);
    if (role == 1) {
        add_attr(out, 9, "search.query.text", hs_buf_str(&query));
        add_int(out, "search.hits.total", hs_rand_below(rand, 5000));
        add_attr(out, 9, "search.index.name", HS_STR("products"));
    } else if (role == 2) {
        add_attr(out, 9, "db.system.name", HS_STR("elasticsearch"));
        add_attr(out, 9, "db.operation.name", HS_STR("search"));
        add_attr(out, 9, "db.collection.name", HS_STR("products"));
    } else {
        add_attr(out, 9, "thread.name", HS_STR("worker-7"));
        add_int(out, "thread.id", hs_rand_below(rand, 64));
        add_attr(out, 9, "code.function.name", HS_STR("handler.dispatch"));
    }
    hs_buf_fini(&query);
}

static void add_span(struct hs_rand *rand, bool root, int role, struct hs_buf *out)
{
    size_t span = hs_pb_open(out, 2);
    char room[16];
    uint64_t mark;

    hs_pb_add_bytes(out, 1, place_str(TRACE, room));
    hs_pb_add_bytes(out, 2, place_str(SPAN, room));
    if (!root)
        hs_pb_add_bytes(out, 4, place_str(PARENT, room));
    hs_pb_add_bytes(out, 5, HS_STR("GET /search"));
    hs_pb_add_uint(out, 6, role == 2 ? 3 : 2);
    memset(&mark, places[START].mark, sizeof(mark));
    hs_pb_add_fixed64(out, 7, mark);
    memset(&mark, places[END].mark, sizeof(mark));
    hs_pb_add_fixed64(out, 8, mark);
    add_http(rand, out);
    add_role(role, rand, out);
    hs_pb_close(out, span);
}

static void add_spans(struct hs_rand *rand, bool searches, struct hs_buf *out)
{
    size_t resource = hs_pb_open(out, 1);
    size_t mark = hs_pb_open(out, 1);
    size_t scope;

    add_attr(out, 1, "service.name", HS_STR("search-api"));
    add_attr(out, 1, "service.version", HS_STR("1.4.2"));
    add_attr(out, 1, "deployment.environment.name", HS_STR("production"));
    add_attr(out, 1, "host.name", HS_STR("web-1"));
    hs_pb_close(out, mark);
    scope = hs_pb_open(out, 2);
    for (int i = 0; i < EVENTS; i++) {
        int nth = i % SPANS_OF_TRACE;

        add_span(rand, nth == 0, searches && nth < 2 ? 1 + nth : 0, out);
    }
    hs_pb_close(out, scope);
    hs_pb_close(out, resource);
}

/* Finds the marks, in the order in which they stand. */
static void find_patches(struct body *body)
{
    const unsigned char *p = (const unsigned char *)body->text.p;
    size_t cap = 0;
    size_t i = 0;

    while (i < body->text.n) {
        unsigned place = p[i] - 0xF5U;

        if (place >= HS_ARRAY_LEN(places) || i + places[place].n > body->text.n ||
            memcmp(p + i, p + i + 1, places[place].n - 1U) != 0) {
            i++;
            continue;
        }
        if (body->patches_n == cap) {
            cap = HS_MAX(2 * cap, (size_t)1024);
            body->patches = hs_xrealloc(body->patches, cap, sizeof(*body->patches));
        }
        body->patches[body->patches_n++] = (struct patch){(uint32_t)i, place};
        i += places[place].n;
    }
}

static void make_body(struct conn *conn, struct body *body)
{
    const struct load *load = conn->load;
    bool history = load->kind == KIND_HISTORY;
    bool json = load->kind == KIND_EVENTS || history;
    const char *path = json ? "/api/v1/telemetry/batch" : "/v1/traces";

    hs_buf_init(&body->text, BODY_MAX);
    hs_buf_init(&body->head, 1024);
    if (json)
        add_events(load, &conn->rand, &body->text);
    else
        add_spans(&conn->rand, load->kind == KIND_SEARCHES, &body->text);
    HS_ASSERT(hs_buf_ok(&body->text));
    find_patches(body);
    hs_buf_addf(&body->head,
                "POST %s%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n"
                "Content-Length: %zu\r\n",
                path, history ? "?import=1" : "",
                json ? "application/json" : "application/x-protobuf", body->text.n);
    if (strcmp(load->key, "-") != 0)
        hs_buf_addf(&body->head, "Authorization: Bearer %s\r\n", load->key);
    hs_buf_add_c(&body->head, "\r\n");
}

/* --- what differs from request to request ----------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

static void put_hex(char *at, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        at[i] = "0123456789abcdef"[v >> (4 * (n - 1 - i)) & 15];
}

static void put_digits(char *at, uint64_t v, unsigned n)
{
    while (n-- > 0) {
        at[n] = (char)('0' + v % 10);
        v /= 10;
    }
}

/* UUIDv7 of a millisecond and 64 bits. */
static void put_uuid(char *at, uint64_t ms, uint64_t v)
{
    put_hex(at, ms >> 16, 8);
    at[8] = '-';
    put_hex(at + 9, ms & 0xFFFF, 4);
    at[13] = '-';
    put_hex(at + 14, 0x7000 | (v >> 52), 4);
    at[18] = '-';
    put_hex(at + 19, 0x8000 | (v >> 40 & 0xFFF), 4);
    at[23] = '-';
    put_hex(at + 24, v & 0xFFFFFFFFFF, 12);
}

/* When event n of a history was. */
static uint64_t history_ms(const struct load *load, uint64_t n)
{
    double share = (double)n / (double)(load->requests * EVENTS);

    return (uint64_t)(load->start_wall_ns / HS_NS_PER_MS) -
           (uint64_t)((1 - share) * load->days * 86400e3);
}

/* Event n of all that are ever sent begins at its EVENT_ID or its TRACE. */
static void patch_body(struct conn *conn, struct body *body, uint64_t request)
{
    uint64_t now_ns = (uint64_t)hs_wall_ns(hs_clock_system());
    uint64_t ms = now_ns / 1000000;
    uint64_t n = request * EVENTS;
    uint64_t id = 0;

    for (size_t i = 0; i < body->patches_n; i++) {
        char *at = body->text.p + body->patches[i].at;
        uint64_t trace[2] = {mix(~(n / SPANS_OF_TRACE)), mix(n / SPANS_OF_TRACE + 1)};
        uint64_t time;

        switch ((enum place)body->patches[i].place) {
        case EVENT_ID:
            if (conn->load->kind == KIND_HISTORY)
                ms = history_ms(conn->load, n - conn->load->first * EVENTS);
            put_uuid(at, ms, mix(++n));
            break;
        case QUERY_ID: put_hex(at, mix(n ^ 0x5555555555555555), 16); break;
        case SESSION: put_hex(at, mix(n / 16) & 0xFFFFFFFF, 8); break;
        case TIME_MS: put_digits(at, ms, 13); break;
        case SIX_DIGITS: put_digits(at, hs_rand_u64(&conn->rand) % 1000000, 6); break;
        case TRACE: memcpy(at, trace, 16); break;
        case SPAN:
            id = mix(++n);
            memcpy(at, &id, 8);
            break;
        case PARENT:
            id = mix(n - (n - 1) % SPANS_OF_TRACE);
            memcpy(at, &id, 8);
            break;
        case START:
            time = now_ns - 50000000;
            memcpy(at, &time, 8);
            break;
        case END:
            time = now_ns - hs_rand_u64(&conn->rand) % 50000000;
            memcpy(at, &time, 8);
            break;
        }
    }
}

/* --- the wire --------------------------------------------------------------------------------- */

static void connect_to(struct conn *conn)
{
    int one = 1;

    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 ||
        connect(conn->fd, (const struct sockaddr *)&conn->load->to, sizeof(conn->load->to)) != 0)
        die("connect");
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void send_all(struct conn *conn, const struct body *body)
{
    struct iovec iov[2] = {{body->head.p, body->head.n}, {body->text.p, body->text.n}};
    struct iovec *at = iov;
    int n = 2;

    while (n > 0) {
        ssize_t got = writev(conn->fd, at, n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            die("send");
        conn->bytes += (uint64_t)got;
        for (; n > 0 && (size_t)got >= at->iov_len; at++, n--)
            got -= (ssize_t)at->iov_len;
        if (n > 0) {
            at->iov_base = (char *)at->iov_base + got;
            at->iov_len -= (size_t)got;
        }
    }
}

/* The status; the answer's text lies in conn->answer. */
static int read_answer(struct conn *conn)
{
    const char *body = NULL;
    const char *length;
    size_t want = 0;
    size_t n = 0;

    while (!body || n < want) {
        ssize_t got = recv(conn->fd, conn->answer + n, sizeof(conn->answer) - 1 - n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            die("the server closed the connection");
        n += (size_t)got;
        conn->answer[n] = '\0';
        if (!body && (body = strstr(conn->answer, "\r\n\r\n")) != NULL) {
            length = strcasestr(conn->answer, "\r\ncontent-length:");
            want =
                (size_t)(body + 4 - conn->answer) + (length ? strtoul(length + 17, NULL, 10) : 0);
        }
    }
    return (int)strtol(conn->answer + 9, NULL, 10);
}

/* Until the server has acknowledged all of it. */
static void exchange(struct conn *conn, const struct body *body)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        int status;

        send_all(conn, body);
        status = read_answer(conn);
        if (status == 200 || (status == 202 && strstr(conn->answer, "\"accepted\":500")))
            return;
        if (status != 429 && status != 503) {
            fprintf(stderr, "bench_ingest_load: %.600s\n", conn->answer);
            exit(1);
        }
        conn->refused++;
        poll(NULL, 0, RETRY_MS);
    }
    die("refused too often");
}

static void wait_until(int64_t ns)
{
    struct timespec ts = {ns / HS_NS_PER_S, ns % HS_NS_PER_S};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
        ;
}

static void conn_main(void *arg)
{
    struct conn *conn = arg;
    const struct load *load = conn->load;

    for (uint64_t i = conn->number; i < load->requests; i += load->conns_n) {
        struct body *body = &conn->bodies[conn->requests % BODIES];
        int64_t due_ns = hs_mono_ns(hs_clock_system());

        if (load->rate > 0) {
            due_ns = load->start_ns + (int64_t)((double)i * EVENTS * 1e9 / load->rate);
            wait_until(due_ns);
        }
        patch_body(conn, body, load->first + i);
        exchange(conn, body);
        conn->took_ns[conn->requests++] = hs_mono_ns(hs_clock_system()) - due_ns;
    }
}

/* --- all of it -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double cpu_seconds(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void parse(int argc, char **argv, struct load *load)
{
    static const char *const kinds[] = {"events", "spans", "searches", "history"};
    char *colon;
    unsigned kind = 0;

    if (argc < 7) {
        fprintf(stderr, "usage: bench_ingest_load KIND HOST:PORT KEY REQUESTS FIRST CONNECTIONS "
                        "[RATE [DAYS SERIES]]\n");
        exit(2);
    }
    while (kind < HS_ARRAY_LEN(kinds) && strcmp(argv[1], kinds[kind]) != 0)
        kind++;
    colon = strchr(argv[2], ':');
    if (kind == HS_ARRAY_LEN(kinds) || !colon)
        die("KIND or HOST:PORT");
    *colon = '\0';
    load->kind = (enum kind)kind;
    load->to.sin_family = AF_INET;
    load->to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, argv[2], &load->to.sin_addr) != 1)
        die("HOST");
    load->key = argv[3];
    load->requests = strtoull(argv[4], NULL, 10);
    load->first = strtoull(argv[5], NULL, 10);
    load->conns_n = (unsigned)strtoul(argv[6], NULL, 10);
    load->rate = argc > 7 ? strtod(argv[7], NULL) : 0;
    load->days = argc > 9 ? strtod(argv[8], NULL) : 0;
    load->series = argc > 9 ? (unsigned)strtoul(argv[9], NULL, 10) : 0;
    if (load->kind == KIND_HISTORY && (load->days <= 0 || load->series == 0))
        die("DAYS or SERIES");
    if (load->requests == 0 || load->conns_n == 0 || load->conns_n > CONNS_MAX)
        die("REQUESTS or CONNECTIONS");
}

static void report(const struct load *load, struct conn *conns, int64_t wall_ns, double cpu)
{
    int64_t *took = hs_xcalloc(load->requests, sizeof(*took));
    uint64_t bytes = 0;
    uint64_t refused = 0;
    uint64_t n = 0;

    for (unsigned i = 0; i < load->conns_n; i++) {
        memcpy(took + n, conns[i].took_ns, conns[i].requests * sizeof(*took));
        n += conns[i].requests;
        bytes += conns[i].bytes;
        refused += conns[i].refused;
    }
    HS_ASSERT(n == load->requests);
    qsort(took, n, sizeof(*took), by_value);
    printf("{\"events\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.3f,\"cpu_seconds\":%.3f,"
           "\"refused\":%" PRIu64 ",\"ms_p50\":%.2f,\"ms_p99\":%.2f,\"ms_max\":%.2f}\n",
           n * EVENTS, bytes, (double)wall_ns / 1e9, cpu, refused, (double)took[n / 2] / 1e6,
           (double)took[n * 99 / 100] / 1e6, (double)took[n - 1] / 1e6);
    hs_free(took);
}

int main(int argc, char **argv)
{
    static struct load load;
    struct conn *conns;
    struct hs_err err;
    double cpu;

    parse(argc, argv, &load);
    load.start_wall_ns = hs_wall_ns(hs_clock_system());
    conns = hs_xcalloc(load.conns_n, sizeof(*conns));
    for (unsigned i = 0; i < load.conns_n; i++) {
        conns[i].load = &load;
        conns[i].number = i;
        conns[i].took_ns = hs_xcalloc(load.requests / load.conns_n + 1, sizeof(int64_t));
        hs_rand_init(&conns[i].rand, load.first * CONNS_MAX + i + 1);
        for (int b = 0; b < BODIES; b++)
            make_body(&conns[i], &conns[i].bodies[b]);
        connect_to(&conns[i]);
    }
    cpu = cpu_seconds();
    load.start_ns = hs_mono_ns(hs_clock_system());
    for (unsigned i = 0; i < load.conns_n; i++) {
        if (hs_thread_start(&conns[i].thread, "load", conn_main, &conns[i], &err) != HS_OK)
            die(err.text);
    }
    for (unsigned i = 0; i < load.conns_n; i++)
        hs_thread_join(&conns[i].thread);
    report(&load, conns, hs_mono_ns(hs_clock_system()) - load.start_ns, cpu_seconds() - cpu);
    return 0;
}
