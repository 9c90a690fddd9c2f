-- Every record of every topic that analytics reads, once: what the ledger, duplicates and freshness are counted from.
-- It is written last of a batch, so what is listed here is in the facts too.

CREATE TABLE log_index (
    topic LowCardinality(String) COMMENT 'The topic.',
    partition UInt16 COMMENT 'The partition.',
    offset UInt64 COMMENT 'The offset.',
    record LowCardinality(String) COMMENT 'Name of the record; empty where its bytes could not be decoded.',
    status LowCardinality(String) COMMENT 'decoded; invalid: decoded, and refused by validation; undecodable.',
    detail String COMMENT 'What was wrong with it; empty where nothing was.',
    tenant_id LowCardinality(String) COMMENT 'The tenant; of undecodable records, that of the key where it can be read.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The session; of undecodable records, that of the key where it can be read.',
    event_id String COMMENT 'The event id; two offsets with the same one are one event. Empty where it could not be read.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began; when the log took it, where it was not accepted.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened; when the log took it, where it was not accepted.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took it.',
    inserted_at DateTime64(6, 'UTC') COMMENT 'When it came here.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(appended_at)
ORDER BY (topic, partition, offset)
COMMENT 'Where every record of the log is listed, read or not. Read with FINAL.';
