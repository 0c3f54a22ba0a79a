#include "backend/stream_local/index.h"

#include "base/hash.h"
#include "base/mem.h"

enum { INDEX_HEAD = 32, INDEX_TOPIC = 24, INDEX_ENTRY = 16 };

static const char index_magic[8] = {'H', 'S', 'I', 'D', 'X', '0', '0', '1'};

void hs_index_init(struct hs_index *index, const uint64_t first[HS_SEGMENT_TOPICS])
{
    memset(index, 0, sizeof(*index));
    for (int i = 0; i < HS_SEGMENT_TOPICS; i++) {
        index->topics[i].first = first[i];
        index->topics[i].end = first[i];
    }
}

void hs_index_fini(struct hs_index *index)
{
    for (int i = 0; i < HS_SEGMENT_TOPICS; i++) {
        hs_free(index->topics[i].entries);
        index->topics[i].entries = NULL;
        index->topics[i].n = index->topics[i].cap = 0;
    }
}

void hs_index_add(struct hs_index *index, const struct hs_segment_record *record, uint64_t pos)
{
    struct hs_index_topic *topic = &index->topics[record->topic];

    topic->end = record->offset + record->count;
    if (topic->n > 0 && pos - topic->entries[topic->n - 1].pos < HS_INDEX_STEP)
        return;
    if (topic->n == topic->cap) {
        topic->cap = topic->cap > 0 ? topic->cap * 2 : 4;
        topic->entries = hs_xrealloc(topic->entries, topic->cap, sizeof(*topic->entries));
    }
    topic->entries[topic->n++] = (struct hs_index_entry){record->offset, pos};
}

int hs_index_find(const struct hs_index *index, unsigned topic, uint64_t offset, uint64_t *out_from,
                  uint64_t *out_until, uint64_t *out_end)
{
    const struct hs_index_topic *in = &index->topics[topic];
    size_t lo = 0;
    size_t hi = in->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (in->entries[mid].offset <= offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0 || offset >= in->end)
        return HS_ENOTFOUND;
    *out_from = in->entries[lo - 1].pos;
    *out_until = *out_from + HS_INDEX_STEP;
    *out_end = in->end;
    if (lo < in->n) {
        *out_until = HS_MIN(*out_until, in->entries[lo].pos);
        *out_end = in->entries[lo].offset;
    }
    return HS_OK;
}

void hs_index_put(const struct hs_index *index, uint64_t base, uint64_t segment_n,
                  struct hs_buf *out)
{
    size_t start = out->n;
    uint32_t crc;

    hs_buf_add(out, index_magic, sizeof(index_magic));
    hs_buf_add_le64(out, 0);
    hs_buf_add_le64(out, base);
    hs_buf_add_le64(out, segment_n);
    for (int i = 0; i < HS_SEGMENT_TOPICS; i++) {
        hs_buf_add_le64(out, index->topics[i].first);
        hs_buf_add_le64(out, index->topics[i].end);
        hs_buf_add_le64(out, index->topics[i].n);
    }
    for (int i = 0; i < HS_SEGMENT_TOPICS; i++) {
        for (size_t j = 0; j < index->topics[i].n; j++) {
            hs_buf_add_le64(out, index->topics[i].entries[j].offset);
            hs_buf_add_le64(out, index->topics[i].entries[j].pos);
        }
    }
    if (!hs_buf_ok(out))
        return;
    crc = hs_crc32c(0, out->p + start + 12, out->n - start - 12);
    for (int i = 0; i < 4; i++)
        out->p[start + 8 + (size_t)i] = (char)(crc >> (8 * i));
}

static uint64_t get_le(const char *p, int bytes)
{
    uint64_t v = 0;

    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

static const char *parse_entries(struct hs_index_topic *topic, const char *p)
{
    topic->cap = topic->n;
    if (topic->n > 0)
        topic->entries = hs_xcalloc(topic->n, sizeof(*topic->entries));
    for (size_t i = 0; i < topic->n; i++, p += INDEX_ENTRY)
        topic->entries[i] = (struct hs_index_entry){get_le(p, 8), get_le(p + 8, 8)};
    return p;
}

int hs_index_parse(struct hs_str bytes, uint64_t base, uint64_t segment_n, struct hs_index *out)
{
    const size_t head_n = INDEX_HEAD + HS_SEGMENT_TOPICS * INDEX_TOPIC;
    uint64_t entries_n = 0;
    const char *p;

    if (bytes.n < head_n || memcmp(bytes.p, index_magic, sizeof(index_magic)) != 0)
        return HS_ECORRUPT;
    if (get_le(bytes.p + 8, 4) != hs_crc32c(0, bytes.p + 12, bytes.n - 12))
        return HS_ECORRUPT;
    if (get_le(bytes.p + 16, 8) != base || get_le(bytes.p + 24, 8) != segment_n)
        return HS_ECORRUPT;
    memset(out, 0, sizeof(*out));
    p = bytes.p + INDEX_HEAD;
    for (int i = 0; i < HS_SEGMENT_TOPICS; i++, p += INDEX_TOPIC) {
        out->topics[i].first = get_le(p, 8);
        out->topics[i].end = get_le(p + 8, 8);
        out->topics[i].n = get_le(p + 16, 8);
        if (out->topics[i].n > bytes.n / INDEX_ENTRY)
            return HS_ECORRUPT;
        entries_n += out->topics[i].n;
    }
    if (bytes.n != head_n + entries_n * INDEX_ENTRY)
        return HS_ECORRUPT;
    for (int i = 0; i < HS_SEGMENT_TOPICS; i++)
        p = parse_entries(&out->topics[i], p);
    return HS_OK;
}
