-- What customers wanted, how they felt and what they named, by tenant and intent.
-- param run=live the run
SELECT
    tenant_id AS tenant,
    intent,
    count() AS turns,
    round(avg(confidence), 2) AS mean_confidence,
    round(avg(sentiment), 2) AS mean_sentiment,
    round(100 * countIf(anger >= 0.5) / count(), 1) AS angry_percent,
    arrayStringConcat(arrayDistinct(arrayFlatten(groupArray(arrayMap(e -> e.kind, entities)))), ', ') AS named,
    any(text) AS for_example
FROM turns
WHERE run_id = {run:String} AND intent != ''
GROUP BY tenant, intent
ORDER BY tenant, turns DESC
