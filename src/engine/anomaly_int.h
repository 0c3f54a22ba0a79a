/* What the files of anomaly.h share. */
#ifndef HS_ENGINE_ANOMALY_INT_H
#define HS_ENGINE_ANOMALY_INT_H

#include "analysis/watch.h"
#include "base/atomic.h"
#include "base/thread.h"
#include "engine/anomaly.h"
#include "engine/anomaly_rows.h"
#include "port/lease.h"
#include "port/tenants.h"

#define HS_SPACE_WATCH "watch" /* "position" → "<judged, s> <settled, s>"; "closing" → a minute */

enum {
    ANOMALY_MINUTE_S = 60,
    ANOMALY_HOUR_S = 3600,
    ANOMALY_SETTLE_S = 31 * 60, /* after its end a minute's clicks have settled */
};

struct anomaly_tenant {
    char id[HS_TENANT_ID_MAX + 1];
    struct hs_watch *watch;
    struct hs_anomaly *owner;
};

/* What is to be kept of an event. */
struct anomaly_event {
    const struct anomaly_tenant *tenant;
    enum hs_watch_event event;
    int64_t at_s;
    struct hs_watch_incident incident;
};

struct hs_anomaly {
    struct hs_loader_deps deps;
    struct hs_loader *loader;
    struct hs_lease lease;
    int64_t lease_renewed_ns;
    bool ready;                  /* the baselines are learnt */
    int64_t judged_s, settled_s; /* ends of the last minutes */
    int64_t history_s;           /* hours before are learnt by hours */
    double history_rows;         /* of the fast rollup when they were learnt */
    int64_t tidied_ns;
    struct anomaly_tenant **tenants; /* owned */
    size_t tenants_n, tenants_max;
    struct hs_loader_mark *mark;  /* of the minute that is closing; NULL: none yet */
    bool loaded;                  /* it was reached, */
    uint64_t loaded_version;      /* at this version of metadata */
    struct anomaly_event *events; /* owned; not yet committed */
    size_t events_n, events_max;
    bool moved; /* judged_s or settled_s is to be committed */
    struct hs_thread thread;
    struct hs_flag stop;
    struct hs_mutex lock; /* guards what follows */
    struct hs_cond wake;
    struct {
        int64_t judged_s, settled_s;
        size_t services, open;
        uint64_t refused;
    } shown;
};

/* ---- anomaly_learn.c */

/* Learns the baselines up to judged_s, which it sets, and takes up what was open. */
int hs_anomaly_learn(struct hs_anomaly *anomaly, struct hs_err *err);
/* Whether so much more history is there that it is to be learnt anew. */
int hs_anomaly_history_grew(struct hs_anomaly *anomaly, bool *out, struct hs_err *err);
/* The watch of a tenant, made when it is new. */
struct anomaly_tenant *hs_anomaly_tenant(struct hs_anomaly *anomaly, struct hs_str id);
void hs_anomaly_forget(struct hs_anomaly *anomaly);

/* ---- anomaly_keep.c */

/* Commits events, positions and what people wanted done; then publishes. HS_ECONFLICT: the lease is
 * somebody else's. */
int hs_anomaly_keep(struct hs_anomaly *anomaly, struct hs_err *err);
/* What people want done, to the watches. */
int hs_anomaly_todo(struct hs_anomaly *anomaly, struct hs_err *err);
/* Deletes incidents that began more than HS_INCIDENT_KEPT_DAYS ago. */
int hs_anomaly_prune(struct hs_anomaly *anomaly, struct hs_err *err);
/* What was judged in a minute, into haystat.anomaly_1m. */
int hs_anomaly_points(struct hs_anomaly *anomaly, int64_t minute_s, struct hs_err *err);

#endif
