/*
 * The time zone that people live by: one for the process, from the system's database.
 */
#ifndef HS_CONF_TIMEZONE_H
#define HS_CONF_TIMEZONE_H

#include <stdint.h>

#include "base/err.h"

/* Takes a name as "Europe/Berlin", or UTC, for hs_timezone_offset_s of the whole process.
 * HS_EINVAL: no such zone. Call before threads start. */
int hs_timezone_use(const char *name, struct hs_err *err);
/* Seconds that local time is ahead of UTC then. @thread any */
int64_t hs_timezone_offset_s(int64_t utc_s);

#endif
