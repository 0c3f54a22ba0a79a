#define XXH_INLINE_ALL
#include "engine/rows.h"

#include <xxhash.h>

#include "base/clock.h"
#include "base/mem.h"

enum { DEDUP_TEXT_MAX = 2048 };

struct topic_row {
    unsigned tables;
    hs_map_fn *map;
};

static const struct topic_row topic_rows[HS_TOPIC_N] = {
    [HS_TOPIC_EVENTS] = {1U << HS_TABLE_SEARCHES | 1U << HS_TABLE_SEARCH_BY_QUERY, hs_map_search},
    [HS_TOPIC_RESULTS] = {1U << HS_TABLE_RESULTS, hs_map_result},
    [HS_TOPIC_ERRORS] = {1U << HS_TABLE_ERRORS, hs_map_error},
    [HS_TOPIC_SPANS] = {1U << HS_TABLE_SPANS | 1U << HS_TABLE_TRACE_BY_ID, hs_map_spans},
    [HS_TOPIC_LOGS] = {1U << HS_TABLE_LOGS, hs_map_logs},
};

unsigned hs_topic_tables(enum hs_topic topic)
{
    HS_ASSERT(topic < HS_TOPIC_N);
    return topic_rows[topic].tables;
}

int hs_rows_init(struct hs_rows *rows, const struct hs_origin *origin, hs_keep_fn *keep_fn,
                 void *keep_arg, struct hs_err *err)
{
    unsigned tables = hs_topic_tables(origin->topic);
    int rc = HS_OK;
    int i;

    HS_ASSERT(tables != 0);
    *rows = (struct hs_rows){.origin = *origin, .keep_fn = keep_fn, .keep_arg = keep_arg};
    rows->stream_id = hs_xstrndup(origin->stream_id.p, origin->stream_id.n);
    rows->origin.stream_id = hs_str_c(rows->stream_id);
    for (i = 0; i < HS_TABLE_N && rc == HS_OK; i++) {
        if (tables & 1U << i)
            rc = hs_block_init(&rows->blocks[i], &hs_raw_tables[i], HS_ROWS_COLUMN_BYTES_MAX, err);
    }
    if (rc != HS_OK)
        hs_rows_fini(rows);
    return rc;
}

static void forget_notes(struct hs_rows *rows)
{
    size_t i;

    for (i = 0; i < rows->interned_n; i++)
        hs_free(rows->interned[i]);
    rows->interned_n = 0;
    rows->minutes_n = 0;
    rows->sources_n = 0;
    rows->newest_received_ns = 0;
}

void hs_rows_fini(struct hs_rows *rows)
{
    int i;

    if (!rows)
        return;
    forget_notes(rows);
    for (i = 0; i < HS_TABLE_N; i++) {
        if (rows->blocks[i].def)
            hs_block_fini(&rows->blocks[i]);
        hs_free(rows->ids[i]);
    }
    hs_free(rows->minutes);
    hs_free(rows->sources);
    hs_free(rows->interned);
    hs_free(rows->stream_id);
    *rows = (struct hs_rows){.stream_id = NULL};
}

void hs_rows_reset(struct hs_rows *rows)
{
    int i;

    forget_notes(rows);
    for (i = 0; i < HS_TABLE_N; i++) {
        if (rows->blocks[i].def)
            hs_block_reset(&rows->blocks[i]);
    }
}

size_t hs_rows_count(const struct hs_rows *rows)
{
    size_t most = 0;
    int i;

    for (i = 0; i < HS_TABLE_N; i++)
        most = HS_MAX(most, rows->blocks[i].rows);
    return most;
}

size_t hs_rows_bytes(const struct hs_rows *rows)
{
    size_t bytes = 0;
    int i;

    for (i = 0; i < HS_TABLE_N; i++)
        bytes += rows->blocks[i].def ? hs_block_bytes(&rows->blocks[i]) : 0;
    return bytes;
}

int hs_rows_add(struct hs_rows *rows, const struct hs_record *record, struct hs_err *err)
{
    size_t bytes = hs_rows_bytes(rows);

    if (bytes > HS_ROWS_BYTES_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "batch holds %zu bytes, limit %d", bytes,
                          HS_ROWS_BYTES_MAX);
    return topic_rows[rows->origin.topic].map(rows, record, err);
}

int hs_rows_end(struct hs_rows *rows, enum hs_raw_table table, const struct hs_row_id *id,
                struct hs_err *err)
{
    struct hs_block *block = &rows->blocks[table];
    int rc = hs_block_row_end(block, err);

    if (rc != HS_OK)
        return rc;
    if (block->rows > rows->ids_cap[table]) {
        rows->ids_cap[table] = block->rows * 2;
        rows->ids[table] = hs_xrealloc(rows->ids[table], rows->ids_cap[table], sizeof(*id));
    }
    rows->ids[table][block->rows - 1] = *id;
    return HS_OK;
}

static const char *intern(struct hs_rows *rows, struct hs_str s)
{
    size_t i;

    for (i = rows->interned_n; i > 0; i--) {
        if (hs_str_eq_c(s, rows->interned[i - 1]))
            return rows->interned[i - 1];
    }
    if (rows->interned_n == rows->interned_cap) {
        rows->interned_cap = rows->interned_cap * 2 + 16;
        rows->interned = hs_xrealloc(rows->interned, rows->interned_cap, sizeof(char *));
    }
    rows->interned[rows->interned_n] = hs_xstrndup(s.p, s.n);
    return rows->interned[rows->interned_n++];
}

void hs_rows_note_minute(struct hs_rows *rows, struct hs_str tenant, int64_t ts_us,
                         unsigned touched)
{
    int64_t minute_s = ts_us / 60000000 * 60;
    size_t i;

    for (i = rows->minutes_n; i > 0; i--) {
        struct hs_minute *minute = &rows->minutes[i - 1];

        if (minute->minute_s == minute_s && hs_str_eq_c(tenant, minute->tenant)) {
            minute->touched |= touched;
            return;
        }
    }
    if (rows->minutes_n == rows->minutes_cap) {
        rows->minutes_cap = rows->minutes_cap * 2 + 64;
        rows->minutes = hs_xrealloc(rows->minutes, rows->minutes_cap, sizeof(*rows->minutes));
    }
    rows->minutes[rows->minutes_n++] = (struct hs_minute){.tenant = intern(rows, tenant),
                                                          .minute_s = minute_s,
                                                          .touched = touched};
}

void hs_rows_note_source(struct hs_rows *rows, struct hs_str tenant, struct hs_str application,
                         struct hs_str source)
{
    size_t i;

    for (i = rows->sources_n; i > 0; i--) {
        const struct hs_app_source *seen = &rows->sources[i - 1];

        if (hs_str_eq_c(application, seen->application) && hs_str_eq_c(source, seen->source) &&
            hs_str_eq_c(tenant, seen->tenant))
            return;
    }
    if (rows->sources_n == rows->sources_cap) {
        rows->sources_cap = rows->sources_cap * 2 + 16;
        rows->sources = hs_xrealloc(rows->sources, rows->sources_cap, sizeof(*rows->sources));
    }
    rows->sources[rows->sources_n++] =
        (struct hs_app_source){.tenant = intern(rows, tenant),
                               .application = intern(rows, application),
                               .source = intern(rows, source),
                               .of_actions = rows->origin.topic == HS_TOPIC_RESULTS};
}

struct hs_dedup_id hs_dedup_id_of(struct hs_str tenant, const char *topic, struct hs_str event_id,
                                  int64_t received_us)
{
    char text[DEDUP_TEXT_MAX];
    size_t topic_n = strlen(topic);
    size_t n = 0;

    HS_ASSERT(tenant.n + topic_n + 2 < sizeof(text));
    memcpy(text, tenant.p, tenant.n);
    n = tenant.n;
    text[n++] = '/';
    memcpy(text + n, topic, topic_n);
    n += topic_n;
    text[n++] = '/';
    if (event_id.n > sizeof(text) - n)
        event_id.n = sizeof(text) - n; /* ids are bounded far below this at intake */
    memcpy(text + n, event_id.p, event_id.n);
    n += event_id.n;
    return (struct hs_dedup_id){
        .h1 = XXH3_64bits(text, n),
        .h2 = (uint32_t)XXH64(text, n, 0),
        .received_s = (int32_t)(received_us / 1000000),
    };
}

bool hs_rows_keep(struct hs_rows *rows, const struct hs_row_id *id, struct hs_str tenant,
                  struct hs_str event_id, int64_t received_us)
{
    struct hs_dedup_id dedup =
        hs_dedup_id_of(tenant, hs_topic_name(rows->origin.topic), event_id, received_us);
    bool keep = rows->keep_fn(rows->keep_arg, id->offset, id->sub, &dedup);

    if (keep)
        rows->newest_received_ns = HS_MAX(rows->newest_received_ns, received_us * HS_NS_PER_US);
    return keep;
}
