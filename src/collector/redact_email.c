/*
 * E-mail addresses: an '@' in any of its forms, what stands before it as far as a local part goes,
 * and a domain with a top-level domain behind it.
 *
 * '=', '?', '&' and '/' are not taken as parts of a local part although RFC 5322 allows them: in
 * URLs they end what stands before the address. Chinese or Thai letters end an ASCII local part or
 * domain, since those scripts put no space there.
 */
#include "base/mem.h"
#include "collector/redact_text.h"

enum {
    LOCAL_UNITS_MAX = 128,  /* RFC 5321 says 64 bytes */
    DOMAIN_UNITS_MAX = 256, /* RFC 1035 says 253 bytes */
    QUOTED_UNITS_MAX = 80,
};

/* The first '@' at or after from, in *out_len its bytes; s.n when there is none. */
static size_t find_at(struct hs_str s, size_t from, size_t *out_len)
{
    size_t i;

    for (i = from; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        struct hs_unit u;

        if (c != '@' && c != '%' && c != 0xEF)
            continue;
        u = hs_unit_at(s, i);
        if (u.c == '@') {
            *out_len = u.len;
            return i;
        }
    }
    return s.n;
}

static bool is_local(struct hs_unit u)
{
    return u.len > 0 &&
           (hs_unit_is_alnum(u) || (u.c < 0x80 && u.c > 0 && strchr("._%+-'~", (int)u.c)));
}

/* Signs that may stand in a local part but not at its start: operators and quotes of the text. */
static size_t skip_signs(struct hs_str s, size_t start, size_t at)
{
    struct hs_unit u = hs_unit_at(s, start);

    while (start < at && u.c < 0x80 && strchr(".%+-'~", (int)u.c)) {
        start += u.len;
        u = hs_unit_at(s, start);
    }
    return start;
}

/* Where the local part that ends at `at` starts; `at` when there is none. */
static size_t local_start(struct hs_str s, size_t floor, size_t at)
{
    size_t start = at;
    bool ascii = false;
    int units;

    for (units = 0; units < LOCAL_UNITS_MAX; units++) {
        struct hs_unit u = hs_unit_before(s, floor, start);

        if (!is_local(u) || (ascii && hs_unit_is_unspaced(u)))
            break;
        ascii = ascii || u.c < 0x80;
        start -= u.len;
    }
    return skip_signs(s, start, at);
}

/* As local_start, for a local part in quotes. An opening quote follows a space or a sign, so that
 * the quotes of JSON around "@name" are none. */
static size_t quoted_start(struct hs_str s, size_t floor, size_t at)
{
    struct hs_unit u = hs_unit_before(s, floor, at);
    size_t start = at;
    int units;

    if (u.c != '"' || u.len == 0)
        return at;
    start -= u.len;
    for (units = 0; units < QUOTED_UNITS_MAX; units++) {
        u = hs_unit_before(s, floor, start);
        if (u.len == 0 || u.c == '\n' || u.c == '[' || u.c == ']')
            return at;
        start -= u.len;
        if (u.c == '"')
            break;
    }
    if (units == 0 || units == QUOTED_UNITS_MAX || (start == floor && floor > 0))
        return at;
    u = hs_unit_before(s, floor, start);
    return u.len == 0 || (u.c < 0x80 && strchr(" <(:;=\n", (int)u.c)) ? start : at;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]": where it ends, 0 when there is none. */
static size_t literal_end(struct hs_str s, size_t i)
{
    size_t end = i + 1;

    if (i >= s.n || s.p[i] != '[')
        return 0;
    while (end < s.n && end - i < 50 && s.p[end] > 0 &&
           strchr("0123456789abcdefABCDEFIPv:.", s.p[end]))
        end++;
    return end < s.n && s.p[end] == ']' && end - i >= 4 ? end + 1 : 0;
}

/* One label of a domain. */
struct label {
    size_t end;
    size_t tld_end; /* the end of what could be a top-level domain at its start; 0: nothing */
    bool digits;    /* begins with a digit */
    bool ascii;
};

static bool is_xn(struct hs_str s, size_t start)
{
    return s.n - start >= 4 && hs_str_ieq(hs_str_n(s.p + start, 4), HS_STR("xn--"));
}

static struct label read_label(struct hs_str s, size_t start, int *units_left)
{
    struct label label = {.end = start, .ascii = true};
    struct hs_unit u = hs_unit_at(s, start);
    bool xn = is_xn(s, start);
    bool tld = true;
    int letters = 0;

    label.digits = hs_unit_is_digit(u) && u.len > 0;
    while ((*units_left)-- > 0 && u.len > 0 && (hs_unit_is_alnum(u) || u.c == '-' || u.c == '_')) {
        bool letter = hs_unit_is_alnum(u) && !hs_unit_is_digit(u);

        if (label.ascii && letters > 0 && hs_unit_is_unspaced(u))
            tld = false;
        tld = tld && (letter || xn);
        label.ascii = label.ascii && u.c < 0x80;
        label.end += u.len;
        letters += letter ? 1 + (u.c >= 0x80) : 0;
        if (tld && letters >= 2)
            label.tld_end = label.end;
        u = hs_unit_at(s, label.end);
    }
    return label;
}

/* A dot between labels; the ideographic one ends a sentence after an ASCII label. */
static size_t dot_len(struct hs_str s, struct label label)
{
    struct hs_unit u = hs_unit_at(s, label.end);

    if (u.c == '.' || (!label.ascii && (u.c == 0x3002 || u.c == 0xFF61)))
        return u.len;
    return 0;
}

/* Where the domain at i ends, 0 when there is none. Two numbers in front are a version
 * ("pkg@1.2.3-beta.rc"). */
static size_t domain_end(struct hs_str s, size_t i)
{
    int units_left = DOMAIN_UNITS_MAX;
    size_t good_end = 0;
    bool version = true;
    int labels;

    for (labels = 0; units_left > 0; labels++) {
        struct label label = read_label(s, i, &units_left);
        size_t dot = dot_len(s, label);

        if (label.end == i)
            break;
        version = version && (labels > 1 || label.digits);
        if (labels >= 1 && label.tld_end > 0)
            good_end = label.tld_end;
        if (dot == 0)
            break;
        i = label.end + dot;
    }
    return labels >= 1 && version ? 0 : good_end;
}

bool hs_find_email(struct hs_str s, size_t from, struct hs_finding *out)
{
    size_t len = 0;
    size_t at;

    for (at = find_at(s, from, &len); at < s.n; at = find_at(s, at + len, &len)) {
        size_t end = domain_end(s, at + len);
        size_t start;

        if (end == 0)
            end = literal_end(s, at + len);
        if (end == 0)
            continue;
        start = local_start(s, from, at);
        if (start == at)
            start = quoted_start(s, from, at);
        if (start == at)
            continue;
        *out = (struct hs_finding){HS_FOUND_EMAIL, start, end};
        return true;
    }
    return false;
}
