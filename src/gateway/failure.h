/*
 * What an error of the store or of metadata means to who asked. Pure.
 *
 *   422 row_budget         the request reads more raw rows than query.rows_max
 *   422 memory_budget      it needs more memory than the store may use
 *   422 too_large          another limit; the detail names it
 *   504 query_timeout      it takes longer than query.timeout
 *   503 store_starting     the tables are not made yet
 *   503 unavailable        the store or metadata does not answer; the same request may work later
 *   500 internal           ours to mend: the statement was refused, or its answer does not parse
 */
#ifndef HS_GATEWAY_FAILURE_H
#define HS_GATEWAY_FAILURE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"

struct hs_failure {
    int status;
    const char *code;
    bool bug; /* worth a line in the log */
};

/* Appends a sentence for the client to detail: no statement and no name of a table. */
struct hs_failure hs_failure_of(const struct hs_err *err, const struct hs_conf *conf,
                                struct hs_buf *detail);

#endif
