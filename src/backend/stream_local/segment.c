#include "backend/stream_local/segment.h"

#include <limits.h>
#include <lz4.h>
#include <string.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/mem.h"

static const char head_magic[8] = {'H', 'S', 'S', 'E', 'G', '0', '0', '1'};
static const char record_magic[4] = {'H', 'S', 'R', '1'};

/* No codec in use grows its input by more than this factor when it decompresses. Zstandard's limit
 * is far higher, but it states its content size, which is checked. */
enum { LZ4_RATIO_MAX = 255 };

static void put16(char *p, uint16_t v)
{
    p[0] = (char)v;
    p[1] = (char)(v >> 8);
}

static void put32(char *p, uint32_t v)
{
    put16(p, (uint16_t)v);
    put16(p + 2, (uint16_t)(v >> 16));
}

static void put64(char *p, uint64_t v)
{
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}

static uint16_t get16(const char *p)
{
    return (uint16_t)((unsigned char)p[0] | (unsigned char)p[1] << 8);
}

static uint32_t get32(const char *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const char *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

uint32_t hs_segment_seed(const char stream_id[HS_UUID_TEXT])
{
    return hs_crc32c(0, stream_id, HS_UUID_TEXT);
}

void hs_segment_put_head(const struct hs_segment_head *head, char out[HS_SEGMENT_HEAD_BYTES])
{
    memset(out, 0, HS_SEGMENT_HEAD_BYTES);
    memcpy(out, head_magic, sizeof(head_magic));
    put64(out + 16, head->base);
    memcpy(out + 24, head->stream_id, HS_UUID_TEXT);
    for (int i = 0; i < HS_SEGMENT_TOPICS; i++)
        put64(out + 64 + i * 8, head->first[i]);
    put32(out + 8, hs_crc32c(0, out + 12, HS_SEGMENT_HEAD_BYTES - 12));
}

int hs_segment_parse_head(const char *p, size_t n, struct hs_segment_head *out)
{
    if (n < HS_SEGMENT_HEAD_BYTES || memcmp(p, head_magic, sizeof(head_magic)) != 0)
        return HS_ECORRUPT;
    if (get32(p + 8) != hs_crc32c(0, p + 12, HS_SEGMENT_HEAD_BYTES - 12))
        return HS_ECORRUPT;
    out->base = get64(p + 16);
    memcpy(out->stream_id, p + 24, HS_UUID_TEXT);
    for (int i = 0; i < HS_SEGMENT_TOPICS; i++)
        out->first[i] = get64(p + 64 + i * 8);
    return HS_OK;
}

static uint32_t record_crc(const char *p, size_t tenant_n, uint32_t seed)
{
    return hs_crc32c(seed, p + 8, HS_SEGMENT_RECORD_BYTES - 8 + tenant_n);
}

void hs_segment_put_record(const struct hs_segment_record *record, uint32_t seed, char *out)
{
    HS_ASSERT(record->tenant.n <= HS_STREAM_TENANT_MAX);
    memcpy(out, record_magic, sizeof(record_magic));
    put32(out + 8, record->body_n);
    put32(out + 12, record->body_crc);
    put64(out + 16, record->offset);
    put64(out + 24, (uint64_t)record->appended_ns);
    put64(out + 32, record->commit_pos);
    put64(out + 40, record->pos);
    put32(out + 48, record->count);
    put32(out + 52, record->raw_n);
    put32(out + 56, record->schema_version);
    out[60] = (char)record->topic;
    out[61] = (char)record->codec;
    put16(out + 62, (uint16_t)record->tenant.n);
    put32(out + 4, record_crc(out, record->tenant.n, seed));
}

/* Bounds that hold for everything this program writes, so that a reader's memory is bounded by
 * them and not by what a file says. */
static bool is_plausible(const struct hs_segment_record *record)
{
    if (record->topic >= HS_SEGMENT_TOPICS || record->codec > HS_SEGMENT_ZSTD)
        return false;
    if (record->count == 0 || record->count > HS_STREAM_BATCH_MAX)
        return false;
    if (record->raw_n > HS_SEGMENT_RAW_MAX || record->body_n > record->raw_n)
        return false;
    if (record->codec == HS_SEGMENT_NONE)
        return record->body_n == record->raw_n;
    if (record->codec == HS_SEGMENT_LZ4)
        return record->raw_n / LZ4_RATIO_MAX <= record->body_n;
    return true;
}

int hs_segment_parse_record(const char *p, size_t n, uint32_t seed, uint64_t pos,
                            struct hs_segment_record *out)
{
    size_t tenant_n;

    if (n < HS_SEGMENT_RECORD_BYTES || memcmp(p, record_magic, sizeof(record_magic)) != 0)
        return HS_ECORRUPT;
    tenant_n = get16(p + 62);
    if (tenant_n > HS_STREAM_TENANT_MAX || n < HS_SEGMENT_RECORD_BYTES + tenant_n)
        return HS_ECORRUPT;
    if (get64(p + 40) != pos || get32(p + 4) != record_crc(p, tenant_n, seed))
        return HS_ECORRUPT;
    *out = (struct hs_segment_record){
        .body_n = get32(p + 8),
        .body_crc = get32(p + 12),
        .offset = get64(p + 16),
        .appended_ns = (int64_t)get64(p + 24),
        .commit_pos = get64(p + 32),
        .pos = pos,
        .count = get32(p + 48),
        .raw_n = get32(p + 52),
        .schema_version = get32(p + 56),
        .topic = (uint8_t)p[60],
        .codec = (uint8_t)p[61],
        .tenant = hs_str_n(p + HS_SEGMENT_RECORD_BYTES, tenant_n),
    };
    return is_plausible(out) ? HS_OK : HS_ECORRUPT;
}

uint64_t hs_segment_record_bytes(const struct hs_segment_record *record)
{
    return HS_SEGMENT_RECORD_BYTES + record->tenant.n + (uint64_t)record->body_n;
}

size_t hs_segment_find_magic(const char *p, size_t n)
{
    const char *at = n > 0 ? memmem(p, n, record_magic, sizeof(record_magic)) : NULL;

    return at ? (size_t)(at - p) : n;
}

static size_t varint_bytes(uint64_t v)
{
    size_t n = 1;

    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

static char *put_varint(char *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (char)(v | 0x80);
    *p++ = (char)v;
    return p;
}

static char *put_str(char *p, struct hs_str s)
{
    p = put_varint(p, s.n);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

uint64_t hs_segment_body_bytes(const struct hs_message *messages, size_t n)
{
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++) {
        total += varint_bytes(messages[i].key.n) + messages[i].key.n;
        total += varint_bytes(messages[i].value.n) + messages[i].value.n;
    }
    return total;
}

void hs_segment_put_body(const struct hs_message *messages, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        out = put_str(out, messages[i].key);
        out = put_str(out, messages[i].value);
    }
}

int hs_segment_decode(const struct hs_segment_record *record, const char *body, char *out)
{
    size_t n = 0;

    switch (record->codec) {
    case HS_SEGMENT_NONE:
        memcpy(out, body, record->body_n);
        n = record->body_n;
        break;
    case HS_SEGMENT_LZ4: {
        int got = LZ4_decompress_safe(body, out, (int)record->body_n, (int)record->raw_n);

        n = got < 0 ? SIZE_MAX : (size_t)got;
        break;
    }
    case HS_SEGMENT_ZSTD:
        if (ZSTD_getFrameContentSize(body, record->body_n) != record->raw_n)
            return HS_ECORRUPT;
        n = ZSTD_decompress(out, record->raw_n, body, record->body_n);
        break;
    default: return HS_ECORRUPT;
    }
    return n == record->raw_n ? HS_OK : HS_ECORRUPT;
}

/* Takes a varint of at most 32 bits; false when it is cut or longer. */
static bool take_varint(struct hs_str *rest, uint32_t *out)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 5 && i < rest->n; i++) {
        unsigned char c = (unsigned char)rest->p[i];

        v |= (uint64_t)(c & 0x7F) << (7 * i);
        if (c < 0x80) {
            *rest = hs_str_n(rest->p + i + 1, rest->n - i - 1);
            *out = (uint32_t)v;
            return v <= UINT32_MAX;
        }
    }
    return false;
}

static bool take_str(struct hs_str *rest, struct hs_str *out)
{
    uint32_t n;

    if (!take_varint(rest, &n) || n > rest->n)
        return false;
    *out = hs_str_n(rest->p, n);
    *rest = hs_str_n(rest->p + n, rest->n - n);
    return true;
}

int hs_segment_check_body(struct hs_str body, uint32_t count)
{
    struct hs_str part;

    for (uint32_t i = 0; i < count; i++) {
        if (!take_str(&body, &part) || part.n > HS_STREAM_KEY_MAX)
            return HS_ECORRUPT;
        if (!take_str(&body, &part) || part.n > HS_STREAM_VALUE_MAX)
            return HS_ECORRUPT;
    }
    return body.n == 0 ? HS_OK : HS_ECORRUPT;
}

struct hs_message hs_segment_next_message(struct hs_str *rest)
{
    struct hs_message message = {0};
    bool ok = take_str(rest, &message.key) && take_str(rest, &message.value);

    HS_ASSERT(ok);
    return message;
}
