"""Damage to texts: what it does, and that what it costs is measured on the rows it changed."""

from __future__ import annotations

from random import Random

import pytest

from infra.evaluation.latency import latency
from infra.evaluation.measure import ask
from infra.evaluation.perturbations import PERTURBATIONS, Perturbation
from infra.evaluation.robustness import robustness
from infra.evaluation.traditional import TRADITIONAL
from streams.models.bundle import Head
from tests.scripted_model import ScriptedModel, group

BY_NAME = {perturbation.name: perturbation for perturbation in PERTURBATIONS}


def damaged(name: str, text: str, seed: int = 1) -> str:
    """The text after the damage of that name."""
    return BY_NAME[name].apply(text, Random(seed))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("all_caps", "where is it", "WHERE IS IT"),
        ("full_width", "ok 12", "ｏｋ　１２"),
        ("traditional", "我要退货，订单还没发货", "我要退貨，訂單還沒發貨"),
        ("pinyin_initials", "快递没到，我要退款，支付宝付的", "kd没到，我要tk，zfb付的"),
        ("missing_spaces", "two words", "twowords"),
    ],
)
def test_damage_is_what_it_says(name: str, text: str, expected: str) -> None:
    """Where chance has no part in it."""
    assert damaged(name, text) == expected


@pytest.mark.parametrize("text", ["where is my parcel please", "我的快递什么时候能送到呢"])
@pytest.mark.parametrize("name", ["typos", "emoji", "punctuation"])
def test_damage_by_chance_is_the_same_for_the_same_seed(name: str, text: str) -> None:
    """It changes the text, by a few characters, and not always in the same way."""
    assert damaged(name, text) == damaged(name, text)
    found = {damaged(name, text, seed) for seed in range(20)}
    assert len(found) > 3
    assert text not in found
    assert all(abs(len(each) - len(text)) <= 6 for each in found)


@pytest.mark.parametrize("name", sorted(BY_NAME))
@pytest.mark.parametrize("text", ["", " ", "?", "好", "a", "😀", "1 2", "x" * 5000, "word " * 500])
def test_any_text_can_be_damaged(name: str, text: str) -> None:
    """Nothing fails; what cannot be changed stays."""
    assert isinstance(damaged(name, text), str)


def test_the_table_of_traditional_characters_is_of_single_different_ones() -> None:
    """Each of several hundred simplified characters has one other form."""
    assert len(TRADITIONAL) > 600
    assert all(len(a) == len(b) == 1 and a != b for a, b in TRADITIONAL.items())


HEADS = {"pair": Head(("yes", "no"))}
SHOUT = Perturbation("shout", "louder", lambda text, _: text.upper())


def test_the_drop_is_over_the_rows_that_changed() -> None:
    """Of four rows in scope one has no letters and stays; of the other three two were right, and one still is."""
    said = {
        "a": ((0.9, 0.1), 0.0),
        "A": ((0.9, 0.1), 0.0),
        "b": ((0.9, 0.1), 0.0),
        "B": ((0.1, 0.9), 0.0),
        "c": ((0.1, 0.9), 0.0),
        "C": ((0.1, 0.9), 0.0),
        "7": ((0.9, 0.1), 0.0),
        "z": ((0.9, 0.1), 0.0),
    }
    model = ScriptedModel(HEADS, {"pair": said})
    answers = ask(model, [group([("a", "yes"), ("b", "yes"), ("c", "yes"), ("7", "yes"), ("z", "oos")])])
    (found,) = robustness(model, answers, [SHOUT])
    assert found.rows == 3
    assert found.before is not None
    assert found.after is not None
    assert found.drop is not None
    figures = (found.before.value, found.after.value, found.drop.value)
    assert figures == pytest.approx((2 / 3, 1 / 3, 1 / 3))
    assert found.example == ("b", "B")
    assert "Z" not in model.asked


def test_damage_that_changes_nothing_has_no_figures() -> None:
    """Zero rows, and no share of them."""
    model = ScriptedModel(HEADS, {"pair": {"7": ((0.9, 0.1), 0.0)}})
    (found,) = robustness(model, ask(model, [group([("7", "yes")])]), [SHOUT])
    assert (found.rows, found.before, found.drop, found.example) == (0, None, None, None)


def test_latency_is_measured_by_batch_and_by_length() -> None:
    """Of every model at every batch size, and in every band of lengths that the texts have."""
    model = ScriptedModel(HEADS, {"pair": {"": ((0.9, 0.1), 0.0)}})
    found = latency([(model, "pair"), (model, "pair")], ["short", "x" * 100])
    assert len(found) == 2
    assert [speed.batch for speed in found[0].by_batch] == [1, 8, 32, 128]
    assert [name for name, _ in found[0].bands] == ["1–20", "61–200"]
    assert all(
        0 < speed.best_us <= speed.median_us and speed.cpu_us >= 0 and speed.repetitions >= 5
        for speed in found[1].by_batch
    )
