-- What the engine needs for itself.

-- Vanishes when the server restarts: its one row names this start of the server.
CREATE TABLE IF NOT EXISTS haystat.store_start
(
    id String,
    at DateTime64(6, 'UTC')
)
ENGINE = Memory;

CREATE TABLE IF NOT EXISTS haystat.late_events
(
    tenant LowCardinality(String),
    at DateTime64(6, 'UTC') COMMENT 'when it was diverted',
    ts DateTime64(6, 'UTC'),
    topic LowCardinality(String),
    service LowCardinality(String),
    event_id String,
    reason LowCardinality(String)
)
ENGINE = MergeTree
PARTITION BY toDate(at)
ORDER BY (tenant, at)
TTL toDate(at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000;
