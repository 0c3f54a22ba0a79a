/*
 * The passwords of the store's users, one file each in <data>/secrets, mode 0600:
 * store_rw.password and store_ro.password, 64 hex digits without a line end. Made at the first
 * start, never changed by us; the store's configuration holds only their SHA-256. Whoever replaces
 * a file has to restart the store.
 */
#ifndef HS_STORE_SECRET_H
#define HS_STORE_SECRET_H

#include "base/err.h"

enum { HS_STORE_SECRET_MAX = 256 };

/* Makes those that are missing. HS_EIO. @thread any @blocks */
int hs_store_secret_ensure(const char *data, struct hs_err *err);

/* Reads the password of `user` ("rw" or "ro") without white space around it. HS_ENOTFOUND before
 * the first start; HS_EINVAL when it is empty; HS_ELIMIT. @thread any @blocks */
int hs_store_secret_read(const char *data, const char *user, char out[HS_STORE_SECRET_MAX],
                         struct hs_err *err);

/* A fresh one: 64 hex digits and NUL. */
void hs_store_secret_make(char out[HS_STORE_SECRET_MAX]);

#endif
