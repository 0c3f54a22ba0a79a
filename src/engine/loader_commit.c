/* What the loader writes to metadata: intents before an insert, positions and marks after it. */
#include <stdio.h>
#include <string.h>

#include "base/killpoint.h"
#include "base/mem.h"
#include "engine/behaviour_marks.h"
#include "engine/loader_int.h"
#include "port/dirty.h"
#include "port/source.h"

enum {
    COMMIT_ARENA_BYTES = 512 << 20,
    INTENT_BYTES_MAX = HS_METADATA_VALUE_MAX,
    MINUTES_QUERY_MS = 60000,
};

/* One commit in the making. */
struct commit {
    struct hs_arena arena;
    struct hs_metadata_op *ops;
    size_t n, cap;
};

static void commit_init(struct commit *commit)
{
    *commit = (struct commit){.ops = NULL};
    hs_arena_init(&commit->arena, COMMIT_ARENA_BYTES);
}

static void commit_fini(struct commit *commit)
{
    hs_free(commit->ops);
    hs_arena_fini(&commit->arena);
}

static struct hs_metadata_op *commit_add(struct commit *commit, struct hs_metadata_op op)
{
    if (commit->n == commit->cap) {
        commit->cap = commit->cap * 2 + 64;
        commit->ops = hs_xrealloc(commit->ops, commit->cap, sizeof(op));
    }
    commit->ops[commit->n] = op;
    return &commit->ops[commit->n++];
}

static void commit_put(struct commit *commit, const char *space, struct hs_str key,
                       struct hs_str value)
{
    commit_add(commit, (struct hs_metadata_op){.action = HS_METADATA_PUT,
                                               .space = space,
                                               .key = hs_arena_copy(&commit->arena, key),
                                               .value = hs_arena_copy(&commit->arena, value)});
}

static int commit_run(struct hs_loader *loader, struct commit *commit, struct hs_err *err)
{
    return hs_metadata_commit(loader->deps.metadata, commit->ops, commit->n, NULL, NULL, err);
}

static int put_intent(struct commit *commit, const char *space, struct hs_str key,
                      const struct hs_intent *intent, struct hs_err *err)
{
    struct hs_buf value;
    int rc = HS_OK;

    hs_buf_init(&value, INTENT_BYTES_MAX);
    hs_intent_encode(intent, &value);
    if (hs_buf_ok(&value))
        commit_put(commit, space, key, hs_buf_str(&value));
    else
        rc = hs_err_set(err, HS_ELIMIT, 0, "intent with %zu skips passes %d bytes", intent->skips_n,
                        INTENT_BYTES_MAX);
    hs_buf_fini(&value);
    return rc;
}

static int add_intent(struct commit *commit, struct hs_part *part, struct hs_err *err)
{
    char range_key[HS_PART_KEY_MAX + 24];
    size_t range_n = hs_range_key(part->key, part->intent.lo, range_key);

    part->intent.epoch = part->lease.epoch;
    commit_add(commit, hs_lease_check_op(&part->lease));
    if (part->verifying)
        return put_intent(commit, HS_SPACE_LOADED, hs_str_n(range_key, range_n), &part->intent,
                          err);
    return put_intent(commit, HS_SPACE_INTENTS, hs_str_c(part->key), &part->intent, err);
}

int hs_part_commit_intent(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    struct commit commit;
    int rc;

    commit_init(&commit);
    rc = add_intent(&commit, part, err);
    if (rc == HS_OK)
        rc = commit_run(loader, &commit, err);
    commit_fini(&commit);
    return rc;
}

int hs_parts_commit_intents(struct hs_loader *loader, struct hs_err *err)
{
    struct commit commit;
    int rc = HS_OK;
    size_t i;

    commit_init(&commit);
    for (i = 0; i < loader->parts_n && rc == HS_OK; i++) {
        if (loader->parts[i]->busy)
            rc = add_intent(&commit, loader->parts[i], err);
    }
    if (rc == HS_OK)
        rc = commit_run(loader, &commit, err);
    commit_fini(&commit);
    if (rc == HS_OK)
        hs_killpoint("engine_intent_written");
    return rc;
}

static void put_mark(struct commit *commit, const char *space, enum hs_level level,
                     const char *tenant, int64_t start_s)
{
    char key[HS_DIRTY_KEY_MAX];
    size_t n = hs_dirty_key(level, hs_str_c(tenant), start_s, key);

    commit_put(commit, space, hs_str_n(key, n), HS_STR(""));
}

/* Marks what is to be computed again because of touched minutes. */
static void put_marks(struct commit *commit, const struct hs_minute *minutes, size_t minutes_n)
{
    struct hs_behaviour_mark *marks;
    size_t n = hs_behaviour_marks_of(minutes, minutes_n, &marks);
    size_t i;

    for (i = 0; i < minutes_n; i++) {
        if (minutes[i].touched & HS_TOUCH_SEARCH)
            put_mark(commit, hs_dirty_fast.dirty, HS_LEVEL_1M, minutes[i].tenant,
                     minutes[i].minute_s);
    }
    for (i = 0; i < n; i++)
        put_mark(commit,
                 marks[i].purchases ? HS_SPACE_BEHAVIOUR_PURCHASES : hs_dirty_behaviour.dirty,
                 HS_LEVEL_10M, marks[i].tenant, marks[i].block_s);
    hs_free(marks);
}

/* Marks every minute in which the application has searches: its counted rows changed. */
static int mark_application(struct hs_loader *loader, struct commit *commit,
                            const struct hs_app_source *seen, struct hs_err *err)
{
    const struct hs_param params[] = {{"tenant", hs_str_c(seen->tenant)},
                                      {"application", hs_str_c(seen->application)}};
    const struct hs_query query = {
        .sql = "SELECT DISTINCT toUnixTimestamp(toStartOfMinute(ts)) FROM haystat.searches "
               "WHERE tenant = {tenant:String} AND application = {application:String}",
        .params = params,
        .params_n = HS_ARRAY_LEN(params),
        .user = HS_ANALYTICS_RW,
        .timeout_ms = MINUTES_QUERY_MS,
    };
    struct hs_minute *minutes = NULL;
    struct hs_arena arena;
    struct hs_table table;
    size_t i;
    int rc;

    hs_arena_init(&arena, COMMIT_ARENA_BYTES);
    rc = hs_analytics_query(loader->deps.analytics, &query, &arena, &table, err);
    if (rc == HS_OK) {
        minutes = hs_xcalloc(table.rows + 1, sizeof(*minutes));
        for (i = 0; i < table.rows; i++)
            minutes[i] = (struct hs_minute){.tenant = seen->tenant,
                                            .minute_s = (int64_t)table.columns[0].u64[i],
                                            .touched = HS_TOUCH_SEARCH};
        put_marks(commit, minutes, table.rows);
        hs_free(minutes);
    }
    hs_arena_fini(&arena);
    return rc;
}

/* What is known of an application, also by this commit so far: the ranges of one commit may hold
 * several of its sources. HS_ENOTFOUND: nothing yet. */
static int find_application(struct hs_loader *loader, struct commit *commit, struct hs_str key,
                            struct hs_app_counted *out, struct hs_err *err)
{
    struct hs_entry entry;
    size_t i;
    int rc;

    for (i = commit->n; i > 0; i--) {
        const struct hs_metadata_op *op = &commit->ops[i - 1];

        if (op->action == HS_METADATA_PUT && strcmp(op->space, HS_SPACE_SOURCES) == 0 &&
            hs_str_eq(op->key, key))
            return hs_app_counted_decode(op->value, out, err);
    }
    rc = hs_metadata_get(loader->deps.metadata, HS_SPACE_SOURCES, key, &commit->arena, &entry, err);
    return rc == HS_OK ? hs_app_counted_decode(entry.value, out, err) : rc;
}

/* Takes in what was seen; false when it was known. */
static bool learn(struct hs_app_counted *app, const struct hs_app_source *seen)
{
    unsigned bit = hs_source_bit_of(hs_str_c(seen->source));
    unsigned *bits = seen->of_actions ? &app->actions : &app->seen;

    if (*bits & bit)
        return false;
    *bits |= bit;
    if (!app->set)
        app->counted = hs_source_best(app->seen);
    return true;
}

/* Learns that an application sends from a source; a change of what is counted marks its minutes. */
static int learn_source(struct hs_loader *loader, struct commit *commit,
                        const struct hs_app_source *seen, struct hs_err *err)
{
    struct hs_app_counted app = {.seen = 0};
    struct hs_buf key;
    struct hs_buf value;
    bool known;
    int rc = HS_OK;

    hs_buf_init(&key, HS_METADATA_KEY_MAX);
    hs_buf_init(&value, 1024);
    hs_buf_addf(&key, "%s/%s", seen->tenant, seen->application);
    if (!hs_buf_ok(&key)) /* a name longer than intake lets in: all its sources count */
        goto out;
    rc = find_application(loader, commit, hs_buf_str(&key), &app, err);
    known = rc == HS_OK;
    if (rc == HS_ENOTFOUND)
        rc = HS_OK;
    if (rc == HS_OK && learn(&app, seen)) {
        hs_app_counted_encode(&app, &value);
        commit_put(commit, HS_SPACE_SOURCES, hs_buf_str(&key), hs_buf_str(&value));
        if (known)
            rc = mark_application(loader, commit, seen, err);
    }
out:
    hs_buf_fini(&value);
    hs_buf_fini(&key);
    return rc;
}

static uint64_t source_hash(const struct hs_app_source *seen)
{
    uint64_t hash = hs_hash64(hs_str_c(seen->tenant));

    hash = hs_hash64_seed(hs_str_c(seen->application), hash);
    return hs_hash64_seed(hs_str_c(seen->source), hash + seen->of_actions) | 1;
}

static int learn_sources(struct hs_loader *loader, struct commit *commit, struct hs_part *part,
                         struct hs_err *err)
{
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < part->rows.sources_n && rc == HS_OK; i++) {
        const struct hs_app_source *seen = &part->rows.sources[i];
        uint64_t hash = source_hash(seen);
        uint64_t *slot = &loader->sources_known[hash % HS_ARRAY_LEN(loader->sources_known)];

        if (*slot == hash)
            continue;
        rc = learn_source(loader, commit, seen, err);
        if (rc == HS_OK)
            *slot = hash;
    }
    return rc;
}

/* A commit that failed taught nothing: the sources of its ranges are looked up again. */
static void forget_sources(struct hs_loader *loader)
{
    memset(loader->sources_known, 0, sizeof(loader->sources_known));
}

static void put_position(struct commit *commit, const struct hs_part *part, uint64_t loaded)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)loaded);

    commit_put(commit, HS_SPACE_POSITIONS, hs_str_c(part->key), hs_str_n(text, (size_t)n));
}

static int add_loaded(struct hs_loader *loader, struct commit *commit, struct hs_part *part,
                      struct hs_err *err)
{
    char range_key[HS_PART_KEY_MAX + 24];
    size_t range_n = hs_range_key(part->key, part->intent.lo, range_key);
    int rc;

    commit_add(commit, hs_lease_check_op(&part->lease));
    put_position(commit, part, part->intent.hi);
    commit_add(commit, (struct hs_metadata_op){.action = HS_METADATA_DELETE,
                                               .space = HS_SPACE_INTENTS,
                                               .key = hs_str_c(part->key)});
    put_marks(commit, part->rows.minutes, part->rows.minutes_n);
    rc = put_intent(commit, HS_SPACE_LOADED, hs_str_n(range_key, range_n), &part->intent, err);
    if (rc == HS_OK)
        rc = learn_sources(loader, commit, part, err);
    return rc;
}

int hs_part_commit_marks(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    struct commit commit;
    int rc;

    commit_init(&commit);
    commit_add(&commit, hs_lease_check_op(&part->lease));
    put_marks(&commit, part->rows.minutes, part->rows.minutes_n);
    rc = commit_run(loader, &commit, err);
    commit_fini(&commit);
    return rc;
}

/* The range is in and remembered: the part stands at its end. */
static void finish(struct hs_part *part)
{
    part->busy = false;
    part->sent_before = false;
    part->loaded = part->intent.hi;
    hs_rows_reset(&part->rows);
    hs_intent_reset(&part->intent);
}

int hs_part_commit_loaded(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    struct commit commit;
    int rc;

    commit_init(&commit);
    rc = add_loaded(loader, &commit, part, err);
    if (rc == HS_OK)
        rc = commit_run(loader, &commit, err);
    commit_fini(&commit);
    if (rc == HS_OK)
        finish(part);
    else
        forget_sources(loader);
    return rc;
}

int hs_part_commit_skipped(struct hs_loader *loader, struct hs_part *part, struct hs_err *err)
{
    struct commit commit;
    int rc;

    commit_init(&commit);
    commit_add(&commit, hs_lease_check_op(&part->lease));
    put_position(&commit, part, part->intent.hi);
    commit_add(&commit, (struct hs_metadata_op){.action = HS_METADATA_DELETE,
                                                .space = HS_SPACE_INTENTS,
                                                .key = hs_str_c(part->key)});
    rc = commit_run(loader, &commit, err);
    commit_fini(&commit);
    if (rc == HS_OK)
        finish(part);
    return rc;
}

int hs_parts_commit_loaded(struct hs_loader *loader, struct hs_err *err)
{
    struct commit commit;
    int rc = HS_OK;
    size_t i;

    hs_killpoint("engine_after_insert");
    commit_init(&commit);
    for (i = 0; i < loader->parts_n && rc == HS_OK; i++) {
        if (loader->parts[i]->busy)
            rc = add_loaded(loader, &commit, loader->parts[i], err);
    }
    if (rc == HS_OK)
        rc = commit_run(loader, &commit, err);
    commit_fini(&commit);
    for (i = 0; i < loader->parts_n && rc == HS_OK; i++) {
        if (loader->parts[i]->busy)
            finish(loader->parts[i]);
    }
    if (rc == HS_OK)
        hs_killpoint("engine_loaded_committed");
    else
        forget_sources(loader);
    return rc;
}
