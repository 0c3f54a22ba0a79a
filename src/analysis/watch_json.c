#include "analysis/watch_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <yyjson.h>

#include "base/clock.h"
#include "base/mem.h"

const char *hs_watch_event_name(enum hs_watch_event event)
{
    static const char *const names[] = {[HS_WATCH_OPENED] = "opened",
                                        [HS_WATCH_JOINED] = "joined",
                                        [HS_WATCH_CLOSED] = "closed",
                                        [HS_WATCH_REOPENED] = "reopened"};

    return names[event];
}

/* ---- writing */

static void add_time(struct hs_json *json, const char *name, int64_t at_s)
{
    hs_json_key(json, name);
    if (at_s > 0)
        hs_json_add_time(json, at_s * HS_NS_PER_S);
    else
        hs_json_add_null(json);
}

static void add_double(struct hs_json *json, const char *name, double value)
{
    hs_json_key(json, name);
    hs_json_add_double(json, value);
}

static void add_text(struct hs_json *json, const char *name, const char *value)
{
    hs_json_key(json, name);
    hs_json_add_c(json, value);
}

static void add_member(struct hs_json *json, const struct hs_watch_incident *incident,
                       const struct hs_watch_member *member)
{
    hs_json_obj_open(json);
    add_text(json, "service", member->service);
    add_text(json, "environment", member->environment);
    add_text(json, "metric",
             incident->kind == HS_WATCH_SEARCH ? hs_watch_metric_name(member->metric)
                                               : hs_watch_incident_metric(incident));
    add_time(json, "start", member->start_s);
    add_time(json, "end", member->end_s);
    add_double(json, "value", member->value);
    add_double(json, "expected", member->expected);
    add_double(json, "z", member->z);
    add_double(json, "anomaly_score", member->score);
    hs_json_obj_close(json);
}

void hs_watch_incident_write(const struct hs_watch_incident *incident, struct hs_json *json)
{
    char id[17];
    size_t i;

    snprintf(id, sizeof(id), "%016" PRIx64, incident->id);
    add_text(json, "id", id);
    add_text(json, "type", hs_watch_type_name(incident->kind));
    add_text(json, "metric", hs_watch_incident_metric(incident));
    add_time(json, "start", incident->start_s);
    add_time(json, "opened", incident->opened_s);
    add_time(json, "end", incident->end_s);
    add_double(json, "value", incident->value);
    add_double(json, "expected", incident->expected);
    hs_json_key(json, "members");
    hs_json_arr_open(json);
    for (i = 0; i < incident->members_n; i++)
        add_member(json, incident, &incident->members[i]);
    hs_json_arr_close(json);
}

/* ---- reading */

static bool read_text(yyjson_val *object, const char *name, char out[HS_WATCH_NAME_MAX])
{
    yyjson_val *val = yyjson_obj_get(object, name);
    size_t n = yyjson_get_len(val);

    if (!yyjson_is_str(val) || n >= HS_WATCH_NAME_MAX || memchr(yyjson_get_str(val), 0, n))
        return false;
    memcpy(out, yyjson_get_str(val), n + 1);
    return true;
}

/* null is 0. */
static bool read_time(yyjson_val *object, const char *name, int64_t *out_s)
{
    yyjson_val *val = yyjson_obj_get(object, name);
    int64_t ns;

    *out_s = 0;
    if (yyjson_is_null(val))
        return true;
    if (!yyjson_is_str(val) ||
        hs_time_parse_rfc3339(hs_str_n(yyjson_get_str(val), yyjson_get_len(val)), &ns) != HS_OK)
        return false;
    *out_s = ns / HS_NS_PER_S;
    return true;
}

static double read_double(yyjson_val *object, const char *name)
{
    return yyjson_get_num(yyjson_obj_get(object, name));
}

static bool read_metric(const char *name, enum hs_watch_metric *out)
{
    int i;

    for (i = 0; i < HS_WATCH_METRICS; i++) {
        if (strcmp(name, hs_watch_metric_name((enum hs_watch_metric)i)) == 0) {
            *out = (enum hs_watch_metric)i;
            return true;
        }
    }
    return false;
}

static bool read_kind(yyjson_val *object, struct hs_watch_incident *out)
{
    char metric[HS_WATCH_NAME_MAX];
    enum hs_watch_metric ignored;
    int kind;

    if (!read_text(object, "metric", metric))
        return false;
    if (read_metric(metric, &ignored)) {
        out->kind = HS_WATCH_SEARCH;
        return true;
    }
    for (kind = HS_WATCH_NO_TELEMETRY; kind <= HS_WATCH_LATE; kind++) {
        out->kind = (enum hs_watch_kind)kind;
        if (strcmp(metric, hs_watch_incident_metric(out)) == 0)
            return true;
    }
    return false;
}

static bool read_member(yyjson_val *val, enum hs_watch_kind kind, struct hs_watch_member *out)
{
    char metric[HS_WATCH_NAME_MAX];

    *out = (struct hs_watch_member){.value = read_double(val, "value"),
                                    .expected = read_double(val, "expected"),
                                    .z = read_double(val, "z"),
                                    .score = read_double(val, "anomaly_score")};
    return read_text(val, "service", out->service) &&
           read_text(val, "environment", out->environment) && read_text(val, "metric", metric) &&
           (kind != HS_WATCH_SEARCH || read_metric(metric, &out->metric)) &&
           read_time(val, "start", &out->start_s) && read_time(val, "end", &out->end_s);
}

static bool read_incident(yyjson_val *root, struct hs_watch_incident *out)
{
    yyjson_val *members = yyjson_obj_get(root, "members");
    char id[HS_WATCH_NAME_MAX];
    unsigned char bytes[8];
    size_t i, n;
    yyjson_val *val;

    *out = (struct hs_watch_incident){.value = read_double(root, "value"),
                                      .expected = read_double(root, "expected")};
    if (!read_text(root, "id", id) || hs_hex_decode(hs_str_c(id), bytes, sizeof(bytes)) != HS_OK ||
        !read_kind(root, out) || !read_time(root, "start", &out->start_s) ||
        !read_time(root, "opened", &out->opened_s) || !read_time(root, "end", &out->end_s) ||
        !yyjson_is_arr(members) || yyjson_arr_size(members) > HS_WATCH_MEMBERS_MAX ||
        (out->kind == HS_WATCH_SEARCH && yyjson_arr_size(members) == 0))
        return false;
    for (i = 0; i < sizeof(bytes); i++)
        out->id = out->id << 8 | bytes[i];
    yyjson_arr_foreach(members, i, n, val)
    {
        if (!read_member(val, out->kind, &out->members[i]))
            return false;
        out->members_n = i + 1;
    }
    return true;
}

int hs_watch_incident_read(struct hs_str text, struct hs_watch_incident *out, struct hs_err *err)
{
    yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
    bool ok = doc && read_incident(yyjson_doc_get_root(doc), out);

    yyjson_doc_free(doc);
    return ok ? HS_OK : hs_err_set(err, HS_ECORRUPT, 0, "an incident does not parse");
}
