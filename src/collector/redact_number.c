/*
 * Phones and payment cards: groups of digits with separators between them, and what stands around.
 *
 * A number that a letter, an underscore, or a hyphen or dot to a word joins to something else is
 * part of an identifier (SKU, UUID, version, address, date) and left alone, so a chain of groups
 * with hyphens is a phone as a whole or not at all. At each start the longest window of groups that
 * has a known shape wins.
 */
#include "base/mem.h"
#include "collector/redact_shapes.h"
#include "collector/redact_text.h"

enum { SEPARATOR_UNITS_MAX = 3, WORD_MAX = 10 };

/* The text, and the part of it that has not been dealt with. */
struct span {
    struct hs_str s;
    size_t floor; /* before it stands a marker, when > 0 */
    size_t end;   /* behind it stands a marker, when < s.n */
};

static struct hs_unit before(const struct span *span, size_t i)
{
    if (i <= span->floor && span->floor > 0)
        return (struct hs_unit){']', 1};
    return hs_unit_before(span->s, span->floor, i);
}

static struct hs_unit after(const struct span *span, size_t i)
{
    if (i >= span->end && span->end < span->s.n)
        return (struct hs_unit){'[', 1};
    return hs_unit_at(hs_str_n(span->s.p, span->end), i);
}

/* Part of a word or identifier. Chinese or Thai letters are not: no space stands between them and a
 * number. */
static bool is_word(struct hs_unit u)
{
    return u.len > 0 && (u.c == '_' || (hs_unit_is_alnum(u) && !hs_unit_is_unspaced(u)));
}

static bool is_currency(struct hs_unit u)
{
    return u.len > 0 &&
           (u.c == '$' || u.c == 0xA3 || u.c == 0xA5 || (u.c >= 0x20A0 && u.c <= 0x20CF));
}

static unsigned separator(struct hs_unit u)
{
    switch (u.c) {
    case ' ': return HS_SEP_SPACE;
    case '-': return HS_SEP_DASH;
    case '.': return HS_SEP_DOT;
    case '/': return HS_SEP_SLASH;
    case '(': return HS_SEP_OPEN;
    case ')': return HS_SEP_CLOSE;
    case '+': return u.len == 1 ? HS_SEP_SPACE : 0; /* a space of a URL */
    default: return 0;
    }
}

/* --- reading groups --- */

static size_t read_group(const struct span *span, size_t i, struct hs_group *group)
{
    struct hs_unit u = after(span, i);

    group->start = i;
    group->digits = 0;
    while (u.len > 0 && hs_unit_is_digit(u)) {
        if (group->digits < HS_GROUP_DIGITS)
            group->text[group->digits] = (char)u.c;
        group->digits++;
        i += u.len;
        u = after(span, i);
    }
    group->end = i;
    return i;
}

/* Reads separators at *i; returns them, 0 when no group follows. */
static unsigned read_separators(const struct span *span, size_t *i)
{
    unsigned all = 0;
    size_t at = *i;
    int units;

    for (units = 0; units < SEPARATOR_UNITS_MAX; units++) {
        struct hs_unit u = after(span, at);
        unsigned sep = u.len > 0 ? separator(u) : 0;

        if (sep == 0)
            break;
        all |= sep;
        at += u.len;
    }
    if (!hs_unit_is_digit(after(span, at)) || after(span, at).len == 0)
        return 0;
    *i = at;
    return all;
}

/* Reads up to HS_GROUPS_MAX groups from the digit at i. */
static void read_groups(const struct span *span, size_t i, struct hs_number *number)
{
    number->n = 0;
    do {
        struct hs_group *group = &number->groups[number->n];

        group->sep_before = number->n > 0 ? read_separators(span, &i) : 0;
        if (number->n > 0 && group->sep_before == 0)
            return;
        i = read_group(span, i, group);
        number->n++;
    } while (number->n < HS_GROUPS_MAX && number->groups[number->n - 1].digits <= HS_GROUP_DIGITS);
}

/* --- what stands around --- */

/* "\n415…" in text that a program has escaped. */
static bool is_escape(const struct span *span, size_t i, struct hs_unit letter)
{
    return (letter.c == 'n' || letter.c == 't' || letter.c == 'r') &&
           before(span, i - letter.len).c == '\\';
}

/* Whether a number may start at i: nothing joins it to what stands before. */
static bool may_start(const struct span *span, size_t i)
{
    struct hs_unit u = before(span, i);
    struct hs_unit further;

    if (u.len == 0)
        return true;
    if (is_word(u))
        return i > span->floor && is_escape(span, i, u);
    if (u.c == '#' || is_currency(u))
        return false;
    if (u.c != '-' && u.c != ':' && u.c != '.' && u.c != ',')
        return true;
    further = before(span, i - u.len);
    if (u.c == '-')
        return !is_word(further) && further.c != '-' && further.c != '.';
    if (u.c == '.')
        return is_word(further) && !hs_unit_is_digit(further);
    return further.len == 0 || !hs_unit_is_digit(further) || u.c == ',';
}

/* A hyphen, dot or colon at i that leads on into an identifier. */
static bool leads_on(const struct span *span, size_t i)
{
    struct hs_unit u = after(span, i);
    struct hs_unit further = after(span, i + u.len);

    if (u.len == 0 || further.len == 0)
        return false;
    if (u.c == '-')
        return is_word(further);
    return u.c == ':' && hs_unit_is_digit(further);
}

/* Whether a window may end behind its n-th group. */
static bool may_end(const struct span *span, const struct hs_number *number, size_t n)
{
    size_t i = number->groups[n - 1].end;

    if (n < number->n) {
        unsigned sep = number->groups[n].sep_before;

        return (sep & ~(unsigned)(HS_SEP_DASH | HS_SEP_DOT)) != 0;
    }
    return !is_word(after(span, i)) && !leads_on(span, i);
}

/* "612 345 678 €", "612 345 678,50": an amount. */
static bool is_amount(const struct span *span, size_t end)
{
    struct hs_unit u = after(span, end);

    if (u.c == ',' && u.len > 0)
        return hs_unit_is_digit(after(span, end + u.len)) && after(span, end + u.len).len > 0;
    if (u.c == ' ' && u.len > 0)
        u = after(span, end + u.len);
    return is_currency(u);
}

/* --- what announces a phone --- */

struct word {
    struct hs_str text;
    bool alone; /* without ':' or '=' too */
};

static const struct word words[] = {
    {{"tel", 3}, true},       {{"telephone", 9}, false}, {{"phone", 5}, false},
    {{"fax", 3}, true},       {{"telefon", 7}, false},   {{"mobile", 6}, false},
    {{"mobil", 5}, false},    {{"handy", 5}, false},     {{"cell", 4}, false},
    {{"whatsapp", 8}, true},  {{"call", 4}, true},       {{"telefono", 8}, false},
    {{"portable", 8}, false}, {{"msisdn", 6}, false},    {{"phone_no", 8}, false},
    {{"movil", 5}, false},
};

/* Whether a word such as "tel: " ends at i: HS_LEAD_WORD, _FIELD or _NONE. */
static enum hs_lead announced_at(const struct span *span, size_t i)
{
    char word[WORD_MAX];
    size_t at = sizeof(word);
    bool assigned = false;
    struct hs_unit u = before(span, i);
    size_t k;
    int units;

    for (units = 0; units < 5 && u.len > 0 && u.c < 0x80 && strchr(" :=.\"'", (int)u.c); units++) {
        assigned = assigned || u.c == ':' || u.c == '=';
        i -= u.len;
        u = before(span, i);
    }
    while (at > 0 && u.len > 0 && u.c < 0x80 && (hs_unit_is_alnum(u) || u.c == '_')) {
        word[--at] = (char)u.c;
        i -= u.len;
        u = before(span, i);
    }
    for (k = 0; k < HS_ARRAY_LEN(words) && units > 0; k++) {
        if ((assigned || words[k].alone) &&
            hs_str_ieq(words[k].text, hs_str_n(word + at, sizeof(word) - at)))
            return assigned ? HS_LEAD_FIELD : HS_LEAD_WORD;
    }
    return HS_LEAD_NONE;
}

/* --- putting it together --- */

/* Whether the '+' at byte i is a plus sign. In a URL it is a space: so it is after a word, unless
 * real spaces or other separators show that the text is no URL. */
static bool is_plus_sign(const struct span *span, size_t i, struct hs_unit plus,
                         const struct hs_number *number)
{
    size_t k;

    if (plus.len > 1 || !is_word(before(span, i)))
        return true;
    for (k = 1; k < number->n; k++) {
        if (span->s.p[number->groups[k - 1].end] != '+')
            return !hs_unit_is_digit(before(span, i));
    }
    return false;
}

/* Whether digits and a space stand before i. */
static bool follows_digits(const struct span *span, size_t i)
{
    struct hs_unit u = before(span, i);

    if (u.len == 0 || separator(u) != HS_SEP_SPACE || i <= span->floor)
        return false;
    u = before(span, i - u.len);
    return u.len > 0 && hs_unit_is_digit(u);
}

/* Whether a space and a number that became a marker stand at `end`: the same text gives the same
 * result before and after its redaction. */
static bool precedes_marker(const struct span *span, size_t end)
{
    struct hs_unit u = after(span, end);
    struct hs_str rest;

    if (u.len == 0 || separator(u) != HS_SEP_SPACE)
        return false;
    rest = hs_str_n(span->s.p + end + u.len, span->end - end - u.len);
    return hs_str_starts_with(rest, HS_STR("[phone]")) ||
           hs_str_starts_with(rest, HS_STR("[card]"));
}

/* "(415) …" but not "(415-555-2671)". */
static bool closes_after_first(const struct hs_number *number)
{
    return number->n > 1 && (number->groups[1].sep_before & HS_SEP_CLOSE) &&
           !(number->groups[1].sep_before & HS_SEP_OPEN);
}

/* Sets number->lead and number->in_row and returns where the number with its lead starts. */
static size_t read_lead(const struct span *span, size_t i, struct hs_number *number)
{
    struct hs_unit u = before(span, i);
    size_t bracket = 0;

    number->lead = HS_LEAD_NONE;
    number->in_row =
        follows_digits(span, i) || precedes_marker(span, number->groups[number->n - 1].end);
    if (i <= span->floor)
        return i;
    if (u.c == '(') {
        bracket = u.len;
        u = before(span, i - bracket);
    }
    if (u.len > 0 && u.c == '+' && i - bracket > span->floor &&
        is_plus_sign(span, i - bracket - u.len, u, number)) {
        number->lead = HS_LEAD_PLUS;
        i -= bracket + u.len;
        u = before(span, i);
        return i > span->floor && u.c == '(' && closes_after_first(number) ? i - u.len : i;
    }
    if (bracket == 0 || !closes_after_first(number))
        return i;
    number->lead = HS_LEAD_BRACKET;
    return i - bracket;
}

static size_t count_digits(const struct hs_number *number, size_t n)
{
    size_t all = 0;
    size_t i;

    for (i = 0; i < n; i++)
        all += number->groups[i].digits;
    return all;
}

/* The longest window with a shape; 0 when there is none. */
static size_t best_window(const struct span *span, struct hs_number *number,
                          enum hs_finding_kind *out_kind)
{
    size_t n = HS_MIN(number->n, HS_GROUPS_MAX - 1);
    size_t digits = count_digits(number, n);

    for (; n > 0 && digits >= HS_PHONE_DIGITS_MIN; digits -= number->groups[--n].digits) {
        if (digits > HS_NUMBER_DIGITS || !may_end(span, number, n))
            continue;
        if (hs_shape_is_card(number, n)) {
            *out_kind = HS_FOUND_CARD;
            return n;
        }
        if (hs_shape_is_phone(number, n) && !is_amount(span, number->groups[n - 1].end)) {
            *out_kind = HS_FOUND_PHONE;
            return n;
        }
    }
    return 0;
}

/* How many groups from the first are one product number. */
static size_t product_window(const struct hs_number *number)
{
    size_t n = HS_MIN(number->n, 6);
    size_t digits = count_digits(number, n);

    for (; n > 1 && digits >= 8; digits -= number->groups[--n].digits) {
        if (hs_shape_is_product(number, n))
            return n;
    }
    return 0;
}

static size_t digits_end(const struct span *span, size_t i)
{
    struct hs_unit u = after(span, i);

    while (u.len > 0 && hs_unit_is_digit(u)) {
        i += u.len;
        u = after(span, i);
    }
    return i;
}

/* A cheap look at what stands around the digits from i to end: whether they are part of a word, or
 * follow one by a hyphen, dot or colon, as most digits of ids, times and versions do. */
static bool is_joined(const struct span *span, size_t i, size_t end)
{
    struct hs_unit u = before(span, i);

    if (is_word(after(span, end)))
        return true;
    return u.len > 0 && u.c != '(' && u.c != '+' && !may_start(span, i);
}

/* How many groups are a finding, whose kind goes to *out_kind; 0: none. */
static size_t match(const struct span *span, size_t i, struct hs_number *number,
                    enum hs_finding_kind *out_kind)
{
    size_t n = best_window(span, number, out_kind);

    if (n > 0 || number->lead != HS_LEAD_NONE)
        return n;
    number->lead = announced_at(span, i);
    return number->lead != HS_LEAD_NONE ? best_window(span, number, out_kind) : 0;
}

/* Looks at the number that starts with the digit at i. Returns where to go on. */
static size_t try_number(const struct span *span, size_t i, struct hs_finding *out)
{
    struct hs_number number;
    size_t end = digits_end(span, i);
    size_t start;
    size_t n;

    if (is_joined(span, i, end))
        return end;
    read_groups(span, i, &number);
    if (count_digits(&number, number.n) < HS_PHONE_DIGITS_MIN)
        return end;
    start = read_lead(span, i, &number);
    if (number.lead != HS_LEAD_PLUS && !may_start(span, start))
        return end;
    n = number.lead == HS_LEAD_NONE ? product_window(&number) : 0;
    if (n > 0)
        return number.groups[n - 1].end;
    n = match(span, i, &number, &out->kind);
    if (n == 0)
        return end;
    out->start = start;
    out->end = number.groups[n - 1].end;
    return out->end;
}

/* Bytes at which a digit may begin: ASCII, '%' and the first bytes of other scripts' digits. */
static bool may_be_digit(unsigned char c)
{
    return (unsigned)c - '0' < 10 || c == '%' || c == 0xEF || c == 0xD9 || c == 0xDB || c == 0xE0;
}

bool hs_find_number(struct hs_str s, size_t from, size_t end, struct hs_finding *out)
{
    const struct span span = {.s = s, .floor = from, .end = end};
    size_t i = from;

    out->kind = HS_FOUND_NOTHING;
    while (i < end) {
        struct hs_unit u;

        if (!may_be_digit((unsigned char)s.p[i])) {
            i++;
            continue;
        }
        u = after(&span, i);
        if (hs_unit_is_digit(u) && u.len > 0)
            i = try_number(&span, i, out);
        else
            i += u.len > 0 ? u.len : 1;
        if (out->kind != HS_FOUND_NOTHING)
            return true;
    }
    return false;
}
