/*
 * Values as they stand in a document read with YYJSON_READ_NUMBER_AS_RAW: a number is its text, of
 * JSON's grammar but of any size; a string without an escape is marked NOESC.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/event_int.h"

enum {
    NUMBER_TEXT_MAX = 400,   /* bytes of a number's text; the longest double has fewer */
    NUMBER_SAFE_BYTES = 300, /* without an exponent, so many digits never overflow a double */
    PATH_MAX_BYTES = 200,
};

const char *hs_refusal_name(int refusal)
{
    static const char *const names[HS_REFUSED_N] = {
        [HS_REFUSED_NONE] = "invalid",
        [HS_REFUSED_JSON] = "invalid_json",
        [HS_REFUSED_MISSING] = "missing_field",
        [HS_REFUSED_TYPE] = "wrong_type",
        [HS_REFUSED_VALUE] = "invalid_value",
        [HS_REFUSED_RANGE] = "out_of_range",
        [HS_REFUSED_LATENCY] = "latency_out_of_range",
        [HS_REFUSED_LENGTH] = "too_long",
        [HS_REFUSED_DEPTH] = "too_deep",
        [HS_REFUSED_DUPLICATE] = "duplicate_key",
        [HS_REFUSED_TIME] = "too_old",
    };

    return refusal >= 0 && refusal < HS_REFUSED_N ? names[refusal] : names[HS_REFUSED_NONE];
}

static size_t path_text(const struct hs_spot *spot, char *out, size_t cap)
{
    size_t n = 0;
    int step;

    if (spot->up)
        n = path_text(spot->up, out, cap);
    if (n >= cap)
        return cap;
    if (!spot->name.p)
        step = snprintf(out + n, cap - n, "[%zu]", spot->index);
    else
        step = snprintf(out + n, cap - n, "%s%.*s", spot->up ? "." : "",
                        HS_STR_ARG(hs_str_utf8_cut(spot->name, 80)));
    return HS_MIN(n + (size_t)step, cap);
}

int hs_spot_fail(const struct hs_spot *spot, enum hs_refusal refusal, struct hs_err *err,
                 const char *fmt, ...)
{
    char path[PATH_MAX_BYTES];
    char text[HS_ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    path_text(spot, path, sizeof(path));
    return hs_err_set(err, HS_EINVAL, (int)refusal, "%s %s", path, text);
}

const char *hs_json_kind(struct yyjson_val *val)
{
    switch (yyjson_get_type(val)) {
    case YYJSON_TYPE_RAW: return "a number";
    case YYJSON_TYPE_NUM: return "a number";
    case YYJSON_TYPE_STR: return "a string";
    case YYJSON_TYPE_BOOL: return "a boolean";
    case YYJSON_TYPE_NULL: return "null";
    case YYJSON_TYPE_ARR: return "an array";
    default: return "an object";
    }
}

int hs_spot_fail_type(const struct hs_spot *spot, struct yyjson_val *val, const char *rule,
                      struct hs_err *err)
{
    return hs_spot_fail(spot, HS_REFUSED_TYPE, err, "is %s, must be %s", hs_json_kind(val), rule);
}

int hs_check_string(struct yyjson_val *val, double max, const struct hs_spot *spot,
                    struct hs_err *err)
{
    if (!unsafe_yyjson_is_str(val))
        return hs_spot_fail_type(spot, val, "a string", err);
    if ((double)unsafe_yyjson_get_len(val) > max)
        return hs_spot_fail(spot, HS_REFUSED_LENGTH, err, "has %zu bytes, limit %.0f",
                            unsafe_yyjson_get_len(val), max);
    if (unsafe_yyjson_get_subtype(val) != YYJSON_SUBTYPE_NOESC &&
        memchr(unsafe_yyjson_get_str(val), 0, unsafe_yyjson_get_len(val)))
        return hs_spot_fail(spot, HS_REFUSED_VALUE, err, "holds the character U+0000");
    return HS_OK;
}

static void list_words(const char *const *words, char *out, size_t cap)
{
    size_t n = 0;

    out[0] = '\0';
    for (; *words && n < cap; words++)
        n += (size_t)snprintf(out + n, cap - n, "%s%s", n > 0 ? ", " : "", *words);
}

static int fail_word(yyjson_val *val, const char *const *words, const struct hs_spot *spot,
                     struct hs_err *err)
{
    char list[160];

    list_words(words, list, sizeof(list));
    if (!unsafe_yyjson_is_str(val))
        return hs_spot_fail(spot, HS_REFUSED_TYPE, err, "is %s, must be one of: %s",
                            hs_json_kind(val), list);
    return hs_spot_fail(spot, HS_REFUSED_VALUE, err, "is \"%.*s\", must be one of: %s",
                        HS_STR_ARG(hs_str_utf8_cut(
                            hs_str_n(unsafe_yyjson_get_str(val), unsafe_yyjson_get_len(val)), 60)),
                        list);
}

int hs_check_word(struct yyjson_val *val, const char *const *words, const struct hs_spot *spot,
                  struct hs_err *err)
{
    const char *const *word;

    for (word = words; *word && unsafe_yyjson_is_str(val); word++) {
        if (hs_str_eq_c(hs_str_n(unsafe_yyjson_get_str(val), unsafe_yyjson_get_len(val)), *word))
            return HS_OK;
    }
    return fail_word(val, words, spot, err);
}

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Up to 15 digits and no exponent: both the digits and the power of ten are exact doubles, so that
 * their quotient is rounded once and equals strtod's. */
static bool short_double(struct hs_str s, double *out)
{
    bool negative = s.p[0] == '-';
    uint64_t digits = 0;
    size_t fraction = 0;
    bool point = false;
    size_t i;

    if (s.n > 16)
        return false;
    for (i = negative ? 1 : 0; i < s.n; i++) {
        if (s.p[i] == '.') {
            point = true;
            continue;
        }
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        digits = digits * 10 + (uint64_t)(s.p[i] - '0');
        fraction += point;
    }
    if (digits >= 1000000000000000ULL)
        return false;
    *out = (double)digits / powers[fraction];
    if (negative)
        *out = -*out;
    return true;
}

static bool raw_double(struct hs_str s, double *out)
{
    char text[NUMBER_TEXT_MAX + 1];

    if (short_double(s, out))
        return true;
    if (s.n > NUMBER_TEXT_MAX)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *out = strtod(text, NULL); /* no setlocale() is ever called, so '.' is the decimal point */
    return isfinite(*out);
}

int hs_event_parse_double(struct yyjson_val *val, double *out)
{
    if (yyjson_is_num(val)) {
        *out = unsafe_yyjson_get_num(val);
        return isfinite(*out) ? HS_OK : HS_EINVAL;
    }
    if (!yyjson_is_raw(val))
        return HS_EINVAL;
    return raw_double(hs_str_n(unsafe_yyjson_get_raw(val), unsafe_yyjson_get_len(val)), out)
               ? HS_OK
               : HS_EINVAL;
}

/* The digits before ".000"; the whole text when there is no point; empty when the fraction is not
 * zero. */
static struct hs_str whole_part(struct hs_str s)
{
    size_t point = hs_str_index(s, '.');
    size_t i;

    for (i = point + 1; i < s.n; i++) {
        if (s.p[i] != '0')
            return HS_STR_NULL;
    }
    return hs_str_n(s.p, point);
}

int hs_event_parse_i64(struct yyjson_val *val, int64_t *out)
{
    if (yyjson_is_sint(val)) {
        *out = unsafe_yyjson_get_sint(val);
        return HS_OK;
    }
    if (yyjson_is_uint(val) && unsafe_yyjson_get_uint(val) <= INT64_MAX) {
        *out = (int64_t)unsafe_yyjson_get_uint(val);
        return HS_OK;
    }
    if (!yyjson_is_raw(val))
        return HS_EINVAL;
    return hs_str_to_i64(whole_part(
                             hs_str_n(unsafe_yyjson_get_raw(val), unsafe_yyjson_get_len(val))),
                         out);
}

static bool is_number(yyjson_val *val)
{
    return unsafe_yyjson_is_raw(val) || unsafe_yyjson_is_num(val);
}

int hs_check_number(struct yyjson_val *val, double min, double max, const struct hs_spot *spot,
                    struct hs_err *err)
{
    double v;

    if (!is_number(val))
        return hs_spot_fail_type(spot, val, "a number", err);
    if (hs_event_parse_double(val, &v) != HS_OK)
        return hs_spot_fail(spot, HS_REFUSED_RANGE, err, "is not a number that a double can hold");
    if (v < min || v > max)
        return hs_spot_fail(spot, HS_REFUSED_RANGE, err,
                            "is %.17g, must be a number from %.0f to %.0f", v, min, max);
    return HS_OK;
}

int hs_check_int(struct yyjson_val *val, double min, double max, const struct hs_spot *spot,
                 struct hs_err *err)
{
    char rule[80];
    int64_t v;

    if (hs_event_parse_i64(val, &v) == HS_OK && (double)v >= min && (double)v <= max)
        return HS_OK;
    snprintf(rule, sizeof(rule), "an integer from %.0f to %.0f", min, max);
    if (!is_number(val))
        return hs_spot_fail_type(spot, val, rule, err);
    if (unsafe_yyjson_is_num(val))
        return hs_spot_fail(spot, HS_REFUSED_RANGE, err, "must be %s", rule);
    return hs_spot_fail(spot, HS_REFUSED_RANGE, err, "is %.*s, must be %s",
                        HS_STR_ARG(hs_str_utf8_cut(
                            hs_str_n(unsafe_yyjson_get_raw(val), unsafe_yyjson_get_len(val)), 40)),
                        rule);
}

static bool has_exponent(struct hs_str s)
{
    return hs_str_index(s, 'e') < s.n || hs_str_index(s, 'E') < s.n;
}

static int check_scalar(yyjson_val *val, const struct hs_spot *spot, struct hs_err *err)
{
    struct hs_str raw;
    double v;

    if (unsafe_yyjson_is_str(val))
        return hs_check_string(val, HS_EVENT_BYTES_MAX, spot, err);
    if (!unsafe_yyjson_is_raw(val))
        return HS_OK;
    raw = hs_str_n(unsafe_yyjson_get_raw(val), unsafe_yyjson_get_len(val));
    if (raw.n <= NUMBER_SAFE_BYTES && !has_exponent(raw))
        return HS_OK;
    if (!raw_double(raw, &v))
        return hs_spot_fail(spot, HS_REFUSED_RANGE, err, "is not a number that a double can hold");
    return HS_OK;
}

static int check_nested(yyjson_val *val, unsigned depth, const struct hs_spot *spot,
                        struct hs_err *err)
{
    size_t n = unsafe_yyjson_get_len(val);
    bool object = unsafe_yyjson_is_obj(val);
    yyjson_val *at = unsafe_yyjson_get_first(val);
    size_t i;

    if (depth > HS_EVENT_DEPTH_MAX)
        return hs_spot_fail(spot, HS_REFUSED_DEPTH, err, "is nested deeper than %d levels",
                            HS_EVENT_DEPTH_MAX);
    for (i = 0; i < n; i++) {
        int rc = HS_OK;

        if (object)
            rc = check_scalar(at++, spot, err); /* the key */
        if (rc == HS_OK)
            rc = unsafe_yyjson_is_ctn(at) ? check_nested(at, depth + 1, spot, err)
                                          : check_scalar(at, spot, err);
        if (rc != HS_OK)
            return rc;
        at = unsafe_yyjson_get_next(at);
    }
    return HS_OK;
}

int hs_check_free(struct yyjson_val *val, const struct hs_spot *spot, struct hs_err *err)
{
    return unsafe_yyjson_is_ctn(val) ? check_nested(val, 1, spot, err)
                                     : check_scalar(val, spot, err);
}

int hs_event_check_free(struct yyjson_val *val, struct hs_str name, struct hs_err *err)
{
    const struct hs_spot spot = {.name = name};

    return hs_check_free(val, &spot, err);
}

int hs_event_parse_time(struct yyjson_val *val, int64_t *out_us)
{
    int64_t whole;
    int64_t ns;
    double v;
    int rc = HS_EINVAL;

    if (yyjson_is_str(val))
        rc = hs_time_parse_rfc3339(hs_str_n(unsafe_yyjson_get_str(val), unsafe_yyjson_get_len(val)),
                                   &ns);
    else if (hs_event_parse_i64(val, &whole) == HS_OK)
        rc = hs_time_from_epoch_i64(whole, &ns);
    else if (hs_event_parse_double(val, &v) == HS_OK)
        rc = hs_time_from_epoch(v, &ns);
    if (rc == HS_OK)
        *out_us = ns / HS_NS_PER_US;
    return rc;
}
