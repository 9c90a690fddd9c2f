"""What a stretch must give, whether the log lies on a broker, in an archive, or in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

import pytest

from processors.policy import Rules, check
from processors.routing import reject
from schemas.catalogue import MESSAGES, SIGNALS
from schemas.codec import Codec
from schemas.events import (
    LIVE,
    AgentReplied,
    DialogueChanged,
    Event,
    MadeBy,
    MessageReceived,
    Record,
    ReplyProduced,
    ScenarioRouted,
    SentimentScored,
)
from schemas.identity import derived_id, follow, follow_as_reply, session_key
from streams.log import Unreadable
from streams.replay.choosing import rank
from streams.replay.stretch import PartitionStretch, Selection, Stretch, Window
from streams.testing import a_close, a_feedback, a_message, a_model, a_policy, a_return


class World(Protocol):
    """A log that is written to, and stretches of it."""

    def append(self, events: Sequence[Event]) -> list[Record]:
        """Appends events; where they lie. What is appended later has a later log time."""
        ...

    def append_bytes(self, topic: str, key: bytes, value: bytes) -> None: ...
    def now(self) -> int:
        """A log time after everything that was appended, and not after anything that will be."""
        ...

    def stretch(self, window: Window, selection: Selection = ...) -> Stretch: ...
    def again(self, stretch: Stretch) -> Stretch:
        """The stretch of the same description, which went through JSON."""
        ...


def rules_of(tenant: str) -> Rules:
    """What the tenant's policy says."""
    rules = check.rules_of(a_policy(tenant))
    assert isinstance(rules, Rules)
    return rules


def signal(record: Record, run: str = LIVE) -> Event:
    """What was understood of a message."""
    meta = follow(record.event.meta._replace(run_id=run), "sentiment", "test@1", record.appended_at)
    return SentimentScored(meta, 0.1, "neutral", 0.0, 0.9)


def route(record: Record, rules: Rules, scenario: str = "other") -> ScenarioRouted:
    """What was decided of a message."""
    return reject(rules, "none", None, record, "test", record.appended_at)._replace(scenario=scenario)


def change(record: Record, state: ScenarioRouted) -> DialogueChanged:
    """What the end of a conversation changed."""
    return DialogueChanged(follow(record.event.meta, "routing", "test@1", record.appended_at), "closed", state.state)


def reply(routed: ScenarioRouted) -> ReplyProduced:
    """What the customer was told."""
    meta = follow_as_reply(routed.meta, "reply", "test@1", routed.meta.occurred_at)
    return ReplyProduced(
        meta, "hello", "template", (), (), "en", routed.scenario, "t", routed.policy, "none", "e", 1, None, False, 0.01
    )


def agent_reply(record: Record) -> AgentReplied:
    """What a person answered."""
    meta = record.event.meta
    own = meta._replace(event_id=derived_id(LIVE, "desk", meta.event_id), made_by=MadeBy("desk", "test"))
    return AgentReplied(own, "yes", "agent-1")


def all_of(stretch: Stretch) -> list[PartitionStretch]:
    """Every partition that has anything."""
    parts = [stretch.read(n) for n in stretch.partitions]
    return [p for p in parts if any(p[1:])]


def events(parts: Sequence[PartitionStretch], field: str) -> list[Event]:
    """The readable events of one field, in offset order by partition."""
    return [r.event for p in parts for r in getattr(p, field) if isinstance(r, Record)]


def texts(parts: Sequence[PartitionStretch]) -> set[str]:
    """What customers wrote in it."""
    return {e.text for e in events(parts, "messages") if isinstance(e, MessageReceived)}


class StretchSuite:
    """Subclasses give `world`; others' records may lie in it, but none are appended meanwhile."""

    def test_a_window_holds_what_was_appended_in_it(self, world: World, unique: str) -> None:
        """Messages, feedback, ends and returns from its beginning up to, and without, its end."""
        world.append([a_message("before", unique, "s")])
        start = world.now()
        ends = a_close(unique, "s"), a_return(unique, "s")
        within: list[Event] = [a_message("a", unique, "s"), a_feedback(1, unique, "s"), *ends]
        world.append(within)
        end = world.now()
        world.append([a_message("after", unique, "s")])
        stretch = world.stretch(Window(start, end), Selection(tenant=unique))
        assert events(all_of(stretch), "messages") == within
        assert stretch.window == (start, end)
        assert stretch.gaps == ()

    def test_the_windows_turns_come_with_all_that_became_of_them(self, world: World, unique: str) -> None:
        """Signals, decisions and replies, repeats too, also those appended after the end; none of other turns."""
        rules = rules_of(unique)
        earlier, start = world.append([a_message("before", unique, "s")]), world.now()
        turn, close = world.append([a_message("within", unique, "s"), a_close(unique, "s")])
        end = world.now()
        later = world.append([a_message("after", unique, "s")])
        routed = route(turn, rules)
        decided: list[Event] = [routed, change(close, routed), reply(routed), agent_reply(turn)]
        made = [signal(turn), signal(turn), *decided]
        other = [signal(r) for r in (*earlier, *later)] + [reply(route(r, rules)) for r in (*earlier, *later)]
        world.append([*other, *made, route(later[0], rules)])
        (part,) = all_of(world.stretch(Window(start, end), Selection(tenant=unique)))
        found = [*events([part], "signals"), *events([part], "routes"), *events([part], "replies")]
        assert found == made
        assert events([part], "before") == []
        assert [r.offset for r in part.signals] == sorted(r.offset for r in part.signals)

    def test_what_was_decided_before_comes_along_for_the_windows_sessions(self, world: World, unique: str) -> None:
        """Routing recovers from it; what was decided of sessions that are silent in the window is left out."""
        rules = rules_of(unique)
        said = [("one", "s"), ("two", "s"), ("x", "t")]
        first = world.append([a_message(text, unique, session) for text, session in said])
        routes = [route(r, rules) for r in first]
        world.append(routes[:1])
        start = world.now()
        turn = world.append([a_message("three", unique, "s")])[0]
        world.append([routes[1], routes[2], route(turn, rules)])
        (part,) = all_of(world.stretch(Window(start, world.now()), Selection(tenant=unique)))
        assert events([part], "before") == routes[:2]
        assert events([part], "routes") == [route(turn, rules)]

    def test_a_tenants_stretch_holds_no_other_tenants_sessions(self, world: World, unique: str) -> None:
        """Sessions of one name are two."""
        start = world.now()
        world.append([a_message("mine", unique, "s"), a_message("theirs", f"{unique}-other", "s")])
        stretch = world.stretch(Window(start, world.now()), Selection(tenant=unique))
        assert texts(all_of(stretch)) == {"mine"}
        assert set(stretch.sessions() or ()) == {(unique, "s")}

    def test_a_scenario_chooses_whole_sessions(self, world: World, unique: str) -> None:
        """Those with a turn that was routed there, with their other turns."""
        rules, start = rules_of(unique), world.now()
        records = world.append([a_message(f"{s}{n}", unique, s) for n in range(2) for s in ("a", "b", "c")])
        wanted = {"a0", "c1"}
        world.append(
            [route(r, rules, "logistics" if getattr(r.event, "text", "") in wanted else "payment") for r in records]
        )
        stretch = world.stretch(Window(start, world.now()), Selection(tenant=unique, scenario="logistics"))
        parts = all_of(stretch)
        assert texts(parts) == {"a0", "a1", "c0", "c1"}
        assert len(events(parts, "routes")) == 4
        assert set(stretch.sessions() or ()) == {(unique, "a"), (unique, "c")}

    def test_a_number_of_sessions_is_chosen_by_the_seed(self, world: World, unique: str) -> None:
        """The lowest ranks over the whole stretch, so that another host chooses the same; another seed, others."""
        start = world.now()
        names = [(unique, f"s-{n}") for n in range(30)]
        world.append([a_message(session, tenant, session) for tenant, session in names])
        window = Window(start, world.now())
        for seed in (7, 8):
            lowest = set(sorted(names, key=lambda name: rank(seed, name))[:4])
            stretch = world.stretch(window, Selection(tenant=unique, sessions=4, seed=seed))
            assert texts(all_of(stretch)) == {session for _, session in lowest}
            assert set(stretch.sessions() or ()) == lowest
        assert len(texts(all_of(world.stretch(window, Selection(tenant=unique, sessions=99))))) == 30

    def test_a_number_of_sessions_counts_within_the_scenario(self, world: World, unique: str) -> None:
        """So many of those that the scenario has."""
        rules, start = rules_of(unique), world.now()
        records = world.append([a_message(f"{n}", unique, f"s-{n}") for n in range(20)])
        world.append([route(r, rules, "payment" if n % 2 else "logistics") for n, r in enumerate(records)])
        selection = Selection(tenant=unique, scenario="payment", sessions=3)
        found = texts(all_of(world.stretch(Window(start, world.now()), selection)))
        assert len(found) == 3
        assert all(int(text) % 2 for text in found)

    def test_everything_is_chosen_where_nothing_is_asked_for(self, world: World, unique: str) -> None:
        """Also bytes that are no event, where they lie among the others."""
        start, key = world.now(), session_key(unique, "s")
        world.append([a_message("one", unique, "s")])
        world.append_bytes(MESSAGES, key, b"no event")
        world.append_bytes(SIGNALS, key, b"no signal")
        world.append([a_message("two", unique, "s")])
        stretch = world.stretch(Window(start, world.now()))
        (part,) = all_of(stretch)
        assert stretch.sessions() is None
        assert [type(r) for r in part.messages] == [Record, Unreadable, Record]
        bad = part.messages[1]
        assert isinstance(bad, Unreadable)
        assert (bad.key, bad.value, bad.why.reason) == (key, b"no event", "undecodable")
        assert [r.value for r in part.signals if isinstance(r, Unreadable)] == [b"no signal"]

    def test_other_runs_are_not_seen(self, world: World, unique: str) -> None:
        """A stretch is of what happened."""
        start = world.now()
        codec, key, message = Codec(), session_key(unique, "s"), a_message("of a run", unique, "s")
        world.append_bytes(MESSAGES, key, codec.encode(message._replace(meta=message.meta._replace(run_id="test"))))
        world.append([a_message("live", unique, "s")])
        end = world.now()
        (turn,) = (r for p in all_of(world.stretch(Window(start, end), Selection(tenant=unique))) for r in p.messages)
        assert isinstance(turn, Record)
        world.append_bytes(SIGNALS, key, codec.encode(signal(turn, "test")))
        world.append([signal(turn)])
        (part,) = all_of(world.stretch(Window(start, end), Selection(tenant=unique)))
        assert events([part], "signals") == [signal(turn)]

    def test_the_control_log_is_whole(self, world: World, unique: str) -> None:
        """Whatever the window: activations hold from when they say."""
        early = world.append([a_policy(unique)])
        start = world.now()
        world.append([a_message("one", unique, "s")])
        end = world.now()
        late = world.append([a_policy(unique, "2"), a_model(tenant=unique)])
        control = world.stretch(Window(start, end), Selection(tenant=unique)).control()
        assert [r for r in control if r.event.meta.tenant_id == unique] == [*early, *late]

    def test_a_description_makes_the_same_stretch_again(self, world: World, unique: str) -> None:
        """Another process reads just the same, whatever was appended since."""
        rules, start = rules_of(unique), world.now()
        records = world.append([a_message(f"{n}", unique, f"s-{n}") for n in range(12)])
        world.append([route(r, rules, "payment" if n % 2 else "logistics") for n, r in enumerate(records)])
        window = Window(start, world.now())
        first = world.stretch(window, Selection(tenant=unique, scenario="payment", sessions=4))
        read = all_of(first)
        again = world.again(first)
        world.append([a_policy(unique, "9"), *(signal(r) for r in records), *(agent_reply(r) for r in records)])
        assert all_of(again) == read
        assert again.control() == first.control()
        assert again.describe() == first.describe() == json.loads(json.dumps(first.describe()))
        assert again.sessions() == first.sessions()

    def test_records_are_where_they_lay_in_the_log(self, world: World, unique: str) -> None:
        """With their topic, partition, offset and append time, in the partition of their session."""
        start = world.now()
        records = world.append([a_message(f"{n}", unique, f"s-{n % 7}") for n in range(40)])
        parts = all_of(world.stretch(Window(start, world.now()), Selection(tenant=unique)))
        assert sorted(r for p in parts for r in p.messages) == sorted(records)
        assert all(r.partition == p.partition for p in parts for r in p.messages)

    def test_a_partition_that_is_not_there_is_refused(self, world: World, unique: str) -> None:
        """The message names those that are."""
        start = world.now()
        world.append([a_message("one", unique, "s")])
        with pytest.raises(ValueError, match="no partition 99"):
            world.stretch(Window(start, world.now())).read(99)

    def test_an_empty_window_is_refused(self, world: World, unique: str) -> None:
        """One that ends where it begins, or before."""
        world.append([a_message("one", unique, "s")])
        now = world.now()
        with pytest.raises(ValueError, match="holds nothing"):
            world.stretch(Window(now, now))
