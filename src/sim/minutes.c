#include "sim/minutes.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "analysis/latency_bins.h"
#include "base/mem.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, HOSTS = 3, HOSTS_TEXT_MAX = 512 };

/* ---- numbers */

/* How often something of chance p happens in n trials: drawn one by one over gaps while that is
 * seldom, else from the normal distribution that it approaches. */
static double binomial(struct hs_rand *rand, double n, double p)
{
    double deviation = sqrt(n * p * (1 - p));
    double count = 0;
    double at = 0;

    if (n <= 0 || p <= 0)
        return 0;
    if (p >= 1)
        return n;
    if (deviation > 6)
        return fmin(fmax(round(n * p + deviation * hs_rand_normal(rand)), 0), n);
    if (p > 0.5)
        return n - binomial(rand, n, 1 - p);
    for (;; count++) {
        at += floor(log(1 - hs_rand_double(rand)) / log1p(-p)) + 1;
        if (at > n)
            return count;
    }
}

static double poisson(struct hs_rand *rand, double mean)
{
    const double trials = 1e9;

    return mean <= 0 ? 0 : binomial(rand, trials, fmin(mean / trials, 0.5));
}

/* ---- time */

/* Last Sunday of a month of 31 days, 01:00 UTC. */
static int64_t clock_change(int year, int month)
{
    struct tm date = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = 31, .tm_hour = 1};
    int64_t last = timegm(&date);

    return last - (int64_t)date.tm_wday * DAY_S;
}

int64_t hs_sim_minutes_offset_s(int64_t utc_s)
{
    time_t at = (time_t)utc_s;
    struct tm date;

    gmtime_r(&at, &date);
    return utc_s >= clock_change(date.tm_year + 1900, 3) &&
                   utc_s < clock_change(date.tm_year + 1900, 10)
               ? 2 * HOUR_S
               : HOUR_S;
}

/* Traffic by local time, mean about 1: a shop's day, with quieter weekends. */
static double rhythm(int64_t local_s)
{
    double hour = (double)(local_s % DAY_S) / HOUR_S;
    int weekday = (int)((local_s / DAY_S + 4) % 7); /* 0: Sunday */
    double day = 1.05 - 0.75 * cos((hour - 4) / 24 * 2 * M_PI) +
                 0.25 * exp(-(hour - 20.5) * (hour - 20.5) / 4);

    return day * (weekday == 0 ? 0.85 : weekday == 6 ? 0.9 : 1.05);
}

/* ---- a service's state */

struct service {
    const struct hs_sim_service *spec;
    double level;      /* of its traffic, searches a minute */
    double day, drift; /* logarithms: of the day, wandering within it */
    double error_drift, zero_drift, ctr_drift;
    double bots;          /* share of searches in a burst of bots, on top */
    int64_t bots_until;   /* minutes from the start */
    unsigned deployments; /* hosts' names carry the number */
    int64_t deploys_at;   /* the next one begins */
    double bins[HS_LATENCY_BINS], slow_bins[HS_LATENCY_BINS]; /* chance of each, usual and slowed */
};

/* Chance that a latency times `factor` is below `ms`. */
static double latency_below(const struct hs_sim_latency *latency, double ms, double factor)
{
    double x = ms / factor / latency->median;
    double body = 0.5 * erfc(-log(x) / latency->sigma / M_SQRT2);
    double tail =
        x <= latency->tail_from ? 0 : 1 - pow(latency->tail_from / x, latency->tail_alpha);

    return (1 - latency->tail_share) * body + latency->tail_share * tail;
}

static void latency_chances(const struct hs_sim_service *spec, double factor, double *out)
{
    double below = 0;
    size_t i;

    for (i = 0; i < HS_LATENCY_BINS; i++) {
        double upper = i + 1 < HS_LATENCY_BINS && hs_latency_bin_ms(i + 1) < spec->timeout_ms
                           ? latency_below(&spec->latency, hs_latency_bin_ms(i + 1), factor)
                           : 1;

        out[i] = upper - below;
        below = upper;
    }
}

static void service_init(struct service *service, size_t i, const struct hs_sim_minutes_conf *conf,
                         struct hs_rand *rand)
{
    *service = (struct service){.spec = hs_sim_service(i)};
    service->level = conf->qps * 60 * service->spec->share;
    service->deploys_at = (int64_t)hs_rand_below(rand, 3 * 1440);
    latency_chances(service->spec, 1, service->bins);
    latency_chances(service->spec, 2.5, service->slow_bins);
}

/* ---- normal minutes */

/* An hourly wandering with a standard deviation of `size`. */
static void wander(double *value, double size, struct hs_rand *rand)
{
    const double keeps = 1 - 1.0 / 60;

    *value = keeps * *value + size * sqrt(1 - keeps * keeps) * hs_rand_normal(rand);
}

static void service_advance(struct service *service, int64_t minute, int64_t local_s,
                            struct hs_rand *rand)
{
    if (local_s % DAY_S == 0)
        service->day = 0.6 * service->day + 0.06 * hs_rand_normal(rand);
    wander(&service->drift, 0.03, rand);
    wander(&service->error_drift, 0.25, rand);
    wander(&service->zero_drift, 0.04, rand);
    wander(&service->ctr_drift, 0.03, rand);
    if (minute >= service->bots_until) {
        service->bots = 0;
        if (hs_rand_double(rand) < 1.0 / 720) { /* twice a day */
            service->bots = 0.05 + 0.15 * hs_rand_double(rand);
            service->bots_until = minute + 5 + (int64_t)hs_rand_below(rand, 55);
        }
    }
}

/* A sale on the 17th day: three times the searches at its height, more of them clicked. */
static double sale(int64_t minute)
{
    double hour = (double)minute / 60 - 16 * 24;

    if (hour < 6 || hour > 23)
        return 0;
    return fmin(1, (hour - 6) / 3) * fmin(1, (23 - hour) / 2);
}

/* What of one minute is to be drawn. */
struct minute {
    int64_t at, minute_s;
    double searches;                /* mean */
    double errors, zero, ctr, slow; /* shares */
    double shift;                   /* bins that all latencies are up */
    double hosts[HOSTS];
    char names[HOSTS][64];
    double clicks_sent; /* of the actions, the share that comes in */
};

static void deploy(struct service *service, struct minute *minute)
{
    enum { EACH_MIN = 4 };
    int64_t since = minute->at - service->deploys_at;
    int i;

    for (i = 0; i < HOSTS; i++) {
        bool done = since >= (i + 1) * EACH_MIN;
        bool away = since >= i * EACH_MIN && since < (i + 1) * EACH_MIN - 2;

        minute->hosts[i] = away ? 0 : 1;
        snprintf(minute->names[i], sizeof(minute->names[i]), "%s-%u-%d", service->spec->name,
                 service->deployments + done, i);
    }
    if (since >= HOSTS * EACH_MIN) {
        service->deployments++;
        service->deploys_at = minute->at + 1440 + (minute->at * 7919 % 2880);
    }
}

static void usual(struct service *service, struct minute *minute, struct hs_rand *rand)
{
    const struct hs_sim_service *spec = service->spec;
    int64_t local_s = minute->minute_s + hs_sim_minutes_offset_s(minute->minute_s);
    bool search = strcmp(spec->kind, "search") == 0;
    double sold = sale(minute->at);

    service_advance(service, minute->at, local_s, rand);
    minute->searches = service->level * rhythm(local_s) * exp(service->day + service->drift) *
                       (1 + 2 * sold) * (1 + service->bots);
    minute->errors = 0.005 * exp(service->error_drift) *
                     (hs_rand_double(rand) < 0.0005 ? 6 : 1); /* a bad minute */
    minute->zero = search ? fmin(0.5, 0.09 * spec->zero_factor * exp(service->zero_drift)) *
                                (1 + service->bots)
                          : 0;
    minute->ctr = search ? spec->click_share * exp(service->ctr_drift) * (1 + 0.15 * sold) : 0;
    minute->shift = sold + (hs_rand_double(rand) < 0.002 ? 2 : 0); /* a minute of collecting */
    minute->clicks_sent = 1;
    deploy(service, minute);
}

/* ---- faults */

static const char *const fault_names[HS_SIM_FAULTS] = {
    [HS_SIM_FAULT_NONE] = "none",
    [HS_SIM_FAULT_ERRORS] = "errors",
    [HS_SIM_FAULT_LATENCY] = "latency",
    [HS_SIM_FAULT_VOLUME] = "volume",
    [HS_SIM_FAULT_OUTAGE] = "outage",
    [HS_SIM_FAULT_ZERO] = "zero_results",
    [HS_SIM_FAULT_CTR] = "ctr",
    [HS_SIM_FAULT_SILENCE] = "silence",
    [HS_SIM_FAULT_PRODUCER] = "producer",
    [HS_SIM_FAULT_STALL] = "stall",
    [HS_SIM_FAULT_NO_CLICKS] = "no_clicks",
};

bool hs_sim_fault_parse(const char *name, enum hs_sim_fault *out)
{
    size_t i;

    for (i = 0; i < HS_SIM_FAULTS; i++) {
        if (strcmp(name, fault_names[i]) == 0) {
            *out = (enum hs_sim_fault)i;
            return true;
        }
    }
    return false;
}

static void break_it(const struct hs_sim_minutes_conf *conf, size_t service, struct minute *minute)
{
    bool own = service == conf->service;
    double size = conf->fault_size;

    switch (conf->fault) {
    case HS_SIM_FAULT_SILENCE: minute->searches = 0; return;
    case HS_SIM_FAULT_NO_CLICKS: minute->clicks_sent = 0; return;
    case HS_SIM_FAULT_NONE:
    case HS_SIM_FAULT_STALL:
    case HS_SIM_FAULTS: return;
    default: break;
    }
    if (!own)
        return;
    switch (conf->fault) {
    case HS_SIM_FAULT_ERRORS: minute->errors += 0.045 * size; break;
    case HS_SIM_FAULT_LATENCY: minute->slow = fmin(1, size / 8); break;
    case HS_SIM_FAULT_VOLUME: minute->searches *= fmax(0, 1 - 0.6 * size); break;
    case HS_SIM_FAULT_OUTAGE: minute->searches = 0; break;
    case HS_SIM_FAULT_ZERO: minute->zero = fmin(1, minute->zero + 0.1 * size); break;
    case HS_SIM_FAULT_CTR: minute->ctr *= fmax(0, 1 - 0.3 * size); break;
    case HS_SIM_FAULT_PRODUCER: minute->hosts[0] = 0; break;
    default: break;
    }
}

/* ---- rows */

static void write_latency(const struct service *service, const struct minute *minute, double n,
                          struct hs_rand *rand, FILE *file)
{
    double left = n;
    double chance_left = 1;
    size_t i;

    for (i = 0; i < HS_LATENCY_BINS && left > 0; i++) {
        double chance =
            (1 - minute->slow) * service->bins[i] + minute->slow * service->slow_bins[i];
        double count = chance_left > 0 ? binomial(rand, left, fmin(1, chance / chance_left)) : left;
        size_t bin = (size_t)fmin((double)i + round(minute->shift), HS_LATENCY_BINS - 1);

        if (count > 0)
            fprintf(file, "%zu:%.0f ", bin, count);
        left -= count;
        chance_left -= chance;
    }
}

/* Each host's share is a third, of what is left when one is away; the searches of one that stopped
 * sending are not seen. */
static double write_hosts(const struct minute *minute, bool silent, struct hs_rand *rand,
                          double count, char out[HOSTS_TEXT_MAX])
{
    double up = 0;
    double seen = 0;
    size_t n = 0;
    int i;

    for (i = 0; i < HOSTS; i++)
        up += silent ? 1 : minute->hosts[i];
    for (i = 0; i < HOSTS; i++) {
        double part = minute->hosts[i] > 0 && up > 0 ? binomial(rand, count, 1 / up) : 0;

        part = fmin(part, count - seen);
        if (part <= 0)
            continue;
        seen += part;
        n += (size_t)snprintf(out + n, HOSTS_TEXT_MAX - n, "%s:%.0f ", minute->names[i], part);
    }
    out[n] = 0;
    return seen;
}

static void write_row(const struct hs_sim_minutes_conf *conf, struct service *service,
                      const struct minute *minute, int64_t delay_s, struct hs_rand *rand,
                      FILE *file)
{
    bool search = strcmp(service->spec->kind, "search") == 0;
    bool silent = conf->fault == HS_SIM_FAULT_PRODUCER && minute->hosts[0] == 0;
    char hosts[HOSTS_TEXT_MAX];
    double count = write_hosts(minute, silent, rand, poisson(rand, minute->searches), hosts);
    double errors = binomial(rand, count, minute->errors);
    double answered = search ? count - errors : 0;
    double zero = binomial(rand, answered, minute->zero);
    double shown = binomial(rand, answered - zero, 0.8); /* the others: bots, later pages */
    double clicked = binomial(rand, shown, minute->ctr * minute->clicks_sent);

    if (count <= 0)
        return;
    fprintf(file, "%" PRId64 ",%" PRId64 ",%s,production,%.0f,%.0f,%.0f,%.0f,", minute->minute_s,
            delay_s, service->spec->name, count, errors, answered, zero);
    write_latency(service, minute, count, rand, file);
    fprintf(file, ",%.0f,%s,%.0f,%.0f\n",
            poisson(rand, shown * minute->ctr * 1.3 * minute->clicks_sent), hosts, shown, clicked);
}

int hs_sim_minutes_write(const struct hs_sim_minutes_conf *conf, FILE *file, struct hs_err *err)
{
    struct service *services = hs_xcalloc(HS_SIM_SERVICES, sizeof(*services));
    int64_t fault_end = conf->fault_minute + conf->fault_minutes;
    struct hs_rand rand;
    int64_t at;
    size_t i;

    hs_rand_init(&rand, conf->seed);
    for (i = 0; i < HS_SIM_SERVICES; i++)
        service_init(&services[i], i, conf, &rand);
    fprintf(file, "minute,delay_s,service,environment,count,errors,answered,zero_results,latency,"
                  "actions,hosts,shown,clicked\n");
    for (at = 0; at < conf->minutes; at++) {
        bool broken = at >= conf->fault_minute && at < fault_end;
        int64_t delay_s =
            broken && conf->fault == HS_SIM_FAULT_STALL ? (fault_end - at - 1) * MINUTE_S : 0;
        struct minute minute = {.at = at, .minute_s = conf->start_s + at * MINUTE_S};

        fprintf(file, "%" PRId64 ",%" PRId64 ",,,,,,,,,,,\n", minute.minute_s, delay_s);
        for (i = 0; i < HS_SIM_SERVICES; i++) {
            struct minute own = minute;

            usual(&services[i], &own, &rand);
            if (broken)
                break_it(conf, i, &own);
            write_row(conf, &services[i], &own, delay_s, &rand, file);
        }
    }
    hs_free(services);
    if (fflush(file) != 0 || ferror(file))
        return hs_err_sys(err, "write minutes");
    return HS_OK;
}
