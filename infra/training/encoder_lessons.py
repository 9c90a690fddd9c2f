"""What an encoder is tuned on: the texts of all heads as one list, batched by length, with their hidden states kept.

The layers that do not learn are run once a text; their output is kept in float16, about 10 kB a text. Lengths are
rounded up to few sizes, since the compiler needs seconds for every new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

LENGTHS: Final = (8, 12, 16, 24, 32, 48, 64, 96, 128)
TOKENS_A_BATCH: Final = 1024
MOST_TEXTS: Final = 96
BATCHES_MIXED: Final = 64
"""Lengths are sorted within a stretch of so many batches, and the batches of a stretch shuffled."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Lower = Callable[[Ints, Floats], NDArray[np.float16]]
"""Token ids and mask [B, L] → hidden states [B, L, H] below the layers that learn."""


class Lesson(NamedTuple):
    """What one head teaches: token ids a text, the class of each, how many classes, how often a text is seen."""

    name: str
    tokens: Sequence[Ints]
    classes: Ints
    size: int
    epochs: float


class Batch(NamedTuple):
    """Texts of one padded length, by their numbers; fewer than `rows` in the last of a stretch."""

    length: int
    texts: NDArray[np.int64]

    @property
    def rows(self) -> int:
        return rows_of(self.length)


def padded_length(tokens: int) -> int:
    """The length that a text of so many tokens is padded, or cut, to."""
    return next((length for length in LENGTHS if tokens <= length), LENGTHS[-1])


def rows_of(length: int) -> int:
    """How many texts of a padded length make a batch."""
    return min(MOST_TEXTS, TOKENS_A_BATCH // length)


def by_length(order: NDArray[np.int64], lengths: Ints) -> Iterator[Batch]:
    """The texts of `order`, in it, as batches of one padded length each."""
    sizes = np.array([padded_length(int(n)) for n in lengths[order]])
    for length in LENGTHS:
        same = order[sizes == length]
        for start in range(0, len(same), rows_of(length)):
            yield Batch(length, same[start : start + rows_of(length)])


def padded_ids(tokens: Sequence[Ints], batch: Batch) -> tuple[Ints, Floats]:
    """Token ids and mask [rows, length] of a batch; what it lacks in texts is all padding."""
    ids = np.zeros((batch.rows, batch.length), np.int32)
    mask = np.zeros((batch.rows, batch.length), np.float32)
    for row, text in enumerate(batch.texts):
        own = tokens[text][: batch.length]
        ids[row, : len(own)] = own
        mask[row, : len(own)] = 1
    return ids, mask


def embeddings_of(
    run: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]], tokens: Sequence[NDArray[np.int32]]
) -> NDArray[np.float32]:
    """The embedding [n, H] of each text by `run` (ids, mask [B, L] → [B, H]), a batch of like lengths at a time."""
    lengths = np.array([len(t) for t in tokens], np.int32)
    found: NDArray[np.float32] | None = None
    for batch in by_length(np.argsort(lengths, kind="stable"), lengths):
        ids, mask = padded_ids(tokens, batch)
        count = len(batch.texts)
        vectors = run(ids[:count].astype(np.int64), mask[:count].astype(np.int64))
        if found is None:
            found = np.zeros((len(tokens), vectors.shape[1]), np.float32)
        found[batch.texts] = vectors
    return found if found is not None else np.zeros((0, 0), np.float32)


class Lessons:
    """All lessons as one list of texts: lengths, classes counted through all heads, and whose each text is."""

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        self._lessons = lessons
        self.tokens = [tokens[: LENGTHS[-1]] for lesson in lessons for tokens in lesson.tokens]
        self.lengths = np.array([len(tokens) for tokens in self.tokens], np.int32)
        starts = np.cumsum([0, *(lesson.size for lesson in lessons)])
        self.head = np.concatenate([np.full(len(x.tokens), n, np.int32) for n, x in enumerate(lessons)])
        self.classes = np.concatenate([x.classes + s for x, s in zip(lessons, starts, strict=False)]).astype(np.int32)
        column = np.arange(starts[-1])
        self.allowed = np.array([(column >= a) & (column < b) for a, b in pairwise(starts)])
        self._ends = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        self._hidden: NDArray[np.float16] = np.zeros((0, 0), np.float16)

    def read(self, lower: Lower, report: Callable[[float], None]) -> None:
        """Compute and keep the hidden states of every text; `report` is told the share that is done."""
        batches = list(by_length(np.arange(len(self.tokens)), self.lengths))
        for number, batch in enumerate(batches):
            hidden = lower(*padded_ids(self.tokens, batch))
            if not self._hidden.size:
                self._hidden = np.zeros((int(self._ends[-1]), hidden.shape[-1]), np.float16)
            for row, text in enumerate(batch.texts):
                own = self._hidden[self._ends[text] : self._ends[text + 1]]
                own[:] = hidden[row, : len(own)]
            report((number + 1) / len(batches))

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches in the order of training: every head spread evenly over it, as often as it asks."""
        random = np.random.default_rng(seed)
        order = self._order(random)
        stretch = BATCHES_MIXED * MOST_TEXTS
        for start in range(0, len(order), stretch):
            found = list(by_length(order[start : start + stretch], self.lengths))
            yield from (found[n] for n in random.permutation(len(found)))

    def _order(self, random: np.random.Generator) -> NDArray[np.int64]:
        texts, places = [], []
        for head, lesson in enumerate(self._lessons):
            own = np.flatnonzero(self.head == head)
            rounds = [random.permutation(own) for _ in range(int(np.ceil(lesson.epochs)))]
            seen = np.concatenate(rounds)[: round(len(own) * lesson.epochs)]
            texts.append(seen)
            places.append((np.arange(len(seen)) + 0.5) / max(len(seen), 1))
        order: NDArray[np.int64] = np.concatenate(texts)[np.argsort(np.concatenate(places), kind="stable")]
        return order

    def hidden(self, batch: Batch) -> tuple[NDArray[np.float16], Floats]:
        """The kept hidden states [rows, length, H] of a batch and their mask [rows, length]."""
        hidden = np.zeros((batch.rows, batch.length, self._hidden.shape[1]), np.float16)
        mask = np.zeros((batch.rows, batch.length), np.float32)
        for row, text in enumerate(batch.texts):
            own = self._hidden[self._ends[text] : self._ends[text + 1]]
            hidden[row, : len(own)] = own
            mask[row, : len(own)] = 1
        return hidden, mask

    def targets(self, batch: Batch) -> tuple[Ints, NDArray[np.bool_], Floats]:
        """Classes [rows], the classes that each text may have [rows, all], and 1 for a text, 0 for padding [rows]."""
        classes = np.zeros(batch.rows, np.int32)
        allowed = np.zeros((batch.rows, self.allowed.shape[1]), np.bool_)
        allowed[:, 0] = True
        count = len(batch.texts)
        classes[:count] = self.classes[batch.texts]
        allowed[:count] = self.allowed[self.head[batch.texts]]
        return classes, allowed, (np.arange(batch.rows) < count).astype(np.float32)
