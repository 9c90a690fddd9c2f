"""Which activation of a model holds when, and for whom."""

from __future__ import annotations

import pytest

from schemas.events import ModelActivated, Record
from streams.control import ControlFold
from streams.models.in_force import ALWAYS, Timeline
from streams.testing import EPOCH, a_model, a_withdrawal


def timeline(*activated: ModelActivated) -> Timeline:
    """What a process knows that has read these."""
    control = ControlFold()
    for offset, event in enumerate(activated):
        control.take(Record("chat.control", 0, offset, EPOCH, event))
    return Timeline.of(control, "intent")


def versions(found: Timeline, tenant: str, at: int) -> list[str]:
    """The one in force, and those that stand in for it."""
    return [a.version for a in found.standing(tenant, at).activations]


def test_nothing_activated_leaves_the_shipped_bundle() -> None:
    """For ever."""
    assert timeline().empty
    assert timeline().standing("shop", EPOCH) == (-ALWAYS, ALWAYS, ())


def test_a_version_begins_exactly_with_its_time() -> None:
    """The message that the log took at effective_at is the first that it understands."""
    found = timeline(a_model("1", effective_at=100), a_model("2", effective_at=200))
    assert [versions(found, "shop", at) for at in (99, 100, 199, 200)] == [[], ["1"], ["1"], ["2", "1"]]


def test_of_two_that_begin_together_the_later_offset_holds() -> None:
    """An operator who activates twice means the second."""
    assert versions(timeline(a_model("2", effective_at=9), a_model("1", effective_at=9)), "shop", 9) == ["1", "2"]


def test_a_tenants_own_goes_before_that_of_every_tenant() -> None:
    """Also before one for every tenant that is newer; the general ones stand in for it."""
    found = timeline(a_model("own", tenant="bank", effective_at=10), a_model("general", effective_at=20))
    assert versions(found, "bank", 20) == ["own", "general"]
    assert versions(found, "shop", 20) == ["general"]
    assert found.tenants == ("bank",)


def test_what_is_withdrawn_gives_way_to_what_held_without_it() -> None:
    """A tenant goes back to what every tenant has, and every tenant to the shipped bundle; a new one may follow."""
    found = timeline(
        a_model("general"),
        a_model("own", tenant="bank", effective_at=10),
        a_withdrawal(tenant="bank", effective_at=20),
        a_withdrawal(effective_at=30),
        a_model("again", tenant="bank", effective_at=40),
    )
    answers = [versions(found, "bank", at) for at in (10, 20, 30, 40)]
    assert answers == [["own", "general"], ["general"], [], ["again"]]


@pytest.mark.parametrize("tenant", ["bank", "shop"])
def test_a_span_is_as_long_as_its_answer_holds(tenant: str) -> None:
    """Within it nothing changes; spans meet without a gap."""
    found = timeline(
        a_model("1", effective_at=10), a_model("2", tenant="bank", effective_at=20), a_model("3", effective_at=30)
    )
    at = 0
    while at < 40:
        span = found.standing(tenant, at)
        assert span.since <= at < span.until
        inside = {found.standing(tenant, t) for t in range(max(span.since, 0), min(span.until, 40))}
        assert inside == {span}
        at = span.until


def test_what_is_announced_comes_earliest_first() -> None:
    """It is loaded in this order; withdrawals need no loading."""
    late, soon = a_model("late", effective_at=90), a_model("soon", tenant="bank", effective_at=50)
    found = timeline(a_model("now", effective_at=10), late, soon, a_withdrawal(effective_at=60))
    assert list(found.upcoming(10)) == [soon, late]
