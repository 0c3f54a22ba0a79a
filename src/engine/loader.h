/*
 * The loader: from the stream into the raw tables, each message exactly once.
 *
 * One thread. It collects an offset range a (topic, partition) until engine.batch_rows or
 * engine.batch_time, maps it to rows, and then:
 *
 *     1. writes the intents of all ranges to metadata (one commit, checked against the leases);
 *     2. inserts each table's rows under the token "<stream>/<topic>/<partition>/<lo>-<hi>";
 *     3. in one commit: position loaded := hi, intent removed, range remembered until the next
 *        sync, touched minutes marked dirty.
 *
 * After a crash the intent is adopted: the same range is mapped to the same rows and inserted under
 * the same token. When the store has restarted since, the token is not to be trusted (ClickHouse
 * logs it before it renames the part): the store's rows of the range are counted and only what is
 * missing is inserted. docs/exactly-once.md has the reasoning and the failure table.
 */
#ifndef HS_ENGINE_LOADER_H
#define HS_ENGINE_LOADER_H

#include "base/clock.h"
#include "base/json_out.h"
#include "conf/conf.h"
#include "port/analytics.h"
#include "port/metadata.h"
#include "port/stream.h"

struct hs_loader;

struct hs_loader_deps {
    const struct hs_conf *conf;
    const struct hs_clock *clock;
    struct hs_stream *stream;
    struct hs_metadata *metadata;
    struct hs_analytics *analytics;
    const char *owner; /* unique for each start of a process */
    bool exclusive;    /* we hold the lock of the folder that metadata lies in: leases of others
                          are those of dead processes */
};

/* Starts the thread. `deps` and what it names outlive the loader. */
int hs_loader_start(const struct hs_loader_deps *deps, struct hs_loader **out, struct hs_err *err);
/* Finishes the batch in work (when the store answers), stops, frees. NULL is a no-op. @blocks */
void hs_loader_stop(struct hs_loader *loader);

/* One object a (topic, partition): topic, partition, loaded, durable, lag; dedup window; what this
 * process left out, by topic and reason. For /api/v1/status. @thread any */
void hs_loader_status(struct hs_loader *loader, struct hs_json *json);

/* What the stream holds now: everything that was received up to here. HS_EAGAIN: the loader does
 * not read yet. The caller frees. @thread any */
struct hs_loader_mark;
int hs_loader_mark_new(struct hs_loader *loader, struct hs_loader_mark **out, struct hs_err *err);
/* Whether all of it is loaded. @thread any */
bool hs_loader_mark_reached(struct hs_loader *loader, const struct hs_loader_mark *mark);
void hs_loader_mark_free(struct hs_loader_mark *mark);

/* Everything below `loaded` as read from `positions` was made durable: moves durable, forgets the
 * ranges below and lets the stream delete. Called by the sync thread. @thread any @blocks */
struct hs_loaded_snapshot;
int hs_loader_snapshot(struct hs_loader *loader, struct hs_loaded_snapshot **out,
                       struct hs_err *err);
int hs_loader_mark_durable(struct hs_loader *loader, struct hs_loaded_snapshot *snapshot,
                           struct hs_err *err);
void hs_loaded_snapshot_free(struct hs_loaded_snapshot *snapshot);

#endif
