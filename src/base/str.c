#include "base/str.h"

#include <math.h>
#include <stdlib.h>

int hs_str_cmp(struct hs_str a, struct hs_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

    if (c != 0)
        return c;
    return (a.n > b.n) - (a.n < b.n);
}

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool hs_str_ieq(struct hs_str a, struct hs_str b)
{
    size_t i;

    if (a.n != b.n)
        return false;
    for (i = 0; i < a.n; i++) {
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    }
    return true;
}

bool hs_str_starts_with(struct hs_str s, struct hs_str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool hs_str_ends_with(struct hs_str s, struct hs_str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

size_t hs_str_index(struct hs_str s, char c)
{
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return at ? (size_t)(at - s.p) : s.n;
}

bool hs_str_contains(struct hs_str s, struct hs_str needle)
{
    if (needle.n == 0)
        return true;
    return s.n >= needle.n && memmem(s.p, s.n, needle.p, needle.n) != NULL;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct hs_str hs_str_trim(struct hs_str s)
{
    while (s.n > 0 && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool hs_str_split(struct hs_str *rest, char sep, struct hs_str *out_part)
{
    size_t at;

    if (!rest->p)
        return false;
    at = hs_str_index(*rest, sep);
    *out_part = hs_str_n(rest->p, at);
    if (at == rest->n)
        *rest = HS_STR_NULL;
    else
        *rest = hs_str_n(rest->p + at + 1, rest->n - at - 1);
    return true;
}

int hs_str_to_u64(struct hs_str s, uint64_t *out)
{
    uint64_t v = 0;
    size_t i;

    if (s.n == 0)
        return HS_EINVAL;
    for (i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return HS_EINVAL;
        v = v * 10 + digit;
    }
    *out = v;
    return HS_OK;
}

int hs_str_to_i64(struct hs_str s, int64_t *out)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t v;

    if (negative)
        s = hs_str_n(s.p + 1, s.n - 1);
    if (hs_str_to_u64(s, &v) != HS_OK)
        return HS_EINVAL;
    if (v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return HS_EINVAL;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return HS_OK;
}

/* The length of a JSON number at the start of s, 0 when there is none. */
static size_t json_number_len(struct hs_str s)
{
    size_t i = 0;
    size_t start;

    if (i < s.n && s.p[i] == '-')
        i++;
    start = i;
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    if (i == start)
        return 0;
    if (i < s.n && s.p[i] == '.') {
        start = ++i;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
            i++;
        if (i == start)
            return 0;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        start = i;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
            i++;
        if (i == start)
            return 0;
    }
    return i;
}

int hs_str_to_double(struct hs_str s, double *out)
{
    char text[64];
    double v;

    if (s.n == 0 || s.n >= sizeof(text) || json_number_len(s) != s.n)
        return HS_EINVAL;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    v = strtod(text, NULL); /* no setlocale() is ever called, so '.' is the decimal point */
    if (!isfinite(v))
        return HS_EINVAL;
    *out = v;
    return HS_OK;
}

/* The length of the valid UTF-8 sequence at p (n > 0 bytes left), 0 when it is not valid. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        return n >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
    if ((p[0] & 0xF0) == 0xE0) {
        if (n < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80)
            return 0;
        if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F))
            return 0;
        return 3;
    }
    if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        if (n < 4 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80)
            return 0;
        if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
            return 0;
        return 4;
    }
    return 0;
}

bool hs_str_utf8_valid(struct hs_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;

    while (i < s.n) {
        uint64_t word;
        size_t len;

        if (s.n - i >= sizeof(word)) {
            memcpy(&word, p + i, sizeof(word));
            if ((word & 0x8080808080808080ULL) == 0) {
                i += sizeof(word);
                continue;
            }
        }
        len = utf8_len(p + i, s.n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

struct hs_str hs_str_utf8_cut(struct hs_str s, size_t max)
{
    size_t n = max;

    if (s.n <= max)
        return s;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return hs_str_n(s.p, n);
}

void hs_hex_encode(const void *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = bytes;
    size_t i;

    for (i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hs_hex_decode(struct hs_str s, void *out, size_t n)
{
    unsigned char *bytes = out;
    size_t i;

    if (s.n != 2 * n)
        return HS_EINVAL;
    for (i = 0; i < n; i++) {
        int hi = hex_value(s.p[2 * i]);
        int lo = hex_value(s.p[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return HS_EINVAL;
        bytes[i] = (unsigned char)(hi << 4 | lo);
    }
    return HS_OK;
}
