#include "support/stream_fault.h"

#include "base/mem.h"
#include "base/thread.h"

struct fault_stream {
    struct hs_stream base; /* first */
    struct hs_stream *inner;
    struct hs_mutex mutex;
    enum stream_fault fault;
    unsigned calls, from, to;
};

struct fault_consumer {
    struct hs_consumer base; /* first */
    struct fault_stream *stream;
    struct hs_consumer *inner;
};

struct kept_done {
    hs_append_done_fn *done_fn;
    void *arg;
};

static const struct hs_consumer_ops fault_consumer_ops;

static bool fails(struct fault_stream *stream, enum stream_fault fault)
{
    bool fail = false;

    hs_mutex_lock(&stream->mutex);
    if (stream->fault == fault) {
        stream->calls++;
        fail = stream->calls >= stream->from && stream->calls <= stream->to;
    }
    hs_mutex_unlock(&stream->mutex);
    return fail;
}

static void fail_done(void *arg, int rc, const struct hs_err *err)
{
    struct kept_done done = *(struct kept_done *)arg;
    struct hs_err fault = {0};

    (void)rc;
    (void)err;
    hs_free(arg);
    hs_err_set(&fault, HS_EIO, 0, "fault: the outcome is unknown");
    done.done_fn(done.arg, HS_EIO, &fault);
}

static int fault_append(struct hs_stream *base, enum hs_topic topic, const struct hs_batch *batch,
                        hs_append_done_fn *done_fn, void *arg, struct hs_err *err)
{
    struct fault_stream *stream = (struct fault_stream *)base;
    struct kept_done *kept;
    int rc;

    if (fails(stream, STREAM_FAULT_APPEND))
        return hs_err_set(err, HS_EAGAIN, 0, "fault: append is refused");
    if (fails(stream, STREAM_FAULT_DONE_LOST)) {
        struct hs_err fault = {0};

        hs_err_set(&fault, HS_EIO, 0, "fault: the batch is lost");
        done_fn(arg, HS_EIO, &fault);
        return HS_OK;
    }
    if (!fails(stream, STREAM_FAULT_DONE_KEPT))
        return hs_stream_append(stream->inner, topic, batch, done_fn, arg, err);
    kept = hs_xalloc(sizeof(*kept));
    *kept = (struct kept_done){done_fn, arg};
    rc = hs_stream_append(stream->inner, topic, batch, fail_done, kept, err);
    if (rc != HS_OK)
        hs_free(kept);
    return rc;
}

static int fault_subscribe(struct hs_stream *base, const struct hs_subscription *subscription,
                           struct hs_consumer **out, struct hs_err *err)
{
    struct fault_stream *stream = (struct fault_stream *)base;
    struct fault_consumer *consumer;
    struct hs_consumer *inner;
    int rc;

    if (fails(stream, STREAM_FAULT_SUBSCRIBE))
        return hs_err_set(err, HS_EIO, 0, "fault: subscribe fails");
    rc = hs_stream_subscribe(stream->inner, subscription, &inner, err);
    if (rc != HS_OK)
        return rc;
    consumer = hs_xalloc(sizeof(*consumer));
    *consumer = (struct fault_consumer){{&fault_consumer_ops}, stream, inner};
    *out = &consumer->base;
    return HS_OK;
}

static void fault_stat(struct hs_stream *base, struct hs_stream_stat *out)
{
    hs_stream_stat(((struct fault_stream *)base)->inner, out);
}

static void fault_close(struct hs_stream *base)
{
    struct fault_stream *stream = (struct fault_stream *)base;

    if (!stream)
        return;
    hs_stream_close(stream->inner);
    hs_mutex_fini(&stream->mutex);
    hs_free(stream);
}

static int fault_poll(struct hs_consumer *base, int wait_ms, struct hs_records *out,
                      struct hs_err *err)
{
    struct fault_consumer *consumer = (struct fault_consumer *)base;

    if (fails(consumer->stream, STREAM_FAULT_POLL)) {
        *out = (struct hs_records){0};
        return hs_err_set(err, HS_EAGAIN, 0, "fault: the backend is away");
    }
    return hs_consumer_poll(consumer->inner, wait_ms, out, err);
}

static int fault_seek(struct hs_consumer *base, const struct hs_position *position,
                      struct hs_err *err)
{
    struct fault_consumer *consumer = (struct fault_consumer *)base;

    if (fails(consumer->stream, STREAM_FAULT_SEEK))
        return hs_err_set(err, HS_EIO, 0, "fault: seek fails");
    return hs_consumer_seek(consumer->inner, position, err);
}

static int fault_release(struct hs_consumer *base, const struct hs_position *position,
                         struct hs_err *err)
{
    struct fault_consumer *consumer = (struct fault_consumer *)base;

    if (fails(consumer->stream, STREAM_FAULT_RELEASE))
        return hs_err_set(err, HS_EIO, 0, "fault: release fails");
    return hs_consumer_release(consumer->inner, position, err);
}

static int fault_lag(struct hs_consumer *base, struct hs_lag *out, size_t out_max,
                     struct hs_err *err)
{
    return hs_consumer_lag(((struct fault_consumer *)base)->inner, out, out_max, err);
}

static void fault_consumer_close(struct hs_consumer *base)
{
    struct fault_consumer *consumer = (struct fault_consumer *)base;

    if (!consumer)
        return;
    hs_consumer_close(consumer->inner);
    hs_free(consumer);
}

static const struct hs_consumer_ops fault_consumer_ops = {
    .poll = fault_poll,
    .seek = fault_seek,
    .release = fault_release,
    .lag = fault_lag,
    .close = fault_consumer_close,
};

/* It has no open of its own: a test opens the inner stream. */
static const struct hs_stream_ops fault_stream_ops = {
    .name = "fault",
    .caps = HS_STREAM_CAP_ATOMIC_LO,
    .append = fault_append,
    .subscribe = fault_subscribe,
    .stat = fault_stat,
    .close = fault_close,
};

struct hs_stream *stream_fault_new(struct hs_stream *inner)
{
    struct fault_stream *stream = hs_xalloc(sizeof(*stream));

    stream->base.ops = &fault_stream_ops;
    stream->inner = inner;
    hs_mutex_init(&stream->mutex, HS_RANK_BACKEND);
    return &stream->base;
}

void stream_fault_arm(struct hs_stream *base, enum stream_fault fault, unsigned from, unsigned to)
{
    struct fault_stream *stream = (struct fault_stream *)base;

    hs_mutex_lock(&stream->mutex);
    stream->fault = fault;
    stream->calls = 0;
    stream->from = from;
    stream->to = to;
    hs_mutex_unlock(&stream->mutex);
}

unsigned stream_fault_calls(struct hs_stream *base)
{
    struct fault_stream *stream = (struct fault_stream *)base;
    unsigned calls;

    hs_mutex_lock(&stream->mutex);
    calls = stream->calls;
    hs_mutex_unlock(&stream->mutex);
    return calls;
}
