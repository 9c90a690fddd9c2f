"""A stretch says what is missing of it, and how far it looked."""

from __future__ import annotations

from streams.bus import Bus, Clock
from streams.recovery import HISTORY
from streams.replay.extent import shown
from streams.replay.stretch import Selection, Window
from streams.testing import a_message
from streams.testing.stretch import BusStretch
from tests.contracts.stretch_suite import all_of, events, reply, route, rules_of, texts

PLACE = ("chat.messages", 0)


def a_bus(messages: int, seconds: float = 1.0) -> tuple[Bus, Clock]:
    """One partition; a message every so often."""
    clock = Clock()
    bus = Bus(clock.now, partitions=1)
    for n in range(messages):
        bus.append(a_message(str(n), session=f"s-{n}"))
        clock.advance(seconds)
    return bus, clock


def test_what_retention_took_is_a_gap() -> None:
    """Topic, partition, from when to when, and the offsets."""
    bus, clock = a_bus(10)
    first = bus.entries(PLACE, 0, 1)[0].appended_at
    window = Window(first, clock.now())
    stretch = BusStretch.of(bus, window, forgotten={PLACE: 4})
    (gap,) = stretch.gaps
    assert gap[:4] == ("chat.messages", 0, first, first + 4_000_000)
    assert gap.detail == (
        f"the offsets before 4 are gone; the first that is left was appended at {shown(first + 4_000_000)}"
    )
    assert texts(all_of(stretch)) == {"4", "5", "6", "7", "8", "9"}
    assert BusStretch.from_description(bus, stretch.describe()).gaps == stretch.gaps


def test_what_was_taken_before_the_window_is_no_gap() -> None:
    """The first that is left was appended before it begins."""
    bus, clock = a_bus(10)
    first = bus.entries(PLACE, 0, 1)[0].appended_at
    assert BusStretch.of(bus, Window(first + 5_000_000, clock.now()), forgotten={PLACE: 4}).gaps == ()


def test_a_window_of_which_nothing_is_left_is_all_gap() -> None:
    """It is said, and nothing is made up."""
    bus, clock = a_bus(10)
    window = Window(bus.entries(PLACE, 0, 1)[0].appended_at, clock.now())
    stretch = BusStretch.of(bus, window, forgotten={PLACE: 10})
    (gap,) = stretch.gaps
    assert gap[2:4] == window
    assert "nothing is left" in gap.detail
    assert all_of(stretch) == []


def test_decisions_before_the_window_may_be_missing_too() -> None:
    """Conversations that began earlier lack what was decided then, and that is said."""
    bus, clock = a_bus(1)
    rules = rules_of("shop")
    for record in bus.records("chat.messages"):
        bus.append(route(record, rules))
    clock.advance(10)
    bus.append(route(bus.records("chat.messages")[0], rules))
    clock.advance(10)
    start = clock.now()
    bus.append(a_message("later", session="s-0"))
    clock.advance(1)
    stretch = BusStretch.of(bus, Window(start, clock.now()), forgotten={("chat.routes", 0): 1})
    (gap,) = stretch.gaps
    assert (gap.topic, gap.missing_from) == ("chat.routes", start - round(HISTORY * 1_000_000))
    assert gap.missing_to < start
    assert "taken up without what was decided then" in gap.detail


def test_a_window_from_the_earliest_begins_with_the_first_that_is_left() -> None:
    """Nobody asked for what lay before it."""
    bus, clock = a_bus(10)
    stretch = BusStretch.of(bus, Window(0, clock.now()), forgotten={PLACE: 4})
    assert stretch.window.start == bus.entries(PLACE, 4, 1)[0].appended_at
    assert stretch.gaps == ()


def test_late_answers_are_looked_for_up_to_the_tail() -> None:
    """How many records lie past it, unread, is in the description."""
    bus, clock = a_bus(1)
    (record,) = bus.records("chat.messages")
    end = clock.now()
    routed = route(record, rules_of("shop"))
    clock.advance(50)
    bus.append(routed)
    clock.advance(20)
    bus.append(reply(routed))
    stretch = BusStretch.of(bus, Window(0, end), tail=60.0)
    (part,) = all_of(stretch)
    assert (events([part], "routes"), events([part], "replies")) == ([routed], [])
    assert stretch.describe()["extent"]["left_unread"] == {"chat.signals": 0, "chat.routes": 0, "chat.replies": 1}
    (part,) = all_of(BusStretch.of(bus, Window(0, end), Selection(tenant="shop")))
    assert events([part], "replies") == [reply(routed)]
