/* search.events → haystat.searches and haystat.search_by_query. */
#include <math.h>

#include "base/mem.h"
#include "engine/map_json.h"

static const struct hs_common_columns search_common = {
    .tenant = HS_SEARCH_TENANT,
    .retention_class = HS_SEARCH_RETENTION_CLASS,
    .ts = HS_SEARCH_TS,
    .received = HS_SEARCH_RECEIVED,
    .imported = HS_SEARCH_IMPORTED,
    .stream_id = HS_SEARCH_STREAM_ID,
    .topic = HS_SEARCH_TOPIC,
    .partition = HS_SEARCH_PARTITION,
    .offset = HS_SEARCH_OFFSET,
    .sub = HS_SEARCH_SUB,
};

static const struct hs_string_column search_strings[] = {
    {HS_F_SOURCE, HS_SEARCH_SOURCE},
    {HS_F_EVENT_ID, HS_SEARCH_EVENT_ID},
    {HS_F_QUERY_ID, HS_SEARCH_QUERY_ID},
    {HS_F_PARENT_QUERY_ID, HS_SEARCH_PARENT_QUERY_ID},
    {HS_F_INTENT_ID, HS_SEARCH_INTENT_ID},
    {HS_F_TRACE_ID, HS_SEARCH_TRACE_ID},
    {HS_F_SPAN_ID, HS_SEARCH_SPAN_ID},
    {HS_F_SESSION_ID, HS_SEARCH_SESSION_ID},
    {HS_F_CLIENT_ID, HS_SEARCH_CLIENT_ID},
    {HS_F_USER_ID, HS_SEARCH_USER_ID},
    {HS_F_APPLICATION, HS_SEARCH_APPLICATION},
    {HS_F_SURFACE, HS_SEARCH_SURFACE},
    {HS_F_KIND, HS_SEARCH_KIND},
    {HS_F_TIER, HS_SEARCH_TIER},
    {HS_F_SERVICE, HS_SEARCH_SERVICE},
    {HS_F_ENVIRONMENT, HS_SEARCH_ENVIRONMENT},
    {HS_F_REGION, HS_SEARCH_REGION},
    {HS_F_HOST, HS_SEARCH_HOST},
    {HS_F_VERSION, HS_SEARCH_VERSION},
    {HS_F_INDEX, HS_SEARCH_INDEX},
    {HS_F_INDEX_VERSION, HS_SEARCH_INDEX_VERSION},
    {HS_F_RANKER, HS_SEARCH_RANKER},
    {HS_F_LOCALE, HS_SEARCH_LOCALE},
    {HS_F_COUNTRY, HS_SEARCH_COUNTRY},
    {HS_F_DEVICE, HS_SEARCH_DEVICE},
    {HS_F_USER_AGENT, HS_SEARCH_USER_AGENT},
    {HS_F_QUERY, HS_SEARCH_QUERY},
    {HS_F_QUERY_NORM, HS_SEARCH_QUERY_NORM},
    {HS_F_SORT, HS_SEARCH_SORT},
    {HS_F_TOTAL_HITS_RELATION, HS_SEARCH_TOTAL_HITS_RELATION},
    {HS_F_STATUS, HS_SEARCH_STATUS},
    {HS_F_FALLBACK, HS_SEARCH_FALLBACK},
};

static void map_results(struct hs_block *block, yyjson_val *results)
{
    yyjson_val *result;
    size_t i;
    size_t n;

    yyjson_arr_foreach(results, i, n, result)
    {
        yyjson_val *score = yyjson_obj_get(result, "score");
        yyjson_val *id = yyjson_obj_get(result, "id");
        yyjson_val *index = yyjson_obj_get(result, "index");

        hs_block_array_str(block, HS_SEARCH_RESULT_IDS,
                           hs_str_n(yyjson_get_str(id), yyjson_get_len(id)));
        hs_block_array_u64(block, HS_SEARCH_RESULT_POSITIONS,
                           yyjson_get_uint(yyjson_obj_get(result, "position")));
        hs_block_array_f64(block, HS_SEARCH_RESULT_SCORES,
                           yyjson_is_num(score) ? yyjson_get_num(score) : (double)NAN);
        hs_block_array_str(block, HS_SEARCH_RESULT_INDEXES,
                           hs_str_n(yyjson_get_str(index), yyjson_get_len(index)));
        hs_block_array_u64(block, HS_SEARCH_RESULT_SPONSORED,
                           yyjson_get_bool(yyjson_obj_get(result, "sponsored")));
    }
    hs_block_array_end(block, HS_SEARCH_RESULT_IDS);
    hs_block_array_end(block, HS_SEARCH_RESULT_POSITIONS);
    hs_block_array_end(block, HS_SEARCH_RESULT_SCORES);
    hs_block_array_end(block, HS_SEARCH_RESULT_INDEXES);
    hs_block_array_end(block, HS_SEARCH_RESULT_SPONSORED);
}

static void map_query(struct hs_block *block, const struct hs_json_message *message)
{
    struct hs_str fingerprint = hs_json_message_str(message, HS_F_FINGERPRINT);
    unsigned char bytes[8] = {0};
    uint64_t value = 0;
    yyjson_val *facet;
    size_t i;
    size_t n;

    if (hs_hex_decode(fingerprint, bytes, sizeof(bytes)) == HS_OK) {
        for (i = 0; i < sizeof(bytes); i++)
            value = value << 8 | bytes[i];
    }
    hs_block_u64(block, HS_SEARCH_FINGERPRINT, value);
    hs_map_text(block, HS_SEARCH_REWRITES, message->v[HS_F_REWRITES]);
    hs_map_text(block, HS_SEARCH_FILTERS, message->v[HS_F_FILTERS]);
    hs_map_text(block, HS_SEARCH_REQUEST, message->v[HS_F_REQUEST]);
    hs_map_nullable_u64(block, HS_SEARCH_PAGE, message->v[HS_F_PAGE]);
    hs_map_nullable_u64(block, HS_SEARCH_PAGE_SIZE, message->v[HS_F_PAGE_SIZE]);
    yyjson_arr_foreach(message->v[HS_F_FACETS], i, n, facet)
    {
        hs_block_array_str(block, HS_SEARCH_FACETS,
                           hs_str_n(yyjson_get_str(facet), yyjson_get_len(facet)));
    }
    hs_block_array_end(block, HS_SEARCH_FACETS);
}

static void map_timing(struct hs_block *block, const struct hs_json_message *message)
{
    yyjson_obj_iter iter;
    yyjson_val *key;

    hs_map_nullable_f64(block, HS_SEARCH_LATENCY_MS, message->v[HS_F_LATENCY_MS]);
    hs_map_nullable_f64(block, HS_SEARCH_TOOK_MS, message->v[HS_F_TOOK_MS]);
    hs_map_text(block, HS_SEARCH_RETRIEVERS, message->v[HS_F_RETRIEVERS]);
    if (yyjson_obj_iter_init(message->v[HS_F_PHASES], &iter)) {
        while ((key = yyjson_obj_iter_next(&iter)))
            hs_block_map_f64(block, HS_SEARCH_PHASES,
                             hs_str_n(yyjson_get_str(key), yyjson_get_len(key)),
                             yyjson_get_num(yyjson_obj_iter_get_val(key)));
    }
    hs_block_array_end(block, HS_SEARCH_PHASES);
}

static void map_outcome(struct hs_block *block, const struct hs_json_message *message)
{
    yyjson_val *error = message->v[HS_F_ERROR];
    yyjson_val *shards = message->v[HS_F_SHARDS];

    hs_map_nullable_u64(block, HS_SEARCH_TOTAL_HITS, message->v[HS_F_TOTAL_HITS]);
    hs_map_nullable_u64(block, HS_SEARCH_RETURNED, message->v[HS_F_RETURNED]);
    map_results(block, message->v[HS_F_RESULTS]);
    hs_map_member(block, HS_SEARCH_ERROR_CODE, error, "code");
    hs_map_member(block, HS_SEARCH_ERROR_TYPE, error, "type");
    hs_map_member(block, HS_SEARCH_ERROR_STAGE, error, "stage");
    hs_map_nullable_u64(block, HS_SEARCH_SHARDS_TOTAL, yyjson_obj_get(shards, "total"));
    hs_map_nullable_u64(block, HS_SEARCH_SHARDS_FAILED, yyjson_obj_get(shards, "failed"));
    hs_map_text(block, HS_SEARCH_SHARDS_DETAIL, yyjson_obj_get(shards, "detail"));
    hs_map_nullable_bool(block, HS_SEARCH_CACHE_HIT, message->v[HS_F_CACHE_HIT]);
}

static void map_rest(struct hs_block *block, const struct hs_json_message *message)
{
    yyjson_val *weight = message->v[HS_F_SAMPLE_WEIGHT];
    yyjson_val *consent = message->v[HS_F_CONSENT];
    yyjson_val *experiment;
    size_t i;
    size_t n;

    hs_block_u64(block, HS_SEARCH_SYNTHETIC, hs_json_message_bool(message, HS_F_SYNTHETIC));
    hs_block_u64(block, HS_SEARCH_BOT, hs_json_message_bool(message, HS_F_BOT));
    hs_block_f64(block, HS_SEARCH_SAMPLE_WEIGHT,
                 yyjson_is_num(weight) ? yyjson_get_num(weight) : 1.0);
    if (consent && !yyjson_is_str(consent))
        hs_map_text(block, HS_SEARCH_CONSENT, consent);
    else
        hs_block_str(block, HS_SEARCH_CONSENT, hs_json_message_str(message, HS_F_CONSENT));
    yyjson_arr_foreach(message->v[HS_F_EXPERIMENTS], i, n, experiment)
    {
        yyjson_val *id = yyjson_obj_get(experiment, "id");
        yyjson_val *variant = yyjson_obj_get(experiment, "variant");

        hs_block_map_str(block, HS_SEARCH_EXPERIMENTS,
                         hs_str_n(yyjson_get_str(id), yyjson_get_len(id)),
                         hs_str_n(yyjson_get_str(variant), yyjson_get_len(variant)));
    }
    hs_block_array_end(block, HS_SEARCH_EXPERIMENTS);
    hs_map_attributes(block, HS_SEARCH_ATTRIBUTES, message->v[HS_F_ATTRIBUTES]);
}

static int map_by_query(struct hs_rows *rows, const struct hs_json_message *message,
                        const struct hs_row_id *id, struct hs_err *err)
{
    static const struct hs_string_column strings[] = {
        {HS_F_QUERY_ID, HS_BY_QUERY_QUERY_ID},
        {HS_F_SERVICE, HS_BY_QUERY_SERVICE},
        {HS_F_APPLICATION, HS_BY_QUERY_APPLICATION},
        {HS_F_SOURCE, HS_BY_QUERY_SOURCE},
    };
    struct hs_block *block = &rows->blocks[HS_TABLE_SEARCH_BY_QUERY];

    hs_map_strings(block, message, strings, HS_ARRAY_LEN(strings));
    hs_block_str(block, HS_BY_QUERY_TENANT, message->record->tenant);
    hs_block_u64(block, HS_BY_QUERY_RETENTION_CLASS, rows->origin.retention_class);
    hs_block_u64(block, HS_BY_QUERY_TS, (uint64_t)message->ts_us);
    hs_block_str(block, HS_BY_QUERY_STREAM_ID, rows->origin.stream_id);
    hs_block_str(block, HS_BY_QUERY_TOPIC, hs_str_c(hs_topic_name(rows->origin.topic)));
    hs_block_u64(block, HS_BY_QUERY_PARTITION, rows->origin.partition);
    hs_block_u64(block, HS_BY_QUERY_OFFSET, id->offset);
    hs_block_u64(block, HS_BY_QUERY_SUB, id->sub);
    return hs_rows_end(rows, HS_TABLE_SEARCH_BY_QUERY, id, err);
}

static int map_row(struct hs_rows *rows, const struct hs_json_message *message,
                   const struct hs_row_id *id, struct hs_err *err)
{
    struct hs_block *block = &rows->blocks[HS_TABLE_SEARCHES];
    int rc;

    hs_map_common(rows, HS_TABLE_SEARCHES, message, &search_common);
    hs_map_adjusted(block, message, HS_SEARCH_TIME_ADJUSTED, HS_SEARCH_TS_SENT);
    hs_map_strings(block, message, search_strings, HS_ARRAY_LEN(search_strings));
    map_query(block, message);
    map_timing(block, message);
    map_outcome(block, message);
    map_rest(block, message);
    rc = hs_rows_end(rows, HS_TABLE_SEARCHES, id, err);
    if (rc == HS_OK && hs_json_message_str(message, HS_F_QUERY_ID).n > 0)
        rc = map_by_query(rows, message, id, err);
    return rc;
}

int hs_map_search(struct hs_rows *rows, const struct hs_record *record, struct hs_err *err)
{
    struct hs_json_message message;
    struct hs_row_id id;
    int rc = hs_json_message_open(record, &message, err);

    if (rc != HS_OK)
        return rc;
    id = hs_map_row_id(&message);
    /* Also when the row is left out: a row that is taken out of the store again changes its
     * minute. */
    hs_rows_note_minute(rows, record->tenant, message.ts_us, HS_TOUCH_SEARCH);
    if (hs_rows_keep(rows, &id, record->tenant, hs_json_message_str(&message, HS_F_EVENT_ID),
                     message.received_us)) {
        rc = map_row(rows, &message, &id, err);
        hs_rows_note_source(rows, record->tenant, hs_json_message_str(&message, HS_F_APPLICATION),
                            hs_json_message_str(&message, HS_F_SOURCE));
    }
    hs_json_message_close(&message);
    return rc;
}
