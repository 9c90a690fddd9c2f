"""Replies come back in turn order, once, and wait no longer than they may."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import LIVE, AgentReplied, MadeBy, Meta, ReplyProduced
from streams.channels.delivery import Delivery

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND


class Carried(NamedTuple):
    event: ReplyProduced | AgentReplied
    at: int = 0


def meta(id_: str, session: str = "s") -> Meta:
    return Meta(id_, "shop", session, f"turn of {id_}", NOW, LIVE, None, NOW, None, MadeBy("reply", "reply@1"))


def reply(seq: int, until: int | None = None, episode: str = "e", session: str = "s", text: str = "") -> Carried:
    m = meta(f"{session} {episode} {seq}", session)
    produced = ReplyProduced(
        m, text, "template", (), (), "en", "other", None, "p", "k", episode, seq, until, False, 0.0
    )
    return Carried(produced)


def seqs(out: list[Carried]) -> list[int]:
    return [c.event.turn_seq for c in out if isinstance(c.event, ReplyProduced)]


def test_a_reply_that_overtook_waits_for_the_earlier_turn() -> None:
    """The second turn's reply goes out with the first one's, after it."""
    delivery: Delivery[Carried] = Delivery()
    assert delivery.take(reply(2, NOW + SECOND), NOW) == []
    assert delivery.next_due() == NOW + SECOND
    assert seqs(delivery.take(reply(1), NOW + 1)) == [1, 2]
    assert delivery.next_due() is None
    assert delivery.waiting == 0


def test_a_reply_waits_no_longer_than_the_earlier_deadline() -> None:
    """At the earlier turn's deadline the later reply goes, and what comes late follows it at once."""
    delivery: Delivery[Carried] = Delivery()
    delivery.take(reply(3, NOW + SECOND), NOW)
    assert delivery.due(NOW + SECOND - 1) == []
    assert seqs(delivery.due(NOW + SECOND)) == [3]
    assert seqs(delivery.take(reply(1), NOW + 2 * SECOND)) == [1]
    assert seqs(delivery.take(reply(4, NOW + 9 * SECOND), NOW + 2 * SECOND)) == [4]


def test_a_held_reply_goes_before_the_later_one_whose_wait_is_over() -> None:
    """When a later reply may go, the held ones of earlier turns go first."""
    delivery: Delivery[Carried] = Delivery()
    delivery.take(reply(3, NOW + 5 * SECOND), NOW)
    delivery.take(reply(5, NOW + 2 * SECOND), NOW)
    assert seqs(delivery.due(NOW + 2 * SECOND)) == [3, 5]


def test_of_one_id_the_first_read_wins() -> None:
    """A repeat, also with another text, is dropped and counted."""
    delivery: Delivery[Carried] = Delivery()
    assert [c.event.text for c in delivery.take(reply(1, text="first"), NOW)] == ["first"]
    assert delivery.take(reply(1, text="second"), NOW) == []
    assert delivery.repeats == 1


def test_what_an_agent_writes_passes_while_a_reply_waits() -> None:
    """Human agents' words go out as they come."""
    delivery: Delivery[Carried] = Delivery()
    delivery.take(reply(2, NOW + SECOND), NOW)
    answer = Carried(AgentReplied(meta("a"), "hello", "maria"))
    assert delivery.take(answer, NOW) == [answer]


def test_episodes_and_sessions_do_not_wait_for_each_other() -> None:
    """A gap in one episode holds back nothing of another, or of another session."""
    delivery: Delivery[Carried] = Delivery()
    delivery.take(reply(2, NOW + SECOND), NOW)
    assert seqs(delivery.take(reply(1, episode="f"), NOW)) == [1]
    assert seqs(delivery.take(reply(1, session="other"), NOW)) == [1]


def test_memory_is_bounded_and_nothing_is_lost_by_it() -> None:
    """Beyond the limit the episode longest untouched lets go of what it held, early rather than never."""
    delivery: Delivery[Carried] = Delivery(remember=10, episodes=3)
    out: list[Carried] = []
    for n in range(50):
        out += delivery.take(reply(2, NOW + SECOND, session=f"s{n}"), NOW)
    assert len(out) == 47
    assert delivery.waiting == 3
    assert len(out + delivery.due(NOW + SECOND)) == 50


TURNS = st.integers(1, 12)


@given(st.data(), TURNS)
def test_any_arrival_before_the_deadlines_comes_out_in_order_once(data: st.DataObject, turns: int) -> None:
    """Whatever the order of arrival and the repeats, each reply goes out once, in turn order."""
    arrivals = data.draw(st.permutations([*range(1, turns + 1), *data.draw(st.lists(st.integers(1, turns)))]))
    delivery: Delivery[Carried] = Delivery()
    out = [c for seq in arrivals for c in delivery.take(reply(seq, NOW + SECOND if seq > 1 else None), NOW)]
    assert seqs(out) == list(range(1, turns + 1))
    assert delivery.waiting == 0


@given(st.data(), TURNS)
def test_no_reply_is_lost_or_held_past_its_time(data: st.DataObject, turns: int) -> None:
    """With replies that never come and any deadlines, each that came goes out once, by its time at the latest."""
    came = data.draw(st.lists(st.integers(1, turns), unique=True))
    until = {seq: NOW + data.draw(st.integers(0, 20)) * SECOND for seq in came}
    delivery: Delivery[Carried] = Delivery()
    gone: dict[str, int] = {}
    arrived: dict[str, int] = {}
    arrivals = dict(zip(data.draw(st.permutations(range(20))), came, strict=False))
    for second in range(42):
        now = NOW + second * SECOND
        out = delivery.due(now)
        if second in arrivals:
            carried = reply(arrivals[second], until[arrivals[second]])
            arrived[carried.event.meta.event_id] = max(now, until[arrivals[second]])
            out += delivery.take(carried, now)
        for c in out:
            assert c.event.meta.event_id not in gone
            gone[c.event.meta.event_id] = now
    assert gone.keys() == arrived.keys()
    assert all(gone[id_] <= latest for id_, latest in arrived.items())
    assert delivery.next_due() is None
