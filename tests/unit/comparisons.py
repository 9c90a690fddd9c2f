"""A comparison made by hand, with something of everything that a report can show."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from infra.candidates.gate import parse_rule
from infra.comparing.result import (
    Agreement,
    Comparison,
    Confusion,
    Curve,
    DifferentTurn,
    Effect,
    Identity,
    Provenance,
    RuleFinding,
    RunInfo,
    Speed,
    Survival,
    TurnDifference,
)

HOSTILE = '<script>alert("我")</script> & \'quoted\''
WINDOW = (1_774_000_000_000_000, 1_774_007_200_000_000)
GAP = {
    "topic": "chat.messages",
    "partition": 3,
    "missing_from": WINDOW[0],
    "missing_to": WINDOW[1],
    "detail": "offsets 0 to 41",
}
_CODE = "sign flips of sessions"


def effect(metric: str, a: float, b: float, half: float, scenario: str | None = None, p: float = 0.5) -> Effect:
    """An effect whose interval reaches `half` to both sides; `p` before and after correction."""
    d = b - a
    return Effect(metric, scenario, a, b, d, d - half, d + half, p, min(1.0, p * 20), 4200, 1300, half * 1.4, _CODE)


def comparison(**changes: Any) -> Comparison:
    """Teacher-forced, `live` against a candidate that is worse in handoffs and better by labels."""
    handoff = effect("handoff_rate", 0.081, 0.112, 0.009, p=0.0001)
    labels = effect("label_agreement", 0.842, 0.881, 0.011, p=0.0001)
    speed = effect("decision_p95", math.nan, 0.0042, math.nan)
    made = Comparison(
        a=RunInfo("live", "live", "complete", None, 4200, 1300, fingerprints={"intent": ("intent-fast@1.0.0#aa",)}),
        b=RunInfo(
            "mine",
            "our-own-intents",
            "complete",
            "teacher-forced",
            4200,
            1300,
            ("intent",),
            WINDOW,
            {"intent": ("mine@1.0.0#bb",), "policy": ("shop@1#cc", "bank@1#dd")},
        ),
        mode="teacher-forced",
        paired_turns=4200,
        paired_sessions=1300,
        identity=Identity(0.872, 4200, 538, {"intent.label": 501, "scenario": 212, "reply.text": 190}, 0, 3, 0.0004),
        provenance=(
            None,
            Provenance(
                {"intent": 1.0, "sentiment": 0.98},
                {"sentiment": 0.02, "human_reply": 0.11},
                {"human_reply": 37},
            ),
        ),
        survival=None,
        effects=(
            effect("handled_automatically", 0.82, 0.79, 0.02, p=0.001),
            handoff,
            replace(effect("handoff_rate", 0.3, 0.36, 0.03, "complaint", 0.0005), turns=310),
            replace(effect("handoff_rate", 0.02, 0.021, 0.01, "logistics"), turns=1900),
            effect("rung_share.template", 0.61, 0.57, 0.01, p=0.0001),
            effect("rung_share.knowledge", 0.22, 0.221, 0.01),
            replace(effect("scenario_change_rate", 0.0, 0.05, 0.01, p=1.0), p_corrected=1.0, mde=None),
            effect("ask_back_rate", 0.05, 0.048, 0.004),
            effect("sentiment_mean", -0.12, -0.12, 0.01, p=1.0),
            speed,
            effect("model_seconds", 0.000051, 0.000062, 0.000003, p=0.0001),
            labels,
            effect("reply_similarity", 0.31, 0.33, 0.03),
        ),
        family=120,
        confusions=(
            Confusion("scenario", (("logistics", "logistics", 3988), ("logistics", "other", 150), ("", HOSTILE, 62))),
            Confusion("intent", (("track_order", "track_order", 4200),)),
        ),
        curves=(
            Curve("decision", (0.05, 0.5, 0.95, 0.99), (math.nan,) * 4, (0.0002, 0.0011, 0.0042, 0.009), 4200),
            Curve("latency", (0.05, 0.5, 0.95, 0.99), (0.02, 0.044, 0.09, 0.2), (0.02, 0.044, 0.09, 0.2), 4190),
            Curve("intent", (0.05, 0.5, 0.95, 0.99), (math.nan,) * 4, (0.00002, 0.00004, 0.0001, 0.0002), 4200),
        ),
        agreements=(Agreement("scenario", 0.81, 0.84, 4100), Agreement("satisfaction", 0.21, math.nan, 300)),
        findings=(
            RuleFinding(parse_rule("handoff_rate: no worse than 1 point"), handoff, "broken", "3.10 points worse"),
            RuleFinding(parse_rule("label_agreement: no worse than 1 point"), labels, "kept", "better"),
            RuleFinding(parse_rule("decision_p95: <= +10 %"), None, "unclear", "A was not measured"),
        ),
        verdict="worse",
        sentence="handoff_rate is worse by 3.10 points, 1 point is allowed",
        differences=(
            TurnDifference(
                "shop",
                "monday.1",
                "6f0c9d5e",
                HOSTILE,
                {"scenario": "logistics", "handoff": False, "reply.text": "On its way.", "confidence": 0.91},
                {"scenario": "other", "handoff": True, "reply.text": None, "confidence": 0.44, "rungs": ["human"]},
                ("scenario", "handoff", "reply.text", "rungs", "scores"),
                9.0,
            ),
        ),
        different=(DifferentTurn("shop", "monday.1", "6f0c9d5e", ("scenario", "handoff")),),
        warnings=("The run mine is of another day than live.",),
        gaps=(GAP,),
        speed=(None, Speed(1300, 4200, 6.5, 2, {"intent": 0.9, "routing": 2.1, "reply": 1.4, "entities": 0.2})),
    )
    return replace(made, **changes)


def free_run() -> Comparison:
    """The same, in a free run that some conversations left."""
    survived = Survival(4200, 3900, 1300, 1100, ((1, 1.0), (2, 0.96), (3, 0.91), (4, 0.85)))
    return comparison(mode="free-run", survival=survived)


def unfinished() -> Comparison:
    """Of a run that is still being replayed: nothing is shown of it, and no turn may be there yet."""
    return replace(
        nothing_changed(),
        paired_turns=0,
        paired_sessions=0,
        identity=Identity(math.nan, 0, 0, {}, 0, 0, 0.0),
        effects=(),
        family=0,
        confusions=(),
        curves=(),
        agreements=(),
        verdict="not_enough_evidence",
        sentence="The run mine is not complete: 3 of 12 partitions are done.",
    )


def nothing_changed() -> Comparison:
    """`live` against its own replay: identical, without a gate."""
    same = Identity(1.0, 4200, 0, {}, 0, 0, 0.0)
    return comparison(
        identity=same,
        effects=(effect("handoff_rate", 0.081, 0.081, 0.0, p=1.0),),
        findings=(),
        differences=(),
        different=(),
        warnings=(),
        gaps=(),
        verdict="better_or_equal",
        sentence="every decision is the same",
        confusions=(Confusion("scenario", (("logistics", "logistics", 4200),)),),
    )
