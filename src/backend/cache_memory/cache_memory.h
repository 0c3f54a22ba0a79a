/*
 * The cache in this process: hash tables in shards, each with a lock, a byte bound of its own and
 * its entries in order of use, so that the least recently used go first.
 */
#ifndef HS_BACKEND_CACHE_MEMORY_H
#define HS_BACKEND_CACHE_MEMORY_H

#include "port/cache.h"

extern const struct hs_cache_ops hs_cache_memory_ops;

#endif
