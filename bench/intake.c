/*
 * The collector's JSON path alone: parse, check, redact, enrich and write the messages of 500-event
 * batches, beside what yyjson alone needs to read and write the same bytes, in the same run.
 *
 * usage: bench_intake [SECONDS]     prints JSON: us per event of each, their ratio, bytes per event
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <yyjson.h>

#include "base/mem.h"
#include "base/rand.h"
#include "collector/native.h"

enum { EVENTS = 500, BATCHES = 64, RESULTS = 5, BODY_MAX = 1 << 20 };

struct bench {
    struct hs_buf bodies[BATCHES]; /* each followed by the body's padding */
    size_t sizes[BATCHES];
    char *work; /* the body being read, which reading changes */
    struct hs_intake intake;
    struct hs_outcome outcome;
    struct hs_intake_rules rules;
};

static const char *const words[] = {"red",   "running", "shoes",  "waterproof", "jacket", "mens",
                                    "small", "leather", "wallet", "bluetooth",  "garden", "usb"};

static void add_query(struct hs_rand *rand, struct hs_buf *out)
{
    uint64_t n = 1 + hs_rand_below(rand, 4);

    for (uint64_t i = 0; i < n; i++)
        hs_buf_addf(out, "%s%s", i > 0 ? " " : "", words[hs_rand_below(rand, HS_ARRAY_LEN(words))]);
}

static void add_event(struct hs_rand *rand, struct hs_buf *out)
{
    char id[HS_UUID_TEXT];
    int64_t ms = 1700000000000 + (int64_t)hs_rand_below(rand, 1000000);

    hs_uuid7(ms * HS_NS_PER_MS, id);
    hs_buf_addf(out,
                "{\"event_id\":\"%.36s\",\"timestamp\":%" PRId64 ",\"query_id\":\"q-%016" PRIx64
                "\",\"service\":\"search-api\",\"version\":\"2.4.1\",\"session_id\":\"s-%08" PRIx64
                "\",\"query\":\"",
                id, ms, hs_rand_u64(rand), hs_rand_below(rand, 1U << 31));
    add_query(rand, out);
    hs_buf_addf(out,
                "\",\"latency_ms\":%.2f,\"took_ms\":%" PRIu64 ",\"total_hits\":%" PRIu64
                ",\"index\":\"products\",\"ranker\":\"bm25\",\"status\":\"ok\",\"results\":[",
                hs_rand_double(rand) * 200, hs_rand_below(rand, 150), hs_rand_below(rand, 9000));
    for (int i = 0; i < RESULTS; i++)
        hs_buf_addf(out, "%s{\"id\":\"p%06" PRIu64 "\",\"position\":%d,\"score\":%.3f}",
                    i > 0 ? "," : "", hs_rand_below(rand, 1000000), i + 1,
                    20.0 - i - hs_rand_double(rand));
    hs_buf_add_c(out, "]}");
}

static void make_bodies(struct bench *bench)
{
    static const char padding[HS_BODY_PADDING];
    struct hs_rand rand;

    hs_rand_init(&rand, 1);
    for (int b = 0; b < BATCHES; b++) {
        struct hs_buf *body = &bench->bodies[b];

        hs_buf_init(body, BODY_MAX);
        hs_buf_add_char(body, '[');
        for (int i = 0; i < EVENTS; i++) {
            if (i > 0)
                hs_buf_add_char(body, ',');
            add_event(&rand, body);
        }
        hs_buf_add_char(body, ']');
        bench->sizes[b] = body->n;
        hs_buf_add(body, padding, sizeof(padding));
        HS_ASSERT(hs_buf_ok(body));
    }
}

static void read_batch(struct bench *bench, int b)
{
    struct hs_err err;
    int rc;

    memcpy(bench->work, bench->bodies[b].p, bench->bodies[b].n);
    hs_intake_reset(&bench->intake, &bench->rules);
    rc = hs_native_read_batch(&bench->intake, bench->work, bench->sizes[b], EVENTS, &bench->outcome,
                              &err);
    if (rc != HS_OK || bench->outcome.accepted != EVENTS) {
        fprintf(stderr, "batch %d: %s\n", b,
                rc != HS_OK ? err.text : bench->outcome.errors[0].detail);
        exit(1);
    }
}

static void round_trip(struct bench *bench, int b)
{
    yyjson_doc *doc;
    char *text;
    size_t n;

    memcpy(bench->work, bench->bodies[b].p, bench->bodies[b].n);
    doc = yyjson_read_opts(bench->work, bench->sizes[b], YYJSON_READ_INSITU, NULL, NULL);
    text = yyjson_write(doc, 0, &n);
    HS_ASSERT(text != NULL);
    free(text);
    yyjson_doc_free(doc);
}

typedef void batch_fn(struct bench *bench, int b);

/* CPU time of this thread, so that a busy machine does not count. */
static double cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Microseconds an event. */
static double measure(struct bench *bench, batch_fn *fn, double seconds)
{
    double start = cpu_us();
    uint64_t batches = 0;

    do {
        fn(bench, (int)(batches++ % BATCHES));
    } while (cpu_us() - start < seconds * 1e6);
    return (cpu_us() - start) / (double)(batches * EVENTS);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    struct bench *bench = hs_xalloc(sizeof(*bench));
    struct hs_redactor *redactor = NULL;
    double intake_us;
    double yyjson_us;

    if (hs_redactor_new(true, HS_STR_NULL, &redactor, NULL) != HS_OK)
        return 1;
    bench->rules = (struct hs_intake_rules){
        .tenant = HS_STR("default"),
        .received_ns = 1700000500LL * HS_NS_PER_S,
        .late_max_ns = HS_NS_PER_DAY,
        .early_max_ns = 3600 * HS_NS_PER_S,
        .redactor = redactor,
        .pseudonyms = true,
    };
    bench->work = hs_xalloc(BODY_MAX);
    make_bodies(bench);
    hs_intake_init(&bench->intake, &bench->rules, 64 << 20);
    measure(bench, read_batch, 0.2);
    intake_us = measure(bench, read_batch, seconds);
    yyjson_us = measure(bench, round_trip, seconds);
    printf("{\"intake_us_per_event\":%.3f,\"yyjson_us_per_event\":%.3f,\"ratio\":%.2f,"
           "\"event_bytes\":%.0f,\"message_bytes\":%.0f}\n",
           intake_us, yyjson_us, intake_us / yyjson_us, (double)bench->sizes[0] / EVENTS,
           (double)bench->intake.topics[HS_TOPIC_EVENTS].bytes.n / EVENTS);
    hs_intake_fini(&bench->intake);
    hs_redactor_free(redactor);
    for (int b = 0; b < BATCHES; b++)
        hs_buf_fini(&bench->bodies[b]);
    hs_free(bench->work);
    hs_free(bench);
    return 0;
}
