-- How long records took from the log to here, by topic, over the last hours.
-- param hours=1 how far back
SELECT
    topic,
    count() AS records,
    countIf(status != 'decoded') AS refused,
    round(quantile(0.5)(delay)) AS p50_ms,
    round(quantile(0.95)(delay)) AS p95_ms,
    round(max(delay)) AS max_ms,
    max(appended_at) AS latest
FROM (
    SELECT *, (toUnixTimestamp64Micro(inserted_at) - toUnixTimestamp64Micro(appended_at)) / 1000 AS delay
    FROM log_index FINAL
    WHERE appended_at > now() - toIntervalHour({hours:UInt32})
)
GROUP BY topic
ORDER BY topic
