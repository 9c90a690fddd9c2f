"""What the routing stage does with each kind of record, seen over the whole pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from processors.outcomes import Drop, Retry
from processors.stage import Context
from schemas.catalogue import DEAD_LETTERS, MESSAGES, SIGNALS
from schemas.codec import Codec
from schemas.events import DeadLettered, MessageReceived, Record
from schemas.identity import session_key
from streams.control import ControlFold
from streams.policies import Policies
from streams.routing import Routing, RoutingState
from streams.testing import (
    EPOCH,
    Conversations,
    Crash,
    Hold,
    Pass,
    Release,
    Restart,
    ScriptedIntents,
    a_close,
    a_feedback,
    a_message,
    a_policy,
    a_return,
)

HUMAN = "let me talk to a human"


def dead_letters(talk: Conversations) -> list[DeadLettered]:
    """Those of a pipeline, each id once."""
    found = {r.event.meta.event_id: r.event for r in talk.bus.records(DEAD_LETTERS)}
    return [e for e in found.values() if isinstance(e, DeadLettered)]


class TestSignals:
    """How long a turn waits, and for what."""

    def test_a_turn_with_all_its_signals_does_not_wait(self) -> None:
        """It is routed at the time at which it came."""
        talk = Conversations()
        talk.play([a_message()], settle=False)
        (route,) = talk.routes()
        assert (route.signals.missing, route.meta.occurred_at) == ((), EPOCH)

    def test_a_turn_without_a_signal_is_routed_after_the_wait(self) -> None:
        """It says what was missing."""
        talk = Conversations()
        talk.play([Hold("sentiment"), a_message(), Pass(0.25)], settle=False)
        assert talk.routes() == []
        talk.play([Pass(0.5)], settle=False)
        (route,) = talk.routes()
        assert route.signals.missing == ("sentiment",)

    def test_a_signal_that_comes_after_the_wait_is_dropped(self) -> None:
        """The turn stays as it was decided."""
        talk = Conversations()
        talk.play([Hold("sentiment"), a_message(), Pass(1), Release("sentiment")])
        assert [r.signals.missing for r in talk.routes()] == [("sentiment",)]
        assert talk.pipeline.runners["routing"].dropped["late_signal"] == 1

    def test_a_backlog_is_joined_as_it_would_have_been_live(self) -> None:
        """Routing that was away for an hour uses the signals that were there in time, and waits for none."""
        talk = Conversations()
        talk.play([Hold("routing"), Hold("reply")], settle=False)
        talk.play([a_message(session=f"s-{n}") for n in range(50)])
        talk.clock.advance(3600)
        talk.play([Release("routing"), Release("reply")], settle=False)
        assert talk.routes() == []
        talk.pipeline.run()
        assert [r.signals.missing for r in talk.routes()] == [()] * 50


class TestOrder:
    """A session is a queue."""

    def test_a_turn_that_has_its_signals_waits_for_the_one_before_it(self) -> None:
        """Order within a session counts more than speed."""
        talk = Conversations()
        first, second = a_message("first"), a_message("second")
        talk.play([Hold("sentiment"), first, Pass(0.1), Release("sentiment")], settle=False)
        talk.pipeline.runners["sentiment"]._positions = {
            place: talk.bus.end(place) for place in talk.pipeline.runners["sentiment"]._positions
        }
        talk.play([second], settle=False)
        assert talk.routes() == []
        talk.play([Pass(0.6)])
        assert [r.meta.turn_id for r in talk.routes()] == [first.meta.turn_id, second.meta.turn_id]
        assert [r.state.turn_seq for r in talk.routes()] == [1, 2]

    def test_sessions_do_not_wait_for_each_other(self) -> None:
        """A turn that waits holds back its own session alone."""
        talk = Conversations(partitions=1)
        talk.play([Hold("sentiment"), a_message(session="slow"), Release("sentiment")], settle=False)
        slow = talk.pipeline.runners["sentiment"]
        slow._positions = {place: talk.bus.end(place) for place in slow._positions}
        talk.play([a_message(session="quick")], settle=False)
        assert [r.meta.session_id for r in talk.routes()] == ["quick"]


class TestRepeats:
    """What comes twice counts once."""

    def test_a_redelivered_message_is_one_turn(self) -> None:
        """While it waits, after it was routed, and after a restart."""
        talk = Conversations()
        message = a_message()
        talk.play([message, message, Pass(5), message, Restart("routing"), message])
        assert len(talk.routes()) == 1
        assert len(talk.replies()) == 1
        assert talk.pipeline.runners["routing"].dropped["repeat"] == 3

    @pytest.mark.parametrize("point", ["before_produce", "after_produce", "after_commit"])
    def test_a_crash_repeats_nothing_and_loses_nothing(self, point: Any) -> None:
        """Wherever routing breaks off, each turn has one decision, and the dialogue goes on from it."""
        talk = Conversations()
        talk.play([a_message(), Crash("routing", point), a_message(), a_message()])
        assert [r.state.turn_seq for r in talk.routes()] == [1, 2, 3]
        assert len(talk.replies()) == 3


class TestChanges:
    """What the desk and the channel do to a dialogue."""

    def test_after_a_handoff_the_bot_is_silent_until_the_desk_returns_it(self) -> None:
        """The customer is told once; meanwhile a human owns the turns."""
        talk = Conversations()
        talk.play([a_message(HUMAN), a_message(), a_return(), a_message()])
        assert [(r.owner, r.handoff) for r in talk.routes()] == [("reply", True), ("human", False), ("reply", False)]
        assert [c.change for c in talk.changes()] == ["returned"]
        assert [r.rung for r in talk.replies()] == ["human", "template"]

    def test_a_return_counts_where_it_stands_in_the_log(self) -> None:
        """A message that waits for its signals is decided before the return that came after it."""
        talk = Conversations()
        talk.play([a_message(HUMAN), Hold("sentiment"), a_message("waits"), a_return(), a_message("after")])
        assert [r.owner for r in talk.routes()] == ["reply", "human", "reply"]

    def test_a_closed_session_begins_a_new_episode(self) -> None:
        """The next message is the first of it."""
        talk = Conversations()
        talk.play([a_message(), a_close(), a_message()])
        assert [r.state.turn_seq for r in talk.routes()] == [1, 1]
        assert len({r.state.episode_id for r in talk.routes()}) == 2

    def test_the_state_survives_a_restart(self) -> None:
        """It is recovered from what routing itself has written."""
        talk = Conversations()
        talk.play([a_message(HUMAN), Restart("routing"), a_message(), a_return(), Restart("routing"), a_message()])
        assert [r.owner for r in talk.routes()] == ["reply", "human", "reply"]

    def test_a_return_that_is_read_again_does_not_undo_a_later_handoff(self) -> None:
        """What changed nothing when it was first read changes nothing when it is read again."""
        talk = Conversations()
        talk.play([a_message(), Hold("routing"), a_return(), a_message(HUMAN)], settle=False)
        talk.play([Crash("routing", "after_produce"), Release("routing"), a_message()])
        assert [r.owner for r in talk.routes()] == ["reply", "reply", "human"]
        assert talk.changes() == []

    def test_feedback_is_for_the_projections(self) -> None:
        """Routing drops it, and nothing waits behind it."""
        talk = Conversations()
        talk.play([a_feedback(), a_message()])
        assert len(talk.routes()) == 1
        assert talk.pipeline.runners["routing"].dropped["feedback"] == 1


class TestBadInput:
    """One dead letter each; the customer is answered where it is known who it is; neighbours go on."""

    def test_a_message_that_is_wrong_gets_the_fallback(self) -> None:
        """Its turn is decided as any other, with the log's times instead of its own."""
        talk = Conversations(codec=Codec())
        good, bad = a_message(), a_message()
        bad = bad._replace(meta=bad.meta._replace(occurred_at=0, turn_started_at=0, deadline_at=1))
        talk.play([good, bad, a_message()])
        (letter,) = dead_letters(talk)
        assert (letter.reason, letter.meta.turn_id) == ("invalid", bad.meta.turn_id)
        assert [r.rejected is None for r in talk.routes()] == [True, False, True]
        rejected = talk.routes()[1]
        assert (rejected.text, rejected.meta.turn_started_at) == ("", EPOCH)
        assert [r.rung for r in talk.replies()] == ["template", "fallback", "template"]
        assert talk.replies()[1].meta.turn_id == bad.meta.turn_id

    @pytest.mark.parametrize(
        "text", ["", "   ", "a" * 20_000, "NUL \x00 inside"], ids=["empty", "blank", "long", "NUL"]
    )
    def test_a_text_that_cannot_be_worked_on_gets_the_fallback(self, text: str) -> None:
        """However the text is wrong, there is one dead letter and one answer."""
        talk = Conversations(codec=Codec())
        talk.play([a_message(text)])
        assert len(dead_letters(talk)) == 1
        assert [r.rung for r in talk.replies()] == ["fallback"]

    def test_a_message_that_does_not_say_whose_turn_it_is_has_a_dead_letter_alone(self) -> None:
        """Without a sound id there is no turn to answer."""
        talk = Conversations(codec=Codec())
        message = a_message()
        talk.play([message._replace(meta=message.meta._replace(event_id="7", turn_id="7"))])
        assert (len(dead_letters(talk)), talk.routes(), talk.replies()) == (1, [], [])

    def test_an_unknown_tenant_has_a_dead_letter_alone(self) -> None:
        """Nobody's policy says what to tell its customers; signals of its messages are let go of."""
        talk = Conversations()
        talk.play([a_message(tenant="nobody"), a_message()])
        (letter,) = dead_letters(talk)
        assert letter.reason == "unknown_tenant"
        assert "spillway policy" in letter.detail
        assert [r.meta.tenant_id for r in talk.routes()] == ["shop"]

    def test_bytes_that_are_no_event_have_one_dead_letter_for_all_stages(self) -> None:
        """Its id is that of the place where they lie; tenant and session come from the key."""
        talk = Conversations(codec=Codec())
        talk.bus.append_bytes(MESSAGES, session_key("shop", "s-1"), b"\x00\x00\x00\x00\x01junk")
        talk.bus.append_bytes(SIGNALS, session_key("shop", "s-1"), b"junk")
        talk.play([a_message()])
        letters = dead_letters(talk)
        assert {(x.topic, x.meta.tenant_id, x.meta.session_id) for x in letters} == {
            (MESSAGES, "shop", "s-1"),
            (SIGNALS, "shop", "s-1"),
        }
        assert len(letters) == 2
        assert len(talk.replies()) == 1

    def test_a_record_under_another_sessions_key_is_rejected(self) -> None:
        """It may lie on another partition than its session, where nobody may decide for it."""
        talk = Conversations(codec=Codec())
        codec = Codec()
        talk.bus.append_bytes(MESSAGES, session_key("shop", "another"), codec.encode(a_message()))
        talk.play([])
        assert [x.reason for x in dead_letters(talk)] == ["invalid"]
        assert talk.routes() == []


class TestPolicies:
    """What is in force for whom."""

    def test_a_message_uses_what_was_in_force_when_the_log_took_it(self) -> None:
        """Not what is in force when it is routed."""
        second = a_policy(version="2", effective_at=EPOCH + 1_000_000)
        talk = Conversations(policies=[a_policy(), second])
        talk.play([Hold("routing"), a_message(), Pass(2), a_message(), Release("routing")])
        assert [r.policy for r in talk.routes()] == ["shop@1#test", "shop@2#test"]

    def test_routing_waits_for_a_control_log_that_is_not_fresh(self) -> None:
        """An activation might be in force that it has not seen."""

        class Stale(ControlFold):
            """Control that cannot be read at the moment."""

            def fresh(self, seconds: float) -> bool:
                return False

        assert isinstance(Routing(Policies(Stale())).ready(Context(EPOCH)), Retry)
        assert Routing(Policies(ControlFold())).ready(Context(EPOCH)) is None


class TestMemory:
    """What is over is forgotten."""

    def test_a_session_past_every_timeout_is_new_whether_or_not_it_was_forgotten(self) -> None:
        """Its next turn begins an episode with nothing of the old one."""
        talk = Conversations()
        talk.play([a_message(HUMAN), Pass(1), a_message()])
        talk.clock.advance(4000)
        talk.play([a_message()])
        assert [r.owner for r in talk.routes()] == ["reply", "human", "reply"]
        assert talk.routes()[-1].state.turn_seq == 1
        seqs = [r.state.seq for r in talk.routes()]
        assert seqs == sorted(seqs)

    def test_nothing_is_left_of_turns_that_are_decided(self) -> None:
        """Only what `Recent` keeps stays behind, which is bounded by itself."""
        talk = Conversations(partitions=1)
        talk.play([Hold("sentiment"), *(a_message(session=f"s-{n % 7}") for n in range(100)), Pass(1)])
        talk.play([Release("sentiment")])
        state = talk.pipeline.runners["routing"].states[0]
        assert isinstance(state, RoutingState)
        join = state._join
        assert (len(talk.routes()), len(join._settled), len(state._sessions)) == (100, 100, 7)
        kept = [join._items, join._queues, join._heard, join._waiting, join._orphans, join._touched]
        assert not any(kept)
        assert (len(join._messages), len(join._signals)) == (0, 0)

    def test_what_the_kit_scripts_is_what_routing_hears(self) -> None:
        """The signals used are those of the scripted models."""
        talk = Conversations(intents=ScriptedIntents({"hm": ("track_order", "order_query")}))
        talk.play([a_message("hm")])
        assert (talk.routes()[0].signals.intent, talk.routes()[0].scenario) == ("track_order", "order_query")


def test_an_unreadable_record_moves_time_on() -> None:
    """Garbage on the signals is a proof that the log went on, so a turn need not wait for its end to be asked for."""
    control = ControlFold()
    control.take(Record("chat.control", 0, 0, EPOCH, a_policy()))
    state = Routing(Policies(control)).open(0, {MESSAGES: 0, SIGNALS: 0})
    message: MessageReceived = a_message()
    assert state.read(Record(MESSAGES, 0, 0, EPOCH, message), Context(EPOCH)) is None
    assert list(state.due(Context(EPOCH))) == []
    state.skip(SIGNALS, 0, EPOCH + 400_000)
    assert len(list(state.due(Context(EPOCH)))) == 1
    assert state.read(Record(MESSAGES, 0, 1, EPOCH, message), Context(EPOCH)) == Drop("repeat")
    assert state.safe() == {MESSAGES: 2, SIGNALS: 1}
