#include "port/source.h"

#include <yyjson.h>

#include "base/json_out.h"
#include "base/mem.h"

enum {
    SOURCES_A_PAGE = 1000,
    PAGE_BYTES_MAX = 64 << 20, /* of a page's entries */
};

static const char *const source_names[] = {"native", "ubi", "span"}; /* best first, by bit */

unsigned hs_source_bit_of(struct hs_str name)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(source_names); i++) {
        if (hs_str_eq_c(name, source_names[i]))
            return 1U << i;
    }
    return 0;
}

const char *hs_source_bit_name(unsigned bit)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(source_names); i++) {
        if (bit == 1U << i)
            return source_names[i];
    }
    return "";
}

unsigned hs_source_best(unsigned seen)
{
    return seen & (0 - seen); /* the lowest bit */
}

unsigned hs_source_of_actions(const struct hs_app_counted *app)
{
    return app->actions & app->counted ? app->counted : hs_source_best(app->actions);
}

static unsigned bits_of(yyjson_val *names)
{
    unsigned bits = 0;
    yyjson_val *name;
    size_t i;
    size_t n;

    yyjson_arr_foreach(names, i, n, name)
    {
        bits |= hs_source_bit_of(hs_str_n(yyjson_get_str(name), yyjson_get_len(name)));
    }
    return bits;
}

int hs_app_counted_decode(struct hs_str value, struct hs_app_counted *out, struct hs_err *err)
{
    yyjson_doc *doc = yyjson_read(value.p, value.n, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *counted = yyjson_obj_get(root, "counted");
    struct hs_app_counted app = {
        .seen = bits_of(yyjson_obj_get(root, "seen")),
        .counted = hs_source_bit_of(hs_str_n(yyjson_get_str(counted), yyjson_get_len(counted))),
        .actions = bits_of(yyjson_obj_get(root, "actions")),
        .set = yyjson_get_bool(yyjson_obj_get(root, "set")),
    };

    yyjson_doc_free(doc);
    if (app.counted == 0 && app.actions == 0)
        return hs_err_set(err, HS_ECORRUPT, 0, "entry of space sources does not parse: %.*s",
                          HS_STR_ARG(hs_str_utf8_cut(value, 100)));
    *out = app;
    return HS_OK;
}

static void add_names(struct hs_json *json, const char *key, unsigned bits)
{
    size_t i;

    hs_json_key(json, key);
    hs_json_arr_open(json);
    for (i = 0; i < HS_ARRAY_LEN(source_names); i++) {
        if (bits & 1U << i)
            hs_json_add_c(json, source_names[i]);
    }
    hs_json_arr_close(json);
}

void hs_app_counted_encode(const struct hs_app_counted *app, struct hs_buf *out)
{
    struct hs_json json;

    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    add_names(&json, "seen", app->seen);
    hs_json_key(&json, "counted");
    hs_json_add_c(&json, hs_source_bit_name(app->counted));
    hs_json_key(&json, "set");
    hs_json_add_bool(&json, app->set);
    add_names(&json, "actions", app->actions);
    hs_json_obj_close(&json);
}

/* A ClickHouse string literal. */
static void add_literal(struct hs_buf *out, struct hs_str s)
{
    size_t i;

    hs_buf_add_char(out, '\'');
    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '\'' || s.p[i] == '\\')
            hs_buf_add_char(out, '\\');
        hs_buf_add_char(out, s.p[i]);
    }
    hs_buf_add_char(out, '\'');
}

static bool wanted(enum hs_source_kind kind, const struct hs_app_counted *app, unsigned *out_bit)
{
    bool searches = kind == HS_SOURCE_OF_SEARCHES;

    *out_bit = searches ? app->counted : hs_source_of_actions(app);
    if (kind == HS_SOURCE_TRACKED)
        return app->actions != 0;
    return *out_bit != 0 && (searches ? app->seen : app->actions) != *out_bit;
}

/* Adds the application to both lists when it is wanted and there is room. */
static int add_application(const struct hs_entry *entry, size_t prefix_n, enum hs_source_kind kind,
                           struct hs_source_lists *lists, struct hs_err *err)
{
    struct hs_app_counted app = {.seen = 0};
    unsigned bit = 0;
    int rc = hs_app_counted_decode(entry->value, &app, err);

    if (rc != HS_OK || !wanted(kind, &app, &bit))
        return rc;
    if (lists->names.n + lists->counted.n + 2 * entry->key.n + 32 > HS_SOURCE_CONDITION_MAX)
        return HS_OK;
    if (lists->names.n > 0) {
        hs_buf_add_char(&lists->names, ',');
        hs_buf_add_char(&lists->counted, ',');
    }
    add_literal(&lists->names, hs_str_n(entry->key.p + prefix_n, entry->key.n - prefix_n));
    add_literal(&lists->counted, hs_str_c(hs_source_bit_name(bit)));
    return HS_OK;
}

/* Reads the applications of the prefix into the lists. */
static int scan_applications(struct hs_metadata *metadata, struct hs_str prefix,
                             enum hs_source_kind kind, struct hs_source_lists *lists,
                             struct hs_err *err)
{
    struct hs_entry *entries = hs_xcalloc(SOURCES_A_PAGE, sizeof(*entries));
    char after[HS_METADATA_KEY_MAX];
    size_t after_n = 0;
    size_t left = HS_SOURCE_APPLICATIONS_MAX;
    struct hs_arena arena;
    size_t n = SOURCES_A_PAGE;
    size_t i;
    int rc = HS_OK;

    hs_arena_init(&arena, PAGE_BYTES_MAX);
    while (rc == HS_OK && n == SOURCES_A_PAGE && left >= n) {
        hs_arena_reset(&arena);
        left -= n;
        rc = hs_metadata_scan(metadata, HS_SPACE_SOURCES, prefix, hs_str_n(after, after_n), &arena,
                              entries, SOURCES_A_PAGE, &n, err);
        for (i = 0; rc == HS_OK && i < n; i++)
            rc = add_application(&entries[i], prefix.n, kind, lists, err);
        if (rc == HS_OK && n > 0) {
            after_n = entries[n - 1].key.n;
            memcpy(after, entries[n - 1].key.p, after_n);
        }
    }
    hs_arena_fini(&arena);
    hs_free(entries);
    return rc;
}

int hs_source_lists_read(struct hs_metadata *metadata, struct hs_str tenant,
                         enum hs_source_kind kind, struct hs_source_lists *lists,
                         struct hs_err *err)
{
    struct hs_buf prefix;
    int rc;

    hs_buf_init(&lists->names, HS_SOURCE_CONDITION_MAX);
    hs_buf_init(&lists->counted, HS_SOURCE_CONDITION_MAX);
    hs_buf_init(&prefix, 1024);
    hs_buf_add_str(&prefix, tenant);
    hs_buf_add_char(&prefix, '/');
    rc = scan_applications(metadata, hs_buf_str(&prefix), kind, lists, err);
    hs_buf_fini(&prefix);
    if (rc == HS_OK && (!hs_buf_ok(&lists->names) || !hs_buf_ok(&lists->counted)))
        rc = hs_err_set(err, HS_ELIMIT, 0, "tenant has too many applications with two sources");
    return rc;
}

void hs_source_lists_fini(struct hs_source_lists *lists)
{
    hs_buf_fini(&lists->counted);
    hs_buf_fini(&lists->names);
}

int hs_source_condition(struct hs_metadata *metadata, struct hs_str tenant, struct hs_buf *out,
                        struct hs_err *err)
{
    struct hs_source_lists lists;
    int rc = hs_source_lists_read(metadata, tenant, HS_SOURCE_OF_SEARCHES, &lists, err);

    if (rc == HS_OK && lists.names.n == 0)
        HS_BUF_ADD_LIT(out, "1");
    else if (rc == HS_OK)
        hs_buf_addf(out, "source = transform(application::String, [%.*s], [%.*s], source::String)",
                    HS_STR_ARG(hs_buf_str(&lists.names)), HS_STR_ARG(hs_buf_str(&lists.counted)));
    if (rc == HS_OK && !hs_buf_ok(out))
        rc = hs_err_set(err, HS_ELIMIT, 0, "tenant has too many applications with two sources");
    hs_source_lists_fini(&lists);
    return rc;
}
