"""What the pipeline takes from a model: the same requests straight to Triton and through the pipeline, in turn."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from infra.generation_drills.fault_drill import a_load
from infra.generation_drills.straight import Reply, Speed, ask_straight, speed_of
from infra.generation_drills.turns import Turn, read_turns
from infra.local.stack import LocalStack
from infra.settings import Settings
from infra.summary import come_to_rest
from infra.wiring import build_codec, open_control
from processors.prompting.compose import compose, material
from processors.prompting.types import Prompt
from schemas.catalogue import ROUTES
from schemas.events import Record, ScenarioRouted
from streams.log import read_to_end
from streams.policies import Policies

PASSAGES: Final = 3
"""As many as the stage offers a prompt."""
MOST_PROMPTS: Final = 256
Say = Callable[[str], None]


@dataclass(frozen=True)
class Round:
    """One at each way. `outside`: the median of seconds that a turn spent outside the model and its queue, from the
    message to the reply in the log. `other`: turns of the round that no model made."""

    straight: Speed
    through: Speed
    outside: float
    other: int


@dataclass(frozen=True)
class Overhead:
    """At `at_once` concurrent generations. `tokens`, `first`: the pipeline's speed by the straight one's, of medians of
    the rounds; 1 is no loss, below 1 the pipeline is slower. `first` is of the rounds' means: questions differ, and a
    median falls on one of them. `failed`: straight requests that failed."""

    at_once: int
    rounds: list[Round]
    tokens: float
    first: float
    failed: int
    same_prompts: bool


def measure_overhead(
    stack: LocalStack,
    url: str,
    model: str,
    tenants: Sequence[str],
    deadline: float,
    at_once: int,
    rounds: int,
    seconds: float,
    say: Say,
) -> Overhead:
    """Straight and through the pipeline, `rounds` times each for `seconds` (and as long to warm up, up to 5 s).

    url: HOST:PORT of the server. The pipeline's customers are half as many more than its pool takes at once, so that
    the pool is always full, as is the straight way's. Raises StackError, NotAtRest, KafkaException.
    """
    settings = stack.settings()
    warm = min(5.0, seconds)
    first_turns, _ = _through(settings, tenants, deadline, at_once, 1.0, 2.0)  # what it asks, and a first warm-up
    prompts = _prompts(settings, [t.asked.turn_id for t in first_turns])
    found: list[Round] = []
    failed = 0
    for number in range(rounds):
        straight, wrong = asyncio.run(ask_straight(url, model, prompts, at_once, warm, seconds))
        failed += wrong
        turns, begin = _through(settings, tenants, deadline, at_once, warm, seconds)
        through = speed_of([r for t in turns if (r := _reply(t)) is not None], begin, begin + seconds)
        other = sum(not t.made for t in turns)
        found.append(Round(straight, through, _outside(turns), other))
        say(
            f"{at_once} at once, round {number + 1}: straight {straight.tokens_per_s:.0f} tokens/s, "
            f"through {through.tokens_per_s:.0f}; {other} of {len(turns)} turns not by the model"
        )
    return Overhead(
        at_once,
        found,
        _ratio([r.through.tokens_per_s for r in found], [r.straight.tokens_per_s for r in found]),
        _ratio([r.straight.first_mean or 0.0 for r in found], [r.through.first_mean or 0.0 for r in found]),
        failed,
        {p.tokens for p in prompts} >= {t.generated.prompt_tokens for t in first_turns if t.generated is not None},
    )


def _ratio(of: Sequence[float], by: Sequence[float]) -> float:
    return round(statistics.median(of) / (statistics.median(by) or float("inf")), 3)


def _through(
    settings: Settings, tenants: Sequence[str], deadline: float, at_once: int, warm: float, seconds: float
) -> tuple[list[Turn], float]:
    """The turns of a closed load, each in a session of its own, and from when on they are measured (UTC seconds)."""
    customers = at_once + at_once // 2
    with a_load(settings, dict.fromkeys(tenants, 0.0), deadline, at_once=customers, turns=1) as load:
        threading.Event().wait(warm)
        begin = time.time()
        threading.Event().wait(seconds)
        asked = load.finish()
    come_to_rest(settings, patience=120)
    return read_turns(settings.kafka, asked, build_codec(settings)), begin


def _reply(turn: Turn) -> Reply | None:
    made = turn.generated
    if not turn.made or made is None or turn.replied_at is None:
        return None
    return Reply(turn.replied_at / 1e6, made.tokens, made.first_seconds)


def _outside(turns: Sequence[Turn]) -> float:
    spent = [outside for t in turns if (outside := t.outside) is not None]
    return round(statistics.median(spent), 4) if spent else 0.0


def _prompts(settings: Settings, turns: Sequence[str]) -> list[Prompt]:
    """The prompts of these turns, each once, composed as the stage does it: of the route, its policy, its articles.

    Customers ask every question as often as any other, so each of them once is the same mixture.
    """
    codec, wanted = build_codec(settings), set(turns)
    control = open_control(settings, codec)
    try:
        policies = Policies(control)
        found: dict[str, Prompt] = {}
        for record in read_to_end(settings.kafka, (ROUTES,), codec):
            route = record.event if isinstance(record, Record) else None
            if isinstance(route, ScenarioRouted) and route.meta.turn_id in wanted and len(found) < MOST_PROMPTS:
                prompt = _prompt(route, policies)
                found.setdefault(prompt.text, prompt)
        return list(found.values())
    finally:
        control.close()


def _prompt(route: ScenarioRouted, policies: Policies) -> Prompt:
    version = policies.version(route.meta.tenant_id, route.policy, route.knowledge)
    assert version is not None, "the policy of a turn that was just routed"
    rule, template = version.rules.policy.knowledge, version.rules.prompt(route.scenario)
    assert template is not None, "the drills' tenants have a prompt"
    passages = version.knowledge().search(
        route.text, route.lang, route.knowledge_scope, max(rule.passages, PASSAGES)
    )
    fit = [p for p in passages if p.score >= rule.min_score]
    return compose(template, material(route, fit, (), version.rules.policy.about))
