#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    int rc = clock_gettime(id, &ts);

    HS_ASSERT(rc == 0);
    return (int64_t)ts.tv_sec * HS_NS_PER_S + ts.tv_nsec;
}

static int64_t system_wall_ns(const struct hs_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono_ns(const struct hs_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

static const struct hs_clock system_clock = {.wall_ns = system_wall_ns, .mono_ns = system_mono_ns};

const struct hs_clock *hs_clock_system(void)
{
    return &system_clock;
}

static const struct hs_clock_fake *fake_of(const struct hs_clock *clock)
{
    return (const struct hs_clock_fake *)(const void *)clock;
}

static int64_t fake_wall_ns(const struct hs_clock *clock)
{
    return atomic_load(&fake_of(clock)->wall);
}

static int64_t fake_mono_ns(const struct hs_clock *clock)
{
    return atomic_load(&fake_of(clock)->mono);
}

void hs_clock_fake_init(struct hs_clock_fake *fake, int64_t wall_ns)
{
    fake->base = (struct hs_clock){.wall_ns = fake_wall_ns, .mono_ns = fake_mono_ns};
    atomic_init(&fake->wall, wall_ns);
    atomic_init(&fake->mono, HS_NS_PER_S);
}

void hs_clock_fake_advance(struct hs_clock_fake *fake, int64_t ns)
{
    atomic_fetch_add(&fake->wall, ns);
    atomic_fetch_add(&fake->mono, ns);
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar: years are counted from
 * March, so that the leap day comes last. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

struct time_parts {
    int year, month, day, hour, minute, second;
    int64_t frac_ns;
    int offset_min;
};

static bool take_digits(struct hs_str *s, size_t n, int *out)
{
    int v = 0;
    size_t i;

    if (s->n < n)
        return false;
    for (i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = hs_str_n(s->p + n, s->n - n);
    *out = v;
    return true;
}

static bool take_any(struct hs_str *s, const char *set)
{
    if (s->n == 0 || s->p[0] == '\0' || !strchr(set, s->p[0]))
        return false;
    *s = hs_str_n(s->p + 1, s->n - 1);
    return true;
}

static bool take_fraction(struct hs_str *s, int64_t *out_ns)
{
    int64_t scale = HS_NS_PER_S / 10;
    size_t digits = 0;

    *out_ns = 0;
    if (!take_any(s, "."))
        return true;
    while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
        *out_ns += (s->p[0] - '0') * scale;
        scale /= 10;
        digits++;
        *s = hs_str_n(s->p + 1, s->n - 1);
    }
    return digits > 0;
}

static bool take_zone(struct hs_str *s, int *out_min)
{
    int sign;
    int hours;
    int minutes;

    *out_min = 0;
    if (take_any(s, "zZ"))
        return true;
    if (s->n == 0)
        return false;
    sign = s->p[0] == '-' ? -1 : 1;
    if (!take_any(s, "+-") || !take_digits(s, 2, &hours))
        return false;
    take_any(s, ":");
    if (!take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *out_min = sign * (hours * 60 + minutes);
    return true;
}

static bool parse_parts(struct hs_str s, struct time_parts *t)
{
    return take_digits(&s, 4, &t->year) && take_any(&s, "-") && take_digits(&s, 2, &t->month) &&
           take_any(&s, "-") && take_digits(&s, 2, &t->day) && take_any(&s, "tT ") &&
           take_digits(&s, 2, &t->hour) && take_any(&s, ":") && take_digits(&s, 2, &t->minute) &&
           take_any(&s, ":") && take_digits(&s, 2, &t->second) && take_fraction(&s, &t->frac_ns) &&
           take_zone(&s, &t->offset_min) && s.n == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool parts_valid(const struct time_parts *t)
{
    if (t->year < 1970 || t->year > 2261 || t->month < 1 || t->month > 12 || t->day < 1)
        return false;
    return t->day <= days_in_month(t->year, t->month) && t->hour <= 23 && t->minute <= 59 &&
           t->second <= 60;
}

int hs_time_parse_rfc3339(struct hs_str s, int64_t *out_ns)
{
    struct time_parts t = {0};
    int64_t seconds;

    if (!parse_parts(s, &t) || !parts_valid(&t))
        return HS_EINVAL;
    if (t.second == 60) {
        t.second = 59;
        t.frac_ns = HS_NS_PER_S - 1;
    }
    seconds = days_from_date(t.year, t.month, t.day) * 86400 + t.hour * 3600 +
              ((int64_t)t.minute - t.offset_min) * 60 + t.second;
    if (seconds < 0 || seconds >= HS_TIME_END_S)
        return HS_EINVAL;
    *out_ns = seconds * HS_NS_PER_S + t.frac_ns;
    return HS_OK;
}

int hs_time_from_epoch_i64(int64_t v, int64_t *out_ns)
{
    int64_t scale = 1;

    if (v < 0)
        return HS_EINVAL;
    if (v < 100000000000LL)
        scale = HS_NS_PER_S;
    else if (v < 100000000000000LL)
        scale = HS_NS_PER_MS;
    else if (v < 100000000000000000LL)
        scale = HS_NS_PER_US;
    if (v >= HS_TIME_END_S * (HS_NS_PER_S / scale))
        return HS_EINVAL;
    *out_ns = v * scale;
    return HS_OK;
}

/* The fraction goes apart from the whole, because v in nanoseconds is more than a double holds. */
int hs_time_from_epoch(double v, int64_t *out_ns)
{
    int64_t micros_each = 0; /* microseconds in one unit of v */
    double whole = floor(v);

    if (!(v >= 0) || v >= 9.2e18)
        return HS_EINVAL;
    if (v < 1e11)
        micros_each = 1000000;
    else if (v < 1e14)
        micros_each = 1000;
    else if (v < 1e17)
        micros_each = 1;
    if (micros_each == 0) {
        *out_ns = (int64_t)v;
        return HS_OK;
    }
    if (whole * (double)micros_each >= 9.2e15)
        return HS_EINVAL;
    *out_ns = ((int64_t)whole * micros_each + llround((v - whole) * (double)micros_each)) * 1000;
    return HS_OK;
}

static void split_time(int64_t ns, struct tm *out)
{
    time_t seconds = (time_t)(ns / HS_NS_PER_S);

    HS_ASSERT(ns >= 0);
    gmtime_r(&seconds, out);
}

size_t hs_time_format(int64_t ns, char out[HS_TIME_TEXT_MAX])
{
    struct tm tm;
    int frac = (int)(ns % HS_NS_PER_S);
    int n;

    split_time(ns, &tm);
    n = snprintf(out, HS_TIME_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.",
                 (unsigned)(tm.tm_year + 1900) % 10000U, (unsigned)tm.tm_mon + 1U,
                 (unsigned)tm.tm_mday, (unsigned)tm.tm_hour, (unsigned)tm.tm_min,
                 (unsigned)tm.tm_sec);
    HS_ASSERT(n == 20);
    if (frac % 1000000 == 0)
        n += snprintf(out + n, (size_t)(HS_TIME_TEXT_MAX - n), "%03dZ", frac / 1000000);
    else
        n += snprintf(out + n, (size_t)(HS_TIME_TEXT_MAX - n), "%09dZ", frac);
    return (size_t)n;
}

size_t hs_time_format_day(int64_t ns, char out[HS_TIME_TEXT_MAX])
{
    struct tm tm;

    split_time(ns, &tm);
    return (size_t)snprintf(out, HS_TIME_TEXT_MAX, "%04d-%02d-%02d", tm.tm_year + 1900,
                            tm.tm_mon + 1, tm.tm_mday);
}
