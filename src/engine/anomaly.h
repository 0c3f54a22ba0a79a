/*
 * Judges the minutes of all services (analysis/watch.h) and keeps what opens: one thread, under the
 * lease "anomalies".
 *
 * A minute is judged when it has ended 5 s ago, all that had been received by then is loaded, and
 * the fast rollup has computed it since. What was judged, what opened and closed, and what is to be
 * published go into one metadata commit; after a crash the minute is judged again. On taking the
 * lease the baselines are learnt from the rollups: 28 days of hours, the last hours by minutes;
 * that opens nothing. They are learnt anew when much more history turns up (an import).
 *
 * Incidents are published to search.anomalies out of the outbox (port/incidents.h): at least once,
 * a repeat has the same "id", "event" and "at".
 */
#ifndef HS_ENGINE_ANOMALY_H
#define HS_ENGINE_ANOMALY_H

#include "engine/loader.h"

struct hs_anomaly;

/* `deps`, what it names, and `loader` outlive it. */
int hs_anomaly_start(const struct hs_loader_deps *deps, struct hs_loader *loader,
                     struct hs_anomaly **out, struct hs_err *err);
/* NULL is a no-op. @blocks */
void hs_anomaly_stop(struct hs_anomaly *anomaly);
/* {"judged_until" (RFC 3339 or null), "settled_until", "services", "open", "services_not_watched"}.
 * @thread any */
void hs_anomaly_status(struct hs_anomaly *anomaly, struct hs_json *json);

#endif
