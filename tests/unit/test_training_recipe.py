"""Recipes, licences and families: what may go into a bundle, and into which head."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.training.families import families_of
from infra.training.licences import licence_of, may_ship
from infra.training.plan import make_plan
from infra.training.recipe import RECIPES, HeadRecipe, Recipe, read_recipe
from infra.training.refusal import TrainingRefused
from infra.training.run import Wanted, run

PLAIN = Recipe("x", "1", "intent", "fast")


def with_rows(folder: Path, name: str, *rows: tuple[str, str]) -> None:
    """A set of texts with labels, ten times over with a number each."""
    lines = [json.dumps({"text": f"{t} {n}", "label": label}) for t, label in rows for n in range(10)]
    (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_every_shipped_recipe_may_ship() -> None:
    """Each is read, is named after its file, and names only sets whose licence lets a bundle ship."""
    for path in RECIPES.glob("*.yaml"):
        recipe = read_recipe(path.stem)
        assert recipe.name == path.stem
        for head in recipe.heads:
            for name in (*head.sets, *head.outside):
                may_ship(name, licence_of(name, path.parent), path.parent)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "is not YAML"),
        ("{name: a}", "'task' must be one of intent, sentiment"),
        ("{name: a, version: '1', task: intent, size: fast, x: 1}", "unknown field 'x'"),
        ("{name: a, version: '1', task: intent, size: fast, heads: {h: {}}}", "heads.h has no text"),
        ("{name: a, version: '1', task: intent, size: fast, heads: {h: {sets: a}}}", "heads.h.sets must be a list"),
        ("{name: a, version: 1, task: intent, size: fast}", "'version' must be a string"),
    ],
)
def test_a_broken_recipe_is_refused_by_field(tmp_path: Path, document: str, said: str) -> None:
    """The message names the file."""
    path = tmp_path / "r.yaml"
    path.write_text(document, encoding="utf-8")
    with pytest.raises(TrainingRefused, match=r"r.yaml") as refused:
        read_recipe(str(path))
    assert said in str(refused.value)


def test_an_unknown_recipe_names_the_shipped_ones() -> None:
    """A slip of the pen is mended at once."""
    with pytest.raises(TrainingRefused, match=r"shipped are: .*intent-fast"):
        read_recipe("intent-quick")


def test_a_set_without_a_licence_does_not_ship(tmp_path: Path) -> None:
    """Known ones by the list, own ones by the folder's licences.yaml; nothing said is no."""
    may_ship("banking77", licence_of("banking77", tmp_path), tmp_path)
    with pytest.raises(TrainingRefused, match=r"twitter_airline \(licence: CC BY-NC-SA 4.0\) may not .*--sets"):
        may_ship("twitter_airline", licence_of("twitter_airline", tmp_path), tmp_path)
    with pytest.raises(TrainingRefused, match=r"nothing says under which licence .*: say it in .*licences.yaml"):
        may_ship("shop", licence_of("shop", tmp_path), tmp_path)
    (tmp_path / "licences.yaml").write_text("shop: {licence: our own, attribution: us, ships: true}", encoding="utf-8")
    may_ship("shop", licence_of("shop", tmp_path), tmp_path)


def test_a_broken_list_of_licences_is_refused(tmp_path: Path) -> None:
    """Field and file are named; nothing is guessed."""
    (tmp_path / "licences.yaml").write_text("shop: {licence: our own, attribution: us, ships: 'yes'}", encoding="utf-8")
    with pytest.raises(TrainingRefused, match=r"licences.yaml: shop: field 'ships' must be a bool"):
        licence_of("shop", tmp_path)


def test_without_a_recipe_every_set_becomes_a_head(tmp_path: Path) -> None:
    """Sets of the other task are passed over; of several heads the default one must be named."""
    with_rows(tmp_path, "shop", ("where is it", "where"), ("send it back", "return"))
    with_rows(tmp_path, "bank", ("my card", "card"), ("pay it", "pay"))
    with_rows(tmp_path, "mood", ("good", "positive"), ("bad", "negative"))
    with pytest.raises(TrainingRefused, match="none named by --head; the heads are: bank, shop"):
        make_plan(PLAIN, tmp_path, 7)
    plan = make_plan(PLAIN, tmp_path, 7, head="shop")
    assert {name: head.labels for name, head in plan.heads.items()} == {
        "bank": ("card", "pay"),
        "shop": ("return", "where"),
    }
    assert [(entry["name"], entry["rows"]) for entry in plan.data] == [("bank", 20), ("shop", 20)]
    assert plan.parts[0].langs == ("en", "und", "zh", "mixed")


def test_two_languages_make_two_parts(tmp_path: Path) -> None:
    """Each part has the text of its languages; a head with text in one language is in one part."""
    with_rows(tmp_path, "both", ("where is it", "where"), ("退货", "return"))
    with_rows(tmp_path, "one", ("my card", "card"), ("pay it", "pay"))
    plan = make_plan(PLAIN, tmp_path, 7, head="both")
    assert [(part.langs, [head.name for head in part.heads]) for part in plan.parts] == [
        (("en", "und"), ["both", "one"]),
        (("zh", "mixed"), ["both"]),
    ]
    assert (plan.heads["both"].parts, plan.heads["one"].parts) == ((0, 1), (0,))
    assert {row.label for row in plan.parts[1].heads[0].train} == {"return"}


def test_a_language_that_no_part_takes_is_named(tmp_path: Path) -> None:
    """Each language goes to one part: none is left out, none is there twice."""
    with_rows(tmp_path, "talk", ("hello there", "greet"), ("goodbye then", "leave"))
    for langs in (["en"], ["en", "und", "zh", "mixed", "mixed"]):
        with pytest.raises(TrainingRefused, match=r"recipe x: parts: .* give each of en, mixed, und, zh to one part"):
            make_plan(PLAIN._replace(parts={"all": {"langs": langs}}), tmp_path, 7)


def test_labels_are_mapped_or_left_out(tmp_path: Path) -> None:
    """A label that becomes null is left out; `oos` becomes text outside; another set may be outside too."""
    with_rows(tmp_path, "shop", ("a b", "x"), ("c d", "y"), ("e f", "z"), ("g h", "oos"))
    with_rows(tmp_path, "home", ("lights", "on"), ("music", "play"))
    head = HeadRecipe("h", ("shop",), labels={"x": "X", "z": None}, outside={"home": ["on"]})
    (found,) = make_plan(PLAIN._replace(heads=(head,)), tmp_path, 7).parts[0].heads
    assert found.labels == ("X", "y")
    assert {row.label for row in found.train} == {"X", "y"}
    assert {row.text.split()[0] for row in found.outside} == {"g", "lights"}
    assert {row.text.split()[0] for row in found.outside_dev} == {"g"}


def test_at_most_so_many_rows_of_a_label_are_taken(tmp_path: Path) -> None:
    """The same ones each time."""
    with_rows(tmp_path, "shop", ("a b", "x"), ("c d", "y"))
    recipe = PLAIN._replace(heads=(HeadRecipe("h", ("shop",), at_most=4),))
    first, second = (make_plan(recipe, tmp_path, 7).parts[0].heads[0] for _ in range(2))
    assert len(first.train) == 8
    assert first.train == second.train


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """A folder that is none, an empty one, a set that is not there, own text that is not written."""
    with pytest.raises(TrainingRefused, match="no such folder"):
        make_plan(PLAIN, tmp_path / "none", 7)
    with pytest.raises(TrainingRefused, match=r"holds no .jsonl"):
        make_plan(PLAIN, tmp_path, 7)
    with_rows(tmp_path, "shop", ("a b", "x"), ("c d", "y"))
    with pytest.raises(TrainingRefused, match=r"--sets other: .* it holds shop"):
        make_plan(PLAIN, tmp_path, 7, sets=("other",))
    with pytest.raises(TrainingRefused, match=r"has no bank.jsonl"):
        make_plan(PLAIN._replace(heads=(HeadRecipe("h", ("bank",)),)), tmp_path, 7)
    with pytest.raises(TrainingRefused, match="own text 'poems'"):
        make_plan(PLAIN._replace(heads=(HeadRecipe("h", own="poems"),)), tmp_path, 7)
    with pytest.raises(TrainingRefused, match="holds no rows for sentiment"):
        make_plan(PLAIN._replace(task="sentiment"), tmp_path, 7, sets=("shop",))


def test_families_come_from_the_project_or_the_folder(tmp_path: Path) -> None:
    """A folder's label_map.json gives the families of its own sets; an unknown family is refused."""
    assert families_of("service", ("order_status", "confirm"), tmp_path) == {
        "order_status": "order_query",
        "confirm": "dialogue_act",
    }
    assert families_of("shop", ("a",), tmp_path) == {}
    said = {"shop": {"payment": ["a"], "other": "*"}, "bank": {"money": ["a"]}}
    (tmp_path / "label_map.json").write_text(json.dumps(said), encoding="utf-8")
    assert families_of("shop", ("a", "b"), tmp_path) == {"a": "payment", "b": "other"}
    with pytest.raises(TrainingRefused, match="there is no scenario family 'money'"):
        families_of("bank", ("a",), tmp_path)


def test_only_encoders_are_reused(tmp_path: Path) -> None:
    """The fast size has none, and says so before it trains."""
    with_rows(tmp_path, "shop", ("where is it", "track"), ("send it back", "return"))
    with pytest.raises(TrainingRefused, match="--reuse: the fast size has no encoder"):
        run(Wanted("intent", tmp_path, tmp_path / "out", reuse=True), lambda what, share: None)
    assert not (tmp_path / "out").exists()
