/*
 * Incidents in metadata: what the engine opened and closed, what people said of them, and what they
 * want the engine to do.
 *
 *     space "incidents"          "<tenant>/<newest first, %012>/<id>" → JSON, watch_json.h
 *     space "incident_ids"       "<tenant>/<id>" → the key in "incidents"
 *     space "incident_feedback"  "<tenant>/<id>/<ns, %019>" → JSON {"action", "at", "by", "note",
 *                                "until"}
 *     space "incident_todo"      "<tenant>/<id>/<action>" → until, s since the epoch; the engine
 *                                does it and deletes the entry
 *     space "outbox"             "<minute, %012>/<n, %06>" → "<tenant>\n<JSON>": is yet to be
 *                                published to search.anomalies
 */
#ifndef HS_PORT_INCIDENTS_H
#define HS_PORT_INCIDENTS_H

#include "port/metadata.h"

#define HS_SPACE_INCIDENTS "incidents"
#define HS_SPACE_INCIDENT_IDS "incident_ids"
#define HS_SPACE_INCIDENT_FEEDBACK "incident_feedback"
#define HS_SPACE_INCIDENT_TODO "incident_todo"
#define HS_SPACE_OUTBOX "outbox"

enum {
    HS_INCIDENT_KEY_MAX = 160,
    HS_INCIDENT_ID_LEN = 16,    /* hex digits */
    HS_INCIDENT_KEPT_DAYS = 90, /* after their start */
};

/* Keys; each returns its length. */
size_t hs_incident_key(struct hs_str tenant, int64_t start_s, struct hs_str id,
                       char out[HS_INCIDENT_KEY_MAX]);
/* "<tenant>/<id>", with "/<rest>" unless that is empty. */
size_t hs_incident_id_key(struct hs_str tenant, struct hs_str id, struct hs_str rest,
                          char out[HS_INCIDENT_KEY_MAX]);
/* Takes a key of "incident_todo" apart; views. False: it is none. */
bool hs_incident_todo_parse(struct hs_str key, struct hs_str *out_tenant, struct hs_str *out_id,
                            struct hs_str *out_action);
/* Whether the text is an id by its form. */
bool hs_incident_id_ok(struct hs_str id);

#endif
