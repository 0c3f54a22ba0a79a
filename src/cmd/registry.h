/*
 * The backends of this build, by the word that the configuration names them with. The only place
 * that knows them all.
 */
#ifndef HS_CMD_REGISTRY_H
#define HS_CMD_REGISTRY_H

#include "base/clock.h"
#include "conf/conf.h"
#include "port/analytics.h"
#include "port/cache.h"
#include "port/metadata.h"
#include "port/stream.h"

/* Open what the options `stream`, `metadata` and `cache` name, and the one analytics backend.
 * HS_EUNSUP: not in this build; else as the backend's open. @blocks */
int hs_registry_open_stream(const struct hs_conf *conf, const struct hs_clock *clock,
                            struct hs_stream **out, struct hs_err *err);
int hs_registry_open_analytics(const struct hs_conf *conf, const struct hs_clock *clock,
                               struct hs_analytics **out, struct hs_err *err);
int hs_registry_open_metadata(const struct hs_conf *conf, struct hs_metadata **out,
                              struct hs_err *err);
int hs_registry_open_cache(const struct hs_conf *conf, const struct hs_clock *clock,
                           struct hs_cache **out, struct hs_err *err);

#endif
