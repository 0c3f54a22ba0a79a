/* What opens becomes an incident, or joins one. */
#include <string.h>

#include "analysis/watch_int.h"
#include "base/hash.h"
#include "base/mem.h"

/* The same metric elsewhere joins when it began within so long of the incident; the same series
 * goes on with its incident when it comes again within so long of its end. */
enum { TOGETHER_S = 300, AGAIN_S = 900, KEPT_S = 6 * 3600 };

static const char *const kind_names[] = {
    [HS_WATCH_NO_TELEMETRY] = "no_telemetry",
    [HS_WATCH_PRODUCER_SILENT] = "producer_silent",
    [HS_WATCH_NO_CLICKS] = "click_tracking_lost",
    [HS_WATCH_LATE] = "late",
};

const char *hs_watch_type_name(enum hs_watch_kind kind)
{
    return kind == HS_WATCH_SEARCH ? "search" : "telemetry";
}

const char *hs_watch_incident_metric(const struct hs_watch_incident *incident)
{
    if (incident->kind == HS_WATCH_SEARCH)
        return hs_watch_metric_name(incident->members[0].metric);
    return kind_names[incident->kind];
}

static bool is_of(const struct hs_watch_member *member, const struct watch_service *service)
{
    return strcmp(member->service, service->service) == 0 &&
           strcmp(member->environment, service->environment) == 0;
}

/* ---- the list */

static void remove_at(struct hs_watch *watch, size_t i)
{
    watch->incidents_n--;
    memmove(&watch->incidents[i], &watch->incidents[i + 1],
            (watch->incidents_n - i) * sizeof(watch->incidents[0]));
}

/* Those that ended long ago go; then, when it is full, the oldest closed one, else the oldest. */
static void make_room(struct hs_watch *watch, int64_t now_s)
{
    size_t i = 0;

    while (i < watch->incidents_n) {
        int64_t end_s = watch->incidents[i].end_s;

        if (end_s > 0 && end_s + KEPT_S < now_s)
            remove_at(watch, i);
        else
            i++;
    }
    if (watch->incidents_n < WATCH_INCIDENTS_MAX)
        return;
    for (i = 0; i < watch->incidents_n && watch->incidents[i].end_s == 0; i++)
        ;
    remove_at(watch, i < watch->incidents_n ? i : 0);
}

static uint64_t id_of(const struct hs_watch *watch, const struct hs_watch_incident *incident)
{
    const struct hs_watch_member *first = &incident->members[0];
    const char *parts[] = {incident->members_n > 0 ? first->service : "",
                           incident->members_n > 0 ? first->environment : "",
                           hs_watch_incident_metric(incident)};
    uint64_t id = hs_hash64(watch->deps.tenant);
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(parts); i++)
        id = hs_hash64_seed(hs_str_c(parts[i]), id);
    return hs_hash64_seed(hs_str_n(&incident->start_s, sizeof(incident->start_s)), id);
}

static void tell(struct hs_watch *watch, enum hs_watch_event event,
                 const struct hs_watch_incident *incident)
{
    watch->deps.on_event(watch->deps.arg, event, incident);
}

struct hs_watch_incident *hs_watch_incident_add(struct hs_watch *watch, int64_t now_s)
{
    struct hs_watch_incident *incident;

    make_room(watch, now_s);
    if (watch->incidents_n == watch->incidents_max) {
        watch->incidents_max = watch->incidents_max ? 2 * watch->incidents_max : 2;
        watch->incidents =
            hs_xrealloc(watch->incidents, watch->incidents_max, sizeof(*watch->incidents));
    }
    incident = &watch->incidents[watch->incidents_n++];
    *incident = (struct hs_watch_incident){.opened_s = now_s};
    return incident;
}

/* ---- members */

static struct hs_watch_member *find_member(struct hs_watch_incident *incident,
                                           const struct watch_service *service,
                                           enum hs_watch_metric metric)
{
    size_t i;

    for (i = 0; i < incident->members_n; i++) {
        struct hs_watch_member *member = &incident->members[i];

        if (is_of(member, service) &&
            (incident->kind != HS_WATCH_SEARCH || member->metric == metric))
            return member;
    }
    return NULL;
}

static struct hs_watch_member *add_member(struct hs_watch_incident *incident,
                                          const struct watch_service *service)
{
    struct hs_watch_member *member;

    if (incident->members_n == HS_WATCH_MEMBERS_MAX)
        return NULL;
    member = &incident->members[incident->members_n++];
    *member = (struct hs_watch_member){.start_s = 0};
    memcpy(member->service, service->service, sizeof(member->service));
    memcpy(member->environment, service->environment, sizeof(member->environment));
    return member;
}

static void fill_member(struct hs_watch_member *member, const struct hs_watch_series *series,
                        double threshold)
{
    member->metric = series->metric;
    member->start_s = series->start_s;
    member->end_s = 0;
    member->value = series->value;
    member->expected = series->expected;
    member->z = series->z;
    member->score = hs_watch_series_score(series, threshold);
}

static bool has_open_member(const struct hs_watch_incident *incident)
{
    size_t i;

    for (i = 0; i < incident->members_n; i++)
        if (incident->members[i].end_s == 0)
            return true;
    return false;
}

/* ---- search */

static bool overlaps(const struct hs_watch_incident *incident, int64_t start_s)
{
    return incident->end_s == 0 || start_s < incident->end_s;
}

/* How well a series that opens belongs to an incident: 0 not at all. */
static int belongs(struct hs_watch_incident *incident, const struct watch_service *service,
                   const struct hs_watch_series *series)
{
    int64_t apart_s = series->start_s - incident->start_s;
    size_t i;

    if (incident->kind != HS_WATCH_SEARCH)
        return 0;
    if (find_member(incident, service, series->metric) &&
        (incident->end_s == 0 || series->start_s <= incident->end_s + AGAIN_S))
        return 3;
    if (!overlaps(incident, series->start_s))
        return 0;
    for (i = 0; i < incident->members_n; i++)
        if (is_of(&incident->members[i], service))
            return 2;
    return incident->members[0].metric == series->metric && apart_s <= TOGETHER_S &&
           apart_s >= -TOGETHER_S;
}

static struct hs_watch_incident *best_incident(struct hs_watch *watch,
                                               const struct watch_service *service,
                                               const struct hs_watch_series *series)
{
    struct hs_watch_incident *best = NULL;
    int most = 0;
    size_t i;

    for (i = 0; i < watch->incidents_n; i++) {
        int much = belongs(&watch->incidents[i], service, series);

        if (much > most) {
            most = much;
            best = &watch->incidents[i];
        }
    }
    return best;
}

void hs_watch_series_opened(struct hs_watch *watch, const struct watch_service *service,
                            enum hs_watch_metric metric, int64_t now_s)
{
    const struct hs_watch_series *series = &service->series[metric];
    struct hs_watch_incident *incident = best_incident(watch, service, series);
    enum hs_watch_event event = HS_WATCH_JOINED;
    struct hs_watch_member *member;

    if (!incident) {
        incident = hs_watch_incident_add(watch, now_s);
        incident->start_s = series->start_s;
        event = HS_WATCH_OPENED;
    } else if (incident->end_s > 0) {
        event = HS_WATCH_REOPENED;
    }
    member = find_member(incident, service, metric);
    if (!member)
        member = add_member(incident, service);
    if (member)
        fill_member(member, series, hs_watch_threshold(watch));
    incident->end_s = 0;
    if (event == HS_WATCH_OPENED)
        incident->id = id_of(watch, incident);
    tell(watch, event, incident);
}

static void close_if_over(struct hs_watch *watch, struct hs_watch_incident *incident, int64_t end_s)
{
    if (incident->end_s > 0 || has_open_member(incident))
        return;
    incident->end_s = end_s;
    tell(watch, HS_WATCH_CLOSED, incident);
}

void hs_watch_series_closed(struct hs_watch *watch, const struct watch_service *service,
                            enum hs_watch_metric metric, int64_t end_s)
{
    size_t i;

    for (i = 0; i < watch->incidents_n; i++) {
        struct hs_watch_incident *incident = &watch->incidents[i];
        struct hs_watch_member *member;

        if (incident->kind != HS_WATCH_SEARCH)
            continue;
        member = find_member(incident, service, metric);
        if (member && member->end_s == 0) {
            member->end_s = end_s;
            close_if_over(watch, incident, end_s);
        }
    }
}

/* ---- telemetry */

static struct hs_watch_incident *open_telemetry(const struct hs_watch *watch,
                                                enum hs_watch_kind kind)
{
    size_t i;

    for (i = 0; i < watch->incidents_n; i++) {
        const struct hs_watch_incident *incident = &watch->incidents[i];

        if (incident->kind == kind && incident->end_s == 0)
            return (struct hs_watch_incident *)incident;
    }
    return NULL;
}

bool hs_watch_telemetry_is_open(const struct hs_watch *watch, enum hs_watch_kind kind,
                                const struct watch_service *service)
{
    struct hs_watch_incident *incident = open_telemetry(watch, kind);
    struct hs_watch_member *member;

    if (!incident || !service)
        return incident != NULL;
    member = find_member(incident, service, HS_WATCH_VOLUME);
    return member && member->end_s == 0;
}

void hs_watch_telemetry_opened(struct hs_watch *watch, enum hs_watch_kind kind,
                               const struct watch_service *service,
                               const struct hs_watch_incident *about)
{
    struct hs_watch_incident *incident = open_telemetry(watch, kind);
    enum hs_watch_event event = incident ? HS_WATCH_JOINED : HS_WATCH_OPENED;
    struct hs_watch_member *member = NULL;

    if (!incident) {
        incident = hs_watch_incident_add(watch, about->opened_s);
        *incident = *about;
        incident->kind = kind;
        incident->members_n = 0;
    }
    if (service) {
        member = find_member(incident, service, HS_WATCH_VOLUME);
        if (!member)
            member = add_member(incident, service);
    }
    if (member) {
        member->start_s = about->start_s;
        member->end_s = 0;
        member->value = about->value;
        member->expected = about->expected;
        member->score = 1;
    }
    if (event == HS_WATCH_OPENED)
        incident->id = id_of(watch, incident);
    tell(watch, event, incident);
}

void hs_watch_telemetry_closed(struct hs_watch *watch, enum hs_watch_kind kind,
                               const struct watch_service *service, int64_t end_s)
{
    struct hs_watch_incident *incident = open_telemetry(watch, kind);
    struct hs_watch_member *member;

    if (!incident)
        return;
    if (service) {
        member = find_member(incident, service, HS_WATCH_VOLUME);
        if (member)
            member->end_s = end_s;
    }
    close_if_over(watch, incident, end_s);
}
