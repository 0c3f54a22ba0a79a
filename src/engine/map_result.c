/* search.results → haystat.results. */
#include "base/mem.h"
#include "engine/map_json.h"

static const struct hs_common_columns result_common = {
    .tenant = HS_RESULT_TENANT,
    .retention_class = HS_RESULT_RETENTION_CLASS,
    .ts = HS_RESULT_TS,
    .received = HS_RESULT_RECEIVED,
    .imported = HS_RESULT_IMPORTED,
    .stream_id = HS_RESULT_STREAM_ID,
    .topic = HS_RESULT_TOPIC,
    .partition = HS_RESULT_PARTITION,
    .offset = HS_RESULT_OFFSET,
    .sub = HS_RESULT_SUB,
};

static const struct hs_string_column result_strings[] = {
    {HS_F_SOURCE, HS_RESULT_SOURCE},
    {HS_F_EVENT_ID, HS_RESULT_EVENT_ID},
    {HS_F_ACTION, HS_RESULT_ACTION},
    {HS_F_QUERY_ID, HS_RESULT_QUERY_ID},
    {HS_F_TRACE_ID, HS_RESULT_TRACE_ID},
    {HS_F_SESSION_ID, HS_RESULT_SESSION_ID},
    {HS_F_CLIENT_ID, HS_RESULT_CLIENT_ID},
    {HS_F_USER_ID, HS_RESULT_USER_ID},
    {HS_F_APPLICATION, HS_RESULT_APPLICATION},
    {HS_F_SURFACE, HS_RESULT_SURFACE},
    {HS_F_SERVICE, HS_RESULT_SERVICE},
    {HS_F_ENVIRONMENT, HS_RESULT_ENVIRONMENT},
    {HS_F_REGION, HS_RESULT_REGION},
    {HS_F_VERSION, HS_RESULT_VERSION},
    {HS_F_LOCALE, HS_RESULT_LOCALE},
    {HS_F_COUNTRY, HS_RESULT_COUNTRY},
    {HS_F_DEVICE, HS_RESULT_DEVICE},
    {HS_F_USER_AGENT, HS_RESULT_USER_AGENT},
    {HS_F_QUERY, HS_RESULT_QUERY},
    {HS_F_CURRENCY, HS_RESULT_CURRENCY},
    {HS_F_ORDER_ID, HS_RESULT_ORDER_ID},
    {HS_F_MESSAGE, HS_RESULT_MESSAGE},
};

static void map_objects(struct hs_block *block, yyjson_val *objects)
{
    yyjson_val *object;
    size_t i;
    size_t n;

    yyjson_arr_foreach(objects, i, n, object)
    {
        yyjson_val *id = yyjson_obj_get(object, "id");

        hs_block_array_str(block, HS_RESULT_OBJECT_IDS,
                           hs_str_n(yyjson_get_str(id), yyjson_get_len(id)));
        hs_block_array_u64(block, HS_RESULT_OBJECT_POSITIONS,
                           yyjson_get_uint(yyjson_obj_get(object, "position")));
    }
    hs_block_array_end(block, HS_RESULT_OBJECT_IDS);
    hs_block_array_end(block, HS_RESULT_OBJECT_POSITIONS);
}

static int map_row(struct hs_rows *rows, const struct hs_json_message *message,
                   const struct hs_row_id *id, struct hs_err *err)
{
    struct hs_block *block = &rows->blocks[HS_TABLE_RESULTS];
    yyjson_val *consent = message->v[HS_F_CONSENT];

    hs_map_common(rows, HS_TABLE_RESULTS, message, &result_common);
    hs_map_adjusted(block, message, HS_RESULT_TIME_ADJUSTED, HS_RESULT_TS_SENT);
    hs_map_strings(block, message, result_strings, HS_ARRAY_LEN(result_strings));
    if (consent && !yyjson_is_str(consent))
        hs_map_text(block, HS_RESULT_CONSENT, consent);
    else
        hs_block_str(block, HS_RESULT_CONSENT, hs_json_message_str(message, HS_F_CONSENT));
    hs_block_u64(block, HS_RESULT_SYNTHETIC, hs_json_message_bool(message, HS_F_SYNTHETIC));
    hs_block_u64(block, HS_RESULT_BOT, hs_json_message_bool(message, HS_F_BOT));
    map_objects(block, message->v[HS_F_OBJECTS]);
    hs_map_nullable_f64(block, HS_RESULT_VALUE, message->v[HS_F_VALUE]);
    hs_map_nullable_f64(block, HS_RESULT_QUANTITY, message->v[HS_F_QUANTITY]);
    hs_map_attributes(block, HS_RESULT_ATTRIBUTES, message->v[HS_F_ATTRIBUTES]);
    return hs_rows_end(rows, HS_TABLE_RESULTS, id, err);
}

static unsigned touch_of(struct hs_str action)
{
    if (hs_str_eq_c(action, "add_to_cart") || hs_str_eq_c(action, "purchase"))
        return HS_TOUCH_ACTION | HS_TOUCH_PURCHASE;
    return HS_TOUCH_ACTION;
}

int hs_map_result(struct hs_rows *rows, const struct hs_record *record, struct hs_err *err)
{
    struct hs_json_message message;
    struct hs_row_id id;
    int rc = hs_json_message_open(record, &message, err);

    if (rc != HS_OK)
        return rc;
    id = hs_map_row_id(&message);
    hs_rows_note_minute(rows, record->tenant, message.ts_us,
                        touch_of(hs_json_message_str(&message, HS_F_ACTION)));
    if (hs_rows_keep(rows, &id, record->tenant, hs_json_message_str(&message, HS_F_EVENT_ID),
                     message.received_us)) {
        rc = map_row(rows, &message, &id, err);
        hs_rows_note_source(rows, record->tenant, hs_json_message_str(&message, HS_F_APPLICATION),
                            hs_json_message_str(&message, HS_F_SOURCE));
    }
    hs_json_message_close(&message);
    return rc;
}
