/*
 * The fault decorator itself: it fails what it was told to, with the effect that it says, and
 * nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backend/stream_memory.h"
#include "support/stream_fault.h"
#include "support/stream_kit.h"

static int setup(void **state)
{
    struct stream_kit *kit = test_calloc(1, sizeof(*kit));

    stream_kit_init(kit, &hs_stream_memory_ops);
    stream_kit_open(kit);
    kit->stream = stream_fault_new(kit->stream);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    stream_kit_fini(*state);
    test_free(*state);
    return 0;
}

static int put(struct stream_kit *kit, unsigned i)
{
    return stream_kit_append(kit, HS_TOPIC_EVENTS, i, 1, 10);
}

static void append__fails_at_call_n_only(void **state)
{
    struct stream_kit *kit = *state;

    for (unsigned n = 1; n <= 4; n++) {
        stream_fault_arm(kit->stream, STREAM_FAULT_APPEND, n, n);
        for (unsigned i = 1; i <= 4; i++)
            assert_int_equal(put(kit, i), i == n ? HS_EAGAIN : HS_OK);
        assert_int_equal(stream_fault_calls(kit->stream), 4);
    }
}

static void done__fails_with_the_batch_lost_or_kept(void **state)
{
    struct stream_kit *kit = *state;
    struct kit_reader reader;

    stream_fault_arm(kit->stream, STREAM_FAULT_DONE_LOST, 2, 2);
    assert_int_equal(put(kit, 0), HS_OK);
    assert_int_equal(put(kit, 99), HS_EIO);
    stream_fault_arm(kit->stream, STREAM_FAULT_DONE_KEPT, 1, 1);
    assert_int_equal(put(kit, 1), HS_EIO);
    assert_int_equal(put(kit, 2), HS_OK);
    kit_reader_open(&reader, kit, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), false, 0);
    kit_reader_expect(&reader, HS_TOPIC_EVENTS, 0, 0, 3);
    kit_reader_expect_end(&reader);
    kit_reader_close(&reader);
}

static void consumer__fails_and_goes_on(void **state)
{
    struct stream_kit *kit = *state;
    struct hs_position position = {HS_TOPIC_EVENTS, 0, 0};
    struct kit_reader reader;

    assert_int_equal(put(kit, 0), HS_OK);
    kit_reader_open(&reader, kit, "g", HS_TOPIC_BIT(HS_TOPIC_EVENTS), true, 0);
    stream_fault_arm(kit->stream, STREAM_FAULT_POLL, 1, 2);
    kit_reader_expect_fail(&reader, HS_EAGAIN, NULL);
    kit_reader_expect_fail(&reader, HS_EAGAIN, NULL);
    kit_reader_expect(&reader, HS_TOPIC_EVENTS, 0, 0, 1);
    stream_fault_arm(kit->stream, STREAM_FAULT_SEEK, 1, 1);
    assert_int_equal(hs_consumer_seek(reader.consumer, &position, NULL), HS_EIO);
    assert_int_equal(hs_consumer_seek(reader.consumer, &position, NULL), HS_OK);
    stream_fault_arm(kit->stream, STREAM_FAULT_RELEASE, 1, 1);
    assert_int_equal(hs_consumer_release(reader.consumer, &position, NULL), HS_EIO);
    assert_int_equal(hs_consumer_release(reader.consumer, &position, NULL), HS_OK);
    kit_reader_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(append__fails_at_call_n_only, setup, teardown),
        cmocka_unit_test_setup_teardown(done__fails_with_the_batch_lost_or_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(consumer__fails_and_goes_on, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
