"""What is known of each model at this moment: whether it may be asked, how fast it is, whether its server is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

from processors.ladder import Breaker as Said
from processors.ladder import Offer, Speed, Wait
from streams.generation import metrics
from streams.generation.breaker import USUAL, Breaker, Limits, Permit, verdict
from streams.generation.loading import Loading
from streams.generation.models import Models, Serving
from streams.generation.ports import Budget, Finish, Generator, Readiness
from streams.generation.speed import SpeedOf

TIMES: Final = 4.0
"""A first text may take so many times as long as it takes nine turns of ten, and the text between two signs of life
`_PAUSES` times; neither less than `LEAST` seconds."""
_PAUSES: Final = 20.0
LEAST: Final = 1.0
ASKING: Final = 2.0
"""Seconds within which a server says whether a model is ready."""
_TWICE: Final = 2


class Known:
    """One model. `now` is seconds of one clock."""

    def __init__(self, serving: Serving, limits: Limits) -> None:
        self.generator: Generator = serving.generator
        self.breaker = Breaker(limits)
        self.speed = SpeedOf(serving.speed)
        self._stated = serving.speed
        self._limits = limits
        self._not_ready = 0
        self._unready = 0

    @property
    def ready(self) -> bool:
        """Until its server has said twice in a row that it is not: once may be a server that is only busy."""
        return self._not_ready < _TWICE

    @property
    def missing(self) -> bool:
        """Whether its server, which is there, has said twice in a row that it does not serve it."""
        return self._unready >= _TWICE

    def offer(self, serving: Serving, now: float, wait: Wait, pressure: float, full: bool) -> Offer:
        """The model as the ladder sees it. full: its breaker lets no more through just now."""
        state: Said = "open" if full else self.breaker.state(now)
        speed = self._reckoned(now)
        return Offer(
            serving.rung,
            self.generator.name,
            speed,
            serving.context,
            state,
            self.ready,
            wait,
            pressure,
            serving.tenants,
        )

    def budget(self, left: float, now: float) -> Budget:
        """How long it is waited for by a turn that has `left` seconds."""
        speed = self._reckoned(now)
        first, between = max(LEAST, TIMES * speed.first), max(LEAST, _PAUSES * speed.token)
        return Budget(min(first, left), min(between, left), left)

    def tell(self, permit: Permit, finish: Finish | None, now: float) -> None:
        """How a request went; None: it was given up here before it ended."""
        trying = self.breaker.state(now) == "probing"
        if finish is None:
            self.breaker.tell(permit, "none", now)
        else:
            self.breaker.tell(permit, verdict(finish, self._limits), now)
            self._learn(finish, now)
        if trying and self.breaker.state(now) == "closed":
            self.speed = SpeedOf(self._stated)
        metrics.BREAKER.labels(self.generator.name).set(metrics.STATES[self.breaker.state(now)])

    async def look(self) -> None:
        """Asks its server whether it is ready."""
        self.heard(await self.generator.ready(ASKING))

    def heard(self, found: Readiness) -> None:
        """Its server has said whether it is ready."""
        self._not_ready = 0 if found.ready else self._not_ready + 1
        self._unready = self._unready + 1 if found.fault == "unready" else 0
        metrics.READY.labels(self.generator.name).set(self.ready)

    def _reckoned(self, now: float) -> Speed:
        """How fast it is taken for. While it is tried again, and then at first, that is what it is said to be: by what
        it took in its bad time it would be too late for every turn, and nothing would show that it is well."""
        return self._stated if self.breaker.state(now) == "probing" else self.speed.speed(now)

    def _learn(self, finish: Finish, now: float) -> None:
        if finish.first_seconds is not None:
            self.speed.began(finish.first_seconds, now)
            whole = finish.reason == "stop"
            self.speed.ended(finish.tokens, finish.seconds - finish.first_seconds, now, whole)
        elif finish.fault == "first":
            self.speed.began(finish.seconds, now)


class AllKnown:
    """Of every model that was ever offered here, by its name."""

    def __init__(self, clock: Callable[[], float], limits: Limits = USUAL) -> None:
        self._clock, self._limits = clock, limits
        self._of: dict[str, Known] = {}
        self._lately: set[str] = set()
        self._loading = Loading(clock)

    def of(self, serving: Serving) -> Known:
        """What is known of the model that is offered."""
        name = serving.generator.name
        self._lately.add(name)
        known = self._of.get(name)
        if known is None:
            known = self._of[name] = Known(serving, self._limits)
        return known

    async def look(self, offered: Iterable[Serving]) -> None:
        """Asks whether the models are ready that are offered, or were since the last look; notes how breakers stand.

        One that is missing is asked for, without waiting. It was offered after its server had first said so: a model
        that was swapped away, and unloaded then, is not brought back by the last turns it had.
        """
        for serving in offered:
            self.of(serving)
        lately, self._lately = self._lately, set()
        await asyncio.gather(*(self._of[name].look() for name in lately))
        for known in (self._of[name] for name in lately):
            if known.missing:
                self._loading.begin(known.generator, known.heard)
            elif known.ready:
                self._loading.there(known.generator.name)
        for name, known in self._of.items():
            metrics.BREAKER.labels(name).set(metrics.STATES[known.breaker.state(self._clock())])

    def standing(self, models: Models) -> dict[str, list[dict[str, Any]]]:
        """Which models are in force now, by tenant (`*`: every other), and whether they may be asked."""
        of_all = list(models.offers("", ""))
        said = {"*": [self._said(serving) for serving in of_all]}
        for tenant in models.tenants():
            if (own := list(models.offers(tenant, ""))) != of_all:
                said[tenant] = [self._said(serving) for serving in own]
        return said

    def _said(self, serving: Serving) -> dict[str, Any]:
        known = self.of(serving)
        return {
            "rung": serving.rung,
            "model": known.generator.name,
            "fingerprint": known.generator.fingerprint,
            "breaker": known.breaker.state(self._clock()),
            "ready": known.ready,
            "tenants": sorted(serving.tenants),
        }

    async def stop(self) -> None:
        """Waits for no model any more."""
        await self._loading.stop()
