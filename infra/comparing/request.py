"""What is asked of a comparison, and everything it needs, found and opened: runs, gate, labels, judges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from infra.candidates.gate import Rule, RuleRefused
from infra.candidates.model import SEED, Candidate
from infra.candidates.parse import load_candidate
from infra.comparing.compare import Scores, compare
from infra.comparing.labels import Labels, LabelsRefused, labels_in, played
from infra.comparing.result import Comparison
from infra.evaluation.errors import EvaluationError
from infra.evaluation.label_map import load_label_map
from infra.judging.generated import read_generated
from infra.judging.opening import opened_judges
from infra.judging.quality import Quality, read_quality
from infra.local.errors import StackError
from infra.settings import Settings
from projections.analytics.schema import client_of
from projections.analytics.store import AWAY
from projections.runs import RunStore
from projections.runs.store import NoSuchRun
from schemas.events import LIVE

TIMEOUT = 600
"""Seconds for one query: a long stretch is read as a whole."""


class ComparisonRefused(StackError):
    """There is nothing to compare as asked; the message says what to change."""


@dataclass(frozen=True)
class Request:
    """`candidate`: a file whose gate is taken in place of that of `run_b`. `seed`: None for the candidate's.

    `replies`: whether they are held against what people wrote, which takes seconds a thousand turns.
    """

    run_a: str
    run_b: str
    candidate: Path | None = None
    labels: Path | None = None
    label_map: Path | None = None
    judges: tuple[str, ...] = ()
    replies: bool = True
    seed: int | None = None
    differences: int = 50


def compared(settings: Settings, request: Request) -> Comparison:
    """The comparison. Raises StackError: a run or file is not there or is wrong, or a store is away."""
    if request.label_map is not None and request.labels is None:
        raise ComparisonRefused("--label-map says what labels mean: give them too, with --labels FILE")
    if request.run_a == request.run_b:
        raise ComparisonRefused(f"{request.run_a} compared with itself says nothing; name two runs, or live and a run")
    try:
        asked = _asked(settings, request)
        with client_of(settings.clickhouse, timeout=TIMEOUT) as client, opened_judges(request.judges) as judges:
            runs = (request.run_a, request.run_b)
            read = read_quality(client, *runs, settings, judges, asked.seed) if request.replies or judges else Quality()
            made = read_generated(client, *runs, asked.seed) if request.replies else Quality()
            found = compare(
                client,
                *runs,
                asked.gate,
                labels=_labels(client, request),
                judges=[Scores(*scored) for scored in (*read.scores, *made.scores)],
                metrics=asked.metrics,
                seed=asked.seed,
                differences=request.differences,
            )
            return replace(found, quality=(*read.notes, *made.notes))
    except NoSuchRun as gone:
        raise ComparisonRefused(str(gone)) from gone
    except (LabelsRefused, EvaluationError, RuleRefused) as wrong:
        raise ComparisonRefused(str(wrong)) from wrong
    except AWAY as away:
        raise ComparisonRefused(f"ClickHouse does not do it ({away}); see: spillway status") from away


class _Asked(NamedTuple):
    """What a candidate asks of its comparison. No metrics: all of them."""

    gate: tuple[Rule, ...]
    metrics: tuple[str, ...]
    seed: int


def _asked(settings: Settings, request: Request) -> _Asked:
    """Of the candidate file that was given, else of the candidate that `run_b` was made with."""
    candidate = None
    if request.candidate is not None:
        candidate = load_candidate(request.candidate)
    elif request.run_b != LIVE:
        with RunStore(settings.clickhouse) as store:
            candidate = Candidate.from_json(store.need(request.run_b).definition["candidate"])
    if candidate is None:
        return _Asked((), (), SEED if request.seed is None else request.seed)
    return _Asked(candidate.gate, candidate.metrics, candidate.seed if request.seed is None else request.seed)


def _labels(client: Client, request: Request) -> Labels | None:
    if request.labels is None:
        return None
    label_map = load_label_map(request.label_map) if request.label_map is not None else None
    run = request.run_b if request.run_b != LIVE else request.run_a
    return labels_in(request.labels, label_map, played(client, run))

