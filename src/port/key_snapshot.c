#include "port/key_snapshot.h"

#include <string.h>

#include "base/mem.h"

enum { PAGE = 256, PAGE_BYTES = 4 << 20, SLOTS_MIN = 64 };

typedef int add_fn(struct key_snapshot *snapshot, const struct hs_entry *entry, struct hs_err *err);

int key_snapshot_version(struct hs_metadata *metadata, uint64_t *out, struct hs_err *err)
{
    struct hs_arena arena;
    struct hs_entry entry = {.version = 0};
    int rc;

    hs_arena_init(&arena, 1 << 16);
    rc = hs_metadata_get(metadata, KEYS_SPACE_META, HS_STR(KEYS_META_CHANGED), &arena, &entry, err);
    hs_arena_fini(&arena);
    if (rc && rc != HS_ENOTFOUND)
        return rc;
    *out = rc == HS_OK ? entry.version : 0;
    return HS_OK;
}

void key_snapshot_free(struct key_snapshot *snapshot)
{
    size_t i;

    if (!snapshot)
        return;
    for (i = 0; i < snapshot->rows_n; i++)
        hs_free(snapshot->rows[i].origins);
    hs_free(snapshot->rows);
    hs_free(snapshot->slots);
    hs_free(snapshot->tenants);
    hs_free(snapshot);
}

/* Room for one more of n items; *cap doubles. NULL when the bound is reached or memory is out. */
static void *make_room(void *items, size_t n, size_t *cap, size_t size, size_t max)
{
    size_t wanted = *cap ? *cap * 2 : 64;
    void *grown;

    if (n < *cap)
        return items;
    if (n >= max)
        return NULL;
    grown = hs_try_realloc(items, wanted, size);
    if (grown)
        *cap = wanted;
    return grown;
}

static int add_tenant(struct key_snapshot *snapshot, const struct hs_entry *entry,
                      struct hs_err *err)
{
    struct hs_tenant tenant;
    struct hs_tenant *tenants;

    if (hs_tenants_parse(entry, &tenant, NULL)) {
        snapshot->skipped_n++;
        return HS_OK;
    }
    tenants = make_room(snapshot->tenants, snapshot->tenants_n, &snapshot->tenants_cap,
                        sizeof(*tenants), HS_TENANTS_MAX);
    if (!tenants)
        return hs_err_set(err, HS_ELIMIT, 0, "more tenants than fit, limit %d", HS_TENANTS_MAX);
    snapshot->tenants = tenants;
    tenants[snapshot->tenants_n++] = tenant;
    return HS_OK;
}

static int add_key(struct key_snapshot *snapshot, const struct hs_entry *entry, struct hs_err *err)
{
    const struct hs_tenant *tenant;
    struct key_record record;
    struct key_row *row;

    if (key_record_parse(entry, &record, NULL)) {
        snapshot->skipped_n++;
        return HS_OK;
    }
    if (record.info.revoked_ns != 0)
        return HS_OK;
    tenant = key_snapshot_tenant(snapshot, record.info.tenant);
    if (!tenant) {
        snapshot->skipped_n++;
        return HS_OK;
    }
    row =
        make_room(snapshot->rows, snapshot->rows_n, &snapshot->rows_cap, sizeof(*row), HS_KEYS_MAX);
    if (!row)
        return hs_err_set(err, HS_ELIMIT, 0, "more keys than fit, limit %d", HS_KEYS_MAX);
    snapshot->rows = row;
    row += snapshot->rows_n++;
    memset(row, 0, sizeof(*row));
    memcpy(row->hash, record.hash, sizeof(row->hash));
    memcpy(row->id, record.info.id.p, HS_KEY_ID_LEN);
    if (record.info.origins.n > 0)
        row->origins = hs_xstrndup(record.info.origins.p, record.info.origins.n);
    row->tenant = (size_t)(tenant - snapshot->tenants);
    row->scopes = record.info.scopes;
    row->rate = record.info.rate;
    row->expires_ns = record.info.expires_ns;
    return HS_OK;
}

/* Gives every entry of a space to `add`, a page at a time. */
static int load_space(struct hs_metadata *metadata, const char *space, add_fn *add,
                      struct key_snapshot *snapshot, struct hs_err *err)
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
        rc = hs_metadata_scan(metadata, space, HS_STR_NULL, hs_str_n(after, after_n), &arena, page,
                              PAGE, &n, err);
        for (i = 0; rc == HS_OK && i < n; i++)
            rc = add(snapshot, &page[i], err);
        if (rc == HS_OK && n > 0) {
            after_n = page[n - 1].key.n;
            memcpy(after, page[n - 1].key.p, after_n);
        }
    }
    hs_arena_fini(&arena);
    hs_free(page);
    return rc;
}

/* SHA-256 is uniform: its first bytes are the table's hash. */
static size_t slot_of(const struct key_snapshot *snapshot, const unsigned char *hash)
{
    uint64_t start;

    memcpy(&start, hash, sizeof(start));
    return start & (snapshot->slots_n - 1);
}

static int index_rows(struct key_snapshot *snapshot, struct hs_err *err)
{
    size_t i;

    snapshot->slots_n = SLOTS_MIN;
    while (snapshot->slots_n < 2 * snapshot->rows_n)
        snapshot->slots_n *= 2;
    snapshot->slots = hs_try_calloc(snapshot->slots_n, sizeof(*snapshot->slots));
    if (!snapshot->slots)
        return hs_err_set(err, HS_ELIMIT, 0, "an index of %zu keys does not fit", snapshot->rows_n);
    for (i = 0; i < snapshot->rows_n; i++) {
        size_t slot = slot_of(snapshot, snapshot->rows[i].hash);

        while (snapshot->slots[slot] != 0)
            slot = (slot + 1) & (snapshot->slots_n - 1);
        snapshot->slots[slot] = (uint32_t)(i + 1);
    }
    return HS_OK;
}

int key_snapshot_load(struct hs_metadata *metadata, struct key_snapshot **out, struct hs_err *err)
{
    struct key_snapshot *snapshot = hs_xalloc(sizeof(*snapshot));
    /* The version is read first: what changes during the load makes the next check load again. */
    int rc = key_snapshot_version(metadata, &snapshot->changed, err);

    if (rc == HS_OK)
        rc = load_space(metadata, KEYS_SPACE_TENANTS, add_tenant, snapshot, err);
    if (rc == HS_OK)
        rc = load_space(metadata, KEYS_SPACE, add_key, snapshot, err);
    if (rc == HS_OK)
        rc = index_rows(snapshot, err);
    if (rc == HS_OK) {
        *out = snapshot;
        snapshot = NULL;
    }
    key_snapshot_free(snapshot);
    return rc;
}

const struct key_row *key_snapshot_find(const struct key_snapshot *snapshot,
                                        const unsigned char hash[HS_SHA256_BYTES])
{
    size_t slot = slot_of(snapshot, hash);
    uint32_t index;

    while ((index = snapshot->slots[slot]) != 0) {
        const struct key_row *row = &snapshot->rows[index - 1];

        if (hs_equal_secret(row->hash, hash, HS_SHA256_BYTES))
            return row;
        slot = (slot + 1) & (snapshot->slots_n - 1);
    }
    return NULL;
}

const struct hs_tenant *key_snapshot_tenant(const struct key_snapshot *snapshot, struct hs_str id)
{
    size_t low = 0;
    size_t high = snapshot->tenants_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hs_str_cmp(hs_str_c(snapshot->tenants[middle].id), id);

        if (order == 0)
            return &snapshot->tenants[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
