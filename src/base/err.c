#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct rc_row {
    const char *name;
    int http_status;
    bool retriable;
};

static const struct rc_row rc_rows[] = {
    [-HS_OK] = {"OK", 200, false},
    [-HS_EINVAL] = {"EINVAL", 400, false},
    [-HS_ENOTFOUND] = {"ENOTFOUND", 404, false},
    [-HS_ECONFLICT] = {"ECONFLICT", 409, false},
    [-HS_ELIMIT] = {"ELIMIT", 422, false},
    [-HS_EAGAIN] = {"EAGAIN", 503, true},
    [-HS_ETIMEOUT] = {"ETIMEOUT", 504, true},
    [-HS_EIO] = {"EIO", 503, true},
    [-HS_ECORRUPT] = {"ECORRUPT", 500, false},
    [-HS_EUNSUP] = {"EUNSUP", 501, false},
};

static const struct rc_row *rc_row(int rc)
{
    HS_ASSERT(rc <= HS_OK);
    HS_ASSERT(rc >= HS_EUNSUP);
    return &rc_rows[-rc];
}

int(hs_err_set)(struct hs_err *err, int rc, int sys, const char *fmt, ...)
{
    va_list ap;

    HS_ASSERT(rc < HS_OK);
    if (!err)
        return rc;
    err->rc = rc;
    err->sys = sys;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return rc;
}

int(hs_err_sys)(struct hs_err *err, const char *fmt, ...)
{
    int saved = errno;
    size_t len;
    va_list ap;

    if (!err)
        return HS_EIO;
    err->rc = HS_EIO;
    err->sys = saved;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(saved));
    return HS_EIO;
}

int hs_err_prefix(struct hs_err *err, const char *fmt, ...)
{
    char old[HS_ERR_TEXT_MAX];
    size_t len;
    va_list ap;

    if (!err)
        return HS_EIO;
    memcpy(old, err->text, sizeof(old));
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", old);
    return err->rc;
}

const char *hs_rc_name(int rc)
{
    return rc_row(rc)->name;
}

int hs_rc_http_status(int rc)
{
    return rc_row(rc)->http_status;
}

bool hs_rc_retriable(int rc)
{
    return rc_row(rc)->retriable;
}
