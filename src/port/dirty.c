#include "port/dirty.h"

#include <stdio.h>

#include "base/mem.h"
#include "model/behaviour.h"

struct level_row {
    const char *name;
    int64_t seconds;
    int64_t kept_days;
};

const struct hs_dirty_spaces hs_dirty_fast = {"dirty", "rolled"};
const struct hs_dirty_spaces hs_dirty_behaviour = {"behaviour_dirty", "behaviour_rolled"};

static const struct level_row level_rows[HS_LEVEL_N] = {
    [HS_LEVEL_1M] = {"1m", 60, 30},
    [HS_LEVEL_10M] = {"10m", 600, 90},
    [HS_LEVEL_1H] = {"1h", 3600, 400},
    [HS_LEVEL_6H] = {"6h", 21600, 400},
};

const char *hs_level_name(enum hs_level level)
{
    HS_ASSERT(level < HS_LEVEL_N);
    return level_rows[level].name;
}

int64_t hs_level_s(enum hs_level level)
{
    HS_ASSERT(level < HS_LEVEL_N);
    return level_rows[level].seconds;
}

int64_t hs_level_kept_s(enum hs_level level)
{
    HS_ASSERT(level < HS_LEVEL_N);
    return level_rows[level].kept_days * 86400;
}

size_t hs_dirty_key(enum hs_level level, struct hs_str tenant, int64_t start_s,
                    char out[HS_DIRTY_KEY_MAX])
{
    int n = snprintf(out, HS_DIRTY_KEY_MAX, "%s/%.*s/%012lld", hs_level_name(level),
                     HS_STR_ARG(tenant), (long long)start_s);

    HS_ASSERT(n > 0);
    HS_ASSERT(n < HS_DIRTY_KEY_MAX);
    return (size_t)n;
}

static int64_t block_of(int64_t t_s)
{
    int64_t block_s = hs_level_s(HS_LEVEL_10M);

    return HS_MAX(t_s, 0) / block_s * block_s;
}

/* An intent begins up to its length before what belongs to it; and up to the gap later, when the
 * action's clock is behind, or when a search joins one that was not known. */
void hs_dirty_blocks(int64_t from_s, int64_t to_s, int64_t *out_first_s, int64_t *out_last_s)
{
    *out_first_s = block_of(from_s - HS_INTENT_LENGTH_S);
    *out_last_s = block_of(to_s + HS_INTENT_GAP_S);
}

int hs_dirty_parse(struct hs_str key, enum hs_level *out_level, struct hs_str *out_tenant,
                   int64_t *out_start_s)
{
    struct hs_str rest = key;
    struct hs_str word;
    size_t last;
    int level;

    if (!hs_str_split(&rest, '/', &word) || !rest.p)
        return HS_ECORRUPT;
    for (level = 0; level < HS_LEVEL_N; level++) {
        if (hs_str_eq_c(word, level_rows[level].name))
            break;
    }
    last = rest.n;
    while (last > 0 && rest.p[last - 1] != '/')
        last--;
    if (level == HS_LEVEL_N || last < 2)
        return HS_ECORRUPT;
    if (hs_str_to_i64(hs_str_n(rest.p + last, rest.n - last), out_start_s) != HS_OK)
        return HS_ECORRUPT;
    *out_level = (enum hs_level)level;
    *out_tenant = hs_str_n(rest.p, last - 1);
    return HS_OK;
}
