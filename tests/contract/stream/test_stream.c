/*
 * The contract of the event stream, run for each backend that is in the build.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/stream_local/stream_local.h"
#include "backend/stream_memory.h"
#include "base/mem.h"
#include "base/thread.h"
#include "support/stream_kit.h"

struct backend {
    const struct hs_stream_ops *ops;
    const char *compression;
};

static const struct backend *backend_under_test;

static int setup(void **state)
{
    struct stream_kit *kit = test_calloc(1, sizeof(*kit));

    stream_kit_init(kit, backend_under_test->ops);
    kit->conf.stream_compression = (char *)(uintptr_t)backend_under_test->compression;
    stream_kit_open(kit);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    stream_kit_fini(*state);
    test_free(*state);
    return 0;
}

static void append__comes_back_with_tenant_key_value_and_version(void **state)
{
    struct stream_kit *kit = *state;
    struct hs_message messages[] = {{HS_STR("query-1"), HS_STR("{\"a\":1}")},
                                    {HS_STR(""), HS_STR("")},
                                    {hs_str_n("\0\xff", 2), hs_str_n("a\0b", 3)}};
    struct hs_batch batch = {HS_STR("tenant-a"), 3, messages, 3};
    struct kit_acks acks;
    struct kit_reader reader;
    struct hs_records records;

    kit_acks_init(&acks);
    assert_int_equal(hs_stream_append(kit->stream, HS_TOPIC_DLQ, &batch, kit_done, &acks, NULL),
                     HS_OK);
    kit_acks_wait(&acks, 1);
    kit_reader_open(&reader, kit, "g", HS_TOPIC_BIT(HS_TOPIC_DLQ), false, 0);
    assert_int_equal(hs_consumer_poll(reader.consumer, 10000, &records, NULL), HS_OK);
    assert_int_equal(records.n, 3);
    assert_int_equal(records.topic, HS_TOPIC_DLQ);
    assert_int_equal(records.partition, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_true(hs_str_eq_c(records.records[i].tenant, "tenant-a"));
        assert_int_equal(records.records[i].schema_version, 3);
        assert_true(hs_str_eq(records.records[i].key, messages[i].key));
        assert_true(hs_str_eq(records.records[i].value, messages[i].value));
    }
    kit_reader_close(&reader);
}

static void append__gives_dense_offsets_for_each_topic(void **state)
{
    struct stream_kit *kit = *state;
    struct kit_reader spans;
    struct kit_reader logs;

    for (unsigned i = 0; i < 20; i++) {
        stream_kit_put(kit, HS_TOPIC_SPANS, i * 3, 3, 50);
        stream_kit_put(kit, HS_TOPIC_LOGS, i, 1, 20);
    }
    kit_reader_open(&spans, kit, "spans", HS_TOPIC_BIT(HS_TOPIC_SPANS), false, 0);
    kit_reader_open(&logs, kit, "logs", HS_TOPIC_BIT(HS_TOPIC_LOGS), false, 0);
    kit_reader_expect(&spans, HS_TOPIC_SPANS, 0, 0, 60);
    kit_reader_expect_end(&spans);
    kit_reader_expect(&logs, HS_TOPIC_LOGS, 0, 0, 20);
    kit_reader_expect_end(&logs);
    kit_reader_close(&spans);
    kit_reader_close(&logs);
}

struct limit_case {
    size_t key_n, value_n, tenant_n, n;
    int rc;
};

static void append__refuses_what_passes_a_limit(void **state)
{
    static const struct limit_case cases[] = {
        {HS_STREAM_KEY_MAX - 1, 1, 1, 1, HS_OK},
        {HS_STREAM_KEY_MAX, 1, 1, 1, HS_OK},
        {HS_STREAM_KEY_MAX + 1, 1, 1, 1, HS_ELIMIT},
        {1, HS_STREAM_VALUE_MAX - 1, 1, 1, HS_OK},
        {1, HS_STREAM_VALUE_MAX, 1, 1, HS_OK},
        {1, HS_STREAM_VALUE_MAX + 1, 1, 1, HS_ELIMIT},
        {1, 1, HS_STREAM_TENANT_MAX - 1, 1, HS_OK},
        {1, 1, HS_STREAM_TENANT_MAX, 1, HS_OK},
        {1, 1, HS_STREAM_TENANT_MAX + 1, 1, HS_ELIMIT},
        {1, 1, 1, HS_STREAM_BATCH_MAX - 1, HS_OK},
        {1, 1, 1, HS_STREAM_BATCH_MAX, HS_OK},
        {1, 1, 1, HS_STREAM_BATCH_MAX + 1, HS_ELIMIT},
        {1, 1, 1, 0, HS_EINVAL},
        {0, HS_STREAM_VALUE_MAX, 1, 16, HS_OK},
        {1, HS_STREAM_VALUE_MAX, 1, 16, HS_ELIMIT},
    };
    struct stream_kit *kit = *state;
    char *bytes = test_calloc(1, HS_STREAM_VALUE_MAX + 1);
    struct hs_message *messages = test_calloc(HS_STREAM_BATCH_MAX + 1, sizeof(*messages));
    uint64_t stored = 0;
    struct kit_reader reader;
    struct kit_acks acks;
    unsigned taken = 0;

    kit_acks_init(&acks);
    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        const struct limit_case *c = &cases[i];
        struct hs_batch batch = {hs_str_n(bytes, c->tenant_n), 1, messages, c->n};
        struct hs_err err = {0};

        for (size_t j = 0; j < c->n; j++)
            messages[j] =
                (struct hs_message){hs_str_n(bytes, c->key_n), hs_str_n(bytes, c->value_n)};
        assert_int_equal(hs_stream_append(kit->stream, HS_TOPIC_EVENTS, &batch, kit_done, &acks,
                                          &err),
                         c->rc);
        assert_int_equal(err.rc, c->rc);
        stored += c->rc == HS_OK ? c->n : 0;
        taken += c->rc == HS_OK;
        kit_acks_wait(&acks, taken);
    }
    assert_int_equal(acks.failed, 0);
    kit_reader_open(&reader, kit, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), false, 0);
    for (uint64_t next = 0; next < stored;) {
        struct hs_records records;

        assert_int_equal(hs_consumer_poll(reader.consumer, 10000, &records, NULL), HS_OK);
        assert_true(records.n > 0);
        next = records.next;
    }
    kit_reader_expect_end(&reader);
    kit_reader_close(&reader);
    test_free(messages);
    test_free(bytes);
}

enum { WRITERS = 4, WRITES = 100 };

struct writer {
    struct stream_kit *kit;
    struct kit_acks *acks;
    char tenant;
    int rc;
};

static void write_many(void *arg)
{
    struct writer *writer = arg;

    for (unsigned i = 0; i < WRITES && writer->rc == HS_OK; i++) {
        char key[16];
        int n = snprintf(key, sizeof(key), "%u", i);
        struct hs_message message = {hs_str_n(key, (size_t)n), HS_STR("x")};
        struct hs_batch batch = {hs_str_n(&writer->tenant, 1), 1, &message, 1};

        writer->rc = hs_stream_append(writer->kit->stream, HS_TOPIC_RESULTS, &batch, kit_done,
                                      writer->acks, NULL);
    }
}

static void append__by_many_threads_keeps_the_order_of_each(void **state)
{
    struct stream_kit *kit = *state;
    struct hs_thread threads[WRITERS] = {0};
    struct writer writers[WRITERS];
    unsigned next[WRITERS] = {0};
    struct kit_reader reader;
    struct kit_acks acks;

    kit_acks_init(&acks);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){kit, &acks, (char)('a' + i), HS_OK};
        assert_int_equal(hs_thread_start(&threads[i], "writer", write_many, &writers[i], NULL), 0);
    }
    kit_reader_open(&reader, kit, "g", HS_TOPIC_BIT(HS_TOPIC_RESULTS), false, 0);
    for (uint64_t n = 0; n < WRITERS * WRITES;) {
        struct hs_records records;

        assert_int_equal(hs_consumer_poll(reader.consumer, 10000, &records, NULL), HS_OK);
        assert_true(records.n > 0);
        for (size_t i = 0; i < records.n; i++, n++) {
            const struct hs_record *record = &records.records[i];
            uint64_t number;

            assert_int_equal(record->offset, n);
            assert_int_equal(hs_str_to_u64(record->key, &number), HS_OK);
            assert_int_equal(number, next[record->tenant.p[0] - 'a']++);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        hs_thread_join(&threads[i]);
        assert_int_equal(writers[i].rc, HS_OK);
    }
    kit_acks_wait(&acks, WRITERS * WRITES);
    assert_int_equal(acks.failed, 0);
    kit_reader_close(&reader);
}

static void poll__gives_nothing_when_nothing_comes(void **state)
{
    struct kit_reader reader;
    struct hs_records records;

    kit_reader_open(&reader, *state, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), false, 0);
    assert_int_equal(hs_consumer_poll(reader.consumer, 20, &records, NULL), HS_OK);
    assert_int_equal(records.n, 0);
    assert_int_equal(reader.assigned_n, 1);
    kit_reader_close(&reader);
}

static void poll_once(void *arg)
{
    struct kit_reader *reader = arg;
    struct hs_records records;

    if (hs_consumer_poll(reader->consumer, STREAM_KIT_WAIT_S * 1000, &records, NULL) == HS_OK)
        reader->position = records.n;
}

static void poll__wakes_when_a_message_comes(void **state)
{
    struct kit_reader reader;
    struct hs_thread thread = {0};
    int64_t before = hs_mono_ns(hs_clock_system());

    kit_reader_open(&reader, *state, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), false, 0);
    assert_int_equal(hs_thread_start(&thread, "poller", poll_once, &reader, NULL), HS_OK);
    stream_kit_put(*state, HS_TOPIC_EVENTS, 0, 1, 10);
    hs_thread_join(&thread);
    assert_int_equal(reader.position, 1);
    assert_true(hs_mono_ns(hs_clock_system()) - before < 10 * HS_NS_PER_S);
    kit_reader_close(&reader);
}

static void poll__goes_round_its_topics(void **state)
{
    const uint32_t topics = HS_TOPIC_BIT(HS_TOPIC_EVENTS) | HS_TOPIC_BIT(HS_TOPIC_SPANS);
    struct kit_reader reader;

    for (unsigned i = 0; i < 4; i++) {
        stream_kit_put(*state, HS_TOPIC_EVENTS, i, 1, 900000);
        stream_kit_put(*state, HS_TOPIC_SPANS, i, 1, 900000);
    }
    kit_reader_open(&reader, *state, "g", topics, false, 0);
    kit_reader_expect(&reader, HS_TOPIC_EVENTS, 0, 0, 1);
    kit_reader_expect(&reader, HS_TOPIC_SPANS, 0, 0, 1);
    kit_reader_close(&reader);
}

static void poll__reaches_a_rare_topic_among_others(void **state)
{
    struct kit_reader reader;

    for (unsigned i = 0; i < 30; i++) {
        stream_kit_put(*state, HS_TOPIC_EVENTS, i * 100, 100, 400);
        if (i % 10 == 3)
            stream_kit_put(*state, HS_TOPIC_ANOMALIES, i / 10, 1, 30);
    }
    kit_reader_open(&reader, *state, "g", HS_TOPIC_BIT(HS_TOPIC_ANOMALIES), false, 0);
    kit_reader_expect(&reader, HS_TOPIC_ANOMALIES, 0, 0, 3);
    kit_reader_expect_end(&reader);
    kit_reader_close(&reader);
}

static void seek__moves_to_any_kept_offset(void **state)
{
    static const unsigned places[] = {7, 0, 19, 10, 9, 1};
    struct kit_reader reader;

    stream_kit_put(*state, HS_TOPIC_EVENTS, 0, 10, 30);
    stream_kit_put(*state, HS_TOPIC_EVENTS, 10, 10, 30);
    kit_reader_open(&reader, *state, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), false, 0);
    kit_reader_expect(&reader, HS_TOPIC_EVENTS, 0, 0, 20);
    for (size_t i = 0; i < HS_ARRAY_LEN(places); i++) {
        kit_reader_seek(&reader, HS_TOPIC_EVENTS, places[i]);
        kit_reader_expect(&reader, HS_TOPIC_EVENTS, places[i], places[i], 20 - places[i]);
    }
    kit_reader_close(&reader);
}

static void seek__refuses_what_is_not_assigned(void **state)
{
    struct hs_position spans = {HS_TOPIC_SPANS, 0, 0};
    struct hs_position partition = {HS_TOPIC_EVENTS, 1, 0};
    struct hs_position early = {HS_TOPIC_EVENTS, 0, 0};
    struct kit_reader reader;

    kit_reader_open(&reader, *state, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), false, 0);
    assert_int_equal(hs_consumer_seek(reader.consumer, &early, NULL), HS_EINVAL);
    kit_reader_expect_end(&reader);
    assert_int_equal(hs_consumer_seek(reader.consumer, &early, NULL), HS_OK);
    assert_int_equal(hs_consumer_seek(reader.consumer, &spans, NULL), HS_EINVAL);
    assert_int_equal(hs_consumer_seek(reader.consumer, &partition, NULL), HS_EINVAL);
    kit_reader_close(&reader);
}

static void poll__starts_where_on_assign_says(void **state)
{
    struct kit_reader reader;

    stream_kit_put(*state, HS_TOPIC_EVENTS, 0, 10, 30);
    kit_reader_open(&reader, *state, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), true, 4);
    kit_reader_expect(&reader, HS_TOPIC_EVENTS, 4, 4, 6);
    assert_int_equal(reader.start_seen, 0);
    kit_reader_close(&reader);
}

static void poll__beyond_the_end_is_corrupt_and_names_the_end(void **state)
{
    struct kit_reader reader;

    stream_kit_put(*state, HS_TOPIC_EVENTS, 0, 10, 30);
    kit_reader_open(&reader, *state, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), false, 11);
    assert_int_equal(kit_reader_expect_fail(&reader, HS_ECORRUPT, NULL), 10);
    kit_reader_seek(&reader, HS_TOPIC_EVENTS, 10);
    kit_reader_expect_end(&reader);
    kit_reader_close(&reader);
}

static void lag__tells_start_end_and_position(void **state)
{
    const uint32_t topics = HS_TOPIC_BIT(HS_TOPIC_EVENTS) | HS_TOPIC_BIT(HS_TOPIC_LOGS);
    struct kit_reader reader;
    struct hs_lag lag;

    stream_kit_put(*state, HS_TOPIC_EVENTS, 0, 10, 30);
    kit_reader_open(&reader, *state, "g", topics, false, 0);
    kit_reader_expect(&reader, HS_TOPIC_EVENTS, 0, 0, 10);
    stream_kit_put(*state, HS_TOPIC_EVENTS, 10, 5, 30);
    lag = kit_reader_lag(&reader, HS_TOPIC_EVENTS);
    assert_int_equal(lag.start, 0);
    assert_int_equal(lag.end, 15);
    assert_int_equal(lag.position, 10);
    assert_int_equal(kit_reader_lag(&reader, HS_TOPIC_LOGS).end, 0);
    assert_int_equal(hs_consumer_lag(reader.consumer, &lag, 1, NULL), 1);
    assert_int_equal(hs_consumer_lag(reader.consumer, NULL, 0, NULL), 0);
    kit_reader_close(&reader);
}

/* Incompressible enough that each call fills a segment of the local log. */
static void put_segment(struct stream_kit *kit, unsigned i)
{
    stream_kit_put(kit, HS_TOPIC_EVENTS, i * 100, 100, 20000);
}

static void release__deletes_below_the_slowest_durable_group(void **state)
{
    const uint32_t events = HS_TOPIC_BIT(HS_TOPIC_EVENTS);
    struct stream_kit *kit = *state;
    struct kit_reader fast;
    struct kit_reader slow;
    struct kit_reader other;

    kit_reader_open(&fast, kit, "fast", events, true, 0);
    kit_reader_open(&slow, kit, "slow", events, true, 0);
    kit_reader_open(&other, kit, "other", HS_TOPIC_BIT(HS_TOPIC_LOGS), true, 0);
    for (unsigned i = 0; i < 5; i++)
        put_segment(kit, i);
    kit_reader_release(&slow, HS_TOPIC_EVENTS, 200);
    kit_reader_release(&fast, HS_TOPIC_EVENTS, 500);
    kit_reader_release(&slow, HS_TOPIC_EVENTS, 100); /* never goes back */
    kit_reader_wait_start(&slow, HS_TOPIC_EVENTS, 200);
    assert_int_equal(kit_reader_lag(&slow, HS_TOPIC_EVENTS).start, 200);
    slow.position = 200;
    kit_reader_expect(&slow, HS_TOPIC_EVENTS, 200, 200, 300);
    kit_reader_close(&fast);
    kit_reader_close(&slow);
    kit_reader_close(&other);
}

static void release__without_durable_group_deletes_nothing(void **state)
{
    struct hs_position beyond = {HS_TOPIC_EVENTS, 0, 300};
    struct kit_reader reader;

    put_segment(*state, 0);
    put_segment(*state, 1);
    kit_reader_open(&reader, *state, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), false, 0);
    assert_int_equal(hs_consumer_release(reader.consumer, &beyond, NULL), HS_OK);
    kit_reader_expect(&reader, HS_TOPIC_EVENTS, 0, 0, 200);
    kit_reader_close(&reader);
}

static void release__refuses_beyond_the_end_and_the_unassigned(void **state)
{
    struct hs_position beyond = {HS_TOPIC_EVENTS, 0, 11};
    struct hs_position end = {HS_TOPIC_EVENTS, 0, 10};
    struct hs_position other = {HS_TOPIC_LOGS, 0, 0};
    struct kit_reader reader;

    stream_kit_put(*state, HS_TOPIC_EVENTS, 0, 10, 30);
    kit_reader_open(&reader, *state, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), true, 0);
    assert_int_equal(hs_consumer_release(reader.consumer, &beyond, NULL), HS_EINVAL);
    assert_int_equal(hs_consumer_release(reader.consumer, &end, NULL), HS_OK);
    assert_int_equal(hs_consumer_release(reader.consumer, &other, NULL), HS_EINVAL);
    kit_reader_close(&reader);
}

static void poll__below_the_start_names_where_to_go_on(void **state)
{
    const uint32_t events = HS_TOPIC_BIT(HS_TOPIC_EVENTS);
    struct stream_kit *kit = *state;
    struct kit_reader loader;
    struct kit_reader tail;

    kit_reader_open(&loader, kit, "loader", events, true, 0);
    kit_reader_open(&tail, kit, "tail", events, false, 5);
    for (unsigned i = 0; i < 4; i++)
        put_segment(kit, i);
    kit_reader_release(&loader, HS_TOPIC_EVENTS, 300);
    kit_reader_wait_start(&loader, HS_TOPIC_EVENTS, 300);
    assert_int_equal(kit_reader_expect_fail(&tail, HS_ENOTFOUND, NULL), 300);
    assert_int_equal(tail.start_seen, 300);
    kit_reader_seek(&tail, HS_TOPIC_EVENTS, 300);
    kit_reader_expect(&tail, HS_TOPIC_EVENTS, 300, 300, 100);
    kit_reader_close(&tail);
    kit_reader_close(&loader);
}

static void subscribe__refuses_bad_groups_and_topics(void **state)
{
    static const char *const groups[] = {
        "",
        "A",
        "a b",
        "a/b",
        "\xc3\xa4",
        "12345678901234567890123456789012123456789012345678901234567890123", /* 65 bytes */
    };
    struct stream_kit *kit = *state;
    struct kit_reader reader;
    struct hs_subscription subscription = {.topics = 1};

    kit_reader_open(&reader, kit, "0.a_z-9", 1, false, 0); /* also lends its on_assign */
    kit_reader_close(&reader);
    kit_reader_open(&reader, kit,
                    "1234567890123456789012345678901212345678901234567890123456789012", 1, true, 0);
    kit_reader_close(&reader);
    subscription.on_assign = (hs_assign_fn *)(uintptr_t)abort; /* never called */
    for (size_t i = 0; i < HS_ARRAY_LEN(groups); i++) {
        subscription.group = hs_str_c(groups[i]);
        assert_int_equal(hs_stream_subscribe(kit->stream, &subscription, &reader.consumer, NULL),
                         HS_EINVAL);
    }
    subscription.group = HS_STR("g");
    subscription.topics = 0;
    assert_int_equal(hs_stream_subscribe(kit->stream, &subscription, &reader.consumer, NULL),
                     HS_EINVAL);
    subscription.topics = HS_TOPIC_BIT(HS_TOPIC_N);
    assert_int_equal(hs_stream_subscribe(kit->stream, &subscription, &reader.consumer, NULL),
                     HS_EINVAL);
}

static void close__calls_every_done_fn(void **state)
{
    struct stream_kit *kit = *state;
    struct hs_message message = {HS_STR("k"), HS_STR("v")};
    struct hs_batch batch = {HS_STR("t"), 1, &message, 1};
    struct kit_acks acks;

    kit_acks_init(&acks);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(hs_stream_append(kit->stream, HS_TOPIC_EVENTS, &batch, kit_done, &acks,
                                          NULL),
                         HS_OK);
    stream_kit_close(kit);
    assert_int_equal(acks.ok, 2000);
    assert_int_equal(acks.failed, 0);
}

static void stat__names_the_stream_and_an_empty_queue(void **state)
{
    struct stream_kit *kit = *state;
    struct hs_stream_stat stat;

    stream_kit_put(kit, HS_TOPIC_EVENTS, 0, 10, 30);
    hs_stream_stat(kit->stream, &stat);
    assert_int_equal(stat.stream_id.n, 36);
    assert_false(stat.refusing);
    assert_int_equal(hs_stream_caps(kit->stream) & HS_STREAM_CAP_PARTITIONS, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct backend backends[] = {
        {&hs_stream_local_ops, "lz4"},
        {&hs_stream_local_ops, "zstd"},
        {&hs_stream_local_ops, "none"},
        {&hs_stream_memory_ops, "none"},
    };
    const struct CMUnitTest tests[] = {
        TEST(append__comes_back_with_tenant_key_value_and_version),
        TEST(append__gives_dense_offsets_for_each_topic),
        TEST(append__refuses_what_passes_a_limit),
        TEST(append__by_many_threads_keeps_the_order_of_each),
        TEST(poll__gives_nothing_when_nothing_comes),
        TEST(poll__wakes_when_a_message_comes),
        TEST(poll__goes_round_its_topics),
        TEST(poll__reaches_a_rare_topic_among_others),
        TEST(poll__starts_where_on_assign_says),
        TEST(poll__beyond_the_end_is_corrupt_and_names_the_end),
        TEST(poll__below_the_start_names_where_to_go_on),
        TEST(seek__moves_to_any_kept_offset),
        TEST(seek__refuses_what_is_not_assigned),
        TEST(lag__tells_start_end_and_position),
        TEST(release__deletes_below_the_slowest_durable_group),
        TEST(release__without_durable_group_deletes_nothing),
        TEST(release__refuses_beyond_the_end_and_the_unassigned),
        TEST(subscribe__refuses_bad_groups_and_topics),
        TEST(close__calls_every_done_fn),
        TEST(stat__names_the_stream_and_an_empty_queue),
    };
    int failed = 0;

    for (size_t i = 0; i < HS_ARRAY_LEN(backends); i++) {
        backend_under_test = &backends[i];
        print_message("backend %s, compression %s\n", backends[i].ops->name,
                      backends[i].compression);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
