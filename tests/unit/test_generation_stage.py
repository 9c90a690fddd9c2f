"""What the generation stage does about a turn: before it is handed over, when it is made, when nobody waits for it."""

from __future__ import annotations

from processors.outcomes import Drop, Emit, Outcome
from processors.replying import Answer, Cached
from processors.routing import Signals, decide
from processors.stage import Context
from schemas.catalogue import MESSAGES, REPLIES, ROUTES, TOPIC_OF
from schemas.events import (
    AgentReplied,
    EntitiesExtracted,
    Event,
    Generated,
    IntentDetected,
    PassedOver,
    PolicyActivated,
    Record,
    ReplyProduced,
    ScenarioRouted,
)
from schemas.identity import follow, follow_as_reply, reply_id
from streams.control import ControlFold
from streams.generation.stage import Generation, GenerationState
from streams.generation.tasks import Made
from streams.policies import Policies
from streams.testing import EPOCH, a_close, a_feedback, a_message
from streams.testing.generated import HeldGenerations, NothingKept
from tests.generating import ASKED, SAID, a_generating_policy

SECOND = 1_000_000
DID = Generated("m@1#1", "answer@1#1", 90, 12, 0.1, 0.4, 0.0, "stop", "", "passed")
MADE = Made(Answer(SAID), "small_model", (), DID)
START = {ROUTES: 0, REPLIES: 0, MESSAGES: 0}


class Kept(NothingKept):
    """The port GeneratedAnswers: what a test put there, and what it was told."""

    def __init__(self) -> None:
        self.answers: dict[str, Cached] = {}
        self.offered: list[tuple[str, str, bool]] = []
        self.scores: list[tuple[str, int]] = []

    def get(self, key: str) -> Cached | None:
        return self.answers.get(key)

    def offer(self, key: str, turn_id: str, answer: Cached, at_once: bool) -> None:
        self.offered.append((turn_id, answer.text, at_once))
        if at_once:
            self.answers[key] = answer

    def feedback(self, turn_id: str, score: int) -> None:
        self.scores.append((turn_id, score))


class Desk:
    """The state of one partition, fed by hand."""

    def __init__(self, policy: PolicyActivated | None = None, most: int = 100) -> None:
        control = ControlFold()
        control.take(Record("chat.control", 0, 0, EPOCH, policy or a_generating_policy()))
        self.engine, self.kept = HeldGenerations(), Kept()
        self.policies = Policies(control)
        self.stage = Generation(self.policies, self.engine, self.kept, seconds=lambda: 0.0, most=most)
        self.state = self.open()

    def open(self) -> GenerationState:
        """The partition comes: the stage has asked where chat.replies ends, and is there."""
        self._next = dict(START)
        self.state = self.stage.open(0, START)
        assert list(self.state.overdue(Context(EPOCH))) == [REPLIES]
        self.state.end_seen(REPLIES, 0, EPOCH)
        return self.state

    def read(self, event: Event, at: int = EPOCH) -> Outcome | None:
        topic = TOPIC_OF[type(event)]
        record = Record(topic, 0, self._next[topic], at, event)
        self._next[topic] += 1
        return self.state.read(record, Context(at))

    def due(self, now: int = EPOCH) -> list[ReplyProduced]:
        outcomes = list(self.state.due(Context(now)))
        return [e for o in outcomes if isinstance(o, Emit) for e in o.events if isinstance(e, ReplyProduced)]

    def route(self, text: str = ASKED, session: str = "s-1", at: int = EPOCH) -> ScenarioRouted:
        """Routing's decision on a message about returns."""
        version = self.policies.in_force("shop", EPOCH)
        assert version is not None
        message = a_message(text, session=session, at=at)
        record = Record(MESSAGES, 0, 0, at, message)
        meta = follow(message.meta, "understanding", "u@1", at)
        intent = IntentDetected(meta, "return", "returns_exchange", 0.9, (), 0, "en")
        signals = Signals(intent, entities=EntitiesExtracted(meta, ()))
        return decide(version.rules, version.knowledge_fingerprint, None, record, signals, at)


def turn_of(route: ScenarioRouted) -> str:
    """Its turn's id."""
    assert route.meta.turn_id is not None
    return route.meta.turn_id


def an_agents(route: ScenarioRouted) -> AgentReplied:
    """What a human says to that turn."""
    return AgentReplied(follow(route.meta, "desk", "desk@1", EPOCH), "I'll help.", "agent-1")


class TestHandingOver:
    """What goes to the engine, and what need not."""

    def test_a_turn_is_handed_over_with_what_is_left_of_its_ladder(self) -> None:
        """The rungs before the first generating one were tried; the fallback is nobody's."""
        desk = Desk()
        route = desk.route()
        assert route.owner == "generation"
        assert desk.read(route) is None
        assert desk.due() == []
        task = desk.engine.tasks[turn_of(route)]
        assert task.rungs == ("small_model", "knowledge", "template")
        assert task.deadline == 5.0
        assert [p.article_id for p in task.passages] == ["returns"]
        assert isinstance(task.fast("template"), Answer)

    def test_what_a_rung_before_it_has_is_said_at_once(self) -> None:
        """No model is asked."""
        desk = Desk(a_generating_policy("template, small_model"))
        route = desk.route()
        desk.read(route)
        (reply,) = desk.due()
        assert (reply.rung, reply.meta.event_id) == ("template", reply_id("live", turn_of(route)))
        assert desk.engine.submitted == []
        assert desk.state.safe()[ROUTES] == 1

    def test_turns_of_others_are_passed_over(self) -> None:
        """They hold nothing here."""
        desk = Desk()
        assert desk.read(desk.route()._replace(owner="reply")) == Drop("others")
        assert desk.read(desk.route()._replace(owner="human")) == Drop("others")
        assert desk.due() == []
        assert desk.state.safe() == {ROUTES: 2, REPLIES: 0, MESSAGES: 0}

    def test_a_turn_that_comes_after_its_deadline_is_left_to_the_fallback(self) -> None:
        """It is held until the reply stage has given it."""
        desk = Desk()
        route = desk.route()
        desk.read(route)
        assert desk.due(EPOCH + 6 * SECOND) == []
        assert desk.engine.submitted == []
        assert desk.state.safe()[ROUTES] == 0
        desk.read(an_agents(route))
        assert desk.state.safe()[ROUTES] == 1

    def test_no_more_are_handed_over_than_may_be(self) -> None:
        """The others wait their turn."""
        desk = Desk(most=1)
        first, second = desk.route(session="a"), desk.route(session="b")
        desk.read(first)
        desk.read(second)
        desk.due()
        assert desk.engine.submitted == [turn_of(first)]
        desk.engine.end(turn_of(first), MADE)
        desk.due()
        desk.due()
        assert desk.engine.submitted == [turn_of(first), turn_of(second)]

    def test_nothing_is_handed_over_before_the_replies_are_read(self) -> None:
        """What was answered before a crash is not paid for again."""
        desk = Desk()
        desk._next = dict(START)
        desk.state = desk.stage.open(0, START)
        route = desk.route()
        desk.read(route)
        desk.due()
        assert desk.engine.submitted == []
        desk.read(an_agents(route))
        list(desk.state.overdue(Context(EPOCH)))
        desk.state.end_seen(REPLIES, 1, EPOCH)
        assert desk.due() == []
        assert desk.engine.submitted == []
        assert desk.state.safe() == {ROUTES: 1, REPLIES: 1, MESSAGES: 0}


class TestReplies:
    """What becomes of what the engine made."""

    def test_an_answer_is_a_reply_with_what_it_took(self) -> None:
        """Under the id that every reply of the turn has, and with every rung passed over before it."""
        desk = Desk()
        route = desk.route()
        desk.read(route)
        desk.due()
        desk.engine.end(turn_of(route), MADE)
        (reply,) = desk.due()
        assert (reply.text, reply.rung, reply.generated) == (SAID, "small_model", DID)
        assert reply.passed_over == (PassedOver("cache", "not_asked_before"),)
        assert reply.meta.made_by.stage == "generation"
        assert reply.meta.event_id == reply_id("live", turn_of(route))

    def test_without_an_answer_it_is_the_fallback(self) -> None:
        """At once: nothing is left to wait for. What was paid is noted all the same."""
        desk = Desk()
        route = desk.route()
        desk.read(route)
        desk.due()
        passed = (PassedOver("small_model", "model_failed"), PassedOver("knowledge", "no_article"))
        desk.engine.end(turn_of(route), Made(None, "", passed, DID))
        (reply,) = desk.due()
        assert (reply.rung, reply.passed_over[1:], reply.generated) == ("fallback", passed, DID)

    def test_the_offset_is_that_of_the_oldest_unfinished_turn(self) -> None:
        """Whatever was finished after it."""
        desk = Desk()
        routes = [desk.route(session=f"s-{n}") for n in range(3)]
        for route in routes:
            desk.read(route)
        desk.due()
        desk.engine.end(turn_of(routes[1]), MADE)
        desk.engine.end(turn_of(routes[2]), MADE)
        assert len(desk.due()) == 2
        assert desk.state.safe()[ROUTES] == 0
        desk.engine.end(turn_of(routes[0]), MADE)
        assert len(desk.due()) == 1
        assert desk.state.safe()[ROUTES] == 3

    def test_a_turn_that_someone_else_answered_is_called_off(self) -> None:
        """The model's time is for others; what it makes yet is let go."""
        desk = Desk()
        route = desk.route()
        desk.read(route)
        desk.due()
        desk.read(an_agents(route))
        assert desk.engine.cancelled == [turn_of(route)]
        desk.engine.end(turn_of(route), MADE)
        assert desk.due() == []
        assert desk.state.safe()[ROUTES] == 1

    def test_both_sides_become_history(self) -> None:
        """Of every turn, whoever owns it; what was said before a restart too."""
        desk = Desk()
        route = desk.route()
        desk.state.recover(Record(ROUTES, 0, 0, EPOCH, desk.route("hello?")._replace(owner="reply")))
        desk.read(route)
        desk.read(an_agents(route))
        assert [said[1:] for said in desk.engine.said] == [("hello?", False), (ASKED, False), ("I'll help.", True)]


class TestLeaving:
    """Nobody waits any more."""

    def test_a_customer_who_left_costs_no_model(self) -> None:
        """The turn is answered by what needs none."""
        desk = Desk()
        route = desk.route()
        desk.read(route)
        desk.due()
        desk.read(a_close(at=EPOCH + 1))
        (reply,) = desk.due()
        assert (reply.rung, desk.engine.cancelled) == ("knowledge", [turn_of(route)])
        assert PassedOver("small_model", "customer_left") in reply.passed_over

    def test_a_turn_after_the_close_is_a_new_conversation(self) -> None:
        """A close that comes late calls nothing off."""
        desk = Desk()
        desk.read(desk.route(at=EPOCH + SECOND))
        desk.due()
        desk.read(a_close(at=EPOCH))
        desk.due()
        assert desk.engine.cancelled == []

    def test_a_lost_partition_calls_its_turns_off(self) -> None:
        """And what is made of them is nobody's."""
        desk = Desk()
        route = desk.route()
        desk.read(route)
        desk.due()
        desk.state.close()
        assert desk.engine.cancelled == [turn_of(route)]
        desk.engine.end(turn_of(route), MADE)
        assert desk.due() == []

    def test_a_partition_that_comes_back_begins_its_turns_again(self) -> None:
        """Even while the engine is still ending what it had called off."""
        desk = Desk()
        route = desk.route()
        desk.read(route)
        desk.due()
        desk.state.close()
        desk.open()
        desk.read(route)
        assert desk.due() == []
        desk.engine.end(turn_of(route), Made(None, "", (), None, cancelled=True))
        assert desk.due() == []
        desk.due()
        assert desk.engine.submitted == [turn_of(route), turn_of(route)]
        desk.engine.end(turn_of(route), MADE)
        assert [reply.rung for reply in desk.due()] == ["small_model"]


class TestTheCache:
    """Answers that were generated before."""

    def test_a_question_that_was_answered_is_not_generated_again(self) -> None:
        """Its rung comes before the models'."""
        desk = Desk(a_generating_policy(kept="always"))
        first, second = desk.route(session="a"), desk.route(session="b")
        desk.read(first)
        desk.due()
        desk.engine.end(turn_of(first), MADE)
        desk.due()
        desk.read(second)
        (reply,) = desk.due()
        assert (reply.rung, reply.text) == ("cache", SAID)
        assert desk.kept.offered == [(turn_of(first), SAID, True), (turn_of(second), SAID, False)]
        assert desk.engine.submitted == [turn_of(first)]

    def test_what_may_be_kept_is_the_policys_to_say(self) -> None:
        """Never, or once a customer found it good; and half an answer is not kept at all."""
        cut = DID._replace(finish="deadline")
        for kept, did, offered in (("never", DID, []), ("feedback", DID, [False]), ("always", cut, [])):
            desk = Desk(a_generating_policy(kept=kept))
            route = desk.route()
            desk.read(route)
            desk.due()
            desk.engine.end(turn_of(route), MADE._replace(generated=did))
            desk.due()
            assert [at_once for _, _, at_once in desk.kept.offered] == offered

    def test_it_hears_what_customers_thought(self) -> None:
        """Of the turn that they speak of."""
        desk = Desk()
        feedback = a_feedback(2)
        desk.read(feedback._replace(meta=feedback.meta._replace(turn_id="t-1")))
        desk.read(a_message())
        assert desk.kept.scores == [("t-1", 2)]
        assert desk.state.safe()[MESSAGES] == 2


def test_a_reply_of_ours_from_before_a_crash_closes_its_turn() -> None:
    """Of the stage's own two writes the first counts, and the engine is not asked."""
    desk = Desk()
    route = desk.route()
    ours = desk_reply(route)
    desk.read(ours)
    assert desk.read(route) == Drop("answered")
    desk.due()
    assert desk.engine.submitted == []


def desk_reply(route: ScenarioRouted) -> ReplyProduced:
    """What the stage wrote before it crashed."""
    desk = Desk()
    desk.read(route)
    desk.due()
    desk.engine.end(turn_of(route), MADE)
    (reply,) = desk.due()
    assert reply.meta == follow_as_reply(route.meta, "generation", reply.meta.made_by.fingerprint, EPOCH)
    return reply
