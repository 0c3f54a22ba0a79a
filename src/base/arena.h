/*
 * Arenas: memory of one lifetime (process, connection, request or batch, scratch), freed at once.
 *
 * hs_arena_defer registers clean-ups for things that are not memory (file descriptors, references);
 * they run newest first at reset and fini. With HS_ARENA_DEBUG (the asan preset) each allocation is
 * a malloc of its own, so that the sanitizer sees overruns. Not thread-safe.
 */
#ifndef HS_BASE_ARENA_H
#define HS_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct hs_arena_block;
struct hs_arena_defer;

struct hs_arena {
    struct hs_arena_block *blocks;
    struct hs_arena_defer *defers;
    size_t used;  /* bytes handed out since the last reset */
    size_t limit; /* bytes that `used` may reach */
};

typedef void hs_arena_defer_fn(void *arg);

void hs_arena_init(struct hs_arena *arena, size_t limit);
/* Zeroed, 16-byte aligned; NULL past the limit or when memory is out. */
void *hs_arena_alloc(struct hs_arena *arena, size_t size);
/* Zeroed array; NULL also when n * size overflows. */
void *hs_arena_calloc(struct hs_arena *arena, size_t n, size_t size);
/* A NUL-terminated copy; a view with p == NULL past the limit. */
struct hs_str hs_arena_copy(struct hs_arena *arena, struct hs_str s);
/* Runs fn(arg) at reset or fini. Returns HS_OK or HS_ELIMIT; then fn was not registered. */
int hs_arena_defer(struct hs_arena *arena, hs_arena_defer_fn *fn, void *arg);
/* Runs the clean-ups; empty again, the first block is kept. */
void hs_arena_reset(struct hs_arena *arena);
/* As reset, and frees everything; NULL or a fini'd arena is a no-op. */
void hs_arena_fini(struct hs_arena *arena);

#endif
