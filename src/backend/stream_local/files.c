#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/stream_local/local_int.h"
#include "base/killpoint.h"
#include "base/mem.h"

void hs_local_path(const struct hs_local *log, uint64_t base, const char *suffix,
                   char out[HS_PATH_MAX])
{
    int n = snprintf(out, HS_PATH_MAX, "%s/%020llu%s", log->dir, (unsigned long long)base, suffix);

    HS_ASSERT(n > 0 && n < HS_PATH_MAX); /* open checked the folder's length */
}

int hs_local_io_error(struct hs_err *err, const char *what, const char *path)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    int rc = hs_err_sys(err, "%s %s", what, path);

    if (full && err)
        err->rc = HS_EAGAIN;
    return full ? HS_EAGAIN : rc;
}

static int write_head(struct hs_local *log, int fd, uint64_t base,
                      const uint64_t first[HS_SEGMENT_TOPICS], const char *path, struct hs_err *err)
{
    struct hs_segment_head head = {.base = base};
    char bytes[HS_SEGMENT_HEAD_BYTES];
    struct iovec iov = {bytes, sizeof(bytes)};
    ssize_t got;

    memcpy(head.stream_id, log->id, sizeof(head.stream_id));
    memcpy(head.first, first, sizeof(head.first));
    hs_segment_put_head(&head, bytes);
    got = log->io->pwritev_fn(log->io->arg, fd, &iov, 1, 0);
    if (got >= 0 && got < (ssize_t)sizeof(bytes))
        errno = ENOSPC;
    if (got < (ssize_t)sizeof(bytes))
        return hs_local_io_error(err, "write to", path);
    if (log->io->fdatasync_fn(log->io->arg, fd) != 0)
        return hs_local_io_error(err, "fdatasync of", path);
    return HS_OK;
}

int hs_local_create_file(struct hs_local *log, uint64_t base,
                         const uint64_t first[HS_SEGMENT_TOPICS], int *out_fd, struct hs_err *err)
{
    char path[HS_PATH_MAX];
    int fd;
    int rc;

    hs_local_path(log, base, ".log", path);
    unlink(path); /* left by a creation that failed, if anything: the log ends at its base */
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return hs_local_io_error(err, "create", path);
    hs_killpoint("stream_roll");
    rc = write_head(log, fd, base, first, path, err);
    if (rc == HS_OK)
        rc = hs_fs_sync_dir(log->dir, err);
    if (rc != HS_OK) {
        close(fd);
        unlink(path);
        return rc;
    }
    *out_fd = fd;
    return HS_OK;
}

struct hs_segment *hs_segment_new(uint64_t base, const uint64_t first[HS_SEGMENT_TOPICS])
{
    struct hs_segment *segment = hs_xalloc(sizeof(*segment));

    segment->base = base;
    segment->size = HS_SEGMENT_HEAD_BYTES;
    hs_index_init(&segment->index, first);
    return segment;
}

void hs_segment_free(struct hs_segment *segment)
{
    if (!segment)
        return;
    hs_index_fini(&segment->index);
    hs_free(segment);
}

void hs_local_add_segment(struct hs_local *log, struct hs_segment *segment)
{
    if (log->segments_n == log->segments_cap) {
        log->segments_cap = log->segments_cap > 0 ? log->segments_cap * 2 : 16;
        log->segments = hs_xrealloc(log->segments, log->segments_cap, sizeof(*log->segments));
    }
    log->segments[log->segments_n++] = segment;
}
