#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backend/stream_local/segment.h"
#include "base/hash.h"
#include "base/mem.h"

static const char id_a[] = "01890a5d-ac96-774b-bcce-b302099a8057";
static const char id_b[] = "01890a5d-ac96-774b-bcce-b302099a8058";

enum { POS = 4096, TENANT_N = 3 };

/* A record with a tenant and no body bytes, as put_record leaves it. */
static size_t put_example(struct hs_segment_record *record, char out[256])
{
    *record = (struct hs_segment_record){.body_n = 10,
                                         .body_crc = 77,
                                         .offset = 123456789012345,
                                         .appended_ns = -5,
                                         .commit_pos = 4000,
                                         .pos = POS,
                                         .count = 3,
                                         .raw_n = 10,
                                         .schema_version = 9,
                                         .topic = HS_TOPIC_SPANS,
                                         .codec = HS_SEGMENT_NONE,
                                         .tenant = HS_STR("abc")};
    memcpy(out + HS_SEGMENT_RECORD_BYTES, "abc", TENANT_N);
    hs_segment_put_record(record, hs_segment_seed(id_a), out);
    return HS_SEGMENT_RECORD_BYTES + TENANT_N;
}

static int parse(const char *p, size_t n, uint64_t pos, struct hs_segment_record *out)
{
    return hs_segment_parse_record(p, n, hs_segment_seed(id_a), pos, out);
}

static void parse_head__gives_what_was_put(void **state)
{
    struct hs_segment_head head = {.base = 1234567890123};
    struct hs_segment_head back;
    char bytes[HS_SEGMENT_HEAD_BYTES];

    (void)state;
    memcpy(head.stream_id, id_a, HS_UUID_TEXT);
    for (unsigned i = 0; i < HS_SEGMENT_TOPICS; i++)
        head.first[i] = i * 1000003;
    hs_segment_put_head(&head, bytes);
    assert_int_equal(hs_segment_parse_head(bytes, sizeof(bytes), &back), HS_OK);
    assert_int_equal(back.base, head.base);
    assert_string_equal(back.stream_id, id_a);
    assert_memory_equal(back.first, head.first, sizeof(head.first));
}

static void parse_head__refuses_each_changed_byte_and_each_cut(void **state)
{
    struct hs_segment_head head = {0};
    char bytes[HS_SEGMENT_HEAD_BYTES];

    (void)state;
    hs_segment_put_head(&head, bytes);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] ^= 0x10;
        assert_int_equal(hs_segment_parse_head(bytes, sizeof(bytes), &head), HS_ECORRUPT);
        bytes[i] ^= 0x10;
        assert_int_equal(hs_segment_parse_head(bytes, i, &head), HS_ECORRUPT);
    }
}

static void parse_record__gives_what_was_put(void **state)
{
    struct hs_segment_record record;
    struct hs_segment_record back;
    char bytes[256];
    size_t n = put_example(&record, bytes);

    (void)state;
    assert_int_equal(parse(bytes, n, POS, &back), HS_OK);
    assert_int_equal(back.offset, record.offset);
    assert_int_equal(back.appended_ns, -5);
    assert_int_equal(back.commit_pos, 4000);
    assert_int_equal(back.count, 3);
    assert_int_equal(back.body_crc, 77);
    assert_int_equal(back.schema_version, 9);
    assert_int_equal(back.topic, HS_TOPIC_SPANS);
    assert_true(hs_str_eq_c(back.tenant, "abc"));
    assert_int_equal(hs_segment_record_bytes(&back), n + 10);
}

static void parse_record__refuses_each_changed_byte_and_each_cut(void **state)
{
    struct hs_segment_record record;
    char bytes[256];
    size_t n = put_example(&record, bytes);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        bytes[i] ^= 0x10;
        assert_int_equal(parse(bytes, n, POS, &record), HS_ECORRUPT);
        bytes[i] ^= 0x10;
        assert_int_equal(parse(bytes, i, POS, &record), HS_ECORRUPT);
    }
}

static void parse_record__refuses_another_place_or_stream(void **state)
{
    struct hs_segment_record record;
    char bytes[256];
    size_t n = put_example(&record, bytes);

    (void)state;
    assert_int_equal(parse(bytes, n, POS + 1, &record), HS_ECORRUPT);
    assert_int_equal(hs_segment_parse_record(bytes, n, hs_segment_seed(id_b), POS, &record),
                     HS_ECORRUPT);
}

static void parse_record__refuses_fields_out_of_bounds(void **state)
{
    static const struct hs_segment_record bad[] = {
        {.count = 0, .raw_n = 2, .body_n = 2},
        {.count = HS_STREAM_BATCH_MAX + 1, .raw_n = 2, .body_n = 2},
        {.count = 1, .raw_n = 2, .body_n = 2, .topic = HS_SEGMENT_TOPICS},
        {.count = 1, .raw_n = 2, .body_n = 2, .codec = HS_SEGMENT_ZSTD + 1},
        {.count = 1, .raw_n = 3, .body_n = 2},
        {.count = 1, .raw_n = 2, .body_n = 3, .codec = HS_SEGMENT_LZ4},
        {.count = 1, .raw_n = 1 << 20, .body_n = 100, .codec = HS_SEGMENT_LZ4},
        {.count = 1, .raw_n = HS_SEGMENT_RAW_MAX + 1, .body_n = 9, .codec = HS_SEGMENT_ZSTD},
    };
    char bytes[256];

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(bad); i++) {
        struct hs_segment_record record = bad[i];

        record.pos = POS;
        hs_segment_put_record(&record, hs_segment_seed(id_a), bytes);
        assert_int_equal(parse(bytes, sizeof(bytes), POS, &record), HS_ECORRUPT);
    }
}

static void check_body__accepts_what_was_put_and_no_cut(void **state)
{
    struct hs_message messages[] = {{HS_STR("k"), HS_STR("value")},
                                    {HS_STR(""), HS_STR("")},
                                    {HS_STR("kk"), HS_STR("v")}};
    char bytes[64];
    uint64_t n = hs_segment_body_bytes(messages, 3);
    struct hs_str rest = hs_str_n(bytes, n);

    (void)state;
    assert_int_equal(n, 2 + 6 + 1 + 1 + 3 + 2);
    hs_segment_put_body(messages, 3, bytes);
    assert_int_equal(hs_segment_check_body(rest, 3), HS_OK);
    assert_int_equal(hs_segment_check_body(rest, 2), HS_ECORRUPT);
    assert_int_equal(hs_segment_check_body(rest, 4), HS_ECORRUPT);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(hs_segment_check_body(hs_str_n(bytes, i), 3), HS_ECORRUPT);
    for (size_t i = 0; i < 3; i++) {
        struct hs_message message = hs_segment_next_message(&rest);

        assert_true(hs_str_eq(message.key, messages[i].key));
        assert_true(hs_str_eq(message.value, messages[i].value));
    }
}

static void decode__refuses_garbage_of_each_codec(void **state)
{
    char body[32];
    char out[64];

    (void)state;
    memset(body, 0xA5, sizeof(body));
    for (int codec = HS_SEGMENT_LZ4; codec <= HS_SEGMENT_ZSTD; codec++) {
        struct hs_segment_record record = {.codec = (uint8_t)codec,
                                           .body_n = sizeof(body),
                                           .raw_n = sizeof(out)};

        assert_int_equal(hs_segment_decode(&record, body, out), HS_ECORRUPT);
    }
}

static void find_magic__finds_whole_ones_only(void **state)
{
    (void)state;
    assert_int_equal(hs_segment_find_magic("xxHSR1", 6), 2);
    assert_int_equal(hs_segment_find_magic("xxHSR1", 5), 5);
    assert_int_equal(hs_segment_find_magic("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_head__gives_what_was_put),
        cmocka_unit_test(parse_head__refuses_each_changed_byte_and_each_cut),
        cmocka_unit_test(parse_record__gives_what_was_put),
        cmocka_unit_test(parse_record__refuses_each_changed_byte_and_each_cut),
        cmocka_unit_test(parse_record__refuses_another_place_or_stream),
        cmocka_unit_test(parse_record__refuses_fields_out_of_bounds),
        cmocka_unit_test(check_body__accepts_what_was_put_and_no_cut),
        cmocka_unit_test(decode__refuses_garbage_of_each_codec),
        cmocka_unit_test(find_magic__finds_whole_ones_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
