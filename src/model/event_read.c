/*
 * Reading a native event. The keys are collected first, whatever their order; then the event's type
 * is decided, and each value is checked against its row of hs_fields:
 *
 *   event_type given        → that
 *   else action given       → result
 *   else error given and neither query nor query_id → error
 *   else                    → search
 */
#include <yyjson.h>

#include "base/mem.h"
#include "model/event_int.h"

struct reading {
    struct hs_event *event;
    unsigned char seen[HS_FIELD_N]; /* fields that have a value, in the order they came */
    unsigned seen_n;
    struct hs_err *err;
};

static struct hs_str str_of(yyjson_val *val)
{
    return hs_str_n(unsafe_yyjson_get_str(val), unsafe_yyjson_get_len(val));
}

/* Member by member: a compound literal would be built in memory and copied, which stalls. */
static void set_str(struct hs_value *slot, struct hs_str s, bool plain)
{
    slot->kind = HS_VALUE_STR;
    slot->plain = plain;
    slot->str = s;
}

static struct hs_value json_value(yyjson_val *val)
{
    return (struct hs_value){.kind = HS_VALUE_JSON, .json = val};
}

static int refuse(struct reading *r, const char *name, enum hs_refusal refusal, const char *text)
{
    const struct hs_spot spot = {.name = hs_str_c(name)};

    return hs_spot_fail(&spot, refusal, r->err, "%s", text);
}

static int keep_attribute(struct reading *r, struct hs_str key, yyjson_val *val)
{
    const struct hs_spot spot = {.name = key};
    unsigned i;

    if (key.n > 0 && memchr(key.p, 0, key.n))
        return refuse(r, "a key", HS_REFUSED_VALUE, "holds the character U+0000");
    for (i = 0; i < r->event->attributes_n; i++) {
        if (hs_str_eq(r->event->attributes[i].key, key))
            return hs_spot_fail(&spot, HS_REFUSED_DUPLICATE, r->err, "is given twice");
    }
    if (hs_event_attribute(r->event, key, json_value(val)) != HS_OK)
        return hs_err_set(r->err, HS_EINVAL, HS_REFUSED_LENGTH,
                          "the event has more than %d keys that are no fields",
                          HS_EVENT_ATTRIBUTES_MAX);
    return hs_check_free(val, &spot, r->err);
}

static bool counts_as_absent(yyjson_val *val, enum hs_field field)
{
    if (unsafe_yyjson_is_null(val))
        return true;
    return unsafe_yyjson_is_str(val) && unsafe_yyjson_get_len(val) == 0 &&
           hs_fields[field].type == HS_FT_STRING && !(hs_fields[field].flags & HS_FF_EMPTY);
}

static int collect_pair(struct reading *r, yyjson_val *key, yyjson_val *val)
{
    enum hs_field field = hs_field_find(str_of(key));
    struct hs_value *slot;

    if (field == HS_FIELD_N || (hs_fields[field].flags & HS_FF_DERIVED))
        return unsafe_yyjson_is_null(val) ? HS_OK : keep_attribute(r, str_of(key), val);
    if (counts_as_absent(val, field))
        return HS_OK;
    slot = &r->event->v[field];
    if (slot->kind != HS_VALUE_NONE)
        return refuse(r, hs_fields[field].name, HS_REFUSED_DUPLICATE, "is given twice");
    slot->kind = HS_VALUE_JSON;
    slot->json = val;
    r->seen[r->seen_n++] = (unsigned char)field;
    return HS_OK;
}

static int collect(struct reading *r, yyjson_val *object)
{
    size_t n = unsafe_yyjson_get_len(object);
    yyjson_val *key = unsafe_yyjson_get_first(object);
    size_t i;
    int rc = HS_OK;

    for (i = 0; i < n && rc == HS_OK; i++) {
        yyjson_val *val = key + 1;

        rc = collect_pair(r, key, val);
        key = unsafe_yyjson_get_next(val);
    }
    return rc;
}

static bool has(const struct hs_event *event, enum hs_field field)
{
    return event->v[field].kind != HS_VALUE_NONE;
}

static void set_word(struct hs_event *event, enum hs_field field, const char *word)
{
    event->v[field] = (struct hs_value){.kind = HS_VALUE_STR, .plain = true, .str = hs_str_c(word)};
}

/* Decides the type and returns, in *out_flag, the flag that a field of such an event has. */
static int decide_type(struct reading *r, unsigned *out_flag)
{
    struct hs_event *event = r->event;
    const struct hs_field_def *def = &hs_fields[HS_F_EVENT_TYPE];
    const struct hs_spot spot = {.name = hs_str_c(def->name)};
    int rc = HS_OK;

    if (has(event, HS_F_EVENT_TYPE))
        rc = hs_check_word(event->v[HS_F_EVENT_TYPE].json, def->words, &spot, r->err);
    else if (has(event, HS_F_ACTION))
        set_word(event, HS_F_EVENT_TYPE, "result");
    else if (has(event, HS_F_ERROR) && !has(event, HS_F_QUERY) && !has(event, HS_F_QUERY_ID))
        set_word(event, HS_F_EVENT_TYPE, "error");
    else
        set_word(event, HS_F_EVENT_TYPE, "search");
    if (rc != HS_OK)
        return rc;
    if (event->v[HS_F_EVENT_TYPE].kind == HS_VALUE_JSON)
        set_str(&event->v[HS_F_EVENT_TYPE], str_of(event->v[HS_F_EVENT_TYPE].json), true);
    switch (event->v[HS_F_EVENT_TYPE].str.p[0]) {
    case 's': *out_flag = HS_FF_SEARCH; break;
    case 'r': *out_flag = HS_FF_RESULT; break;
    default: *out_flag = HS_FF_FAILURE; break;
    }
    return HS_OK;
}

static int read_hex(struct hs_value *slot, const struct hs_field_def *def,
                    const struct hs_spot *spot, struct hs_err *err)
{
    size_t zeros = 0;
    size_t i;

    for (i = 0; i < slot->str.n; i++) {
        char c = slot->str.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            break;
        zeros += c == '0';
    }
    if (i != slot->str.n || (double)i != def->max)
        return hs_spot_fail(spot, HS_REFUSED_VALUE, err,
                            "is \"%.*s\" of %zu bytes, must be %.0f hexadecimal digits",
                            HS_STR_ARG(hs_str_utf8_cut(slot->str, 60)), slot->str.n, def->max);
    if (zeros == i) /* what tracing libraries send when there is no trace */
        *slot = (struct hs_value){.kind = HS_VALUE_NONE};
    return HS_OK;
}

/* Two fields take a boolean for a word. */
static bool read_bool_word(enum hs_field field, yyjson_val *val, struct hs_value *slot)
{
    bool yes = unsafe_yyjson_is_true(val);

    if (!unsafe_yyjson_is_bool(val))
        return false;
    if (field == HS_F_CONSENT)
        set_str(slot, yes ? HS_STR("granted") : HS_STR("denied"), true);
    else if (field == HS_F_FALLBACK && yes)
        set_str(slot, HS_STR("true"), true);
    else if (field == HS_F_FALLBACK)
        *slot = (struct hs_value){.kind = HS_VALUE_NONE};
    else
        return false;
    return true;
}

static int read_string(enum hs_field field, struct hs_value *slot, struct hs_err *err)
{
    const struct hs_field_def *def = &hs_fields[field];
    const struct hs_spot spot = {.name = hs_str_n(def->name, def->name_n)};
    yyjson_val *val = slot->json;
    int rc;

    if (read_bool_word(field, val, slot))
        return HS_OK;
    rc = hs_check_string(val, def->max, &spot, err);
    if (rc != HS_OK)
        return rc;
    set_str(slot, str_of(val), unsafe_yyjson_get_subtype(val) == YYJSON_SUBTYPE_NOESC);
    return def->flags & HS_FF_HEX ? read_hex(slot, def, &spot, err) : HS_OK;
}

static int read_time(struct hs_value *slot, const struct hs_spot *spot, struct hs_err *err)
{
    yyjson_val *val = slot->json;
    int64_t us;

    if (!unsafe_yyjson_is_str(val) && !unsafe_yyjson_is_raw(val))
        return hs_spot_fail_type(spot, val, "RFC 3339 text or a number since 1970", err);
    if (hs_event_parse_time(val, &us) != HS_OK)
        return hs_spot_fail(spot, HS_REFUSED_VALUE, err,
                            "is \"%.*s\", must be RFC 3339 with a zone, or seconds, ms, us or ns "
                            "since 1970",
                            HS_STR_ARG(hs_str_utf8_cut(hs_str_n(unsafe_yyjson_get_str(val),
                                                                unsafe_yyjson_get_len(val)),
                                                       60)));
    slot->kind = HS_VALUE_I64;
    slot->i64 = us;
    return HS_OK;
}

static int read_number(enum hs_field field, yyjson_val *val, const struct hs_spot *spot,
                       struct hs_err *err)
{
    const struct hs_field_def *def = &hs_fields[field];
    int rc = hs_check_number(val, def->min, def->max, spot, err);

    if (rc != HS_OK && field == HS_F_LATENCY_MS && unsafe_yyjson_is_raw(val) && err)
        err->sys = HS_REFUSED_LATENCY;
    return rc;
}

static int read_shape(struct reading *r, enum hs_field field, yyjson_val *val)
{
    struct hs_shape_found found = {0};
    int rc = hs_shape_check(field, val, &found, r->err);

    if (rc != HS_OK)
        return rc;
    if (field == HS_F_RESULTS)
        r->event->positions_missing = found.positions_missing;
    if (!found.unknown)
        return HS_OK;
    return keep_attribute(r, hs_str_n(hs_fields[field].name, hs_fields[field].name_n), val);
}

static int read_int(struct hs_value *slot, const struct hs_field_def *def,
                    const struct hs_spot *spot, struct hs_err *err)
{
    yyjson_val *val = slot->json;
    int rc = hs_check_int(val, def->min, def->max, spot, err);
    int64_t v = 0;

    if (rc != HS_OK)
        return rc;
    hs_event_parse_i64(val, &v);
    slot->kind = HS_VALUE_I64;
    slot->i64 = v;
    return HS_OK;
}

static int read_field(struct reading *r, enum hs_field field)
{
    const struct hs_field_def *def = &hs_fields[field];
    const struct hs_spot spot = {.name = hs_str_n(def->name, def->name_n)};
    struct hs_value *slot = &r->event->v[field];
    yyjson_val *val = slot->json;
    int rc;

    switch (def->type) {
    case HS_FT_STRING: return read_string(field, slot, r->err);
    case HS_FT_TIME: return read_time(slot, &spot, r->err);
    case HS_FT_INT: return read_int(slot, def, &spot, r->err);
    case HS_FT_NUMBER: return read_number(field, val, &spot, r->err);
    case HS_FT_OBJECT:
    case HS_FT_ARRAY: return read_shape(r, field, val);
    case HS_FT_WORD:
        rc = hs_check_word(val, def->words, &spot, r->err);
        if (rc == HS_OK)
            set_str(slot, str_of(val), true);
        return rc;
    case HS_FT_BOOL: break;
    }
    if (!unsafe_yyjson_is_bool(val))
        return hs_spot_fail_type(&spot, val, "a boolean", r->err);
    slot->kind = HS_VALUE_BOOL;
    slot->boolean = unsafe_yyjson_is_true(val);
    return HS_OK;
}

/* The keys inside "attributes" count together with those beside it. */
static int read_attributes(struct reading *r)
{
    yyjson_val *object = r->event->v[HS_F_ATTRIBUTES].json;
    const struct hs_spot spot = {.name = HS_STR("attributes")};
    yyjson_val *key;
    size_t n;
    size_t i;
    int rc = HS_OK;

    if (!unsafe_yyjson_is_obj(object))
        return hs_spot_fail_type(&spot, object, "an object", r->err);
    r->event->v[HS_F_ATTRIBUTES] = (struct hs_value){.kind = HS_VALUE_NONE};
    n = unsafe_yyjson_get_len(object);
    key = unsafe_yyjson_get_first(object);
    for (i = 0; i < n && rc == HS_OK; i++) {
        yyjson_val *val = key + 1;

        if (!unsafe_yyjson_is_null(val))
            rc = keep_attribute(r, str_of(key), val);
        key = unsafe_yyjson_get_next(val);
    }
    return rc;
}

static int read_fields(struct reading *r, unsigned flag)
{
    unsigned i;
    int rc = HS_OK;

    for (i = 0; i < r->seen_n && rc == HS_OK; i++) {
        enum hs_field field = (enum hs_field)r->seen[i];
        struct hs_value *slot = &r->event->v[field];

        if (field == HS_F_EVENT_TYPE)
            continue;
        if (field == HS_F_ATTRIBUTES) {
            rc = read_attributes(r);
        } else if (hs_fields[field].flags & flag) {
            rc = read_field(r, field);
        } else {
            rc = keep_attribute(r, hs_str_n(hs_fields[field].name, hs_fields[field].name_n),
                                slot->json);
            *slot = (struct hs_value){.kind = HS_VALUE_NONE};
        }
    }
    return rc;
}

static int check_result(struct reading *r)
{
    const struct hs_event *event = r->event;

    if (!has(event, HS_F_ACTION))
        return refuse(r, "action", HS_REFUSED_MISSING, "is missing: a result event needs it");
    if (!has(event, HS_F_SERVICE) && !has(event, HS_F_APPLICATION))
        return refuse(r, "service", HS_REFUSED_MISSING,
                      "is missing: a result event needs service or application");
    if (!has(event, HS_F_QUERY_ID) && !has(event, HS_F_QUERY) && !has(event, HS_F_SESSION_ID) &&
        !has(event, HS_F_CLIENT_ID) && !has(event, HS_F_USER_ID))
        return refuse(r, "query_id", HS_REFUSED_MISSING,
                      "is missing: a result event needs one of query_id, query, session_id, "
                      "client_id, user_id");
    return HS_OK;
}

static int check_required(struct reading *r, unsigned flag)
{
    const struct hs_event *event = r->event;

    if (flag == HS_FF_RESULT)
        return check_result(r);
    if (!has(event, HS_F_SERVICE))
        return refuse(r, "service", HS_REFUSED_MISSING,
                      flag == HS_FF_SEARCH ? "is missing: a search event needs it"
                                           : "is missing: an error event needs it");
    if (flag == HS_FF_FAILURE && !has(event, HS_F_ERROR))
        return refuse(r, "error", HS_REFUSED_MISSING, "is missing: an error event needs it");
    if (flag == HS_FF_SEARCH && !has(event, HS_F_QUERY) && !has(event, HS_F_QUERY_ID))
        return refuse(r, "query", HS_REFUSED_MISSING,
                      "is missing: a search event needs query or query_id");
    return HS_OK;
}

static void set_returned(struct hs_event *event)
{
    if (has(event, HS_F_RESULTS) && !has(event, HS_F_RETURNED))
        hs_event_i64(event, HS_F_RETURNED,
                     (int64_t)unsafe_yyjson_get_len(event->v[HS_F_RESULTS].json));
}

int hs_event_read(struct yyjson_val *object, struct hs_event *out, struct hs_err *err)
{
    struct reading r = {.event = out, .err = err};
    const struct hs_spot spot = {.name = HS_STR("the event")};
    unsigned flag;
    int rc;

    if (!yyjson_is_obj(object))
        return hs_spot_fail_type(&spot, object, "an object", err);
    hs_event_reset(out);
    rc = collect(&r, object);
    if (rc == HS_OK)
        rc = decide_type(&r, &flag);
    if (rc == HS_OK)
        rc = read_fields(&r, flag);
    if (rc == HS_OK)
        rc = check_required(&r, flag);
    if (rc != HS_OK)
        return rc;
    set_returned(out);
    return HS_OK;
}
