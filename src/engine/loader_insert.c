/* Inserting a range until it is in: retries, restarts of the store, poison rows. */
#include <stdio.h>

#include "base/killpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/rand.h"
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

static struct hs_metric stuck_seconds = {
    .name = "hs_engine_stuck_seconds",
    .type = HS_METRIC_GAUGE,
    .help = "Time since the loader's steps began to fail; 0 while they work.",
};

enum {
    STUCK_LOG_S = 30, /* between two errors in the log */
    KILL_MS = 30000,
};

/* "<stream>/<topic>/<partition>/<lo>-<hi>", with which every query id of the range begins. */
static size_t range_text(const struct hs_part *part, char out[HS_TOKEN_MAX])
{
    int n = snprintf(out, HS_TOKEN_MAX, "%s/%llu-%llu", part->key,
                     (unsigned long long)part->intent.lo, (unsigned long long)part->intent.hi);

    HS_ASSERT(n > 0);
    HS_ASSERT(n < HS_TOKEN_MAX);
    return (size_t)n;
}

static struct hs_str range_token(const struct hs_part *part, char out[HS_TOKEN_MAX])
{
    return hs_str_n(out, range_text(part, out));
}

static struct hs_str repair_token(const struct hs_part *part, const char *start_id,
                                  struct hs_str once, char out[HS_TOKEN_MAX])
{
    size_t at = range_text(part, out);
    int n = snprintf(out + at, HS_TOKEN_MAX - at, "/repair-%s-%.*s", start_id, HS_STR_ARG(once));

    HS_ASSERT(n > 0);
    HS_ASSERT(at + (size_t)n < HS_TOKEN_MAX);
    return hs_str_n(out, at + (size_t)n);
}

/* The failures of a row are one state of being stuck, which ends with the next step that works. */
static void note_stuck(struct hs_loader *loader)
{
    int64_t now_ns = hs_mono_ns(loader->deps.clock);
    int64_t stuck_ns;

    if (loader->stuck_since_ns == 0)
        loader->stuck_since_ns = loader->stuck_logged_ns = now_ns;
    stuck_ns = now_ns - loader->stuck_since_ns;
    hs_metric_set(&stuck_seconds, HS_LABELS_NONE, (double)stuck_ns / HS_NS_PER_S);
    if (now_ns - loader->stuck_logged_ns < STUCK_LOG_S * HS_NS_PER_S)
        return;
    loader->stuck_logged_ns = now_ns;
    hs_log(HS_LOG_ERROR, "loader", "nothing is loaded, the stream keeps what arrives",
           HS_KV_I("stuck_s", stuck_ns / HS_NS_PER_S));
}

void hs_loader_works(struct hs_loader *loader)
{
    if (loader->stuck_since_ns == 0)
        return;
    loader->stuck_since_ns = 0;
    hs_metric_set(&stuck_seconds, HS_LABELS_NONE, 0);
}

bool hs_loader_back_off(struct hs_loader *loader, int64_t *wait_ms)
{
    bool stop;

    note_stuck(loader);
    hs_mutex_lock(&loader->lock);
    if (!hs_flag_is_set(&loader->stop))
        hs_cond_wait_ms(&loader->wake, &loader->lock, *wait_ms);
    stop = hs_flag_is_set(&loader->stop);
    hs_mutex_unlock(&loader->lock);
    *wait_ms = HS_MIN(*wait_ms * 2, (int64_t)RETRY_MAX_MS);
    return !stop;
}

/* Waits until we are known to own the part and the store says which start of it answers. */
static int before_retry(struct hs_loader *loader, struct hs_part *part, int64_t *wait_ms,
                        struct hs_err *err)
{
    struct hs_err detail;
    int rc;

    loader->start_id[0] = '\0';
    do {
        if (!hs_loader_back_off(loader, wait_ms))
            return hs_err_set(err, HS_EAGAIN, 0, "the loader was asked to stop");
        rc = hs_part_hold_lease(loader, part, &detail);
        if (rc == HS_ECONFLICT)
            return hs_err_set(err, rc, 0, "%s", detail.text);
        if (rc == HS_OK)
            rc = hs_store_start_id(loader->deps.analytics, loader->start_id, &detail);
        if (rc != HS_OK) {
            loader->start_id[0] = '\0';
            hs_log_err(HS_LOG_WARN, "loader", "waiting for metadata and store", &detail,
                       HS_KV_S("part", part->key));
        }
    } while (rc != HS_OK);
    return HS_OK;
}

static struct hs_range range_of(const struct hs_part *part, enum hs_raw_table table)
{
    return (struct hs_range){.origin = &part->origin,
                             .table = table,
                             .lo = part->intent.lo,
                             .hi = part->intent.hi};
}

/* Ends inserts of the range that the store may still be working on: what they add after the count
 * would be double. */
static int kill_inserts(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    char prefix[HS_TOKEN_MAX];

    return hs_analytics_kill(loader->deps.analytics, hs_str_n(prefix, range_text(part, prefix)),
                             true, KILL_MS, err);
}

/* Each fill has a token of its own: it sends what the count before it found missing, and a token
 * that was used in this start of the store would have it dropped. */
static int fill_table(struct hs_loader *loader, struct hs_part *part, enum hs_raw_table table,
                      struct hs_err *err)
{
    const struct hs_range range = range_of(part, table);
    const char *const labels[] = {hs_raw_tables[table].table, "fill", NULL};
    char once[HS_UUID_TEXT];
    char token[HS_TOKEN_MAX];
    uint64_t filled = 0;
    int rc;

    hs_uuid7(hs_wall_ns(loader->deps.clock), once);
    rc = hs_range_fill(loader->deps.analytics, &range, &part->rows,
                       repair_token(part, loader->start_id, hs_str_n(once, sizeof(once)), token),
                       &filled, err);
    if (rc != HS_OK)
        return rc;
    hs_metric_add(&repaired_rows, labels, (double)filled);
    return hs_err_set(err, HS_EAGAIN, 0, "%llu missing rows were sent, to be counted again",
                      (unsigned long long)filled);
}

/* One attempt to make a table hold exactly the range's rows. HS_OK: counted, it does. */
static int make_table_whole(struct hs_loader *loader, struct hs_part *part, enum hs_raw_table table,
                            struct hs_err *err)
{
    const struct hs_range range = range_of(part, table);
    const char *const labels[] = {hs_raw_tables[table].table, "excess", NULL};
    uint64_t expected = part->intent.rows[table];
    struct hs_range_count count;
    int rc = kill_inserts(loader, part, err);

    if (rc == HS_OK)
        rc = hs_range_count(loader->deps.analytics, &range, &count, err);
    if (rc != HS_OK)
        return rc;
    if (count.rows == expected && count.distinct == expected)
        return HS_OK;
    if (count.rows > count.distinct || count.rows > expected) {
        rc = hs_range_delete(loader->deps.analytics, &range, err);
        if (rc != HS_OK)
            return rc;
        if (count.rows > expected)
            hs_metric_add(&repaired_rows, labels, (double)(count.rows - expected));
    }
    if (expected == 0)
        return hs_err_set(err, HS_EAGAIN, 0, "excess rows were deleted, to be counted again");
    return fill_table(loader, part, table, err);
}

/* One attempt at all tables from *table on. HS_EINVAL with the store's code: a row is refused. */
static int make_tables_whole(struct hs_loader *loader, struct hs_part *part, int *table,
                             struct hs_err *err)
{
    unsigned tables = hs_topic_tables(part->origin.topic);
    int rc = HS_OK;

    if (!loader->start_id[0])
        rc = hs_store_start_id(loader->deps.analytics, loader->start_id, err);
    while (rc == HS_OK && *table < HS_TABLE_N) {
        if (tables & 1U << *table)
            rc = make_table_whole(loader, part, (enum hs_raw_table) * table, err);
        if (rc == HS_OK)
            (*table)++;
    }
    return rc;
}

int hs_part_make_whole(struct hs_loader *loader, struct hs_part *part, const char *why,
                       struct hs_err *err)
{
    int64_t wait_ms = RETRY_MIN_MS;
    struct hs_err detail;
    int table = 0;
    int rc;

    hs_part_check_later(loader, part, part->intent.lo, part->intent.hi);
    while ((rc = make_tables_whole(loader, part, &table, &detail)) != HS_OK) {
        hs_log_err(HS_LOG_WARN, "loader", "range is being made whole", &detail,
                   HS_KV_S("part", part->key), HS_KV_S("why", why),
                   HS_KV_S("table", hs_raw_tables[HS_MIN(table, HS_TABLE_N - 1)].table));
        if (rc == HS_EINVAL && hs_refuses_a_row(detail.sys)) {
            const struct hs_err refusal = detail;

            table = 0; /* tables before this one may hold the row */
            if (hs_part_drop_poison(loader, part, &refusal, &detail) == HS_OK)
                continue;
            hs_log_err(HS_LOG_WARN, "loader", "poison rows are not out yet", &detail,
                       HS_KV_S("part", part->key));
        }
        rc = before_retry(loader, part, &wait_ms, err);
        if (rc != HS_OK)
            return rc;
    }
    return HS_OK;
}

/* One attempt at one table. HS_OK: in. HS_ENOTFOUND: the store has restarted since the intent was
 * written, its tokens tell nothing. */
static int insert_table(struct hs_loader *loader, struct hs_part *part, enum hs_raw_table table,
                        struct hs_err *err)
{
    char token[HS_TOKEN_MAX];
    int rc;

    if (strcmp(loader->start_id, part->intent.start_id) != 0)
        return hs_err_set(err, HS_ENOTFOUND, 0, "the store has restarted");
    rc = hs_insert_by_days(loader->deps.analytics, &part->rows.blocks[table], part->rows.ids[table],
                           range_token(part, token), err);
    if (rc != HS_OK || !part->sent_before)
        return rc;
    /* A token that was sent before may have been logged by a start of the store that ended before
     * the rows were there: success counts only when it is still that start that answers. */
    rc = hs_store_start_id(loader->deps.analytics, loader->start_id, err);
    if (rc == HS_OK && strcmp(loader->start_id, part->intent.start_id) != 0)
        rc = hs_err_set(err, HS_ENOTFOUND, 0, "the store restarted during the insert");
    return rc;
}

/* Inserts one table, whatever it takes. HS_ENOTFOUND as above; HS_EINVAL: a row is refused. */
static int put_table(struct hs_loader *loader, struct hs_part *part, enum hs_raw_table table,
                     struct hs_err *err)
{
    const char *const labels[] = {hs_raw_tables[table].table, NULL, NULL};
    int64_t wait_ms = RETRY_MIN_MS;
    int rc = insert_table(loader, part, table, err);

    while (rc != HS_OK && rc != HS_ENOTFOUND) {
        if (rc == HS_EINVAL && hs_refuses_a_row(err->sys))
            return rc;
        part->sent_before = true;
        hs_metric_add(&insert_retries, labels, 1);
        hs_log_err(HS_LOG_WARN, "loader", "insert failed, will retry", err,
                   HS_KV_S("part", part->key), HS_KV_S("table", labels[0]));
        rc = before_retry(loader, part, &wait_ms, err);
        if (rc != HS_OK)
            return rc;
        rc = insert_table(loader, part, table, err);
    }
    return rc;
}

int hs_part_insert(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    struct hs_err detail;
    int table;
    int rc;

    /* Rows that were there before the poison was found went in under this very token. */
    if (part->intent.poison > 0)
        return hs_part_make_whole(loader, part, "poison", err);
    for (table = 0; table < HS_TABLE_N; table++) {
        if (part->rows.blocks[table].rows == 0)
            continue;
        rc = put_table(loader, part, (enum hs_raw_table)table, &detail);
        if (rc == HS_ENOTFOUND)
            return hs_part_make_whole(loader, part, "store_restarted", err);
        if (rc == HS_EINVAL)
            return hs_part_make_whole(loader, part, "poison", err);
        if (rc != HS_OK)
            return hs_err_set(err, rc, 0, "%s", detail.text);
        hs_killpoint("engine_mid_insert");
    }
    return HS_OK;
}
