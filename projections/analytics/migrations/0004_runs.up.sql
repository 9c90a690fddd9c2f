-- Runs beside `live`: what was replayed, how far it has come, and what each turn of it cost. The facts of a run lie in the
-- tables of facts, under its `run_id`; the index of the log lists none of them, since they lie nowhere in the log.

CREATE TABLE runs (
    run_id String COMMENT 'The run\'s name, which its facts have as run_id.',
    status LowCardinality(String) COMMENT 'created, running, complete, or deleted while its rows are being removed.',
    candidate String COMMENT 'Name of the candidate; empty where live was replayed as it was.',
    mode LowCardinality(String) COMMENT 'teacher-forced or free-run.',
    definition String COMMENT 'JSON: candidate, window, selection, mode, the stretch by its offsets, gate.',
    definition_id String COMMENT 'SHA-256 of what was asked for: a run of the same name and another one of these is refused.',
    partitions Array(UInt16) COMMENT 'The partitions of chat.messages that it replays; each is a piece of work.',
    created_at DateTime64(6, 'UTC') COMMENT 'When it was created.',
    updated_at DateTime64(6, 'UTC') COMMENT 'When this row was written; of one run the latest counts.'
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY run_id
COMMENT 'Replays. One row a run after merging; read with FINAL.';

CREATE TABLE run_parts (
    run_id String COMMENT 'The run.',
    partition UInt16 COMMENT 'The partition of chat.messages that was replayed.',
    status LowCardinality(String) COMMENT 'done: its facts are all stored.',
    conversations UInt64 COMMENT 'Conversations with a turn in it.',
    turns UInt64 COMMENT 'Turns replayed.',
    records UInt64 COMMENT 'Facts written.',
    counts Map(String, UInt64) COMMENT 'What else was counted while it was replayed.',
    seconds Map(String, Float64) COMMENT 'Where the time went: reading, models, routing, replying, rest, writing.',
    digest String COMMENT 'SHA-256 over its facts in order: the same for every replay of the same definition.',
    done_at DateTime64(6, 'UTC') COMMENT 'When it was done; of one partition the latest counts.'
)
ENGINE = ReplacingMergeTree(done_at)
ORDER BY (run_id, partition)
COMMENT 'The partitions of a replay that are done. One row each after merging; read with FINAL.';

CREATE TABLE run_turns (
    run_id LowCardinality(String) COMMENT 'The run.',
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    session_id String COMMENT 'The customer\'s conversation.',
    turn_id String COMMENT 'The turn; the same id as in the run live.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began.',
    on_policy Bool COMMENT 'Whether what the customer wrote still answers what this run said before.',
    differs Array(LowCardinality(String)) COMMENT 'Fields of the decisions that are not as recorded.',
    score_difference Float64 COMMENT 'The largest difference of a model\'s score from the recorded one.',
    recomputed Array(LowCardinality(String)) COMMENT 'Parts that were worked out anew: intent, sentiment, entities, route, reply.',
    served Array(LowCardinality(String)) COMMENT 'Parts that were taken from the record, human_reply and cache among them.',
    missing_effects Array(LowCardinality(String)) COMMENT 'What the record lacks and nobody made up, such as human_reply.',
    intent_seconds Float64 COMMENT 'Measured in this run: detecting the intent.',
    sentiment_seconds Float64 COMMENT 'Measured in this run: scoring the sentiment.',
    entities_seconds Float64 COMMENT 'Measured in this run: extracting the entities.',
    routing_seconds Float64 COMMENT 'Measured in this run: deciding.',
    reply_seconds Float64 COMMENT 'Measured in this run: making the reply.',
    tokens UInt64 COMMENT 'Tokens that models took and gave for the turn.',
    written_at DateTime64(6, 'UTC') COMMENT 'When this row was written; of one turn the latest counts.'
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY (tenant_id, run_id, session_id, turn_id)
COMMENT 'What replaying each turn took, and what came out otherwise. One row a turn of a run after merging; read with FINAL.';
