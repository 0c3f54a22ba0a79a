-- Raw tables: one row an event, as it was accepted. The loader is the only writer.
--
-- Every raw table carries the identity of its source: (stream_id, topic, partition, offset, sub).
-- non_replicated_deduplication_window makes insert tokens work; old_parts_lifetime keeps merged
-- parts until the next syncfs has made their successor durable (docs/exactly-once.md).
-- Words are Strings instead of Enums, so that a newer program's words load into an older one, and
-- LowCardinality only in the sort key: to merge a LowCardinality column costs five times what a String
-- costs, empty or not. Inserts make compact parts (one file instead of two hundred) and merges take
-- more parts at a time than they would (base 5), so that a row is written less often (docs/benchmarks.md).

CREATE TABLE IF NOT EXISTS haystat.searches
(
    tenant LowCardinality(String),
    retention_class UInt8,
    ts DateTime64(6, 'UTC') COMMENT 'start of the search, event time' CODEC(Delta(8), ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    time_adjusted String COMMENT 'future, late: ts is the receive time',
    ts_sent Nullable(DateTime64(6, 'UTC')) COMMENT 'what the client said, when adjusted',
    imported Bool,
    source String COMMENT 'native, ubi, span',
    event_id String CODEC(ZSTD(1)),
    query_id String CODEC(ZSTD(1)),
    parent_query_id String COMMENT 'empty: a top-level search, an execution' CODEC(ZSTD(1)),
    intent_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    session_id String COMMENT 'keyed hash' CODEC(ZSTD(1)),
    client_id String COMMENT 'keyed hash' CODEC(ZSTD(1)),
    user_id String COMMENT 'keyed hash' CODEC(ZSTD(1)),
    application String,
    surface String,
    kind String COMMENT 'search, autosuggest, browse, facet, recommendation, retrieval',
    tier String,
    service LowCardinality(String),
    environment String,
    region String,
    host String,
    version String,
    `index` String,
    index_version String,
    ranker String,
    locale String,
    country String,
    device String,
    user_agent String,
    consent String,
    synthetic Bool,
    bot Bool,
    query String CODEC(ZSTD(1)),
    query_norm String CODEC(ZSTD(1)),
    fingerprint UInt64 COMMENT 'of query_norm, 0 when there is no query',
    rewrites String COMMENT 'JSON [{kind, from, to}]' CODEC(ZSTD(1)),
    filters String COMMENT 'JSON [{field, op, value}]' CODEC(ZSTD(1)),
    facets Array(String) CODEC(ZSTD(1)),
    sort String,
    page Nullable(UInt32) COMMENT '1-based',
    page_size Nullable(UInt32),
    request String COMMENT 'JSON {engine, method, path, body}' CODEC(ZSTD(1)),
    latency_ms Nullable(Float64) CODEC(ZSTD(1)),
    took_ms Nullable(Float64) CODEC(ZSTD(1)),
    phases Map(String, Float64) COMMENT 'ms',
    retrievers String COMMENT 'JSON [{kind, k, ms, hits, model}]' CODEC(ZSTD(1)),
    total_hits Nullable(UInt64),
    total_hits_relation String,
    returned Nullable(UInt32),
    result_ids Array(String) CODEC(ZSTD(1)),
    result_positions Array(UInt32) COMMENT 'absolute, 1-based' CODEC(ZSTD(1)),
    result_scores Array(Float64) COMMENT 'nan: not sent' CODEC(ZSTD(1)),
    result_indexes Array(String) CODEC(ZSTD(1)),
    result_sponsored Array(UInt8),
    status String COMMENT 'ok, error, timeout, partial, cancelled',
    error_code String,
    error_type String,
    error_stage String,
    shards_total Nullable(UInt32),
    shards_failed Nullable(UInt32),
    shards_detail String COMMENT 'JSON [{shard, node, ms}]' CODEC(ZSTD(1)),
    cache_hit Nullable(Bool),
    fallback String,
    experiments Map(String, String) COMMENT 'id to variant',
    sample_weight Float64,
    attributes Map(String, String) COMMENT 'strings as they are, other values as JSON' CODEC(ZSTD(1)),
    stream_id String,
    topic String,
    partition UInt32,
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    sub UInt32,
    INDEX ix_offset offset TYPE minmax GRANULARITY 1,
    INDEX ix_query_id query_id TYPE bloom_filter(0.01) GRANULARITY 2,
    INDEX ix_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 2,
    INDEX ix_received received TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_class, toDate(ts))
ORDER BY (tenant, service, toStartOfMinute(ts), fingerprint, ts)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10;

CREATE TABLE IF NOT EXISTS haystat.results
(
    tenant LowCardinality(String),
    retention_class UInt8,
    ts DateTime64(6, 'UTC') COMMENT 'time of the action, event time' CODEC(Delta(8), ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    time_adjusted String,
    ts_sent Nullable(DateTime64(6, 'UTC')),
    imported Bool,
    source String,
    event_id String CODEC(ZSTD(1)),
    action String,
    query_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    client_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    application LowCardinality(String),
    surface String,
    service String,
    environment String,
    region String,
    version String,
    locale String,
    country String,
    device String,
    user_agent String,
    consent String,
    synthetic Bool,
    bot Bool,
    query String COMMENT 'UBI user_query' CODEC(ZSTD(1)),
    object_ids Array(String) CODEC(ZSTD(1)),
    object_positions Array(UInt32) COMMENT '0: not sent',
    value Nullable(Float64),
    currency String,
    quantity Nullable(Float64),
    order_id String CODEC(ZSTD(1)),
    message String CODEC(ZSTD(1)),
    attributes Map(String, String) CODEC(ZSTD(1)),
    stream_id String,
    topic String,
    partition UInt32,
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    sub UInt32,
    INDEX ix_offset offset TYPE minmax GRANULARITY 1,
    INDEX ix_received received TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_class, toDate(ts))
ORDER BY (tenant, application, toStartOfMinute(ts), query_id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10;

CREATE TABLE IF NOT EXISTS haystat.errors
(
    tenant LowCardinality(String),
    retention_class UInt8,
    ts DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    imported Bool,
    source String,
    event_id String COMMENT 'that of the search, when a search failed' CODEC(ZSTD(1)),
    query_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    application String,
    service LowCardinality(String),
    environment String,
    region String,
    host String,
    version String,
    `index` String,
    status String,
    code String,
    type String,
    stage String,
    message String CODEC(ZSTD(1)),
    stack String CODEC(ZSTD(1)),
    attributes Map(String, String) CODEC(ZSTD(1)),
    stream_id String,
    topic String,
    partition UInt32,
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    sub UInt32,
    INDEX ix_offset offset TYPE minmax GRANULARITY 1,
    INDEX ix_received received TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_class, toDate(ts))
ORDER BY (tenant, service, ts)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10;

CREATE TABLE IF NOT EXISTS haystat.spans
(
    tenant LowCardinality(String),
    retention_class UInt8,
    ts DateTime64(9, 'UTC') COMMENT 'start of the span' CODEC(Delta(8), ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    duration_ns UInt64 CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    parent_span_id String CODEC(ZSTD(1)),
    trace_state String CODEC(ZSTD(1)),
    service LowCardinality(String),
    environment String,
    version String,
    name LowCardinality(String),
    kind String COMMENT 'unspecified, internal, server, client, producer, consumer',
    status String COMMENT 'unset, ok, error',
    status_message String CODEC(ZSTD(1)),
    scope_name String,
    scope_version String,
    attributes Map(String, String) CODEC(ZSTD(1)),
    resource_attributes Map(String, String) CODEC(ZSTD(1)),
    events String COMMENT 'JSON [{time_ns, name, attributes}]' CODEC(ZSTD(1)),
    links String COMMENT 'JSON [{trace_id, span_id, attributes}]' CODEC(ZSTD(1)),
    stream_id String,
    topic String,
    partition UInt32,
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    sub UInt32,
    INDEX ix_offset offset TYPE minmax GRANULARITY 1,
    INDEX ix_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX ix_received received TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_class, toDate(ts))
ORDER BY (tenant, service, name, toStartOfSecond(ts))
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10;

CREATE TABLE IF NOT EXISTS haystat.logs
(
    tenant LowCardinality(String),
    retention_class UInt8,
    ts DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    service LowCardinality(String),
    environment String,
    version String,
    severity_number UInt8,
    severity_text String,
    body String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    scope_name String,
    attributes Map(String, String) CODEC(ZSTD(1)),
    resource_attributes Map(String, String) CODEC(ZSTD(1)),
    stream_id String,
    topic String,
    partition UInt32,
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    sub UInt32,
    INDEX ix_offset offset TYPE minmax GRANULARITY 1,
    INDEX ix_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_class, toDate(ts))
ORDER BY (tenant, service, ts)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10;
