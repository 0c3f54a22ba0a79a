#include "base/json_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

/* 0: the byte stands for itself; 'u': \u00XX; else the letter after the backslash. */
static const char escapes[128] = {
    [0] = 'u',  [1] = 'u',  [2] = 'u',  [3] = 'u',  [4] = 'u',   [5] = 'u',     [6] = 'u',
    [7] = 'u',  [8] = 'b',  [9] = 't',  [10] = 'n', [11] = 'u',  [12] = 'f',    [13] = 'r',
    [14] = 'u', [15] = 'u', [16] = 'u', [17] = 'u', [18] = 'u',  [19] = 'u',    [20] = 'u',
    [21] = 'u', [22] = 'u', [23] = 'u', [24] = 'u', [25] = 'u',  [26] = 'u',    [27] = 'u',
    [28] = 'u', [29] = 'u', [30] = 'u', [31] = 'u', ['"'] = '"', ['\\'] = '\\',
};

#define ONES 0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

/* Whether one of 8 bytes needs a look: < 0x20, '"', '\\' or not ASCII. */
static bool word_needs_care(uint64_t w)
{
    uint64_t quote = w ^ ONES * '"';
    uint64_t slash = w ^ ONES * '\\';
    uint64_t low = (w - ONES * 0x20) & ~w;

    return ((low | ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) | w) & HIGHS) != 0;
}

static size_t plain_run(const char *p, size_t n)
{
    size_t i = 0;
    uint64_t word;

    while (n - i >= sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));
        if (word_needs_care(word))
            break;
        i += sizeof(word);
    }
    while (i < n && (unsigned char)p[i] < 0x80 && !escapes[(unsigned char)p[i]])
        i++;
    return i;
}

/* The length of one valid multi-byte sequence at p, 0 when it is not valid. */
static size_t multibyte_len(const char *p, size_t n)
{
    size_t len;

    for (len = 2; len <= 4 && len <= n; len++) {
        if (hs_str_utf8_valid(hs_str_n(p, len)) && ((unsigned char)p[len - 1] & 0xC0) == 0x80)
            return len;
    }
    return 0;
}

static size_t add_special(struct hs_buf *buf, const char *p, size_t n)
{
    unsigned char c = (unsigned char)p[0];
    size_t len;

    if (c < 0x80) {
        if (escapes[c] == 'u') {
            hs_buf_addf(buf, "\\u%04x", c);
        } else {
            hs_buf_add_char(buf, '\\');
            hs_buf_add_char(buf, escapes[c]);
        }
        return 1;
    }
    len = multibyte_len(p, n);
    if (len == 0) {
        HS_BUF_ADD_LIT(buf, "\xEF\xBF\xBD");
        return 1;
    }
    hs_buf_add(buf, p, len);
    return len;
}

void hs_json_str(struct hs_buf *buf, struct hs_str s)
{
    size_t i = 0;

    hs_buf_add_char(buf, '"');
    while (i < s.n) {
        size_t run = plain_run(s.p + i, s.n - i);

        hs_buf_add(buf, s.p + i, run);
        i += run;
        if (i < s.n)
            i += add_special(buf, s.p + i, s.n - i);
    }
    hs_buf_add_char(buf, '"');
}

/* Values with few digits behind the point, as percentiles and client's times are: what "%.15g" says
 * of them, at a tenth of its price. False: v has more. */
static bool add_short(struct hs_buf *buf, double v)
{
    enum { DIGITS = 9, UNIT = 1000000000 };
    double scaled = fabs(v) * UNIT;
    char text[DIGITS + 1];
    uint64_t rest;
    int n = DIGITS;

    if (fabs(v) < 1e-4 || scaled >= 1e15 || scaled != floor(scaled) || scaled / UNIT != fabs(v))
        return false;
    rest = (uint64_t)scaled % UNIT;
    while (rest % 10 == 0) {
        rest /= 10;
        n--;
    }
    text[0] = '.';
    for (int i = n; i > 0; i--, rest /= 10)
        text[i] = (char)('0' + rest % 10);
    if (v < 0)
        hs_buf_add_char(buf, '-');
    hs_buf_add_u64(buf, (uint64_t)scaled / UNIT);
    hs_buf_add(buf, text, (size_t)n + 1);
    return true;
}

void hs_json_double(struct hs_buf *buf, double v)
{
    char text[32];
    int digits;

    if (!isfinite(v)) {
        HS_BUF_ADD_LIT(buf, "null");
        return;
    }
    if (v == floor(v) && fabs(v) < 1e15) {
        hs_buf_add_i64(buf, (int64_t)v);
        return;
    }
    if (add_short(buf, v))
        return;
    for (digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    hs_buf_add_c(buf, text);
}

void hs_json_init(struct hs_json *json, struct hs_buf *buf)
{
    *json = (struct hs_json){.buf = buf};
}

static void before_value(struct hs_json *json)
{
    uint32_t bit = 1U << json->depth;

    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (json->has_item & bit)
        hs_buf_add_char(json->buf, ',');
    json->has_item |= bit;
}

static void open_level(struct hs_json *json, char c)
{
    before_value(json);
    HS_ASSERT(json->depth < 31);
    hs_buf_add_char(json->buf, c);
    json->depth++;
    json->has_item &= ~(1U << json->depth);
}

static void close_level(struct hs_json *json, char c)
{
    HS_ASSERT(json->depth > 0);
    HS_ASSERT(!json->after_key);
    json->depth--;
    hs_buf_add_char(json->buf, c);
}

void hs_json_obj_open(struct hs_json *json)
{
    open_level(json, '{');
}

void hs_json_obj_close(struct hs_json *json)
{
    close_level(json, '}');
}

void hs_json_arr_open(struct hs_json *json)
{
    open_level(json, '[');
}

void hs_json_arr_close(struct hs_json *json)
{
    close_level(json, ']');
}

void hs_json_key(struct hs_json *json, const char *key)
{
    hs_json_key_str(json, hs_str_c(key));
}

void hs_json_key_str(struct hs_json *json, struct hs_str key)
{
    before_value(json);
    hs_json_str(json->buf, key);
    hs_buf_add_char(json->buf, ':');
    json->after_key = true;
}

void hs_json_add_str(struct hs_json *json, struct hs_str s)
{
    before_value(json);
    hs_json_str(json->buf, s);
}

void hs_json_add_c(struct hs_json *json, const char *s)
{
    if (s)
        hs_json_add_str(json, hs_str_c(s));
    else
        hs_json_add_null(json);
}

void hs_json_add_u64(struct hs_json *json, uint64_t v)
{
    before_value(json);
    hs_buf_add_u64(json->buf, v);
}

void hs_json_add_i64(struct hs_json *json, int64_t v)
{
    before_value(json);
    hs_buf_add_i64(json->buf, v);
}

void hs_json_add_double(struct hs_json *json, double v)
{
    before_value(json);
    hs_json_double(json->buf, v);
}

void hs_json_add_bool(struct hs_json *json, bool v)
{
    before_value(json);
    hs_buf_add_c(json->buf, v ? "true" : "false");
}

void hs_json_add_null(struct hs_json *json)
{
    before_value(json);
    HS_BUF_ADD_LIT(json->buf, "null");
}

void hs_json_add_time(struct hs_json *json, int64_t ns)
{
    char text[HS_TIME_TEXT_MAX];

    hs_json_add_str(json, hs_str_n(text, hs_time_format(ns, text)));
}

void hs_json_add_raw(struct hs_json *json, struct hs_str text)
{
    before_value(json);
    hs_buf_add_str(json->buf, text);
}
