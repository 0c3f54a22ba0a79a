#include "base/arena.h"

#include <stdint.h>

#include "base/mem.h"

#ifdef HS_ARENA_DEBUG
enum { BLOCK_BYTES = 0 }; /* every allocation gets a block of its own */
#else
enum { BLOCK_BYTES = 16384 };
#endif
enum { ALIGN = 16 };

struct hs_arena_block {
    struct hs_arena_block *next;
    size_t cap;
    size_t n;
    size_t pad; /* keeps data 16-byte aligned */
    char data[];
};

struct hs_arena_defer {
    struct hs_arena_defer *next;
    hs_arena_defer_fn *fn;
    void *arg;
};

_Static_assert(offsetof(struct hs_arena_block, data) % ALIGN == 0, "blocks start aligned");

void hs_arena_init(struct hs_arena *arena, size_t limit)
{
    *arena = (struct hs_arena){.limit = limit};
}

static struct hs_arena_block *add_block(struct hs_arena *arena, size_t size)
{
    size_t cap = HS_MAX(size, (size_t)BLOCK_BYTES);
    struct hs_arena_block *block = hs_try_alloc(sizeof(*block) + cap);

    if (!block)
        return NULL;
    block->cap = cap;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *hs_arena_alloc(struct hs_arena *arena, size_t size)
{
    struct hs_arena_block *block = arena->blocks;
    size_t rounded;
    void *p;

    if (size > SIZE_MAX - ALIGN)
        return NULL;
    rounded = (HS_MAX(size, (size_t)1) + ALIGN - 1) / ALIGN * ALIGN;
    if (rounded > arena->limit - arena->used)
        return NULL;
    if (!block || block->cap - block->n < rounded)
        block = add_block(arena, rounded);
    if (!block)
        return NULL;
    p = block->data + block->n;
    block->n += rounded;
    arena->used += rounded;
    return p;
}

void *hs_arena_calloc(struct hs_arena *arena, size_t n, size_t size)
{
    if (size > 0 && n > SIZE_MAX / size)
        return NULL;
    return hs_arena_alloc(arena, n * size);
}

struct hs_str hs_arena_copy(struct hs_arena *arena, struct hs_str s)
{
    char *p = s.n < SIZE_MAX ? hs_arena_alloc(arena, s.n + 1) : NULL;

    if (!p)
        return HS_STR_NULL;
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return hs_str_n(p, s.n);
}

int hs_arena_defer(struct hs_arena *arena, hs_arena_defer_fn *fn, void *arg)
{
    struct hs_arena_defer *defer = hs_arena_alloc(arena, sizeof(*defer));

    if (!defer)
        return HS_ELIMIT;
    defer->fn = fn;
    defer->arg = arg;
    defer->next = arena->defers;
    arena->defers = defer;
    return HS_OK;
}

static void run_defers(struct hs_arena *arena)
{
    while (arena->defers) {
        struct hs_arena_defer *defer = arena->defers;

        arena->defers = defer->next;
        defer->fn(defer->arg);
    }
}

void hs_arena_reset(struct hs_arena *arena)
{
    struct hs_arena_block *first = NULL;

    run_defers(arena);
    while (arena->blocks) {
        struct hs_arena_block *block = arena->blocks;

        arena->blocks = block->next;
        if (!arena->blocks && block->cap == BLOCK_BYTES)
            first = block;
        else
            hs_free(block);
    }
    if (first) {
        memset(first->data, 0, first->n);
        first->n = 0;
        first->next = NULL;
        arena->blocks = first;
    }
    arena->used = 0;
}

void hs_arena_fini(struct hs_arena *arena)
{
    if (!arena)
        return;
    hs_arena_reset(arena);
    hs_free(arena->blocks);
    arena->blocks = NULL;
}
