/*
 * Time. Services never read a clock of the system themselves: they get a `struct hs_clock`, so that
 * tests run them under a fake one. Wall time is nanoseconds since 1970 (UTC); monotonic time is
 * for intervals and deadlines only and has no meaning across processes.
 */
#ifndef HS_BASE_CLOCK_H
#define HS_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/str.h"

#define HS_NS_PER_US 1000LL
#define HS_NS_PER_MS 1000000LL
#define HS_NS_PER_S 1000000000LL
#define HS_NS_PER_MIN (60 * HS_NS_PER_S)
#define HS_NS_PER_DAY (86400 * HS_NS_PER_S)

struct hs_clock {
    int64_t (*wall_ns)(const struct hs_clock *clock);
    int64_t (*mono_ns)(const struct hs_clock *clock);
};

/* The system's clocks. @thread any */
const struct hs_clock *hs_clock_system(void);

/* A clock that moves only when told; wall and mono are set apart. Safe across threads. */
struct hs_clock_fake {
    struct hs_clock base; /* first */
    _Atomic int64_t wall;
    _Atomic int64_t mono;
};
void hs_clock_fake_init(struct hs_clock_fake *fake, int64_t wall_ns);
void hs_clock_fake_advance(struct hs_clock_fake *fake, int64_t ns);

static inline int64_t hs_wall_ns(const struct hs_clock *clock)
{
    return clock->wall_ns(clock);
}

static inline int64_t hs_mono_ns(const struct hs_clock *clock)
{
    return clock->mono_ns(clock);
}

/* Times outside 1970-01-01..2262-01-01 do not fit and give HS_EINVAL everywhere below. */

/* RFC 3339 ("2026-11-23T10:00:00.123456789Z", "+01:00"; 't', 'z' and a space for 'T' accepted; the
 * zone is required; leap second 60 counts as 59.999…). */
int hs_time_parse_rfc3339(struct hs_str s, int64_t *out_ns);
/* Epoch by magnitude: < 1e11 seconds, < 1e14 ms, < 1e17 us, else ns. Negative gives HS_EINVAL. Of a
 * double a fraction counts to the microsecond: more it does not hold of today's times. */
int hs_time_from_epoch(double v, int64_t *out_ns);
int hs_time_from_epoch_i64(int64_t v, int64_t *out_ns);
/* 2262-01-01: the first second that does not fit into nanoseconds. */
#define HS_TIME_END_S 9214646400LL

enum { HS_TIME_TEXT_MAX = 40 };
/* RFC 3339 in UTC with 3 decimals ("2026-11-23T10:00:00.123Z"), 9 when finer; returns its
 * length. */
size_t hs_time_format(int64_t ns, char out[HS_TIME_TEXT_MAX]);
/* "2026-11-23" of the UTC day; returns its length. */
size_t hs_time_format_day(int64_t ns, char out[HS_TIME_TEXT_MAX]);

#endif
