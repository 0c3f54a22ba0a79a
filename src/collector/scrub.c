/*
 * Redaction inside an event. A parsed document is one run of values, each container followed by
 * what it holds, so that all strings below a value are met by walking that run; keys too, because a
 * key that somebody chose may be an address as well.
 */
#include <yyjson.h>

#include "base/mem.h"
#include "collector/complete.h"
#include "collector/consent.h"

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
    if (hs_event_check_free(value->json, HS_STR("a field of the event"), err) != HS_OK)
        return HS_EINVAL;
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

static bool names_person(struct hs_str key)
{
    static const enum hs_field fields[] = {HS_F_SESSION_ID, HS_F_CLIENT_ID, HS_F_USER_ID};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(fields); i++) {
        const struct hs_field_def *def = &hs_fields[fields[i]];

        if (hs_str_eq(key, hs_str_n(def->name, def->name_n)))
            return true;
    }
    return false;
}

/* One string or number that identifies a person: the same pseudonym as the field would have, or
 * null without consent. A scalar may be replaced by another in place. */
static void hide_scalar(struct hs_intake *intake, yyjson_val *val, bool drop)
{
    char text[HS_PSEUDONYM_TEXT];
    struct hs_str copy;

    if (!unsafe_yyjson_is_str(val) && !unsafe_yyjson_is_raw(val))
        return;
    if (!drop) {
        hs_pseudonym(intake->rules->pseudonym_key,
                     hs_str_n(unsafe_yyjson_get_str(val), unsafe_yyjson_get_len(val)), text);
        copy = hs_arena_copy(&intake->texts, hs_str_n(text, sizeof(text)));
        if (!copy.p)
            copy = hs_str_n(failed_text, sizeof(failed_text) - 1);
        unsafe_yyjson_set_strn(val, copy.p, copy.n);
        return;
    }
    intake->counts.consent_dropped++;
    unsafe_yyjson_set_null(val);
}

/* A scalar, or all scalars below a container; what is an object's key is hashed even when values
 * are dropped, because a key cannot be null. */
static void hide_all(struct hs_intake *intake, yyjson_val *val, bool drop)
{
    bool object = unsafe_yyjson_is_obj(val);
    size_t n = unsafe_yyjson_get_len(val);
    yyjson_val *at = unsafe_yyjson_get_first(val);
    size_t i;

    if (!unsafe_yyjson_is_ctn(val)) {
        hide_scalar(intake, val, drop);
        return;
    }
    for (i = 0; i < n; i++) {
        if (object)
            hide_scalar(intake, at++, false);
        hide_all(intake, at, drop);
        at = unsafe_yyjson_get_next(at);
    }
}

/* The direct members of an object whose keys name a person's id. */
static void hide_members(struct hs_intake *intake, yyjson_val *object, bool drop)
{
    size_t n = unsafe_yyjson_get_len(object);
    yyjson_val *key = unsafe_yyjson_get_first(object);
    size_t i;

    for (i = 0; i < n; i++) {
        yyjson_val *val = key + 1;

        if (names_person(hs_str_n(unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key))))
            hide_all(intake, val, drop);
        key = unsafe_yyjson_get_next(val);
    }
}

/* Personal ids that stand inside attributes, as UBI suggests for query_attributes and
 * event_attributes. */
static void hide_person(struct hs_intake *intake, struct hs_str key, const struct hs_value *value,
                        bool drop)
{
    const yyjson_val *end;
    yyjson_val *val;

    if (value->kind != HS_VALUE_JSON || (!drop && !intake->rules->pseudonyms))
        return;
    if (names_person(key)) {
        hide_all(intake, value->json, drop);
        return;
    }
    end = unsafe_yyjson_get_next(value->json);
    for (val = value->json; val < end; val++) {
        if (unsafe_yyjson_is_obj(val))
            hide_members(intake, val, drop);
    }
}

int hs_scrub_event(struct hs_intake *intake, struct hs_event *event, struct hs_err *err)
{
    static const enum hs_field fields[] = {HS_F_QUERY,  HS_F_REWRITES, HS_F_FILTERS,
                                           HS_F_FACETS, HS_F_SORT,     HS_F_REQUEST,
                                           HS_F_ERROR,  HS_F_MESSAGE,  HS_F_ATTRIBUTES};
    struct hs_str consent = hs_event_get_str(event, HS_F_CONSENT);
    bool drop = consent.n > 0 && hs_consent_is_refusal(consent);
    size_t i;
    int rc = HS_OK;

    for (i = 0; i < HS_ARRAY_LEN(fields) && rc == HS_OK; i++)
        rc = redact_value(intake, &event->v[fields[i]], err);
    hide_person(intake, HS_STR_NULL, &event->v[HS_F_ATTRIBUTES], drop);
    for (i = 0; i < event->attributes_n && rc == HS_OK; i++) {
        hide_person(intake, event->attributes[i].key, &event->attributes[i].value, drop);
        redact(intake, event->attributes[i].key, &event->attributes[i].key);
        rc = redact_value(intake, &event->attributes[i].value, err);
    }
    return rc;
}
