/*
 * The mapping of a search operation's span to a search event: one row for each attribute that we
 * know, docs/otlp.md has the same table for people. A value that does not fit its field is left out
 * of the event (the span keeps it): a span is accepted or refused as a span, not as an event.
 */
#include <stdio.h>
#include <yyjson.h>

#include "base/hash.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "collector/otlp_search.h"

enum {
    ID_MAX = 512,
    RESULTS_MAX = 10000,
    ERROR_TYPE_MAX = 1024,
    ERROR_TEXT_MAX = 65536,
    STAGE_MAX = 256,
    COUNT_UNKNOWN = -1,
};

/* What is gathered before it can be written. */
struct draft {
    const struct hs_otlp_search *search;
    struct hs_otlp_span span;
    struct hs_event *event;
    struct hs_arena *arena;
    struct hs_buf *text;
    int64_t http_status, offset, shards_total, shards_failed;
    bool timed_out;
    struct hs_str db_status, error_type, error_message, error_stack, error_stage;
    struct hs_otlp_value result_ids, documents, experiment_ids, experiment_variants;
    bool full; /* the arena is */
};

enum how {
    HOW_FIELD,  /* by the type of the event's field */
    HOW_LEGACY, /* the same, unless a better name came */
    HOW_NONE,   /* known, and not for the event */
    HOW_HTTP_STATUS,
    HOW_DB_STATUS,
    HOW_TIMED_OUT,
    HOW_ERROR_TYPE,
    HOW_STAGE,
    HOW_OFFSET,
    HOW_SHARDS_TOTAL,
    HOW_SHARDS_FAILED,
    HOW_RESULT_IDS,
    HOW_DOCUMENTS,
    HOW_EXPERIMENT_IDS,
    HOW_EXPERIMENT_VARIANTS,
};

struct row {
    struct hs_str key;
    enum how how;
    enum hs_field field;
};

#define KEY(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* In the order of hs_str_cmp: looked up by bisection. */
static const struct row table[] = {
    {KEY("client.id"), HOW_LEGACY, HS_F_CLIENT_ID},
    {KEY("cloud.region"), HOW_FIELD, HS_F_REGION},
    {KEY("db.collection.name"), HOW_LEGACY, HS_F_INDEX},
    {KEY("db.elasticsearch.path_parts.index"), HOW_LEGACY, HS_F_INDEX},
    {KEY("db.response.returned_rows"), HOW_LEGACY, HS_F_RETURNED},
    {KEY("db.response.status_code"), HOW_DB_STATUS, 0},
    {KEY("deployment.environment"), HOW_LEGACY, HS_F_ENVIRONMENT},
    {KEY("deployment.environment.name"), HOW_FIELD, HS_F_ENVIRONMENT},
    {KEY("device.type"), HOW_LEGACY, HS_F_DEVICE},
    {KEY("enduser.id"), HOW_LEGACY, HS_F_USER_ID},
    {KEY("error.type"), HOW_ERROR_TYPE, 0},
    {KEY("gen_ai.data_source.id"), HOW_LEGACY, HS_F_INDEX},
    {KEY("gen_ai.request.top_k"), HOW_LEGACY, HS_F_PAGE_SIZE},
    {KEY("gen_ai.retrieval.documents"), HOW_DOCUMENTS, 0},
    {KEY("gen_ai.retrieval.query.text"), HOW_LEGACY, HS_F_QUERY},
    {KEY("gen_ai.retrieval.top_k"), HOW_FIELD, HS_F_PAGE_SIZE},
    {KEY("geo.country.iso_code"), HOW_LEGACY, HS_F_COUNTRY},
    {KEY("host.name"), HOW_FIELD, HS_F_HOST},
    {KEY("http.response.status_code"), HOW_HTTP_STATUS, 0},
    {KEY("http.status_code"), HOW_HTTP_STATUS, 0},
    {KEY("http.user_agent"), HOW_LEGACY, HS_F_USER_AGENT},
    {KEY("search.application"), HOW_FIELD, HS_F_APPLICATION},
    {KEY("search.cache.hit"), HOW_FIELD, HS_F_CACHE_HIT},
    {KEY("search.client.id"), HOW_FIELD, HS_F_CLIENT_ID},
    {KEY("search.client_id"), HOW_FIELD, HS_F_CLIENT_ID},
    {KEY("search.consent"), HOW_FIELD, HS_F_CONSENT},
    {KEY("search.country"), HOW_FIELD, HS_F_COUNTRY},
    {KEY("search.device"), HOW_FIELD, HS_F_DEVICE},
    {KEY("search.error.stage"), HOW_STAGE, 0},
    {KEY("search.experiment.id"), HOW_EXPERIMENT_IDS, 0},
    {KEY("search.experiment.variant"), HOW_EXPERIMENT_VARIANTS, 0},
    {KEY("search.fallback"), HOW_FIELD, HS_F_FALLBACK},
    {KEY("search.hits.relation"), HOW_FIELD, HS_F_TOTAL_HITS_RELATION},
    {KEY("search.hits.returned"), HOW_FIELD, HS_F_RETURNED},
    {KEY("search.hits.total"), HOW_FIELD, HS_F_TOTAL_HITS},
    {KEY("search.index.name"), HOW_FIELD, HS_F_INDEX},
    {KEY("search.index.version"), HOW_FIELD, HS_F_INDEX_VERSION},
    {KEY("search.intent.id"), HOW_FIELD, HS_F_INTENT_ID},
    {KEY("search.kind"), HOW_FIELD, HS_F_KIND},
    {KEY("search.locale"), HOW_FIELD, HS_F_LOCALE},
    {KEY("search.page"), HOW_FIELD, HS_F_PAGE},
    {KEY("search.page.offset"), HOW_OFFSET, 0},
    {KEY("search.page.size"), HOW_FIELD, HS_F_PAGE_SIZE},
    {KEY("search.parent_query.id"), HOW_NONE, 0},
    {KEY("search.phase"), HOW_STAGE, 0},
    {KEY("search.query.id"), HOW_NONE, 0},
    {KEY("search.query.text"), HOW_FIELD, HS_F_QUERY},
    {KEY("search.ranker.version"), HOW_FIELD, HS_F_RANKER},
    {KEY("search.result.ids"), HOW_RESULT_IDS, 0},
    {KEY("search.sample_weight"), HOW_FIELD, HS_F_SAMPLE_WEIGHT},
    {KEY("search.session.id"), HOW_FIELD, HS_F_SESSION_ID},
    {KEY("search.session_id"), HOW_FIELD, HS_F_SESSION_ID},
    {KEY("search.shards.failed"), HOW_SHARDS_FAILED, 0},
    {KEY("search.shards.total"), HOW_SHARDS_TOTAL, 0},
    {KEY("search.sort"), HOW_FIELD, HS_F_SORT},
    {KEY("search.status"), HOW_FIELD, HS_F_STATUS},
    {KEY("search.surface"), HOW_FIELD, HS_F_SURFACE},
    {KEY("search.synthetic"), HOW_FIELD, HS_F_SYNTHETIC},
    {KEY("search.tier"), HOW_NONE, 0},
    {KEY("search.timed_out"), HOW_TIMED_OUT, 0},
    {KEY("search.took_ms"), HOW_FIELD, HS_F_TOOK_MS},
    {KEY("search.user.id"), HOW_FIELD, HS_F_USER_ID},
    {KEY("search.user_id"), HOW_FIELD, HS_F_USER_ID},
    {KEY("service.name"), HOW_FIELD, HS_F_SERVICE},
    {KEY("service.version"), HOW_FIELD, HS_F_VERSION},
    {KEY("session.id"), HOW_LEGACY, HS_F_SESSION_ID},
    {KEY("ubi.application"), HOW_LEGACY, HS_F_APPLICATION},
    {KEY("ubi.client_id"), HOW_LEGACY, HS_F_CLIENT_ID},
    {KEY("ubi.query_id"), HOW_NONE, 0},
    {KEY("ubi.query_response_hit_ids"), HOW_RESULT_IDS, 0},
    {KEY("ubi.session_id"), HOW_LEGACY, HS_F_SESSION_ID},
    {KEY("ubi.user_id"), HOW_LEGACY, HS_F_USER_ID},
    {KEY("ubi.user_query"), HOW_LEGACY, HS_F_QUERY},
    {KEY("user.id"), HOW_LEGACY, HS_F_USER_ID},
    {KEY("user_agent.original"), HOW_FIELD, HS_F_USER_AGENT},
};

static const struct row *find(struct hs_str key)
{
    size_t lo = 0, hi = HS_ARRAY_LEN(table);

    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        int order = hs_str_cmp(table[middle].key, key);

        if (order == 0)
            return &table[middle];
        if (order < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return NULL;
}

static struct hs_str text_of(struct draft *draft, const struct hs_otlp_value *value, size_t max)
{
    return hs_otlp_search_text(value, max, draft->arena, draft->text);
}

/* A copy of what `text` holds. */
static struct hs_str keep(struct draft *draft)
{
    struct hs_str copy = HS_STR_NULL;

    if (hs_buf_ok(draft->text))
        copy = hs_arena_copy(draft->arena, hs_buf_str(draft->text));
    draft->full |= !copy.p;
    return copy;
}

static bool number_of(const struct hs_otlp_value *value, double *out)
{
    switch (value->kind) {
    case HS_OTLP_INT: *out = (double)value->i64; return true;
    case HS_OTLP_DOUBLE: *out = value->f64; return true;
    case HS_OTLP_STR: return hs_str_to_double(value->str, out) == HS_OK;
    default: return false;
    }
}

static bool integer_of(const struct hs_otlp_value *value, double min, double max, int64_t *out)
{
    double number;

    if (!number_of(value, &number) || !(number >= min && number <= max))
        return false;
    *out = (int64_t)number;
    return (double)*out == number;
}

static bool boolean_of(const struct hs_otlp_value *value, bool *out)
{
    switch (value->kind) {
    case HS_OTLP_BOOL: *out = value->boolean; return true;
    case HS_OTLP_INT: *out = value->i64 != 0; return true;
    case HS_OTLP_STR:
        *out = hs_str_ieq(value->str, HS_STR("true"));
        return *out || hs_str_ieq(value->str, HS_STR("false"));
    default: return false;
    }
}

static bool is_word_of(struct hs_str word, const char *const *words)
{
    for (; *words; words++) {
        if (hs_str_eq_c(word, *words))
            return true;
    }
    return false;
}

static void set_text(struct draft *draft, enum hs_field field, const struct hs_otlp_value *value)
{
    const struct hs_field_def *def = &hs_fields[field];
    struct hs_str text = text_of(draft, value, (size_t)def->max);

    if (text.n == 0 && !(def->flags & HS_FF_EMPTY))
        return;
    if (!text.p || (def->type == HS_FT_WORD && !is_word_of(text, def->words)))
        return;
    hs_event_str(draft->event, field, text);
}

static void set_field(struct draft *draft, enum hs_field field, const struct hs_otlp_value *value)
{
    const struct hs_field_def *def = &hs_fields[field];
    int64_t integer;
    double number;
    bool boolean;

    switch (def->type) {
    case HS_FT_INT:
        if (integer_of(value, def->min, def->max, &integer))
            hs_event_i64(draft->event, field, integer);
        break;
    case HS_FT_NUMBER:
        if (number_of(value, &number) && number >= def->min && number <= def->max)
            hs_event_f64(draft->event, field, number);
        break;
    case HS_FT_BOOL:
        if (boolean_of(value, &boolean))
            hs_event_bool(draft->event, field, boolean);
        break;
    default: set_text(draft, field, value); break;
    }
}

static void take_count(const struct hs_otlp_value *value, int64_t *out)
{
    int64_t count;

    if (integer_of(value, 0, UINT32_MAX, &count))
        *out = count;
}

static void take_row(struct draft *draft, const struct row *row, const struct hs_otlp_value *value)
{
    switch (row->how) {
    case HOW_LEGACY:
        if (draft->event->v[row->field].kind == HS_VALUE_NONE)
            set_field(draft, row->field, value);
        break;
    case HOW_FIELD: set_field(draft, row->field, value); break;
    case HOW_HTTP_STATUS: take_count(value, &draft->http_status); break;
    case HOW_DB_STATUS: draft->db_status = text_of(draft, value, ID_MAX); break;
    case HOW_TIMED_OUT: boolean_of(value, &draft->timed_out); break;
    case HOW_ERROR_TYPE: draft->error_type = text_of(draft, value, ERROR_TYPE_MAX); break;
    case HOW_STAGE: draft->error_stage = text_of(draft, value, STAGE_MAX); break;
    case HOW_OFFSET: take_count(value, &draft->offset); break;
    case HOW_SHARDS_TOTAL: take_count(value, &draft->shards_total); break;
    case HOW_SHARDS_FAILED: take_count(value, &draft->shards_failed); break;
    case HOW_RESULT_IDS: draft->result_ids = *value; break;
    case HOW_DOCUMENTS: draft->documents = *value; break;
    case HOW_EXPERIMENT_IDS: draft->experiment_ids = *value; break;
    case HOW_EXPERIMENT_VARIANTS: draft->experiment_variants = *value; break;
    case HOW_NONE: break;
    }
}

/* search.* and ubi.* of a plain type that no row has are kept as attributes. */
static void take_other(struct draft *draft, const struct hs_otlp_attr *attr)
{
    struct hs_value value = {.kind = HS_VALUE_STR};

    if (!hs_str_starts_with(attr->key, HS_STR("search.")) &&
        !hs_str_starts_with(attr->key, HS_STR("ubi.")))
        return;
    switch (attr->value.kind) {
    case HS_OTLP_NONE: return;
    case HS_OTLP_BOOL:
        value = (struct hs_value){.kind = HS_VALUE_BOOL, .boolean = attr->value.boolean};
        break;
    case HS_OTLP_INT:
        value = (struct hs_value){.kind = HS_VALUE_I64, .i64 = attr->value.i64};
        break;
    case HS_OTLP_DOUBLE:
        value = (struct hs_value){.kind = HS_VALUE_F64, .f64 = attr->value.f64};
        break;
    case HS_OTLP_ARRAY:
    case HS_OTLP_KVLIST: return; /* in the span only: ids of persons may stand in it */
    default: value.str = text_of(draft, &attr->value, ERROR_TEXT_MAX); break;
    }
    hs_event_attribute(draft->event, attr->key, value); /* beyond the limit: in the span only */
}

static void take_attributes(struct draft *draft, struct hs_str message,
                            enum hs_otlp_repeated number)
{
    struct hs_otlp_each each;
    struct hs_otlp_attr attr;

    hs_otlp_each_init(&each, message, number);
    while (hs_otlp_attr_next(&each, &attr) > 0) {
        const struct row *row = find(attr.key);

        if (row)
            take_row(draft, row, &attr.value);
        else
            take_other(draft, &attr);
    }
}

/* The last span event named exception. */
static void take_exception(struct draft *draft)
{
    struct hs_otlp_each each;
    struct hs_otlp_event event;
    struct hs_otlp_value value;
    struct hs_str message;

    hs_otlp_each_init(&each, draft->search->span, HS_OTLP_SPAN_EVENTS);
    while (hs_otlp_each_next(&each, &message) > 0) {
        if (hs_otlp_event_read(message, &event, NULL) != HS_OK ||
            !hs_str_eq_c(event.name, "exception"))
            continue;
        value = hs_otlp_attr_find(message, HS_OTLP_EVENT_ATTRIBUTES, HS_STR("exception.type"));
        if (draft->error_type.n == 0)
            draft->error_type = text_of(draft, &value, ERROR_TYPE_MAX);
        value = hs_otlp_attr_find(message, HS_OTLP_EVENT_ATTRIBUTES, HS_STR("exception.message"));
        draft->error_message = text_of(draft, &value, ERROR_TEXT_MAX);
        value =
            hs_otlp_attr_find(message, HS_OTLP_EVENT_ATTRIBUTES, HS_STR("exception.stacktrace"));
        draft->error_stack = text_of(draft, &value, ERROR_TEXT_MAX);
    }
    if (draft->error_message.n == 0)
        draft->error_message = hs_str_utf8_cut(draft->span.status_message, ERROR_TEXT_MAX);
}

static bool contains_word(struct hs_str text, const char *word)
{
    size_t n = strlen(word), i;

    for (i = 0; i + n <= text.n; i++) {
        if (hs_str_ieq(hs_str_n(text.p + i, n), hs_str_n(word, n)))
            return true;
    }
    return false;
}

static bool db_status_failed(struct hs_str status)
{
    uint64_t code;

    return hs_str_to_u64(status, &code) == HS_OK ? code >= 400 : status.n > 0;
}

/* A client's 4xx is an error by the conventions, a server's is its client's fault. */
static bool has_failed(const struct draft *draft)
{
    int64_t http_min = draft->span.kind == HS_OTLP_KIND_CLIENT ? 400 : 500;

    if (draft->span.status_code == HS_OTLP_STATUS_OK)
        return false;
    return draft->span.status_code == HS_OTLP_STATUS_ERROR || draft->error_type.n > 0 ||
           draft->http_status >= http_min || db_status_failed(draft->db_status);
}

static const char *status_of(const struct draft *draft)
{
    struct hs_str type = draft->error_type;

    if (draft->timed_out)
        return "timeout";
    if (!has_failed(draft))
        return draft->shards_failed > 0 ? "partial" : "ok";
    if (contains_word(type, "timeout") || contains_word(type, "timedout") ||
        contains_word(type, "timed_out") || contains_word(type, "deadline") ||
        draft->http_status == 408 || draft->http_status == 504)
        return "timeout";
    if (contains_word(type, "cancel") || contains_word(type, "abort") || draft->http_status == 499)
        return "cancelled";
    return "error";
}

static void add_member(struct hs_json *json, const char *key, struct hs_str value)
{
    if (value.n == 0)
        return;
    hs_json_key(json, key);
    hs_json_add_str(json, value);
}

static void set_error(struct draft *draft)
{
    struct hs_json json;
    struct hs_str code = draft->db_status;
    char digits[24];

    if (code.n == 0 && draft->http_status > 0)
        code = hs_str_n(digits, (size_t)snprintf(digits, sizeof(digits), "%lld",
                                                 (long long)draft->http_status));
    hs_buf_reset(draft->text);
    hs_json_init(&json, draft->text);
    hs_json_obj_open(&json);
    add_member(&json, "code", code);
    add_member(&json, "type", draft->error_type);
    add_member(&json, "message", draft->error_message);
    add_member(&json, "stage", draft->error_stage);
    add_member(&json, "stack", draft->error_stack);
    hs_json_obj_close(&json);
    hs_event_raw(draft->event, HS_F_ERROR, keep(draft));
}

static void set_status(struct draft *draft)
{
    struct hs_str status = hs_event_get_str(draft->event, HS_F_STATUS);

    take_exception(draft);
    if (status.n == 0) {
        status = hs_str_c(status_of(draft));
        hs_event_str(draft->event, HS_F_STATUS, status);
    }
    if (hs_str_eq_c(status, "error") || hs_str_eq_c(status, "timeout"))
        set_error(draft);
}

static void set_shards(struct draft *draft)
{
    struct hs_json json;

    if (draft->shards_total == COUNT_UNKNOWN && draft->shards_failed == COUNT_UNKNOWN)
        return;
    hs_buf_reset(draft->text);
    hs_json_init(&json, draft->text);
    hs_json_obj_open(&json);
    if (draft->shards_total != COUNT_UNKNOWN) {
        hs_json_key(&json, "total");
        hs_json_add_i64(&json, draft->shards_total);
    }
    if (draft->shards_failed != COUNT_UNKNOWN) {
        hs_json_key(&json, "failed");
        hs_json_add_i64(&json, draft->shards_failed);
    }
    hs_json_obj_close(&json);
    hs_event_raw(draft->event, HS_F_SHARDS, keep(draft));
}

/* The value as a JSON document: arrays and lists by way of their JSON form, a string as the JSON
 * that it holds. NULL when it is neither. */
static yyjson_doc *document_of(struct draft *draft, const struct hs_otlp_value *value)
{
    struct hs_str text = HS_STR_NULL;

    if (value->kind == HS_OTLP_STR) {
        text = value->str;
    } else if (value->kind == HS_OTLP_ARRAY) {
        hs_buf_reset(draft->text);
        if (hs_otlp_value_json(value, draft->text) == HS_OK && hs_buf_ok(draft->text))
            text = hs_buf_str(draft->text);
    }
    return text.n > 0 ? yyjson_read(text.p, text.n, YYJSON_READ_NOFLAG) : NULL;
}

/* Position of the first result: given as an offset, or by page and page size. */
static int64_t first_position(const struct draft *draft)
{
    const struct hs_value *page = &draft->event->v[HS_F_PAGE];
    const struct hs_value *size = &draft->event->v[HS_F_PAGE_SIZE];

    if (draft->offset != COUNT_UNKNOWN)
        return draft->offset + 1;
    if (page->kind != HS_VALUE_I64 || size->kind != HS_VALUE_I64)
        return 1;
    return HS_MIN((page->i64 - 1) * size->i64, (int64_t)UINT32_MAX - RESULTS_MAX) + 1;
}

/* An id, or an object with an id and maybe a score. False when it is neither. */
static bool add_result(struct hs_json *json, yyjson_val *result, int64_t position)
{
    yyjson_val *id = yyjson_is_obj(result) ? yyjson_obj_get(result, "id") : result;
    yyjson_val *score = yyjson_obj_get(result, "score");
    char digits[24];
    struct hs_str text;

    if (yyjson_is_str(id))
        text = hs_str_utf8_cut(hs_str_n(yyjson_get_str(id), yyjson_get_len(id)), ID_MAX);
    else if (yyjson_is_uint(id))
        text = hs_str_n(digits, (size_t)snprintf(digits, sizeof(digits), "%llu",
                                                 (unsigned long long)yyjson_get_uint(id)));
    else
        return false;
    if (text.n == 0)
        return false;
    hs_json_obj_open(json);
    hs_json_key(json, "id");
    hs_json_add_str(json, text);
    hs_json_key(json, "position");
    hs_json_add_i64(json, position);
    if (yyjson_is_num(score)) {
        hs_json_key(json, "score");
        hs_json_add_double(json, yyjson_get_num(score));
    }
    hs_json_obj_close(json);
    return true;
}

static void set_results(struct draft *draft)
{
    bool ids = draft->result_ids.kind != HS_OTLP_NONE;
    yyjson_doc *doc = document_of(draft, ids ? &draft->result_ids : &draft->documents);
    yyjson_val *root = yyjson_doc_get_root(doc), *result;
    int64_t position = first_position(draft), returned = 0;
    struct hs_json json;
    size_t i, n;

    if (yyjson_is_arr(root)) {
        hs_buf_reset(draft->text);
        hs_json_init(&json, draft->text);
        hs_json_arr_open(&json);
        yyjson_arr_foreach(root, i, n, result)
        {
            if (returned < RESULTS_MAX)
                returned += add_result(&json, result, position + (int64_t)i);
        }
        hs_json_arr_close(&json);
        hs_event_raw(draft->event, HS_F_RESULTS, keep(draft));
        if (draft->event->v[HS_F_RETURNED].kind == HS_VALUE_NONE)
            hs_event_i64(draft->event, HS_F_RETURNED, (int64_t)yyjson_arr_size(root));
    }
    yyjson_doc_free(doc);
}

static void add_experiment(struct hs_json *json, const struct hs_otlp_value *id,
                           const struct hs_otlp_value *variant)
{
    struct hs_str text = id->kind == HS_OTLP_STR ? hs_str_utf8_cut(id->str, ID_MAX) : HS_STR_NULL;

    if (text.n == 0)
        return;
    hs_json_obj_open(json);
    add_member(json, "id", text);
    if (variant->kind == HS_OTLP_STR)
        add_member(json, "variant", hs_str_utf8_cut(variant->str, ID_MAX));
    hs_json_obj_close(json);
}

/* One experiment, or arrays of ids and variants that go together. */
static void set_experiments(struct draft *draft)
{
    enum { EXPERIMENTS_MAX = 100 };
    struct hs_otlp_value id = draft->experiment_ids, variant = draft->experiment_variants;
    struct hs_otlp_each ids, variants;
    struct hs_json json;
    int n = 0;

    if (id.kind == HS_OTLP_NONE)
        return;
    hs_buf_reset(draft->text);
    hs_json_init(&json, draft->text);
    hs_json_arr_open(&json);
    if (id.kind == HS_OTLP_ARRAY) {
        hs_otlp_each_init(&ids, draft->experiment_ids.str, HS_OTLP_ARRAY_VALUES);
        hs_otlp_each_init(&variants,
                          variant.kind == HS_OTLP_ARRAY ? draft->experiment_variants.str
                                                        : HS_STR_NULL,
                          HS_OTLP_ARRAY_VALUES);
        while (n++ < EXPERIMENTS_MAX && hs_otlp_value_next(&ids, &id) > 0) {
            if (hs_otlp_value_next(&variants, &variant) <= 0)
                variant.kind = HS_OTLP_NONE;
            add_experiment(&json, &id, &variant);
        }
    } else {
        add_experiment(&json, &id, &variant);
    }
    hs_json_arr_close(&json);
    if (draft->text->n > 2)
        hs_event_raw(draft->event, HS_F_EXPERIMENTS, keep(draft));
}

static struct hs_str keep_hex(struct draft *draft, struct hs_str bytes)
{
    hs_buf_reset(draft->text);
    hs_buf_add_hex(draft->text, bytes.p, bytes.n);
    return keep(draft);
}

/* hash128 of both ids, so that a span that is sent again is the same event. */
static void set_ids(struct draft *draft)
{
    const struct hs_otlp_search *search = draft->search;
    char ids[HS_OTLP_TRACE_ID + HS_OTLP_SPAN_ID];
    struct hs_hash128 hash;

    memcpy(ids, draft->span.trace_id.p, HS_OTLP_TRACE_ID);
    memcpy(ids + HS_OTLP_TRACE_ID, draft->span.span_id.p, HS_OTLP_SPAN_ID);
    hash = hs_hash128(hs_str_n(ids, sizeof(ids)));
    hs_event_str(draft->event, HS_F_EVENT_ID, keep_hex(draft, hs_str_n(&hash, sizeof(hash))));
    hs_event_str(draft->event, HS_F_TRACE_ID, keep_hex(draft, draft->span.trace_id));
    hs_event_str(draft->event, HS_F_SPAN_ID, keep_hex(draft, draft->span.span_id));
    hs_event_str(draft->event, HS_F_QUERY_ID, search->query_id);
    if (search->parent_query_id.n > 0)
        hs_event_str(draft->event, HS_F_PARENT_QUERY_ID, search->parent_query_id);
}

static void set_times(struct draft *draft)
{
    const struct hs_otlp_span *span = &draft->span;

    if (span->start_ns == 0 || span->start_ns > INT64_MAX)
        return;
    hs_event_i64(draft->event, HS_F_TIMESTAMP, (int64_t)(span->start_ns / 1000));
    if (span->end_ns >= span->start_ns)
        hs_event_f64(draft->event, HS_F_LATENCY_MS, (double)(span->end_ns - span->start_ns) / 1e6);
}

static void set_defaults(struct draft *draft)
{
    struct hs_event *event = draft->event;

    hs_event_str(event, HS_F_EVENT_TYPE, HS_STR("search"));
    hs_event_str(event, HS_F_TIER, draft->search->is_edge ? HS_STR("edge") : HS_STR("engine"));
    if (event->v[HS_F_SERVICE].kind == HS_VALUE_NONE)
        hs_event_str(event, HS_F_SERVICE, HS_STR("unknown_service"));
    if (draft->search->is_retrieval && event->v[HS_F_KIND].kind == HS_VALUE_NONE)
        hs_event_str(event, HS_F_KIND, HS_STR("retrieval"));
}

int hs_otlp_search_event(const struct hs_otlp_search *search, struct hs_arena *arena,
                         struct hs_buf *text, struct hs_event *event, struct hs_err *err)
{
    struct draft draft = {.search = search,
                          .event = event,
                          .arena = arena,
                          .text = text,
                          .offset = COUNT_UNKNOWN,
                          .shards_total = COUNT_UNKNOWN,
                          .shards_failed = COUNT_UNKNOWN};
    int rc = hs_otlp_span_read(search->span, &draft.span, err);

    if (rc < 0)
        return rc;
    hs_event_reset(event);
    take_attributes(&draft, search->resource, HS_OTLP_RESOURCE_ATTRIBUTES);
    take_attributes(&draft, search->span, HS_OTLP_SPAN_ATTRIBUTES);
    set_defaults(&draft);
    set_ids(&draft);
    set_times(&draft);
    set_status(&draft);
    set_shards(&draft);
    set_results(&draft);
    set_experiments(&draft);
    if (draft.full)
        return hs_err_set(err, HS_ELIMIT, 0, "OTLP: the request's search events are too large");
    return HS_OK;
}
