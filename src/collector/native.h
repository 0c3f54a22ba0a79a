/*
 * Native telemetry: one event, a batch (a JSON array, or an object with the array under "events"),
 * or NDJSON with one event a line (docs/events.md).
 *
 * Bodies are read in place: body[0..n) is changed and must stay until the intake's event ids are no
 * longer used; HS_BODY_PADDING writable bytes must follow it. After any result but HS_OK the intake
 * must be reset: what it holds is not to be appended.
 */
#ifndef HS_COLLECTOR_NATIVE_H
#define HS_COLLECTOR_NATIVE_H

#include "collector/intake.h"
#include "collector/outcome.h"

/* HS_EINVAL: refused, err->sys is an hs_refusal (HS_REFUSED_JSON: no JSON at all); HS_ELIMIT: the
 * intake's bytes_max. */
int hs_native_read_one(struct hs_intake *intake, char *body, size_t n, struct hs_str *out_id,
                       struct hs_err *err);

/* HS_OK when the batch could be read, whatever became of its events. HS_EINVAL: no JSON, or no
 * batch. HS_ELIMIT: more than batch_max events, or the intake's bytes_max. */
int hs_native_read_batch(struct hs_intake *intake, char *body, size_t n, size_t batch_max,
                         struct hs_outcome *out, struct hs_err *err);

/* A line that is no JSON is one rejected event; empty lines do not count. HS_ELIMIT as above. */
int hs_native_read_ndjson(struct hs_intake *intake, char *body, size_t n, size_t batch_max,
                          struct hs_outcome *out, struct hs_err *err);

#endif
