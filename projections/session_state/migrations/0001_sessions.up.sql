-- Runs with search_path set to one schema, so that a rebuild can stand beside the live one.
DO $$
BEGIN
    CREATE ROLE spillway_projection NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
BEGIN
    CREATE ROLE spillway_reader NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

CREATE TABLE turns (
    tenant_id text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    turn_id text COLLATE "C" NOT NULL,
    message_offset bigint,
    message json,
    intent_offset bigint,
    intent json,
    sentiment_offset bigint,
    sentiment json,
    entities_offset bigint,
    entities json,
    route_offset bigint,
    route json,
    reply_offset bigint,
    reply json,
    dead_letter_offset bigint,
    dead_letter json,
    PRIMARY KEY (tenant_id, session_id, run_id, turn_id)
) WITH (fillfactor = 60, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.3);
COMMENT ON TABLE turns IS 'One row a turn, filled in by whichever event arrives; of each kind the lowest offset stays.';

CREATE TABLE session_events (
    tenant_id text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    turn_id text COLLATE "C",
    log_offset bigint NOT NULL,
    body json NOT NULL,
    PRIMARY KEY (tenant_id, session_id, run_id, kind, event_id)
);
COMMENT ON TABLE session_events IS
    'What a session has many of: a human''s answers, feedback, changes of the dialogue, dead letters without a turn.';

CREATE TABLE positions (
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    pos bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 10);
COMMENT ON TABLE positions IS 'The next offset to be folded; moves in the transaction that writes the rows.';

CREATE VIEW sessions WITH (security_invoker = true) AS
WITH states AS (
    SELECT tenant_id, run_id, session_id, (route ->> 'log_offset')::bigint AS log_offset, route -> 'state' AS state
    FROM turns WHERE route IS NOT NULL
    UNION ALL
    SELECT tenant_id, run_id, session_id, log_offset, body -> 'state' FROM session_events WHERE kind = 'change'
)
SELECT DISTINCT ON (tenant_id, session_id, run_id)
    tenant_id,
    run_id,
    session_id,
    (state ->> 'seq')::bigint AS seq,
    state ->> 'episode_id' AS episode_id,
    state ->> 'scenario' AS scenario,
    state ->> 'step' AS step,
    (state ->> 'handed_off')::boolean AS handed_off,
    (state ->> 'anger')::double precision AS anger,
    to_timestamp((state ->> 'last_turn_at')::double precision / 1e6) AS last_turn_at,
    state
FROM states
ORDER BY tenant_id, session_id, run_id, (state ->> 'seq')::bigint DESC, log_offset;
COMMENT ON VIEW sessions IS 'The dialogue of each session: the state with the highest seq; of equal ones the lowest offset.';

ALTER TABLE turns ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE session_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY projection ON turns TO spillway_projection USING (true) WITH CHECK (true);
CREATE POLICY projection ON session_events TO spillway_projection USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON turns FOR SELECT TO spillway_reader
    USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY own_tenant ON session_events FOR SELECT TO spillway_reader
    USING (tenant_id = current_setting('app.tenant_id', true));

GRANT SELECT, INSERT, UPDATE ON turns, session_events, positions TO spillway_projection;
GRANT SELECT ON sessions TO spillway_projection;
GRANT SELECT ON turns, session_events, sessions TO spillway_reader;
