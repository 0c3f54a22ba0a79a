/* Dead letters: what was acknowledged and cannot be loaded, with the reason, in search.dlq. */
#include "base/json_out.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "engine/append.h"
#include "engine/loader_int.h"

enum { LETTER_BYTES_MAX = HS_STREAM_VALUE_MAX, LETTER_VALUE_MAX = 1 << 20 };

struct hs_metric hs_loader_dead_letters = {
    .name = "hs_engine_dead_letters_total",
    .type = HS_METRIC_COUNTER,
    .help = "Messages that were acknowledged but could not be loaded, by topic and reason.",
    .labels = {"topic", "reason"},
};

/* The letter: where the message stands, why it was refused, and its value when it is text. */
static void write_letter(const struct hs_part *part, const struct hs_record *record,
                         const char *reason, const struct hs_err *why, struct hs_buf *out)
{
    struct hs_json json;

    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    hs_json_key(&json, "stream_id");
    hs_json_add_str(&json, part->origin.stream_id);
    hs_json_key(&json, "topic");
    hs_json_add_c(&json, hs_topic_name(part->origin.topic));
    hs_json_key(&json, "partition");
    hs_json_add_u64(&json, part->origin.partition);
    hs_json_key(&json, "offset");
    hs_json_add_u64(&json, record->offset);
    hs_json_key(&json, "reason");
    hs_json_add_c(&json, reason);
    hs_json_key(&json, "detail");
    hs_json_add_c(&json, why->text);
    hs_json_key(&json, "value_bytes");
    hs_json_add_u64(&json, record->value.n);
    if (hs_str_utf8_valid(record->value)) {
        hs_json_key(&json, "value");
        hs_json_add_str(&json, hs_str_utf8_cut(record->value, LETTER_VALUE_MAX));
    }
    hs_json_obj_close(&json);
}

int hs_loader_dead_letter(struct hs_loader *loader, const struct hs_part *part,
                          const struct hs_record *record, const char *reason,
                          const struct hs_err *why, struct hs_err *err)
{
    const char *const labels[] = {hs_topic_name(part->origin.topic), reason, NULL};
    struct hs_message message = {.key = record->key};
    struct hs_batch batch = {.tenant = record->tenant,
                             .schema_version = 1,
                             .messages = &message,
                             .n = 1};
    int64_t wait_ms = RETRY_MIN_MS;
    struct hs_buf letter;
    int rc;

    hs_buf_init(&letter, LETTER_BYTES_MAX);
    write_letter(part, record, reason, why, &letter);
    message.value = hs_buf_str(&letter);
    do {
        rc = hs_append_wait(loader->deps.stream, HS_TOPIC_DLQ, &batch, err);
    } while (rc != HS_OK && hs_rc_retriable(rc) && hs_loader_back_off(loader, &wait_ms));
    if (rc == HS_OK) {
        hs_metric_add(&hs_loader_dead_letters, labels, 1);
        hs_log(HS_LOG_WARN, "loader", "message dead-lettered", HS_KV_S("topic", labels[0]),
               HS_KV_I("offset", record->offset), HS_KV_S("reason", reason),
               HS_KV_S("detail", why->text));
    }
    hs_buf_fini(&letter);
    return rc;
}
