"""The texts of a part as an encoder is given them, and their embeddings by the encoder as it ships."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from infra.training.backbone import Backbone
from infra.training.calibration import Floats
from infra.training.data import Row
from infra.training.job import PartPlan
from streams.models.encoder import Tokens
from streams.models.mending import frequent


class Texts:
    """All texts of a part, each once, as tokens; which a row's text is; and the words that others are mended to.

    `mended`: in how many texts such a word is, at least; 0 for none.
    """

    def __init__(self, plan: PartPlan, pretrained: Backbone, max_tokens: int, mended: int) -> None:
        from tokenizers import Tokenizer

        self._at: dict[str, int] = {}
        answering = 0
        for head in sorted(plan.heads, key=lambda head: bool(head.settings.get("auxiliary"))):
            for row in (*head.train, *head.dev, *head.outside, *head.outside_dev):
                self._at.setdefault(row.text, len(self._at))
            answering = answering if head.settings.get("auxiliary") else len(self._at)
        self._answering = answering
        taught = {row.text for head in plan.heads for row in (*head.train, *head.outside)}
        self.words = frequent(taught, mended) if mended else []
        tokens = Tokens(Tokenizer.from_str(pretrained.tokenizer.decode()), max_tokens, self.words)
        self.tokens = [np.array(tokens(text), np.int32) for text in self._at]

    def places(self, rows: Iterable[Row]) -> NDArray[np.intp]:
        """The numbers of the rows' texts."""
        return np.array([self._at[row.text] for row in rows], np.intp)

    def embeddings(self, model: bytes, threads: int) -> Floats:
        """[texts, H] by the encoder as it ships; of those that only teach it, none."""
        import onnxruntime

        from infra.training.encoder_lessons import embeddings_of

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

        def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Floats:
            found: Floats = session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})[0]
            return found

        return embeddings_of(run, self.tokens[: self._answering])
