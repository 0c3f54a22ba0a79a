/*
 * GET  /api/v1/anomalies                                  incidents, newest first
 * GET  /api/v1/anomalies/{id}                             one, what was said of it, its series
 * POST /api/v1/anomalies/{id}/{ack,mute,close,expected}   says something of it (port/incidents.h)
 *
 * Incidents are the engine's (docs/anomalies.md); what is said is kept here and done there.
 */
#include "gateway/anomalies.h"

#include <inttypes.h>
#include <stdio.h>
#include <yyjson.h>

#include "base/mem.h"
#include "gateway/authorize.h"
#include "gateway/cursor.h"
#include "gateway/gateway_int.h"
#include "gateway/when.h"
#include "port/incidents.h"

enum {
    LIST_DEFAULT = 50,
    LIST_MAX = 500,
    SCAN_BATCH = 200,
    SCAN_MAX = 20000, /* incidents that one request looks at */
    FEEDBACK_MAX = 100,
    BODY_BYTES_MAX = 8192,
    NOTE_BYTES_MAX = 4096,
    ARENA_BYTES = 256 << 20,
    MUTE_DEFAULT_S = 3600,
    BEFORE_S = 1800, /* of the series that is shown beside an incident */
    AFTER_S = 600,
    NUMBER_MAX = 24,
};

/* ---- parameters */

static int parse_limit(struct hs_str value, struct hs_incidents_params *out, struct hs_err *err)
{
    uint64_t limit;

    if (hs_str_to_u64(value, &limit) != HS_OK || limit == 0 || limit > LIST_MAX)
        return hs_err_set(err, HS_EINVAL, 0, "must be a number from 1 to %d", LIST_MAX);
    out->limit = (size_t)limit;
    return HS_OK;
}

static int parse_state(struct hs_str value, struct hs_incidents_params *out, struct hs_err *err)
{
    if (!hs_str_eq_c(value, "open") && !hs_str_eq_c(value, "closed"))
        return hs_err_set(err, HS_EINVAL, 0, "must be open or closed");
    out->state = value;
    return HS_OK;
}

static int parse_type(struct hs_str value, struct hs_incidents_params *out, struct hs_err *err)
{
    if (!hs_str_eq_c(value, "search") && !hs_str_eq_c(value, "telemetry"))
        return hs_err_set(err, HS_EINVAL, 0, "must be search or telemetry");
    out->type = value;
    return HS_OK;
}

static int parse_one(const struct hs_http_param *pair, int64_t now_ns,
                     struct hs_incidents_params *out, struct hs_err *err)
{
    struct hs_str value = pair->value;

    if (hs_str_eq_c(pair->name, "key"))
        return HS_OK;
    if (hs_str_eq_c(pair->name, "from"))
        return hs_when_parse(value, now_ns, &out->from_ns, err);
    if (hs_str_eq_c(pair->name, "to"))
        return hs_when_parse(value, now_ns, &out->to_ns, err);
    if (hs_str_eq_c(pair->name, "limit"))
        return parse_limit(value, out, err);
    if (hs_str_eq_c(pair->name, "state"))
        return parse_state(value, out, err);
    if (hs_str_eq_c(pair->name, "type"))
        return parse_type(value, out, err);
    if (hs_str_eq_c(pair->name, "service"))
        out->service = value;
    else if (hs_str_eq_c(pair->name, "metric"))
        out->metric = value;
    else if (hs_str_eq_c(pair->name, "cursor"))
        out->cursor = value;
    else
        return hs_err_set(err, HS_EINVAL, 0, "is no parameter of this request");
    return HS_OK;
}

int hs_incidents_params_parse(const struct hs_http_param *pairs, size_t n, int64_t now_ns,
                              struct hs_incidents_params *out, struct hs_err *err)
{
    size_t i;

    *out = (struct hs_incidents_params){.to_ns = now_ns, .limit = LIST_DEFAULT};
    for (i = 0; i < n; i++) {
        if (parse_one(&pairs[i], now_ns, out, err) != HS_OK)
            return hs_err_prefix(err, "%.*s=%.*s", HS_STR_ARG(hs_str_utf8_cut(pairs[i].name, 64)),
                                 HS_STR_ARG(hs_str_utf8_cut(pairs[i].value, 64)));
    }
    if (out->from_ns >= out->to_ns)
        return hs_err_set(err, HS_EINVAL, 0, "from: must be before to");
    return HS_OK;
}

/* ---- reading */

/* A request in work. */
struct look {
    const struct hs_gateway *gateway;
    struct hs_identity identity;
    struct hs_arena arena;
    struct hs_buf body;
    struct hs_json json;
};

static struct hs_str tenant_of(const struct look *look)
{
    return hs_str_c(look->identity.tenant.id);
}

static bool has_service(const struct hs_watch_incident *incident, struct hs_str service)
{
    size_t i;

    for (i = 0; i < incident->members_n; i++)
        if (hs_str_eq_c(service, incident->members[i].service))
            return true;
    return service.n == 0;
}

static bool has_metric(const struct hs_watch_incident *incident, struct hs_str metric)
{
    size_t i;

    for (i = 0; incident->kind == HS_WATCH_SEARCH && i < incident->members_n; i++)
        if (hs_str_eq_c(metric, hs_watch_metric_name(incident->members[i].metric)))
            return true;
    return metric.n == 0 || hs_str_eq_c(metric, hs_watch_incident_metric(incident));
}

static bool is_wanted(const struct hs_incidents_params *params,
                      const struct hs_watch_incident *incident)
{
    bool open = incident->end_s == 0;

    if (params->state.n > 0 && hs_str_eq_c(params->state, "open") != open)
        return false;
    if (params->type.n > 0 && !hs_str_eq_c(params->type, hs_watch_type_name(incident->kind)))
        return false;
    return incident->start_s * HS_NS_PER_S < params->to_ns &&
           (open || incident->end_s * HS_NS_PER_S > params->from_ns) &&
           has_service(incident, params->service) && has_metric(incident, params->metric);
}

static int read_feedback(struct look *look, struct hs_str id, struct hs_entry *entries, size_t *n,
                         struct hs_err *err)
{
    char prefix[HS_INCIDENT_KEY_MAX];
    size_t prefix_n = hs_incident_id_key(tenant_of(look), id, HS_STR(""), prefix);

    prefix[prefix_n++] = '/';
    return hs_metadata_scan(look->gateway->deps.metadata, HS_SPACE_INCIDENT_FEEDBACK,
                            hs_str_n(prefix, prefix_n), HS_STR(""), &look->arena, entries,
                            FEEDBACK_MAX, n, err);
}

/* "open", "acknowledged", "closed" */
static const char *state_of(const struct hs_watch_incident *incident,
                            const struct hs_entry *feedback, size_t n)
{
    size_t i;

    if (incident->end_s > 0)
        return "closed";
    for (i = 0; i < n; i++)
        if (hs_str_contains(feedback[i].value, HS_STR("\"action\":\"ack\"")))
            return "acknowledged";
    return "open";
}

/* The incident and what was said; the object stays open. */
static int add_incident(struct look *look, const struct hs_watch_incident *incident,
                        struct hs_err *err)
{
    struct hs_entry *feedback = hs_arena_calloc(&look->arena, FEEDBACK_MAX, sizeof(*feedback));
    char id[HS_INCIDENT_ID_LEN + 1];
    size_t n = 0;
    size_t i;
    int rc;

    if (!feedback)
        return hs_err_set(err, HS_ELIMIT, 0, "the request's memory is full");
    snprintf(id, sizeof(id), "%016" PRIx64, incident->id);
    rc = read_feedback(look, hs_str_c(id), feedback, &n, err);
    hs_json_obj_open(&look->json);
    hs_watch_incident_write(incident, &look->json);
    hs_json_key(&look->json, "state");
    hs_json_add_c(&look->json, state_of(incident, feedback, n));
    hs_json_key(&look->json, "feedback");
    hs_json_arr_open(&look->json);
    for (i = 0; i < n; i++)
        hs_json_add_raw(&look->json, feedback[i].value);
    hs_json_arr_close(&look->json);
    return rc;
}

/* ---- the list */

static void add_cursor(struct look *look, const struct hs_watch_incident *last)
{
    struct hs_cursor cursor = {.to_s = 1, .id = last->id};
    struct hs_buf text;

    snprintf(cursor.value, sizeof(cursor.value), "%" PRId64, last->start_s);
    hs_buf_init(&text, HS_CURSOR_BYTES_MAX);
    hs_cursor_encode(&cursor, &text);
    hs_json_add_str(&look->json, hs_buf_str(&text));
    hs_buf_fini(&text);
}

/* The key that the cursor's incident has. */
static int after_cursor(const struct look *look, struct hs_str text, char out[HS_INCIDENT_KEY_MAX],
                        size_t *out_n, struct hs_err *err)
{
    struct hs_cursor cursor;
    char id[HS_INCIDENT_ID_LEN + 1];
    int64_t start_s;

    *out_n = 0;
    if (text.n == 0)
        return HS_OK;
    if (hs_cursor_decode(text, &cursor, err) != HS_OK ||
        hs_str_to_i64(hs_str_c(cursor.value), &start_s) != HS_OK || start_s < 0)
        return hs_err_set(err, HS_EINVAL, 0, "cursor: must be the next_cursor of an answer");
    snprintf(id, sizeof(id), "%016" PRIx64, cursor.id);
    *out_n = hs_incident_key(tenant_of(look), start_s, hs_str_c(id), out);
    return HS_OK;
}

struct page {
    struct hs_watch_incident last;
    size_t n, looked;
    bool more;
};

static int add_batch(struct look *look, const struct hs_incidents_params *params,
                     const struct hs_entry *entries, size_t n, struct page *page,
                     struct hs_err *err)
{
    struct hs_watch_incident incident;
    size_t i;
    int rc = HS_OK;

    for (i = 0; i < n && rc == HS_OK && !page->more; i++) {
        rc = hs_watch_incident_read(entries[i].value, &incident, err);
        if (rc != HS_OK || !is_wanted(params, &incident))
            continue;
        page->more = page->n == params->limit;
        if (page->more)
            break;
        rc = add_incident(look, &incident, err);
        hs_json_obj_close(&look->json);
        page->last = incident;
        page->n++;
    }
    page->looked += n;
    return rc;
}

static int list(struct look *look, const struct hs_incidents_params *params, struct hs_err *err)
{
    struct hs_entry *entries = hs_xcalloc(SCAN_BATCH, sizeof(*entries));
    struct page *page = hs_xalloc(sizeof(*page));
    char prefix[HS_INCIDENT_KEY_MAX];
    char after[HS_INCIDENT_KEY_MAX];
    size_t after_n;
    size_t n = SCAN_BATCH;
    int prefix_n = snprintf(prefix, sizeof(prefix), "%s/", look->identity.tenant.id);
    int rc = after_cursor(look, params->cursor, after, &after_n, err);

    hs_json_obj_open(&look->json);
    hs_json_key(&look->json, "anomalies");
    hs_json_arr_open(&look->json);
    while (rc == HS_OK && n == SCAN_BATCH && !page->more && page->looked < SCAN_MAX) {
        rc = hs_metadata_scan(look->gateway->deps.metadata, HS_SPACE_INCIDENTS,
                              hs_str_n(prefix, (size_t)prefix_n), hs_str_n(after, after_n),
                              &look->arena, entries, SCAN_BATCH, &n, err);
        if (rc == HS_OK && n > 0) {
            after_n = entries[n - 1].key.n;
            memcpy(after, entries[n - 1].key.p, after_n);
            rc = add_batch(look, params, entries, n, page, err);
        }
    }
    hs_json_arr_close(&look->json);
    hs_json_key(&look->json, "next_cursor");
    if (page->more)
        add_cursor(look, &page->last);
    else
        hs_json_add_null(&look->json);
    hs_json_obj_close(&look->json);
    hs_free(page);
    hs_free(entries);
    return rc;
}

static bool look_init(struct look *look, struct hs_http_req *req, const struct hs_gateway *gateway,
                      unsigned scope)
{
    *look = (struct look){.gateway = gateway};
    if (!hs_authorize(req, gateway->deps.keys, gateway->deps.conf, scope, &look->identity))
        return false;
    hs_arena_init(&look->arena, ARENA_BYTES);
    hs_buf_init(&look->body, HS_ANSWER_BYTES_MAX);
    hs_json_init(&look->json, &look->body);
    return true;
}

static void look_fini(struct look *look)
{
    hs_buf_fini(&look->body);
    hs_arena_fini(&look->arena);
}

static void refuse(struct hs_http_req *req, const struct hs_gateway *gateway,
                   const struct hs_err *err)
{
    switch (err->rc) {
    case HS_EINVAL: hs_gateway_bad_param(req, err); break;
    case HS_ENOTFOUND: hs_http_reply_err(req, "not_found", err); break;
    case HS_ECONFLICT: hs_http_reply_err(req, "conflict", err); break;
    default: hs_gateway_failed(req, gateway, err);
    }
}

void hs_gateway_anomalies(struct hs_http_req *req, void *arg)
{
    const struct hs_gateway *gateway = arg;
    struct hs_incidents_params params;
    struct hs_http_param *pairs;
    struct look look;
    struct hs_err err;
    size_t n;
    int rc;

    if (!look_init(&look, req, gateway, HS_SCOPE_READ))
        return;
    n = hs_gateway_pairs(req, &pairs);
    rc = hs_incidents_params_parse(pairs, n, hs_wall_ns(gateway->deps.clock), &params, &err);
    if (rc == HS_OK)
        rc = list(&look, &params, &err);
    if (rc == HS_OK)
        hs_gateway_reply(req, gateway, &look.body);
    else
        refuse(req, gateway, &err);
    look_fini(&look);
}

/* ---- one incident */

static int find(struct look *look, struct hs_str id, struct hs_watch_incident *out,
                struct hs_err *err)
{
    char key[HS_INCIDENT_KEY_MAX];
    struct hs_entry entry = {.version = 0};
    size_t n;
    int rc = HS_ENOTFOUND;

    if (hs_incident_id_ok(id)) {
        n = hs_incident_id_key(tenant_of(look), id, HS_STR(""), key);
        rc = hs_metadata_get(look->gateway->deps.metadata, HS_SPACE_INCIDENT_IDS, hs_str_n(key, n),
                             &look->arena, &entry, err);
    }
    if (rc == HS_OK)
        rc = hs_metadata_get(look->gateway->deps.metadata, HS_SPACE_INCIDENTS, entry.value,
                             &look->arena, &entry, err);
    if (rc == HS_ENOTFOUND)
        return hs_err_set(err, rc, 0, "there is no anomaly \"%.*s\"",
                          HS_STR_ARG(hs_str_utf8_cut(id, 64)));
    return rc == HS_OK ? hs_watch_incident_read(entry.value, out, err) : rc;
}

static struct hs_str number(int64_t value, char out[NUMBER_MAX])
{
    return hs_str_n(out, (size_t)snprintf(out, NUMBER_MAX, "%" PRId64, value));
}

static int ask_series(struct look *look, const struct hs_watch_incident *incident,
                      const struct hs_watch_member *member, struct hs_table *out,
                      struct hs_err *err)
{
    const struct hs_conf *conf = look->gateway->deps.conf;
    int64_t end_s = incident->end_s > 0 ? incident->end_s + AFTER_S
                                        : hs_wall_ns(look->gateway->deps.clock) / HS_NS_PER_S;
    char from[NUMBER_MAX], to[NUMBER_MAX];
    const struct hs_param params[] = {
        {"tenant", tenant_of(look)},
        {"service", hs_str_c(member->service)},
        {"environment", hs_str_c(member->environment)},
        {"metric", hs_str_c(hs_watch_metric_name(member->metric))},
        {"from", number(incident->start_s - BEFORE_S, from)},
        {"to", number(end_s, to)},
    };
    const struct hs_query query = {
        .sql = "SELECT toUnixTimestamp(t) AS at, value, expected, low, high, z, anomaly_score "
               "FROM haystat.anomaly_1m FINAL WHERE tenant = {tenant:String} "
               "AND service = {service:String} AND environment = {environment:String} "
               "AND metric = {metric:String} AND t >= toDateTime({from:Int64}) "
               "AND t < toDateTime({to:Int64}) ORDER BY at LIMIT 3000",
        .params = params,
        .params_n = HS_ARRAY_LEN(params),
        .user = HS_ANALYTICS_RO,
        .timeout_ms = (int64_t)conf->query_timeout_ms,
    };

    return hs_analytics_query(look->gateway->deps.analytics, &query, &look->arena, out, err);
}

static void add_column(struct hs_json *json, const struct hs_table *table, const char *name)
{
    const struct hs_column *column = hs_table_column(table, name);
    size_t i;

    hs_json_key(json, name);
    hs_json_arr_open(json);
    for (i = 0; column && i < table->rows; i++)
        hs_json_add_double(json, column->f64[i]);
    hs_json_arr_close(json);
}

static int add_series(struct look *look, const struct hs_watch_incident *incident,
                      const struct hs_watch_member *member, struct hs_err *err)
{
    static const char *const names[] = {"value", "expected", "low", "high", "z", "anomaly_score"};
    struct hs_json *json = &look->json;
    struct hs_table table;
    const struct hs_column *at;
    size_t i;
    int rc = ask_series(look, incident, member, &table, err);

    if (rc != HS_OK)
        return rc;
    hs_json_obj_open(json);
    hs_json_key(json, "service");
    hs_json_add_c(json, member->service);
    hs_json_key(json, "environment");
    hs_json_add_c(json, member->environment);
    hs_json_key(json, "metric");
    hs_json_add_c(json, hs_watch_metric_name(member->metric));
    hs_json_key(json, "t");
    hs_json_arr_open(json);
    at = hs_table_column(&table, "at");
    for (i = 0; at && i < table.rows; i++)
        hs_json_add_time(json, (int64_t)at->u64[i] * HS_NS_PER_S);
    hs_json_arr_close(json);
    for (i = 0; i < HS_ARRAY_LEN(names); i++)
        add_column(json, &table, names[i]);
    hs_json_obj_close(json);
    return HS_OK;
}

/* Of telemetry the volume of those it is about. */
static int show(struct look *look, struct hs_str id, struct hs_err *err)
{
    struct hs_watch_incident *incident = hs_arena_calloc(&look->arena, 1, sizeof(*incident));
    size_t i;
    int rc;

    if (!incident)
        return hs_err_set(err, HS_ELIMIT, 0, "the request's memory is full");
    rc = find(look, id, incident, err);
    if (rc != HS_OK)
        return rc;
    hs_json_obj_open(&look->json);
    hs_json_key(&look->json, "anomaly");
    rc = add_incident(look, incident, err);
    hs_json_key(&look->json, "series");
    hs_json_arr_open(&look->json);
    for (i = 0; i < incident->members_n && rc == HS_OK; i++)
        rc = add_series(look, incident, &incident->members[i], err);
    hs_json_arr_close(&look->json);
    hs_json_obj_close(&look->json);
    hs_json_obj_close(&look->json);
    return rc;
}

void hs_gateway_anomaly(struct hs_http_req *req, void *arg)
{
    const struct hs_gateway *gateway = arg;
    struct look look;
    struct hs_err err;

    if (!look_init(&look, req, gateway, HS_SCOPE_READ))
        return;
    if (!hs_gateway_no_params(req)) {
        look_fini(&look);
        return;
    }
    if (show(&look, hs_http_req_path_param(req, "id"), &err) == HS_OK)
        hs_gateway_reply(req, gateway, &look.body);
    else
        refuse(req, gateway, &err);
    look_fini(&look);
}

/* ---- what people say */

struct saying {
    struct hs_str id, action, note;
    int64_t at_ns, until_s;
};

static int parse_say(struct hs_http_req *req, struct look *look, struct saying *out,
                     struct hs_err *err)
{
    size_t n;
    char *text = hs_http_req_body(req, &n);
    yyjson_doc *doc = n > 0 && n <= BODY_BYTES_MAX ? yyjson_read(text, n, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *note = yyjson_obj_get(root, "note");
    yyjson_val *span = yyjson_obj_get(root, "for");
    size_t known = (note != NULL) + (span != NULL);
    int64_t span_s = MUTE_DEFAULT_S;
    int rc = HS_OK;

    if (n > 0 && (!yyjson_is_obj(root) || yyjson_obj_size(root) != known))
        rc =
            hs_err_set(err, HS_EINVAL, 0,
                       "the body must be empty or {\"note\": …, \"for\": \"2h\"}, at most %d bytes",
                       BODY_BYTES_MAX);
    else if (note && (!yyjson_is_str(note) || yyjson_get_len(note) > NOTE_BYTES_MAX))
        rc = hs_err_set(err, HS_EINVAL, 0, "note: must be a string of at most %d bytes",
                        NOTE_BYTES_MAX);
    else if (span && (!hs_str_eq_c(out->action, "mute") || !yyjson_is_str(span)))
        rc = hs_err_set(err, HS_EINVAL, 0, "for: is a span of time, and only of mute");
    else if (span && hs_when_span(hs_str_n(yyjson_get_str(span), yyjson_get_len(span)), &span_s,
                                  err) != HS_OK)
        rc = hs_err_prefix(err, "for=%.64s", yyjson_get_str(span));
    if (rc == HS_OK && note)
        out->note =
            hs_arena_copy(&look->arena, hs_str_n(yyjson_get_str(note), yyjson_get_len(note)));
    out->until_s = out->at_ns / HS_NS_PER_S + span_s;
    yyjson_doc_free(doc);
    return rc;
}

static void write_saying(const struct look *look, const struct saying *saying, struct hs_json *json)
{
    hs_json_obj_open(json);
    hs_json_key(json, "action");
    hs_json_add_str(json, saying->action);
    hs_json_key(json, "at");
    hs_json_add_time(json, saying->at_ns);
    hs_json_key(json, "by");
    hs_json_add_c(json, look->identity.key_id[0] ? look->identity.key_id : NULL);
    hs_json_key(json, "note");
    hs_json_add_str(json, saying->note);
    hs_json_key(json, "until");
    if (hs_str_eq_c(saying->action, "mute"))
        hs_json_add_time(json, saying->until_s * HS_NS_PER_S);
    else
        hs_json_add_null(json);
    hs_json_obj_close(json);
}

/* Keeps what was said and, unless it is an ack, gives it to the engine. */
static int keep(struct look *look, const struct saying *saying, struct hs_err *err)
{
    char said_key[HS_INCIDENT_KEY_MAX], todo_key[HS_INCIDENT_KEY_MAX];
    char at[24], until[24];
    struct hs_metadata_op ops[2] = {{.space = HS_SPACE_INCIDENT_FEEDBACK,
                                     .value = hs_buf_str(&look->body)},
                                    {.space = HS_SPACE_INCIDENT_TODO}};
    size_t n;

    snprintf(at, sizeof(at), "%019" PRId64, saying->at_ns);
    snprintf(until, sizeof(until), "%" PRId64, saying->until_s);
    n = hs_incident_id_key(tenant_of(look), saying->id, hs_str_c(at), said_key);
    ops[0].key = hs_str_n(said_key, n);
    n = hs_incident_id_key(tenant_of(look), saying->id, saying->action, todo_key);
    ops[1].key = hs_str_n(todo_key, n);
    ops[1].value = hs_str_c(until);
    n = hs_str_eq_c(saying->action, "ack") ? 1 : 2;
    return hs_metadata_commit(look->gateway->deps.metadata, ops, n, NULL, NULL, err);
}

static int say(struct hs_http_req *req, struct look *look, struct hs_err *err)
{
    struct hs_watch_incident *incident = hs_arena_calloc(&look->arena, 1, sizeof(*incident));
    struct saying saying = {.id = hs_http_req_path_param(req, "id"),
                            .action = hs_http_req_path_param(req, "action"),
                            .note = HS_STR(""),
                            .at_ns = hs_wall_ns(look->gateway->deps.clock)};
    int rc;

    if (!incident)
        return hs_err_set(err, HS_ELIMIT, 0, "the request's memory is full");
    if (!hs_str_eq_c(saying.action, "ack") && !hs_str_eq_c(saying.action, "mute") &&
        !hs_str_eq_c(saying.action, "close") && !hs_str_eq_c(saying.action, "expected"))
        return hs_err_set(err, HS_ENOTFOUND, 0,
                          "there is no action \"%.*s\", only ack, mute, "
                          "close and expected",
                          HS_STR_ARG(hs_str_utf8_cut(saying.action, 64)));
    rc = parse_say(req, look, &saying, err);
    if (rc == HS_OK)
        rc = find(look, saying.id, incident, err);
    if (rc != HS_OK)
        return rc;
    if (!hs_str_eq_c(saying.action, "ack") && incident->end_s > 0)
        return hs_err_set(err, HS_ECONFLICT, 0, "the anomaly has ended");
    if (!hs_str_eq_c(saying.action, "ack") && incident->kind != HS_WATCH_SEARCH)
        return hs_err_set(err, HS_ECONFLICT, 0,
                          "an anomaly of type telemetry ends when its cause does; only ack");
    write_saying(look, &saying, &look->json);
    return keep(look, &saying, err);
}

void hs_gateway_anomaly_say(struct hs_http_req *req, void *arg)
{
    const struct hs_gateway *gateway = arg;
    struct look look;
    struct hs_err err;
    int rc;

    if (!look_init(&look, req, gateway, HS_SCOPE_EDIT))
        return;
    if (!hs_gateway_no_params(req)) {
        look_fini(&look);
        return;
    }
    rc = say(req, &look, &err);
    if (rc == HS_OK)
        hs_gateway_reply(req, gateway, &look.body);
    else
        refuse(req, gateway, &err);
    look_fini(&look);
}
