#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backend/stream_local/index.h"
#include "base/mem.h"

static const uint64_t first[HS_SEGMENT_TOPICS] = {10};

static void add(struct hs_index *index, unsigned topic, uint64_t offset, uint32_t count,
                uint64_t pos)
{
    struct hs_segment_record record = {.topic = (uint8_t)topic, .offset = offset, .count = count};

    hs_index_add(index, &record, pos);
}

static void find__gives_the_stretch_that_must_hold_an_offset(void **state)
{
    const uint64_t far = 256 + HS_INDEX_STEP;
    struct hs_index index;
    uint64_t from;
    uint64_t until;
    uint64_t end;

    (void)state;
    hs_index_init(&index, first);
    add(&index, 0, 10, 5, 256);
    add(&index, 0, 15, 5, far - 1); /* too near for an entry of its own */
    add(&index, 0, 20, 5, far);
    assert_int_equal(index.topics[0].n, 2);
    assert_int_equal(hs_index_find(&index, 0, 19, &from, &until, &end), HS_OK);
    assert_int_equal(from, 256);
    assert_int_equal(until, far);
    assert_int_equal(end, 20);
    assert_int_equal(hs_index_find(&index, 0, 24, &from, &until, &end), HS_OK);
    assert_int_equal(from, far);
    assert_int_equal(until, far + HS_INDEX_STEP);
    assert_int_equal(end, 25);
    assert_int_equal(hs_index_find(&index, 0, 25, &from, &until, &end), HS_ENOTFOUND);
    assert_int_equal(hs_index_find(&index, 0, 9, &from, &until, &end), HS_ENOTFOUND);
    assert_int_equal(hs_index_find(&index, 1, 0, &from, &until, &end), HS_ENOTFOUND);
    hs_index_fini(&index);
}

static void parse__gives_what_was_put_and_refuses_each_cut_and_change(void **state)
{
    struct hs_index index;
    struct hs_index back;
    struct hs_buf buf;

    (void)state;
    hs_index_init(&index, first);
    for (unsigned i = 0; i < 20; i++)
        add(&index, i % 3, 10 + i, 1, 256 + (uint64_t)i * HS_INDEX_STEP);
    hs_buf_init(&buf, 1 << 20);
    hs_index_put(&index, 77, 9999, &buf);
    assert_int_equal(hs_index_parse(hs_buf_str(&buf), 77, 9999, &back), HS_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(back.topics[i].n, index.topics[i].n);
        assert_int_equal(back.topics[i].end, index.topics[i].end);
        assert_memory_equal(back.topics[i].entries, index.topics[i].entries,
                            index.topics[i].n * sizeof(struct hs_index_entry));
    }
    hs_index_fini(&back);
    assert_int_equal(hs_index_parse(hs_buf_str(&buf), 78, 9999, &back), HS_ECORRUPT);
    assert_int_equal(hs_index_parse(hs_buf_str(&buf), 77, 9998, &back), HS_ECORRUPT);
    for (size_t i = 0; i < buf.n; i++) {
        assert_int_equal(hs_index_parse(hs_str_n(buf.p, i), 77, 9999, &back), HS_ECORRUPT);
        buf.p[i] ^= 1;
        assert_int_equal(hs_index_parse(hs_buf_str(&buf), 77, 9999, &back), HS_ECORRUPT);
        buf.p[i] ^= 1;
    }
    hs_buf_fini(&buf);
    hs_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find__gives_the_stretch_that_must_hold_an_offset),
        cmocka_unit_test(parse__gives_what_was_put_and_refuses_each_cut_and_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
