/* Proportions with their 95 % interval (Wilson's score interval). */
#ifndef HS_GATEWAY_RATE_H
#define HS_GATEWAY_RATE_H

#include <stdint.h>

#include "base/json_out.h"

/* hits <= of. {"value", "numerator", "denominator", "low", "high", "definition"}; with nothing in
 * the denominator value, low and high are null and "reason" says why. */
void hs_rate_json(struct hs_json *json, uint64_t hits, uint64_t of, const char *definition,
                  const char *reason);

#endif
