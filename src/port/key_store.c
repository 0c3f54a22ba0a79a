/*
 * Keys in metadata: making, revoking, listing. One record a key:
 *
 *     hash=<SHA-256 in hex>  tenant=  name=  scopes=  origins=  rate=  created_ns=  expires_ns=
 *     revoked_ns=
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "port/keys_int.h"
#include "port/record.h"

enum { RECORD_MAX = 4096, PAGE = 256, PAGE_BYTES = 4 << 20, ATTEMPTS = 100 };

struct hs_metadata_op keys_changed_op(void)
{
    return (struct hs_metadata_op){
        .action = HS_METADATA_PUT,
        .expect = HS_EXPECT_ANY,
        .space = KEYS_SPACE_META,
        .key = HS_STR(KEYS_META_CHANGED),
    };
}

/* "https://shop.example:8443": scheme and host, nothing after. */
static bool origin_ok(struct hs_str origin)
{
    struct hs_str host;
    size_t i;

    if (hs_str_starts_with(origin, HS_STR("https://")))
        host = hs_str_n(origin.p + 8, origin.n - 8);
    else if (hs_str_starts_with(origin, HS_STR("http://")))
        host = hs_str_n(origin.p + 7, origin.n - 7);
    else
        return false;
    for (i = 0; i < host.n; i++)
        if (strchr("/?#@*, \"'<>\\", host.p[i]))
            return false;
    return host.n > 0;
}

static int check_origins(const struct hs_key_spec *spec, struct hs_err *err)
{
    struct hs_str rest = spec->origins;
    struct hs_str origin;

    if (!(spec->scopes & HS_SCOPE_BROWSER))
        return spec->origins.n == 0
                   ? HS_OK
                   : hs_err_set(err, HS_EINVAL, 0, "origins are for browser keys only");
    if (spec->scopes != HS_SCOPE_BROWSER)
        return hs_err_set(err, HS_EINVAL, 0,
                          "scope browser must stand alone: such a key is public");
    if (spec->origins.n == 0 || spec->origins.n > HS_KEY_ORIGINS_MAX)
        return hs_err_set(err, HS_EINVAL, 0,
                          "origins of a browser key are %zu bytes, wants 1 to %d", spec->origins.n,
                          HS_KEY_ORIGINS_MAX);
    while (hs_str_split(&rest, ' ', &origin))
        if (!origin_ok(origin))
            return hs_err_set(err, HS_EINVAL, 0,
                              "origin \"%.*s\" is not http(s)://host or http(s)://host:port",
                              (int)HS_MIN(origin.n, (size_t)100), origin.p);
    return HS_OK;
}

static int check_spec(const struct hs_key_spec *spec, int64_t now_ns, struct hs_err *err)
{
    if (spec->name.n == 0 || spec->name.n > HS_KEY_NAME_MAX || !hs_record_value_ok(spec->name))
        return hs_err_set(err, HS_EINVAL, 0,
                          "key name of %zu bytes: wants 1 to %d without control characters",
                          spec->name.n, HS_KEY_NAME_MAX);
    if (spec->scopes == 0)
        return hs_err_set(err, HS_EINVAL, 0, "a key needs a scope");
    if (!(spec->rate >= 0) || !isfinite(spec->rate))
        return hs_err_set(err, HS_EINVAL, 0, "rate is %g, wants 0 or more", spec->rate);
    if (spec->expires_ns != 0 && spec->expires_ns <= now_ns)
        return hs_err_set(err, HS_EINVAL, 0, "the key would have expired already");
    return check_origins(spec, err);
}

static void build_record(const struct key_record *record, struct hs_buf *out)
{
    const struct hs_key_info *info = &record->info;
    struct hs_buf scopes;

    hs_buf_init(&scopes, 128);
    hs_scopes_format(info->scopes, &scopes);
    hs_record_add_hex(out, "hash", record->hash, sizeof(record->hash));
    hs_record_add(out, "tenant", info->tenant);
    hs_record_add(out, "name", info->name);
    hs_record_add(out, "scopes", hs_buf_str(&scopes));
    hs_record_add(out, "origins", info->origins);
    hs_record_add_double(out, "rate", info->rate);
    hs_record_add_u64(out, "created_ns", (uint64_t)info->created_ns);
    hs_record_add_u64(out, "expires_ns", (uint64_t)info->expires_ns);
    hs_record_add_u64(out, "revoked_ns", (uint64_t)info->revoked_ns);
    hs_buf_fini(&scopes);
}

static int get_time(struct hs_str record, const char *name, int64_t *out)
{
    uint64_t v;

    if (hs_record_get_u64(record, name, &v) || v > INT64_MAX)
        return HS_EINVAL;
    *out = (int64_t)v;
    return HS_OK;
}

int key_record_parse(const struct hs_entry *entry, struct key_record *out, struct hs_err *err)
{
    struct hs_str text = entry->value;
    struct hs_key_info *info = &out->info;

    memset(out, 0, sizeof(*out));
    info->id = entry->key;
    info->tenant = hs_record_get(text, "tenant");
    info->name = hs_record_get(text, "name");
    info->origins = hs_record_get(text, "origins");
    if (info->id.n != HS_KEY_ID_LEN || !hs_tenant_id_ok(info->tenant) ||
        info->origins.n > HS_KEY_ORIGINS_MAX ||
        hs_record_get_hex(text, "hash", out->hash, sizeof(out->hash)) ||
        hs_scopes_parse(hs_record_get(text, "scopes"), &info->scopes, NULL) ||
        hs_record_get_double(text, "rate", &info->rate) || info->rate < 0 ||
        get_time(text, "created_ns", &info->created_ns) ||
        get_time(text, "expires_ns", &info->expires_ns) ||
        get_time(text, "revoked_ns", &info->revoked_ns))
        return hs_err_set(err, HS_ECORRUPT, 0, "key %.*s: the stored record does not parse",
                          (int)HS_MIN(entry->key.n, (size_t)HS_KEY_ID_LEN), entry->key.p);
    return HS_OK;
}

/* Reads the count of keys and makes the operation that raises it expect what was read. */
static int read_count(struct hs_metadata *metadata, struct hs_metadata_op *count_op,
                      uint64_t *out_count, struct hs_err *err)
{
    struct hs_arena arena;
    struct hs_entry entry;
    int rc;

    *out_count = 0;
    hs_arena_init(&arena, 1 << 16);
    rc = hs_metadata_get(metadata, KEYS_SPACE_META, count_op->key, &arena, &entry, err);
    if (rc == HS_OK) {
        count_op->expect = HS_EXPECT_VERSION;
        count_op->version = entry.version;
        if (hs_record_get_u64(entry.value, "keys", out_count))
            rc = hs_err_set(err, HS_ECORRUPT, 0, "the count of keys does not parse");
    } else if (rc == HS_ENOTFOUND) {
        count_op->expect = HS_EXPECT_ABSENT;
        rc = HS_OK;
    }
    hs_arena_fini(&arena);
    return rc;
}

struct store {
    struct hs_metadata *metadata;
    struct hs_metadata_op ops[4]; /* count, changed, key, marker */
    size_t ops_n;
};

/* One attempt; *out_failed is 0 when somebody else made a key meanwhile. */
static int try_store(struct store *store, size_t *out_failed, struct hs_err *err)
{
    struct hs_metadata_op *count_op = &store->ops[0];
    struct hs_buf value;
    uint64_t count;
    int rc = read_count(store->metadata, count_op, &count, err);

    *out_failed = 1;
    if (rc)
        return rc;
    if (count >= HS_KEYS_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "%" PRIu64 " keys were made, limit %d", count,
                          HS_KEYS_MAX);
    hs_buf_init(&value, 64);
    hs_record_add_u64(&value, "keys", count + 1);
    count_op->value = hs_buf_str(&value);
    rc = hs_metadata_commit(store->metadata, store->ops, store->ops_n, NULL, out_failed, err);
    hs_buf_fini(&value);
    return rc;
}

int key_store(struct hs_metadata *metadata, const struct hs_clock *clock,
              const struct hs_key_spec *spec, const char *text, const char *marker,
              struct hs_err *err)
{
    struct key_record record = {.info = {.tenant = spec->tenant,
                                         .name = spec->name,
                                         .origins = spec->origins,
                                         .scopes = spec->scopes,
                                         .rate = spec->rate,
                                         .created_ns = hs_wall_ns(clock),
                                         .expires_ns = spec->expires_ns}};
    struct store store = {.metadata = metadata, .ops_n = marker ? 4 : 3};
    char id[HS_KEY_ID_LEN + 1];
    struct hs_buf value;
    size_t failed = 0;
    int attempts = ATTEMPTS;
    int rc;

    hs_sha256(hs_str_c(text), record.hash);
    key_text_id(record.hash, id);
    hs_buf_init(&value, RECORD_MAX);
    build_record(&record, &value);
    HS_ASSERT(hs_buf_ok(&value));
    store.ops[0] = (struct hs_metadata_op){.space = KEYS_SPACE_META, .key = HS_STR(KEYS_META_MADE)};
    store.ops[1] = keys_changed_op();
    store.ops[2] = (struct hs_metadata_op){.expect = HS_EXPECT_ABSENT,
                                           .space = KEYS_SPACE,
                                           .key = hs_str_c(id),
                                           .value = hs_buf_str(&value)};
    store.ops[3] = (struct hs_metadata_op){.expect = HS_EXPECT_ABSENT,
                                           .space = KEYS_SPACE_META,
                                           .key = hs_str_c(marker)};
    do
        rc = try_store(&store, &failed, err);
    while (rc == HS_ECONFLICT && failed == 0 && --attempts > 0);
    hs_buf_fini(&value);
    return rc;
}

int hs_keys_create(struct hs_metadata *metadata, const struct hs_clock *clock,
                   const struct hs_key_spec *spec, char out_text[HS_KEY_TEXT_LEN + 1],
                   char out_id[HS_KEY_ID_LEN + 1], struct hs_err *err)
{
    unsigned char hash[HS_SHA256_BYTES];
    char text[HS_KEY_TEXT_LEN + 1];
    struct hs_tenant tenant;
    int rc = check_spec(spec, hs_wall_ns(clock), err);

    if (rc == HS_OK)
        rc = hs_tenants_get(metadata, spec->tenant, &tenant, err);
    if (rc)
        return rc;
    key_text_make(spec->scopes, text);
    rc = key_store(metadata, clock, spec, text, NULL, err);
    if (rc)
        return rc;
    hs_sha256(hs_str_c(text), hash);
    key_text_id(hash, out_id);
    memcpy(out_text, text, sizeof(text));
    return HS_OK;
}

static int revoke_once(struct hs_metadata *metadata, int64_t now_ns, struct hs_str id,
                       struct hs_arena *arena, struct hs_err *err)
{
    struct hs_metadata_op ops[2];
    struct key_record record;
    struct hs_entry entry;
    struct hs_buf value;
    int rc = hs_metadata_get(metadata, KEYS_SPACE, id, arena, &entry, err);

    if (rc == HS_ENOTFOUND)
        return hs_err_set(err, rc, 0, "there is no key %.*s", (int)HS_MIN(id.n, (size_t)100), id.p);
    if (rc == HS_OK)
        rc = key_record_parse(&entry, &record, err);
    if (rc || record.info.revoked_ns != 0)
        return rc;
    record.info.revoked_ns = now_ns;
    hs_buf_init(&value, RECORD_MAX);
    build_record(&record, &value);
    ops[0] = (struct hs_metadata_op){.expect = HS_EXPECT_VERSION,
                                     .version = entry.version,
                                     .space = KEYS_SPACE,
                                     .key = id,
                                     .value = hs_buf_str(&value)};
    ops[1] = keys_changed_op();
    rc = hs_metadata_commit(metadata, ops, 2, NULL, NULL, err);
    hs_buf_fini(&value);
    return rc;
}

int hs_keys_revoke(struct hs_metadata *metadata, const struct hs_clock *clock, struct hs_str id,
                   struct hs_err *err)
{
    int attempts = ATTEMPTS;
    struct hs_arena arena;
    int rc;

    if (id.n == 0 || id.n > HS_METADATA_KEY_MAX || memchr(id.p, '\0', id.n))
        return hs_err_set(err, HS_ENOTFOUND, 0, "there is no such key");
    hs_arena_init(&arena, 1 << 16);
    do {
        hs_arena_reset(&arena);
        rc = revoke_once(metadata, hs_wall_ns(clock), id, &arena, err);
    } while (rc == HS_ECONFLICT && --attempts > 0);
    hs_arena_fini(&arena);
    return rc;
}

int hs_keys_list(struct hs_metadata *metadata, hs_keys_list_fn *fn, void *arg, struct hs_err *err)
{
    struct hs_entry *page = hs_xcalloc(PAGE, sizeof(*page));
    char after[HS_METADATA_KEY_MAX];
    size_t after_n = 0;
    struct hs_arena arena;
    size_t n = PAGE;
    int rc = HS_OK;

    hs_arena_init(&arena, PAGE_BYTES);
    while (rc == HS_OK && n == PAGE) {
        size_t i;

        hs_arena_reset(&arena);
        rc = hs_metadata_scan(metadata, KEYS_SPACE, HS_STR_NULL, hs_str_n(after, after_n), &arena,
                              page, PAGE, &n, err);
        for (i = 0; rc == HS_OK && i < n; i++) {
            struct key_record record;

            rc = key_record_parse(&page[i], &record, err);
            if (rc == HS_OK)
                fn(arg, &record.info);
        }
        if (rc == HS_OK && n > 0) {
            after_n = page[n - 1].key.n;
            memcpy(after, page[n - 1].key.p, after_n);
        }
    }
    hs_arena_fini(&arena);
    hs_free(page);
    return rc;
}
