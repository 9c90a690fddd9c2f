"""Two models on the same rows."""

from __future__ import annotations

import pytest

from infra.evaluation.compare import Comparison, compare
from infra.evaluation.measure import ask, evaluate
from streams.models.bundle import Head
from tests.scripted_model import ScriptedModel, group

HEADS = {"pair": Head(("yes", "no"))}
YES, NO = ((0.9, 0.1), 0.2), ((0.1, 0.9), 0.2)


def compared(this: str, other: str) -> Comparison:
    """Of rows that are all `yes`; what each said, a letter a row."""
    rows = [(f"row {i}", "yes") for i in range(len(this))]
    models = [
        ScriptedModel(HEADS, {"pair": {f"row {i}": YES if c == "y" else NO for i, c in enumerate(said)}})
        for said in (this, other)
    ]
    first, second = (ask(model, [group(rows)]) for model in models)
    return compare(first, second, evaluate("other", second))


def test_rows_are_counted_by_who_was_right() -> None:
    """Both, only this, only the other, neither; the difference and its exact test follow from them."""
    found = compared("yyyyyyyyynnn", "ynnnnnnnnynn")
    counts = found.all.both, found.all.only_this, found.all.only_other, found.all.neither
    assert counts == (1, 8, 1, 2)
    assert found.all.difference is not None
    assert found.all.difference.value == pytest.approx(7 / 12)
    assert found.all.p == pytest.approx(2 * (1 + 9) / 2**9)


def test_the_verdict_needs_evidence() -> None:
    """A difference that chance explains is none."""
    assert compared("yyyyyyyy", "nnnnnnnn").verdict == "better"
    assert compared("nnnnnnnn", "yyyyyyyy").verdict == "worse"
    assert compared("yyy", "nnn").verdict == "no difference shown"
    assert compared("yyy", "yyy").verdict == "no difference shown"


def test_texts_that_only_one_got_right_are_told() -> None:
    """With what is right and what each said."""
    found = compared("yn", "ny")
    assert [tuple(vars(each).values()) for each in found.fixed] == [("row 0", "yes", "yes", "no")]
    assert [tuple(vars(each).values()) for each in found.broken] == [("row 1", "yes", "no", "yes")]


def test_what_is_out_of_scope_is_compared_apart() -> None:
    """By the recall of each at its own threshold; such rows are not among the pairs."""
    rows = [("a", "yes"), ("b", "oos"), ("c", "oos")]
    first = ask(
        ScriptedModel(HEADS, {"pair": {"a": YES, "b": ((0.5, 0.5), 0.7), "c": ((0.5, 0.5), 0.9)}}), [group(rows)]
    )
    second = ask(ScriptedModel(HEADS, {"pair": {"a": YES, "b": ((0.5, 0.5), 0.7), "c": YES}}), [group(rows)])
    found = compare(first, second, evaluate("other", second))
    assert found.out_of_scope_recall is not None
    assert found.out_of_scope_recall.value == pytest.approx(0.5)
    assert (found.all.both, found.all.neither) == (1, 0)
