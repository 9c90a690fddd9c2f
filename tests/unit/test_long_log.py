"""A long log of copies: each copy is a conversation of its own that the projections take."""

from __future__ import annotations

import pytest

from infra.benches.long_log import HOLE, Piece, copies, pieces
from infra.demo import CONVERSATIONS
from infra.recordings import read_recordings
from projections.reading import refused
from schemas.codec import Codec
from schemas.events import EntitiesExtracted, IntentDetected, MessageReceived, Record, ReplyProduced, ScenarioRouted
from schemas.events import SentimentScored as Scored


@pytest.fixture(scope="module")
def made() -> list[Piece]:
    """What the real stages make of two of the demonstration's conversations."""
    return pieces(read_recordings(CONVERSATIONS, 2))


def decoded(made: list[Piece], records: int, first: int = 0) -> list[tuple[bytes, Record]]:
    """Keys and records of copies, as the log would have them."""
    codec, now = Codec(), None
    found = []
    for offset, (topic, key, value) in enumerate(copies(made, records, first)):
        event = codec.decode(topic, value)
        now = now or event.meta.occurred_at
        found.append((key, Record(topic, 0, offset, now, event)))
    return found


def test_every_turn_has_all_its_parts(made: list[Piece]) -> None:
    """A message, its three signals, its route and its reply."""
    kinds = [type(record.event) for _, record in decoded(made, len(made))]
    turns = kinds.count(MessageReceived)
    assert turns > 2
    for kind in (IntentDetected, Scored, EntitiesExtracted, ScenarioRouted):
        assert kinds.count(kind) == turns
    assert kinds.count(ReplyProduced) > 0


def test_a_copy_is_taken_by_the_projections(made: list[Piece]) -> None:
    """It decodes, its key is its session's, and validation finds nothing wrong with it."""
    assert [refused(record, key) for key, record in decoded(made, 3 * len(made), 7)] == [None] * (3 * len(made))


def test_copies_share_neither_sessions_nor_ids(made: list[Piece]) -> None:
    """Two copies are twice as many sessions, turns and events."""
    two = [record.event.meta for _, record in decoded(made, 2 * len(made))]
    half = len(made)
    for name in ("session_id", "event_id", "turn_id"):
        one, other = ({getattr(meta, name) for meta in part} for part in (two[:half], two[half:]))
        assert len(one) == len(other)
        assert not one & other


def test_a_copy_keeps_together_what_belongs_together(made: list[Piece]) -> None:
    """What was caused by an event in the first copy is caused by that event's copy."""
    metas = [record.event.meta for _, record in decoded(made, len(made), 3)]
    ids = {meta.event_id for meta in metas}
    assert {meta.turn_id for meta in metas} <= ids
    assert {meta.caused_by for meta in metas if meta.caused_by} <= ids


def test_the_last_copy_is_cut_where_there_are_enough(made: list[Piece]) -> None:
    """As many records as were asked for, no more and no fewer."""
    assert len(list(copies(made, len(made) + 3))) == len(made) + 3
    assert list(copies(made, 0)) == []


def test_holes_are_where_the_numbers_go() -> None:
    """The bytes between are as they were."""
    piece = Piece("t", (b"shop\x1fs-", b""), (b"a", b"-1234"))
    assert piece.copy(int(HOLE, 16) + 255) == (b"shop\x1fs-000000ff", b"a000000ff-1234")
