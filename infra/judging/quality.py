"""How the replies of two runs read, turn by turn: their likeness to what people said, and what judges prefer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

import numpy as np
from clickhouse_connect.driver.client import Client
from numpy.typing import NDArray

from infra.judging.agreement import Agreement, between, with_itself
from infra.judging.blind import Judged, Pair, judged
from infra.judging.likeness import LexicalLikeness, Likeness, embedded_likeness
from infra.judging.texts import TurnTexts, read_texts
from infra.local.errors import StackError
from infra.models.loading import runners
from infra.models.store import ModelStore
from infra.settings import Settings
from streams.models.judge import Judge
from streams.models.runner import CannotRun

Scores = NDArray[np.float64]
LEXICAL: Final = "reply_similarity"
EMBEDDED: Final = "reply_similarity_embedded"
JUDGED: Final = "judged"
MOST_JUDGED: Final = 500
"""Pairs that each judge is asked about, twice each."""
MOST: Final[Mapping[str, int]] = {LEXICAL: 5_000, EMBEDDED: 1_000}
"""Turns whose replies are held against what people said. By characters a millisecond each, by meaning up to ten."""


class Scored(NamedTuple):
    """A metric's scores: [n] turns that have one on a side, with both sides' figures, NaN where a side has none."""

    metric: str
    turn_ids: tuple[str, ...]
    a: Scores
    b: Scores


@dataclass(frozen=True)
class Quality:
    """scores: a metric each; one without any score is left out.

    judges: what each said, of the turns in `judged_rows`. itself, between: how far each agrees with itself when the
    order is turned round, and they with each other (None for fewer than two). notes: what whoever reads the scores
    must know, a sentence each.
    """

    scores: tuple[Scored, ...] = ()
    judges: tuple[Judged, ...] = ()
    judged_rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    itself: tuple[Agreement, ...] = ()
    between: Agreement | None = None
    notes: tuple[str, ...] = ()


def quality(
    texts: TurnTexts,
    seed: int,
    likenesses: Mapping[str, Likeness] | None = None,
    judges: Sequence[Judge] = (),
    most: Mapping[str, int] = MOST,
    most_judged: int = MOST_JUDGED,
) -> Quality:
    """The scores of turns, by the metrics of infra.comparing.metrics. `likenesses`: by metric; none by default.

    Where there are more turns than are to be compared or judged, those are taken that the seed chooses. Raises
    CannotRun where what judges or embeds is away.
    """
    order = sorted(range(len(texts.turn_id)), key=lambda row: drawn(seed, texts.turn_id[row]))
    scores: list[Scored] = []
    notes: list[str] = []
    for metric, likeness in (likenesses or {}).items():
        fit = [r for r in order if texts.human[r] and (texts.a[r] or texts.b[r])]
        taken = sorted(fit[: most.get(metric)])
        if taken:
            scores.append(_alike(metric, texts, likeness, taken))
            sample = f"a sample of {len(taken):,} of " if len(taken) < len(fit) else "all "
            notes.append(f"{metric} is by {likeness.fingerprint}, of {sample}{len(fit):,} turns that a human answered.")
    if not judges:
        return Quality(tuple(scores), notes=tuple(notes))
    rows = np.array(sorted(_to_judge(texts, order, most_judged)), np.int64)
    said = tuple(judged(judge, [_pair(texts, int(row)) for row in rows], seed) for judge in judges)
    if len(rows):
        scores.append(_preferred(tuple(texts.turn_id[row] for row in rows), said))
    itself = tuple(with_itself(one) for one in said)
    together = between(said) if len(said) > 1 else None
    notes += [*map(_of_judge, said, itself), *_of_all(together)]
    return Quality(tuple(scores), said, rows, itself, together, tuple(notes))


def drawn(seed: int, turn_id: str) -> bytes:
    """By what turns are ordered where not all are taken: the same ones for the same seed."""
    return sha256(f"{seed}|{turn_id}|read".encode("utf-8", "replace")).digest()


def _alike(metric: str, texts: TurnTexts, likeness: Likeness, rows: Sequence[int]) -> Scored:
    human = [texts.human[r] for r in rows]
    a, b = (likeness.similarity([replies[r] for r in rows], human) for replies in (texts.a, texts.b))
    return Scored(metric, tuple(texts.turn_id[r] for r in rows), a, b)


def _to_judge(texts: TurnTexts, order: Sequence[int], most: int) -> Iterator[int]:
    """Turns with a reply on both sides, until `most` of them differ. Equal ones come along, so that the share of draws
    is that of all turns."""
    asked = 0
    for row in order:
        a, b = texts.a[row], texts.b[row]
        if a and b:
            if a != b and asked == most:
                return
            asked += a != b
            yield row


def _pair(texts: TurnTexts, row: int) -> Pair:
    return Pair(texts.turn_id[row], texts.question[row], texts.history[row], texts.a[row], texts.b[row])


def _preferred(turn_ids: tuple[str, ...], said: Sequence[Judged]) -> Scored:
    """The mean of the judges that have an opinion of a turn."""
    every = np.stack([one.scores for one in said])
    known = np.isfinite(every)
    total, count = np.where(known, every, 0.0).sum(axis=0), known.sum(axis=0)
    b = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return Scored(JUDGED, turn_ids, 1 - b, b)


def _of_judge(said: Judged, itself: Agreement) -> str:
    bias = "unknown" if np.isnan(said.position_bias) else f"{said.position_bias:+.2f}"
    unreadable = f", {said.unreadable} answers unreadable" if said.unreadable else ""
    return (
        f"Judge {said.fingerprint} compared {said.asked.sum()} pairs both ways round: leaning to the first {bias}, "
        f"{_agreed(itself)} with itself{unreadable}."
    )


def _of_all(agreement: Agreement | None) -> Iterator[str]:
    if agreement is not None:
        name = "Cohen's" if agreement.kind == "cohen" else "Fleiss'"
        yield f"The judges' agreement, {name}: {_agreed(agreement)} with each other."


def _agreed(agreement: Agreement) -> str:
    if agreement.equal is None:
        return "no pair to agree on"
    kappa = "no kappa" if agreement.kappa is None else f"kappa {agreement.kappa:.2f}"
    return f"{100 * agreement.equal:.0f} % the same ({kappa})"


def read_quality(
    client: Client, run_a: str, run_b: str, settings: Settings, judges: Sequence[Judge] = (), seed: int = 7
) -> Quality:
    """Of the turns that both runs have, with both kinds of likeness where people answered in the record.

    Raises StackError where what embeds or judges cannot be used, clickhouse_connect's errors where the server is away.
    """
    texts = read_texts(client, run_a, run_b, answered=not judges)
    likenesses: dict[str, Likeness] = {}
    if any(texts.human):
        embedded = embedded_likeness(ModelStore(settings.model_store), runners(settings.models))
        likenesses = {LEXICAL: LexicalLikeness(), EMBEDDED: embedded}
    try:
        return quality(texts, seed, likenesses, judges)
    except CannotRun as err:
        raise StackError(f"replies cannot be judged: {err}") from err
