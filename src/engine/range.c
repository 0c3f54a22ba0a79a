#include "engine/range.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"

enum { RANGE_ARENA_BYTES = 256 << 20, TEXT_MAX = 32 };

static int read_start_id(struct hs_analytics *analytics, char out[HS_START_ID_MAX],
                         struct hs_err *err)
{
    static const struct hs_query query = {
        .sql = "SELECT id FROM haystat.store_start ORDER BY at, id LIMIT 1",
        .user = HS_ANALYTICS_RW,
        .timeout_ms = HS_RANGE_QUERY_MS,
    };
    struct hs_arena arena;
    struct hs_table table;
    int rc;

    hs_arena_init(&arena, 1 << 20);
    rc = hs_analytics_query(analytics, &query, &arena, &table, err);
    out[0] = '\0';
    if (rc == HS_OK && table.rows == 1 && table.columns[0].str[0].n < HS_START_ID_MAX) {
        memcpy(out, table.columns[0].str[0].p, table.columns[0].str[0].n);
        out[table.columns[0].str[0].n] = '\0';
    }
    hs_arena_fini(&arena);
    return rc;
}

int hs_store_start_id(struct hs_analytics *analytics, char out[HS_START_ID_MAX], struct hs_err *err)
{
    char id[HS_UUID_TEXT];
    struct hs_param param = {.name = "id", .value = hs_str_n(id, sizeof(id))};
    struct hs_query insert = {
        .sql = "INSERT INTO haystat.store_start SELECT {id:String}, now64(6, 'UTC')",
        .params = &param,
        .params_n = 1,
        .user = HS_ANALYTICS_RW,
        .timeout_ms = HS_RANGE_QUERY_MS,
    };
    int rc = read_start_id(analytics, out, err);

    if (rc != HS_OK || out[0] != '\0')
        return rc;
    hs_uuid7(hs_wall_ns(hs_clock_system()), id);
    rc = hs_analytics_exec(analytics, &insert, err);
    if (rc == HS_OK)
        rc = read_start_id(analytics, out, err);
    if (rc == HS_OK && out[0] == '\0')
        rc = hs_err_set(err, HS_EAGAIN, 0, "the store restarted while its start id was read");
    return rc;
}

/* The WHERE clause of a range and its parameters. */
#define RANGE_WHERE                                                                                \
    "stream_id = {stream:String} AND topic = {topic:String} AND partition = {partition:UInt32} "   \
    "AND offset >= {lo:UInt64} AND offset < {hi:UInt64}"
enum { RANGE_PARAMS_N = 5 };

struct range_params {
    struct hs_param params[RANGE_PARAMS_N];
    char partition[TEXT_MAX];
    char lo[TEXT_MAX];
    char hi[TEXT_MAX];
};

static void fill_params(const struct hs_range *range, struct range_params *out)
{
    snprintf(out->partition, sizeof(out->partition), "%u", range->origin->partition);
    snprintf(out->lo, sizeof(out->lo), "%llu", (unsigned long long)range->lo);
    snprintf(out->hi, sizeof(out->hi), "%llu", (unsigned long long)range->hi);
    out->params[0] = (struct hs_param){"stream", range->origin->stream_id};
    out->params[1] = (struct hs_param){"topic", hs_str_c(hs_topic_name(range->origin->topic))};
    out->params[2] = (struct hs_param){"partition", hs_str_c(out->partition)};
    out->params[3] = (struct hs_param){"lo", hs_str_c(out->lo)};
    out->params[4] = (struct hs_param){"hi", hs_str_c(out->hi)};
}

static int range_query(struct hs_analytics *analytics, const struct hs_range *range,
                       const char *select, struct hs_arena *arena, struct hs_table *out,
                       struct hs_err *err)
{
    struct range_params params;
    struct hs_query query = {.params = params.params,
                             .params_n = RANGE_PARAMS_N,
                             .user = HS_ANALYTICS_RW,
                             .timeout_ms = HS_RANGE_QUERY_MS,
                             .result_bytes_max = RANGE_ARENA_BYTES};
    struct hs_buf sql;
    int rc;

    fill_params(range, &params);
    hs_buf_init(&sql, 4096);
    hs_buf_addf(&sql, "SELECT %s FROM %s WHERE " RANGE_WHERE, select,
                hs_raw_tables[range->table].table);
    query.sql = hs_buf_cstr(&sql);
    rc = hs_analytics_query(analytics, &query, arena, out, err);
    hs_buf_fini(&sql);
    return rc;
}

int hs_range_count(struct hs_analytics *analytics, const struct hs_range *range,
                   struct hs_range_count *out, struct hs_err *err)
{
    struct hs_arena arena;
    struct hs_table table;
    int rc;

    hs_arena_init(&arena, 1 << 20);
    rc = range_query(analytics, range, "count(), uniqExact(offset, sub)", &arena, &table, err);
    if (rc == HS_OK) {
        HS_ASSERT(table.rows == 1);
        out->rows = table.columns[0].u64[0];
        out->distinct = table.columns[1].u64[0];
    }
    hs_arena_fini(&arena);
    return rc;
}

int hs_range_delete(struct hs_analytics *analytics, const struct hs_range *range,
                    struct hs_err *err)
{
    struct range_params params;
    struct hs_query query = {.params = params.params,
                             .params_n = RANGE_PARAMS_N,
                             .user = HS_ANALYTICS_RW,
                             .timeout_ms = HS_RANGE_QUERY_MS,
                             .settings = "mutations_sync=2"};
    struct hs_buf sql;
    int rc;

    fill_params(range, &params);
    hs_buf_init(&sql, 4096);
    hs_buf_addf(&sql, "ALTER TABLE %s DELETE WHERE " RANGE_WHERE,
                hs_raw_tables[range->table].table);
    query.sql = hs_buf_cstr(&sql);
    rc = hs_analytics_exec(analytics, &query, err);
    hs_buf_fini(&sql);
    return rc;
}

struct present_row {
    uint64_t offset;
    uint64_t sub;
};

static int present_cmp(const void *a, const void *b)
{
    const struct present_row *left = a;
    const struct present_row *right = b;

    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return (left->sub > right->sub) - (left->sub < right->sub);
}

/* The identities that the store holds, ordered, in the arena. */
static int read_present(struct hs_analytics *analytics, const struct hs_range *range,
                        struct hs_arena *arena, struct present_row **out, size_t *out_n,
                        struct hs_err *err)
{
    struct hs_table table;
    struct present_row *rows;
    size_t i;
    int rc = range_query(analytics, range, "offset, sub", arena, &table, err);

    if (rc != HS_OK)
        return rc;
    rows = hs_arena_calloc(arena, table.rows, sizeof(*rows));
    if (!rows)
        return hs_err_set(err, HS_ELIMIT, 0, "%zu row identities do not fit", table.rows);
    for (i = 0; i < table.rows; i++)
        rows[i] = (struct present_row){table.columns[0].u64[i], table.columns[1].u64[i]};
    qsort(rows, table.rows, sizeof(*rows), present_cmp);
    *out = rows;
    *out_n = table.rows;
    return HS_OK;
}

int hs_range_fill(struct hs_analytics *analytics, const struct hs_range *range,
                  const struct hs_rows *rows, struct hs_str token, uint64_t *out_filled,
                  struct hs_err *err)
{
    const struct hs_block *block = &rows->blocks[range->table];
    const struct hs_row_id *ids = rows->ids[range->table];
    struct hs_row_id *missing_ids = hs_xcalloc(block->rows, sizeof(*ids));
    struct present_row *present = NULL;
    struct hs_block missing;
    struct hs_arena arena;
    size_t present_n = 0;
    size_t i;
    int rc;

    hs_arena_init(&arena, RANGE_ARENA_BYTES);
    rc = hs_block_init(&missing, block->def, HS_ROWS_COLUMN_BYTES_MAX, err);
    if (rc == HS_OK)
        rc = read_present(analytics, range, &arena, &present, &present_n, err);
    for (i = 0; i < block->rows && rc == HS_OK; i++) {
        struct present_row row = {ids[i].offset, ids[i].sub};

        if (present_n > 0 && bsearch(&row, present, present_n, sizeof(row), present_cmp))
            continue;
        missing_ids[missing.rows] = ids[i];
        rc = hs_block_append(&missing, block, i, 1, err);
    }
    if (rc == HS_OK && missing.rows > 0)
        rc = hs_insert_by_days(analytics, &missing, missing_ids, token, err);
    if (rc == HS_OK)
        *out_filled = missing.rows;
    hs_block_fini(&missing);
    hs_arena_fini(&arena);
    hs_free(missing_ids);
    return rc;
}

static int insert_one(struct hs_analytics *analytics, const struct hs_block *block,
                      struct hs_str token, struct hs_err *err)
{
    char id[HS_TOKEN_MAX + 80];
    struct hs_insert insert = {.table = block->def->table,
                               .token = token,
                               .timeout_ms = HS_INSERT_MS};

    /* An id for each table: the store says that one is in use for some time after its answer. */
    snprintf(id, sizeof(id), "%.*s/%s", HS_STR_ARG(token), block->def->table);
    insert.query_id = hs_str_c(id);
    return hs_analytics_insert(analytics, &insert, block, err);
}

/* Inserts the rows whose day lies in the group (day / HS_ROWS_DAYS_MAX). */
static int insert_group(struct hs_analytics *analytics, const struct hs_block *block,
                        const struct hs_row_id *ids, int group, struct hs_str token,
                        struct hs_err *err)
{
    char group_token[HS_TOKEN_MAX + 16];
    struct hs_block part;
    size_t i;
    int n = snprintf(group_token, sizeof(group_token), "%.*s/d%d", HS_STR_ARG(token), group);
    int rc = hs_block_init(&part, block->def, HS_ROWS_COLUMN_BYTES_MAX, err);

    HS_ASSERT(n > 0);
    HS_ASSERT((size_t)n < sizeof(group_token));
    for (i = 0; i < block->rows && rc == HS_OK; i++) {
        if (ids[i].day / HS_ROWS_DAYS_MAX == group)
            rc = hs_block_append(&part, block, i, 1, err);
    }
    if (rc == HS_OK && part.rows > 0)
        rc = insert_one(analytics, &part, hs_str_n(group_token, (size_t)n), err);
    hs_block_fini(&part);
    return rc;
}

int hs_insert_by_days(struct hs_analytics *analytics, const struct hs_block *block,
                      const struct hs_row_id *ids, struct hs_str token, struct hs_err *err)
{
    int32_t day_min = INT32_MAX;
    int32_t day_max = 0;
    int rc = HS_OK;
    size_t i;
    int group;

    for (i = 0; i < block->rows; i++) {
        day_min = HS_MIN(day_min, ids[i].day);
        day_max = HS_MAX(day_max, ids[i].day);
    }
    if (block->rows == 0)
        return HS_OK;
    if (day_max - day_min < HS_ROWS_DAYS_MAX)
        return insert_one(analytics, block, token, err);
    for (group = day_min / HS_ROWS_DAYS_MAX; group <= day_max / HS_ROWS_DAYS_MAX && rc == HS_OK;
         group++)
        rc = insert_group(analytics, block, ids, group, token, err);
    return rc;
}
