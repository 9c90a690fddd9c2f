-- Which share of sessions went to a human, by tenant, and why.
-- param run=live the run
SELECT
    tenant_id AS tenant,
    uniqExact(session_id) AS sessions,
    uniqExactIf(session_id, handoff) AS handed_off,
    round(100 * handed_off / sessions, 1) AS percent,
    groupUniqArrayIf(coalesce(handoff_reason, ''), handoff) AS reasons,
    uniqExactIf(session_id, agent_replies > 0) AS answered_by_agents
FROM turns
WHERE received AND run_id = {run:String}
GROUP BY tenant
ORDER BY tenant
