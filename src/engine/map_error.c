/* search.errors → haystat.errors. */
#include "base/mem.h"
#include "engine/map_json.h"

static const struct hs_common_columns error_common = {
    .tenant = HS_ERROR_TENANT,
    .retention_class = HS_ERROR_RETENTION_CLASS,
    .ts = HS_ERROR_TS,
    .received = HS_ERROR_RECEIVED,
    .imported = HS_ERROR_IMPORTED,
    .stream_id = HS_ERROR_STREAM_ID,
    .topic = HS_ERROR_TOPIC,
    .partition = HS_ERROR_PARTITION,
    .offset = HS_ERROR_OFFSET,
    .sub = HS_ERROR_SUB,
};

static const struct hs_string_column error_strings[] = {
    {HS_F_SOURCE, HS_ERROR_SOURCE},
    {HS_F_EVENT_ID, HS_ERROR_EVENT_ID},
    {HS_F_QUERY_ID, HS_ERROR_QUERY_ID},
    {HS_F_TRACE_ID, HS_ERROR_TRACE_ID},
    {HS_F_SPAN_ID, HS_ERROR_SPAN_ID},
    {HS_F_SESSION_ID, HS_ERROR_SESSION_ID},
    {HS_F_APPLICATION, HS_ERROR_APPLICATION},
    {HS_F_SERVICE, HS_ERROR_SERVICE},
    {HS_F_ENVIRONMENT, HS_ERROR_ENVIRONMENT},
    {HS_F_REGION, HS_ERROR_REGION},
    {HS_F_HOST, HS_ERROR_HOST},
    {HS_F_VERSION, HS_ERROR_VERSION},
    {HS_F_INDEX, HS_ERROR_INDEX},
    {HS_F_STATUS, HS_ERROR_STATUS},
};

static int map_row(struct hs_rows *rows, const struct hs_json_message *message,
                   const struct hs_row_id *id, struct hs_err *err)
{
    struct hs_block *block = &rows->blocks[HS_TABLE_ERRORS];
    yyjson_val *error = message->v[HS_F_ERROR];

    hs_map_common(rows, HS_TABLE_ERRORS, message, &error_common);
    hs_map_strings(block, message, error_strings, HS_ARRAY_LEN(error_strings));
    hs_map_member(block, HS_ERROR_CODE, error, "code");
    hs_map_member(block, HS_ERROR_TYPE, error, "type");
    hs_map_member(block, HS_ERROR_STAGE, error, "stage");
    hs_map_member(block, HS_ERROR_MESSAGE, error, "message");
    hs_map_member(block, HS_ERROR_STACK, error, "stack");
    hs_map_attributes(block, HS_ERROR_ATTRIBUTES, message->v[HS_F_ATTRIBUTES]);
    return hs_rows_end(rows, HS_TABLE_ERRORS, id, err);
}

int hs_map_error(struct hs_rows *rows, const struct hs_record *record, struct hs_err *err)
{
    struct hs_json_message message;
    struct hs_row_id id;
    int rc = hs_json_message_open(record, &message, err);

    if (rc != HS_OK)
        return rc;
    id = hs_map_row_id(&message);
    if (hs_rows_keep(rows, &id, record->tenant, hs_json_message_str(&message, HS_F_EVENT_ID),
                     message.received_us))
        rc = map_row(rows, &message, &id, err);
    hs_json_message_close(&message);
    return rc;
}
