"""A generator that is no neural model: it answers with the sentences of the prompt's passages that fit the question.

It reads a prompt as Spillway's templates write it, in blocks: `<passages>` with lines `1> text`, the first line of
each number a title, and `<message>` with lines `> text`. It says nothing that is not in the passages, and nothing else
of the prompt has a say. The same prompt has the same answer.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from words import is_chinese, pieces_of, terms_of

MOST_SENTENCES = 2
WORTH = 0.5
"""Of the best sentence's fit: a second one that fits less is left out."""
NOTHING = {
    "zh": "这个问题我在现有的资料里没有找到答案，我请同事来帮您。",
    "en": "I could not find this in our articles. A colleague will look into it.",
}
_LINE = re.compile(r"(\d{0,3})> (.*)")
_SENTENCE = re.compile(r"[^。！？!?]+?(?:[。！？!?]+|[.](?=\s|$)|$)")


class Sentence(NamedTuple):
    """A sentence of a passage. `mark`: the passage's number in the prompt; `place`: its order there."""

    text: str
    mark: str
    place: int
    terms: frozenset[str]


class Extractive:
    """The generator."""

    name = "extractive"

    def pieces(self, prompt: str) -> Iterator[str]:
        """The answer, a token at a time."""
        return iter(pieces_of(answer(prompt)))


def answer(prompt: str) -> str:
    """The answer to the prompt, whole: one or two sentences, each with its passage's mark."""
    question = " ".join(text for _, text in _block(prompt, "message"))
    asked = terms_of(question)
    sentences = _sentences(prompt)
    known = Counter(term for sentence in sentences for term in sentence.terms)

    def fit(sentence: Sentence) -> float:
        shared = sum(1 / math.log2(1 + known[term]) for term in sorted(asked & sentence.terms))
        return shared / math.sqrt(1 + len(sentence.terms))

    ranked = sorted(sentences, key=lambda s: (-fit(s), s.place))[:MOST_SENTENCES]
    best = [sentence for sentence in ranked if fit(sentence) > max(0.0, WORTH * fit(ranked[0]))]
    if not best:
        return NOTHING["zh" if is_chinese(question) else "en"]
    cited = [f"{s.text}{_gap(s)}[{s.mark}]{_gap(s)}" for s in sorted(best, key=lambda s: s.place)]
    return "".join(cited).rstrip()


def _gap(sentence: Sentence) -> str:
    return "" if is_chinese(sentence.text) else " "


def _block(prompt: str, name: str) -> list[tuple[str, str]]:
    """The lines of a block: key and text. Only whole lines open and close it."""
    lines, found, inside = prompt.split("\n"), list[tuple[str, str]](), False
    for line in lines:
        if line in (f"<{name}>", f"</{name}>"):
            inside = line[1] != "/"
        elif inside and (match := _LINE.fullmatch(line)):
            found.append((match[1], match[2]))
    return found


def _sentences(prompt: str) -> list[Sentence]:
    found: list[Sentence] = []
    titles: dict[str, set[str]] = {}
    for mark, line in _block(prompt, "passages"):
        if not mark:
            continue
        if mark not in titles:
            titles[mark] = terms_of(line)
            continue
        for text in (s.strip() for s in _SENTENCE.findall(line)):
            if text:
                found.append(Sentence(text, mark, len(found), frozenset(terms_of(text) | titles[mark])))
    return found
