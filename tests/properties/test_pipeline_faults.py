"""The whole pipeline under any script of faults: every customer who wrote is answered, once, and in order."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.catalogue import DEAD_LETTERS, MESSAGES
from schemas.codec import Codec
from schemas.events import DeadLettered, MessageReceived
from schemas.identity import reply_id
from schemas.validation import wrong_event
from streams.testing import (
    EPOCH,
    Conversations,
    Crash,
    Hold,
    Item,
    Pass,
    Release,
    Restart,
    a_close,
    a_feedback,
    a_message,
    a_policy,
    a_return,
)

CODEC = Codec()
STAGES = ("intent", "sentiment", "entities", "routing", "reply")
stage = st.sampled_from(STAGES)
session = st.sampled_from(["s-1", "s-2", "s-3"])
texts = st.sampled_from(["where is my order?", "我的订单到哪了", "hm", "let me talk to a human", "", "\x00"])
messages = st.builds(
    lambda text, session, number: a_message(text, session=session, id_=f"{session}-{number}"),
    texts,
    session,
    st.integers(0, 12),
)
changes = st.one_of(
    st.builds(lambda s: a_return(session=s), session),
    st.builds(lambda s: a_close(session=s), session),
    st.builds(lambda s: a_feedback(session=s), session),
)
faults = st.one_of(
    st.builds(Crash, stage, st.sampled_from(["before_produce", "after_produce", "after_commit"])),
    st.builds(Restart, stage),
    st.builds(Hold, stage),
    st.builds(Release, stage),
    st.builds(Pass, st.sampled_from([0.1, 0.5, 6.0])),
)
policy = st.builds(lambda v: a_policy(version=str(v), effective_at=EPOCH + v * 1_000_000), st.integers(2, 5))
scripts = st.integers(1, 25).flatmap(
    lambda n: st.lists(st.one_of(messages, messages, messages, changes, faults, faults, policy), min_size=n, max_size=n)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts)
def test_everyone_is_answered_once_and_in_order(script: list[Item]) -> None:
    """Whatever breaks off, stops, or comes twice, on the way."""
    talk = Conversations(partitions=2, codec=CODEC)
    talk.play(script, settle=False)
    talk.play([Release(name) for name in STAGES])
    written: dict[str, MessageReceived] = {}
    invalid = set()
    for record in talk.bus.records(MESSAGES):
        if isinstance(record.event, MessageReceived) and record.event.meta.event_id not in written:
            written[record.event.meta.event_id] = record.event
            if wrong_event(record.event, record.appended_at):
                invalid.add(record.event.meta.event_id)
    routes = talk.routes()
    assert sorted(r.meta.turn_id or "" for r in routes) == sorted(written)
    assert {r.meta.turn_id for r in routes if r.rejected} == invalid
    for name in ("s-1", "s-2", "s-3"):
        mine = talk.routes(name)
        assert [r.meta.turn_id for r in mine] == [t for t, m in written.items() if m.meta.session_id == name]
        seqs = [r.state.seq for r in mine]
        assert seqs == sorted(set(seqs))
    replied = [r.meta.event_id for r in talk.replies()]
    assert sorted(replied) == sorted(reply_id("live", r.meta.turn_id or "") for r in routes if r.owner == "reply")
    letters = {r.event.meta.turn_id for r in talk.bus.records(DEAD_LETTERS) if isinstance(r.event, DeadLettered)}
    assert letters >= invalid
