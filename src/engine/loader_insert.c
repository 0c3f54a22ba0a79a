/* Inserting a range until it is in: retries, restarts of the store, poison rows. */
#include <stdio.h>

#include "base/killpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "engine/loader_int.h"

static struct hs_metric insert_retries = {
    .name = "hs_engine_insert_retries_total",
    .type = HS_METRIC_COUNTER,
    .help = "Inserts into the store that were sent again, by table.",
    .labels = {"table"},
};
static struct hs_metric repaired_rows = {
    .name = "hs_engine_repaired_rows_total",
    .type = HS_METRIC_COUNTER,
    .help = "Rows that were missing from or double in the store and were put right, by table.",
    .labels = {"table", "repair"},
};

static struct hs_str part_token(const struct hs_part *part, const char *suffix,
                                char out[HS_TOKEN_MAX])
{
    int n = snprintf(out, HS_TOKEN_MAX, "%s/%llu-%llu", part->key,
                     (unsigned long long)part->intent.lo, (unsigned long long)part->intent.hi);

    HS_ASSERT(n > 0);
    if (part->intent.poison > 0)
        n += snprintf(out + n, (size_t)(HS_TOKEN_MAX - n), "/p%llu",
                      (unsigned long long)part->intent.poison);
    if (suffix)
        n += snprintf(out + n, (size_t)(HS_TOKEN_MAX - n), "/repair-%s", suffix);
    HS_ASSERT(n < HS_TOKEN_MAX);
    return hs_str_n(out, (size_t)n);
}

bool hs_loader_back_off(struct hs_loader *loader, int64_t *wait_ms)
{
    bool stop;

    hs_mutex_lock(&loader->lock);
    if (!hs_flag_is_set(&loader->stop))
        hs_cond_wait_ms(&loader->wake, &loader->lock, *wait_ms);
    stop = hs_flag_is_set(&loader->stop);
    hs_mutex_unlock(&loader->lock);
    *wait_ms = HS_MIN(*wait_ms * 2, (int64_t)RETRY_MAX_MS);
    return !stop;
}

/* Waits, then sees to it that we still own the part and which start of the store answers. */
static int before_retry(struct hs_loader *loader, struct hs_part *part, int64_t *wait_ms,
                        struct hs_err *err)
{
    struct hs_err detail;
    int rc;

    if (!hs_loader_back_off(loader, wait_ms))
        return hs_err_set(err, HS_EAGAIN, 0, "the loader was asked to stop");
    rc = hs_part_hold_lease(loader, part, err);
    if (rc == HS_ECONFLICT)
        return rc;
    loader->start_id[0] = '\0';
    rc = hs_store_start_id(loader->deps.analytics, loader->start_id, &detail);
    if (rc != HS_OK)
        loader->start_id[0] = '\0';
    return HS_OK;
}

static struct hs_range range_of(const struct hs_part *part, enum hs_raw_table table)
{
    return (struct hs_range){.origin = &part->origin,
                             .table = table,
                             .lo = part->intent.lo,
                             .hi = part->intent.hi};
}

/* One attempt to make a table hold exactly the range's rows. */
static int make_table_whole(struct hs_loader *loader, struct hs_part *part, enum hs_raw_table table,
                            struct hs_err *err)
{
    const struct hs_range range = range_of(part, table);
    const char *const labels[] = {hs_raw_tables[table].table, "fill", NULL};
    const char *const excess_labels[] = {hs_raw_tables[table].table, "excess", NULL};
    char token[HS_TOKEN_MAX];
    struct hs_range_count count;
    uint64_t filled = 0;
    int rc;

    rc = hs_range_count(loader->deps.analytics, &range, &count, err);
    if (rc != HS_OK)
        return rc;
    if (count.rows > count.distinct || count.rows > part->intent.rows[table]) {
        rc = hs_range_delete(loader->deps.analytics, &range, err);
        if (rc != HS_OK)
            return rc;
        hs_metric_add(&repaired_rows, excess_labels, (double)(count.rows - count.distinct));
        count.rows = 0;
    }
    if (count.rows == part->intent.rows[table])
        return HS_OK;
    rc = hs_range_fill(loader->deps.analytics, &range, &part->rows,
                       part_token(part, loader->start_id, token), &filled, err);
    if (rc != HS_OK)
        return rc;
    hs_metric_add(&repaired_rows, labels, (double)filled);
    /* A token that the server knows from before a crash is dropped though its rows are not there:
     * only the next count tells. */
    return hs_err_set(err, HS_EAGAIN, 0, "%llu missing rows were sent, to be counted again",
                      (unsigned long long)filled);
}

int hs_part_make_whole(struct hs_loader *loader, struct hs_part *part, const char *why,
                       struct hs_err *err)
{
    unsigned tables = hs_topic_tables(part->origin.topic);
    int64_t wait_ms = RETRY_MIN_MS;
    struct hs_err detail;
    int table = 0;
    int rc;

    while (table < HS_TABLE_N) {
        if (!(tables & 1U << table)) {
            table++;
            continue;
        }
        rc = loader->start_id[0]
                 ? HS_OK
                 : hs_store_start_id(loader->deps.analytics, loader->start_id, &detail);
        if (rc == HS_OK)
            rc = make_table_whole(loader, part, (enum hs_raw_table)table, &detail);
        if (rc == HS_OK) {
            table++;
            continue;
        }
        hs_log_err(HS_LOG_WARN, "loader", "range is being made whole", &detail,
                   HS_KV_S("part", part->key), HS_KV_S("why", why),
                   HS_KV_S("table", hs_raw_tables[table].table));
        rc = before_retry(loader, part, &wait_ms, err);
        if (rc != HS_OK)
            return rc;
    }
    return HS_OK;
}

/* Codes that mean that a row's value is refused, so that finding the row helps: TYPE_MISMATCH,
 * CANNOT_PARSE…, ARGUMENT_OUT_OF_BOUND, VIOLATED_CONSTRAINT, VALUE_IS_OUT_OF_RANGE…,
 * INCORRECT_DATA. Anything else that is refused (unknown table, access) concerns all rows. */
static bool refuses_a_row(int code)
{
    static const int codes[] = {6, 26, 27, 38, 41, 53, 69, 72, 117, 131, 321, 407, 436, 469};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(codes); i++) {
        if (codes[i] == code)
            return true;
    }
    return false;
}

/* Tries rows [first, first + n) on the probe table, which checks like the real one and keeps
 * nothing. HS_OK: they would go in. */
static int probe(struct hs_loader *loader, const struct hs_block *block, size_t first, size_t n,
                 struct hs_err *err)
{
    char name[64];
    struct hs_insert insert = {.table = name, .timeout_ms = HS_INSERT_MS};
    struct hs_block some;
    int rc;

    snprintf(name, sizeof(name), "haystat.probe_%s", strchr(block->def->table, '.') + 1);
    rc = hs_block_init(&some, block->def, HS_ROWS_COLUMN_BYTES_MAX, err);
    if (rc == HS_OK)
        rc = hs_block_append(&some, block, first, n, err);
    if (rc == HS_OK)
        rc = hs_analytics_insert(loader->deps.analytics, &insert, &some, err);
    hs_block_fini(&some);
    return rc;
}

/* Finds the first poison row at or after `from` by halving: *out_at is its index, block->rows when
 * there is none. HS_OK, or an error that is not about rows. */
static int find_poison(struct hs_loader *loader, const struct hs_block *block, size_t from,
                       size_t *out_at, struct hs_err *err)
{
    size_t lo = from;
    size_t n = block->rows - from;
    int rc = n > 0 ? probe(loader, block, lo, n, err) : HS_OK;

    *out_at = block->rows;
    if (rc == HS_OK || rc != HS_EINVAL)
        return rc;
    while (n > 1) {
        rc = probe(loader, block, lo, n / 2, err);
        if (rc != HS_OK && rc != HS_EINVAL)
            return rc;
        if (rc == HS_OK) {
            lo += n / 2;
            n -= n / 2;
        } else {
            n /= 2;
        }
    }
    rc = probe(loader, block, lo, 1, err);
    if (rc == HS_EINVAL)
        *out_at = lo;
    return rc == HS_EINVAL ? HS_OK : rc;
}

/* Marks the poison rows of one table as skips. */
static int mark_poison(struct hs_loader *loader, struct hs_part *part, enum hs_raw_table table,
                       struct hs_err *err)
{
    const struct hs_block *block = &part->rows.blocks[table];
    size_t at = 0;
    int rc = HS_OK;

    while (rc == HS_OK) {
        const struct hs_row_id *id;

        rc = find_poison(loader, block, at, &at, err);
        if (rc != HS_OK || at == block->rows)
            break;
        id = &part->rows.ids[table][at++];
        if (!hs_intent_skips(&part->intent, id->offset, id->sub))
            hs_intent_skip(&part->intent, id->offset, id->sub, HS_SKIP_POISON);
        part->intent.poison++;
    }
    return rc;
}

/* Takes every poison row out of the range: skips, dead letters, rows mapped again; then makes the
 * store hold just the rest, because tables before this one may have taken the row already. */
static int drop_poison(struct hs_loader *loader, struct hs_part *part, const struct hs_err *why,
                       struct hs_err *err)
{
    uint64_t before = part->intent.poison;
    int table;
    int rc = HS_OK;

    for (table = 0; table < HS_TABLE_N && rc == HS_OK; table++) {
        if (part->rows.blocks[table].rows > 0)
            rc = mark_poison(loader, part, (enum hs_raw_table)table, err);
    }
    if (rc == HS_OK && part->intent.poison == before)
        return hs_err_set(err, HS_EAGAIN, 0, "the block is refused, but no single row: %s",
                          why->text);
    if (rc == HS_OK)
        rc = hs_part_replay(loader, part, why, err);
    if (rc == HS_OK)
        rc = hs_part_commit_intent(loader, part, err);
    if (rc == HS_OK)
        rc = hs_part_make_whole(loader, part, "poison", err);
    return rc;
}

/* One attempt at one table. HS_OK: in. HS_EINVAL: a row is refused. HS_EAGAIN: try again after a
 * while. */
static int insert_table(struct hs_loader *loader, struct hs_part *part, enum hs_raw_table table,
                        struct hs_err *err)
{
    bool restarted = strcmp(loader->start_id, part->intent.start_id) != 0;
    char token[HS_TOKEN_MAX];

    if (restarted && loader->start_id[0])
        return make_table_whole(loader, part, table, err);
    if (restarted)
        return hs_err_set(err, HS_EAGAIN, 0, "the store does not answer");
    return hs_insert_by_days(loader->deps.analytics, &part->rows.blocks[table],
                             part->rows.ids[table], part_token(part, NULL, token), err);
}

/* After a failed attempt: HS_OK to try again, else what hs_part_insert returns. */
static int insert_failed(struct hs_loader *loader, struct hs_part *part, int table,
                         int64_t *wait_ms, struct hs_err *err)
{
    const char *const labels[] = {hs_raw_tables[table].table, NULL, NULL};

    hs_metric_add(&insert_retries, labels, 1);
    hs_log_err(HS_LOG_WARN, "loader", "insert failed, will retry", err, HS_KV_S("part", part->key),
               HS_KV_S("table", labels[0]));
    return before_retry(loader, part, wait_ms, err);
}

int hs_part_insert(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    int64_t wait_ms = RETRY_MIN_MS;
    struct hs_err detail;
    int table = 0;
    int rc;

    while (table < HS_TABLE_N) {
        if (part->rows.blocks[table].rows == 0) {
            table++;
            continue;
        }
        rc = insert_table(loader, part, (enum hs_raw_table)table, &detail);
        if (rc == HS_OK) {
            hs_killpoint("engine_mid_insert");
            table++;
            continue;
        }
        if (rc == HS_EINVAL && refuses_a_row(detail.sys)) {
            struct hs_err why = detail;

            rc = drop_poison(loader, part, &why, &detail);
            if (rc == HS_OK || rc == HS_ECONFLICT)
                return rc == HS_OK ? rc : hs_err_set(err, rc, 0, "%s", detail.text);
        }
        rc = insert_failed(loader, part, table, &wait_ms, &detail);
        if (rc != HS_OK)
            return hs_err_set(err, rc, 0, "%s", detail.text);
    }
    return HS_OK;
}
