/* After a start or a takeover: open intents, unsynced ranges, dedup. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "engine/durable.h"
#include "engine/loader_int.h"

enum {
    REPLAY_IDLE_POLLS_MAX = 100, /* of REPLAY_WAIT_MS each, before a range counts as unreadable */
    REPLAY_WAIT_MS = 100,
    RANGES_A_PAGE = 256,
    DEDUP_QUERY_MS = 120000,
    DEDUP_ARENA_BYTES = 1 << 30,
};

static struct hs_metric recovered_ranges = {
    .name = "hs_engine_recovered_ranges_total",
    .type = HS_METRIC_COUNTER,
    .help = "Offset ranges that were taken up again after a stop, by reason.",
    .labels = {"reason"},
};

static struct hs_metric unrepaired_ranges = {
    .name = "hs_engine_unrepaired_ranges_total",
    .type = HS_METRIC_COUNTER,
    .help = "Loaded offset ranges that differed and whose messages the stream no longer had.",
};

static bool keep_unless_skipped(void *arg, uint64_t offset, uint32_t sub,
                                const struct hs_dedup_id *id)
{
    struct hs_loader *loader = arg;

    if (hs_intent_skips(&loader->mapping->intent, offset, sub))
        return false;
    hs_dedup_add(&loader->dedup, id);
    return true;
}

struct replay {
    struct hs_loader *loader;
    struct hs_part *part;
    const struct hs_intent *poison; /* to be dead-lettered; may be NULL */
    const struct hs_err *poison_why;
    uint64_t next;  /* first offset not mapped yet */
    uint64_t start; /* lowest offset that the stream has */
};

static uint64_t replay_assign(void *arg, enum hs_topic topic, uint32_t partition,
                              uint64_t offset_start)
{
    struct replay *replay = arg;

    (void)topic;
    if (partition != replay->part->origin.partition)
        return UINT64_MAX;
    replay->start = offset_start;
    return HS_MAX(replay->part->intent.lo, offset_start);
}

static bool is_poison(const struct hs_intent *poison, uint64_t offset)
{
    size_t i;

    for (i = 0; poison && i < poison->skips_n; i++) {
        if (poison->skips[i].offset == offset)
            return true;
    }
    return false;
}

static int replay_record(struct replay *replay, const struct hs_record *record, struct hs_err *err)
{
    struct hs_part *part = replay->part;
    int rc = HS_OK;

    if (is_poison(replay->poison, record->offset))
        rc = hs_loader_dead_letter(replay->loader, part, record, "refused_by_store",
                                   replay->poison_why, err);
    if (rc == HS_OK && !hs_intent_skips(&part->intent, record->offset, HS_SKIP_ALL_SUBS))
        rc = hs_rows_add(&part->rows, record, err);
    replay->next = record->offset + 1;
    return rc;
}

static int replay_records(struct replay *replay, const struct hs_records *records,
                          struct hs_err *err)
{
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < records->n && rc == HS_OK; i++) {
        if (records->records[i].offset < replay->part->intent.hi)
            rc = replay_record(replay, &records->records[i], err);
    }
    if (rc == HS_OK && records->next > replay->next)
        replay->next = records->next;
    return rc;
}

int hs_part_replay(struct hs_loader *loader, struct hs_part *part, const struct hs_intent *poison,
                   const struct hs_err *poison_why, struct hs_err *err)
{
    struct replay replay = {.loader = loader,
                            .part = part,
                            .poison = poison,
                            .poison_why = poison_why,
                            .next = part->intent.lo};
    struct hs_subscription subscription = {.group = HS_STR("haystat-replay"),
                                           .topics = HS_TOPIC_BIT(part->origin.topic),
                                           .on_assign = replay_assign,
                                           .arg = &replay};
    struct hs_consumer *consumer = NULL;
    struct hs_records records;
    int idle = 0;
    int rc;

    hs_rows_reset(&part->rows);
    loader->mapping = part;
    part->rows.keep_fn = keep_unless_skipped;
    rc = hs_stream_subscribe(loader->deps.stream, &subscription, &consumer, err);
    while (rc == HS_OK && replay.next < part->intent.hi) {
        rc = hs_consumer_poll(consumer, REPLAY_WAIT_MS, &records, err);
        if (rc == HS_ECORRUPT || replay.start > part->intent.lo)
            rc = hs_err_set(err, HS_ENOTFOUND, 0, "%s: offsets %llu to %llu cannot be read again",
                            part->key, (unsigned long long)part->intent.lo,
                            (unsigned long long)part->intent.hi);
        idle = rc == HS_OK && records.n == 0 ? idle + 1 : 0;
        if (rc == HS_OK)
            rc = replay_records(&replay, &records, err);
        if (rc == HS_OK && idle > REPLAY_IDLE_POLLS_MAX)
            rc = hs_err_set(err, HS_EAGAIN, 0, "%s: offset %llu of an intent does not come",
                            part->key, (unsigned long long)replay.next);
        if (hs_flag_is_set(&loader->stop))
            rc = hs_err_set(err, HS_EAGAIN, 0, "the loader was asked to stop");
    }
    hs_consumer_close(consumer);
    hs_intent_expect(&part->intent, &part->rows);
    return rc;
}

/* Takes up the range in part->intent and brings the store to hold it. */
static int take_up(struct hs_loader *loader, struct hs_part *part, const char *why,
                   struct hs_err *err)
{
    const char *const labels[] = {why, NULL, NULL};
    int rc = hs_part_replay(loader, part, NULL, NULL, err);

    hs_metric_add(&recovered_ranges, labels, 1);
    hs_log(HS_LOG_INFO, "loader", "offset range taken up again", HS_KV_S("part", part->key),
           HS_KV_I("lo", part->intent.lo), HS_KV_I("hi", part->intent.hi), HS_KV_S("why", why));
    if (rc == HS_OK)
        rc = hs_part_hold_lease(loader, part, err);
    return rc;
}

static int adopt_intent(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    struct hs_arena arena;
    struct hs_entry entry;
    int rc;

    hs_arena_init(&arena, METADATA_ARENA_BYTES);
    rc = hs_metadata_get(loader->deps.metadata, HS_SPACE_INTENTS, hs_str_c(part->key), &arena,
                         &entry, err);
    if (rc == HS_OK)
        rc = hs_intent_decode(entry.value, &part->intent, err);
    hs_arena_fini(&arena);
    if (rc == HS_ENOTFOUND)
        return HS_OK;
    if (rc != HS_OK)
        return rc;
    rc = take_up(loader, part, "open_intent", err);
    if (rc == HS_ENOTFOUND) { /* what the store has of it stays as it is */
        hs_part_record_gap(loader, part, part->intent.lo, part->intent.hi);
        return hs_part_commit_skipped(loader, part, err);
    }
    part->sent_before = true;
    if (rc == HS_OK)
        rc = hs_part_insert(loader, part, err);
    if (rc == HS_OK)
        rc = hs_part_commit_loaded(loader, part, err);
    return rc;
}

/* Whether the store lacks or doubles rows of the range in part->intent. */
static int range_differs(struct hs_loader *loader, struct hs_part *part, bool *out_differs,
                         struct hs_err *err)
{
    struct hs_range range = {.origin = &part->origin, .lo = part->intent.lo, .hi = part->intent.hi};
    struct hs_range_count count;
    int table;
    int rc = HS_OK;

    *out_differs = false;
    for (table = 0; table < HS_TABLE_N && rc == HS_OK; table++) {
        if (!(hs_topic_tables(part->origin.topic) & 1U << table))
            continue;
        range.table = (enum hs_raw_table)table;
        rc = hs_range_count(loader->deps.analytics, &range, &count, err);
        if (rc == HS_OK && (count.rows != count.distinct || count.rows != part->intent.rows[table]))
            *out_differs = true;
    }
    return rc;
}

static int verify_range(struct hs_loader *loader, struct hs_part *part,
                        const struct hs_entry *entry, const char *why, struct hs_err *err)
{
    bool differs = false;
    int rc = hs_intent_decode(entry->value, &part->intent, err);

    if (rc == HS_OK)
        rc = range_differs(loader, part, &differs, err);
    if (rc == HS_OK && differs) {
        part->verifying = true;
        rc = take_up(loader, part, why, err);
        if (rc == HS_OK)
            rc = hs_part_make_whole(loader, part, why, err);
        if (rc == HS_OK)
            rc = hs_part_commit_marks(loader, part, err);
        part->verifying = false;
    }
    if (rc == HS_ENOTFOUND) {
        hs_log_err(HS_LOG_ERROR, "loader", "a range that differs cannot be repaired, skipped", err,
                   HS_KV_S("part", part->key));
        hs_metric_add(&unrepaired_ranges, HS_LABELS_NONE, 1);
        rc = HS_OK;
    }
    hs_rows_reset(&part->rows);
    hs_intent_reset(&part->intent);
    return rc;
}

/* Goes over the remembered ranges of a part, a page at a time. */
struct scan {
    struct hs_entry entries[RANGES_A_PAGE];
    size_t n;
    struct hs_arena arena;
    char prefix[HS_PART_KEY_MAX + 1];
    size_t prefix_n;
    char after[HS_METADATA_KEY_MAX];
    size_t after_n;
};

static void scan_init(struct scan *scan, const struct hs_part *part)
{
    scan->prefix_n = (size_t)snprintf(scan->prefix, sizeof(scan->prefix), "%s/", part->key);
    scan->after_n = 0;
    hs_arena_init(&scan->arena, METADATA_ARENA_BYTES);
}

static void scan_fini(struct scan *scan)
{
    hs_arena_fini(&scan->arena);
}

/* The next page; its entries live until the one after it. No entries: the end. */
static int scan_page(struct hs_loader *loader, struct scan *scan, struct hs_err *err)
{
    int rc;

    hs_arena_reset(&scan->arena);
    rc = hs_metadata_scan(loader->deps.metadata, HS_SPACE_LOADED,
                          hs_str_n(scan->prefix, scan->prefix_n),
                          hs_str_n(scan->after, scan->after_n), &scan->arena, scan->entries,
                          RANGES_A_PAGE, &scan->n, err);
    if (rc != HS_OK || scan->n == 0)
        return rc;
    scan->after_n = scan->entries[scan->n - 1].key.n;
    HS_ASSERT(scan->after_n <= sizeof(scan->after));
    memcpy(scan->after, scan->entries[scan->n - 1].key.p, scan->after_n);
    return HS_OK;
}

/* Verifies every range between durable and loaded. */
static int verify_ranges(struct hs_loader *loader, struct hs_part *part, const char *why,
                         struct hs_err *err)
{
    struct scan scan;
    int rc = HS_OK;
    size_t i;

    scan_init(&scan, part);
    while (rc == HS_OK && (rc = scan_page(loader, &scan, err)) == HS_OK && scan.n > 0) {
        for (i = 0; i < scan.n && rc == HS_OK; i++)
            rc = verify_range(loader, part, &scan.entries[i], why, err);
    }
    scan_fini(&scan);
    return rc;
}

/* Adds up what the remembered ranges of [check_lo, check_hi) expect. */
static int expected_rows(struct hs_loader *loader, struct hs_part *part, uint64_t out[HS_TABLE_N],
                         struct hs_err *err)
{
    struct hs_intent intent;
    struct scan scan;
    int rc = HS_OK;
    size_t i;
    int table;

    memset(out, 0, HS_TABLE_N * sizeof(out[0]));
    hs_intent_init(&intent);
    scan_init(&scan, part);
    while (rc == HS_OK && (rc = scan_page(loader, &scan, err)) == HS_OK && scan.n > 0) {
        for (i = 0; i < scan.n && rc == HS_OK; i++) {
            rc = hs_intent_decode(scan.entries[i].value, &intent, err);
            if (rc != HS_OK || intent.lo < part->check_lo || intent.lo >= part->check_hi)
                continue;
            for (table = 0; table < HS_TABLE_N; table++)
                out[table] += intent.rows[table];
        }
    }
    scan_fini(&scan);
    hs_intent_fini(&intent);
    return rc;
}

/* One count a table over all that is to be checked. */
static int window_differs(struct hs_loader *loader, struct hs_part *part, bool *out_differs,
                          struct hs_err *err)
{
    uint64_t expected[HS_TABLE_N];
    struct hs_range range = {.origin = &part->origin, .lo = part->check_lo, .hi = part->check_hi};
    struct hs_range_count count;
    int rc = expected_rows(loader, part, expected, err);
    int table;

    *out_differs = false;
    for (table = 0; table < HS_TABLE_N && rc == HS_OK; table++) {
        if (!(hs_topic_tables(part->origin.topic) & 1U << table))
            continue;
        range.table = (enum hs_raw_table)table;
        rc = hs_range_count(loader->deps.analytics, &range, &count, err);
        if (rc == HS_OK && (count.rows != count.distinct || count.rows != expected[table]))
            *out_differs = true;
    }
    return rc;
}

int hs_part_takeover_check(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    bool differs = false;
    int rc = window_differs(loader, part, &differs, err);

    if (rc != HS_OK)
        return rc;
    part->takeover_check_ns = 0; /* a repair sets it again */
    if (differs)
        rc = verify_ranges(loader, part, "takeover_check", err);
    return rc;
}

int hs_part_recover(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    bool power_lost = false;
    int rc = hs_power_lost(loader->deps.metadata, part->key, &power_lost, err);

    if (rc == HS_OK && power_lost)
        rc = verify_ranges(loader, part, "power_loss", err);
    if (rc == HS_OK)
        rc = hs_power_verified(loader->deps.metadata, part->key, err);
    if (rc == HS_OK)
        rc = adopt_intent(loader, part, err);
    return rc;
}

static void remember(struct hs_loader *loader, const struct hs_table *table)
{
    size_t i;

    for (i = table->rows; i-- > 0;) { /* oldest first */
        struct hs_dedup_id id = {.h1 = table->columns[0].u64[i],
                                 .h2 = (uint32_t)table->columns[1].u64[i],
                                 .received_s = (int32_t)table->columns[2].u64[i]};

        hs_dedup_add(&loader->dedup, &id);
    }
}

int hs_loader_fill_dedup(struct hs_loader *loader, struct hs_err *err)
{
    static const char *const ids[HS_TABLE_N] = {
        [HS_TABLE_SEARCHES] = "event_id",
        [HS_TABLE_RESULTS] = "event_id",
        [HS_TABLE_ERRORS] = "event_id",
        [HS_TABLE_SPANS] = "concat(trace_id, span_id)",
    };
    int64_t now_s = hs_wall_ns(loader->deps.clock) / HS_NS_PER_S;
    long long window_s = (long long)(loader->deps.conf->dedup_window_ms / 1000);
    int rc = HS_OK;
    int table;

    for (table = 0; table < HS_TABLE_N && rc == HS_OK; table++) {
        struct hs_query query = {.user = HS_ANALYTICS_RW,
                                 .timeout_ms = DEDUP_QUERY_MS,
                                 .result_bytes_max = DEDUP_ARENA_BYTES};
        struct hs_arena arena;
        struct hs_table rows;
        struct hs_buf sql;

        if (!ids[table])
            continue;
        hs_arena_init(&arena, DEDUP_ARENA_BYTES);
        hs_buf_init(&sql, 4096);
        hs_buf_addf(&sql,
                    "SELECT xxh3(concat(tenant, '/', topic, '/', %s) AS id), "
                    "toUInt32(bitAnd(xxHash64(id), 0xFFFFFFFF)), toUInt32(received) FROM %s "
                    "WHERE received >= least(fromUnixTimestamp(%lld), "
                    "(SELECT toDateTime(max(received)) FROM %s)) - %lld "
                    "ORDER BY received DESC LIMIT %llu",
                    ids[table], hs_raw_tables[table].table, (long long)now_s,
                    hs_raw_tables[table].table, window_s,
                    (unsigned long long)loader->deps.conf->dedup_entries_max);
        query.sql = hs_buf_cstr(&sql);
        rc = hs_analytics_query(loader->deps.analytics, &query, &arena, &rows, err);
        if (rc == HS_OK)
            remember(loader, &rows);
        hs_buf_fini(&sql);
        hs_arena_fini(&arena);
    }
    return rc;
}
