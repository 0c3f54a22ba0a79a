#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

enum { BUF_CAP_MIN = 64 };

void hs_buf_init(struct hs_buf *buf, size_t max)
{
    *buf = (struct hs_buf){.max = max};
}

void hs_buf_fini(struct hs_buf *buf)
{
    if (!buf)
        return;
    hs_free(buf->p);
    *buf = (struct hs_buf){.max = buf->max};
}

void hs_buf_reset(struct hs_buf *buf)
{
    buf->n = 0;
    buf->failed = false;
}

char *hs_buf_reserve_slow(struct hs_buf *buf, size_t extra)
{
    size_t cap = buf->cap;
    size_t need;
    char *p;

    if (buf->failed)
        return NULL;
    if (extra > buf->max - buf->n) {
        buf->failed = true;
        return NULL;
    }
    need = HS_MAX(buf->n + extra, (size_t)1);
    if (need <= cap)
        return buf->p + buf->n;
    if (cap < BUF_CAP_MIN)
        cap = BUF_CAP_MIN;
    while (cap < need)
        cap += cap / 2;
    cap = HS_MAX(HS_MIN(cap, buf->max), need); /* the fast path looks at cap alone */
    p = hs_try_realloc(buf->p, cap, 1);
    if (!p) {
        buf->failed = true;
        return NULL;
    }
    buf->p = p;
    buf->cap = cap;
    return buf->p + buf->n;
}

void hs_buf_add_c(struct hs_buf *buf, const char *s)
{
    hs_buf_add(buf, s, strlen(s));
}

void hs_buf_addf(struct hs_buf *buf, const char *fmt, ...)
{
    va_list ap;
    char *text;
    char *at;
    bool exact;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    HS_ASSERT(n >= 0);
    at = hs_buf_reserve(buf, (size_t)n);
    if (!at)
        return;
    exact = buf->cap - buf->n == (size_t)n; /* no room for the NUL of vsnprintf */
    text = exact ? hs_try_alloc((size_t)n + 1) : at;
    if (!text) {
        buf->failed = true;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    if (exact) {
        memcpy(at, text, (size_t)n);
        hs_free(text);
    }
    buf->n += (size_t)n;
}

void hs_buf_add_u64(struct hs_buf *buf, uint64_t v)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[20];
    size_t i = sizeof(digits);

    for (; v >= 100; v /= 100) {
        i -= 2;
        memcpy(digits + i, pairs + 2 * (v % 100), 2);
    }
    if (v >= 10) {
        i -= 2;
        memcpy(digits + i, pairs + 2 * v, 2);
    } else {
        digits[--i] = (char)('0' + v);
    }
    hs_buf_add(buf, digits + i, sizeof(digits) - i);
}

void hs_buf_add_i64(struct hs_buf *buf, int64_t v)
{
    if (v < 0)
        hs_buf_add_char(buf, '-');
    hs_buf_add_u64(buf, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void hs_buf_add_hex(struct hs_buf *buf, const void *bytes, size_t n)
{
    char *at = hs_buf_reserve(buf, 2 * n);

    if (!at)
        return;
    hs_hex_encode(bytes, n, at);
    buf->n += 2 * n;
}

void hs_buf_add_le32(struct hs_buf *buf, uint32_t v)
{
    unsigned char b[4] = {(unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16),
                          (unsigned char)(v >> 24)};

    hs_buf_add(buf, b, sizeof(b));
}

void hs_buf_add_le64(struct hs_buf *buf, uint64_t v)
{
    unsigned char b[8];
    size_t i;

    for (i = 0; i < sizeof(b); i++)
        b[i] = (unsigned char)(v >> (8 * i));
    hs_buf_add(buf, b, sizeof(b));
}

void hs_buf_add_varint(struct hs_buf *buf, uint64_t v)
{
    unsigned char bytes[10];
    size_t n = 0;

    while (v >= 0x80) {
        bytes[n++] = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (unsigned char)v;
    hs_buf_add(buf, bytes, n);
}

void hs_buf_consume(struct hs_buf *buf, size_t n)
{
    HS_ASSERT(n <= buf->n);
    if (n == 0)
        return;
    memmove(buf->p, buf->p + n, buf->n - n);
    buf->n -= n;
}

const char *hs_buf_cstr(struct hs_buf *buf)
{
    char *at = hs_buf_reserve(buf, 1);

    if (!at)
        return "";
    *at = '\0';
    return buf->p;
}
