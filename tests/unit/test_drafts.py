"""What of a reply under way is shown: pieces in order, of one attempt, in the turn's place, until its reply."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.events import (
    LIVE,
    DialogueState,
    Event,
    MadeBy,
    Meta,
    ReplyPartial,
    ReplyProduced,
    ScenarioRouted,
    SignalsUsed,
)
from schemas.identity import follow, follow_as_reply
from streams.channels.drafts import LONGEST, OVER_BY, Drafts
from streams.channels.hub import ReplyHub
from streams.channels.payloads import stream_payload
from streams.channels.subscription import Piece, Reply, Subscription
from streams.channels.tail import Read

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND
DEADLINE = NOW + 10 * SECOND
CODEC = Codec()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def meta(turn: str, session: str = "s") -> Meta:
    return Meta(turn, "shop", session, turn, NOW, LIVE, None, NOW, DEADLINE, MadeBy("channel", "test@1"))


def partial(turn: str, attempt: str, position: int, text: str, **changes: object) -> ReplyPartial:
    m = follow(meta(turn)._replace(**changes), "generation", "test@1", NOW)  # type: ignore[arg-type]
    return ReplyPartial(m, attempt, position, text)


def route(turn: str, seq: int = 1, until: int | None = None) -> ScenarioRouted:
    state = DialogueState(seq, "e", NOW, seq, "other", "", 0, False, None, 0.0, NOW, None, ())
    m = follow(meta(turn), "routing", "test@1", NOW)
    rungs = ("small_model", "fallback")
    return ScenarioRouted(
        m, "?", "en", "app", "c", "other", "", "model", "generation", False, None, rungs, None, None, (), "k", "p",
        SignalsUsed(), {}, until, None, state,
    )  # fmt: skip


def reply(turn: str, text: str, seq: int = 1, until: int | None = None) -> ReplyProduced:
    m = follow_as_reply(meta(turn), "reply", "test@1", NOW)
    return ReplyProduced(m, text, "small_model", (), (), "en", "other", None, "p", "k", "e", seq, until, False, 0.1)


def read(event: Event) -> Read:
    topic = {ReplyPartial: "chat.partials", ScenarioRouted: "chat.routes"}.get(type(event), "chat.replies")
    return Read(event, CODEC.encode(event), topic, 0, 0, NOW)


def give(hub: ReplyHub, *events: Event) -> None:
    """Reads events one at a time, each as its topic's reader would."""
    for event in events:
        match event:
            case ReplyPartial():
                hub.take_partials([read(event)])
            case ScenarioRouted():
                hub.take_routes([read(event)])
            case _:
                hub.take([read(event)])


class Screen:
    """A client that follows the wire format and nothing else: what stands on it, by turn."""

    def __init__(self) -> None:
        self.drafts: dict[str, tuple[str, str]] = {}
        self.replies: list[tuple[str, str]] = []

    def take(self, found: Reply | Piece) -> None:
        frame: dict[str, Any] = json.loads(json.dumps(stream_payload(found)))
        turn = frame["turn_id"]
        if frame["type"] == "reply":
            self.drafts.pop(turn, None)
            self.replies.append((turn, frame["text"]))
            return
        attempt, text = self.drafts.get(turn, ("", ""))
        text = text if attempt == frame["attempt"] else ""
        assert frame["position"] == len(text), "a stream has no hole"
        self.drafts[turn] = (frame["attempt"], text + frame["text"])

    def text(self, turn: str) -> str:
        return self.drafts.get(turn, ("", ""))[1]


async def drained(subscription: Subscription, screen: Screen) -> None:
    """Sends a screen everything that waits for it."""
    while True:
        getting = asyncio.ensure_future(subscription.get())
        await asyncio.sleep(0)
        if not getting.done():
            getting.cancel()
            await asyncio.gather(getting, return_exceptions=True)
            return
        found = getting.result()
        if found is None:
            return
        screen.take(found)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def hub_of(clock: Callable[[], int]) -> ReplyHub:
    return ReplyHub(CODEC, clock, queue=4)


async def test_pieces_come_and_the_reply_replaces_them(clock: Clock) -> None:
    """Text stands as it came; then there is exactly one reply, and no draft."""
    hub, screen = hub_of(clock), Screen()
    reader = hub.subscribe("shop", "s")
    give(hub, route("t1"), partial("t1", "a", 0, "One. "))
    await drained(reader, screen)
    assert screen.text("t1") == "One. "
    give(hub, partial("t1", "a", 5, "Two. "))
    await drained(reader, screen)
    assert screen.text("t1") == "One. Two. "
    give(hub, reply("t1", "One. Two. Three."))
    await drained(reader, screen)
    assert (screen.drafts, screen.replies) == ({}, [("t1", "One. Two. Three.")])


async def test_a_new_attempt_discards_the_text_of_the_one_before(clock: Clock) -> None:
    """A worker that starts over voids what another said, and what that one says afterwards is not heard."""
    hub, screen = hub_of(clock), Screen()
    reader = hub.subscribe("shop", "s")
    give(hub, route("t1"), partial("t1", "a", 0, "Old one. "), partial("t1", "a", 9, "Old two. "))
    await drained(reader, screen)
    give(hub, partial("t1", "b", 0, "New. "), partial("t1", "a", 18, "Old three. "))
    await drained(reader, screen)
    assert screen.text("t1") == "New. "


async def test_a_worker_that_dies_leaves_one_reply_and_no_stale_text(clock: Clock) -> None:
    """After two pieces and silence the fallback is all that stands; what the dead one sent late is dropped."""
    hub, screen = hub_of(clock), Screen()
    reader = hub.subscribe("shop", "s")
    give(hub, route("t1"), partial("t1", "a", 0, "One. "), partial("t1", "a", 5, "Two. "))
    await drained(reader, screen)
    give(hub, reply("t1", "Sorry."), partial("t1", "a", 10, "Three. "), partial("t1", "b", 0, "One. "))
    give(hub, reply("t1", "One. Two. Three."), route("t1"))
    await drained(reader, screen)
    assert (screen.drafts, screen.replies) == ({}, [("t1", "Sorry.")])


async def test_a_new_attempt_whose_beginning_is_lost_still_voids_the_old_text(clock: Clock) -> None:
    """The reader is told by an empty piece; what follows the hole is not shown."""
    hub, screen = hub_of(clock), Screen()
    reader = hub.subscribe("shop", "s")
    give(hub, route("t1"), partial("t1", "a", 0, "Old. "))
    await drained(reader, screen)
    give(hub, partial("t1", "b", 7, "after a hole. "))
    await drained(reader, screen)
    assert screen.drafts == {"t1": ("b", "")}


async def test_a_hole_ends_what_is_shown_of_its_attempt(clock: Clock) -> None:
    """Of one, three and four only one is shown, as of a gateway that begins to read in the middle nothing is."""
    hub, screen = hub_of(clock), Screen()
    reader = hub.subscribe("shop", "s")
    give(hub, route("t1"), route("t2", 2))
    for piece in (partial("t1", "a", 0, "1. "), partial("t1", "a", 6, "3. "), partial("t1", "a", 9, "4. ")):
        give(hub, piece)
    give(hub, partial("t2", "c", 9, "the middle"))
    await drained(reader, screen)
    assert screen.drafts == {"t1": ("a", "1. ")}


async def test_who_comes_late_gets_the_text_from_its_beginning(clock: Clock) -> None:
    """A reader that connects, or comes back, in the middle of a reply is sent what there is, in one piece."""
    hub, screen = hub_of(clock), Screen()
    give(hub, route("t1"), partial("t1", "a", 0, "One. "), partial("t1", "a", 5, "Two. "))
    reader = hub.subscribe("shop", "s")
    assert await reader.get() == Piece("t1", "a", 0, "One. Two. ")
    give(hub, partial("t1", "a", 10, "Three. "))
    assert await reader.get() == Piece("t1", "a", 10, "Three. ")
    await drained(reader, screen)
    assert screen.drafts == {}


async def test_a_draft_waits_for_the_replies_of_earlier_turns(clock: Clock) -> None:
    """The second turn's text is shown after the first turn's reply, not before."""
    hub, screen = hub_of(clock), Screen()
    reader = hub.subscribe("shop", "s")
    give(hub, route("t2", 2, DEADLINE), partial("t2", "b", 0, "Second. "))
    give(hub, route("t1"), partial("t1", "a", 0, "First. "))
    await drained(reader, screen)
    assert screen.drafts == {"t1": ("a", "First. ")}
    give(hub, reply("t1", "First. Done."))
    await drained(reader, screen)
    assert screen.replies == [("t1", "First. Done.")]
    assert screen.drafts == {"t2": ("b", "Second. ")}


async def test_a_draft_waits_no_longer_than_the_earlier_deadline() -> None:
    """When an earlier turn's time is up, the text of the later one is shown by itself."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    hub, screen = hub_of(lambda: NOW + round((loop.time() - began) * SECOND)), Screen()
    reader = hub.subscribe("shop", "s")
    give(hub, route("t2", 2, NOW + SECOND // 20), partial("t2", "b", 0, "Second. "))
    async with asyncio.timeout(10):
        found = await reader.get()
    assert found is not None
    screen.take(found)
    assert screen.text("t2") == "Second. "


async def test_a_draft_whose_route_is_not_known_waits_for_it(clock: Clock) -> None:
    """The topics are read side by side; a piece that overtook its route is shown when the route comes."""
    hub, screen = hub_of(clock), Screen()
    reader = hub.subscribe("shop", "s")
    give(hub, partial("t1", "a", 0, "One. "))
    await drained(reader, screen)
    assert screen.drafts == {}
    give(hub, route("t1"))
    await drained(reader, screen)
    assert screen.text("t1") == "One. "


async def test_a_slow_reader_keeps_its_replies_and_loses_only_pieces(clock: Clock) -> None:
    """A thousand pieces of a hundred turns take no place in the queue of a reader that reads none of them."""
    hub, screen = hub_of(clock), Screen()
    reader = hub.subscribe("shop", "s")
    for turn in range(1, 4):
        give(hub, route(f"t{turn}", turn))
        for n in range(300):
            give(hub, partial(f"t{turn}", "a", n, "x"))
        give(hub, reply(f"t{turn}", "done", turn))
    give(hub, route("t4", 4), *(partial("t4", "a", n, "y") for n in range(300)))
    found = [await reader.get() for _ in range(4)]
    assert [type(f) for f in found] == [ReplyProduced] * 3 + [Piece]
    assert found[3] == Piece("t4", "a", 0, "y" * 300)
    assert not reader.lost
    await drained(reader, screen)
    assert screen.drafts == {}


async def test_another_session_and_another_tenant_see_nothing_of_it(clock: Clock) -> None:
    """A draft goes to the readers of its own session; a turn's id under another tenant is another turn."""
    hub, screen = hub_of(clock), Screen()
    readers = [hub.subscribe("shop", "other"), hub.subscribe("bank", "s")]
    give(hub, route("t1"), partial("t1", "a", 0, "One. "), partial("t1", "z", 0, "Theirs. ", tenant_id="bank"))
    for reader in readers:
        await drained(reader, screen)
    assert screen.drafts == {}


async def test_what_a_replay_made_is_never_shown(clock: Clock) -> None:
    """Only pieces of the live run go out."""
    hub, screen = hub_of(clock), Screen()
    reader = hub.subscribe("shop", "s")
    give(hub, route("t1"), partial("t1", "a", 0, "One. ", run_id="run-1"))
    await drained(reader, screen)
    assert screen.drafts == {}


async def test_a_stream_that_ends_gives_its_replies_and_no_more_drafts(clock: Clock) -> None:
    """When a gateway stops, readers are sent the replies that wait, and are told to come back."""
    hub = hub_of(clock)
    reader = hub.subscribe("shop", "s")
    give(hub, route("t1"), reply("t1", "done"), route("t2", 2), partial("t2", "a", 0, "One. "))
    hub.end_streams()
    give(hub, partial("t2", "a", 5, "Two. "))
    found = await reader.get()
    assert isinstance(found, ReplyProduced)
    assert await reader.get() is None


def test_drafts_are_bounded_in_number_length_and_time() -> None:
    """The oldest of too many is let go, one past its deadline too, and a text ends at its bound."""
    drafts = Drafts(limit=3)
    for n in range(5):
        drafts.take(partial(f"t{n}", "a", 0, "x"), NOW)
    assert [d.turn_id for d in drafts.let_go(NOW)] == ["t0", "t1"]
    long = drafts.take(partial("t4", "a", 1, "y" * 2 * LONGEST), NOW)
    assert long is not None
    assert len(long.text) == LONGEST
    assert drafts.take(partial("t4", "a", LONGEST, "z"), NOW) is None
    assert len(drafts.let_go(DEADLINE + OVER_BY)) == 3
    assert len(drafts) == 0
    assert drafts.of_session(("shop", "s")) == []
    assert drafts.take(partial("t5", "a", 0, "x"), DEADLINE + OVER_BY) is None


PIECES = ("One. ", "二，", "😀 three. ", "Four.")


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Two turns of one session: attempts that die anywhere, cross each other, lose and repeat pieces; then replies."""
    lines: list[list[Event]] = []
    for seq, turn in ((1, "t1"), (2, "t2")):
        for n in range(draw(st.integers(0, 3))):
            position = 0
            line: list[Event] = []
            for text in PIECES[: draw(st.integers(0, len(PIECES)))]:
                line += [partial(turn, f"{turn} {n}", position, text)] * draw(st.sampled_from((0, 1, 1, 1, 2)))
                position += len(text)
            lines.append(line)
        lines.append([route(turn, seq, DEADLINE if seq == 2 else None)])
        lines.append([reply(turn, f"reply to {turn}", seq, DEADLINE if seq == 2 else None)] * draw(st.integers(1, 2)))
    out: list[Event] = []
    while lines := [line for line in lines if line]:
        out.append(lines[draw(st.integers(0, len(lines) - 1))].pop(0))
    return out


@given(histories(), st.data())
def test_whatever_happens_each_turn_ends_as_one_reply_in_order(history: list[Event], data: st.DataObject) -> None:
    """A reader free at any moments sees beginnings of one attempt, turn after turn, and no stale text."""

    async def live() -> None:
        hub, screen = hub_of(Clock()), Screen()
        reader = hub.subscribe("shop", "s")
        said = "".join(PIECES)
        for event in history:
            give(hub, event)
            if data.draw(st.booleans()):
                await drained(reader, screen)
            assert all(said.startswith(text) for _, text in screen.drafts.values())
            assert "t2" not in screen.drafts or screen.replies
        await drained(reader, screen)
        assert screen.drafts == {}
        assert screen.replies == [("t1", "reply to t1"), ("t2", "reply to t2")]

    asyncio.run(live())
