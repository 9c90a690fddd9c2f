"""Lessons as arrays: read by the module that serves, padded to one size, with what is to be said step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from infra.training.generation_lessons import PHRASES, Lesson
from infra.training.generation_serving import serving

ROWS, ROW, ASKED, STEPS = 16, 28, 28, 56
"""Sizes of a lesson; one that does not fit is left out."""
POINTED, BEGIN, END = 0, 1, 2
_DECIDES: Final = 4.0
"""How much more a step counts at which there is something to decide: the first, and those behind a citation."""

Arrays = dict[str, Any]


def own_words() -> list[str]:
    """Of the decoder: three signs, and the pieces of all phrases."""
    phrases = [text for lang in sorted(PHRASES) for text in PHRASES[lang].values()]
    return ["", "", "", *dict.fromkeys(piece for text in phrases for piece in serving("words").pieces_of(text))]


def own_phrases(own: Sequence[str]) -> dict[str, list[list[int]]]:
    """By language, the phrases as numbers of own words; the one that ends an answer is the last."""

    def numbers(text: str) -> list[int]:
        return [own.index(piece, END + 1) for piece in serving("words").pieces_of(text)]

    return {lang: [numbers(texts[name]) for name in ("hello", "sorry", "nothing")] for lang, texts in PHRASES.items()}


def arrays(lesson: Lesson, vocabulary: Any, own: Mapping[str, int]) -> Arrays | None:
    """The lesson padded; None where it does not fit, or where what is to be said is not in the prompt."""
    given = serving("reading").read(lesson.prompt, vocabulary)
    ids = given.inputs["ids"]
    rows, row, asked = len(ids), ids.shape[1], len(given.inputs["asked"])
    if rows > ROWS or row > ROW or asked > ASKED:
        return None
    at = {text: position for text, position, _ in reversed(given.sentences)}
    if not all(text in at for text in lesson.says):
        return None

    def moved(position: int) -> int:
        return position // row * ROW + position % row if position >= 0 else -1

    said = _said(lesson, given, at, own)
    if len(said) > STEPS:
        return None
    steps = len(said)
    made: Arrays = {name: np.zeros((STEPS,), np.int32) for name in ("own", "target")}
    made |= {name: np.full((STEPS,), -1, np.int32) for name in ("last", "next")}
    made["counts"] = np.zeros(STEPS, np.float32)
    made["own"][0] = BEGIN
    for step, (word, position) in enumerate(said):
        made["target"][step] = word if word else END + 1 + len(own) + moved(position)
        decides = step == 0 or said[step - 1][0] or (position >= 0 and given.following[said[step - 1][1]] != position)
        ends_sentence = step > 0 and not said[step - 1][0] and given.following[said[step - 1][1]] == -1
        made["counts"][step] = _DECIDES if decides or ends_sentence else 1.0
        if step + 1 < steps:
            made["own"][step + 1] = word
            made["last"][step + 1] = moved(position)
            made["next"][step + 1] = moved(given.following[position]) if position >= 0 else -1
    padded = {
        "ids": ((ROWS, ROW), np.int32), "pairs": ((ROWS, ROW), np.int32), "asked": ((ASKED,), np.int32),
        "asked_pairs": ((ASKED,), np.int32), "earlier": ((ASKED,), np.float32), "same": ((ROWS, ROWS), np.float32),
        "titled": ((ROWS, ROWS), np.float32), "facts": ((ROWS, given.inputs["facts"].shape[1]), np.float32),
    }  # fmt: skip
    for name, (shape, kind) in padded.items():
        value = given.inputs[name]
        made[name] = np.zeros(shape, kind)
        made[name][tuple(slice(n) for n in value.shape)] = value
    opens, closed = np.zeros((ROWS, ROW), np.float32), np.ones((ROWS, ROW), np.float32)
    opens[:rows, :row] = given.opens.reshape(rows, row)
    closed[:rows, :row] = given.closed.reshape(rows, row)
    made["opens"], made["closed"] = opens.reshape(-1), closed.reshape(-1) * -1e4
    made["gold"] = np.zeros(ROWS + 1, np.float32)
    for text in lesson.says:
        made["gold"][at[text] // row] = 1.0 / len(lesson.says)
    made["gold"][ROWS] = 0.0 if lesson.says else 1.0
    return made


def _said(lesson: Lesson, given: Any, at: Mapping[str, int], own: Mapping[str, int]) -> list[tuple[int, int]]:
    """Own words (or 0) and positions (or -1), one after the other, with the end."""
    said: list[tuple[int, int]] = []
    for phrase in lesson.phrases:
        pieces = list(serving("words").pieces_of(PHRASES[lesson.lang][phrase]))
        said += [(own[piece], -1) for piece in pieces]
    for text in lesson.says:
        position = at[text]
        while position >= 0:
            said.append((0, position))
            position = given.following[position]
    return [*said, (END, -1)]


def batches(lessons: Iterator[Lesson], size: int, vocabulary: Any, own: Sequence[str]) -> Iterator[Arrays]:
    """One after the other, without end."""
    numbers = {word: n for n, word in enumerate(own) if n > END}
    while True:
        some: list[Arrays] = []
        while len(some) < size:
            made = arrays(next(lessons), vocabulary, numbers)
            if made is not None:
                some.append(made)
        yield {name: np.stack([one[name] for one in some]) for name in some[0]}
