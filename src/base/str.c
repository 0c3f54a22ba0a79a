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

/* Where the digits that start at i end. */
static size_t skip_digits(struct hs_str s, size_t i)
{
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    return i;
}

static bool has_char(struct hs_str s, size_t i, char a, char b)
{
    return i < s.n && (s.p[i] == a || s.p[i] == b);
}

/* Whether s is a number as JSON writes them: no plus sign, no leading zero, digits around a dot. */
static bool is_json_number(struct hs_str s)
{
    size_t start = has_char(s, 0, '-', '-') ? 1 : 0;
    size_t i = skip_digits(s, start);

    if (i == start || (s.p[start] == '0' && i > start + 1))
        return false;
    if (has_char(s, i, '.', '.')) {
        start = i + 1;
        i = skip_digits(s, start);
        if (i == start)
            return false;
    }
    if (has_char(s, i, 'e', 'E')) {
        start = has_char(s, i + 1, '+', '-') ? i + 2 : i + 1;
        i = skip_digits(s, start);
        if (i == start)
            return false;
    }
    return i == s.n;
}

int hs_str_to_double(struct hs_str s, double *out)
{
    char text[64];
    double v;

    if (s.n == 0 || s.n >= sizeof(text) || !is_json_number(s))
        return HS_EINVAL;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    v = strtod(text, NULL); /* no setlocale() is ever called, so '.' is the decimal point */
    if (!isfinite(v))
        return HS_EINVAL;
    *out = v;
    return HS_OK;
}

/* How many bytes follow a first byte, and what the second may be: no overlong forms, no surrogates,
 * nothing past U+10FFFF. */
struct utf8_lead {
    unsigned char from, to, more, second_min, second_max;
};

static const struct utf8_lead utf8_leads[] = {
    {0x00, 0x7F, 0, 0, 0},       {0xC2, 0xDF, 1, 0x80, 0xBF}, {0xE0, 0xE0, 2, 0xA0, 0xBF},
    {0xE1, 0xEC, 2, 0x80, 0xBF}, {0xED, 0xED, 2, 0x80, 0x9F}, {0xEE, 0xEF, 2, 0x80, 0xBF},
    {0xF0, 0xF0, 3, 0x90, 0xBF}, {0xF1, 0xF3, 3, 0x80, 0xBF}, {0xF4, 0xF4, 3, 0x80, 0x8F},
};

static size_t utf8_sequence_len(const struct utf8_lead *lead, const unsigned char *p, size_t n)
{
    size_t i;

    if (n <= lead->more)
        return 0;
    if (lead->more > 0 && (p[1] < lead->second_min || p[1] > lead->second_max))
        return 0;
    for (i = 2; i <= lead->more; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    return 1U + lead->more;
}

/* The length of the valid UTF-8 sequence at p (n > 0 bytes left), 0 when it is not valid. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    size_t i;

    for (i = 0; i < sizeof(utf8_leads) / sizeof(utf8_leads[0]); i++) {
        if (p[0] >= utf8_leads[i].from && p[0] <= utf8_leads[i].to)
            return utf8_sequence_len(&utf8_leads[i], p, n);
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
