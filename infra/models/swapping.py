"""One generating model follows another while turns flow: blue serves until green does and nobody asks blue any more.

Green is loaded and probed before anybody hears of it. An event on chat.control says from when on it stands for the
rung; every worker follows that by its own clock. When all must have seen it and blue has begun with nothing for a
while, green is probed once more, and blue is unloaded: the server lets what blue has under way run to its end. Where
green fails, an event brings blue back, which is still loaded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from infra.generation.settings import GenerationSettings
from infra.local.errors import StackError
from infra.models.activation import served_activation, when, withdrawal
from infra.models.serving import Probed, sampling, standing, uses
from schemas.events import ModelActivated
from streams.control import ControlView
from streams.generation.contract import Sampling
from streams.models.runner import CannotRun
from streams.models.triton_control import READY, UNLOADING, TritonControl

SKEW: Final = 1.0
"""Seconds after the moment of an event until every worker acts by it: clocks differ, and a turn may just have begun."""
QUIET: Final = 1.0
"""Seconds without a new request until a model counts as no longer asked."""
_LOOK: Final = 0.1

Probe = Callable[[str, Sampling, float], Probed]
"""Of a model's name, what workers ask it with, and seconds. Raises CannotRun."""


class Swapped(NamedTuple):
    """What a swap came to. `seconds`: of each step. `unloaded`: whether blue is gone; `kept`: why it is not."""

    rung: str
    tenant: str
    blue: str
    green: str
    fingerprint: str
    effective_at: int
    seconds: dict[str, float]
    unloaded: bool
    kept: str = ""


class Server(NamedTuple):
    """What a swap needs of the world. `say`: tells people how far it is. `announce`: writes an event, raises
    StackError."""

    triton: TritonControl
    probe: Probe
    control: ControlView
    announce: Callable[[ModelActivated], None]
    settings: GenerationSettings
    operator: str
    say: Callable[[str], None]


class Swap:
    """A swap of a rung's model to `green`. `ahead`: seconds until the event holds; `timeout`: for each step."""

    def __init__(self, server: Server, rung: str, tenant: str, green: str, ahead: float, timeout: float) -> None:
        self._server, self._triton = server, server.triton
        self._rung, self._tenant, self._green = rung, tenant, green
        self._ahead, self._timeout = ahead, timeout
        self._sampling = sampling(server.settings, rung)
        self._seconds: dict[str, float] = {}
        self._blue = standing(server.control, server.settings, rung, tenant, _now())

    def run(self, keep: bool = False) -> Swapped:
        """Swaps. Raises StackError, which says how things stand, where green does not come to serve.

        keep: leaves blue loaded, so that the way back is short.
        """
        if self._green == self._blue:
            raise StackError(
                f"{self._green} is the {self._rung} of {self._tenant or 'every tenant'} already; to unload what it "
                "followed: spillway models unload NAME"
            )
        loaded_here, probed = self._load()
        blue = self._describe_blue()
        effective_at = self._switch(self._green, probed.fingerprint)
        self._pass(effective_at)
        self._check(blue, loaded_here)
        kept = "asked to be kept" if keep else self._retire()
        return Swapped(
            self._rung,
            self._tenant,
            self._blue,
            self._green,
            probed.fingerprint,
            effective_at,
            self._seconds,
            not kept,
            kept,
        )

    def _load(self) -> tuple[bool, Probed]:
        listed = self._triton.model(self._green)
        loaded_here = listed is None or listed.state != READY
        began = time.monotonic()
        try:
            if loaded_here:
                self._server.say(f"loading {self._green}")
                self._triton.load(self._green, self._timeout)
            self._took("load", began)
            began = time.monotonic()
            probed = self._server.probe(self._green, self._sampling, self._timeout)
        except CannotRun as err:
            if loaded_here:
                self._let_go(self._green)
            serves = f"{self._blue} serves on" if self._blue else "nothing was changed"
            raise StackError(f"{err}; {serves}") from err
        self._took("probe", began)
        self._server.say(
            f"{probed.fingerprint} answers: {probed.tokens} tokens in {probed.seconds:.2f} s, the first text after "
            f"{probed.first_seconds:.2f} s"
        )
        return loaded_here, probed

    def _describe_blue(self) -> str:
        """The fingerprint of blue, for the way back; empty where it does not answer, so that there is no way back."""
        if not self._blue:
            return ""
        try:
            return self._server.probe(self._blue, self._sampling, self._timeout).fingerprint
        except CannotRun as err:
            self._server.say(f"{self._blue} does not answer, so there will be no way back to it: {err}")
            return ""

    def _switch(self, name: str, fingerprint: str) -> int:
        """Says from when on the model stands for the rung; empty: what the settings name. Microseconds UTC."""
        now = _now()
        at = now + int(self._ahead * 1_000_000)
        if name:
            event = served_activation(self._rung, name, fingerprint, self._tenant, at, now, self._server.operator)
        else:
            event = withdrawal(self._rung, self._tenant, at, now, self._server.operator)
        self._server.announce(event)
        self._server.say(f"{name or 'no model'} is the {self._rung} from {when(at)} on")
        return at

    def _pass(self, effective_at: int) -> None:
        began = time.monotonic()
        while _now() < effective_at + int(SKEW * 1_000_000):
            time.sleep(_LOOK)
        self._took("switch", began)

    def _check(self, blue: str, loaded_here: bool) -> None:
        """Green, now that customers are sent to it. Goes back to blue where it fails."""
        try:
            self._server.probe(self._green, self._sampling, self._timeout)
        except CannotRun as err:
            if self._blue and not blue:
                raise StackError(f"{err}; {self._blue} did not answer either: swap to a model that does") from err
            self._server.say(f"{err}: going back to {self._blue or 'no model'}")
            self._pass(self._switch(self._blue, blue))
            if loaded_here:
                self._let_go(self._green)
            raise StackError(
                f"{err}; {self._blue or 'no model'} is the {self._rung} again, and turns meanwhile went down their "
                "ladder"
            ) from err

    def _retire(self) -> str:
        """Unloads blue once nobody asks it; why not, where that is so."""
        if not self._blue:
            return "there was none before"
        if others := uses(self._server.control, self._server.settings, self._blue, _now()):
            return f"it stands for {', '.join(map(str, others))}"
        listed = self._triton.model(self._blue)
        if listed is None or listed.state != READY:
            return ""
        try:
            return self._unload_blue()
        except CannotRun as err:
            return f"{err}; then: spillway models unload {self._blue}"

    def _unload_blue(self) -> str:
        began = time.monotonic()
        self._server.say(f"waiting until nobody asks {self._blue}")
        if not drained(self._triton, self._blue, self._timeout):
            return (
                f"it is still asked after {self._timeout:.0f} s, so some worker has not seen the event (spillway "
                f"status); then: spillway models unload {self._blue}"
            )
        self._took("drain", began)
        began = time.monotonic()
        self._server.say(f"unloading {self._blue}")
        gone = unload(self._triton, self._blue, self._timeout)
        self._took("unload", began)
        return "" if gone else "it still finishes replies, and goes when they end"

    def _let_go(self, name: str) -> None:
        """As far as it is there, and not asked any more: what is told next is why the swap failed."""
        try:
            if self._triton.model(name) is not None and drained(self._triton, name, self._timeout):
                self._triton.unload(name)
        except CannotRun as err:
            self._server.say(f"{name} could not be unloaded: {err}")

    def _took(self, step: str, began: float) -> None:
        self._seconds[step] = round(time.monotonic() - began, 3)


def drained(triton: TritonControl, name: str, timeout: float, quiet: float = QUIET) -> bool:
    """Waits until the model has begun with nothing for `quiet` seconds. False: it has not within `timeout` seconds.

    Raises CannotRun. The server does not count generations under way; `unload` lets them end.
    """
    end = time.monotonic() + timeout
    begun, since = triton.begun(name), time.monotonic()
    while time.monotonic() - since < quiet:
        time.sleep(_LOOK)
        if (count := triton.begun(name)) != begun:
            begun, since = count, time.monotonic()
        if time.monotonic() > end:
            return False
    return True


def unload(triton: TritonControl, name: str, timeout: float) -> bool:
    """Unloads the model and waits until what it had under way has ended. False: it has not within `timeout` seconds.

    Raises CannotRun.
    """
    triton.unload(name)
    end = time.monotonic() + timeout
    while (listed := triton.model(name)) is not None and listed.state == UNLOADING:
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK)
    return True


def _now() -> int:
    return time.time_ns() // 1000
