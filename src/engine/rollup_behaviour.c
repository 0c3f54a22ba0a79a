/* The behaviour rollup: haystat.intents and behaviour_*, in blocks of ten minutes. */
#include "base/mem.h"
#include "engine/behaviour_marks.h"
#include "engine/behaviour_sql.h"
#include "engine/rollup_kind.h"
#include "port/source.h"

enum {
    /* A block whose clicks have settled is no longer computed at the pace of the open one. */
    RECENT_S = HS_INTENT_LENGTH_S + 60,
    SETTLED_S = HS_PURCHASE_WINDOW_S + HS_INTENT_LENGTH_S,
    GROUP_S_MAX = 6 * 3600, /* of raw rows of one statement */
    SLICE_ROWS = 1000000,   /* searches that one statement takes in hand */
    SQL_BYTES_MAX = 16 << 20,
    COUNT_ARENA_BYTES = 1 << 20,
    COUNT_MS = 60000,
};

static int64_t pace_ms(const struct hs_conf *conf)
{
    return (int64_t)conf->rollup_behaviour_ms;
}

/* Whether the block was last computed before it was so old, and is so old by now. */
static bool passes(const struct hs_rollup_age *age, int64_t end_s, int64_t old_s)
{
    return age->wall_s >= end_s + old_s && age->wall_s - age->since_s < end_s + old_s;
}

static bool due(const struct hs_rollup_age *age)
{
    int64_t end_s = age->start_s + hs_level_s(HS_LEVEL_10M);
    int64_t old_s = age->wall_s - end_s;
    double wait_s = (double)old_s * age->conf->rollup_behaviour_age_share;

    if (age->start_s >= age->wall_s)
        return false;
    if (age->since_s == INT64_MAX || (double)age->since_s >= wait_s)
        return true;
    return passes(age, end_s, RECENT_S) || passes(age, end_s, SETTLED_S);
}

/* Cells of imported history are as old as raw rows may be, and finer cells are kept as long. */
static bool needs_rows(enum hs_level level, int64_t start_s, int64_t wall_s)
{
    (void)level;
    (void)start_s;
    (void)wall_s;
    return false;
}

/* ---- the base level */

static int count_slices(const struct hs_rollup_job *job, struct hs_behaviour_ask *ask,
                        struct hs_buf *sql, struct hs_err *err)
{
    const struct hs_param param = {.name = "tenant", .value = job->tenant};
    struct hs_query query = {.params = &param,
                             .params_n = 1,
                             .user = HS_ANALYTICS_RW,
                             .timeout_ms = COUNT_MS};
    struct hs_arena arena;
    struct hs_table table;
    int rc;

    hs_buf_reset(sql);
    hs_behaviour_count_sql(ask, sql);
    if (!hs_buf_ok(sql))
        return hs_err_set(err, HS_ELIMIT, 0, "behaviour statement passes %zu bytes", sql->max);
    query.sql = hs_buf_cstr(sql);
    hs_arena_init(&arena, COUNT_ARENA_BYTES);
    rc = hs_analytics_query(job->deps->analytics, &query, &arena, &table, err);
    if (rc == HS_OK)
        ask->slices = table.columns[0].u64[0] / SLICE_ROWS + 1;
    hs_arena_fini(&arena);
    return rc;
}

static int write_intents(const struct hs_rollup_job *job, struct hs_behaviour_ask *ask,
                         struct hs_buf *sql, struct hs_err *err)
{
    int rc = count_slices(job, ask, sql, err);

    for (ask->slice = 0; rc == HS_OK && ask->slice < ask->slices; ask->slice++) {
        hs_buf_reset(sql);
        hs_behaviour_intents_sql(ask, sql);
        rc = hs_rollup_exec(job, sql, err);
    }
    hs_buf_reset(sql);
    hs_behaviour_deleted_sql(job->window, sql);
    return rc == HS_OK ? hs_rollup_exec(job, sql, err) : rc;
}

/* Reads what is counted of the tenant's applications, then writes the intents. */
static int write_base(const struct hs_rollup_job *job, struct hs_buf *sql, struct hs_err *err)
{
    struct hs_metadata *metadata = job->deps->metadata;
    struct hs_behaviour_ask ask = {.window = job->window};
    int rc = hs_source_lists_read(metadata, job->tenant, HS_SOURCE_OF_SEARCHES, &ask.counted, err);

    if (rc == HS_OK)
        rc = hs_source_lists_read(metadata, job->tenant, HS_SOURCE_OF_ACTIONS, &ask.actions, err);
    if (rc == HS_OK)
        rc = hs_source_lists_read(metadata, job->tenant, HS_SOURCE_TRACKED, &ask.tracked, err);
    if (rc == HS_OK)
        rc = write_intents(job, &ask, sql, err);
    hs_source_lists_fini(&ask.tracked);
    hs_source_lists_fini(&ask.actions);
    hs_source_lists_fini(&ask.counted);
    return rc;
}

/* ---- cells */

static int write_level(const struct hs_rollup_job *job, enum hs_level level, struct hs_buf *sql,
                       struct hs_err *err)
{
    int rc;

    hs_buf_reset(sql);
    hs_behaviour_cells_sql(level, job->window, sql);
    rc = hs_rollup_exec(job, sql, err);
    hs_buf_reset(sql);
    hs_behaviour_zeros_sql(level, job->window, sql);
    return rc == HS_OK ? hs_rollup_exec(job, sql, err) : rc;
}

static int write(const struct hs_rollup_job *job, struct hs_err *err)
{
    struct hs_buf sql;
    int rc = HS_OK;

    hs_buf_init(&sql, SQL_BYTES_MAX);
    if (job->window->from_rows) {
        rc = write_base(job, &sql, err);
        if (rc == HS_OK)
            rc = write_level(job, HS_LEVEL_1M, &sql, err);
    }
    if (rc == HS_OK)
        rc = write_level(job, job->window->level, &sql, err);
    hs_buf_fini(&sql);
    return rc;
}

const struct hs_rollup_kind hs_rollup_behaviour = {
    .name = "behaviour",
    .thread = "behaviour",
    .spaces = &hs_dirty_behaviour,
    .base = HS_LEVEL_10M,
    .recent_s = RECENT_S,
    .group_s_max = GROUP_S_MAX,
    .pace_ms = pace_ms,
    .due = due,
    .needs_rows = needs_rows,
    .prepare = hs_behaviour_mark_purchases,
    .write = write,
};
