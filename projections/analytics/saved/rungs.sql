-- How replies were made, how fast, and what customers thought of them.
-- param run=live the run
SELECT
    tenant_id AS tenant,
    rung,
    count() AS turns,
    round(100 * turns / sum(turns) OVER (PARTITION BY tenant_id), 1) AS percent,
    round(quantile(0.5)(latency_ms)) AS p50_ms,
    round(quantile(0.95)(latency_ms)) AS p95_ms,
    countIf(deadline_missed) AS missed_deadline,
    round(avg(feedback), 2) AS mean_feedback
FROM turns
WHERE rung != '' AND run_id = {run:String}
GROUP BY tenant, rung
ORDER BY tenant, turns DESC
