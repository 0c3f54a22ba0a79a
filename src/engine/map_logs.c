/* search.logs → haystat.logs. */
#include "base/clock.h"
#include "base/mem.h"
#include "engine/map_otlp.h"

struct log_mapper {
    struct hs_rows *rows;
    const struct hs_record *record;
    struct hs_map_resource resource;
    struct hs_buf text; /* scratch */
};

static uint64_t log_time_ns(const struct log_mapper *mapper, const struct hs_otlp_log *log)
{
    if (log->time_ns > 0)
        return log->time_ns;
    return log->observed_time_ns > 0 ? log->observed_time_ns
                                     : (uint64_t)mapper->record->appended_ns;
}

static void map_place(struct log_mapper *mapper, const struct hs_row_id *id)
{
    struct hs_block *block = &mapper->rows->blocks[HS_TABLE_LOGS];
    const struct hs_origin *origin = &mapper->rows->origin;

    hs_block_str(block, HS_LOG_TENANT, mapper->record->tenant);
    hs_block_u64(block, HS_LOG_RETENTION_CLASS, origin->retention_class);
    hs_block_u64(block, HS_LOG_RECEIVED, (uint64_t)(mapper->record->appended_ns / HS_NS_PER_US));
    hs_block_str(block, HS_LOG_SERVICE, mapper->resource.service);
    hs_block_str(block, HS_LOG_ENVIRONMENT, mapper->resource.environment);
    hs_block_str(block, HS_LOG_VERSION, mapper->resource.version);
    hs_block_str(block, HS_LOG_STREAM_ID, origin->stream_id);
    hs_block_str(block, HS_LOG_TOPIC, hs_str_c(hs_topic_name(origin->topic)));
    hs_block_u64(block, HS_LOG_PARTITION, origin->partition);
    hs_block_u64(block, HS_LOG_OFFSET, id->offset);
    hs_block_u64(block, HS_LOG_SUB, id->sub);
}

/* OTLP knows 1 to 24; what does not fit the column is unspecified. */
static uint64_t severity_of(const struct hs_otlp_log *log)
{
    return log->severity >= 0 && log->severity <= UINT8_MAX ? (uint64_t)log->severity : 0;
}

static int map_log(struct log_mapper *mapper, const struct hs_otlp_iter *iter,
                   struct hs_str message, const struct hs_row_id *id)
{
    struct hs_block *block = &mapper->rows->blocks[HS_TABLE_LOGS];
    struct hs_row_id row = *id;
    struct hs_otlp_scope scope;
    struct hs_otlp_log log;
    uint64_t ts_ns;
    int rc = hs_otlp_log_read(message, &log, NULL);

    if (rc != HS_OK)
        return rc;
    ts_ns = log_time_ns(mapper, &log);
    row.day = (int32_t)(ts_ns / (uint64_t)HS_NS_PER_DAY);
    hs_map_resource_read(&mapper->resource, iter);
    map_place(mapper, &row);
    hs_block_u64(block, HS_LOG_TS, ts_ns);
    if (log.observed_time_ns > 0)
        hs_block_u64(block, HS_LOG_OBSERVED, log.observed_time_ns);
    else
        hs_block_null(block, HS_LOG_OBSERVED);
    hs_block_u64(block, HS_LOG_SEVERITY_NUMBER, severity_of(&log));
    hs_block_str(block, HS_LOG_SEVERITY_TEXT, log.severity_text);
    hs_block_str(block, HS_LOG_EVENT_NAME, log.event_name);
    hs_buf_reset(&mapper->text);
    hs_otlp_value_text(&log.body, &mapper->text);
    hs_block_str(block, HS_LOG_BODY, hs_buf_str(&mapper->text));
    hs_map_hex(block, HS_LOG_TRACE_ID, log.trace_id);
    hs_map_hex(block, HS_LOG_SPAN_ID, log.span_id);
    scope = hs_map_scope(iter);
    hs_block_str(block, HS_LOG_SCOPE_NAME, scope.name);
    hs_block_str(block, HS_LOG_SCOPE_VERSION, scope.version);
    hs_map_otlp_attributes(block, HS_LOG_ATTRIBUTES, message, HS_OTLP_LOG_ATTRIBUTES,
                           &mapper->text);
    hs_map_otlp_attributes(block, HS_LOG_RESOURCE_ATTRIBUTES, iter->section.resource,
                           HS_OTLP_RESOURCE_ATTRIBUTES, &mapper->text);
    return hs_rows_end(mapper->rows, HS_TABLE_LOGS, &row, NULL);
}

/* Reads the whole message once, so that a malformed one leaves no rows behind. */
static int check_logs(const struct hs_record *record, struct hs_err *err)
{
    struct hs_otlp_iter iter;
    struct hs_otlp_log log;
    struct hs_str message;
    size_t bytes = 0;
    int rc;

    hs_otlp_iter_init(&iter, record->value);
    while ((rc = hs_otlp_iter_next(&iter, &message, err)) > 0) {
        rc = hs_map_grow(&iter, message, &bytes, err);
        if (rc == HS_OK)
            rc = hs_otlp_log_read(message, &log, err);
        if (rc == HS_OK && (log.time_ns > INT64_MAX || log.observed_time_ns > INT64_MAX))
            rc = hs_err_set(err, HS_EINVAL, 0, "log record is of a time past the year 2262");
        if (rc != HS_OK)
            return rc;
    }
    return rc;
}

/* Log records have no identity of their own: none of them is a repeat. */
int hs_map_logs(struct hs_rows *rows, const struct hs_record *record, struct hs_err *err)
{
    struct log_mapper mapper = {.rows = rows, .record = record};
    struct hs_row_id id = {.offset = record->offset};
    struct hs_otlp_iter iter;
    struct hs_str message;
    int rc = check_logs(record, err);

    if (rc != HS_OK)
        return rc;
    hs_buf_init(&mapper.text, HS_MAP_TEXT_MAX);
    hs_otlp_iter_init(&iter, record->value);
    while (rc == HS_OK && hs_otlp_iter_next(&iter, &message, err) > 0) {
        rc = map_log(&mapper, &iter, message, &id);
        id.sub++;
    }
    hs_buf_fini(&mapper.text);
    return rc;
}
