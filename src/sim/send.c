#include "sim/send.h"

#include <stdio.h>
#include <yyjson.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/thread.h"
#include "net/http_client.h"
#include "net/pb.h"

enum {
    BATCHES_MAX = 1024, /* under way or waiting */
    BODY_MAX = 64 << 20,
    ANSWER_MAX = 1 << 20,
    CONNECT_MS = 5000,
    REQUEST_MS = 30000,
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 5000,
    RETRY_AFTER_MAX_S = 30,
};

struct hs_sim_sender {
    struct hs_sim_sender_conf conf;
    struct hs_http_client *client;
    struct hs_buf authorization;
    struct hs_thread threads[HS_SIM_CONNECTIONS_MAX];
    struct hs_mutex lock; /* guards what follows */
    struct hs_cond some;  /* a batch came, or the end */
    struct hs_cond room;  /* a batch became idle */
    struct hs_sim_batch *first, *last, *idle;
    size_t batches;
    bool ending;
    struct hs_sim_send_stats stats;
};

static const char *const content_types[HS_SIM_WAYS] = {"application/json",
                                                       "application/x-protobuf"};

static int read_json_answer(struct hs_str body, uint64_t n, uint64_t *out_rejected)
{
    yyjson_doc *doc = yyjson_read(body.p, body.n, 0);
    yyjson_val *accepted = yyjson_obj_get(yyjson_doc_get_root(doc), "accepted");
    uint64_t count = yyjson_get_uint(accepted);
    int rc = yyjson_is_uint(accepted) && count <= n ? HS_OK : HS_ECORRUPT;

    if (rc == HS_OK)
        *out_rejected = n - count;
    yyjson_doc_free(doc);
    return rc;
}

/* ExportTraceServiceResponse {partial_success = 1 {rejected_spans = 1}}. */
static int read_otlp_answer(struct hs_str body, uint64_t n, uint64_t *out_rejected)
{
    struct hs_pb pb = hs_pb_of(body), partial;
    struct hs_pb_field field;
    uint64_t rejected = 0;
    int rc;

    while ((rc = hs_pb_next(&pb, &field)) == 1) {
        if (field.tag != HS_PB_TAG(1, HS_PB_LEN))
            continue;
        partial = hs_pb_of(field.bytes);
        while (hs_pb_next(&partial, &field) == 1)
            if (field.tag == HS_PB_TAG(1, HS_PB_VARINT))
                rejected = field.value;
    }
    if (rc != 0 || rejected > n)
        return HS_ECORRUPT;
    *out_rejected = rejected;
    return HS_OK;
}

int hs_sim_answer_read(enum hs_sim_way way, struct hs_str body, uint64_t n, uint64_t *out_rejected)
{
    return way == HS_SIM_EVENTS ? read_json_answer(body, n, out_rejected)
                                : read_otlp_answer(body, n, out_rejected);
}

static bool worth_a_retry(int rc, int status)
{
    if (rc == HS_EINVAL)
        return false;
    return rc != HS_OK || status == 408 || status == 429 || status >= 500;
}

/* What the peer asks for, else doubling with jitter. */
static int64_t back_off_ms(const struct hs_http_reply *reply, unsigned attempt,
                           struct hs_rand *rand)
{
    int64_t ms = BACKOFF_FIRST_MS << HS_MIN(attempt, 10U);
    uint64_t seconds;

    ms = HS_MIN(ms, BACKOFF_MAX_MS);
    ms = ms / 2 + (int64_t)hs_rand_below(rand, (uint64_t)ms);
    if (hs_str_to_u64(hs_http_answer_header(reply, "Retry-After"), &seconds) == HS_OK)
        ms = HS_MAX(ms, (int64_t)HS_MIN(seconds, (uint64_t)RETRY_AFTER_MAX_S) * 1000);
    return ms;
}

/* False when the sender is ending. */
static bool pause_ms(struct hs_sim_sender *sender, int64_t ms)
{
    int64_t until_ns = hs_mono_ns(sender->conf.clock) + ms * HS_NS_PER_MS;
    bool ending;

    hs_mutex_lock(&sender->lock);
    while (!sender->ending && hs_mono_ns(sender->conf.clock) < until_ns)
        hs_cond_wait_ms(&sender->some, &sender->lock,
                        (until_ns - hs_mono_ns(sender->conf.clock)) / HS_NS_PER_MS + 1);
    ending = sender->ending;
    hs_mutex_unlock(&sender->lock);
    return !ending;
}

static int post(struct hs_sim_sender *sender, const struct hs_sim_batch *batch,
                struct hs_http_reply *reply, struct hs_err *err)
{
    const struct hs_http_field fields[] = {
        {"Content-Type", hs_str_c(content_types[batch->way])},
        {"Authorization", hs_buf_str(&sender->authorization)},
    };
    const struct hs_http_call call = {
        .method = "POST",
        .url = sender->conf.url[batch->way],
        .fields = fields,
        .fields_n = sender->conf.key ? 2 : 1,
        .body = hs_buf_str(&batch->body),
        .connect_ms = CONNECT_MS,
        .total_ms = REQUEST_MS,
        .response_max = ANSWER_MAX,
    };

    return hs_http_client_call(sender->client, &call, reply, err);
}

static void count_answer(struct hs_sim_sender *sender, const struct hs_http_reply *reply, int rc,
                         unsigned attempt, const char *why)
{
    int status = rc == HS_OK && reply->status < HS_SIM_STATUS_MAX ? reply->status : 0;

    hs_mutex_lock(&sender->lock);
    sender->stats.requests++;
    sender->stats.retries += attempt > 0;
    sender->stats.statuses[status]++;
    if (*why)
        snprintf(sender->stats.last_error, sizeof(sender->stats.last_error), "%s", why);
    hs_mutex_unlock(&sender->lock);
}

/* Fills why when the batch was not acknowledged as a whole; returns how much of it was. */
static struct hs_sim_sent judge(const struct hs_sim_batch *batch, const struct hs_http_reply *reply,
                                int rc, struct hs_err *why)
{
    struct hs_sim_sent sent = {0};
    struct hs_str body = hs_buf_str(&reply->body);

    if (rc != HS_OK) {
        sent.unanswered = batch->items;
        return sent;
    }
    why->text[0] = '\0';
    if (reply->status >= 300 && reply->status != 422) {
        hs_err_set(why, HS_EIO, reply->status, "%s: status %d: %.*s",
                   batch->way == HS_SIM_EVENTS ? "events" : "spans", reply->status,
                   (int)HS_MIN(body.n, 200), body.p ? body.p : "");
        sent.rejected = batch->items;
        return sent;
    }
    if (hs_sim_answer_read(batch->way, body, batch->items, &sent.rejected)) {
        if (reply->status == 422)
            sent.rejected = batch->items;
        else
            hs_err_set(why, HS_ECORRUPT, reply->status, "the answer to a batch cannot be read");
    }
    if (sent.rejected > 0)
        hs_err_set(why, HS_EINVAL, reply->status, "%llu of %u items were rejected: %.*s",
                   (unsigned long long)sent.rejected, batch->items, (int)HS_MIN(body.n, 300),
                   body.p);
    sent.acknowledged = batch->items - sent.rejected;
    return sent;
}

static struct hs_sim_sent deliver(struct hs_sim_sender *sender, const struct hs_sim_batch *batch,
                                  struct hs_http_reply *reply, struct hs_rand *rand)
{
    int64_t give_up_ns = hs_mono_ns(sender->conf.clock) + sender->conf.give_up_ms * HS_NS_PER_MS;
    struct hs_sim_sent sent;
    struct hs_err err;
    unsigned attempt;

    for (attempt = 0;; attempt++) {
        int rc = post(sender, batch, reply, &err);
        bool again = worth_a_retry(rc, reply->status);

        sent = judge(batch, reply, rc, &err);
        count_answer(sender, reply, rc, attempt, err.text);
        if (!again)
            return sent;
        if (hs_mono_ns(sender->conf.clock) > give_up_ns ||
            !pause_ms(sender, back_off_ms(reply, attempt, rand)))
            break;
    }
    return (struct hs_sim_sent){.unanswered = batch->items};
}

/* The lock is held. */
static void settle(struct hs_sim_sender *sender, struct hs_sim_batch *batch,
                   const struct hs_sim_sent *sent)
{
    struct hs_sim_sent *sum = &sender->stats.sent[batch->way];

    sum->acknowledged += sent->acknowledged;
    sum->rejected += sent->rejected;
    sum->unanswered += sent->unanswered;
    sender->stats.waiting--;
    if (batch->way == HS_SIM_EVENTS && sent->unanswered == 0)
        hs_sim_histogram_add(&sender->stats.latency_ns,
                             hs_mono_ns(sender->conf.clock) - batch->intended_ns, 1);
    batch->next = sender->idle;
    sender->idle = batch;
    hs_cond_signal(&sender->room);
}

static struct hs_sim_batch *next_batch(struct hs_sim_sender *sender)
{
    struct hs_sim_batch *batch;

    hs_mutex_assert_held(&sender->lock);
    while (!sender->first && !sender->ending)
        hs_cond_wait_ms(&sender->some, &sender->lock, -1);
    batch = sender->first;
    if (batch) {
        sender->first = batch->next;
        if (!sender->first)
            sender->last = NULL;
    }
    return batch;
}

static void send_batches(void *arg)
{
    struct hs_sim_sender *sender = arg;
    struct hs_http_reply reply;
    struct hs_sim_batch *batch;
    struct hs_rand rand;

    hs_rand_init(&rand, (uint64_t)hs_mono_ns(sender->conf.clock));
    hs_http_reply_init(&reply);
    hs_mutex_lock(&sender->lock);
    while ((batch = next_batch(sender))) {
        struct hs_sim_sent sent = {.unanswered = batch->items};

        if (!sender->ending) {
            hs_mutex_unlock(&sender->lock);
            sent = deliver(sender, batch, &reply, &rand);
            hs_mutex_lock(&sender->lock);
        }
        settle(sender, batch, &sent);
    }
    hs_mutex_unlock(&sender->lock);
    hs_http_reply_fini(&reply);
}

int hs_sim_sender_start(const struct hs_sim_sender_conf *conf, struct hs_sim_sender **out,
                        struct hs_err *err)
{
    struct hs_sim_sender *sender = hs_xalloc(sizeof(*sender));
    int rc;
    unsigned i;

    HS_ASSERT(conf->connections >= 1 && conf->connections <= HS_SIM_CONNECTIONS_MAX);
    sender->conf = *conf;
    hs_mutex_init(&sender->lock, HS_RANK_SERVICE);
    hs_cond_init(&sender->some);
    hs_cond_init(&sender->room);
    hs_buf_init(&sender->authorization, 1024);
    hs_buf_addf(&sender->authorization, "Bearer %s", conf->key ? conf->key : "");
    rc = hs_http_client_open(conf->connections, &sender->client, err);
    for (i = 0; i < conf->connections && rc == HS_OK; i++)
        rc = hs_thread_start(&sender->threads[i], "sim-send", send_batches, sender, err);
    if (rc == HS_OK) {
        *out = sender;
        return HS_OK;
    }
    hs_sim_sender_stop(sender);
    return rc;
}

void hs_sim_sender_stop(struct hs_sim_sender *sender)
{
    struct hs_sim_batch *batch;
    unsigned i;

    if (!sender)
        return;
    hs_mutex_lock(&sender->lock);
    sender->ending = true;
    hs_cond_broadcast(&sender->some);
    hs_mutex_unlock(&sender->lock);
    for (i = 0; i < sender->conf.connections; i++)
        hs_thread_join(&sender->threads[i]);
    while ((batch = sender->idle)) {
        sender->idle = batch->next;
        hs_buf_fini(&batch->body);
        hs_free(batch);
    }
    hs_http_client_close(sender->client);
    hs_buf_fini(&sender->authorization);
    hs_cond_fini(&sender->some);
    hs_cond_fini(&sender->room);
    hs_mutex_fini(&sender->lock);
    hs_free(sender);
}

struct hs_sim_batch *hs_sim_sender_take(struct hs_sim_sender *sender)
{
    struct hs_sim_batch *batch;

    hs_mutex_lock(&sender->lock);
    while (!sender->idle && sender->batches == BATCHES_MAX)
        hs_cond_wait_ms(&sender->room, &sender->lock, -1);
    batch = sender->idle;
    if (batch) {
        sender->idle = batch->next;
    } else {
        batch = hs_xalloc(sizeof(*batch));
        hs_buf_init(&batch->body, BODY_MAX);
        sender->batches++;
    }
    hs_mutex_unlock(&sender->lock);
    hs_buf_reset(&batch->body);
    batch->items = 0;
    batch->next = NULL;
    return batch;
}

void hs_sim_sender_put(struct hs_sim_sender *sender, struct hs_sim_batch *batch)
{
    HS_ASSERT(hs_buf_ok(&batch->body));
    hs_mutex_lock(&sender->lock);
    if (batch->items == 0) {
        batch->next = sender->idle;
        sender->idle = batch;
    } else {
        sender->stats.waiting++;
        if (sender->last)
            sender->last->next = batch;
        else
            sender->first = batch;
        sender->last = batch;
        hs_cond_signal(&sender->some);
    }
    hs_mutex_unlock(&sender->lock);
}

void hs_sim_sender_stats(struct hs_sim_sender *sender, struct hs_sim_send_stats *out)
{
    hs_mutex_lock(&sender->lock);
    *out = sender->stats;
    hs_mutex_unlock(&sender->lock);
}
