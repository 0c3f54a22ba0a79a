/*
 * Is what was sent what is stored? Sums the truths of one or more runs and compares them with what
 * GET /api/v1/metrics/summary answers. Pure.
 *
 * Counts must be equal. A percentile must lie within 1 % of the exact quantile at some rank within
 * ± 0.1 % of its own; it is compared only when one truth was added, since quantiles do not add up.
 */
#ifndef HS_SIM_CHECK_H
#define HS_SIM_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { HS_SIM_CHECK_ROWS_MAX = 256 };

struct hs_sim_check;

struct hs_sim_check *hs_sim_check_new(void);
void hs_sim_check_free(struct hs_sim_check *check); /* NULL is a no-op */

/* text: a file that --truth wrote. HS_EINVAL: it is none, or its run was not acknowledged as a
 * whole, so that it does not say what must be stored; then nothing of it is added. */
int hs_sim_check_add(struct hs_sim_check *check, struct hs_str text, struct hs_err *err);

/* The whole minutes that hold all searches, [from, to), in seconds since 1970; both 0 when nothing
 * was added. */
void hs_sim_check_range(const struct hs_sim_check *check, int64_t *out_from_s, int64_t *out_to_s);

struct hs_sim_checked {
    uint64_t executions; /* that there must be */
    size_t compared;     /* figures */
    size_t differing;
};

/* summary: the answer grouped by service and version, without series; its other services are left
 * out of account. Appends a line for each figure that differs. HS_ECORRUPT: not such an answer. */
int hs_sim_check_compare(const struct hs_sim_check *check, struct hs_str summary,
                         struct hs_buf *out_report, struct hs_sim_checked *out, struct hs_err *err);

#endif
