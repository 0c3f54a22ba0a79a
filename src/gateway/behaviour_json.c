#include "gateway/behaviour_json.h"

#include <math.h>

#include "analysis/stats.h"
#include "base/mem.h"
#include "gateway/rate.h"

#define NO_INTENTS "no intents with a known number of results in the range"
#define NO_SHOWN "no intents with results in the range"
#define NO_TRACKING                                                                                \
    "no click tracking: the applications of these intents have sent no action (docs/metrics.md)"
#define OF_SHOWN " / intents with results, in applications that send actions"
#define OF_ANSWERED " / intents whose last answered search says how many results it had"

static uint64_t count_of(const struct hs_cell *cell, enum hs_behaviour_count i)
{
    return cell->behaviour[i];
}

static const char *why_nothing_shown(const struct hs_cell *cell)
{
    return count_of(cell, HS_B_UNTRACKED) > 0 ? NO_TRACKING : NO_SHOWN;
}

/* ---- rates */

struct rate_row {
    const char *name;
    enum hs_behaviour_count hits, of;
    const char *definition;
};

static const struct rate_row zero_rows[] = {
    {"zero_result_intents", HS_B_ZERO, HS_B_ANSWERED, "intents without results" OF_ANSWERED},
    {"zero_result_intents_filtered", HS_B_FILTERED_ZERO, HS_B_FILTERED_ANSWERED,
     "the same of intents whose last answered search had a filter"},
    {"zero_result_intents_after_fallback", HS_B_FALLBACK_ZERO, HS_B_FALLBACK_ANSWERED,
     "the same of intents whose last answered search fell back"},
};

static const struct rate_row shown_rows[] = {
    {"ctr", HS_B_CLICKED, HS_B_SHOWN,
     "intents with a click on a result that is not sponsored, within 30 minutes" OF_SHOWN},
    {"ctr_at_1", HS_B_CLICKED_AT_1, HS_B_SHOWN, "the same, at position 1"},
    {"ctr_at_3", HS_B_CLICKED_AT_3, HS_B_SHOWN, "the same, at positions up to 3"},
    {"ctr_at_5", HS_B_CLICKED_AT_5, HS_B_SHOWN, "the same, at positions up to 5"},
    {"ctr_at_10", HS_B_CLICKED_AT_10, HS_B_SHOWN, "the same, at positions up to 10"},
    {"sponsored_ctr", HS_B_SPONSORED_CLICKED, HS_B_SHOWN,
     "intents with a click on a sponsored result, within 30 minutes" OF_SHOWN},
    {"no_action", HS_B_NO_ACTION, HS_B_SHOWN,
     "intents without a click, cart, purchase, facet, filter, sort, page, suggestion or "
     "reformulation" OF_SHOWN},
    {"add_to_cart", HS_B_CARTED, HS_B_SHOWN,
     "intents after which something was put into the cart, within 24 hours" OF_SHOWN},
    {"purchase", HS_B_PURCHASED, HS_B_SHOWN,
     "intents after which something was bought, within 24 hours" OF_SHOWN},
};

static void add_rate(struct hs_json *json, const struct rate_row *row, const struct hs_cell *cell,
                     const char *reason)
{
    hs_json_key(json, row->name);
    hs_rate_json(json, count_of(cell, row->hits), count_of(cell, row->of), row->definition, reason);
}

static void add_zero_rates(struct hs_json *json, const struct hs_cell *cell)
{
    uint64_t answered = count_of(cell, HS_B_ANSWERED);
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(zero_rows); i++)
        add_rate(json, &zero_rows[i], cell, NO_INTENTS);
    hs_json_key(json, "zero_result_intents_unfiltered");
    hs_rate_json(json, count_of(cell, HS_B_ZERO) - count_of(cell, HS_B_FILTERED_ZERO),
                 answered - count_of(cell, HS_B_FILTERED_ANSWERED),
                 "the same of intents whose last answered search had no filter", NO_INTENTS);
    hs_json_key(json, "zero_result_intents_before_fallback");
    hs_rate_json(json,
                 count_of(cell, HS_B_ZERO) - count_of(cell, HS_B_FALLBACK_ZERO) +
                     count_of(cell, HS_B_FALLBACK_ANSWERED),
                 answered, "intents without results, or with those of a fallback" OF_ANSWERED,
                 NO_INTENTS);
}

/* What those without a click did instead. */
static void add_without_click(struct hs_json *json, const struct hs_cell *cell)
{
    static const struct {
        const char *name;
        enum hs_behaviour_count count;
    } parts[] = {
        {"cart", HS_B_WITHOUT_CLICK_CARTED},
        {"facet", HS_B_WITHOUT_CLICK_REFINED},
        {"suggestion", HS_B_WITHOUT_CLICK_SUGGESTION},
        {"reformulation", HS_B_WITHOUT_CLICK_REFORMULATED},
        {"none", HS_B_NO_ACTION},
    };
    size_t i;

    hs_json_key(json, "without_click");
    hs_json_obj_open(json);
    for (i = 0; i < HS_ARRAY_LEN(parts); i++) {
        hs_json_key(json, parts[i].name);
        hs_json_add_u64(json, count_of(cell, parts[i].count));
    }
    hs_json_key(json, "definition");
    hs_json_add_c(json, "intents without any click, each under the first of these that it had: a "
                        "cart or purchase; a facet, filter, sort or page; a suggestion; a "
                        "reformulation");
    hs_json_obj_close(json);
}

/* ---- means */

static void add_known(struct hs_json *json, const char *key, bool known, double v)
{
    hs_json_key(json, key);
    if (known)
        hs_json_add_double(json, v);
    else
        hs_json_add_null(json);
}

/* A mean with its 95 % interval by the normal approximation, over n values. */
static void add_mean(struct hs_json *json, uint64_t n, double sum, double squares)
{
    const double z = HS_NORMAL_97_5;
    double mean = n > 0 ? sum / (double)n : 0;
    double variance = n > 1 ? fmax(0, (squares - sum * mean) / (double)(n - 1)) : 0;
    double half = n > 1 ? z * sqrt(variance / (double)n) : 0;

    hs_json_key(json, "n");
    hs_json_add_u64(json, n);
    add_known(json, "value", n > 0, mean);
    add_known(json, "low", n > 1, mean - half);
    add_known(json, "high", n > 1, mean + half);
}

static void end_mean(struct hs_json *json, uint64_t n, const char *reason, const char *definition)
{
    if (n == 0) {
        hs_json_key(json, "reason");
        hs_json_add_c(json, reason);
    }
    hs_json_key(json, "definition");
    hs_json_add_c(json, definition);
    hs_json_obj_close(json);
}

static const char *why_no_click(const struct hs_cell *cell, const char *reason)
{
    return count_of(cell, HS_B_SHOWN) > 0 ? reason : why_nothing_shown(cell);
}

static void add_means(struct hs_json *json, const struct hs_cell *cell)
{
    const double *sums = cell->behaviour_sums;
    uint64_t shown = count_of(cell, HS_B_SHOWN);
    uint64_t placed = count_of(cell, HS_B_FIRST_POSITIONS);
    uint64_t dwells = count_of(cell, HS_B_DWELLS);
    uint64_t timed = count_of(cell, HS_B_TIME_TO_CLICK_COUNT);

    hs_json_key(json, "mrr_of_clicks");
    hs_json_obj_open(json);
    add_mean(json, shown, sums[HS_B_RECIPROCAL_SUM], sums[HS_B_RECIPROCAL_SQUARES]);
    end_mean(json, shown, why_nothing_shown(cell),
             "mean of 1 / best position clicked, 0 without a click, over intents with results, in "
             "applications that send actions");
    hs_json_key(json, "first_click_position");
    hs_json_obj_open(json);
    add_mean(json, placed, (double)count_of(cell, HS_B_FIRST_POSITION_SUM),
             sums[HS_B_FIRST_POSITION_SQUARES]);
    end_mean(json, placed, why_no_click(cell, "no click with a known position in the range"),
             "mean position of the first click, over intents with one whose position is known");
    hs_json_key(json, "time_to_click");
    hs_json_obj_open(json);
    hs_json_key(json, "n");
    hs_json_add_u64(json, timed);
    add_known(json, "mean_ms", timed > 0,
              timed > 0 ? sums[HS_B_TIME_TO_CLICK_SUM_MS] / (double)timed : 0);
    add_known(json, "p50_ms", cell->time_to_click,
              cell->time_to_click ? cell->time_to_click[0] : 0);
    add_known(json, "p90_ms", cell->time_to_click,
              cell->time_to_click ? cell->time_to_click[1] : 0);
    end_mean(json, timed, why_no_click(cell, "no click in the range"),
             "from the start of the clicked search to the intent's first click");
    hs_json_key(json, "dwell");
    hs_json_obj_open(json);
    add_mean(json, dwells, sums[HS_B_DWELL_SUM_MS], sums[HS_B_DWELL_SQUARES]);
    end_mean(json, dwells, "no dwell action in the range",
             "mean value of dwell actions in ms, within 30 minutes");
}

static void add_count(struct hs_json *json, const char *key, const struct hs_cell *cell,
                      enum hs_behaviour_count i)
{
    hs_json_key(json, key);
    hs_json_add_u64(json, count_of(cell, i));
}

void hs_behaviour_json(struct hs_json *json, const struct hs_cell *cell)
{
    size_t i;

    add_count(json, "intents", cell, HS_B_INTENTS);
    add_count(json, "intents_without_first_page", cell, HS_B_WITHOUT_FIRST_PAGE);
    add_count(json, "intents_untracked", cell, HS_B_UNTRACKED);
    add_count(json, "intent_searches", cell, HS_B_SEARCHES);
    add_count(json, "intent_pages", cell, HS_B_PAGES);
    add_zero_rates(json, cell);
    for (i = 0; i < HS_ARRAY_LEN(shown_rows); i++)
        add_rate(json, &shown_rows[i], cell, why_nothing_shown(cell));
    add_without_click(json, cell);
    hs_json_key(json, "reformulation");
    hs_rate_json(json, count_of(cell, HS_B_REFORMULATED), count_of(cell, HS_B_IN_SESSION),
                 "intents that the session went on from within 5 minutes in other, related words / "
                 "intents with a session",
                 "no intents with a session in the range");
    add_count(json, "clicks", cell, HS_B_CLICKS);
    add_count(json, "clicks_by_session", cell, HS_B_CLICKS_BY_SESSION);
    add_count(json, "clicks_without_position", cell, HS_B_CLICKS_WITHOUT_POSITION);
    add_means(json, cell);
}

/* ---- series */

/* Rounded as in cells.c: short numbers print fast. */
static void add_quotient(struct hs_json *json, double sum, uint64_t of)
{
    if (of > 0)
        hs_json_add_double(json, round(sum / (double)of * 1e9) / 1e9);
    else
        hs_json_add_null(json);
}

#define RATE_FN(fn, hits, of)                                                                      \
    static void fn(struct hs_json *json, const struct hs_cell *cell)                               \
    {                                                                                              \
        add_quotient(json, (double)count_of(cell, hits), count_of(cell, of));                      \
    }

static void add_intents(struct hs_json *json, const struct hs_cell *cell)
{
    hs_json_add_u64(json, count_of(cell, HS_B_INTENTS));
}

RATE_FN(add_zero_rate, HS_B_ZERO, HS_B_ANSWERED)
RATE_FN(add_ctr, HS_B_CLICKED, HS_B_SHOWN)
RATE_FN(add_ctr_at_1, HS_B_CLICKED_AT_1, HS_B_SHOWN)
RATE_FN(add_ctr_at_10, HS_B_CLICKED_AT_10, HS_B_SHOWN)
RATE_FN(add_no_action_rate, HS_B_NO_ACTION, HS_B_SHOWN)
RATE_FN(add_reformulation_rate, HS_B_REFORMULATED, HS_B_IN_SESSION)
RATE_FN(add_first_position, HS_B_FIRST_POSITION_SUM, HS_B_FIRST_POSITIONS)

static void add_mrr(struct hs_json *json, const struct hs_cell *cell)
{
    add_quotient(json, cell->behaviour_sums[HS_B_RECIPROCAL_SUM], count_of(cell, HS_B_SHOWN));
}

static void add_time_to_click(struct hs_json *json, const struct hs_cell *cell)
{
    if (cell->time_to_click)
        hs_json_add_double(json, cell->time_to_click[0]);
    else
        hs_json_add_null(json);
}

const struct hs_series_column hs_series_behaviour[] = {
    {"intents", add_intents},
    {"zero_result_intents_rate", add_zero_rate},
    {"ctr", add_ctr},
    {"ctr_at_1", add_ctr_at_1},
    {"ctr_at_10", add_ctr_at_10},
    {"mrr_of_clicks", add_mrr},
    {"first_click_position", add_first_position},
    {"no_action_rate", add_no_action_rate},
    {"reformulation_rate", add_reformulation_rate},
    {"time_to_click_p50_ms", add_time_to_click},
    {NULL, NULL},
};
