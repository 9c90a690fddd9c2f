"""From a recipe and a folder of sets to the heads and parts that a trainer is given."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from infra.training.data import OUTSIDE, SENTIMENTS, Row, Task, labels_of, plain, split
from infra.training.families import families_of
from infra.training.job import HeadData, PartPlan
from infra.training.recipe import HeadRecipe, Recipe
from infra.training.refusal import TrainingRefused
from infra.training.sets import TEXTS, Sets
from processors.language import language

LANGS: Final = {"en": ("en", "und"), "zh": ("zh", "mixed")}
"""Languages by the part of a bundle that has them, where the recipe does not say."""
_MINORITY: Final = 0.02
"""A head with a smaller share of its rows in a part is not made there: its few texts go to the other part."""


class HeadPlan(NamedTuple):
    """A head as model.yaml has it."""

    labels: tuple[str, ...]
    scenarios: Mapping[str, str]
    parts: tuple[int, ...]


class Plan(NamedTuple):
    """What will be trained. `data` are the entries of model.yaml."""

    parts: tuple[PartPlan, ...]
    heads: Mapping[str, HeadPlan]
    default_head: str
    data: tuple[Mapping[str, Any], ...]


class _Text(NamedTuple):
    """A head's rows before they are parted by language."""

    recipe: HeadRecipe
    labels: tuple[str, ...]
    train: tuple[Row, ...]
    dev: tuple[Row, ...]
    outside: tuple[Row, ...]
    outside_dev: tuple[Row, ...]


def make_plan(
    recipe: Recipe, folder: Path, seed: int, *, sets: tuple[str, ...] = (), head: str = "", release: bool = False
) -> Plan:
    """Reads what the recipe names (all of `folder`, where it names nothing) and splits it by `seed`.

    `sets`: only these sets. `head`: the default head. `release`: refuse sets that may not ship. Raises
    TrainingRefused for every fault that a user can mend.
    """
    read = Sets(folder, sets, recipe.task, release)
    recipes = recipe.heads or tuple(HeadRecipe(name) for name in read.heads())
    texts = [_text(one, read, recipe.task, seed) for one in _each_scenario(recipes, read)]
    texts = [text for text in texts if text.train]
    if not texts:
        raise TrainingRefused(f"{folder}: holds no set for {recipe.task}: rows {{text, label, lang, source}}")
    names = [text.recipe.name for text in texts]
    default = head or recipe.default_head or (names[0] if len(names) == 1 else "")
    if default not in names:
        said = f"--head {default}: there is no such head" if default else "several heads, and none named by --head"
        raise TrainingRefused(f"{said}; the heads are: {', '.join(names)}")
    parts = _parts(recipe, texts)
    heads = {
        text.recipe.name: HeadPlan(
            text.labels,
            _families(text, recipe.task, folder),
            tuple(n for n, part in enumerate(parts) if any(h.name == text.recipe.name for h in part.heads)),
        )
        for text in texts
        if not text.recipe.settings.get("auxiliary")
    }
    return Plan(parts, heads, default, read.entries())


def _each_scenario(recipes: Iterable[HeadRecipe], read: Sets) -> Iterator[HeadRecipe]:
    """One recipe a head: a set of conversations gives a head a scenario."""
    for recipe in recipes:
        if recipe.sets or recipe.own:
            heads = [s.head for name in recipe.sets for s in read.get(name)]
            if recipe.name in recipe.sets and len(heads) > 1:
                yield from (recipe._replace(name=head, sets=(head,)) for head in heads)
            else:
                yield recipe
        else:
            yield recipe._replace(sets=(recipe.name,))


def _text(recipe: HeadRecipe, read: Sets, task: Task, seed: int) -> _Text:
    rows = tuple(read.own(recipe.own, seed)) if recipe.own else ()
    mapping = _mapping(recipe.map) if recipe.map else {}
    train, dev = _labelled(rows, recipe.labels, task, seed, 0)
    for name in recipe.sets:
        for found in read.get(name.partition(".")[0]):
            if name in (found.name, found.head):
                labels = {**mapping.get(found.name, {}), **mapping.get(found.head, {}), **recipe.labels}
                if recipe.map and "*" not in labels:
                    labels["*"] = None
                more = _labelled(found.rows, labels, task, seed, recipe.at_most)
                train, dev = (*train, *more[0]), (*dev, *more[1])
    outside, outside_dev = _outside(recipe, read, seed)
    classes = labels_of(train)
    return _Text(
        recipe,
        classes,
        tuple(row for row in train if row.label in classes),
        tuple(row for row in dev if row.label in classes),
        (*(row for row in train if row.label in OUTSIDE), *outside),
        (*(row for row in dev if row.label in OUTSIDE), *outside_dev),
    )


def _labelled(
    rows: Iterable[Row], labels: Mapping[str, str | None], task: Task, seed: int, at_most: int
) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """(train, dev) with labels put in place of others; a label that becomes null is left out, "*" is any other."""
    kept = []
    for row in rows:
        label = labels.get(row.label, labels.get("*", row.label))
        if label is not None and (task == "intent" or label in SENTIMENTS):
            kept.append(row._replace(label=label))
    train, dev = split(kept, seed)
    return (_first(train, at_most, seed) if at_most else train), dev


def _first(rows: Iterable[Row], at_most: int, seed: int) -> tuple[Row, ...]:
    """At most so many rows a label, chosen by a hash."""
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        by_label.setdefault(row.label, []).append(row)
    order = lambda row: hashlib.sha256(f"{seed}\x1f{row.text}".encode()).digest()  # noqa: E731
    return tuple(row for group in by_label.values() for row in sorted(group, key=order)[:at_most])


def _outside(recipe: HeadRecipe, read: Sets, seed: int) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    train: list[Row] = []
    for name, labels in recipe.outside.items():
        for found in read.get(name):
            train += split([r for r in found.rows if labels == "*" or r.label in labels], seed)[0]
    return tuple(train), ()


def _mapping(file: str) -> Mapping[str, Mapping[str, str | None]]:
    path = TEXTS / file
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise TrainingRefused(f"{path}: the recipe asks for this map, and it cannot be read ({err.strerror})") from err
    return document if isinstance(document, dict) else {}


def _parts(recipe: Recipe, texts: list[_Text]) -> tuple[PartPlan, ...]:
    """The parts that have text, with the text of their languages."""
    said = {name: tuple(settings.get("langs", LANGS.get(name, ()))) for name, settings in recipe.parts.items()}
    langs = said or LANGS
    taken, known = sorted(lang for own in langs.values() for lang in own), sorted(chain(*LANGS.values()))
    if taken != known:
        raise TrainingRefused(
            f"recipe {recipe.name}: parts: their langs are {', '.join(taken) or 'none'}; "
            f"give each of {', '.join(known)} to one part"
        )
    owner = {lang: name for name, own in langs.items() for lang in own}
    heads: dict[str, list[HeadData]] = {name: [] for name in langs}
    for text in texts:
        spoken = [owner[language(row.text)] for row in text.train]
        having = [n for n in langs if spoken.count(n) > _MINORITY * len(spoken)]
        main = max(having, key=spoken.count)
        place = partial(_place, owner, having, main)
        for name in having:
            heads[name].append(_of_part(text, name, place))
    made = {name: own for name, own in heads.items() if own}
    if len(made) == 1:
        langs = {next(iter(made)): tuple(owner)}
    return tuple(
        PartPlan(
            name,
            tuple(langs[name]),
            {**recipe.settings, **{k: v for k, v in recipe.parts.get(name, {}).items() if k != "langs"}},
            tuple(own),
        )
        for name, own in made.items()
    )


def _place(owner: Mapping[str, str], having: Sequence[str], main: str, row: Row) -> str:
    name = owner[language(row.text)]
    return name if name in having else main


def _of_part(text: _Text, part: str, place: Callable[[Row], str]) -> HeadData:
    def own(rows: Iterable[Row]) -> tuple[Row, ...]:
        return tuple(row for row in rows if place(row) == part)

    return HeadData(
        text.recipe.name,
        text.labels,
        own(text.train),
        own(text.dev),
        own(text.outside),
        own(text.outside_dev),
        text.recipe.settings,
    )


def _families(text: _Text, task: Task, folder: Path) -> Mapping[str, str]:
    if task == "sentiment":
        return {}
    return families_of(text.recipe.families or text.recipe.name, text.labels, folder)


def texts_of(plan: Plan) -> int:
    """How many different texts a plan trains on."""
    return len({plain(row.text) for part in plan.parts for head in part.heads for row in head.train})
