#include "gateway/plan.h"

#include "base/mem.h"

/* Whether a mark lies in [from, to). */
static bool marked(const struct hs_plan_marks *marks, int64_t from_s, int64_t to_s)
{
    size_t low = 0;
    size_t high = marks->n;

    if (to_s > marks->unknown_from_s)
        return true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (marks->start_s[middle] < from_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low < marks->n && marks->start_s[low] < to_s;
}

bool hs_plan_dirty(const struct hs_plan_in *in, enum hs_level level, int64_t from_s, int64_t to_s)
{
    int i;

    for (i = HS_LEVEL_1M; i <= (int)level; i++) {
        if (marked(&in->marks[i], from_s, to_s))
            return true;
    }
    return false;
}

enum hs_level hs_plan_finest(const struct hs_plan_in *in, int64_t t_s)
{
    int level = HS_LEVEL_1M;

    while (level < HS_LEVEL_1H && t_s < in->floor_s[level])
        level++;
    return (enum hs_level)level;
}

/* The coarsest level whose window may begin the answer at t_s. */
static enum hs_level level_at(const struct hs_plan_in *in, int64_t t_s)
{
    enum hs_level finest = hs_plan_finest(in, t_s);
    int level;

    for (level = (int)in->coarsest; level > (int)finest; level--) {
        int64_t end_s = t_s + hs_level_s((enum hs_level)level);

        if (t_s % hs_level_s((enum hs_level)level) == 0 && end_s <= in->to_s &&
            end_s <= in->now_s && !hs_plan_dirty(in, (enum hs_level)level, t_s, end_s))
            return (enum hs_level)level;
    }
    return finest;
}

/* Adds [from, to), to the last segment when it goes on. */
static void add(struct hs_plan *plan, enum hs_level level, int64_t from_s, int64_t to_s)
{
    struct hs_plan_segment *last = plan->n > 0 ? &plan->segments[plan->n - 1] : NULL;

    if (last && last->level == level) {
        last->to_s = to_s;
        return;
    }
    HS_ASSERT(plan->n < HS_PLAN_SEGMENTS_MAX);
    plan->segments[plan->n++] = (struct hs_plan_segment){level, from_s, to_s};
}

/* Room for what is left: at most one segment a level, from the oldest on. */
enum { SEGMENTS_LEFT = HS_LEVEL_N };

void hs_plan_make(const struct hs_plan_in *in, struct hs_plan *out)
{
    int64_t t_s = in->from_s;

    out->n = 0;
    while (t_s < in->to_s) {
        bool full = out->n + SEGMENTS_LEFT >= HS_PLAN_SEGMENTS_MAX;
        enum hs_level level = full ? hs_plan_finest(in, t_s) : level_at(in, t_s);
        int64_t end_s = t_s + hs_level_s(level);

        HS_ASSERT(t_s % hs_level_s(level) == 0);
        add(out, level, t_s, end_s);
        t_s = end_s;
    }
}
