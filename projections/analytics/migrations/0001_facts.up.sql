-- Facts: one table for each kind of event. A row that is inserted again, or an id that returns with another payload, is
-- merged away: of one event id the lowest offset stays. `rank` turns that into the highest version, which the engine keeps.

CREATE TABLE messages (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The customer\'s conversation on a channel, as the channel names it.',
    turn_id String COMMENT 'The turn: the event id of its message. Empty where the event belongs to no turn.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began: the time of its message, copied to every event of the turn.',
    event_id String COMMENT 'The event\'s own id; of one id the row with the lowest offset counts.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened, by the clock of whoever made it.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer to the turn is of use.',
    made_by LowCardinality(String) COMMENT 'The stage, adapter or desk that made the event.',
    fingerprint LowCardinality(String) COMMENT 'Name, version and hash of what made the event.',
    topic LowCardinality(String) COMMENT 'Where the event lies in the log: its topic.',
    partition UInt16 COMMENT 'Where the event lies in the log: its partition.',
    offset UInt64 COMMENT 'Where the event lies in the log: its offset.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took the event.',
    text String COMMENT 'What the customer wrote.',
    channel LowCardinality(String) COMMENT 'web, app, mini_program, social, or another name the tenant uses.',
    channel_message_id String COMMENT 'The channel\'s own id of the message; with tenant and channel it makes the event id, so that a webhook sent thrice is one message.',
    customer Tuple(id String, tier String, verified Bool, attributes Map(String, String)) COMMENT 'Who wrote.',
    entry_path String COMMENT 'Where in the channel the conversation was opened, such as order/detail; empty where the channel does not say.',
    rank UInt64 MATERIALIZED 18446744073709551615 - offset COMMENT 'The version that merging keeps the highest of.'
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, session_id, event_id)
COMMENT 'Messages from customers that were accepted. One row an event id after merging; read with FINAL.';

CREATE TABLE intents (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The customer\'s conversation on a channel, as the channel names it.',
    turn_id String COMMENT 'The turn: the event id of its message. Empty where the event belongs to no turn.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began: the time of its message, copied to every event of the turn.',
    event_id String COMMENT 'The event\'s own id; of one id the row with the lowest offset counts.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened, by the clock of whoever made it.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer to the turn is of use.',
    made_by LowCardinality(String) COMMENT 'The stage, adapter or desk that made the event.',
    fingerprint LowCardinality(String) COMMENT 'Name, version and hash of what made the event.',
    topic LowCardinality(String) COMMENT 'Where the event lies in the log: its topic.',
    partition UInt16 COMMENT 'Where the event lies in the log: its partition.',
    offset UInt64 COMMENT 'Where the event lies in the log: its offset.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took the event.',
    label LowCardinality(String) COMMENT 'The model\'s own label.',
    scenario LowCardinality(String) COMMENT 'The scenario family of the label, or dialogue_act for a turn that only continues the one it is in.',
    confidence Float64 COMMENT 'Of the label, 0 to 1.',
    top Array(Tuple(label String, confidence Float64)) COMMENT 'The best labels, best first.',
    out_of_scope Float64 COMMENT '0: surely in scope, 1: surely not.',
    lang LowCardinality(String) COMMENT 'zh, en, mixed or und.',
    rank UInt64 MATERIALIZED 18446744073709551615 - offset COMMENT 'The version that merging keeps the highest of.'
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, session_id, event_id)
COMMENT 'What each message was understood to want.';

CREATE TABLE sentiments (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The customer\'s conversation on a channel, as the channel names it.',
    turn_id String COMMENT 'The turn: the event id of its message. Empty where the event belongs to no turn.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began: the time of its message, copied to every event of the turn.',
    event_id String COMMENT 'The event\'s own id; of one id the row with the lowest offset counts.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened, by the clock of whoever made it.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer to the turn is of use.',
    made_by LowCardinality(String) COMMENT 'The stage, adapter or desk that made the event.',
    fingerprint LowCardinality(String) COMMENT 'Name, version and hash of what made the event.',
    topic LowCardinality(String) COMMENT 'Where the event lies in the log: its topic.',
    partition UInt16 COMMENT 'Where the event lies in the log: its partition.',
    offset UInt64 COMMENT 'Where the event lies in the log: its offset.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took the event.',
    score Float64 COMMENT '-1, very bad, to 1, very good.',
    label LowCardinality(String) COMMENT 'negative, neutral or positive.',
    anger Float64 COMMENT '0 to 1.',
    confidence Float64 COMMENT '0 to 1.',
    rank UInt64 MATERIALIZED 18446744073709551615 - offset COMMENT 'The version that merging keeps the highest of.'
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, session_id, event_id)
COMMENT 'How the customer felt.';

CREATE TABLE entities (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The customer\'s conversation on a channel, as the channel names it.',
    turn_id String COMMENT 'The turn: the event id of its message. Empty where the event belongs to no turn.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began: the time of its message, copied to every event of the turn.',
    event_id String COMMENT 'The event\'s own id; of one id the row with the lowest offset counts.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened, by the clock of whoever made it.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer to the turn is of use.',
    made_by LowCardinality(String) COMMENT 'The stage, adapter or desk that made the event.',
    fingerprint LowCardinality(String) COMMENT 'Name, version and hash of what made the event.',
    topic LowCardinality(String) COMMENT 'Where the event lies in the log: its topic.',
    partition UInt16 COMMENT 'Where the event lies in the log: its partition.',
    offset UInt64 COMMENT 'Where the event lies in the log: its offset.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took the event.',
    entities Array(Tuple(kind String, text String, value String, start Int64, end Int64, personal Bool)) COMMENT 'In the order of the text.',
    rank UInt64 MATERIALIZED 18446744073709551615 - offset COMMENT 'The version that merging keeps the highest of.'
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, session_id, event_id)
COMMENT 'What each message names.';

CREATE TABLE routes (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The customer\'s conversation on a channel, as the channel names it.',
    turn_id String COMMENT 'The turn: the event id of its message. Empty where the event belongs to no turn.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began: the time of its message, copied to every event of the turn.',
    event_id String COMMENT 'The event\'s own id; of one id the row with the lowest offset counts.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened, by the clock of whoever made it.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer to the turn is of use.',
    made_by LowCardinality(String) COMMENT 'The stage, adapter or desk that made the event.',
    fingerprint LowCardinality(String) COMMENT 'Name, version and hash of what made the event.',
    topic LowCardinality(String) COMMENT 'Where the event lies in the log: its topic.',
    partition UInt16 COMMENT 'Where the event lies in the log: its partition.',
    offset UInt64 COMMENT 'Where the event lies in the log: its offset.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took the event.',
    lang LowCardinality(String) COMMENT 'The language to answer in.',
    channel LowCardinality(String) COMMENT 'The message\'s channel.',
    customer_id String COMMENT 'Who wrote, for the human desk.',
    scenario LowCardinality(String) COMMENT 'The scenario.',
    step LowCardinality(String) COMMENT 'The step of the scenario.',
    trigger LowCardinality(String) COMMENT 'What in the policy led here, such as intent:track_order, keyword:refund, timeout.',
    owner LowCardinality(String) COMMENT 'Who answers: reply, generation or human.',
    handoff Bool COMMENT 'This turn hands the session to a human; the customer is told by this turn\'s reply.',
    handoff_reason LowCardinality(Nullable(String)) COMMENT 'low_confidence, anger, repeated_failure, asked_for, policy.',
    rungs Array(String) COMMENT 'The rungs that may answer, best first.',
    template LowCardinality(Nullable(String)) COMMENT 'The reply template.',
    soothing Nullable(String) COMMENT 'The name of the template to say first to a customer who is upset.',
    knowledge_scope Array(String) COMMENT 'Tags of the articles that may be used; empty: all of the tenant\'s.',
    knowledge LowCardinality(String) COMMENT 'Fingerprint of the tenant\'s articles.',
    policy LowCardinality(String) COMMENT 'Fingerprint of the policy.',
    signals Tuple(intent String, confidence Float64, out_of_scope Float64, sentiment Float64, anger Float64, missing Array(String)) COMMENT 'The signals used.',
    slots Map(String, String) COMMENT 'The first entity of each kind, for templates: kind to normalised value.',
    earlier_deadline_at Nullable(Int64) COMMENT 'The latest deadline of the session\'s earlier turns: this turn\'s reply is held back for theirs no longer than that.',
    rejected LowCardinality(Nullable(String)) COMMENT 'Why the message could not be worked on; its turn gets the fallback.',
    state Tuple(seq Int64, episode_id String, episode_started_at Int64, turn_seq Int64, scenario String, step String, failures Int64, handed_off Bool, handed_off_at Nullable(Int64), anger Float64, last_turn_at Int64, deadline_at Nullable(Int64), history Array(String)) COMMENT 'The state after this turn.',
    rank UInt64 MATERIALIZED 18446744073709551615 - offset COMMENT 'The version that merging keeps the highest of.'
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, session_id, event_id)
COMMENT 'The decision on each turn, and the dialogue\'s state after it.';

CREATE TABLE replies (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The customer\'s conversation on a channel, as the channel names it.',
    turn_id String COMMENT 'The turn: the event id of its message. Empty where the event belongs to no turn.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began: the time of its message, copied to every event of the turn.',
    event_id String COMMENT 'The event\'s own id; of one id the row with the lowest offset counts.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened, by the clock of whoever made it.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer to the turn is of use.',
    made_by LowCardinality(String) COMMENT 'The stage, adapter or desk that made the event.',
    fingerprint LowCardinality(String) COMMENT 'Name, version and hash of what made the event.',
    topic LowCardinality(String) COMMENT 'Where the event lies in the log: its topic.',
    partition UInt16 COMMENT 'Where the event lies in the log: its partition.',
    offset UInt64 COMMENT 'Where the event lies in the log: its offset.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took the event.',
    text String COMMENT 'What the customer is told.',
    rung LowCardinality(String) COMMENT 'How the reply was made.',
    passed_over Array(Tuple(rung String, reason String)) COMMENT 'Why not a higher rung.',
    citations Array(Tuple(article_id String, title String)) COMMENT 'What the reply rests on.',
    lang LowCardinality(String) COMMENT 'Language of the text.',
    scenario LowCardinality(String) COMMENT 'The scenario answered.',
    template LowCardinality(Nullable(String)) COMMENT 'The template used.',
    policy LowCardinality(String) COMMENT 'Fingerprint of the policy.',
    knowledge LowCardinality(String) COMMENT 'Fingerprint of the articles.',
    episode_id String COMMENT 'The episode.',
    turn_seq Int64 COMMENT 'The turn\'s number in its episode.',
    earlier_deadline_at Nullable(Int64) COMMENT 'Held back for earlier turns\' replies no longer than this.',
    handoff Bool COMMENT 'The session goes to a human with this reply.',
    seconds Float64 COMMENT 'Spent on making the reply.',
    rank UInt64 MATERIALIZED 18446744073709551615 - offset COMMENT 'The version that merging keeps the highest of.'
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, session_id, event_id)
COMMENT 'What the customer was told.';

CREATE TABLE dead_letters (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The customer\'s conversation on a channel, as the channel names it.',
    turn_id String COMMENT 'The turn: the event id of its message. Empty where the event belongs to no turn.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began: the time of its message, copied to every event of the turn.',
    event_id String COMMENT 'The event\'s own id; of one id the row with the lowest offset counts.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened, by the clock of whoever made it.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer to the turn is of use.',
    made_by LowCardinality(String) COMMENT 'The stage, adapter or desk that made the event.',
    fingerprint LowCardinality(String) COMMENT 'Name, version and hash of what made the event.',
    topic LowCardinality(String) COMMENT 'Where the event lies in the log: its topic.',
    partition UInt16 COMMENT 'Where the event lies in the log: its partition.',
    offset UInt64 COMMENT 'Where the event lies in the log: its offset.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took the event.',
    origin_topic LowCardinality(String) COMMENT 'Where it lay.',
    origin_partition Int64 COMMENT 'Where it lay.',
    origin_offset Int64 COMMENT 'Where it lay.',
    origin_appended_at DateTime64(6, 'UTC') COMMENT 'When the log took it.',
    rejected_by LowCardinality(String) COMMENT 'The stage that rejected it.',
    reason LowCardinality(String) COMMENT 'A short stable word: undecodable, unknown_schema, wrong_record, invalid, unknown_tenant, too_large.',
    detail String COMMENT 'What is wrong and what mends it.',
    record LowCardinality(Nullable(String)) COMMENT 'The record\'s name, where it could be read.',
    rank UInt64 MATERIALIZED 18446744073709551615 - offset COMMENT 'The version that merging keeps the highest of.'
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, session_id, event_id)
COMMENT 'Records that could not be worked on; their bytes are on chat.dead-letters.';

CREATE TABLE agent_replies (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The customer\'s conversation on a channel, as the channel names it.',
    turn_id String COMMENT 'The turn: the event id of its message. Empty where the event belongs to no turn.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began: the time of its message, copied to every event of the turn.',
    event_id String COMMENT 'The event\'s own id; of one id the row with the lowest offset counts.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened, by the clock of whoever made it.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer to the turn is of use.',
    made_by LowCardinality(String) COMMENT 'The stage, adapter or desk that made the event.',
    fingerprint LowCardinality(String) COMMENT 'Name, version and hash of what made the event.',
    topic LowCardinality(String) COMMENT 'Where the event lies in the log: its topic.',
    partition UInt16 COMMENT 'Where the event lies in the log: its partition.',
    offset UInt64 COMMENT 'Where the event lies in the log: its offset.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took the event.',
    text String COMMENT 'What the customer is told.',
    agent_id LowCardinality(String) COMMENT 'Who answered.',
    rank UInt64 MATERIALIZED 18446744073709551615 - offset COMMENT 'The version that merging keeps the highest of.'
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, session_id, event_id)
COMMENT 'What human agents wrote.';

CREATE TABLE feedback (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The customer\'s conversation on a channel, as the channel names it.',
    turn_id String COMMENT 'The turn: the event id of its message. Empty where the event belongs to no turn.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began: the time of its message, copied to every event of the turn.',
    event_id String COMMENT 'The event\'s own id; of one id the row with the lowest offset counts.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened, by the clock of whoever made it.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer to the turn is of use.',
    made_by LowCardinality(String) COMMENT 'The stage, adapter or desk that made the event.',
    fingerprint LowCardinality(String) COMMENT 'Name, version and hash of what made the event.',
    topic LowCardinality(String) COMMENT 'Where the event lies in the log: its topic.',
    partition UInt16 COMMENT 'Where the event lies in the log: its partition.',
    offset UInt64 COMMENT 'Where the event lies in the log: its offset.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took the event.',
    score Int64 COMMENT 'From 1, worst, to 5, best.',
    comment String COMMENT 'What the customer added.',
    rank UInt64 MATERIALIZED 18446744073709551615 - offset COMMENT 'The version that merging keeps the highest of.'
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, session_id, event_id)
COMMENT 'What customers thought of the replies.';

CREATE TABLE dialogue_changes (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    session_id String COMMENT 'The customer\'s conversation on a channel, as the channel names it.',
    turn_id String COMMENT 'The turn: the event id of its message. Empty where the event belongs to no turn.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began: the time of its message, copied to every event of the turn.',
    event_id String COMMENT 'The event\'s own id; of one id the row with the lowest offset counts.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When the event happened, by the clock of whoever made it.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer to the turn is of use.',
    made_by LowCardinality(String) COMMENT 'The stage, adapter or desk that made the event.',
    fingerprint LowCardinality(String) COMMENT 'Name, version and hash of what made the event.',
    topic LowCardinality(String) COMMENT 'Where the event lies in the log: its topic.',
    partition UInt16 COMMENT 'Where the event lies in the log: its partition.',
    offset UInt64 COMMENT 'Where the event lies in the log: its offset.',
    appended_at DateTime64(6, 'UTC') COMMENT 'When the log took the event.',
    change LowCardinality(String) COMMENT 'returned or closed.',
    state Tuple(seq Int64, episode_id String, episode_started_at Int64, turn_seq Int64, scenario String, step String, failures Int64, handed_off Bool, handed_off_at Nullable(Int64), anger Float64, last_turn_at Int64, deadline_at Nullable(Int64), history Array(String)) COMMENT 'The state after it.',
    rank UInt64 MATERIALIZED 18446744073709551615 - offset COMMENT 'The version that merging keeps the highest of.'
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, session_id, event_id)
COMMENT 'Changes of a dialogue that are no turn: closed, returned from the desk.';
