/*
 * What the mappers of JSON messages share: the message as values by field, and setters that fall
 * back to a column's default when a field is absent.
 */
#ifndef HS_ENGINE_MAP_JSON_H
#define HS_ENGINE_MAP_JSON_H

#include <yyjson.h>

#include "engine/rows.h"
#include "model/field.h"

struct hs_json_message {
    yyjson_doc *doc; /* owned */
    yyjson_val *v[HS_FIELD_N];
    int64_t ts_us;
    int64_t received_us;
    const struct hs_record *record;
};

/* Parses a message; HS_ECORRUPT: no JSON object, or without event_id, timestamp or received_at. */
int hs_json_message_open(const struct hs_record *record, struct hs_json_message *out,
                         struct hs_err *err);
void hs_json_message_close(struct hs_json_message *message);

/* Empty when absent or no string. */
struct hs_str hs_json_message_str(const struct hs_json_message *message, enum hs_field field);
bool hs_json_message_bool(const struct hs_json_message *message, enum hs_field field);

/* One string field into one String column. */
struct hs_string_column {
    enum hs_field field;
    unsigned column;
};

void hs_map_strings(struct hs_block *block, const struct hs_json_message *message,
                    const struct hs_string_column *columns, size_t n);
void hs_map_nullable_u64(struct hs_block *block, unsigned col, yyjson_val *v);
void hs_map_nullable_f64(struct hs_block *block, unsigned col, yyjson_val *v);
void hs_map_nullable_bool(struct hs_block *block, unsigned col, yyjson_val *v);
/* The value as JSON text; "" when absent. */
void hs_map_text(struct hs_block *block, unsigned col, yyjson_val *v);
/* An object into Map(String, String): strings as they are, other values as JSON. */
void hs_map_attributes(struct hs_block *block, unsigned col, yyjson_val *object);
/* Member of an object as a string; numbers become their text; "" when absent. */
void hs_map_member(struct hs_block *block, unsigned col, yyjson_val *object, const char *name);

/* Columns that every raw table of JSON messages has. */
struct hs_common_columns {
    unsigned tenant, retention_class, ts, received, imported;
    unsigned stream_id, topic, partition, offset, sub;
};
void hs_map_common(struct hs_rows *rows, enum hs_raw_table table,
                   const struct hs_json_message *message, const struct hs_common_columns *columns);
/* time_adjusted and ts_sent. */
void hs_map_adjusted(struct hs_block *block, const struct hs_json_message *message,
                     unsigned adjusted_col, unsigned sent_col);
/* The identity of a message's one row. */
struct hs_row_id hs_map_row_id(const struct hs_json_message *message);
int hs_map_day(int64_t ts_us);

#endif
