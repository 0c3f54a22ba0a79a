/*
 * One event between its arrival and the stream: a value for each field, whatever the client's form
 * was (native JSON, UBI, a span). Producers fill it, the collector enriches it, hs_event_write
 * makes the stream's JSON message of it. All views are borrowed from the request.
 */
#ifndef HS_MODEL_EVENT_H
#define HS_MODEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "model/field.h"

struct yyjson_val;

enum hs_value_kind {
    HS_VALUE_NONE,
    HS_VALUE_STR,
    HS_VALUE_I64,
    HS_VALUE_F64,
    HS_VALUE_BOOL,
    HS_VALUE_JSON, /* a parsed value of the request's document */
    HS_VALUE_RAW,  /* ready JSON text */
};

struct hs_value {
    enum hs_value_kind kind;
    union {
        struct hs_str str; /* STR, RAW */
        int64_t i64;
        double f64;
        bool boolean;
        struct yyjson_val *json;
    };
};

/* A key that no field has, kept under "attributes". */
struct hs_attribute {
    struct hs_str key;
    struct hs_value value;
};

enum { HS_EVENT_ATTRIBUTES_MAX = 128 };

struct hs_event {
    struct hs_value v[HS_FIELD_N];
    struct hs_attribute attributes[HS_EVENT_ATTRIBUTES_MAX]; /* beside those in HS_F_ATTRIBUTES */
    unsigned attributes_n;
};

void hs_event_reset(struct hs_event *event);

static inline void hs_event_str(struct hs_event *event, enum hs_field field, struct hs_str s)
{
    event->v[field] = (struct hs_value){.kind = HS_VALUE_STR, .str = s};
}

static inline void hs_event_i64(struct hs_event *event, enum hs_field field, int64_t v)
{
    event->v[field] = (struct hs_value){.kind = HS_VALUE_I64, .i64 = v};
}

static inline void hs_event_f64(struct hs_event *event, enum hs_field field, double v)
{
    event->v[field] = (struct hs_value){.kind = HS_VALUE_F64, .f64 = v};
}

static inline void hs_event_bool(struct hs_event *event, enum hs_field field, bool v)
{
    event->v[field] = (struct hs_value){.kind = HS_VALUE_BOOL, .boolean = v};
}

static inline void hs_event_raw(struct hs_event *event, enum hs_field field, struct hs_str json)
{
    event->v[field] = (struct hs_value){.kind = HS_VALUE_RAW, .str = json};
}

/* The string value, or the empty view when the field is absent or no string. */
static inline struct hs_str hs_event_get_str(const struct hs_event *event, enum hs_field field)
{
    return event->v[field].kind == HS_VALUE_STR ? event->v[field].str : HS_STR_NULL;
}

/* HS_ELIMIT when HS_EVENT_ATTRIBUTES_MAX are in use. */
int hs_event_attribute(struct hs_event *event, struct hs_str key, struct hs_value value);

/* Reads a native event (a parsed JSON object) into `event`: names, types, ranges, required fields
 * of schema/search-event.json and schema/result-event.json; unknown keys become attributes; null
 * counts as absent. HS_EINVAL: err->text names the field (as a path: "results[3].position"), the
 * value's type and the rule. */
int hs_event_read(struct yyjson_val *object, struct hs_event *out, struct hs_err *err);

/* Appends the event as one JSON object, fields in table order, attributes last. */
void hs_event_write(const struct hs_event *event, struct hs_buf *out);

#endif
