-- What OpenTelemetry says about a log record beside its time, its body and its attributes.

ALTER TABLE haystat.logs
    ADD COLUMN IF NOT EXISTS observed Nullable(DateTime64(9, 'UTC')) COMMENT 'when it was collected; NULL: not sent' CODEC(ZSTD(1)) AFTER received,
    ADD COLUMN IF NOT EXISTS event_name String AFTER severity_text,
    ADD COLUMN IF NOT EXISTS scope_version String AFTER scope_name;
ALTER TABLE haystat.probe_logs
    ADD COLUMN IF NOT EXISTS observed Nullable(DateTime64(9, 'UTC')) AFTER received,
    ADD COLUMN IF NOT EXISTS event_name String AFTER severity_text,
    ADD COLUMN IF NOT EXISTS scope_version String AFTER scope_name;
