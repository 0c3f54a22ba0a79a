#include "gateway/cursor.h"

#include <stdio.h>

#include "base/clock.h"
#include "net/base64.h"

enum { CURSOR_BYTES_MAX = 256 };

void hs_cursor_encode(const struct hs_cursor *cursor, struct hs_buf *out)
{
    char text[CURSOR_BYTES_MAX];
    int n = snprintf(text, sizeof(text), "1|%lld|%lld|%s|%llu|%llu", (long long)cursor->from_s,
                     (long long)cursor->to_s, cursor->value, (unsigned long long)cursor->id,
                     (unsigned long long)cursor->shape);

    hs_base64_encode(hs_str_n(text, (size_t)n), out);
}

/* Takes the text apart; false when a part is missing or no number. */
static bool take_parts(struct hs_str text, struct hs_cursor *out)
{
    struct hs_str rest = text;
    struct hs_str parts[6];
    double value;
    size_t i;

    for (i = 0; i < 6; i++) {
        if (!hs_str_split(&rest, '|', &parts[i]))
            return false;
    }
    if (rest.p || !hs_str_eq_c(parts[0], "1") || parts[3].n >= sizeof(out->value))
        return false;
    memcpy(out->value, parts[3].p, parts[3].n);
    out->value[parts[3].n] = '\0';
    return hs_str_to_i64(parts[1], &out->from_s) == HS_OK &&
           hs_str_to_i64(parts[2], &out->to_s) == HS_OK && out->from_s >= 0 &&
           out->from_s < out->to_s && out->to_s < HS_TIME_END_S &&
           hs_str_to_double(parts[3], &value) == HS_OK &&
           hs_str_to_u64(parts[4], &out->id) == HS_OK &&
           hs_str_to_u64(parts[5], &out->shape) == HS_OK;
}

int hs_cursor_decode(struct hs_str text, struct hs_cursor *out, struct hs_err *err)
{
    struct hs_cursor cursor = {.from_s = 0};
    struct hs_buf bytes;
    bool ok;

    hs_buf_init(&bytes, CURSOR_BYTES_MAX);
    ok = hs_base64_decode(text, &bytes) == HS_OK && hs_buf_ok(&bytes) &&
         take_parts(hs_buf_str(&bytes), &cursor);
    hs_buf_fini(&bytes);
    if (!ok)
        return hs_err_set(err, HS_EINVAL, 0, "must be the next_cursor of an answer");
    *out = cursor;
    return HS_OK;
}
