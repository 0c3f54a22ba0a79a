#include "store/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/rand.h"

#define MEMORY_FLOOR (256ULL * 1024 * 1024)

static int plan_folder(const struct hs_conf *conf, struct hs_store_plan *plan, struct hs_err *err)
{
    char dir[HS_PATH_MAX];
    int rc = hs_fs_join(dir, conf->data, "store", err);

    if (rc == HS_OK)
        rc = hs_fs_mkdirs(dir, 0700, err);
    if (rc == HS_OK && !realpath(dir, plan->dir))
        rc = hs_err_sys(err, "folder %s", dir);
    return rc;
}

/* ClickHouse has one listen_host for all protocols. */
static int plan_native(const struct hs_conf *conf, struct hs_store_plan *plan, struct hs_err *err)
{
    int rc;

    plan->has_native = conf->listen_store_native[0] != '\0';
    if (!plan->has_native)
        return HS_OK;
    rc = hs_store_address_parse("listen.store_native", hs_str_c(conf->listen_store_native),
                                &plan->native, err);
    if (rc == HS_OK && strcmp(plan->native.host, plan->http.host) != 0)
        rc = hs_err_set(err, HS_EINVAL, 0,
                        "listen.store_native is on %s, listen.store on %s: they must be the same",
                        plan->native.host, plan->http.host);
    if (rc == HS_OK && plan->native.port != 0 && plan->native.port == plan->http.port)
        rc = hs_err_set(err, HS_EINVAL, 0, "listen.store_native and listen.store are both port %u",
                        (unsigned)plan->native.port);
    if (rc == HS_OK)
        rc = hs_store_address_settle(&plan->native, err);
    return rc;
}

static int plan_memory(const struct hs_conf *conf, struct hs_store_plan *plan, struct hs_err *err)
{
    plan->memory_max = conf->store_memory_max;
    if (plan->memory_max == 0)
        plan->memory_max = hs_store_memory_default();
    if (plan->memory_max < MEMORY_FLOOR)
        return hs_err_set(err, HS_EINVAL, 0,
                          "store.memory_max is %llu bytes, the store needs at least %llu",
                          (unsigned long long)plan->memory_max, MEMORY_FLOOR);
    return HS_OK;
}

static int plan_secrets(const struct hs_conf *conf, struct hs_store_plan *plan, struct hs_err *err)
{
    int rc = hs_store_secret_ensure(conf->data, err);

    if (rc == HS_OK)
        rc = hs_store_secret_read(conf->data, "rw", plan->secret_rw, err);
    if (rc == HS_OK)
        rc = hs_store_secret_read(conf->data, "ro", plan->secret_ro, err);
    if (rc == HS_OK)
        hs_store_secret_make(plan->secret_stop);
    return rc;
}

int hs_store_plan_make(const struct hs_conf *conf, struct hs_store_plan *out, struct hs_err *err)
{
    int rc;

    memset(out, 0, sizeof(*out));
    rc = hs_store_address_parse("listen.store", hs_str_c(conf->listen_store), &out->http, err);
    if (rc == HS_OK)
        rc = plan_memory(conf, out, err);
    if (rc == HS_OK)
        rc = plan_folder(conf, out, err);
    if (rc == HS_OK)
        rc = hs_store_address_settle(&out->http, err);
    if (rc == HS_OK)
        rc = plan_native(conf, out, err);
    if (rc == HS_OK)
        rc = plan_secrets(conf, out, err);
    hs_uuid7(hs_wall_ns(hs_clock_system()), out->start_id);
    out->start_id[HS_UUID_TEXT] = '\0';
    return rc;
}
