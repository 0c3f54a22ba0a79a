/* What the files of watch.h share. */
#ifndef HS_ANALYSIS_WATCH_INT_H
#define HS_ANALYSIS_WATCH_INT_H

#include "analysis/watch.h"

enum { WATCH_INCIDENTS_MAX = 64 /* open, or closed not long ago */ };

struct watch_host {
    char name[HS_WATCH_NAME_MAX]; /* empty: a free place */
    double recent;                /* searches a minute, of the last quarter of an hour */
    int64_t first_s, last_s;      /* minutes with searches */
};

/* Something that stopped although it goes on being expected. */
struct watch_silence {
    double nats;
    int64_t start_s;
    double expected; /* since then */
    bool open;
};

struct watch_service {
    char service[HS_WATCH_NAME_MAX], environment[HS_WATCH_NAME_MAX];
    struct hs_watch_series series[HS_WATCH_METRICS];
    struct hs_latency_bins latency[HS_BASELINE_DAY]; /* of each hour of the day, fading by day */
    int64_t latency_day[HS_BASELINE_DAY];
    struct watch_host hosts[HS_WATCH_HOSTS_MAX];
    struct hs_rate_baseline actions; /* a search that was answered with results */
    struct watch_silence clicks, producer;
    int64_t clicks_end_s; /* of the last silence of clicks that was told */
    bool seen;            /* in this minute's rows */
};

struct hs_watch {
    struct hs_watch_deps deps;
    struct watch_service **services; /* owned */
    size_t services_n, services_max;
    uint64_t refused;
    struct hs_watch_incident *incidents; /* owned */
    size_t incidents_n, incidents_max;
    struct watch_silence all; /* no service sends anything */
    int64_t judged_s;         /* end of the last minute; 0: none yet */
    bool late, quiet;
};

/* ---- watch_service.c */

/* Judges the minute of one service (row NULL: it sent nothing). hold: nothing may open. */
void hs_watch_service_minute(struct hs_watch *watch, struct watch_service *service,
                             int64_t minute_s, const struct hs_watch_row *row, bool hold);
void hs_watch_service_train(struct hs_watch *watch, struct watch_service *service, int64_t start_s,
                            double minutes, const struct hs_watch_row *row);
/* Searches a minute that are normal now, 0 while nothing is known. */
double hs_watch_service_expected(const struct hs_watch *watch, const struct watch_service *service,
                                 int64_t minute_s);
int64_t hs_watch_local(const struct hs_watch *watch, int64_t utc_s);

/* Adds a minute in which nothing came of what is expected; true when it is time to tell. */
bool hs_watch_silence_push(struct watch_silence *silence, int64_t minute_s, double expected,
                           double threshold);

/* ---- watch_incident.c */

/* A place for one more, empty; pointers to the others are not valid any more. */
struct hs_watch_incident *hs_watch_incident_add(struct hs_watch *watch, int64_t now_s);

/* A series opened or closed. */
void hs_watch_series_opened(struct hs_watch *watch, const struct watch_service *service,
                            enum hs_watch_metric metric, int64_t now_s);
void hs_watch_series_closed(struct hs_watch *watch, const struct watch_service *service,
                            enum hs_watch_metric metric, int64_t end_s);
/* Telemetry: of a service, or of all (NULL). */
void hs_watch_telemetry_opened(struct hs_watch *watch, enum hs_watch_kind kind,
                               const struct watch_service *service,
                               const struct hs_watch_incident *about);
void hs_watch_telemetry_closed(struct hs_watch *watch, enum hs_watch_kind kind,
                               const struct watch_service *service, int64_t end_s);
/* Whether an incident of that kind is open, of all (NULL) or of a service. */
bool hs_watch_telemetry_is_open(const struct hs_watch *watch, enum hs_watch_kind kind,
                                const struct watch_service *service);

#endif
