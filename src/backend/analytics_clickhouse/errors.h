/*
 * ClickHouse's error codes in our words. The table in errors.c is the one place that decides which
 * failure may be retried and which block is poison.
 */
#ifndef HS_BACKEND_ANALYTICS_CLICKHOUSE_ERRORS_H
#define HS_BACKEND_ANALYTICS_CLICKHOUSE_ERRORS_H

#include "base/err.h"
#include "base/str.h"

enum ch_op { CH_QUERY, CH_EXEC, CH_INSERT };

/*
 *             query     exec      insert
 *   WRONG     EINVAL    EINVAL    EAGAIN    the statement, not the rows: nothing was inserted, and
 *                                           an operator can make the same block succeed
 *   DATA      EINVAL    EINVAL    EINVAL    a value cannot be converted or stored, ever
 *   LIMIT     ELIMIT    ELIMIT    EIO       stopped at work: partitions of a block land one by one
 *   BUSY      EAGAIN    EAGAIN    EAGAIN    refused before any work
 *   REFUSED   EAGAIN    EAGAIN    EAGAIN    refused at the door: user, password, address
 *   TIMEOUT   ELIMIT    ETIMEOUT  ETIMEOUT  the server's own clock ran out
 *   BROKEN    EIO       EIO       EIO       failed inside; the outcome is unknown
 */
enum ch_class { CH_WRONG, CH_DATA, CH_LIMIT, CH_BUSY, CH_REFUSED, CH_TIMEOUT, CH_BROKEN };

struct ch_code {
    int code;
    const char *name; /* ClickHouse's own; a contract test compares them with system.errors */
    enum ch_class class;
};

extern const struct ch_code ch_codes[];
extern const unsigned ch_codes_n;

/* The class of a code; `text` is the exception's, which two meanings of code 252 need. Codes that
 * are not in the table are WRONG when the server answered 400 or 404, else BROKEN. @thread any */
enum ch_class ch_classify(int code, int http_status, struct hs_str text);
/* The return code for a class and an operation. */
int ch_class_rc(enum ch_class class, enum ch_op op);

struct ch_exception {
    int code;           /* 0: unknown */
    struct hs_str text; /* a view into the body */
};

/*
 * Looks for an exception behind the data of an answer that began with status 200. `tag` is the
 * header X-ClickHouse-Exception-Tag (ClickHouse 25.11 and later), else empty:
 *     …data… CRLF __exception__ CRLF tag LF text LF length SP tag CRLF __exception__ CRLF
 * Older servers append "Code: N. DB::Exception: …" and break the connection off; `broken` says that
 * they did, without it the text must also end the body as "(version …)" LF. Returns whether there
 * is one. *out_data_n is where the data ends.
 */
bool ch_find_exception(struct hs_str body, struct hs_str tag, bool broken, struct ch_exception *out,
                       size_t *out_data_n);
/* The number in "Code: N. …", 0 when the text does not begin so. */
int ch_exception_code(struct hs_str text);

#endif
