"""The figures of an evaluation, as values; `as_json` turns any of them into what `--json` writes.

Every share is an `Estimate` with its 95 % interval, or None where there was nothing to count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from infra.evaluation.intervals import Estimate


@dataclass(frozen=True)
class Bin:
    """Rows whose confidence lies between `low` and `high`: how sure they were, and how often right."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """ece: expected calibration error, 15 bins. log_loss: in nats, any answer having a probability of 1e-7 at least.

    ece_by_chance: the error that perfect confidences would show on so many rows, on average.
    """

    ece: float
    ece_by_chance: float
    log_loss: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class OutOfScope:
    """How well what is out of scope is told from what is not.

    recall, kept: at the bundle's own threshold (score 0.5): out-of-scope rows found, in-scope rows kept. recall_at_95,
    kept_at_95, threshold_at_95: with the threshold that keeps 95 % of the in-scope rows of this very data.
    """

    rows: int
    in_scope: int
    recall: Estimate | None
    kept: Estimate | None
    recall_at_95: Estimate | None
    kept_at_95: float | None
    threshold_at_95: float | None
    auroc: float | None


@dataclass(frozen=True)
class Class:
    """One label or family of the data. precision: None where it was never answered."""

    name: str
    rows: int
    recall: Estimate
    precision: float | None
    f1: float


@dataclass(frozen=True)
class Family:
    """Rows of one scenario family. accuracy: the label is right; same_family: at least its family is."""

    name: str
    rows: int
    accuracy: Estimate
    same_family: Estimate


@dataclass(frozen=True)
class Example:
    text: str
    confidence: float


@dataclass(frozen=True)
class Confusion:
    """Rows of `truth` that were answered `predicted`. share: of the rows of `truth`."""

    truth: str
    predicted: str
    rows: int
    share: float
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class GroupFigures:
    """A group of rows. `by`: label or family. accuracy and what follows: over the rows in scope.

    accuracy_of_known: over the rows whose label the head has; None where it has all. answered: over all rows, right
    being the right class and not called out of scope, or out of scope and called so.
    """

    name: str
    head: str
    by: str
    rows: int
    in_scope: int
    accuracy: Estimate | None
    accuracy_of_known: Estimate | None
    macro_f1: Estimate | None
    answered: Estimate | None
    calibration: Calibration | None
    out_of_scope: OutOfScope | None
    anger_auroc: float | None
    unknown_labels: Mapping[str, int]
    families: tuple[Family, ...]
    classes: tuple[Class, ...]
    confusions: tuple[Confusion, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Speed:
    """µs a message at a batch size, features included: the median of `repetitions`, and the quickest.

    cpu_us: the median of what the processor spent on it, which other work on the machine does not lengthen.
    """

    batch: int
    median_us: float
    best_us: float
    cpu_us: float
    repetitions: int


@dataclass(frozen=True)
class Latency:
    """One thread. `bands`: by the length of the texts in characters, at batches of 32."""

    head: str
    by_batch: tuple[Speed, ...]
    bands: tuple[tuple[str, Speed], ...]


@dataclass(frozen=True)
class Drop:
    """What one kind of damage to the texts costs, over exactly the rows it changed.

    drop: accuracy before minus after, in 0..1.
    """

    name: str
    about: str
    rows: int
    before: Estimate | None
    after: Estimate | None
    drop: Estimate | None
    example: tuple[str, str] | None


@dataclass(frozen=True)
class Evaluation:
    """A bundle on data: the whole, then each group.

    accuracy: over the in-scope rows of all groups; where there are none, the recall of what is out of scope. macro_f1:
    the mean of the groups'. calibration, out_of_scope: over the rows of all groups together.
    """

    fingerprint: str
    accuracy: Estimate | None
    rows: int
    in_scope: int
    macro_f1: float | None
    answered: Estimate | None
    calibration: Calibration | None
    out_of_scope: OutOfScope | None
    groups: tuple[GroupFigures, ...]
    latency: Latency | None = None
    robustness: tuple[Drop, ...] = field(default=())


def as_json(value: Any) -> Any:
    """Dataclasses as plain objects. An estimate `f` of one becomes the number `f` and `f_interval`: [low, high]."""
    if isinstance(value, Estimate):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        written: dict[str, Any] = {}
        for f in fields(value):
            item = getattr(value, f.name)
            written[f.name] = as_json(item)
            if isinstance(item, Estimate):
                written[f"{f.name}_interval"] = [item.low, item.high]
        return written
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    return value
