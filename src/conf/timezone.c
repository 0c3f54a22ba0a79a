#include "conf/timezone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 160 };

/* The C library takes any name, and one that is not in the database for UTC. */
int hs_timezone_use(const char *name, struct hs_err *err)
{
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);

    if (name[0] == '\0' || name[0] == '/' || strstr(name, "..") || n >= PATH_BYTES)
        return hs_err_set(err, HS_EINVAL, 0, "time zone \"%.64s\": wants a name as Europe/Berlin",
                          name);
    if (strcmp(name, "UTC") != 0 && access(path, R_OK) != 0)
        return hs_err_set(err, HS_EINVAL, 0, "time zone \"%s\": the system has none of that name",
                          name);
    setenv("TZ", name, 1);
    tzset();
    return HS_OK;
}

int64_t hs_timezone_offset_s(int64_t utc_s)
{
    time_t at = (time_t)utc_s;
    struct tm local;

    localtime_r(&at, &local);
    return local.tm_gmtoff;
}
