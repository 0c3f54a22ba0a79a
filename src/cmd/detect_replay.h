/* haystat detect --replay: the engine's judgement over a file of minutes (sim/minutes.h). */
#ifndef HS_CMD_DETECT_REPLAY_H
#define HS_CMD_DETECT_REPLAY_H

#include "base/err.h"

/* Prints one line of JSON for each incident that opens, is joined, closes or opens again, under a
 * clock that goes by the file. HS_EINVAL: a row is none. Local times are those of the C library's
 * time zone. @blocks */
int hs_detect_replay(const char *path, struct hs_err *err);

#endif
