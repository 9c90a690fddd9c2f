-- What models did for each turn that was theirs: the rung that answered, why no higher one, model, prompt, tokens, times.
-- param turn= the turn's id; empty: the latest turns
-- param session= only this session; empty: all
-- param tenant= only this tenant; empty: all
-- param limit=20 how many
-- param run=live the run
SELECT
    turn_started_at,
    tenant_id AS tenant,
    session_id AS session,
    turn_id AS turn,
    rung,
    arrayStringConcat(arrayMap(p -> concat(p.rung, ': ', p.reason), passed_over), ', ') AS why_not_higher,
    model,
    prompt,
    prompt_tokens,
    tokens,
    first_seconds,
    generation_seconds AS seconds,
    generation_waited AS waited,
    finish,
    fault,
    guard_outcome,
    guards,
    latency_ms,
    deadline_missed,
    citations,
    reply
FROM turns
WHERE run_id = {run:String} AND (owner = 'generation' OR prompt != '')
    AND ({turn:String} = '' OR turn_id = {turn:String})
    AND ({session:String} = '' OR session_id = {session:String})
    AND ({tenant:String} = '' OR tenant_id = {tenant:String})
ORDER BY turns.turn_started_at DESC
LIMIT {limit:UInt32}
