#include "collector/enrich.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "base/hash.h"
#include "base/mem.h"

enum { MARK_CLASSES = 255 };

static bool is_ascii(struct hs_str s)
{
    uint64_t high = 0;
    size_t i = 0;

    for (; i + sizeof(high) <= s.n; i += sizeof(high)) {
        uint64_t word;

        memcpy(&word, s.p + i, sizeof(word));
        high |= word;
    }
    for (; i < s.n; i++)
        high |= (unsigned char)s.p[i];
    return (high & 0x8080808080808080ULL) == 0;
}

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Lower case and single spaces: for ASCII that is all that NFKC and case folding do. */
static void normalize_ascii(struct hs_str s, struct hs_buf *out)
{
    char *at = hs_buf_reserve(out, s.n);
    bool pending_space = false;
    size_t n = 0;
    size_t i;

    if (!at)
        return;
    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (is_space(c)) {
            pending_space = n > 0;
            continue;
        }
        if (pending_space)
            at[n++] = ' ';
        pending_space = false;
        at[n++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    out->n += n;
}

/* Appends code points with runs of white space as one space, none at the ends. */
static void add_code_points(const utf8proc_int32_t *points, utf8proc_ssize_t n, struct hs_buf *out)
{
    size_t start = out->n;
    bool pending_space = false;
    utf8proc_ssize_t i;

    for (i = 0; i < n; i++) {
        utf8proc_category_t category = utf8proc_category(points[i]);
        utf8proc_uint8_t bytes[4];
        utf8proc_ssize_t len;

        if (category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
            category == UTF8PROC_CATEGORY_ZP || (points[i] >= '\t' && points[i] <= '\r')) {
            pending_space = out->n > start;
            continue;
        }
        if (pending_space)
            hs_buf_add_char(out, ' ');
        pending_space = false;
        len = utf8proc_encode_char(points[i], bytes);
        hs_buf_add(out, bytes, (size_t)len);
    }
}

void hs_text_repair(struct hs_str s, struct hs_buf *out)
{
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s.p;
    size_t i = 0;

    while (i < s.n) {
        utf8proc_int32_t point;
        utf8proc_ssize_t len = utf8proc_iterate(p + i, (utf8proc_ssize_t)(s.n - i), &point);

        if (len > 0 && point != 0)
            hs_buf_add(out, p + i, (size_t)len);
        else
            hs_buf_add(out, "\xEF\xBF\xBD", 3);
        i += len > 0 ? (size_t)len : 1;
    }
}

static size_t mark_class(utf8proc_int32_t point)
{
    return (size_t)utf8proc_get_property(point)->combining_class;
}

/* Orders a run of marks by class, those of one class as they came. */
static void order_run(utf8proc_int32_t *run, size_t n, utf8proc_int32_t *spare)
{
    size_t starts[MARK_CLASSES + 1] = {0};
    size_t i;

    for (i = 0; i < n; i++)
        starts[mark_class(run[i]) + 1]++;
    for (i = 1; i < MARK_CLASSES; i++)
        starts[i] += starts[i - 1];
    for (i = 0; i < n; i++)
        spare[starts[mark_class(run[i])]++] = run[i];
    memcpy(run, spare, n * sizeof(*run));
}

static void order_marks(utf8proc_int32_t *points, size_t n, utf8proc_int32_t *spare)
{
    size_t start = 0;
    size_t i;

    for (i = 0; i <= n; i++) {
        if (i < n && mark_class(points[i]) > 0)
            continue;
        if (i - start > 1)
            order_run(points + start, i - start, spare);
        start = i + 1;
    }
}

/* What utf8proc_decompose does, but for its order of marks: that swaps neighbours until all is in
 * order, which takes seconds for one query made of marks. Returns the number of points. */
static utf8proc_ssize_t decompose(struct hs_str s, utf8proc_int32_t *points, utf8proc_ssize_t room,
                                  utf8proc_option_t options)
{
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s.p;
    utf8proc_ssize_t n = 0;
    size_t i = 0;

    while (i < s.n) {
        utf8proc_int32_t point;
        int boundary = 0;

        i += (size_t)utf8proc_iterate(p + i, (utf8proc_ssize_t)(s.n - i), &point);
        n += utf8proc_decompose_char(point, points + n, room - n, options, &boundary);
        HS_ASSERT(n <= room);
    }
    order_marks(points, (size_t)n, points + room);
    return n;
}

static int normalize_unicode(struct hs_str s, struct hs_buf *out, struct hs_err *err)
{
    const utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD;
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s.p;
    utf8proc_ssize_t room = utf8proc_decompose(p, (utf8proc_ssize_t)s.n, NULL, 0, options);
    utf8proc_int32_t *points;
    utf8proc_ssize_t n;

    if (room < 0)
        return hs_err_set(err, HS_EINVAL, 0, "query: %s", utf8proc_errmsg(room));
    points = hs_try_calloc(2 * (size_t)room + 1, sizeof(*points)); /* half of it to order marks */
    if (!points)
        return hs_err_set(err, HS_ELIMIT, 0, "query of %zu bytes does not fit memory", s.n);
    n = decompose(s, points, room, options);
    HS_ASSERT(n == room);
    n = utf8proc_normalize_utf32(points, n, options);
    HS_ASSERT(n >= 0);
    add_code_points(points, n, out);
    hs_free(points);
    return HS_OK;
}

int hs_query_normalize(struct hs_str query, struct hs_buf *out, struct hs_err *err)
{
    struct hs_buf repaired;
    int rc = HS_OK;

    if (is_ascii(query)) {
        normalize_ascii(query, out);
    } else if (hs_str_utf8_valid(query)) {
        rc = normalize_unicode(query, out, err);
    } else {
        hs_buf_init(&repaired, query.n * 3);
        hs_text_repair(query, &repaired);
        rc = normalize_unicode(hs_buf_str(&repaired), out, err);
        hs_buf_fini(&repaired);
    }
    if (rc == HS_OK && !hs_buf_ok(out))
        rc = hs_err_set(err, HS_ELIMIT, 0, "normalised query passes %zu bytes", out->max);
    return rc;
}

uint64_t hs_query_fingerprint(struct hs_str normalized)
{
    uint64_t hash = hs_hash64(normalized);

    return hash ? hash : 1;
}

/* Words of crawlers, monitors and scripts, lower case. */
static const char *const bot_words[] = {
    "bot",
    "crawler",
    "spider",
    "slurp",
    "crawling",
    "headlesschrome",
    "phantomjs",
    "curl/",
    "wget/",
    "python",
    "go-http-client",
    "java/",
    "okhttp",
    "libwww",
    "httpclient",
    "scrapy",
    "pingdom",
    "uptimerobot",
    "lighthouse",
    "selenium",
    "puppeteer",
    "playwright",
    "facebookexternalhit",
    "postmanruntime",
    "axios/",
    "node-fetch",
};

/* A maker of phones whose name looks like a crawler's. */
static void blank_makers(char *lower, size_t n)
{
    char *at = memmem(lower, n, "cubot", 5);

    if (at)
        memset(at, ' ', 5);
}

enum { USER_AGENT_LOOK = 512 }; /* bytes of a user agent that are looked at */

bool hs_user_agent_is_bot(struct hs_str user_agent)
{
    char lower[USER_AGENT_LOOK];
    size_t n = HS_MIN(user_agent.n, sizeof(lower));
    size_t i;

    if (n == 0)
        return false;
    for (i = 0; i < n; i++) {
        char c = user_agent.p[i];

        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    blank_makers(lower, n);
    for (i = 0; i < HS_ARRAY_LEN(bot_words); i++) {
        if (hs_str_contains(hs_str_n(lower, n), hs_str_c(bot_words[i])))
            return true;
    }
    return false;
}

void hs_pseudonym(const unsigned char key[16], struct hs_str id, char out[HS_PSEUDONYM_TEXT])
{
    unsigned char hash[16];

    hs_siphash128(key, id, hash);
    hs_hex_encode(hash, sizeof(hash), out);
}
