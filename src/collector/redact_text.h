/*
 * Text as redaction reads it: code points, percent-encoding undone ("%40" and "%2540" are '@'),
 * full-width forms, digits of other scripts, kinds of spaces and of dashes folded to ASCII, so that
 * the rules see one form. Nothing is copied; a unit says how many bytes it covers.
 */
#ifndef HS_COLLECTOR_REDACT_TEXT_H
#define HS_COLLECTOR_REDACT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct hs_unit {
    uint32_t c;   /* folded code point; HS_UNIT_BAD for bytes that are not UTF-8 */
    uint32_t len; /* bytes of the text; 0 at its end */
};

#define HS_UNIT_BAD 0xFFFDU

/* The unit at byte i; len 0 when i >= s.n. @thread any */
struct hs_unit hs_unit_at_slow(struct hs_str s, size_t i);
/* The unit that ends before byte i and starts at or after `floor`; len 0 when there is none. */
struct hs_unit hs_unit_before(struct hs_str s, size_t floor, size_t i);

static inline struct hs_unit hs_unit_at(struct hs_str s, size_t i)
{
    if (i < s.n && (unsigned char)s.p[i] < 0x80 && s.p[i] != '%' && s.p[i] != '\t')
        return (struct hs_unit){(unsigned char)s.p[i], 1};
    return hs_unit_at_slow(s, i);
}

static inline bool hs_unit_is_digit(struct hs_unit u)
{
    return u.c - '0' < 10;
}

/* A letter or number of any script. */
bool hs_unit_is_alnum(struct hs_unit u);
/* A letter of a script that is written without spaces (Chinese, Japanese, Korean, Thai, Lao, Khmer,
 * Burmese): next to ASCII it belongs to another word. */
bool hs_unit_is_unspaced(struct hs_unit u);

/* What redaction found in a text: bytes [start, end). */
enum hs_finding_kind { HS_FOUND_NOTHING, HS_FOUND_EMAIL, HS_FOUND_PHONE, HS_FOUND_CARD };

struct hs_finding {
    enum hs_finding_kind kind;
    size_t start, end;
};

/*
 * Both find the first of their kind that starts at or after `from` and return false when there is
 * none. What lies before `from` was already replaced by a marker. Work is linear in the text: what
 * is looked at around a place is bounded.
 */
bool hs_find_email(struct hs_str s, size_t from, struct hs_finding *out);
/* `end`: a marker begins there, or the text ends. */
bool hs_find_number(struct hs_str s, size_t from, size_t end, struct hs_finding *out);

#endif
