#include "collector/consent.h"

#include "base/mem.h"

bool hs_consent_is_refusal(struct hs_str consent)
{
    static const char *const words[] = {"denied",  "none",     "no",      "false",    "0",
                                        "refused", "rejected", "revoked", "declined", "withdrawn",
                                        "opt_out", "opt-out",  "optout"};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(words); i++) {
        if (hs_str_ieq(consent, hs_str_c(words[i])))
            return true;
    }
    return false;
}
