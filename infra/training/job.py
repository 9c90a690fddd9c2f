"""What a trainer is given and what it hands back: the seam between the frame and the two sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from infra.training.data import Row, Task

Report = Callable[[str, float], None]
"""Called with what is being done and the share of the whole training that is done, 0..1."""


class HeadData(NamedTuple):
    """The text of one head. `settings` are the recipe's own for this head, over those for all.

    Rows of `train` and `dev` carry labels of `labels`, in which order the head answers. The rows `outside` (train) and
    `outside_dev` belong to none of them: they teach, and set the threshold of, the out-of-scope score. Sentiment has
    none; its rows may carry `anger`. Every row's `lang` is one of processors.language.language.
    """

    name: str
    labels: tuple[str, ...]
    train: tuple[Row, ...]
    dev: tuple[Row, ...]
    outside: tuple[Row, ...]
    outside_dev: tuple[Row, ...]
    settings: Mapping[str, Any]


class PartPlan(NamedTuple):
    """One model of the bundle: the languages whose text goes to it, the heads it has, and how it is trained.

    `name` is the stem of its file. `heads` hold only rows of `langs`; all parts of a head have the same labels.
    """

    name: str
    langs: tuple[str, ...]
    settings: Mapping[str, Any]
    heads: tuple[HeadData, ...]


class Job(NamedTuple):
    """A bundle to train. `backbones`: folders to look for `<name>/model.onnx` in, and the first to write one to."""

    task: Task
    parts: tuple[PartPlan, ...]
    seed: int
    threads: int
    report: Report
    backbones: tuple[Path, ...] = ()


class TrainedPart(NamedTuple):
    """A trained model. `files` are the bytes to lie in the bundle, by name; `manifest` is the part's entry in
    model.yaml beyond langs, kind and model (features; or backbone, tokenizer, max_tokens).

    `metrics`: by head, figures on the plan's dev rows of that head: accuracy, macro_f1, ece, rows, and with outside
    rows outside_recall (at 95 % of in-scope text kept); for sentiment anger_auc. Shares are 0..1.
    """

    plan: PartPlan
    kind: Literal["hashed", "encoder"]
    model: str
    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float]]


class TrainedParts(NamedTuple):
    """What a trainer hands back, a part a plan, in their order.

    `sources` are pretrained weights that went in: each {name, licence, attribution, sha256}, listed with the data.
    `versions`: of the packages that made the numbers.
    """

    parts: tuple[TrainedPart, ...]
    versions: Mapping[str, str]
    sources: tuple[Mapping[str, Any], ...] = ()
