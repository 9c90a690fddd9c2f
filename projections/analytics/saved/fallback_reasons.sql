-- Why turns ended in the fallback: what each better rung said, and what was missing.
-- param run=live the run
SELECT
    tenant_id AS tenant,
    scenario,
    multiIf(
        rejected IS NOT NULL, concat('rejected: ', coalesce(rejected, '')),
        empty(passed_over), 'no rung but the fallback was tried',
        arrayStringConcat(arrayMap(p -> concat(p.rung, ': ', p.reason), passed_over), ', ')
    ) AS why,
    missing_signals,
    count() AS turns,
    any(turn_id) AS for_example
FROM turns
WHERE rung = 'fallback' AND run_id = {run:String}
GROUP BY tenant, scenario, why, missing_signals
ORDER BY turns DESC
