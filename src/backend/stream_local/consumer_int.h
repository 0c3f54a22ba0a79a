/*
 * One consumer of the local log. consumer.c holds the slots of the port, reader.c what reads and
 * decodes records for them.
 */
#ifndef HS_BACKEND_STREAM_LOCAL_CONSUMER_INT_H
#define HS_BACKEND_STREAM_LOCAL_CONSUMER_INT_H

#include "backend/stream_local/local_int.h"
#include "backend/stream_local/window_int.h"

/* What one topic of a consumer stands at. */
struct hs_cursor {
    uint64_t position; /* log's mutex: next offset; lag() reads it from other threads */
    int fd;            /* polling thread: the segment it reads; -1 */
    uint64_t fd_base;
    uint64_t hint_offset; /* polling thread: a reader of this offset */
    uint64_t hint_pos;    /* begins no earlier than here, a log position */
};

/* A record that a poll gives out: its body lies at body_at in bytes, its tenant at tenant_at. */
struct hs_part {
    struct hs_segment_record record;
    size_t tenant_at, body_at;
    uint64_t from; /* offset of the first message that was asked for */
};

/* What a poll gathered; reused by the next. */
struct hs_gathered {
    struct hs_buf bytes;
    struct hs_part *parts;
    size_t parts_n, parts_cap;
    size_t messages_n;
    struct hs_record *records;
    size_t records_cap;
};

struct hs_local_consumer {
    struct hs_consumer base; /* first */
    struct hs_local *log;
    char group[HS_GROUP_NAME_MAX + 1];
    uint32_t topics;
    bool durable;
    hs_assign_fn *on_assign;
    void *arg;
    bool assigned; /* log's mutex */
    unsigned turn; /* polling thread: the topic to look at first */
    struct hs_cursor cursors[HS_TOPIC_N];
    struct hs_window window;
    struct hs_gathered gathered;
};

/* Where the next records of a topic are; see hs_index_find. */
struct hs_place {
    uint64_t base, size;
    uint64_t from, until, end;
    uint64_t segment_end; /* one past the topic's last offset in this segment */
};

/* Reads records of topic from `offset` on into consumer->gathered, up to about a MiB, and sets
 * *out_next behind the last. HS_ECORRUPT: nothing was gathered, *out_next is the next offset that
 * can be read. HS_ENOTFOUND: the segment was deleted meanwhile; look again. @blocks */
int hs_local_read(struct hs_local_consumer *consumer, unsigned topic, uint64_t offset,
                  uint64_t *out_next, struct hs_err *err);
/* The gathered messages as records; views last until the next read. */
void hs_local_build(struct hs_gathered *gathered, struct hs_records *out);
void hs_gathered_init(struct hs_gathered *gathered);
void hs_gathered_fini(struct hs_gathered *gathered);

#endif
