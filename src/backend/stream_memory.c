#include "backend/stream_memory.h"

#include "base/mem.h"
#include "base/rand.h"
#include "base/thread.h"

enum { MEMORY_GROUPS_MAX = 64, MEMORY_GROUP_NAME_MAX = 64, MEMORY_POLL_MESSAGES = 10000 };
enum { MEMORY_POLL_BYTES = 1 << 20 }; /* a poll ends before it gives more, but gives one */

/* One message of a topic's list, oldest first. */
struct node {
    struct node *next;
    struct hs_record record; /* views into bytes */
    size_t bytes_n;
    char bytes[];
};

struct topic_log {
    struct node *head, *tail;
    uint64_t start, end;
};

struct group {
    char name[MEMORY_GROUP_NAME_MAX + 1];
    uint32_t topics;
    uint64_t released[HS_TOPIC_N];
};

/* Everything is guarded by mutex. */
struct memory_stream {
    struct hs_stream base; /* first */
    const struct hs_clock *clock;
    char id[HS_UUID_TEXT];
    struct hs_mutex mutex;
    struct hs_cond appended;
    struct topic_log topics[HS_TOPIC_N];
    uint64_t bytes;
    struct group groups[MEMORY_GROUPS_MAX];
    size_t groups_n;
    unsigned consumers_n;
};

struct memory_consumer {
    struct hs_consumer base; /* first */
    struct memory_stream *stream;
    struct group *group; /* NULL: not durable */
    uint32_t topics;
    hs_assign_fn *on_assign;
    void *arg;
    bool assigned;
    unsigned turn;
    uint64_t positions[HS_TOPIC_N];
    /* What the last poll gave out: copies, so that a deletion does not take them away. */
    struct node *given;
    struct hs_record *records;
};

static const struct hs_consumer_ops memory_consumer_ops;

static void free_nodes(struct node *node)
{
    while (node) {
        struct node *next = node->next;

        hs_free(node);
        node = next;
    }
}

static struct hs_str put(char **at, struct hs_str s)
{
    char *to = *at;

    if (s.n > 0)
        memcpy(to, s.p, s.n);
    *at += s.n;
    return hs_str_n(to, s.n);
}

/* NULL when memory is out. */
static struct node *node_new(const struct hs_record *record)
{
    size_t n = record->tenant.n + record->key.n + record->value.n;
    struct node *node = hs_try_alloc(sizeof(*node) + n);
    char *at;

    if (!node)
        return NULL;
    at = node->bytes;
    node->bytes_n = n;
    node->record = *record;
    node->record.tenant = put(&at, record->tenant);
    node->record.key = put(&at, record->key);
    node->record.value = put(&at, record->value);
    return node;
}

static int memory_open(const struct hs_conf *conf, const struct hs_clock *clock,
                       struct hs_stream **out, struct hs_err *err)
{
    struct memory_stream *stream = hs_xalloc(sizeof(*stream));

    (void)conf;
    (void)err;
    stream->base.ops = &hs_stream_memory_ops;
    stream->clock = clock;
    hs_uuid7(hs_wall_ns(clock), stream->id);
    hs_mutex_init(&stream->mutex, HS_RANK_BACKEND);
    hs_cond_init(&stream->appended);
    *out = &stream->base;
    return HS_OK;
}

static void drop_first(struct memory_stream *stream, struct topic_log *topic)
{
    struct node *node = topic->head;

    topic->head = node->next;
    if (!topic->head)
        topic->tail = NULL;
    topic->start = node->record.offset + 1;
    stream->bytes -= node->bytes_n;
    hs_free(node);
}

/* The offset below which no durable group needs the topic. Mutex held. */
static uint64_t unpinned_end(const struct memory_stream *stream, unsigned topic)
{
    uint64_t end = stream->topics[topic].end;

    for (size_t i = 0; i < stream->groups_n; i++) {
        if (stream->groups[i].topics & HS_TOPIC_BIT(topic))
            end = HS_MIN(end, stream->groups[i].released[topic]);
    }
    return end;
}

/* Drops what nobody pins until `need` more bytes fit. Mutex held. */
static bool make_room(struct memory_stream *stream, uint64_t need)
{
    for (unsigned i = 0; i < HS_TOPIC_N; i++) {
        struct topic_log *topic = &stream->topics[i];
        uint64_t end = unpinned_end(stream, i);

        while (stream->bytes + need > HS_STREAM_MEMORY_BYTES_MAX && topic->start < end)
            drop_first(stream, topic);
    }
    return stream->bytes + need <= HS_STREAM_MEMORY_BYTES_MAX;
}

/* The batch as a list; NULL when memory is out. Offsets are given later. */
static struct node *copy_batch(const struct memory_stream *stream, const struct hs_batch *batch,
                               uint64_t *out_bytes)
{
    struct node *head = NULL;
    struct node **at = &head;

    *out_bytes = 0;
    for (size_t i = 0; i < batch->n; i++) {
        struct hs_record record = {.appended_ns = hs_wall_ns(stream->clock),
                                   .schema_version = batch->schema_version,
                                   .tenant = batch->tenant,
                                   .key = batch->messages[i].key,
                                   .value = batch->messages[i].value};

        *at = node_new(&record);
        if (!*at) {
            free_nodes(head);
            return NULL;
        }
        *out_bytes += (*at)->bytes_n;
        at = &(*at)->next;
    }
    return head;
}

/* Mutex held; takes the list. */
static void link_nodes(struct memory_stream *stream, unsigned topic_i, struct node *nodes)
{
    struct topic_log *topic = &stream->topics[topic_i];

    if (topic->tail)
        topic->tail->next = nodes;
    else
        topic->head = nodes;
    for (; nodes; nodes = nodes->next) {
        nodes->record.offset = topic->end++;
        stream->bytes += nodes->bytes_n;
        topic->tail = nodes;
    }
    hs_cond_broadcast(&stream->appended);
}

static int memory_append(struct hs_stream *base, enum hs_topic topic, const struct hs_batch *batch,
                         hs_append_done_fn *done_fn, void *arg, struct hs_err *err)
{
    struct memory_stream *stream = (struct memory_stream *)base;
    uint64_t bytes;
    struct node *nodes = copy_batch(stream, batch, &bytes);
    int rc = HS_OK;

    if (!nodes)
        return hs_err_set(err, HS_ELIMIT, 0, "no memory for a batch of %zu messages", batch->n);
    hs_mutex_lock(&stream->mutex);
    if (make_room(stream, bytes))
        link_nodes(stream, topic, nodes);
    else
        rc = hs_err_set(err, HS_EAGAIN, 0, "memory stream holds %llu bytes, limit %d",
                        (unsigned long long)stream->bytes, HS_STREAM_MEMORY_BYTES_MAX);
    hs_mutex_unlock(&stream->mutex);
    if (rc != HS_OK) {
        free_nodes(nodes);
        return rc;
    }
    done_fn(arg, HS_OK, NULL);
    return HS_OK;
}

static bool group_is_valid(struct hs_str group)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";

    for (size_t i = 0; i < group.n; i++) {
        if (group.p[i] == '\0' || !strchr(allowed, group.p[i]))
            return false;
    }
    return group.n > 0 && group.n <= MEMORY_GROUP_NAME_MAX;
}

/* The durable group of that name, made when new; NULL past the limit. Mutex held. */
static struct group *join(struct memory_stream *stream, const struct hs_subscription *subscription)
{
    struct group *group = NULL;
    uint32_t added;

    for (size_t i = 0; i < stream->groups_n && !group; i++) {
        if (hs_str_eq_c(subscription->group, stream->groups[i].name))
            group = &stream->groups[i];
    }
    if (!group && stream->groups_n == MEMORY_GROUPS_MAX)
        return NULL;
    if (!group) {
        group = &stream->groups[stream->groups_n++];
        memcpy(group->name, subscription->group.p, subscription->group.n);
    }
    added = subscription->topics & ~group->topics;
    for (unsigned i = 0; i < HS_TOPIC_N; i++) {
        if (added & HS_TOPIC_BIT(i))
            group->released[i] = stream->topics[i].start;
    }
    group->topics |= added;
    return group;
}

static int memory_subscribe(struct hs_stream *base, const struct hs_subscription *subscription,
                            struct hs_consumer **out, struct hs_err *err)
{
    struct memory_stream *stream = (struct memory_stream *)base;
    struct memory_consumer *consumer;
    struct group *group = NULL;

    if (!group_is_valid(subscription->group))
        return hs_err_set(err, HS_EINVAL, 0, "consumer group must match [a-z0-9._-]{1,%d}",
                          MEMORY_GROUP_NAME_MAX);
    hs_mutex_lock(&stream->mutex);
    if (subscription->durable)
        group = join(stream, subscription);
    if (group || !subscription->durable)
        stream->consumers_n++;
    hs_mutex_unlock(&stream->mutex);
    if (subscription->durable && !group)
        return hs_err_set(err, HS_ELIMIT, 0, "durable group \"%.*s\": there are %d, limit %d",
                          HS_STR_ARG(subscription->group), MEMORY_GROUPS_MAX, MEMORY_GROUPS_MAX);
    consumer = hs_xalloc(sizeof(*consumer));
    consumer->base.ops = &memory_consumer_ops;
    consumer->stream = stream;
    consumer->group = group;
    consumer->topics = subscription->topics;
    consumer->on_assign = subscription->on_assign;
    consumer->arg = subscription->arg;
    consumer->records = hs_xcalloc(MEMORY_POLL_MESSAGES, sizeof(*consumer->records));
    *out = &consumer->base;
    return HS_OK;
}

static void memory_stat(struct hs_stream *base, struct hs_stream_stat *out)
{
    struct memory_stream *stream = (struct memory_stream *)base;

    *out = (struct hs_stream_stat){.stream_id = hs_str_n(stream->id, HS_UUID_TEXT)};
}

static void memory_close(struct hs_stream *base)
{
    struct memory_stream *stream = (struct memory_stream *)base;

    if (!stream)
        return;
    HS_ASSERT(stream->consumers_n == 0);
    for (unsigned i = 0; i < HS_TOPIC_N; i++)
        free_nodes(stream->topics[i].head);
    hs_cond_fini(&stream->appended);
    hs_mutex_fini(&stream->mutex);
    hs_free(stream);
}

static void assign(struct memory_consumer *consumer)
{
    struct memory_stream *stream = consumer->stream;

    for (unsigned i = 0; i < HS_TOPIC_N; i++) {
        uint64_t start;
        uint64_t position;

        if (!(consumer->topics & HS_TOPIC_BIT(i)))
            continue;
        hs_mutex_lock(&stream->mutex);
        start = stream->topics[i].start;
        hs_mutex_unlock(&stream->mutex);
        position = consumer->on_assign(consumer->arg, (enum hs_topic)i, 0, start);
        hs_mutex_lock(&stream->mutex);
        consumer->positions[i] = position;
        hs_mutex_unlock(&stream->mutex);
    }
    consumer->assigned = true;
}

/* Mutex held. HS_TOPIC_N when no topic has anything. */
static unsigned pick_topic(const struct memory_consumer *consumer)
{
    for (unsigned i = 0; i < HS_TOPIC_N; i++) {
        unsigned topic = (consumer->turn + i) % HS_TOPIC_N;

        if (consumer->topics & HS_TOPIC_BIT(topic) &&
            consumer->positions[topic] != consumer->stream->topics[topic].end)
            return topic;
    }
    return HS_TOPIC_N;
}

/* Mutex held. */
static unsigned wait_topic(struct memory_consumer *consumer, int wait_ms)
{
    int64_t until = hs_mono_ns(hs_clock_system()) / HS_NS_PER_MS + wait_ms;
    unsigned topic;

    while ((topic = pick_topic(consumer)) == HS_TOPIC_N) {
        int64_t left = until - hs_mono_ns(hs_clock_system()) / HS_NS_PER_MS;

        if (wait_ms >= 0 && left <= 0)
            break;
        hs_cond_wait_ms(&consumer->stream->appended, &consumer->stream->mutex,
                        wait_ms < 0 ? -1 : left);
    }
    return topic;
}

/* Copies from `position` on. Mutex held. */
static void give(struct memory_consumer *consumer, unsigned topic, struct hs_records *out)
{
    const struct node *node = consumer->stream->topics[topic].head;
    struct node **at = &consumer->given;
    size_t bytes = 0;

    while (node && node->record.offset < out->next)
        node = node->next;
    for (; node && out->n < MEMORY_POLL_MESSAGES; node = node->next) {
        bytes += node->bytes_n;
        if (out->n > 0 && bytes > MEMORY_POLL_BYTES)
            break;
        *at = node_new(&node->record);
        if (!*at)
            break;
        consumer->records[out->n++] = (*at)->record;
        at = &(*at)->next;
    }
    out->records = consumer->records;
    out->next += out->n;
    consumer->positions[topic] = out->next;
}

/* Mutex held. */
static int poll_topic(struct memory_consumer *consumer, unsigned topic, struct hs_records *out,
                      struct hs_err *err)
{
    const struct topic_log *from = &consumer->stream->topics[topic];
    uint64_t position = consumer->positions[topic];

    out->topic = (enum hs_topic)topic;
    out->next = HS_MIN(HS_MAX(position, from->start), from->end);
    if (position < from->start)
        return hs_err_set(err, HS_ENOTFOUND, 0, "%s offset %llu lies below the start, %llu",
                          hs_topic_name(out->topic), (unsigned long long)position,
                          (unsigned long long)from->start);
    if (position > from->end)
        return hs_err_set(err, HS_ECORRUPT, 0, "%s offset %llu lies beyond the end, %llu",
                          hs_topic_name(out->topic), (unsigned long long)position,
                          (unsigned long long)from->end);
    give(consumer, topic, out);
    if (out->n == 0)
        return hs_err_set(err, HS_EAGAIN, 0, "no memory for a message of %s",
                          hs_topic_name(out->topic));
    return HS_OK;
}

static int memory_poll(struct hs_consumer *base, int wait_ms, struct hs_records *out,
                       struct hs_err *err)
{
    struct memory_consumer *consumer = (struct memory_consumer *)base;
    struct memory_stream *stream = consumer->stream;
    unsigned topic;
    int rc = HS_OK;

    if (!consumer->assigned)
        assign(consumer);
    free_nodes(consumer->given);
    consumer->given = NULL;
    *out = (struct hs_records){.stream_id = hs_str_n(stream->id, HS_UUID_TEXT)};
    hs_mutex_lock(&stream->mutex);
    topic = wait_topic(consumer, wait_ms);
    if (topic != HS_TOPIC_N) {
        consumer->turn = (topic + 1) % HS_TOPIC_N;
        rc = poll_topic(consumer, topic, out, err);
    }
    hs_mutex_unlock(&stream->mutex);
    return rc;
}

static int check_assigned(const struct memory_consumer *consumer,
                          const struct hs_position *position, struct hs_err *err)
{
    if (position->topic < HS_TOPIC_N && position->partition == 0 &&
        consumer->topics & HS_TOPIC_BIT(position->topic))
        return HS_OK;
    return hs_err_set(err, HS_EINVAL, 0, "topic %d partition %u is not assigned",
                      (int)position->topic, position->partition);
}

static int memory_seek(struct hs_consumer *base, const struct hs_position *position,
                       struct hs_err *err)
{
    struct memory_consumer *consumer = (struct memory_consumer *)base;
    int rc = check_assigned(consumer, position, err);

    if (rc != HS_OK)
        return rc;
    if (!consumer->assigned)
        return hs_err_set(err, HS_EINVAL, 0, "nothing is assigned before the first poll");
    hs_mutex_lock(&consumer->stream->mutex);
    consumer->positions[position->topic] = position->offset;
    hs_mutex_unlock(&consumer->stream->mutex);
    return HS_OK;
}

static int memory_release(struct hs_consumer *base, const struct hs_position *position,
                          struct hs_err *err)
{
    struct memory_consumer *consumer = (struct memory_consumer *)base;
    struct memory_stream *stream = consumer->stream;
    unsigned i = position->topic;
    int rc = check_assigned(consumer, position, err);

    if (rc != HS_OK || !consumer->group)
        return rc;
    hs_mutex_lock(&stream->mutex);
    if (position->offset > stream->topics[i].end) {
        rc = hs_err_set(err, HS_EINVAL, 0, "released offset %llu lies beyond the end, %llu",
                        (unsigned long long)position->offset,
                        (unsigned long long)stream->topics[i].end);
    } else {
        consumer->group->released[i] = HS_MAX(consumer->group->released[i], position->offset);
        while (stream->topics[i].start < unpinned_end(stream, i))
            drop_first(stream, &stream->topics[i]);
    }
    hs_mutex_unlock(&stream->mutex);
    return rc;
}

static int memory_lag(struct hs_consumer *base, struct hs_lag *out, size_t out_max,
                      struct hs_err *err)
{
    struct memory_consumer *consumer = (struct memory_consumer *)base;
    struct memory_stream *stream = consumer->stream;
    size_t n = 0;

    (void)err;
    hs_mutex_lock(&stream->mutex);
    for (unsigned i = 0; i < HS_TOPIC_N && n < out_max; i++) {
        if (consumer->topics & HS_TOPIC_BIT(i))
            out[n++] = (struct hs_lag){.topic = (enum hs_topic)i,
                                       .start = stream->topics[i].start,
                                       .end = stream->topics[i].end,
                                       .position = consumer->positions[i]};
    }
    hs_mutex_unlock(&stream->mutex);
    return (int)n;
}

static void memory_consumer_close(struct hs_consumer *base)
{
    struct memory_consumer *consumer = (struct memory_consumer *)base;

    if (!consumer)
        return;
    hs_mutex_lock(&consumer->stream->mutex);
    consumer->stream->consumers_n--;
    hs_mutex_unlock(&consumer->stream->mutex);
    free_nodes(consumer->given);
    hs_free(consumer->records);
    hs_free(consumer);
}

static const struct hs_consumer_ops memory_consumer_ops = {
    .poll = memory_poll,
    .seek = memory_seek,
    .release = memory_release,
    .lag = memory_lag,
    .close = memory_consumer_close,
};

const struct hs_stream_ops hs_stream_memory_ops = {
    .name = "memory",
    .caps = HS_STREAM_CAP_ATOMIC_LO,
    .open = memory_open,
    .append = memory_append,
    .subscribe = memory_subscribe,
    .stat = memory_stat,
    .close = memory_close,
};
