"""A prompt as the model reads it: the passages in sentences, a row of words each, and what the customer asks.

Read are prompts as Spillway's templates write them, in blocks: `<passages>` with lines `1> text`, the first line of
each number a title; `<message>` with lines `> text`; of `<history>` what the customer said last. Nothing else of a
prompt has a say. Training reads by this module too, so the model is taught what it is given.
"""

import re
from typing import NamedTuple

import numpy as np
from words import is_chinese

NONE, UNKNOWN, MARK = 0, 1, 2
"""Of the vocabulary: no word, a word that is not in it, and the citation behind a sentence."""
MOST_UNITS, UNIT = 64, 48
"""Rows that are read, and words of a row; a longer sentence goes on in the next."""
MOST_ASKED, MOST_SAID_BEFORE = 40, 16
FACTS = 8
LINE = re.compile(r"(\w{0,32})> (.*)")
_SENTENCE = re.compile(r"[^。！？!?]+?(?:[。！？!?]+[”」』]?|[.](?=\s+[^a-z]|\s*$)|$)")
_TOKEN = re.compile(r"\s*(?:[A-Za-z]+|\d|[\u3400-\u9fff]|\S)")
_HAN = re.compile(r"[\u3400-\u9fff]")


class Vocabulary:
    """Words by number. A word of Latin letters that is not in it is read in pieces, the longest first."""

    def __init__(self, names):
        self._numbers = {name: number for number, name in enumerate(names)}
        self._known = {}

    def rows(self, text):
        """The words of a text: each as it is written, with the space before it; its number; and that of the pair which
        it makes with the next character."""
        found = []
        for written in _TOKEN.findall(text):
            found += self._pieces(written)
        for i, (written, number, _) in enumerate(found[:-1]):
            pair = written.strip() + found[i + 1][0]
            if len(pair) == 2 and pair[0] >= "\u3400":
                found[i] = (written, number, self._numbers.get(pair, NONE))
        return found

    def _pieces(self, written):
        if written not in self._known:
            if len(self._known) > 50_000:
                self._known.clear()
            self._known[written] = self._cut(written)
        return self._known[written]

    def _cut(self, written):
        word = written.lstrip()
        space, lowered, found, begin = written[: len(written) - len(word)], word.lower(), [], 0
        if len(lowered) != len(word) or len(word) > 40:
            return [(written, UNKNOWN, NONE)]
        while begin < len(word):
            end = len(word)
            while end > begin and ("##" if begin else "") + lowered[begin:end] not in self._numbers:
                end -= 1
            if end == begin:
                return [(written, UNKNOWN, NONE)]
            number = self._numbers[("##" if begin else "") + lowered[begin:end]]
            found.append((word[begin:end] if begin else space + word[:end], number, NONE))
            begin = end
        return found


class Read(NamedTuple):
    """What a prompt holds, as arrays for the reader's graph; `inputs` by name, U rows of L words and Q asked ones.

    By position in the rows put one behind another: `surface`, what is written there; `following`, the position of the
    next word of the same sentence, or -1; `opens`, whether a sentence begins there; `closed`, what may not be said: a
    title, or no word at all. `sentences`: text, first position, number of the passage. `chinese`: the customer's
    language.
    """

    inputs: dict
    surface: list
    following: list
    opens: np.ndarray
    closed: np.ndarray
    sentences: list
    chinese: bool


def read(prompt, vocabulary):
    """The prompt read. Any text whatever."""
    asked = [text for _, text in block(prompt, "message")]
    before = [text for speaker, text in block(prompt, "history") if speaker == "customer"][-1:]
    chinese = is_chinese(" ".join(asked))
    rows = _units(prompt, vocabulary, chinese)
    longest = max([len(row.words) for row in rows], default=1)
    ids, pairs = np.zeros((len(rows), longest), np.int64), np.zeros((len(rows), longest), np.int64)
    surface, following = [""] * (len(rows) * longest), [-1] * (len(rows) * longest)
    opens, closed = np.zeros(len(surface), np.float32), np.ones(len(surface), bool)
    sentences = []
    for u, row in enumerate(rows):
        begin = u * longest
        for i, (written, number, pair) in enumerate(row.words):
            ids[u, i], pairs[u, i] = number, pair
            surface[begin + i], closed[begin + i] = written, row.title
            last = i + 1 == len(row.words)
            following[begin + i] = (begin + longest if row.goes_on else -1) if last else begin + i + 1
        if row.starts:
            opens[begin] = 1
            sentences.append((row.text, begin, row.mark))
    question = _question(asked, before, vocabulary)
    return Read({"ids": ids, "pairs": pairs, **question, **_about(rows, chinese)}, surface, following, opens, closed,
                sentences, chinese)  # fmt: skip


def block(prompt, name):
    """The lines of a block: key and text. Only whole lines open and close it."""
    found, inside = [], False
    for line in prompt.split("\n"):
        if line in (f"<{name}>", f"</{name}>"):
            inside = line[1] != "/"
        elif inside and (match := LINE.fullmatch(line)):
            found.append((match[1], match[2]))
    return found


class _Unit(NamedTuple):
    words: list
    text: str
    mark: str
    title: bool
    starts: bool
    goes_on: bool
    place: int
    chinese: bool


def _units(prompt, vocabulary, chinese):
    rows, seen, place = [], set(), 0
    for mark, line in block(prompt, "passages"):
        if not mark.isdigit() or len(mark) > 3:
            continue
        title = mark not in seen
        seen.add(mark)
        place = 0 if title else place
        for text in [line] if title else filter(None, map(str.strip, _SENTENCE.findall(line))):
            words = [(written.lstrip() if i == 0 else written, *rest)
                     for i, (written, *rest) in enumerate(vocabulary.rows(text))]  # fmt: skip
            of_han = bool(_HAN.search(text)) and is_chinese(text)
            if not title:
                words.append((f"[{mark}]" if of_han else f" [{mark}]", MARK, NONE))
            for begin in range(0, len(words), UNIT):
                goes_on = begin + UNIT < len(words)
                starts = not title and begin == 0
                rows.append(_Unit(words[begin : begin + UNIT], text, mark, title, starts, goes_on, place, of_han))
            place += not title
    rows = rows[:MOST_UNITS]
    if rows and rows[-1].goes_on:
        rows[-1] = rows[-1]._replace(goes_on=False)
    return rows or [_Unit([("", UNKNOWN, NONE)], "", "0", True, False, False, 0, chinese)]


def _question(asked, before, vocabulary):
    now = vocabulary.rows(" ".join(asked))
    if len(now) > MOST_ASKED:
        now = now[: MOST_ASKED // 2] + now[-(MOST_ASKED // 2) :]
    earlier = vocabulary.rows(" ".join(before))[:MOST_SAID_BEFORE]
    rows = [*now, *earlier] or [("", UNKNOWN, NONE)]
    return {
        "asked": np.array([number for _, number, _ in rows], np.int64),
        "asked_pairs": np.array([pair for _, _, pair in rows], np.int64),
        "earlier": np.array([0.0] * (len(rows) - len(earlier)) + [1.0] * len(earlier), np.float32),
    }


def _about(rows, chinese):
    """What is known of rows without reading them: which are of one passage, which is whose title, and `facts`."""
    marks = [row.mark for row in rows]
    order = {mark: i for i, mark in enumerate(dict.fromkeys(marks))}
    titles = {row.mark: u for u, row in reversed(list(enumerate(rows))) if row.title}
    same, title = np.zeros((len(rows), len(rows)), np.float32), np.zeros((len(rows), len(rows)), np.float32)
    facts = np.zeros((len(rows), FACTS), np.float32)
    for u, row in enumerate(rows):
        same[u] = [mark == row.mark for mark in marks]
        if row.mark in titles:
            title[u, titles[row.mark]] = 1
        facts[u] = [row.title, row.starts, row.place == 0, min(row.place, 8) / 8, min(order[row.mark], 8) / 8,
                    order[row.mark] == 0, row.chinese == chinese, len(row.words) / UNIT]  # fmt: skip
    return {"same": same, "titled": title, "facts": facts}
