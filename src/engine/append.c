#include "engine/append.h"

#include "base/thread.h"

/* Shared by the appender's callback and the waiting caller. */
struct append_wait {
    struct hs_mutex lock;
    struct hs_cond cond;
    bool done;
    int rc;
};

static void append_done(void *arg, int rc, const struct hs_err *err)
{
    struct append_wait *wait = arg;

    (void)err;
    hs_mutex_lock(&wait->lock);
    wait->rc = rc;
    wait->done = true;
    hs_cond_signal(&wait->cond);
    hs_mutex_unlock(&wait->lock);
}

int hs_append_wait(struct hs_stream *stream, enum hs_topic topic, const struct hs_batch *batch,
                   struct hs_err *err)
{
    struct append_wait wait = {.done = false};
    int rc;

    hs_mutex_init(&wait.lock, HS_RANK_QUEUE);
    hs_cond_init(&wait.cond);
    rc = hs_stream_append(stream, topic, batch, append_done, &wait, err);
    if (rc == HS_OK) {
        hs_mutex_lock(&wait.lock);
        while (!wait.done)
            hs_cond_wait_ms(&wait.cond, &wait.lock, -1);
        rc = wait.rc;
        hs_mutex_unlock(&wait.lock);
        if (rc != HS_OK)
            hs_err_set(err, rc, 0, "%s did not take a message", hs_topic_name(topic));
    }
    hs_cond_fini(&wait.cond);
    hs_mutex_fini(&wait.lock);
    return rc;
}
