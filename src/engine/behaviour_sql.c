/*
 * The large statement, from the inside out:
 *
 *     searches   counted searches that may be part of the window's intents, with their actions:
 *                those with their query id (or that of one of their parts), and those without a
 *                query id whose object this session saw last in this search
 *     groups     by intent id, else by session and surface, else each by itself; in order of time
 *     chains     a group cut where a search does not join the one before it: an intent each
 *     intents    chains that begin in the window, without what comes after HS_INTENT_LENGTH_S
 */
#include "engine/behaviour_sql.h"

#include "base/mem.h"
#include "model/cell_sql.h"

enum { DIM_VALUES_MAX = 100 };

static const long long us_per_s = 1000000;

/* An action, as its search sees it. */
#define ACTION_TYPE                                                                                \
    "Tuple(id String, action String, us Int64, position UInt32, sponsored UInt8, after_us Int64, " \
    "value Float64, by_session UInt8)"
/* A search in a group. */
#define SEARCH_TYPE                                                                                \
    "Tuple(us Int64, event_id String, query_id String, session_id String, service String, "        \
    "environment String, application String, surface String, source String, tier String, "         \
    "host String, version String, ix String, index_version String, ranker String, region String, " \
    "locale String, country String, device String, experiments Map(String, String), "              \
    "query String, fingerprint UInt64, given UInt8, page UInt32, answered UInt8, hits UInt64, "    \
    "filtered UInt8, fallback String, status String, shards_failed UInt32, "                       \
    "latency_ms Nullable(Float64), acts Array(" ACTION_TYPE "))"

/* Of one search, s, with the actions joined to it. */
#define SEARCH_COLUMNS                                                                             \
    "(s.us, s.event_id, s.query_id, s.session_id, s.service, s.environment, s.application, "       \
    "s.surface, s.source, s.tier, s.host, s.version, s.index, s.index_version, s.ranker, "         \
    "s.region, s.locale, s.country, s.device, s.experiments, s.query_norm, s.fingerprint, "        \
    "s.given, s.page, s.answered, s.hits, s.filtered, s.fallback, s.status, s.shards_failed, "     \
    "s.latency_ms, arrayConcat(" SEEN("by_query.acts", "0") ", " SEEN("by_session.acts", "1") "))"

/* Actions with the place of their object in the list of s; else with the position that was sent. */
#define PLACE "indexOf(s.result_ids, a.4)"
#define SEEN(acts, by_session)                                                                     \
    "arrayMap(a -> CAST((a.1, a.2, a.3, if(" PLACE " > 0, s.result_positions[" PLACE "], a.5), "   \
    "(" PLACE " > 0 AND s.result_sponsored[" PLACE "]), a.3 - s.us, a.6, " by_session              \
    ") AS " ACTION_TYPE "), " acts ")"

#define GROUP_KEY                                                                                  \
    "multiIf(intent_id != '', cityHash64('intent', application, intent_id), session_id != '', "    \
    "cityHash64('session', session_id, surface), cityHash64('search', event_id, ts)) AS key"

/* What a search needs for it, of haystat.searches. */
#define SEARCH_ROW                                                                                 \
    "toUnixTimestamp64Micro(ts) AS us, ts, event_id, query_id, session_id, service, environment, " \
    "application, surface, source, tier, host, version, index, index_version, ranker, region, "    \
    "locale, country, device, experiments, query_norm, fingerprint, intent_id != '' AS given, "    \
    "ifNull(page, 1) AS page, status IN ('', 'ok', 'partial') AND (total_hits IS NOT NULL OR "     \
    "returned IS NOT NULL) AS answered, coalesce(total_hits, toUInt64(returned), 0) AS hits, "     \
    "filters NOT IN ('', '[]') AS filtered, fallback, status, "                                    \
    "ifNull(shards_failed, 0) AS shards_failed, latency_ms, result_ids, result_positions, "        \
    "result_sponsored, " GROUP_KEY

#define ACTION_ROW                                                                                 \
    "(event_id, action, toUnixTimestamp64Micro(ts), object_ids[1], object_positions[1], "          \
    "ifNull(value, 0))"

/* One text is the other's beginning; a search without text is like no other but its like. */
#define LIKE_THE_ONE_BEFORE                                                                        \
    "(q = q0 OR (q != '' AND q0 != '' AND (startsWith(q, q0) OR startsWith(q0, q))))"

/* Another wish in other words: the next intent's first text and this one's last share a word, or
 * half of the longer text's letters stay. */
#define REWORDED                                                                                   \
    "next.query != lasts.query AND next.query != '' AND lasts.query != '' AND "                    \
    "(hasAny(splitByChar(' ', next.query), splitByChar(' ', lasts.query)) OR "                     \
    "editDistanceUTF8(substringUTF8(next.query, 1, 256), substringUTF8(lasts.query, 1, 256)) * 2 " \
    "<= greatest(lengthUTF8(substringUTF8(next.query, 1, 256)), "                                  \
    "lengthUTF8(substringUTF8(lasts.query, 1, 256))))"

/* ---- applications: their lists may be long and are needed in several places, so they stand
 * in WITH */

static void add_list(const struct hs_source_lists *lists, const char *name, struct hs_buf *out)
{
    if (lists->names.n > 0)
        hs_buf_addf(out, "[%.*s] AS %s_names, [%.*s] AS %s_sources, ",
                    HS_STR_ARG(hs_buf_str(&lists->names)), name,
                    HS_STR_ARG(hs_buf_str(&lists->counted)), name);
}

static void add_lists(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "WITH ");
    add_list(&ask->counted, "counted", out);
    add_list(&ask->actions, "actions", out);
    add_list(&ask->tracked, "tracked", out);
    HS_BUF_ADD_LIT(out, "1 AS one ");
}

static void add_counted(const struct hs_source_lists *lists, const char *name, struct hs_buf *out)
{
    if (lists->names.n > 0)
        hs_buf_addf(out,
                    "source = transform(application::String, %s_names, %s_sources, source::String)",
                    name, name);
    else
        HS_BUF_ADD_LIT(out, "1");
}

/* ---- raw rows */

/* " AND ts >= … AND ts < …", in seconds around the window. */
static void add_time(const struct hs_rollup_window *window, int64_t before_s, int64_t after_s,
                     struct hs_buf *out)
{
    hs_buf_addf(out,
                " AND ts >= toDateTime64(%lld, 6, 'UTC') AND ts < toDateTime64(%lld, 6, 'UTC')",
                (long long)(window->from_s - before_s), (long long)(window->to_s + after_s));
}

/* Searches that intents are made of, from so long before the window to so long after it. */
static void add_searches(const struct hs_behaviour_ask *ask, int64_t before_s, int64_t after_s,
                         struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, " FROM haystat.searches WHERE tenant = {tenant:String}");
    add_time(ask->window, before_s, after_s, out);
    HS_BUF_ADD_LIT(out, " AND parent_query_id = '' AND kind IN ('', 'search') AND NOT bot AND NOT "
                        "synthetic AND ");
    add_counted(&ask->counted, "counted", out);
}

static void add_searches_where(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    add_searches(ask, HS_INTENT_GAP_S, HS_INTENT_LENGTH_S, out);
}

/* Actions that may belong to the window's intents; what is bought or carted has more time. */
static void add_actions_where(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, " FROM haystat.results WHERE tenant = {tenant:String}");
    add_time(ask->window, HS_INTENT_GAP_S, HS_PURCHASE_WINDOW_S, out);
    hs_buf_addf(out,
                " AND (ts < toDateTime64(%lld, 6, 'UTC') OR action IN ('add_to_cart', 'purchase')) "
                "AND NOT bot AND NOT synthetic AND ",
                (long long)(ask->window->to_s + HS_INTENT_LENGTH_S));
    add_counted(&ask->actions, "actions", out);
}

/* By query id; those of a part of a multi-search belong to the whole. */
static void add_by_query(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "SELECT if(part.whole = '', r.query_id, part.whole) AS query_id, "
                        "groupArray(r.act) AS acts FROM (SELECT query_id, " ACTION_ROW " AS act");
    add_actions_where(ask, out);
    HS_BUF_ADD_LIT(out, " AND query_id != '') AS r LEFT ANY JOIN (SELECT query_id, "
                        "parent_query_id AS whole FROM haystat.searches WHERE tenant = "
                        "{tenant:String}");
    add_time(ask->window, HS_INTENT_GAP_S, HS_INTENT_LENGTH_S, out);
    HS_BUF_ADD_LIT(out, " AND parent_query_id != '' AND query_id != '') AS part "
                        "ON r.query_id = part.query_id GROUP BY query_id");
}

static void add_actions_without_query(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    add_actions_where(ask, out);
    HS_BUF_ADD_LIT(out, " AND query_id = '' AND session_id != '' AND notEmpty(object_ids)");
}

/* By session and object: the last search before the action that showed the object. */
static void add_by_session(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "SELECT shown_in AS event_id, groupArray(act) AS acts FROM (SELECT "
                        "any(r.act) AS act, argMax(q.event_id, (q.us, q.event_id)) AS shown_in "
                        "FROM (SELECT session_id, " ACTION_ROW " AS act");
    add_actions_without_query(ask, out);
    HS_BUF_ADD_LIT(out, ") AS r INNER JOIN (SELECT session_id, event_id, result_ids, "
                        "toUnixTimestamp64Micro(ts) AS us");
    add_searches_where(ask, out);
    HS_BUF_ADD_LIT(out, " AND session_id IN (SELECT session_id");
    add_actions_without_query(ask, out);
    hs_buf_addf(out,
                ")) AS q ON r.session_id = q.session_id WHERE r.act.3 >= q.us AND r.act.3 < q.us + "
                "%lld AND has(q.result_ids, r.act.4) GROUP BY r.act.1) GROUP BY shown_in",
                HS_INTENT_LENGTH_S * us_per_s);
}

/* ---- intents */

static void add_groups(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "SELECT s.key AS key, arraySort(x -> (x.us, x.event_id), "
                        "groupArray(CAST(" SEARCH_COLUMNS " AS " SEARCH_TYPE "))) AS r FROM "
                        "(SELECT " SEARCH_ROW);
    add_searches_where(ask, out);
    if (ask->slices > 1)
        hs_buf_addf(out, " AND key %% %llu = %llu", (unsigned long long)ask->slices,
                    (unsigned long long)ask->slice);
    HS_BUF_ADD_LIT(out, " AND key IN (SELECT " GROUP_KEY);
    add_searches(ask, 0, 0, out);
    HS_BUF_ADD_LIT(out, ")) AS s LEFT ANY JOIN (");
    add_by_query(ask, out);
    HS_BUF_ADD_LIT(out, ") AS by_query ON s.query_id = by_query.query_id LEFT ANY JOIN (");
    add_by_session(ask, out);
    HS_BUF_ADD_LIT(out, ") AS by_session ON s.event_id = by_session.event_id GROUP BY key");
}

/* For each search of the group r, whether it begins a chain: joins not the one before it, which has
 * time us0 and text q0. Only columns that are needed go into the function: a group has thirty. */
static void add_begins(struct hs_buf *out)
{
    hs_buf_addf(out,
                "arrayMap((us, q, turned, given, us0, q0) -> NOT (us0 > 0 AND us - us0 <= %lld AND "
                "(given OR ((turned > 1 OR us - us0 <= %lld) AND " LIKE_THE_ONE_BEFORE "))), "
                "r.us, r.query, r.page, r.given, arrayShiftRight(r.us, 1), "
                "arrayShiftRight(r.query, 1))",
                HS_INTENT_GAP_S * us_per_s, HS_INTENT_TYPING_S * us_per_s);
}

/* Groups cut into chains, of which those that begin in the window are left; beside each the time
 * and the text of the next one's first search. */
static void add_cut(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "SELECT arrayFilter(p -> p.1[1].us >= ");
    hs_buf_addf(out, "%lld AND p.1[1].us < %lld, ", (long long)ask->window->from_s * us_per_s,
                (long long)ask->window->to_s * us_per_s);
    HS_BUF_ADD_LIT(out,
                   "arrayZip(chains, arrayShiftLeft(arrayMap(c -> CAST((c[1].us, c[1].query) AS "
                   "Tuple(us Int64, query String)), chains), 1))) AS pairs FROM (SELECT "
                   "arraySplit((x, b) -> b, r, ");
    add_begins(out);
    HS_BUF_ADD_LIT(out, ") AS chains FROM (");
    add_groups(ask, out);
    HS_BUF_ADD_LIT(out, "))");
}

/* One row an intent: head, its searches m, the one o that counts for its results, its actions acts,
 * the next intent of its group. */
static void add_chains(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "SELECT pair.1 AS chain, pair.2 AS next, chain[1] AS head, "
                        "arrayFilter(x -> x.us < head.us + ");
    hs_buf_addf(out, "%lld", HS_INTENT_LENGTH_S * us_per_s);
    HS_BUF_ADD_LIT(out,
                   ", chain) AS m, m[-1] AS lasts, arrayLast(x -> x.answered AND x.page <= 1, m) "
                   "AS outcome, if(outcome.us > 0, outcome, head) AS o, "
                   "arraySort(arrayFlatten(m.acts)) AS repeated, "
                   "arrayFilter((a, p) -> a.id != p.id, repeated, arrayShiftRight(repeated, 1)) "
                   "AS acts FROM (");
    add_cut(ask, out);
    HS_BUF_ADD_LIT(out, ") ARRAY JOIN pairs AS pair");
}

/* Actions within so many seconds of the intent's beginning; a clock may be behind by the gap. */
static void add_within(const char *condition, int64_t seconds, const char *name, struct hs_buf *out)
{
    hs_buf_addf(out,
                ", arrayFilter(a -> %s AND a.us >= head.us - %lld AND a.us < head.us + %lld, acts) "
                "AS %s",
                condition, HS_INTENT_GAP_S * us_per_s, (long long)seconds * us_per_s, name);
}

/* The actions that count, apart. */
static void add_intents(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "SELECT *");
    add_within("a.action = 'click' AND NOT a.sponsored", HS_INTENT_LENGTH_S, "clicked", out);
    add_within("a.action = 'click' AND a.sponsored", HS_INTENT_LENGTH_S, "sponsored", out);
    add_within("a.action = 'dwell'", HS_INTENT_LENGTH_S, "dwelt", out);
    add_within("a.action IN ('facet', 'filter', 'sort', 'paginate')", HS_INTENT_LENGTH_S, "used",
               out);
    add_within("a.action = 'suggestion_click'", HS_INTENT_LENGTH_S, "suggested", out);
    add_within("a.action = 'add_to_cart'", HS_PURCHASE_WINDOW_S, "in_cart", out);
    add_within("a.action = 'purchase'", HS_PURCHASE_WINDOW_S, "bought", out);
    HS_BUF_ADD_LIT(out, ", arraySort(a -> (a.us, a.id), clicked) AS by_time, "
                        "arrayFilter(a -> a.position > 0, clicked) AS placed FROM (");
    add_chains(ask, out);
    HS_BUF_ADD_LIT(out, ")");
}

void hs_behaviour_intents_sql(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(
        out,
        "INSERT INTO haystat.intents (tenant, t, ts, event_id, query_id, session_id, service, "
        "environment, application, surface, source, tier, host, version, index, "
        "index_version, ranker, region, locale, country, device, experiments, query_norm, "
        "fingerprint, first_page, searches, pages, answered, hits, filtered, fallback, status, "
        "shards_failed, latency_ms, tracked, clicks, clicks_by_session, "
        "clicks_without_position, sponsored_clicks, first_click_position, "
        "best_click_position, time_to_click_ms, dwells, dwell_sum_ms, dwell_squares, refined, "
        "suggestion, "
        "carted, purchased, reformulated, written, deleted) ");
    add_lists(ask, out);
    HS_BUF_ADD_LIT(
        out, "SELECT {tenant:String}, toStartOfMinute(fromUnixTimestamp64Micro(head.us, 'UTC')), "
             "fromUnixTimestamp64Micro(head.us, 'UTC'), head.event_id, o.query_id, "
             "head.session_id, head.service AS service, head.environment, "
             "head.application AS application, head.surface, head.source, head.tier, head.host, "
             "head.version, head.ix, head.index_version, head.ranker, head.region, head.locale, "
             "head.country, head.device, head.experiments, o.query, o.fingerprint, "
             "head.page <= 1, length(m), countEqual(arrayMap(x -> x.page > 1, m), 1) AS turned, "
             "outcome.us > 0, o.hits, o.filtered, o.fallback, o.status, o.shards_failed, "
             "o.latency_ms, ");
    hs_buf_add_c(out, ask->tracked.names.n > 0 ? "has(tracked_names, application)" : "0");
    HS_BUF_ADD_LIT(
        out, ", length(clicked), countEqual(clicked.by_session, 1), "
             "length(clicked) - length(placed), length(sponsored), by_time[1].position, "
             "if(empty(placed), 0, arrayMin(placed.position)), "
             "if(empty(by_time) OR by_time[1].after_us < 0, NULL, by_time[1].after_us / 1000), "
             "length(dwelt), arraySum(dwelt.value), arraySum(a -> a.value * a.value, dwelt), "
             "notEmpty(used) OR turned > 0, "
             "notEmpty(suggested), notEmpty(in_cart), notEmpty(bought), ");
    hs_buf_addf(out,
                "next.us > 0 AND next.us - lasts.us < %lld AND next.us < head.us + %lld AND "
                "" REWORDED ", toUInt64(%llu), 0 FROM (",
                HS_INTENT_GAP_S * us_per_s, HS_INTENT_LENGTH_S * us_per_s,
                (unsigned long long)ask->window->version);
    add_intents(ask, out);
    HS_BUF_ADD_LIT(out, ")");
}

void hs_behaviour_count_sql(const struct hs_behaviour_ask *ask, struct hs_buf *out)
{
    add_lists(ask, out);
    HS_BUF_ADD_LIT(out, "SELECT count()");
    add_searches_where(ask, out);
}

static void add_intents_where(const struct hs_rollup_window *window, struct hs_buf *out)
{
    hs_buf_addf(out,
                " WHERE tenant = {tenant:String} AND t >= toDateTime(%lld, 'UTC') AND t < "
                "toDateTime(%lld, 'UTC')",
                (long long)window->from_s, (long long)window->to_s);
}

void hs_behaviour_deleted_sql(const struct hs_rollup_window *window, struct hs_buf *out)
{
    hs_buf_addf(out,
                "INSERT INTO haystat.intents (tenant, t, service, event_id, written, deleted) "
                "SELECT tenant, t, service, event_id, toUInt64(%llu), 1 FROM haystat.intents FINAL",
                (unsigned long long)window->version);
    add_intents_where(window, out);
    hs_buf_addf(out, " AND written < %llu", (unsigned long long)window->version);
}

/* ---- cells */

static void add_columns(const char *before, struct hs_buf *out)
{
    size_t i;

    for (i = 0; i < HS_BEHAVIOUR_COUNTS; i++)
        hs_buf_addf(out, ", %s%s", before, hs_behaviour_counts[i].name);
    for (i = 0; i < HS_BEHAVIOUR_SUMS; i++)
        hs_buf_addf(out, ", %s%s", before, hs_behaviour_sums[i].name);
    hs_buf_addf(out, ", %s%s", before, hs_behaviour_state.name);
}

static void add_from_intents(struct hs_buf *out)
{
    size_t i;

    for (i = 0; i < HS_BEHAVIOUR_COUNTS; i++)
        hs_buf_addf(out, ", %s AS %s", hs_behaviour_counts[i].from_intents,
                    hs_behaviour_counts[i].name);
    for (i = 0; i < HS_BEHAVIOUR_SUMS; i++)
        hs_buf_addf(out, ", %s AS %s", hs_behaviour_sums[i].from_intents,
                    hs_behaviour_sums[i].name);
    hs_buf_addf(out, ", %s AS %s", hs_behaviour_state.from_intents, hs_behaviour_state.name);
}

static void add_merged(struct hs_buf *out)
{
    size_t i;

    for (i = 0; i < HS_BEHAVIOUR_COUNTS; i++)
        hs_buf_addf(out, ", sum(c.%s)", hs_behaviour_counts[i].name);
    for (i = 0; i < HS_BEHAVIOUR_SUMS; i++)
        hs_buf_addf(out, ", sum(c.%s)", hs_behaviour_sums[i].name);
    HS_BUF_ADD_LIT(out, ", " HS_SQL_MERGED_STATE(HS_SQL_LATENCY_LEVELS, "c.time_to_click_state"));
}

static void add_insert(enum hs_level level, struct hs_buf *out)
{
    hs_buf_addf(out,
                "INSERT INTO haystat.behaviour_%s (tenant, service, environment, dim, value, t",
                hs_level_name(level));
    add_columns("", out);
    HS_BUF_ADD_LIT(out, ", version) ");
}

/* Cells by every value first; then all but the most frequent of a cell become 'other'. */
static void add_minutes(const struct hs_rollup_window *window, struct hs_buf *out)
{
    hs_buf_addf(out,
                "SELECT {tenant:String}, c.service, c.environment, c.dim, "
                "if(c.place > %d, 'other', c.value) AS shown_value, c.t",
                DIM_VALUES_MAX);
    add_merged(out);
    hs_buf_addf(out,
                ", toUInt64(%llu) FROM (SELECT *, row_number() OVER (PARTITION BY service, "
                "environment, dim, t ORDER BY intents DESC, value) AS place FROM (SELECT service, "
                "environment, pair.1 AS dim, pair.2 AS value, t",
                (unsigned long long)window->version);
    add_from_intents(out);
    HS_BUF_ADD_LIT(out, " FROM (SELECT *, arrayConcat([('', '')], " HS_SQL_DIMENSION_PAIRS
                        ", " HS_SQL_EXPERIMENT_PAIRS ") AS pairs FROM haystat.intents FINAL");
    add_intents_where(window, out);
    hs_buf_addf(
        out,
        " AND written = %llu) AS i ARRAY JOIN i.pairs AS pair GROUP BY service, environment, dim, "
        "value, t)) AS c GROUP BY c.service, c.environment, c.dim, shown_value, c.t",
        (unsigned long long)window->version);
}

static void add_cells_where(enum hs_level level, const struct hs_rollup_window *window,
                            struct hs_buf *out)
{
    hs_buf_addf(out,
                " FROM haystat.behaviour_%s AS c FINAL WHERE c.tenant = {tenant:String} AND c.t >= "
                "toDateTime(%lld, 'UTC') AND c.t < toDateTime(%lld, 'UTC')",
                hs_level_name(level), (long long)window->from_s, (long long)window->to_s);
}

static void add_coarser(enum hs_level level, const struct hs_rollup_window *window,
                        struct hs_buf *out)
{
    hs_buf_addf(out,
                "SELECT c.tenant, c.service, c.environment, c.dim, c.value, "
                "toStartOfInterval(c.t, INTERVAL %lld SECOND, 'UTC') AS w",
                (long long)hs_level_s(level));
    add_merged(out);
    hs_buf_addf(out, ", toUInt64(%llu)", (unsigned long long)window->version);
    add_cells_where((enum hs_level)(level - 1), window, out);
    HS_BUF_ADD_LIT(out, " GROUP BY c.tenant, c.service, c.environment, c.dim, c.value, w");
}

void hs_behaviour_cells_sql(enum hs_level level, const struct hs_rollup_window *window,
                            struct hs_buf *out)
{
    add_insert(level, out);
    if (level == HS_LEVEL_1M)
        add_minutes(window, out);
    else
        add_coarser(level, window, out);
}

void hs_behaviour_zeros_sql(enum hs_level level, const struct hs_rollup_window *window,
                            struct hs_buf *out)
{
    hs_buf_addf(out,
                "INSERT INTO haystat.behaviour_%s (tenant, service, environment, dim, value, t, "
                "time_to_click_state, version) SELECT c.tenant, c.service, c.environment, c.dim, "
                "c.value, c.t, char(0), toUInt64(%llu)",
                hs_level_name(level), (unsigned long long)window->version);
    add_cells_where(level, window, out);
    hs_buf_addf(out, " AND c.version < %llu AND c.intents + c.intents_without_first_page > 0",
                (unsigned long long)window->version);
}
