#include "collector/outcome.h"

#include <stdio.h>

#include "base/mem.h"
#include "model/event.h"

void hs_outcome_reset(struct hs_outcome *outcome)
{
    outcome->accepted = 0;
    outcome->rejected = 0;
    outcome->errors_n = 0;
}

void hs_outcome_add(struct hs_outcome *outcome, size_t index, int rc, const struct hs_err *err)
{
    struct hs_outcome_error *error;

    if (rc == HS_OK) {
        outcome->accepted++;
        return;
    }
    HS_ASSERT(rc == HS_EINVAL);
    outcome->rejected++;
    if (outcome->errors_n == HS_OUTCOME_ERRORS_MAX)
        return;
    error = &outcome->errors[outcome->errors_n++];
    error->index = index;
    error->code = hs_refusal_name(err->sys);
    snprintf(error->detail, sizeof(error->detail), "%s", err->text);
}
