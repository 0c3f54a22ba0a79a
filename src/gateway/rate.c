#include "gateway/rate.h"

#include "analysis/stats.h"

static void add_value(struct hs_json *json, const char *key, bool known, double v)
{
    hs_json_key(json, key);
    if (known)
        hs_json_add_double(json, v);
    else
        hs_json_add_null(json);
}

void hs_rate_json(struct hs_json *json, uint64_t hits, uint64_t of, const char *definition,
                  const char *reason)
{
    struct hs_interval rate = {0, 0, 0};

    if (of > 0)
        rate = hs_stats_wilson((double)hits, (double)of);
    hs_json_obj_open(json);
    add_value(json, "value", of > 0, rate.value);
    hs_json_key(json, "numerator");
    hs_json_add_u64(json, hits);
    hs_json_key(json, "denominator");
    hs_json_add_u64(json, of);
    add_value(json, "low", of > 0, rate.low);
    add_value(json, "high", of > 0, rate.high);
    if (of == 0) {
        hs_json_key(json, "reason");
        hs_json_add_c(json, reason);
    }
    hs_json_key(json, "definition");
    hs_json_add_c(json, definition);
    hs_json_obj_close(json);
}
