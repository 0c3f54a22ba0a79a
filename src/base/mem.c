#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE_BYTES = 1 << 20 };

_Noreturn void hs_assert_fail(const char *cond, const char *file, int line, const char *func)
{
    fprintf(stderr, "haystat: bug: %s:%d: %s: assertion failed: %s\n", file, line, func, cond);
    abort();
}

static _Noreturn void die_out_of_memory(size_t n, size_t size)
{
    fprintf(stderr, "haystat: out of memory: %zu x %zu bytes\n", n, size);
    abort();
}

void *hs_xalloc(size_t size)
{
    return hs_xcalloc(1, size);
}

void *hs_xcalloc(size_t n, size_t size)
{
    void *p = hs_try_calloc(n, size);

    if (!p)
        die_out_of_memory(n, size);
    return p;
}

void *hs_xrealloc(void *p, size_t n, size_t size)
{
    void *grown = hs_try_realloc(p, n, size);

    if (!grown)
        die_out_of_memory(n, size);
    return grown;
}

char *hs_xstrdup(const char *s)
{
    return hs_xstrndup(s, strlen(s));
}

char *hs_xstrndup(const char *s, size_t n)
{
    char *copy = hs_xalloc(n + 1);

    if (n > 0)
        memcpy(copy, s, n);
    return copy;
}

void *hs_try_alloc(size_t size)
{
    return hs_try_calloc(1, size);
}

void *hs_try_calloc(size_t n, size_t size)
{
    return calloc(n > 0 ? n : 1, size > 0 ? size : 1);
}

void *hs_try_realloc(void *p, size_t n, size_t size)
{
    if (size > 0 && n > SIZE_MAX / size)
        return NULL;
    return realloc(p, n * size > 0 ? n * size : 1);
}

void hs_free(void *p)
{
    free(p);
}

void hs_mem_setup(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
}
