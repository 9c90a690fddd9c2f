-- Events that lie in the log more than once: repeated webhooks, and work that was done again.
SELECT
    topic,
    record,
    uniqExact(partition, offset) AS records,
    uniqExact(tenant_id, session_id, event_id) AS events,
    records - events AS repeats,
    round(100 * repeats / records, 2) AS percent
FROM log_index
WHERE status = 'decoded'
GROUP BY topic, record
ORDER BY repeats DESC, topic, record
