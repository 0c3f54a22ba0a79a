#include <errno.h>
#include <unistd.h>

#include "backend/stream_local/io_int.h"
#include "base/fs.h"

static ssize_t system_pwritev(void *arg, int fd, const struct iovec *iov, int iov_n, off_t at)
{
    (void)arg;
    return pwritev(fd, iov, iov_n, at);
}

static int system_fdatasync(void *arg, int fd)
{
    (void)arg;
    return fdatasync(fd);
}

static int system_ftruncate(void *arg, int fd, off_t n)
{
    (void)arg;
    return ftruncate(fd, n);
}

static int system_space(void *arg, const char *path, uint64_t *out_free, uint64_t *out_total)
{
    struct hs_err err = {0};
    int rc = hs_fs_space(path, out_free, out_total, &err);

    (void)arg;
    if (rc == HS_OK)
        return 0;
    errno = err.sys;
    return -1;
}

const struct hs_stream_io hs_stream_io_system = {
    .pwritev_fn = system_pwritev,
    .fdatasync_fn = system_fdatasync,
    .ftruncate_fn = system_ftruncate,
    .space_fn = system_space,
};
