"""Which head answers a group, by labels or by scenario families."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infra.evaluation.errors import EvaluationError
from infra.evaluation.label_map import load_label_map
from infra.evaluation.measure import ask, evaluate
from infra.evaluation.scoring import pose
from streams.models.bundle import Head
from tests.scripted_model import ScriptedModel, group

HEADS = {
    "service": Head(
        ("order_status", "refund", "greeting", "nonsense"),
        {
            "order_status": "order_query",
            "refund": "returns_exchange",
            "greeting": "chit_chat",
            "nonsense": "out_of_scope",
        },
    ),
    "wide": Head(("a", "b", "c", "d")),
    "narrow": Head(("a", "b", "c")),
    "shop.one": Head(("a", "b", "hello")),
    "shop.two": Head(("a", "b", "hello")),
}
MODEL = ScriptedModel(HEADS, {})


def head_of(labels: str, name: str = "set") -> str:
    """The head that is asked about rows with these labels, one a letter or word."""
    return pose(MODEL, group([("text", label) for label in labels.split()], name)).head


def test_a_head_that_covers_the_labels_is_asked_the_smallest_first() -> None:
    """Of the two heads that know a, b and c, the one without d."""
    assert head_of("a b c") == "narrow"
    assert head_of("a b c d") == "wide"


def test_a_head_of_the_groups_own_name_goes_first() -> None:
    """Its labels cover the data as the smaller head's do, but it was made for the set."""
    assert head_of("a b", "wide") == "wide"
    assert head_of("a b", "wide_test") == "wide"
    assert head_of("a b", "widest") == "narrow"
    assert head_of("a b", "shop.two") == "shop.two"


def test_a_scenario_finds_its_head_though_the_file_has_another_name() -> None:
    """shop_test.jsonl with the scenario two is answered by shop.two."""
    two = group([("text", "a")], "shop_test.two")._replace(set_name="shop_test")
    assert pose(MODEL, two).head == "shop.two"


def test_a_head_that_covers_most_rows_is_asked_where_none_covers_all() -> None:
    """And what it does not know is counted."""
    found = pose(MODEL, group([("x", "a"), ("x", "d"), ("x", "d"), ("x", "elsewhere")]))
    assert (found.head, found.unknown) == ("wide", {"elsewhere": 1})


def test_out_of_scope_rows_do_not_choose_the_head() -> None:
    """No head needs to have the label oos."""
    found = pose(MODEL, group([("x", "a"), ("x", "b"), ("x", "c"), ("x", "oos")]))
    assert (found.head, found.outside.tolist(), found.unknown) == ("narrow", [False, False, False, True], {})


def test_a_label_of_several_intents_is_its_own_where_the_head_has_it() -> None:
    """Else either of the two is right."""
    heads = {"joint": Head(("a", "b", "a|b")), "plain": Head(("a", "b"))}
    rows = group([("x", "a|b"), ("x", "a"), ("x", "b|z")])
    joint = pose(ScriptedModel(heads, {}), rows, head="joint")
    assert joint.truths == ((2,), (0,), (1,))
    plain = pose(ScriptedModel(heads, {}), rows)
    assert (plain.head, plain.truths, plain.unknown) == ("plain", ((0, 1), (0,), (1,)), {})


def test_a_head_can_be_named_and_must_be_there() -> None:
    """The message lists those that are."""
    assert pose(MODEL, group([("x", "a")]), head="wide").head == "wide"
    with pytest.raises(EvaluationError, match=r"--head other: scripted@1#0 has no such head; it has service, wide"):
        pose(MODEL, group([("x", "a")]), head="other")


MAP = """{
 "shop": {"note": "ours", "order_query": ["where", "when"], "chit_chat": "talk.*", "out_of_scope": ["song"],
          "logistics": "*"},
 "shop_zh": {"order_query": "*"}
}"""


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    """A label map of two sets."""
    path = tmp_path / "map.json"
    path.write_text(MAP, "utf-8")
    return path


def test_a_map_leads_from_labels_to_families(map_file: Path) -> None:
    """By list, by prefix, and the rest; the longest name that fits the file's is the set."""
    found = load_label_map(map_file)
    assert [found.family("shop", label) for label in ("where", "talk.joke", "song", "van")] == [
        "order_query",
        "chit_chat",
        "out_of_scope",
        "logistics",
    ]
    assert found.family("shop_zh_test", "anything") == "order_query"
    assert found.family("shop_test", "van") == "logistics"
    assert not found.knows("bank")


def test_a_simple_map_is_for_every_set(tmp_path: Path) -> None:
    """{label: family}, in YAML too."""
    path = tmp_path / "map.yaml"
    path.write_text("where: order_query\nsong: out_of_scope\n", "utf-8")
    found = load_label_map(path)
    assert [found.family("any", label) for label in ("where", "song", "else")] == ["order_query", "out_of_scope", None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "a label map is an object"),
        ('{"shop": 3}', "shop: expected {family: [labels]}, found int"),
        ('{"shop": {"ordering": ["a"]}}', "shop: no such scenario family: 'ordering'; one of order_query,"),
        ('{"shop": {"payment": 3}}', 'shop.payment: expected a list of labels, "*" or "prefix.*", found 3'),
        ('{"a": "pay"}', "a: no such scenario family: 'pay'"),
        ("{", "the label map cannot be read"),
    ],
)
def test_a_wrong_map_is_refused_by_field(tmp_path: Path, text: str, message: str) -> None:
    """With the file and what is expected."""
    path = tmp_path / "map.json"
    path.write_text(text, "utf-8")
    with pytest.raises(EvaluationError) as refused:
        load_label_map(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)


SAID = {
    "service": {
        "where is it": ((0.6, 0.2, 0.2, 0.0), 0.1),
        "money": ((0.4, 0.5, 0.1, 0.0), 0.1),
        "lalala": ((0.1, 0.0, 0.1, 0.8), 0.3),
        "van": ((0.7, 0.1, 0.2, 0.0), 0.2),
    }
}


def test_by_families_the_default_head_is_compared_family_by_family(map_file: Path) -> None:
    """Its own labels become families, those that mean out of scope are its out-of-scope score."""
    rows = [("where is it", "where"), ("money", "when"), ("lalala", "song"), ("van", "van"), ("money", "refund")]
    answers = ask(ScriptedModel(HEADS, SAID), [group(rows, "shop")], load_label_map(map_file))
    question = answers[0].question
    assert (question.head, question.by) == ("service", "family")
    assert question.classes == ("order_query", "returns_exchange", "chit_chat")
    assert question.names == ("order_query", "order_query", "out_of_scope", "logistics", "logistics")
    assert question.unknown == {"logistics": 2}
    assert answers[0].right.tolist() == [True, False, False, False, False]
    assert answers[0].second == pytest.approx(np.array([0.1, 0.1, 0.8, 0.2, 0.1]))
    found = evaluate("x", answers).groups[0]
    assert [(f.name, f.rows, f.accuracy.value) for f in found.families] == [
        ("logistics", 2, 0.0),
        ("order_query", 2, 0.5),
    ]
    assert found.out_of_scope is not None
    assert found.out_of_scope.recall is not None
    assert found.out_of_scope.recall.value == 1.0


def test_a_map_needs_the_set_and_a_head_with_families(map_file: Path) -> None:
    """Else nothing can be compared, and the message says what to do."""
    labels = load_label_map(map_file)
    with pytest.raises(EvaluationError, match=r"the map has no set for bank; it has shop, shop_zh: rename the file"):
        pose(MODEL, group([("x", "a")], "bank"), labels)
    with pytest.raises(EvaluationError, match="the head wide of scripted@1#0 has no scenario families"):
        pose(MODEL, group([("x", "a")], "shop"), labels, "wide")
