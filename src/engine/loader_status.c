/* What other threads see of the loader: status, and the step from loaded to durable. */
#include <stdio.h>

#include "base/mem.h"
#include "engine/loader_int.h"

enum { RANGES_A_COMMIT = 1000 };

static const struct hs_lag *find_lag(const struct hs_lag *lags, int n,
                                     const struct hs_part_view *view)
{
    int i;

    for (i = 0; i < n; i++) {
        if (lags[i].topic == view->topic && lags[i].partition == view->partition)
            return &lags[i];
    }
    return NULL;
}

static void add_part(struct hs_json *json, const struct hs_part_view *view,
                     const struct hs_lag *lag)
{
    hs_json_obj_open(json);
    hs_json_key(json, "topic");
    hs_json_add_c(json, hs_topic_name(view->topic));
    hs_json_key(json, "partition");
    hs_json_add_u64(json, view->partition);
    hs_json_key(json, "loaded");
    hs_json_add_u64(json, view->loaded);
    hs_json_key(json, "durable");
    hs_json_add_u64(json, view->durable);
    hs_json_key(json, "end");
    hs_json_add_u64(json, lag ? lag->end : view->loaded);
    hs_json_key(json, "lag");
    hs_json_add_u64(json, lag && lag->end > view->loaded ? lag->end - view->loaded : 0);
    hs_json_obj_close(json);
}

void hs_loader_status(struct hs_loader *loader, struct hs_json *json)
{
    struct hs_part_view *views = hs_xcalloc(PARTS_MAX, sizeof(*views));
    struct hs_lag *lags = hs_xcalloc(PARTS_MAX, sizeof(*lags));
    int32_t window_s;
    size_t n;
    int lags_n;
    size_t i;

    hs_mutex_lock(&loader->lock);
    n = loader->views_n;
    memcpy(views, loader->views, n * sizeof(*views));
    window_s = loader->dedup_window_s;
    hs_mutex_unlock(&loader->lock);
    lags_n = hs_loader_lag(loader, lags, PARTS_MAX);
    hs_json_obj_open(json);
    hs_json_key(json, "partitions");
    hs_json_arr_open(json);
    for (i = 0; i < n; i++)
        add_part(json, &views[i], find_lag(lags, lags_n, &views[i]));
    hs_json_arr_close(json);
    hs_json_key(json, "dedup_window_s");
    hs_json_add_i64(json, window_s);
    hs_json_key(json, "repeated");
    hs_metric_json(&hs_loader_repeats, json);
    hs_json_key(json, "dead_letters");
    hs_metric_json(&hs_loader_dead_letters, json);
    hs_json_key(json, "lost_offsets");
    hs_metric_json(&hs_loader_gaps, json);
    hs_json_obj_close(json);
    hs_free(lags);
    hs_free(views);
}

struct hs_loader_mark {
    struct hs_lag ends[PARTS_MAX];
    size_t n;
};

int hs_loader_mark_new(struct hs_loader *loader, struct hs_loader_mark **out, struct hs_err *err)
{
    struct hs_loader_mark *mark = hs_xalloc(sizeof(*mark));
    int n = hs_loader_lag(loader, mark->ends, PARTS_MAX);

    if (n <= 0) {
        hs_free(mark);
        return hs_err_set(err, HS_EAGAIN, 0, "the loader does not read yet");
    }
    mark->n = (size_t)n;
    *out = mark;
    return HS_OK;
}

static bool is_loaded(const struct hs_loader *loader, const struct hs_lag *end)
{
    size_t i;

    for (i = 0; i < loader->views_n; i++) {
        const struct hs_part_view *view = &loader->views[i];

        if (view->topic == end->topic && view->partition == end->partition)
            return view->loaded >= end->end;
    }
    return true; /* of another loader by now */
}

bool hs_loader_mark_reached(struct hs_loader *loader, const struct hs_loader_mark *mark)
{
    bool reached = true;
    size_t i;

    hs_mutex_lock(&loader->lock);
    for (i = 0; i < mark->n && reached; i++)
        reached = is_loaded(loader, &mark->ends[i]);
    hs_mutex_unlock(&loader->lock);
    return reached;
}

void hs_loader_mark_free(struct hs_loader_mark *mark)
{
    hs_free(mark);
}

struct hs_loaded_snapshot {
    struct hs_part_view parts[PARTS_MAX];
    char keys[PARTS_MAX][HS_PART_KEY_MAX];
    size_t n;
};

int hs_loader_snapshot(struct hs_loader *loader, struct hs_loaded_snapshot **out,
                       struct hs_err *err)
{
    struct hs_loaded_snapshot *snapshot = hs_try_alloc(sizeof(*snapshot));
    struct hs_stream_stat stat;
    size_t i;

    if (!snapshot)
        return hs_err_set(err, HS_ELIMIT, 0, "no memory for positions");
    hs_stream_stat(loader->deps.stream, &stat);
    hs_mutex_lock(&loader->lock);
    snapshot->n = loader->views_n;
    memcpy(snapshot->parts, loader->views, loader->views_n * sizeof(snapshot->parts[0]));
    hs_mutex_unlock(&loader->lock);
    for (i = 0; i < snapshot->n; i++) {
        const struct hs_origin origin = {.stream_id = stat.stream_id,
                                         .topic = snapshot->parts[i].topic,
                                         .partition = snapshot->parts[i].partition};

        hs_part_key(&origin, snapshot->keys[i]);
    }
    *out = snapshot;
    return HS_OK;
}

void hs_loaded_snapshot_free(struct hs_loaded_snapshot *snapshot)
{
    hs_free(snapshot);
}

/* Forgets the remembered ranges that end at or below `loaded`; they are durable. */
static int forget_ranges(struct hs_loader *loader, const char *part_key, uint64_t loaded,
                         struct hs_err *err)
{
    struct hs_metadata_op *ops = hs_xcalloc(RANGES_A_COMMIT, sizeof(*ops));
    struct hs_entry *entries = hs_xcalloc(RANGES_A_COMMIT, sizeof(*entries));
    char prefix[HS_PART_KEY_MAX + 1];
    char last[HS_PART_KEY_MAX + 24];
    size_t last_n = hs_range_key(part_key, loaded, last);
    int prefix_n = snprintf(prefix, sizeof(prefix), "%s/", part_key);
    size_t n;
    size_t ops_n;
    size_t i;
    int rc;

    do {
        struct hs_arena arena;

        hs_arena_init(&arena, METADATA_ARENA_BYTES);
        rc = hs_metadata_scan(loader->deps.metadata, HS_SPACE_LOADED,
                              hs_str_n(prefix, (size_t)prefix_n), HS_STR(""), &arena, entries,
                              RANGES_A_COMMIT, &n, err);
        ops_n = 0;
        for (i = 0; i < n && rc == HS_OK; i++) {
            if (hs_str_cmp(entries[i].key, hs_str_n(last, last_n)) < 0)
                ops[ops_n++] = (struct hs_metadata_op){.action = HS_METADATA_DELETE,
                                                       .space = HS_SPACE_LOADED,
                                                       .key = entries[i].key};
        }
        if (rc == HS_OK && ops_n > 0)
            rc = hs_metadata_commit(loader->deps.metadata, ops, ops_n, NULL, NULL, err);
        hs_arena_fini(&arena);
    } while (rc == HS_OK && ops_n == RANGES_A_COMMIT);
    hs_free(entries);
    hs_free(ops);
    return rc;
}

static int put_durable(struct hs_loader *loader, const char *part_key, uint64_t durable,
                       struct hs_err *err)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)durable);
    const struct hs_metadata_op op = {.action = HS_METADATA_PUT,
                                      .space = HS_SPACE_DURABLE,
                                      .key = hs_str_c(part_key),
                                      .value = hs_str_n(text, (size_t)n)};

    return hs_metadata_commit(loader->deps.metadata, &op, 1, NULL, NULL, err);
}

int hs_loader_mark_durable(struct hs_loader *loader, struct hs_loaded_snapshot *snapshot,
                           struct hs_err *err)
{
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < snapshot->n && rc == HS_OK; i++) {
        const struct hs_part_view *part = &snapshot->parts[i];

        if (part->durable >= part->syncable)
            continue;
        rc = put_durable(loader, snapshot->keys[i], part->syncable, err);
        if (rc == HS_OK)
            rc = forget_ranges(loader, snapshot->keys[i], part->syncable, err);
        if (rc == HS_OK)
            hs_loader_set_durable(loader, part->topic, part->partition, part->syncable);
    }
    return rc;
}
