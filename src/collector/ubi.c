#include "collector/ubi.h"

#include <stdio.h>
#include <yyjson.h>

#include "base/json_out.h"
#include "base/mem.h"
#include "base/rand.h"

/* A key of UBI that has a field of ours, with the schema's longest length in characters (0: none),
 * compared to bytes: a violation is only counted. */
struct ubi_key {
    const char *name;
    enum hs_field field;
    size_t chars_max;
};

static const struct ubi_key query_keys[] = {
    {"application", HS_F_APPLICATION, 100},
    {"query_id", HS_F_QUERY_ID, 100},
    {"client_id", HS_F_CLIENT_ID, 100},
    {"session_id", HS_F_SESSION_ID, 100},
    {"user_id", HS_F_USER_ID, 100},
    {"user_query", HS_F_QUERY, 0},
    {NULL, HS_FIELD_N, 0},
};
static const struct ubi_key event_keys[] = {
    {"application", HS_F_APPLICATION, 100},
    {"action_name", HS_F_ACTION, 100},
    {"query_id", HS_F_QUERY_ID, 100},
    {"client_id", HS_F_CLIENT_ID, 100},
    {"session_id", HS_F_SESSION_ID, 100},
    {"user_id", HS_F_USER_ID, 100},
    {"message", HS_F_MESSAGE, 1024},
    {"user_query", HS_F_QUERY, 0},
    {NULL, HS_FIELD_N, 0},
};

/* One document on its way into intake->event. */
struct ubi_reading {
    struct hs_intake *intake;
    struct hs_event *event;
    const struct ubi_key *keys;
    yyjson_val *timestamp;
    bool violated;
    struct hs_err *err;
};

static struct hs_str str_of(yyjson_val *val)
{
    return hs_str_n(unsafe_yyjson_get_str(val), unsafe_yyjson_get_len(val));
}

static bool has(const struct hs_event *event, enum hs_field field)
{
    return event->v[field].kind != HS_VALUE_NONE;
}

static int refuse(struct ubi_reading *r, enum hs_refusal refusal, struct hs_str name,
                  const char *text)
{
    return hs_err_set(r->err, HS_EINVAL, (int)refusal, "%.*s %s",
                      HS_STR_ARG(hs_str_utf8_cut(name, 80)), text);
}

static int keep_attribute(struct ubi_reading *r, yyjson_val *key, yyjson_val *val)
{
    const struct hs_value value = {.kind = HS_VALUE_JSON, .json = val};
    unsigned i;

    if (yyjson_is_null(val))
        return HS_OK;
    for (i = 0; i < r->event->attributes_n; i++) {
        if (hs_str_eq(r->event->attributes[i].key, str_of(key)))
            return refuse(r, HS_REFUSED_DUPLICATE, str_of(key), "is given twice");
    }
    if (hs_event_check_free(key, str_of(key), r->err) != HS_OK ||
        hs_event_check_free(val, str_of(key), r->err) != HS_OK)
        return HS_EINVAL;
    if (hs_event_attribute(r->event, str_of(key), value) != HS_OK)
        return hs_err_set(r->err, HS_EINVAL, HS_REFUSED_LENGTH,
                          "the document has more than %d keys that are no fields",
                          HS_EVENT_ATTRIBUTES_MAX);
    return HS_OK;
}

/* A string field; a number counts as its text, anything else is kept as an attribute. */
static int take_string(struct ubi_reading *r, const struct ubi_key *known, yyjson_val *key,
                       yyjson_val *val)
{
    const struct hs_field_def *def = &hs_fields[known->field];
    struct hs_value *slot = &r->event->v[known->field];
    struct hs_str s;

    if (yyjson_is_null(val))
        return HS_OK;
    if (!yyjson_is_str(val) && !yyjson_is_raw(val)) {
        r->violated = true;
        return keep_attribute(r, key, val);
    }
    if (hs_event_check_free(val, str_of(key), r->err) != HS_OK)
        return HS_EINVAL;
    s = str_of(val);
    if (s.n == 0 && !(def->flags & HS_FF_EMPTY))
        return HS_OK;
    if (slot->kind != HS_VALUE_NONE)
        return refuse(r, HS_REFUSED_DUPLICATE, str_of(key), "is given twice");
    if ((double)s.n > def->max)
        return hs_err_set(r->err, HS_EINVAL, HS_REFUSED_LENGTH, "%s has %zu bytes, limit %.0f",
                          known->name, s.n, def->max);
    r->violated |= yyjson_is_raw(val) || (known->chars_max > 0 && s.n > known->chars_max);
    *slot = (struct hs_value){.kind = HS_VALUE_STR,
                              .plain = yyjson_is_raw(val) ||
                                       yyjson_get_subtype(val) == YYJSON_SUBTYPE_NOESC,
                              .str = s};
    return HS_OK;
}

static int take_pair(struct ubi_reading *r, yyjson_val *key, yyjson_val *val)
{
    const struct ubi_key *known;

    if (yyjson_equals_str(key, "timestamp") && !r->timestamp) {
        r->timestamp = yyjson_is_null(val) ? NULL : val;
        return HS_OK;
    }
    for (known = r->keys; known->name; known++) {
        if (yyjson_equals_str(key, known->name))
            return take_string(r, known, key, val);
    }
    return keep_attribute(r, key, val);
}

/* All pairs but the one whose value is `except`. */
static int take_pairs(struct ubi_reading *r, yyjson_val *object, const yyjson_val *except)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_val *key;
    int rc = HS_OK;

    while (rc == HS_OK && (key = yyjson_obj_iter_next(&iter)) != NULL) {
        yyjson_val *val = yyjson_obj_iter_get_val(key);

        if (val != except)
            rc = take_pair(r, key, val);
    }
    return rc;
}

/* Text without a zone counts as UTC. */
static bool parse_zoneless(yyjson_val *val, int64_t *out_us)
{
    char text[HS_TIME_TEXT_MAX];
    int64_t ns;
    int n;

    if (!yyjson_is_str(val) || yyjson_get_len(val) + 2 > sizeof(text))
        return false;
    n = snprintf(text, sizeof(text), "%sZ", yyjson_get_str(val));
    if ((size_t)n != yyjson_get_len(val) + 1 ||
        hs_time_parse_rfc3339(hs_str_n(text, (size_t)n), &ns) != HS_OK)
        return false;
    *out_us = ns / HS_NS_PER_US;
    return true;
}

/* What is no time is kept as an attribute; the event then has its receive time. */
static int take_timestamp(struct ubi_reading *r)
{
    const struct hs_value value = {.kind = HS_VALUE_JSON, .json = r->timestamp};
    int64_t us;

    if (!r->timestamp)
        return HS_OK;
    r->violated |= !yyjson_is_str(r->timestamp);
    if (hs_event_parse_time(r->timestamp, &us) != HS_OK) {
        r->violated = true;
        if (!parse_zoneless(r->timestamp, &us)) {
            if (hs_event_check_free(r->timestamp, HS_STR("timestamp"), r->err) != HS_OK)
                return HS_EINVAL;
            return hs_event_attribute(r->event, HS_STR("timestamp"), value) == HS_OK
                       ? HS_OK
                       : refuse(r, HS_REFUSED_VALUE, HS_STR("timestamp"), "is no time");
        }
    }
    hs_event_i64(r->event, HS_F_TIMESTAMP, us);
    return HS_OK;
}

static yyjson_val *attribute(const struct hs_event *event, const char *key)
{
    unsigned i;

    for (i = 0; i < event->attributes_n; i++) {
        if (hs_str_eq_c(event->attributes[i].key, key))
            return event->attributes[i].value.json;
    }
    return NULL;
}

static void drop_attribute(struct hs_event *event, const char *key)
{
    unsigned i;

    for (i = 0; i < event->attributes_n; i++) {
        if (hs_str_eq_c(event->attributes[i].key, key)) {
            event->attributes[i] = event->attributes[--event->attributes_n];
            return;
        }
    }
}

/* A required field of the wrong type was kept as an attribute: then it is not missing. */
static int require(struct ubi_reading *r, enum hs_field field, const char *name, const char *who)
{
    yyjson_val *val = attribute(r->event, name);

    if (has(r->event, field))
        return HS_OK;
    if (val)
        return hs_err_set(r->err, HS_EINVAL, HS_REFUSED_TYPE, "%s is %s, must be a string", name,
                          hs_json_kind(val));
    return hs_err_set(r->err, HS_EINVAL, HS_REFUSED_MISSING, "%s is missing: %s needs it", name,
                      who);
}

static void add_id(yyjson_val *id, struct hs_buf *out)
{
    if (yyjson_is_str(id)) {
        hs_event_write_json(id, out);
        return;
    }
    hs_buf_add_char(out, '"');
    hs_event_write_json(id, out);
    hs_buf_add_char(out, '"');
}

/* Whether all hits are strings or numbers; else they stay an attribute. */
static bool hits_are_ids(struct ubi_reading *r, yyjson_val *hits)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(hits);
    yyjson_val *id;

    while ((id = yyjson_arr_iter_next(&iter)) != NULL) {
        r->violated |= !yyjson_is_str(id);
        if (!yyjson_is_str(id) && !yyjson_is_raw(id))
            return false;
    }
    return true;
}

/* query_response_hit_ids → results with positions from 1; [] is a search without results. */
static int take_hits(struct ubi_reading *r)
{
    yyjson_val *hits = attribute(r->event, "query_response_hit_ids");
    struct hs_buf *out = &r->intake->rebuilt;
    yyjson_arr_iter iter;
    yyjson_val *id;

    if (!hits)
        return HS_OK;
    if (!yyjson_is_arr(hits) || !hits_are_ids(r, hits)) {
        r->violated = true;
        return HS_OK;
    }
    if (yyjson_arr_size(hits) > (size_t)hs_fields[HS_F_RESULTS].max)
        return hs_err_set(r->err, HS_EINVAL, HS_REFUSED_LENGTH,
                          "query_response_hit_ids has %zu items, limit %.0f", yyjson_arr_size(hits),
                          hs_fields[HS_F_RESULTS].max);
    hs_buf_reset(out);
    hs_buf_add_char(out, '[');
    iter = yyjson_arr_iter_with(hits);
    while ((id = yyjson_arr_iter_next(&iter)) != NULL) {
        hs_buf_add_c(out, iter.idx > 1 ? ",{\"id\":" : "{\"id\":");
        add_id(id, out);
        HS_BUF_ADD_LIT(out, ",\"position\":");
        hs_buf_add_u64(out, iter.idx);
        hs_buf_add_char(out, '}');
    }
    hs_buf_add_char(out, ']');
    if (!hs_buf_ok(out))
        return refuse(r, HS_REFUSED_LENGTH, HS_STR("query_response_hit_ids"), "is too long");
    hs_event_raw(r->event, HS_F_RESULTS, hs_buf_str(out));
    hs_event_i64(r->event, HS_F_RETURNED, (int64_t)yyjson_arr_size(hits));
    drop_attribute(r->event, "query_response_hit_ids");
    return HS_OK;
}

/* What query_attributes may say about fields of ours; they are kept as attributes all the same. */
static void take_known_attributes(struct ubi_reading *r)
{
    static const struct {
        const char *name;
        enum hs_field field;
    } known[] = {
        {"total_hits", HS_F_TOTAL_HITS},
        {"hits_total", HS_F_TOTAL_HITS},
        {"num_found", HS_F_TOTAL_HITS},
        {"numFound", HS_F_TOTAL_HITS},
        {"page", HS_F_PAGE},
        {"page_size", HS_F_PAGE_SIZE},
        {"latency_ms", HS_F_LATENCY_MS},
        {"took_ms", HS_F_TOOK_MS},
    };
    yyjson_val *attributes = attribute(r->event, "query_attributes");
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(known) && yyjson_is_obj(attributes); i++) {
        const struct hs_field_def *def = &hs_fields[known[i].field];
        yyjson_val *val = yyjson_obj_get(attributes, known[i].name);
        int64_t whole;
        double v;

        if (!yyjson_is_raw(val) || hs_event_parse_double(val, &v) != HS_OK || v < def->min ||
            v > def->max || has(r->event, known[i].field))
            continue;
        if (def->type == HS_FT_INT && hs_event_parse_i64(val, &whole) == HS_OK)
            hs_event_i64(r->event, known[i].field, whole);
        else if (def->type == HS_FT_NUMBER)
            r->event->v[known[i].field] = (struct hs_value){.kind = HS_VALUE_JSON, .json = val};
    }
}

/* The documents of search requests themselves, as UBI's samples have them, carry UBI's keys inside
 * ext.ubi (OpenSearch) or params (Solr). Returns the object with the keys; *out_wrapper is the
 * outer value to leave out, NULL when there is none. */
static yyjson_val *unwrap(yyjson_val *root, const yyjson_val **out_wrapper)
{
    yyjson_val *ext = yyjson_obj_get(root, "ext");
    yyjson_val *params = yyjson_obj_get(root, "params");

    *out_wrapper = NULL;
    if (yyjson_obj_get(root, "user_query"))
        return root;
    if (yyjson_is_obj(yyjson_obj_get(ext, "ubi")) && yyjson_obj_size(ext) == 1) {
        *out_wrapper = ext;
        return yyjson_obj_get(ext, "ubi");
    }
    if (yyjson_obj_get(params, "user_query")) {
        *out_wrapper = params;
        return params;
    }
    return root;
}

static void set_plain(struct hs_event *event, enum hs_field field, struct hs_str s)
{
    event->v[field] = (struct hs_value){.kind = HS_VALUE_STR, .plain = true, .str = s};
}

static void set_query_id(struct ubi_reading *r, struct hs_str given, char made[HS_UUID_TEXT])
{
    struct hs_buf *what = &r->intake->scratch;

    if (given.n > 0) {
        hs_event_str(r->event, HS_F_EVENT_ID, given);
        return;
    }
    if (!has(r->event, HS_F_QUERY_ID))
        return;
    hs_buf_reset(what);
    HS_BUF_ADD_LIT(what, "ubi_query");
    hs_buf_add_char(what, '\0');
    hs_buf_add_str(what, hs_event_get_str(r->event, HS_F_APPLICATION));
    hs_buf_add_char(what, '\0');
    hs_buf_add_str(what, hs_event_get_str(r->event, HS_F_QUERY_ID));
    hs_intake_derive_id(r->intake, hs_buf_str(what), 0, made);
    set_plain(r->event, HS_F_EVENT_ID, hs_str_n(made, HS_UUID_TEXT));
}

static int check_document(const struct hs_ubi_document *document, struct hs_err *err)
{
    double id_max = hs_fields[HS_F_EVENT_ID].max;

    if (!yyjson_is_obj(document->val))
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_TYPE, "the document is %s, must be an object",
                          hs_json_kind(document->val));
    if ((double)document->id.n > id_max)
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_LENGTH, "_id has %zu bytes, limit %.0f",
                          document->id.n, id_max);
    return HS_OK;
}

/* Hands the event on; a refused one is no violation that was accepted. */
static int finish(struct ubi_reading *r, const struct hs_ubi_document *document,
                  struct hs_str *out_id)
{
    int rc;

    if (!has(r->event, HS_F_APPLICATION))
        set_plain(r->event, HS_F_SERVICE, HS_STR("ubi"));
    rc = hs_intake_event(r->intake, r->event, document->index, out_id, r->err);
    if (rc == HS_OK && r->violated)
        r->intake->counts.schema_violations++;
    return rc;
}

int hs_ubi_add_query(struct hs_intake *intake, const struct hs_ubi_document *document,
                     struct hs_str *out_id, struct hs_err *err)
{
    struct ubi_reading r = {.intake = intake,
                            .event = &intake->event,
                            .keys = query_keys,
                            .err = err};
    char made[HS_UUID_TEXT];
    const yyjson_val *wrapper;
    yyjson_val *inner;
    int rc = check_document(document, err);

    if (rc != HS_OK)
        return rc;
    hs_event_reset(r.event);
    set_plain(r.event, HS_F_EVENT_TYPE, HS_STR("search"));
    inner = unwrap(document->val, &wrapper);
    rc = take_pairs(&r, inner, NULL);
    if (rc == HS_OK && wrapper)
        rc = take_pairs(&r, document->val, wrapper);
    if (rc == HS_OK)
        rc = take_timestamp(&r);
    if (rc == HS_OK)
        rc = require(&r, HS_F_QUERY, "user_query", "a query");
    if (rc == HS_OK)
        rc = take_hits(&r);
    if (rc != HS_OK)
        return rc;
    take_known_attributes(&r);
    set_query_id(&r, document->id, made);
    return finish(&r, document, out_id);
}

/* event_attributes.object and .position → objects; both stay attributes as well. */
static int take_object(struct ubi_reading *r)
{
    yyjson_val *attributes = attribute(r->event, "event_attributes");
    yyjson_val *position = yyjson_obj_get(attributes, "position");
    yyjson_val *id = yyjson_obj_get(yyjson_obj_get(attributes, "object"), "object_id");
    yyjson_val *ordinal = yyjson_obj_get(position, "ordinal");
    struct hs_buf *out = &r->intake->rebuilt;
    int64_t place = -1;

    if (attributes && !ordinal && !yyjson_obj_get(position, "xy"))
        r->violated = true;
    if (ordinal &&
        (hs_event_parse_i64(ordinal, &place) != HS_OK || place < 0 || place > UINT32_MAX)) {
        place = -1;
        r->violated = true;
    }
    if (!yyjson_is_str(id) && !yyjson_is_raw(id)) {
        r->violated |= yyjson_obj_get(attributes, "object") != NULL;
        return HS_OK;
    }
    hs_buf_reset(out);
    HS_BUF_ADD_LIT(out, "[{\"id\":");
    add_id(id, out);
    if (place >= 0) {
        HS_BUF_ADD_LIT(out, ",\"position\":");
        hs_buf_add_i64(out, place);
    }
    HS_BUF_ADD_LIT(out, "}]");
    if (!hs_buf_ok(out))
        return refuse(r, HS_REFUSED_LENGTH, HS_STR("object_id"), "is too long");
    hs_event_raw(r->event, HS_F_OBJECTS, hs_buf_str(out));
    return HS_OK;
}

int hs_ubi_add_event(struct hs_intake *intake, const struct hs_ubi_document *document,
                     struct hs_str *out_id, struct hs_err *err)
{
    struct ubi_reading r = {.intake = intake,
                            .event = &intake->event,
                            .keys = event_keys,
                            .err = err};
    int rc = check_document(document, err);

    if (rc != HS_OK)
        return rc;
    hs_event_reset(r.event);
    set_plain(r.event, HS_F_EVENT_TYPE, HS_STR("result"));
    rc = take_pairs(&r, document->val, NULL);
    if (rc == HS_OK)
        rc = require(&r, HS_F_ACTION, "action_name", "an event");
    if (rc == HS_OK && !r.timestamp)
        rc = refuse(&r, HS_REFUSED_MISSING, HS_STR("timestamp"), "is missing: an event needs it");
    if (rc == HS_OK)
        rc = take_timestamp(&r);
    if (rc == HS_OK)
        rc = take_object(&r);
    if (rc != HS_OK)
        return rc;
    if (document->id.n > 0)
        hs_event_str(r.event, HS_F_EVENT_ID, document->id);
    return finish(&r, document, out_id);
}

static int add_one(struct hs_intake *intake, hs_ubi_add_fn *add, yyjson_val *val, size_t index,
                   struct hs_outcome *out, struct hs_err *err)
{
    const struct hs_ubi_document document = {.val = val, .index = index};
    int rc;

    if (index == HS_UBI_DOCUMENTS_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "the body has more than %d documents",
                          HS_UBI_DOCUMENTS_MAX);
    rc = add(intake, &document, NULL, err);
    if (rc == HS_ELIMIT)
        return rc;
    hs_outcome_add(out, index, rc, err);
    return HS_OK;
}

static int read_document(struct hs_intake *intake, hs_ubi_add_fn *add, struct hs_str body,
                         struct hs_outcome *out, struct hs_err *err)
{
    yyjson_arr_iter iter;
    yyjson_val *root;
    yyjson_val *val;
    int rc = hs_parser_read(&intake->parser, (char *)(uintptr_t)body.p, body.n, &root, err);

    if (rc != HS_OK)
        return rc;
    if (!yyjson_is_arr(root))
        return add_one(intake, add, root, 0, out, err);
    iter = yyjson_arr_iter_with(root);
    while (rc == HS_OK && (val = yyjson_arr_iter_next(&iter)) != NULL)
        rc = add_one(intake, add, val, iter.idx - 1, out, err);
    return rc;
}

static int read_lines(struct hs_intake *intake, hs_ubi_add_fn *add, struct hs_str body,
                      struct hs_outcome *out, struct hs_err *err)
{
    struct hs_str line;
    size_t index;
    int rc = HS_OK;

    for (index = 0; rc == HS_OK && hs_ndjson_next(&body, &line); index++) {
        yyjson_val *root;

        rc = hs_parser_read(&intake->parser, (char *)(uintptr_t)line.p, line.n, &root, err);
        if (rc == HS_OK) {
            rc = add_one(intake, add, root, index, out, err);
        } else if (rc == HS_EINVAL) {
            hs_outcome_add(out, index, rc, err);
            rc = HS_OK;
        }
    }
    return rc;
}

/* NDJSON when the first of several lines is a document by itself. */
static bool is_ndjson(struct hs_intake *intake, struct hs_str body)
{
    struct hs_str rest = body;
    struct hs_str first;

    return body.n > 0 && body.p[0] == '{' && hs_ndjson_next(&rest, &first) && first.n < body.n &&
           hs_parser_is_json(&intake->parser, first.p, first.n);
}

static int read_body(struct hs_intake *intake, hs_ubi_add_fn *add, struct hs_str body,
                     struct hs_outcome *out, struct hs_err *err)
{
    struct hs_str trimmed = hs_str_trim(body);

    hs_outcome_reset(out);
    if (is_ndjson(intake, trimmed))
        return read_lines(intake, add, trimmed, out, err);
    return read_document(intake, add, body, out, err);
}

int hs_ubi_read_queries(struct hs_intake *intake, char *body, size_t n, struct hs_outcome *out,
                        struct hs_err *err)
{
    struct hs_err own;

    return read_body(intake, hs_ubi_add_query, hs_str_n(body, n), out, err ? err : &own);
}

int hs_ubi_read_events(struct hs_intake *intake, char *body, size_t n, struct hs_outcome *out,
                       struct hs_err *err)
{
    struct hs_err own;

    return read_body(intake, hs_ubi_add_event, hs_str_n(body, n), out, err ? err : &own);
}
