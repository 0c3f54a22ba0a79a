/*
 * The segment reader over arbitrary bytes. The first byte chooses what the rest is: a segment file
 * (its records found, decoded and walked as a consumer does), an index file, or a groups file.
 * Sums are made right for every second input, so that the fuzzer gets behind the CRCs.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/stream_local/groups_int.h"
#include "backend/stream_local/index.h"
#include "backend/stream_local/segment.h"
#include "base/hash.h"
#include "base/mem.h"

enum { FUZZ_RAW_MAX = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char fuzz_id[] = "01890a5d-ac96-774b-bcce-b302099a8057";

static void put_le32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> (8 * i));
}

/* Makes the record at p pass its own checks, as if it had been written at `pos`. */
static void mend_record(char *p, size_t n, uint32_t seed, uint64_t pos)
{
    size_t tenant_n;

    if (n < HS_SEGMENT_RECORD_BYTES)
        return;
    tenant_n = (unsigned char)p[62] | (size_t)(unsigned char)p[63] << 8;
    memcpy(p, "HSR1", 4);
    put_le32(p + 40, (uint32_t)pos);
    put_le32(p + 44, (uint32_t)(pos >> 32));
    if (tenant_n <= n - HS_SEGMENT_RECORD_BYTES)
        put_le32(p + 4, hs_crc32c(seed, p + 8, HS_SEGMENT_RECORD_BYTES - 8 + tenant_n));
}

static void read_body(const struct hs_segment_record *record, const char *body)
{
    struct hs_str rest;
    uint64_t bytes = 0;
    char *raw;

    if (record->raw_n > FUZZ_RAW_MAX)
        return;
    raw = hs_xalloc(record->raw_n + 1);
    rest = hs_str_n(raw, record->raw_n);
    if (hs_segment_decode(record, body, raw) == HS_OK &&
        hs_segment_check_body(rest, record->count) == HS_OK) {
        for (uint32_t i = 0; i < record->count; i++) {
            struct hs_message message = hs_segment_next_message(&rest);

            bytes += message.key.n + message.value.n;
        }
        HS_ASSERT(rest.n == 0);
        HS_ASSERT(bytes < record->raw_n);
    }
    hs_free(raw);
}

static void read_segment(char *p, size_t n, bool mend)
{
    const uint32_t seed = hs_segment_seed(fuzz_id);
    static const uint64_t zero[HS_SEGMENT_TOPICS];
    struct hs_segment_record record;
    struct hs_segment_head head;
    struct hs_index index;
    size_t pos = 0;

    hs_segment_parse_head(p, n, &head);
    hs_index_init(&index, zero);
    while (pos < n) {
        uint64_t bytes;

        if (mend)
            mend_record(p + pos, n - pos, seed, pos);
        if (hs_segment_parse_record(p + pos, n - pos, seed, pos, &record) != HS_OK) {
            pos++;
            pos += hs_segment_find_magic(p + pos, n - pos);
            continue;
        }
        bytes = hs_segment_record_bytes(&record);
        HS_ASSERT(bytes >= HS_SEGMENT_RECORD_BYTES);
        if (bytes > n - pos)
            break;
        hs_index_add(&index, &record, pos);
        read_body(&record, p + pos + HS_SEGMENT_RECORD_BYTES + record.tenant.n);
        pos += bytes;
    }
    hs_index_fini(&index);
}

static void read_index(char *p, size_t n, bool mend)
{
    uint64_t base = 0;
    uint64_t segment_n = 0;
    struct hs_index index;

    if (mend && n >= 32) {
        memcpy(p, "HSIDX001", 8);
        put_le32(p + 8, hs_crc32c(0, p + 12, n - 12));
        memcpy(&base, p + 16, 8);
        memcpy(&segment_n, p + 24, 8);
    }
    if (hs_index_parse(hs_str_n(p, n), base, segment_n, &index) != HS_OK)
        return;
    for (unsigned i = 0; i < HS_SEGMENT_TOPICS; i++) {
        uint64_t from;
        uint64_t until;
        uint64_t end;

        if (hs_index_find(&index, i, index.topics[i].first, &from, &until, &end) == HS_OK)
            HS_ASSERT(until <= from + HS_INDEX_STEP);
    }
    hs_index_fini(&index);
}

static void read_groups(const char *p, size_t n)
{
    struct hs_groups groups;
    struct hs_groups again;
    struct hs_buf buf;

    if (hs_groups_parse(hs_str_n(p, n), &groups, NULL) != HS_OK)
        return;
    hs_buf_init(&buf, 1 << 20);
    hs_groups_put(&groups, &buf);
    HS_ASSERT(hs_groups_parse(hs_buf_str(&buf), &again, NULL) == HS_OK);
    HS_ASSERT(again.n == groups.n);
    hs_buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes;

    if (size == 0)
        return 0;
    bytes = hs_xalloc(size); /* exactly the input, so that a read past its end is seen */
    memcpy(bytes, data + 1, size - 1);
    bytes = hs_xrealloc(bytes, HS_MAX(size - 1, (size_t)1), 1);
    switch (data[0] % 5) {
    case 0:
    case 1: read_segment(bytes, size - 1, data[0] % 5 == 1); break;
    case 2:
    case 3: read_index(bytes, size - 1, data[0] % 5 == 3); break;
    default: read_groups(bytes, size - 1); break;
    }
    hs_free(bytes);
    return 0;
}
