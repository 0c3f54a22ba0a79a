/*
 * One shard: a chained hash table and a list in order of use. The caller locks.
 */
#ifndef HS_BACKEND_CACHE_MEMORY_SHARD_H
#define HS_BACKEND_CACHE_MEMORY_SHARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum entry_kind { ENTRY_VALUE, ENTRY_BUCKET }; /* the two have separate keys */

struct entry {
    struct entry *chain;         /* next of the same slot */
    struct entry *newer, *older; /* in order of use */
    uint64_t hash;
    enum entry_kind kind;
    uint32_t key_n;
    uint32_t value_n;
    int64_t expires_ns; /* mono clock; of a bucket: when it will be full again */
    double tokens;      /* bucket: at filled_ns */
    int64_t filled_ns;
    char bytes[]; /* key, then value */
};

struct shard {
    struct entry **slots; /* a power of two */
    size_t slots_n;
    size_t entries_n;
    size_t bytes; /* of all entries, with their headers */
    size_t bytes_max;
    struct entry *newest, *oldest;
};

void shard_init(struct shard *shard, size_t bytes_max);
void shard_fini(struct shard *shard);

/* The entry, NULL when there is none or it has expired (then it is gone). It becomes the newest. */
struct entry *shard_find(struct shard *shard, uint64_t hash, enum entry_kind kind,
                         struct hs_str key, int64_t now_ns);
/* Makes the entry with a copy of the value, in place of a former one; older ones go until it fits.
 * NULL when it can never fit or memory is out; the former one is gone then too. */
struct entry *shard_put(struct shard *shard, uint64_t hash, enum entry_kind kind, struct hs_str key,
                        struct hs_str value);
void shard_remove(struct shard *shard, struct entry *entry);

struct hs_str entry_value(const struct entry *entry);

#endif
