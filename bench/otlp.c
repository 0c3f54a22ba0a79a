/*
 * Reading OTLP traces: CPU time a span, from request body to stream messages.
 *
 *     bench_otlp [requests]
 *
 * Payload: requests of 500 spans of 12 attributes, five spans a trace, ids and values random. Two
 * kinds: spans that are no searches, and requests in which each trace has one search of the edge
 * and one of the engine. Beside each, on the same bytes in the same run: a copy with lz4, which is
 * what storing costs anyway, and protobuf-c's unpack, where the build has the generated decoder.
 */
#include <inttypes.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rand.h"
#include "collector/otlp_reader.h"
#include "net/pb.h"

#ifdef HS_TEST_OTLP_ORACLE
#include <opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h>
#endif

enum { SPANS = 500, SPANS_OF_TRACE = 5, BODIES = 40, REQUESTS = 400 };

struct bench {
    struct hs_str bodies[BODIES];
    struct hs_intake intake;
    struct hs_otlp_reader *reader;
    char *packed;
    size_t packed_max;
    uint64_t spans; /* read in all */
};

static void add_attr(struct hs_buf *out, unsigned number, const char *key, const char *value)
{
    size_t attr = hs_pb_open(out, number), any;

    hs_pb_add_bytes(out, 1, hs_str_c(key));
    any = hs_pb_open(out, 2);
    hs_pb_add_bytes(out, 1, hs_str_c(value));
    hs_pb_close(out, any);
    hs_pb_close(out, attr);
}

static void add_int(struct hs_buf *out, const char *key, uint64_t value)
{
    size_t attr = hs_pb_open(out, 9), any;

    hs_pb_add_bytes(out, 1, hs_str_c(key));
    any = hs_pb_open(out, 2);
    hs_pb_add_uint(out, 3, value);
    hs_pb_close(out, any);
    hs_pb_close(out, attr);
}

static void add_common(struct hs_rand *rand, struct hs_buf *out)
{
    static const char *const routes[] = {"/search", "/suggest", "/product/{id}", "/basket"};
    char text[96];

    add_attr(out, 9, "http.request.method", "GET");
    add_attr(out, 9, "http.route", routes[hs_rand_below(rand, HS_ARRAY_LEN(routes))]);
    add_int(out, "http.response.status_code", 200);
    snprintf(text, sizeof(text), "https://shop.example/search?q=shoes+%06" PRIu64 "&page=1",
             hs_rand_below(rand, 1000000));
    add_attr(out, 9, "url.full", text);
    add_attr(out, 9, "server.address", "shop.example");
    add_int(out, "server.port", 443);
    snprintf(text, sizeof(text), "10.0.%u.%u", (unsigned)hs_rand_below(rand, 256),
             (unsigned)hs_rand_below(rand, 256));
    add_attr(out, 9, "network.peer.address", text);
    add_attr(out, 9, "network.protocol.version", "1.1");
    add_attr(out, 9, "user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0");
}

static void add_kind(int which, struct hs_rand *rand, struct hs_buf *out)
{
    char text[64];

    snprintf(text, sizeof(text), "red shoes %" PRIu64, hs_rand_below(rand, 100000));
    if (which == 1) {
        add_attr(out, 9, "search.query.text", text);
        add_int(out, "search.hits.total", hs_rand_below(rand, 5000));
        add_attr(out, 9, "search.index.name", "products");
    } else if (which == 2) {
        add_attr(out, 9, "db.system.name", "elasticsearch");
        add_attr(out, 9, "db.operation.name", "search");
        add_attr(out, 9, "db.collection.name", "products");
    } else {
        add_attr(out, 9, "thread.name", "worker-7");
        add_int(out, "thread.id", hs_rand_below(rand, 64));
        add_attr(out, 9, "code.function.name", "handler.dispatch");
    }
}

static void add_span(struct hs_rand *rand, uint64_t trace[2], uint64_t parent, int which,
                     struct hs_buf *out)
{
    uint64_t id = hs_rand_u64(rand) | 1;
    size_t span = hs_pb_open(out, 2);
    uint64_t start = 1795000000000000000ULL + hs_rand_below(rand, 1000000000);

    hs_pb_add_bytes(out, 1, hs_str_n(trace, 16));
    hs_pb_add_bytes(out, 2, hs_str_n(&id, 8));
    if (parent)
        hs_pb_add_bytes(out, 4, hs_str_n(&parent, 8));
    hs_pb_add_bytes(out, 5, HS_STR("GET /search"));
    hs_pb_add_uint(out, 6, which == 2 ? 3 : 2);
    hs_pb_add_fixed64(out, 7, start);
    hs_pb_add_fixed64(out, 8, start + 1000000 * (1 + hs_rand_below(rand, 200)));
    add_common(rand, out);
    add_kind(which, rand, out);
    hs_pb_close(out, span);
}

static void add_body(struct hs_rand *rand, bool searches, struct hs_buf *out)
{
    size_t resource = hs_pb_open(out, 1), mark, scope;
    uint64_t trace[2] = {0, 0};
    int i, which;

    mark = hs_pb_open(out, 1);
    add_attr(out, 1, "service.name", "search-api");
    add_attr(out, 1, "service.version", "1.4.2");
    add_attr(out, 1, "deployment.environment.name", "production");
    add_attr(out, 1, "host.name", "web-1");
    hs_pb_close(out, mark);
    scope = hs_pb_open(out, 2);
    for (i = 0; i < SPANS; i++) {
        if (i % SPANS_OF_TRACE == 0) {
            trace[0] = hs_rand_u64(rand);
            trace[1] = hs_rand_u64(rand) | 1;
        }
        which = i % SPANS_OF_TRACE < 2 ? 1 + i % SPANS_OF_TRACE : 0;
        add_span(rand, trace, i % SPANS_OF_TRACE ? 4711 : 0, searches ? which : 0, out);
    }
    hs_pb_close(out, scope);
    hs_pb_close(out, resource);
}

static void read_one(struct bench *bench, struct hs_str body)
{
    struct hs_otlp_outcome out;
    struct hs_err err;

    hs_intake_reset(&bench->intake, bench->intake.rules);
    if (hs_otlp_traces_read(bench->reader, &bench->intake, body, HS_OTLP_PROTOBUF, &out, &err)) {
        fprintf(stderr, "bench_otlp: %s\n", err.text);
        exit(1);
    }
    HS_ASSERT(out.accepted == SPANS);
    bench->spans += out.accepted;
}

static void pack_one(struct bench *bench, struct hs_str body)
{
    char *copy = bench->packed + LZ4_compressBound((int)body.n);

    memcpy(copy, body.p, body.n);
    HS_ASSERT(
        LZ4_compress_default(copy, bench->packed, (int)body.n, LZ4_compressBound((int)body.n)) > 0);
}

#ifdef HS_TEST_OTLP_ORACLE
static void unpack_one(struct bench *bench, struct hs_str body)
{
    ProtobufCMessage *message = protobuf_c_message_unpack(
        &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor, NULL,
        body.n, (const uint8_t *)body.p);

    (void)bench;
    HS_ASSERT(message != NULL);
    protobuf_c_message_free_unpacked(message, NULL);
}
#endif

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

typedef void work_fn(struct bench *bench, struct hs_str body);

/* CPU microseconds a span; the best of three passes. */
static double measure(struct bench *bench, work_fn *work, int requests)
{
    double best = 0, us;
    int pass, i;

    for (pass = 0; pass < 3; pass++) {
        us = cpu_us();
        for (i = 0; i < requests; i++)
            work(bench, bench->bodies[i % BODIES]);
        us = (cpu_us() - us) / requests / SPANS;
        if (pass == 0 || us < best)
            best = us;
    }
    return best;
}

static void run(struct bench *bench, const char *what, bool searches, int requests)
{
    struct hs_rand rand;
    struct hs_buf bytes;
    double ours, pack, unpack = 0;
    size_t at[BODIES + 1];
    int i;

    hs_rand_init(&rand, 5);
    hs_buf_init(&bytes, 256 << 20);
    for (i = 0; i < BODIES; i++) {
        at[i] = bytes.n;
        add_body(&rand, searches, &bytes);
    }
    at[BODIES] = bytes.n;
    for (i = 0; i < BODIES; i++)
        bench->bodies[i] = hs_str_n(bytes.p + at[i], at[i + 1] - at[i]);
    bench->packed_max = 3 * bytes.n / BODIES + 65536;
    bench->packed = hs_xalloc(bench->packed_max);
    ours = measure(bench, read_one, requests);
    pack = measure(bench, pack_one, requests);
#ifdef HS_TEST_OTLP_ORACLE
    unpack = measure(bench, unpack_one, requests);
#endif
    printf("%-10s %4zu B a span  ours %.3f us  copy+lz4 %.3f us (ours is %.2f of it)", what,
           bytes.n / BODIES / SPANS, ours, pack, ours / pack);
    if (unpack > 0)
        printf("  protobuf-c unpack %.3f us (%.2f)", unpack, ours / unpack);
    printf("\n");
    hs_free(bench->packed);
    hs_buf_fini(&bytes);
}

int main(int argc, char **argv)
{
    int requests = argc > 1 ? (int)strtol(argv[1], NULL, 10) : REQUESTS;
    struct hs_redactor *redactor;
    struct hs_intake_rules rules = {.tenant = HS_STR("default"),
                                    .received_ns = 1795000001000000000LL,
                                    .late_max_ns = INT64_MAX,
                                    .early_max_ns = INT64_MAX,
                                    .retention_ns = INT64_MAX,
                                    .source = HS_SOURCE_SPAN,
                                    .pseudonyms = true};
    struct bench bench = {.spans = 0};

    if (requests <= 0 || hs_redactor_new(true, HS_STR_NULL, &redactor, NULL) != HS_OK)
        return 2;
    rules.redactor = redactor;
    hs_intake_init(&bench.intake, &rules, 64 << 20);
    bench.reader = hs_otlp_reader_new();
    run(&bench, "plain", false, requests);
    run(&bench, "searches", true, requests);
    hs_otlp_reader_free(bench.reader);
    hs_intake_fini(&bench.intake);
    hs_redactor_free(redactor);
    return 0;
}
