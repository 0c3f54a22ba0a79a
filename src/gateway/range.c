#include "gateway/range.h"

#include "base/clock.h"

static int64_t grain_at(const struct hs_plan_in *kept, int64_t t_s)
{
    return hs_level_s(hs_plan_finest(kept, t_s));
}

int hs_range_of_cells(const struct hs_plan_in *kept, const struct hs_params *params,
                      struct hs_range *out, struct hs_err *err)
{
    int64_t wanted_s = grain_at(kept, params->from_ns / HS_NS_PER_S);
    struct hs_range range;
    int64_t grain_s;
    int rc;

    do { /* at most once a level: the grain grows */
        grain_s = wanted_s;
        rc = hs_params_range(params, grain_s, &range, err);
        if (rc != HS_OK)
            return rc;
        wanted_s = grain_at(kept, range.from_s);
    } while (wanted_s > grain_s);
    *out = range;
    return HS_OK;
}
