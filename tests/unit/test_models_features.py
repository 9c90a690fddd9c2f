"""Hashed n-grams: the same ids on every platform, whatever the batch, and the parts of a text that they claim to be."""

from __future__ import annotations

from collections import Counter
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.models.characters import HAN, MARK, UNSEEN, WORD, classes
from streams.models.features import Features, hash_features
from streams.models.simplified import SIMPLIFIED, TRADITIONAL, simplified

FEATURES = Features(131_072)
SMALL = Features(1_000, words=(1, 3), characters=(1, 3), han=(1, 2), limit=40)
ODD = st.sampled_from(
    ["", " ", "\n", "\x00", "\ud800", "’", "'", "don't", "ﷺ", "İß", "我order了", "👍🏽", "Ａ", "e\u0301", "訂單"]
)
TEXT = st.one_of(ODD, st.text(max_size=60), st.lists(ODD, max_size=6).map("".join))


def _ids(text: str, spec: Features = FEATURES) -> Counter[int]:
    row = hash_features([text], spec)[0]
    return Counter(row[row > 0].tolist())


@settings(deadline=None, max_examples=150)
@given(texts=st.lists(TEXT, min_size=1, max_size=8))
def test_a_text_has_the_same_ids_alone_and_among_others(texts: list[str]) -> None:
    """A batch's rows are those of its texts, with zeros at the end."""
    rows = hash_features(texts, FEATURES)
    assert rows.dtype == np.int32
    assert rows.shape[0] == len(texts)
    for text, row in zip(texts, rows, strict=True):
        alone = hash_features([text], FEATURES)[0]
        n = np.count_nonzero(alone)
        assert row[:n].tolist() == alone[:n].tolist()
        assert not row[n:].any()
        assert row.min() >= 0
        assert row.max() <= FEATURES.buckets


@settings(deadline=None, max_examples=150)
@given(text=TEXT)
def test_the_ids_are_those_of_the_definition(text: str) -> None:
    """A plain reading of what an id is, one n-gram after another in whole numbers, gives the same ids."""
    assert _ids(text, SMALL) == Counter(_by_definition(text, SMALL))


def test_ids_do_not_change_between_versions() -> None:
    """Models that are in use were trained on these very numbers."""
    spec = Features(131_072, words=(1, 1), characters=(0, 0))
    rows = hash_features(["where is my order?", "退款!"], spec)
    assert rows.tolist() == PINNED


def test_forms_that_mean_the_same_have_the_same_ids() -> None:
    """Case, full width, white space, unseen characters and the kind of apostrophe do not matter."""
    plain = _ids("i cant find order 12")
    same = ["I CAN'T find Order 12", "Ｉ can’t　ｆｉｎｄ order １２", " i can`t\nfind  or\u200bder 12\t"]
    for text in same:
        assert _ids(text) == plain, text


def test_traditional_characters_have_the_ids_of_simplified_ones() -> None:
    """A text means the same in either; the rest of it stays as it is."""
    assert simplified("請問我的訂單order什麼時候到？𠮷😀") == "请问我的订单order什么时候到？𠮷😀"
    assert _ids("請問我的訂單什麼時候到？𠮷") == _ids("请问我的订单什么时候到？𠮷")


def test_simplified_characters_stay_as_they_are() -> None:
    """Doing it twice changes nothing, and nothing is mapped twice."""
    assert simplified(SIMPLIFIED) == SIMPLIFIED == simplified(TRADITIONAL)
    assert len(set(TRADITIONAL)) == len(TRADITIONAL)


def test_a_word_has_its_ids_in_chinese_text_too() -> None:
    """Mixed text holds all that its English and its Chinese hold."""
    spec = Features(1 << 20, words=(1, 1))
    assert _ids("我的order呢", spec) == _ids("order", spec) + _ids("我的 呢", spec)


def test_neighbours_of_different_texts_are_no_neighbours() -> None:
    """No n-gram reaches over the end of a text."""
    rows = hash_features(["where is", "my order", "退", "款"], FEATURES)
    assert sum(np.count_nonzero(row) for row in rows) == sum(
        _ids(text).total() for text in ("where is", "my order", "退", "款")
    )


def test_only_so_much_of_a_text_is_looked_at() -> None:
    """What lies behind the limit changes nothing."""
    spec = Features(1_000, limit=10)
    assert _ids("0123456789", spec) == _ids("0123456789 and more" * 1_000, spec)


def test_ligatures_do_not_make_a_text_longer() -> None:
    """One of them stands for eighteen letters; the limit holds for those."""
    assert _ids("ﷺ" * 10_000, Features(1_000, limit=50)).total() < 400


def test_numbers_can_be_told_by_length_alone() -> None:
    """With folded digits, two order numbers of one length are one."""
    spec = Features(1_000, fold_digits=True)
    assert _ids("order 4711", spec) == _ids("order 0815", spec)
    assert _ids("order 4711", spec) != _ids("order 08150", spec)
    assert _ids("order 4711", FEATURES) != _ids("order 0815", FEATURES)


def test_marks_can_be_left_out() -> None:
    """Without marks, punctuation and emoji give nothing."""
    assert _ids("?!😡", Features(1_000, marks=False)) == Counter()
    assert _ids("?!😡", Features(1_000)).total() == 3


def test_nothing_to_see_is_an_empty_row() -> None:
    """A row of zeros, one wide, so that a graph has something to read; no texts are no rows."""
    assert hash_features(["", " ", "\ud800"], FEATURES).tolist() == [[0], [0], [0]]
    assert hash_features([], FEATURES).shape == (0, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("where is my order", "WHERE IS MY ORDER"),
        ("no", "no!!!"),
        ("order", "order 😡"),
        ("code 12", "code 1234567890"),
        ("really?", "really???"),
    ],
)
def test_the_shape_tells_what_a_bag_loses(one: str, other: str) -> None:
    """Capitals, repeated marks, emoji and long numbers change ids of the shape; seven aspects, whatever the text."""
    spec = Features(1 << 20, words=(0, 0), characters=(0, 0), han=(0, 0), marks=False, shape=True)
    assert _ids(one, spec).total() == _ids(other, spec).total() == _ids("", spec).total() == 7
    assert _ids(one, spec) != _ids(other, spec)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("buckets", {"buckets": 0}),
        ("limit", {"buckets": 9, "limit": 0}),
        ("words", {"buckets": 9, "words": (2, 1)}),
        ("characters", {"buckets": 9, "characters": (0, 2)}),
        ("han", {"buckets": 9, "han": (1, 17)}),
        ("scheme", {"buckets": 9, "scheme": 2}),
    ],
)
def test_what_cannot_be_is_refused_by_name(field: str, values: dict[str, int]) -> None:
    """The message begins with the field."""
    with pytest.raises(ValueError, match=f"^{field}: "):
        Features(**values)  # type: ignore[arg-type]


PINNED = [[116565, 37667, 128281, 75645, 81139], [1984, 32384, 98344, 39009, 0]]

_ALL = 0xFFFFFFFF


def _by_definition(text: str, spec: Features) -> list[int]:
    text = normalize("NFKC", text[: spec.limit].replace("\n", " "))[: spec.limit]
    text = simplified(text.casefold())
    seen = [(ord(c), _kind(c)) for c in text]
    kept = []
    for i, (code, kind) in enumerate(seen):
        between = 0 < i < len(seen) - 1 and seen[i - 1][1] == WORD and seen[i + 1][1] == WORD
        if kind != UNSEEN and not (code in (0x27, 0x60, 0x2019) and between):
            kept.append((code, kind))
    return [*_of_words(kept, spec), *_of_han(kept, spec), *_of_marks(kept, spec)]


def _of_words(kept: list[tuple[int, int]], spec: Features) -> list[int]:
    words = [[_mixed(code) for code, _ in run] for run in _stretches(kept, WORD)]
    ids = []
    for word in words:
        edged = [_mixed(0), *word, _mixed(0)]
        for n in range(spec.characters[0], spec.characters[1] + 1):
            for start in range(len(edged) - n + 1):
                gram = edged[start : start + n]
                if n > 1 or gram != [_mixed(0)]:
                    ids.append(_bucket(_folded(gram), 0x20 + n, spec))
    hashes = [_from_the_edge([_mixed(0), *word]) for word in words]
    for n in range(spec.words[0], spec.words[1] + 1):
        for start in range(len(hashes) - n + 1):
            ids.append(_bucket(_folded(hashes[start : start + n]), 0x10 + n, spec))
    return ids


def _of_han(kept: list[tuple[int, int]], spec: Features) -> list[int]:
    ids = []
    for run in _stretches(kept, HAN):
        codes = [_mixed(code) for code, _ in run]
        for n in range(spec.han[0], spec.han[1] + 1):
            ids += [_bucket(_folded(codes[i : i + n]), 0x40 + n, spec) for i in range(len(codes) - n + 1)]
    return ids


def _of_marks(kept: list[tuple[int, int]], spec: Features) -> list[int]:
    return [_bucket(_mixed(code), 0x51, spec) for code, kind in kept if kind == MARK]


def _stretches(kept: list[tuple[int, int]], kind: int) -> list[list[tuple[int, int]]]:
    runs: list[list[tuple[int, int]]] = [[]]
    for character in kept:
        if character[1] == kind:
            runs[-1].append(character)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _kind(character: str) -> int:
    return int(classes(np.array([ord(character)], np.uint32))[0])


def _mixed(code: int) -> int:
    spread = (code + 1) * 0x9E3779B1 & _ALL
    return (spread ^ spread >> 15) * 0x85EBCA6B & _ALL


def _folded(gram: list[int]) -> int:
    value = 0
    for part in gram:
        value = (value * 0x01000193 + part) & _ALL
    return value


def _from_the_edge(word: list[int]) -> int:
    return sum(part * pow(0x01000193, place, 1 << 32) for place, part in enumerate(word)) & _ALL


def _bucket(value: int, salt: int, spec: Features) -> int:
    value ^= salt * 0x9E3779B1 & _ALL
    value = (value ^ value >> 16) * 0x85EBCA6B & _ALL
    value = (value ^ value >> 13) * 0xC2B2AE35 & _ALL
    value ^= value >> 16
    return (value * spec.buckets >> 32) + 1
