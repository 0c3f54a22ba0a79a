/*
 * Incidents as JSON: as the API shows them, and as they are kept.
 */
#ifndef HS_ANALYSIS_WATCH_JSON_H
#define HS_ANALYSIS_WATCH_JSON_H

#include "analysis/watch.h"
#include "base/json_out.h"

/* "opened", "joined", "closed", "reopened" */
const char *hs_watch_event_name(enum hs_watch_event event);
/* The names "id" (16 hex digits), "type", "metric", "start", "opened", "end" (null: open), "value",
 * "expected" and "members" [{"service", "environment", "metric", "start", "end", "value",
 * "expected", "z", "anomaly_score"}] of the object that is being written. */
void hs_watch_incident_write(const struct hs_watch_incident *incident, struct hs_json *json);
/* What the former wrote, with whatever else stands in the object. HS_ECORRUPT: it is none. */
int hs_watch_incident_read(struct hs_str text, struct hs_watch_incident *out, struct hs_err *err);

#endif
