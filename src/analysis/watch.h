/*
 * Watches all services of a tenant, minute by minute, and says when somebody should look: incidents
 * that open and close. The whole judgement is here, without a clock, store or thread; the engine
 * feeds it closed minutes, and `haystat detect --replay` the minutes of a file (docs/anomalies.md).
 *
 * Five metrics of each service are series (watch_series.h). What is no fault of search but of what
 * we are told of it is of type `telemetry`, and holds back the search incidents that depend on it:
 *
 *     no_telemetry          no service sends anything any more
 *     producer_silent       some hosts of a service stopped, and nobody took over their searches
 *     click_tracking_lost   a service answers searches as usual, and no action comes in any more
 *     late                  minutes come to be judged more than three minutes after they ended
 *
 * What opens on the same service, or the same metric at about the same time elsewhere, joins an
 * incident that is open: one incident, one notification.
 *
 * A minute's threshold is ln(series · minutes a week ÷ 0.5) nats: what all series together reach
 * by chance once in two weeks (evidence.h). Not thread-safe.
 */
#ifndef HS_ANALYSIS_WATCH_H
#define HS_ANALYSIS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/latency_bins.h"
#include "analysis/watch_series.h"
#include "base/str.h"

enum {
    HS_WATCH_SERVICES_MAX = 2000, /* (service, environment) pairs; more are not watched, counted */
    HS_WATCH_HOSTS_MAX = 64,      /* of a service, that are told apart */
    HS_WATCH_MEMBERS_MAX = 32,    /* series of an incident; more are not listed */
    HS_WATCH_NAME_MAX = 256,
};

enum hs_watch_kind {
    HS_WATCH_SEARCH, /* then `metric` counts */
    HS_WATCH_NO_TELEMETRY,
    HS_WATCH_PRODUCER_SILENT,
    HS_WATCH_NO_CLICKS,
    HS_WATCH_LATE,
};

struct hs_watch_host {
    struct hs_str name;
    double count;
};

/* What a service did in a minute. */
struct hs_watch_row {
    struct hs_str service, environment;
    double count, errors;
    double answered, zero_results;
    const struct hs_latency_bins *latency; /* NULL: none */
    double actions;                        /* that came in, whatever search they belong to */
    const struct hs_watch_host *hosts;
    size_t hosts_n;
};

/* What became of the intents that began in a minute, when their clicks have settled. */
struct hs_watch_settled {
    struct hs_str service, environment;
    double shown, clicked;
};

struct hs_watch_member {
    char service[HS_WATCH_NAME_MAX], environment[HS_WATCH_NAME_MAX];
    enum hs_watch_metric metric;
    int64_t start_s, end_s; /* end_s 0: open */
    double value, expected; /* a rate, when it opened */
    double z;               /* the farthest from 0 so far */
    double score;           /* 0…1, when it opened */
};

struct hs_watch_incident {
    uint64_t id; /* of the tenant, the first member's series or the kind, and the start minute */
    enum hs_watch_kind kind;
    int64_t start_s, opened_s; /* opened_s: end of the minute that decided */
    int64_t end_s;             /* 0: open */
    struct hs_watch_member members[HS_WATCH_MEMBERS_MAX]; /* of telemetry: whom it is about */
    size_t members_n;
    double value, expected; /* of telemetry: searches (of late: s) */
};

enum hs_watch_event { HS_WATCH_OPENED, HS_WATCH_JOINED, HS_WATCH_CLOSED, HS_WATCH_REOPENED };

struct hs_watch_deps {
    struct hs_str tenant; /* borrowed, outlives the watch */
    /* Seconds to add to UTC for the time that people live by. */
    int64_t (*offset_s)(void *arg, int64_t utc_s);
    void (*on_event)(void *arg, enum hs_watch_event event,
                     const struct hs_watch_incident *incident);
    void *arg;
};

struct hs_watch;

struct hs_watch *hs_watch_new(const struct hs_watch_deps *deps);
void hs_watch_free(struct hs_watch *watch);

/* Learns a stretch of past time that nobody is to be told of. */
void hs_watch_train(struct hs_watch *watch, int64_t start_s, double minutes,
                    const struct hs_watch_row *rows, size_t n);
void hs_watch_train_settled(struct hs_watch *watch, int64_t start_s, double minutes,
                            const struct hs_watch_settled *rows, size_t n);
/* Judges a closed minute of all services; a known service without a row sent nothing. Minutes come
 * in order, and none is left out. */
void hs_watch_minute(struct hs_watch *watch, int64_t minute_s, const struct hs_watch_row *rows,
                     size_t n);
/* The same of a settled minute, which comes at its own pace. */
void hs_watch_settle(struct hs_watch *watch, int64_t minute_s, const struct hs_watch_settled *rows,
                     size_t n);
/* What time it is: told as often as the clock shows a new minute. */
void hs_watch_tick(struct hs_watch *watch, int64_t now_s);

/* An incident that was open when the program ended. */
void hs_watch_restore(struct hs_watch *watch, const struct hs_watch_incident *incident);
/* What it is about is normal from now on: closes it. False: there is no open one of that id. */
bool hs_watch_accept(struct hs_watch *watch, uint64_t id);

/* Not worth an incident: closes it, and goes on judging. False as above. */
bool hs_watch_close(struct hs_watch *watch, uint64_t id);
/* Its series do not open before until_s. False as above. */
bool hs_watch_mute(struct hs_watch *watch, uint64_t id, int64_t until_s);
/* From now on minutes are judged, and nothing opens. */
void hs_watch_quiet(struct hs_watch *watch);
/* Ends that: evidence so far is forgotten, minutes that end by judged_s are behind. */
void hs_watch_begin(struct hs_watch *watch, int64_t judged_s);

/* Calls fn for each series that was judged in that minute. */
typedef void hs_watch_series_fn(void *arg, const char *service, const char *environment,
                                const struct hs_watch_series *series);
void hs_watch_each(const struct hs_watch *watch, int64_t minute_s, hs_watch_series_fn *fn,
                   void *arg);
/* The series as last judged; NULL: there is no such service. @borrowed until the next call */
const struct hs_watch_series *hs_watch_look(const struct hs_watch *watch, struct hs_str service,
                                            struct hs_str environment, enum hs_watch_metric metric);
double hs_watch_threshold(const struct hs_watch *watch);
/* Services beyond HS_WATCH_SERVICES_MAX that sent rows and are not watched. */
uint64_t hs_watch_refused(const struct hs_watch *watch);
/* Services that are watched, incidents that are open. */
size_t hs_watch_services(const struct hs_watch *watch);
size_t hs_watch_open(const struct hs_watch *watch);
/* "search", "telemetry" */
const char *hs_watch_type_name(enum hs_watch_kind kind);
/* The metric's name, or that of the kind. */
const char *hs_watch_incident_metric(const struct hs_watch_incident *incident);

#endif
