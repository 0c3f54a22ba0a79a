#include "collector/redact_shapes.h"

#include "base/mem.h"
#include "base/str.h"

/* The digits of a window in one row. */
struct row {
    char d[HS_NUMBER_DIGITS];
    size_t n; /* 0: too many */
};

static struct row join(const struct hs_number *number, size_t n)
{
    struct row row = {.n = 0};
    size_t i;

    for (i = 0; i < n; i++) {
        const struct hs_group *group = &number->groups[i];

        if (group->digits > HS_GROUP_DIGITS || row.n + group->digits > sizeof(row.d))
            return (struct row){.n = 0};
        memcpy(row.d + row.n, group->text, group->digits);
        row.n += group->digits;
    }
    return row;
}

static unsigned seps(const struct hs_number *number, size_t n)
{
    unsigned all = 0;
    size_t i;

    for (i = 1; i < n; i++)
        all |= number->groups[i].sep_before;
    return all;
}

/* Whether the groups have the sizes of `shape`, one digit each ("334"). */
static bool has_shape(const struct hs_number *number, size_t n, const char *shape)
{
    size_t i;

    for (i = 0; i < n && shape[i]; i++) {
        if (number->groups[i].digits != (size_t)(shape[i] - '0'))
            return false;
    }
    return i == n && !shape[i];
}

static bool has_any_shape(const struct hs_number *number, size_t n, const char *const *shapes)
{
    for (; *shapes; shapes++) {
        if (has_shape(number, n, *shapes))
            return true;
    }
    return false;
}

static int value2(const struct hs_group *group)
{
    return (group->text[0] - '0') * 10 + group->text[1] - '0';
}

static bool starts(struct row row, const char *prefix)
{
    size_t len = strlen(prefix);

    return row.n >= len && memcmp(row.d, prefix, len) == 0;
}

/* --- check digits --- */

/* EAN-8, UPC-A, EAN-13, GTIN-14: weights 3 and 1 from the right. */
static bool gtin_valid(struct row row)
{
    unsigned sum = 0;
    size_t i;

    if (row.n != 8 && row.n != 12 && row.n != 13 && row.n != 14)
        return false;
    for (i = 0; i < row.n; i++)
        sum += (unsigned)(row.d[i] - '0') * ((row.n - i) % 2 == 0 ? 3 : 1);
    return sum % 10 == 0;
}

static bool isbn10_valid(struct row row)
{
    unsigned sum = 0;
    size_t i;

    if (row.n != 10)
        return false;
    for (i = 0; i < row.n; i++)
        sum += (unsigned)(row.d[i] - '0') * (unsigned)(10 - i);
    return sum % 11 == 0;
}

static bool luhn_valid(struct row row)
{
    unsigned sum = 0;
    size_t i;

    for (i = 0; i < row.n; i++) {
        unsigned v = (unsigned)(row.d[i] - '0');

        if ((row.n - i) % 2 == 0)
            v = v * 2 > 9 ? v * 2 - 9 : v * 2;
        sum += v;
    }
    return sum % 10 == 0;
}

/* --- product numbers --- */

bool hs_shape_is_product(const struct hs_number *number, size_t n)
{
    static const char *const printed[] = {"166", "1551", "2551", "12551", "76", "157", NULL};
    struct row row = join(number, n);
    bool isbn13 = starts(row, "978") || starts(row, "979");

    if (n < 2 || (seps(number, n) & ~(unsigned)(HS_SEP_SPACE | HS_SEP_DASH)))
        return false;
    if (has_shape(number, n, "1333") && row.d[0] == '0')
        return true; /* part numbers of the car trade: "0 986 494 123" */
    if (row.n == 10)
        return n == 4 && number->groups[3].digits == 1 && isbn10_valid(row);
    if (row.n == 13 && isbn13 && number->groups[0].digits == 3)
        return gtin_valid(row);
    return has_any_shape(number, n, printed) && gtin_valid(row);
}

/* --- payment cards --- */

struct issuer {
    unsigned char digits; /* of lo and hi */
    unsigned char len_min, len_max;
    unsigned lo, hi;
};

static const struct issuer issuers[] = {
    {1, 13, 13, 4, 4},       {1, 16, 16, 4, 4},       {1, 19, 19, 4, 4},       /* Visa */
    {2, 16, 16, 51, 55},     {4, 16, 16, 2221, 2720},                          /* Mastercard */
    {2, 15, 15, 34, 34},     {2, 15, 15, 37, 37},                              /* Amex */
    {4, 16, 19, 6011, 6011}, {3, 16, 19, 644, 649},   {2, 16, 19, 65, 65},     /* Discover */
    {4, 16, 19, 3528, 3589}, {4, 15, 15, 2131, 2131}, {4, 15, 15, 1800, 1800}, /* JCB */
    {2, 16, 19, 62, 62},     {2, 16, 16, 81, 82},                              /* UnionPay, RuPay */
    {3, 14, 19, 300, 305},   {4, 14, 19, 3095, 3095}, {2, 14, 19, 36, 36},     /* Diners */
    {2, 14, 19, 38, 39},                                                       /* Diners */
    {4, 13, 19, 5018, 5018}, {4, 13, 19, 5020, 5020}, {4, 13, 19, 5038, 5038}, /* Maestro */
    {4, 13, 19, 5893, 5893}, {4, 13, 19, 6304, 6304}, {4, 13, 19, 6759, 6759}, /* Maestro */
    {4, 13, 19, 6761, 6763}, {2, 13, 19, 56, 58},     {4, 16, 16, 5019, 5019}, /* …, Dankort */
    {4, 16, 19, 2200, 2204}, {4, 16, 16, 9792, 9792},                          /* Mir, Troy */
    {2, 16, 16, 60, 60},     {3, 16, 16, 508, 508},                            /* RuPay */
};

static bool has_issuer(struct row row)
{
    size_t i;
    size_t k;

    for (i = 0; i < HS_ARRAY_LEN(issuers); i++) {
        const struct issuer *issuer = &issuers[i];
        unsigned prefix = 0;

        for (k = 0; k < issuer->digits; k++)
            prefix = prefix * 10 + (unsigned)(row.d[k] - '0');
        if (prefix >= issuer->lo && prefix <= issuer->hi && row.n >= issuer->len_min &&
            row.n <= issuer->len_max)
            return true;
    }
    return false;
}

/* One run, or a group of four and then groups of 3 to 6 (a last one of 1 or more). */
static bool is_card_shape(const struct hs_number *number, size_t n)
{
    size_t i;

    if (seps(number, n) & ~(unsigned)(HS_SEP_SPACE | HS_SEP_DASH))
        return false;
    if (n == 1 || has_shape(number, n, "88"))
        return true;
    for (i = 1; i < n; i++) {
        size_t digits = number->groups[i].digits;

        if (digits > 6 || (digits < 3 && i + 1 < n))
            return false;
    }
    return number->groups[0].digits == 4 && n >= 3;
}

bool hs_shape_is_card(const struct hs_number *number, size_t n)
{
    struct row row = join(number, n);

    if (number->lead == HS_LEAD_PLUS || row.n < 13 || row.n > 19 || !is_card_shape(number, n))
        return false;
    if (!luhn_valid(row) || !has_issuer(row))
        return false;
    return !gtin_valid(row) || (row.n == 14 && n > 1);
}

/* --- phones --- */

/* "+49 30 1234567", "+1 (415) 555-2671", "+49 (0)30 1234567": 8 to 15 digits after the plus. */
static bool is_international(const struct hs_number *number, size_t n)
{
    struct row row = join(number, n);
    bool trunk_zero = n > 2 && number->groups[1].digits == 1 && number->groups[1].text[0] == '0';
    size_t max = trunk_zero ? 16 : 15;

    if (row.n < 8 || row.n > max || row.d[0] == '0')
        return false;
    if (row.d[0] == '1')
        return row.n == 11;
    if (n == 2 && number->groups[1].sep_before == HS_SEP_DOT && number->groups[1].digits < 9)
        return false; /* a decimal number; registries write +49.301234567 */
    if (n == 1 && row.n >= 12 && gtin_valid(row))
        return !(row.d[2] == '0' && !starts(row, "39")); /* a query operator before an EAN */
    return true;
}

/* "0049 30 1234567": 00, a country code, 10 to 17 digits in all. A row without separators is a
 * product number when its check digit says so. */
static bool is_zero_zero(const struct hs_number *number, size_t n)
{
    struct row row = join(number, n);

    if (!starts(row, "00") || number->groups[0].digits < 2 || row.n < 10 || row.n > 17 ||
        row.d[2] == '0')
        return false;
    if (seps(number, n) & HS_SEP_DOT)
        return false;
    if (row.d[2] == '1')
        return row.n == 13 && (n > 1 || !gtin_valid(row));
    return n > 1 || (row.n >= 12 && !gtin_valid(row) && row.d[4] != '0');
}

static bool is_date(const struct hs_number *number, size_t n)
{
    if (n < 3 || number->groups[0].digits != 2 || number->groups[1].digits != 2 ||
        number->groups[2].digits != 4)
        return false;
    return value2(&number->groups[0]) <= 31 && value2(&number->groups[1]) <= 31;
}

/* Between the groups of a national number: dots throughout (and then four groups or more, not all
 * of three digits: no decimal number, article number or address), or spaces and dashes with a slash
 * after the area code. */
static bool is_national_separated(const struct hs_number *number, size_t n)
{
    unsigned all = seps(number, n);
    size_t i;

    if (all & HS_SEP_DOT)
        return n >= 4 && all == HS_SEP_DOT && !has_shape(number, n, "3333");
    for (i = 2; i < n; i++) {
        if (number->groups[i].sep_before & HS_SEP_SLASH)
            return false;
    }
    return true;
}

/* No group of one digit, but for an extension ("030 1234-0"). */
static bool are_groups_phone_sized(const struct hs_number *number, size_t n)
{
    size_t i;

    for (i = 1; i < n; i++) {
        const struct hs_group *group = &number->groups[i];

        if (group->digits > 8 || (group->digits < 2 && (i + 1 < n || i < 2)))
            return false;
        if (group->digits < 2 && group->sep_before != HS_SEP_DASH)
            return false;
    }
    return true;
}

/* "030 1234567", "01 23 45 67 89", "020 7946 0958", "03-1234-5678": one zero in front. */
static bool is_trunk_zero(const struct hs_number *number, size_t n)
{
    struct row row = join(number, n);
    size_t first = number->groups[0].digits;

    if (n < 2 || first < 2 || first > 6 || row.n < 9 || row.n > 12)
        return false;
    if (row.d[0] != '0' || row.d[1] == '0' || is_date(number, n))
        return false;
    return is_national_separated(number, n) && are_groups_phone_sized(number, n);
}

/* "01701234567", "07911123456", "09012345678": mobiles of 11 digits; no product number has 11. */
static bool is_bare_mobile(const struct hs_number *number, size_t n)
{
    struct row row = join(number, n);

    if (n != 1 || row.n != 11 || row.d[0] != '0')
        return false;
    if (row.d[1] == '7')
        return true;
    if (row.d[1] == '1')
        return row.d[2] >= '5' && row.d[2] <= '7';
    return (row.d[1] == '8' || row.d[1] == '9') && row.d[2] == '0';
}

/* More numbers stand before or behind with spaces between: an amount, a table. */
static bool is_part_of_row(const struct hs_number *number, size_t n)
{
    return number->in_row || n < number->n;
}

/* North America: "415-555-2671", "415.555.2671", "415 555 2671", also with 1 in front. */
static bool is_north_american(const struct hs_number *number, size_t n)
{
    unsigned all = seps(number, n);
    char area = number->groups[n == 4 ? 1 : 0].text[0];

    if (has_shape(number, n, "1334") && number->groups[0].text[0] == '1')
        return area >= '2';
    if (!has_shape(number, n, "334"))
        return false;
    return all == HS_SEP_DASH || all == HS_SEP_DOT ||
           (all == HS_SEP_SPACE && area >= '2' && !is_part_of_row(number, n)) ||
           (all == (HS_SEP_SPACE | HS_SEP_DASH) && area >= '2');
}

/* National forms without a zero: what the first digit may be, and the sizes of the groups. */
struct national {
    const char *shape;
    char lo, hi;   /* of the first digit */
    unsigned seps; /* what may separate */
};

enum { SPACE_DASH = HS_SEP_SPACE | HS_SEP_DASH, RUSSIA = SPACE_DASH | HS_SEP_OPEN | HS_SEP_CLOSE };

static const struct national nationals[] = {
    {"333", '6', '9', HS_SEP_SPACE},  /* Spain, Portugal, Poland */
    {"3222", '6', '9', HS_SEP_SPACE}, /* Spain */
    {"2322", '8', '9', HS_SEP_SPACE}, /* Spain */
    {"37", '3', '3', SPACE_DASH},     /* Italian mobiles */
    {"55", '6', '9', SPACE_DASH},     /* Indian mobiles */
    {"344", '1', '1', SPACE_DASH},    /* Chinese mobiles */
    {"13322", '7', '8', RUSSIA},      /* Russia, Kazakhstan */
};

static bool is_national(const struct hs_number *number, size_t n)
{
    unsigned all = seps(number, n);
    char first = number->groups[0].text[0];
    size_t i;

    if (is_part_of_row(number, n))
        return false;
    for (i = 0; i < HS_ARRAY_LEN(nationals); i++) {
        const struct national *rule = &nationals[i];

        if (first >= rule->lo && first <= rule->hi && (all & ~rule->seps) == 0 &&
            has_shape(number, n, rule->shape))
            return true;
    }
    /* Brazilian mobiles: the third digit is 9. */
    return has_shape(number, n, "254") && number->groups[1].text[0] == '9' &&
           (all & ~(unsigned)SPACE_DASH) == 0;
}

/* "(415) 555-2671", "(030) 1234567", "(0)30 1234567", "(11) 91234-5678" */
static bool is_bracketed(const struct hs_number *number, size_t n)
{
    static const char *const brazil[] = {"254", "244", "29", NULL};
    struct row row = join(number, n);
    unsigned rest = 0;
    size_t i;

    if (n < 2 || row.n < 8 || row.n > 12 || !(number->groups[1].sep_before & HS_SEP_CLOSE))
        return false;
    for (i = 2; i < n; i++)
        rest |= number->groups[i].sep_before;
    if (rest & ~(unsigned)(SPACE_DASH | HS_SEP_DOT | HS_SEP_CLOSE))
        return false;
    if (row.d[0] == '0')
        return row.d[1] != '0' && number->groups[0].digits <= 6;
    if (has_shape(number, n, "334") || has_shape(number, n, "37"))
        return row.d[0] >= '2';
    return has_any_shape(number, n, brazil);
}

/* After a word that announces a phone any number of 7 to 15 digits is one, but for one without
 * separators whose check digit says product, unless the text has the form of a field. */
static bool is_announced(const struct hs_number *number, size_t n)
{
    struct row row = join(number, n);

    if (row.n < 7 || row.n > 15 || (seps(number, n) & HS_SEP_DOT && n < 3))
        return false;
    if (n > 1 || number->lead == HS_LEAD_FIELD)
        return true;
    return !gtin_valid(row) && !isbn10_valid(row);
}

bool hs_shape_is_phone(const struct hs_number *number, size_t n)
{
    if (number->lead == HS_LEAD_PLUS)
        return is_international(number, n);
    if (number->lead == HS_LEAD_BRACKET)
        return is_bracketed(number, n);
    if (number->lead >= HS_LEAD_WORD && is_announced(number, n))
        return true;
    return is_zero_zero(number, n) || is_trunk_zero(number, n) || is_bare_mobile(number, n) ||
           is_north_american(number, n) || is_national(number, n);
}
