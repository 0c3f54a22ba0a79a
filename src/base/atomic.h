/*
 * What threads share without a lock: flags that are set once, and counters. Everything is
 * sequentially consistent; where a weaker order would pay, a queue or a mutex serves better.
 */
#ifndef HS_BASE_ATOMIC_H
#define HS_BASE_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>

/* Zeroed memory is a flag that is not set. */
struct hs_flag {
    atomic_bool set;
};

static inline bool hs_flag_is_set(struct hs_flag *flag)
{
    return atomic_load(&flag->set);
}

/* Returns whether it was set before, so that exactly one caller sees false. */
static inline bool hs_flag_set(struct hs_flag *flag)
{
    return atomic_exchange(&flag->set, true);
}

/* Zeroed memory is a counter at 0. */
struct hs_counter {
    atomic_int value;
};

static inline int hs_counter_get(struct hs_counter *counter)
{
    return atomic_load(&counter->value);
}

static inline void hs_counter_set(struct hs_counter *counter, int v)
{
    atomic_store(&counter->value, v);
}

/* Both return the value after the change. */
static inline int hs_counter_inc(struct hs_counter *counter)
{
    return atomic_fetch_add(&counter->value, 1) + 1;
}

static inline int hs_counter_dec(struct hs_counter *counter)
{
    return atomic_fetch_sub(&counter->value, 1) - 1;
}

#endif
