#include "port/stream.h"

#include "base/mem.h"
#include "base/metric.h"

static const char *const topic_names[HS_TOPIC_N] = {
    [HS_TOPIC_EVENTS] = "search.events", [HS_TOPIC_RESULTS] = "search.results",
    [HS_TOPIC_ERRORS] = "search.errors", [HS_TOPIC_SPANS] = "search.spans",
    [HS_TOPIC_LOGS] = "search.logs",     [HS_TOPIC_ANOMALIES] = "search.anomalies",
    [HS_TOPIC_DLQ] = "search.dlq",
};

static struct hs_metric append_messages = {
    .name = "hs_stream_append_messages_total",
    .type = HS_METRIC_COUNTER,
    .help = "Messages taken by the stream for appending.",
    .labels = {"topic"},
};
static struct hs_metric append_bytes = {
    .name = "hs_stream_append_bytes_total",
    .type = HS_METRIC_COUNTER,
    .help = "Bytes of keys and values of those messages, before compression.",
    .labels = {"topic"},
};
static struct hs_metric append_refused = {
    .name = "hs_stream_append_refused_messages_total",
    .type = HS_METRIC_COUNTER,
    .help = "Messages that the stream did not take, by return code.",
    .labels = {"topic", "reason"},
};
static struct hs_metric poll_messages = {
    .name = "hs_stream_poll_messages_total",
    .type = HS_METRIC_COUNTER,
    .help = "Messages handed to consumers.",
    .labels = {"topic"},
};
static struct hs_metric poll_errors = {
    .name = "hs_stream_poll_errors_total",
    .type = HS_METRIC_COUNTER,
    .help = "Polls that failed, by return code.",
    .labels = {"reason"},
};

const char *hs_topic_name(enum hs_topic topic)
{
    return (unsigned)topic < HS_TOPIC_N ? topic_names[topic] : NULL;
}

int hs_topic_parse(struct hs_str name, enum hs_topic *out)
{
    for (unsigned i = 0; i < HS_TOPIC_N; i++) {
        if (hs_str_eq_c(name, topic_names[i])) {
            *out = (enum hs_topic)i;
            return HS_OK;
        }
    }
    return HS_ENOTFOUND;
}

static int check_message(const struct hs_message *message, size_t i, struct hs_err *err)
{
    if (message->key.n > HS_STREAM_KEY_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "message %zu: key is %zu bytes, limit %d", i,
                          message->key.n, HS_STREAM_KEY_MAX);
    if (message->value.n > HS_STREAM_VALUE_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "message %zu: value is %zu bytes, limit %d", i,
                          message->value.n, HS_STREAM_VALUE_MAX);
    return HS_OK;
}

/* The limits of the port's header; *out_bytes is what keys and values hold together. */
static int check_batch(const struct hs_batch *batch, uint64_t *out_bytes, struct hs_err *err)
{
    uint64_t bytes = 0;

    if (batch->n == 0)
        return hs_err_set(err, HS_EINVAL, 0, "batch has no messages");
    if (batch->n > HS_STREAM_BATCH_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "batch has %zu messages, limit %d", batch->n,
                          HS_STREAM_BATCH_MAX);
    if (batch->tenant.n > HS_STREAM_TENANT_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "tenant is %zu bytes, limit %d", batch->tenant.n,
                          HS_STREAM_TENANT_MAX);
    for (size_t i = 0; i < batch->n; i++) {
        int rc = check_message(&batch->messages[i], i, err);

        if (rc != HS_OK)
            return rc;
        bytes += batch->messages[i].key.n + batch->messages[i].value.n;
    }
    if (bytes > HS_STREAM_BATCH_BYTES_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "batch is %llu bytes, limit %d",
                          (unsigned long long)bytes, HS_STREAM_BATCH_BYTES_MAX);
    *out_bytes = bytes;
    return HS_OK;
}

int hs_stream_append(struct hs_stream *stream, enum hs_topic topic, const struct hs_batch *batch,
                     hs_append_done_fn *done_fn, void *arg, struct hs_err *err)
{
    const char *name = hs_topic_name(topic);
    uint64_t bytes = 0;
    size_t n;
    int rc;

    HS_ASSERT(stream && name && batch && done_fn);
    n = batch->n;
    rc = check_batch(batch, &bytes, err);
    if (rc == HS_OK)
        rc = stream->ops->append(stream, topic, batch, done_fn, arg, err);
    if (rc != HS_OK) {
        hs_metric_add(&append_refused, HS_LABELS(name, hs_rc_name(rc)), (double)n);
        return rc;
    }
    hs_metric_add(&append_messages, HS_LABELS(name), (double)n);
    hs_metric_add(&append_bytes, HS_LABELS(name), (double)bytes);
    return HS_OK;
}

int hs_stream_subscribe(struct hs_stream *stream, const struct hs_subscription *subscription,
                        struct hs_consumer **out, struct hs_err *err)
{
    HS_ASSERT(stream && subscription && out);
    HS_ASSERT(subscription->on_assign);
    if (subscription->topics == 0 || subscription->topics >= HS_TOPIC_BIT(HS_TOPIC_N))
        return hs_err_set(err, HS_EINVAL, 0, "subscription to topic bits 0x%x: none or unknown",
                          subscription->topics);
    return stream->ops->subscribe(stream, subscription, out, err);
}

void hs_stream_stat(struct hs_stream *stream, struct hs_stream_stat *out)
{
    HS_ASSERT(stream && out);
    stream->ops->stat(stream, out);
}

unsigned hs_stream_caps(const struct hs_stream *stream)
{
    HS_ASSERT(stream);
    return stream->ops->caps;
}

void hs_stream_close(struct hs_stream *stream)
{
    if (stream)
        stream->ops->close(stream);
}

int hs_consumer_poll(struct hs_consumer *consumer, int wait_ms, struct hs_records *out,
                     struct hs_err *err)
{
    int rc;

    HS_ASSERT(consumer && out);
    rc = consumer->ops->poll(consumer, wait_ms, out, err);
    if (rc != HS_OK)
        hs_metric_add(&poll_errors, HS_LABELS(hs_rc_name(rc)), 1);
    else if (out->n > 0)
        hs_metric_add(&poll_messages, HS_LABELS(hs_topic_name(out->topic)), (double)out->n);
    return rc;
}

int hs_consumer_seek(struct hs_consumer *consumer, const struct hs_position *position,
                     struct hs_err *err)
{
    HS_ASSERT(consumer && position);
    return consumer->ops->seek(consumer, position, err);
}

int hs_consumer_release(struct hs_consumer *consumer, const struct hs_position *position,
                        struct hs_err *err)
{
    HS_ASSERT(consumer && position);
    return consumer->ops->release(consumer, position, err);
}

int hs_consumer_lag(struct hs_consumer *consumer, struct hs_lag *out, size_t out_max,
                    struct hs_err *err)
{
    HS_ASSERT(consumer && (out || out_max == 0));
    return consumer->ops->lag(consumer, out, out_max, err);
}

void hs_consumer_close(struct hs_consumer *consumer)
{
    if (consumer)
        consumer->ops->close(consumer);
}
