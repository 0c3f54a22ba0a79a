#include "support/stream_kit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/rand.h"

static const struct hs_clock *clock_of_kit(void)
{
    return hs_clock_system();
}

void stream_kit_init(struct stream_kit *kit, const struct hs_stream_ops *ops)
{
    const char *tmp = getenv("TMPDIR");

    memset(kit, 0, sizeof(*kit));
    kit->ops = ops;
    snprintf(kit->data, sizeof(kit->data), "%.40s/hs-stream-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(kit->data));
    kit->conf.data = kit->data;
    kit->conf.stream_segment_bytes = 64 << 10;
    kit->conf.stream_commit_ms = 1;
    kit->conf.stream_commit_bytes = 1 << 20;
    kit->conf.stream_queue_bytes = 64 << 20;
    kit->conf.stream_compression = (char *)(uintptr_t) "lz4";
}

void stream_kit_open(struct stream_kit *kit)
{
    struct hs_err err = {0};
    int rc;

    assert_null(kit->stream);
    if (kit->io)
        rc = hs_stream_local_open_io(&kit->conf, clock_of_kit(), kit->io, &kit->stream, &err);
    else
        rc = kit->ops->open(&kit->conf, clock_of_kit(), &kit->stream, &err);
    if (rc != HS_OK)
        fail_msg("open: %s: %s", hs_rc_name(rc), err.text);
}

void stream_kit_close(struct stream_kit *kit)
{
    hs_stream_close(kit->stream);
    kit->stream = NULL;
}

void stream_kit_fini(struct stream_kit *kit)
{
    stream_kit_close(kit);
    assert_int_equal(hs_fs_remove_tree(kit->data, NULL), HS_OK);
}

const char *stream_kit_path(const struct stream_kit *kit, const char *name, char out[256])
{
    snprintf(out, 256, "%s/stream/%s", kit->data, name);
    return out;
}

void kit_acks_init(struct kit_acks *acks)
{
    memset(acks, 0, sizeof(*acks));
    pthread_mutex_init(&acks->lock, NULL);
    pthread_cond_init(&acks->cond, NULL);
}

void kit_done(void *arg, int rc, const struct hs_err *err)
{
    struct kit_acks *acks = arg;

    pthread_mutex_lock(&acks->lock);
    if (rc == HS_OK) {
        acks->ok++;
    } else {
        acks->failed++;
        acks->rc = rc;
        if (err)
            acks->err = *err;
    }
    pthread_cond_broadcast(&acks->cond);
    pthread_mutex_unlock(&acks->lock);
}

void kit_acks_wait(struct kit_acks *acks, unsigned n)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STREAM_KIT_WAIT_S;
    pthread_mutex_lock(&acks->lock);
    while (acks->ok + acks->failed < n && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&acks->cond, &acks->lock, &until);
    pthread_mutex_unlock(&acks->lock);
    assert_int_equal(rc, 0);
}

static void fill_message(struct hs_message *message, char *text, unsigned i, size_t value_n)
{
    struct hs_rand rand;
    char number[16];
    int n = snprintf(number, sizeof(number), "%u", i);

    text[0] = 'k';
    memcpy(text + 1, number, (size_t)n);
    message->key = hs_str_n(text, (size_t)n + 1);
    text += n + 1;
    hs_rand_init(&rand, i);
    for (size_t j = 0; j < value_n; j++)
        text[j] = (char)hs_rand_u64(&rand); /* does not compress, so that sizes are foreseeable */
    if (value_n > (size_t)n) {
        text[0] = 'v';
        memcpy(text + 1, number, (size_t)n);
    }
    message->value = hs_str_n(text, value_n);
}

int stream_kit_append(struct stream_kit *kit, enum hs_topic topic, unsigned first, unsigned n,
                      size_t value_n)
{
    struct hs_message *messages = test_calloc(n, sizeof(*messages));
    char *text = test_malloc(n * (value_n + 16));
    struct hs_batch batch = {HS_STR("t1"), 7, messages, n};
    struct kit_acks acks;
    int rc;

    kit_acks_init(&acks);
    for (unsigned i = 0; i < n; i++)
        fill_message(&messages[i], text + i * (value_n + 16), first + i, value_n);
    rc = hs_stream_append(kit->stream, topic, &batch, kit_done, &acks, NULL);
    test_free(messages);
    test_free(text);
    if (rc != HS_OK)
        return rc;
    kit_acks_wait(&acks, 1);
    return acks.failed > 0 ? acks.rc : HS_OK;
}

void stream_kit_put(struct stream_kit *kit, enum hs_topic topic, unsigned first, unsigned n,
                    size_t value_n)
{
    assert_int_equal(stream_kit_append(kit, topic, first, n, value_n), HS_OK);
}

static uint64_t assign(void *arg, enum hs_topic topic, uint32_t partition, uint64_t offset_start)
{
    struct kit_reader *reader = arg;

    (void)topic;
    assert_int_equal(partition, 0);
    reader->start_seen = offset_start;
    reader->assigned_n++;
    return reader->position;
}

void kit_reader_open(struct kit_reader *reader, struct stream_kit *kit, const char *group,
                     uint32_t topics, bool durable, uint64_t position)
{
    struct hs_subscription subscription = {.group = hs_str_c(group),
                                           .topics = topics,
                                           .durable = durable,
                                           .on_assign = assign,
                                           .arg = reader};

    memset(reader, 0, sizeof(*reader));
    reader->position = position;
    assert_int_equal(hs_stream_subscribe(kit->stream, &subscription, &reader->consumer, NULL),
                     HS_OK);
}

void kit_reader_close(struct kit_reader *reader)
{
    hs_consumer_close(reader->consumer);
    reader->consumer = NULL;
}

static void check_record(const struct hs_record *record, uint64_t offset, unsigned number)
{
    char text[16];

    snprintf(text, sizeof(text), "k%u", number);
    assert_int_equal(record->offset, offset);
    assert_int_equal(record->schema_version, 7);
    assert_true(record->appended_ns > 0);
    assert_true(hs_str_eq_c(record->tenant, "t1"));
    assert_true(hs_str_eq_c(record->key, text));
    text[0] = 'v';
    if (record->value.n >= strlen(text))
        assert_true(hs_str_starts_with(record->value, hs_str_c(text)));
}

void kit_reader_expect(struct kit_reader *reader, enum hs_topic topic, uint64_t from,
                       unsigned first, unsigned n)
{
    struct hs_records records;
    struct hs_err err = {0};

    while (n > 0) {
        int rc = hs_consumer_poll(reader->consumer, STREAM_KIT_WAIT_S * 1000, &records, &err);

        if (rc != HS_OK)
            fail_msg("poll: %s: %s", hs_rc_name(rc), err.text);
        assert_int_equal(records.stream_id.n, 36);
        assert_int_equal(records.topic, topic);
        assert_in_range(records.n, 1, n);
        for (size_t i = 0; i < records.n; i++)
            check_record(&records.records[i], from++, first++);
        assert_int_equal(records.next, from);
        n -= (unsigned)records.n;
    }
}

void kit_reader_expect_end(struct kit_reader *reader)
{
    struct hs_records records;

    assert_int_equal(hs_consumer_poll(reader->consumer, 0, &records, NULL), HS_OK);
    assert_int_equal(records.n, 0);
}

uint64_t kit_reader_expect_fail(struct kit_reader *reader, int rc, struct hs_err *err)
{
    struct hs_records records;

    assert_int_equal(hs_consumer_poll(reader->consumer, 1000, &records, err), rc);
    return records.next;
}

void kit_reader_seek(struct kit_reader *reader, enum hs_topic topic, uint64_t offset)
{
    struct hs_position position = {topic, 0, offset};

    assert_int_equal(hs_consumer_seek(reader->consumer, &position, NULL), HS_OK);
}

void kit_reader_release(struct kit_reader *reader, enum hs_topic topic, uint64_t offset)
{
    struct hs_position position = {topic, 0, offset};

    assert_int_equal(hs_consumer_release(reader->consumer, &position, NULL), HS_OK);
}

struct hs_lag kit_reader_lag(struct kit_reader *reader, enum hs_topic topic)
{
    struct hs_lag lags[HS_TOPIC_N];
    int n = hs_consumer_lag(reader->consumer, lags, HS_TOPIC_N, NULL);

    for (int i = 0; i < n; i++) {
        if (lags[i].topic == topic)
            return lags[i];
    }
    fail_msg("no lag of %s", hs_topic_name(topic));
    return lags[0];
}

void kit_reader_wait_start(struct kit_reader *reader, enum hs_topic topic, uint64_t start)
{
    const struct timespec step = {0, 1000000};

    for (int i = 0; i < STREAM_KIT_WAIT_S * 1000; i++) {
        if (kit_reader_lag(reader, topic).start >= start)
            return;
        nanosleep(&step, NULL);
    }
    fail_msg("%s still begins at %llu", hs_topic_name(topic),
             (unsigned long long)kit_reader_lag(reader, topic).start);
}
