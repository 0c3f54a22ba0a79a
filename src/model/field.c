#include "model/field.h"

#include <pthread.h>
#include <string.h>

static const char *const event_types[] = {"search", "result", "error", NULL};
static const char *const kinds[] = {"search",         "autosuggest", "browse", "facet",
                                    "recommendation", "retrieval",   NULL};
static const char *const tiers[] = {"edge", "engine", NULL};
static const char *const statuses[] = {"ok", "error", "timeout", "partial", "cancelled", NULL};
static const char *const relations[] = {"eq", "gte", NULL};

#define NAME(s) .name = "" s, .name_n = sizeof(s) - 1
/* A result event has the fields that its table has a column for, and the failure message those of
 * the errors' table (sql/0001_raw.sql); what else is sent with them becomes an attribute. Personal
 * ids are fields everywhere, because attributes are not pseudonymised. */
#define ALL (HS_FF_SEARCH | HS_FF_RESULT)
#define FAIL HS_FF_FAILURE
#define TEXT HS_FF_FREE_TEXT

/* Lengths in bytes. Identifiers stay below the stream's largest key. */
enum { WORD_MAX = 256, ID_MAX = 512, QUERY_MAX = 32768, TEXT_MAX = 65536, ITEMS_MAX = 10000 };
#define COUNT_MAX 9007199254740991.0 /* 2^53 - 1: every integer up to here is a double */
#define MS_MAX 86400000.0            /* a day */

/* One row each: .name, type, flags, min, max, words. */
#define FIELD_ID(f, s, fl) [f] = {NAME(s), .type = HS_FT_STRING, .flags = (fl), .max = ID_MAX}
#define FIELD_STR(f, s, fl, m) [f] = {NAME(s), .type = HS_FT_STRING, .flags = (fl), .max = (m)}
#define FIELD_HEX(f, s, fl, m)                                                                     \
    [f] = {NAME(s), .type = HS_FT_STRING, .flags = (fl) | HS_FF_HEX, .max = (m)}
#define FIELD_WORD(f, s, fl, w)                                                                    \
    [f] = {NAME(s), .type = HS_FT_WORD, .flags = (fl), .max = WORD_MAX, .words = (w)}
#define FIELD_TIME(f, s, fl) [f] = {NAME(s), .type = HS_FT_TIME, .flags = (fl)}
#define FIELD_BOOL(f, s, fl) [f] = {NAME(s), .type = HS_FT_BOOL, .flags = (fl)}
#define FIELD_INT(f, s, fl, lo, hi)                                                                \
    [f] = {NAME(s), .type = HS_FT_INT, .flags = (fl), .min = (lo), .max = (hi)}
#define FIELD_NUM(f, s, fl, lo, hi)                                                                \
    [f] = {NAME(s), .type = HS_FT_NUMBER, .flags = (fl), .min = (lo), .max = (hi)}
#define FIELD_OBJ(f, s, fl) [f] = {NAME(s), .type = HS_FT_OBJECT, .flags = (fl)}
#define FIELD_ARR(f, s, fl, m) [f] = {NAME(s), .type = HS_FT_ARRAY, .flags = (fl), .max = (m)}

const struct hs_field_def hs_fields[HS_FIELD_N] = {
    FIELD_WORD(HS_F_EVENT_TYPE, "event_type", ALL | FAIL, event_types),
    FIELD_STR(HS_F_EVENT_ID, "event_id", ALL | FAIL, WORD_MAX),
    FIELD_TIME(HS_F_TIMESTAMP, "timestamp", ALL | FAIL),
    FIELD_TIME(HS_F_RECEIVED_AT, "received_at", ALL | FAIL | HS_FF_DERIVED),
    FIELD_STR(HS_F_SOURCE, "source", ALL | FAIL | HS_FF_DERIVED, WORD_MAX),
    FIELD_BOOL(HS_F_IMPORT, "import", ALL | FAIL | HS_FF_DERIVED),
    FIELD_STR(HS_F_TIME_ADJUSTED, "time_adjusted", ALL | FAIL | HS_FF_DERIVED, WORD_MAX),
    FIELD_TIME(HS_F_TIMESTAMP_SENT, "timestamp_sent", ALL | FAIL | HS_FF_DERIVED),
    FIELD_ID(HS_F_QUERY_ID, "query_id", ALL | FAIL),
    FIELD_ID(HS_F_PARENT_QUERY_ID, "parent_query_id", HS_FF_SEARCH),
    FIELD_ID(HS_F_INTENT_ID, "intent_id", HS_FF_SEARCH),
    FIELD_HEX(HS_F_TRACE_ID, "trace_id", ALL | FAIL, 32),
    FIELD_HEX(HS_F_SPAN_ID, "span_id", HS_FF_SEARCH | FAIL, 16),
    FIELD_ID(HS_F_SESSION_ID, "session_id", ALL | FAIL | HS_FF_PERSON),
    FIELD_ID(HS_F_CLIENT_ID, "client_id", ALL | FAIL | HS_FF_PERSON),
    FIELD_ID(HS_F_USER_ID, "user_id", ALL | FAIL | HS_FF_PERSON),
    FIELD_STR(HS_F_APPLICATION, "application", ALL | FAIL, WORD_MAX),
    FIELD_STR(HS_F_SURFACE, "surface", ALL, WORD_MAX),
    FIELD_WORD(HS_F_KIND, "kind", HS_FF_SEARCH, kinds),
    FIELD_WORD(HS_F_TIER, "tier", HS_FF_SEARCH, tiers),
    FIELD_STR(HS_F_SERVICE, "service", ALL | FAIL, WORD_MAX),
    FIELD_STR(HS_F_ENVIRONMENT, "environment", ALL | FAIL, WORD_MAX),
    FIELD_STR(HS_F_REGION, "region", ALL | FAIL, WORD_MAX),
    FIELD_STR(HS_F_HOST, "host", HS_FF_SEARCH | FAIL, WORD_MAX),
    FIELD_STR(HS_F_VERSION, "version", ALL | FAIL, WORD_MAX),
    FIELD_STR(HS_F_INDEX, "index", HS_FF_SEARCH | FAIL, WORD_MAX),
    FIELD_STR(HS_F_INDEX_VERSION, "index_version", HS_FF_SEARCH, WORD_MAX),
    FIELD_STR(HS_F_RANKER, "ranker", HS_FF_SEARCH, WORD_MAX),
    FIELD_STR(HS_F_LOCALE, "locale", ALL, WORD_MAX),
    FIELD_STR(HS_F_COUNTRY, "country", ALL, WORD_MAX),
    FIELD_STR(HS_F_DEVICE, "device", ALL, WORD_MAX),
    FIELD_STR(HS_F_USER_AGENT, "user_agent", ALL, 2048),
    FIELD_STR(HS_F_CONSENT, "consent", ALL | FAIL, WORD_MAX),
    FIELD_BOOL(HS_F_SYNTHETIC, "synthetic", ALL | FAIL),
    FIELD_BOOL(HS_F_BOT, "bot", ALL | FAIL | HS_FF_DERIVED),
    FIELD_STR(HS_F_QUERY, "query", ALL | TEXT | HS_FF_EMPTY, QUERY_MAX),
    FIELD_STR(HS_F_QUERY_NORM, "query_norm", HS_FF_SEARCH | HS_FF_DERIVED | HS_FF_EMPTY, QUERY_MAX),
    FIELD_HEX(HS_F_FINGERPRINT, "fingerprint", HS_FF_SEARCH | HS_FF_DERIVED, 16),
    FIELD_ARR(HS_F_REWRITES, "rewrites", HS_FF_SEARCH | TEXT, 100),
    FIELD_ARR(HS_F_FILTERS, "filters", HS_FF_SEARCH | TEXT, 1000),
    FIELD_ARR(HS_F_FACETS, "facets", HS_FF_SEARCH | TEXT, 1000),
    FIELD_STR(HS_F_SORT, "sort", HS_FF_SEARCH | TEXT, 1024),
    FIELD_INT(HS_F_PAGE, "page", HS_FF_SEARCH, 1, 1e9),
    FIELD_INT(HS_F_PAGE_SIZE, "page_size", HS_FF_SEARCH, 0, 1e6),
    FIELD_OBJ(HS_F_REQUEST, "request", HS_FF_SEARCH | TEXT),
    FIELD_NUM(HS_F_LATENCY_MS, "latency_ms", HS_FF_SEARCH, 0, MS_MAX),
    FIELD_NUM(HS_F_TOOK_MS, "took_ms", HS_FF_SEARCH, 0, MS_MAX),
    FIELD_OBJ(HS_F_PHASES, "phases", HS_FF_SEARCH),
    FIELD_ARR(HS_F_RETRIEVERS, "retrievers", HS_FF_SEARCH, 100),
    FIELD_INT(HS_F_TOTAL_HITS, "total_hits", HS_FF_SEARCH, 0, COUNT_MAX),
    FIELD_WORD(HS_F_TOTAL_HITS_RELATION, "total_hits_relation", HS_FF_SEARCH, relations),
    FIELD_INT(HS_F_RETURNED, "returned", HS_FF_SEARCH, 0, 1e9),
    FIELD_ARR(HS_F_RESULTS, "results", HS_FF_SEARCH, ITEMS_MAX),
    FIELD_WORD(HS_F_STATUS, "status", HS_FF_SEARCH | FAIL, statuses),
    FIELD_OBJ(HS_F_ERROR, "error", HS_FF_SEARCH | FAIL | TEXT),
    FIELD_OBJ(HS_F_SHARDS, "shards", HS_FF_SEARCH),
    FIELD_BOOL(HS_F_CACHE_HIT, "cache_hit", HS_FF_SEARCH),
    FIELD_STR(HS_F_FALLBACK, "fallback", HS_FF_SEARCH, WORD_MAX),
    FIELD_ARR(HS_F_EXPERIMENTS, "experiments", HS_FF_SEARCH, 100),
    FIELD_INT(HS_F_SAMPLE_WEIGHT, "sample_weight", HS_FF_SEARCH, 1, 10000),
    FIELD_STR(HS_F_ACTION, "action", HS_FF_RESULT, WORD_MAX),
    FIELD_ARR(HS_F_OBJECTS, "objects", HS_FF_RESULT, ITEMS_MAX),
    FIELD_NUM(HS_F_VALUE, "value", HS_FF_RESULT, -1e15, 1e15),
    FIELD_STR(HS_F_CURRENCY, "currency", HS_FF_RESULT, 16),
    FIELD_NUM(HS_F_QUANTITY, "quantity", HS_FF_RESULT, -1e9, 1e9),
    FIELD_ID(HS_F_ORDER_ID, "order_id", HS_FF_RESULT),
    FIELD_STR(HS_F_MESSAGE, "message", HS_FF_RESULT | TEXT, TEXT_MAX),
    FIELD_OBJ(HS_F_ATTRIBUTES, "attributes", ALL | FAIL | TEXT),
};

/* Open addressing, filled once from the table above and read-only afterwards. A quarter full at
 * most, so that a probe is short. */
enum { SLOTS = 512 };
_Static_assert(HS_FIELD_N * 4 <= SLOTS, "the hash table of names is too small");

static unsigned char slots[SLOTS]; /* field + 1; 0: free */
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;

static unsigned slot_of(const char *name, size_t n)
{
    unsigned first = (unsigned char)name[0];
    unsigned middle = (unsigned char)name[n / 2];
    unsigned last = (unsigned char)name[n - 1];

    return (unsigned)(n * 37 + first * 5 + middle * 131 + last * 17) % SLOTS;
}

static void fill_slots(void)
{
    unsigned field;

    for (field = 0; field < HS_FIELD_N; field++) {
        unsigned slot = slot_of(hs_fields[field].name, hs_fields[field].name_n);

        while (slots[slot])
            slot = (slot + 1) % SLOTS;
        slots[slot] = (unsigned char)(field + 1);
    }
}

enum hs_field hs_field_find(struct hs_str name)
{
    unsigned slot;

    if (name.n == 0)
        return HS_FIELD_N;
    pthread_once(&slots_once, fill_slots);
    for (slot = slot_of(name.p, name.n); slots[slot]; slot = (slot + 1) % SLOTS) {
        const struct hs_field_def *def = &hs_fields[slots[slot] - 1];

        if (def->name_n == name.n && hs_bytes_eq(def->name, name.p, name.n))
            return (enum hs_field)(slots[slot] - 1);
    }
    return HS_FIELD_N;
}
