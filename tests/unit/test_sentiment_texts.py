"""The own text that sentiment is learnt from: distinct, the same every time, labelled as its clauses say."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from itertools import islice

import pytest

from infra.training.data import SENTIMENTS, Row, plain
from infra.training.texts import sentiment_en, sentiment_zh, sentiments
from infra.training.texts.sentiment_lists import HARD, MILD, Domain, anger, domain, phrases
from processors.language import language

LIST = {
    "kinds": "杯子、水壶",
    "aspects": {"盖子": "紧、好看 | 漏水、太松"},
    "good": "喜欢；很满意",
    "bad": "碎了；骗子",
    "plain": "还没用；蓝色的",
}
"""A word list of one kind of goods."""


@cache
def own() -> tuple[Row, ...]:
    """All rows of one seed."""
    return tuple(sentiments.rows(7))


def of(lang: str, split: str) -> list[Row]:
    """The rows of one language and split."""
    return [row for row in own() if (row.lang, row.split) == (lang, split)]


def test_the_same_seed_writes_the_same_rows() -> None:
    """Training twice with one seed reads the same text."""
    again = sentiments.rows(7)
    assert all(row == next(again) for row in own()[:3000])


def test_another_seed_writes_other_messages() -> None:
    """The seed matters to the messages, while the clauses of the lists are always among them."""
    other = {row.text for row in islice(sentiments.rows(8), 12_000)}
    same = other & {row.text for row in own()}
    assert len(same) > 1000
    assert len(other - same) > 1000


def test_no_text_comes_twice() -> None:
    """No two rows of a language have the same text, also not in other letter case."""
    assert max(Counter((row.lang, row.text.casefold()) for row in own()).values()) == 1


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_label_has_thousands_of_rows_and_the_dev_rows_a_tenth(lang: str) -> None:
    """Each language has enough of each sentiment, and most of what is said is a complaint."""
    train = Counter(row.label for row in of(lang, "train"))
    assert set(train) == set(SENTIMENTS)
    assert min(train.values()) > 3000
    assert train.most_common(1)[0][0] == "negative"
    assert len(of(lang, "dev")) == sentiments.ROWS[lang] // 10


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_measured_with_is_made_of_clauses_that_training_never_sees(lang: str) -> None:
    """A clause that alone makes a row to learn from is no row to measure by."""
    learnt = {plain(row.text) for row in of(lang, "train")}
    assert not learnt & {plain(row.text) for row in of(lang, "dev")}


def test_only_what_is_against_something_is_angry() -> None:
    """Anger lies in 0..1; neutral and positive text has none; negative text has some."""
    assert all(row.anger is not None and 0 <= row.anger <= 1 for row in own())
    assert all((row.anger == 0) == (row.label != "negative") for row in own())


def test_hard_words_are_angrier_than_damage_and_delay() -> None:
    """Insults and threats count as anger, a broken cup does not."""
    assert anger("骗子，我要投诉", "zh") == anger("you liars, worst company", "en") == HARD
    assert anger("收到就碎了", "zh") == anger("my cup arrived broken", "en") == MILD


def test_no_frame_is_left_unfilled() -> None:
    """No brace of a frame stays in a text."""
    assert not [row.text for row in own() if "{" in row.text or "}" in row.text or not row.text.strip()]


def test_chinese_rows_read_as_chinese_and_english_rows_do_not() -> None:
    """Nearly every row goes to the part of a bundle that its language belongs to."""
    for lang, read in (("zh", {"zh", "mixed"}), ("en", {"en", "und"})):
        sample = random.Random(1).sample([row for row in own() if row.lang == lang], 1000)
        assert sum(language(row.text) in read for row in sample) > 980


def test_a_denied_bad_word_is_praise_and_a_denied_good_word_blame() -> None:
    """Negation turns the feeling: the frames of praise take bad words, those of blame good ones."""
    say, rng = phrases("zh"), random.Random(1)
    assert say.felt("words", -1, rng) in say.all("words_bad")
    texts = {row.text: row.label for row in own()}
    praised = [f"一点都不{word}" for word in say.all("words_bad")]
    blamed = [f"一点都不{word}" for word in say.all("words_good")]
    assert {texts[t] for t in praised if t in texts} <= {"positive"}
    assert {texts[t] for t in blamed if t in texts} <= {"negative"}


def test_a_word_list_is_read_with_its_feelings() -> None:
    """What stands before the bar is praise, what stands behind it blame; clauses are parted by their own mark."""
    cup = domain("cup", "zh", LIST)
    assert [(m.text, m.polarity) for m in cup.aspects[0].bad] == [("漏水", -1), ("太松", -1)]
    assert [(m.text, m.anger) for m in cup.bad] == [("碎了", MILD), ("骗子", HARD)]
    assert cup.kinds == ("杯子", "水壶")


def test_what_is_set_aside_and_what_is_kept_make_the_whole_list() -> None:
    """Splitting a list loses nothing, and a list is never left empty."""
    cup = domain("cup", "zh", LIST)
    kept, rest = cup.only(lambda m: m.text == "喜欢"), cup.only(lambda m: m.text != "喜欢")
    assert {*kept.good, *rest.good} == {*cup.good}
    assert kept.bad == cup.bad


@pytest.mark.parametrize(("grammar", "lang"), [(sentiment_zh.message, "zh"), (sentiment_en.message, "en")])
def test_a_message_of_a_grammar_is_labelled_as_it_was_drawn(grammar: sentiments.Grammar, lang: str) -> None:
    """Messages of one clause carry the label of that clause."""
    cup = {
        "kinds": "cup",
        "aspects": {"lid": "tight | leaking"},
        "good": "love it",
        "bad": "broken",
        "plain": "it is red",
    }
    lists: tuple[Domain, ...] = (domain("general", lang, LIST if lang == "zh" else cup),)
    single = {m.text: m.polarity for d in lists for m in (*d.good, *d.bad, *d.plain)}
    made = [grammar(lists, rng) for rng in [random.Random(3)] for _ in range(400)]
    assert {single[m.text] == m.polarity for m in made if m.text in single} == {True}
    assert {m.polarity for m in made} == {-1, 0, 1}
