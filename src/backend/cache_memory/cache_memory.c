#include "backend/cache_memory/cache_memory.h"

#include <inttypes.h>
#include <math.h>

#include "backend/cache_memory/shard.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/thread.h"

/* A shard holds the largest value with ease, so few bytes mean few shards. */
enum { SHARDS_MAX = 16, SHARD_BYTES_MIN = 2 * HS_CACHE_VALUE_MAX };

struct locked_shard {
    struct hs_mutex lock;
    struct shard shard;
};

struct memory_cache {
    struct hs_cache base; /* first */
    const struct hs_clock *clock;
    uint64_t seed;   /* random, so that outside keys can't be made to collide */
    size_t shards_n; /* a power of two */
    struct locked_shard shards[SHARDS_MAX];
};

static struct memory_cache *self(struct hs_cache *cache)
{
    return HS_CONTAINER_OF(cache, struct memory_cache, base);
}

static int memory_open(const struct hs_conf *conf, const struct hs_clock *clock,
                       struct hs_cache **out, struct hs_err *err)
{
    struct memory_cache *cache;
    size_t i;

    if (conf->cache_bytes_max < SHARD_BYTES_MIN)
        return hs_err_set(err, HS_EINVAL, 0, "cache.bytes_max is %" PRIu64 ", wants at least %d",
                          conf->cache_bytes_max, SHARD_BYTES_MIN);
    cache = hs_xalloc(sizeof(*cache));
    cache->base.ops = &hs_cache_memory_ops;
    cache->clock = clock;
    hs_rand_secret(&cache->seed, sizeof(cache->seed));
    cache->shards_n = SHARDS_MAX;
    while (conf->cache_bytes_max / cache->shards_n < SHARD_BYTES_MIN)
        cache->shards_n /= 2;
    for (i = 0; i < cache->shards_n; i++) {
        hs_mutex_init(&cache->shards[i].lock, HS_RANK_BACKEND);
        shard_init(&cache->shards[i].shard, conf->cache_bytes_max / cache->shards_n);
    }
    *out = &cache->base;
    return HS_OK;
}

static void memory_close(struct hs_cache *base)
{
    struct memory_cache *cache;
    size_t i;

    if (!base)
        return;
    cache = self(base);
    for (i = 0; i < cache->shards_n; i++) {
        shard_fini(&cache->shards[i].shard);
        hs_mutex_fini(&cache->shards[i].lock);
    }
    hs_free(cache);
}

/* The key's shard, locked. The table inside uses the low bits of the hash. */
static struct locked_shard *lock_shard(struct memory_cache *cache, struct hs_str key,
                                       uint64_t *out_hash)
{
    uint64_t hash = hs_hash64_seed(key, cache->seed);
    struct locked_shard *locked = &cache->shards[hash >> 32 & (cache->shards_n - 1)];

    *out_hash = hash;
    hs_mutex_lock(&locked->lock);
    return locked;
}

static int memory_get(struct hs_cache *base, struct hs_str key, struct hs_buf *out,
                      struct hs_err *err)
{
    struct memory_cache *cache = self(base);
    int64_t now_ns = hs_mono_ns(cache->clock);
    uint64_t hash;
    struct locked_shard *locked = lock_shard(cache, key, &hash);
    struct entry *entry = shard_find(&locked->shard, hash, ENTRY_VALUE, key, now_ns);
    int rc = HS_OK;

    if (!entry) {
        rc = hs_err_set(err, HS_ENOTFOUND, 0, "not in the cache");
    } else {
        hs_buf_add_str(out, entry_value(entry));
        if (!hs_buf_ok(out))
            rc = hs_err_set(err, HS_ELIMIT, 0, "cache value of %u bytes, buffer's limit %zu",
                            entry->value_n, out->max);
    }
    hs_mutex_unlock(&locked->lock);
    return rc;
}

static int memory_set(struct hs_cache *base, struct hs_str key, struct hs_str value, int64_t ttl_ms,
                      struct hs_err *err)
{
    struct memory_cache *cache = self(base);
    int64_t now_ns = hs_mono_ns(cache->clock);
    uint64_t hash;
    struct locked_shard *locked = lock_shard(cache, key, &hash);
    struct entry *entry = shard_put(&locked->shard, hash, ENTRY_VALUE, key, value);

    if (entry)
        entry->expires_ns = now_ns + ttl_ms * HS_NS_PER_MS;
    hs_mutex_unlock(&locked->lock);
    return entry ? HS_OK : hs_err_set(err, HS_EIO, 0, "cache: no memory for %zu bytes", value.n);
}

static int memory_del(struct hs_cache *base, struct hs_str key, struct hs_err *err)
{
    struct memory_cache *cache = self(base);
    uint64_t hash;
    struct locked_shard *locked = lock_shard(cache, key, &hash);
    struct entry *entry =
        shard_find(&locked->shard, hash, ENTRY_VALUE, key, hs_mono_ns(cache->clock));

    (void)err;
    if (entry)
        shard_remove(&locked->shard, entry);
    hs_mutex_unlock(&locked->lock);
    return HS_OK;
}

struct take {
    double n, rate, burst;
    int64_t now_ns;
};

/* Fills the bucket up to now and takes, or says how long to wait. */
static int take_tokens(struct entry *bucket, const struct take *take, int64_t *out_wait_ms)
{
    double want = HS_MIN(take->n, take->burst);
    double passed_s = (double)(take->now_ns - bucket->filled_ns) / 1e9;
    double tokens = HS_MIN(take->burst, bucket->tokens + passed_s * take->rate);
    double full_ms;

    bucket->filled_ns = take->now_ns;
    bucket->tokens = tokens;
    if (tokens >= want)
        bucket->tokens -= want;
    /* A bucket that is full again is as good as none. */
    full_ms = ceil((take->burst - bucket->tokens) / take->rate * 1e3) + 1;
    bucket->expires_ns = take->now_ns + (int64_t)HS_MIN(full_ms, 1e12) * HS_NS_PER_MS;
    if (tokens >= want) {
        *out_wait_ms = 0;
        return HS_OK;
    }
    *out_wait_ms = (int64_t)HS_MIN(ceil((want - tokens) / take->rate * 1e3), 1e12);
    return HS_EAGAIN;
}

static int memory_take(struct hs_cache *base, struct hs_str key, double n, double rate,
                       double burst, int64_t *out_wait_ms, struct hs_err *err)
{
    struct memory_cache *cache = self(base);
    struct take take = {n, rate, burst, hs_mono_ns(cache->clock)};
    uint64_t hash;
    struct locked_shard *locked = lock_shard(cache, key, &hash);
    struct entry *bucket = shard_find(&locked->shard, hash, ENTRY_BUCKET, key, take.now_ns);
    int rc;

    if (!bucket) {
        bucket = shard_put(&locked->shard, hash, ENTRY_BUCKET, key, HS_STR_NULL);
        if (bucket) {
            bucket->tokens = burst;
            bucket->filled_ns = take.now_ns;
        }
    }
    if (bucket)
        rc = take_tokens(bucket, &take, out_wait_ms);
    else
        rc = HS_EIO;
    hs_mutex_unlock(&locked->lock);
    if (rc == HS_EAGAIN)
        hs_err_set(err, rc, 0, "rate limit of %g a second is used up, retry in %" PRId64 " ms",
                   rate, *out_wait_ms);
    else if (rc)
        hs_err_set(err, rc, 0, "cache: no memory for a token bucket");
    return rc;
}

const struct hs_cache_ops hs_cache_memory_ops = {
    .name = "memory",
    .open = memory_open,
    .get = memory_get,
    .set = memory_set,
    .del = memory_del,
    .take = memory_take,
    .close = memory_close,
};
