/*
 * The sparse index of one segment: where to begin to look for an offset of a topic.
 *
 * A record gets an entry when it is its topic's first in the segment or lies HS_INDEX_STEP bytes or
 * more behind the topic's last entry. So every record of a topic lies less than HS_INDEX_STEP
 * behind the entry before it, and a reader of a rare topic never walks further than that through
 * others. Not thread-safe: the log's mutex guards it.
 *
 * A closed segment's index is kept beside it as <base>.idx, so that opening a long log does not
 * read it. The file is a cache: missing or damaged, it is built again from the segment.
 *
 *      0  8  magic "HSIDX001"
 *      8  4  CRC32C of everything behind
 *     12  4  zero
 *     16  8  base        24  8  bytes of the segment
 *     32  for each of 24 topics: first 8, end 8, entries 8
 *         then the entries, topic by topic: offset 8, file position 8
 */
#ifndef HS_BACKEND_STREAM_LOCAL_INDEX_H
#define HS_BACKEND_STREAM_LOCAL_INDEX_H

#include "backend/stream_local/segment.h"
#include "base/buf.h"

enum { HS_INDEX_STEP = 256 << 10 };

struct hs_index_entry {
    uint64_t offset;
    uint64_t pos; /* in the file */
};

struct hs_index_topic {
    uint64_t first; /* offset that the topic's first message in this segment gets */
    uint64_t end;   /* one past its last */
    struct hs_index_entry *entries;
    size_t n, cap;
};

struct hs_index {
    struct hs_index_topic topics[HS_SEGMENT_TOPICS];
};

/* Empty; first and end of each topic are `first`. */
void hs_index_init(struct hs_index *index, const uint64_t first[HS_SEGMENT_TOPICS]);
void hs_index_fini(struct hs_index *index);
/* Adds the record at file position pos. */
void hs_index_add(struct hs_index *index, const struct hs_segment_record *record, uint64_t pos);

/* The stretch of file in which offset must lie: it begins at *out_from and every record of the
 * topic with an offset below *out_end begins before *out_until. HS_ENOTFOUND: the segment holds
 * nothing of that topic at or before offset, or ends before it. */
int hs_index_find(const struct hs_index *index, unsigned topic, uint64_t offset, uint64_t *out_from,
                  uint64_t *out_until, uint64_t *out_end);

/* The file's content. */
void hs_index_put(const struct hs_index *index, uint64_t base, uint64_t segment_n,
                  struct hs_buf *out);
/* Fills an index that was not initialised. HS_ECORRUPT: it is not the index of that segment; then
 * there is nothing to fini. */
int hs_index_parse(struct hs_str bytes, uint64_t base, uint64_t segment_n, struct hs_index *out);

#endif
