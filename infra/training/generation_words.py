"""The words that the small generating model knows, and a vector for each, taken from the pretrained encoders.

A word's vector is what its encoder says of the word alone, turned to its strongest directions. So words that customers
and articles use for the same thing lie near each other before anything is trained on them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.training.backbone import Backbone, fetch
from infra.training.generation_serving import serving

WIDTH: Final = 128
"""Numbers of a vector."""
PAIRS: Final = 14_000
"""Of neighbouring Chinese characters, at most: the most frequent in the text that is learnt from."""
FIRST: Final = ("<none>", "<unknown>", "<mark>")
_LATIN: Final = re.compile(r"(?:##)?[a-z0-9]+|[!-/:-@\[-`{-~£€¥—–‘’“”]")
_HAN: Final = re.compile("[\u3400-\u9fff。，！？；：、（）“”《》·]")
_RUNS: Final = re.compile("[\u3400-\u9fff]{2,}")
_BATCH: Final = 512
_SMOOTH: Final = 1e-3

Floats = NDArray[np.float32]


class Words(NamedTuple):
    """`names`: a word a row, pairs of characters among them; `vectors`: [rows, WIDTH]; `weights`: how much a word says
    by being there, 0 to 1, less for those that are everywhere. `sources`: the encoders, to be named."""

    names: tuple[str, ...]
    vectors: Floats
    weights: Floats
    sources: tuple[dict[str, str], ...]


def words(texts: Sequence[str], report: Callable[[str], None]) -> Words:
    """The vocabulary for `texts`.

    Raises:
        TrainingRefused: an encoder is not there and cannot be had.
    """
    english, chinese = fetch("minilm-l6", positions=8), fetch("bge-small-zh", positions=8)
    latin = [name for name in _vocabulary(english) if _LATIN.fullmatch(name)]
    letters = [name for name in _vocabulary(chinese) if _HAN.fullmatch(name) and name not in set(latin)]
    counted = Counter(run[i : i + 2] for text in texts for run in _RUNS.findall(text) for i in range(len(run) - 1))
    known = set(letters)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    pairs = [pair for pair, count in ranked if count > 1 and known.issuperset(pair)][:PAIRS]
    report("vectors of English words")
    said = [_turned(_said(english, latin))]
    report("vectors of Chinese words")
    said.append(_turned(_said(chinese, [*letters, *pairs])))
    names = (*FIRST, *latin, *letters, *pairs)
    vectors = np.concatenate([np.zeros((len(FIRST), WIDTH), np.float32), *said])
    sources = tuple(
        {"name": b.title, "licence": b.licence, "attribution": b.attribution, "sha256": b.sha256}
        for b in (english, chinese)
    )
    return Words(names, vectors, _weights(names, texts), sources)


def _vocabulary(backbone: Backbone) -> list[str]:
    from tokenizers import Tokenizer

    named = Tokenizer.from_str(backbone.tokenizer.decode()).get_vocab()
    return sorted(named, key=lambda name: named[name])


def _said(backbone: Backbone, names: Sequence[str]) -> Floats:
    """What the encoder says of each of these, alone."""
    import jax
    from tokenizers import Tokenizer

    from infra.training.encoder import embeddings

    tokenizer: Any = Tokenizer.from_str(backbone.tokenizer.decode())
    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    rows = []
    for name in names:
        whole = tokenizer.token_to_id(name)
        inner = [whole] if whole is not None else [tokenizer.token_to_id(letter) for letter in name]
        rows.append([start, *inner, end])
    params = jax.tree_util.tree_map(jax.numpy.asarray, backbone.params)
    run = jax.jit(lambda ids, mask: embeddings(params, ids, mask, backbone.shape))
    found = np.zeros((len(rows), backbone.shape.hidden), np.float32)
    for begin in range(0, len(rows), _BATCH):
        some = rows[begin : begin + _BATCH]
        ids, mask = np.zeros((_BATCH, 4), np.int32), np.zeros((_BATCH, 4), np.int32)
        for i, row in enumerate(some):
            ids[i, : len(row)], mask[i, : len(row)] = row, 1
        mask[len(some) :, 0] = 1
        found[begin : begin + len(some)] = np.asarray(run(ids, mask))[: len(some)]
    return found


def _turned(said: Floats) -> Floats:
    """Less their mean, along the directions in which they differ most; each of length 1."""
    centred = (said - said.mean(axis=0)).astype(np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    turned = centred @ directions[:, ::-1][:, :WIDTH]
    turned *= np.sign(turned[np.abs(turned).argmax(axis=0), np.arange(WIDTH)])
    found: Floats = (turned / np.linalg.norm(turned, axis=1, keepdims=True)).astype(np.float32)
    return found


def _weights(names: Sequence[str], texts: Sequence[str]) -> Floats:
    vocabulary = serving("reading").Vocabulary(names)
    counts = np.zeros(len(names), np.float64)
    for text in texts:
        for _, number, pair in vocabulary.rows(text):
            counts[number] += 1
            counts[pair] += 1
    weights = _SMOOTH / (_SMOOTH + counts / max(1.0, counts.sum()))
    weights[0] = 0.0
    found: Floats = weights.astype(np.float32)
    return found
