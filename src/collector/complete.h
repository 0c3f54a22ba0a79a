/*
 * What the intake does to an event before it writes its messages: everything that makes the event
 * complete and everything that takes personal data out of it.
 */
#ifndef HS_COLLECTOR_COMPLETE_H
#define HS_COLLECTOR_COMPLETE_H

#include "base/rand.h"
#include "collector/enrich.h"
#include "collector/intake.h"

/* Texts made for one event; must live until its messages are written. */
struct hs_made {
    char event_id[HS_UUID_TEXT];
    char trace_id[32];
    char span_id[16];
    char pseudonyms[3][HS_PSEUDONYM_TEXT];
    char fingerprint[16];
};

/* Completes `event` as hs_intake_event says, counts into intake->counts. HS_EINVAL, HS_ELIMIT. The
 * event then has views into `made`, intake->scratch, ->rebuilt and ->texts. */
int hs_complete_event(struct hs_intake *intake, struct hs_event *event, size_t index,
                      struct hs_made *made, struct hs_err *err);

/* Redacts every free text of the event, in place in its document. */
int hs_scrub_event(struct hs_intake *intake, struct hs_event *event, struct hs_err *err);

#endif
