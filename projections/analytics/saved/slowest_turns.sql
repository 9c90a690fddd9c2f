-- The turns that waited longest for their reply.
-- param limit=20 how many
-- param run=live the run
SELECT
    round(latency_ms) AS latency_ms,
    tenant_id AS tenant,
    session_id AS session,
    turn_id AS turn,
    turn_started_at,
    rung,
    scenario,
    missing_signals,
    deadline_missed
FROM turns
WHERE run_id = {run:String} AND turns.latency_ms IS NOT NULL
ORDER BY turns.latency_ms DESC
LIMIT {limit:UInt32}
