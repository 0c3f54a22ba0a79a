/*
 * One event's way: times → ids → defaults → consent and pseudonyms → redaction → normalised query →
 * messages. Texts that change are kept in the intake's arena until the messages are written; the
 * small ones (ids, hashes) in `struct made` on the stack.
 */
#include "collector/intake.h"

#include "base/hash.h"
#include "base/mem.h"
#include "collector/complete.h"

enum {
    SCRATCH_MAX = 8 << 20,
    TEXTS_MAX = 32 << 20,
    IDS_MAX = 64 << 20,
    KEY_BYTES_MAX = 512, /* a longer query id is hashed for the message's key */
    MESSAGES_MIN = 64,
};

const char *hs_source_name(enum hs_source source)
{
    static const char *const names[] = {"native", "ubi", "span"};

    return names[source];
}

void hs_intake_init(struct hs_intake *intake, const struct hs_intake_rules *rules,
                    uint64_t bytes_max)
{
    int topic;

    memset(intake->topics, 0, sizeof(intake->topics));
    for (topic = 0; topic < HS_TOPIC_N; topic++)
        hs_buf_init(&intake->topics[topic].bytes, bytes_max);
    intake->rules = rules;
    intake->counts = (struct hs_intake_counts){0};
    intake->bytes_max = bytes_max;
    hs_buf_init(&intake->scratch, SCRATCH_MAX);
    hs_buf_init(&intake->rebuilt, SCRATCH_MAX);
    hs_arena_init(&intake->texts, TEXTS_MAX);
    hs_arena_init(&intake->ids, IDS_MAX);
    hs_parser_init(&intake->parser);
    hs_event_reset(&intake->event);
}

void hs_intake_fini(struct hs_intake *intake)
{
    int topic;

    if (!intake)
        return;
    for (topic = 0; topic < HS_TOPIC_N; topic++) {
        hs_buf_fini(&intake->topics[topic].bytes);
        hs_free(intake->topics[topic].messages);
        intake->topics[topic].messages = NULL;
    }
    hs_buf_fini(&intake->scratch);
    hs_buf_fini(&intake->rebuilt);
    hs_arena_fini(&intake->texts);
    hs_arena_fini(&intake->ids);
    hs_parser_fini(&intake->parser);
}

void hs_intake_reset(struct hs_intake *intake, const struct hs_intake_rules *rules)
{
    int topic;

    for (topic = 0; topic < HS_TOPIC_N; topic++) {
        hs_buf_reset(&intake->topics[topic].bytes);
        intake->topics[topic].n = 0;
    }
    intake->rules = rules;
    intake->counts = (struct hs_intake_counts){0};
    hs_buf_reset(&intake->scratch);
    hs_buf_reset(&intake->rebuilt);
    hs_arena_reset(&intake->texts);
    hs_arena_reset(&intake->ids);
    hs_parser_reset(&intake->parser);
}

static uint64_t bytes_used(const struct hs_intake *intake)
{
    uint64_t n = 0;
    int topic;

    for (topic = 0; topic < HS_TOPIC_N; topic++)
        n += intake->topics[topic].bytes.n;
    return n;
}

static bool room_for_message(struct hs_intake_topic *topic)
{
    size_t cap = HS_MAX(topic->cap * 2, (size_t)MESSAGES_MIN);
    void *grown;

    if (topic->n == HS_STREAM_BATCH_MAX)
        return false;
    if (topic->n < topic->cap)
        return true;
    grown = hs_try_realloc(topic->messages, cap, sizeof(*topic->messages));
    if (!grown)
        return false;
    topic->messages = grown;
    topic->cap = cap;
    return true;
}

/* The message whose key and value lie at the end of the topic's bytes, from `start` on. */
static int add_message(struct hs_intake *intake, enum hs_topic topic_id, size_t start, size_t key_n,
                       struct hs_err *err)
{
    struct hs_intake_topic *topic = &intake->topics[topic_id];

    if (!hs_buf_ok(&topic->bytes) || !room_for_message(topic) ||
        bytes_used(intake) > intake->bytes_max) {
        topic->bytes.n = start;
        topic->bytes.failed = false;
        return hs_err_set(err, HS_ELIMIT, 0,
                          "the request's messages pass %llu bytes, or %d of one topic",
                          (unsigned long long)intake->bytes_max, HS_STREAM_BATCH_MAX);
    }
    topic->messages[topic->n].key_at = start;
    topic->messages[topic->n].key_n = key_n;
    topic->messages[topic->n].value_at = start + key_n;
    topic->messages[topic->n].value_n = topic->bytes.n - start - key_n;
    topic->n++;
    return HS_OK;
}

int hs_intake_message(struct hs_intake *intake, enum hs_topic topic, struct hs_str key,
                      struct hs_str value, struct hs_err *err)
{
    struct hs_buf *bytes = &intake->topics[topic].bytes;
    size_t start = bytes->n;

    hs_buf_add_str(bytes, key);
    hs_buf_add_str(bytes, value);
    return add_message(intake, topic, start, key.n, err);
}

/* Query id, else trace id, else nothing. Returns its length. */
static size_t add_key(const struct hs_event *event, struct hs_buf *bytes)
{
    struct hs_str key = hs_event_get_str(event, HS_F_QUERY_ID);
    struct hs_hash128 hash;

    if (key.n == 0)
        key = hs_event_get_str(event, HS_F_TRACE_ID);
    if (key.n <= KEY_BYTES_MAX) {
        hs_buf_add_str(bytes, key);
        return key.n;
    }
    hash = hs_hash128(key);
    hs_buf_add_hex(bytes, &hash, sizeof(hash));
    return 2 * sizeof(hash);
}

typedef void write_fn(const struct hs_event *event, struct hs_buf *out);

static int write_message(struct hs_intake *intake, enum hs_topic topic,
                         const struct hs_event *event, write_fn *write, struct hs_err *err)
{
    struct hs_buf *bytes = &intake->topics[topic].bytes;
    size_t start = bytes->n;
    size_t key_n = add_key(event, bytes);
    size_t value_n;

    write(event, bytes);
    value_n = bytes->n - start - key_n;
    if (hs_buf_ok(bytes) && value_n > HS_EVENT_BYTES_MAX) {
        bytes->n = start;
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_LENGTH,
                          "the event's message is %zu bytes, limit %d", value_n,
                          HS_EVENT_BYTES_MAX);
    }
    return add_message(intake, topic, start, key_n, err);
}

/* Whether a search counts as a failure in search.errors too. */
static bool has_failed(const struct hs_event *event)
{
    struct hs_str status = hs_event_get_str(event, HS_F_STATUS);

    return event->v[HS_F_ERROR].kind != HS_VALUE_NONE || hs_str_eq_c(status, "error") ||
           hs_str_eq_c(status, "timeout");
}

static int write_messages(struct hs_intake *intake, const struct hs_event *event,
                          struct hs_err *err)
{
    struct hs_intake_topic *events = &intake->topics[HS_TOPIC_EVENTS];
    struct hs_str type = hs_event_get_str(event, HS_F_EVENT_TYPE);
    size_t start = events->bytes.n;
    int rc;

    HS_ASSERT(type.p != NULL);
    switch (type.p[0]) {
    case 'r': return write_message(intake, HS_TOPIC_RESULTS, event, hs_event_write, err);
    case 'e': return write_message(intake, HS_TOPIC_ERRORS, event, hs_event_write, err);
    default: break;
    }
    rc = write_message(intake, HS_TOPIC_EVENTS, event, hs_event_write, err);
    if (rc != HS_OK || !has_failed(event))
        return rc;
    rc = write_message(intake, HS_TOPIC_ERRORS, event, hs_event_write_failure, err);
    if (rc != HS_OK) {
        events->bytes.n = start;
        events->n--;
    }
    return rc;
}

/* The id's text lies in the event or in `made`: a copy outlives both. */
static int hand_out_id(struct hs_intake *intake, struct hs_str id, struct hs_str *out,
                       struct hs_err *err)
{
    struct hs_str copy;

    if (!out)
        return HS_OK;
    copy = hs_arena_copy(&intake->ids, id);
    if (!copy.p)
        return hs_err_set(err, HS_ELIMIT, 0, "the request's event ids pass %d bytes", IDS_MAX);
    *out = copy;
    return HS_OK;
}

int hs_intake_event(struct hs_intake *intake, struct hs_event *event, size_t index,
                    struct hs_str *out_id, struct hs_err *err)
{
    struct hs_intake_counts before = intake->counts;
    struct hs_made made;
    struct hs_str id;
    int rc;

    if (intake->texts.used > 0)
        hs_arena_reset(&intake->texts);
    rc = hs_complete_event(intake, event, index, &made, err);
    if (rc == HS_OK)
        rc = hand_out_id(intake, hs_event_get_str(event, HS_F_EVENT_ID), out_id ? &id : NULL, err);
    if (rc == HS_OK)
        rc = write_messages(intake, event, err);
    if (rc != HS_OK) {
        uint64_t latency_refused = intake->counts.latency_refused;

        intake->counts = before;
        intake->counts.latency_refused = latency_refused;
        return rc;
    }
    intake->counts.accepted++;
    if (out_id)
        *out_id = id;
    return HS_OK;
}

size_t hs_intake_messages(const struct hs_intake *intake, enum hs_topic topic,
                          struct hs_message *messages)
{
    const struct hs_intake_topic *from = &intake->topics[topic];
    size_t i;

    for (i = 0; i < from->n; i++) {
        messages[i].key =
            hs_str_n(from->bytes.p + from->messages[i].key_at, from->messages[i].key_n);
        messages[i].value =
            hs_str_n(from->bytes.p + from->messages[i].value_at, from->messages[i].value_n);
    }
    return from->n;
}
