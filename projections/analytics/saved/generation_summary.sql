-- How the turns that were models' to answer were answered: rungs and models, tokens, times, and why not higher.
-- param tenant= only this tenant; empty: all
-- param hours=24 how far back
-- param run=live the run
SELECT
    tenant_id AS tenant,
    rung,
    model,
    count() AS turns,
    round(100 * turns / sum(turns) OVER (PARTITION BY tenant_id), 1) AS percent,
    sum(tokens) AS model_tokens,
    round(quantile(0.5)(first_seconds), 3) AS first_p50,
    round(quantile(0.99)(first_seconds), 3) AS first_p99,
    round(quantile(0.5)(generation_seconds), 3) AS seconds_p50,
    round(quantile(0.99)(generation_seconds), 3) AS seconds_p99,
    round(quantile(0.99)(generation_waited), 3) AS waited_p99,
    round(quantile(0.99)(latency_ms)) AS latency_p99_ms,
    countIf(deadline_missed) AS missed_deadline,
    topKArray(3)(arrayMap(p -> concat(p.rung, ': ', p.reason), arrayFilter(p -> endsWith(p.rung, '_model'), passed_over))) AS why_not_higher,
    topKArray(3)(guards) AS guards_found
FROM turns
WHERE run_id = {run:String} AND owner = 'generation' AND rung != ''
    AND turn_started_at > now() - INTERVAL {hours:UInt32} HOUR
    AND ({tenant:String} = '' OR tenant_id = {tenant:String})
GROUP BY tenant, rung, model
ORDER BY tenant, turns DESC
