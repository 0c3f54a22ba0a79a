-- Side tables: from an id to where its rows are. Written by the loader with the rows themselves.

CREATE TABLE IF NOT EXISTS haystat.search_by_query
(
    tenant LowCardinality(String),
    retention_class UInt8,
    query_id String CODEC(ZSTD(1)),
    ts DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    service String,
    application String,
    source String,
    stream_id String,
    topic String,
    partition UInt32,
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    sub UInt32,
    INDEX ix_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_class, toDate(ts))
ORDER BY (tenant, query_id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10;

-- One row a message of search.spans: a trace's first and last span start within it.
CREATE TABLE IF NOT EXISTS haystat.trace_by_id
(
    tenant LowCardinality(String),
    retention_class UInt8,
    trace_id String CODEC(ZSTD(1)),
    first DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    last DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    spans UInt32,
    stream_id String,
    topic String,
    partition UInt32,
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    sub UInt32,
    INDEX ix_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_class, toDate(first))
ORDER BY (tenant, trace_id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 480,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10;
