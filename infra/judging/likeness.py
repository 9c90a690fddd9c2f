"""How near a reply comes to what a person said in its place: by characters, and by meaning. Neither is quality.

A reply may be right and unlike, and wrong and alike: these figures say how alike texts are, and nothing else. Both
give NaN where a side has no text, and equal texts 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from infra.local.errors import StackError
from infra.models.store import ModelStore
from processors.language import language
from processors.text import normalise
from schemas.identity import fingerprint
from streams.models.bundle import BundleRefused, load_encoders
from streams.models.encoder import Encoder
from streams.models.manifest import EncoderPart
from streams.models.runner import Runners
from streams.models.simplified import simplified

Scores = NDArray[np.float64]
ENCODERS: Final = "intent-accurate"
"""The shipped bundle whose backbones are used; of their heads nothing is."""
_TOGETHER: Final = 512


class Likeness(Protocol):
    """Scores replies against what was said by people. `fingerprint`: what scores."""

    fingerprint: str

    def similarity(self, texts: Sequence[str], references: Sequence[str], langs: Sequence[str] | None = None) -> Scores:
        """One score a text, in order. `langs`: zh, en, mixed or und; of the references, found out where None."""
        ...


class LexicalLikeness:
    """chrF as sacrebleu has it by default, 0 to 1: what both have of characters, in runs of up to six.

    Width of characters, case, white space and whether Chinese is traditional do not count.
    """

    def __init__(self) -> None:
        from sacrebleu.metrics.chrf import CHRF  # half a second to import, and rarely needed

        self._scorer = CHRF()
        said = f"{self._scorer.char_order} {self._scorer.word_order} {self._scorer.beta}"
        self.fingerprint = fingerprint("chrf", "1", said.encode())

    def similarity(self, texts: Sequence[str], references: Sequence[str], langs: Sequence[str] | None = None) -> Scores:
        """See Likeness; of every language alike. Under half a millisecond a pair that was not there before."""
        rows = list(zip(texts, references, strict=True))
        known = {row: self._score(*row) for row in dict.fromkeys(rows)}
        return np.array([known[row] for row in rows], np.float64)

    def _score(self, text: str, reference: str) -> float:
        text, reference = simplified(normalise(text)), simplified(normalise(reference))
        if not text or not reference:
            return float("nan")
        return float(self._scorer.sentence_score(text, [reference]).score) / 100


class EmbeddedLikeness:
    """Cosine of the embeddings of a bundle's backbones, -1 to 1; what unlike texts have depends on the backbone.

    A pair goes to the backbone of its language. Both texts are seen as far as the backbone's tokens reach.
    """

    def __init__(self, parts: Sequence[tuple[EncoderPart, Encoder]]) -> None:
        """Raises ValueError where there is no encoder."""
        if not parts:
            raise ValueError("likeness by meaning needs a bundle with a backbone")
        self._encoders = tuple(encoder for _, encoder in parts)
        self._of = {lang: n for n, (part, _) in reversed(list(enumerate(parts))) for lang in part.langs}
        said = "|".join(f"{','.join(p.langs)} {p.backbone.sha256} {p.max_tokens} {p.words}" for p, _ in parts)
        self.fingerprint = fingerprint("cosine", "1", said.encode())

    def similarity(self, texts: Sequence[str], references: Sequence[str], langs: Sequence[str] | None = None) -> Scores:
        """See Likeness. Each text is embedded once, however often it is there. Raises CannotRun where a server that
        runs the backbones is away."""
        scores = np.full(len(texts), np.nan)
        numbers = [self._of.get(lang, 0) for lang in _langs(references, langs)]
        for number, encoder in enumerate(self._encoders):
            rows = [r for r, n in enumerate(numbers) if n == number and texts[r].strip() and references[r].strip()]
            if rows:
                scores[rows] = self._cosines(encoder, [texts[r] for r in rows], [references[r] for r in rows])
        return scores

    def _cosines(self, encoder: Encoder, texts: Sequence[str], references: Sequence[str]) -> Scores:
        places = {text: place for place, text in enumerate(dict.fromkeys((*texts, *references)))}
        distinct = list(places)
        parts = [encoder.encode(distinct[i : i + _TOGETHER]) for i in range(0, len(distinct), _TOGETHER)]
        embedded = np.concatenate(parts).astype(np.float64)
        embedded /= np.maximum(np.linalg.norm(embedded, axis=1, keepdims=True), 1e-12)
        one, other = embedded[[places[t] for t in texts]], embedded[[places[t] for t in references]]
        cosines: Scores = np.clip((one * other).sum(axis=1), -1, 1)
        return cosines


def embedded_likeness(store: ModelStore, runners: Runners | None = None, bundle: str = ENCODERS) -> EmbeddedLikeness:
    """By the backbones of a bundle, the shipped one where none is named. Raises StackError where it has none."""
    try:
        return EmbeddedLikeness(load_encoders(store.find(bundle), runners))
    except (BundleRefused, ValueError) as err:
        raise StackError(f"likeness by meaning: {bundle} cannot be used: {err}") from err


def _langs(references: Sequence[str], langs: Sequence[str] | None) -> list[str]:
    if langs is None:
        return [language(text) for text in references]
    return [lang or language(text) for lang, text in zip(langs, references, strict=True)]
