/*
 * Durable means synced: the store fsyncs nothing by itself, so this thread calls syncfs on its
 * folder at least every engine.sync, then moves the durable positions up to what was loaded before
 * the call. A failing syncfs is fatal: nobody can say what the disk holds.
 *
 * Power loss is told by the kernel's boot id, kept in metadata (space "engine", key "boot_id").
 * When it differs, the loader verifies every range between durable and loaded, every cell
 * computed since the last sync is computed again, and only then the new boot id is written.
 *
 * With analytics.url the store is another machine's: what is loaded counts as durable there, by its
 * own replication and fsync settings (docs/exactly-once.md).
 */
#ifndef HS_ENGINE_DURABLE_H
#define HS_ENGINE_DURABLE_H

#include "engine/loader.h"

struct hs_durable;

/* `folder` is the store's; NULL when it is remote. */
int hs_durable_start(const struct hs_loader_deps *deps, struct hs_loader *loader,
                     const char *folder, struct hs_durable **out, struct hs_err *err);
/* Syncs once more, then frees. NULL is a no-op. @blocks */
void hs_durable_stop(struct hs_durable *durable);

/* Whether the kernel has booted since the part was last seen to be whole: then what was not synced
 * may be gone. @blocks */
int hs_power_lost(struct hs_metadata *metadata, const char *part_key, bool *out_lost,
                  struct hs_err *err);
/* The part's ranges were verified in this boot. @blocks */
int hs_power_verified(struct hs_metadata *metadata, const char *part_key, struct hs_err *err);
/* After a power loss: marks dirty again what was rolled since the last sync. @blocks */
int hs_power_recovered(struct hs_metadata *metadata, struct hs_err *err);

#endif
