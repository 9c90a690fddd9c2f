"""Whatever the interleaving, the repeats, the crashes and the takeovers: the log alone decides each turn, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.outcomes import Outcome
from processors.stage import Context
from schemas.catalogue import MESSAGES, ROUTES, SIGNALS
from schemas.events import Record
from streams.join import Item, Join
from streams.policies import Policies
from streams.routing import Routing, RoutingState, Sessions
from tests.properties.join_audit import Act, Turn, acts, audit, play, turns
from tests.properties.planted import is_found


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(turns, acts)
def test_the_log_alone_decides_each_turn_once(story: list[Turn], schedule: list[Act]) -> None:
    """No schedule of reads, ticks, crashes and takeovers changes what is decided, or leaves anything held."""
    assert audit(story, play(story, schedule)) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(turns, acts)
def test_faults_do_not_change_the_decisions(story: list[Turn], schedule: list[Act]) -> None:
    """From the same log, a run with faults decides what one without them does, in every field but when it did."""
    written = Act("append", 1_000_000)
    assert decisions(story, [written, *schedule]) == decisions(story, [written])


def decisions(story: list[Turn], schedule: list[Act]) -> dict[str, object]:
    """Of each turn, what was decided first."""
    first: dict[str, object] = {}
    for record in play(story, schedule).bus.records(ROUTES):
        event = record.event
        if event.meta.turn_id is not None:
            first.setdefault(event.meta.turn_id, event._replace(meta=event.meta._replace(occurred_at=0)))
    return first


class Broken(RoutingState):
    """A state with a mistake in it; the audit must find each of them."""


class CommitsWhatItHasRead(Broken):
    """Forgets, in what may be committed, the turns that wait."""

    def safe(self) -> Mapping[str, int]:
        return {MESSAGES: self._join._messages.next, SIGNALS: self._join._signals.next}


class RecoversNothing(Broken):
    """Begins without the past."""

    def recover(self, record: Record) -> None:
        pass


class TakesEverythingAsNew(Broken):
    """Does not recognise what was decided."""

    def read(self, record: Record, context: Context) -> Outcome | None:
        self._join._settled = self._join._settled.__class__(1)
        return super().read(record, context)


class BelievesItsOwnClock(Broken):
    """Takes the time of its process for that of the log."""

    def overdue(self, context: Context) -> Iterator[str]:
        self._join._signals_clock = max(self._join._signals_clock, context.now)
        return super().overdue(context)


class NeverAsksForEnds(Broken):
    """Waits for traffic to move time."""

    def overdue(self, context: Context) -> Iterator[str]:
        return iter(())


class UsesWhatIsThere(Broken):
    """Takes signals that came too late, if it happens to have them."""

    def read(self, record: Record, context: Context) -> Outcome | None:
        outcome = super().read(record, context)
        for item in self._join._items.values():
            self._be_generous(item)
        return outcome

    def _be_generous(self, item: Item) -> None:
        heard = self._join._heard.get(item.id)
        if heard is not None and item.deadline is not None:
            heard[:] = [(0, signal[1]) if signal is not None else None for signal in heard]


class KeepsOrphans(Broken):
    """Never lets go of signals without a message."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._join._expiry = 1 << 60


class BrokenRouting(Routing):
    """Routing with such a state."""

    def __init__(self, policies: Policies, state: type[Broken]) -> None:
        super().__init__(policies)
        self._broken = state

    def open(self, partition: int, start: Mapping[str, int]) -> RoutingState:
        join = Join(start[MESSAGES], start[SIGNALS], *self._times)
        return self._broken(self._policies, self._decider, join, Sessions(self._policies))


class TestTheAuditFinds:
    """Without these, the properties above would prove nothing."""

    broken: ClassVar[list[type[Broken]]] = Broken.__subclasses__()

    @pytest.mark.parametrize("state", broken, ids=lambda s: s.__name__)
    def test_a_planted_mistake(self, state: type[Broken]) -> None:
        """Some story and schedule show the mistake."""
        assert is_found(st.tuples(turns, acts), lambda drawn: _goes_wrong(state, *drawn))


def _goes_wrong(state: type[Broken], story: list[Turn], schedule: list[Act]) -> bool:
    return bool(audit(story, play(story, schedule, lambda policies: BrokenRouting(policies, state))))
