"""A failing seed as a short story in words, with the command that tells it again."""

from __future__ import annotations

import re
from typing import Final

from schemas.identity import message_id
from streams.testing.simulation.audit import problems_of
from streams.testing.simulation.problem import Problem
from streams.testing.simulation.product import Product
from streams.testing.simulation.schedule import Schedule, schedule_of
from streams.testing.simulation.shrinking import TRIALS, shrunk
from streams.testing.simulation.simulating import Simulation
from streams.testing.simulation.trial import tried

COMMAND: Final = "python -m streams.testing.simulation --seed {seed}"
SHOWN: Final = 3
"""Problems that are told of each kind."""
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def story_of(seed: int, product: Product, trials: int = TRIALS) -> str:
    """The story of a seed: what was wrong, and what happened, in as few acts as still make the first of it wrong.

    A seed that does not fail is told whole. The same seed gives the same story. trials: how often at most it is tried
    with less of it.
    """
    whole = schedule_of(seed)
    problems = tried(whole, product)
    if not problems:
        lines, _ = _told(whole, product)
        return "\n".join([f"Seed {seed} keeps every promise. What happened:", *lines])
    kind = problems[0].kind
    short = shrunk(whole, lambda s: any(p.kind == kind for p in tried(s, product)), trials)
    lines, left = _told(short, product)
    cut = f"{len(short.inputs)} of {len(whole.inputs)} inputs, {len(short.acts)} of {len(whole.acts)} acts"
    return "\n".join(
        [
            f"Seed {seed} fails. In the part of it told here ({cut}):",
            *_wrong(left, _names(short, product)),
            "",
            _setting(short),
            *lines,
            "",
            f"Tell it again: {COMMAND.format(seed=seed)}",
        ]
    )


def _setting(schedule: Schedule) -> str:
    each = "for each stage" if schedule.apart else "that run all stages"
    one = f"one worker {each}".replace("run", "runs")
    workers = f"{schedule.workers} workers {each}" if schedule.workers > 1 else one
    return f"There are {schedule.partitions} partitions, and {workers}. Seconds, and what happened:"


def _told(schedule: Schedule, product: Product) -> tuple[list[str], list[Problem]]:
    """The lines of the story, numbered, and what is wrong in the end."""
    said: list[tuple[float, str]] = []
    run = Simulation(schedule, product, lambda at, text: said.append((at, text)))
    run.play()
    names = _names(schedule, product)
    lines = [f"{i:4}. {at:7.3f}  {_named(text, names)}" for i, (at, text) in enumerate(said, 1)]
    return lines, problems_of(run)


def _named(text: str, names: dict[str, str]) -> str:
    """With names in place of ids."""
    return _ID.sub(lambda found: names.get(found[0], found[0]), text)


def _names(schedule: Schedule, product: Product) -> dict[str, str]:
    """Ids of what came from outside, and what it is called."""
    tenant = product.policies[0].meta.tenant_id
    names = {message_id(tenant, "web", f"m-{it.number + 1}"): f"m-{it.number + 1}" for it in schedule.inputs}
    return names


def _wrong(problems: list[Problem], names: dict[str, str]) -> list[str]:
    lines: list[str] = []
    for kind in dict.fromkeys(p.kind for p in problems):
        mine = list(dict.fromkeys(p.about for p in problems if p.kind == kind))
        lines += [f"  {kind}: {_named(about, names)}" for about in mine[:SHOWN]]
        if len(mine) > SHOWN:
            lines.append(f"  {kind}: {len(mine) - SHOWN} more")
    return lines
