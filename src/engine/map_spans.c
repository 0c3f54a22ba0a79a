/* search.spans → haystat.spans and haystat.trace_by_id. */
#include "base/clock.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "engine/map_otlp.h"

/* One message of search.spans on its way into rows. */
struct span_mapper {
    struct hs_rows *rows;
    const struct hs_record *record;
    struct hs_map_resource resource;
    struct hs_buf text; /* scratch */
    struct hs_str trace_id;
    uint64_t first_ns, last_ns; /* starts of the spans kept */
    uint32_t kept;
};

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {
        [HS_OTLP_KIND_UNSPECIFIED] = "unspecified", [HS_OTLP_KIND_INTERNAL] = "internal",
        [HS_OTLP_KIND_SERVER] = "server",           [HS_OTLP_KIND_CLIENT] = "client",
        [HS_OTLP_KIND_PRODUCER] = "producer",       [HS_OTLP_KIND_CONSUMER] = "consumer",
    };

    return kind < HS_ARRAY_LEN(names) ? names[kind] : "unspecified";
}

static const char *status_name(uint32_t status)
{
    static const char *const names[] = {[HS_OTLP_STATUS_UNSET] = "unset",
                                        [HS_OTLP_STATUS_OK] = "ok",
                                        [HS_OTLP_STATUS_ERROR] = "error"};

    return status < HS_ARRAY_LEN(names) ? names[status] : "unset";
}

static void map_events(struct span_mapper *mapper, struct hs_str message)
{
    struct hs_buf *text = &mapper->text;
    struct hs_otlp_each each;
    struct hs_otlp_event event;
    struct hs_str item;

    hs_buf_reset(text);
    hs_otlp_each_init(&each, message, HS_OTLP_SPAN_EVENTS);
    while (hs_otlp_each_next(&each, &item) > 0) {
        if (hs_otlp_event_read(item, &event, NULL) != HS_OK)
            continue;
        hs_buf_addf(text, "%s{\"time_ns\":%llu,\"name\":", text->n > 0 ? "," : "[",
                    (unsigned long long)event.time_ns);
        hs_json_str(text, event.name);
        HS_BUF_ADD_LIT(text, ",\"attributes\":");
        hs_otlp_attrs_json(item, HS_OTLP_EVENT_ATTRIBUTES, text);
        hs_buf_add_char(text, '}');
    }
    if (text->n > 0)
        hs_buf_add_char(text, ']');
    hs_block_str(&mapper->rows->blocks[HS_TABLE_SPANS], HS_SPAN_EVENTS, hs_buf_str(text));
}

static void map_links(struct span_mapper *mapper, struct hs_str message)
{
    struct hs_buf *text = &mapper->text;
    struct hs_otlp_each each;
    struct hs_otlp_link link;
    struct hs_str item;

    hs_buf_reset(text);
    hs_otlp_each_init(&each, message, HS_OTLP_SPAN_LINKS);
    while (hs_otlp_each_next(&each, &item) > 0) {
        if (hs_otlp_link_read(item, &link, NULL) != HS_OK)
            continue;
        hs_buf_addf(text, "%s{\"trace_id\":\"", text->n > 0 ? "," : "[");
        hs_buf_add_hex(text, link.trace_id.p, link.trace_id.n);
        HS_BUF_ADD_LIT(text, "\",\"span_id\":\"");
        hs_buf_add_hex(text, link.span_id.p, link.span_id.n);
        HS_BUF_ADD_LIT(text, "\",\"trace_state\":");
        hs_json_str(text, link.trace_state);
        HS_BUF_ADD_LIT(text, ",\"attributes\":");
        hs_otlp_attrs_json(item, HS_OTLP_LINK_ATTRIBUTES, text);
        hs_buf_add_char(text, '}');
    }
    if (text->n > 0)
        hs_buf_add_char(text, ']');
    hs_block_str(&mapper->rows->blocks[HS_TABLE_SPANS], HS_SPAN_LINKS, hs_buf_str(text));
}

static void map_place(struct span_mapper *mapper, const struct hs_row_id *id)
{
    struct hs_block *block = &mapper->rows->blocks[HS_TABLE_SPANS];
    const struct hs_origin *origin = &mapper->rows->origin;

    hs_block_str(block, HS_SPAN_TENANT, mapper->record->tenant);
    hs_block_u64(block, HS_SPAN_RETENTION_CLASS, origin->retention_class);
    hs_block_u64(block, HS_SPAN_RECEIVED, (uint64_t)(mapper->record->appended_ns / HS_NS_PER_US));
    hs_block_str(block, HS_SPAN_STREAM_ID, origin->stream_id);
    hs_block_str(block, HS_SPAN_TOPIC, hs_str_c(hs_topic_name(origin->topic)));
    hs_block_u64(block, HS_SPAN_PARTITION, origin->partition);
    hs_block_u64(block, HS_SPAN_OFFSET, id->offset);
    hs_block_u64(block, HS_SPAN_SUB, id->sub);
}

static void map_span_fields(struct span_mapper *mapper, const struct hs_otlp_span *span)
{
    struct hs_block *block = &mapper->rows->blocks[HS_TABLE_SPANS];

    hs_block_u64(block, HS_SPAN_TS, span->start_ns);
    hs_block_u64(block, HS_SPAN_DURATION_NS,
                 span->end_ns > span->start_ns ? span->end_ns - span->start_ns : 0);
    hs_map_hex(block, HS_SPAN_TRACE_ID, span->trace_id);
    hs_map_hex(block, HS_SPAN_SPAN_ID, span->span_id);
    hs_map_hex(block, HS_SPAN_PARENT_SPAN_ID, span->parent_span_id);
    hs_block_str(block, HS_SPAN_TRACE_STATE, span->trace_state);
    hs_block_str(block, HS_SPAN_SERVICE, mapper->resource.service);
    hs_block_str(block, HS_SPAN_ENVIRONMENT, mapper->resource.environment);
    hs_block_str(block, HS_SPAN_VERSION, mapper->resource.version);
    hs_block_str(block, HS_SPAN_NAME, span->name);
    hs_block_str(block, HS_SPAN_KIND, hs_str_c(kind_name(span->kind)));
    hs_block_str(block, HS_SPAN_STATUS, hs_str_c(status_name(span->status_code)));
    hs_block_str(block, HS_SPAN_STATUS_MESSAGE, span->status_message);
}

static int map_row(struct span_mapper *mapper, const struct hs_otlp_iter *iter,
                   struct hs_str message, const struct hs_otlp_span *span,
                   const struct hs_row_id *id)
{
    struct hs_block *block = &mapper->rows->blocks[HS_TABLE_SPANS];
    struct hs_otlp_scope scope = hs_map_scope(iter);

    map_place(mapper, id);
    map_span_fields(mapper, span);
    hs_block_str(block, HS_SPAN_SCOPE_NAME, scope.name);
    hs_block_str(block, HS_SPAN_SCOPE_VERSION, scope.version);
    hs_map_otlp_attributes(block, HS_SPAN_ATTRIBUTES, message, HS_OTLP_SPAN_ATTRIBUTES,
                           &mapper->text);
    hs_map_otlp_attributes(block, HS_SPAN_RESOURCE_ATTRIBUTES, iter->section.resource,
                           HS_OTLP_RESOURCE_ATTRIBUTES, &mapper->text);
    map_events(mapper, message);
    map_links(mapper, message);
    return hs_rows_end(mapper->rows, HS_TABLE_SPANS, id, NULL);
}

static bool keep_span(struct span_mapper *mapper, const struct hs_otlp_span *span,
                      const struct hs_row_id *id)
{
    char ids[48];
    size_t trace_n = HS_MIN(span->trace_id.n, (size_t)16);
    size_t span_n = HS_MIN(span->span_id.n, (size_t)8);

    hs_hex_encode(span->trace_id.p, trace_n, ids);
    hs_hex_encode(span->span_id.p, span_n, ids + 2 * trace_n);
    return hs_rows_keep(mapper->rows, id, mapper->record->tenant,
                        hs_str_n(ids, 2 * (trace_n + span_n)),
                        mapper->record->appended_ns / HS_NS_PER_US);
}

static int map_span(struct span_mapper *mapper, const struct hs_otlp_iter *iter,
                    struct hs_str message, uint32_t sub)
{
    struct hs_otlp_span span;
    struct hs_row_id id = {.offset = mapper->record->offset, .sub = sub};
    int rc = hs_otlp_span_read(message, &span, NULL);

    if (rc != HS_OK)
        return rc;
    id.day = (int32_t)(span.start_ns / (uint64_t)HS_NS_PER_DAY);
    if (!keep_span(mapper, &span, &id))
        return HS_OK;
    hs_map_resource_read(&mapper->resource, iter);
    mapper->trace_id = span.trace_id;
    mapper->first_ns = mapper->kept ? HS_MIN(mapper->first_ns, span.start_ns) : span.start_ns;
    mapper->last_ns = mapper->kept ? HS_MAX(mapper->last_ns, span.start_ns) : span.start_ns;
    mapper->kept++;
    return map_row(mapper, iter, message, &span, &id);
}

static int map_by_trace(struct span_mapper *mapper, struct hs_err *err)
{
    struct hs_block *block = &mapper->rows->blocks[HS_TABLE_TRACE_BY_ID];
    const struct hs_origin *origin = &mapper->rows->origin;
    const struct hs_row_id id = {.offset = mapper->record->offset,
                                 .sub = 0,
                                 .day = (int32_t)(mapper->first_ns / (uint64_t)HS_NS_PER_DAY)};

    hs_block_str(block, HS_BY_TRACE_TENANT, mapper->record->tenant);
    hs_block_u64(block, HS_BY_TRACE_RETENTION_CLASS, origin->retention_class);
    hs_map_hex(block, HS_BY_TRACE_TRACE_ID, mapper->trace_id);
    hs_block_u64(block, HS_BY_TRACE_FIRST, mapper->first_ns);
    hs_block_u64(block, HS_BY_TRACE_LAST, mapper->last_ns);
    hs_block_u64(block, HS_BY_TRACE_SPANS, mapper->kept);
    hs_block_str(block, HS_BY_TRACE_STREAM_ID, origin->stream_id);
    hs_block_str(block, HS_BY_TRACE_TOPIC, hs_str_c(hs_topic_name(origin->topic)));
    hs_block_u64(block, HS_BY_TRACE_PARTITION, origin->partition);
    hs_block_u64(block, HS_BY_TRACE_OFFSET, id.offset);
    hs_block_u64(block, HS_BY_TRACE_SUB, id.sub);
    return hs_rows_end(mapper->rows, HS_TABLE_TRACE_BY_ID, &id, err);
}

/* Reads the whole message once, so that a malformed one leaves no rows behind. */
static int check_spans(const struct hs_record *record, struct hs_err *err)
{
    struct hs_otlp_iter iter;
    struct hs_otlp_span span;
    struct hs_str message;
    size_t bytes = 0;
    int rc;

    hs_otlp_iter_init(&iter, record->value);
    while ((rc = hs_otlp_iter_next(&iter, &message, err)) > 0) {
        rc = hs_map_grow(&iter, message, &bytes, err);
        if (rc == HS_OK)
            rc = hs_otlp_span_read(message, &span, err);
        if (rc == HS_OK && span.start_ns > INT64_MAX)
            rc = hs_err_set(err, HS_EINVAL, 0, "span starts at %llu ns, past the year 2262",
                            (unsigned long long)span.start_ns);
        if (rc != HS_OK)
            return rc;
    }
    return rc;
}

int hs_map_spans(struct hs_rows *rows, const struct hs_record *record, struct hs_err *err)
{
    struct span_mapper mapper = {.rows = rows, .record = record};
    struct hs_otlp_iter iter;
    struct hs_str message;
    uint32_t sub = 0;
    int rc = check_spans(record, err);

    if (rc != HS_OK)
        return rc;
    hs_buf_init(&mapper.text, HS_MAP_TEXT_MAX);
    hs_otlp_iter_init(&iter, record->value);
    while (rc == HS_OK && hs_otlp_iter_next(&iter, &message, err) > 0)
        rc = map_span(&mapper, &iter, message, sub++);
    if (rc == HS_OK && mapper.kept > 0)
        rc = map_by_trace(&mapper, err);
    hs_buf_fini(&mapper.text);
    return rc;
}
