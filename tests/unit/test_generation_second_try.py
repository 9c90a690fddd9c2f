"""A fault before any text: the rung has a second try, where that can help. On a loop whose time is its own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from processors.ladder import Speed
from schemas.events import PassedOver
from streams.generation.breaker import USUAL, Limits
from streams.generation.inline import InlineGenerations
from streams.generation.models import FixedModels, Serving
from streams.generation.tasks import Made
from streams.testing.generation import Cut, Die, Fail, Misshape, Pause, ScriptedGenerator, Silence, Step
from streams.testing.virtual_time import VirtualLoop
from tests.handed_over import BAD, GOOD, a_model, a_route, a_task, saying

QUICK = Speed(0.05, 0.002)


def a_row(
    *scripts: Sequence[Step], name: str = "large", rung: str = "large_model"
) -> tuple[Serving, ScriptedGenerator]:
    """A model that does these one after another, and the last of them from then on."""
    left = list(scripts)
    return a_model(lambda _: left.pop(0) if len(left) > 1 else left[0], name, rung, QUICK)


def made_by(*serving: Serving, deadline: float = 10.0, limits: Limits = USUAL, turns: int = 1) -> list[Made]:
    """What becomes of so many turns of one session."""
    generations = InlineGenerations(FixedModels(*serving), lambda: 0, loop=VirtualLoop, limits=limits)
    for i in range(turns):
        generations.submit(a_task(a_route(f"t{i}", at=i), deadline=deadline))
    ended = generations.poll()
    generations.close()
    return [made for _, made in ended]


@pytest.mark.parametrize("fault", [Fail("CUDA error"), Die(), Cut(), Misshape("garbage")])
def test_a_fault_before_any_text_is_followed_by_a_second_try(fault: Step) -> None:
    """Where that goes right, the rung answers, and nothing was passed over; the record is of the second."""
    serving, model = a_row([Pause(0.5), fault], saying(GOOD, pause=0.25))
    (made,) = made_by(serving)
    assert (made.rung, made.passed, len(model.seen.asked)) == ("large_model", (), 2)
    assert made.generated is not None
    assert (made.generated.tokens, made.generated.finish, made.generated.fault) == (8, "stop", "")
    assert made.generated.seconds < 0.5


def test_a_turn_has_one_second_try() -> None:
    """Of all its rungs together; the reason of a rung that was tried twice is the second fault's."""
    large, huge = a_row([Die()], [Fail("CUDA error")])
    small, little = a_row([Fail("CUDA error")], saying(GOOD), name="small", rung="small_model")
    (made,) = made_by(large, small)
    assert (len(huge.seen.asked), len(little.seen.asked)) == (2, 1)
    assert made.answer is None
    assert made.passed[:2] == (PassedOver("large_model", "model_failed"), PassedOver("small_model", "model_failed"))


@pytest.mark.parametrize(
    "script",
    [[*saying(GOOD, "We"), Die()], saying(BAD), [Silence()], [Pause(6.0), Fail("CUDA error")]],
    ids=["text came", "the guards refused it", "no text in time", "too little time is left"],
)
def test_what_a_second_try_does_not_help_has_none(script: list[Step]) -> None:
    """Customers have read the text, or wait for it."""
    serving, model = a_row(script, saying(GOOD))
    made_by(serving)
    assert len(model.seen.asked) == 1


def test_a_model_whose_breaker_is_not_closed_has_no_second_try() -> None:
    """The first turn's two tries open it; the second turn is a trial, and is one request."""
    serving, model = a_row([Fail("CUDA error")])
    ended = made_by(serving, limits=USUAL._replace(in_a_row=1, pause=0.0), turns=2)
    assert len(model.seen.asked) == 3
    assert [made.passed[0] for made in ended] == [PassedOver("large_model", "model_failed")] * 2


def test_two_tries_count_for_the_breaker_as_one() -> None:
    """By the second: a turn that was made says nothing bad of the model, however its first try ended."""
    good, bad = saying(GOOD), [Fail("CUDA error")]
    serving, model = a_row(bad, good, bad, good, bad, bad, bad, good)
    ended = made_by(serving, limits=USUAL._replace(in_a_row=2), turns=4)
    assert [made.rung for made in ended] == ["large_model", "large_model", "", "large_model"]
    assert len(model.seen.asked) == 8


def test_where_half_the_requests_fail_three_turns_of_four_are_generated() -> None:
    """Of four, two by their first request, one by its second, and one by neither."""
    good, bad = saying(GOOD), list[Step]([Fail("CUDA error")])
    row = [good, good, bad, good, bad, bad] * 5
    serving, model = a_row(*row, good)
    ended = made_by(serving, deadline=500.0, turns=20)
    assert [made.rung for made in ended].count("large_model") == 15
    assert len(model.seen.asked) == len(row)
