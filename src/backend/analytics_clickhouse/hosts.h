/*
 * The hosts of analytics.url and which of them to leave alone for a while: after a failure a host
 * rests for 100 ms, doubled at each further one up to 5 s, times a random factor in [0.5, 1).
 */
#ifndef HS_BACKEND_ANALYTICS_CLICKHOUSE_HOSTS_H
#define HS_BACKEND_ANALYTICS_CLICKHOUSE_HOSTS_H

#include "base/clock.h"
#include "base/rand.h"
#include "base/thread.h"
#include "net/http_client.h"

enum { CH_HOSTS_MAX = 64, CH_REST_FIRST_MS = 100, CH_REST_MAX_MS = 5000 };

struct ch_host {
    char *url; /* owned; without a slash at its end */
    struct hs_http_client *http;
    unsigned failures;  /* in a row; under the mutex, as the next */
    int64_t rest_until; /* monotonic ns */
};

struct ch_hosts {
    const struct hs_clock *clock;
    struct hs_mutex mutex;
    struct hs_rand rand; /* under the mutex */
    struct ch_host *items;
    size_t n;
};

/* urls: comma-separated. HS_EINVAL names what is wrong, without the URL when it may hold a
 * password. On failure nothing is left to free. */
int ch_hosts_init(struct ch_hosts *hosts, const char *urls, size_t connections_max,
                  const struct hs_clock *clock, struct hs_err *err);
void ch_hosts_fini(struct ch_hosts *hosts);

/* Milliseconds until the host may be tried; 0: at once. @thread any */
int64_t ch_host_rest_ms(struct ch_hosts *hosts, size_t i);
/* @thread any */
void ch_host_failed(struct ch_hosts *hosts, size_t i);
void ch_host_worked(struct ch_hosts *hosts, size_t i);

#endif
