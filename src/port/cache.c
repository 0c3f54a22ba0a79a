/*
 * Call wrappers of the cache port: limits are checked here, once for all backends.
 */
#include "port/cache.h"

#include <inttypes.h>
#include <math.h>

#include "base/mem.h"
#include "base/metric.h"

static struct hs_metric calls_total = {
    .name = "hs_cache_calls_total",
    .type = HS_METRIC_COUNTER,
    .help = "Calls of the cache by operation and result: get with ENOTFOUND is a miss, take with "
            "EAGAIN a rate limit that was hit.",
    .labels = {"op", "result"},
};

static int counted(const char *op, int rc)
{
    hs_metric_add(&calls_total, HS_LABELS(op, hs_rc_name(rc), ""), 1);
    return rc;
}

static int check_key(struct hs_str key, struct hs_err *err)
{
    if (key.n == 0 || key.n > HS_CACHE_KEY_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "cache key is %zu bytes, wants 1 to %d", key.n,
                          HS_CACHE_KEY_MAX);
    return HS_OK;
}

int hs_cache_get(struct hs_cache *cache, struct hs_str key, struct hs_buf *out, struct hs_err *err)
{
    int rc = check_key(key, err);

    return rc ? rc : counted("get", cache->ops->get(cache, key, out, err));
}

int hs_cache_set(struct hs_cache *cache, struct hs_str key, struct hs_str value, int64_t ttl_ms,
                 struct hs_err *err)
{
    int rc = check_key(key, err);

    if (rc)
        return rc;
    if (value.n > HS_CACHE_VALUE_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "cache value is %zu bytes, limit %d", value.n,
                          HS_CACHE_VALUE_MAX);
    if (ttl_ms <= 0 || ttl_ms > INT64_MAX / HS_NS_PER_MS / 2)
        return hs_err_set(err, HS_EINVAL, 0, "cache time to live is %" PRId64 " ms", ttl_ms);
    return counted("set", cache->ops->set(cache, key, value, ttl_ms, err));
}

int hs_cache_del(struct hs_cache *cache, struct hs_str key, struct hs_err *err)
{
    int rc = check_key(key, err);

    return rc ? rc : counted("del", cache->ops->del(cache, key, err));
}

int hs_cache_take(struct hs_cache *cache, struct hs_str key, double n, double rate, double burst,
                  int64_t *out_wait_ms, struct hs_err *err)
{
    int rc = check_key(key, err);

    HS_ASSERT(out_wait_ms != NULL);
    if (rc)
        return rc;
    if (!(n >= 0) || !(rate > 0) || !(burst > 0) || !isfinite(n + rate + burst))
        return hs_err_set(err, HS_EINVAL, 0,
                          "cache take of %g at rate %g, burst %g: wants n >= 0, both others > 0", n,
                          rate, burst);
    rc = cache->ops->take(cache, key, n, rate, burst, out_wait_ms, err);
    return counted("take", rc);
}

void hs_cache_close(struct hs_cache *cache)
{
    if (cache)
        cache->ops->close(cache);
}
