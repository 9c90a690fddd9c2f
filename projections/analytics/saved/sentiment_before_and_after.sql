-- How customers felt in the first and in the last turn of their episodes, by how the episode was answered.
-- param run=live the run
SELECT
    tenant,
    answered,
    count() AS episodes,
    round(avg(first_sentiment), 3) AS before,
    round(avg(last_sentiment), 3) AS after,
    round(after - before, 3) AS change,
    round(avg(last_anger - first_anger), 3) AS anger_change
FROM (
    SELECT
        tenant_id AS tenant,
        session_id,
        episode_id,
        multiIf(
            max(handoff) OR max(owner = 'human'), 'with a human', max(rung = 'fallback'), 'with a fallback', 'by the bot'
        ) AS answered,
        argMin(sentiment, turn_seq) AS first_sentiment,
        argMax(sentiment, turn_seq) AS last_sentiment,
        argMin(anger, turn_seq) AS first_anger,
        argMax(anger, turn_seq) AS last_anger,
        count() AS turns
    FROM turns
    WHERE received AND run_id = {run:String} AND sentiment IS NOT NULL AND turn_seq > 0
    GROUP BY tenant, session_id, episode_id
    HAVING turns > 1
)
GROUP BY tenant, answered
ORDER BY tenant, answered
