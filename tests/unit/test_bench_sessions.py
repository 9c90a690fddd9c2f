"""The benchmark of open sessions, as far as it is pure: what is asked for, dealt and counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest

from infra.benches.customers import address_of, dealt, together
from infra.benches.frame import BenchError
from infra.benches.sessions import SPARE, SessionsPlan, lengthened, sockets_allowed, sockets_of
from infra.benches.sessions_result import by_share, quantile
from infra.benches.sockets import Customers, Heard, Plan
from infra.recordings import Recorded, Said
from schemas.identity import message_id

PLAN = Plan("run", "shop", "key", ["ws://127.0.0.1:1"], ["a", "b"], "127.0.0.2", ["hi"], 1, 1, 1, 1)


@dataclass
class Held:
    """A socket, as far as who counts its replies looks at it."""

    session: str
    said: list[str]

    def say(self, text: str, own: str) -> None:
        self.said.append(own)


def reply(session: str, turn_id: str) -> dict[str, Any]:
    return {"type": "reply", "session": session, "turn_id": turn_id}


async def sent(plan: Plan = PLAN) -> tuple[Customers, Held, str]:
    """Customers with one socket that sent one message, and that message's turn."""
    customers, held = Customers(plan), Held("a", [])
    customers.held.append(held)  # type: ignore[arg-type]
    await customers.send()
    return customers, held, message_id("shop", "api", held.said[0])


def test_sockets_follow_from_the_files_a_process_may_have() -> None:
    """Each is a file at a gateway and one at a customer, so the fewer processes decide."""
    assert sockets_allowed(20_000, gateways=3, clients=2) == 2 * (20_000 - SPARE)
    assert sockets_allowed(100, gateways=3, clients=2) == 0


def test_as_many_sockets_are_meant_as_there_may_be() -> None:
    """Up to the goal, and to the sessions that there are."""
    assert sockets_of(SessionsPlan(), 20_000) == 15_000
    assert sockets_of(SessionsPlan(sessions=200), 20_000) == 200
    assert sockets_of(SessionsPlan(), 1_024) == 2 * (1_024 - SPARE)
    assert sockets_of(SessionsPlan(sockets=7), 20_000) == 7


def test_more_sockets_than_files_are_refused_with_what_to_do() -> None:
    """The message names the limit and the options."""
    with pytest.raises(BenchError, match=r"1,024 files .*--gateways"):
        sockets_of(SessionsPlan(sockets=5_000), 1_024)
    with pytest.raises(BenchError, match="--sessions"):
        sockets_of(SessionsPlan(sessions=5, sockets=6), 20_000)


def test_sessions_are_dealt_out_evenly_and_each_process_has_an_address() -> None:
    """None is left out, none is held twice; addresses lie on the loopback network and are not the servers'."""
    parts = dealt([str(n) for n in range(7)], 3)
    assert sorted(len(part) for part in parts) == [2, 2, 3]
    assert sorted(name for part in parts for name in part) == [str(n) for n in range(7)]
    addresses = [address_of(n) for n in range(253)]
    assert len(set(addresses)) == 253
    assert "127.0.0.1" not in addresses


async def test_a_reply_counts_once_and_at_its_own_socket() -> None:
    """The second is doubled; one of another session is misplaced; one of a turn from elsewhere is another's."""
    plan = Plan(**{**PLAN.__dict__, "rate": 50, "seconds": 0.1, "grace": 0})
    customers, held, turn = await sent(plan)
    assert customers.heard.missing == customers.heard.sent == len(held.said)
    for found in (reply("a", turn), reply("a", turn), reply("b", turn), reply("a", "another turn")):
        customers.take(held, found, math.inf)  # type: ignore[arg-type]
    customers.take(Held("b", []), reply("b", turn), 0.0)  # type: ignore[arg-type]
    heard = customers.heard
    assert (len(heard.latencies_ms), heard.doubled, heard.misplaced, heard.others) == (1, 1, 2, 1)


def test_what_processes_heard_is_added_up() -> None:
    """Counts and latencies, the latter in order; of lateness the worst."""
    found = together([Heard(2, [3.0, 1.0], late_ms=5.0), Heard(1, [2.0], missing=1, late_ms=9.0)])
    assert (found.sent, found.latencies_ms, found.missing, found.late_ms) == (3, [1.0, 2.0, 3.0], 1, 9.0)
    assert together([]).late_ms == 0.0


def test_quantiles_are_of_what_was_seen() -> None:
    """An answer that never came counts as endless; of nothing there is none."""
    assert quantile([1.0, 2.0, 3.0, math.inf], 0.5) == 3.0
    assert quantile([1.0, math.inf], 0.99) == math.inf
    assert math.isnan(quantile([], 0.5))
    assert list(by_share([1.0]))[-1] == "0.999"


def test_conversations_are_made_long_enough() -> None:
    """What customers say comes again, and conversations without a customer are left out."""
    short = Recorded("c", "en", (Said("customer", "one"), Said("agent", "two"), Said("customer", "three")))
    silent = Recorded("d", "en", (Said("agent", "hello?"),))
    assert [len(talk.turns) for talk in lengthened([short, silent], 5)] == [6]
