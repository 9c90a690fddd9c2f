"""Nothing of a replay reaches a customer: whatever would write, publish or answer an event of another run refuses."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from infra.redrive import Not, plan
from infra.replaying.topics import RunTopics
from projections.analytics.rows import FACTS
from projections.reading import refused
from projections.runs import Forbidden, LiveRefused, RunFacts, WrongRunName
from schemas.catalogue import CATALOGUE, MESSAGES, PARTIALS, TOPIC_OF, TOPICS
from schemas.codec import Codec
from schemas.events import Event, MessageReceived, Record, ReplyPartial
from schemas.identity import session_key
from schemas.validation import wrong_run
from streams.channels.publisher import Publisher
from streams.dead_letter import Bad, dead_letter
from streams.intake import Intake
from streams.replay.engine import PartitionReplay
from streams.sink import NotLive, Sink
from streams.testing import a_message
from tests.properties.sessions import a_session

CODEC = Codec()
NOWHERE = "127.0.0.1:1"
NO_STORE = "http://127.0.0.1:1"
KEY = session_key("shop", "s-1")


def of_run(event: Event, run_id: str = "replay-1") -> Event:
    """The same event in another run."""
    return event._replace(meta=event.meta._replace(run_id=run_id))


EVERY_KIND = list({type(r.event): r.event for r in a_session()}.values())


class FromKafka(NamedTuple):
    """A record as librdkafka's consumer gives it."""

    event: Event

    def topic(self) -> str:
        return TOPIC_OF[type(self.event)]

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return 1, self.event.meta.occurred_at // 1000

    def key(self) -> bytes:
        return session_key(self.event.meta.tenant_id, self.event.meta.session_id)

    def value(self) -> bytes:
        return CODEC.encode(self.event)


@pytest.mark.parametrize("event", EVERY_KIND, ids=lambda e: type(e).__name__)
def test_no_event_of_a_replay_is_written_to_a_topic_of_the_catalogue(event: Event) -> None:
    """The sink refuses it before anything of its batch is on its way, be the others of live."""
    sink = Sink(NOWHERE, CODEC)
    with pytest.raises(NotLive, match="replay-1"):
        sink.enqueue([event, of_run(event)])
    sink.deliver(30)  # Had anything been handed over, it would wait for a broker, and raise.


def test_no_event_of_a_replay_is_published_by_a_channel() -> None:
    """What gateway and desk publish with refuses it as well."""
    publisher = Publisher(NOWHERE, CODEC)
    with pytest.raises(NotLive):
        publisher.publish(of_run(a_message("hello")), lambda why: None)
    assert publisher.flush(30) == 0


@pytest.mark.parametrize("event", EVERY_KIND, ids=lambda e: type(e).__name__)
def test_a_live_stage_does_not_work_on_an_event_of_another_run(event: Event) -> None:
    """It is rejected as invalid, and its dead letter is of the run live, and of nobody's turn."""
    ((_, found),) = Intake(CODEC).records([FromKafka(of_run(event))], {0})  # type: ignore[list-item]
    assert isinstance(found, Bad)
    assert (found.reason, "replay-1" in found.detail) == ("invalid", True)
    letter = dead_letter(found, "intent", 0)
    assert (letter.meta.run_id, letter.meta.turn_id) == ("live", None)
    ((_, taken),) = Intake(CODEC).records([FromKafka(event)], {0})  # type: ignore[list-item]
    assert isinstance(taken, Record)


def test_a_projection_folds_no_event_of_another_run() -> None:
    """Found in the log, it is listed as invalid, and makes no fact of the run that it names."""
    record = Record(MESSAGES, 0, 1, a_message("hello").meta.occurred_at, of_run(a_message("hello")))
    assert "replay-1" in (refused(record, KEY) or "")


def test_a_dead_letter_of_another_run_is_not_sent_back() -> None:
    """A redrive would put it before the stages of live."""
    message = of_run(a_message("hello"))
    assert isinstance(message, MessageReceived)
    bad = Bad(MESSAGES, 0, 1, message.meta.occurred_at, KEY, CODEC.encode(message), "invalid", "", None)
    assert isinstance(plan(dead_letter(bad, "intent", 0), set(), CODEC, message.meta.occurred_at), Not)


def test_the_run_live_is_refused_as_the_name_of_a_replay() -> None:
    """Neither facts nor topics can be opened under it, nor under what is no name."""
    for name, refusal in (("live", LiveRefused), ("Live", WrongRunName), ("a'b", WrongRunName), ("", WrongRunName)):
        with pytest.raises(refusal):
            RunFacts(NO_STORE, name)
        with pytest.raises(refusal):
            RunTopics(NOWHERE, name, CODEC)


def test_facts_of_another_run_or_of_no_conversation_are_forbidden() -> None:
    """Refused before the store is even asked: nothing listens at the address."""
    live, other = a_session()[0], a_session()[0]._replace(event=of_run(a_session()[0].event, "replay-2"))
    control = Record("chat.control", 0, 0, 0, of_run(a_session()[0].event))
    facts = RunFacts(NO_STORE, "replay-1")
    for record in (live, other, control):
        with pytest.raises(Forbidden):
            facts.write(PartitionReplay((record,), (), {}), 0)


def test_pieces_of_replies_are_forbidden() -> None:
    """Customers watch them being made; a replay has nobody who watches, on no topic and in no table."""
    meta = of_run(a_session()[0].event).meta
    piece = Record(PARTIALS, 0, 0, 0, ReplyPartial(meta, "a-1", 0, "You can "))
    with pytest.raises(Forbidden):
        RunFacts(NO_STORE, "replay-1").write(PartitionReplay((piece,), (), {}), 0)
    with pytest.raises(Forbidden):
        RunTopics(NOWHERE, "replay-1", CODEC).write([piece])
    with pytest.raises(NotLive):
        Publisher(NOWHERE, CODEC).publish(piece.event, lambda why: None)


def test_isolated_topics_are_none_of_the_catalogue() -> None:
    """Their names begin with replay and the run, and an event of live is not written to them either."""
    topics = RunTopics(NOWHERE, "replay-1", CODEC)
    assert not set(topics.names.values()) & TOPICS.keys()
    assert all(name.startswith("replay.replay-1.") for name in topics.names.values())
    with pytest.raises(Forbidden):
        topics.write([a_session()[0]])


def test_live_is_taken() -> None:
    """Nothing is wrong with the run of what customers had."""
    assert all(wrong_run(event) is None for event in EVERY_KIND)
    assert {t.name for t in CATALOGUE} >= {TOPIC_OF[type(e)] for e in EVERY_KIND}
    assert {type(e) for e in EVERY_KIND} >= set(FACTS)
