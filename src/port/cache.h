/*
 * Cache: values with a time to live, and shared token buckets; in process or Redis. Everything in
 * it can vanish at any time. Keys start with the tenant.
 */
#ifndef HS_PORT_CACHE_H
#define HS_PORT_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"

enum { HS_CACHE_KEY_MAX = 512, HS_CACHE_VALUE_MAX = 4 << 20 };

struct hs_cache;

struct hs_cache_ops {
    const char *name; /* "memory", "redis" */

    int (*open)(const struct hs_conf *conf, const struct hs_clock *clock, struct hs_cache **out,
                struct hs_err *err);
    /* Appends the value to out. HS_ENOTFOUND: absent or expired. HS_EIO: treat as absent. */
    int (*get)(struct hs_cache *cache, struct hs_str key, struct hs_buf *out, struct hs_err *err);
    /* ttl_ms > 0. HS_ELIMIT: key or value too long. */
    int (*set)(struct hs_cache *cache, struct hs_str key, struct hs_str value, int64_t ttl_ms,
               struct hs_err *err);
    /* Absent is HS_OK. */
    int (*del)(struct hs_cache *cache, struct hs_str key, struct hs_err *err);
    /* Takes `n` tokens from the bucket `key`, which holds at most `burst` and gains `rate` a
     * second. HS_OK: taken. HS_EAGAIN: too few; *out_wait_ms says when there will be enough
     * (n > burst counts as burst). Nothing is taken then. */
    int (*take)(struct hs_cache *cache, struct hs_str key, double n, double rate, double burst,
                int64_t *out_wait_ms, struct hs_err *err);
    void (*close)(struct hs_cache *cache); /* NULL is a no-op */
};

struct hs_cache {
    const struct hs_cache_ops *ops;
};

/* @thread any; the memory backend never blocks. */
int hs_cache_get(struct hs_cache *cache, struct hs_str key, struct hs_buf *out, struct hs_err *err);
int hs_cache_set(struct hs_cache *cache, struct hs_str key, struct hs_str value, int64_t ttl_ms,
                 struct hs_err *err);
int hs_cache_del(struct hs_cache *cache, struct hs_str key, struct hs_err *err);
int hs_cache_take(struct hs_cache *cache, struct hs_str key, double n, double rate, double burst,
                  int64_t *out_wait_ms, struct hs_err *err);
void hs_cache_close(struct hs_cache *cache);

#endif
