-- Behaviour: what became of each intent (docs/metrics.md), and its rollup.
--
-- An intent is one wish of a user: a search of kind `search` with its keystrokes, pages and changes of
-- filter. The engine computes blocks of ten minutes whole from raw rows, whenever something that may
-- belong to them has arrived; `written` is (lease epoch << 32 | counter), the highest wins, and what is
-- no intent any more is written once as deleted.

CREATE TABLE IF NOT EXISTS haystat.intents
(
    tenant LowCardinality(String),
    t DateTime('UTC') COMMENT 'minute of its first search',
    ts DateTime64(6, 'UTC') COMMENT 'its first search' CODEC(Delta(8), ZSTD(1)),
    event_id String COMMENT 'of its first search' CODEC(ZSTD(1)),
    query_id String COMMENT 'of the search that counts for its results' CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    service LowCardinality(String) COMMENT 'this and what follows: of its first search',
    environment String,
    application String,
    surface String,
    source String,
    tier String,
    host String,
    version String,
    `index` String,
    index_version String,
    ranker String,
    region String,
    locale String,
    country String,
    device String,
    experiments Map(String, String) COMMENT 'id to variant',
    query_norm String COMMENT 'of the search that counts for its results' CODEC(ZSTD(1)),
    fingerprint UInt64,
    first_page UInt8 COMMENT '0: its first page was not sent, it is not counted',
    searches UInt32 COMMENT 'executions within it',
    pages UInt32 COMMENT 'of those, for a later page',
    answered UInt8 COMMENT 'a search of its first page was answered with a known number of results',
    hits UInt64 COMMENT 'this and what follows: of the last such search, which counts for its results',
    filtered UInt8,
    fallback String,
    status String,
    shards_failed UInt32,
    latency_ms Nullable(Float64),
    tracked UInt8 COMMENT 'its application sends actions',
    clicks UInt32 COMMENT 'on results that are not sponsored, within 30 minutes',
    clicks_by_session UInt32 COMMENT 'of those, found by session and object',
    clicks_without_position UInt32,
    sponsored_clicks UInt32,
    first_click_position UInt32 COMMENT '0: no click, or none known',
    best_click_position UInt32,
    time_to_click_ms Nullable(Float64) COMMENT 'from the clicked search to the first click',
    dwells UInt32,
    dwell_sum_ms Float64,
    dwell_squares Float64,
    refined UInt8 COMMENT 'a facet, filter, sort or page was used',
    suggestion UInt8,
    carted UInt8 COMMENT 'within 24 hours',
    purchased UInt8,
    reformulated UInt8,
    written UInt64,
    deleted UInt8
)
ENGINE = ReplacingMergeTree(written, deleted)
PARTITION BY toDate(t)
ORDER BY (tenant, t, service, event_id)
TTL t + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.behaviour_1m
(
    tenant LowCardinality(String),
    service LowCardinality(String),
    environment LowCardinality(String),
    dim LowCardinality(String) COMMENT 'empty: all; version, index, ranker, region, locale, experiment, application',
    value String COMMENT 'the 100 most frequent of a cell, else other',
    t DateTime('UTC') COMMENT 'start of the window; an intent is in that of its first search',
    intents UInt64,
    intents_without_first_page UInt64 COMMENT 'counted nowhere else',
    intent_searches UInt64 COMMENT 'executions within them',
    intent_pages UInt64,
    intents_answered UInt64,
    intents_zero UInt64 COMMENT 'of those, without results',
    filtered_answered UInt64,
    filtered_zero UInt64,
    fallback_answered UInt64,
    fallback_zero UInt64,
    shown UInt64 COMMENT 'answered with results, in applications that send actions',
    untracked UInt64 COMMENT 'answered with results, in applications that send none',
    clicked UInt64,
    clicked_at_1 UInt64,
    clicked_at_3 UInt64,
    clicked_at_5 UInt64,
    clicked_at_10 UInt64,
    clicks UInt64,
    clicks_by_session UInt64,
    clicks_without_position UInt64,
    sponsored_clicked UInt64,
    first_positions UInt64 COMMENT 'clicked ones whose first click has a position',
    first_position_sum UInt64,
    reciprocal_sum Float64 COMMENT 'of 1 / best position clicked',
    reciprocal_squares Float64,
    first_position_squares Float64,
    without_click_carted UInt64 COMMENT 'without a click; each is in the first of these five that holds',
    without_click_refined UInt64,
    without_click_suggestion UInt64,
    without_click_reformulated UInt64,
    no_action UInt64,
    in_session UInt64 COMMENT 'with a session',
    reformulated UInt64,
    time_to_click_count UInt64,
    time_to_click_sum_ms Float64,
    time_to_click_state String COMMENT 'bytes of a state of quantilesBFloat16Weighted',
    dwells UInt64,
    dwell_sum_ms Float64,
    dwell_squares Float64,
    carted UInt64,
    purchased UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(t)
ORDER BY (tenant, dim, t, service, environment, value)
TTL t + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.behaviour_10m AS haystat.behaviour_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(t)
ORDER BY (tenant, dim, t, service, environment, value)
TTL t + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.behaviour_1h AS haystat.behaviour_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(t)
ORDER BY (tenant, dim, t, service, environment, value)
TTL t + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS haystat.behaviour_6h AS haystat.behaviour_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(t)
ORDER BY (tenant, dim, t, service, environment, value)
TTL t + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;
