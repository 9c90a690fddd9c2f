"""The project's own intent text, and what the labels of public sets mean in it."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from infra.demo import CONVERSATIONS
from infra.training.data import Row
from infra.training.families import families_of
from infra.training.texts import intents
from infra.training.texts.intents_grammar import Grammar, GrammarBroken, parse
from infra.training.texts.intents_traditional import traditional
from processors.language import language

MAP = Path(intents.__file__).with_name("service_map.yaml")


@cache
def rows() -> tuple[Row, ...]:
    """The text of one seed."""
    return tuple(intents.rows(7))


def test_the_same_seed_writes_the_same_text() -> None:
    """Two readings of a seed are equal row by row, and another seed is another text."""
    again, other = intents.rows(7), intents.rows(8)
    assert all(a == b for a, b in zip(rows()[:3000], again, strict=False))
    assert any(a != b for a, b in zip(rows()[:100], other, strict=False))


def test_no_text_comes_twice() -> None:
    """Letter case and punctuation aside, a text is there once: under one label, and in train or in dev."""
    seen = Counter(intents.key(row.text) for row in rows())
    assert [text for text, count in seen.items() if count > 1] == []


def test_every_label_has_a_family_and_text_in_both_languages() -> None:
    """Each label belongs to a scenario family, and has at least 150 rows to learn from in Chinese and in English."""
    labels = intents.labels()
    assert set(families_of("service", labels, Path())) == set(labels)
    counts = Counter((row.label, _tongue(row.text)) for row in rows() if row.split == "train")
    few = {key: counts[key] for key in ((one, lang) for one in labels for lang in ("zh", "en")) if counts[key] < 150}
    assert few == {}


def test_no_label_has_more_than_three_times_the_rows_of_another() -> None:
    """The classes are balanced within three times, in train and in dev."""
    for split in ("train", "dev"):
        counts = Counter(row.label for row in rows() if row.split == split)
        assert max(counts.values()) <= 3 * min(counts.values())


def test_a_rows_language_is_that_of_its_text() -> None:
    """A row lies in the part of a bundle that will read such text."""
    assert all(row.lang == language(row.text) for row in rows()[::7])
    assert {"zh", "en", "mixed", "und"} <= {row.lang for row in rows()}


def test_texts_are_whole() -> None:
    """No slot is left unfilled, nothing is empty, and no text is longer than a message."""
    wrong = [row.text for row in rows() if not row.text.strip() or len(row.text) > 400]
    unfilled = [row.text for row in rows() if row.label != "nonsense" and set("{}|") & set(row.text)]
    assert (wrong, unfilled) == ([], [])


def test_the_demonstration_is_not_learnt() -> None:
    """What customers of the demonstration say, pleasantries aside, stays out: it is what routing is evaluated by."""
    talks = [json.loads(line) for line in CONVERSATIONS.read_text(encoding="utf-8").splitlines()]
    said = {
        intents.key(turn["text"])
        for talk in talks
        for turn in talk["turns"]
        if turn["speaker"] == "customer" and turn["scenario"] != "chit_chat"
    }
    assert said & {intents.key(row.text) for row in rows()} == set()


def test_the_map_of_public_sets_names_labels_that_there_are() -> None:
    """Every label of a public set means one of ours, or null."""
    document = yaml.safe_load(MAP.read_text(encoding="utf-8"))
    known = {*intents.labels(), None}
    wrong = {(name, label) for name, own in document.items() for label, ours in own.items() if ours not in known}
    assert wrong == set()
    assert all(isinstance(label, str) for own in document.values() for label in own)


def test_a_template_chooses_fills_and_leaves_out() -> None:
    """A template makes every text it stands for, and no other."""
    grammar = Grammar(
        {"thing": (parse("(red|blue) hat"), parse("coat"))}, {"number": lambda rng: str(rng.randint(1, 2))}
    )
    template = parse("(my|) {thing}( x{number})?")
    made = {grammar.write(template, random.Random(seed)) for seed in range(400)}
    things = ("red hat", "blue hat", "coat")
    assert made == {f"{my} {thing}{n}" for my in ("my", "") for thing in things for n in ("", " x1", " x2")}


@pytest.mark.parametrize("template", ["(open", "closed)", "{slot", "word? more"])
def test_a_broken_template_is_refused(template: str) -> None:
    """The message names the template."""
    with pytest.raises(GrammarBroken) as refused:
        parse(template)
    assert template in str(refused.value)


def test_an_unknown_slot_is_refused() -> None:
    """A slot that no list and no maker knows is named."""
    with pytest.raises(GrammarBroken, match="nowhere"):
        Grammar({}, {}).write(parse("{nowhere}"), random.Random(1))


def test_slots_that_refer_to_each_other_are_refused() -> None:
    """A slot list that contains itself ends with an error rather than never."""
    grammar = Grammar({"a": (parse("{b}"),), "b": (parse("{a}"),)}, {})
    with pytest.raises(GrammarBroken, match="refer to each other"):
        grammar.write(parse("{a}"), random.Random(1))


def test_traditional_characters_replace_simplified_ones() -> None:
    """Sentences of customers come out as they are written in Hong Kong."""
    assert traditional("我的订单什么时候发货") == "我的訂單什麼時候發貨"
    assert traditional("where is 订单 20260301") == "where is 訂單 20260301"


def _tongue(text: str) -> str:
    """Which of the two grammars wrote it, as far as its letters tell."""
    return "zh" if language(text) in ("zh", "mixed") else "en"
