/*
 * Rows of one batch: what the messages of an offset range of one (topic, partition) become.
 *
 * Mapping a message to rows is a pure function of the message, its place in the stream and the keep
 * decision, so that the same range gives the same rows whenever it is mapped. Beside each row
 * stands its identity within the range, for repairs.
 */
#ifndef HS_ENGINE_ROWS_H
#define HS_ENGINE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "engine/table.h"
#include "port/stream.h"

enum {
    HS_ROWS_COLUMN_BYTES_MAX = 512 << 20, /* of one column of one batch */
    HS_ROWS_BYTES_MAX = 200 << 20,        /* of all columns, before the last message */
    HS_ROWS_MESSAGE_BYTES_MAX = 32 << 20, /* of one message's rows, as they stand in it: text of
                                             numbers is longer, but never makes a column full */
    HS_ROWS_DAYS_MAX = 16,                /* days that one insert may span */
};

struct hs_row_id {
    uint64_t offset;
    uint32_t sub;
    int32_t day; /* of the partition key, days since 1970 */
};

/* What touched a minute: its cells, or those of the intents around it, must be computed again. */
enum hs_touch { HS_TOUCH_SEARCH = 1, HS_TOUCH_ACTION = 2, HS_TOUCH_PURCHASE = 4 };

struct hs_minute {
    const char *tenant; /* interned in the rows */
    int64_t minute_s;   /* its start, seconds since 1970 */
    unsigned touched;   /* set of enum hs_touch */
};

/* A source that an application was seen to send from. */
struct hs_app_source {
    const char *tenant;
    const char *application;
    const char *source;
    bool of_actions; /* of search.results */
};

/* Where a message comes from. */
struct hs_origin {
    struct hs_str stream_id;
    enum hs_topic topic;
    uint32_t partition;
    uint8_t retention_class;
};

/* Identity of an event for dedup: two hashes of tenant, topic and event id. */
struct hs_dedup_id {
    uint64_t h1;
    uint32_t h2;
    int32_t received_s;
};

/* Whether the row at (offset, sub) is to be kept. */
typedef bool hs_keep_fn(void *arg, uint64_t offset, uint32_t sub, const struct hs_dedup_id *id);

struct hs_rows {
    struct hs_origin origin;
    char *stream_id;                    /* owned copy behind origin.stream_id */
    struct hs_block blocks[HS_TABLE_N]; /* of the topic's tables; others have no def */
    struct hs_row_id *ids[HS_TABLE_N];
    size_t ids_cap[HS_TABLE_N];
    struct hs_minute *minutes; /* distinct */
    size_t minutes_n, minutes_cap;
    struct hs_app_source *sources; /* distinct */
    size_t sources_n, sources_cap;
    char **interned; /* owned texts that minutes and sources point to */
    size_t interned_n, interned_cap;
    int64_t newest_received_ns; /* 0: none */
    hs_keep_fn *keep_fn;
    void *keep_arg;
};

/* The tables that messages of a topic become rows of, as a bit set of 1 << enum hs_raw_table; 0 for
 * topics that are not loaded. */
unsigned hs_topic_tables(enum hs_topic topic);

int hs_rows_init(struct hs_rows *rows, const struct hs_origin *origin, hs_keep_fn *keep_fn,
                 void *keep_arg, struct hs_err *err);
void hs_rows_fini(struct hs_rows *rows); /* NULL or zeroed is a no-op */
void hs_rows_reset(struct hs_rows *rows);
/* Rows of the fullest table. */
size_t hs_rows_count(const struct hs_rows *rows);
size_t hs_rows_bytes(const struct hs_rows *rows);

/* Maps one message. HS_OK (also when every row of it was not kept). HS_EINVAL, HS_ECORRUPT: the
 * message is not what its topic promises, or becomes too many bytes; nothing of it is in.
 * HS_ELIMIT: the batch is full; nothing of it is in. */
int hs_rows_add(struct hs_rows *rows, const struct hs_record *record, struct hs_err *err);

/* For the mappers (map_*.c). */

/* Ends the row of a table: identity and day (from seconds since 1970) beside it. */
int hs_rows_end(struct hs_rows *rows, enum hs_raw_table table, const struct hs_row_id *id,
                struct hs_err *err);
void hs_rows_note_minute(struct hs_rows *rows, struct hs_str tenant, int64_t ts_us,
                         unsigned touched);
void hs_rows_note_source(struct hs_rows *rows, struct hs_str tenant, struct hs_str application,
                         struct hs_str source);
bool hs_rows_keep(struct hs_rows *rows, const struct hs_row_id *id, struct hs_str tenant,
                  struct hs_str event_id, int64_t received_us);
struct hs_dedup_id hs_dedup_id_of(struct hs_str tenant, const char *topic, struct hs_str event_id,
                                  int64_t received_us);

typedef int hs_map_fn(struct hs_rows *rows, const struct hs_record *record, struct hs_err *err);
hs_map_fn hs_map_search;
hs_map_fn hs_map_result;
hs_map_fn hs_map_error;
hs_map_fn hs_map_spans;
hs_map_fn hs_map_logs;

#endif
