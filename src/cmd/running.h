/*
 * What a running `haystat serve` says of itself: <data>/run.json.
 */
#ifndef HS_CMD_RUNNING_H
#define HS_CMD_RUNNING_H

#include <stdint.h>

#include "base/err.h"

enum { HS_RUNNING_URL_MAX = 300 };

struct hs_running {
    int64_t pid;
    char gateway[HS_RUNNING_URL_MAX]; /* "http://127.0.0.1:8000"; "" when it has none */
    char otlp[HS_RUNNING_URL_MAX];
    char store[HS_RUNNING_URL_MAX];
};

/* HS_ENOTFOUND: no run.json in the folder, so nothing runs there. HS_ECORRUPT, HS_EIO. @blocks */
int hs_running_read(const char *data, struct hs_running *out, struct hs_err *err);

#endif
