"""What the reply stage does about a turn, by its owner, its deadline, and what others have said."""

from __future__ import annotations

from processors.outcomes import Drop, Emit, Outcome
from processors.routing import Signals, decide
from processors.stage import Context
from schemas.catalogue import REPLIES, ROUTES
from schemas.events import AgentReplied, Event, MadeBy, Record, ReplyProduced, ScenarioRouted
from schemas.identity import follow, reply_id
from streams.control import ControlFold
from streams.policies import Policies
from streams.reply import AHEAD, Reply, ReplyState
from streams.reply_cache import LruReplyCache
from streams.testing import EPOCH, Conversations, Crash, Hold, Pass, Release, Restart, a_message, a_policy

SECOND = 1_000_000


class Desk:
    """The state of one partition, fed by hand."""

    def __init__(self, policies: int = 1) -> None:
        self.control = ControlFold()
        for offset in range(policies):
            self.control.take(Record("chat.control", 0, offset, EPOCH, a_policy()))
        stage = Reply(Policies(self.control), LruReplyCache(), seconds=lambda: 0.0)
        self.state: ReplyState = stage.open(0, {ROUTES: 0, REPLIES: 0})
        self._next = {ROUTES: 0, REPLIES: 0}

    def see_end(self) -> None:
        """The stage has asked where chat.replies ends, and is there."""
        assert list(self.state.overdue(Context(EPOCH))) == [REPLIES]
        self.state.end_seen(REPLIES, self._next[REPLIES], EPOCH)

    def read(self, event: Event, at: int = EPOCH) -> Outcome | None:
        topic = ROUTES if isinstance(event, ScenarioRouted) else REPLIES
        record = Record(topic, 0, self._next[topic], at, event)
        self._next[topic] += 1
        return self.state.read(record, Context(at))

    def due(self, now: int = EPOCH) -> list[ReplyProduced]:
        outcomes = list(self.state.due(Context(now)))
        return [e for o in outcomes if isinstance(o, Emit) for e in o.events if isinstance(e, ReplyProduced)]


def a_route(owner: str = "reply", deadline: float = 5.0, text: str = "where is my order?") -> ScenarioRouted:
    """A decision of the kit's policy on a message without signals."""
    control = ControlFold()
    control.take(Record("chat.control", 0, 0, EPOCH, a_policy()))
    version = Policies(control).in_force("shop", EPOCH)
    assert version is not None
    message = a_message(text, deadline=deadline)
    record = Record("chat.messages", 0, 0, EPOCH, message)
    route = decide(version.rules, version.knowledge_fingerprint, None, record, Signals(), EPOCH)
    return route._replace(owner=owner)


def an_agents(route: ScenarioRouted) -> AgentReplied:
    """What a human says to that turn."""
    return AgentReplied(follow(route.meta, "desk", "desk@1", EPOCH), "I'll help.", "agent-1")


class TestItsOwnTurns:
    """Those that the fast rungs answer."""

    def test_are_answered_at_once(self) -> None:
        """The reply has the id that any reply to this turn has."""
        desk = Desk()
        desk.see_end()
        route = a_route()
        assert desk.read(route) is None
        (reply,) = desk.due()
        assert reply.rung == "template"
        assert reply.meta.event_id == reply_id("live", route.meta.turn_id or "")
        assert desk.state.safe()[ROUTES] == 1

    def test_whose_deadline_is_over_get_the_fallback(self) -> None:
        """It says why the better rungs were passed over."""
        desk = Desk()
        desk.see_end()
        desk.read(a_route(deadline=1.0))
        (reply,) = desk.due(EPOCH + 2 * SECOND)
        assert reply.rung == "fallback"
        assert {p.reason for p in reply.passed_over} == {"deadline"}

    def test_come_once(self) -> None:
        """A route that is delivered again is not answered again."""
        desk = Desk()
        desk.see_end()
        route = a_route()
        desk.read(route)
        assert desk.read(route) == Drop("repeat")
        assert len(desk.due()) == 1
        assert desk.read(route) == Drop("repeat")
        assert desk.due() == []

    def test_wait_until_the_replies_are_read(self) -> None:
        """A turn that was answered before a restart is not answered again."""
        desk = Desk()
        route = a_route()
        desk.read(route)
        assert desk.due() == []
        desk.read(a_reply_to(route))
        desk.see_end()
        assert desk.due() == []
        assert desk.state.safe() == {ROUTES: 1, REPLIES: 1}

    def test_wait_for_a_policy_that_this_process_has_not_seen(self) -> None:
        """Routing may know an activation first."""
        desk = Desk(policies=0)
        desk.see_end()
        desk.read(a_route())
        assert desk.due() == []
        assert desk.state.safe()[ROUTES] == 0
        desk.control.take(Record("chat.control", 0, 0, EPOCH, a_policy()))
        assert [r.rung for r in desk.due()] == ["template"]

    def test_are_answered_by_another_version_rather_than_never(self) -> None:
        """A version that never comes does not leave the customer without a word."""
        desk = Desk()
        desk.see_end()
        desk.read(a_route()._replace(policy="shop@unheard#of"))
        assert desk.due() == []
        assert [r.rung for r in desk.due(EPOCH + 8 * SECOND)] == ["fallback"]


def a_reply_to(route: ScenarioRouted) -> ReplyProduced:
    """What another process of the stage has answered."""
    desk = Desk()
    desk.see_end()
    desk.read(route._replace(owner="reply"))
    (reply,) = desk.due()
    return reply


class TestTurnsOfOthers:
    """Those that generation or a human owns."""

    def test_hold_the_offset_while_they_are_open(self) -> None:
        """After a restart the stage must watch over them again."""
        desk = Desk()
        desk.see_end()
        desk.read(a_route("generation"))
        desk.read(a_route())
        assert len(desk.due()) == 1
        assert desk.state.safe()[ROUTES] == 0

    def test_get_what_a_fast_rung_has_at_their_deadline(self) -> None:
        """A tenth of a second before, so that it is in the log by then; not earlier; and once."""
        desk = Desk()
        desk.see_end()
        desk.read(a_route("generation", deadline=5.0))
        assert desk.due(EPOCH + 5 * SECOND - AHEAD - 1) == []
        (reply,) = desk.due(EPOCH + 5 * SECOND - AHEAD)
        assert reply.rung == "template"
        assert desk.due(EPOCH + 60 * SECOND) == []
        assert desk.state.safe()[ROUTES] == 1

    def test_say_which_rungs_their_owner_did_not_make(self) -> None:
        """Where no other rung has an answer either, it is the fallback."""
        desk = Desk()
        desk.see_end()
        desk.read(a_route("generation", deadline=5.0)._replace(rungs=("large_model", "knowledge", "fallback")))
        (reply,) = desk.due(EPOCH + 5 * SECOND)
        assert reply.rung == "fallback"
        assert [tuple(p) for p in reply.passed_over] == [("large_model", "deadline"), ("knowledge", "no_article")]

    def test_that_are_much_too_late_get_the_fallback(self) -> None:
        """A stage that was away for long does not answer old questions one by one."""
        desk = Desk()
        desk.see_end()
        desk.read(a_route("generation", deadline=5.0))
        (reply,) = desk.due(EPOCH + 6 * SECOND)
        assert reply.rung == "fallback"

    def test_are_closed_by_their_owners_answer(self) -> None:
        """In whichever order route and answer are read."""
        for answer_first in (True, False):
            desk = Desk()
            desk.see_end()
            route = a_route("generation")
            answer = a_reply_to(route)._replace(meta=route.meta._replace(made_by=MadeBy("generation", "m")))
            for event in (answer, route) if answer_first else (route, answer):
                desk.read(event)
            assert desk.due(EPOCH + 60 * SECOND) == []
            assert desk.state.safe() == {ROUTES: 1, REPLIES: 1}

    def test_are_closed_by_a_human(self) -> None:
        """Whoever was answered by a person needs no fallback."""
        desk = Desk()
        desk.see_end()
        route = a_route("generation")
        desk.read(route)
        desk.read(an_agents(route))
        assert desk.due(EPOCH + 60 * SECOND) == []

    def test_of_humans_are_left_alone(self) -> None:
        """The bot is silent."""
        desk = Desk()
        desk.see_end()
        assert desk.read(a_route("human")) == Drop("human")
        assert desk.due(EPOCH + 60 * SECOND) == []
        assert desk.state.safe()[ROUTES] == 1


class TestAnswers:
    """How long an answer must be kept in mind."""

    def test_an_answer_is_held_while_its_route_would_be_read_again(self) -> None:
        """An open turn before it holds its route back, and hence its answer too."""
        desk = Desk()
        desk.see_end()
        open_turn, answered = a_route("generation"), a_route()
        desk.read(open_turn)
        desk.read(answered)
        (reply,) = desk.due()
        desk.read(reply)
        assert desk.state.safe() == {ROUTES: 0, REPLIES: 0}
        desk.read(an_agents(open_turn))
        assert desk.state.safe() == {ROUTES: 2, REPLIES: 2}

    def test_an_answer_whose_route_never_comes_is_let_go(self) -> None:
        """Once chat.routes was read, or asked for its end, far past it."""
        desk = Desk()
        desk.see_end()
        desk.read(a_reply_to(a_route()))
        assert desk.due() == []
        assert desk.state.safe()[REPLIES] == 0
        later = Context(EPOCH + 20 * SECOND)
        assert list(desk.state.overdue(later)) == [ROUTES]
        desk.state.end_seen(ROUTES, 0, later.now)
        desk.due(later.now)
        assert desk.state.safe()[REPLIES] == 1


class TestOverThePipeline:
    """With everything around it."""

    def test_a_crash_after_producing_repeats_no_reply(self) -> None:
        """The stage sees in the log what it had already said."""
        talk = Conversations()
        talk.play([Crash("reply", "after_produce"), a_message(), a_message(), Restart("reply"), a_message()])
        assert [len(talk.bus.records(REPLIES)), len(talk.replies())] == [3, 3]

    def test_a_stage_that_was_away_answers_late_turns_with_the_fallback(self) -> None:
        """Nothing is dropped silently."""
        talk = Conversations()
        talk.play([Hold("reply"), a_message(deadline=5.0), Pass(10), Release("reply")])
        assert [r.rung for r in talk.replies()] == ["fallback"]
