/* What is kept of the judgement: incidents, positions, the outbox, the points of each series. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/watch_json.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/anomaly_int.h"
#include "engine/append.h"
#include "port/incidents.h"

enum {
    OPS_AN_EVENT = 3,
    TODO_MAX = 100, /* of one pass */
    OUTBOX_MAX = 100,
    PRUNE_MAX = 100, /* incidents of a tenant in one pass */
    SAID_MAX = 1000,
    INSERT_MS = 30000,
    POINTS_BYTES_MAX = 64 << 20,
    ARENA_BYTES = 64 << 20,
    INCIDENT_BYTES_MAX = 1 << 20,
};

/* ---- incidents */

static struct hs_str copy_json(struct hs_arena *arena, const struct anomaly_event *event,
                               bool publish)
{
    struct hs_json json;
    struct hs_buf buf;
    struct hs_str out;

    hs_buf_init(&buf, INCIDENT_BYTES_MAX);
    if (publish)
        hs_buf_addf(&buf, "%s\n", event->tenant->id);
    hs_json_init(&json, &buf);
    hs_json_obj_open(&json);
    if (publish) {
        hs_json_key(&json, "event");
        hs_json_add_c(&json, hs_watch_event_name(event->event));
        hs_json_key(&json, "at");
        hs_json_add_time(&json, event->at_s * HS_NS_PER_S);
    }
    hs_watch_incident_write(&event->incident, &json);
    hs_json_obj_close(&json);
    out = hs_arena_copy(arena, hs_buf_str(&buf));
    hs_buf_fini(&buf);
    return out;
}

static void add_event_ops(struct hs_anomaly *anomaly, size_t i, struct hs_arena *arena,
                          struct hs_metadata_op *ops)
{
    const struct anomaly_event *event = &anomaly->events[i];
    struct hs_str tenant = hs_str_c(event->tenant->id);
    char key[HS_INCIDENT_KEY_MAX];
    char id[HS_INCIDENT_ID_LEN + 1];
    struct hs_str incident_key;
    size_t n;

    snprintf(id, sizeof(id), "%016" PRIx64, event->incident.id);
    n = hs_incident_key(tenant, event->incident.start_s, hs_str_c(id), key);
    incident_key = hs_arena_copy(arena, hs_str_n(key, n));
    ops[0] = (struct hs_metadata_op){.space = HS_SPACE_INCIDENTS,
                                     .key = incident_key,
                                     .value = copy_json(arena, event, false)};
    n = hs_incident_id_key(tenant, hs_str_c(id), HS_STR(""), key);
    ops[1] = (struct hs_metadata_op){.space = HS_SPACE_INCIDENT_IDS,
                                     .key = hs_arena_copy(arena, hs_str_n(key, n)),
                                     .value = incident_key};
    n = (size_t)snprintf(key, sizeof(key), "%012" PRId64 "/%06zu", event->at_s, i);
    ops[2] = (struct hs_metadata_op){.space = HS_SPACE_OUTBOX,
                                     .key = hs_arena_copy(arena, hs_str_n(key, n)),
                                     .value = copy_json(arena, event, true)};
}

static int commit(struct hs_anomaly *anomaly, struct hs_err *err)
{
    struct hs_metadata_op *ops = hs_xcalloc(anomaly->events_n * OPS_AN_EVENT + 2, sizeof(*ops));
    struct hs_arena arena;
    char position[64];
    size_t n = 0;
    size_t i;
    int rc;

    hs_arena_init(&arena, ARENA_BYTES);
    snprintf(position, sizeof(position), "%" PRId64 " %" PRId64, anomaly->judged_s,
             anomaly->settled_s);
    ops[n++] = hs_lease_check_op(&anomaly->lease);
    ops[n++] = (struct hs_metadata_op){.space = HS_SPACE_WATCH,
                                       .key = HS_STR("position"),
                                       .value = hs_str_c(position)};
    for (i = 0; i < anomaly->events_n; i++, n += OPS_AN_EVENT)
        add_event_ops(anomaly, i, &arena, &ops[n]);
    rc = hs_metadata_commit(anomaly->deps.metadata, ops, n, NULL, NULL, err);
    if (rc == HS_OK) {
        anomaly->events_n = 0;
        anomaly->moved = false;
    }
    hs_arena_fini(&arena);
    hs_free(ops);
    return rc;
}

/* ---- publishing */

static int publish(struct hs_anomaly *anomaly, const struct hs_entry *entry, struct hs_err *err)
{
    const struct hs_metadata_op op = {.action = HS_METADATA_DELETE,
                                      .space = HS_SPACE_OUTBOX,
                                      .key = entry->key};
    struct hs_str json = entry->value;
    struct hs_message message = {.key = entry->key};
    struct hs_batch batch = {.schema_version = 1, .messages = &message, .n = 1};
    int rc;

    if (!hs_str_split(&json, '\n', &batch.tenant))
        return hs_err_set(err, HS_ECORRUPT, 0, "an outbox entry does not parse");
    message.value = json;
    rc = hs_append_wait(anomaly->deps.stream, HS_TOPIC_ANOMALIES, &batch, err);
    return rc == HS_OK ? hs_metadata_commit(anomaly->deps.metadata, &op, 1, NULL, NULL, err) : rc;
}

static int publish_outbox(struct hs_anomaly *anomaly, struct hs_err *err)
{
    struct hs_entry *entries = hs_xcalloc(OUTBOX_MAX, sizeof(*entries));
    struct hs_arena arena;
    size_t n = 0;
    size_t i;
    int rc;

    hs_arena_init(&arena, ARENA_BYTES);
    rc = hs_metadata_scan(anomaly->deps.metadata, HS_SPACE_OUTBOX, HS_STR(""), HS_STR(""), &arena,
                          entries, OUTBOX_MAX, &n, err);
    for (i = 0; rc == HS_OK && i < n; i++)
        rc = publish(anomaly, &entries[i], err);
    hs_arena_fini(&arena);
    hs_free(entries);
    return rc;
}

int hs_anomaly_keep(struct hs_anomaly *anomaly, struct hs_err *err)
{
    int rc = HS_OK;

    if (anomaly->events_n > 0 || anomaly->moved)
        rc = commit(anomaly, err);
    return rc == HS_OK ? publish_outbox(anomaly, err) : rc;
}

/* ---- what people want done */

static uint64_t id_of(struct hs_str text)
{
    unsigned char bytes[HS_INCIDENT_ID_LEN / 2];
    uint64_t id = 0;
    size_t i;

    if (hs_hex_decode(text, bytes, sizeof(bytes)) != HS_OK)
        return 0;
    for (i = 0; i < sizeof(bytes); i++)
        id = id << 8 | bytes[i];
    return id;
}

static void do_it(struct hs_anomaly *anomaly, const struct hs_entry *entry)
{
    struct hs_str tenant, id, action;
    struct hs_watch *watch;
    uint64_t until_s = 0;
    bool done = false;

    if (!hs_incident_todo_parse(entry->key, &tenant, &id, &action))
        return;
    watch = hs_anomaly_tenant(anomaly, tenant)->watch;
    hs_str_to_u64(entry->value, &until_s);
    if (hs_str_eq_c(action, "expected"))
        done = hs_watch_accept(watch, id_of(id));
    else if (hs_str_eq_c(action, "close"))
        done = hs_watch_close(watch, id_of(id));
    else if (hs_str_eq_c(action, "mute"))
        done = hs_watch_mute(watch, id_of(id), (int64_t)until_s);
    hs_log(HS_LOG_INFO, "anomalies", done ? "done as asked" : "asked of an incident that is over",
           HS_KV_V("action", action), HS_KV_V("incident", id));
}

int hs_anomaly_todo(struct hs_anomaly *anomaly, struct hs_err *err)
{
    struct hs_entry *entries = hs_xcalloc(TODO_MAX, sizeof(*entries));
    struct hs_metadata_op *ops = hs_xcalloc(TODO_MAX, sizeof(*ops));
    struct hs_arena arena;
    size_t n = 0;
    size_t i;
    int rc;

    hs_arena_init(&arena, ARENA_BYTES);
    rc = hs_metadata_scan(anomaly->deps.metadata, HS_SPACE_INCIDENT_TODO, HS_STR(""), HS_STR(""),
                          &arena, entries, TODO_MAX, &n, err);
    for (i = 0; rc == HS_OK && i < n; i++) {
        do_it(anomaly, &entries[i]);
        ops[i] = (struct hs_metadata_op){.action = HS_METADATA_DELETE,
                                         .space = HS_SPACE_INCIDENT_TODO,
                                         .key = entries[i].key};
    }
    if (rc == HS_OK && anomaly->events_n > 0)
        rc = commit(anomaly, err);
    if (rc == HS_OK && n > 0)
        rc = hs_metadata_commit(anomaly->deps.metadata, ops, n, NULL, NULL, err);
    hs_arena_fini(&arena);
    hs_free(ops);
    hs_free(entries);
    return rc;
}

/* ---- old ones */

/* Deletes an incident, its id and what was said of it. */
static int forget(struct hs_anomaly *anomaly, struct hs_str tenant, const struct hs_entry *entry,
                  struct hs_arena *arena, struct hs_err *err)
{
    struct hs_entry *said = hs_xcalloc(SAID_MAX, sizeof(*said));
    struct hs_metadata_op *ops = hs_xcalloc(SAID_MAX + 2, sizeof(*ops));
    char key[HS_INCIDENT_KEY_MAX];
    struct hs_str id =
        hs_str_n(entry->key.p + entry->key.n - HS_INCIDENT_ID_LEN, HS_INCIDENT_ID_LEN);
    size_t n = hs_incident_id_key(tenant, id, HS_STR(""), key);
    size_t said_n = 0;
    size_t i;
    int rc;

    ops[0] = (struct hs_metadata_op){.space = HS_SPACE_INCIDENTS, .key = entry->key};
    ops[1] = (struct hs_metadata_op){.space = HS_SPACE_INCIDENT_IDS,
                                     .key = hs_arena_copy(arena, hs_str_n(key, n))};
    key[n] = '/';
    rc = hs_metadata_scan(anomaly->deps.metadata, HS_SPACE_INCIDENT_FEEDBACK, hs_str_n(key, n + 1),
                          HS_STR(""), arena, said, SAID_MAX, &said_n, err);
    for (i = 0; i < said_n; i++)
        ops[2 + i] =
            (struct hs_metadata_op){.space = HS_SPACE_INCIDENT_FEEDBACK, .key = said[i].key};
    for (i = 0; i < said_n + 2; i++)
        ops[i].action = HS_METADATA_DELETE;
    if (rc == HS_OK)
        rc = hs_metadata_commit(anomaly->deps.metadata, ops, said_n + 2, NULL, NULL, err);
    hs_free(ops);
    hs_free(said);
    return rc;
}

int hs_anomaly_prune(struct hs_anomaly *anomaly, struct hs_err *err)
{
    struct hs_entry *entries = hs_xcalloc(PRUNE_MAX, sizeof(*entries));
    int64_t kept_s =
        hs_wall_ns(anomaly->deps.clock) / HS_NS_PER_S - HS_INCIDENT_KEPT_DAYS * 86400LL;
    size_t i, k, n;
    int rc = HS_OK;

    for (i = 0; i < anomaly->tenants_n && rc == HS_OK; i++) {
        struct hs_str tenant = hs_str_c(anomaly->tenants[i]->id);
        char prefix[HS_INCIDENT_KEY_MAX], after[HS_INCIDENT_KEY_MAX];
        size_t after_n = hs_incident_key(tenant, kept_s, HS_STR(""), after);
        int prefix_n = snprintf(prefix, sizeof(prefix), "%s/", anomaly->tenants[i]->id);
        struct hs_arena arena;

        hs_arena_init(&arena, ARENA_BYTES);
        n = 0;
        rc = hs_metadata_scan(anomaly->deps.metadata, HS_SPACE_INCIDENTS,
                              hs_str_n(prefix, (size_t)prefix_n), hs_str_n(after, after_n), &arena,
                              entries, PRUNE_MAX, &n, err);
        for (k = 0; k < n && rc == HS_OK; k++)
            rc = forget(anomaly, tenant, &entries[k], &arena, err);
        hs_arena_fini(&arena);
    }
    hs_free(entries);
    return rc;
}

/* ---- points */

static const struct hs_column_def point_columns[] = {
    {"tenant", "String", HS_BLOCK_STRING, HS_SHAPE_SCALAR, 0},
    {"t", "DateTime('UTC')", HS_BLOCK_U32, HS_SHAPE_SCALAR, 0},
    {"service", "String", HS_BLOCK_STRING, HS_SHAPE_SCALAR, 0},
    {"environment", "String", HS_BLOCK_STRING, HS_SHAPE_SCALAR, 0},
    {"metric", "String", HS_BLOCK_STRING, HS_SHAPE_SCALAR, 0},
    {"value", "Float64", HS_BLOCK_F64, HS_SHAPE_SCALAR, 0},
    {"expected", "Float64", HS_BLOCK_F64, HS_SHAPE_SCALAR, 0},
    {"low", "Float64", HS_BLOCK_F64, HS_SHAPE_SCALAR, 0},
    {"high", "Float64", HS_BLOCK_F64, HS_SHAPE_SCALAR, 0},
    {"z", "Float64", HS_BLOCK_F64, HS_SHAPE_SCALAR, 0},
    {"anomaly_score", "Float64", HS_BLOCK_F64, HS_SHAPE_SCALAR, 0},
    {"open", "UInt8", HS_BLOCK_U8, HS_SHAPE_SCALAR, 0},
};
static const struct hs_table_def point_table = {
    .table = "haystat.anomaly_1m",
    .columns = point_columns,
    .columns_n = HS_ARRAY_LEN(point_columns),
};

struct points {
    struct hs_block block;
    const struct anomaly_tenant *tenant;
    struct hs_err *err;
    int rc;
};

static void add_point(void *arg, const char *service, const char *environment,
                      const struct hs_watch_series *series)
{
    struct points *points = arg;
    const double numbers[] = {
        series->value, series->expected,
        series->low,   series->high,
        series->z,     hs_watch_series_score(series, hs_watch_threshold(points->tenant->watch))};
    unsigned column = 0;
    size_t i;

    if (points->rc != HS_OK)
        return;
    hs_block_str(&points->block, column++, hs_str_c(points->tenant->id));
    hs_block_u64(&points->block, column++, (uint64_t)series->minute_s);
    hs_block_str(&points->block, column++, hs_str_c(service));
    hs_block_str(&points->block, column++, hs_str_c(environment));
    hs_block_str(&points->block, column++, hs_str_c(hs_watch_metric_name(series->metric)));
    for (i = 0; i < HS_ARRAY_LEN(numbers); i++)
        hs_block_f64(&points->block, column++, numbers[i]);
    hs_block_u64(&points->block, column, series->open);
    points->rc = hs_block_row_end(&points->block, points->err);
}

int hs_anomaly_points(struct hs_anomaly *anomaly, int64_t minute_s, struct hs_err *err)
{
    const struct hs_insert insert = {.table = point_table.table, .timeout_ms = INSERT_MS};
    struct points points = {.err = err};
    size_t i;

    points.rc = hs_block_init(&points.block, &point_table, POINTS_BYTES_MAX, err);
    for (i = 0; i < anomaly->tenants_n && points.rc == HS_OK; i++) {
        points.tenant = anomaly->tenants[i];
        hs_watch_each(points.tenant->watch, minute_s, add_point, &points);
    }
    if (points.rc == HS_OK && points.block.rows > 0)
        points.rc = hs_analytics_insert(anomaly->deps.analytics, &insert, &points.block, err);
    hs_block_fini(&points.block);
    return points.rc;
}
