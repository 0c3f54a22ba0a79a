/*
 * All usable keys and tenants as of one version of metadata. Made once, then only read. Internal to
 * port/.
 */
#ifndef HS_PORT_KEY_SNAPSHOT_H
#define HS_PORT_KEY_SNAPSHOT_H

#include "port/keys_int.h"

struct key_row {
    unsigned char hash[HS_SHA256_BYTES];
    char id[HS_KEY_ID_LEN + 1];
    char *origins; /* owned; NULL: none */
    size_t tenant; /* index */
    unsigned scopes;
    double rate; /* 0: the configured one */
    int64_t expires_ns;
};

struct key_snapshot {
    uint64_t changed; /* version of keys_meta/changed, 0: it does not exist */
    struct key_row *rows;
    size_t rows_n, rows_cap;
    uint32_t *slots; /* open addressing by the start of the hash: row index + 1, 0 empty */
    size_t slots_n;  /* a power of two, at least twice rows_n */
    struct hs_tenant *tenants; /* sorted by id */
    size_t tenants_n, tenants_cap;
    size_t skipped_n;
};

/* The version to compare with snapshot->changed. @blocks */
int key_snapshot_version(struct hs_metadata *metadata, uint64_t *out, struct hs_err *err);
/* @blocks */
int key_snapshot_load(struct hs_metadata *metadata, struct key_snapshot **out, struct hs_err *err);
void key_snapshot_free(struct key_snapshot *snapshot); /* NULL is a no-op */

/* NULL when there is none. */
const struct key_row *key_snapshot_find(const struct key_snapshot *snapshot,
                                        const unsigned char hash[HS_SHA256_BYTES]);
const struct hs_tenant *key_snapshot_tenant(const struct key_snapshot *snapshot, struct hs_str id);

#endif
