#include "net/traceparent.h"

#include "base/mem.h"

enum { VERSION_AT = 0, TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, LENGTH = 55 };

/* Lower-case digits of n bytes, with a '-' or the end behind them. */
static bool take_hex(struct hs_str s, size_t at, void *out, size_t n)
{
    size_t i;

    for (i = at; i < at + 2 * n; i++) {
        if (s.p[i] >= 'A' && s.p[i] <= 'F')
            return false;
    }
    return (s.n == at + 2 * n || s.p[at + 2 * n] == '-') &&
           hs_hex_decode(hs_str_n(s.p + at, 2 * n), out, n) == HS_OK;
}

static bool is_zero(const unsigned char *p, size_t n)
{
    while (n > 0 && p[n - 1] == 0)
        n--;
    return n == 0;
}

int hs_traceparent_parse(struct hs_str s, struct hs_traceparent *out)
{
    struct hs_traceparent parent;
    unsigned char version;
    unsigned char flags;

    s = hs_str_trim(s);
    if (s.n < LENGTH || !take_hex(s, VERSION_AT, &version, 1) || version == 0xff ||
        (version == 0 && s.n != LENGTH))
        return HS_EINVAL;
    if (!take_hex(s, TRACE_AT, parent.trace_id, sizeof(parent.trace_id)) ||
        !take_hex(s, SPAN_AT, parent.span_id, sizeof(parent.span_id)) ||
        !take_hex(s, FLAGS_AT, &flags, 1))
        return HS_EINVAL;
    if (is_zero(parent.trace_id, sizeof(parent.trace_id)) ||
        is_zero(parent.span_id, sizeof(parent.span_id)))
        return HS_EINVAL;
    parent.sampled = flags & 1;
    *out = parent;
    return HS_OK;
}
