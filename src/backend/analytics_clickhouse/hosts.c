#include "backend/analytics_clickhouse/hosts.h"

#include "base/mem.h"

static int add_host(struct ch_hosts *hosts, struct hs_str url, size_t connections_max,
                    struct hs_err *err)
{
    struct ch_host *host = &hosts->items[hosts->n];
    int rc;

    while (url.n > 0 && url.p[url.n - 1] == '/')
        url.n--;
    if (!hs_str_starts_with(url, HS_STR("http://")) && !hs_str_starts_with(url, HS_STR("https://")))
        return hs_err_set(err, HS_EINVAL, 0,
                          "analytics.url: host %zu does not begin with http:// or https://",
                          hosts->n + 1);
    if (hs_str_index(url, '@') < url.n)
        return hs_err_set(err, HS_EINVAL, 0,
                          "analytics.url: host %zu holds a user or password; use analytics.user "
                          "and analytics.password",
                          hosts->n + 1);
    if (hs_str_index(url, '?') < url.n || hs_str_index(url, '#') < url.n)
        return hs_err_set(err, HS_EINVAL, 0, "analytics.url: '%.*s' has a query part",
                          HS_STR_ARG(url));
    rc = hs_http_client_open(connections_max, &host->http, err);
    if (rc != HS_OK)
        return rc;
    host->url = hs_xstrndup(url.p, url.n);
    hosts->n++;
    return HS_OK;
}

int ch_hosts_init(struct ch_hosts *hosts, const char *urls, size_t connections_max,
                  const struct hs_clock *clock, struct hs_err *err)
{
    struct hs_str rest = hs_str_c(urls);
    struct hs_str url;
    uint64_t seed;
    int rc = HS_OK;

    hs_rand_secret(&seed, sizeof(seed));
    *hosts = (struct ch_hosts){.clock = clock};
    hosts->items = hs_xcalloc(CH_HOSTS_MAX, sizeof(*hosts->items));
    hs_rand_init(&hosts->rand, seed);
    hs_mutex_init(&hosts->mutex, HS_RANK_BACKEND);
    while (rc == HS_OK && hs_str_split(&rest, ',', &url)) {
        url = hs_str_trim(url);
        if (url.n == 0)
            continue;
        rc = hosts->n < CH_HOSTS_MAX
                 ? add_host(hosts, url, connections_max, err)
                 : hs_err_set(err, HS_EINVAL, 0, "analytics.url: more than %d hosts", CH_HOSTS_MAX);
    }
    if (rc == HS_OK && hosts->n == 0)
        rc = hs_err_set(err, HS_EINVAL, 0, "analytics.url is empty");
    if (rc != HS_OK)
        ch_hosts_fini(hosts);
    return rc;
}

void ch_hosts_fini(struct ch_hosts *hosts)
{
    size_t i;

    if (!hosts->items)
        return;
    for (i = 0; i < hosts->n; i++) {
        hs_http_client_close(hosts->items[i].http);
        hs_free(hosts->items[i].url);
    }
    hs_mutex_fini(&hosts->mutex);
    hs_free(hosts->items);
    hosts->items = NULL;
    hosts->n = 0;
}

int64_t ch_host_rest_ms(struct ch_hosts *hosts, size_t i)
{
    int64_t now = hs_mono_ns(hosts->clock);
    int64_t until;

    hs_mutex_lock(&hosts->mutex);
    until = hosts->items[i].rest_until;
    hs_mutex_unlock(&hosts->mutex);
    return until > now ? (until - now) / HS_NS_PER_MS + 1 : 0;
}

void ch_host_failed(struct ch_hosts *hosts, size_t i)
{
    int64_t now = hs_mono_ns(hosts->clock);
    struct ch_host *host = &hosts->items[i];
    double rest_ms;

    hs_mutex_lock(&hosts->mutex);
    rest_ms = HS_MIN((double)CH_REST_MAX_MS,
                     CH_REST_FIRST_MS * (double)(1ULL << HS_MIN(host->failures, 16U)));
    rest_ms *= 0.5 + hs_rand_double(&hosts->rand) / 2;
    host->failures++;
    host->rest_until = now + (int64_t)(rest_ms * HS_NS_PER_MS);
    hs_mutex_unlock(&hosts->mutex);
}

void ch_host_worked(struct ch_hosts *hosts, size_t i)
{
    hs_mutex_lock(&hosts->mutex);
    hosts->items[i].failures = 0;
    hosts->items[i].rest_until = 0;
    hs_mutex_unlock(&hosts->mutex);
}
