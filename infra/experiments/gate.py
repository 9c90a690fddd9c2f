"""The gate and the metrics of an experiment, from the candidate file that its event carries."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import yaml

from infra.candidates.gate import Rule
from infra.candidates.model import CandidateRefused
from infra.candidates.parse import parse_candidate
from infra.comparing.metrics import METRICS
from processors.policy.reading import Source
from streams.experiments import Experiment

NOT_LIVE: Final = frozenset({"pairs", "measures", "labels", "humans", "judges"})
"""What a live experiment does not have: the same turn twice, times of computing, labels and judgements."""
_FILE: Final = "the candidate of the experiment"
_KEPT: Final = ("name", "metrics", "gate", "seed")


class Gate(NamedTuple):
    """rules: that decide. left_out: rules of metrics that a live experiment has no figures of, and so cannot decide."""

    rules: tuple[Rule, ...]
    left_out: tuple[Rule, ...]
    metrics: tuple[str, ...]
    seed: int


def gate_of(experiment: Experiment) -> Gate:
    """The files that the candidate names need not be there any more. Raises CandidateRefused for a wrong text."""
    return gate_in(experiment.started.candidate)


def gate_in(text: str) -> Gate:
    """The same of a candidate file's text."""
    source = Source(_FILE)
    root = source.root(text)
    if root is None:
        raise CandidateRefused(tuple(source.problems))
    root.node.value = [(k, v) for k, v in root.node.value if isinstance(k, yaml.ScalarNode) and k.value in _KEPT]
    plain = yaml.serialize(root.node, allow_unicode=True)
    candidate = parse_candidate(plain, _FILE, Path())
    live = [not METRICS[rule.metric].needs & NOT_LIVE for rule in candidate.gate]
    rules = tuple(rule for rule, decides in zip(candidate.gate, live, strict=True) if decides)
    left_out = tuple(rule for rule, decides in zip(candidate.gate, live, strict=True) if not decides)
    return Gate(rules, left_out, candidate.metrics, candidate.seed)
