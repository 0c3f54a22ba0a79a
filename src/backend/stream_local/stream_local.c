#include "backend/stream_local/stream_local.h"

#include <stdio.h>
#include <unistd.h>

#include "backend/stream_local/local_int.h"
#include "base/mem.h"

static int parse_codec(const char *word, enum hs_segment_codec *out, struct hs_err *err)
{
    static const char *const words[] = {"none", "lz4", "zstd"};

    for (unsigned i = 0; word && i < HS_ARRAY_LEN(words); i++) {
        if (hs_str_eq_c(hs_str_c(word), words[i])) {
            *out = (enum hs_segment_codec)i;
            return HS_OK;
        }
    }
    return hs_err_set(err, HS_EINVAL, 0, "stream.compression is \"%s\", must be lz4, zstd or none",
                      word ? word : "");
}

static int configure(struct hs_local *log, const struct hs_conf *conf, struct hs_err *err)
{
    if (conf->stream_segment_bytes < HS_LOCAL_SEGMENT_BYTES_MIN)
        return hs_err_set(err, HS_EINVAL, 0, "stream.segment_bytes is %llu, must be at least %d",
                          (unsigned long long)conf->stream_segment_bytes,
                          HS_LOCAL_SEGMENT_BYTES_MIN);
    if (conf->stream_commit_ms > HS_LOCAL_COMMIT_MS_MAX)
        return hs_err_set(err, HS_EINVAL, 0, "stream.commit is %llu ms, must be at most %d",
                          (unsigned long long)conf->stream_commit_ms, HS_LOCAL_COMMIT_MS_MAX);
    if (!(conf->disk_free_min >= 0 && conf->disk_free_min <= 1))
        return hs_err_set(err, HS_EINVAL, 0, "disk.free_min is %g, must lie in [0, 1]",
                          conf->disk_free_min);
    log->segment_bytes = conf->stream_segment_bytes;
    log->commit_ms = (int64_t)conf->stream_commit_ms;
    log->commit_bytes = conf->stream_commit_bytes;
    log->queue_bytes_max = conf->stream_queue_bytes;
    log->free_share_min = conf->disk_free_min;
    log->free_bytes_min = conf->disk_free_min_bytes;
    return parse_codec(conf->stream_compression, &log->codec, err);
}

/* Makes the folder and takes its lock. */
static int open_folder(struct hs_local *log, const struct hs_conf *conf, struct hs_err *err)
{
    char path[HS_PATH_MAX];
    int rc;

    rc = hs_fs_join(log->dir, conf->data, "stream", err);
    if (rc != HS_OK)
        return rc;
    if (strlen(log->dir) + sizeof("/00000000000000000000.log.tmp") > HS_PATH_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "data folder: its path is too long, limit %d bytes",
                          HS_PATH_MAX);
    rc = hs_fs_mkdirs(log->dir, 0700, err);
    if (rc == HS_OK)
        rc = hs_fs_sync_dir(conf->data, err);
    if (rc == HS_OK)
        rc = hs_fs_join(path, log->dir, "lock", err);
    return rc != HS_OK ? rc : hs_fs_lock(path, &log->lock_fd, err);
}

static void stop_threads(struct hs_local *log)
{
    hs_mutex_lock(&log->mutex);
    log->closing = true;
    hs_cond_broadcast(&log->commit_wake);
    hs_cond_broadcast(&log->keeper_wake);
    hs_mutex_unlock(&log->mutex);
    hs_thread_join(&log->commit_thread);
    hs_thread_join(&log->keeper_thread);
}

static void local_close(struct hs_stream *stream)
{
    struct hs_local *log = (struct hs_local *)stream;

    if (!log)
        return;
    HS_ASSERT(log->consumers_n == 0);
    stop_threads(log);
    HS_ASSERT(log->reserved_bytes == 0);
    for (size_t i = 0; i < log->segments_n; i++)
        hs_segment_free(log->segments[i]);
    hs_free(log->segments);
    hs_local_free_encoders(log);
    if (log->active_fd >= 0)
        close(log->active_fd);
    if (log->lock_fd >= 0)
        close(log->lock_fd);
    hs_cond_fini(&log->poll_wake);
    hs_cond_fini(&log->keeper_wake);
    hs_cond_fini(&log->commit_wake);
    hs_mutex_fini(&log->mutex);
    hs_free(log);
}

int hs_stream_local_open_io(const struct hs_conf *conf, const struct hs_clock *clock,
                            const struct hs_stream_io *io, struct hs_stream **out,
                            struct hs_err *err)
{
    struct hs_local *log = hs_xalloc(sizeof(*log));
    int rc;

    log->base.ops = &hs_stream_local_ops;
    log->clock = clock;
    log->io = io;
    log->lock_fd = -1;
    log->active_fd = -1;
    hs_mutex_init(&log->mutex, HS_RANK_BACKEND);
    hs_cond_init(&log->commit_wake);
    hs_cond_init(&log->keeper_wake);
    hs_cond_init(&log->poll_wake);
    rc = configure(log, conf, err);
    if (rc == HS_OK)
        rc = open_folder(log, conf, err);
    if (rc == HS_OK)
        rc = hs_local_recover(log, err);
    if (rc != HS_OK)
        goto out;
    hs_local_check_space(log);
    rc = hs_thread_start(&log->commit_thread, "stream-commit", hs_local_commit_main, log, err);
    if (rc == HS_OK)
        rc = hs_thread_start(&log->keeper_thread, "stream-keeper", hs_local_keeper_main, log, err);
    if (rc != HS_OK)
        goto out;
    *out = &log->base;
    log = NULL;
out:
    local_close((struct hs_stream *)log);
    return rc;
}

static int local_open(const struct hs_conf *conf, const struct hs_clock *clock,
                      struct hs_stream **out, struct hs_err *err)
{
    return hs_stream_local_open_io(conf, clock, &hs_stream_io_system, out, err);
}

/* Counts n bytes as on their way. A batch larger than the whole queue passes when it is alone, else
 * no retry would ever help. */
static int reserve(struct hs_local *log, uint64_t n, struct hs_err *err)
{
    int rc = HS_OK;

    hs_mutex_lock(&log->mutex);
    HS_ASSERT(!log->closing);
    if (log->space.refusing)
        rc = hs_err_set(err, HS_EAGAIN, 0, "disk of %s has %llu bytes free, limit %llu", log->dir,
                        (unsigned long long)log->space.free_bytes,
                        (unsigned long long)log->space.min_bytes);
    else if (log->reserved_bytes > 0 && log->reserved_bytes + n > log->queue_bytes_max)
        rc = hs_err_set(err, HS_EAGAIN, 0,
                        "stream queue holds %llu bytes, limit %llu, batch has %llu",
                        (unsigned long long)log->reserved_bytes,
                        (unsigned long long)log->queue_bytes_max, (unsigned long long)n);
    else
        log->reserved_bytes += n;
    hs_mutex_unlock(&log->mutex);
    return rc;
}

/* Queues the job, or only gives the reservation back when it is NULL. The commit thread waits for
 * commit_bytes once it has a first job, so it is woken at those two moments alone. */
static void enqueue(struct hs_local *log, struct hs_local_job *job, uint64_t reserved)
{
    struct hs_local_queue *queue = &log->queue;

    hs_mutex_lock(&log->mutex);
    log->reserved_bytes -= reserved;
    if (job) {
        bool first = !queue->head;
        bool was_full = queue->bytes >= log->commit_bytes;

        log->reserved_bytes += job->n;
        if (first)
            queue->head = job;
        else
            queue->tail->next = job;
        queue->tail = job;
        queue->n++;
        queue->bytes += job->n;
        if (first || (!was_full && queue->bytes >= log->commit_bytes))
            hs_cond_signal(&log->commit_wake);
    }
    hs_mutex_unlock(&log->mutex);
}

static int local_append(struct hs_stream *stream, enum hs_topic topic, const struct hs_batch *batch,
                        hs_append_done_fn *done_fn, void *arg, struct hs_err *err)
{
    struct hs_local *log = (struct hs_local *)stream;
    uint64_t body_n = hs_segment_body_bytes(batch->messages, batch->n);
    uint64_t reserved = body_n + HS_SEGMENT_RECORD_BYTES + batch->tenant.n;
    struct hs_local_job *job = NULL;
    int rc;

    rc = reserve(log, reserved, err);
    if (rc != HS_OK)
        return rc;
    rc = hs_local_encode(log, topic, batch, body_n, &job, err);
    if (rc == HS_OK) {
        job->queued_ns = hs_mono_ns(hs_clock_system());
        job->done_fn = done_fn;
        job->arg = arg;
    }
    enqueue(log, job, reserved);
    return rc;
}

static void local_stat(struct hs_stream *stream, struct hs_stream_stat *out)
{
    struct hs_local *log = (struct hs_local *)stream;

    hs_mutex_lock(&log->mutex);
    *out = (struct hs_stream_stat){
        .stream_id = hs_str_n(log->id, HS_UUID_TEXT),
        .disk_free_bytes = log->space.free_bytes,
        .disk_free_min_bytes = log->space.min_bytes,
        .append_queue_bytes = log->reserved_bytes,
        .refusing = log->space.refusing,
    };
    for (size_t i = 0; i < log->segments_n; i++)
        out->bytes_on_disk += log->segments[i]->size;
    hs_mutex_unlock(&log->mutex);
}

const struct hs_stream_ops hs_stream_local_ops = {
    .name = "local",
    .caps = HS_STREAM_CAP_ATOMIC_LO,
    .open = local_open,
    .append = local_append,
    .subscribe = hs_local_subscribe,
    .stat = local_stat,
    .close = local_close,
};
