/*
 * String views: a pointer and a length, never NUL-terminated by promise, never owned.
 * Parsing hands out views into the caller's buffer; building uses base/buf.h.
 */
#ifndef HS_BASE_STR_H
#define HS_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct hs_str {
    const char *p; /* borrowed; may be NULL only when n is 0 */
    size_t n;
};

#define HS_STR(literal) ((struct hs_str){("" literal), sizeof(literal) - 1})
#define HS_STR_NULL ((struct hs_str){NULL, 0})
/* For printf("%.*s", HS_STR_ARG(s)). */
#define HS_STR_ARG(s) (int)(s).n, ((s).p ? (s).p : "")

static inline struct hs_str hs_str_n(const void *p, size_t n)
{
    return (struct hs_str){p, n};
}

/* A view of a C string; NULL gives the null view. */
static inline struct hs_str hs_str_c(const char *s)
{
    return (struct hs_str){s, s ? strlen(s) : 0};
}

/* memcmp(a, b, n) == 0 without a call for what is short, as names are: two loads of a fixed size,
 * which may overlap. */
static inline bool hs_bytes_eq(const char *a, const char *b, size_t n)
{
    uint64_t a8[2], b8[2];
    uint32_t a4[2], b4[2];

    if (n > 16)
        return memcmp(a, b, n) == 0;
    if (n >= 8) {
        memcpy(&a8[0], a, 8);
        memcpy(&b8[0], b, 8);
        memcpy(&a8[1], a + n - 8, 8);
        memcpy(&b8[1], b + n - 8, 8);
        return ((a8[0] ^ b8[0]) | (a8[1] ^ b8[1])) == 0;
    }
    if (n >= 4) {
        memcpy(&a4[0], a, 4);
        memcpy(&b4[0], b, 4);
        memcpy(&a4[1], a + n - 4, 4);
        memcpy(&b4[1], b + n - 4, 4);
        return ((a4[0] ^ b4[0]) | (a4[1] ^ b4[1])) == 0;
    }
    while (n > 0 && a[n - 1] == b[n - 1])
        n--;
    return n == 0;
}

static inline bool hs_str_eq(struct hs_str a, struct hs_str b)
{
    return a.n == b.n && hs_bytes_eq(a.p, b.p, a.n);
}

static inline bool hs_str_eq_c(struct hs_str a, const char *b)
{
    return hs_str_eq(a, hs_str_c(b));
}

/* memcmp order, shorter first. */
int hs_str_cmp(struct hs_str a, struct hs_str b);
/* ASCII letters compare without case. */
bool hs_str_ieq(struct hs_str a, struct hs_str b);
bool hs_str_starts_with(struct hs_str s, struct hs_str prefix);
bool hs_str_ends_with(struct hs_str s, struct hs_str suffix);
/* Index of the first `c`, or s.n when there is none. */
size_t hs_str_index(struct hs_str s, char c);
bool hs_str_contains(struct hs_str s, struct hs_str needle);
/* Without ASCII white space at both ends. */
struct hs_str hs_str_trim(struct hs_str s);
/* Takes what is before the first `sep` out of *rest (all of it when there is none, then *rest
 * becomes the null view with p == NULL); returns false when *rest was already exhausted. */
bool hs_str_split(struct hs_str *rest, char sep, struct hs_str *out_part);

/* Whole-string decimal numbers: HS_EINVAL when anything else stands there or it does not fit.
 * hs_str_to_double accepts what JSON accepts, and no inf or nan. */
int hs_str_to_u64(struct hs_str s, uint64_t *out);
int hs_str_to_i64(struct hs_str s, int64_t *out);
int hs_str_to_double(struct hs_str s, double *out);

/* Whether the bytes are valid UTF-8 (no surrogates, no overlong forms). */
bool hs_str_utf8_valid(struct hs_str s);
/* The longest prefix of at most max bytes that does not cut a UTF-8 sequence. */
struct hs_str hs_str_utf8_cut(struct hs_str s, size_t max);

/* Lower-case hex. `out` takes 2 * n bytes, no NUL. */
void hs_hex_encode(const void *bytes, size_t n, char *out);
/* Hex of either case; s.n must be 2 * n, else HS_EINVAL. */
int hs_hex_decode(struct hs_str s, void *out, size_t n);

#endif
