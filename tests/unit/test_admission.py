"""Caps in tokens: never exceeded, always returned."""

from __future__ import annotations

import gc

import pytest

from streams.generation.admission import Admission, Caps, Reservation


def _admission(everything: int = 1000, tenant: int = 600, turns: int = 3, replay: int = 300) -> Admission:
    return Admission(Caps(everything, tenant, turns, replay, {"small": 100}))


def _reserved(admission: Admission, tenant: str, tokens: int) -> Reservation:
    found = admission.reserve(tenant, "live", tokens)
    assert isinstance(found, Reservation)
    return found


def test_each_cap_says_that_it_is_full() -> None:
    """The tenant's own, its special one, the pool's tokens, its turns, and what replays may have."""
    admission = _admission()
    kept = [_reserved(admission, "shop", 500)]
    assert admission.full("shop", "live", 101) == "tenant"
    assert admission.full("small", "live", 101) == "tenant"
    assert admission.full("bank", "live", 501) == "pool"
    assert admission.full("bank", "replay", 301) == "pool"
    assert admission.full("shop", "replay", 300) is None
    kept += [_reserved(admission, "bank", 1), _reserved(admission, "bank", 1)]
    assert admission.full("bank", "live", 1) == "pool"
    assert admission.reserve("bank", "live", 1) == "pool"
    assert (admission.tokens, admission.turns, admission.of("bank"), admission.used()) == (502, 3, 2, 1.0)
    for reservation in kept:
        reservation.close()
    assert (admission.tokens, admission.turns, admission.used()) == (0, 0, 0.0)


def test_a_reservation_is_returned_however_its_block_ends() -> None:
    """An exception or a return is no reason to keep it."""
    admission = _admission()
    with pytest.raises(LookupError), _reserved(admission, "shop", 500):
        raise LookupError
    assert (admission.tokens, admission.turns, admission.of("shop")) == (0, 0, 0)


def test_it_is_returned_once() -> None:
    """Settled in its block and closed at its end, it calls back once, with what was used."""
    admission = _admission()
    told: list[int | None] = []
    found = admission.reserve("shop", "live", 500, told.append)
    assert isinstance(found, Reservation)
    with found:
        found.settle(123)
        found.settle(7)
    found.close()
    assert told == [123]
    assert admission.tokens == 0


def test_a_lost_handle_returns_what_it_held() -> None:
    """Even a caller that forgets the handle in a cycle takes nothing out of the pool for good, and is counted."""
    admission = _admission()
    lost: list[object] = [_reserved(admission, "shop", 500)]
    lost.append(lost)
    del lost
    gc.collect()
    admission.collect()
    assert (admission.tokens, admission.turns, admission.lost) == (0, 0, 1)


@pytest.mark.parametrize("field", ["everything", "tenant", "turns", "replay"])
def test_a_cap_of_nothing_is_refused(field: str) -> None:
    """Nothing would ever be served; the message names the field."""
    with pytest.raises(ValueError, match=field):
        Caps(**{"everything": 1, "tenant": 1, "turns": 1, "replay": 1, field: 0})
    with pytest.raises(ValueError, match=r"of\.shop"):
        Caps(1, 1, 1, 1, {"shop": 0})
