"""Texts as bags of hashed n-grams: the one implementation, for training and for serving.

A whole batch is one array of code points, worked on by numpy at once; nothing here loops over characters. A text
becomes the ids of its parts, 1 to `buckets`, with repetition:

- of words (runs of letters and digits of scripts that put spaces between words): n-grams of `words` neighbours, and
  n-grams of `characters` within a word and its two edges;
- of scripts without spaces (Chinese among them, traditional as simplified): n-grams of `han` neighbouring characters;
- of every mark and emoji: itself; and, if asked for, what a bag loses: the text's `shape`.

Hashes are 32-bit with wraparound and nothing depends on the platform, so an id means the same wherever it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from streams.models.characters import HAN, MARK, UNSEEN, WORD, classes
from streams.models.shape import shape
from streams.models.simplified import simplified_codes

SCHEME: Final = 1
"""Which texts give which ids. A change of this module that changes an id changes this number too."""
Codes = NDArray[np.uint32]
Places = NDArray[np.intp]

_TURN: Final = np.uint32(0x9E3779B1)
_STEP: Final = np.uint32(0x01000193)
_NEWLINE: Final = 10
_APOSTROPHES: Final = (0x27, 0x60, 0x2019)
_LONGEST: Final = 16
"""Of an n-gram."""


@dataclass(frozen=True, slots=True)
class Features:
    """Which parts of a text count. A range is (shortest, longest) with both ends; (0, 0) is none.

    `limit`: characters looked at. `fold_digits`: every digit counts as 0, so that numbers differ by length alone.
    Raises ValueError for what cannot be.
    """

    buckets: int
    words: tuple[int, int] = (1, 2)
    characters: tuple[int, int] = (2, 5)
    han: tuple[int, int] = (1, 3)
    marks: bool = True
    shape: bool = False
    fold_digits: bool = False
    limit: int = 2_000
    scheme: int = SCHEME

    def __post_init__(self) -> None:
        if not 1 <= self.buckets < 2**31:
            raise ValueError(f"buckets: {self.buckets} is not from 1 to 2147483647")
        if not 1 <= self.limit <= 20_000:
            raise ValueError(f"limit: {self.limit} is not from 1 to 20000 characters")
        for name in ("words", "characters", "han"):
            low, high = getattr(self, name)
            if (low, high) != (0, 0) and not 1 <= low <= high <= _LONGEST:
                raise ValueError(f"{name}: [{low}, {high}] is neither [0, 0] nor within 1 to {_LONGEST}, in order")
        if self.scheme != SCHEME:
            raise ValueError(f"scheme: {self.scheme} is not known here; this version makes {SCHEME}")


def hash_features(texts: Sequence[str], spec: Features) -> NDArray[np.int32]:
    """The ids of each text, [len(texts), longest], 0 where a text has no more. Any text whatever.

    A row does not depend on the other rows, but for the zeros at its end. The order of the ids in a row means nothing.
    """
    if not texts:
        return np.zeros((0, 1), np.int32)
    composed = _composed(texts, spec.limit)
    bag = _Bag(spec.buckets, len(texts))
    codes, kinds, owners = _characters(composed, spec)
    if spec.words != (0, 0) or spec.characters != (0, 0):
        _add_words(bag, codes, kinds == WORD, owners, spec)
    han = kinds == HAN
    if spec.han != (0, 0) and han.any():
        _add_runs(bag, codes, han, owners, spec.han)
    if spec.marks:
        at = np.flatnonzero(kinds == MARK)
        bag.add(_mixed(codes[at]), owners[at], 0x51)
    if spec.shape:
        for place, values in enumerate(shape(_codes(composed))):
            bag.add(values.astype(np.uint32) + np.uint32(1), np.arange(len(texts)), 0x100 + place)
    return bag.rows()


def _composed(texts: Sequence[str], limit: int) -> str:
    """The texts, cut and in compatibility form, parted by newlines."""
    joined = "\n".join([text[:limit].replace("\n", " ") for text in texts])
    if joined.isascii():
        return joined
    composed = normalize("NFKC", joined)
    if len(composed) <= len(joined):
        return composed
    # One ligature may stand for eighteen letters, which would make a short text a long one.
    return "\n".join([text[:limit] for text in composed.split("\n")])


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32, copy=False)


def _characters(composed: str, spec: Features) -> tuple[Codes, NDArray[np.uint8], Places]:
    """The characters that are seen, folded, with the kind of each and the number of its text."""
    codes = _codes(composed.lower() if composed.isascii() else composed.casefold())
    kinds = classes(codes)
    owners = np.cumsum(codes == _NEWLINE)
    dropped = kinds == UNSEEN
    for apostrophe in _APOSTROPHES:
        dropped |= codes == apostrophe
    if dropped.any():
        inside = np.zeros(len(codes), np.bool_)
        inside[1:-1] = (kinds[:-2] == WORD) & (kinds[2:] == WORD)
        kept = ~(dropped & (inside | (kinds == UNSEEN)))
        codes, kinds, owners = codes[kept], kinds[kept], owners[kept]
    if (kinds == HAN).any():
        codes = simplified_codes(codes)
    if spec.fold_digits:
        codes = np.where((codes >= 0x30) & (codes <= 0x39), np.uint32(0x30), codes)
    return codes, kinds, owners


def _add_words(bag: _Bag, codes: Codes, is_word: NDArray[np.bool_], owners: Places, spec: Features) -> None:
    """Words and what is in them. Between two words stands one edge, which ends the one and begins the other."""
    word = np.zeros(len(codes) + 2, np.bool_)
    word[1:-1] = is_word
    kept = word.copy()
    kept[1:] |= word[:-1]
    kept[0] = True
    places = np.flatnonzero(kept)
    edges = np.flatnonzero(~word[places])
    if len(edges) == 1:
        return
    letters = np.zeros(len(codes) + 2, np.uint32)
    letters[1:-1] = codes
    letters[~word] = 0
    mixed = _mixed(letters[places])
    lengths = np.diff(edges)
    owner = owners[places[edges[:-1] + 1] - 1]
    if spec.words != (0, 0):
        _add_neighbours(bag, _hashed(mixed, edges, lengths), owner, spec.words)
    if spec.characters != (0, 0):
        left = np.repeat(edges[1:], lengths) - np.arange(edges[-1])
        _add_grams(bag, mixed, np.repeat(owner, lengths), left + 1, spec.characters, 0x20, word[places])


def _hashed(mixed: Codes, edges: Places, lengths: Places) -> Codes:
    """The hash of each word, from the edge before it on."""
    powers = np.full(int(lengths.max()), _STEP, np.uint32)
    powers[0] = 1
    powers = np.multiply.accumulate(powers, dtype=np.uint32)
    position = np.arange(edges[-1]) - np.repeat(edges[:-1], lengths)
    hashed: Codes = np.add.reduceat(mixed[: edges[-1]] * powers[position], edges[:-1], dtype=np.uint32)
    return hashed


def _add_neighbours(bag: _Bag, words: Codes, owner: Places, span: tuple[int, int]) -> None:
    """n-grams of words of one text."""
    for n in range(span[0], span[1] + 1):
        last = len(words) - n + 1
        if last <= 0:
            return
        grams = words[:last].copy()
        for k in range(1, n):
            grams *= _STEP
            grams += words[k : last + k]
        if n == 1:
            bag.add(grams, owner, 0x11)
        else:
            at = np.flatnonzero(owner[:last] == owner[n - 1 :])
            bag.add(grams[at], owner[at], 0x10 + n)


def _add_runs(bag: _Bag, codes: Codes, han: NDArray[np.bool_], owners: Places, span: tuple[int, int]) -> None:
    """n-grams of characters that stand together."""
    places = np.flatnonzero(han)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(places) != 1) + 1, [len(places)]))
    left = np.repeat(starts[1:], np.diff(starts)) - np.arange(len(places))
    _add_grams(bag, _mixed(codes[places]), owners[places], left, span, 0x40, None)


def _add_grams(
    bag: _Bag,
    mixed: Codes,
    owner: Places,
    left: Places,
    span: tuple[int, int],
    salt: int,
    single: NDArray[np.bool_] | None,
) -> None:
    """n-grams of `mixed` that begin at i and are at most `left[i]` long; of one only, where `single` allows it."""
    grams = mixed[: len(left)].copy()
    for n in range(1, span[1] + 1):
        if n > 1:
            last = min(len(left), len(mixed) - n + 1)
            grams = grams[:last] * _STEP + mixed[n - 1 : last + n - 1]
        if n >= span[0]:
            fits = left[: len(grams)] >= n
            if n == 1 and single is not None:
                fits &= single[: len(grams)]
            at = np.flatnonzero(fits)
            bag.add(grams[at], owner[at], salt + n)


def _mixed(codes: Codes) -> Codes:
    """Code points spread over 32 bits, so that the sums that follow do not meet."""
    spread = codes + np.uint32(1)
    spread *= _TURN
    spread ^= spread >> np.uint32(15)
    spread *= np.uint32(0x85EBCA6B)
    return spread


class _Bag:
    """The parts found so far, as hashes with the number of their text."""

    def __init__(self, buckets: int, texts: int) -> None:
        self._buckets = np.uint64(buckets)
        self._texts = texts
        self._hashes: list[Codes] = []
        self._owners: list[Places] = []

    def add(self, hashes: Codes, owners: Places, salt: int) -> None:
        """`salt`: tells kinds of part from each other."""
        if len(hashes):
            self._hashes.append(hashes ^ np.uint32(salt * 0x9E3779B1 & 0xFFFFFFFF))
            self._owners.append(owners)

    def rows(self) -> NDArray[np.int32]:
        """[texts, longest]: the bucket of each part, from 1; a text's parts in the order they were added."""
        if not self._hashes:
            return np.zeros((self._texts, 1), np.int32)
        owners = np.concatenate(self._owners)
        order = np.argsort(owners.astype(np.uint16) if self._texts <= 0xFFFF else owners, kind="stable")
        hashes = np.concatenate(self._hashes)[order]
        hashes ^= hashes >> np.uint32(16)
        hashes *= np.uint32(0x85EBCA6B)
        hashes ^= hashes >> np.uint32(13)
        hashes *= np.uint32(0xC2B2AE35)
        hashes ^= hashes >> np.uint32(16)
        buckets = (hashes.astype(np.uint64) * self._buckets >> np.uint64(32)).astype(np.int32) + np.int32(1)
        counts = np.bincount(owners, minlength=self._texts)
        longest = int(counts.max())
        rows = np.zeros((self._texts, longest), np.int32)
        rows[np.arange(longest) < counts[:, None]] = buckets
        return rows
