/*
 * Everything that a running `serve` consists of, opened in order and closed in reverse: the lock of
 * the data folder, ports with their backends, the store's supervisor, the HTTP server, the services
 * of its roles.
 */
#ifndef HS_CMD_STACK_H
#define HS_CMD_STACK_H

#include "base/rand.h"
#include "base/thread.h"
#include "cmd/args.h"
#include "collector/collector.h"
#include "engine/engine.h"
#include "gateway/gateway.h"
#include "gateway/ops.h"
#include "net/otlp_export.h"
#include "store/supervisor.h"

enum hs_listener { HS_LISTENER_GATEWAY, HS_LISTENER_OTLP };

struct hs_stack {
    struct hs_conf *conf; /* borrowed; the store's address and passwords are filled in */
    const struct hs_clock *clock;
    char owner[HS_UUID_TEXT + 1]; /* of leases: this start of this process */
    int lock_fd;
    struct hs_stream *stream;
    struct hs_metadata *metadata;
    struct hs_cache *cache;
    struct hs_keys *keys;
    struct hs_store_supervisor *supervisor; /* NULL when analytics.url is set or no role wants it */
    struct hs_analytics *analytics;
    struct hs_http_server *server;
    struct hs_otlp_export *exporter; /* NULL unless telemetry.otlp is set */
    struct hs_ops *ops;
    struct hs_collector *collector;
    struct hs_gateway *gateway;
    struct hs_buf gateway_address; /* as bound */
    struct hs_buf otlp_address;
    /* the starter: waits for the store, migrates it, starts the engine */
    struct hs_thread starter;
    struct hs_mutex lock; /* guards stop, engine, not_ready */
    struct hs_cond wake;
    bool stop;
    bool migrated;
    struct hs_engine *engine;
    char not_ready
        [HS_ERR_TEXT_MAX]; /* why the store or its tables are not ready; "" when they are */
};

/* Opens and starts everything. On failure nothing is left open. @blocks */
int hs_stack_open(struct hs_stack *stack, struct hs_conf *conf, struct hs_err *err);
/* Answers what is in work, loads and syncs what it can, stops the store, all within about 10 s. */
void hs_stack_close(struct hs_stack *stack);

#endif
