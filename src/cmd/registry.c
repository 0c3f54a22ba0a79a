#include "cmd/registry.h"

#include <string.h>

#include "backend/analytics_clickhouse/clickhouse.h"
#include "backend/cache_memory/cache_memory.h"
#include "backend/metadata_sqlite/metadata_sqlite.h"
#include "backend/stream_local/stream_local.h"
#include "base/mem.h"

static const struct hs_metadata_ops *const metadata_backends[] = {
    &hs_metadata_sqlite_ops,
};

static const struct hs_cache_ops *const cache_backends[] = {
    &hs_cache_memory_ops,
};

static const struct hs_stream_ops *const stream_backends[] = {
    &hs_stream_local_ops,
};

int hs_registry_open_stream(const struct hs_conf *conf, const struct hs_clock *clock,
                            struct hs_stream **out, struct hs_err *err)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(stream_backends); i++)
        if (strcmp(stream_backends[i]->name, conf->stream) == 0)
            return stream_backends[i]->open(conf, clock, out, err);
    return hs_err_set(err, HS_EUNSUP, 0, "stream backend \"%s\" is not in this build",
                      conf->stream);
}

int hs_registry_open_analytics(const struct hs_conf *conf, const struct hs_clock *clock,
                               struct hs_analytics **out, struct hs_err *err)
{
    return hs_analytics_clickhouse_ops.open(conf, clock, out, err);
}

int hs_registry_open_metadata(const struct hs_conf *conf, struct hs_metadata **out,
                              struct hs_err *err)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(metadata_backends); i++)
        if (strcmp(metadata_backends[i]->name, conf->metadata) == 0)
            return metadata_backends[i]->open(conf, out, err);
    return hs_err_set(err, HS_EUNSUP, 0, "metadata backend \"%s\" is not in this build",
                      conf->metadata);
}

int hs_registry_open_cache(const struct hs_conf *conf, const struct hs_clock *clock,
                           struct hs_cache **out, struct hs_err *err)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(cache_backends); i++)
        if (strcmp(cache_backends[i]->name, conf->cache) == 0)
            return cache_backends[i]->open(conf, clock, out, err);
    return hs_err_set(err, HS_EUNSUP, 0, "cache backend \"%s\" is not in this build", conf->cache);
}
