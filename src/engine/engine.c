#include "engine/engine.h"

#include "base/mem.h"
#include "conf/timezone.h"
#include "engine/anomaly.h"
#include "engine/durable.h"
#include "engine/rollup.h"

struct hs_engine {
    struct hs_loader *loader;
    struct hs_rollup *fast, *behaviour;
    struct hs_durable *durable;
    struct hs_anomaly *anomaly;
};

int hs_engine_start(const struct hs_loader_deps *deps, const char *store_folder,
                    struct hs_engine **out, struct hs_err *err)
{
    struct hs_engine *engine = hs_xalloc(sizeof(*engine));
    int rc = hs_timezone_use(deps->conf->anomalies_timezone, err);

    if (rc == HS_OK)
        rc = hs_loader_start(deps, &engine->loader, err);
    if (rc == HS_OK)
        rc = hs_durable_start(deps, engine->loader, store_folder, &engine->durable, err);
    if (rc == HS_OK)
        rc = hs_rollup_start(&hs_rollup_fast, deps, &engine->fast, err);
    if (rc == HS_OK)
        rc = hs_rollup_start(&hs_rollup_behaviour, deps, &engine->behaviour, err);
    if (rc == HS_OK)
        rc = hs_anomaly_start(deps, engine->loader, &engine->anomaly, err);
    if (rc != HS_OK) {
        hs_engine_stop(engine);
        return rc;
    }
    *out = engine;
    return HS_OK;
}

void hs_engine_stop(struct hs_engine *engine)
{
    if (!engine)
        return;
    hs_anomaly_stop(engine->anomaly);
    hs_rollup_stop(engine->behaviour);
    hs_rollup_stop(engine->fast);
    hs_durable_stop(engine->durable);
    hs_loader_stop(engine->loader);
    hs_free(engine);
}

void hs_engine_status(void *arg, struct hs_json *json)
{
    struct hs_engine *engine = arg;

    hs_json_obj_open(json);
    hs_json_key(json, "loader");
    hs_loader_status(engine->loader, json);
    hs_json_key(json, "rollup");
    hs_rollup_status(engine->fast, json);
    hs_json_key(json, "behaviour");
    hs_rollup_status(engine->behaviour, json);
    hs_json_key(json, "anomalies");
    hs_anomaly_status(engine->anomaly, json);
    hs_json_obj_close(json);
}
