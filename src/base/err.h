/*
 * Return codes and error details.
 *
 * A function that can fail returns HS_OK (0) or one of nine negative codes. The
 * human-readable detail goes into the caller's `struct hs_err`, which is always the
 * last parameter, may be NULL, and owns no memory.
 */
#ifndef HS_BASE_ERR_H
#define HS_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum hs_rc {
    HS_OK = 0,
    HS_EINVAL = -1,    /* the caller's input is wrong; a retry gives the same */
    HS_ENOTFOUND = -2, /* the named thing does not exist */
    HS_ECONFLICT = -3, /* somebody else changed it first */
    HS_ELIMIT = -4,    /* a stated bound was hit */
    HS_EAGAIN = -5,    /* back-pressure: nothing was done, retry later */
    HS_ETIMEOUT = -6,  /* the deadline passed; the outcome may be unknown */
    HS_EIO = -7,       /* the system or a backend failed */
    HS_ECORRUPT = -8,  /* stored data does not parse */
    HS_EUNSUP = -9,    /* not in this build or backend */
};

enum { HS_ERR_TEXT_MAX = 512 };

struct hs_err {
    int rc;                     /* enum hs_rc */
    int sys;                    /* errno, HTTP status or a backend's own code; 0 if none */
    char text[HS_ERR_TEXT_MAX]; /* names the thing, the value and the limit; never secrets */
};

/*
 * Fills `err` (if not NULL) and returns `rc`, so that callers can write
 * `return hs_err_set(err, HS_ELIMIT, 0, "body is %zu bytes, limit %zu", n, max);`.
 * Texts longer than HS_ERR_TEXT_MAX - 1 bytes are cut. @thread any
 */
int hs_err_set(struct hs_err *err, int rc, int sys, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* As hs_err_set with HS_EIO and ": strerror(errno)" appended; keeps errno in err->sys.
 * @thread any */
int hs_err_sys(struct hs_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " in front of the text, keeps codes, returns err->rc (HS_EIO when err is NULL). */
int hs_err_prefix(struct hs_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * What the compiler cannot see from here: these results are never HS_OK. Saying so keeps it (and
 * static analysis) from following paths on which a call failed and its outputs were still used.
 */
static inline int hs_err_failed(int rc)
{
    if (rc >= HS_OK)
        __builtin_unreachable(); /* hs_err_set() asserts it */
    return rc;
}

#define hs_err_set(...) hs_err_failed((hs_err_set)(__VA_ARGS__))
#define hs_err_sys(...) hs_err_failed((hs_err_sys)(__VA_ARGS__))

/* The code's fixed word ("EINVAL"), for logs and metrics. @thread any */
const char *hs_rc_name(int rc);

/* The HTTP status that a code maps to by default: EINVAL 400, ENOTFOUND 404, ECONFLICT 409,
 * ELIMIT 422, EAGAIN 503, ETIMEOUT 504, EIO 503, ECORRUPT 500, EUNSUP 501. @thread any */
int hs_rc_http_status(int rc);

/* Whether the same call may succeed later: EAGAIN, ETIMEOUT, EIO. @thread any */
bool hs_rc_retriable(int rc);

#endif
