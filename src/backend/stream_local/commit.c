/*
 * The commit thread: takes what is queued, gives offsets, writes all of it with one pwritev, syncs
 * once, makes it visible, and only then calls done_fn.
 *
 * After a failed write or fdatasync the kernel may have dropped the pages and forgotten the error,
 * so nothing of that commit is trusted: its batches fail, their offsets are given again, and before
 * the next write the segment is cut back to what was synced, read back from the device and left
 * behind for a segment of its own. Until that works, every commit fails.
 */
#include <errno.h>
#include <unistd.h>

#include "backend/stream_local/local_int.h"
#include "base/killpoint.h"
#include "base/mem.h"

struct commit {
    struct hs_local_job *jobs;
    size_t n;
    uint64_t bytes;
};

/* Waits belong to the machine, not to the stream's clock, which stands still in tests. */
static int64_t now_ms(void)
{
    return hs_mono_ns(hs_clock_system()) / HS_NS_PER_MS;
}

/* Waits until the first job waited commit_ms, or enough came. Mutex held. */
static void wait_for_company(struct hs_local *log)
{
    int64_t until = log->queue.head->queued_ns / HS_NS_PER_MS + log->commit_ms;

    while (!log->closing && log->queue.bytes < log->commit_bytes) {
        int64_t left = until - now_ms();

        if (left <= 0)
            return;
        hs_cond_wait_ms(&log->commit_wake, &log->mutex, left);
    }
}

/* Mutex held. */
static void take_jobs(struct hs_local *log, struct commit *out)
{
    struct hs_local_job *last = NULL;
    struct hs_local_queue *queue = &log->queue;

    *out = (struct commit){.jobs = queue->head};
    while (queue->head && out->n < HS_LOCAL_COMMIT_RECORDS_MAX &&
           (out->n == 0 || out->bytes + queue->head->n <= HS_LOCAL_COMMIT_BYTES_MAX)) {
        last = queue->head;
        queue->head = last->next;
        queue->n--;
        queue->bytes -= last->n;
        out->n++;
        out->bytes += last->n;
    }
    HS_ASSERT(last != NULL);
    last->next = NULL;
    if (!queue->head)
        queue->tail = NULL;
}

/* Leaves the active segment for a new one. */
static int roll(struct hs_local *log, struct hs_err *err)
{
    struct hs_segment *active = log->active;
    uint64_t base = active->base + active->size;
    struct hs_segment *segment;
    int fd;
    int rc;

    rc = hs_local_create_file(log, base, log->end, &fd, err);
    if (rc != HS_OK)
        return rc;
    segment = hs_segment_new(base, log->end);
    segment->index_saved = true;
    if (log->active_fd >= 0)
        close(log->active_fd);
    log->active_fd = fd;
    log->active = segment;
    hs_mutex_lock(&log->mutex);
    active->index_saved = false;
    hs_local_add_segment(log, segment);
    hs_local_kick_keeper(log);
    hs_mutex_unlock(&log->mutex);
    return HS_OK;
}

static int repair(struct hs_local *log, struct hs_err *err)
{
    struct hs_segment *active = log->active;
    char path[HS_PATH_MAX];
    int rc;

    hs_local_path(log, active->base, ".log", path);
    if (log->io->ftruncate_fn(log->io->arg, log->active_fd, (off_t)active->size) != 0)
        return hs_local_io_error(err, "truncate", path);
    if (log->io->fdatasync_fn(log->io->arg, log->active_fd) != 0)
        return hs_local_io_error(err, "fdatasync of", path);
    rc = hs_local_verify(log, active->base, active->size, err);
    if (rc != HS_OK) {
        hs_err_prefix(err, "after a failed write, what was synced reads back differently");
        return HS_EIO;
    }
    /* An empty segment is used again: its successor would have the same name. */
    if (active->size > HS_SEGMENT_HEAD_BYTES)
        rc = roll(log, err);
    if (rc == HS_OK)
        log->suspect = false;
    return rc;
}

static int prepare(struct hs_local *log, struct hs_err *err)
{
    if (log->suspect)
        return repair(log, err);
    if (log->active->size >= log->segment_bytes)
        return roll(log, err);
    return HS_OK;
}

/* Writes all of iov; the array is used up. */
static int write_iov(struct hs_local *log, struct iovec *iov, int iov_n, uint64_t at,
                     const char *path, struct hs_err *err)
{
    while (iov_n > 0) {
        ssize_t got = log->io->pwritev_fn(log->io->arg, log->active_fd, iov, iov_n, (off_t)at);
        size_t left;

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            if (got == 0)
                errno = ENOSPC;
            return hs_local_io_error(err, "write to", path);
        }
        at += (uint64_t)got;
        for (left = (size_t)got; iov_n > 0 && left >= iov->iov_len; iov++, iov_n--)
            left -= iov->iov_len;
        if (left > 0) {
            iov->iov_base = (char *)iov->iov_base + left;
            iov->iov_len -= left;
        }
    }
    return HS_OK;
}

static int write_commit(struct hs_local *log, const struct commit *commit, struct hs_err *err)
{
    struct hs_segment *active = log->active;
    struct iovec iov[HS_LOCAL_COMMIT_RECORDS_MAX];
    uint64_t next[HS_SEGMENT_TOPICS];
    uint64_t start = active->base + active->size;
    uint64_t pos = start;
    char path[HS_PATH_MAX];
    int n = 0;
    int rc;

    memcpy(next, log->end, sizeof(next));
    for (struct hs_local_job *job = commit->jobs; job; job = job->next) {
        job->record.offset = next[job->record.topic];
        job->record.commit_pos = start;
        job->record.pos = pos;
        hs_segment_put_record(&job->record, log->seed, job->bytes);
        next[job->record.topic] += job->record.count;
        pos += job->n;
        iov[n++] = (struct iovec){job->bytes, job->n};
    }
    hs_local_path(log, active->base, ".log", path);
    rc = write_iov(log, iov, n, active->size, path, err);
    if (rc != HS_OK)
        return rc;
    hs_killpoint("stream_before_fsync");
    if (log->io->fdatasync_fn(log->io->arg, log->active_fd) != 0)
        return hs_local_io_error(err, "fdatasync of", path);
    hs_killpoint("stream_after_fsync");
    return HS_OK;
}

static void publish(struct hs_local *log, const struct commit *commit)
{
    struct hs_segment *active = log->active;

    hs_mutex_lock(&log->mutex);
    for (struct hs_local_job *job = commit->jobs; job; job = job->next) {
        hs_index_add(&active->index, &job->record, job->record.pos - active->base);
        log->end[job->record.topic] += job->record.count;
    }
    active->size += commit->bytes;
    hs_cond_broadcast(&log->poll_wake);
    hs_mutex_unlock(&log->mutex);
    hs_killpoint("stream_before_done");
}

/* Room is given back before the callers hear of it: who waited for done_fn may append again. */
static void finish(struct hs_local *log, struct commit *commit, int rc, const struct hs_err *err)
{
    hs_mutex_lock(&log->mutex);
    HS_ASSERT(log->reserved_bytes >= commit->bytes);
    log->reserved_bytes -= commit->bytes;
    hs_mutex_unlock(&log->mutex);
    while (commit->jobs) {
        struct hs_local_job *job = commit->jobs;

        commit->jobs = job->next;
        job->done_fn(job->arg, rc, rc == HS_OK ? NULL : err);
        hs_local_job_free(job);
    }
}

void hs_local_commit_main(void *arg)
{
    struct hs_local *log = arg;
    struct commit commit;
    struct hs_err err;

    for (;;) {
        int rc;

        hs_mutex_lock(&log->mutex);
        while (!log->queue.head && !log->closing)
            hs_cond_wait_ms(&log->commit_wake, &log->mutex, -1);
        if (!log->queue.head) {
            hs_mutex_unlock(&log->mutex);
            return;
        }
        wait_for_company(log);
        take_jobs(log, &commit);
        hs_mutex_unlock(&log->mutex);

        err = (struct hs_err){0};
        rc = prepare(log, &err);
        if (rc == HS_OK) {
            rc = write_commit(log, &commit, &err);
            log->suspect = rc != HS_OK;
        }
        if (rc == HS_OK)
            publish(log, &commit);
        hs_local_check_space(log);
        finish(log, &commit, rc, &err);
    }
}
