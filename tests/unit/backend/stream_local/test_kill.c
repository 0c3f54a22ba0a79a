/*
 * SIGKILL at any moment: every acknowledged message is there after a restart, none twice.
 *
 * A child appends numbered batches from two threads and writes each number into a pipe from
 * done_fn. The parent kills it, reads the pipe to its end, opens the log and compares sets.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/stream_local/stream_local.h"
#include "base/killpoint.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/thread.h"
#include "support/stream_kit.h"

enum { BATCH_N = 3, NUMBERS_MAX = 1 << 20, ROUNDS = 12, THREADS = 2 };

#define TOPICS (HS_TOPIC_BIT(HS_TOPIC_EVENTS) | HS_TOPIC_BIT(HS_TOPIC_SPANS))

struct ack {
    int fd;
    uint32_t number;
};

static void acknowledge(void *arg, int rc, const struct hs_err *err)
{
    struct ack *ack = arg;

    (void)err;
    if (rc == HS_OK && write(ack->fd, &ack->number, sizeof(ack->number)) < 0)
        _exit(3);
    hs_free(ack);
}

struct appender {
    struct hs_stream *stream;
    int fd;
    uint32_t next; /* numbers go up by THREADS */
    uint32_t end;
};

/* Message j of batch `number` has the key "<number>.<j>". */
static int append_batch(struct appender *appender)
{
    enum hs_topic topic = appender->next % 3 ? HS_TOPIC_EVENTS : HS_TOPIC_SPANS;
    struct ack *ack = hs_xalloc(sizeof(*ack));
    struct hs_message messages[BATCH_N];
    char keys[BATCH_N][24];
    struct hs_batch batch = {HS_STR("t"), 1, messages, BATCH_N};
    int rc;

    *ack = (struct ack){appender->fd, appender->next};
    for (int j = 0; j < BATCH_N; j++) {
        int n = snprintf(keys[j], sizeof(keys[j]), "%u.%d", appender->next, j);

        messages[j] = (struct hs_message){hs_str_n(keys[j], (size_t)n), HS_STR("some value")};
    }
    rc = hs_stream_append(appender->stream, topic, &batch, acknowledge, ack, NULL);
    if (rc != HS_OK)
        hs_free(ack);
    return rc;
}

static void append_all(void *arg)
{
    struct appender *appender = arg;

    while (appender->next < appender->end) {
        int rc = append_batch(appender);

        if (rc == HS_OK)
            appender->next += THREADS;
        else if (rc != HS_EAGAIN)
            _exit(2);
    }
}

/* The child: never returns. Exit code 0 means that it was not killed. */
static void run_child(struct stream_kit *kit, int fd, uint32_t from, const char *kill_spec)
{
    struct hs_thread threads[THREADS] = {0};
    struct appender appenders[THREADS];

    hs_killpoint_configure(kill_spec);
    if (kit->ops->open(&kit->conf, hs_clock_system(), &kit->stream, NULL) != HS_OK)
        _exit(1);
    for (uint32_t i = 0; i < THREADS; i++) {
        appenders[i] = (struct appender){kit->stream, fd, from + i, from + 60000};
        if (hs_thread_start(&threads[i], "appender", append_all, &appenders[i], NULL) != HS_OK)
            _exit(1);
    }
    for (int i = 0; i < THREADS; i++)
        hs_thread_join(&threads[i]);
    hs_stream_close(kit->stream);
    _exit(0);
}

/* Marks what comes out of the pipe; after kill_after acknowledgements the child is killed. */
static uint32_t read_acks(int fd, pid_t pid, unsigned kill_after, unsigned char *acked)
{
    uint32_t top = 0;
    uint32_t number;
    unsigned n = 0;

    while (read(fd, &number, sizeof(number)) == sizeof(number)) {
        assert_true(number < NUMBERS_MAX);
        acked[number] = 1;
        top = HS_MAX(top, number + 1);
        if (++n == kill_after)
            kill(pid, SIGKILL);
    }
    return top;
}

static void check_record(const struct hs_record *record, unsigned char *seen)
{
    unsigned number;
    unsigned j;
    char text[24];

    snprintf(text, sizeof(text), "%.*s", HS_STR_ARG(record->key));
    assert_int_equal(sscanf(text, "%u.%u", &number, &j), 2);
    assert_true(number < NUMBERS_MAX && j < BATCH_N);
    assert_false(seen[number] & 1U << j);
    seen[number] |= (unsigned char)(1U << j);
}

/* Batches are whole, none is there twice, no acknowledged one is missing. */
static uint32_t check_log(struct stream_kit *kit, const unsigned char *acked)
{
    unsigned char *seen = test_calloc(NUMBERS_MAX, 1);
    struct kit_reader reader;
    struct hs_records records;
    uint32_t top = 0;

    stream_kit_open(kit);
    kit_reader_open(&reader, kit, "check", TOPICS, false, 0);
    do {
        assert_int_equal(hs_consumer_poll(reader.consumer, 0, &records, NULL), HS_OK);
        for (size_t i = 0; i < records.n; i++)
            check_record(&records.records[i], seen);
    } while (records.n > 0);
    kit_reader_close(&reader);
    stream_kit_close(kit);
    for (uint32_t i = 0; i < NUMBERS_MAX; i++) {
        assert_true(seen[i] == 0 || seen[i] == (1U << BATCH_N) - 1);
        assert_false(acked[i] && !seen[i]);
        if (seen[i])
            top = i + 1;
    }
    test_free(seen);
    return top;
}

/* One round; returns whether the child was killed. */
static bool run_round(struct stream_kit *kit, unsigned kill_after, const char *kill_spec,
                      unsigned char *acked, uint32_t *next)
{
    uint32_t top;
    int fds[2];
    int status;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        run_child(kit, fds[1], *next, kill_spec);
    }
    close(fds[1]);
    top = read_acks(fds[0], pid, kill_after, acked);
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    /* Numbers that were never acknowledged are not used again: a message may be in the log without
     * an acknowledgement. */
    *next = HS_MAX(HS_MAX(top, *next), check_log(kit, acked));
    return WIFSIGNALED(status);
}

static int setup(void **state)
{
    struct stream_kit *kit = test_calloc(1, sizeof(*kit));

    stream_kit_init(kit, &hs_stream_local_ops);
    kit->conf.stream_segment_bytes = 16 << 10;
    kit->conf.stream_queue_bytes = 64 << 10;
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    stream_kit_fini(*state);
    test_free(*state);
    return 0;
}

static void kill__at_random_loses_and_doubles_nothing(void **state)
{
    unsigned char *acked = test_calloc(NUMBERS_MAX, 1);
    struct hs_rand rand;
    uint32_t next = 0;

    hs_rand_init(&rand, 20260101);
    for (int i = 0; i < ROUNDS; i++)
        assert_true(
            run_round(*state, 1 + (unsigned)hs_rand_below(&rand, 3000), NULL, acked, &next));
    test_free(acked);
}

#ifdef HS_KILLPOINTS
static void kill__at_each_kill_point_loses_and_doubles_nothing(void **state)
{
    static const char *const specs[] = {"stream_before_fsync:1", "stream_before_fsync:7",
                                        "stream_after_fsync:1",  "stream_after_fsync:5",
                                        "stream_before_done:1",  "stream_before_done:6",
                                        "stream_roll:1",         "stream_roll:2",
                                        "stream_roll:3"};
    unsigned char *acked = test_calloc(NUMBERS_MAX, 1);
    uint32_t next = 0;

    for (size_t i = 0; i < HS_ARRAY_LEN(specs); i++) {
        if (!run_round(*state, 0, specs[i], acked, &next))
            fail_msg("%s was not reached", specs[i]);
    }
    test_free(acked);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kill__at_random_loses_and_doubles_nothing, setup, teardown),
#ifdef HS_KILLPOINTS
        cmocka_unit_test_setup_teardown(kill__at_each_kill_point_loses_and_doubles_nothing, setup,
                                        teardown),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
