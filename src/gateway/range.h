/* The range that the rollups can answer: params.h's snapping with what is kept of each level. */
#ifndef HS_GATEWAY_RANGE_H
#define HS_GATEWAY_RANGE_H

#include "gateway/params.h"
#include "gateway/plan.h"

/* Reads only kept->floor_s. Snapping outward may reach back beyond a floor, where the finest level
 * is a coarser one: *out begins and ends on multiples of the finest level at its beginning, as
 * hs_plan_make wants. HS_EINVAL: as hs_params_range. */
int hs_range_of_cells(const struct hs_plan_in *kept, const struct hs_params *params,
                      struct hs_range *out, struct hs_err *err);

#endif
