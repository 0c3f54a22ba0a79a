/*
 * Threads, mutexes and condition variables.
 *
 * A mutex has a rank: a thread that holds one may only lock another of a higher rank, which is
 * asserted at each lock. No port and no callback is called with a mutex held. Waits are on the
 * monotonic clock. Everything aborts on misuse, so nothing here returns an error but starting a
 * thread.
 */
#ifndef HS_BASE_THREAD_H
#define HS_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Ranks in the order in which they may be nested; leave gaps. */
enum hs_rank {
    HS_RANK_OPS = 5,      /* list of parts; held while they are asked */
    HS_RANK_SERVICE = 10, /* state of a service */
    HS_RANK_HTTP = 20,    /* HTTP server and client */
    HS_RANK_BACKEND = 30, /* a backend's own state */
    HS_RANK_QUEUE = 40,   /* queues between threads */
    HS_RANK_METRIC = 50,  /* metric registry */
    HS_RANK_LOG = 60,     /* the log's own lock; taken last */
};

struct hs_mutex {
    pthread_mutex_t raw;
    enum hs_rank rank;
};

void hs_mutex_init(struct hs_mutex *mutex, enum hs_rank rank);
void hs_mutex_fini(struct hs_mutex *mutex);
void hs_mutex_lock(struct hs_mutex *mutex);
void hs_mutex_unlock(struct hs_mutex *mutex);
/* Asserts that the calling thread holds at least one mutex of this rank. */
void hs_mutex_assert_held(const struct hs_mutex *mutex);

struct hs_cond {
    pthread_cond_t raw;
};

void hs_cond_init(struct hs_cond *cond);
void hs_cond_fini(struct hs_cond *cond);
void hs_cond_signal(struct hs_cond *cond);
void hs_cond_broadcast(struct hs_cond *cond);
/* Waits until signalled or wait_ms have passed (-1: for ever); may wake for no reason. Returns
 * false when the time is over. */
bool hs_cond_wait_ms(struct hs_cond *cond, struct hs_mutex *mutex, int64_t wait_ms);

struct hs_thread {
    pthread_t raw;
    bool started;
};

typedef void hs_thread_fn(void *arg);

/* Starts fn(arg) in a thread called `name` (15 bytes are kept); all signals are blocked in it.
 * HS_EIO when the system has no thread to give. */
int hs_thread_start(struct hs_thread *thread, const char *name, hs_thread_fn *fn, void *arg,
                    struct hs_err *err);
/* Waits for its end; a thread that was never started is a no-op. */
void hs_thread_join(struct hs_thread *thread);

#endif
