-- The parts of each turn, as states that any repetition leaves unchanged: of each kind, the event with the lowest offset.
-- A repeated webhook may bring the same turn with another time: such parts have a row of their own here, and the view
-- `turns` brings them together.

CREATE TABLE turn_parts (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the turn began, as these parts have it.',
    session_id String COMMENT 'The session.',
    turn_id String COMMENT 'The turn.',
    parts SimpleAggregateFunction(groupBitOr, UInt16) COMMENT 'Which parts are there: message 1, route 2, reply 4, dead letter 8, intent 16, sentiment 32, entities 64, agent 256, feedback 512.',
    started AggregateFunction(argMin, DateTime64(6, 'UTC'), Tuple(UInt8, UInt64)) COMMENT 'When the turn began: as its message has it, else its route, reply, dead letter, signals.',
    -- What is asked most often has a state of its own: merging it takes a tenth of the time that a whole part takes.
    message_at AggregateFunction(argMin, Int64, UInt64) COMMENT 'When the log took the message, microseconds.',
    message_due AggregateFunction(argMin, Int64, UInt64) COMMENT 'Its deadline, microseconds.',
    route_scenario AggregateFunction(argMin, String, UInt64) COMMENT 'The scenario.',
    route_owner AggregateFunction(argMin, String, UInt64) COMMENT 'Who answers.',
    route_handoff AggregateFunction(argMin, UInt8, UInt64) COMMENT 'Whether it hands off.',
    reply_rung AggregateFunction(argMin, String, UInt64) COMMENT 'The rung.',
    reply_at AggregateFunction(argMin, Int64, UInt64) COMMENT 'When the log took the reply, microseconds.',
    sentiment_score AggregateFunction(argMin, Float64, UInt64) COMMENT 'The sentiment.',
    rating_score AggregateFunction(argMin, Int64, UInt64) COMMENT 'The first score.',
    message AggregateFunction(argMin, Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64, turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, text String, channel String, channel_message_id String, customer Tuple(id String, tier String, verified Bool, attributes Map(String, String)), entry_path String), UInt64) COMMENT 'The message.',
    route AggregateFunction(argMin, Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64, turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, lang String, channel String, customer_id String, scenario String, step String, trigger String, owner String, handoff Bool, handoff_reason Nullable(String), rungs Array(String), template Nullable(String), soothing Nullable(String), knowledge_scope Array(String), knowledge String, policy String, signals Tuple(intent String, confidence Float64, out_of_scope Float64, sentiment Float64, anger Float64, missing Array(String)), slots Map(String, String), earlier_deadline_at Nullable(Int64), rejected Nullable(String), state Tuple(seq Int64, episode_id String, episode_started_at Int64, turn_seq Int64, scenario String, step String, failures Int64, handed_off Bool, handed_off_at Nullable(Int64), anger Float64, last_turn_at Int64, deadline_at Nullable(Int64), history Array(String))), UInt64) COMMENT 'The decision.',
    reply AggregateFunction(argMin, Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64, turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, text String, rung String, passed_over Array(Tuple(rung String, reason String)), citations Array(Tuple(article_id String, title String)), lang String, scenario String, template Nullable(String), policy String, knowledge String, episode_id String, turn_seq Int64, earlier_deadline_at Nullable(Int64), handoff Bool, seconds Float64), UInt64) COMMENT 'The reply.',
    dead_letter AggregateFunction(argMin, Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64, turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, topic String, partition Int64, offset Int64, appended_at Int64, stage String, reason String, detail String, record Nullable(String)), UInt64) COMMENT 'The dead letter.',
    intent AggregateFunction(argMin, Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64, turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, label String, scenario String, confidence Float64, top Array(Tuple(label String, confidence Float64)), out_of_scope Float64, lang String), UInt64) COMMENT 'The intent.',
    sentiment AggregateFunction(argMin, Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64, turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, score Float64, label String, anger Float64, confidence Float64), UInt64) COMMENT 'The sentiment.',
    entities AggregateFunction(argMin, Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64, turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, entities Array(Tuple(kind String, text String, value String, start Int64, end Int64, personal Bool))), UInt64) COMMENT 'The entities.',
    agent AggregateFunction(argMin, Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64, turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, text String, agent_id String), UInt64) COMMENT 'The first answer of a human.',
    rating AggregateFunction(argMin, Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64, turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, score Int64, comment String), UInt64) COMMENT 'The first feedback.',
    agent_replies AggregateFunction(uniqExact, String) COMMENT 'How many answers humans gave.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(turn_started_at)
ORDER BY (tenant_id, run_id, turn_started_at, session_id, turn_id)
COMMENT 'States from which the view turns is made; query that.';

CREATE MATERIALIZED VIEW messages_to_turns TO turn_parts AS
SELECT
    tenant_id, run_id, turn_started_at, session_id, turn_id,
    1 AS parts,
    argMinState(turn_started_at, (0, offset)) AS started,
    argMinState(toUnixTimestamp64Micro(appended_at), offset) AS message_at,
    argMinState(toUnixTimestamp64Micro(coalesce(deadline_at, turn_started_at)), offset) AS message_due,
    argMinState(CAST(
        (1, offset, toUnixTimestamp64Micro(appended_at), event_id, toUnixTimestamp64Micro(occurred_at),
        toUnixTimestamp64Micro(turn_started_at), toUnixTimestamp64Micro(deadline_at), made_by, fingerprint,
        text, channel, channel_message_id, customer, entry_path),
        'Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64,
        turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, text String,
        channel String, channel_message_id String,
        customer Tuple(id String, tier String, verified Bool, attributes Map(String, String)),
        entry_path String)'
    ), offset) AS message
FROM messages AS f
WHERE turn_id != ''
GROUP BY tenant_id, run_id, turn_started_at, session_id, turn_id;

CREATE MATERIALIZED VIEW routes_to_turns TO turn_parts AS
SELECT
    tenant_id, run_id, turn_started_at, session_id, turn_id,
    2 AS parts,
    argMinState(turn_started_at, (1, offset)) AS started,
    argMinState(toString(scenario), offset) AS route_scenario,
    argMinState(toString(owner), offset) AS route_owner,
    argMinState(toUInt8(handoff), offset) AS route_handoff,
    argMinState(CAST(
        (1, offset, toUnixTimestamp64Micro(appended_at), event_id, toUnixTimestamp64Micro(occurred_at),
        toUnixTimestamp64Micro(turn_started_at), toUnixTimestamp64Micro(deadline_at), made_by, fingerprint,
        lang, channel, customer_id, scenario, step, trigger, owner, handoff, handoff_reason, rungs, template,
        soothing, knowledge_scope, knowledge, policy, signals, slots, earlier_deadline_at, rejected, state),
        'Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64,
        turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, lang String,
        channel String, customer_id String, scenario String, step String, trigger String, owner String,
        handoff Bool, handoff_reason Nullable(String), rungs Array(String), template Nullable(String),
        soothing Nullable(String), knowledge_scope Array(String), knowledge String, policy String,
        signals Tuple(intent String, confidence Float64, out_of_scope Float64, sentiment Float64, anger Float64, missing Array(String)),
        slots Map(String, String), earlier_deadline_at Nullable(Int64), rejected Nullable(String),
        state Tuple(seq Int64, episode_id String, episode_started_at Int64, turn_seq Int64, scenario String, step String, failures Int64, handed_off Bool, handed_off_at Nullable(Int64), anger Float64, last_turn_at Int64, deadline_at Nullable(Int64), history Array(String)))'
    ), offset) AS route
FROM routes AS f
WHERE turn_id != ''
GROUP BY tenant_id, run_id, turn_started_at, session_id, turn_id;

CREATE MATERIALIZED VIEW replies_to_turns TO turn_parts AS
SELECT
    tenant_id, run_id, turn_started_at, session_id, turn_id,
    4 AS parts,
    argMinState(turn_started_at, (2, offset)) AS started,
    argMinState(toString(rung), offset) AS reply_rung,
    argMinState(toUnixTimestamp64Micro(appended_at), offset) AS reply_at,
    argMinState(CAST(
        (1, offset, toUnixTimestamp64Micro(appended_at), event_id, toUnixTimestamp64Micro(occurred_at),
        toUnixTimestamp64Micro(turn_started_at), toUnixTimestamp64Micro(deadline_at), made_by, fingerprint,
        text, rung, passed_over, citations, lang, scenario, template, policy, knowledge, episode_id, turn_seq,
        earlier_deadline_at, handoff, seconds),
        'Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64,
        turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, text String,
        rung String, passed_over Array(Tuple(rung String, reason String)),
        citations Array(Tuple(article_id String, title String)), lang String, scenario String,
        template Nullable(String), policy String, knowledge String, episode_id String, turn_seq Int64,
        earlier_deadline_at Nullable(Int64), handoff Bool, seconds Float64)'
    ), offset) AS reply
FROM replies AS f
WHERE turn_id != ''
GROUP BY tenant_id, run_id, turn_started_at, session_id, turn_id;

CREATE MATERIALIZED VIEW dead_letters_to_turns TO turn_parts AS
SELECT
    tenant_id, run_id, turn_started_at, session_id, turn_id,
    8 AS parts,
    argMinState(turn_started_at, (3, offset)) AS started,
    argMinState(CAST(
        (1, offset, toUnixTimestamp64Micro(appended_at), event_id, toUnixTimestamp64Micro(occurred_at),
        toUnixTimestamp64Micro(turn_started_at), toUnixTimestamp64Micro(deadline_at), made_by, fingerprint,
        origin_topic, origin_partition, origin_offset, toUnixTimestamp64Micro(origin_appended_at),
        rejected_by, reason, detail, record),
        'Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64,
        turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, topic String,
        partition Int64, offset Int64, appended_at Int64, stage String, reason String, detail String,
        record Nullable(String))'
    ), offset) AS dead_letter
FROM dead_letters AS f
WHERE turn_id != ''
GROUP BY tenant_id, run_id, turn_started_at, session_id, turn_id;

CREATE MATERIALIZED VIEW intents_to_turns TO turn_parts AS
SELECT
    tenant_id, run_id, turn_started_at, session_id, turn_id,
    16 AS parts,
    argMinState(turn_started_at, (4, offset)) AS started,
    argMinState(CAST(
        (1, offset, toUnixTimestamp64Micro(appended_at), event_id, toUnixTimestamp64Micro(occurred_at),
        toUnixTimestamp64Micro(turn_started_at), toUnixTimestamp64Micro(deadline_at), made_by, fingerprint,
        label, scenario, confidence, top, out_of_scope, lang),
        'Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64,
        turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, label String,
        scenario String, confidence Float64, top Array(Tuple(label String, confidence Float64)),
        out_of_scope Float64, lang String)'
    ), offset) AS intent
FROM intents AS f
WHERE turn_id != ''
GROUP BY tenant_id, run_id, turn_started_at, session_id, turn_id;

CREATE MATERIALIZED VIEW sentiments_to_turns TO turn_parts AS
SELECT
    tenant_id, run_id, turn_started_at, session_id, turn_id,
    32 AS parts,
    argMinState(turn_started_at, (5, offset)) AS started,
    argMinState(score, offset) AS sentiment_score,
    argMinState(CAST(
        (1, offset, toUnixTimestamp64Micro(appended_at), event_id, toUnixTimestamp64Micro(occurred_at),
        toUnixTimestamp64Micro(turn_started_at), toUnixTimestamp64Micro(deadline_at), made_by, fingerprint,
        score, label, anger, confidence),
        'Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64,
        turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, score Float64,
        label String, anger Float64, confidence Float64)'
    ), offset) AS sentiment
FROM sentiments AS f
WHERE turn_id != ''
GROUP BY tenant_id, run_id, turn_started_at, session_id, turn_id;

CREATE MATERIALIZED VIEW entities_to_turns TO turn_parts AS
SELECT
    tenant_id, run_id, turn_started_at, session_id, turn_id,
    64 AS parts,
    argMinState(turn_started_at, (6, offset)) AS started,
    argMinState(CAST(
        (1, offset, toUnixTimestamp64Micro(appended_at), event_id, toUnixTimestamp64Micro(occurred_at),
        toUnixTimestamp64Micro(turn_started_at), toUnixTimestamp64Micro(deadline_at), made_by, fingerprint,
        f.entities),
        'Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64,
        turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String,
        entities Array(Tuple(kind String, text String, value String, start Int64, end Int64, personal Bool)))'
    ), offset) AS entities
FROM entities AS f
WHERE turn_id != ''
GROUP BY tenant_id, run_id, turn_started_at, session_id, turn_id;

CREATE MATERIALIZED VIEW agent_replies_to_turns TO turn_parts AS
SELECT
    tenant_id, run_id, turn_started_at, session_id, turn_id,
    256 AS parts,
    uniqExactState(event_id) AS agent_replies,
    argMinState(CAST(
        (1, offset, toUnixTimestamp64Micro(appended_at), event_id, toUnixTimestamp64Micro(occurred_at),
        toUnixTimestamp64Micro(turn_started_at), toUnixTimestamp64Micro(deadline_at), made_by, fingerprint,
        text, agent_id),
        'Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64,
        turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, text String,
        agent_id String)'
    ), offset) AS agent
FROM agent_replies
WHERE turn_id != ''
GROUP BY tenant_id, run_id, turn_started_at, session_id, turn_id;

CREATE MATERIALIZED VIEW feedback_to_turns TO turn_parts AS
SELECT
    tenant_id, run_id, turn_started_at, session_id, turn_id,
    512 AS parts,
    argMinState(score, offset) AS rating_score,
    argMinState(CAST(
        (1, offset, toUnixTimestamp64Micro(appended_at), event_id, toUnixTimestamp64Micro(occurred_at),
        toUnixTimestamp64Micro(turn_started_at), toUnixTimestamp64Micro(deadline_at), made_by, fingerprint,
        score, comment),
        'Tuple(present UInt8, log_offset UInt64, log_time Int64, event_id String, occurred_at Int64,
        turn_started_at Int64, deadline_at Nullable(Int64), made_by String, fingerprint String, score Int64,
        comment String)'
    ), offset) AS rating
FROM feedback
WHERE turn_id != ''
GROUP BY tenant_id, run_id, turn_started_at, session_id, turn_id;

CREATE VIEW turns (
    tenant_id LowCardinality(String) COMMENT 'The tenant.',
    run_id LowCardinality(String) COMMENT 'live, or the id of a replay. Filter on it: a replay\'s turns are rows of their own.',
    session_id String COMMENT 'The customer\'s conversation on a channel.',
    turn_id String COMMENT 'The turn: the event id of its message.',
    turn_started_at DateTime64(6, 'UTC') COMMENT 'When the customer wrote, by the channel\'s clock; of a rejected message, when the log took it.',
    received Bool COMMENT 'Whether the message is known, or that it was rejected; false while only what follows from it has arrived.',
    disposition LowCardinality(String) COMMENT 'What became of the turn, the first that applies: answered_by_human, handed_off, replied, dead_lettered; open until one does.',
    text String COMMENT 'What the customer wrote.',
    lang LowCardinality(String) COMMENT 'Language the turn was answered in: zh, en, mixed or und.',
    channel LowCardinality(String) COMMENT 'The channel.',
    entry_path String COMMENT 'Where in the channel the conversation was opened.',
    customer_id String COMMENT 'Who wrote.',
    customer_tier LowCardinality(String) COMMENT 'The customer\'s tier.',
    customer_verified Bool COMMENT 'Whether the channel has verified who the customer is.',
    intent LowCardinality(String) COMMENT 'What the customer wants, in the model\'s own label; empty where no intent arrived.',
    intent_scenario LowCardinality(String) COMMENT 'The scenario family of the intent.',
    confidence Nullable(Float64) COMMENT 'Of the intent, 0 to 1.',
    out_of_scope Nullable(Float64) COMMENT '0: surely in scope, 1: surely not.',
    sentiment Nullable(Float64) COMMENT 'How the customer felt: -1 very bad to 1 very good.',
    sentiment_label LowCardinality(String) COMMENT 'negative, neutral or positive.',
    anger Nullable(Float64) COMMENT '0 to 1.',
    entities Array(Tuple(kind String, text String, value String, start Int64, end Int64, personal Bool)) COMMENT 'What the message names.',
    entity_count UInt32 COMMENT 'How many things the message names.',
    scenario LowCardinality(String) COMMENT 'The scenario the turn was routed to; empty while it is not routed.',
    step LowCardinality(String) COMMENT 'The step in the scenario.',
    trigger LowCardinality(String) COMMENT 'What chose the scenario.',
    owner LowCardinality(String) COMMENT 'Who answers: reply, generation or human.',
    handoff Bool COMMENT 'Whether this turn handed the session to a human.',
    handoff_reason Nullable(String) COMMENT 'Why it did.',
    missing_signals Array(String) COMMENT 'Signals that had not arrived when the turn was routed.',
    signals_used Tuple(intent String, confidence Float64, out_of_scope Float64, sentiment Float64, anger Float64, missing Array(String)) COMMENT 'The signals that the decision used.',
    slots Map(String, String) COMMENT 'What the dialogue has gathered, for the templates.',
    rungs Array(String) COMMENT 'The rungs that the decision allowed, in order.',
    soothing Nullable(String) COMMENT 'The soothing text put before the reply.',
    knowledge_scope Array(String) COMMENT 'Tags of the articles that were to be searched.',
    rejected Nullable(String) COMMENT 'Why the message could not be worked on.',
    episode_id String COMMENT 'The stretch of the session without a long pause; its first turn.',
    turn_seq Int64 COMMENT 'The turn\'s number in its episode, from 1; 0 while it is not routed.',
    failures Int64 COMMENT 'Turns in a row, up to this one, that the bot failed to help with.',
    rung LowCardinality(String) COMMENT 'How the reply was made: cache, template, knowledge, small_model, large_model, human or fallback; empty without a reply.',
    reply String COMMENT 'What the customer was told.',
    reply_lang LowCardinality(String) COMMENT 'Language of the reply.',
    template Nullable(String) COMMENT 'The template used.',
    passed_over Array(Tuple(rung String, reason String)) COMMENT 'Better rungs that did not answer, and why.',
    citations Array(Tuple(article_id String, title String)) COMMENT 'The articles that the reply rests on.',
    replied_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the log took the reply.',
    latency_ms Nullable(Float64) COMMENT 'From the message to its reply, both by the log\'s clock, in milliseconds.',
    reply_seconds Nullable(Float64) COMMENT 'Spent on making the reply.',
    deadline_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when an answer is of use.',
    deadline_missed Nullable(Bool) COMMENT 'Whether the reply came after that.',
    agent_replies UInt64 COMMENT 'How many answers human agents gave.',
    agent_reply String COMMENT 'The first of them.',
    agent_id String COMMENT 'Who gave it.',
    agent_replied_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the log took it.',
    feedback Nullable(Int64) COMMENT 'The customer\'s score of the turn; the first one given.',
    feedback_comment String COMMENT 'And the comment with it.',
    dead_letter_reason LowCardinality(String) COMMENT 'Why a record of the turn was rejected; empty where none was.',
    dead_letter_detail String COMMENT 'What would mend it.',
    dead_letter_stage LowCardinality(String) COMMENT 'The stage that rejected it.',
    message_by LowCardinality(String) COMMENT 'Fingerprint of the adapter that published the message.',
    intent_by LowCardinality(String) COMMENT 'Fingerprint of what detected the intent.',
    sentiment_by LowCardinality(String) COMMENT 'Fingerprint of what scored the sentiment.',
    entities_by LowCardinality(String) COMMENT 'Fingerprint of what extracted the entities.',
    routed_by LowCardinality(String) COMMENT 'Fingerprint of what routed the turn.',
    replied_by LowCardinality(String) COMMENT 'Fingerprint of what made the reply.',
    policy LowCardinality(String) COMMENT 'Fingerprint of the policy in force.',
    knowledge LowCardinality(String) COMMENT 'Fingerprint of the articles in force.',
    partition_offset UInt64 COMMENT 'The message\'s offset on its partition of chat.messages.'
) AS
SELECT
    tenant_id,
    run_id,
    session_id,
    turn_id,
    started_at AS turn_started_at,
    bitAnd(kinds, 9) != 0 AS received,
    multiIf(bitAnd(kinds, 256) != 0, 'answered_by_human', h_route_handoff OR h_route_owner = 'human', 'handed_off',
    bitAnd(kinds, 4) != 0, 'replied', bitAnd(kinds, 8) != 0, 'dead_lettered', 'open') AS disposition,
    me.text AS text,
    if(bitAnd(kinds, 2) != 0, ro.lang, it.lang) AS lang,
    if(bitAnd(kinds, 1) != 0, me.channel, ro.channel) AS channel,
    me.entry_path AS entry_path,
    if(bitAnd(kinds, 1) != 0, me.customer.id, ro.customer_id) AS customer_id,
    me.customer.tier AS customer_tier,
    me.customer.verified AS customer_verified,
    it.label AS intent,
    it.scenario AS intent_scenario,
    if(bitAnd(kinds, 16) != 0, it.confidence, NULL) AS confidence,
    if(bitAnd(kinds, 16) != 0, it.out_of_scope, NULL) AS out_of_scope,
    if(bitAnd(kinds, 32) != 0, h_sentiment_score, NULL) AS sentiment,
    se.label AS sentiment_label,
    if(bitAnd(kinds, 32) != 0, se.anger, NULL) AS anger,
    en.entities AS entities,
    length(en.entities) AS entity_count,
    h_route_scenario AS scenario,
    ro.step AS step,
    ro.trigger AS trigger,
    h_route_owner AS owner,
    h_route_handoff AS handoff,
    ro.handoff_reason AS handoff_reason,
    ro.signals.missing AS missing_signals,
    ro.signals AS signals_used,
    ro.slots AS slots,
    ro.rungs AS rungs,
    ro.soothing AS soothing,
    ro.knowledge_scope AS knowledge_scope,
    ro.rejected AS rejected,
    ro.state.episode_id AS episode_id,
    ro.state.turn_seq AS turn_seq,
    ro.state.failures AS failures,
    h_reply_rung AS rung,
    re.text AS reply,
    re.lang AS reply_lang,
    re.template AS template,
    re.passed_over AS passed_over,
    re.citations AS citations,
    if(bitAnd(kinds, 4) != 0, fromUnixTimestamp64Micro(h_reply_at, 'UTC'), NULL) AS replied_at,
    if(bitAnd(kinds, 5) = 5, (h_reply_at - h_message_at) / 1000, NULL) AS latency_ms,
    if(bitAnd(kinds, 4) != 0, re.seconds, NULL) AS reply_seconds,
    if(bitAnd(kinds, 1) != 0, fromUnixTimestamp64Micro(h_message_due, 'UTC'), fromUnixTimestamp64Micro(coalesce(ro.deadline_at, dl.deadline_at), 'UTC')) AS deadline_at,
    if(bitAnd(kinds, 5) = 5, h_reply_at > h_message_due, NULL) AS deadline_missed,
    humans AS agent_replies,
    ag.text AS agent_reply,
    ag.agent_id AS agent_id,
    if(bitAnd(kinds, 256) != 0, fromUnixTimestamp64Micro(ag.log_time, 'UTC'), NULL) AS agent_replied_at,
    if(bitAnd(kinds, 512) != 0, h_rating_score, NULL) AS feedback,
    fe.comment AS feedback_comment,
    dl.reason AS dead_letter_reason,
    dl.detail AS dead_letter_detail,
    dl.stage AS dead_letter_stage,
    me.fingerprint AS message_by,
    it.fingerprint AS intent_by,
    se.fingerprint AS sentiment_by,
    en.fingerprint AS entities_by,
    ro.fingerprint AS routed_by,
    re.fingerprint AS replied_by,
    if(bitAnd(kinds, 2) != 0, ro.policy, re.policy) AS policy,
    if(bitAnd(kinds, 2) != 0, ro.knowledge, re.knowledge) AS knowledge,
    me.log_offset AS partition_offset
FROM (
    SELECT
        tenant_id, run_id, session_id, turn_id,
        groupBitOr(parts) AS kinds,
        argMinMerge(started) AS started_at,
        argMinMerge(message) AS me,
        argMinMerge(route) AS ro,
        argMinMerge(reply) AS re,
        argMinMerge(dead_letter) AS dl,
        argMinMerge(intent) AS it,
        argMinMerge(sentiment) AS se,
        argMinMerge(entities) AS en,
        argMinMerge(agent) AS ag,
        argMinMerge(rating) AS fe,
        argMinMerge(message_at) AS h_message_at,
        argMinMerge(message_due) AS h_message_due,
        argMinMerge(route_scenario) AS h_route_scenario,
        argMinMerge(route_owner) AS h_route_owner,
        argMinMerge(route_handoff) AS h_route_handoff,
        argMinMerge(reply_rung) AS h_reply_rung,
        argMinMerge(reply_at) AS h_reply_at,
        argMinMerge(sentiment_score) AS h_sentiment_score,
        argMinMerge(rating_score) AS h_rating_score,
        uniqExactMerge(agent_replies) AS humans
    FROM turn_parts
    GROUP BY tenant_id, run_id, session_id, turn_id
)
WHERE bitAnd(kinds, 127) != 0
COMMENT 'One row a turn: a customer''s message and all that followed from it. Parts that have not arrived are empty or null.';
