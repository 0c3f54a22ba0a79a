#include "model/behaviour.h"

#include "model/cell_sql.h"

/* All but the first two are of intents whose first page was sent. */
#define COUNTED(condition) "countIf(i.first_page AND " condition ")"
#define ANSWERED "i.answered"
#define SHOWN "i.answered AND i.hits > 0 AND i.tracked"
#define AT(k) COUNTED(SHOWN " AND i.best_click_position BETWEEN 1 AND " k)
#define SUM(value) "sumIf(" value ", i.first_page AND " SHOWN ")"
/* Without a click on a result, sponsored or not; each is in the first of these that holds. */
#define NOT_CLICKED SHOWN " AND i.clicks = 0 AND i.sponsored_clicks = 0"
#define NOT_CARTED NOT_CLICKED " AND NOT i.carted AND NOT i.purchased"
#define NOT_REFINED NOT_CARTED " AND NOT i.refined"
#define NOT_SUGGESTED NOT_REFINED " AND NOT i.suggestion"

const struct hs_behaviour_column hs_behaviour_counts[HS_BEHAVIOUR_COUNTS] = {
    [HS_B_INTENTS] = {"intents", "countIf(i.first_page)"},
    [HS_B_WITHOUT_FIRST_PAGE] = {"intents_without_first_page", "countIf(NOT i.first_page)"},
    [HS_B_SEARCHES] = {"intent_searches", "sumIf(toUInt64(i.searches), i.first_page)"},
    [HS_B_PAGES] = {"intent_pages", "sumIf(toUInt64(i.pages), i.first_page)"},
    [HS_B_ANSWERED] = {"intents_answered", COUNTED(ANSWERED)},
    [HS_B_ZERO] = {"intents_zero", COUNTED(ANSWERED " AND i.hits = 0")},
    [HS_B_FILTERED_ANSWERED] = {"filtered_answered", COUNTED(ANSWERED " AND i.filtered")},
    [HS_B_FILTERED_ZERO] = {"filtered_zero", COUNTED(ANSWERED " AND i.filtered AND i.hits = 0")},
    [HS_B_FALLBACK_ANSWERED] = {"fallback_answered", COUNTED(ANSWERED " AND i.fallback != ''")},
    [HS_B_FALLBACK_ZERO] = {"fallback_zero",
                            COUNTED(ANSWERED " AND i.fallback != '' AND i.hits = 0")},
    [HS_B_SHOWN] = {"shown", COUNTED(SHOWN)},
    [HS_B_UNTRACKED] = {"untracked", COUNTED("i.answered AND i.hits > 0 AND NOT i.tracked")},
    [HS_B_CLICKED] = {"clicked", COUNTED(SHOWN " AND i.clicks > 0")},
    [HS_B_CLICKED_AT_1] = {"clicked_at_1", AT("1")},
    [HS_B_CLICKED_AT_3] = {"clicked_at_3", AT("3")},
    [HS_B_CLICKED_AT_5] = {"clicked_at_5", AT("5")},
    [HS_B_CLICKED_AT_10] = {"clicked_at_10", AT("10")},
    [HS_B_CLICKS] = {"clicks", SUM("toUInt64(i.clicks)")},
    [HS_B_CLICKS_BY_SESSION] = {"clicks_by_session", SUM("toUInt64(i.clicks_by_session)")},
    [HS_B_CLICKS_WITHOUT_POSITION] = {"clicks_without_position",
                                      SUM("toUInt64(i.clicks_without_position)")},
    [HS_B_SPONSORED_CLICKED] = {"sponsored_clicked", COUNTED(SHOWN " AND i.sponsored_clicks > 0")},
    [HS_B_FIRST_POSITIONS] = {"first_positions", COUNTED(SHOWN " AND i.first_click_position > 0")},
    [HS_B_FIRST_POSITION_SUM] = {"first_position_sum", SUM("toUInt64(i.first_click_position)")},
    [HS_B_WITHOUT_CLICK_CARTED] = {"without_click_carted",
                                   COUNTED(NOT_CLICKED " AND (i.carted OR i.purchased)")},
    [HS_B_WITHOUT_CLICK_REFINED] = {"without_click_refined", COUNTED(NOT_CARTED " AND i.refined")},
    [HS_B_WITHOUT_CLICK_SUGGESTION] = {"without_click_suggestion",
                                       COUNTED(NOT_REFINED " AND i.suggestion")},
    [HS_B_WITHOUT_CLICK_REFORMULATED] = {"without_click_reformulated",
                                         COUNTED(NOT_SUGGESTED " AND i.reformulated")},
    [HS_B_NO_ACTION] = {"no_action", COUNTED(NOT_SUGGESTED " AND NOT i.reformulated")},
    [HS_B_IN_SESSION] = {"in_session", COUNTED("i.session_id != ''")},
    [HS_B_REFORMULATED] = {"reformulated", COUNTED("i.session_id != '' AND i.reformulated")},
    [HS_B_TIME_TO_CLICK_COUNT] = {"time_to_click_count",
                                  COUNTED(SHOWN " AND i.time_to_click_ms IS NOT NULL")},
    [HS_B_DWELLS] = {"dwells", SUM("toUInt64(i.dwells)")},
    [HS_B_CARTED] = {"carted", COUNTED(SHOWN " AND i.carted")},
    [HS_B_PURCHASED] = {"purchased", COUNTED(SHOWN " AND i.purchased")},
};

const struct hs_behaviour_column hs_behaviour_sums[HS_BEHAVIOUR_SUMS] = {
    [HS_B_RECIPROCAL_SUM] = {"reciprocal_sum",
                             SUM("if(i.best_click_position > 0, 1 / i.best_click_position, 0)")},
    [HS_B_RECIPROCAL_SQUARES] =
        {"reciprocal_squares",
         SUM("if(i.best_click_position > 0, 1 / pow(i.best_click_position, 2), "
             "0)")},
    [HS_B_FIRST_POSITION_SQUARES] = {"first_position_squares",
                                     SUM("pow(i.first_click_position, 2)")},
    [HS_B_TIME_TO_CLICK_SUM_MS] = {"time_to_click_sum_ms", SUM("ifNull(i.time_to_click_ms, 0)")},
    [HS_B_DWELL_SUM_MS] = {"dwell_sum_ms", SUM("i.dwell_sum_ms")},
    [HS_B_DWELL_SQUARES] = {"dwell_squares", SUM("i.dwell_squares")},
};

const struct hs_behaviour_column hs_behaviour_state = {
    "time_to_click_state",
    HS_SQL_STATE(HS_SQL_LATENCY_LEVELS, "ifNull(i.time_to_click_ms, 0), toUInt64(1)",
                 "i.first_page AND " SHOWN " AND i.time_to_click_ms IS NOT NULL"),
};
