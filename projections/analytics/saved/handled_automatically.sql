-- How many turns the bot handled on its own, by tenant and scenario.
-- param tenant= only this tenant; empty: all
-- param run=live the run
SELECT
    tenant_id AS tenant,
    if(scenario = '', '(not routed)', scenario) AS scenario,
    count() AS turns,
    countIf(disposition = 'replied' AND rung != 'fallback') AS automatic,
    round(100 * automatic / turns, 1) AS automatic_percent,
    countIf(rung = 'fallback') AS fallback,
    countIf(disposition IN ('handed_off', 'answered_by_human')) AS to_humans,
    round(avg(feedback), 2) AS mean_feedback
FROM turns
WHERE received AND run_id = {run:String} AND (tenant_id = {tenant:String} OR {tenant:String} = '')
GROUP BY tenant, scenario
ORDER BY turns DESC, tenant, scenario
