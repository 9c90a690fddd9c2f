"""The ladder: each reply's rung, and why not a higher one."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from processors.ladder import REASONS, Ask, Offer, Rules, Run, Speed, Wait, choose, consider, rank
from schemas.events import PassedOver
from streams.generation.ports import Fault

LARGE = Offer("large_model", "big", Speed(0.5, 0.02), 4096)
SMALL = Offer("small_model", "little", Speed(0.1, 0.002), 2048)
ASK = Ask("shop", ("cache", "large_model", "small_model", "knowledge", "fallback"), 400, 150, 300, 8.0, 1)
RULES = Rules(reserve=0.5, least=20, worth=0.5)


def test_the_best_rung_that_can_is_taken() -> None:
    """With time and room, the first generating rung answers, and nothing was passed over."""
    found = choose(ASK, [SMALL, LARGE], RULES)
    assert found.passed == ()
    assert found.run == Run("large_model", "big", 300, False, pytest.approx(8.0 - 0.5 - LARGE.speed.seconds(75)), False)


def test_the_rungs_are_the_policys() -> None:
    """A policy may prefer the small model; a rung it does not name is neither used nor passed over."""
    first = choose(ASK._replace(rungs=("small_model", "large_model")), [LARGE, SMALL], RULES)
    assert first.run is not None
    assert (first.run.rung, first.passed) == ("small_model", ())
    none = choose(ASK._replace(rungs=("knowledge", "fallback")), [LARGE, SMALL], RULES)
    assert none == (None, ())


@pytest.mark.parametrize(
    ("offer", "ask", "reason"),
    [
        (LARGE._replace(tenants=frozenset({"bank"})), ASK, "not_allowed"),
        (LARGE._replace(ready=False), ASK, "not_ready"),
        (LARGE._replace(breaker="open"), ASK, "breaker_open"),
        (LARGE, ASK._replace(prompt=4090), "too_long"),
        (LARGE._replace(pressure=2.5), ASK, "class_yields"),
        (LARGE, ASK._replace(remaining=1.5), "too_late"),
        (LARGE._replace(wait=Wait(6.0, "queue")), ASK, "queue"),
        (LARGE._replace(wait=Wait(6.0, "tenant_share")), ASK, "tenant_share"),
        (LARGE._replace(speed=Speed(9.0, 0.2)), ASK, "too_late"),
    ],
)
def test_a_rung_that_cannot_says_why(offer: Offer, ask: Ask, reason: str) -> None:
    """Whatever is in the way, the reply comes from the next rung and holds the reason."""
    assert consider(ask, offer, RULES) == reason
    if reason not in ("too_late",):
        found = choose(ask._replace(prompt=min(ask.prompt, 4090)), [offer, SMALL._replace(context=8192)], RULES)
        assert found.run is not None
        assert found.run.rung == "small_model"
        assert found.passed == (PassedOver("large_model", reason),)


def test_without_a_model_the_rung_says_so() -> None:
    """A rung that policy allows and nobody serves is passed over as such."""
    assert choose(ASK, [], RULES).passed == (
        PassedOver("large_model", "no_model"),
        PassedOver("small_model", "no_model"),
    )


def test_a_second_model_of_a_rung_stands_in() -> None:
    """While one version drains, the other answers; if neither can, the first one's reason is kept."""
    away = LARGE._replace(model="old", ready=False)
    found = choose(ASK, [away, LARGE], RULES)
    assert found.run is not None
    assert (found.run.model, found.passed) == ("big", ())
    neither = choose(ASK, [away, LARGE._replace(breaker="open")], RULES)
    assert neither.passed[0] == PassedOver("large_model", "not_ready")


def test_a_reply_is_shortened_before_it_is_given_up() -> None:
    """With time for part of a usual reply, as many tokens are asked for as fit."""
    found = consider(ASK._replace(remaining=3.0), LARGE, RULES)
    assert isinstance(found, Run)
    assert found.shortened
    assert found.tokens == 101
    assert LARGE.speed.seconds(found.tokens) <= 3.0 - RULES.reserve + 1e-9
    assert found.start_by >= 0


def test_the_lowest_class_yields_first() -> None:
    """Under rising pressure classes leave the pool from the lowest up; the last number is for all beyond it."""
    for pressure, staying in ((1.0, {0, 1, 2, 7}), (2.0, {0, 1}), (3.0, {0}), (5.0, set())):
        offer = LARGE._replace(pressure=pressure)
        stays = {r for r in (0, 1, 2, 7) if isinstance(consider(ASK._replace(rank=r), offer, RULES), Run)}
        assert stays == staying


def test_a_breaker_on_trial_lets_the_turn_through_as_such() -> None:
    """The turn that tries a model after it failed is marked."""
    found = consider(ASK, LARGE._replace(breaker="probing"), RULES)
    assert isinstance(found, Run)
    assert found.trial


def test_a_tier_has_a_class() -> None:
    """A tier nobody ranked is in the lowest class; without any ranks there is one class."""
    assert [rank(tier, {"vip": 0, "standard": 1}) for tier in ("vip", "standard", "new")] == [0, 1, 1]
    assert rank("vip", {}) == 0


def test_every_reason_is_explained_to_operators() -> None:
    """The page on the ladder has a row for each word that can stand on a reply."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "ladder.md").read_text("utf-8")
    reasons = [*REASONS, *(f"model_{fault}" for fault in get_args(Fault) if fault)]
    assert [r for r in reasons if f"| `{r}` |" not in page] == []
