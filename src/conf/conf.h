/*
 * Configuration: one struct, filled from the option table (conf/option.c) out of defaults, a YAML
 * file, HAYSTAT_… variables and --set, in that order. An option is one row of that table and one
 * field here. Strings are owned by the struct and never NULL ("" when unset).
 */
#ifndef HS_CONF_CONF_H
#define HS_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum hs_role {
    HS_ROLE_COLLECTOR = 1 << 0,
    HS_ROLE_ENGINE = 1 << 1,
    HS_ROLE_DEBUG = 1 << 2,
    HS_ROLE_GATEWAY = 1 << 3,
    HS_ROLE_ALL = 15,
};

struct hs_conf {
    /* where things are */
    char *data;           /* data: folder of everything that the process keeps */
    uint64_t roles;       /* roles: set of enum hs_role */
    char *listen_gateway; /* listen.gateway: "127.0.0.1:8000"; port 0 picks a free one; "" = off */
    char *listen_otlp_http;    /* listen.otlp_http: "127.0.0.1:4318" */
    char *listen_otlp_grpc;    /* listen.otlp_grpc: "127.0.0.1:4317"; bound once gRPC is built */
    char *listen_store;        /* listen.store: "127.0.0.1:8123" */
    char *listen_store_native; /* listen.store_native: "" = off */
    char *listen_jaeger;       /* listen.jaeger: "127.0.0.1:16686"; bound once that API is built */
    char *auth_mode;           /* auth.mode: "loopback" (no key needed on loopback) or "keys" */
    uint64_t auth_reload_ms;   /* auth.reload: how soon keys made or revoked elsewhere count */

    /* HTTP servers */
    uint64_t http_threads;            /* http.threads: event loops of one listener */
    uint64_t http_workers;            /* http.workers: threads for blocking requests */
    uint64_t http_connections_max;    /* http.connections_max: of one listener */
    uint64_t http_connections_ip_max; /* http.connections_ip_max: of one address */
    uint64_t http_deadline_ms;        /* http.deadline: headers and body must be here by then */
    uint64_t http_body_max;           /* http.body_max: bytes of a body as sent */
    uint64_t http_inflated_max;       /* http.inflated_max: bytes of a body after decompression */

    /* stream */
    char *stream;                  /* stream: "local" */
    uint64_t stream_segment_bytes; /* stream.segment_bytes */
    uint64_t stream_commit_ms;     /* stream.commit: longest wait for company before fdatasync */
    uint64_t stream_commit_bytes;  /* stream.commit_bytes: commit at once beyond this */
    uint64_t stream_queue_bytes;  /* stream.queue_bytes: appended, not yet synced; beyond: refuse */
    char *stream_compression;     /* stream.compression: "lz4", "zstd", "none" */
    uint64_t disk_free_min_bytes; /* disk.free_min_bytes: floor, with disk.free_min (a share) */
    double disk_free_min;         /* disk.free_min: 0.05 */

    /* metadata, cache, analytics, store */
    char *metadata;              /* metadata: "sqlite" */
    char *cache;                 /* cache: "memory" */
    uint64_t cache_bytes_max;    /* cache.bytes_max */
    char *analytics_url;         /* analytics.url: "" = the embedded store; comma-separated hosts */
    char *analytics_user;        /* analytics.user: "haystat_rw" */
    char *analytics_password;    /* analytics.password (secret); "" = the embedded store's own */
    char *analytics_user_ro;     /* analytics.user_ro: "haystat_ro" */
    char *analytics_password_ro; /* analytics.password_ro (secret) */
    uint64_t analytics_connections_max; /* analytics.connections_max: to one host */
    char *store_library;       /* store.library: path of libchdb.so; "" = look beside the program */
    char *store_program;       /* store.program: program that runs `store`; "" = this one */
    uint64_t store_memory_max; /* store.memory_max: bytes; 0 = 2 GiB or a quarter of the machine */

    /* collector */
    uint64_t ingest_batch_max;    /* ingest.batch_max: events of one batch request, 500 */
    double ingest_rate;           /* ingest.rate: events a second and key; 0 = no limit */
    double ingest_browser_rate;   /* ingest.browser_rate: the same of one address, browser keys */
    uint64_t ingest_late_max_ms;  /* ingest.late_max: 24 h */
    uint64_t ingest_early_max_ms; /* ingest.early_max: 5 min */
    bool redact;                  /* redact.enabled */
    char *redact_patterns;        /* redact.patterns: one POSIX extended regex a line */
    bool pseudonyms;              /* privacy.pseudonyms: keyed hashes for user, client, session */
    char *telemetry_otlp;         /* telemetry.otlp: base URL for our own spans; "" = none */
    char *telemetry_otlp_key;     /* telemetry.otlp_key: sent as a bearer token; "" = none */
    double telemetry_spans_max;   /* telemetry.spans_max: own spans a second; 0 = no limit */

    /* engine */
    uint64_t engine_batch_rows;        /* engine.batch_rows: 100,000 */
    uint64_t engine_batch_ms;          /* engine.batch_time: 400 ms */
    uint64_t engine_sync_ms;           /* engine.sync: 60 s between syncfs */
    uint64_t engine_takeover_check_ms; /* engine.takeover_check: 60 s */
    uint64_t engine_lease_ms;          /* engine.lease: time to live of leases */
    uint64_t dedup_window_ms;          /* dedup.window: 10 min */
    uint64_t dedup_entries_max;        /* dedup.entries_max: 4 M */
    double rollup_cpu_share;           /* rollup.cpu_share: 0.25 */
    uint64_t rollup_open_ms;           /* rollup.open: least time between two of an open minute */
    uint64_t rollup_behaviour_ms; /* rollup.behaviour: 1 min, pace of blocks up to 31 min old */
    char *anomalies_timezone;     /* anomalies.timezone: UTC */
    double rollup_behaviour_age_share; /* rollup.behaviour_age_share: 0.25 of a block's age */
    uint64_t rollup_debounce_ms;       /* rollup.debounce: 30 s, closed minutes */
    uint64_t retention_searches_days;  /* retention.searches: 30 */
    uint64_t retention_spans_days;     /* retention.spans: 7 */

    /* gateway */
    uint64_t query_rows_max;   /* query.rows_max: raw rows one request may read, 50 M */
    uint64_t query_timeout_ms; /* query.timeout */

    char *log_level;  /* log.level: debug, info, warn, error */
    char *log_format; /* log.format: logfmt, json */

    struct hs_conf_origin *origins; /* private: where each value came from */
};

/* Environment as getenv gives it; tests pass their own. The variable of an option is HAYSTAT_ and
 * its name in upper case with '_' for '.'. Other HAYSTAT_ variables are nobody's error: container
 * platforms make some up (HAYSTAT_PORT_8000_TCP for a service called haystat). */
typedef const char *hs_getenv_fn(const char *name);

struct hs_conf_source {
    const char *file;        /* YAML, nested maps or dotted names; NULL: <none> */
    hs_getenv_fn *getenv_fn; /* NULL: no environment */
    const char *const *sets; /* "name=value" of --set, later ones win */
    size_t sets_n;
};

/* Defaults, then the sources in order. HS_EINVAL names option, value and range; HS_EIO the file.
 * On failure nothing is left to free. @blocks */
int hs_conf_load(const struct hs_conf_source *source, struct hs_conf *out, struct hs_err *err);
/* Defaults only. */
void hs_conf_init(struct hs_conf *conf);
void hs_conf_fini(struct hs_conf *conf);
/* Sets one option as --set does. */
int hs_conf_set(struct hs_conf *conf, struct hs_str name, struct hs_str value, struct hs_err *err);

/* What is in force, one line an option: name, value (secrets as ***), origin. */
void hs_conf_print(const struct hs_conf *conf, struct hs_buf *out);
/* docs/configuration.md: a Markdown table of all options. */
void hs_conf_print_manual(struct hs_buf *out);

/* <data>/<name> into out. */
int hs_conf_path(const struct hs_conf *conf, const char *name, char out[4096], struct hs_err *err);

#endif
