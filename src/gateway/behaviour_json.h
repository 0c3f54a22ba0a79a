/* What is said of the behaviour of a cell (docs/metrics.md): rates and means of intents. */
#ifndef HS_GATEWAY_BEHAVIOUR_JSON_H
#define HS_GATEWAY_BEHAVIOUR_JSON_H

#include "gateway/cells.h"

/* Members of the open object. */
void hs_behaviour_json(struct hs_json *json, const struct hs_cell *cell);

extern const struct hs_series_column hs_series_behaviour[];

#endif
