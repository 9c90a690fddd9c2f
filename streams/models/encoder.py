"""Texts through a tokenizer and a backbone: one embedding each. What is before the backbone is training's too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from streams.models.manifest import EncoderPart
from streams.models.mending import Mending
from streams.models.runner import Runner, as_type
from streams.models.simplified import simplified

LIMIT: Final = 2_000
"""Characters looked at, whatever `max_tokens` would allow."""
_UNKNOWN: Final = "[UNK]"
_SYMBOLS: Final = re.compile("[\u2190-\u2bff\ufe0f\u200d\U0001f000-\U0001faff\U000e0020-\U000e007f]+").sub
"""Emoji and the like, with what joins and tints them. One that touches a word makes all of it unknown."""
_PADDED_TO: Final = 8
"""Where texts share a run, their token counts are rounded up to this."""


def clean(text: str) -> str:
    """What a tokenizer is given, in training as in serving: the first `LIMIT` characters, in compatibility form
    (full-width letters become letters), Chinese simplified, symbols parted from words, without what is no character
    (lone surrogates, NUL)."""
    text = text[:LIMIT]
    if not text.isascii():
        text = simplified(normalize("NFKC", text.encode("utf-8", "ignore").decode())[:LIMIT])
        text = _SYMBOLS(r" \g<0> ", text)
    return text.replace("\x00", "")


class Tokens:
    """A text's token ids, in training as in serving. `words`: what Mending puts words right by, most frequent first.

    Holds nothing of a text between calls that matters; several threads may share it.
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, words: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)
        self._frame = len(tokenizer.encode("").ids)
        unknown = tokenizer.token_to_id(_UNKNOWN)
        self._unknown: int = -1 if unknown is None else unknown
        vocabulary = tokenizer.get_vocab() if words else ()
        self._mending = Mending(words, frozenset(word for word in vocabulary if word.isascii() and word.isalpha()))

    def __call__(self, text: str) -> list[int]:
        """At most `max_tokens`, the tokenizer's own first and last ones among them."""
        return self._known(self._tokenizer.encode(self._mending(clean(text))).ids)

    def _known(self, ids: list[int]) -> list[int]:
        """Without the tokens that the tokenizer has no name for, mostly emoji: an encoder that was taught on few of
        them is thrown by one (intents answered rightly fell from 93 to 54 in 100). A text of nothing else keeps them.
        """
        if self._unknown not in ids:
            return ids
        known = [number for number in ids if number != self._unknown]
        return known if len(known) > self._frame else ids


class Encoder:
    """A backbone with its tokenizer. Holds no state between calls; several threads may share it."""

    def __init__(self, part: EncoderPart, tokens: Tokens, backbone: Runner) -> None:
        self._part = part
        self._tokens = tokens
        self._backbone = backbone

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[len(texts), H]. A text's embedding does not depend on the others, if the manifest is right about
        `max_rows`."""
        # One text after another: the tokenizer's own threads would take the cores of other stages.
        tokens = [self._tokens(text) for text in texts]
        embeddings: NDArray[np.float32] | None = None
        for rows in self._runs([len(ids) for ids in tokens]):
            found = self._run([tokens[row] for row in rows], self._width(len(tokens[rows[0]])))
            if embeddings is None:
                embeddings = np.empty((len(texts), found.shape[1]), np.float32)
            embeddings[rows] = found
        return embeddings if embeddings is not None else np.empty((0, 0), np.float32)

    def _runs(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Which rows go together: shortest first, at most `max_rows`, of nearly one length."""
        most = self._part.backbone.max_rows
        run: list[int] = []
        width = 0
        for row in sorted(range(len(lengths)), key=lengths.__getitem__):
            needed = self._width(lengths[row])
            if run and (len(run) >= most or needed != width):
                yield run
                run = []
            width = needed
            run.append(row)
        if run:
            yield run

    def _width(self, length: int) -> int:
        """The columns a text of `length` tokens is given: by its own length alone, so that neighbours do not count."""
        if self._part.backbone.max_rows == 1:
            return max(1, length)
        return min(_PADDED_TO * max(1, -(-length // _PADDED_TO)), self._part.max_tokens)

    def _run(self, tokens: Sequence[Sequence[int]], width: int) -> NDArray[np.float32]:
        # As in classifier.py: one row alone is summed otherwise than rows together, so it is never alone.
        rows = max(len(tokens), min(2, self._part.backbone.max_rows))
        ids = np.zeros((rows, width), np.int64)
        mask = np.zeros((rows, width), np.int64)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        given = {"input_ids": ids, "attention_mask": mask}
        wanted = self._backbone.inputs
        (found,) = self._backbone.run({n: as_type(a, wanted[n].type) for n, a in given.items()}, ["embedding"])
        return found[: len(tokens)]
