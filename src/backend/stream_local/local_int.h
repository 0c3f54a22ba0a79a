/*
 * What the files of the local log share: the log's state, its segments and its threads.
 *
 * Threads: callers encode in append and put jobs into the queue; the commit thread alone writes
 * segments and moves offsets; the keeper thread watches the disk, deletes segments, and writes
 * index and group files; consumers read files by themselves. `mutex` guards what is marked [m];
 * nothing is read, written or called back with it held.
 */
#ifndef HS_BACKEND_STREAM_LOCAL_LOCAL_INT_H
#define HS_BACKEND_STREAM_LOCAL_LOCAL_INT_H

#include "backend/stream_local/groups_int.h"
#include "backend/stream_local/index.h"
#include "backend/stream_local/io_int.h"
#include "backend/stream_local/segment.h"
#include "base/fs.h"
#include "base/thread.h"

enum {
    HS_LOCAL_COMMIT_RECORDS_MAX = 1024,   /* of one commit; also iovecs of one write */
    HS_LOCAL_COMMIT_BYTES_MAX = 16 << 20, /* of one commit, unless one record is larger */
    HS_LOCAL_SCRATCH_MAX = 8,             /* idle encoders kept */
    HS_LOCAL_SEGMENT_BYTES_MIN = 4 << 10,
    HS_LOCAL_COMMIT_MS_MAX = 10000,
};

struct hs_segment {
    uint64_t base;
    uint64_t size;         /* [m] bytes that are synced; readers go no further */
    struct hs_index index; /* [m] */
    bool index_saved;      /* [m] its .idx file is written, or it is the active one */
};

/* A batch encoded by append, waiting for its commit: head, tenant and body in `bytes`. */
struct hs_local_job {
    struct hs_local_job *next;
    struct hs_segment_record record;
    char *bytes;
    size_t n;
    int64_t queued_ns; /* monotonic */
    hs_append_done_fn *done_fn;
    void *arg;
};

struct hs_local_queue {
    struct hs_local_job *head, *tail;
    size_t n;
    uint64_t bytes;
};

struct hs_local_space {
    uint64_t free_bytes, min_bytes;
    bool refusing;
};

struct hs_encoder;

struct hs_local {
    struct hs_stream base; /* first */
    const struct hs_clock *clock;
    const struct hs_stream_io *io;
    char dir[HS_PATH_MAX];
    char id[HS_UUID_TEXT];
    uint32_t seed;
    int lock_fd;
    uint64_t segment_bytes;
    int64_t commit_ms;
    uint64_t commit_bytes;
    uint64_t queue_bytes_max;
    enum hs_segment_codec codec;
    double free_share_min;
    uint64_t free_bytes_min;

    struct hs_mutex mutex;
    struct hs_cond commit_wake; /* something queued, or closing */
    struct hs_cond keeper_wake; /* keeper_work, or closing */
    struct hs_cond poll_wake;   /* something committed */
    bool closing;               /* [m] */
    bool keeper_work;           /* [m] segments may go, or an index or the groups must be written */
    struct hs_local_queue queue;     /* [m] waiting for a commit */
    uint64_t reserved_bytes;         /* [m] of appends that are not committed */
    struct hs_encoder *encoders;     /* [m] idle */
    unsigned encoders_n;             /* [m] */
    struct hs_segment **segments;    /* [m] oldest first; the last is the active one */
    size_t segments_n, segments_cap; /* [m] */
    uint64_t end[HS_SEGMENT_TOPICS]; /* [m] synced */
    struct hs_groups groups;         /* [m] */
    struct hs_local_space space;     /* [m] */
    unsigned consumers_n;            /* [m] */

    struct hs_segment *active; /* commit thread: the last segment */
    int active_fd;             /* commit thread */
    bool suspect; /* commit thread: the active segment's tail must be repaired before a write */

    struct hs_thread commit_thread;
    struct hs_thread keeper_thread;
};

/* files.c: names, creation and removal of segment files. */
void hs_local_path(const struct hs_local *log, uint64_t base, const char *suffix,
                   char out[HS_PATH_MAX]);
/* Makes, syncs and opens the segment file at `base`; on failure none is left. HS_EIO, HS_EAGAIN
 * (no space). @blocks */
int hs_local_create_file(struct hs_local *log, uint64_t base,
                         const uint64_t first[HS_SEGMENT_TOPICS], int *out_fd, struct hs_err *err);
struct hs_segment *hs_segment_new(uint64_t base, const uint64_t first[HS_SEGMENT_TOPICS]);
void hs_segment_free(struct hs_segment *segment);
/* Appends to the list; takes the segment. Mutex held, or before the threads start. */
void hs_local_add_segment(struct hs_local *log, struct hs_segment *segment);
/* HS_EAGAIN with "no space" for ENOSPC and EDQUOT, HS_EIO for all else; errno is taken. */
int hs_local_io_error(struct hs_err *err, const char *what, const char *path);

/* recover.c: reads what is stored, cuts a torn tail, leaves the active file open. @blocks */
int hs_local_recover(struct hs_local *log, struct hs_err *err);
/* Checks all records of a segment file up to `size`, bodies too. HS_ECORRUPT, HS_EIO. @blocks */
int hs_local_verify(struct hs_local *log, uint64_t base, uint64_t size, struct hs_err *err);

/* encode.c */
int hs_local_encode(struct hs_local *log, enum hs_topic topic, const struct hs_batch *batch,
                    uint64_t body_n, struct hs_local_job **out, struct hs_err *err);
void hs_local_job_free(struct hs_local_job *job);
void hs_local_free_encoders(struct hs_local *log);

/* commit.c and keeper.c: thread mains, arg is the log. */
void hs_local_commit_main(void *arg);
void hs_local_keeper_main(void *arg);
/* Asks the file system for its free space and decides whether appends are refused. @blocks */
void hs_local_check_space(struct hs_local *log);
/* Wakes the keeper. Mutex held. */
void hs_local_kick_keeper(struct hs_local *log);

/* consumer.c: the slot of hs_stream_ops. */
int hs_local_subscribe(struct hs_stream *stream, const struct hs_subscription *subscription,
                       struct hs_consumer **out, struct hs_err *err);

#endif
