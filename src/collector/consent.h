/*
 * What a producer says about a person's consent: any word; those of refusal are a closed set.
 */
#ifndef HS_COLLECTOR_CONSENT_H
#define HS_COLLECTOR_CONSENT_H

#include <stdbool.h>

#include "base/str.h"

/* Whether the word refuses: denied, none, no, false, 0, refused, rejected, revoked, declined,
 * withdrawn, opt_out, opt-out, optout, in any case. @thread any */
bool hs_consent_is_refusal(struct hs_str consent);

#endif
