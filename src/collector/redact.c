/*
 * Redaction of one text. A first look, 16 bytes at a time, sends away what has neither an '@' nor
 * enough digits; that is nearly every query. Addresses are found first, then numbers between them,
 * then the configured patterns run over what is left, line by line.
 */
#include "collector/redact.h"

#include <regex.h>

#include "base/mem.h"
#include "collector/redact_shapes.h"
#include "collector/redact_text.h"

/* A pattern sees one line of at most so many bytes: what regexec does may grow with the square. */
enum { LINE_MAX_BYTES = 16384, PATTERNS_MAX = 64, PASSES_MAX = 8 };

struct hs_redactor {
    bool enabled;
    size_t patterns_n;
    regex_t patterns[PATTERNS_MAX];
};

/* --- configured patterns --- */

static int add_pattern(struct hs_redactor *redactor, struct hs_str line, size_t number,
                       struct hs_err *err)
{
    char reason[128];
    char *text;
    int failed;

    if (redactor->patterns_n == PATTERNS_MAX)
        return hs_err_set(err, HS_EINVAL, 0, "redaction pattern in line %zu: more than %d patterns",
                          number, PATTERNS_MAX);
    if (memchr(line.p, '\0', line.n))
        return hs_err_set(err, HS_EINVAL, 0, "redaction pattern in line %zu has a NUL byte",
                          number);
    text = hs_xstrndup(line.p, line.n);
    failed = regcomp(&redactor->patterns[redactor->patterns_n], text, REG_EXTENDED);
    hs_free(text);
    if (failed == 0) {
        redactor->patterns_n++;
        return HS_OK;
    }
    regerror(failed, &redactor->patterns[redactor->patterns_n], reason, sizeof(reason));
    return hs_err_set(err, HS_EINVAL, 0, "redaction pattern in line %zu, \"%.*s\": %s", number,
                      HS_STR_ARG(line), reason);
}

int hs_redactor_new(bool enabled, struct hs_str patterns, struct hs_redactor **out,
                    struct hs_err *err)
{
    struct hs_redactor *redactor = hs_xalloc(sizeof(*redactor));
    struct hs_str line;
    size_t number = 0;
    int rc = HS_OK;

    redactor->enabled = enabled;
    while (rc == HS_OK && hs_str_split(&patterns, '\n', &line)) {
        line = hs_str_trim(line);
        number++;
        if (line.n > 0)
            rc = add_pattern(redactor, line, number, err);
    }
    if (rc == HS_OK)
        *out = redactor;
    else
        hs_redactor_free(redactor);
    return rc;
}

void hs_redactor_free(struct hs_redactor *redactor)
{
    size_t i;

    if (!redactor)
        return;
    for (i = 0; i < redactor->patterns_n; i++)
        regfree(&redactor->patterns[i]);
    hs_free(redactor);
}

/* Appends the NUL-terminated line with each match replaced; returns the number of matches, or
 * HS_ELIMIT when regexec ran out of memory. */
static int replace_matches(const regex_t *pattern, const char *line, struct hs_buf *out)
{
    regmatch_t match;
    int matches = 0;
    int flags = 0;
    int failed;

    for (failed = regexec(pattern, line, 1, &match, flags); failed == 0;
         failed = regexec(pattern, line, 1, &match, flags)) {
        hs_buf_add(out, line, (size_t)match.rm_so);
        line += match.rm_eo;
        if (match.rm_eo > match.rm_so) {
            HS_BUF_ADD_LIT(out, "[redacted]");
            matches++;
        } else if (*line) {
            hs_buf_add_char(out, *line++);
        }
        flags = REG_NOTBOL;
        if (!*line)
            break;
    }
    hs_buf_add_c(out, line);
    return failed == 0 || failed == REG_NOMATCH ? matches : HS_ELIMIT;
}

/* Runs all patterns over one line, which is left in *line. */
static int redact_line(const struct hs_redactor *redactor, struct hs_buf *line,
                       struct hs_buf *spare)
{
    int all = 0;
    size_t i;

    for (i = 0; i < redactor->patterns_n; i++) {
        int matches;

        hs_buf_reset(spare);
        matches = replace_matches(&redactor->patterns[i], hs_buf_cstr(line), spare);
        if (matches < 0 || !hs_buf_ok(spare))
            return HS_ELIMIT;
        if (matches > 0) {
            struct hs_buf swap = *line;

            *line = *spare;
            *spare = swap;
        }
        all += matches;
    }
    return all;
}

/* The bytes up to the next end of a line or NUL. */
static size_t line_len(struct hs_str s)
{
    size_t i = hs_str_index(s, '\n');

    return hs_str_index(hs_str_n(s.p, i), '\0');
}

/* Appends the text with all matches replaced; returns their number or HS_ELIMIT. */
static int redact_patterns(const struct hs_redactor *redactor, struct hs_str text,
                           struct hs_buf *out)
{
    struct hs_buf line;
    struct hs_buf spare;
    int all = 0;
    int matches = 0;

    hs_buf_init(&line, 16 * (size_t)LINE_MAX_BYTES);
    hs_buf_init(&spare, 16 * (size_t)LINE_MAX_BYTES);
    while (text.n > 0 && matches >= 0) {
        size_t n = line_len(text);

        if (n > LINE_MAX_BYTES) {
            matches = HS_ELIMIT;
            break;
        }
        hs_buf_reset(&line);
        hs_buf_add(&line, text.p, n);
        matches = redact_line(redactor, &line, &spare);
        all += HS_MAX(matches, 0);
        hs_buf_add_str(out, hs_buf_str(&line));
        text = hs_str_n(text.p + n, text.n - n);
        if (text.n > 0) { /* the byte that ended the line */
            hs_buf_add_char(out, text.p[0]);
            text = hs_str_n(text.p + 1, text.n - 1);
        }
    }
    hs_buf_fini(&line);
    hs_buf_fini(&spare);
    return matches < 0 ? matches : all;
}

/* --- addresses and numbers --- */

typedef unsigned char v16 __attribute__((vector_size(16)));

/* What was seen, a lane for each byte of a block. */
struct seen {
    v16 at;     /* '@' or '%': not 0 */
    v16 high;   /* bytes or-ed */
    v16 digits; /* how many; a lane counts to 255 */
};

static void see_block(struct seen *seen, const char *p)
{
    v16 block;

    memcpy(&block, p, sizeof(block));
    seen->at |= (v16)(block == '@') | (v16)(block == '%');
    seen->high |= block;
    seen->digits -= (v16)((block - (unsigned char)'0') < 10);
}

static unsigned sum_lanes(v16 lanes)
{
    unsigned sum = 0;
    size_t k;

    for (k = 0; k < sizeof(lanes); k++)
        sum += lanes[k];
    return sum;
}

static bool any_bit(v16 lanes, uint64_t mask)
{
    uint64_t words[2];

    memcpy(words, &lanes, sizeof(words));
    return ((words[0] | words[1]) & mask) != 0;
}

/* What a text may hold, as bits: an address needs an '@', a '%' or a byte that is not ASCII, a
 * number such a byte or digits enough. */
enum { MAYBE_EMAIL = 1, MAYBE_NUMBER = 2 };

static unsigned first_look(struct hs_str s)
{
    struct seen seen = {{0}, {0}, {0}};
    char last[sizeof(v16)] = {0};
    unsigned digits = 0;
    size_t i = 0;
    bool high;

    while (s.n - i >= sizeof(v16)) {
        size_t blocks = HS_MIN((s.n - i) / sizeof(v16), 250);

        for (; blocks > 0; blocks--, i += sizeof(v16))
            see_block(&seen, s.p + i);
        digits += sum_lanes(seen.digits);
        seen.digits = (v16){0};
    }
    if (i < s.n && s.n >= sizeof(v16)) {
        see_block(&seen, s.p + s.n - sizeof(v16)); /* some bytes twice: digits may be too many */
    } else if (i < s.n) {
        memcpy(last, s.p, s.n);
        see_block(&seen, last);
    }
    digits += sum_lanes(seen.digits);
    high = any_bit(seen.high, 0x8080808080808080ULL);
    return (high || any_bit(seen.at, UINT64_MAX) ? MAYBE_EMAIL : 0) |
           (high || digits >= HS_PHONE_DIGITS_MIN ? MAYBE_NUMBER : 0);
}

static void add_marker(struct hs_buf *out, enum hs_finding_kind kind,
                       struct hs_redact_counts *counts)
{
    switch (kind) {
    case HS_FOUND_EMAIL:
        HS_BUF_ADD_LIT(out, "[email]");
        counts->email++;
        return;
    case HS_FOUND_PHONE:
        HS_BUF_ADD_LIT(out, "[phone]");
        counts->phone++;
        return;
    default:
        HS_BUF_ADD_LIT(out, "[card]");
        counts->card++;
        return;
    }
}

/* Appends what stands from `from` to `end` with numbers replaced. *done is where the text that was
 * appended ends: while nothing was found nothing is appended. */
static void redact_numbers(struct hs_str text, size_t end, size_t *done, struct hs_buf *out,
                           struct hs_redact_counts *counts)
{
    struct hs_finding found;

    while (hs_find_number(text, *done, end, &found)) {
        hs_buf_add(out, text.p + *done, found.start - *done);
        add_marker(out, found.kind, counts);
        *done = found.end;
    }
}

/* Returns whether anything was found; then the whole text is in out. */
static bool redact_known(struct hs_str text, struct hs_buf *out, struct hs_redact_counts *counts)
{
    unsigned maybe = first_look(text);
    size_t done = 0;
    struct hs_finding email;
    bool more = maybe != 0;

    while (more) {
        more = (maybe & MAYBE_EMAIL) && hs_find_email(text, done, &email);
        if (maybe & MAYBE_NUMBER)
            redact_numbers(text, more ? email.start : text.n, &done, out, counts);
        if (!more)
            break;
        hs_buf_add(out, text.p + done, email.start - done);
        add_marker(out, HS_FOUND_EMAIL, counts);
        done = email.end;
    }
    if (done == 0)
        return false;
    hs_buf_add(out, text.p + done, text.n - done);
    return true;
}

static bool give_up(struct hs_buf *out, size_t start, struct hs_redact_counts *counts)
{
    counts->failed++;
    out->n = start;
    out->failed = false;
    HS_BUF_ADD_LIT(out, "[redaction failed]");
    return true;
}

/* What a finding stood beside may be one itself once the marker is between them: looks again until
 * nothing is found. Returns false when that does not come to an end. */
static bool settle(struct hs_buf *out, size_t start, struct hs_redact_counts *counts)
{
    struct hs_buf copy;
    bool more = true;
    int passes;

    hs_buf_init(&copy, out->max);
    for (passes = 0; more && passes < PASSES_MAX && hs_buf_ok(out); passes++) {
        hs_buf_reset(&copy);
        more = redact_known(hs_str_n(out->p + start, out->n - start), &copy, counts);
        if (more) {
            out->n = start;
            hs_buf_add_str(out, hs_buf_str(&copy));
            out->failed |= copy.failed;
        }
    }
    hs_buf_fini(&copy);
    return !more && hs_buf_ok(out);
}

/* Runs the patterns over what stands in out from start on when `known`, else over the text. Returns
 * the number of matches, with the result in out when there is one, or HS_ELIMIT. */
static int apply_patterns(const struct hs_redactor *redactor, bool known, struct hs_str text,
                          size_t start, struct hs_buf *out)
{
    struct hs_buf copy;
    int matches;

    if (known)
        text = hs_str_n(out->p + start, out->n - start);
    hs_buf_init(&copy, out->max);
    matches = redact_patterns(redactor, text, &copy);
    if (matches > 0) {
        out->n = start;
        hs_buf_add_str(out, hs_buf_str(&copy));
    }
    if (!hs_buf_ok(&copy) || !hs_buf_ok(out))
        matches = HS_ELIMIT;
    hs_buf_fini(&copy);
    return matches;
}

bool hs_redactor_apply(const struct hs_redactor *redactor, struct hs_str text, struct hs_buf *out,
                       struct hs_redact_counts *counts)
{
    struct hs_redact_counts found = {0};
    size_t start = out->n;
    bool known;
    int matches = 0;

    if (!redactor->enabled)
        return false;
    known = redact_known(text, out, &found);
    if (known && !(hs_buf_ok(out) && settle(out, start, &found)))
        return give_up(out, start, counts);
    if (redactor->patterns_n > 0)
        matches = apply_patterns(redactor, known, text, start, out);
    if (matches < 0)
        return give_up(out, start, counts);
    counts->email += found.email;
    counts->phone += found.phone;
    counts->card += found.card;
    counts->pattern += (uint64_t)matches;
    return known || matches > 0;
}
