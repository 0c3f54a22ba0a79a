/*
 * Who presents a key: a snapshot behind a mutex that is held for a look-up only, and the thread
 * that replaces it.
 */
#include "port/keys.h"

#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "port/key_snapshot.h"

#define ADMIN_IMPLIES                                                                              \
    (HS_SCOPE_INGEST | HS_SCOPE_IMPORT | HS_SCOPE_READ | HS_SCOPE_EDIT | HS_SCOPE_ADMIN)

struct hs_keys {
    struct hs_metadata *metadata;
    const struct hs_clock *clock;
    double rate; /* ingest.rate */
    int64_t reload_ms;
    struct hs_thread thread;
    struct hs_mutex lock; /* guards all below; never held over metadata */
    struct hs_cond wake;
    bool stopping;
    struct key_snapshot *snapshot;
    uint64_t failures_n;
    int64_t checked_mono_ns;
};

bool hs_identity_allows_origin(const struct hs_identity *identity, struct hs_str origin)
{
    struct hs_str rest = hs_str_c(identity->origins);
    struct hs_str allowed;

    while (origin.n > 0 && hs_str_split(&rest, ' ', &allowed))
        if (hs_str_ieq(allowed, origin))
            return true;
    return false;
}

/* Notes how a check or load ended; takes the snapshot when it is not older than what is there. */
static void finish(struct hs_keys *keys, int rc, struct key_snapshot *snapshot)
{
    struct key_snapshot *old = snapshot;

    hs_mutex_lock(&keys->lock);
    if (rc == HS_OK) {
        keys->failures_n = 0;
        keys->checked_mono_ns = hs_mono_ns(keys->clock);
    } else {
        keys->failures_n++;
    }
    if (snapshot && (!keys->snapshot || snapshot->changed >= keys->snapshot->changed)) {
        old = keys->snapshot;
        keys->snapshot = snapshot;
    }
    hs_mutex_unlock(&keys->lock);
    key_snapshot_free(old);
}

int hs_keys_reload(struct hs_keys *keys, struct hs_err *err)
{
    struct key_snapshot *snapshot = NULL;
    int rc = key_snapshot_load(keys->metadata, &snapshot, err);

    finish(keys, rc, snapshot);
    return rc;
}

/* Loads when the version differs from the snapshot's. */
static void reload_when_changed(struct hs_keys *keys, uint64_t seen)
{
    uint64_t changed = 0;
    int rc = key_snapshot_version(keys->metadata, &changed, NULL);

    if (rc == HS_OK && changed != seen)
        hs_keys_reload(keys, NULL);
    else
        finish(keys, rc, NULL);
}

static void run(void *arg)
{
    struct hs_keys *keys = arg;

    hs_mutex_lock(&keys->lock);
    while (!keys->stopping) {
        uint64_t seen = keys->snapshot->changed;

        if (hs_cond_wait_ms(&keys->wake, &keys->lock, keys->reload_ms))
            continue; /* woken to stop, or for no reason */
        hs_mutex_unlock(&keys->lock);
        reload_when_changed(keys, seen);
        hs_mutex_lock(&keys->lock);
    }
    hs_mutex_unlock(&keys->lock);
}

int hs_keys_open(struct hs_metadata *metadata, const struct hs_clock *clock,
                 const struct hs_conf *conf, struct hs_keys **out, struct hs_err *err)
{
    struct hs_keys *keys = hs_xalloc(sizeof(*keys));
    int rc;

    keys->metadata = metadata;
    keys->clock = clock;
    keys->rate = conf->ingest_rate;
    keys->reload_ms = (int64_t)conf->auth_reload_ms;
    hs_mutex_init(&keys->lock, HS_RANK_BACKEND);
    hs_cond_init(&keys->wake);
    rc = hs_keys_reload(keys, err);
    if (rc == HS_OK)
        rc = hs_thread_start(&keys->thread, "keys", run, keys, err);
    if (rc) {
        hs_keys_close(keys);
        return rc;
    }
    *out = keys;
    return HS_OK;
}

void hs_keys_close(struct hs_keys *keys)
{
    if (!keys)
        return;
    hs_mutex_lock(&keys->lock);
    keys->stopping = true;
    hs_cond_signal(&keys->wake);
    hs_mutex_unlock(&keys->lock);
    hs_thread_join(&keys->thread);
    key_snapshot_free(keys->snapshot);
    hs_cond_fini(&keys->wake);
    hs_mutex_fini(&keys->lock);
    hs_free(keys);
}

static void fill_identity(const struct hs_keys *keys, const struct key_row *row,
                          struct hs_identity *out)
{
    out->tenant = keys->snapshot->tenants[row->tenant];
    memcpy(out->key_id, row->id, sizeof(out->key_id));
    out->scopes = row->scopes;
    if (row->scopes & HS_SCOPE_ADMIN)
        out->scopes |= ADMIN_IMPLIES;
    out->rate = row->rate > 0 ? row->rate : keys->rate;
    out->origins[0] = '\0';
    if (row->origins)
        memcpy(out->origins, row->origins, strlen(row->origins) + 1);
}

int hs_keys_authenticate(struct hs_keys *keys, struct hs_str text, struct hs_identity *out,
                         struct hs_err *err)
{
    unsigned char hash[HS_SHA256_BYTES];
    const struct key_row *row;
    bool expired = false;
    int64_t now_ns;

    if (!key_text_ok(text))
        return hs_err_set(err, HS_ENOTFOUND, 0, "this is not a key of this system");
    hs_sha256(text, hash);
    now_ns = hs_wall_ns(keys->clock);
    hs_mutex_lock(&keys->lock);
    row = key_snapshot_find(keys->snapshot, hash);
    if (row)
        expired = row->expires_ns != 0 && row->expires_ns <= now_ns;
    if (row && !expired)
        fill_identity(keys, row, out);
    hs_mutex_unlock(&keys->lock);
    if (!row)
        return hs_err_set(err, HS_ENOTFOUND, 0, "the key is unknown or was revoked");
    if (expired)
        return hs_err_set(err, HS_ELIMIT, 0, "the key has expired");
    return HS_OK;
}

int hs_keys_tenant(struct hs_keys *keys, struct hs_str id, struct hs_tenant *out,
                   struct hs_err *err)
{
    const struct hs_tenant *tenant;

    hs_mutex_lock(&keys->lock);
    tenant = key_snapshot_tenant(keys->snapshot, id);
    if (tenant)
        *out = *tenant;
    hs_mutex_unlock(&keys->lock);
    if (!tenant)
        return hs_err_set(err, HS_ENOTFOUND, 0, "there is no tenant \"%.*s\"",
                          (int)HS_MIN(id.n, (size_t)HS_TENANT_ID_MAX), id.p ? id.p : "");
    return HS_OK;
}

void hs_keys_stat(struct hs_keys *keys, struct hs_keys_stat *out)
{
    hs_mutex_lock(&keys->lock);
    out->keys_n = keys->snapshot->rows_n;
    out->tenants_n = keys->snapshot->tenants_n;
    out->skipped_n = keys->snapshot->skipped_n;
    out->failures_n = keys->failures_n;
    out->checked_ago_ms = (hs_mono_ns(keys->clock) - keys->checked_mono_ns) / HS_NS_PER_MS;
    hs_mutex_unlock(&keys->lock);
}
