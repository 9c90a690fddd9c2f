"""The formulas of waiting, against the queues that have exact answers."""

from __future__ import annotations

import math

import pytest

from infra.benches.waiting import erlang_c, mean_wait, wait_quantile


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9, 0.99])
def test_one_server_with_exponential_service_is_the_textbook_queue(load: float) -> None:
    """M/M/1: load over (1 − load) services, and the wait's distribution is exponential above its jump at 0."""
    assert mean_wait(1, load, 2.0) == pytest.approx(2.0 * load / (1 - load))
    t = wait_quantile(0.999, 1, load, 2.0)
    assert load * math.exp(-(1 - load) * t / 2.0) == pytest.approx(0.001)


def test_even_service_waits_half_as_long() -> None:
    """M/D/1 waits half of what M/M/1 does (Pollaczek and Khinchine), and D/D/1 not at all."""
    assert mean_wait(1, 0.8, 1.0, service_cv2=0.0) == pytest.approx(mean_wait(1, 0.8, 1.0) / 2)
    assert mean_wait(1, 0.8, 1.0, 0.0, 0.0) == 0


@pytest.mark.parametrize("load", [0.2, 0.7, 0.95])
def test_two_servers_are_the_textbook_queue(load: float) -> None:
    """M/M/2: 2ρ²/(1+ρ) of the jobs wait, and the mean wait is ρ²/(1−ρ²) services."""
    assert erlang_c(2, load) == pytest.approx(2 * load**2 / (1 + load))
    assert mean_wait(2, load, 1.0) == pytest.approx(load**2 / (1 - load**2))


def test_erlangs_table_is_met() -> None:
    """Ten servers offered eight: about 41 of 100 callers wait, as in Erlang's tables."""
    assert erlang_c(10, 0.8) == pytest.approx(0.409, abs=0.001)


def test_too_much_is_endless_and_nothing_is_no_wait() -> None:
    """A load of one or more is never served; an empty queue does not wait."""
    assert mean_wait(3, 1.0, 1.0) == math.inf
    assert wait_quantile(0.5, 1, 1.2) == math.inf
    assert wait_quantile(0.99, 4, 0.0) == 0
    assert wait_quantile(0.5, 1, 0.3) == 0


def test_a_queue_without_servers_is_refused() -> None:
    """Nobody is served by none."""
    with pytest.raises(ValueError, match="serve nobody"):
        erlang_c(0, 0.5)
