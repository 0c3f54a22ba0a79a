#include "engine/intent.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/reader.h"

enum { INTENT_VERSION = 1 };

void hs_intent_init(struct hs_intent *intent)
{
    *intent = (struct hs_intent){.lo = 0};
}

void hs_intent_fini(struct hs_intent *intent)
{
    if (!intent)
        return;
    hs_free(intent->skips);
    intent->skips = NULL;
    intent->skips_n = 0;
    intent->skips_cap = 0;
}

void hs_intent_reset(struct hs_intent *intent)
{
    struct hs_skip *skips = intent->skips;
    size_t cap = intent->skips_cap;

    *intent = (struct hs_intent){.skips = skips, .skips_cap = cap};
}

static int skip_cmp(const void *a, const void *b)
{
    const struct hs_skip *left = a;
    const struct hs_skip *right = b;

    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return (left->sub > right->sub) - (left->sub < right->sub);
}

void hs_intent_skip(struct hs_intent *intent, uint64_t offset, uint32_t sub,
                    enum hs_skip_reason reason)
{
    struct hs_skip skip = {.offset = offset, .sub = sub, .reason = (uint8_t)reason};
    size_t at = intent->skips_n;

    if (intent->skips_n == intent->skips_cap) {
        intent->skips_cap = intent->skips_cap * 2 + 64;
        intent->skips = hs_xrealloc(intent->skips, intent->skips_cap, sizeof(*intent->skips));
    }
    while (at > 0 && skip_cmp(&intent->skips[at - 1], &skip) > 0)
        at--;
    memmove(&intent->skips[at + 1], &intent->skips[at],
            (intent->skips_n - at) * sizeof(*intent->skips));
    intent->skips[at] = skip;
    intent->skips_n++;
}

bool hs_intent_skips(const struct hs_intent *intent, uint64_t offset, uint32_t sub)
{
    struct hs_skip one = {.offset = offset, .sub = sub};
    struct hs_skip all = {.offset = offset, .sub = HS_SKIP_ALL_SUBS};

    if (intent->skips_n == 0)
        return false;
    return bsearch(&one, intent->skips, intent->skips_n, sizeof(one), skip_cmp) ||
           bsearch(&all, intent->skips, intent->skips_n, sizeof(all), skip_cmp);
}

void hs_intent_expect(struct hs_intent *intent, const struct hs_rows *rows)
{
    int i;

    for (i = 0; i < HS_TABLE_N; i++)
        intent->rows[i] = rows->blocks[i].rows;
}

void hs_intent_encode(const struct hs_intent *intent, struct hs_buf *out)
{
    struct hs_str start = hs_str_c(intent->start_id);
    uint64_t last = intent->lo;
    size_t i;

    hs_buf_add_varint(out, INTENT_VERSION);
    hs_buf_add_varint(out, intent->lo);
    hs_buf_add_varint(out, intent->hi);
    hs_buf_add_varint(out, intent->epoch);
    hs_buf_add_varint(out, start.n);
    hs_buf_add_str(out, start);
    hs_buf_add_varint(out, intent->poison);
    hs_buf_add_varint(out, HS_TABLE_N);
    for (i = 0; i < HS_TABLE_N; i++)
        hs_buf_add_varint(out, intent->rows[i]);
    hs_buf_add_varint(out, intent->skips_n);
    for (i = 0; i < intent->skips_n; i++) {
        hs_buf_add_varint(out, intent->skips[i].offset - last);
        hs_buf_add_varint(out, intent->skips[i].sub);
        hs_buf_add_varint(out, intent->skips[i].reason);
        last = intent->skips[i].offset;
    }
}

static void decode_skips(struct hs_reader *reader, struct hs_intent *out)
{
    uint64_t n = hs_reader_varint(reader);
    uint64_t offset = out->lo;
    uint64_t i;

    for (i = 0; i < n && hs_reader_ok(reader); i++) {
        uint64_t delta = hs_reader_varint(reader);
        uint64_t sub = hs_reader_varint(reader);
        uint64_t reason = hs_reader_varint(reader);

        if (sub > UINT32_MAX || reason < HS_SKIP_REPEAT || reason > HS_SKIP_POISON ||
            delta >= out->hi - offset)
            reader->failed = true;
        offset += delta;
        if (hs_reader_ok(reader))
            hs_intent_skip(out, offset, (uint32_t)sub, (enum hs_skip_reason)reason);
    }
}

int hs_intent_decode(struct hs_str value, struct hs_intent *out, struct hs_err *err)
{
    struct hs_reader reader = hs_reader_of(value);
    uint64_t version = hs_reader_varint(&reader);
    struct hs_str start;
    uint64_t tables;
    uint64_t i;

    hs_intent_reset(out);
    out->lo = hs_reader_varint(&reader);
    out->hi = hs_reader_varint(&reader);
    out->epoch = hs_reader_varint(&reader);
    start = hs_reader_str(&reader);
    out->poison = hs_reader_varint(&reader);
    tables = hs_reader_varint(&reader);
    if (version != INTENT_VERSION || start.n >= sizeof(out->start_id) || tables > HS_TABLE_N ||
        out->lo > out->hi)
        reader.failed = true;
    for (i = 0; i < tables && hs_reader_ok(&reader); i++)
        out->rows[i] = hs_reader_varint(&reader);
    decode_skips(&reader, out);
    if (!hs_reader_ok(&reader) || !hs_reader_at_end(&reader))
        return hs_err_set(err, HS_ECORRUPT, 0, "intent of %zu bytes does not parse", value.n);
    if (start.n > 0)
        memcpy(out->start_id, start.p, start.n);
    return HS_OK;
}

size_t hs_part_key(const struct hs_origin *origin, char out[HS_PART_KEY_MAX])
{
    int n = snprintf(out, HS_PART_KEY_MAX, "%.*s/%s/%u", HS_STR_ARG(origin->stream_id),
                     hs_topic_name(origin->topic), origin->partition);

    HS_ASSERT(n > 0);
    HS_ASSERT(n < HS_PART_KEY_MAX);
    return (size_t)n;
}

size_t hs_range_key(const char *part_key, uint64_t lo, char out[HS_PART_KEY_MAX + 24])
{
    int n = snprintf(out, HS_PART_KEY_MAX + 24, "%s/%020llu", part_key, (unsigned long long)lo);

    HS_ASSERT(n > 0);
    return (size_t)n;
}
