-- What the engine judged of each watched series, minute by minute (docs/anomalies.md). A minute that
-- is judged again after a crash gives the same row.

CREATE TABLE IF NOT EXISTS haystat.anomaly_1m
(
    tenant LowCardinality(String),
    t DateTime('UTC') COMMENT 'start of the minute',
    service LowCardinality(String),
    environment LowCardinality(String),
    metric LowCardinality(String) COMMENT 'volume, error_rate, latency_p99, zero_result_rate, ctr',
    value Float64 CODEC(ZSTD(1)),
    expected Float64 COMMENT 'what is usual at that time' CODEC(ZSTD(1)),
    low Float64 COMMENT 'expected - 3 standard deviations, at least 0' CODEC(ZSTD(1)),
    high Float64 CODEC(ZSTD(1)),
    z Float64 COMMENT '(value - expected) / standard deviation' CODEC(ZSTD(1)),
    anomaly_score Float64 COMMENT '0 to 1, 0.5 where an anomaly opens' CODEC(ZSTD(1)),
    open UInt8 COMMENT 'part of an anomaly'
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(t)
ORDER BY (tenant, service, environment, metric, t)
TTL t + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;
