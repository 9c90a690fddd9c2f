"""The verdict in one sentence, with the figure that it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from infra.comparing.correction import METHOD
from infra.comparing.result import Effect, RuleFinding, Verdict
from infra.comparing.wording import change, counted, interval, known, phrase, probability, rule, value


def sentence_of(
    verdict: Verdict, findings: Sequence[RuleFinding], worse: Sequence[Effect], sessions: int, gate: bool, same: bool
) -> str:
    """`gate`: whether the rules are a candidate's; without, they are the usual ones. `same`: no decision differs."""
    had = f"on {counted(sessions, 'conversation')}"
    if verdict == "worse":
        broken = [f for f in findings if f.state == "broken"]
        if broken:
            more = f", and {len(broken) - 1} more rules are broken" if len(broken) > 2 else ""
            more = ", and one more rule is broken" if len(broken) == 2 else more
            return f"Worse {had}: {_broken(broken[0], gate)}{more}."
        first, rest = worse[0], len(worse) - 1
        also = f", and {counted(rest, 'more figure')} with it" if rest else ""
        return f"Worse {had}: {_said(first)}, beyond chance (p {probability(first.p_corrected)} after {METHOD}){also}."
    if verdict == "better_or_equal":
        if same:
            return f"Equal {had}: not one decision differs."
        rules = "every rule of the gate is kept" if gate else "nothing is worse by more than a little"
        return f"Better or equal {had}: {rules}, even at the bad end of each interval."
    open_ = [f for f in findings if f.state == "unclear"]
    if not open_:
        return f"Not enough evidence {had}: nothing that is better or worse could be measured."
    more = f" and {counted(len(open_) - 1, 'other rule')}" if len(open_) > 1 else ""
    return f"Not enough evidence {had}: {rule(open_[0].rule)}{more}: {open_[0].why}."


def unfinished(run: str, done: int, parts: int) -> str:
    """For a run that is looked at before its end."""
    return (
        f"Not enough evidence: {run} is not finished ({done} of {parts} partitions), and whoever looks early and stops "
        f"when it looks good finds what is not there. Go on with it, then compare."
    )


def _broken(finding: RuleFinding, gate: bool) -> str:
    assert finding.effect is not None
    limit = rule(finding.rule) if gate else f"more than a little ({rule(finding.rule)})"
    return f"{_said(finding.effect)}, where the limit is {limit}"


def _said(effect: Effect) -> str:
    unit = known(effect.metric).unit
    where = f" in {effect.scenario}" if effect.scenario is not None else ""
    values = f"from {value(effect.a, unit)} to {value(effect.b, unit)}"
    around = interval(effect.low, effect.high, unit)
    return f"{phrase(effect.metric)}{where} went {values} ({change(effect.difference, unit)}; {around})"
