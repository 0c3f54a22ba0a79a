/*
 * What a run of digit groups is: a phone, a payment card, a product number, or nothing. Pure: it
 * sees digits, sizes of groups and what separates them, no text. The rules are in docs/privacy.md.
 */
#ifndef HS_COLLECTOR_REDACT_SHAPES_H
#define HS_COLLECTOR_REDACT_SHAPES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HS_GROUPS_MAX = 9,       /* groups that are looked at together */
    HS_GROUP_DIGITS = 20,    /* digits kept of one group; more count but match nothing */
    HS_PHONE_DIGITS_MIN = 7, /* fewer are nothing */
    HS_NUMBER_DIGITS = 20,   /* digits of the longest window that can match */
};

/* What stands between two groups, as bits. */
enum {
    HS_SEP_SPACE = 1 << 0,
    HS_SEP_DASH = 1 << 1,
    HS_SEP_DOT = 1 << 2,
    HS_SEP_SLASH = 1 << 3,
    HS_SEP_OPEN = 1 << 4,
    HS_SEP_CLOSE = 1 << 5,
};

/* What stands before the first group. */
enum hs_lead {
    HS_LEAD_NONE,
    HS_LEAD_PLUS,    /* "+" */
    HS_LEAD_BRACKET, /* "(" */
    HS_LEAD_WORD,    /* "tel " */
    HS_LEAD_FIELD,   /* "tel:", "phone=" */
};

struct hs_group {
    size_t start, end;   /* bytes of the text */
    size_t digits;       /* how many, may pass HS_GROUP_DIGITS */
    unsigned sep_before; /* HS_SEP_* between it and the group before; 0 for the first */
    char text[HS_GROUP_DIGITS];
};

struct hs_number {
    enum hs_lead lead;
    bool in_row; /* numbers stand before or behind all groups, with a space between */
    size_t n;    /* groups of the window */
    struct hs_group groups[HS_GROUPS_MAX];
};

/* Whether the first n groups are a phone, a card, or an EAN, UPC, GTIN or ISBN in one of the forms
 * in which these are printed. @thread any */
bool hs_shape_is_phone(const struct hs_number *number, size_t n);
bool hs_shape_is_card(const struct hs_number *number, size_t n);
bool hs_shape_is_product(const struct hs_number *number, size_t n);

#endif
