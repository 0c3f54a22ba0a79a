/* The fast rollup: fast_* and dim_*. */
#include "base/killpoint.h"
#include "base/mem.h"
#include "engine/rollup_kind.h"
#include "engine/rollup_sql.h"
#include "port/source.h"

enum {
    RECENT_S = 90,          /* a minute that ended less ago is computed like the open one */
    GROUP_S_MAX = 3600,     /* of raw rows of one statement */
    FINER_MARGIN_S = 86400, /* finer cells count as gone this long before their time is over */
    SQL_BYTES_MAX = 16 << 20,
};

static int64_t pace_ms(const struct hs_conf *conf)
{
    return (int64_t)conf->rollup_open_ms;
}

static bool due(const struct hs_rollup_age *age)
{
    bool recent = age->start_s + hs_level_s(HS_LEVEL_1M) + RECENT_S > age->wall_s;

    return recent || age->since_s >= (int64_t)age->conf->rollup_debounce_ms / 1000;
}

/* Coarser windows come from finer cells, but those of imported history may be gone already: the
 * store drops cells that are past their time as soon as it merges them. */
static bool needs_rows(enum hs_level level, int64_t start_s, int64_t wall_s)
{
    enum hs_level finer = (enum hs_level)(level - 1);

    return start_s + hs_level_kept_s(finer) - FINER_MARGIN_S < wall_s;
}

/* Writes the cells of a window in both families. */
static int write_cells(const struct hs_rollup_job *job, struct hs_str counted, struct hs_err *err)
{
    struct hs_buf sql;
    int family;
    int rc = HS_OK;

    hs_buf_init(&sql, SQL_BYTES_MAX);
    for (family = 0; family < HS_ROLLUP_FAMILY_N && rc == HS_OK; family++) {
        hs_buf_reset(&sql);
        hs_rollup_cells_sql((enum hs_rollup_family)family, job->window, counted, &sql);
        rc = hs_rollup_exec(job, &sql, err);
        hs_buf_reset(&sql);
        hs_rollup_zeros_sql((enum hs_rollup_family)family, job->window, &sql);
        if (rc == HS_OK)
            rc = hs_rollup_exec(job, &sql, err);
        hs_killpoint("engine_rollup");
    }
    hs_buf_fini(&sql);
    return rc;
}

static int write(const struct hs_rollup_job *job, struct hs_err *err)
{
    struct hs_buf counted;
    int rc;

    hs_buf_init(&counted, SQL_BYTES_MAX);
    rc = hs_source_condition(job->deps->metadata, job->tenant, &counted, err);
    if (rc == HS_OK)
        rc = write_cells(job, hs_buf_str(&counted), err);
    hs_buf_fini(&counted);
    return rc;
}

const struct hs_rollup_kind hs_rollup_fast = {
    .name = "fast",
    .thread = "rollup",
    .spaces = &hs_dirty_fast,
    .base = HS_LEVEL_1M,
    .recent_s = RECENT_S,
    .group_s_max = GROUP_S_MAX,
    .pace_ms = pace_ms,
    .due = due,
    .needs_rows = needs_rows,
    .write = write,
};
