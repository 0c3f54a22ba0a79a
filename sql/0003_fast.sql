-- Fast rollup: counts, errors, latency, zero results and scores by minute, ten minutes, hour and
-- six hours.
--
-- All levels have the columns of the minutes.
--
-- A cell is recomputed whole from raw rows and replaces its former self: version is
-- (lease epoch << 32 | counter), the highest wins. A cell whose rows are gone is written with zeros.
-- The time comes right after the tenant in the order: a range is one run of rows whatever it is
-- grouped by, and parts of different windows do not overlap, so that FINAL has nothing to merge in all
-- but the open ones (docs/adr/0006).
-- Percentiles: quantilesBFloat16Weighted keeps 16 bits of each value: truncation of at most 0.8 %.
-- States are kept as their bytes: a column of states becomes a hash table a row when it is read, which
-- costs twenty times as much. The gateway merges the bytes itself (src/gateway/hist.h); for SQL the
-- states are there as columns that are computed when asked for.

CREATE TABLE IF NOT EXISTS haystat.fast_1m
(
    tenant LowCardinality(String),
    service LowCardinality(String),
    environment LowCardinality(String),
    t DateTime('UTC') COMMENT 'start of the window',
    count UInt64 COMMENT 'executions: top-level searches of the counted source',
    weighted_count Float64 COMMENT 'sum of sample_weight',
    errors UInt64 COMMENT 'status error or timeout',
    timeouts UInt64,
    partials UInt64,
    cancelled UInt64,
    error_codes Map(LowCardinality(String), UInt64),
    latency_count UInt64 COMMENT 'executions with a latency that were not cancelled',
    latency_sum_ms Float64,
    latency_max_ms Float64,
    latency_state String COMMENT 'bytes of the state latency',
    latency AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Float64, UInt64)
        ALIAS CAST(latency_state AS AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Float64, UInt64)),
    searches UInt64 COMMENT 'executions of kind search whose number of results is known',
    zero_results UInt64 COMMENT 'of those, with no result',
    scored UInt64 COMMENT 'executions with a score on the first result',
    score_sum Float64,
    score_state String COMMENT 'bytes of the state score',
    score AggregateFunction(quantilesBFloat16Weighted(0.05, 0.25, 0.5, 0.75, 0.95), Float64, UInt64)
        ALIAS CAST(score_state AS AggregateFunction(quantilesBFloat16Weighted(0.05, 0.25, 0.5, 0.75, 0.95), Float64, UInt64)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(t)
ORDER BY (tenant, t, service, environment)
TTL t + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.fast_10m AS haystat.fast_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(t)
ORDER BY (tenant, t, service, environment)
TTL t + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.fast_1h AS haystat.fast_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(t)
ORDER BY (tenant, t, service, environment)
TTL t + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.fast_6h AS haystat.fast_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(t)
ORDER BY (tenant, t, service, environment)
TTL t + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.dim_1m
(
    tenant LowCardinality(String),
    service LowCardinality(String),
    environment LowCardinality(String),
    dim LowCardinality(String) COMMENT 'version, index, ranker, region, locale, experiment, application',
    value String COMMENT 'the 100 most frequent of a cell, else other',
    t DateTime('UTC') COMMENT 'start of the window',
    count UInt64 COMMENT 'executions: top-level searches of the counted source',
    weighted_count Float64 COMMENT 'sum of sample_weight',
    errors UInt64 COMMENT 'status error or timeout',
    timeouts UInt64,
    partials UInt64,
    cancelled UInt64,
    error_codes Map(LowCardinality(String), UInt64),
    latency_count UInt64 COMMENT 'executions with a latency that were not cancelled',
    latency_sum_ms Float64,
    latency_max_ms Float64,
    latency_state String COMMENT 'bytes of the state latency',
    latency AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Float64, UInt64)
        ALIAS CAST(latency_state AS AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Float64, UInt64)),
    searches UInt64 COMMENT 'executions of kind search whose number of results is known',
    zero_results UInt64 COMMENT 'of those, with no result',
    scored UInt64 COMMENT 'executions with a score on the first result',
    score_sum Float64,
    score_state String COMMENT 'bytes of the state score',
    score AggregateFunction(quantilesBFloat16Weighted(0.05, 0.25, 0.5, 0.75, 0.95), Float64, UInt64)
        ALIAS CAST(score_state AS AggregateFunction(quantilesBFloat16Weighted(0.05, 0.25, 0.5, 0.75, 0.95), Float64, UInt64)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(t)
ORDER BY (tenant, dim, t, service, environment, value)
TTL t + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.dim_10m AS haystat.dim_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(t)
ORDER BY (tenant, dim, t, service, environment, value)
TTL t + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.dim_1h AS haystat.dim_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(t)
ORDER BY (tenant, dim, t, service, environment, value)
TTL t + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.dim_6h AS haystat.dim_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(t)
ORDER BY (tenant, dim, t, service, environment, value)
TTL t + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;
