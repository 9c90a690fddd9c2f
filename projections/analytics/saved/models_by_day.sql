-- Which model made what: signals a day by task, tenant and fingerprint, and how sure the model was.
-- param days=7 how far back
-- param run=live the run
SELECT
    toDate(turn_started_at) AS day,
    task,
    tenant,
    fingerprint,
    count() AS signals,
    round(avg(confidence), 3) AS mean_confidence,
    min(appended_at) AS first,
    max(appended_at) AS last
FROM (
    SELECT 'intent' AS task, tenant_id AS tenant, fingerprint, confidence, turn_started_at, appended_at
    FROM intents FINAL
    WHERE run_id = {run:String} AND turn_started_at > now() - toIntervalDay({days:UInt32})
    UNION ALL
    SELECT 'sentiment' AS task, tenant_id AS tenant, fingerprint, confidence, turn_started_at, appended_at
    FROM sentiments FINAL
    WHERE run_id = {run:String} AND turn_started_at > now() - toIntervalDay({days:UInt32})
    UNION ALL
    SELECT 'entities' AS task, tenant_id AS tenant, fingerprint, CAST(NULL AS Nullable(Float64)) AS confidence, turn_started_at, appended_at
    FROM entities FINAL
    WHERE run_id = {run:String} AND turn_started_at > now() - toIntervalDay({days:UInt32})
)
GROUP BY day, task, tenant, fingerprint
ORDER BY day DESC, task, tenant, first
