/*
 * Reading a segment through one sliding buffer: big preads, views into the buffer. Used by one
 * thread at a time.
 */
#ifndef HS_BACKEND_STREAM_LOCAL_WINDOW_INT_H
#define HS_BACKEND_STREAM_LOCAL_WINDOW_INT_H

#include "backend/stream_local/segment.h"
#include "base/buf.h"

struct hs_window {
    int fd;            /* borrowed; -1 when none is set */
    uint64_t base;     /* log position of the file's first byte */
    uint64_t limit;    /* bytes of the file that may be read */
    uint32_t seed;     /* hs_segment_seed() of the stream */
    struct hs_buf buf; /* bytes [at, at + buf.n) of the file */
    uint64_t at;
};

void hs_window_init(struct hs_window *window, uint32_t seed);
/* NULL-safe; the fd stays the caller's. */
void hs_window_fini(struct hs_window *window);
/* Points the window at a file. What was read from another base is forgotten. */
void hs_window_set(struct hs_window *window, int fd, uint64_t base, uint64_t limit);

/* The record whose head stands at file position pos and which ends within the limit. Its tenant is
 * a view that lasts until the next call. HS_ECORRUPT: no valid head there, or it is cut; HS_EIO. */
int hs_window_record(struct hs_window *window, uint64_t pos, struct hs_segment_record *out,
                     struct hs_err *err);
/* The stored body of that record, its CRC checked; a view until the next call. HS_ECORRUPT. */
int hs_window_body(struct hs_window *window, uint64_t pos, const struct hs_segment_record *record,
                   const char **out, struct hs_err *err);
/* The first file position in [pos, until) at which a valid record head with
 * commit_pos >= commit_min stands. HS_ENOTFOUND when there is none; HS_EIO. */
int hs_window_resync(struct hs_window *window, uint64_t pos, uint64_t until, uint64_t commit_min,
                     uint64_t *out_pos, struct hs_err *err);

#endif
