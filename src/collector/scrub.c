/*
 * Redaction inside an event. A parsed document is one run of values, each container followed by
 * what it holds, so that all strings below a value are met by walking that run; keys too, because a
 * key that somebody chose may be an address as well.
 */
#include <yyjson.h>

#include "base/mem.h"
#include "collector/complete.h"

static const char failed_text[] = "[redaction failed]";

/* Returns false when there was nothing to redact. *out lies in the intake's arena. */
static bool redact(struct hs_intake *intake, struct hs_str s, struct hs_str *out)
{
    hs_buf_reset(&intake->scratch);
    if (!hs_redactor_apply(intake->rules->redactor, s, &intake->scratch, &intake->counts.redacted))
        return false;
    *out = hs_arena_copy(&intake->texts, hs_buf_str(&intake->scratch));
    if (!out->p) {
        *out = hs_str_n(failed_text, sizeof(failed_text) - 1);
        intake->counts.redacted.failed++;
    }
    return true;
}

static void redact_document(struct hs_intake *intake, yyjson_val *root)
{
    const yyjson_val *end = unsafe_yyjson_get_next(root);
    yyjson_val *val;
    struct hs_str text;

    for (val = root; val < end; val++) {
        if (!unsafe_yyjson_is_str(val))
            continue;
        text = hs_str_n(unsafe_yyjson_get_str(val), unsafe_yyjson_get_len(val));
        if (redact(intake, text, &text))
            unsafe_yyjson_set_strn(val, text.p, text.n);
    }
}

static void *arena_malloc(void *ctx, size_t size)
{
    return hs_arena_alloc(ctx, size);
}

static void *arena_realloc(void *ctx, void *p, size_t old_size, size_t size)
{
    void *grown = hs_arena_alloc(ctx, size);

    if (grown && old_size > 0)
        memcpy(grown, p, HS_MIN(old_size, size));
    return grown;
}

static void arena_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p;
}

/* Ready JSON text becomes a document of the intake's arena: redaction must not see its escapes, nor
 * may it touch a number. */
static int redact_raw(struct hs_intake *intake, struct hs_value *value, struct hs_err *err)
{
    const yyjson_alc alc = {.malloc = arena_malloc,
                            .realloc = arena_realloc,
                            .free = arena_free,
                            .ctx = &intake->texts};
    struct hs_str copy = hs_arena_copy(&intake->texts, value->str);
    yyjson_doc *doc;

    if (!copy.p)
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_LENGTH, "the event has too much text");
    doc =
        yyjson_read_opts((char *)(uintptr_t)copy.p, copy.n, YYJSON_READ_NUMBER_AS_RAW, &alc, NULL);
    if (!doc)
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_JSON, "a field of the event is not JSON");
    *value = (struct hs_value){.kind = HS_VALUE_JSON, .json = yyjson_doc_get_root(doc)};
    redact_document(intake, value->json);
    return HS_OK;
}

static int redact_value(struct hs_intake *intake, struct hs_value *value, struct hs_err *err)
{
    switch (value->kind) {
    case HS_VALUE_STR: redact(intake, value->str, &value->str); return HS_OK;
    case HS_VALUE_JSON: redact_document(intake, value->json); return HS_OK;
    case HS_VALUE_RAW: return redact_raw(intake, value, err);
    default: return HS_OK;
    }
}

int hs_scrub_event(struct hs_intake *intake, struct hs_event *event, struct hs_err *err)
{
    static const enum hs_field fields[] = {HS_F_QUERY,  HS_F_REWRITES, HS_F_FILTERS,
                                           HS_F_FACETS, HS_F_SORT,     HS_F_REQUEST,
                                           HS_F_ERROR,  HS_F_MESSAGE,  HS_F_ATTRIBUTES};
    size_t i;
    int rc = HS_OK;

    for (i = 0; i < HS_ARRAY_LEN(fields) && rc == HS_OK; i++)
        rc = redact_value(intake, &event->v[fields[i]], err);
    for (i = 0; i < event->attributes_n && rc == HS_OK; i++) {
        redact(intake, event->attributes[i].key, &event->attributes[i].key);
        rc = redact_value(intake, &event->attributes[i].value, err);
    }
    return rc;
}
