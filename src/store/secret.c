#include "store/secret.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/rand.h"
#include "base/str.h"

enum { SECRET_BYTES = 32 };

static int secret_path(const char *data, const char *user, char out[HS_PATH_MAX],
                       struct hs_err *err)
{
    char name[64];

    snprintf(name, sizeof(name), "secrets/store_%s.password", user);
    return hs_fs_join(out, data, name, err);
}

void hs_store_secret_make(char out[HS_STORE_SECRET_MAX])
{
    unsigned char bytes[SECRET_BYTES];

    hs_rand_secret(bytes, sizeof(bytes));
    hs_hex_encode(bytes, sizeof(bytes), out);
    out[2 * sizeof(bytes)] = '\0';
    explicit_bzero(bytes, sizeof(bytes));
}

static int ensure_one(const char *data, const char *user, struct hs_err *err)
{
    char path[HS_PATH_MAX];
    char secret[HS_STORE_SECRET_MAX];
    int rc = secret_path(data, user, path, err);

    if (rc != HS_OK || access(path, F_OK) == 0)
        return rc;
    hs_store_secret_make(secret);
    rc = hs_fs_write_atomic(path, hs_str_c(secret), 0600, err);
    explicit_bzero(secret, sizeof(secret));
    return rc;
}

int hs_store_secret_ensure(const char *data, struct hs_err *err)
{
    char dir[HS_PATH_MAX];
    int rc = hs_fs_join(dir, data, "secrets", err);

    if (rc == HS_OK)
        rc = hs_fs_mkdirs(dir, 0700, err);
    if (rc == HS_OK)
        rc = ensure_one(data, "rw", err);
    if (rc == HS_OK)
        rc = ensure_one(data, "ro", err);
    return rc;
}

int hs_store_secret_read(const char *data, const char *user, char out[HS_STORE_SECRET_MAX],
                         struct hs_err *err)
{
    char path[HS_PATH_MAX];
    struct hs_buf buf;
    struct hs_str secret;
    int rc = secret_path(data, user, path, err);

    if (rc != HS_OK)
        return rc;
    hs_buf_init(&buf, HS_STORE_SECRET_MAX - 1);
    rc = hs_fs_read(path, &buf, err);
    secret = hs_str_trim(hs_buf_str(&buf));
    if (rc == HS_OK && secret.n == 0)
        rc = hs_err_set(err, HS_EINVAL, 0, "%s is empty, want a password", path);
    if (rc == HS_OK) {
        memcpy(out, secret.p, secret.n);
        out[secret.n] = '\0';
    }
    if (buf.p)
        explicit_bzero(buf.p, buf.n);
    hs_buf_fini(&buf);
    return rc;
}
