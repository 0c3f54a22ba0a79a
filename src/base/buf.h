/*
 * A growing byte buffer with a stated maximum.
 *
 * An append past the maximum, or when memory is out, sets `failed`, appends nothing and every later
 * append is a no-op, so that a builder checks once at its end with hs_buf_ok(). The content always
 * stays valid: it is what was appended before the failure. Not thread-safe.
 */
#ifndef HS_BASE_BUF_H
#define HS_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct hs_buf {
    char *p;     /* owned; NULL until the first append */
    size_t n;    /* bytes in use */
    size_t cap;  /* bytes allocated */
    size_t max;  /* bytes that n may reach */
    bool failed; /* an append did not fit */
};

/* The caller owns the struct; `max` bounds n. */
void hs_buf_init(struct hs_buf *buf, size_t max);
/* Frees the memory; NULL or a fini'd buffer is a no-op. */
void hs_buf_fini(struct hs_buf *buf);
/* Empty again and not failed, memory kept. */
void hs_buf_reset(struct hs_buf *buf);
/* Makes room for `extra` bytes past n and returns the address of the first, NULL when that would
 * pass the maximum (then failed is set). The caller adds to n what it wrote. */
char *hs_buf_reserve_slow(struct hs_buf *buf, size_t extra);

static inline char *hs_buf_reserve(struct hs_buf *buf, size_t extra)
{
    if (__builtin_expect(buf->cap - buf->n >= extra && !buf->failed && buf->p != NULL, 1))
        return buf->p + buf->n;
    return hs_buf_reserve_slow(buf, extra);
}

static inline bool hs_buf_ok(const struct hs_buf *buf)
{
    return !buf->failed;
}

static inline struct hs_str hs_buf_str(const struct hs_buf *buf)
{
    return hs_str_n(buf->p, buf->n);
}

static inline void hs_buf_add(struct hs_buf *buf, const void *p, size_t n)
{
    char *at = hs_buf_reserve(buf, n);

    if (at && n > 0) {
        memcpy(at, p, n);
        buf->n += n;
    }
}

static inline void hs_buf_add_char(struct hs_buf *buf, char c)
{
    char *at = hs_buf_reserve(buf, 1);

    if (at) {
        *at = c;
        buf->n++;
    }
}

static inline void hs_buf_add_str(struct hs_buf *buf, struct hs_str s)
{
    hs_buf_add(buf, s.p, s.n);
}

#define HS_BUF_ADD_LIT(buf, literal) hs_buf_add((buf), "" literal, sizeof(literal) - 1)

void hs_buf_add_c(struct hs_buf *buf, const char *s);
void hs_buf_addf(struct hs_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void hs_buf_add_u64(struct hs_buf *buf, uint64_t v); /* decimal */
void hs_buf_add_i64(struct hs_buf *buf, int64_t v);  /* decimal */
void hs_buf_add_hex(struct hs_buf *buf, const void *bytes, size_t n);

/* Little-endian fixed width and LEB128 (the varint of protobuf, Native and our segments). */
void hs_buf_add_le32(struct hs_buf *buf, uint32_t v);
void hs_buf_add_le64(struct hs_buf *buf, uint64_t v);
void hs_buf_add_varint(struct hs_buf *buf, uint64_t v);

/* Drops the first n bytes (n <= buf->n); the rest moves to the front. */
void hs_buf_consume(struct hs_buf *buf, size_t n);
/* The content as a NUL-terminated string, valid until the next append; "" when the NUL does not
 * fit the maximum. */
const char *hs_buf_cstr(struct hs_buf *buf);

#endif
