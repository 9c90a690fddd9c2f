"""What a comparison found: data only. `infra.comparing.compare` makes it; the report and the JSON are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple, Protocol

from infra.comparing.generation import Generation

Verdict = Literal["better_or_equal", "worse", "not_enough_evidence"]
State = Literal["kept", "broken", "unclear"]
ARMS: Final = "experiment"
"""The mode of a comparison of two arms, whose sessions are others, so that nothing of it is paired."""
FORMAT: Final = 1
"""Of the JSON document; a figure that changes its meaning or name makes it another."""


class Rule(Protocol):
    """A rule of a gate, as candidate files have it.

    no_worse: B is worse than A by `margin` at most. at_most, at_least: with `relative`, B's difference from A as a
    share of A; without, B's own figure. Margins are in the metric's unit; relative ones are shares (0.1: ten percent).
    """

    @property
    def metric(self) -> str: ...
    @property
    def kind(self) -> Literal["no_worse", "at_most", "at_least"]: ...
    @property
    def margin(self) -> float: ...
    @property
    def relative(self) -> bool: ...


@dataclass(frozen=True)
class RunInfo:
    """One side. `name`: of its candidate; `changed`: what the candidate replaces, none where it is as it was live.

    `turns`, `sessions`: that it has of the comparison's scope. `window`: microseconds UTC, [start, end), None of live.
    `fingerprints`: by part (intent, sentiment, entities, routing, reply, policy, knowledge), commonest first.
    """

    run_id: str
    name: str
    status: str
    mode: str | None
    turns: int
    sessions: int
    changed: tuple[str, ...] = ()
    window: tuple[int, int] | None = None
    fingerprints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    definition: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Effect:
    """B minus A in one metric. `scenario`: of the turns that either run routed there; None is all turns.

    `a`, `b`, `difference`, `low`, `high`, `mde` in the metric's unit. [low, high] is the difference's interval at
    `level` (0.95 and not corrected, but for rules, which have their own). `p`: two-sided; `p_corrected`: by Holm over
    all effects of the comparison that are tested; both 1 where the metric is not tested. `turns`, `sessions`: that have
    a value on both sides (paired), or of both arms together. `mde`: the smallest true difference that this many
    sessions would show with 80 % probability after the correction. `informative`: sessions in which A and B differ.
    """

    metric: str
    scenario: str | None
    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float
    p_corrected: float
    turns: int
    sessions: int
    mde: float | None
    test: str
    level: float = 0.95
    informative: int | None = None

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance after correction, at 5 %."""
        return self.p_corrected <= 0.05


@dataclass(frozen=True)
class RuleFinding:
    """How a rule of the gate fared. `effect` is None where its metric has no figure; its interval is the rule's own.

    `harm_low`, `harm_high`: bounds of how much worse B is in the rule's terms, and `margin`: what it may be.
    """

    rule: Rule
    effect: Effect | None
    state: State
    why: str
    margin: float | None = None
    harm_low: float | None = None
    harm_high: float | None = None


@dataclass(frozen=True)
class TurnDifference:
    """A turn that the runs decided differently: every decision of both, and the fields that differ.

    `weight`: for ranking; who answers counts most, then scenario, rung, text.
    """

    tenant: str
    session_id: str
    turn_id: str
    text: str
    a: Mapping[str, Any]
    b: Mapping[str, Any]
    fields: tuple[str, ...]
    weight: float


@dataclass(frozen=True)
class Confusion:
    """How turns moved: (A's, B's, turns), commonest first, of the paired turns. "" where a side has none."""

    about: Literal["scenario", "intent"]
    cells: tuple[tuple[str, str, int], ...]

    @property
    def turns(self) -> int:
        return sum(n for _, _, n in self.cells)

    @property
    def moved(self) -> int:
        """Turns off the diagonal."""
        return sum(n for a, b, n in self.cells if a != b)


@dataclass(frozen=True)
class Curve:
    """Quantiles of a time, in seconds: `levels` from 0 to 1, and both sides' values there."""

    about: Literal["decision", "latency", "intent", "sentiment", "entities", "routing", "reply"]
    levels: tuple[float, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    turns: int


@dataclass(frozen=True)
class Agreement:
    """How far both sides agree with people's labels.

    scenario, intent: the share of labelled turns that are as labelled. satisfaction: Spearman's correlation of a
    session's last sentiment with how satisfied people found its customer. `count`: turns, or sessions.
    """

    about: Literal["scenario", "intent", "satisfaction"]
    a: float
    b: float
    count: int


@dataclass(frozen=True)
class Identity:
    """How alike the decisions are. `share`: of paired turns with every decision the same; 1.0 where all are.

    `by_field`: turns that differ in it. `only_a`, `only_b`: turns that the other side lacks. `score_difference`: the
    biggest of confidence, out of scope, sentiment and anger in the `scored` turns, of which one model gave a score on
    both sides; within 1e-3 they count as the same. `not_compared`: fields that only name what a candidate replaces.
    """

    share: float
    turns: int
    different: int
    by_field: Mapping[str, int]
    only_a: int
    only_b: int
    score_difference: float
    scored: int = 0
    not_compared: tuple[str, ...] = ()


class DifferentTurn(NamedTuple):
    """A turn of which a decision differs, and the fields that do."""

    tenant: str
    session_id: str
    turn_id: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Provenance:
    """Of one run, by part (intent, sentiment, entities, route, reply, human_reply, cache): share of its turns.

    `missing_effects`: turns whose candidate called for an effect that the record lacks, by effect.
    """

    recomputed: Mapping[str, float]
    served: Mapping[str, float]
    missing_effects: Mapping[str, int]


@dataclass(frozen=True)
class Survival:
    """Of a free run: how many turns still answered what the candidate said; the rest do not count.

    `sessions_whole`: sessions that never left what the customer saw. `by_turn`: (turn's number, share that survived).
    """

    turns: int
    survived: int
    sessions: int
    sessions_whole: int
    by_turn: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Speed:
    """Of a run: what the replay took, by the clock on the wall, while so many processes were at work on it.

    `seconds`: None where nothing was measured. `by_part`: where the seconds of all processes together went.
    """

    conversations: int
    turns: int
    seconds: float | None
    processes: int
    by_part: Mapping[str, float]


@dataclass(frozen=True)
class Comparison:
    """`effects`: in the order of METRICS, all turns first, then scenarios. `family`: how many tests were made.

    `differences`: the turns that differ most, in full; `different`: every one that differs, by session and time.
    """

    a: RunInfo
    b: RunInfo
    mode: str
    paired_turns: int
    paired_sessions: int
    identity: Identity
    provenance: tuple[Provenance | None, Provenance | None]
    survival: Survival | None
    effects: tuple[Effect, ...]
    family: int
    confusions: tuple[Confusion, ...]
    curves: tuple[Curve, ...]
    agreements: tuple[Agreement, ...]
    findings: tuple[RuleFinding, ...]
    verdict: Verdict
    sentence: str
    differences: tuple[TurnDifference, ...]
    different: tuple[DifferentTurn, ...]
    warnings: tuple[str, ...]
    gaps: tuple[Mapping[str, Any], ...]
    speed: tuple[Speed | None, Speed | None]
    seed: int = 7
    quality: tuple[str, ...] = ()
    """How the scores of replies came about, and how far judges agree; a sentence each."""
    generation: tuple[Generation | None, Generation | None] = (None, None)

    @property
    def paired(self) -> bool:
        """Whether both sides had the same turns: not the arms of an experiment."""
        return self.mode != ARMS

    @property
    def sides(self) -> tuple[tuple[str, RunInfo], tuple[str, RunInfo]]:
        """With what they are called."""
        return ("A", self.a), ("B", self.b)

    @property
    def identical(self) -> float:
        """The share of paired turns with every decision the same."""
        return self.identity.share

    def effect(self, metric: str, scenario: str | None = None) -> Effect | None:
        """The effect of a metric; None where it has no figure."""
        return next((e for e in self.effects if e.metric == metric and e.scenario == scenario), None)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The document of `--json`: verdict, identical and sentence first. Figures that are not numbers are null."""
    top = {
        "format": FORMAT,
        "verdict": comparison.verdict,
        "identical": comparison.identical,
        "sentence": comparison.sentence,
    }
    bare = replace(comparison, findings=(), different=())
    rest = {key: value for key, value in asdict(bare).items() if key not in (*top, "findings", "different")}
    findings = [
        {
            "rule": {name: getattr(f.rule, name) for name in ("metric", "kind", "margin", "relative")},
            "effect": asdict(f.effect) if f.effect is not None else None,
            "state": f.state,
            "why": f.why,
            "margin": f.margin,
            "harm": [f.harm_low, f.harm_high],
        }
        for f in comparison.findings
    ]
    different = [turn._asdict() for turn in comparison.different]
    plain: dict[str, Any] = _plain({**top, "findings": findings, **rest, "different": different})
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
