/*
 * The system calls whose failure the log must survive, as a table, so that tests can fail them.
 */
#ifndef HS_BACKEND_STREAM_LOCAL_IO_INT_H
#define HS_BACKEND_STREAM_LOCAL_IO_INT_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "port/stream.h"

struct hs_stream_io {
    /* As pwritev(2), fdatasync(2) and ftruncate(2): -1 and errno on failure. @blocks */
    ssize_t (*pwritev_fn)(void *arg, int fd, const struct iovec *iov, int iov_n, off_t at);
    int (*fdatasync_fn)(void *arg, int fd);
    int (*ftruncate_fn)(void *arg, int fd, off_t n);
    /* Free and total bytes of the file system that holds path; -1 and errno on failure. */
    int (*space_fn)(void *arg, const char *path, uint64_t *out_free, uint64_t *out_total);
    void *arg;
};

extern const struct hs_stream_io hs_stream_io_system;

/* As hs_stream_local_ops.open with the calls of *io, which is borrowed until close. */
int hs_stream_local_open_io(const struct hs_conf *conf, const struct hs_clock *clock,
                            const struct hs_stream_io *io, struct hs_stream **out,
                            struct hs_err *err);

#endif
