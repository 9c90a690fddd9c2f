"""Words that nobody taught, read as those that were meant: missing spaces put back, one slip of a key undone.

An encoder reads a word that its tokenizer does not have in pieces, and pieces of two words run together, or of a
mistyped one, mean something else or nothing. Words are told by how frequent they are: a text is taken for the
likeliest of what was written, two or more words, and a word one slip away.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from math import log
from string import ascii_lowercase
from typing import Final

_WORD: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")
_LETTERS: Final = re.compile("[a-z]+")
_LONGEST: Final = 64
"""Letters of a word that is looked into; a longer one stays as it is."""
_LONGEST_MISTYPED: Final = 20
_LONGEST_PART: Final = 20
_SHORTEST: Final = 4
_AT_MOST: Final = 48
"""Words of a text that are looked at, right or wrong; what comes after stays as it is. So time is bounded."""
_REMEMBERED: Final = 4096

# In nats, as the logarithms of ranks are: what a word that nobody taught costs, with its letters; and a slip.
_UNKNOWN: Final = 8.0
_UNKNOWN_LETTER: Final = 1.0
_SLIP: Final = 3.0


class Mending:
    """Puts words right. `words`: those that were taught, most frequent first, in small letters; none, and every text
    stays as it is. `vocabulary`: further words that may stay. Threads may share it."""

    def __init__(self, words: Sequence[str], vocabulary: Collection[str] = ()) -> None:
        self._costs = {word: log(rank + 2) for rank, word in enumerate(words)}
        self._vocabulary = vocabulary
        self._meant = lru_cache(_REMEMBERED)(self._looked_into)

    def __call__(self, text: str) -> str:
        """The text with its words of Latin letters put right; everything else stays."""
        return _WORD.sub(lambda found: self._word(found.group()), text, _AT_MOST) if self._costs else text

    def _word(self, written: str) -> str:
        if len(written) > _LONGEST:
            return written
        meant = self._meant(written.lower())
        return meant or written

    def _looked_into(self, word: str) -> str:
        """What was meant, or "" where it is what is written."""
        if len(word) < _SHORTEST or self._stays(word):
            return ""
        found = [(_UNKNOWN + _UNKNOWN_LETTER * len(word), ""), self._parted(word)]
        if len(word) <= _LONGEST_MISTYPED:
            found += [(self._costs[other] + _SLIP, other) for other in _slips(word) if other in self._costs]
        return min(found)[1]

    def _stays(self, word: str) -> bool:
        """Whether it, or what it is around its apostrophes, is known as it is."""
        return word in self._costs or all(
            part in self._costs or part in self._vocabulary for part in _LETTERS.findall(word)
        )

    def _parted(self, word: str) -> tuple[float, str]:
        """The likeliest way to part it into words that were taught, with its cost."""
        costs = [0.0, *[float("inf")] * len(word)]
        starts = [0] * len(costs)
        for end in range(1, len(costs)):
            for start in range(max(0, end - _LONGEST_PART), end):
                part = word[start:end]
                if (len(part) > 1 or part in "ai") and part in self._costs:
                    cost = costs[start] + self._costs[part]
                    if cost < costs[end]:
                        costs[end], starts[end] = cost, start
        if costs[-1] == float("inf"):
            return costs[-1], ""
        parts, end = list[str](), len(word)
        while end:
            parts.append(word[starts[end] : end])
            end = starts[end]
        return costs[-1], " ".join(reversed(parts))


def _slips(word: str) -> Iterator[str]:
    """Every word that one slip makes this one of: a letter left out, put in, taken for another, or two in the wrong
    order."""
    for place in range(len(word) + 1):
        before, after = word[:place], word[place:]
        for letter in ascii_lowercase:
            yield before + letter + after
            if after:
                yield before + letter + after[1:]
        if after:
            yield before + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]


def frequent(texts: Iterable[str], at_least: int) -> list[str]:
    """The words of so many texts at least, most frequent first, as Mending takes them."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({word.lower() for word in _WORD.findall(text)})
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [word for word, count in ranked if count >= at_least]
