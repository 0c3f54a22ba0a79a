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
    bool plain; /* STR: valid UTF-8 without '"', '\\' and control characters: written as it is */
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

enum {
    HS_EVENT_ATTRIBUTES_MAX = 128, /* top-level unknown keys and keys of "attributes" together */
    HS_EVENT_DEPTH_MAX = 32,       /* containers inside each other below a field */
    HS_EVENT_BYTES_MAX = 1 << 20,  /* of one event's message */
};

/* Why an event was refused: in err->sys of HS_EINVAL and HS_ELIMIT. */
enum hs_refusal {
    HS_REFUSED_NONE,
    HS_REFUSED_JSON,      /* "invalid_json" */
    HS_REFUSED_MISSING,   /* "missing_field" */
    HS_REFUSED_TYPE,      /* "wrong_type" */
    HS_REFUSED_VALUE,     /* "invalid_value": a word of no known set, a time, hex digits */
    HS_REFUSED_RANGE,     /* "out_of_range" */
    HS_REFUSED_LATENCY,   /* "latency_out_of_range" */
    HS_REFUSED_LENGTH,    /* "too_long": strings, arrays, the event */
    HS_REFUSED_DEPTH,     /* "too_deep" */
    HS_REFUSED_DUPLICATE, /* "duplicate_key" */
    HS_REFUSED_TIME,      /* "too_old": an import from before the retention */
    HS_REFUSED_N,
};
/* The word for answers; "invalid" for other numbers. */
const char *hs_refusal_name(int refusal);

struct hs_event {
    struct hs_value v[HS_FIELD_N];
    struct hs_attribute attributes[HS_EVENT_ATTRIBUTES_MAX]; /* beside those in HS_F_ATTRIBUTES */
    unsigned attributes_n;
    bool positions_missing; /* HS_F_RESULTS is JSON and an item of it has no position */
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

/* Reads a native event (a parsed JSON object) into `out`: names, types, ranges, required fields of
 * schema/search-event.json, result-event.json and error-event.json. The document must have been
 * read with YYJSON_READ_NUMBER_AS_RAW (numbers keep the text they were sent with) and stay alive
 * and writable as long as `out` is used: an integer id becomes a string in place.
 * After HS_OK: event_type is set; timestamp is I64 microseconds; unknown keys, and fields that the
 * event's type does not have, are attributes; null and (but for `query`) "" count as absent; status
 * and returned have their defaults. HS_EINVAL: err->text names the field (as a path:
 * "results[3].position"), what the value is and the rule, err->sys is an hs_refusal; `out` is then
 * undefined. */
int hs_event_read(struct yyjson_val *object, struct hs_event *out, struct hs_err *err);

/* Checks a value of free form as hs_event_read does for attributes: at most HS_EVENT_DEPTH_MAX
 * levels, no U+0000 in strings, numbers that a double can hold. `name` is for the error. */
int hs_event_check_free(struct yyjson_val *val, struct hs_str name, struct hs_err *err);

/* What a value is, for messages: "a string", "an array", "null", … A literal. */
const char *hs_json_kind(struct yyjson_val *val);

/* A timestamp in microseconds: a number by magnitude (base/clock.h) or RFC 3339. HS_EINVAL. */
int hs_event_parse_time(struct yyjson_val *val, int64_t *out_us);
/* A number's value from a RAW or number value. HS_EINVAL for other types and what no double holds.
 * The integer takes digits with an optional sign and zeros after a point, no exponent. */
int hs_event_parse_double(struct yyjson_val *val, double *out);
int hs_event_parse_i64(struct yyjson_val *val, int64_t *out);

/* Appends the event as one JSON object, fields in table order, attributes last. */
void hs_event_write(const struct hs_event *event, struct hs_buf *out);
/* The same, but only the fields with HS_FF_FAILURE: a failed search's message for search.errors. */
void hs_event_write_failure(const struct hs_event *event, struct hs_buf *out);
/* Appends one JSON value of a document read as hs_event_read wants it. */
void hs_event_write_json(struct yyjson_val *val, struct hs_buf *out);

#endif
