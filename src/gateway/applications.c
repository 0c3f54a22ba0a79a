/*
 * GET /api/v1/applications: the counted source of each application (port/source.h).
 * PUT /api/v1/applications {"application": "shop", "counted": "ubi"}: sets it, or with "counted":
 * null leaves it to what is learnt again. Every minute of the application that is kept is then
 * marked dirty, so that the rollups follow. The source is set before the minutes are looked up:
 * rows
 * that arrive meanwhile are computed under the new source. A PUT that failed half-way is repeated.
 */
#include <yyjson.h>

#include "base/json_out.h"
#include "base/mem.h"
#include "gateway/authorize.h"
#include "gateway/gateway_int.h"
#include "port/source.h"

enum {
    APPLICATIONS_MAX = 1000,
    APPLICATION_BYTES_MAX = 256,
    APPLICATIONS_ARENA_BYTES = 64 << 20,
    BODY_BYTES_MAX = 4096,
    MARKS_A_MINUTE = 8, /* at most: itself and the blocks around it */
};

static struct hs_str key_of(struct hs_arena *arena, struct hs_str tenant, struct hs_str name)
{
    struct hs_buf key;
    struct hs_str out;

    hs_buf_init(&key, HS_METADATA_KEY_MAX);
    hs_buf_add_str(&key, tenant);
    hs_buf_add_char(&key, '/');
    hs_buf_add_str(&key, name);
    out = hs_arena_copy(arena, hs_buf_str(&key));
    hs_buf_fini(&key);
    return out;
}

static void add_source(struct hs_json *json, const char *key, unsigned bit)
{
    hs_json_key(json, key);
    if (bit == 0)
        hs_json_add_null(json);
    else
        hs_json_add_c(json, hs_source_bit_name(bit));
}

static void add_sources(struct hs_json *json, const char *key, unsigned bits)
{
    unsigned bit;

    hs_json_key(json, key);
    hs_json_arr_open(json);
    for (bit = HS_SEEN_NATIVE; bit <= HS_SEEN_SPAN; bit <<= 1) {
        if (bits & bit)
            hs_json_add_c(json, hs_source_bit_name(bit));
    }
    hs_json_arr_close(json);
}

static void add_application(struct hs_json *json, struct hs_str name,
                            const struct hs_app_counted *app)
{
    hs_json_obj_open(json);
    hs_json_key(json, "application");
    hs_json_add_str(json, name);
    add_source(json, "counted", app->counted);
    hs_json_key(json, "set");
    hs_json_add_bool(json, app->set);
    add_sources(json, "seen", app->seen);
    add_source(json, "actions_counted", hs_source_of_actions(app));
    add_sources(json, "actions_seen", app->actions);
    hs_json_obj_close(json);
}

/* All applications of the tenant, up to APPLICATIONS_MAX. */
static int list(const struct hs_gateway *gateway, struct hs_str tenant, struct hs_arena *arena,
                struct hs_buf *out, struct hs_err *err)
{
    struct hs_entry *entries = hs_arena_calloc(arena, APPLICATIONS_MAX, sizeof(*entries));
    struct hs_str prefix = key_of(arena, tenant, HS_STR(""));
    struct hs_app_counted app;
    struct hs_json json;
    size_t n = 0;
    size_t i;
    int rc;

    if (!entries)
        return hs_err_set(err, HS_ELIMIT, 0, "the request's memory is full");
    rc = hs_metadata_scan(gateway->deps.metadata, HS_SPACE_SOURCES, prefix, HS_STR(""), arena,
                          entries, APPLICATIONS_MAX, &n, err);
    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    hs_json_key(&json, "applications");
    hs_json_arr_open(&json);
    for (i = 0; i < n && rc == HS_OK; i++) {
        rc = hs_app_counted_decode(entries[i].value, &app, err);
        if (rc == HS_OK)
            add_application(&json,
                            hs_str_n(entries[i].key.p + prefix.n, entries[i].key.n - prefix.n),
                            &app);
    }
    hs_json_arr_close(&json);
    hs_json_key(&json, "truncated");
    hs_json_add_bool(&json, n == APPLICATIONS_MAX);
    hs_json_obj_close(&json);
    return rc;
}

void hs_gateway_applications(struct hs_http_req *req, void *arg)
{
    const struct hs_gateway *gateway = arg;
    struct hs_identity identity;
    struct hs_arena arena;
    struct hs_buf body;
    struct hs_err err;

    if (!hs_authorize(req, gateway->deps.keys, gateway->deps.conf, HS_SCOPE_READ, &identity) ||
        !hs_gateway_no_params(req))
        return;
    hs_arena_init(&arena, APPLICATIONS_ARENA_BYTES);
    hs_buf_init(&body, HS_ANSWER_BYTES_MAX);
    if (list(gateway, hs_str_c(identity.tenant.id), &arena, &body, &err) == HS_OK) {
        hs_gateway_reply(req, gateway, &body);
    } else {
        hs_gateway_failed(req, gateway, &err);
    }
    hs_buf_fini(&body);
    hs_arena_fini(&arena);
}

/* A PUT in work. */
struct change {
    const struct hs_gateway *gateway;
    struct hs_identity identity;
    struct hs_arena arena;
    struct hs_str application;
    unsigned counted; /* 0: learn */
    struct hs_app_counted result;
};

static int parse_counted(yyjson_val *counted, unsigned *out, struct hs_err *err)
{
    *out = 0;
    if (yyjson_is_null(counted))
        return HS_OK;
    if (yyjson_is_str(counted))
        *out = hs_source_bit_of(hs_str_n(yyjson_get_str(counted), yyjson_get_len(counted)));
    if (*out == 0)
        return hs_err_set(err, HS_EINVAL, 0, "counted: must be native, ubi, span or null");
    return HS_OK;
}

static int parse_body(struct hs_http_req *req, struct change *change, struct hs_err *err)
{
    size_t n;
    char *text = hs_http_req_body(req, &n);
    yyjson_doc *doc = n <= BODY_BYTES_MAX ? yyjson_read(text, n, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *name = yyjson_obj_get(root, "application");
    int rc = HS_OK;

    if (!yyjson_is_obj(root) || yyjson_obj_size(root) != 2 || !yyjson_obj_get(root, "counted"))
        rc = hs_err_set(err, HS_EINVAL, 0,
                        "the body must be {\"application\": …, \"counted\": …}, at most %d bytes",
                        BODY_BYTES_MAX);
    else if (!yyjson_is_str(name) || yyjson_get_len(name) == 0 ||
             yyjson_get_len(name) > APPLICATION_BYTES_MAX)
        rc = hs_err_set(err, HS_EINVAL, 0, "application: must be a string of 1 to %d bytes",
                        APPLICATION_BYTES_MAX);
    else
        rc = parse_counted(yyjson_obj_get(root, "counted"), &change->counted, err);
    if (rc == HS_OK)
        change->application =
            hs_arena_copy(&change->arena, hs_str_n(yyjson_get_str(name), yyjson_get_len(name)));
    yyjson_doc_free(doc);
    return rc;
}

/* Writes the application's entry. HS_ENOTFOUND: it has sent nothing. HS_ECONFLICT: it changed. */
static int set_source(struct change *change, struct hs_err *err)
{
    struct hs_metadata *metadata = change->gateway->deps.metadata;
    struct hs_str key =
        key_of(&change->arena, hs_str_c(change->identity.tenant.id), change->application);
    struct hs_metadata_op op = {.action = HS_METADATA_PUT,
                                .expect = HS_EXPECT_VERSION,
                                .space = HS_SPACE_SOURCES,
                                .key = key};
    struct hs_entry entry;
    struct hs_buf value;
    int rc = hs_metadata_get(metadata, HS_SPACE_SOURCES, key, &change->arena, &entry, err);

    if (rc == HS_OK)
        rc = hs_app_counted_decode(entry.value, &change->result, err);
    if (rc == HS_ENOTFOUND)
        return hs_err_set(err, rc, 0, "application \"%.*s\" has sent no search",
                          HS_STR_ARG(change->application));
    if (rc != HS_OK)
        return rc;
    change->result.set = change->counted != 0;
    change->result.counted =
        change->counted != 0 ? change->counted : hs_source_best(change->result.seen);
    hs_buf_init(&value, BODY_BYTES_MAX);
    hs_app_counted_encode(&change->result, &value);
    op.value = hs_buf_str(&value);
    op.version = entry.version;
    rc = hs_metadata_commit(metadata, &op, 1, NULL, NULL, err);
    hs_buf_fini(&value);
    return rc;
}

static int minutes_of(struct change *change, struct hs_table *out, struct hs_err *err)
{
    const struct hs_conf *conf = change->gateway->deps.conf;
    const struct hs_param params[] = {
        {"tenant", hs_str_c(change->identity.tenant.id)},
        {"application", change->application},
    };
    const struct hs_query query = {
        .sql = "SELECT DISTINCT toUnixTimestamp(toStartOfMinute(ts)) AS minute "
               "FROM haystat.searches WHERE tenant = {tenant:String} "
               "AND application = {application:String} ORDER BY minute",
        .params = params,
        .params_n = HS_ARRAY_LEN(params),
        .user = HS_ANALYTICS_RO,
        .timeout_ms = (int64_t)conf->query_timeout_ms,
    };
    int rc = hs_analytics_query(change->gateway->deps.analytics, &query, &change->arena, out, err);

    /* An answer without rows has no columns either. */
    if (rc == HS_OK && out->rows > 0 && (out->columns_n != 1 || out->columns[0].kind != HS_COL_U64))
        rc = hs_err_set(err, HS_ECORRUPT, 0, "the store's answer has other columns");
    if (rc == HS_OK && out->rows > HS_METADATA_OPS_MAX / MARKS_A_MINUTE)
        rc = hs_err_set(err, HS_ELIMIT, 0, "%zu minutes to compute again, limit %d", out->rows,
                        HS_METADATA_OPS_MAX / MARKS_A_MINUTE);
    return rc;
}

/* Operations that mark what has to be computed again. */
struct marks {
    struct hs_metadata_op *ops;
    size_t n;
    int64_t block_s; /* the last block that is marked; blocks before it are, too */
};

static void add_mark(struct change *change, struct marks *marks, const char *space,
                     enum hs_level level, int64_t start_s)
{
    char key[HS_DIRTY_KEY_MAX];
    size_t n = hs_dirty_key(level, hs_str_c(change->identity.tenant.id), start_s, key);

    marks->ops[marks->n++] =
        (struct hs_metadata_op){.action = HS_METADATA_PUT,
                                .space = space,
                                .key = hs_arena_copy(&change->arena, hs_str_n(key, n))};
}

/* Minutes come in order, so that a block is marked once. */
static void mark_minute(struct change *change, struct marks *marks, int64_t minute_s)
{
    int64_t first_s;
    int64_t last_s;

    add_mark(change, marks, hs_dirty_fast.dirty, HS_LEVEL_1M, minute_s);
    hs_dirty_blocks(minute_s, minute_s + 59, &first_s, &last_s);
    for (; first_s <= last_s; first_s += hs_level_s(HS_LEVEL_10M)) {
        if (first_s <= marks->block_s)
            continue;
        add_mark(change, marks, hs_dirty_behaviour.dirty, HS_LEVEL_10M, first_s);
        marks->block_s = first_s;
    }
}

static int mark_minutes(struct change *change, size_t *out_n, struct hs_err *err)
{
    struct marks marks = {.block_s = -1};
    struct hs_table minutes;
    size_t i;
    int rc = minutes_of(change, &minutes, err);

    if (rc != HS_OK || minutes.rows == 0) {
        *out_n = 0;
        return rc;
    }
    marks.ops = hs_arena_calloc(&change->arena, minutes.rows * MARKS_A_MINUTE, sizeof(*marks.ops));
    if (!marks.ops)
        return hs_err_set(err, HS_ELIMIT, 0, "the request's memory is full");
    for (i = 0; i < minutes.rows; i++)
        mark_minute(change, &marks, (int64_t)minutes.columns[0].u64[i]);
    *out_n = minutes.rows;
    return hs_metadata_commit(change->gateway->deps.metadata, marks.ops, marks.n, NULL, NULL, err);
}

static void change_failed(struct hs_http_req *req, const struct change *change,
                          const struct hs_err *err)
{
    if (err->rc == HS_ENOTFOUND)
        hs_http_reply_problem(req, 404, "unknown_application", "%s", err->text);
    else if (err->rc == HS_ECONFLICT)
        hs_http_reply_problem(req, 409, "conflict",
                              "application \"%.*s\" changed meanwhile; ask again",
                              HS_STR_ARG(change->application));
    else
        hs_gateway_failed(req, change->gateway, err);
}

static void put(struct hs_http_req *req, struct change *change)
{
    struct hs_json json;
    struct hs_buf body;
    struct hs_err err;
    size_t marked = 0;
    int rc;

    if (parse_body(req, change, &err) != HS_OK) {
        hs_http_reply_problem(req, 400, "invalid_body", "%s", err.text);
        return;
    }
    rc = set_source(change, &err);
    if (rc == HS_OK)
        rc = mark_minutes(change, &marked, &err);
    if (rc != HS_OK) {
        change_failed(req, change, &err);
        return;
    }
    hs_buf_init(&body, HS_ANSWER_BYTES_MAX);
    hs_json_init(&json, &body);
    hs_json_obj_open(&json);
    hs_json_key(&json, "application");
    add_application(&json, change->application, &change->result);
    hs_json_key(&json, "minutes_marked");
    hs_json_add_u64(&json, marked);
    hs_json_obj_close(&json);
    hs_http_reply_buf(req, 200, "application/json", &body);
    hs_buf_fini(&body);
}

void hs_gateway_applications_put(struct hs_http_req *req, void *arg)
{
    struct change change = {.gateway = arg};
    const struct hs_gateway_deps *deps = &change.gateway->deps;

    if (!hs_authorize(req, deps->keys, deps->conf, HS_SCOPE_EDIT, &change.identity) ||
        !hs_gateway_no_params(req))
        return;
    hs_arena_init(&change.arena, APPLICATIONS_ARENA_BYTES);
    put(req, &change);
    hs_arena_fini(&change.arena);
}
