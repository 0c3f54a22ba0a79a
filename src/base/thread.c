#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

/* Ranks held by this thread, as a bit set (ranks are below 64). */
static _Thread_local uint64_t ranks_held;

void hs_mutex_init(struct hs_mutex *mutex, enum hs_rank rank)
{
    int rc = pthread_mutex_init(&mutex->raw, NULL);

    HS_ASSERT(rc == 0);
    HS_ASSERT(rank < 64);
    mutex->rank = rank;
}

void hs_mutex_fini(struct hs_mutex *mutex)
{
    int rc = pthread_mutex_destroy(&mutex->raw);

    HS_ASSERT(rc == 0);
}

void hs_mutex_lock(struct hs_mutex *mutex)
{
    uint64_t bit = 1ULL << mutex->rank;
    int rc;

    HS_ASSERT(ranks_held < bit); /* only lower ranks are held */
    rc = pthread_mutex_lock(&mutex->raw);
    HS_ASSERT(rc == 0);
    ranks_held |= bit;
}

void hs_mutex_unlock(struct hs_mutex *mutex)
{
    int rc;

    hs_mutex_assert_held(mutex);
    ranks_held &= ~(1ULL << mutex->rank);
    rc = pthread_mutex_unlock(&mutex->raw);
    HS_ASSERT(rc == 0);
}

void hs_mutex_assert_held(const struct hs_mutex *mutex)
{
    HS_ASSERT(ranks_held & 1ULL << mutex->rank);
}

void hs_cond_init(struct hs_cond *cond)
{
    pthread_condattr_t attr;
    int rc;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    rc = pthread_cond_init(&cond->raw, &attr);
    HS_ASSERT(rc == 0);
    pthread_condattr_destroy(&attr);
}

void hs_cond_fini(struct hs_cond *cond)
{
    int rc = pthread_cond_destroy(&cond->raw);

    HS_ASSERT(rc == 0);
}

void hs_cond_signal(struct hs_cond *cond)
{
    pthread_cond_signal(&cond->raw);
}

void hs_cond_broadcast(struct hs_cond *cond)
{
    pthread_cond_broadcast(&cond->raw);
}

bool hs_cond_wait_ms(struct hs_cond *cond, struct hs_mutex *mutex, int64_t wait_ms)
{
    struct timespec until;
    int rc;

    hs_mutex_assert_held(mutex);
    if (wait_ms < 0) {
        rc = pthread_cond_wait(&cond->raw, &mutex->raw);
        HS_ASSERT(rc == 0);
        return true;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    rc = pthread_cond_timedwait(&cond->raw, &mutex->raw, &until);
    HS_ASSERT(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

struct thread_start {
    hs_thread_fn *fn;
    void *arg;
};

static void *thread_main(void *arg)
{
    struct thread_start start = *(struct thread_start *)arg;

    hs_free(arg);
    start.fn(start.arg);
    return NULL;
}

int hs_thread_start(struct hs_thread *thread, const char *name, hs_thread_fn *fn, void *arg,
                    struct hs_err *err)
{
    struct thread_start *start = hs_xalloc(sizeof(*start));
    char short_name[16] = {0};
    sigset_t all;
    sigset_t old;
    int rc;

    start->fn = fn;
    start->arg = arg;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&thread->raw, NULL, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        hs_free(start);
        return hs_err_set(err, HS_EIO, rc, "thread %s: %s", name, strerror(rc));
    }
    memcpy(short_name, name, strnlen(name, sizeof(short_name) - 1));
    pthread_setname_np(thread->raw, short_name);
    thread->started = true;
    return HS_OK;
}

void hs_thread_join(struct hs_thread *thread)
{
    int rc;

    if (!thread->started)
        return;
    rc = pthread_join(thread->raw, NULL);
    HS_ASSERT(rc == 0);
    thread->started = false;
}
