"""Mutated records through the codec and every stage, among customers who wrote nothing wrong."""

from __future__ import annotations

import pytest

from processors.conversation import Fold, digest_of, fact, take
from projections.analytics.rows import tables_of
from schemas.catalogue import MESSAGES, RECORDS
from schemas.events import Event, MessageReceived, Record
from schemas.identity import session_key
from streams.dead_letter import Bad, dead_letter, too_large
from streams.sink import TooLarge
from streams.testing import a_message
from streams.testing.fuzzing import Finding, Mutant, World, fuzz, mutant
from streams.testing.fuzzing.mutants import CODEC
from streams.testing.fuzzing.world import Wrong
from tests.fuzz.folding import entries_of

SEED = 618
RECORDS_HERE = 10_000
"""A tenth of the whole, which is: python -m streams.testing.fuzzing --records 100000."""


def _folded(world: World) -> None:
    """What the projections make of a world: a row for every offset, and a fact for every record that is folded."""
    fold: Fold = {}
    entries = entries_of(world)
    for entry in entries:
        if entry.record is not None and entry.status == "decoded":
            take(fold, entry.record)
    tables = tables_of(entries, 0)
    assert len(tables["log_index"]) == len(entries)
    for session in fold.values():
        digest_of(session)


def test_ten_thousand_mutants_do_no_harm() -> None:
    """No crash, one outcome each, every neighbour answered; and the projections can fold whatever was left behind."""
    result = fuzz(RECORDS_HERE, SEED, look=_folded)
    assert result.records == RECORDS_HERE
    assert set(result.by_record) == set(RECORDS)
    assert {"read", "undecodable", "unknown_schema", "wrong_record", "key", "run"} <= set(result.outcomes)


def test_the_same_seed_and_number_give_the_same_bytes() -> None:
    """Which is what makes a finding replayable."""
    assert [mutant(3, n) for n in range(200)] == [mutant(3, n) for n in range(200)]
    assert mutant(3, 7) != mutant(4, 7)


def test_a_finding_names_the_record_and_how_to_see_it_again() -> None:
    """The seed, the number, the key and the bytes in hexadecimal."""
    found = Finding(3, Wrong("has 2 dead letters", 7), mutant(3, 7), 0, 500)
    value = mutant(3, 7).value
    assert "record 7 of seed 3" in str(found)
    assert "--seed 3 --first 7 --records 1" in str(found)
    assert value is None or value.hex()[:4000] in str(found)


def test_a_stage_that_stands_still_is_found() -> None:
    """A world in which nobody is answered would otherwise pass."""
    world = World()
    world.talk.pipeline.held.add("reply")
    with pytest.raises(Wrong, match="still held"):
        world.play([mutant(3, 1)])


def test_a_lost_neighbour_is_found() -> None:
    """One message that was never decided."""
    world = World()
    world.play([mutant(3, 1)])
    world.neighbours.append(a_message("where is my order?", "quiet", "n-1"))
    with pytest.raises(Wrong, match="was decided 0 times"):
        world._check()


def test_a_record_without_its_dead_letter_is_found() -> None:
    """One that cannot be read and that nobody rejected."""
    world = World()
    broken = Mutant(0, "MessageReceived", "nothing", MESSAGES, session_key("shop", "s"), b"noise")
    world.play([broken])
    world.lies[0] = world.lies[0]._replace(offset=10_000)
    with pytest.raises(Wrong, match="is not to be worked on"):
        world._check()


LONG = "x" * 1_000_000


def a_long_one(**meta: str) -> MessageReceived:
    """A message whose names are as long as a record may be."""
    message = a_message()
    return message._replace(meta=message.meta._replace(**meta))


@pytest.mark.parametrize("field", ["event_id", "turn_id", "run_id", "session_id", "tenant_id"])
def test_the_dead_letter_of_a_record_with_an_endless_name_fits_its_topic(field: str) -> None:
    """A letter that does not fit would end the stage, again and again."""
    event: Event = a_long_one(**{field: LONG})
    value = CODEC.encode(event)
    letter = dead_letter(Bad(MESSAGES, 0, 7, 0, None, value, "invalid", "too long", event), "intent", 0)
    assert len(CODEC.encode(letter)) < 2 << 20
    of_output = too_large(TooLarge(event, value, 1 << 20), MESSAGES, "intent", 0)
    assert len(CODEC.encode(of_output)) < 2 << 20


def test_a_route_of_a_tenant_without_a_policy_is_given_up() -> None:
    """It would hold its partition's offsets for ever; it becomes one dead letter, and the stages go on."""
    world = World()
    world.talk.play([a_message()])
    (route,) = world.talk.routes()
    for owner in ("reply", "generation"):
        meta = route.meta._replace(tenant_id="nobody", turn_id=f"turn {owner}", event_id=f"route {owner}")
        world.talk.bus.append(route._replace(meta=meta, owner=owner))
    world._settle()
    letters = [letter for of_one in world._letters().values() for letter in of_one]
    assert {letter.reason for letter in letters} == {"unknown_tenant"}
    assert {letter.meta.turn_id for letter in letters} == {"turn reply", "turn generation"}
    assert all(isinstance(record, Record) and fact(record) for record in world.talk.bus.records("chat.routes"))
