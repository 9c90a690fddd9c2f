"""What a candidate generates replies with: models of the Triton server, as it names them or as they are live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from infra.candidates.model import Candidate
from infra.candidates.replaced_prompt import template_of
from infra.generation.serving import models_of
from infra.generation.settings import GenerationSettings, load_generation
from infra.local.errors import StackError
from infra.settings import Settings
from processors.ladder import Rules
from processors.prompting.types import Prompt
from streams.control import ControlFold, ControlView
from streams.generation.breaker import Limits
from streams.generation.fairness import Bounds
from streams.generation.inline import InlineGenerations
from streams.generation.models import Models, Serving, Setting
from streams.generation.ports import Budget, Generator, Readiness, Stream
from streams.replay.cast import Generating
from streams.replay.generating import TIME

NO_TRITON: Final = (
    "the candidate's replies are to be generated, and there is no Triton server: start one with the stack "
    "(spillway up --triton), or set SPILLWAY_TRITON to HOST:PORT of yours"
)
WAITING: Final = Bounds(everything=1 << 40, tenant=1 << 40, wait=TIME)
"""A replay waits as long as it must, and is never sent away."""
WHATEVER_IT_TAKES: Final = Rules(reserve=0.0, least=1, worth=0.0, yields=())
"""Nor does it leave the model to others, or to a lower rung because time is short: those are the load's doing."""
FIRST, BETWEEN = 60.0, 30.0
"""Seconds until the first text, and from one sign of life to the next, after which a server is taken for dead."""
ASKING: Final = 10.0
"""Seconds within which the server says whether it serves a model."""


def generating_of(candidate: Candidate, control: ControlView, settings: Settings) -> Generating | None:
    """What makes the candidate's generated replies; None where the record's are served. Connects when first asked.

    control: the log as the candidate plays it. Raises StackError where there is no server to ask.
    """
    if not candidate.generates:
        return None
    if settings.triton is None:
        raise StackError(NO_TRITON)
    how = load_generation(settings.generation)

    def generations() -> InlineGenerations:
        models = _Patiently(_models(candidate, control, settings, how))
        limits = Limits(slow_first=FIRST)
        return InlineGenerations(
            models, _now, caps=how.caps, bounds=WAITING, rules=WHATEVER_IT_TAKES, limits=limits
        )

    prompt = template_of(candidate.prompt) if candidate.prompt is not None else None
    return Generating(generations, prompt)


def check_models(candidate: Candidate, settings: Settings) -> None:
    """Asks the server for each model that the candidate names. Raises StackError where one is not served there."""
    if not candidate.generates:
        return
    if settings.triton is None:
        raise StackError(NO_TRITON)
    named = replace(candidate, prompt=None)
    models = _models(named, ControlFold(), settings, load_generation(settings.generation))
    for serving, found in asyncio.run(_ready(models, candidate)):
        if not found.ready:
            what = f"{serving.rung}: Triton at {settings.triton} does not serve {serving.generator.name}"
            raise StackError(f"{what}: {found.detail}; see: spillway models list")


async def _ready(models: Models, candidate: Candidate) -> list[tuple[Serving, Readiness]]:
    """Of each model that it names; asked here, since a connection belongs to the loop in which it is made."""
    try:
        asked = [s for s in models.offers("", "") if s.rung in candidate.generation]
        return [(serving, await serving.generator.ready(ASKING)) for serving in asked]
    finally:
        await models.close()


class _Patient:
    """The port Generator, given the time that a replay has: how long live would wait follows from live's load."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    @property
    def name(self) -> str:
        return self._generator.name

    @property
    def fingerprint(self) -> str:
        return self._generator.fingerprint

    def generate(self, prompt: Prompt, budget: Budget) -> Stream:
        left = budget.total
        return self._generator.generate(prompt, Budget(min(FIRST, left), min(BETWEEN, left), left))

    async def ready(self, timeout: float) -> Readiness:
        return await self._generator.ready(timeout)

    async def load(self, timeout: float) -> Readiness:
        return await self._generator.load(timeout)


class _Patiently:
    """The port Models, whose models are asked patiently."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def offers(self, tenant: str, session: str) -> Sequence[Serving]:
        return [s._replace(generator=_Patient(s.generator)) for s in self._models.offers(tenant, session)]

    def tenants(self) -> Sequence[str]:
        return self._models.tenants()

    async def close(self) -> None:
        await self._models.close()


class _Chosen:
    """The port Models: the candidate's for the rungs that it names, live's for the others."""

    def __init__(self, own: Models, live: Models, rungs: frozenset[str]) -> None:
        self._own, self._live, self._rungs = own, live, rungs

    def offers(self, tenant: str, session: str) -> Sequence[Serving]:
        live = [s for s in self._live.offers(tenant, session) if s.rung not in self._rungs]
        return [*(s for s in self._own.offers(tenant, session) if s.rung in self._rungs), *live]

    def tenants(self) -> Sequence[str]:
        return self._live.tenants()

    async def close(self) -> None:
        await self._own.close()
        await self._live.close()


def _models(candidate: Candidate, control: ControlView, settings: Settings, how: GenerationSettings) -> Models:
    live = models_of(how, control, settings.triton)
    if not candidate.generation:
        return live
    usual = Setting("")
    chosen = {r: how.models.get(r, usual)._replace(name=name) for r, name in candidate.generation.items()}
    own = models_of(replace(how, models=chosen), ControlFold(), settings.triton)
    return _Chosen(own, live, frozenset(chosen))


def _now() -> int:
    return time.time_ns() // 1000
