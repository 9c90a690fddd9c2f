"""The conservation ledger: every message has one line to be found on, and the log's own offsets agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from projections.ledger import GRACE, Ledger, ledger
from schemas.codec import Codec
from schemas.events import Event
from schemas.identity import session_key
from streams.log import Unreadable, read_to_end
from tests.integration.a_log import (
    a_dead_letter,
    a_message,
    a_reply,
    a_route,
    a_turn,
    an_agent_reply,
    now_us,
    signals_of,
    write,
)
from tests.integration.projecting import Parts, eventually, own_parts, projecting

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
TEN_SECONDS = 10_000_000


def undecodable_places(parts: Parts) -> list[tuple[int, int]]:
    """Where the records lie that are no event."""
    found = read_to_end(parts.kafka, ["chat.messages"], Codec())
    return [(r.partition, r.offset) for r in found if isinstance(r, Unreadable)]


@pytest.fixture(scope="module")
def at() -> int:
    """When the customers wrote: five minutes ago."""
    return now_us() - 300_000_000


@pytest.fixture(scope="module")
def parts(short_folder: Path, at: int) -> Iterator[Parts]:
    """A log with every fate that a message may have, folded into the stores."""
    with own_parts(short_folder / "ledger") as found:
        handed, human, lost = (a_message("bank", f"s{n}", 1, at=at) for n in (1, 2, 3))
        rejected = a_message("bank", "s4", 1, at=at, text=" ")
        events: list[Event] = [
            *a_turn("shop", "s1", 1, at=at),
            *a_turn("shop", "s1", 2, at=at + 60_000_000),
            *[e for e in a_turn("shop", "s1", 1, at=at)[:4] for _ in range(3)],
            handed,
            a_route(handed, 1, handoff=True),
            a_reply(handed, 1, handoff=True),
            human,
            a_route(human, 1, owner="human"),
            an_agent_reply(human),
            lost,
            *signals_of(lost),
            rejected,
            a_dead_letter(rejected, 0, 1),
            a_message("bank", "s5", 1, at=now_us()),
        ]
        write(found.kafka, events, [("chat.messages", session_key("bank", "s9"), b"no event")])
        [(partition, offset)] = undecodable_places(found)
        letter = a_dead_letter(rejected, partition, offset, "undecodable")
        write(found.kafka, [letter._replace(meta=letter.meta._replace(turn_id=None))])
        with projecting(found):
            eventually(lambda: found.behind() == 0, "both projections have the whole log")
        yield found


@pytest.fixture(scope="module")
def drawn(parts: Parts) -> Ledger:
    """The ledger of that log, by tenant."""
    return ledger(parts.kafka, parts.clickhouse)


def test_every_turn_has_the_first_disposition_that_applies(drawn: Ledger) -> None:
    """Answered by a human, handed off, replied, dead-lettered; else in flight, or unaccounted for when too old."""
    bank, shop = drawn.lines
    assert (bank.tenant, shop.tenant) == ("bank", "shop")
    assert (shop.received, shop.replied, shop.unaccounted) == (2, 2, 0)
    assert (bank.received, bank.replied) == (5, 0)
    assert (bank.handed_off, bank.answered_by_human, bank.dead_lettered) == (1, 1, 1)
    assert (bank.in_flight, bank.unaccounted) == (1, 1)


def test_repeats_and_undecodable_records_are_counted_apart(drawn: Ledger) -> None:
    """A message sent four times is one turn and three repeats; bytes that are no event are counted by their key."""
    bank, shop = drawn.lines
    assert (shop.duplicates, bank.duplicates) == (3, 0)
    assert (shop.undecodable, bank.undecodable) == (0, 1)


def test_the_ledger_agrees_with_the_offsets_of_the_log(drawn: Ledger) -> None:
    """Every record between a partition's first and last offset is listed, and every accepted message has its turn."""
    assert drawn.behind == 0
    assert drawn.log_records == drawn.listed_records == 11
    assert drawn.messages == drawn.turns_with_message == 6


def test_what_is_lost_keeps_the_ledger_from_balancing(drawn: Ledger) -> None:
    """One turn without a fate is enough, and it is named as a problem."""
    assert not drawn.balanced
    assert any("1 turns have no disposition" in problem for problem in drawn.problems)


def test_a_refused_record_without_a_dead_letter_is_missed(parts: Parts, drawn: Ledger) -> None:
    """The invalid message's dead letter names another offset: once the grace time is over, its own is missed."""
    assert drawn.refused_without_dead_letter == 0
    later = ledger(parts.kafka, parts.clickhouse, now=now_us() + int(GRACE * 1e6) + TEN_SECONDS)
    assert later.refused_without_dead_letter == 1
    assert any("have no dead letter" in problem for problem in later.problems)


def test_in_flight_becomes_unaccounted_when_the_grace_time_is_over(parts: Parts) -> None:
    """A turn that nobody answers is waited for until its deadline and a minute, and no longer."""
    later = ledger(parts.kafka, parts.clickhouse, now=now_us() + int(GRACE * 1e6) + 2 * TEN_SECONDS)
    assert (later.total.in_flight, later.total.unaccounted) == (0, 2)


def test_lines_by_minute_add_up(parts: Parts, drawn: Ledger, at: int) -> None:
    """A line for each minute in which customers wrote, with the same sum."""
    by_minute = ledger(parts.kafka, parts.clickhouse, by="minute")
    assert by_minute.total == drawn.total
    first = datetime.fromtimestamp(at / 1e6, UTC).replace(second=0, microsecond=0)
    shop = [line for line in by_minute.lines if line.tenant == "shop"]
    assert [line.received for line in shop] == [1, 1]
    assert shop[0].minute == first


def test_a_projection_that_is_behind_is_not_called_balanced(parts: Parts) -> None:
    """What has been appended and not yet folded is reported as lag."""
    write(parts.kafka, a_turn("shop", "late", 1))
    found = ledger(parts.kafka, parts.clickhouse)
    assert found.behind == 6
    assert not found.balanced
    assert any("6 records behind" in problem for problem in found.problems)
