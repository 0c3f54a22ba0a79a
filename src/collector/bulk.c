#include "collector/bulk.h"

#include <stdarg.h>
#include <stdio.h>
#include <yyjson.h>

#include "base/json_out.h"
#include "base/mem.h"
#include "collector/ubi.h"

/* Elasticsearch's own limits. The thread that commits the stream builds and compresses the replies:
 * names of megabytes that come back would hold it up. */
enum { INDEX_BYTES_SHOWN = 255, ID_BYTES_SHOWN = 512 };

enum bulk_action { BULK_INDEX, BULK_CREATE, BULK_UPDATE, BULK_DELETE, BULK_NONE };
static const char *const action_names[] = {"index", "create", "update", "delete", ""};

struct bulk_item {
    enum bulk_action action;
    struct hs_str index;
    struct hs_str id;
    size_t place; /* of the item in the body, from 0 */
};

struct bulk_reading {
    struct hs_intake *intake;
    struct hs_bulk *bulk;
    struct hs_str rest; /* lines not read yet */
    size_t line_no;     /* of the last line taken, from 1, empty ones not counted */
};

void hs_bulk_init(struct hs_bulk *bulk)
{
    *bulk = (struct hs_bulk){0};
    hs_buf_init(&bulk->items, HS_BULK_ANSWER_MAX);
}

void hs_bulk_fini(struct hs_bulk *bulk)
{
    if (bulk)
        hs_buf_fini(&bulk->items);
}

/* A text, or a number as the text it was sent as; the null view for anything else. */
static struct hs_str text_of(yyjson_val *val)
{
    if (yyjson_is_raw(val))
        return hs_str_n(yyjson_get_raw(val), yyjson_get_len(val));
    return yyjson_is_str(val) ? hs_str_n(yyjson_get_str(val), yyjson_get_len(val)) : HS_STR_NULL;
}

static bool next_line(struct bulk_reading *r, struct hs_str *out)
{
    r->line_no++;
    return hs_ndjson_next(&r->rest, out);
}

__attribute__((format(printf, 3, 4))) static int fail_line(const struct bulk_reading *r,
                                                           struct hs_err *err, const char *fmt, ...)
{
    char what[HS_ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return hs_err_set(err, HS_EINVAL, HS_REFUSED_JSON, "Malformed action/metadata line [%zu], %s",
                      r->line_no, what);
}

static enum bulk_action find_action(yyjson_val *name)
{
    unsigned i;

    for (i = 0; i < BULK_NONE; i++) {
        if (yyjson_equals_str(name, action_names[i]))
            return (enum bulk_action)i;
    }
    return BULK_NONE;
}

/* Numbers count as their text; null counts as absent. */
static int read_meta(const struct bulk_reading *r, yyjson_val *meta, struct bulk_item *item,
                     struct hs_err *err)
{
    static const char *const names[] = {"_index", "_id"};
    struct hs_str *const slots[] = {&item->index, &item->id};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(names); i++) {
        yyjson_val *val = yyjson_obj_get(meta, names[i]);

        if (!val || yyjson_is_null(val))
            continue;
        if (!yyjson_is_str(val) && !yyjson_is_raw(val))
            return fail_line(r, err, "%s is %s, must be a string", names[i], hs_json_kind(val));
        *slots[i] = text_of(val);
    }
    return HS_OK;
}

static int read_action(struct bulk_reading *r, struct hs_str line, struct bulk_item *item,
                       struct hs_err *err)
{
    yyjson_obj_iter iter;
    yyjson_val *root;
    yyjson_val *name;
    yyjson_val *meta;

    if (hs_parser_read(&r->intake->parser, (char *)(uintptr_t)line.p, line.n, &root, err) !=
        HS_OK) {
        hs_err_prefix(err, "Malformed action/metadata line [%zu]", r->line_no);
        return err->rc;
    }
    if (!yyjson_is_obj(root))
        return fail_line(r, err, "it is %s, expected an object with one action",
                         hs_json_kind(root));
    if (yyjson_obj_size(root) != 1)
        return fail_line(r, err, "expected an object with one action");
    iter = yyjson_obj_iter_with(root);
    name = yyjson_obj_iter_next(&iter);
    meta = yyjson_obj_iter_get_val(name);
    item->action = find_action(name);
    if (item->action == BULK_NONE)
        return fail_line(r, err,
                         "the action is \"%.*s\", expected one of [index, create, update, delete]",
                         HS_STR_ARG(hs_str_utf8_cut(text_of(name), 40)));
    if (!yyjson_is_obj(meta))
        return fail_line(r, err, "%s is %s, expected an object", action_names[item->action],
                         hs_json_kind(meta));
    return read_meta(r, meta, item, err);
}

static void answer_open(const struct bulk_reading *r, const struct bulk_item *item,
                        struct hs_str id, struct hs_json *json)
{
    if (r->bulk->items.n > 0)
        hs_buf_add_char(&r->bulk->items, ',');
    hs_json_init(json, &r->bulk->items);
    hs_json_obj_open(json);
    hs_json_key(json, action_names[item->action]);
    hs_json_obj_open(json);
    hs_json_key(json, "_index");
    hs_json_add_str(json, hs_str_utf8_cut(item->index, INDEX_BYTES_SHOWN));
    hs_json_key(json, "_id");
    if (id.n > 0)
        hs_json_add_str(json, hs_str_utf8_cut(id, ID_BYTES_SHOWN));
    else
        hs_json_add_null(json);
}

static void answer_accepted(struct bulk_reading *r, const struct bulk_item *item, struct hs_str id)
{
    struct hs_json json;

    answer_open(r, item, id, &json);
    hs_json_key(&json, "_version");
    hs_json_add_u64(&json, 1);
    hs_json_key(&json, "result");
    hs_json_add_c(&json, "created");
    hs_json_key(&json, "_shards");
    hs_json_add_raw(&json, HS_STR("{\"total\":1,\"successful\":1,\"failed\":0}"));
    hs_json_key(&json, "_seq_no");
    hs_json_add_u64(&json, item->place);
    hs_json_key(&json, "_primary_term");
    hs_json_add_u64(&json, 1);
    hs_json_key(&json, "status");
    hs_json_add_u64(&json, 201);
    hs_json_obj_close(&json);
    hs_json_obj_close(&json);
    r->bulk->accepted++;
}

/* Why an item is refused, in Elasticsearch's words, and where that is counted. */
struct bulk_refusal {
    unsigned status;
    const char *type;
    size_t counter_at; /* in struct hs_bulk */
};

static const struct bulk_refusal unreadable = {400, "document_parsing_exception",
                                               offsetof(struct hs_bulk, unreadable)};
static const struct bulk_refusal not_added = {400, "illegal_argument_exception",
                                              offsetof(struct hs_bulk, not_added)};
static const struct bulk_refusal other_index = {404, "index_not_found_exception",
                                                offsetof(struct hs_bulk, other_index)};

static void answer_rejected(struct bulk_reading *r, const struct bulk_item *item,
                            const struct bulk_refusal *refusal, const char *reason)
{
    size_t *counter = (size_t *)(void *)((char *)r->bulk + refusal->counter_at);
    struct hs_json json;

    answer_open(r, item, item->id, &json);
    hs_json_key(&json, "status");
    hs_json_add_u64(&json, refusal->status);
    hs_json_key(&json, "error");
    hs_json_obj_open(&json);
    hs_json_key(&json, "type");
    hs_json_add_c(&json, refusal->type);
    hs_json_key(&json, "reason");
    hs_json_add_c(&json, reason);
    hs_json_obj_close(&json);
    hs_json_obj_close(&json);
    hs_json_obj_close(&json);
    r->bulk->rejected++;
    (*counter)++;
}

static int read_source(struct bulk_reading *r, const struct bulk_item *item, hs_ubi_add_fn *add,
                       struct hs_str line, struct hs_err *err)
{
    struct hs_ubi_document document = {.id = item->id, .index = item->place};
    struct hs_str id;
    int rc =
        hs_parser_read(&r->intake->parser, (char *)(uintptr_t)line.p, line.n, &document.val, err);

    if (rc == HS_OK)
        rc = add(r->intake, &document, &id, err);
    if (rc == HS_OK)
        answer_accepted(r, item, id);
    else if (rc == HS_EINVAL)
        answer_rejected(r, item, &unreadable, err->text);
    else
        return rc;
    return HS_OK;
}

static void reject_index(struct bulk_reading *r, const struct bulk_item *item)
{
    char reason[HS_ERR_TEXT_MAX];

    if (item->index.n == 0)
        snprintf(reason, sizeof(reason),
                 "_index is missing, must be ubi_queries or ubi_events, here or in the path");
    else
        snprintf(reason, sizeof(reason),
                 "no such index [%.*s]: only ubi_queries and ubi_events take documents",
                 HS_STR_ARG(hs_str_utf8_cut(item->index, 80)));
    answer_rejected(r, item, item->index.n == 0 ? &not_added : &other_index, reason);
}

static int read_item(struct bulk_reading *r, struct bulk_item *item, struct hs_err *err)
{
    hs_ubi_add_fn *add = NULL;
    struct hs_str line;

    if (hs_str_eq_c(item->index, "ubi_queries"))
        add = hs_ubi_add_query;
    else if (hs_str_eq_c(item->index, "ubi_events"))
        add = hs_ubi_add_event;
    if (item->action != BULK_DELETE && !next_line(r, &line))
        return fail_line(r, err, "the document of the last action is missing");
    if (item->action == BULK_UPDATE || item->action == BULK_DELETE)
        answer_rejected(r, item, &not_added, "events are only added: use index or create");
    else if (!add)
        reject_index(r, item);
    else
        return read_source(r, item, add, line, err);
    return HS_OK;
}

int hs_bulk_read(struct hs_intake *intake, struct hs_str default_index, char *body, size_t n,
                 struct hs_bulk *bulk, struct hs_err *err)
{
    struct bulk_reading r = {.intake = intake, .bulk = bulk, .rest = hs_str_n(body, n)};
    struct hs_err own;
    struct hs_str line;
    size_t place;

    if (!err)
        err = &own;
    bulk->accepted = 0;
    bulk->rejected = 0;
    bulk->unreadable = 0;
    bulk->not_added = 0;
    bulk->other_index = 0;
    hs_buf_reset(&bulk->items);
    for (place = 0; next_line(&r, &line); place++) {
        struct bulk_item item = {.index = default_index, .place = place};
        int rc;

        if (place == HS_UBI_DOCUMENTS_MAX)
            return hs_err_set(err, HS_ELIMIT, 0, "the body has more than %d actions",
                              HS_UBI_DOCUMENTS_MAX);
        rc = read_action(&r, line, &item, err);
        if (rc == HS_OK)
            rc = read_item(&r, &item, err);
        if (rc != HS_OK)
            return rc;
        if (!hs_buf_ok(&bulk->items))
            return hs_err_set(err, HS_ELIMIT, 0, "the answer passes %d bytes", HS_BULK_ANSWER_MAX);
    }
    if (place == 0)
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_JSON, "request body is required");
    return HS_OK;
}

void hs_bulk_write_answer(const struct hs_bulk *bulk, uint64_t took_ms, struct hs_buf *out)
{
    HS_BUF_ADD_LIT(out, "{\"took\":");
    hs_buf_add_u64(out, took_ms);
    hs_buf_add_c(out, bulk->rejected > 0 ? ",\"errors\":true" : ",\"errors\":false");
    HS_BUF_ADD_LIT(out, ",\"items\":[");
    hs_buf_add_str(out, hs_buf_str(&bulk->items));
    HS_BUF_ADD_LIT(out, "]}");
}
