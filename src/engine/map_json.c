#include "engine/map_json.h"

#include "base/mem.h"

enum { US_PER_DAY_S = 86400 };

static int message_time(const struct hs_json_message *message, enum hs_field field, int64_t *out_us,
                        struct hs_err *err)
{
    yyjson_val *v = message->v[field];

    if (!yyjson_is_uint(v) || yyjson_get_uint(v) > INT64_MAX / 1000)
        return hs_err_set(err, HS_ECORRUPT, 0, "message at offset %llu has no %s",
                          (unsigned long long)message->record->offset, hs_fields[field].name);
    *out_us = (int64_t)yyjson_get_uint(v);
    return HS_OK;
}

static int message_check(struct hs_json_message *message, struct hs_err *err)
{
    int rc = message_time(message, HS_F_TIMESTAMP, &message->ts_us, err);

    if (rc == HS_OK)
        rc = message_time(message, HS_F_RECEIVED_AT, &message->received_us, err);
    if (rc == HS_OK && hs_json_message_str(message, HS_F_EVENT_ID).n == 0)
        rc = hs_err_set(err, HS_ECORRUPT, 0, "message at offset %llu has no event_id",
                        (unsigned long long)message->record->offset);
    return rc;
}

int hs_json_message_open(const struct hs_record *record, struct hs_json_message *out,
                         struct hs_err *err)
{
    yyjson_read_err parse;
    yyjson_obj_iter iter;
    yyjson_val *key;
    int rc;

    memset(out->v, 0, sizeof(out->v));
    out->record = record;
    out->doc =
        yyjson_read_opts((char *)(uintptr_t)record->value.p, record->value.n, 0, NULL, &parse);
    if (!out->doc)
        return hs_err_set(err, HS_ECORRUPT, 0, "message at offset %llu is no JSON: %s at byte %zu",
                          (unsigned long long)record->offset, parse.msg, parse.pos);
    if (!yyjson_obj_iter_init(yyjson_doc_get_root(out->doc), &iter)) {
        hs_json_message_close(out);
        return hs_err_set(err, HS_ECORRUPT, 0, "message at offset %llu is no JSON object",
                          (unsigned long long)record->offset);
    }
    while ((key = yyjson_obj_iter_next(&iter))) {
        enum hs_field field = hs_field_find(hs_str_n(yyjson_get_str(key), yyjson_get_len(key)));

        if (field < HS_FIELD_N)
            out->v[field] = yyjson_obj_iter_get_val(key);
    }
    rc = message_check(out, err);
    if (rc != HS_OK)
        hs_json_message_close(out);
    return rc;
}

void hs_json_message_close(struct hs_json_message *message)
{
    yyjson_doc_free(message->doc);
    message->doc = NULL;
}

static struct hs_str json_str(yyjson_val *v)
{
    return yyjson_is_str(v) ? hs_str_n(yyjson_get_str(v), yyjson_get_len(v)) : HS_STR_NULL;
}

struct hs_str hs_json_message_str(const struct hs_json_message *message, enum hs_field field)
{
    return json_str(message->v[field]);
}

bool hs_json_message_bool(const struct hs_json_message *message, enum hs_field field)
{
    return yyjson_get_bool(message->v[field]);
}

void hs_map_strings(struct hs_block *block, const struct hs_json_message *message,
                    const struct hs_string_column *columns, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        hs_block_str(block, columns[i].column, json_str(message->v[columns[i].field]));
}

void hs_map_nullable_u64(struct hs_block *block, unsigned col, yyjson_val *v)
{
    if (yyjson_is_uint(v))
        hs_block_u64(block, col, yyjson_get_uint(v));
    else if (yyjson_is_real(v) && yyjson_get_real(v) >= 0 && yyjson_get_real(v) < 1e15)
        hs_block_u64(block, col, (uint64_t)yyjson_get_real(v));
    else
        hs_block_null(block, col);
}

void hs_map_nullable_f64(struct hs_block *block, unsigned col, yyjson_val *v)
{
    if (yyjson_is_num(v))
        hs_block_f64(block, col, yyjson_get_num(v));
    else
        hs_block_null(block, col);
}

void hs_map_nullable_bool(struct hs_block *block, unsigned col, yyjson_val *v)
{
    if (yyjson_is_bool(v))
        hs_block_u64(block, col, yyjson_get_bool(v));
    else
        hs_block_null(block, col);
}

static void *json_malloc(void *ctx, size_t size)
{
    (void)ctx;
    return hs_try_alloc(size);
}

static void *json_realloc(void *ctx, void *p, size_t old_size, size_t size)
{
    (void)ctx;
    (void)old_size;
    return hs_try_realloc(p, size, 1);
}

static void json_free(void *ctx, void *p)
{
    (void)ctx;
    hs_free(p);
}

/* The value's JSON text; the caller frees text->p with hs_free. */
static struct hs_str write_text(yyjson_val *v)
{
    static const yyjson_alc alc = {json_malloc, json_realloc, json_free, NULL};
    size_t n = 0;
    char *text = yyjson_val_write_opts(v, 0, &alc, &n, NULL);

    return hs_str_n(text, text ? n : 0);
}

void hs_map_text(struct hs_block *block, unsigned col, yyjson_val *v)
{
    struct hs_str text = v ? write_text(v) : HS_STR_NULL;

    hs_block_str(block, col, text);
    hs_free((char *)(uintptr_t)text.p);
}

static void map_pair(struct hs_block *block, unsigned col, struct hs_str key, yyjson_val *v)
{
    struct hs_str text;

    if (yyjson_is_str(v)) {
        hs_block_map_str(block, col, key, json_str(v));
        return;
    }
    text = write_text(v);
    hs_block_map_str(block, col, key, text);
    hs_free((char *)(uintptr_t)text.p);
}

void hs_map_attributes(struct hs_block *block, unsigned col, yyjson_val *object)
{
    yyjson_obj_iter iter;
    yyjson_val *key;

    if (yyjson_obj_iter_init(object, &iter)) {
        while ((key = yyjson_obj_iter_next(&iter)))
            map_pair(block, col, json_str(key), yyjson_obj_iter_get_val(key));
    }
    hs_block_array_end(block, col);
}

void hs_map_member(struct hs_block *block, unsigned col, yyjson_val *object, const char *name)
{
    yyjson_val *v = yyjson_obj_get(object, name);

    if (yyjson_is_num(v) || yyjson_is_bool(v))
        hs_map_text(block, col, v);
    else
        hs_block_str(block, col, json_str(v));
}

void hs_map_common(struct hs_rows *rows, enum hs_raw_table table,
                   const struct hs_json_message *message, const struct hs_common_columns *columns)
{
    struct hs_block *block = &rows->blocks[table];

    hs_block_str(block, columns->tenant, message->record->tenant);
    hs_block_u64(block, columns->retention_class, rows->origin.retention_class);
    hs_block_u64(block, columns->ts, (uint64_t)message->ts_us);
    hs_block_u64(block, columns->received, (uint64_t)message->received_us);
    hs_block_u64(block, columns->imported, hs_json_message_bool(message, HS_F_IMPORT));
    hs_block_str(block, columns->stream_id, rows->origin.stream_id);
    hs_block_str(block, columns->topic, hs_str_c(hs_topic_name(rows->origin.topic)));
    hs_block_u64(block, columns->partition, rows->origin.partition);
    hs_block_u64(block, columns->offset, message->record->offset);
    hs_block_u64(block, columns->sub, 0);
}

void hs_map_adjusted(struct hs_block *block, const struct hs_json_message *message,
                     unsigned adjusted_col, unsigned sent_col)
{
    yyjson_val *sent = message->v[HS_F_TIMESTAMP_SENT];

    hs_block_str(block, adjusted_col, hs_json_message_str(message, HS_F_TIME_ADJUSTED));
    if (yyjson_is_int(sent))
        hs_block_u64(block, sent_col, (uint64_t)yyjson_get_sint(sent));
    else
        hs_block_null(block, sent_col);
}

int hs_map_day(int64_t ts_us)
{
    return (int)(ts_us / 1000000 / US_PER_DAY_S);
}

struct hs_row_id hs_map_row_id(const struct hs_json_message *message)
{
    return (struct hs_row_id){.offset = message->record->offset,
                              .sub = 0,
                              .day = hs_map_day(message->ts_us)};
}
