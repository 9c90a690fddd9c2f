"""What a reader must know before believing a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from infra.comparing.correction import ALPHA
from infra.comparing.labels import Labels
from infra.comparing.resampling import FEW, FLIPS
from infra.comparing.result import Effect, Provenance
from infra.comparing.runs import Known
from infra.comparing.table import Pairs

_TIMES = frozenset({"decision_p50", "decision_p95", "model_seconds"})


def warnings_of(
    known: tuple[Known, Known],
    everything: Pairs,
    counted: Pairs,
    effects: Sequence[Effect],
    sources: tuple[Provenance | None, Provenance | None],
    labels: Labels | None,
) -> tuple[str, ...]:
    """Whole sentences, the gravest first."""
    return (
        *_scope(known, everything, counted),
        *_modes(known),
        *_times(known, counted, effects),
        *_tests(effects),
        *_served(known, sources),
        *_labels(labels, effects),
    )


def _scope(known: tuple[Known, Known], everything: Pairs, counted: Pairs) -> Iterator[str]:
    if not len(counted.a):
        yield "No turn is in both runs: they are of different stretches, tenants or selections."
    elif counted.a.sessions < FEW:
        yield f"{counted.a.sessions} conversations are too few for a verdict where anything differs: at least {FEW}."
    if everything.only_a or everything.only_b:
        yield (
            f"{everything.only_a} turns are in {known[0].run_id} alone and {everything.only_b} in {known[1].run_id} "
            "alone: they are not compared."
        )


def _modes(known: tuple[Known, Known]) -> Iterator[str]:
    modes = {run.mode for run in known if run.mode}
    if len(modes) > 1:
        yield "One run is teacher-forced and the other free: part of what differs is the mode."
    if "free-run" in modes:
        yield "A free run counts the turns before its candidate leaves the recorded path, which are the easier ones."


def _times(known: tuple[Known, Known], counted: Pairs, effects: Sequence[Effect]) -> Iterator[str]:
    if _TIMES & {e.metric for e in effects}:
        yield "Times are of the machines and the hours that the replays ran on; intervals do not cover that."
    a, b = counted.a.computed, counted.b.computed
    if a is not None and b is not None and (left := int(np.count_nonzero(a != b))):
        yield f"Times of {left} turns are left out: one run computed what the other took from the record."


def _tests(effects: Sequence[Effect]) -> Iterator[str]:
    tests = sum(e.p < 1 or e.p_corrected < 1 for e in effects)
    if tests > ALPHA * (FLIPS + 1):
        yield f"{tests} tests are more than {FLIPS} permutations can tell apart after correction: name fewer metrics."


def _served(known: tuple[Known, Known], sources: tuple[Provenance | None, Provenance | None]) -> Iterator[str]:
    for run, source in zip(known, sources, strict=True):
        lacking = sum(source.missing_effects.values()) if source is not None else 0
        if lacking:
            yield f"{run.run_id}: {lacking} turns called for an effect that the record lacks; none was made up."


def _labels(labels: Labels | None, effects: Sequence[Effect]) -> Iterator[str]:
    if labels is not None and labels.turns and not any(e.metric == "label_agreement" for e in effects):
        yield "None of the labelled turns is in both runs: the labels are of another stretch."
    if any(e.metric == "label_agreement" and e.scenario is None and not (e.a or e.b) for e in effects):
        yield "No label is what either run found: are they names of other intents? Say what they mean with --label-map."
