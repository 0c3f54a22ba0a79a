#include <unistd.h>

#include "backend/stream_local/consumer_int.h"
#include "base/mem.h"

static const struct hs_consumer_ops local_consumer_ops;

/* The lowest kept offset. Mutex held. */
static uint64_t start_of(const struct hs_local *log, unsigned topic)
{
    return log->segments[0]->index.topics[topic].first;
}

static int join(struct hs_local *log, const struct hs_subscription *subscription,
                struct hs_err *err)
{
    uint64_t start[HS_TOPIC_N];
    int rc = HS_OK;

    hs_mutex_lock(&log->mutex);
    for (unsigned i = 0; i < HS_TOPIC_N; i++)
        start[i] = start_of(log, i);
    if (subscription->durable)
        rc = hs_groups_add(&log->groups, subscription->group, subscription->topics, start, err);
    if (rc == HS_OK) {
        log->consumers_n++;
        hs_local_kick_keeper(log);
    }
    hs_mutex_unlock(&log->mutex);
    return rc;
}

int hs_local_subscribe(struct hs_stream *stream, const struct hs_subscription *subscription,
                       struct hs_consumer **out, struct hs_err *err)
{
    struct hs_local *log = (struct hs_local *)stream;
    struct hs_local_consumer *consumer;
    int rc;

    if (!hs_groups_name_is_valid(subscription->group))
        return hs_err_set(err, HS_EINVAL, 0, "consumer group must match [a-z0-9._-]{1,%d}",
                          HS_GROUP_NAME_MAX);
    rc = join(log, subscription, err);
    if (rc != HS_OK)
        return rc;
    consumer = hs_xalloc(sizeof(*consumer));
    consumer->base.ops = &local_consumer_ops;
    consumer->log = log;
    memcpy(consumer->group, subscription->group.p, subscription->group.n);
    consumer->topics = subscription->topics;
    consumer->durable = subscription->durable;
    consumer->on_assign = subscription->on_assign;
    consumer->arg = subscription->arg;
    for (unsigned i = 0; i < HS_TOPIC_N; i++)
        consumer->cursors[i].fd = -1;
    hs_window_init(&consumer->window, log->seed);
    hs_gathered_init(&consumer->gathered);
    *out = &consumer->base;
    return HS_OK;
}

static void assign(struct hs_local_consumer *consumer)
{
    struct hs_local *log = consumer->log;

    for (unsigned i = 0; i < HS_TOPIC_N; i++) {
        uint64_t start;
        uint64_t position;

        if (!(consumer->topics & HS_TOPIC_BIT(i)))
            continue;
        hs_mutex_lock(&log->mutex);
        start = start_of(log, i);
        hs_mutex_unlock(&log->mutex);
        position = consumer->on_assign(consumer->arg, (enum hs_topic)i, 0, start);
        hs_mutex_lock(&log->mutex);
        consumer->cursors[i].position = position;
        hs_mutex_unlock(&log->mutex);
    }
    hs_mutex_lock(&log->mutex);
    consumer->assigned = true;
    hs_mutex_unlock(&log->mutex);
}

/* The next topic, in turn, that has something to say; HS_TOPIC_N when none has. Mutex held. */
static unsigned pick_topic(const struct hs_local_consumer *consumer)
{
    for (unsigned i = 0; i < HS_TOPIC_N; i++) {
        unsigned topic = (consumer->turn + i) % HS_TOPIC_N;

        if (consumer->topics & HS_TOPIC_BIT(topic) &&
            consumer->cursors[topic].position != consumer->log->end[topic])
            return topic;
    }
    return HS_TOPIC_N;
}

/* Waits until a topic has something. */
static unsigned wait_topic(struct hs_local_consumer *consumer, int wait_ms)
{
    struct hs_local *log = consumer->log;
    int64_t until = hs_mono_ns(hs_clock_system()) / HS_NS_PER_MS + wait_ms;
    unsigned topic;

    hs_mutex_lock(&log->mutex);
    while ((topic = pick_topic(consumer)) == HS_TOPIC_N) {
        int64_t left = until - hs_mono_ns(hs_clock_system()) / HS_NS_PER_MS;

        if (wait_ms >= 0 && left <= 0)
            break;
        hs_cond_wait_ms(&log->poll_wake, &log->mutex, wait_ms < 0 ? -1 : left);
    }
    hs_mutex_unlock(&log->mutex);
    return topic;
}

/* Whether the position lies within what is kept: HS_OK, HS_ENOTFOUND below, HS_ECORRUPT beyond. */
static int check_position(struct hs_local_consumer *consumer, unsigned topic, uint64_t *out_next,
                          struct hs_err *err)
{
    struct hs_local *log = consumer->log;
    uint64_t position;
    uint64_t start;
    uint64_t end;

    hs_mutex_lock(&log->mutex);
    position = consumer->cursors[topic].position;
    start = start_of(log, topic);
    end = log->end[topic];
    hs_mutex_unlock(&log->mutex);
    if (position < start) {
        *out_next = start;
        return hs_err_set(err, HS_ENOTFOUND, 0,
                          "%s offset %llu lies below the start of the log, %llu",
                          hs_topic_name(topic), (unsigned long long)position,
                          (unsigned long long)start);
    }
    *out_next = position > end ? end : position;
    if (position > end)
        return hs_err_set(err, HS_ECORRUPT, 0,
                          "%s offset %llu lies beyond the end of the log, %llu: messages that were "
                          "read once are missing",
                          hs_topic_name(topic), (unsigned long long)position,
                          (unsigned long long)end);
    return HS_OK;
}

static int read_topic(struct hs_local_consumer *consumer, unsigned topic, uint64_t *out_next,
                      struct hs_err *err)
{
    int rc = check_position(consumer, topic, out_next, err);

    if (rc != HS_OK)
        return rc;
    rc = hs_local_read(consumer, topic, *out_next, out_next, err);
    if (rc != HS_ENOTFOUND)
        return rc;
    /* The segment's file is gone: deleted as released between the look and the read, or by hand. */
    rc = check_position(consumer, topic, out_next, NULL);
    if (rc == HS_OK)
        return err ? (err->rc = HS_EIO) : HS_EIO;
    return check_position(consumer, topic, out_next, err);
}

static int local_poll(struct hs_consumer *base, int wait_ms, struct hs_records *out,
                      struct hs_err *err)
{
    struct hs_local_consumer *consumer = (struct hs_local_consumer *)base;
    struct hs_local *log = consumer->log;
    struct hs_records records = {.stream_id = hs_str_n(log->id, HS_UUID_TEXT)};
    unsigned topic;
    int rc;

    if (!consumer->assigned)
        assign(consumer);
    *out = records;
    topic = wait_topic(consumer, wait_ms);
    if (topic == HS_TOPIC_N)
        return HS_OK;
    consumer->turn = (topic + 1) % HS_TOPIC_N;
    records.topic = (enum hs_topic)topic;
    rc = read_topic(consumer, topic, &records.next, err);
    if (rc == HS_OK) {
        hs_local_build(&consumer->gathered, &records);
        hs_mutex_lock(&log->mutex);
        consumer->cursors[topic].position = records.next;
        hs_mutex_unlock(&log->mutex);
    }
    *out = records;
    return rc;
}

static int check_assigned(const struct hs_local_consumer *consumer,
                          const struct hs_position *position, struct hs_err *err)
{
    if (position->topic >= HS_TOPIC_N || position->partition != 0 ||
        !(consumer->topics & HS_TOPIC_BIT(position->topic)))
        return hs_err_set(err, HS_EINVAL, 0, "topic %d partition %u is not assigned to group %s",
                          (int)position->topic, position->partition, consumer->group);
    return HS_OK;
}

static int local_seek(struct hs_consumer *base, const struct hs_position *position,
                      struct hs_err *err)
{
    struct hs_local_consumer *consumer = (struct hs_local_consumer *)base;
    int rc = check_assigned(consumer, position, err);

    if (rc != HS_OK)
        return rc;
    hs_mutex_lock(&consumer->log->mutex);
    if (!consumer->assigned)
        rc = hs_err_set(err, HS_EINVAL, 0, "group %s has nothing assigned before its first poll",
                        consumer->group);
    else
        consumer->cursors[position->topic].position = position->offset;
    hs_mutex_unlock(&consumer->log->mutex);
    return rc;
}

static int local_release(struct hs_consumer *base, const struct hs_position *position,
                         struct hs_err *err)
{
    struct hs_local_consumer *consumer = (struct hs_local_consumer *)base;
    struct hs_local *log = consumer->log;
    struct hs_group *group;
    int rc = check_assigned(consumer, position, err);

    if (rc != HS_OK || !consumer->durable)
        return rc;
    hs_mutex_lock(&log->mutex);
    group = hs_groups_find(&log->groups, hs_str_c(consumer->group));
    HS_ASSERT(group != NULL);
    if (position->offset > log->end[position->topic]) {
        rc = hs_err_set(err, HS_EINVAL, 0, "released offset %llu of %s lies beyond the end, %llu",
                        (unsigned long long)position->offset, hs_topic_name(position->topic),
                        (unsigned long long)log->end[position->topic]);
    } else if (position->offset > group->released[position->topic]) {
        group->released[position->topic] = position->offset;
        log->groups.dirty = true;
        hs_local_kick_keeper(log);
    }
    hs_mutex_unlock(&log->mutex);
    return rc;
}

static int local_lag(struct hs_consumer *base, struct hs_lag *out, size_t out_max,
                     struct hs_err *err)
{
    struct hs_local_consumer *consumer = (struct hs_local_consumer *)base;
    struct hs_local *log = consumer->log;
    size_t n = 0;

    (void)err;
    hs_mutex_lock(&log->mutex);
    for (unsigned i = 0; i < HS_TOPIC_N && n < out_max; i++) {
        if (consumer->topics & HS_TOPIC_BIT(i))
            out[n++] = (struct hs_lag){.topic = (enum hs_topic)i,
                                       .start = start_of(log, i),
                                       .end = log->end[i],
                                       .position = consumer->cursors[i].position};
    }
    hs_mutex_unlock(&log->mutex);
    return (int)n;
}

static void local_consumer_close(struct hs_consumer *base)
{
    struct hs_local_consumer *consumer = (struct hs_local_consumer *)base;

    if (!consumer)
        return;
    for (unsigned i = 0; i < HS_TOPIC_N; i++) {
        if (consumer->cursors[i].fd >= 0)
            close(consumer->cursors[i].fd);
    }
    hs_gathered_fini(&consumer->gathered);
    hs_window_fini(&consumer->window);
    hs_mutex_lock(&consumer->log->mutex);
    consumer->log->consumers_n--;
    hs_mutex_unlock(&consumer->log->mutex);
    hs_free(consumer);
}

static const struct hs_consumer_ops local_consumer_ops = {
    .poll = local_poll,
    .seek = local_seek,
    .release = local_release,
    .lag = local_lag,
    .close = local_consumer_close,
};
