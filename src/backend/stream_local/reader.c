/*
 * Reading a topic's records. The index gives a stretch of a segment in which an offset must lie;
 * the walk through it skips other topics by their heads. Offsets of a topic are dense, so what is
 * missing or damaged shows as an offset that its stretch does not hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "backend/stream_local/consumer_int.h"
#include "base/mem.h"

enum {
    READ_BYTES = 1 << 20,                /* a poll gathers about this much, at least one record */
    READ_MESSAGES = HS_STREAM_BATCH_MAX, /* and no more messages than a largest batch holds */
    KEEP_BYTES_MAX = 8 << 20,            /* a larger output buffer is given back at the next poll */
};

void hs_gathered_init(struct hs_gathered *gathered)
{
    *gathered = (struct hs_gathered){0};
    hs_buf_init(&gathered->bytes, (size_t)HS_SEGMENT_RAW_MAX + READ_BYTES);
}

void hs_gathered_fini(struct hs_gathered *gathered)
{
    hs_buf_fini(&gathered->bytes);
    hs_free(gathered->parts);
    hs_free(gathered->records);
    gathered->parts = NULL;
    gathered->records = NULL;
}

static void gathered_reset(struct hs_gathered *gathered)
{
    gathered->parts_n = 0;
    gathered->messages_n = 0;
    if (gathered->bytes.cap > KEEP_BYTES_MAX) {
        size_t max = gathered->bytes.max;

        hs_buf_fini(&gathered->bytes);
        hs_buf_init(&gathered->bytes, max);
    }
    hs_buf_reset(&gathered->bytes);
}

/* The segment in which `offset` should lie. Mutex held. */
static size_t find_segment(const struct hs_local *log, unsigned topic, uint64_t offset)
{
    size_t lo = 1;
    size_t hi = log->segments_n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (log->segments[mid]->index.topics[topic].first <= offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo - 1;
}

/* The first offset of topic that is kept behind `offset`, which is not. Mutex held. */
static uint64_t next_kept(const struct hs_local *log, unsigned topic, uint64_t offset, size_t i)
{
    for (; i < log->segments_n; i++) {
        const struct hs_index_topic *in = &log->segments[i]->index.topics[topic];

        for (size_t j = 0; j < in->n; j++) {
            if (in->entries[j].offset > offset)
                return in->entries[j].offset;
        }
    }
    return log->end[topic];
}

static int locate(struct hs_local *log, unsigned topic, uint64_t offset, struct hs_place *out,
                  struct hs_err *err)
{
    const struct hs_segment *segment;
    size_t i;
    int rc;

    hs_mutex_lock(&log->mutex);
    i = find_segment(log, topic, offset);
    segment = log->segments[i];
    *out = (struct hs_place){.base = segment->base,
                             .size = segment->size,
                             .segment_end = segment->index.topics[topic].end};
    rc = hs_index_find(&segment->index, topic, offset, &out->from, &out->until, &out->end);
    if (rc == HS_ENOTFOUND) {
        out->end = next_kept(log, topic, offset, i);
        rc = hs_err_set(err, HS_ECORRUPT, 0,
                        "segment %020llu.log: %s from offset %llu to before %llu is missing",
                        (unsigned long long)segment->base, hs_topic_name(topic),
                        (unsigned long long)offset, (unsigned long long)out->end);
    }
    hs_mutex_unlock(&log->mutex);
    return rc;
}

static int open_segment(struct hs_local *log, struct hs_cursor *cursor, uint64_t base,
                        struct hs_err *err)
{
    char path[HS_PATH_MAX];

    if (cursor->fd >= 0 && cursor->fd_base == base)
        return HS_OK;
    if (cursor->fd >= 0)
        close(cursor->fd);
    hs_local_path(log, base, ".log", path);
    cursor->fd = open(path, O_RDONLY | O_CLOEXEC);
    cursor->fd_base = base;
    if (cursor->fd >= 0)
        return HS_OK;
    if (errno == ENOENT)
        return hs_err_set(err, HS_ENOTFOUND, ENOENT, "%s is gone", path);
    return hs_err_sys(err, "open %s", path);
}

/* Adds the record whose head was read at file position pos. */
static int gather(struct hs_local_consumer *consumer, const struct hs_segment_record *record,
                  uint64_t pos, uint64_t from, struct hs_err *err)
{
    struct hs_gathered *gathered = &consumer->gathered;
    struct hs_buf *bytes = &gathered->bytes;
    size_t start = bytes->n;
    struct hs_part part = {.record = *record, .tenant_at = start, .from = from};
    const char *body;
    char *raw;
    int rc;

    hs_buf_add_str(bytes, record->tenant);
    part.body_at = bytes->n;
    rc = hs_window_body(&consumer->window, pos, record, &body, err);
    raw = rc == HS_OK ? hs_buf_reserve(bytes, record->raw_n) : NULL;
    if (rc == HS_OK && !raw)
        rc = hs_err_set(err, HS_ELIMIT, 0, "no memory for a record of %u bytes", record->raw_n);
    if (rc == HS_OK && (hs_segment_decode(record, body, raw) != HS_OK ||
                        hs_segment_check_body(hs_str_n(raw, record->raw_n), record->count) != 0))
        rc = hs_err_set(err, HS_ECORRUPT, 0,
                        "segment %020llu.log, byte %llu: the record's body does not parse",
                        (unsigned long long)consumer->window.base, (unsigned long long)pos);
    if (rc != HS_OK) {
        bytes->n = start;
        return rc;
    }
    bytes->n += record->raw_n;
    if (gathered->parts_n == gathered->parts_cap) {
        gathered->parts_cap = gathered->parts_cap > 0 ? gathered->parts_cap * 2 : 16;
        gathered->parts =
            hs_xrealloc(gathered->parts, gathered->parts_cap, sizeof(*gathered->parts));
    }
    gathered->parts[gathered->parts_n++] = part;
    gathered->messages_n += record->offset + record->count - from;
    return HS_OK;
}

static bool is_full(const struct hs_gathered *gathered, const struct hs_segment_record *next)
{
    if (gathered->parts_n == 0)
        return false;
    return gathered->bytes.n + next->raw_n > READ_BYTES ||
           gathered->messages_n + next->count > READ_MESSAGES;
}

struct walk {
    uint64_t pos;    /* file position */
    uint64_t offset; /* wanted next */
    bool full;
    bool lost; /* the wanted offset is not readable; offset names the next that may be */
};

/* Handles the record at walk->pos. HS_OK: walk on, unless full or lost. */
static int walk_record(struct hs_local_consumer *consumer, unsigned topic,
                       const struct hs_segment_record *record, struct walk *walk,
                       struct hs_err *err)
{
    uint64_t end = record->offset + record->count;
    uint64_t bytes_n = hs_segment_record_bytes(record);
    int rc;

    if (record->topic != topic || end <= walk->offset) {
        walk->pos += bytes_n;
        return HS_OK;
    }
    if (record->offset > walk->offset) {
        walk->lost = true;
        walk->offset = record->offset;
        return HS_OK;
    }
    walk->full = is_full(&consumer->gathered, record);
    if (walk->full)
        return HS_OK;
    rc = gather(consumer, record, walk->pos, walk->offset, err);
    walk->lost = rc == HS_ECORRUPT;
    if (rc != HS_OK && rc != HS_ECORRUPT)
        return rc;
    walk->offset = end;
    walk->pos += bytes_n;
    return HS_OK;
}

static int walk_stretch(struct hs_local_consumer *consumer, unsigned topic,
                        const struct hs_place *place, struct walk *walk, struct hs_err *err)
{
    uint64_t until = HS_MIN(place->until, place->size);
    struct hs_segment_record record;

    while (walk->pos < until && walk->offset < place->end && !walk->full && !walk->lost) {
        int rc = hs_window_record(&consumer->window, walk->pos, &record, err);

        if (rc == HS_OK)
            rc = walk_record(consumer, topic, &record, walk, err);
        else if (rc == HS_ECORRUPT)
            rc = hs_window_resync(&consumer->window, walk->pos + 1, until, 0, &walk->pos, NULL);
        if (rc == HS_ENOTFOUND)
            walk->pos = until;
        else if (rc != HS_OK)
            return rc;
    }
    if (!walk->full && !walk->lost && walk->offset < place->end) {
        walk->lost = true;
        walk->offset = place->end;
    }
    return HS_OK;
}

/* The error of a loss, once nothing was gathered before it. err may already name the place. */
static int report_loss(unsigned topic, uint64_t base, uint64_t offset, uint64_t next,
                       struct hs_err *err)
{
    char detail[160] = "no valid record holds it";

    if (err && err->rc == HS_ECORRUPT)
        memcpy(detail, err->text, HS_MIN(strlen(err->text) + 1, sizeof(detail) - 1));
    return hs_err_set(err, HS_ECORRUPT, 0,
                      "%s offset %llu in segment %020llu.log is damaged (%s); "
                      "readable again from %llu",
                      hs_topic_name(topic), (unsigned long long)offset, (unsigned long long)base,
                      detail, (unsigned long long)next);
}

/* Reads one stretch. *out_more: the poll may gather more behind it. */
static int read_stretch(struct hs_local_consumer *consumer, unsigned topic, uint64_t *offset,
                        bool *out_more, struct hs_err *err)
{
    struct hs_cursor *cursor = &consumer->cursors[topic];
    struct hs_place place;
    struct walk walk = {.offset = *offset};
    int rc;

    rc = locate(consumer->log, topic, *offset, &place, err);
    if (rc == HS_ECORRUPT) {
        if (consumer->gathered.parts_n == 0)
            *offset = place.end;
        return rc;
    }
    rc = open_segment(consumer->log, cursor, place.base, err);
    if (rc != HS_OK)
        return rc;
    hs_window_set(&consumer->window, cursor->fd, place.base, place.size);
    walk.pos = place.from;
    if (cursor->hint_offset == *offset && cursor->hint_pos > place.base + place.from &&
        cursor->hint_pos < place.base + place.until)
        walk.pos = cursor->hint_pos - place.base;
    rc = walk_stretch(consumer, topic, &place, &walk, err);
    if (rc != HS_OK)
        return rc;
    if (walk.lost && consumer->gathered.parts_n > 0) {
        const struct hs_segment_record *last =
            &consumer->gathered.parts[consumer->gathered.parts_n - 1].record;

        *offset = last->offset + last->count; /* the next poll comes to the loss */
        return HS_OK;
    }
    if (walk.lost) {
        rc = report_loss(topic, place.base, *offset, walk.offset, err);
        *offset = walk.offset;
        return rc;
    }
    *offset = walk.offset;
    cursor->hint_offset = walk.offset;
    cursor->hint_pos = place.base + walk.pos;
    *out_more = !walk.full && walk.offset < place.segment_end;
    return HS_OK;
}

int hs_local_read(struct hs_local_consumer *consumer, unsigned topic, uint64_t offset,
                  uint64_t *out_next, struct hs_err *err)
{
    bool more = true;
    int rc = HS_OK;

    gathered_reset(&consumer->gathered);
    while (more && rc == HS_OK) {
        more = false;
        rc = read_stretch(consumer, topic, &offset, &more, err);
    }
    if (rc != HS_OK && consumer->gathered.parts_n > 0)
        rc = HS_OK; /* what came before is given out; the next poll meets the error again */
    *out_next = offset;
    return rc;
}

void hs_local_build(struct hs_gathered *gathered, struct hs_records *out)
{
    struct hs_record *record;

    if (gathered->records_cap < gathered->messages_n) {
        gathered->records_cap = gathered->messages_n;
        gathered->records =
            hs_xrealloc(gathered->records, gathered->records_cap, sizeof(*gathered->records));
    }
    record = gathered->records;
    for (size_t i = 0; i < gathered->parts_n; i++) {
        const struct hs_part *part = &gathered->parts[i];
        const struct hs_segment_record *head = &part->record;
        struct hs_str rest = hs_str_n(gathered->bytes.p + part->body_at, head->raw_n);
        struct hs_str tenant = hs_str_n(gathered->bytes.p + part->tenant_at, head->tenant.n);

        for (uint32_t j = 0; j < head->count; j++) {
            struct hs_message message = hs_segment_next_message(&rest);

            if (head->offset + j < part->from)
                continue;
            *record++ = (struct hs_record){.offset = head->offset + j,
                                           .appended_ns = head->appended_ns,
                                           .schema_version = head->schema_version,
                                           .tenant = tenant,
                                           .key = message.key,
                                           .value = message.value};
        }
    }
    out->records = gathered->records;
    out->n = (size_t)(record - gathered->records);
}
