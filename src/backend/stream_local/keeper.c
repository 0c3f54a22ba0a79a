/*
 * The keeper thread: watches free space, removes segments that every durable group released, and
 * writes index and group files, so that no commit waits for any of it.
 */
#include <errno.h>
#include <unistd.h>

#include "backend/stream_local/local_int.h"
#include "base/mem.h"

enum {
    KEEPER_IDLE_MS = 1000,  /* between two looks at the disk */
    KEEPER_REFUSE_MS = 100, /* the same while appends are refused */
    INDEX_BYTES_MAX = 64 << 20,
};

#define GROUPS_SAVE_NS HS_NS_PER_S /* between two writes of released offsets */

void hs_local_check_space(struct hs_local *log)
{
    uint64_t free_bytes;
    uint64_t total;
    uint64_t min;

    /* Without an answer the last one stands. */
    if (log->io->space_fn(log->io->arg, log->dir, &free_bytes, &total) != 0)
        return;
    min = (uint64_t)((double)total * log->free_share_min);
    min = HS_MAX(min, log->free_bytes_min);
    hs_mutex_lock(&log->mutex);
    log->space = (struct hs_local_space){.free_bytes = free_bytes,
                                         .min_bytes = min,
                                         .refusing = free_bytes < min};
    hs_mutex_unlock(&log->mutex);
}

void hs_local_kick_keeper(struct hs_local *log)
{
    log->keeper_work = true;
    hs_cond_signal(&log->keeper_wake);
}

/* Whether all that the segment before `next` holds is released. Mutex held. */
static bool is_released(const struct hs_local *log, const struct hs_segment *next)
{
    for (unsigned i = 0; i < HS_TOPIC_N; i++) {
        if (!hs_groups_released(&log->groups, i, next->index.topics[i].first))
            return false;
    }
    return true;
}

/* Takes the oldest segment out of the list if it may go; NULL when it may not. Without any durable
 * group everything is kept: the loader may not have come yet. */
static struct hs_segment *take_released(struct hs_local *log)
{
    struct hs_segment *segment = NULL;

    hs_mutex_lock(&log->mutex);
    if (log->groups.n > 0 && !log->groups.grown && log->segments_n > 1 &&
        is_released(log, log->segments[1])) {
        segment = log->segments[0];
        log->segments_n--;
        memmove(log->segments, log->segments + 1, log->segments_n * sizeof(*log->segments));
    }
    hs_mutex_unlock(&log->mutex);
    return segment;
}

/* Oldest first: what a crash leaves is always a whole end of the log. A file that can't be removed
 * comes back at the next open and is tried again then. */
static void remove_released(struct hs_local *log)
{
    struct hs_segment *segment;
    char path[HS_PATH_MAX];

    while ((segment = take_released(log)) != NULL) {
        hs_local_path(log, segment->base, ".idx", path);
        unlink(path);
        hs_local_path(log, segment->base, ".log", path);
        unlink(path);
        hs_segment_free(segment);
    }
}

/* Puts the index of a closed segment that has no file yet; false when there is none. */
static bool next_index(struct hs_local *log, struct hs_buf *out, uint64_t *out_base)
{
    bool found = false;

    hs_mutex_lock(&log->mutex);
    for (size_t i = 0; i < log->segments_n && !found; i++) {
        struct hs_segment *segment = log->segments[i];

        if (segment->index_saved)
            continue;
        hs_index_put(&segment->index, segment->base, segment->size, out);
        segment->index_saved = true;
        *out_base = segment->base;
        found = true;
    }
    hs_mutex_unlock(&log->mutex);
    return found;
}

static void save_indexes(struct hs_local *log)
{
    char path[HS_PATH_MAX];
    struct hs_buf buf;
    uint64_t base;

    hs_buf_init(&buf, INDEX_BYTES_MAX);
    while (next_index(log, &buf, &base)) {
        hs_local_path(log, base, ".idx", path);
        /* On failure the segment is walked at the next open instead. */
        if (hs_buf_ok(&buf))
            hs_fs_write_atomic(path, hs_buf_str(&buf), 0600, NULL);
        hs_buf_reset(&buf);
    }
    hs_buf_fini(&buf);
}

static void save_groups(struct hs_local *log)
{
    char path[HS_PATH_MAX];
    struct hs_buf buf;
    bool dirty;
    bool grown;
    int rc;

    hs_buf_init(&buf, 1 << 20);
    hs_mutex_lock(&log->mutex);
    dirty = log->groups.dirty;
    if (dirty)
        hs_groups_put(&log->groups, &buf);
    grown = log->groups.grown;
    log->groups.dirty = false;
    hs_mutex_unlock(&log->mutex);
    if (dirty) {
        rc = hs_fs_join(path, log->dir, "groups", NULL);
        if (rc == HS_OK)
            rc = hs_fs_write_atomic(path, hs_buf_str(&buf), 0600, NULL);
        hs_mutex_lock(&log->mutex);
        log->groups.dirty = log->groups.dirty || rc != HS_OK;
        if (rc == HS_OK && grown)
            log->groups.grown = false;
        hs_mutex_unlock(&log->mutex);
    }
    hs_buf_fini(&buf);
}

/* Waits for work or for the next look at the disk; whether the log is closing. */
static bool wait_for_work(struct hs_local *log)
{
    bool closing;

    hs_mutex_lock(&log->mutex);
    if (!log->closing && !log->keeper_work)
        hs_cond_wait_ms(&log->keeper_wake, &log->mutex,
                        log->space.refusing ? KEEPER_REFUSE_MS : KEEPER_IDLE_MS);
    log->keeper_work = false;
    closing = log->closing;
    hs_mutex_unlock(&log->mutex);
    return closing;
}

static bool has_grown(struct hs_local *log)
{
    bool grown;

    hs_mutex_lock(&log->mutex);
    grown = log->groups.grown;
    hs_mutex_unlock(&log->mutex);
    return grown;
}

void hs_local_keeper_main(void *arg)
{
    struct hs_local *log = arg;
    int64_t saved_ns = 0;
    bool closing = false;

    while (!closing) {
        int64_t now_ns;

        closing = wait_for_work(log);
        now_ns = hs_mono_ns(hs_clock_system());
        hs_local_check_space(log);
        if (closing || has_grown(log) || now_ns - saved_ns >= GROUPS_SAVE_NS) {
            save_groups(log);
            saved_ns = now_ns;
        }
        remove_released(log);
        save_indexes(log);
    }
}
