/*
 * What the local stream costs: bytes of keys and values appended per CPU-second and per second, for
 * each codec, beside plain write(2) + fdatasync(2) of the same bytes in the same run, a MiB a time;
 * then the same log read back.
 *
 * usage: bench_stream [FOLDER [MEGABYTES [CODEC]]]
 *        default: a folder in the current one, 512, each codec
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/stream_local/stream_local.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/thread.h"

enum {
    BATCH_N = 500,
    BATCHES = 64, /* distinct ones, used in turn */
    EVENT_MAX = 1024,
    PLAIN_BYTES = 1 << 20,
};

struct payload {
    struct hs_message messages[BATCHES][BATCH_N];
    uint64_t bytes[BATCHES];
    char *text;
};

struct cost {
    double wall_s, cpu_s;
};

struct progress {
    struct hs_mutex mutex;
    struct hs_cond cond;
    unsigned in_flight;
    unsigned failed;
};

static void die(const char *what, const struct hs_err *err)
{
    fprintf(stderr, "bench_stream: %s: %s\n", what, err->text);
    exit(1);
}

static struct cost cost_now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (struct cost){
        .wall_s = (double)hs_mono_ns(hs_clock_system()) / 1e9,
        .cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
    };
}

static struct cost cost_since(struct cost start)
{
    struct cost now = cost_now();

    return (struct cost){now.wall_s - start.wall_s, now.cpu_s - start.cpu_s};
}

static void print_cost(const char *what, uint64_t bytes, struct cost cost)
{
    printf("%-24s %8.0f MB/s of CPU %8.0f MB/s of wall", what, (double)bytes / 1e6 / cost.cpu_s,
           (double)bytes / 1e6 / cost.wall_s);
}

/* A search event with five results, as the collector stores it: about 500 bytes. */
static int print_event(struct hs_rand *rand, char *out)
{
    static const char *const words[] = {"red",    "running", "shoes", "women", "waterproof",
                                        "laptop", "sleeve",  "13",    "inch",  "leather"};
    unsigned long long id = hs_rand_u64(rand);
    int n = snprintf(out, EVENT_MAX,
                     "{\"event_id\":\"%016llx\",\"query_id\":\"q-%016llx\",\"service\":\"web-%u\","
                     "\"timestamp\":%llu,\"query\":\"%s %s %s\",\"latency_ms\":%.3f,"
                     "\"total_hits\":%u,\"status\":\"ok\",\"index\":\"products-v%u\",\"results\":[",
                     id, (unsigned long long)hs_rand_u64(rand), (unsigned)hs_rand_below(rand, 8),
                     1767225600000ULL + hs_rand_below(rand, 86400000),
                     words[hs_rand_below(rand, 10)], words[hs_rand_below(rand, 10)],
                     words[hs_rand_below(rand, 10)], hs_rand_double(rand) * 300,
                     (unsigned)hs_rand_below(rand, 5000), (unsigned)hs_rand_below(rand, 3));

    for (unsigned i = 0; i < 5; i++)
        n += snprintf(out + n, EVENT_MAX - (size_t)n,
                      "%s{\"id\":\"sku-%llu\",\"position\":%u,\"score\":%.5f}", i ? "," : "",
                      (unsigned long long)hs_rand_below(rand, 10000000), i + 1,
                      hs_rand_double(rand) * 20);
    return n + snprintf(out + n, EVENT_MAX - (size_t)n, "]}");
}

static struct payload *make_payload(void)
{
    struct payload *payload = hs_xalloc(sizeof(*payload));
    struct hs_rand rand;
    char *at;

    hs_rand_init(&rand, 1);
    payload->text = hs_xcalloc((size_t)BATCHES * BATCH_N, EVENT_MAX);
    at = payload->text;
    for (int i = 0; i < BATCHES; i++) {
        for (int j = 0; j < BATCH_N; j++) {
            int n = print_event(&rand, at);

            payload->messages[i][j] =
                (struct hs_message){hs_str_n(at + 41, 18), hs_str_n(at, (size_t)n)};
            payload->bytes[i] += (uint64_t)n + 18;
            at += n;
        }
    }
    return payload;
}

static void on_done(void *arg, int rc, const struct hs_err *err)
{
    struct progress *progress = arg;

    (void)err;
    hs_mutex_lock(&progress->mutex);
    progress->in_flight--;
    progress->failed += rc != HS_OK;
    hs_cond_signal(&progress->cond);
    hs_mutex_unlock(&progress->mutex);
}

static void wait_below(struct progress *progress, unsigned in_flight, unsigned added)
{
    hs_mutex_lock(&progress->mutex);
    while (progress->in_flight > in_flight)
        hs_cond_wait_ms(&progress->cond, &progress->mutex, -1);
    progress->in_flight += added;
    hs_mutex_unlock(&progress->mutex);
}

static struct cost append_all(struct hs_stream *stream, const struct payload *payload,
                              uint64_t total)
{
    struct progress progress = {0};
    struct cost start = cost_now();
    struct hs_err err = {0};
    uint64_t bytes = 0;

    hs_mutex_init(&progress.mutex, HS_RANK_SERVICE);
    hs_cond_init(&progress.cond);
    for (unsigned i = 0; bytes < total; i = (i + 1) % BATCHES) {
        struct hs_batch batch = {HS_STR("default"), 1, payload->messages[i], BATCH_N};

        wait_below(&progress, 63, 1);
        if (hs_stream_append(stream, HS_TOPIC_EVENTS, &batch, on_done, &progress, &err) != HS_OK)
            die("append", &err);
        bytes += payload->bytes[i];
    }
    wait_below(&progress, 0, 0);
    if (progress.failed > 0)
        die("commit failed", &err);
    hs_cond_fini(&progress.cond);
    hs_mutex_fini(&progress.mutex);
    return cost_since(start);
}

static uint64_t from_start(void *arg, enum hs_topic topic, uint32_t partition, uint64_t start)
{
    (void)arg;
    (void)topic;
    (void)partition;
    return start;
}

static struct cost read_all(struct hs_stream *stream)
{
    struct hs_subscription subscription = {.group = HS_STR("bench"),
                                           .topics = HS_TOPIC_BIT(HS_TOPIC_EVENTS),
                                           .on_assign = from_start};
    struct hs_consumer *consumer;
    struct hs_records records;
    struct hs_err err = {0};
    struct cost start = cost_now();
    struct cost cost;

    if (hs_stream_subscribe(stream, &subscription, &consumer, &err) != HS_OK)
        die("subscribe", &err);
    do {
        if (hs_consumer_poll(consumer, 0, &records, &err) != HS_OK)
            die("poll", &err);
    } while (records.n > 0);
    cost = cost_since(start);
    hs_consumer_close(consumer);
    return cost;
}

/* `total` bytes, with `each` between two syncs. */
static struct cost write_plain(const char *folder, const struct payload *payload, uint64_t total,
                               uint64_t each)
{
    char path[HS_PATH_MAX];
    struct cost start;
    struct cost cost;
    struct hs_err err = {0};
    int fd;

    if (hs_fs_join(path, folder, "plain", &err) != HS_OK)
        die("plain", &err);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    start = cost_now();
    for (uint64_t at = 0; fd >= 0 && at < total; at += each) {
        if (hs_fs_write_all(fd, payload->text + at % (8 << 20), each, &err) != HS_OK)
            die("plain", &err);
        if (fdatasync(fd) != 0)
            break;
    }
    cost = cost_since(start);
    if (fd >= 0)
        close(fd);
    unlink(path);
    return cost;
}

static void run(const char *folder, const char *codec, const struct payload *payload,
                uint64_t total, struct cost plain)
{
    char data[HS_PATH_MAX];
    struct hs_conf conf = {.data = data,
                           .stream_segment_bytes = 64 << 20,
                           .stream_commit_ms = 5,
                           .stream_commit_bytes = 1 << 20,
                           .stream_queue_bytes = 256 << 20,
                           .stream_compression = (char *)(uintptr_t)codec};
    struct hs_stream_stat stat;
    struct hs_stream *stream;
    struct hs_err err = {0};
    struct cost cost;

    if (hs_fs_join(data, folder, codec, &err) != HS_OK ||
        hs_stream_local_ops.open(&conf, hs_clock_system(), &stream, &err) != HS_OK)
        die("open", &err);
    cost = append_all(stream, payload, total);
    hs_stream_stat(stream, &stat);
    print_cost(codec, total, cost);
    printf("   stored 1/%.2f   plain write+fdatasync / this: CPU %.2f, wall %.2f\n",
           (double)total / (double)stat.bytes_on_disk, plain.cpu_s / cost.cpu_s,
           plain.wall_s / cost.wall_s);
    cost = read_all(stream);
    print_cost("  read back", total, cost);
    printf("\n");
    hs_stream_close(stream);
    if (hs_fs_remove_tree(data, &err) != HS_OK)
        die("remove", &err);
}

int main(int argc, char **argv)
{
    static const char *const codecs[] = {"none", "lz4", "zstd"};
    const char *folder = argc > 1 ? argv[1] : "bench-stream-data";
    uint64_t total = (argc > 2 ? strtoull(argv[2], NULL, 10) : 512) * 1000000;
    struct payload *payload = make_payload();
    struct hs_err err = {0};
    struct cost plain;

    if (hs_fs_mkdirs(folder, 0700, &err) != HS_OK)
        die("folder", &err);
    plain = write_plain(folder, payload, total, PLAIN_BYTES);
    print_cost("write+fdatasync, 1 MiB", total, plain);
    printf("\n");
    for (size_t i = 0; i < HS_ARRAY_LEN(codecs); i++) {
        if (argc > 3 && strcmp(argv[3], codecs[i]) != 0)
            continue;
        run(folder, codecs[i], payload, total, plain);
    }
    hs_fs_remove_tree(folder, NULL);
    hs_free(payload->text);
    hs_free(payload);
    return 0;
}
