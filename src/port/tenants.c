#include "port/tenants.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "port/keys_int.h"
#include "port/record.h"

enum { RECORD_MAX = 512 };

bool hs_tenant_id_ok(struct hs_str id)
{
    size_t i;

    for (i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool first = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (!first && (i == 0 || (c != '_' && c != '-')))
            return false;
    }
    return id.n > 0 && id.n <= HS_TENANT_ID_MAX;
}

int hs_tenants_create(struct hs_metadata *metadata, const struct hs_clock *clock, struct hs_str id,
                      uint64_t retention_class, struct hs_err *err)
{
    unsigned char pseudonym_key[HS_TENANT_PSEUDONYM_BYTES];
    struct hs_metadata_op ops[2] = {
        {.expect = HS_EXPECT_ABSENT, .space = KEYS_SPACE_TENANTS, .key = id},
        keys_changed_op(),
    };
    struct hs_buf record;
    size_t failed = 0;
    int rc;

    if (!hs_tenant_id_ok(id))
        return hs_err_set(err, HS_EINVAL, 0,
                          "tenant \"%.*s\" is not [a-z0-9][a-z0-9_-]* of at most %d bytes",
                          (int)HS_MIN(id.n, (size_t)100), id.p ? id.p : "", HS_TENANT_ID_MAX);
    if (retention_class >= HS_RETENTION_CLASSES)
        return hs_err_set(err, HS_EINVAL, 0, "retention class is %" PRIu64 ", wants 0 to %d",
                          retention_class, HS_RETENTION_CLASSES - 1);
    hs_rand_secret(pseudonym_key, sizeof(pseudonym_key));
    hs_buf_init(&record, RECORD_MAX);
    hs_record_add_u64(&record, "retention_class", retention_class);
    hs_record_add_hex(&record, "pseudonym_key", pseudonym_key, sizeof(pseudonym_key));
    hs_record_add_u64(&record, "created_ns", (uint64_t)hs_wall_ns(clock));
    HS_ASSERT(hs_buf_ok(&record));
    ops[0].value = hs_buf_str(&record);
    rc = hs_metadata_commit(metadata, ops, 2, NULL, &failed, err);
    if (rc == HS_ECONFLICT)
        hs_err_set(err, rc, 0, "tenant %.*s exists already", HS_STR_ARG(id));
    hs_buf_fini(&record);
    return rc;
}

int hs_tenants_parse(const struct hs_entry *entry, struct hs_tenant *out, struct hs_err *err)
{
    struct hs_tenant tenant = {.retention_class = 0};
    uint64_t created_ns = 0;

    if (!hs_tenant_id_ok(entry->key) ||
        hs_record_get_u64(entry->value, "retention_class", &tenant.retention_class) ||
        tenant.retention_class >= HS_RETENTION_CLASSES ||
        hs_record_get_u64(entry->value, "created_ns", &created_ns) || created_ns > INT64_MAX ||
        hs_record_get_hex(entry->value, "pseudonym_key", tenant.pseudonym_key,
                          sizeof(tenant.pseudonym_key)))
        return hs_err_set(err, HS_ECORRUPT, 0, "tenant %.*s: the stored record does not parse",
                          (int)HS_MIN(entry->key.n, (size_t)HS_TENANT_ID_MAX), entry->key.p);
    memcpy(tenant.id, entry->key.p, entry->key.n);
    tenant.created_ns = (int64_t)created_ns;
    *out = tenant;
    return HS_OK;
}

int hs_tenants_get(struct hs_metadata *metadata, struct hs_str id, struct hs_tenant *out,
                   struct hs_err *err)
{
    struct hs_arena arena;
    struct hs_entry entry;
    int rc;

    if (!hs_tenant_id_ok(id))
        return hs_err_set(err, HS_ENOTFOUND, 0, "there is no tenant \"%.*s\"",
                          (int)HS_MIN(id.n, (size_t)100), id.p ? id.p : "");
    hs_arena_init(&arena, 1 << 16);
    rc = hs_metadata_get(metadata, KEYS_SPACE_TENANTS, id, &arena, &entry, err);
    if (rc == HS_OK)
        rc = hs_tenants_parse(&entry, out, err);
    else if (rc == HS_ENOTFOUND)
        hs_err_set(err, rc, 0, "there is no tenant \"%.*s\"", HS_STR_ARG(id));
    hs_arena_fini(&arena);
    return rc;
}
