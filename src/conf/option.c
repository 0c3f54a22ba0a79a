#include "conf/option.h"

#define AT(field) offsetof(struct hs_conf, field)
#define STRING(name, field, def, words, help)                                                      \
    {                                                                                              \
        name, HS_OPTION_STRING, AT(field), def, 0, 0, 0, words, help                               \
    }
#define SECRET(name, field, help)                                                                  \
    {                                                                                              \
        name, HS_OPTION_STRING, AT(field), "", 0, 0, HS_OPTION_SECRET, NULL, help                  \
    }
#define ADDRESS(name, field, def, help)                                                            \
    {                                                                                              \
        name, HS_OPTION_ADDRESS, AT(field), def, 0, 0, 0, NULL, help                               \
    }
#define NUMBER(type, name, field, def, min, max, help)                                             \
    {                                                                                              \
        name, HS_OPTION_##type, AT(field), def, min, max, 0, NULL, help                            \
    }
#define BOOL(name, field, def, help)                                                               \
    {                                                                                              \
        name, HS_OPTION_BOOL, AT(field), def, 0, 0, 0, NULL, help                                  \
    }

#define KIB 1024.0
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define SECOND 1000.0
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

const struct hs_option hs_options[] = {
    STRING("data", data, "haystat-data", NULL,
           "Folder of everything that the process keeps; made when it does not exist."),
    {"roles", HS_OPTION_ROLES, AT(roles), "all", 0, 0, 0, NULL,
     "What this process does: `collector`, `engine`, `debug`, `gateway`, or `all`."},

    ADDRESS("listen.gateway", listen_gateway, "127.0.0.1:8000",
            "REST API, dashboard, `/docs`, `/metrics`. Port 0 picks a free one (see `run.json`), "
            "an empty value turns the listener off."),
    ADDRESS("listen.otlp_http", listen_otlp_http, "127.0.0.1:4318", "OTLP over HTTP."),
    ADDRESS("listen.otlp_grpc", listen_otlp_grpc, "127.0.0.1:4317",
            "OTLP over gRPC; bound once gRPC is in the build."),
    ADDRESS("listen.store", listen_store, "127.0.0.1:8123",
            "HTTP port of the embedded store (ClickHouse protocol, `/play`)."),
    ADDRESS("listen.store_native", listen_store_native, "",
            "Native port of the embedded store; off unless set."),
    ADDRESS("listen.jaeger", listen_jaeger, "127.0.0.1:16686",
            "Jaeger-compatible query API; bound once that API is in the build."),

    STRING("auth.mode", auth_mode, "loopback", "loopback|keys",
           "`loopback`: a request on a loopback listener needs no key and is tenant `default` with "
           "scopes ingest, import and read. `keys`: every request needs a key. Off loopback a key "
           "is always needed."),
    NUMBER(DURATION, "auth.reload", auth_reload_ms, "2s", 100, MINUTE,
           "How soon keys that were made or revoked by another process count."),

    NUMBER(U64, "http.threads", http_threads, "2", 1, 64, "Event loops of one listener."),
    NUMBER(U64, "http.workers", http_workers, "8", 1, 256, "Threads for blocking requests."),
    NUMBER(U64, "http.connections_max", http_connections_max, "2000", 1, 100000,
           "Open connections of one listener."),
    NUMBER(U64, "http.connections_ip_max", http_connections_ip_max, "1000", 1, 100000,
           "Open connections of one client address."),
    NUMBER(DURATION, "http.deadline", http_deadline_ms, "30s", 100, HOUR,
           "Headers and body of a request must have arrived by then."),
    NUMBER(BYTES, "http.body_max", http_body_max, "16MiB", KIB, GIB,
           "Bytes of a request body as sent; beyond it 413."),
    NUMBER(BYTES, "http.inflated_max", http_inflated_max, "64MiB", KIB, 4 * GIB,
           "Bytes of a request body after decompression; beyond it 413."),

    STRING("stream", stream, "local", "local", "Event stream backend."),
    NUMBER(BYTES, "stream.segment_bytes", stream_segment_bytes, "64MiB", MIB, 4 * GIB,
           "Size at which the local log starts its next segment file."),
    NUMBER(DURATION, "stream.commit", stream_commit_ms, "5ms", 0, SECOND,
           "Longest wait of an append for company before fdatasync."),
    NUMBER(BYTES, "stream.commit_bytes", stream_commit_bytes, "1MiB", KIB, 256 * MIB,
           "Appended bytes beyond which the log commits at once."),
    NUMBER(BYTES, "stream.queue_bytes", stream_queue_bytes, "64MiB", MIB, 4 * GIB,
           "Bytes accepted but not yet synced; beyond it requests are refused with 503."),
    STRING("stream.compression", stream_compression, "lz4", "lz4|zstd|none",
           "Compression of the local log's records."),
    NUMBER(BYTES, "disk.free_min_bytes", disk_free_min_bytes, "2GiB", 0, 1024 * TIB,
           "Free bytes below which the stream refuses appends, together with `disk.free_min`: the "
           "larger of the two counts."),
    NUMBER(F64, "disk.free_min", disk_free_min, "0.05", 0, 0.9,
           "Free share of the file system below which the stream refuses appends."),

    STRING("metadata", metadata, "sqlite", "sqlite", "Metadata backend."),
    STRING("cache", cache, "memory", "memory", "Cache backend."),
    NUMBER(BYTES, "cache.bytes_max", cache_bytes_max, "32MiB", 8 * MIB, TIB,
           "Bytes that the in-process cache may hold."),
    STRING("analytics.url", analytics_url, "", NULL,
           "ClickHouse over HTTP, comma-separated hosts of one cluster; empty means the embedded "
           "store."),
    STRING("analytics.user", analytics_user, "haystat_rw", NULL,
           "User for loading and migrations."),
    SECRET("analytics.password", analytics_password,
           "Its password; empty means the one made for the embedded store."),
    STRING("analytics.user_ro", analytics_user_ro, "haystat_ro", NULL, "User for queries."),
    SECRET("analytics.password_ro", analytics_password_ro,
           "Its password; empty means the one made for the embedded store."),
    NUMBER(U64, "analytics.connections_max", analytics_connections_max, "16", 1, 1000,
           "Connections to one ClickHouse host."),
    STRING("store.library", store_library, "", NULL,
           "Path of libchdb.so; empty means beside the program."),
    STRING("store.program", store_program, "", NULL,
           "Program that is run as `PROGRAM store`; empty means this one."),
    NUMBER(BYTES, "store.memory_max", store_memory_max, "0", 0, 16 * TIB,
           "Memory of the embedded store; 0 means 2 GiB or a quarter of the machine, whichever is "
           "smaller."),

    NUMBER(U64, "ingest.batch_max", ingest_batch_max, "500", 1, 100000,
           "Events of one batch request."),
    NUMBER(F64, "ingest.rate", ingest_rate, "20000", 0, 1e9,
           "Events a second and key, where the key has no rate of its own; 0 means no limit."),
    NUMBER(F64, "ingest.browser_rate", ingest_browser_rate, "20", 0, 1e9,
           "Events a second of one client address that uses a browser key; 0 means no limit."),
    NUMBER(DURATION, "ingest.late_max", ingest_late_max_ms, "24h", MINUTE, 30 * DAY,
           "Events older than this get the time of receipt, flagged and counted."),
    NUMBER(DURATION, "ingest.early_max", ingest_early_max_ms, "5m", 0, DAY,
           "Events further ahead than this get the time of receipt, flagged and counted."),
    BOOL("redact.enabled", redact, "true",
         "Replace e-mail addresses, phone and card numbers and `redact.patterns` in every free "
         "text before it is stored."),
    {"redact.patterns", HS_OPTION_STRING, AT(redact_patterns), "", 0, 0, HS_OPTION_LINES, NULL,
     "More patterns to redact: POSIX extended regular expressions, one a line or list item."},
    BOOL("privacy.pseudonyms", pseudonyms, "true",
         "Store user, client and session ids as a keyed hash per tenant."),
    STRING("telemetry.otlp", telemetry_otlp, "", NULL,
           "Base URL of an OTLP/HTTP receiver for Haystat's own spans; empty means none."),
    SECRET("telemetry.otlp_key", telemetry_otlp_key,
           "Key for that receiver, sent as a bearer token; empty means none."),
    NUMBER(F64, "telemetry.spans_max", telemetry_spans_max, "100", 0, 1e6,
           "Own spans a second, one a request answered; more are dropped and counted. 0 means no "
           "limit."),

    NUMBER(U64, "engine.batch_rows", engine_batch_rows, "100000", 1, 1000000,
           "Rows at which a loading batch closes."),
    NUMBER(
        DURATION, "engine.batch_time", engine_batch_ms, "400ms", 1, MINUTE,
        "Time after which a loading batch closes; up to four times as long while loading is slow."),
    NUMBER(DURATION, "engine.sync", engine_sync_ms, "60s", 100, 4 * MINUTE,
           "Longest time between two syncfs of the embedded store's folder."),
    NUMBER(DURATION, "engine.takeover_check", engine_takeover_check_ms, "60s", 100, HOUR,
           "How long after a takeover loaded rows are counted against their offsets."),
    NUMBER(DURATION, "engine.lease", engine_lease_ms, "15s", 500, HOUR,
           "Time to live of leases on single jobs; a crashed owner's work stands still that long."),
    NUMBER(DURATION, "dedup.window", dedup_window_ms, "10m", SECOND, DAY,
           "Repeated event ids are dropped within this time of receipt."),
    NUMBER(U64, "dedup.entries_max", dedup_entries_max, "4000000", 1000, 1e9,
           "Event ids remembered (16 to 32 bytes each); the window really covered is a metric."),
    NUMBER(F64, "rollup.cpu_share", rollup_cpu_share, "0.25", 0.01, 1,
           "Share of one CPU that the fast rollup of the open minute may use."),
    NUMBER(DURATION, "rollup.open", rollup_open_ms, "500ms", 50, MINUTE,
           "Least time between two rollups of an open minute."),
    NUMBER(DURATION, "rollup.behaviour", rollup_behaviour_ms, "1m", 50, HOUR,
           "Least time between two rollups of behaviour of recent blocks of ten minutes."),
    NUMBER(F64, "rollup.behaviour_age_share", rollup_behaviour_age_share, "0.25", 0, 10,
           "How long such a block that was touched waits for more, as a share of its age."),
    STRING("anomalies.timezone", anomalies_timezone, "UTC", NULL,
           "Time zone of the hours and weekdays that baselines go by, as Europe/Berlin."),
    NUMBER(DURATION, "rollup.debounce", rollup_debounce_ms, "30s", 0, HOUR,
           "How long a closed minute that was touched waits for more."),
    NUMBER(DAYS, "retention.searches", retention_searches_days, "30d", 1, 3650,
           "How long raw searches, results and errors are kept."),
    NUMBER(DAYS, "retention.spans", retention_spans_days, "7d", 1, 3650,
           "How long spans and logs are kept."),

    NUMBER(U64, "query.rows_max", query_rows_max, "50000000", 1000, 1e12,
           "Raw rows that one request may read; beyond it 422."),
    NUMBER(DURATION, "query.timeout", query_timeout_ms, "30s", 100, HOUR,
           "Longest time of one analytics query."),

    STRING("log.level", log_level, "info", "debug|info|warn|error", "Least level that is logged."),
    STRING("log.format", log_format, "logfmt", "logfmt|json", "Form of a log line."),
};

const size_t hs_options_n = sizeof(hs_options) / sizeof(hs_options[0]);

const struct hs_option *hs_option_find(struct hs_str name)
{
    size_t i;

    for (i = 0; i < hs_options_n; i++)
        if (hs_str_eq_c(name, hs_options[i].name))
            return &hs_options[i];
    return NULL;
}
