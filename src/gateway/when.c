#include "gateway/when.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct unit_row {
    char letter;
    int64_t seconds;
};

static const struct unit_row units[] = {
    {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400},
};

/* Seconds of the unit; 0 when the letter is none. */
static int64_t unit_seconds(char letter)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(units); i++) {
        if (units[i].letter == letter)
            return units[i].seconds;
    }
    return 0;
}

static bool only_digits(struct hs_str text)
{
    size_t i;

    for (i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    }
    return text.n > 0;
}

int hs_when_span(struct hs_str text, int64_t *out_s, struct hs_err *err)
{
    struct hs_str number = text;
    int64_t unit_s = 1;
    uint64_t n;

    if (text.n > 0 && unit_seconds(text.p[text.n - 1]) > 0) {
        unit_s = unit_seconds(text.p[text.n - 1]);
        number.n--;
    }
    if (!only_digits(number) || hs_str_to_u64(number, &n) != HS_OK || n == 0 ||
        n > (uint64_t)(HS_WHEN_BACK_MAX_S / unit_s))
        return hs_err_set(err, HS_EINVAL, 0,
                          "is no span of time: must be a number from 1 with s, m, h, d or w, "
                          "at most %lld days",
                          HS_WHEN_BACK_MAX_S / 86400);
    *out_s = (int64_t)n * unit_s;
    return HS_OK;
}

/* In a query string '+' means a space: "+01:00" that was not escaped arrives as " 01:00". */
static int parse_rfc3339(struct hs_str text, int64_t *out_ns)
{
    enum { ZONE_CHARS = 6 };
    char mended[HS_TIME_TEXT_MAX];

    if (hs_time_parse_rfc3339(text, out_ns) == HS_OK)
        return HS_OK;
    if (text.n <= ZONE_CHARS || text.n > sizeof(mended) || text.p[text.n - ZONE_CHARS] != ' ')
        return HS_EINVAL;
    memcpy(mended, text.p, text.n);
    mended[text.n - ZONE_CHARS] = '+';
    return hs_time_parse_rfc3339(hs_str_n(mended, text.n), out_ns);
}

int hs_when_parse(struct hs_str text, int64_t now_ns, int64_t *out_ns, struct hs_err *err)
{
    int64_t back_s = 0;
    uint64_t epoch;

    if (hs_str_eq_c(text, "now")) {
        *out_ns = now_ns;
        return HS_OK;
    }
    if (hs_str_starts_with(text, HS_STR("now-"))) {
        if (hs_when_span(hs_str_n(text.p + 4, text.n - 4), &back_s, err) != HS_OK)
            return HS_EINVAL;
        *out_ns = HS_MAX(0, now_ns - back_s * HS_NS_PER_S);
        return HS_OK;
    }
    if (only_digits(text) && hs_str_to_u64(text, &epoch) == HS_OK && epoch <= INT64_MAX &&
        hs_time_from_epoch_i64((int64_t)epoch, out_ns) == HS_OK)
        return HS_OK;
    if (parse_rfc3339(text, out_ns) == HS_OK)
        return HS_OK;
    return hs_err_set(err, HS_EINVAL, 0,
                      "is no time: must be RFC 3339 with a zone, a number since 1970, now, or "
                      "now-1h (s, m, h, d, w)");
}
