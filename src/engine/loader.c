#include "engine/loader.h"

#include <stdio.h>

#include "base/killpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "engine/durable.h"
#include "engine/loader_int.h"

enum {
    BATCH_BYTES_MAX = 128 << 20, /* of one range's rows; closes a batch early */
    BATCH_SKIPS_MAX = 50000,     /* the same: an intent must fit into a metadata value */
    BATCH_PATIENCE = 4,          /* a batch may stay open for so many engine.batch_time */
};

static struct hs_metric loaded_messages = {
    .name = "hs_engine_loaded_messages_total",
    .type = HS_METRIC_COUNTER,
    .help = "Messages whose rows are in the store, by topic.",
    .labels = {"topic"},
};
struct hs_metric hs_loader_repeats = {
    .name = "hs_engine_repeated_events_total",
    .type = HS_METRIC_COUNTER,
    .help = "Events dropped as repeats within the dedup window, by topic.",
    .labels = {"topic"},
};
struct hs_metric hs_loader_gaps = {
    .name = "hs_engine_lost_offsets_total",
    .type = HS_METRIC_COUNTER,
    .help = "Offsets that the stream lost before they were loaded, by topic.",
    .labels = {"topic"},
};
static struct hs_metric load_seconds = {
    .name = "hs_engine_load_seconds",
    .type = HS_METRIC_HISTOGRAM,
    .help = "Time from closing a batch until it is committed.",
    .buckets = hs_metric_seconds,
};

static int64_t mono_ns(const struct hs_loader *loader)
{
    return hs_mono_ns(loader->deps.clock);
}

int hs_part_hold_lease(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    int64_t ttl_ms = (int64_t)loader->deps.conf->engine_lease_ms;
    int64_t now_ns = mono_ns(loader);
    uint64_t epoch = part->lease.epoch;
    int rc;

    if (part->lease.held && now_ns - part->lease_renewed_ns < ttl_ms * HS_NS_PER_MS / 3)
        return HS_OK;
    rc = hs_lease_acquire(loader->deps.metadata, &part->lease, ttl_ms, err);
    if (rc != HS_OK)
        return rc;
    part->lease_renewed_ns = now_ns;
    /* One step of the epoch is our own, after the lease ran out; two mean that it was somebody
     * else's meanwhile, and that what is in work here may be loaded already. */
    if (epoch > 0 && part->lease.epoch > epoch + 1)
        return hs_err_set(err, HS_ECONFLICT, 0, "lease %s was with another owner meanwhile",
                          part->lease.name);
    return HS_OK;
}

/* Keep function of ordinary loading: a repeat becomes a skip of the intent. */
static bool keep_if_new(void *arg, uint64_t offset, uint32_t sub, const struct hs_dedup_id *id)
{
    struct hs_loader *loader = arg;
    struct hs_part *part = loader->mapping;

    if (hs_dedup_add(&loader->dedup, id))
        return true;
    hs_intent_skip(&part->intent, offset, sub, HS_SKIP_REPEAT);
    return false;
}

static struct hs_part *find_part(struct hs_loader *loader, enum hs_topic topic, uint32_t partition)
{
    size_t i;

    for (i = 0; i < loader->parts_n; i++) {
        const struct hs_origin *origin = &loader->parts[i]->origin;

        if (origin->topic == topic && origin->partition == partition)
            return loader->parts[i];
    }
    return NULL;
}

/* Reads a decimal entry; HS_ENOTFOUND leaves *out alone. */
static int read_position(struct hs_loader *loader, const char *space, const char *key,
                         uint64_t *out, struct hs_err *err)
{
    struct hs_arena arena;
    struct hs_entry entry;
    int rc;

    hs_arena_init(&arena, 1 << 20);
    rc = hs_metadata_get(loader->deps.metadata, space, hs_str_c(key), &arena, &entry, err);
    if (rc == HS_OK && hs_str_to_u64(entry.value, out) != HS_OK)
        rc = hs_err_set(err, HS_ECORRUPT, 0, "%s of %s is no number", space, key);
    hs_arena_fini(&arena);
    return rc;
}

/* The end of the open intent, else the loaded position, else the log's start. */
static int read_start(struct hs_loader *loader, struct hs_part *part, uint64_t *out_next,
                      struct hs_err *err)
{
    struct hs_arena arena;
    struct hs_entry entry;
    int rc;

    rc = read_position(loader, HS_SPACE_POSITIONS, part->key, &part->loaded, err);
    if (rc == HS_OK || rc == HS_ENOTFOUND)
        rc = read_position(loader, HS_SPACE_DURABLE, part->key, &part->durable, err);
    if (rc != HS_OK && rc != HS_ENOTFOUND)
        return rc;
    *out_next = part->loaded;
    hs_arena_init(&arena, METADATA_ARENA_BYTES);
    rc = hs_metadata_get(loader->deps.metadata, HS_SPACE_INTENTS, hs_str_c(part->key), &arena,
                         &entry, err);
    if (rc == HS_OK)
        rc = hs_intent_decode(entry.value, &part->intent, err);
    if (rc == HS_OK)
        *out_next = part->intent.hi;
    hs_intent_reset(&part->intent);
    hs_arena_fini(&arena);
    return rc == HS_ENOTFOUND ? HS_OK : rc;
}

void hs_part_record_gap(struct hs_loader *loader, struct hs_part *part, uint64_t lo, uint64_t hi)
{
    const char *const labels[] = {hs_topic_name(part->origin.topic), NULL, NULL};
    char key[HS_PART_KEY_MAX + 24];
    char text[48];
    int n =
        snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)lo, (unsigned long long)hi);
    struct hs_metadata_op op = {.action = HS_METADATA_PUT,
                                .space = HS_SPACE_GAPS,
                                .key = hs_str_n(key, hs_range_key(part->key, lo, key)),
                                .value = hs_str_n(text, (size_t)n)};
    int64_t wait_ms = RETRY_MIN_MS;
    struct hs_err err;

    hs_log(HS_LOG_ERROR, "loader", "the stream lost offsets before they were loaded",
           HS_KV_S("part", part->key), HS_KV_I("lo", lo), HS_KV_I("hi", hi));
    hs_metric_add(&hs_loader_gaps, labels, (double)(hi - lo));
    while (hs_metadata_commit(loader->deps.metadata, &op, 1, NULL, NULL, &err) != HS_OK) {
        hs_log_err(HS_LOG_WARN, "loader", "gap not recorded, will retry", &err);
        if (!hs_loader_back_off(loader, &wait_ms))
            break;
    }
}

static struct hs_part *new_part(struct hs_loader *loader, enum hs_topic topic, uint32_t partition)
{
    struct hs_part *part = hs_xalloc(sizeof(*part));
    struct hs_stream_stat stat;
    char lease_name[HS_LEASE_NAME_MAX];
    struct hs_err err;
    int rc;

    hs_stream_stat(loader->deps.stream, &stat);
    snprintf(part->stream_id, sizeof(part->stream_id), "%.*s", HS_STR_ARG(stat.stream_id));
    part->origin = (struct hs_origin){.stream_id = hs_str_c(part->stream_id),
                                      .topic = topic,
                                      .partition = partition};
    hs_part_key(&part->origin, part->key);
    hs_intent_init(&part->intent);
    snprintf(lease_name, sizeof(lease_name), "loader/%s", part->key);
    rc = hs_lease_init(&part->lease, hs_str_c(lease_name), hs_str_c(loader->deps.owner), &err);
    HS_ASSERT(rc == HS_OK);
    rc = hs_rows_init(&part->rows, &part->origin, keep_if_new, loader, &err);
    HS_ASSERT(rc == HS_OK);
    return part;
}

static void free_part(struct hs_part *part)
{
    hs_rows_fini(&part->rows);
    hs_intent_fini(&part->intent);
    hs_free(part);
}

void hs_part_check_later(struct hs_loader *loader, struct hs_part *part, uint64_t lo, uint64_t hi)
{
    int64_t after_ns = (int64_t)loader->deps.conf->engine_takeover_check_ms * HS_NS_PER_MS;

    if (lo == hi)
        return;
    part->check_lo = part->takeover_check_ns > 0 ? HS_MIN(part->check_lo, lo) : lo;
    part->check_hi = part->takeover_check_ns > 0 ? HS_MAX(part->check_hi, hi) : hi;
    part->takeover_check_ns = mono_ns(loader) + after_ns;
}

/* Called within poll: waits for the lease and reads where to go on. */
static uint64_t on_assign(void *arg, enum hs_topic topic, uint32_t partition, uint64_t offset_start)
{
    struct hs_loader *loader = arg;
    struct hs_part *part = new_part(loader, topic, partition);
    int64_t wait_ms = RETRY_MIN_MS;
    uint64_t next = offset_start;
    struct hs_err err;
    int rc;

    HS_ASSERT(loader->parts_n < PARTS_MAX);
    do {
        rc = loader->deps.exclusive ? hs_lease_break(loader->deps.metadata, &part->lease, &err)
                                    : HS_OK;
        if (rc == HS_OK)
            rc = hs_part_hold_lease(loader, part, &err);
        if (rc == HS_OK)
            rc = read_start(loader, part, &next, &err);
        if (rc != HS_OK)
            hs_log_err(HS_LOG_WARN, "loader", "waiting for a partition's lease and position", &err,
                       HS_KV_S("part", part->key));
    } while (rc != HS_OK && hs_loader_back_off(loader, &wait_ms));
    if (rc == HS_OK && part->loaded < offset_start) {
        hs_part_record_gap(loader, part, part->loaded, offset_start);
        part->loaded = offset_start;
        next = HS_MAX(next, offset_start);
    }
    hs_part_check_later(loader, part, part->durable, HS_MAX(part->loaded, next));
    loader->parts[loader->parts_n++] = part;
    return next;
}

static void on_revoke(void *arg, enum hs_topic topic, uint32_t partition)
{
    struct hs_loader *loader = arg;
    struct hs_part *part = find_part(loader, topic, partition);
    struct hs_err err;
    size_t i;

    for (i = 0; i < loader->parts_n; i++) {
        if (loader->parts[i] != part)
            continue;
        loader->parts[i] = loader->parts[--loader->parts_n];
        hs_lease_release(loader->deps.metadata, &part->lease, &err);
        free_part(part);
        return;
    }
}

/* Recovers parts that were just assigned, until it works or stop is asked. */
static int recover_parts(struct hs_loader *loader, struct hs_err *err)
{
    bool recovered = false;
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < loader->parts_n && rc == HS_OK; i++) {
        struct hs_part *part = loader->parts[i];

        if (part->recovered)
            continue;
        if (!recovered)
            rc = hs_loader_fill_dedup(loader, err);
        recovered = true;
        if (rc == HS_OK && !loader->start_id[0])
            rc = hs_store_start_id(loader->deps.analytics, loader->start_id, err);
        if (rc == HS_OK)
            rc = hs_part_recover(loader, part, err);
        if (rc == HS_OK)
            part->recovered = true;
    }
    if (rc == HS_OK && recovered)
        rc = hs_power_recovered(loader->deps.metadata, err);
    return rc;
}

static int ensure_recovered(struct hs_loader *loader)
{
    int64_t wait_ms = RETRY_MIN_MS;
    struct hs_err err;
    int rc;

    do {
        rc = recover_parts(loader, &err);
        if (rc != HS_OK)
            hs_log_err(HS_LOG_WARN, "loader", "recovery did not end, will retry", &err);
    } while (rc != HS_OK && hs_loader_back_off(loader, &wait_ms));
    return rc;
}

static int add_record(struct hs_loader *loader, struct hs_part *part,
                      const struct hs_record *record)
{
    struct hs_err why;
    struct hs_err err;
    int rc = hs_rows_add(&part->rows, record, &why);

    if (rc == HS_OK || rc == HS_ELIMIT)
        return rc;
    rc = hs_loader_dead_letter(loader, part, record, "malformed", &why, &err);
    if (rc == HS_OK)
        hs_intent_skip(&part->intent, record->offset, HS_SKIP_ALL_SUBS, HS_SKIP_MALFORMED);
    return rc;
}

/* Ends the batch before a message that does not fit: it comes again with the next one. */
static int end_batch_at(struct hs_loader *loader, struct hs_part *part, uint64_t offset)
{
    const struct hs_position position = {part->origin.topic, part->origin.partition, offset};
    struct hs_err err;
    int rc = hs_consumer_seek(loader->consumer, &position, &err);

    if (rc != HS_OK)
        hs_log_err(HS_LOG_WARN, "loader", "consumer cannot seek", &err, HS_KV_S("part", part->key));
    part->intent.hi = offset;
    loader->full = true;
    return rc;
}

static int add_records(struct hs_loader *loader, const struct hs_records *records)
{
    struct hs_part *part = find_part(loader, records->topic, records->partition);
    int rc = HS_OK;
    size_t i;

    HS_ASSERT(part);
    if (!part->busy) {
        part->intent.lo = part->loaded;
        part->busy = true;
        part->rows.keep_fn = keep_if_new;
    }
    loader->mapping = part;
    hs_dedup_tick(&loader->dedup, mono_ns(loader));
    for (i = 0; i < records->n && rc == HS_OK; i++)
        rc = add_record(loader, part, &records->records[i]);
    if (rc == HS_ELIMIT)
        return end_batch_at(loader, part, records->records[i - 1].offset);
    part->intent.hi = records->next;
    return rc;
}

static bool batch_full(const struct hs_loader *loader)
{
    size_t bytes = 0;
    size_t skips = 0;
    size_t rows = 0;
    size_t i;

    for (i = 0; i < loader->parts_n; i++) {
        rows += hs_rows_count(&loader->parts[i]->rows);
        bytes += hs_rows_bytes(&loader->parts[i]->rows);
        skips = HS_MAX(skips, loader->parts[i]->intent.skips_n);
    }
    return loader->full || skips >= BATCH_SKIPS_MAX ||
           rows >= loader->deps.conf->engine_batch_rows || bytes >= BATCH_BYTES_MAX;
}

/* One poll into the batch. *out_n is the number of messages. */
static int collect_once(struct hs_loader *loader, int wait_ms, size_t *out_n)
{
    struct hs_records records = {.n = 0};
    struct hs_position position;
    struct hs_part *part;
    struct hs_err err;
    int64_t back_off_ms = RETRY_MIN_MS;
    int rc = hs_consumer_poll(loader->consumer, wait_ms, &records, &err);

    *out_n = records.n;
    if (rc == HS_OK && records.n == 0)
        return HS_OK;
    if (rc == HS_OK) {
        rc = ensure_recovered(loader);
        return rc == HS_OK ? add_records(loader, &records) : rc;
    }
    *out_n = 0;
    hs_log_err(HS_LOG_ERROR, "loader", "the stream cannot be read here", &err);
    part = find_part(loader, records.topic, records.partition);
    if ((rc != HS_ENOTFOUND && rc != HS_ECORRUPT) || !part || part->busy)
        return hs_loader_back_off(loader, &back_off_ms) ? HS_OK : HS_EAGAIN;
    hs_part_record_gap(loader, part, part->loaded, records.next);
    part->loaded = records.next;
    position = (struct hs_position){records.topic, records.partition, records.next};
    return hs_consumer_seek(loader->consumer, &position, &err);
}

/*
 * How long a batch stays open: longer when loading is slow, so that inserts are fewer and larger.
 * Each has a fixed price, about 0.1 s of CPU and twice that again when its part is merged: rows of
 * 25,000 an insert cost twice as much as those of 100,000 (docs/benchmarks.md).
 */
static int64_t batch_time_ns(const struct hs_loader *loader)
{
    int64_t least_ns = (int64_t)loader->deps.conf->engine_batch_ms * HS_NS_PER_MS;

    return HS_MIN(HS_MAX(least_ns, 2 * loader->load_ns), BATCH_PATIENCE * least_ns);
}

/* Polls until the batch closes: by rows, by time since its first message, or for want of any. */
static int collect(struct hs_loader *loader, bool *out_any)
{
    int64_t batch_ns = batch_time_ns(loader);
    int64_t close_ns = 0;
    int rc = HS_OK;

    *out_any = false;
    loader->full = false;
    while (rc == HS_OK && !hs_flag_is_set(&loader->stop) && !batch_full(loader)) {
        int64_t now_ns = mono_ns(loader);
        size_t n = 0;

        if (*out_any && now_ns >= close_ns)
            break;
        rc = collect_once(loader, LOADER_TOPICS_WAIT_MS, &n);
        if (rc == HS_OK && n > 0 && !*out_any) {
            *out_any = true;
            close_ns = now_ns + batch_ns;
        }
        if (!*out_any && n == 0)
            break;
    }
    return rc;
}

static void count_loaded(struct hs_loader *loader)
{
    size_t i;
    size_t k;

    for (i = 0; i < loader->parts_n; i++) {
        const struct hs_part *part = loader->parts[i];
        const char *const labels[] = {hs_topic_name(part->origin.topic), NULL, NULL};
        size_t repeated = 0;

        if (!part->busy)
            continue;
        for (k = 0; k < part->intent.skips_n; k++)
            repeated += part->intent.skips[k].reason == HS_SKIP_REPEAT;
        hs_metric_add(&loaded_messages, labels, (double)(part->intent.hi - part->intent.lo));
        if (repeated > 0)
            hs_metric_add(&hs_loader_repeats, labels, (double)repeated);
    }
}

static int hold_leases(struct hs_loader *loader, struct hs_err *err)
{
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < loader->parts_n && rc == HS_OK; i++)
        rc = hs_part_hold_lease(loader, loader->parts[i], err);
    return rc;
}

static int load_attempt(struct hs_loader *loader, int *step, struct hs_err *err)
{
    int rc = hold_leases(loader, err);
    size_t i;

    if (rc == HS_OK && !loader->start_id[0])
        rc = hs_store_start_id(loader->deps.analytics, loader->start_id, err);
    for (i = 0; rc == HS_OK && *step == 0 && i < loader->parts_n; i++) {
        struct hs_part *part = loader->parts[i];

        hs_intent_expect(&part->intent, &part->rows);
        memcpy(part->intent.start_id, loader->start_id, sizeof(part->intent.start_id));
    }
    if (rc == HS_OK && *step == 0) {
        rc = hs_parts_commit_intents(loader, err);
        *step = rc == HS_OK ? 1 : 0;
    }
    for (i = 0; rc == HS_OK && *step == 1 && i < loader->parts_n; i++) {
        if (loader->parts[i]->busy)
            rc = hs_part_insert(loader, loader->parts[i], err);
    }
    if (rc == HS_OK && *step == 1) {
        *step = 2;
        count_loaded(loader);
    }
    return rc == HS_OK ? hs_parts_commit_loaded(loader, err) : rc;
}

/* Brings the batch in, whatever it takes. HS_OK, HS_ECONFLICT: a lease is lost; HS_EAGAIN: stop. */
static int load(struct hs_loader *loader)
{
    int64_t start_ns = mono_ns(loader);
    int64_t wait_ms = RETRY_MIN_MS;
    struct hs_err err;
    int step = 0;
    int rc;

    do {
        rc = load_attempt(loader, &step, &err);
        if (rc != HS_OK)
            hs_log_err(HS_LOG_WARN, "loader", "batch not loaded yet", &err);
    } while (rc != HS_OK && rc != HS_ECONFLICT && hs_loader_back_off(loader, &wait_ms));
    loader->load_ns = mono_ns(loader) - start_ns;
    hs_metric_observe(&load_seconds, HS_LABELS_NONE, (double)loader->load_ns / HS_NS_PER_S);
    return rc;
}

/* Drops what was mapped and gives every part back: the next poll starts from metadata. */
static void abandon(struct hs_loader *loader)
{
    struct hs_err err;

    while (loader->parts_n > 0) {
        struct hs_part *part = loader->parts[--loader->parts_n];

        hs_lease_release(loader->deps.metadata, &part->lease, &err);
        free_part(part);
    }
    hs_mutex_lock(&loader->lock);
    loader->asked = NULL;
    loader->views_n = 0;
    hs_mutex_unlock(&loader->lock);
    hs_consumer_close(loader->consumer);
    loader->consumer = NULL;
    hs_dedup_fini(&loader->dedup);
    hs_dedup_init(&loader->dedup, loader->deps.conf->dedup_entries_max,
                  (int32_t)(loader->deps.conf->dedup_window_ms / 1000));
}

static int subscribe(struct hs_loader *loader, struct hs_err *err)
{
    const struct hs_subscription subscription = {
        .group = HS_STR("haystat-loader"),
        .topics = HS_TOPIC_BIT(HS_TOPIC_EVENTS) | HS_TOPIC_BIT(HS_TOPIC_RESULTS) |
                  HS_TOPIC_BIT(HS_TOPIC_ERRORS) | HS_TOPIC_BIT(HS_TOPIC_SPANS) |
                  HS_TOPIC_BIT(HS_TOPIC_LOGS),
        .durable = true,
        .on_assign = on_assign,
        .on_revoke = on_revoke,
        .arg = loader,
    };

    return hs_stream_subscribe(loader->deps.stream, &subscription, &loader->consumer, err);
}

int hs_loader_lag(struct hs_loader *loader, struct hs_lag *out, size_t out_max)
{
    struct hs_err err;
    int n = 0;

    hs_mutex_lock(&loader->lock);
    if (loader->asked)
        n = hs_consumer_lag(loader->asked, out, out_max, &err);
    hs_mutex_unlock(&loader->lock);
    return HS_MAX(n, 0);
}

void hs_loader_set_durable(struct hs_loader *loader, enum hs_topic topic, uint32_t partition,
                           uint64_t durable)
{
    hs_mutex_lock(&loader->lock);
    if (loader->synced_n < PARTS_MAX)
        loader->synced[loader->synced_n++] =
            (struct hs_part_view){.topic = topic, .partition = partition, .durable = durable};
    hs_mutex_unlock(&loader->lock);
}

/* Durable positions that the sync thread reported: the stream may delete what lies below. */
static void take_synced(struct hs_loader *loader)
{
    struct hs_part_view *synced = hs_xcalloc(PARTS_MAX, sizeof(*synced));
    struct hs_err err;
    size_t n;
    size_t i;

    hs_mutex_lock(&loader->lock);
    n = loader->synced_n;
    memcpy(synced, loader->synced, n * sizeof(*synced));
    loader->synced_n = 0;
    hs_mutex_unlock(&loader->lock);
    for (i = 0; i < n; i++) {
        struct hs_part *part = find_part(loader, synced[i].topic, synced[i].partition);
        const struct hs_position position = {synced[i].topic, synced[i].partition,
                                             synced[i].durable};

        if (!part)
            continue;
        part->durable = synced[i].durable;
        hs_killpoint("engine_release");
        if (hs_consumer_release(loader->consumer, &position, &err) != HS_OK)
            hs_log_err(HS_LOG_WARN, "loader", "position not released, will follow later", &err,
                       HS_KV_S("part", part->key));
    }
    hs_free(synced);
}

/* Ranges that are yet to be counted stay remembered, and their messages in the stream. */
static uint64_t syncable(const struct hs_part *part)
{
    if (!part->recovered)
        return part->durable;
    return part->takeover_check_ns > 0 ? HS_MIN(part->check_lo, part->loaded) : part->loaded;
}

static void publish(struct hs_loader *loader)
{
    size_t i;

    hs_mutex_lock(&loader->lock);
    loader->asked = loader->consumer;
    loader->views_n = loader->parts_n;
    for (i = 0; i < loader->parts_n; i++) {
        const struct hs_part *part = loader->parts[i];

        loader->views[i] = (struct hs_part_view){.topic = part->origin.topic,
                                                 .partition = part->origin.partition,
                                                 .loaded = part->loaded,
                                                 .durable = part->durable,
                                                 .syncable = syncable(part)};
    }
    loader->dedup_window_s = hs_dedup_window_s(&loader->dedup);
    hs_mutex_unlock(&loader->lock);
}

static int check_takeovers(struct hs_loader *loader)
{
    struct hs_err err;
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < loader->parts_n && rc == HS_OK; i++) {
        struct hs_part *part = loader->parts[i];

        if (!part->recovered || part->takeover_check_ns == 0 ||
            mono_ns(loader) < part->takeover_check_ns)
            continue;
        rc = hs_part_takeover_check(loader, part, &err);
        if (rc != HS_OK && rc != HS_ECONFLICT) {
            part->takeover_check_ns = mono_ns(loader) + HS_NS_PER_S;
            hs_log_err(HS_LOG_WARN, "loader", "takeover check did not end, will retry", &err);
            rc = HS_OK;
        }
    }
    return rc;
}

static int loader_step(struct hs_loader *loader)
{
    bool any;
    int rc = collect(loader, &any);

    if (rc == HS_OK && loader->parts_n > 0)
        rc = ensure_recovered(loader);
    if (rc == HS_OK && any)
        rc = load(loader);
    if (rc == HS_OK)
        rc = check_takeovers(loader);
    if (rc == HS_OK)
        hs_loader_works(loader);
    take_synced(loader);
    publish(loader);
    return rc;
}

static void loader_main(void *arg)
{
    struct hs_loader *loader = arg;
    int64_t wait_ms = RETRY_MIN_MS;
    struct hs_err err;

    while (!hs_flag_is_set(&loader->stop)) {
        int rc = loader->consumer ? HS_OK : subscribe(loader, &err);

        if (rc != HS_OK) {
            hs_log_err(HS_LOG_ERROR, "loader", "subscription failed, will retry", &err);
            hs_loader_back_off(loader, &wait_ms);
            continue;
        }
        rc = loader_step(loader);
        if (rc != HS_OK && !hs_flag_is_set(&loader->stop)) {
            hs_log(HS_LOG_WARN, "loader", "starting over from metadata",
                   HS_KV_S("rc", hs_rc_name(rc)));
            abandon(loader);
        }
    }
}

int hs_loader_start(const struct hs_loader_deps *deps, struct hs_loader **out, struct hs_err *err)
{
    struct hs_loader *loader = hs_xalloc(sizeof(*loader));
    int rc;

    loader->deps = *deps;
    hs_mutex_init(&loader->lock, HS_RANK_SERVICE);
    hs_cond_init(&loader->wake);
    hs_dedup_init(&loader->dedup, deps->conf->dedup_entries_max,
                  (int32_t)HS_MAX(deps->conf->dedup_window_ms / 1000, (uint64_t)1));
    rc = hs_thread_start(&loader->thread, "loader", loader_main, loader, err);
    if (rc != HS_OK) {
        hs_loader_stop(loader);
        return rc;
    }
    *out = loader;
    return HS_OK;
}

void hs_loader_stop(struct hs_loader *loader)
{
    if (!loader)
        return;
    hs_mutex_lock(&loader->lock);
    hs_flag_set(&loader->stop);
    hs_cond_broadcast(&loader->wake);
    hs_mutex_unlock(&loader->lock);
    hs_thread_join(&loader->thread);
    abandon(loader);
    hs_dedup_fini(&loader->dedup);
    hs_cond_fini(&loader->wake);
    hs_mutex_fini(&loader->lock);
    hs_free(loader);
}
