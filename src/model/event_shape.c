/*
 * Fields with a structure: which keys an object or an array's items have. Keys that are not listed
 * here are reported, so that the reader can keep the value as it was sent.
 */
#include <float.h>
#include <yyjson.h>

#include "base/mem.h"
#include "model/event_int.h"

enum part_type {
    PART_STRING,
    PART_ID, /* a string of at least one byte, or an integer, which becomes a string in place */
    PART_WORD,
    PART_INT,
    PART_NUMBER,
    PART_BOOL,
    PART_FREE, /* any JSON */
    PART_SHARDS,
};

struct part {
    const char *name;
    unsigned name_n;
    enum part_type type;
    bool required;
    double min, max;
    const char *const *words;
};

#define NAME(s) .name = "" s, .name_n = sizeof(s) - 1
#define ID_MAX 512
#define TEXT_MAX 262144
#define U32_MAX 4294967295.0
#define COUNT_MAX 9007199254740991.0
#define MS_MAX 86400000.0

#define PART_OF_ID(s, req)                                                                         \
    {                                                                                              \
        NAME(s), .type = PART_ID, .required = (req), .max = ID_MAX                                 \
    }
#define PART_OF_STR(s, m)                                                                          \
    {                                                                                              \
        NAME(s), .type = PART_STRING, .max = (m)                                                   \
    }
#define PART_OF_INT(s, lo, hi)                                                                     \
    {                                                                                              \
        NAME(s), .type = PART_INT, .min = (lo), .max = (hi)                                        \
    }
#define PART_OF_NUM(s, lo, hi)                                                                     \
    {                                                                                              \
        NAME(s), .type = PART_NUMBER, .min = (lo), .max = (hi)                                     \
    }

static const char *const retriever_kinds[] = {"lexical", "dense", "sparse", NULL};

static const struct part result_parts[] = {
    PART_OF_ID("id", true),
    PART_OF_INT("position", 1, U32_MAX),
    PART_OF_NUM("score", -DBL_MAX, DBL_MAX),
    PART_OF_STR("index", 256),
    {NAME("sponsored"), .type = PART_BOOL},
};
static const struct part object_parts[] = {
    PART_OF_ID("id", true),
    PART_OF_INT("position", 1, U32_MAX),
};
static const struct part rewrite_parts[] = {
    PART_OF_STR("kind", 256),
    PART_OF_STR("from", 32768),
    PART_OF_STR("to", 32768),
};
static const struct part filter_parts[] = {
    {NAME("field"), .type = PART_STRING, .required = true, .max = 1024},
    PART_OF_STR("op", 256),
    {NAME("value"), .type = PART_FREE},
};
static const struct part request_parts[] = {
    PART_OF_STR("engine", 256),
    PART_OF_STR("method", 32),
    PART_OF_STR("path", 8192),
    {NAME("body"), .type = PART_FREE},
};
static const struct part phase_parts[] = {
    PART_OF_NUM("parse", 0, MS_MAX), PART_OF_NUM("retrieve", 0, MS_MAX),
    PART_OF_NUM("rank", 0, MS_MAX),  PART_OF_NUM("rerank", 0, MS_MAX),
    PART_OF_NUM("fetch", 0, MS_MAX),
};
static const struct part retriever_parts[] = {
    {NAME("kind"), .type = PART_WORD, .words = retriever_kinds},
    PART_OF_INT("k", 0, COUNT_MAX),
    PART_OF_NUM("ms", 0, MS_MAX),
    PART_OF_INT("hits", 0, COUNT_MAX),
    PART_OF_STR("model", 256),
};
static const struct part error_parts[] = {
    PART_OF_ID("code", false), PART_OF_STR("type", 1024),      PART_OF_STR("message", TEXT_MAX),
    PART_OF_STR("stage", 256), PART_OF_STR("stack", TEXT_MAX),
};
static const struct part shards_parts[] = {
    PART_OF_INT("total", 0, U32_MAX),
    PART_OF_INT("failed", 0, U32_MAX),
    {NAME("detail"), .type = PART_SHARDS},
};
static const struct part shard_parts[] = {
    PART_OF_ID("shard", false),
    PART_OF_STR("node", 256),
    PART_OF_NUM("ms", 0, MS_MAX),
};
static const struct part experiment_parts[] = {
    PART_OF_ID("id", true),
    PART_OF_ID("variant", false),
};

struct shape {
    const struct part *parts;
    size_t n;
    double items_max;
    bool stored_whole; /* the table keeps the value as JSON: unknown keys are not lost */
};

#define PARTS(p) .parts = (p), .n = HS_ARRAY_LEN(p)

static const struct shape shard_shape = {PARTS(shard_parts), .items_max = 10000,
                                         .stored_whole = true};

static const struct shape shapes[HS_FIELD_N] = {
    [HS_F_RESULTS] = {PARTS(result_parts)},
    [HS_F_OBJECTS] = {PARTS(object_parts)},
    [HS_F_REWRITES] = {PARTS(rewrite_parts), .stored_whole = true},
    [HS_F_FILTERS] = {PARTS(filter_parts), .stored_whole = true},
    [HS_F_REQUEST] = {PARTS(request_parts), .stored_whole = true},
    [HS_F_PHASES] = {PARTS(phase_parts)},
    [HS_F_RETRIEVERS] = {PARTS(retriever_parts), .stored_whole = true},
    [HS_F_ERROR] = {PARTS(error_parts)},
    [HS_F_SHARDS] = {PARTS(shards_parts)},
    [HS_F_EXPERIMENTS] = {PARTS(experiment_parts)},
};

static int check_items(yyjson_val *val, const struct shape *shape, double items_max,
                       const struct hs_spot *spot, struct hs_shape_found *found,
                       struct hs_err *err);

static int check_id(yyjson_val *val, double max, const struct hs_spot *spot, struct hs_err *err)
{
    int64_t number;
    int rc;

    if (unsafe_yyjson_is_raw(val) && hs_event_parse_i64(val, &number) == HS_OK)
        unsafe_yyjson_set_strn(val, unsafe_yyjson_get_raw(val), unsafe_yyjson_get_len(val));
    if (!unsafe_yyjson_is_str(val))
        return hs_spot_fail_type(spot, val, "a string or an integer", err);
    rc = hs_check_string(val, max, spot, err);
    if (rc == HS_OK && unsafe_yyjson_get_len(val) == 0)
        rc = hs_spot_fail(spot, HS_REFUSED_VALUE, err, "is empty");
    return rc;
}

static int check_part(yyjson_val *val, const struct part *part, const struct hs_spot *spot,
                      struct hs_shape_found *found, struct hs_err *err)
{
    switch (part->type) {
    case PART_STRING: return hs_check_string(val, part->max, spot, err);
    case PART_ID: return check_id(val, part->max, spot, err);
    case PART_WORD: return hs_check_word(val, part->words, spot, err);
    case PART_INT: return hs_check_int(val, part->min, part->max, spot, err);
    case PART_NUMBER: return hs_check_number(val, part->min, part->max, spot, err);
    case PART_FREE: return hs_check_free(val, spot, err);
    case PART_SHARDS:
        return check_items(val, &shard_shape, shard_shape.items_max, spot, found, err);
    case PART_BOOL: break;
    }
    if (!unsafe_yyjson_is_bool(val))
        return hs_spot_fail_type(spot, val, "a boolean", err);
    return HS_OK;
}

static bool is_part(const struct part *part, yyjson_val *key)
{
    return part->name_n == unsafe_yyjson_get_len(key) &&
           hs_bytes_eq(part->name, unsafe_yyjson_get_str(key), part->name_n);
}

/* `likely` is where the key stands when the object has its keys in the order of the table. */
static size_t find_part(const struct shape *shape, yyjson_val *key, size_t likely)
{
    size_t i;

    if (likely < shape->n && is_part(&shape->parts[likely], key))
        return likely;
    for (i = 0; i < shape->n && !is_part(&shape->parts[i], key); i++)
        ;
    return i;
}

static int check_required(const struct shape *shape, unsigned seen, const struct hs_spot *up,
                          struct hs_err *err)
{
    size_t i;

    for (i = 0; i < shape->n; i++) {
        const struct part *part = &shape->parts[i];
        const struct hs_spot spot = {.up = up, .name = hs_str_n(part->name, part->name_n)};

        if (part->required && !(seen & 1U << i))
            return hs_spot_fail(&spot, HS_REFUSED_MISSING, err, "is missing");
    }
    return HS_OK;
}

static int check_unknown(yyjson_val *key, yyjson_val *val, const struct hs_spot *spot,
                         struct hs_err *err)
{
    int rc = hs_check_free(key, spot, err);

    return rc == HS_OK ? hs_check_free(val, spot, err) : rc;
}

/* One object; found->positions_missing is set by the caller's rule, from the returned bits. */
static int check_object(yyjson_val *obj, const struct shape *shape, const struct hs_spot *up,
                        struct hs_shape_found *found, struct hs_err *err)
{
    yyjson_val *key;
    unsigned seen = 0;
    size_t n;
    size_t i;
    int rc;

    if (!unsafe_yyjson_is_obj(obj))
        return hs_spot_fail_type(up, obj, "an object", err);
    n = unsafe_yyjson_get_len(obj);
    key = unsafe_yyjson_get_first(obj);
    for (i = 0; i < n; i++) {
        yyjson_val *val = key + 1;
        size_t at = find_part(shape, key, i);
        const struct hs_spot spot = {.up = up,
                                     .name = hs_str_n(unsafe_yyjson_get_str(key),
                                                      unsafe_yyjson_get_len(key))};

        key = unsafe_yyjson_get_next(val);
        if (at == shape->n) {
            found->unknown |= !shape->stored_whole;
            rc = check_unknown(val - 1, val, &spot, err);
        } else if (unsafe_yyjson_is_null(val)) {
            rc = HS_OK;
        } else if (seen & 1U << at) {
            rc = hs_spot_fail(&spot, HS_REFUSED_DUPLICATE, err, "is given twice");
        } else {
            seen |= 1U << at;
            rc = check_part(val, &shape->parts[at], &spot, found, err);
        }
        if (rc != HS_OK)
            return rc;
    }
    found->positions_missing |= shape->parts == result_parts && !(seen & 2U);
    return check_required(shape, seen, up, err);
}

static int check_items(yyjson_val *val, const struct shape *shape, double items_max,
                       const struct hs_spot *spot, struct hs_shape_found *found, struct hs_err *err)
{
    struct hs_spot item = {.up = spot};
    yyjson_val *at;
    size_t n;
    int rc = HS_OK;

    if (!unsafe_yyjson_is_arr(val))
        return hs_spot_fail_type(spot, val, "an array", err);
    n = unsafe_yyjson_get_len(val);
    if ((double)n > items_max)
        return hs_spot_fail(spot, HS_REFUSED_LENGTH, err, "has %zu items, limit %.0f", n,
                            items_max);
    at = unsafe_yyjson_get_first(val);
    for (; item.index < n && rc == HS_OK; item.index++) {
        rc = shape ? check_object(at, shape, &item, found, err)
                   : hs_check_string(at, 1024, &item, err);
        at = unsafe_yyjson_get_next(at);
    }
    return rc;
}

int hs_shape_check(enum hs_field field, struct yyjson_val *val, struct hs_shape_found *found,
                   struct hs_err *err)
{
    const struct hs_field_def *def = &hs_fields[field];
    const struct shape *shape = shapes[field].n > 0 ? &shapes[field] : NULL;
    const struct hs_spot spot = {.name = hs_str_n(def->name, def->name_n)};

    if (def->type == HS_FT_ARRAY)
        return check_items(val, shape, def->max, &spot, found, err);
    HS_ASSERT(shape != NULL);
    return check_object(val, shape, &spot, found, err);
}
