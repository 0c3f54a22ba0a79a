/* One service in one minute. */
#include <math.h>
#include <string.h>

#include "analysis/watch_int.h"
#include "base/mem.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 24 * HOUR_S };

/* Latency: slower than this many times the usual p99 of the hour is what is counted; the usual of
 * an hour comes from it and its two neighbours, when they have enough. */
static const double slow_times = 1.25;
static const double half_bin = 1.0442737824274138; /* 2^(1/16): takes the bin that begins nearest */
static const double latencies_min = 300;
static const double day_keeps = 0.8;

/* Hosts: how long their recent searches are remembered, when a silent one counts as gone, when it
 * is forgotten; searches a minute below which a host is not told apart. */
static const double host_keeps = 1 - 1.0 / 15;
static const double host_recent_min = 2;
static const double much_worse = 0.6; /* times what the silent hosts leave */
enum { HOST_SILENT_S = 180, HOST_FORGOTTEN_S = 3600, HOST_NEW_S = 1800 };

int64_t hs_watch_local(const struct hs_watch *watch, int64_t utc_s)
{
    return utc_s + watch->deps.offset_s(watch->deps.arg, utc_s);
}

/* ---- silences */

static const double silence_share_max = 0.55; /* of the threshold, that one minute adds */

bool hs_watch_silence_push(struct watch_silence *silence, int64_t minute_s, double expected,
                           double threshold)
{
    if (silence->nats <= 0)
        *silence = (struct watch_silence){.start_s = minute_s, .open = silence->open};
    silence->nats += fmin(expected, silence_share_max * threshold);
    silence->expected += expected;
    return !silence->open && silence->nats >= threshold;
}

static void silence_end(struct watch_silence *silence)
{
    *silence = (struct watch_silence){.nats = 0};
}

/* ---- latency */

static void latency_learn(struct watch_service *service, int64_t local_s,
                          const struct hs_latency_bins *bins)
{
    int64_t day = local_s / DAY_S;
    int hour = (int)(local_s / HOUR_S % HS_BASELINE_DAY);

    if (day > service->latency_day[hour])
        hs_latency_bins_scale(&service->latency[hour],
                              pow(day_keeps, (double)(day - service->latency_day[hour])));
    service->latency_day[hour] = day;
    hs_latency_bins_add(&service->latency[hour], bins);
}

/* The first bin that is slow at that hour; HS_LATENCY_BINS while too little is known. */
static size_t slow_bin(const struct watch_service *service, int64_t local_s)
{
    struct hs_latency_bins usual = {.n = 0};
    int hour = (int)(local_s / HOUR_S % HS_BASELINE_DAY);
    int i;

    for (i = -1; i <= 1; i++)
        hs_latency_bins_add(&usual,
                            &service->latency[(hour + i + HS_BASELINE_DAY) % HS_BASELINE_DAY]);
    for (i = 0; i < HS_BASELINE_DAY && usual.n < latencies_min; i++)
        hs_latency_bins_add(&usual, &service->latency[i]);
    if (usual.n < latencies_min)
        return HS_LATENCY_BINS;
    return hs_latency_bin(slow_times * half_bin * hs_latency_bins_quantile(&usual, 0.99));
}

/* ---- hosts */

static struct watch_host *host_place(struct watch_service *service, struct hs_str name)
{
    struct watch_host *oldest = &service->hosts[0];
    size_t i;

    for (i = 0; i < HS_WATCH_HOSTS_MAX; i++) {
        struct watch_host *host = &service->hosts[i];

        if (hs_str_eq_c(name, host->name))
            return host;
        if (host->last_s < oldest->last_s)
            oldest = host;
    }
    *oldest = (struct watch_host){.recent = 0};
    memcpy(oldest->name, name.p, name.n);
    return oldest;
}

static void hosts_push(struct watch_service *service, int64_t minute_s,
                       const struct hs_watch_row *row)
{
    size_t i;

    for (i = 0; i < row->hosts_n; i++) {
        struct hs_str name = hs_str_utf8_cut(row->hosts[i].name, HS_WATCH_NAME_MAX - 1);
        struct watch_host *host;

        if (name.n == 0 || row->hosts[i].count <= 0)
            continue;
        host = host_place(service, name);
        if (host->first_s == 0) {
            host->first_s = minute_s;
            host->recent = row->hosts[i].count;
        }
        host->recent = host_keeps * host->recent + (1 - host_keeps) * row->hosts[i].count;
        host->last_s = minute_s;
    }
}

/* The share of the service's searches that came from hosts which are silent for so long; 0 when all
 * are, or when a new one may have taken their place. */
static double silent_share(const struct watch_service *service, int64_t minute_s, int64_t silent_s)
{
    double silent = 0;
    double all = 0;
    size_t i;

    for (i = 0; i < HS_WATCH_HOSTS_MAX; i++) {
        const struct watch_host *host = &service->hosts[i];

        if (host->first_s == 0 || host->recent < host_recent_min ||
            minute_s - host->last_s > HOST_FORGOTTEN_S)
            continue;
        all += host->recent;
        if (minute_s - host->last_s >= silent_s)
            silent += host->recent;
    }
    for (i = 0; i < HS_WATCH_HOSTS_MAX && silent > 0; i++) {
        const struct watch_host *host = &service->hosts[i];

        if (minute_s - host->first_s < HOST_NEW_S && host->first_s > 0 && host->last_s == minute_s)
            return 0;
    }
    return silent < all ? silent / all : 0;
}

/* How much likelier the count is with the silent hosts' searches missing than with none, less how
 * much likelier it is with many more missing. */
static double silence_nats(const struct watch_service *service, double count, double expected,
                           double share)
{
    const double ratio[2] = {1 - share, (1 - share) * much_worse};
    struct hs_evidence_minute minute;
    double deviation;

    hs_evidence_count(count, expected, ratio, &minute);
    deviation = hs_evidence_deviation(&service->series[HS_WATCH_VOLUME].evidence, &minute);
    return (minute.nats[0] - fmax(0, minute.nats[1])) * expected / (deviation * deviation);
}

/* Whether searches are missing as the silent hosts explain. */
static void producer_push(struct hs_watch *watch, struct watch_service *service, int64_t minute_s,
                          double count, double share)
{
    double expected = hs_watch_service_expected(watch, service, minute_s);
    struct hs_watch_incident about;
    double nats = -INFINITY;

    if (share > 0 && expected > 0)
        nats = silence_nats(service, count, expected, share);
    if (service->producer.nats + nats <= 0) {
        if (service->producer.open)
            hs_watch_telemetry_closed(watch, HS_WATCH_PRODUCER_SILENT, service, minute_s);
        silence_end(&service->producer);
        return;
    }
    if (!hs_watch_silence_push(&service->producer, minute_s, nats, hs_watch_threshold(watch)))
        return;
    service->producer.open = true;
    about = (struct hs_watch_incident){.start_s = service->producer.start_s - HOST_SILENT_S,
                                       .opened_s = minute_s + 60,
                                       .value = count,
                                       .expected = expected};
    hs_watch_telemetry_opened(watch, HS_WATCH_PRODUCER_SILENT, service, &about);
}

/* ---- clicks */

static void clicks_push(struct hs_watch *watch, struct watch_service *service, int64_t minute_s,
                        const struct hs_watch_row *row)
{
    double found = row->answered - row->zero_results;
    double expected =
        found * hs_rate_baseline_at(&service->actions, hs_watch_local(watch, minute_s));
    struct hs_watch_incident about;

    if (row->actions > 0) {
        if (service->clicks.open) {
            hs_watch_telemetry_closed(watch, HS_WATCH_NO_CLICKS, service, minute_s);
            service->clicks_end_s = minute_s;
        }
        silence_end(&service->clicks);
        if (found > 0)
            hs_rate_baseline_push(&service->actions, hs_watch_local(watch, minute_s), 1,
                                  row->actions, found);
        return;
    }
    if (!hs_watch_silence_push(&service->clicks, minute_s, expected, hs_watch_threshold(watch)))
        return;
    service->clicks.open = true;
    about = (struct hs_watch_incident){.start_s = service->clicks.start_s,
                                       .opened_s = minute_s + 60,
                                       .value = 0,
                                       .expected = service->clicks.expected};
    hs_watch_telemetry_opened(watch, HS_WATCH_NO_CLICKS, service, &about);
}

/* ---- a minute */

double hs_watch_service_expected(const struct hs_watch *watch, const struct watch_service *service,
                                 int64_t minute_s)
{
    const struct hs_watch_series *volume = &service->series[HS_WATCH_VOLUME];

    return hs_watch_series_normal(volume, hs_watch_local(watch, minute_s));
}

static void push(struct hs_watch *watch, struct watch_service *service, enum hs_watch_metric metric,
                 const struct hs_watch_minute *minute)
{
    enum hs_watch_change change =
        hs_watch_series_push(&service->series[metric], minute, hs_watch_threshold(watch));

    if (change == HS_WATCH_OPENS)
        hs_watch_series_opened(watch, service, metric, minute->minute_s + 60);
    if (change == HS_WATCH_CLOSES)
        hs_watch_series_closed(watch, service, metric, minute->minute_s + 60);
}

static void push_shares(struct hs_watch *watch, struct watch_service *service,
                        struct hs_watch_minute minute, const struct hs_watch_row *row)
{
    size_t bin;

    minute.explained = 0;
    minute.numerator = row->errors;
    minute.denominator = row->count;
    push(watch, service, HS_WATCH_ERROR_RATE, &minute);
    minute.numerator = row->zero_results;
    minute.denominator = row->answered;
    push(watch, service, HS_WATCH_ZERO_RESULTS, &minute);
    if (!row->latency)
        return;
    bin = slow_bin(service, minute.local_s);
    if (bin < HS_LATENCY_BINS) {
        minute.numerator = hs_latency_bins_from(row->latency, bin);
        minute.denominator = row->latency->n;
        push(watch, service, HS_WATCH_LATENCY, &minute);
    }
    if (!service->series[HS_WATCH_LATENCY].open)
        latency_learn(service, minute.local_s, row->latency);
}

void hs_watch_service_minute(struct hs_watch *watch, struct watch_service *service,
                             int64_t minute_s, const struct hs_watch_row *row, bool hold)
{
    const struct hs_watch_row none = {.count = 0};
    struct hs_watch_minute minute = {.minute_s = minute_s,
                                     .local_s = hs_watch_local(watch, minute_s),
                                     .denominator = 1,
                                     .hold = hold};

    if (row)
        hosts_push(service, minute_s, row);
    minute.explained = silent_share(service, minute_s, MINUTE_S);
    minute.numerator = row ? row->count : 0;
    if (!hold)
        producer_push(watch, service, minute_s, minute.numerator,
                      silent_share(service, minute_s, HOST_SILENT_S));
    push(watch, service, HS_WATCH_VOLUME, &minute);
    push_shares(watch, service, minute, row ? row : &none);
    if (row && !hold)
        clicks_push(watch, service, minute_s, row);
}

void hs_watch_service_train(struct hs_watch *watch, struct watch_service *service, int64_t start_s,
                            double minutes, const struct hs_watch_row *row)
{
    int64_t local_s = hs_watch_local(watch, start_s + (int64_t)(minutes * 30));
    double found = row->answered - row->zero_results;
    size_t bin;

    hs_watch_series_train(&service->series[HS_WATCH_VOLUME], local_s, minutes, row->count, minutes);
    hs_watch_series_train(&service->series[HS_WATCH_ERROR_RATE], local_s, minutes, row->errors,
                          row->count);
    hs_watch_series_train(&service->series[HS_WATCH_ZERO_RESULTS], local_s, minutes,
                          row->zero_results, row->answered);
    if (row->latency) {
        latency_learn(service, local_s, row->latency);
        bin = slow_bin(service, local_s);
        if (bin < HS_LATENCY_BINS)
            hs_watch_series_train(&service->series[HS_WATCH_LATENCY], local_s, minutes,
                                  hs_latency_bins_from(row->latency, bin), row->latency->n);
    }
    if (found > 0 && row->actions > 0)
        hs_rate_baseline_push(&service->actions, local_s, minutes, row->actions, found);
}
