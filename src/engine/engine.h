/*
 * The engine: loads the stream into the store, keeps the rollups, makes what was loaded durable.
 * Needs a migrated store: hs_engine_start waits for nothing, its threads retry until it answers.
 */
#ifndef HS_ENGINE_ENGINE_H
#define HS_ENGINE_ENGINE_H

#include "engine/loader.h"

struct hs_engine;

/* `store_folder` is where the embedded store keeps its data; NULL when the store is remote. `deps`
 * and what it names outlive the engine. */
int hs_engine_start(const struct hs_loader_deps *deps, const char *store_folder,
                    struct hs_engine **out, struct hs_err *err);
/* Finishes what it can, syncs, frees. NULL is a no-op. @blocks */
void hs_engine_stop(struct hs_engine *engine);
/* {"loader": {…}, "rollup": {…}, "behaviour": {…}, "anomalies": {…}} for /api/v1/status.
 * @thread any */
void hs_engine_status(void *arg, struct hs_json *json);

#endif
