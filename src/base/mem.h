/*
 * Memory and assertions.
 *
 * Small objects of fixed size use hs_xalloc, which aborts when memory is out. Anything sized by
 * configuration or by outside input uses the hs_try_ functions, which return NULL, after the size
 * was checked against a limit. Everything here is freed with hs_free. All memory comes zeroed.
 */
#ifndef HS_BASE_MEM_H
#define HS_BASE_MEM_H

#include <stddef.h>

/* A broken invariant is a bug: reported with its place, then abort(); on in release builds too.
 * The condition must have no side effects. */
#define HS_ASSERT(cond)                                                                            \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            hs_assert_fail(#cond, __FILE__, __LINE__, __func__);                                   \
    } while (0)

#define HS_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define HS_MIN(a, b) ((a) < (b) ? (a) : (b))
#define HS_MAX(a, b) ((a) > (b) ? (a) : (b))
/* The struct that contains `member` at address `ptr`. */
#define HS_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

_Noreturn void hs_assert_fail(const char *cond, const char *file, int line, const char *func);

/* Zeroed memory; aborts when out of memory. @thread any */
void *hs_xalloc(size_t size) __attribute__((returns_nonnull, malloc));
void *hs_xcalloc(size_t n, size_t size) __attribute__((returns_nonnull, malloc));
/* Bytes past the old size are not zeroed; aborts when out of memory or when n * size overflows. */
void *hs_xrealloc(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *hs_xstrdup(const char *s) __attribute__((returns_nonnull, malloc));
/* A NUL-terminated copy of n bytes. */
char *hs_xstrndup(const char *s, size_t n) __attribute__((returns_nonnull, malloc));

/* As above but NULL when memory is out or n * size overflows; realloc then leaves p untouched. */
void *hs_try_alloc(size_t size);
void *hs_try_calloc(size_t n, size_t size);
void *hs_try_realloc(void *p, size_t n, size_t size);

/* NULL is a no-op. @thread any */
void hs_free(void *p);

/* Has large blocks mapped by themselves and thus given back when they are freed, instead of kept by
 * the heap of each thread that ever held one: called once, before threads start. */
void hs_mem_setup(void);

#endif
