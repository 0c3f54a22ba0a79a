#include "analysis/watch.h"

#include <math.h>
#include <string.h>

#include "analysis/watch_int.h"
#include "base/mem.h"

enum { MINUTE_S = 60, LATE_S = 180, MINUTES_A_WEEK = 7 * 24 * 60, CLICK_WINDOW_S = 1800 };

/* Of all series together, what chance may reach in a week. */
static const double chance_a_week = 0.5;
/* Of what is known of clicks, minutes (rate_baseline.h). */
static const double actions_lean = 20;

struct hs_watch *hs_watch_new(const struct hs_watch_deps *deps)
{
    struct hs_watch *watch = hs_xalloc(sizeof(*watch));

    watch->deps = *deps;
    return watch;
}

void hs_watch_free(struct hs_watch *watch)
{
    size_t i;

    if (!watch)
        return;
    for (i = 0; i < watch->services_n; i++)
        hs_free(watch->services[i]);
    hs_free((void *)watch->services);
    hs_free(watch->incidents);
    hs_free(watch);
}

double hs_watch_threshold(const struct hs_watch *watch)
{
    double series = (double)HS_MAX(watch->services_n, 1) * HS_WATCH_METRICS;

    return log(series * MINUTES_A_WEEK / chance_a_week);
}

uint64_t hs_watch_refused(const struct hs_watch *watch)
{
    return watch->refused;
}

size_t hs_watch_services(const struct hs_watch *watch)
{
    return watch->services_n;
}

size_t hs_watch_open(const struct hs_watch *watch)
{
    size_t open = 0;
    size_t i;

    for (i = 0; i < watch->incidents_n; i++)
        open += watch->incidents[i].end_s == 0;
    return open;
}

/* ---- services */

static struct watch_service *find(const struct hs_watch *watch, struct hs_str service,
                                  struct hs_str environment)
{
    size_t i;

    for (i = 0; i < watch->services_n; i++)
        if (hs_str_eq_c(service, watch->services[i]->service) &&
            hs_str_eq_c(environment, watch->services[i]->environment))
            return watch->services[i];
    return NULL;
}

static void copy_name(char out[HS_WATCH_NAME_MAX], struct hs_str name)
{
    memcpy(out, name.p ? name.p : "", name.n);
    out[name.n] = 0;
}

/* NULL: it is not watched. */
static struct watch_service *find_or_add(struct hs_watch *watch, struct hs_str service,
                                         struct hs_str environment)
{
    struct watch_service *found;
    int i;

    service = hs_str_utf8_cut(service, HS_WATCH_NAME_MAX - 1);
    environment = hs_str_utf8_cut(environment, HS_WATCH_NAME_MAX - 1);
    found = find(watch, service, environment);
    if (found)
        return found;
    if (watch->services_n == HS_WATCH_SERVICES_MAX) {
        watch->refused++;
        return NULL;
    }
    if (watch->services_n == watch->services_max) {
        watch->services_max = watch->services_max ? 2 * watch->services_max : 8;
        watch->services =
            (struct watch_service **)hs_xrealloc((void *)watch->services, watch->services_max,
                                                 sizeof(*watch->services));
    }
    found = hs_xalloc(sizeof(*found));
    copy_name(found->service, service);
    copy_name(found->environment, environment);
    for (i = 0; i < HS_WATCH_METRICS; i++)
        hs_watch_series_init(&found->series[i], (enum hs_watch_metric)i);
    hs_rate_baseline_init(&found->actions, actions_lean);
    watch->services[watch->services_n++] = found;
    return found;
}

const struct hs_watch_series *hs_watch_look(const struct hs_watch *watch, struct hs_str service,
                                            struct hs_str environment, enum hs_watch_metric metric)
{
    const struct watch_service *found = find(watch, service, environment);

    return found ? &found->series[metric] : NULL;
}

/* ---- learning */

void hs_watch_train(struct hs_watch *watch, int64_t start_s, double minutes,
                    const struct hs_watch_row *rows, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        struct watch_service *service = find_or_add(watch, rows[i].service, rows[i].environment);

        if (service)
            hs_watch_service_train(watch, service, start_s, minutes, &rows[i]);
    }
}

void hs_watch_train_settled(struct hs_watch *watch, int64_t start_s, double minutes,
                            const struct hs_watch_settled *rows, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        struct watch_service *service = find_or_add(watch, rows[i].service, rows[i].environment);

        if (service)
            hs_watch_series_train(&service->series[HS_WATCH_CTR],
                                  hs_watch_local(watch, start_s + (int64_t)(minutes * 30)), minutes,
                                  rows[i].clicked, rows[i].shown);
    }
}

/* ---- a minute */

/* Whether no service sent anything although they usually do: then that is what is wrong, and not
 * the volume of each. */
static bool all_silent(struct hs_watch *watch, int64_t minute_s, const struct hs_watch_row *rows,
                       size_t n)
{
    struct hs_watch_incident about;
    double expected = 0;
    double count = 0;
    size_t i;

    for (i = 0; i < n; i++)
        count += rows[i].count;
    if (count > 0) {
        if (watch->all.open)
            hs_watch_telemetry_closed(watch, HS_WATCH_NO_TELEMETRY, NULL, minute_s);
        watch->all = (struct watch_silence){.nats = 0};
        return false;
    }
    for (i = 0; i < watch->services_n; i++)
        expected += hs_watch_service_expected(watch, watch->services[i], minute_s);
    if (expected <= 0)
        return false;
    if (hs_watch_silence_push(&watch->all, minute_s, expected, hs_watch_threshold(watch))) {
        watch->all.open = true;
        about = (struct hs_watch_incident){.start_s = watch->all.start_s,
                                           .opened_s = minute_s + MINUTE_S,
                                           .value = 0,
                                           .expected = watch->all.expected};
        hs_watch_telemetry_opened(watch, HS_WATCH_NO_TELEMETRY, NULL, &about);
    }
    return true;
}

void hs_watch_minute(struct hs_watch *watch, int64_t minute_s, const struct hs_watch_row *rows,
                     size_t n)
{
    bool hold = watch->quiet || all_silent(watch, minute_s, rows, n);
    size_t i;

    for (i = 0; i < watch->services_n; i++)
        watch->services[i]->seen = false;
    for (i = 0; i < n; i++) {
        struct watch_service *service = find_or_add(watch, rows[i].service, rows[i].environment);

        if (!service)
            continue;
        service->seen = true;
        hs_watch_service_minute(watch, service, minute_s, &rows[i], hold);
    }
    for (i = 0; i < watch->services_n; i++)
        if (!watch->services[i]->seen && (watch->quiet || !hold))
            hs_watch_service_minute(watch, watch->services[i], minute_s, NULL, hold);
    watch->judged_s = minute_s + MINUTE_S;
}

/* Clicks of this minute's searches may have been lost. */
static bool clicks_unsure(const struct watch_service *service, int64_t minute_s)
{
    const struct watch_silence *clicks = &service->clicks;

    if (clicks->nats > 0 && minute_s + CLICK_WINDOW_S > clicks->start_s)
        return true;
    return minute_s < service->clicks_end_s;
}

void hs_watch_settle(struct hs_watch *watch, int64_t minute_s, const struct hs_watch_settled *rows,
                     size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        struct watch_service *service = find_or_add(watch, rows[i].service, rows[i].environment);
        struct hs_watch_minute minute = {.minute_s = minute_s,
                                         .local_s = hs_watch_local(watch, minute_s),
                                         .numerator = rows[i].clicked,
                                         .denominator = rows[i].shown,
                                         .hold = watch->quiet};
        enum hs_watch_change change;

        if (!service || clicks_unsure(service, minute_s))
            continue;
        change = hs_watch_series_push(&service->series[HS_WATCH_CTR], &minute,
                                      hs_watch_threshold(watch));
        if (change == HS_WATCH_OPENS)
            hs_watch_series_opened(watch, service, HS_WATCH_CTR, watch->judged_s);
        if (change == HS_WATCH_CLOSES)
            hs_watch_series_closed(watch, service, HS_WATCH_CTR, minute_s + MINUTE_S);
    }
}

void hs_watch_tick(struct hs_watch *watch, int64_t now_s)
{
    int64_t behind_s = now_s - watch->judged_s;
    struct hs_watch_incident about;

    if (watch->judged_s == 0)
        return;
    if (watch->late && behind_s <= LATE_S / 2) {
        watch->late = false;
        hs_watch_telemetry_closed(watch, HS_WATCH_LATE, NULL, now_s);
    }
    if (watch->late || behind_s <= LATE_S)
        return;
    watch->late = true;
    about = (struct hs_watch_incident){.start_s = watch->judged_s,
                                       .opened_s = now_s,
                                       .value = (double)behind_s,
                                       .expected = MINUTE_S};
    hs_watch_telemetry_opened(watch, HS_WATCH_LATE, NULL, &about);
}

/* ---- what was before, and what people say */

static struct hs_watch_series *series_of(const struct hs_watch *watch,
                                         const struct hs_watch_member *member)
{
    struct watch_service *service =
        find(watch, hs_str_c(member->service), hs_str_c(member->environment));

    return service ? &service->series[member->metric] : NULL;
}

static void restore_telemetry(struct hs_watch *watch, const struct hs_watch_incident *incident)
{
    const struct watch_silence silence = {.nats = hs_watch_threshold(watch),
                                          .start_s = incident->start_s,
                                          .open = true};
    size_t i;

    if (incident->kind == HS_WATCH_LATE)
        watch->late = true;
    if (incident->kind == HS_WATCH_NO_TELEMETRY)
        watch->all = silence;
    for (i = 0; i < incident->members_n; i++) {
        const struct hs_watch_member *member = &incident->members[i];
        struct watch_service *service =
            find(watch, hs_str_c(member->service), hs_str_c(member->environment));

        if (!service || member->end_s > 0)
            continue;
        if (incident->kind == HS_WATCH_NO_CLICKS)
            service->clicks = silence;
        if (incident->kind == HS_WATCH_PRODUCER_SILENT)
            service->producer = silence;
    }
}

void hs_watch_restore(struct hs_watch *watch, const struct hs_watch_incident *incident)
{
    size_t i;

    *hs_watch_incident_add(watch, incident->opened_s) = *incident;
    if (incident->kind != HS_WATCH_SEARCH) {
        restore_telemetry(watch, incident);
        return;
    }
    for (i = 0; i < incident->members_n; i++) {
        struct hs_watch_series *series = series_of(watch, &incident->members[i]);

        if (!series || incident->members[i].end_s > 0)
            continue;
        series->open = true;
        series->start_s = incident->members[i].start_s;
        series->opened_s = incident->opened_s;
    }
}

enum said { SAID_ACCEPT, SAID_CLOSE, SAID_MUTE };

static struct hs_watch_incident *open_search(struct hs_watch *watch, uint64_t id)
{
    size_t i;

    for (i = 0; i < watch->incidents_n; i++) {
        struct hs_watch_incident *incident = &watch->incidents[i];

        if (incident->id == id && incident->end_s == 0 && incident->kind == HS_WATCH_SEARCH)
            return incident;
    }
    return NULL;
}

/* Does what was said to each open series of the incident. */
static bool say(struct hs_watch *watch, uint64_t id, enum said said, int64_t until_s)
{
    struct hs_watch_incident *incident = open_search(watch, id);
    size_t i;

    for (i = 0; incident && i < incident->members_n; i++) {
        const struct hs_watch_member member = incident->members[i];
        struct watch_service *service =
            find(watch, hs_str_c(member.service), hs_str_c(member.environment));
        struct hs_watch_series *series = series_of(watch, &member);

        if (!series || member.end_s > 0)
            continue;
        if (said == SAID_MUTE) {
            series->muted_until_s = until_s;
            continue;
        }
        if (said == SAID_ACCEPT)
            hs_watch_series_accept(series);
        else
            hs_watch_series_reset(series);
        hs_watch_series_closed(watch, service, member.metric, watch->judged_s);
    }
    return incident != NULL;
}

bool hs_watch_accept(struct hs_watch *watch, uint64_t id)
{
    return say(watch, id, SAID_ACCEPT, 0);
}

bool hs_watch_close(struct hs_watch *watch, uint64_t id)
{
    return say(watch, id, SAID_CLOSE, 0);
}

bool hs_watch_mute(struct hs_watch *watch, uint64_t id, int64_t until_s)
{
    return say(watch, id, SAID_MUTE, until_s);
}

void hs_watch_quiet(struct hs_watch *watch)
{
    watch->quiet = true;
}

void hs_watch_begin(struct hs_watch *watch, int64_t judged_s)
{
    size_t i;
    int metric;

    watch->quiet = false;
    watch->judged_s = judged_s;
    for (i = 0; i < watch->services_n; i++)
        for (metric = 0; metric < HS_WATCH_METRICS; metric++)
            hs_watch_series_reset(&watch->services[i]->series[metric]);
}

void hs_watch_each(const struct hs_watch *watch, int64_t minute_s, hs_watch_series_fn *fn,
                   void *arg)
{
    size_t i;
    int metric;

    for (i = 0; i < watch->services_n; i++) {
        const struct watch_service *service = watch->services[i];

        for (metric = 0; metric < HS_WATCH_METRICS; metric++)
            if (service->series[metric].minute_s == minute_s)
                fn(arg, service->service, service->environment, &service->series[metric]);
    }
}
