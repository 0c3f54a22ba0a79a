/*
 * Tenants: one entry of the metadata space "tenants" each, key = its id. They are made once and
 * never change or go. The pseudonym key makes the hashes of user, client and session ids; whoever
 * has it can test guesses, so it is never shown.
 */
#ifndef HS_PORT_TENANTS_H
#define HS_PORT_TENANTS_H

#include "port/metadata.h"

enum {
    HS_TENANT_ID_MAX = 64,
    HS_TENANT_PSEUDONYM_BYTES = 16,
    HS_TENANTS_MAX = 10000,
    HS_RETENTION_CLASSES = 4,
};

#define HS_TENANT_DEFAULT "default"

struct hs_tenant {
    char id[HS_TENANT_ID_MAX + 1]; /* [a-z0-9][a-z0-9_-]* */
    uint64_t retention_class;      /* below HS_RETENTION_CLASSES */
    unsigned char pseudonym_key[HS_TENANT_PSEUDONYM_BYTES];
    int64_t created_ns;
};

/* Whether the text is a tenant's id by its form. */
bool hs_tenant_id_ok(struct hs_str id);

/* Makes a tenant with a random pseudonym key. HS_EINVAL, HS_ECONFLICT: it exists. @blocks */
int hs_tenants_create(struct hs_metadata *metadata, const struct hs_clock *clock, struct hs_str id,
                      uint64_t retention_class, struct hs_err *err);
/* HS_ENOTFOUND, HS_ECORRUPT. For hot paths see hs_keys_tenant. @blocks */
int hs_tenants_get(struct hs_metadata *metadata, struct hs_str id, struct hs_tenant *out,
                   struct hs_err *err);
/* Reads a tenant out of its entry. HS_ECORRUPT. */
int hs_tenants_parse(const struct hs_entry *entry, struct hs_tenant *out, struct hs_err *err);

#endif
