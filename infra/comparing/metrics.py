"""What two runs are compared by: every metric's name, what it says, its unit and which direction is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from schemas.events import RUNGS

Better = Literal["higher", "lower", "neither"]
Kind = Literal["rate", "mean", "quantile"]
Unit = Literal["share", "score", "stars", "seconds", "tokens"]
Need = Literal[
    "turns", "pairs", "measures", "recorded_times", "labels", "humans", "judges", "customers", "generated"
]  # fmt: skip
"""What must be there for a metric to have a figure.

turns: the facts alone. pairs: turns that both runs have. measures: rows of `run_turns` on both sides, so never the run
`live`. generated: turns for which a model was asked, on both sides. recorded_times: reply times of the log; a replay
has them only as the record has. labels, humans (lines that people wrote), judges: given with the comparison. customers:
ids of customers, to see who came back.
"""


@dataclass(frozen=True)
class Metric:
    """One figure of a run.

    `unit`: share (0 to 1; shown in percent, differences in points), score (-1 to 1), stars (1 to 5), seconds, tokens.
    `quantile`: which one, where `kind` is quantile. `of_sessions`: a value for each session, not for each turn.
    `tested`: whether a difference from zero means anything; a share of changed turns is none only if nothing changed.
    `about_customer`: what customers and the clock make of it. A replay serves both from the record, so that a
    difference there is one of models or counting, and does not count in its verdict unless a gate names it.
    """

    name: str
    about: str
    unit: Unit
    better: Better
    kind: Kind
    needs: frozenset[Need] = frozenset({"turns"})
    quantile: float | None = None
    of_sessions: bool = False
    tested: bool = True
    about_customer: bool = False


def _rung_shares() -> list[Metric]:
    better: Mapping[str, Better] = {"fallback": "lower"}
    return [
        Metric(f"rung_share.{r}", f"Share of turns answered by {r}.", "share", better.get(r, "neither"), "rate")
        for r in RUNGS
    ]


_PAIRS: Final[frozenset[Need]] = frozenset({"turns", "pairs"})
_MEASURES: Final[frozenset[Need]] = frozenset({"turns", "measures"})
_TIMES: Final[frozenset[Need]] = frozenset({"turns", "recorded_times"})
_GENERATED: Final[frozenset[Need]] = frozenset({"turns", "generated"})


def _generated_times() -> list[Metric]:
    """Those of a model server are of its load as well, so they decide nothing unless a gate names them."""
    return [
        Metric(
            f"{name}_p{int(100 * quantile)}",
            f"{about} that {int(100 * quantile)} % of turns stay within for which a model was asked.",
            "seconds",
            "lower",
            "quantile",
            _GENERATED,
            quantile=quantile,
            about_customer=True,
        )
        for name, about in (("first_text", "Time to the first text"), ("generated", "Time of generating"))
        for quantile in (0.5, 0.95)
    ]

_ALL: Final = (
    Metric(
        "handled_automatically",
        "Share of sessions that no turn of handed to a human.",
        "share",
        "higher",
        "rate",
        of_sessions=True,
    ),
    Metric("handoff_rate", "Share of turns that hand the session to a human.", "share", "lower", "rate"),
    *_rung_shares(),
    Metric(
        "scenario_change_rate",
        "Share of turns routed to another scenario than in the other run.",
        "share",
        "neither",
        "rate",
        _PAIRS,
        tested=False,
    ),
    Metric(
        "intent_change_rate",
        "Share of turns understood with another label than in the other run.",
        "share",
        "neither",
        "rate",
        _PAIRS,
        tested=False,
    ),
    Metric("out_of_scope_rate", "Share of turns understood as out of scope (0.5 or more).", "share", "neither", "rate"),
    Metric("ask_back_rate", "Share of turns in which the customer is asked to say it again.", "share", "lower", "rate"),
    Metric("sentiment_mean", "How customers felt on average, -1 to 1.", "score", "higher", "mean", about_customer=True),
    Metric(
        "sentiment_trajectory",
        "Sentiment of a session's last turn minus that of its first.",
        "score",
        "higher",
        "mean",
        of_sessions=True,
        about_customer=True,
    ),
    Metric(
        "deadline_miss_rate",
        "Share of turns answered after their deadline.",
        "share",
        "lower",
        "rate",
        about_customer=True,
    ),
    Metric(
        "latency_p50",
        "Median time from message to reply, as recorded.",
        "seconds",
        "lower",
        "quantile",
        _TIMES,
        quantile=0.5,
        about_customer=True,
    ),
    Metric(
        "latency_p95",
        "Time from message to reply that 95 % of turns stay within, as recorded.",
        "seconds",
        "lower",
        "quantile",
        _TIMES,
        quantile=0.95,
        about_customer=True,
    ),
    Metric(
        "decision_p50",
        "Median time of computing a turn, measured in the replay (of the processor, or of a model server).",
        "seconds",
        "lower",
        "quantile",
        _MEASURES,
        quantile=0.5,
    ),
    Metric(
        "decision_p95",
        "Time of computing that 95 % of turns stay within, measured as that of decision_p50.",
        "seconds",
        "lower",
        "quantile",
        _MEASURES,
        quantile=0.95,
    ),
    Metric("model_seconds", "Seconds of models a turn, measured in the replay.", "seconds", "lower", "mean", _MEASURES),
    Metric("tokens", "Tokens that models read and wrote, a turn.", "tokens", "lower", "mean", _MEASURES),
    *_generated_times(),
    Metric(
        "generated_tokens",
        "Tokens of prompt and reply, a turn for which a model was asked.",
        "tokens",
        "lower",
        "mean",
        _GENERATED,
    ),
    Metric(
        "guarded_rate",
        "Share of turns for which a model was asked, and whose text the guard rails refused.",
        "share",
        "lower",
        "rate",
        _GENERATED,
    ),
    Metric(
        "reply_likeness",
        "Likeness of generated replies to the other run's, by characters (chrF), 0 to 1.",
        "share",
        "neither",
        "mean",
        frozenset({"turns", "pairs", "generated"}),
        tested=False,
    ),
    Metric(
        "repeat_contact_rate",
        "Share of sessions whose customer comes back with the same scenario.",
        "share",
        "lower",
        "rate",
        frozenset({"turns", "customers"}),
        of_sessions=True,
        about_customer=True,
    ),
    Metric("feedback_mean", "What customers gave, 1 to 5, on average.", "stars", "higher", "mean", about_customer=True),
    Metric(
        "label_agreement",
        "Share of labelled turns understood or routed as people labelled them.",
        "share",
        "higher",
        "rate",
        frozenset({"turns", "labels"}),
    ),
    Metric(
        "reply_similarity",
        "Likeness of replies to what the human agent wrote, by characters (chrF), 0 to 1.",
        "share",
        "higher",
        "mean",
        frozenset({"turns", "humans"}),
    ),
    Metric(
        "reply_similarity_embedded",
        "Likeness of replies to what the human agent wrote, by meaning, -1 to 1.",
        "score",
        "higher",
        "mean",
        frozenset({"turns", "humans"}),
    ),
    Metric(
        "judged",
        "Share of blind judgements that the reply won; a draw counts half.",
        "share",
        "higher",
        "mean",
        frozenset({"turns", "judges"}),
    ),
)

METRICS: Final[Mapping[str, Metric]] = {metric.name: metric for metric in _ALL}
"""Every metric, by name, in the order in which they are shown."""
