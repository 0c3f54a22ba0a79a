#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"

enum { READ_STEP = 65536 };

int hs_fs_read(const char *path, struct hs_buf *buf, struct hs_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = HS_OK;
    ssize_t got;

    if (fd < 0 && errno == ENOENT)
        return hs_err_set(err, HS_ENOTFOUND, ENOENT, "%s does not exist", path);
    if (fd < 0)
        return hs_err_sys(err, "open %s", path);
    do {
        char step[READ_STEP];

        got = read(fd, step, sizeof(step));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = hs_err_sys(err, "read %s", path);
        if (got > 0)
            hs_buf_add(buf, step, (size_t)got);
    } while (got != 0 && rc == HS_OK && hs_buf_ok(buf));
    if (rc == HS_OK && !hs_buf_ok(buf))
        rc = hs_err_set(err, HS_ELIMIT, 0, "%s is larger than %zu bytes", path, buf->max);
    close(fd);
    return rc;
}

int hs_fs_write_all(int fd, const void *p, size_t n, struct hs_err *err)
{
    const char *at = p;

    while (n > 0) {
        ssize_t done = write(fd, at, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return hs_err_sys(err, "write %zu bytes", n);
        at += done;
        n -= (size_t)done;
    }
    return HS_OK;
}

/* The folder part of path, "." when it has none. */
static int parent_of(const char *path, char out[HS_PATH_MAX], struct hs_err *err)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;

    if (n >= HS_PATH_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "path of %zu bytes, limit %d", n, HS_PATH_MAX - 1);
    if (!slash) {
        memcpy(out, ".", 2);
        return HS_OK;
    }
    if (n == 0)
        n = 1; /* "/" */
    memcpy(out, path, n);
    out[n] = '\0';
    return HS_OK;
}

int hs_fs_sync_dir(const char *path, struct hs_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = HS_OK;

    if (fd < 0)
        return hs_err_sys(err, "open folder %s", path);
    if (fsync(fd) != 0)
        rc = hs_err_sys(err, "fsync folder %s", path);
    close(fd);
    return rc;
}

static int write_synced(const char *path, struct hs_str content, mode_t mode, struct hs_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    int rc;

    if (fd < 0)
        return hs_err_sys(err, "create %s", path);
    rc = hs_fs_write_all(fd, content.p, content.n, err);
    if (rc == HS_OK && fchmod(fd, mode) != 0)
        rc = hs_err_sys(err, "chmod %s", path);
    if (rc == HS_OK && fsync(fd) != 0)
        rc = hs_err_sys(err, "fsync %s", path);
    if (close(fd) != 0 && rc == HS_OK)
        rc = hs_err_sys(err, "close %s", path);
    return rc;
}

int hs_fs_write_atomic(const char *path, struct hs_str content, mode_t mode, struct hs_err *err)
{
    char dir[HS_PATH_MAX];
    char tmp[HS_PATH_MAX];
    int n = snprintf(tmp, sizeof(tmp), "%s.tmp", path);
    int rc;

    if (n < 0 || (size_t)n >= sizeof(tmp))
        return hs_err_set(err, HS_ELIMIT, 0, "path %s.tmp passes %d bytes", path, HS_PATH_MAX - 1);
    rc = parent_of(path, dir, err);
    if (rc == HS_OK)
        rc = write_synced(tmp, content, mode, err);
    if (rc == HS_OK && rename(tmp, path) != 0)
        rc = hs_err_sys(err, "rename %s", tmp);
    if (rc == HS_OK)
        rc = hs_fs_sync_dir(dir, err);
    if (rc != HS_OK)
        unlink(tmp);
    return rc;
}

static int make_folder(const char *path, mode_t mode, struct hs_err *err)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return HS_OK;
    if (errno != EEXIST)
        return hs_err_sys(err, "make folder %s", path);
    if (stat(path, &st) != 0)
        return hs_err_sys(err, "stat %s", path);
    if (!S_ISDIR(st.st_mode))
        return hs_err_set(err, HS_EIO, ENOTDIR, "%s exists and is no folder", path);
    return HS_OK;
}

int hs_fs_mkdirs(const char *path, mode_t mode, struct hs_err *err)
{
    char part[HS_PATH_MAX];
    size_t n = strlen(path);
    size_t i;
    int rc;

    if (n == 0 || n >= sizeof(part))
        return hs_err_set(err, HS_ELIMIT, 0, "path of %zu bytes, limit %d", n, HS_PATH_MAX - 1);
    memcpy(part, path, n + 1);
    for (i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        rc = make_folder(part, mode, err);
        if (rc != HS_OK)
            return rc;
        part[i] = path[i];
    }
    return HS_OK;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

int hs_fs_remove_tree(const char *path, struct hs_err *err)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return hs_err_sys(err, "remove %s", path);
    return HS_OK;
}

int hs_fs_join(char out[HS_PATH_MAX], const char *dir, const char *name, struct hs_err *err)
{
    size_t n = strlen(dir);
    const char *slash = n > 0 && dir[n - 1] == '/' ? "" : "/";
    int len = snprintf(out, HS_PATH_MAX, "%s%s%s", dir, slash, name);

    if (len < 0 || len >= HS_PATH_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "path %s/%s passes %d bytes", dir, name,
                          HS_PATH_MAX - 1);
    return HS_OK;
}

int hs_fs_space(const char *path, uint64_t *out_free, uint64_t *out_total, struct hs_err *err)
{
    struct statvfs vfs;

    if (statvfs(path, &vfs) != 0)
        return hs_err_sys(err, "free space of %s", path);
    *out_free = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    *out_total = (uint64_t)vfs.f_blocks * vfs.f_frsize;
    return HS_OK;
}

static int lock_conflict(const char *path, int fd, struct hs_err *err)
{
    char pid[24] = {0};

    if (pread(fd, pid, sizeof(pid) - 1, 0) < 0)
        pid[0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
    return hs_err_set(err, HS_ECONFLICT, EWOULDBLOCK, "%s is locked by process %s", path,
                      pid[0] ? pid : "(unknown)");
}

int hs_fs_lock(const char *path, int *out_fd, struct hs_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char pid[24];
    int rc = HS_OK;
    int n;

    if (fd < 0)
        return hs_err_sys(err, "open %s", path);
    n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        rc = errno == EWOULDBLOCK ? lock_conflict(path, fd, err) : hs_err_sys(err, "lock %s", path);
    else if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
        rc = hs_err_sys(err, "write %s", path);
    if (rc != HS_OK) {
        close(fd);
        return rc;
    }
    *out_fd = fd;
    return HS_OK;
}
