/*
 * What the local log does when the disk is full, refuses a write or fails to sync.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/stream_local/io_int.h"
#include "backend/stream_local/stream_local.h"
#include "base/mem.h"
#include "support/stream_kit.h"

#define EVENTS HS_TOPIC_BIT(HS_TOPIC_EVENTS)

enum fail { FAIL_NONE, FAIL_WRITE, FAIL_SHORT_WRITE, FAIL_SYNC, FAIL_TRUNCATE };

/* A disk that fails calls fail_from … fail_to (from 1) of one kind with `error`, and says what
 * free space the test wants. All fields under lock. */
struct disk {
    struct stream_kit kit;
    struct hs_stream_io io;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    enum fail fail;
    int error;
    unsigned calls, fail_from, fail_to;
    uint64_t free_bytes, total_bytes;
    bool hold; /* fdatasync waits while set */
};

static bool must_fail(struct disk *disk, enum fail kind)
{
    bool fails = false;

    pthread_mutex_lock(&disk->lock);
    if (disk->fail == kind || (disk->fail == FAIL_SHORT_WRITE && kind == FAIL_WRITE)) {
        disk->calls++;
        fails = disk->calls >= disk->fail_from && disk->calls <= disk->fail_to;
    }
    pthread_mutex_unlock(&disk->lock);
    return fails;
}

static ssize_t disk_pwritev(void *arg, int fd, const struct iovec *iov, int iov_n, off_t at)
{
    struct disk *disk = arg;

    if (!must_fail(disk, FAIL_WRITE))
        return pwritev(fd, iov, iov_n, at);
    if (disk->fail == FAIL_SHORT_WRITE)
        return pwrite(fd, iov->iov_base, 1 + iov->iov_len / 2, at); /* then it goes on */
    errno = disk->error;
    return -1;
}

static int disk_fdatasync(void *arg, int fd)
{
    struct disk *disk = arg;

    pthread_mutex_lock(&disk->lock);
    while (disk->hold)
        pthread_cond_wait(&disk->cond, &disk->lock);
    pthread_mutex_unlock(&disk->lock);
    if (!must_fail(disk, FAIL_SYNC))
        return fdatasync(fd);
    errno = disk->error;
    return -1;
}

static int disk_ftruncate(void *arg, int fd, off_t n)
{
    struct disk *disk = arg;

    if (!must_fail(disk, FAIL_TRUNCATE))
        return ftruncate(fd, n);
    errno = disk->error;
    return -1;
}

static int disk_space(void *arg, const char *path, uint64_t *out_free, uint64_t *out_total)
{
    struct disk *disk = arg;

    (void)path;
    pthread_mutex_lock(&disk->lock);
    *out_free = disk->free_bytes;
    *out_total = disk->total_bytes;
    pthread_mutex_unlock(&disk->lock);
    return 0;
}

static int setup(void **state)
{
    struct disk *disk = test_calloc(1, sizeof(*disk));

    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->cond, NULL);
    disk->free_bytes = 500;
    disk->total_bytes = 1000;
    disk->io =
        (struct hs_stream_io){disk_pwritev, disk_fdatasync, disk_ftruncate, disk_space, disk};
    stream_kit_init(&disk->kit, &hs_stream_local_ops);
    disk->kit.io = &disk->io;
    stream_kit_open(&disk->kit);
    *state = disk;
    return 0;
}

static int teardown(void **state)
{
    struct disk *disk = *state;

    stream_kit_fini(&disk->kit);
    test_free(disk);
    return 0;
}

static void fail_calls(struct disk *disk, enum fail fail, int error, unsigned from, unsigned to)
{
    pthread_mutex_lock(&disk->lock);
    disk->fail = fail;
    disk->error = error;
    disk->calls = 0;
    disk->fail_from = from;
    disk->fail_to = to;
    pthread_mutex_unlock(&disk->lock);
}

static void expect_events(struct disk *disk, unsigned n)
{
    struct kit_reader reader;

    kit_reader_open(&reader, &disk->kit, "g", EVENTS, false, 0);
    kit_reader_expect(&reader, HS_TOPIC_EVENTS, 0, 0, n);
    kit_reader_expect_end(&reader);
    kit_reader_close(&reader);
}

struct failure {
    enum fail fail;
    int error;
    int rc;
};

/* The failed batch is not seen, its offsets are given again, and all holds after a restart. */
static void append__fails_with_the_commit_and_goes_on(void **state)
{
    static const struct failure failures[] = {
        {FAIL_WRITE, EIO, HS_EIO}, {FAIL_WRITE, ENOSPC, HS_EAGAIN}, {FAIL_WRITE, EDQUOT, HS_EAGAIN},
        {FAIL_SYNC, EIO, HS_EIO},  {FAIL_SYNC, ENOSPC, HS_EAGAIN},
    };
    struct disk *disk = *state;
    unsigned n = 0;

    for (size_t i = 0; i < HS_ARRAY_LEN(failures); i++) {
        const struct failure *f = &failures[i];

        fail_calls(disk, f->fail, f->error, 1, 1);
        assert_int_equal(stream_kit_append(&disk->kit, HS_TOPIC_EVENTS, 9000, 4, 100), f->rc);
        expect_events(disk, n);
        stream_kit_put(&disk->kit, HS_TOPIC_EVENTS, n, 4, 100);
        n += 4;
        expect_events(disk, n);
    }
    stream_kit_close(&disk->kit);
    stream_kit_open(&disk->kit);
    expect_events(disk, n);
}

/* Whatever call of the repair fails, nothing is acknowledged until all of it worked. */
static void append__fails_until_the_repair_works(void **state)
{
    static const enum fail kinds[] = {FAIL_WRITE, FAIL_SYNC, FAIL_TRUNCATE};
    struct disk *disk = *state;
    unsigned n = 0;

    for (size_t i = 0; i < HS_ARRAY_LEN(kinds); i++) {
        for (unsigned calls = 1; calls <= 6; calls++) {
            unsigned failed = 0;

            fail_calls(disk, FAIL_SYNC, EIO, 1, 1);
            assert_int_equal(stream_kit_append(&disk->kit, HS_TOPIC_EVENTS, 9000, 4, 100), HS_EIO);
            fail_calls(disk, kinds[i], EIO, 1, calls);
            while (stream_kit_append(&disk->kit, HS_TOPIC_EVENTS, n, 4, 100) != HS_OK)
                failed++;
            assert_in_range(failed, 1, calls);
            n += 4;
            expect_events(disk, n);
        }
    }
    stream_kit_close(&disk->kit);
    stream_kit_open(&disk->kit);
    expect_events(disk, n);
}

/* A device that lost what it had acknowledged takes nothing more. */
static void append__stays_failed_when_synced_data_reads_back_differently(void **state)
{
    struct disk *disk = *state;
    char path[256];
    int fd;

    stream_kit_put(&disk->kit, HS_TOPIC_EVENTS, 0, 4, 100);
    fail_calls(disk, FAIL_SYNC, EIO, 1, 1);
    assert_int_equal(stream_kit_append(&disk->kit, HS_TOPIC_EVENTS, 4, 4, 100), HS_EIO);
    fd = open(stream_kit_path(&disk->kit, "00000000000000000000.log", path), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "damage", 6, 400), 6);
    close(fd);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stream_kit_append(&disk->kit, HS_TOPIC_EVENTS, 4, 4, 100), HS_EIO);
}

static void append__survives_short_writes(void **state)
{
    struct disk *disk = *state;

    fail_calls(disk, FAIL_SHORT_WRITE, 0, 1, 1000);
    for (unsigned i = 0; i < 10; i++)
        stream_kit_put(&disk->kit, HS_TOPIC_EVENTS, i * 5, 5, 300);
    expect_events(disk, 50);
}

static void set_free(struct disk *disk, uint64_t free_bytes)
{
    pthread_mutex_lock(&disk->lock);
    disk->free_bytes = free_bytes;
    pthread_mutex_unlock(&disk->lock);
}

static void wait_refusing(struct disk *disk, bool refusing)
{
    const struct timespec step = {0, 1000000};
    struct hs_stream_stat stat;

    for (int i = 0; i < STREAM_KIT_WAIT_S * 1000; i++) {
        hs_stream_stat(disk->kit.stream, &stat);
        if (stat.refusing == refusing)
            return;
        nanosleep(&step, NULL);
    }
    fail_msg("refusing stays %d", !refusing);
}

static int refused(struct disk *disk, struct hs_err *err)
{
    struct hs_message message = {HS_STR("k"), HS_STR("v")};
    struct hs_batch batch = {HS_STR("t"), 1, &message, 1};

    return hs_stream_append(disk->kit.stream, HS_TOPIC_EVENTS, &batch, kit_done, NULL, err);
}

static void append__refuses_below_the_free_space_and_recovers(void **state)
{
    struct disk *disk = *state;
    struct hs_stream_stat stat;
    struct hs_err err = {0};

    stream_kit_close(&disk->kit);
    disk->kit.conf.disk_free_min = 0.1;
    disk->kit.conf.disk_free_min_bytes = 50;
    set_free(disk, 99);
    stream_kit_open(&disk->kit);
    assert_int_equal(refused(disk, &err), HS_EAGAIN);
    assert_non_null(strstr(err.text, "99 bytes free, limit 100"));
    hs_stream_stat(disk->kit.stream, &stat);
    assert_true(stat.refusing);
    assert_int_equal(stat.disk_free_bytes, 99);
    assert_int_equal(stat.disk_free_min_bytes, 100);
    set_free(disk, 100);
    wait_refusing(disk, false);
    stream_kit_put(&disk->kit, HS_TOPIC_EVENTS, 0, 1, 10);
    expect_events(disk, 1);
}

static void append__refuses_below_the_floor_in_bytes(void **state)
{
    struct disk *disk = *state;
    struct hs_err err = {0};

    stream_kit_close(&disk->kit);
    disk->kit.conf.disk_free_min = 0.1;
    disk->kit.conf.disk_free_min_bytes = 400;
    set_free(disk, 399);
    stream_kit_open(&disk->kit);
    assert_int_equal(refused(disk, &err), HS_EAGAIN);
    assert_non_null(strstr(err.text, "limit 400"));
}

static void append__notices_a_disk_that_fills_at_the_next_commit(void **state)
{
    struct disk *disk = *state;

    stream_kit_close(&disk->kit);
    disk->kit.conf.disk_free_min_bytes = 100;
    stream_kit_open(&disk->kit);
    set_free(disk, 99);
    stream_kit_put(&disk->kit, HS_TOPIC_EVENTS, 0, 1, 10);
    assert_int_equal(refused(disk, NULL), HS_EAGAIN);
    set_free(disk, 500);
    wait_refusing(disk, false);
}

static void hold(struct disk *disk, bool on)
{
    pthread_mutex_lock(&disk->lock);
    disk->hold = on;
    pthread_cond_broadcast(&disk->cond);
    pthread_mutex_unlock(&disk->lock);
}

static int append_bytes(struct disk *disk, size_t n, struct kit_acks *acks, struct hs_err *err)
{
    char *value = test_calloc(1, n);
    struct hs_message message = {HS_STR(""), hs_str_n(value, n)};
    struct hs_batch batch = {HS_STR(""), 1, &message, 1};
    int rc = hs_stream_append(disk->kit.stream, HS_TOPIC_EVENTS, &batch, kit_done, acks, err);

    test_free(value);
    return rc;
}

/* 64 bytes of head and 3 of lengths stand around the value. */
static void append__refuses_past_the_queue_and_takes_one_that_is_alone(void **state)
{
    struct disk *disk = *state;
    struct hs_stream_stat stat;
    struct hs_err err = {0};
    struct kit_acks acks;

    kit_acks_init(&acks);
    stream_kit_close(&disk->kit);
    disk->kit.conf.stream_queue_bytes = 1000;
    disk->kit.conf.stream_compression = (char *)(uintptr_t) "none";
    stream_kit_open(&disk->kit);
    hold(disk, true);
    assert_int_equal(append_bytes(disk, 500 - 67, &acks, NULL), HS_OK);
    assert_int_equal(append_bytes(disk, 501 - 67, &acks, &err), HS_EAGAIN);
    assert_non_null(strstr(err.text, "limit 1000"));
    assert_int_equal(append_bytes(disk, 500 - 67, &acks, NULL), HS_OK);
    assert_int_equal(append_bytes(disk, 1, &acks, NULL), HS_EAGAIN);
    hs_stream_stat(disk->kit.stream, &stat);
    assert_int_equal(stat.append_queue_bytes, 1000);
    hold(disk, false);
    kit_acks_wait(&acks, 2);
    do /* the bytes leave the queue after done_fn */
        hs_stream_stat(disk->kit.stream, &stat);
    while (stat.append_queue_bytes > 0);
    assert_int_equal(append_bytes(disk, 5000, &acks, NULL), HS_OK);
    kit_acks_wait(&acks, 3);
    assert_int_equal(acks.ok, 3);
}

/* Nothing is acknowledged or shown before fdatasync returned. */
static void poll__shows_nothing_before_it_is_synced(void **state)
{
    struct disk *disk = *state;
    struct kit_reader reader;
    struct kit_acks acks;

    kit_acks_init(&acks);
    hold(disk, true);
    kit_reader_open(&reader, &disk->kit, "g", EVENTS, false, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(append_bytes(disk, 100, &acks, NULL), HS_OK);
    kit_reader_expect_end(&reader);
    assert_int_equal(kit_reader_lag(&reader, HS_TOPIC_EVENTS).end, 0);
    assert_int_equal(acks.ok, 0);
    hold(disk, false);
    kit_acks_wait(&acks, 3);
    assert_int_equal(kit_reader_lag(&reader, HS_TOPIC_EVENTS).end, 3);
    kit_reader_close(&reader);
}

/* Batches that come while a commit is under way share the next one. */
static void append__shares_one_sync_between_batches(void **state)
{
    struct disk *disk = *state;
    struct kit_acks acks;

    kit_acks_init(&acks);
    hold(disk, true);
    for (int i = 0; i < 500; i++)
        assert_int_equal(append_bytes(disk, 50, &acks, NULL), HS_OK);
    fail_calls(disk, FAIL_SYNC, 0, 1000, 1000); /* counts only */
    hold(disk, false);
    kit_acks_wait(&acks, 500);
    assert_int_equal(acks.ok, 500);
    assert_in_range(disk->calls, 1, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(append__fails_with_the_commit_and_goes_on),
        TEST(append__fails_until_the_repair_works),
        TEST(append__stays_failed_when_synced_data_reads_back_differently),
        TEST(append__survives_short_writes),
        TEST(append__refuses_below_the_free_space_and_recovers),
        TEST(append__refuses_below_the_floor_in_bytes),
        TEST(append__notices_a_disk_that_fills_at_the_next_commit),
        TEST(append__refuses_past_the_queue_and_takes_one_that_is_alone),
        TEST(append__shares_one_sync_between_batches),
        TEST(poll__shows_nothing_before_it_is_synced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
