"""Time in the join: whose it is, and what moves it."""

from __future__ import annotations

from schemas.catalogue import MESSAGES, SIGNALS
from schemas.events import IntentDetected, MessageReceived, Record
from schemas.identity import follow
from streams.join import Join
from streams.testing import EPOCH, a_message

MS = 1000
WAIT = 300 * MS
EXPIRY = 10_000 * MS


def a_join() -> Join:
    """An empty one, of a partition that begins at offset 0 in both topics."""
    return Join(0, 0, WAIT, EXPIRY, 60_000 * MS)


def message(offset: int, at: int, session: str = "s-1") -> Record:
    """A message that the log took `at` microseconds after the beginning."""
    return Record(MESSAGES, 0, offset, EPOCH + at, a_message(session=session, at=EPOCH + at))


def intent_of(record: Record, offset: int, at: int) -> Record:
    """Its intent."""
    event = record.event
    assert isinstance(event, MessageReceived)
    signal = IntentDetected(follow(event.meta, "intent", "test@1", EPOCH), "label", "other", 0.9, (), 0.0, "en")
    return Record(SIGNALS, 0, offset, EPOCH + at, signal)


def heard(join: Join) -> list[tuple[str, bool]]:
    """What is ready: the session, and whether its intent counted."""
    return [(r.item.session[1], r.signals[0] is not None) for r in join.ready()]


def test_a_signal_at_the_very_end_of_the_wait_counts() -> None:
    """And a record with the same append time does not end the wait, since more of them may come."""
    join, turn = a_join(), message(0, 0)
    join.add(turn)
    other = message(1, 0, "s-2")
    assert join.hear(intent_of(other, 0, WAIT), 0) is None
    assert heard(join) == []
    assert join.hear(intent_of(turn, 1, WAIT), 0) is None
    join.pass_over(SIGNALS, 2, EPOCH + WAIT + MS)
    assert heard(join) == [("s-1", True)]


def test_a_log_whose_clock_was_set_back_gives_the_same_in_any_batches() -> None:
    """A signal is as late as the latest record before it, whatever its own time says."""
    for batches in (False, True):
        join, turn = a_join(), message(0, 0)
        join.add(turn)
        join.pass_over(SIGNALS, 0, EPOCH + WAIT + MS)
        before = heard(join) if batches else []
        join.hear(intent_of(turn, 1, 10 * MS), 0)
        assert before + heard(join) == [("s-1", False)]


def test_an_end_moves_time_only_if_it_was_read() -> None:
    """Where records lie between, their times will tell."""
    join = a_join()
    join.add(message(0, 0))
    late = EPOCH + 5_000 * MS
    assert list(join.overdue(late)) == [SIGNALS]
    join.end_seen(SIGNALS, 1, late)
    assert heard(join) == []
    join.end_seen(SIGNALS, 0, late)
    assert heard(join) == [("s-1", False)]
    assert list(join.overdue(late)) == []


def test_a_turn_that_has_everything_asks_for_no_end() -> None:
    """Only what waits costs questions."""
    join, turn = a_join(), message(0, 0)
    join.add(turn)
    for kind in range(3):
        join.hear(intent_of(turn, kind, 10 * MS), kind)
    assert heard(join) == [("s-1", True)]
    assert list(join.overdue(EPOCH + 60_000 * MS)) == []


def test_signals_read_before_their_message_wait_for_it() -> None:
    """The topics are read independently of each other."""
    join, turn = a_join(), message(0, 0)
    for kind in range(3):
        assert join.hear(intent_of(turn, kind, 10 * MS), kind) is None
    assert heard(join) == []
    assert join.safe()[SIGNALS] == 0
    join.add(turn)
    assert heard(join) == [("s-1", True)]
    assert join.safe() == {MESSAGES: 1, SIGNALS: 3}


def test_signals_without_a_message_are_let_go() -> None:
    """Once chat.messages was read far past them; until then they are held."""
    join = a_join()
    join.hear(intent_of(message(0, 0), 0, 0), 0)
    join.pass_over(MESSAGES, 0, EPOCH + EXPIRY)
    assert list(join.expired()) == []
    assert join.safe()[SIGNALS] == 0
    later = EPOCH + EXPIRY + 1_000 * MS
    assert list(join.overdue(later)) == [MESSAGES]
    join.end_seen(MESSAGES, 1, later)
    assert len(list(join.expired())) == 1
    assert join.safe()[SIGNALS] == 1


def test_a_second_signal_of_a_kind_is_a_repeat() -> None:
    """The lowest offset wins."""
    join, turn = a_join(), message(0, 0)
    join.add(turn)
    assert join.hear(intent_of(turn, 0, 0), 0) is None
    assert join.hear(intent_of(turn, 1, 0), 0) == "repeat"
    join.pass_over(SIGNALS, 2, EPOCH + WAIT + MS)
    assert heard(join) == [("s-1", True)]
    assert join.hear(intent_of(turn, 3, 0), 0) == "late"
    assert join.safe()[SIGNALS] == 4


def test_a_process_whose_clock_is_ahead_makes_no_signal_late_that_is_there() -> None:
    """The time of a question about the end is not the time of the signals that come after it."""
    join, early = a_join(), message(0, 0)
    join.add(early)
    join.end_seen(SIGNALS, 0, EPOCH + 5_000 * MS)
    assert heard(join) == [("s-1", False)]
    turn = message(1, 1_000 * MS, "s-2")
    for kind in range(3):
        join.hear(intent_of(turn, kind, 1_010 * MS), kind)
    join.add(turn)
    assert heard(join) == [("s-2", True)]
