/*
 * Files and folders: whole-file reads with a limit, durable atomic writes, folder locks.
 */
#ifndef HS_BASE_FS_H
#define HS_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum { HS_PATH_MAX = 4096 };

/* Appends the whole file to buf. HS_ENOTFOUND, HS_ELIMIT (buf's maximum), HS_EIO. @blocks */
int hs_fs_read(const char *path, struct hs_buf *buf, struct hs_err *err);
/* Writes path + ".tmp", fsyncs, renames over path, fsyncs the folder: after HS_OK the new content
 * survives a power loss, before it the old one stands. HS_EIO. @blocks */
int hs_fs_write_atomic(const char *path, struct hs_str content, mode_t mode, struct hs_err *err);
/* mkdir -p with `mode` for the folders that it makes. @blocks */
int hs_fs_mkdirs(const char *path, mode_t mode, struct hs_err *err);
/* fsync of a folder, so that names created or removed in it last. @blocks */
int hs_fs_sync_dir(const char *path, struct hs_err *err);
/* All of n bytes, EINTR handled. HS_EIO. @blocks */
int hs_fs_write_all(int fd, const void *p, size_t n, struct hs_err *err);
/* Removes a tree; a missing one is HS_OK. For tests and our own temporary folders. @blocks */
int hs_fs_remove_tree(const char *path, struct hs_err *err);
/* Joins with one slash; HS_ELIMIT past HS_PATH_MAX. */
int hs_fs_join(char out[HS_PATH_MAX], const char *dir, const char *name, struct hs_err *err);
/* Free and total bytes for ordinary users of the file system that holds path. @blocks */
int hs_fs_space(const char *path, uint64_t *out_free, uint64_t *out_total, struct hs_err *err);

/* Takes an exclusive flock on `path` (created 0600) and writes our pid into it. HS_ECONFLICT names
 * the pid of the holder. The lock goes with close(*out_fd) or the end of the process. */
int hs_fs_lock(const char *path, int *out_fd, struct hs_err *err);

#endif
