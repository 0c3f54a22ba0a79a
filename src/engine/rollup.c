#include "engine/rollup.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "engine/rollup_marks.h"
#include "port/lease.h"

enum {
    WINDOWS_MAX = 60, /* of finer cells, of one statement */
    ENDED_S = 90,     /* coarser windows wait so long after their end */
    ROLLUP_STEP_MS = 100,
    ROLLUP_QUERY_MS = 120000,
    PASS_MS = 1000, /* after which a pass takes up no more backlog */
    DONE_SLOTS = 4096,
    QUERY_ID_MAX = 128,
    KILL_AFTER_MS = 500, /* that stop waits for a statement before it has it killed */
    KILL_MS = 2000,
};

static struct hs_metric rollup_seconds = {
    .name = "hs_engine_rollup_seconds",
    .type = HS_METRIC_HISTOGRAM,
    .help = "Time to compute one group of windows, by rollup and level.",
    .labels = {"rollup", "level"},
    .buckets = hs_metric_seconds,
};
static struct hs_metric rollup_windows = {
    .name = "hs_engine_rollup_windows_total",
    .type = HS_METRIC_COUNTER,
    .help = "Windows computed, by rollup and level.",
    .labels = {"rollup", "level"},
};

static const int64_t NEVER_NS = INT64_MIN / 2;

/* When a window was last computed; a cache with one slot a hash. */
struct done_slot {
    uint64_t hash;
    int64_t at_ns; /* mono */
};

struct hs_rollup {
    const struct hs_rollup_kind *kind;
    struct hs_loader_deps deps;
    struct hs_lease lease;
    int64_t lease_renewed_ns;
    uint64_t counter; /* low half of the next version */
    struct done_slot done[DONE_SLOTS];
    int64_t recent_every_ns; /* least time between two passes over recent minutes */
    int64_t recent_at_ns;    /* end of the last such pass */
    char query_id[QUERY_ID_MAX];
    struct hs_thread thread;
    struct hs_flag stop;
    struct hs_mutex lock; /* guards what follows */
    struct hs_cond wake;  /* signalled by stop and at the end */
    bool running;
    size_t dirty_n, dirty_base_n;
    int64_t cost_ms;
};

/* One look at the marks. */
struct pass {
    struct hs_marks marks;
    int64_t wall_s;
    int64_t mono_ns;
    size_t begun_n;    /* marks of the base level whose windows have begun */
    bool recent;       /* recent windows are due in this pass */
    int64_t recent_ns; /* time spent on them */
};

static uint64_t key_hash(struct hs_str key)
{
    return hs_hash64(key) | 1;
}

static int64_t done_at(const struct hs_rollup *rollup, struct hs_str key)
{
    uint64_t hash = key_hash(key);
    const struct done_slot *slot = &rollup->done[hash % DONE_SLOTS];

    return slot->hash == hash ? slot->at_ns : NEVER_NS;
}

static void note_done(struct hs_rollup *rollup, struct hs_str key, int64_t at_ns)
{
    uint64_t hash = key_hash(key);

    rollup->done[hash % DONE_SLOTS] = (struct done_slot){.hash = hash, .at_ns = at_ns};
}

static bool is_recent(const struct hs_rollup *rollup, const struct pass *pass, enum hs_level level,
                      const struct hs_mark *mark)
{
    const struct hs_rollup_kind *kind = rollup->kind;

    return level == kind->base && mark->start_s + hs_level_s(level) + kind->recent_s > pass->wall_s;
}

static bool base_due(struct hs_rollup *rollup, const struct pass *pass, const struct hs_mark *mark)
{
    int64_t at_ns = done_at(rollup, mark->key);
    const struct hs_rollup_age age = {
        .conf = rollup->deps.conf,
        .start_s = mark->start_s,
        .wall_s = pass->wall_s,
        .since_s = at_ns == NEVER_NS ? INT64_MAX : (pass->mono_ns - at_ns) / HS_NS_PER_S,
    };

    if (is_recent(rollup, pass, rollup->kind->base, mark) && !pass->recent)
        return false;
    return rollup->kind->due(&age);
}

static void choose_due(struct hs_rollup *rollup, struct pass *pass)
{
    const struct hs_marks *marks = &pass->marks;
    enum hs_level base = rollup->kind->base;
    int level;
    size_t i;

    for (i = 0; i < marks->n[base]; i++) {
        marks->at[base][i].due = base_due(rollup, pass, &marks->at[base][i]);
        pass->begun_n += marks->at[base][i].start_s <= pass->wall_s;
    }
    for (level = (int)base + 1; level < HS_LEVEL_N; level++) {
        for (i = 0; i < marks->n[level]; i++) {
            struct hs_mark *mark = &marks->at[level][i];
            int64_t end_s = mark->start_s + hs_level_s((enum hs_level)level);

            mark->due = end_s + ENDED_S <= pass->wall_s &&
                        !hs_marks_finer_within(marks, (enum hs_level)level, mark);
        }
    }
}

static int hold_lease(struct hs_rollup *rollup, struct hs_err *err)
{
    int64_t ttl_ms = (int64_t)rollup->deps.conf->engine_lease_ms;
    int64_t now_ns = hs_mono_ns(rollup->deps.clock);
    uint64_t epoch = rollup->lease.epoch;
    int rc;

    if (rollup->lease.held && now_ns - rollup->lease_renewed_ns < ttl_ms * HS_NS_PER_MS / 3)
        return HS_OK;
    if (rollup->deps.exclusive && epoch == 0) {
        rc = hs_lease_break(rollup->deps.metadata, &rollup->lease, err);
        if (rc != HS_OK)
            return rc;
    }
    rc = hs_lease_acquire(rollup->deps.metadata, &rollup->lease, ttl_ms, err);
    if (rc != HS_OK)
        return rc;
    rollup->lease_renewed_ns = now_ns;
    if (rollup->lease.epoch != epoch)
        rollup->counter = 1;
    return HS_OK;
}

/* The id is new for each statement, for each has a version of its own: the store says that an id is
 * in use for some time after it has answered. */
int hs_rollup_exec(const struct hs_rollup_job *job, struct hs_buf *sql, struct hs_err *err)
{
    const struct hs_param param = {.name = "tenant", .value = job->tenant};
    char id[QUERY_ID_MAX];
    struct hs_query query = {.params = &param,
                             .params_n = 1,
                             .user = HS_ANALYTICS_RW,
                             .timeout_ms = ROLLUP_QUERY_MS,
                             .settings = "max_threads=1&max_partitions_per_insert_block=1000"};

    if (!hs_buf_ok(sql))
        return hs_err_set(err, HS_ELIMIT, 0, "rollup statement passes %zu bytes", sql->max);
    if (hs_flag_is_set(job->stop))
        return hs_err_set(err, HS_EAGAIN, 0, "the rollup is stopping");
    query.sql = hs_buf_cstr(sql);
    snprintf(id, sizeof(id), "%.*s-%016llx", HS_STR_ARG(job->query_id),
             (unsigned long long)hs_hash64(hs_buf_str(sql)));
    query.query_id = hs_str_c(id);
    return hs_analytics_exec(job->deps->analytics, &query, err);
}

/* Adds the operations that clear a mark: it becomes rolled, and its coarser window dirty. */
static size_t clear_ops(struct hs_rollup *rollup, struct pass *pass, enum hs_level level,
                        const struct hs_mark *mark, struct hs_metadata_op *ops)
{
    char key[HS_DIRTY_KEY_MAX];
    size_t n = 0;

    ops[n++] = hs_lease_check_op(&rollup->lease);
    ops[n++] = (struct hs_metadata_op){.action = HS_METADATA_DELETE,
                                       .expect = HS_EXPECT_VERSION,
                                       .space = rollup->kind->spaces->dirty,
                                       .key = mark->key,
                                       .version = mark->version};
    ops[n++] = (struct hs_metadata_op){.action = HS_METADATA_PUT,
                                       .space = rollup->kind->spaces->rolled,
                                       .key = mark->key};
    if (level + 1 < HS_LEVEL_N) {
        enum hs_level coarser = (enum hs_level)(level + 1);
        int64_t start_s = mark->start_s / hs_level_s(coarser) * hs_level_s(coarser);
        size_t key_n = hs_dirty_key(coarser, mark->tenant, start_s, key);

        ops[n++] =
            (struct hs_metadata_op){.action = HS_METADATA_PUT,
                                    .space = rollup->kind->spaces->dirty,
                                    .key = hs_arena_copy(&pass->marks.arena, hs_str_n(key, key_n))};
    }
    return n;
}

enum { CLEAR_OPS = 4 };

/* Neighbouring marks that one statement computes. */
struct group {
    enum hs_level level;
    struct hs_mark *marks;
    size_t n;
};

/* Clears the marks of a group. Marks that grew a new generation meanwhile stay: the commit fails at
 * theirs and is sent again without them. */
static int clear_marks(struct hs_rollup *rollup, struct pass *pass, const struct group *group,
                       struct hs_err *err)
{
    struct hs_metadata_op *ops = hs_xcalloc(group->n * CLEAR_OPS, sizeof(*ops));
    bool *stale = hs_xcalloc(group->n, sizeof(*stale));
    size_t *owner = hs_xcalloc(group->n * CLEAR_OPS, sizeof(*owner));
    size_t ops_n;
    size_t failed = 0;
    size_t i;
    int rc;

    do {
        ops_n = 0;
        for (i = 0; i < group->n; i++) {
            size_t from = ops_n;

            if (!stale[i])
                ops_n += clear_ops(rollup, pass, group->level, &group->marks[i], ops + ops_n);
            for (; from < ops_n; from++)
                owner[from] = i;
        }
        rc = ops_n > 0 ? hs_metadata_commit(rollup->deps.metadata, ops, ops_n, NULL, &failed, err)
                       : HS_OK;
        if (rc != HS_ECONFLICT || ops[failed].action == HS_METADATA_CHECK)
            break;
        stale[owner[failed]] = true;
    } while (true);
    hs_free(owner);
    hs_free(stale);
    hs_free(ops);
    return rc;
}

static bool needs_rows(const struct hs_rollup *rollup, const struct pass *pass, enum hs_level level,
                       int64_t start_s)
{
    return level == rollup->kind->base || rollup->kind->needs_rows(level, start_s, pass->wall_s);
}

/* Windows of one statement. */
static size_t group_max(const struct hs_rollup *rollup, const struct pass *pass,
                        enum hs_level level, int64_t start_s)
{
    if (needs_rows(rollup, pass, level, start_s))
        return (size_t)HS_MAX(1, rollup->kind->group_s_max / hs_level_s(level));
    return WINDOWS_MAX;
}

static int compute_group(struct hs_rollup *rollup, struct pass *pass, const struct group *group,
                         struct hs_err *err)
{
    const char *const labels[] = {rollup->kind->name, hs_level_name(group->level), NULL};
    struct hs_rollup_window window = {.level = group->level, .from_s = group->marks[0].start_s};
    const struct hs_rollup_job job = {.deps = &rollup->deps,
                                      .stop = &rollup->stop,
                                      .query_id = hs_str_c(rollup->query_id),
                                      .tenant = group->marks[0].tenant,
                                      .window = &window};
    int64_t start_ns = hs_mono_ns(rollup->deps.clock);
    int64_t took_ns;
    size_t k;
    int rc = hold_lease(rollup, err);

    if (rc != HS_OK)
        return rc;
    HS_ASSERT(rollup->counter < UINT32_MAX);
    window.version = rollup->lease.epoch << 32 | rollup->counter++;
    window.to_s = window.from_s + (int64_t)group->n * hs_level_s(group->level);
    window.from_rows = needs_rows(rollup, pass, group->level, window.from_s);
    rc = rollup->kind->write(&job, err);
    if (rc == HS_OK)
        rc = clear_marks(rollup, pass, group, err);
    if (rc != HS_OK)
        return rc;
    took_ns = hs_mono_ns(rollup->deps.clock) - start_ns;
    for (k = 0; k < group->n; k++)
        note_done(rollup, group->marks[k].key, start_ns + took_ns);
    if (is_recent(rollup, pass, group->level, &group->marks[group->n - 1]))
        pass->recent_ns += took_ns;
    hs_metric_add(&rollup_windows, labels, (double)group->n);
    hs_metric_observe(&rollup_seconds, labels, (double)took_ns / HS_NS_PER_S);
    return HS_OK;
}

/* The next pass over recent windows comes after max(the kind's pace, cost ÷ rollup.cpu_share). */
static void note_cost(struct hs_rollup *rollup, const struct pass *pass)
{
    int64_t pace_ns = rollup->kind->pace_ms(rollup->deps.conf) * HS_NS_PER_MS;
    int64_t by_share_ns = (int64_t)((double)pass->recent_ns / rollup->deps.conf->rollup_cpu_share);

    if (!pass->recent)
        return;
    rollup->recent_every_ns = HS_MAX(pace_ns, by_share_ns - pass->recent_ns);
    rollup->recent_at_ns = hs_mono_ns(rollup->deps.clock);
    hs_mutex_lock(&rollup->lock);
    rollup->cost_ms = pass->recent_ns / HS_NS_PER_MS;
    hs_mutex_unlock(&rollup->lock);
}

/* Whether the statement itself is at fault: then those of other windows, which may be of other
 * tenants, can still be computed. */
static bool is_of_one_group(int rc)
{
    return rc == HS_EINVAL || rc == HS_ELIMIT;
}

/* Computes the due marks of a level that are, or are not, recent; stops when the pass has lasted
 * PASS_MS, so that a long backlog does not hold up recent minutes. */
static int compute_level(struct hs_rollup *rollup, struct pass *pass, enum hs_level level,
                         bool recent, struct hs_err *err)
{
    const struct hs_marks *marks = &pass->marks;
    int64_t until_ns = pass->mono_ns + PASS_MS * HS_NS_PER_MS;
    int failed = HS_OK;
    int rc = HS_OK;
    size_t i = 0;

    while (i < marks->n[level] && rc == HS_OK) {
        struct group group = {.level = level, .marks = &marks->at[level][i], .n = 1};

        if (group.marks->due && is_recent(rollup, pass, level, group.marks) == recent) {
            if (!recent && hs_mono_ns(rollup->deps.clock) > until_ns)
                break;
            group.n = hs_marks_group(marks, level, i,
                                     group_max(rollup, pass, level, group.marks->start_s));
            rc = compute_group(rollup, pass, &group, err);
            if (is_of_one_group(rc)) {
                failed = rc;
                rc = HS_OK;
            }
        }
        i += group.n;
    }
    return rc != HS_OK ? rc : failed;
}

static int compute_due(struct hs_rollup *rollup, struct pass *pass, struct hs_err *err)
{
    int failed = compute_level(rollup, pass, rollup->kind->base, true, err);
    int level;

    note_cost(rollup, pass);
    for (level = 0; level < HS_LEVEL_N && (failed == HS_OK || is_of_one_group(failed)); level++) {
        int rc = compute_level(rollup, pass, (enum hs_level)level, false, err);

        failed = rc != HS_OK ? rc : failed;
    }
    return failed;
}

static int run_pass(struct hs_rollup *rollup, struct hs_err *err)
{
    struct pass pass = {.wall_s = hs_wall_ns(rollup->deps.clock) / HS_NS_PER_S,
                        .mono_ns = hs_mono_ns(rollup->deps.clock)};
    int rc = hold_lease(rollup, err);

    pass.recent = pass.mono_ns - rollup->recent_at_ns >= rollup->recent_every_ns;
    if (rc == HS_OK && pass.recent && rollup->kind->prepare)
        rc = rollup->kind->prepare(&rollup->deps, pass.wall_s, err);
    if (rc == HS_OK)
        rc = hs_marks_read(rollup->deps.metadata, rollup->kind->spaces, &pass.marks, err);
    if (rc == HS_OK)
        choose_due(rollup, &pass);
    hs_mutex_lock(&rollup->lock);
    rollup->dirty_n = hs_marks_count(&pass.marks);
    rollup->dirty_base_n = pass.begun_n;
    hs_mutex_unlock(&rollup->lock);
    if (rc == HS_OK)
        rc = compute_due(rollup, &pass, err);
    hs_marks_fini(&pass.marks);
    return rc;
}

/* Returns false when stop was asked. */
static bool wait_step(struct hs_rollup *rollup, int64_t wait_ms)
{
    hs_mutex_lock(&rollup->lock);
    if (!hs_flag_is_set(&rollup->stop))
        hs_cond_wait_ms(&rollup->wake, &rollup->lock, wait_ms);
    hs_mutex_unlock(&rollup->lock);
    return !hs_flag_is_set(&rollup->stop);
}

static void rollup_main(void *arg)
{
    struct hs_rollup *rollup = arg;
    int64_t wait_ms = ROLLUP_STEP_MS;
    struct hs_err err;

    while (wait_step(rollup, wait_ms)) {
        int rc = run_pass(rollup, &err);

        if (hs_flag_is_set(&rollup->stop))
            break;
        if (rc == HS_OK) {
            wait_ms = ROLLUP_STEP_MS;
            continue;
        }
        if (rc == HS_ECONFLICT)
            rollup->lease.held = false;
        hs_log_err(HS_LOG_WARN, rollup->kind->thread, "windows not computed, will retry", &err);
        wait_ms = HS_MIN(wait_ms * 2, (int64_t)5000);
    }
    hs_lease_release(rollup->deps.metadata, &rollup->lease, &err);
    hs_mutex_lock(&rollup->lock);
    rollup->running = false;
    hs_cond_broadcast(&rollup->wake);
    hs_mutex_unlock(&rollup->lock);
}

int hs_rollup_start(const struct hs_rollup_kind *kind, const struct hs_loader_deps *deps,
                    struct hs_rollup **out, struct hs_err *err)
{
    struct hs_rollup *rollup = hs_xalloc(sizeof(*rollup));
    char lease[HS_LEASE_NAME_MAX];
    int rc;

    snprintf(lease, sizeof(lease), "rollup/%s", kind->name);
    snprintf(rollup->query_id, sizeof(rollup->query_id), "rollup-%s-%s", kind->name, deps->owner);
    rollup->kind = kind;
    rollup->deps = *deps;
    rollup->counter = 1;
    hs_mutex_init(&rollup->lock, HS_RANK_SERVICE);
    hs_cond_init(&rollup->wake);
    rc = hs_lease_init(&rollup->lease, hs_str_c(lease), hs_str_c(deps->owner), err);
    rollup->running = rc == HS_OK;
    if (rc == HS_OK)
        rc = hs_thread_start(&rollup->thread, kind->thread, rollup_main, rollup, err);
    if (rc != HS_OK) {
        rollup->running = false;
        hs_rollup_stop(rollup);
        return rc;
    }
    *out = rollup;
    return HS_OK;
}

void hs_rollup_stop(struct hs_rollup *rollup)
{
    if (!rollup)
        return;
    hs_flag_set(&rollup->stop);
    hs_mutex_lock(&rollup->lock);
    hs_cond_broadcast(&rollup->wake);
    while (rollup->running && hs_cond_wait_ms(&rollup->wake, &rollup->lock, KILL_AFTER_MS))
        ;
    while (rollup->running) {
        hs_mutex_unlock(&rollup->lock);
        hs_analytics_kill(rollup->deps.analytics, hs_str_c(rollup->query_id), false, KILL_MS, NULL);
        hs_mutex_lock(&rollup->lock);
        if (rollup->running)
            hs_cond_wait_ms(&rollup->wake, &rollup->lock, KILL_AFTER_MS);
    }
    hs_mutex_unlock(&rollup->lock);
    hs_thread_join(&rollup->thread);
    hs_cond_fini(&rollup->wake);
    hs_mutex_fini(&rollup->lock);
    hs_free(rollup);
}

void hs_rollup_status(struct hs_rollup *rollup, struct hs_json *json)
{
    size_t dirty;
    size_t dirty_base;
    int64_t cost_ms;

    hs_mutex_lock(&rollup->lock);
    dirty = rollup->dirty_n;
    dirty_base = rollup->dirty_base_n;
    cost_ms = rollup->cost_ms;
    hs_mutex_unlock(&rollup->lock);
    hs_json_obj_open(json);
    hs_json_key(json, "dirty_windows");
    hs_json_add_u64(json, dirty);
    hs_json_key(json, "dirty_base_windows");
    hs_json_add_u64(json, dirty_base);
    hs_json_key(json, "recent_cost_ms");
    hs_json_add_i64(json, cost_ms);
    hs_json_obj_close(json);
}
