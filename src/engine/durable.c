#include "engine/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "port/dirty.h"

#define SPACE_ENGINE "engine"
#define KEY_BOOT_ID "boot_id"

enum { ROLLED_A_COMMIT = 1000, ROLLED_ARENA_BYTES = 256 << 20, BOOT_ID_MAX = 64 };

static struct hs_metric sync_seconds = {
    .name = "hs_engine_sync_seconds",
    .type = HS_METRIC_HISTOGRAM,
    .help = "Time of one syncfs of the store's folder.",
    .buckets = hs_metric_seconds,
};

struct hs_durable {
    struct hs_loader_deps deps;
    struct hs_loader *loader;
    int folder_fd; /* -1: remote */
    struct hs_thread thread;
    struct hs_mutex lock; /* guards stop */
    struct hs_cond wake;
    bool stop;
};

/* The kernel's id of this boot. */
static int read_boot_id(struct hs_buf *out, struct hs_err *err)
{
    int rc = hs_fs_read("/proc/sys/kernel/random/boot_id", out, err);

    while (rc == HS_OK && out->n > 0 && out->p[out->n - 1] == '\n')
        out->n--;
    return rc;
}

/* The boot in which the part, or with "" the whole engine, was seen to be whole. */
static void boot_key(const char *part_key, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, KEY_BOOT_ID);
    if (part_key[0])
        hs_buf_addf(out, "/%s", part_key);
}

int hs_power_lost(struct hs_metadata *metadata, const char *part_key, bool *out_lost,
                  struct hs_err *err)
{
    struct hs_buf key;
    struct hs_arena arena;
    struct hs_entry entry;
    struct hs_buf boot;
    int rc;

    hs_buf_init(&boot, BOOT_ID_MAX);
    hs_buf_init(&key, HS_METADATA_KEY_MAX);
    boot_key(part_key, &key);
    hs_arena_init(&arena, 1 << 20);
    rc = read_boot_id(&boot, err);
    if (rc == HS_OK)
        rc = hs_metadata_get(metadata, SPACE_ENGINE, hs_buf_str(&key), &arena, &entry, err);
    if (rc == HS_OK)
        *out_lost = !hs_str_eq(entry.value, hs_buf_str(&boot));
    if (rc == HS_ENOTFOUND) { /* never seen whole: there is little to look at, if anything */
        *out_lost = true;
        rc = HS_OK;
    }
    hs_arena_fini(&arena);
    hs_buf_fini(&key);
    hs_buf_fini(&boot);
    return rc;
}

int hs_power_verified(struct hs_metadata *metadata, const char *part_key, struct hs_err *err)
{
    struct hs_metadata_op op = {.action = HS_METADATA_PUT, .space = SPACE_ENGINE};
    struct hs_buf boot;
    struct hs_buf key;
    int rc;

    hs_buf_init(&boot, BOOT_ID_MAX);
    hs_buf_init(&key, HS_METADATA_KEY_MAX);
    boot_key(part_key, &key);
    op.key = hs_buf_str(&key);
    rc = read_boot_id(&boot, err);
    op.value = hs_buf_str(&boot);
    if (rc == HS_OK)
        rc = hs_metadata_commit(metadata, &op, 1, NULL, NULL, err);
    hs_buf_fini(&key);
    hs_buf_fini(&boot);
    return rc;
}

/* Moves one page of rolled marks to the dirty ones. *out_n is its size. */
static int move_rolled(struct hs_metadata *metadata, const struct hs_dirty_spaces *spaces,
                       struct hs_str *after, struct hs_arena *arena, size_t *out_n,
                       struct hs_err *err)
{
    struct hs_entry *entries = hs_xcalloc(ROLLED_A_COMMIT, sizeof(*entries));
    struct hs_metadata_op *ops = hs_xcalloc(2 * ROLLED_A_COMMIT, sizeof(*ops));
    size_t ops_n = 0;
    size_t i;
    int rc = hs_metadata_scan(metadata, spaces->rolled, HS_STR(""), *after, arena, entries,
                              ROLLED_A_COMMIT, out_n, err);

    for (i = 0; rc == HS_OK && i < *out_n; i++) {
        ops[ops_n++] = (struct hs_metadata_op){.action = HS_METADATA_PUT,
                                               .space = spaces->dirty,
                                               .key = entries[i].key};
        ops[ops_n++] = (struct hs_metadata_op){.action = HS_METADATA_DELETE,
                                               .space = spaces->rolled,
                                               .key = entries[i].key};
        *after = entries[i].key;
    }
    if (rc == HS_OK && ops_n > 0)
        rc = hs_metadata_commit(metadata, ops, ops_n, NULL, NULL, err);
    hs_free(ops);
    hs_free(entries);
    return rc;
}

static const struct hs_dirty_spaces *const rollups[] = {&hs_dirty_fast, &hs_dirty_behaviour};

static int move_all_rolled(struct hs_metadata *metadata, const struct hs_dirty_spaces *spaces,
                           struct hs_err *err)
{
    struct hs_str after = HS_STR("");
    struct hs_arena arena;
    size_t n;
    int rc;

    hs_arena_init(&arena, ROLLED_ARENA_BYTES);
    do {
        n = 0;
        rc = move_rolled(metadata, spaces, &after, &arena, &n, err);
    } while (rc == HS_OK && n == ROLLED_A_COMMIT);
    hs_arena_fini(&arena);
    return rc;
}

int hs_power_recovered(struct hs_metadata *metadata, struct hs_err *err)
{
    bool lost = false;
    size_t i;
    int rc = hs_power_lost(metadata, "", &lost, err);

    for (i = 0; rc == HS_OK && lost && i < HS_ARRAY_LEN(rollups); i++)
        rc = move_all_rolled(metadata, rollups[i], err);
    if (rc == HS_OK && lost)
        rc = hs_power_verified(metadata, "", err);
    return rc;
}

/* Rolled marks at the versions seen before the sync; they are durable after it. */
struct rolled {
    struct hs_arena arena;
    struct hs_metadata_op *ops;
    size_t n, cap;
};

static int read_rolled(struct hs_metadata *metadata, const char *space, struct rolled *rolled,
                       struct hs_err *err)
{
    struct hs_entry *entries = hs_xcalloc(ROLLED_A_COMMIT, sizeof(*entries));
    struct hs_str after = HS_STR("");
    size_t n = 0;
    size_t i;
    int rc;

    do {
        rc = hs_metadata_scan(metadata, space, HS_STR(""), after, &rolled->arena, entries,
                              ROLLED_A_COMMIT, &n, err);
        for (i = 0; rc == HS_OK && i < n; i++) {
            if (rolled->n == rolled->cap) {
                rolled->cap = rolled->cap * 2 + 64;
                rolled->ops = hs_xrealloc(rolled->ops, rolled->cap, sizeof(*rolled->ops));
            }
            rolled->ops[rolled->n++] = (struct hs_metadata_op){.action = HS_METADATA_DELETE,
                                                               .expect = HS_EXPECT_VERSION,
                                                               .space = space,
                                                               .key = entries[i].key,
                                                               .version = entries[i].version};
            after = entries[i].key;
        }
    } while (rc == HS_OK && n == ROLLED_A_COMMIT);
    hs_free(entries);
    return rc;
}

/* Deletes them; what was rolled again meanwhile stays. */
static int forget_rolled(struct hs_metadata *metadata, struct rolled *rolled, struct hs_err *err)
{
    int rc = HS_OK;

    while (rolled->n > 0 && rc == HS_OK) {
        size_t failed = 0;

        rc = hs_metadata_commit(metadata, rolled->ops, rolled->n, NULL, &failed, err);
        if (rc == HS_OK)
            break;
        if (rc == HS_ECONFLICT) {
            HS_ASSERT(failed < rolled->n);
            rolled->ops[failed] = rolled->ops[--rolled->n];
            rc = HS_OK;
        }
    }
    return rc;
}

/* Nobody can say what the disk holds after a failed sync: the process ends, and what is not durable
 * is verified from the stream at the next start. */
static void sync_folder(const struct hs_durable *durable)
{
    int64_t start_ns = hs_mono_ns(durable->deps.clock);

    if (durable->folder_fd < 0)
        return;
    if (syncfs(durable->folder_fd) != 0) {
        hs_log(HS_LOG_ERROR, "durable", "syncfs of the store's folder failed, ending",
               HS_KV_I("errno", errno));
        _exit(1);
    }
    hs_metric_observe(&sync_seconds, HS_LABELS_NONE,
                      (double)(hs_mono_ns(durable->deps.clock) - start_ns) / HS_NS_PER_S);
}

/* What was rolled before a power loss stays remembered, however often the folder is synced, until
 * hs_power_recovered has marked it dirty. */
static int sync_once(struct hs_durable *durable, struct hs_err *err)
{
    struct hs_loaded_snapshot *snapshot = NULL;
    struct rolled rolled = {.ops = NULL};
    bool recovering = false;
    size_t i;
    int rc;

    hs_arena_init(&rolled.arena, ROLLED_ARENA_BYTES);
    rc = hs_loader_snapshot(durable->loader, &snapshot, err);
    if (rc == HS_OK)
        rc = hs_power_lost(durable->deps.metadata, "", &recovering, err);
    for (i = 0; rc == HS_OK && !recovering && i < HS_ARRAY_LEN(rollups); i++)
        rc = read_rolled(durable->deps.metadata, rollups[i]->rolled, &rolled, err);
    if (rc == HS_OK)
        sync_folder(durable);
    if (rc == HS_OK)
        rc = hs_loader_mark_durable(durable->loader, snapshot, err);
    if (rc == HS_OK)
        rc = forget_rolled(durable->deps.metadata, &rolled, err);
    hs_loaded_snapshot_free(snapshot);
    hs_free(rolled.ops);
    hs_arena_fini(&rolled.arena);
    return rc;
}

static void durable_main(void *arg)
{
    struct hs_durable *durable = arg;
    struct hs_err err;
    bool stop;

    do {
        hs_mutex_lock(&durable->lock);
        if (!durable->stop)
            hs_cond_wait_ms(&durable->wake, &durable->lock,
                            (int64_t)durable->deps.conf->engine_sync_ms);
        stop = durable->stop;
        hs_mutex_unlock(&durable->lock);
        if (sync_once(durable, &err) != HS_OK)
            hs_log_err(HS_LOG_WARN, "durable", "positions not moved, will retry", &err);
    } while (!stop);
}

int hs_durable_start(const struct hs_loader_deps *deps, struct hs_loader *loader,
                     const char *folder, struct hs_durable **out, struct hs_err *err)
{
    struct hs_durable *durable = hs_xalloc(sizeof(*durable));
    int rc = HS_OK;

    durable->deps = *deps;
    durable->loader = loader;
    durable->folder_fd = -1;
    hs_mutex_init(&durable->lock, HS_RANK_SERVICE);
    hs_cond_init(&durable->wake);
    if (folder)
        durable->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder && durable->folder_fd < 0)
        rc = hs_err_sys(err, "open the store's folder %s", folder);
    if (rc == HS_OK)
        rc = hs_thread_start(&durable->thread, "durable", durable_main, durable, err);
    if (rc != HS_OK) {
        hs_durable_stop(durable);
        return rc;
    }
    *out = durable;
    return HS_OK;
}

void hs_durable_stop(struct hs_durable *durable)
{
    if (!durable)
        return;
    hs_mutex_lock(&durable->lock);
    durable->stop = true;
    hs_cond_broadcast(&durable->wake);
    hs_mutex_unlock(&durable->lock);
    hs_thread_join(&durable->thread);
    if (durable->folder_fd >= 0)
        close(durable->folder_fd);
    hs_cond_fini(&durable->wake);
    hs_mutex_fini(&durable->lock);
    hs_free(durable);
}
