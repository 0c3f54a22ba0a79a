#include "collector/redact_text.h"

#include <utf8proc.h>

#include "base/mem.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

/* The byte that "HH" at i stands for, -1 when it is not hex. */
static int hex_byte(struct hs_str s, size_t i)
{
    int hi;
    int lo;

    if (i + 2 > s.n)
        return -1;
    hi = hex_value(s.p[i]);
    lo = hex_value(s.p[i + 1]);
    return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

/* "%HH" at i, -1 when something else stands there. */
static int percent_byte(struct hs_str s, size_t i)
{
    return i < s.n && s.p[i] == '%' ? hex_byte(s, i + 1) : -1;
}

static uint32_t fold_digit(uint32_t c)
{
    /* Arabic, Persian, Devanagari, Bengali, Thai */
    static const uint32_t zeros[] = {0x660, 0x6F0, 0x966, 0x9E6, 0xE50};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(zeros); i++) {
        if (c - zeros[i] < 10)
            return '0' + (c - zeros[i]);
    }
    return c;
}

static uint32_t fold(uint32_t c)
{
    if (c < 0x80)
        return c == '\t' ? ' ' : c;
    if (c >= 0xFF01 && c <= 0xFF5E)
        return c - 0xFEE0;
    if (c == 0xA0 || c == 0x202F || c == 0x3000 || (c >= 0x2000 && c <= 0x200A))
        return ' ';
    if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212)
        return '-';
    if (c == 0xFE6B) /* small commercial at */
        return '@';
    return fold_digit(c);
}

static struct hs_unit decode_utf8(const void *p, size_t n, uint32_t bytes_each)
{
    utf8proc_int32_t point;
    utf8proc_ssize_t len = utf8proc_iterate(p, (utf8proc_ssize_t)n, &point);

    if (len <= 0)
        return (struct hs_unit){HS_UNIT_BAD, bytes_each};
    return (struct hs_unit){fold((uint32_t)point), (uint32_t)len * bytes_each};
}

static struct hs_unit decode_percent(struct hs_str s, size_t i, int first)
{
    unsigned char bytes[4];
    size_t n = 0;
    int byte = first;

    if (first == '%' && hex_byte(s, i + 3) >= 0 && hex_byte(s, i + 3) < 0x80)
        return (struct hs_unit){fold((uint32_t)hex_byte(s, i + 3)), 5};
    if (first < 0x80)
        return (struct hs_unit){fold((uint32_t)first), 3};
    while (n < sizeof(bytes) && byte >= 0x80) {
        bytes[n++] = (unsigned char)byte;
        byte = percent_byte(s, i + 3 * n);
    }
    return decode_utf8(bytes, n, 3);
}

struct hs_unit hs_unit_at_slow(struct hs_str s, size_t i)
{
    unsigned char c;
    int byte;

    if (i >= s.n)
        return (struct hs_unit){0, 0};
    c = (unsigned char)s.p[i];
    if (c >= 0x80)
        return decode_utf8(s.p + i, s.n - i, 1);
    byte = c == '%' ? percent_byte(s, i) : -1;
    return byte >= 0 ? decode_percent(s, i, byte) : (struct hs_unit){fold(c), 1};
}

/* Whether the byte before i stands for itself: ASCII and no end of "%HH" or "%25HH". */
static bool is_plain_before(struct hs_str s, size_t floor, size_t i)
{
    if ((unsigned char)s.p[i - 1] >= 0x80 || s.p[i - 1] == '\t')
        return false;
    if (hex_value(s.p[i - 1]) < 0)
        return true;
    return (i - floor < 3 || s.p[i - 3] != '%') && (i - floor < 5 || s.p[i - 5] != '%');
}

struct hs_unit hs_unit_before(struct hs_str s, size_t floor, size_t i)
{
    /* All lengths that a unit can have, longest first: "%25HH" must not be read as '5' 'H'. */
    static const unsigned char lens[] = {12, 9, 6, 5, 3, 4, 2};
    struct hs_unit u;
    size_t at;

    if (i <= floor)
        return (struct hs_unit){0, 0};
    if (is_plain_before(s, floor, i))
        return (struct hs_unit){(unsigned char)s.p[i - 1], 1};
    for (at = 0; at < HS_ARRAY_LEN(lens); at++) {
        size_t len = lens[at];

        if (i - floor < len)
            continue;
        if (s.p[i - len] != '%' && (unsigned char)s.p[i - len] < 0xC0)
            continue;
        u = hs_unit_at(s, i - len);
        if (u.len == len)
            return u;
    }
    return hs_unit_at(hs_str_n(s.p, i), i - 1);
}

bool hs_unit_is_alnum(struct hs_unit u)
{
    utf8proc_category_t category;

    if (u.len == 0)
        return false;
    if (u.c < 0x80)
        return u.c - '0' < 10 || (u.c | 0x20) - 'a' < 26;
    category = utf8proc_category((utf8proc_int32_t)u.c);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

bool hs_unit_is_unspaced(struct hs_unit u)
{
    return (u.c >= 0xE00 && u.c < 0xF00) || (u.c >= 0x1000 && u.c < 0x10A0) ||
           (u.c >= 0x1100 && u.c < 0x1200) || (u.c >= 0x1780 && u.c < 0x1800) || u.c >= 0x2E80;
}
