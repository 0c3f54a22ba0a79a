#include "engine/rollup_sql.h"

#include "base/mem.h"
#include "model/cell_sql.h"

enum { DIM_VALUES_MAX = 100 };

struct family_row {
    const char *name;
    const char *key;   /* columns of a cell's key beside t */
    const char *c_key; /* the same of the alias c */
};

static const struct family_row families[HS_ROLLUP_FAMILY_N] = {
    [HS_ROLLUP_FAST] = {"fast", "tenant, service, environment",
                        "c.tenant, c.service, c.environment"},
    [HS_ROLLUP_DIM] = {"dim", "tenant, service, environment, dim, value",
                       "c.tenant, c.service, c.environment, c.dim, c.value"},
};

/* Rows of the window, each with the start of its cell; `more` are further columns. */
static void add_rows(const struct hs_rollup_window *window, const char *more, struct hs_str counted,
                     struct hs_buf *out)
{
    if (window->level != HS_LEVEL_1M)
        hs_buf_addf(out,
                    "SELECT * REPLACE (toStartOfInterval(t, INTERVAL %lld SECOND, 'UTC') AS t) "
                    "FROM (",
                    (long long)hs_level_s(window->level));
    hs_buf_addf(out,
                "SELECT " HS_SQL_ROW_COLUMNS
                "%s FROM haystat.searches WHERE tenant = {tenant:String} "
                "AND ts >= toDateTime64(%lld, 6, 'UTC') AND ts < toDateTime64(%lld, 6, 'UTC') "
                "AND parent_query_id = '' AND (%.*s)",
                more, (long long)window->from_s, (long long)window->to_s, HS_STR_ARG(counted));
    if (window->level != HS_LEVEL_1M)
        HS_BUF_ADD_LIT(out, ")");
}

static void add_cells_where(enum hs_rollup_family family, enum hs_level level,
                            const struct hs_rollup_window *window, struct hs_buf *out)
{
    hs_buf_addf(out,
                "FROM haystat.%s_%s AS c FINAL WHERE c.tenant = {tenant:String} "
                "AND c.t >= toDateTime(%lld, 'UTC') AND c.t < toDateTime(%lld, 'UTC')",
                families[family].name, hs_level_name(level), (long long)window->from_s,
                (long long)window->to_s);
}

static void add_insert(enum hs_rollup_family family, enum hs_level level, struct hs_buf *out)
{
    hs_buf_addf(out, "INSERT INTO haystat.%s_%s (%s, t, " HS_SQL_CELL_COLUMNS ", version) ",
                families[family].name, hs_level_name(level), families[family].key);
}

/* Each row has one value of a dimension, so the cells of one dimension hold all rows, once. FINAL,
 * because an insert that was sent again may stand there twice. */
static void add_fast_from_dim(const struct hs_rollup_window *window, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "SELECT c.tenant, c.service, c.environment, c.t, " HS_SQL_CELLS_FROM_CELLS);
    HS_BUF_ADD_LIT(out, ", c.version ");
    add_cells_where(HS_ROLLUP_DIM, window->level, window, out);
    hs_buf_addf(out,
                " AND c.dim = 'version' AND c.version = %llu "
                "GROUP BY c.tenant, c.service, c.environment, c.t, c.version",
                (unsigned long long)window->version);
}

/* Cells by the dimensions together, which are few against the rows; then by each of them. */
static void add_dimensions(const struct hs_rollup_window *window, struct hs_str counted,
                           struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out,
                   "SELECT c.tenant AS tenant, c.service AS service, c.environment AS "
                   "environment, pair.1 AS dim, pair.2 AS value, c.t AS t, " HS_SQL_CELLS_FROM_CELLS
                   " FROM (SELECT *, " HS_SQL_DIMENSION_PAIRS
                   " AS pairs FROM (SELECT tenant, service, environment, " HS_SQL_DIMENSIONS
                   ", t, " HS_SQL_CELLS_FROM_ROWS " FROM (");
    add_rows(window, ", " HS_SQL_DIMENSIONS, counted, out);
    HS_BUF_ADD_LIT(out, ") GROUP BY tenant, service, environment, " HS_SQL_DIMENSIONS
                        ", t)) AS c ARRAY JOIN c.pairs AS pair "
                        "GROUP BY c.tenant, c.service, c.environment, dim, value, c.t");
}

/* Of these a row has many at once: all combinations of twenty would be as many as the rows. */
static void add_experiments(const struct hs_rollup_window *window, struct hs_str counted,
                            struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "SELECT tenant, service, environment, pair.1 AS dim, pair.2 AS value, "
                        "t, " HS_SQL_CELLS_FROM_ROWS " FROM (");
    add_rows(window, ", " HS_SQL_EXPERIMENT_PAIRS " AS pairs", counted, out);
    HS_BUF_ADD_LIT(out, ") ARRAY JOIN pairs AS pair "
                        "GROUP BY tenant, service, environment, dim, value, t");
}

/* Cells by every value first; then all but the most frequent values of a cell become 'other'. */
static void add_dim_from_rows(const struct hs_rollup_window *window, struct hs_str counted,
                              struct hs_buf *out)
{
    hs_buf_addf(out,
                "SELECT c.tenant, c.service, c.environment, c.dim, "
                "if(c.place > %d, 'other', c.value) AS shown, c.t, " HS_SQL_CELLS_FROM_CELLS
                ", toUInt64(%llu) FROM (SELECT *, row_number() OVER (PARTITION BY service, "
                "environment, dim, t ORDER BY count DESC, value) AS place FROM (",
                DIM_VALUES_MAX, (unsigned long long)window->version);
    add_dimensions(window, counted, out);
    HS_BUF_ADD_LIT(out, " UNION ALL ");
    add_experiments(window, counted, out);
    HS_BUF_ADD_LIT(out, ")) AS c GROUP BY c.tenant, c.service, c.environment, c.dim, shown, c.t");
}

static void add_from_cells(enum hs_rollup_family family, const struct hs_rollup_window *window,
                           struct hs_buf *out)
{
    hs_buf_addf(out,
                "SELECT %s, toStartOfInterval(c.t, INTERVAL %lld SECOND, 'UTC') AS "
                "w, " HS_SQL_CELLS_FROM_CELLS ", toUInt64(%llu) ",
                families[family].c_key, (long long)hs_level_s(window->level),
                (unsigned long long)window->version);
    add_cells_where(family, (enum hs_level)(window->level - 1), window, out);
    hs_buf_addf(out, " GROUP BY %s, w", families[family].c_key);
}

void hs_rollup_cells_sql(enum hs_rollup_family family, const struct hs_rollup_window *window,
                         struct hs_str counted, struct hs_buf *out)
{
    add_insert(family, window->level, out);
    if (!window->from_rows)
        add_from_cells(family, window, out);
    else if (family == HS_ROLLUP_FAST)
        add_fast_from_dim(window, out);
    else
        add_dim_from_rows(window, counted, out);
}

void hs_rollup_zeros_sql(enum hs_rollup_family family, const struct hs_rollup_window *window,
                         struct hs_buf *out)
{
    add_insert(family, window->level, out);
    hs_buf_addf(out, "SELECT %s, c.t, " HS_SQL_ZERO_CELLS ", toUInt64(%llu) ",
                families[family].c_key, (unsigned long long)window->version);
    add_cells_where(family, window->level, window, out);
    hs_buf_addf(out, " AND c.version < %llu AND c.count > 0 GROUP BY %s, c.t",
                (unsigned long long)window->version, families[family].c_key);
}
