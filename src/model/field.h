/*
 * The fields of the events that clients send and of the JSON messages in the stream: one table for
 * validation, writing, redaction and docs. Names are those of schema/search-event.json and
 * schema/result-event.json.
 */
#ifndef HS_MODEL_FIELD_H
#define HS_MODEL_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum hs_field {
    /* of every event */
    HS_F_EVENT_TYPE, /* search, result, error */
    HS_F_EVENT_ID,
    HS_F_TIMESTAMP,      /* in messages: microseconds since 1970, an integer */
    HS_F_RECEIVED_AT,    /* messages only: microseconds since 1970 */
    HS_F_SOURCE,         /* messages only: native, ubi, span */
    HS_F_IMPORT,         /* messages only: sent under the import scope */
    HS_F_TIME_ADJUSTED,  /* messages only: "future", "late" when timestamp became received_at */
    HS_F_TIMESTAMP_SENT, /* messages only: what the client said, when adjusted; microseconds */
    HS_F_QUERY_ID,
    HS_F_PARENT_QUERY_ID,
    HS_F_INTENT_ID,
    HS_F_TRACE_ID, /* 32 hex digits, lower case in messages */
    HS_F_SPAN_ID,  /* 16 hex digits */
    HS_F_SESSION_ID,
    HS_F_CLIENT_ID,
    HS_F_USER_ID,
    HS_F_APPLICATION,
    HS_F_SURFACE,
    HS_F_KIND,
    HS_F_TIER,
    HS_F_SERVICE,
    HS_F_ENVIRONMENT,
    HS_F_REGION,
    HS_F_HOST,
    HS_F_VERSION,
    HS_F_INDEX,
    HS_F_INDEX_VERSION,
    HS_F_RANKER,
    HS_F_LOCALE,
    HS_F_COUNTRY,
    HS_F_DEVICE,
    HS_F_USER_AGENT,
    HS_F_CONSENT,
    HS_F_SYNTHETIC,
    HS_F_BOT, /* messages only: by user agent */
    /* of a search */
    HS_F_QUERY,
    HS_F_QUERY_NORM,  /* messages only: normalised query */
    HS_F_FINGERPRINT, /* messages only: 16 hex digits, hash of query_norm */
    HS_F_REWRITES,    /* [{kind, from, to}] */
    HS_F_FILTERS,     /* [{field, op, value}] */
    HS_F_FACETS,      /* [string] */
    HS_F_SORT,
    HS_F_PAGE, /* 1-based */
    HS_F_PAGE_SIZE,
    HS_F_REQUEST, /* {engine, method, path, body} */
    HS_F_LATENCY_MS,
    HS_F_TOOK_MS,
    HS_F_PHASES,     /* {parse, retrieve, rank, rerank, fetch}: ms */
    HS_F_RETRIEVERS, /* [{kind, k, ms, hits, model}] */
    HS_F_TOTAL_HITS,
    HS_F_TOTAL_HITS_RELATION, /* eq, gte */
    HS_F_RETURNED,
    HS_F_RESULTS, /* [{id, position, score, index, sponsored}] */
    HS_F_STATUS,  /* ok, error, timeout, partial, cancelled */
    HS_F_ERROR,   /* {code, type, message, stage, stack} */
    HS_F_SHARDS,  /* {total, failed, detail [{shard, node, ms}]} */
    HS_F_CACHE_HIT,
    HS_F_FALLBACK,    /* string: what was fallen back to; true becomes "true" */
    HS_F_EXPERIMENTS, /* [{id, variant}] */
    HS_F_SAMPLE_WEIGHT,
    /* of a result event (action) */
    HS_F_ACTION,
    HS_F_OBJECTS, /* [{id, position}] */
    HS_F_VALUE,
    HS_F_CURRENCY,
    HS_F_QUANTITY,
    HS_F_ORDER_ID,
    HS_F_MESSAGE, /* UBI message; free text */
    /* whatever else was sent, kept as it came */
    HS_F_ATTRIBUTES, /* {} */
    HS_FIELD_N,
};

enum hs_field_type {
    HS_FT_STRING,
    HS_FT_WORD, /* a string of a closed set (`words`) */
    HS_FT_TIME, /* number by magnitude or RFC 3339 */
    HS_FT_INT,
    HS_FT_NUMBER,
    HS_FT_BOOL,
    HS_FT_OBJECT,
    HS_FT_ARRAY,
};

enum hs_field_flags {
    HS_FF_SEARCH = 1 << 0,    /* a field of event_type search; of another type it is an attribute */
    HS_FF_RESULT = 1 << 1,    /* a field of event_type result */
    HS_FF_DERIVED = 1 << 2,   /* set by the collector only: from a client it goes to attributes */
    HS_FF_FREE_TEXT = 1 << 3, /* redacted */
    HS_FF_PERSON = 1 << 4,    /* stored as a keyed hash; dropped without consent */
    HS_FF_HEX = 1 << 5,       /* hex digits of exactly `max` characters, written lower case */
    HS_FF_FAILURE = 1 << 6,   /* a field of event_type error, and of a failed search there */
    HS_FF_EMPTY = 1 << 7,     /* an empty string is a value; elsewhere it counts as absent */
};

struct hs_field_def {
    const char *name;
    unsigned name_n; /* strlen(name) */
    enum hs_field_type type;
    unsigned flags;
    double min; /* INT, NUMBER: least value */
    double max; /* INT, NUMBER: largest value; strings: largest length in bytes; arrays: in items */
    const char *const *words; /* WORD: NULL-ended */
};

extern const struct hs_field_def hs_fields[HS_FIELD_N];

/* HS_FIELD_N when no field has that name. Constant time. @thread any */
enum hs_field hs_field_find(struct hs_str name);

#endif
