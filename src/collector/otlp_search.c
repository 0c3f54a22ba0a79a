#include "collector/otlp_search.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "collector/enrich.h"

enum {
    FIRST_CAP = 64,
    KEPT_ROWS = 16384,
    ANCESTORS_MAX = 100, /* steps up from a span; ends a cycle too */
    ID_MAX = 512,        /* bytes of a query id; longer ones are cut */
    QUERY_ID_HEX = 2 * HS_OTLP_TRACE_ID + 1 + 2 * HS_OTLP_SPAN_ID,
};

void hs_otlp_searches_init(struct hs_otlp_searches *searches)
{
    memset(searches, 0, sizeof(*searches));
    hs_buf_init(&searches->text, HS_EVENT_BYTES_MAX);
}

void hs_otlp_searches_fini(struct hs_otlp_searches *searches)
{
    hs_free(searches->rows);
    hs_free(searches->spans);
    hs_buf_fini(&searches->text);
    memset(searches, 0, sizeof(*searches));
}

void hs_otlp_searches_reset(struct hs_otlp_searches *searches)
{
    searches->n = 0;
    if (searches->cap > KEPT_ROWS) {
        hs_free(searches->rows);
        searches->rows = NULL;
        searches->cap = 0;
    }
    hs_free(searches->spans);
    searches->spans = NULL;
    searches->spans_cap = 0;
}

static unsigned family_of_key(struct hs_str key)
{
    static const struct {
        const char *prefix;
        size_t n;
        unsigned family;
    } rows[] = {
        {"db.", 3, HS_OTLP_FAMILY_DB},
        {"search.", 7, HS_OTLP_FAMILY_SEARCH},
        {"ubi.", 4, HS_OTLP_FAMILY_SEARCH},
        {"gen_ai.", 7, HS_OTLP_FAMILY_GEN_AI},
    };
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(rows); i++) {
        if (key.n > rows[i].n && memcmp(key.p, rows[i].prefix, rows[i].n) == 0)
            return rows[i].family;
    }
    return 0;
}

unsigned hs_otlp_search_family(struct hs_str key_value)
{
    const unsigned char *p = (const unsigned char *)key_value.p;
    struct hs_otlp_attr attr;

    if (key_value.n > 2 && p[0] == HS_PB_TAG(1, HS_PB_LEN) && p[1] > 0 && p[1] < 0x80 &&
        p[1] <= key_value.n - 2) {
        if (p[2] != 'd' && p[2] != 's' && p[2] != 'u' && p[2] != 'g')
            return 0;
        return family_of_key(hs_str_n(p + 2, p[1]));
    }
    return hs_otlp_attr_read(key_value, &attr) == HS_OK ? family_of_key(attr.key) : 0;
}

int hs_otlp_searches_add(struct hs_otlp_searches *searches, const struct hs_otlp_search *search,
                         struct hs_err *err)
{
    size_t cap = searches->cap ? searches->cap * 2 : FIRST_CAP;
    struct hs_otlp_search *rows;

    if (searches->n == searches->cap) {
        rows = hs_try_realloc(searches->rows, cap, sizeof(*rows));
        if (!rows)
            return hs_err_set(err, HS_ELIMIT, 0, "OTLP: no memory for %zu searches", cap);
        searches->rows = rows;
        searches->cap = cap;
    }
    searches->rows[searches->n++] = *search;
    return HS_OK;
}

static bool is_word_of(struct hs_str word, const char *const *words)
{
    for (; *words; words++) {
        if (hs_str_ieq(word, hs_str_c(*words)))
            return true;
    }
    return false;
}

static bool is_engine(struct hs_str system)
{
    static const char *const words[] = {
        "elasticsearch",   "opensearch", "solr",         "apache.solr", "typesense",
        "meilisearch",     "vespa",      "algolia",      "weaviate",    "qdrant",
        "milvus",          "pinecone",   "azure.search", "manticore",   "azure_search",
        "manticoresearch", "quickwit",   "sphinx",       "coveo",       "marqo",
        "zincsearch",      NULL};

    return is_word_of(system, words);
}

/* Operations that answer with a list of results. Whatever else an engine does (bulk, index, get,
 * count, scroll, …) is no search. */
static bool is_search_operation(struct hs_str operation)
{
    static const char *const words[] = {"search",
                                        "msearch",
                                        "multi_search",
                                        "multisearch",
                                        "knn_search",
                                        "vector_search",
                                        "hybrid_search",
                                        "semantic_search",
                                        "async_search",
                                        "async_search.submit",
                                        "search_template",
                                        "msearch_template",
                                        "search_mvt",
                                        "query",
                                        "select",
                                        "similarity_search",
                                        "eql.search",
                                        "documents.search",
                                        "searchsinglequery",
                                        "rank_eval_search",
                                        "retrieve",
                                        NULL};

    if (operation.n > 0 && operation.p[0] == '_')
        operation = hs_str_n(operation.p + 1, operation.n - 1);
    return is_word_of(operation, words);
}

/* Attributes search.* and ubi.* that say where a span stands, or who is asking, and do not make it
 * a search. */
static bool is_context(struct hs_str key)
{
    static const char *const words[] = {
        "search.phase",           "search.tier",          "search.application",
        "search.surface",         "search.consent",       "search.intent.id",
        "search.parent_query.id", "search.user.id",       "search.user_id",
        "search.session.id",      "search.session_id",    "search.client.id",
        "search.client_id",       "search.experiment.id", "search.experiment.variant",
        "search.synthetic",       "ubi.application",      "ubi.client_id",
        "ubi.session_id",         "ubi.user_id",          NULL};

    return is_word_of(key, words);
}

/* What decides whether a span is a search, and which. */
struct look {
    struct hs_otlp_value db_system, db_operation, query_id, ubi_query_id, parent_query_id, tier,
        gen_ai_operation, phase;
    bool marked; /* an attribute search.* or ubi.* beyond context */
};

static void look_at(struct look *look, const struct hs_otlp_attr *attr)
{
    const struct {
        struct hs_str key;
        struct hs_otlp_value *value;
        bool weak; /* an older name: does not replace */
    } rows[] = {
        {HS_STR("db.system.name"), &look->db_system, false},
        {HS_STR("db.system"), &look->db_system, true},
        {HS_STR("db.operation.name"), &look->db_operation, false},
        {HS_STR("db.operation"), &look->db_operation, true},
        {HS_STR("search.query.id"), &look->query_id, false},
        {HS_STR("ubi.query_id"), &look->ubi_query_id, false},
        {HS_STR("search.parent_query.id"), &look->parent_query_id, false},
        {HS_STR("search.tier"), &look->tier, false},
        {HS_STR("gen_ai.operation.name"), &look->gen_ai_operation, false},
        {HS_STR("search.phase"), &look->phase, false},
    };
    unsigned family = family_of_key(attr->key);
    size_t i;

    if (family == 0)
        return;
    for (i = 0; i < HS_ARRAY_LEN(rows); i++) {
        if (!hs_str_eq(attr->key, rows[i].key))
            continue;
        if (!rows[i].weak || rows[i].value->kind == HS_OTLP_NONE)
            *rows[i].value = attr->value;
    }
    if (family == HS_OTLP_FAMILY_SEARCH && !look->marked && !is_context(attr->key))
        look->marked = true;
}

static struct hs_str str_of(const struct hs_otlp_value *value)
{
    return value->kind == HS_OTLP_STR ? value->str : HS_STR_NULL;
}

/* Nobody has checked that a string of protobuf is UTF-8: an event's texts are, without U+0000. */
static bool is_clean(struct hs_str s)
{
    return hs_str_utf8_valid(s) && hs_str_index(s, '\0') == s.n;
}

struct hs_str hs_otlp_search_text(const struct hs_otlp_value *value, size_t max,
                                  struct hs_arena *arena, struct hs_buf *text)
{
    struct hs_str string = HS_STR_NULL;

    if (value->kind == HS_OTLP_NONE)
        return HS_STR_NULL;
    if (value->kind == HS_OTLP_STR) {
        string = hs_str_utf8_cut(value->str, max);
        if (is_clean(string))
            return string;
    }
    hs_buf_reset(text);
    if (value->kind == HS_OTLP_STR)
        hs_text_repair(string, text);
    else if (hs_otlp_value_text(value, text) != HS_OK)
        return HS_STR_NULL;
    if (!hs_buf_ok(text))
        return HS_STR_NULL;
    return hs_arena_copy(arena, hs_str_utf8_cut(hs_buf_str(text), max));
}

/* "<trace id>-<span id>": one for each span, whoever retries. */
static struct hs_str derived_query_id(const struct hs_otlp_item *item, struct hs_arena *arena)
{
    char text[QUERY_ID_HEX];

    hs_hex_encode(item->trace_id, HS_OTLP_TRACE_ID, text);
    text[2 * HS_OTLP_TRACE_ID] = '-';
    hs_hex_encode(&item->span_id, HS_OTLP_SPAN_ID, text + 2 * HS_OTLP_TRACE_ID + 1);
    return hs_arena_copy(arena, hs_str_n(text, sizeof(text)));
}

static void set_tier(struct hs_otlp_search *search, const struct look *look)
{
    struct hs_str tier = str_of(&look->tier);
    struct hs_otlp_value of_resource;

    if (tier.n == 0) {
        of_resource =
            hs_otlp_attr_find(search->resource, HS_OTLP_RESOURCE_ATTRIBUTES, HS_STR("search.tier"));
        tier = str_of(&of_resource);
    }
    if (hs_str_eq_c(tier, "edge"))
        search->is_edge = true;
    else if (hs_str_eq_c(tier, "engine"))
        search->is_edge = false;
}

static void examine(struct hs_otlp_search *search, const struct hs_otlp_item *item,
                    struct hs_arena *arena, struct hs_buf *text)
{
    struct look look = {.marked = false};
    struct hs_otlp_each each;
    struct hs_otlp_attr attr;
    bool is_db;

    hs_otlp_each_init(&each, search->span, HS_OTLP_SPAN_ATTRIBUTES);
    while (hs_otlp_attr_next(&each, &attr) > 0)
        look_at(&look, &attr);
    is_db = is_engine(str_of(&look.db_system)) && is_search_operation(str_of(&look.db_operation));
    search->is_retrieval = hs_str_eq_c(str_of(&look.gen_ai_operation), "retrieval");
    search->is_edge = (look.marked && look.phase.kind == HS_OTLP_NONE) || search->is_retrieval;
    search->is_search = search->is_edge || is_db;
    if (!search->is_search)
        return;
    set_tier(search, &look);
    search->query_id = hs_otlp_search_text(&look.query_id, ID_MAX, arena, text);
    if (search->query_id.n == 0)
        search->query_id = hs_otlp_search_text(&look.ubi_query_id, ID_MAX, arena, text);
    if (search->query_id.n == 0)
        search->query_id = derived_query_id(item, arena);
    search->parent_query_id = hs_otlp_search_text(&look.parent_query_id, ID_MAX, arena, text);
}

static uint64_t span_hash(const char *trace_id, uint64_t span_id, uint64_t seed)
{
    char key[HS_OTLP_TRACE_ID + HS_OTLP_SPAN_ID];

    memcpy(key, trace_id, HS_OTLP_TRACE_ID);
    memcpy(key + HS_OTLP_TRACE_ID, &span_id, HS_OTLP_SPAN_ID);
    return hs_hash64_seed(hs_str_n(key, sizeof(key)), seed);
}

/* The slot of that span, or the free one where it belongs. */
static size_t span_slot(const struct hs_otlp_searches *searches,
                        const struct hs_otlp_groups *groups, const char *trace_id, uint64_t span_id)
{
    size_t mask = searches->spans_cap - 1;
    size_t at = span_hash(trace_id, span_id, groups->seed) & mask;

    while (searches->spans[at]) {
        const struct hs_otlp_item *item = &groups->items[searches->spans[at] - 1];

        if (item->span_id == span_id && memcmp(item->trace_id, trace_id, HS_OTLP_TRACE_ID) == 0)
            break;
        at = (at + 1) & mask;
    }
    return at;
}

/* Of two spans with one id the first is kept. */
static int index_spans(struct hs_otlp_searches *searches, const struct hs_otlp_groups *groups,
                       struct hs_err *err)
{
    size_t cap = 2 * FIRST_CAP, i, slot;

    while (cap < 2 * groups->items_n)
        cap *= 2;
    searches->spans = hs_try_calloc(cap, sizeof(*searches->spans));
    if (!searches->spans)
        return hs_err_set(err, HS_ELIMIT, 0, "OTLP: no memory for an index of %zu spans", cap);
    searches->spans_cap = cap;
    for (i = 0; i < groups->items_n; i++) {
        slot = span_slot(searches, groups, groups->items[i].trace_id, groups->items[i].span_id);
        if (!searches->spans[slot])
            searches->spans[slot] = (uint32_t)i + 1;
    }
    return HS_OK;
}

/* The search operation of that item; NULL when it is none. */
static const struct hs_otlp_search *search_of(const struct hs_otlp_searches *searches,
                                              uint32_t item)
{
    size_t lo = 0, hi = searches->n;

    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;

        if (searches->rows[middle].item < item)
            lo = middle + 1;
        else
            hi = middle;
    }
    if (lo == searches->n || searches->rows[lo].item != item || !searches->rows[lo].is_search)
        return NULL;
    return &searches->rows[lo];
}

/* The nearest search operation above the span in this request. *out_to_root: the way up ended at
 * the root of the trace. */
static const struct hs_otlp_search *ancestor(const struct hs_otlp_searches *searches,
                                             const struct hs_otlp_groups *groups,
                                             const struct hs_otlp_item *item, bool *out_to_root)
{
    int steps;

    for (steps = 0; steps < ANCESTORS_MAX; steps++) {
        const struct hs_otlp_search *search;
        uint32_t above;

        *out_to_root = item->parent_id == 0;
        if (*out_to_root)
            return NULL;
        above = searches->spans[span_slot(searches, groups, item->trace_id, item->parent_id)];
        if (!above)
            return NULL;
        search = search_of(searches, above - 1);
        if (search)
            return search;
        item = &groups->items[above - 1];
    }
    return NULL;
}

static void set_parent(const struct hs_otlp_searches *searches, const struct hs_otlp_groups *groups,
                       struct hs_otlp_search *search, struct hs_arena *arena)
{
    const struct hs_otlp_item *item = &groups->items[search->item];
    const struct hs_otlp_search *above;
    char trace_id[2 * HS_OTLP_TRACE_ID];
    bool to_root = false;

    if (search->parent_query_id.n > 0)
        return;
    above = ancestor(searches, groups, item, &to_root);
    if (above && above != search) {
        search->parent_query_id = above->query_id;
    } else if (!search->is_edge && !to_root) {
        hs_hex_encode(item->trace_id, HS_OTLP_TRACE_ID, trace_id);
        search->parent_query_id = hs_arena_copy(arena, hs_str_n(trace_id, sizeof(trace_id)));
    }
}

static int write_one(struct hs_otlp_searches *searches, const struct hs_otlp_search *search,
                     struct hs_arena *arena, struct hs_intake *intake, struct hs_otlp_outcome *out,
                     struct hs_err *err)
{
    struct hs_err why = {0};
    int rc = hs_otlp_search_event(search, arena, &searches->text, &intake->event, err);

    if (rc < 0)
        return rc;
    rc = hs_intake_event(intake, &intake->event, search->item, NULL, &why);
    if (rc == HS_EINVAL) {
        if (out->searches_refused++ == 0)
            snprintf(out->message, sizeof(out->message),
                     "span %u of those accepted is stored but made no search event: %.*s",
                     search->item, 300, why.text);
        return HS_OK;
    }
    if (rc < 0)
        return hs_err_set(err, rc, why.sys, "%s", why.text);
    out->searches++;
    out->searches_nested += search->parent_query_id.n > 0;
    return HS_OK;
}

int hs_otlp_searches_write(struct hs_otlp_searches *searches, const struct hs_otlp_groups *groups,
                           struct hs_arena *arena, struct hs_intake *intake,
                           struct hs_otlp_outcome *out, struct hs_err *err)
{
    bool any = false;
    size_t i;
    int rc;

    for (i = 0; i < searches->n; i++) {
        struct hs_otlp_search *search = &searches->rows[i];

        examine(search, &groups->items[search->item], arena, &searches->text);
        any |= search->is_search;
    }
    if (!any)
        return HS_OK;
    rc = index_spans(searches, groups, err);
    for (i = 0; i < searches->n && rc == HS_OK; i++) {
        if (!searches->rows[i].is_search)
            continue;
        set_parent(searches, groups, &searches->rows[i], arena);
        rc = write_one(searches, &searches->rows[i], arena, intake, out, err);
    }
    return rc;
}
