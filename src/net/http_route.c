#include "net/http_route.h"

#include "base/mem.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that "%xy" at in.p[i] stands for, or -1. */
static int escape_value(struct hs_str in, size_t i)
{
    int hi;
    int lo;

    if (in.n - i < 3)
        return -1;
    hi = hex_value(in.p[i + 1]);
    lo = hex_value(in.p[i + 2]);
    return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

/* Decodes into `out`, which has room for in.n bytes. Returns the length, or -1. */
static ptrdiff_t percent_decode(struct hs_str in, bool plus_is_space, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < in.n; i++) {
        int c = (unsigned char)in.p[i];

        if (c == '+' && plus_is_space)
            c = ' ';
        if (c == '%') {
            c = escape_value(in, i);
            i += 2;
        }
        if (c <= 0)
            return -1;
        out[n++] = (char)c;
    }
    return (ptrdiff_t)n;
}

/* Whether one of the pieces between slashes and backslashes is "." or "..". */
static bool has_dots(struct hs_str s)
{
    size_t start = 0;

    for (size_t i = 0; i <= s.n; i++) {
        size_t n = i - start;

        if (i < s.n && s.p[i] != '/' && s.p[i] != '\\')
            continue;
        if ((n == 1 && s.p[start] == '.') || (n == 2 && s.p[start] == '.' && s.p[start + 1] == '.'))
            return true;
        start = i + 1;
    }
    return false;
}

static bool has_control(struct hs_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    }
    return false;
}

static int add_segment(struct hs_str raw, char *at, struct hs_http_target *target,
                       struct hs_err *err)
{
    ptrdiff_t n = percent_decode(raw, false, at);
    struct hs_str s;

    if (n < 0)
        return hs_err_set(err, HS_EINVAL, 0, "path has a broken percent escape or a NUL");
    s = hs_str_n(at, (size_t)n);
    if (has_control(s) || !hs_str_utf8_valid(s))
        return hs_err_set(err, HS_EINVAL, 0, "path has a control byte or is not UTF-8");
    if (has_dots(s))
        return hs_err_set(err, HS_EINVAL, 0, "path has a \".\" or \"..\" segment");
    if (target->segments_n == HS_TARGET_SEGMENTS_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "path has more than %d segments",
                          HS_TARGET_SEGMENTS_MAX);
    if (hs_str_index(s, '/') < s.n || hs_str_index(s, '\\') < s.n)
        target->slash_inside = true;
    target->segments[target->segments_n] = s;
    target->offsets[target->segments_n++] = (size_t)(at - target->path.p);
    return HS_OK;
}

static int parse_path(struct hs_str raw, struct hs_arena *arena, struct hs_http_target *target,
                      struct hs_err *err)
{
    char *at = hs_arena_alloc(arena, raw.n + 2);
    struct hs_str part;
    int rc;

    if (!at)
        return hs_err_set(err, HS_ELIMIT, 0, "path of %zu bytes does not fit", raw.n);
    target->path = hs_str_n(at, 1);
    raw = hs_str_n(raw.p + 1, raw.n - 1);
    while (hs_str_split(&raw, '/', &part)) {
        *at++ = '/';
        rc = add_segment(part, at, target, err);
        if (rc != HS_OK)
            return rc;
        at += target->segments[target->segments_n - 1].n;
    }
    target->path.n = (size_t)(at - target->path.p);
    return HS_OK;
}

static int decode_param(struct hs_str raw, struct hs_arena *arena, struct hs_str *out,
                        struct hs_err *err)
{
    char *at = hs_arena_alloc(arena, raw.n + 1);
    ptrdiff_t n;

    if (!at)
        return hs_err_set(err, HS_ELIMIT, 0, "query of %zu bytes does not fit", raw.n);
    n = percent_decode(raw, true, at);
    if (n < 0)
        return hs_err_set(err, HS_EINVAL, 0, "query has a broken percent escape or a NUL");
    at[n] = '\0';
    *out = hs_str_n(at, (size_t)n);
    if (!hs_str_utf8_valid(*out))
        return hs_err_set(err, HS_EINVAL, 0, "query is not UTF-8");
    return HS_OK;
}

static size_t count_params(struct hs_str raw)
{
    size_t n = 1;

    for (size_t i = 0; i < raw.n; i++)
        n += raw.p[i] == '&';
    return n;
}

static int parse_query(struct hs_str raw, struct hs_arena *arena, struct hs_http_target *target,
                       struct hs_err *err)
{
    size_t n = count_params(raw);
    struct hs_str part;
    int rc;

    if (n > HS_TARGET_PARAMS_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "query has %zu parameters, limit %d", n,
                          HS_TARGET_PARAMS_MAX);
    target->params = hs_arena_calloc(arena, n, sizeof(*target->params));
    if (!target->params)
        return hs_err_set(err, HS_ELIMIT, 0, "query of %zu parameters does not fit", n);
    while (hs_str_split(&raw, '&', &part)) {
        struct hs_http_param *param = &target->params[target->params_n];
        size_t eq = hs_str_index(part, '=');

        if (part.n == 0)
            continue;
        rc = decode_param(hs_str_n(part.p, eq), arena, &param->name, err);
        if (rc == HS_OK && eq < part.n)
            rc =
                decode_param(hs_str_n(part.p + eq + 1, part.n - eq - 1), arena, &param->value, err);
        else
            param->value = HS_STR("");
        if (rc != HS_OK)
            return rc;
        target->params_n++;
    }
    return HS_OK;
}

/* Takes "http://authority" off the front; what is left begins with '/'. */
static int take_authority(struct hs_str *raw, struct hs_http_target *target, struct hs_err *err)
{
    size_t skip = 7;
    struct hs_str rest;
    size_t slash;

    if (raw->n >= 8 && hs_str_ieq(hs_str_n(raw->p, 8), HS_STR("https://")))
        skip = 8;
    else if (raw->n < 7 || !hs_str_ieq(hs_str_n(raw->p, 7), HS_STR("http://")))
        return hs_err_set(err, HS_EINVAL, 0, "request target does not begin with \"/\"");
    rest = hs_str_n(raw->p + skip, raw->n - skip);
    slash = HS_MIN(hs_str_index(rest, '/'), hs_str_index(rest, '?'));
    if (slash == 0)
        return hs_err_set(err, HS_EINVAL, 0, "request target has no host");
    target->authority = hs_str_n(rest.p, slash);
    *raw = hs_str_n(rest.p + slash, rest.n - slash);
    return HS_OK;
}

int hs_http_target_parse(struct hs_str raw, struct hs_arena *arena, struct hs_http_target *out,
                         struct hs_err *err)
{
    struct hs_str query = HS_STR_NULL;
    struct hs_str path;
    size_t mark;
    int rc;

    *out = (struct hs_http_target){.path = HS_STR("/")};
    if (raw.n > HS_TARGET_BYTES_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "request target has %zu bytes, limit %d", raw.n,
                          HS_TARGET_BYTES_MAX);
    raw = hs_arena_copy(arena, raw);
    if (!raw.p)
        return hs_err_set(err, HS_ELIMIT, 0, "request target does not fit");
    if (hs_str_eq_c(raw, "*")) {
        out->path = raw;
        return HS_OK;
    }
    if (raw.n == 0 || raw.p[0] != '/') {
        rc = take_authority(&raw, out, err);
        if (rc != HS_OK)
            return rc;
    }
    raw = hs_str_n(raw.p, hs_str_index(raw, '#'));
    mark = hs_str_index(raw, '?');
    path = mark > 0 ? hs_str_n(raw.p, mark) : HS_STR("/");
    if (mark < raw.n)
        query = hs_str_n(raw.p + mark + 1, raw.n - mark - 1);
    rc = parse_path(path, arena, out, err);
    if (rc == HS_OK && query.n > 0)
        rc = parse_query(query, arena, out, err);
    return rc;
}

static int add_part(struct hs_str text, struct hs_http_pattern *out, struct hs_err *err)
{
    enum hs_part_kind kind = HS_PART_LITERAL;

    if (out->parts_n == HS_TARGET_SEGMENTS_MAX)
        return hs_err_set(err, HS_EINVAL, 0, "route has more than %d segments",
                          HS_TARGET_SEGMENTS_MAX);
    if (out->parts_n > 0 && out->parts[out->parts_n - 1].kind == HS_PART_REST)
        return hs_err_set(err, HS_EINVAL, 0, "route has a segment behind its rest");
    if (text.n > 0 && text.p[0] == '{') {
        if (text.n < 3 || text.p[text.n - 1] != '}')
            return hs_err_set(err, HS_EINVAL, 0, "route has a parameter without a name");
        text = hs_str_n(text.p + 1, text.n - 2);
        kind = HS_PART_ONE;
        if (text.n > 3 && hs_str_ends_with(text, HS_STR("..."))) {
            text.n -= 3;
            kind = HS_PART_REST;
        }
    }
    out->parts[out->parts_n].kind = kind;
    out->parts[out->parts_n++].text = text;
    return HS_OK;
}

int hs_http_pattern_parse(const char *text, struct hs_http_pattern *out, struct hs_err *err)
{
    struct hs_str rest = hs_str_c(text);
    struct hs_str part;
    int rc;

    out->parts_n = 0;
    if (rest.n == 0 || rest.p[0] != '/')
        return hs_err_set(err, HS_EINVAL, 0, "route \"%s\" does not begin with \"/\"", text);
    rest = hs_str_n(rest.p + 1, rest.n - 1);
    while (hs_str_split(&rest, '/', &part)) {
        rc = add_part(part, out, err);
        if (rc != HS_OK) {
            hs_err_prefix(err, "\"%s\"", text);
            return rc;
        }
    }
    return HS_OK;
}

int hs_http_pattern_cmp(const struct hs_http_pattern *a, const struct hs_http_pattern *b)
{
    size_t n = HS_MIN(a->parts_n, b->parts_n);

    for (size_t i = 0; i < n; i++) {
        int order;

        if (a->parts[i].kind != b->parts[i].kind)
            return (int)a->parts[i].kind - (int)b->parts[i].kind;
        if (a->parts[i].kind != HS_PART_LITERAL)
            continue;
        order = hs_str_cmp(a->parts[i].text, b->parts[i].text);
        if (order != 0)
            return order;
    }
    return (int)b->parts_n - (int)a->parts_n;
}

bool hs_http_pattern_match(const struct hs_http_pattern *pattern,
                           const struct hs_http_target *target,
                           struct hs_str values[HS_TARGET_SEGMENTS_MAX])
{
    for (size_t i = 0; i < pattern->parts_n; i++) {
        enum hs_part_kind kind = pattern->parts[i].kind;

        if (kind == HS_PART_REST) {
            size_t at = i < target->segments_n ? target->offsets[i] : target->path.n;

            values[i] = hs_str_n(target->path.p + at, target->path.n - at);
            return !target->slash_inside && i <= target->segments_n;
        }
        if (i >= target->segments_n)
            return false;
        if (kind == HS_PART_LITERAL && !hs_str_eq(pattern->parts[i].text, target->segments[i]))
            return false;
        if (kind == HS_PART_ONE && target->segments[i].n == 0)
            return false;
        values[i] = target->segments[i];
    }
    return pattern->parts_n == target->segments_n;
}
