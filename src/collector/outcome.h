/*
 * What became of a request's events: how many were accepted and rejected, and why the first of the
 * rejected ones were.
 */
#ifndef HS_COLLECTOR_OUTCOME_H
#define HS_COLLECTOR_OUTCOME_H

#include <stddef.h>

#include "base/err.h"

enum { HS_OUTCOME_ERRORS_MAX = 100 };

struct hs_outcome_error {
    size_t index;     /* the event's place in the request, from 0 */
    const char *code; /* hs_refusal_name */
    char detail[HS_ERR_TEXT_MAX];
};

struct hs_outcome {
    size_t accepted;
    size_t rejected;
    size_t errors_n; /* rejected - errors_n more are not described */
    struct hs_outcome_error errors[HS_OUTCOME_ERRORS_MAX];
};

void hs_outcome_reset(struct hs_outcome *outcome);
/* Counts the event's result: rc HS_OK accepts, HS_EINVAL rejects with err's text. */
void hs_outcome_add(struct hs_outcome *outcome, size_t index, int rc, const struct hs_err *err);

#endif
