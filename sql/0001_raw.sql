-- Raw tables: one row an event, as it was accepted. The loader is the only writer.
--
-- Every raw table carries the identity of its source: (stream_id, topic, partition, offset, sub).
-- non_replicated_deduplication_window makes insert tokens work; old_parts_lifetime keeps merged
-- parts until the next syncfs has made their successor durable (docs/exactly-once.md).
-- LowCardinality instead of Enum, so that a newer program's words load into an older one.

CREATE TABLE IF NOT EXISTS haystat.searches
(
    tenant LowCardinality(String),
    retention_class UInt8,
    ts DateTime64(6, 'UTC') COMMENT 'start of the search, event time' CODEC(Delta(8), ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    time_adjusted LowCardinality(String) COMMENT 'future, late: ts is the receive time',
    ts_sent Nullable(DateTime64(6, 'UTC')) COMMENT 'what the client said, when adjusted',
    imported Bool,
    source LowCardinality(String) COMMENT 'native, ubi, span',
    event_id String CODEC(ZSTD(1)),
    query_id String CODEC(ZSTD(1)),
    parent_query_id String COMMENT 'empty: a top-level search, an execution' CODEC(ZSTD(1)),
    intent_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    session_id String COMMENT 'keyed hash' CODEC(ZSTD(1)),
    client_id String COMMENT 'keyed hash' CODEC(ZSTD(1)),
    user_id String COMMENT 'keyed hash' CODEC(ZSTD(1)),
    application LowCardinality(String),
    surface LowCardinality(String),
    kind LowCardinality(String) COMMENT 'search, autosuggest, browse, facet, recommendation, retrieval',
    tier LowCardinality(String),
    service LowCardinality(String),
    environment LowCardinality(String),
    region LowCardinality(String),
    host LowCardinality(String),
    version LowCardinality(String),
    `index` LowCardinality(String),
    index_version LowCardinality(String),
    ranker LowCardinality(String),
    locale LowCardinality(String),
    country LowCardinality(String),
    device LowCardinality(String),
    user_agent LowCardinality(String),
    consent LowCardinality(String),
    synthetic Bool,
    bot Bool,
    query String CODEC(ZSTD(1)),
    query_norm String CODEC(ZSTD(1)),
    fingerprint UInt64 COMMENT 'of query_norm, 0 when there is no query',
    rewrites String COMMENT 'JSON [{kind, from, to}]' CODEC(ZSTD(1)),
    filters String COMMENT 'JSON [{field, op, value}]' CODEC(ZSTD(1)),
    facets Array(String) CODEC(ZSTD(1)),
    sort LowCardinality(String),
    page Nullable(UInt32) COMMENT '1-based',
    page_size Nullable(UInt32),
    request String COMMENT 'JSON {engine, method, path, body}' CODEC(ZSTD(1)),
    latency_ms Nullable(Float64) CODEC(ZSTD(1)),
    took_ms Nullable(Float64) CODEC(ZSTD(1)),
    phases Map(LowCardinality(String), Float64) COMMENT 'ms',
    retrievers String COMMENT 'JSON [{kind, k, ms, hits, model}]' CODEC(ZSTD(1)),
    total_hits Nullable(UInt64),
    total_hits_relation LowCardinality(String),
    returned Nullable(UInt32),
    result_ids Array(String) CODEC(ZSTD(1)),
    result_positions Array(UInt32) COMMENT 'absolute, 1-based' CODEC(ZSTD(1)),
    result_scores Array(Float64) COMMENT 'nan: not sent' CODEC(ZSTD(1)),
    result_indexes Array(LowCardinality(String)),
    result_sponsored Array(UInt8),
    status LowCardinality(String) COMMENT 'ok, error, timeout, partial, cancelled',
    error_code LowCardinality(String),
    error_type LowCardinality(String),
    error_stage LowCardinality(String),
    shards_total Nullable(UInt32),
    shards_failed Nullable(UInt32),
    shards_detail String COMMENT 'JSON [{shard, node, ms}]' CODEC(ZSTD(1)),
    cache_hit Nullable(Bool),
    fallback LowCardinality(String),
    experiments Map(LowCardinality(String), String) COMMENT 'id to variant',
    sample_weight Float64,
    attributes Map(LowCardinality(String), String) COMMENT 'strings as they are, other values as JSON' CODEC(ZSTD(1)),
    stream_id LowCardinality(String),
    topic LowCardinality(String),
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
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;

CREATE TABLE IF NOT EXISTS haystat.results
(
    tenant LowCardinality(String),
    retention_class UInt8,
    ts DateTime64(6, 'UTC') COMMENT 'time of the action, event time' CODEC(Delta(8), ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    time_adjusted LowCardinality(String),
    ts_sent Nullable(DateTime64(6, 'UTC')),
    imported Bool,
    source LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    action LowCardinality(String),
    query_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    client_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    application LowCardinality(String),
    surface LowCardinality(String),
    service LowCardinality(String),
    environment LowCardinality(String),
    region LowCardinality(String),
    version LowCardinality(String),
    locale LowCardinality(String),
    country LowCardinality(String),
    device LowCardinality(String),
    user_agent LowCardinality(String),
    consent LowCardinality(String),
    synthetic Bool,
    bot Bool,
    query String COMMENT 'UBI user_query' CODEC(ZSTD(1)),
    object_ids Array(String) CODEC(ZSTD(1)),
    object_positions Array(UInt32) COMMENT '0: not sent',
    value Nullable(Float64),
    currency LowCardinality(String),
    quantity Nullable(Float64),
    order_id String CODEC(ZSTD(1)),
    message String CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    stream_id LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    sub UInt32,
    INDEX ix_offset offset TYPE minmax GRANULARITY 1,
    INDEX ix_received received TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_class, toDate(ts))
ORDER BY (tenant, application, toStartOfMinute(ts), query_id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;

CREATE TABLE IF NOT EXISTS haystat.errors
(
    tenant LowCardinality(String),
    retention_class UInt8,
    ts DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    imported Bool,
    source LowCardinality(String),
    event_id String COMMENT 'that of the search, when a search failed' CODEC(ZSTD(1)),
    query_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    application LowCardinality(String),
    service LowCardinality(String),
    environment LowCardinality(String),
    region LowCardinality(String),
    host LowCardinality(String),
    version LowCardinality(String),
    `index` LowCardinality(String),
    status LowCardinality(String),
    code LowCardinality(String),
    type LowCardinality(String),
    stage LowCardinality(String),
    message String CODEC(ZSTD(1)),
    stack String CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    stream_id LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    sub UInt32,
    INDEX ix_offset offset TYPE minmax GRANULARITY 1,
    INDEX ix_received received TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_class, toDate(ts))
ORDER BY (tenant, service, ts)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;

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
    environment LowCardinality(String),
    version LowCardinality(String),
    name LowCardinality(String),
    kind LowCardinality(String) COMMENT 'unspecified, internal, server, client, producer, consumer',
    status LowCardinality(String) COMMENT 'unset, ok, error',
    status_message String CODEC(ZSTD(1)),
    scope_name LowCardinality(String),
    scope_version LowCardinality(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    events String COMMENT 'JSON [{time_ns, name, attributes}]' CODEC(ZSTD(1)),
    links String COMMENT 'JSON [{trace_id, span_id, attributes}]' CODEC(ZSTD(1)),
    stream_id LowCardinality(String),
    topic LowCardinality(String),
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
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;

CREATE TABLE IF NOT EXISTS haystat.logs
(
    tenant LowCardinality(String),
    retention_class UInt8,
    ts DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    service LowCardinality(String),
    environment LowCardinality(String),
    version LowCardinality(String),
    severity_number UInt8,
    severity_text LowCardinality(String),
    body String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    scope_name LowCardinality(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    stream_id LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    sub UInt32,
    INDEX ix_offset offset TYPE minmax GRANULARITY 1,
    INDEX ix_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_class, toDate(ts))
ORDER BY (tenant, service, ts)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;
