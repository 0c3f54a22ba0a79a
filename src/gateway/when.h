/*
 * Points in time as the API takes them:
 *
 *     2026-11-23T10:00:00Z     RFC 3339, with a zone; " 01:00" is taken for "+01:00"
 *     1795428000               since 1970; s, ms, us or ns by magnitude (base/clock.h)
 *     now   now-90s   now-1h   s, m, h, d, w; at most HS_WHEN_BACK_MAX_S back
 *
 * and spans of time: 90s, 5m, 1h, 1d, 1w, or a bare number of seconds.
 */
#ifndef HS_GATEWAY_WHEN_H
#define HS_GATEWAY_WHEN_H

#include "base/str.h"

#define HS_WHEN_BACK_MAX_S (5LL * 366 * 86400)

/* HS_EINVAL; err says what would be taken. */
int hs_when_parse(struct hs_str text, int64_t now_ns, int64_t *out_ns, struct hs_err *err);
/* HS_EINVAL: no such span, zero, or longer than HS_WHEN_BACK_MAX_S. */
int hs_when_span(struct hs_str text, int64_t *out_s, struct hs_err *err);

#endif
