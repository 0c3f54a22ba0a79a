#include "backend/cache_memory/shard.h"

#include <string.h>

#include "base/mem.h"

enum { SLOTS_MIN = 64 };

void shard_init(struct shard *shard, size_t bytes_max)
{
    memset(shard, 0, sizeof(*shard));
    shard->bytes_max = bytes_max;
    shard->slots_n = SLOTS_MIN;
    shard->slots = hs_xcalloc(shard->slots_n, sizeof(struct entry *));
}

void shard_fini(struct shard *shard)
{
    while (shard->oldest)
        shard_remove(shard, shard->oldest);
    HS_ASSERT(shard->bytes == 0);
    HS_ASSERT(shard->entries_n == 0);
    hs_free(shard->slots);
    shard->slots = NULL;
}

struct hs_str entry_value(const struct entry *entry)
{
    return hs_str_n(entry->bytes + entry->key_n, entry->value_n);
}

static size_t entry_size(size_t key_n, size_t value_n)
{
    return sizeof(struct entry) + key_n + value_n;
}

static struct entry **slot_of(const struct shard *shard, uint64_t hash)
{
    return &shard->slots[hash & (shard->slots_n - 1)];
}

static void list_unlink(struct shard *shard, struct entry *entry)
{
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        shard->newest = entry->older;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        shard->oldest = entry->newer;
}

static void list_push(struct shard *shard, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = shard->newest;
    if (shard->newest)
        shard->newest->newer = entry;
    else
        shard->oldest = entry;
    shard->newest = entry;
}

void shard_remove(struct shard *shard, struct entry *entry)
{
    struct entry **at = slot_of(shard, entry->hash);

    while (*at != entry)
        at = &(*at)->chain;
    *at = entry->chain;
    list_unlink(shard, entry);
    shard->bytes -= entry_size(entry->key_n, entry->value_n);
    shard->entries_n--;
    hs_free(entry);
}

static struct entry *lookup(const struct shard *shard, uint64_t hash, enum entry_kind kind,
                            struct hs_str key)
{
    struct entry *entry = *slot_of(shard, hash);

    while (entry && (entry->hash != hash || entry->kind != kind ||
                     !hs_str_eq(hs_str_n(entry->bytes, entry->key_n), key)))
        entry = entry->chain;
    return entry;
}

struct entry *shard_find(struct shard *shard, uint64_t hash, enum entry_kind kind,
                         struct hs_str key, int64_t now_ns)
{
    struct entry *entry = lookup(shard, hash, kind, key);

    if (!entry)
        return NULL;
    if (entry->expires_ns <= now_ns) {
        shard_remove(shard, entry);
        return NULL;
    }
    list_unlink(shard, entry);
    list_push(shard, entry);
    return entry;
}

/* Twice the slots; without memory the chains just grow. */
static void grow(struct shard *shard)
{
    size_t slots_n = shard->slots_n * 2;
    struct entry **slots = hs_try_calloc(slots_n, sizeof(struct entry *));
    struct entry *entry;

    if (!slots)
        return;
    hs_free(shard->slots);
    shard->slots = slots;
    shard->slots_n = slots_n;
    for (entry = shard->oldest; entry; entry = entry->newer) {
        struct entry **at = slot_of(shard, entry->hash);

        entry->chain = *at;
        *at = entry;
    }
}

struct entry *shard_put(struct shard *shard, uint64_t hash, enum entry_kind kind, struct hs_str key,
                        struct hs_str value)
{
    size_t size = entry_size(key.n, value.n);
    struct entry *entry = lookup(shard, hash, kind, key);

    if (entry)
        shard_remove(shard, entry);
    if (size > shard->bytes_max)
        return NULL;
    while (shard->bytes + size > shard->bytes_max)
        shard_remove(shard, shard->oldest);
    entry = hs_try_alloc(size);
    if (!entry)
        return NULL;
    entry->hash = hash;
    entry->kind = kind;
    entry->key_n = (uint32_t)key.n;
    entry->value_n = (uint32_t)value.n;
    memcpy(entry->bytes, key.p, key.n);
    if (value.n > 0)
        memcpy(entry->bytes + key.n, value.p, value.n);
    if (shard->entries_n >= shard->slots_n)
        grow(shard);
    entry->chain = *slot_of(shard, hash);
    *slot_of(shard, hash) = entry;
    list_push(shard, entry);
    shard->bytes += size;
    shard->entries_n++;
    return entry;
}
