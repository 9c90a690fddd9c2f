"""Which models stand for the generating rungs now: what the control log activated, or what is set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from processors.ladder import GENERATING, Speed
from streams.control import ControlView
from streams.generation.contract import Sampling
from streams.generation.ports import Generator
from streams.models.in_force import Timeline

USUAL: Final = Speed(0.5, 0.03)


class Serving(NamedTuple):
    """A model that stands for a rung. speed: what is assumed until enough of its turns were seen.

    context: tokens that prompt and reply may have together. tenants: who may use it; empty: everybody.
    """

    generator: Generator
    rung: str
    speed: Speed = USUAL
    context: int = 4_096
    tenants: frozenset[str] = frozenset()


class Models(Protocol):
    """The models there are. Asked in the engine's own thread and loop alone, for each turn when it begins."""

    def offers(self, tenant: str, session: str) -> Sequence[Serving]:
        """What may make a turn of this session; of several for one rung the first that can. Cheap."""
        ...

    def tenants(self) -> Sequence[str]:
        """Those that may have models of their own; everybody else has what the tenant "" is offered."""
        ...

    async def close(self) -> None:
        """Ends the connections, where there are any."""
        ...


class FixedModels:
    """Always these; none of them is a worker without models."""

    def __init__(self, *serving: Serving) -> None:
        self._serving = serving

    def offers(self, tenant: str, session: str) -> Sequence[Serving]:
        return self._serving

    def tenants(self) -> Sequence[str]:
        return ()

    async def close(self) -> None:
        pass


class Connection(Protocol):
    """Where models are served: `client.TritonConnection`."""

    def generator(self, name: str, sampling: Sampling | None = None) -> Generator:
        """The model of that name."""
        ...

    async def close(self) -> None:
        """Ends the connection."""
        ...


class Setting(NamedTuple):
    """A rung's model. name: where nothing is activated; empty: none. The rest is assumed of whatever is activated."""

    name: str
    speed: Speed = USUAL
    context: int = 4_096
    tenants: frozenset[str] = frozenset()
    sampling: Sampling = MappingProxyType({})


class ControlledModels:
    """The port Models: of each rung the model that is activated for the session, else the one that is set.

    connect: makes the connection, in the engine's loop, when it is first needed. now: microseconds UTC. What an
    operator activates (`ModelActivated`, its task a rung, its name the server's) is offered alone: a model that was
    swapped away does not stand in for its successor, so that it can be unloaded.
    """

    def __init__(
        self,
        control: ControlView,
        settings: Mapping[str, Setting],
        connect: Callable[[], Connection],
        now: Callable[[], int],
    ) -> None:
        self._control, self._settings, self._connect, self._now = control, settings, connect, now
        self._connection: Connection | None = None
        self._generators: dict[tuple[str, str], Generator] = {}
        self._timelines: dict[str, Timeline] = {}
        self._version = -1

    def offers(self, tenant: str, session: str) -> Sequence[Serving]:
        if (version := self._control.version) != self._version:
            self._timelines = {rung: Timeline.of(self._control, rung) for rung in GENERATING}
            self._version = version
        at = self._now()
        found = []
        for rung in GENERATING:
            setting = self._settings.get(rung, Setting(""))
            timeline = self._timelines[rung]
            held = timeline.standing(timeline.scope(tenant, session, at), at).activations
            name = held[0].name if held else setting.name
            if name:
                found.append(Serving(self._generator(rung, name), rung, *setting[1:4]))
        return found

    def tenants(self) -> Sequence[str]:
        return sorted({tenant for rung in GENERATING for tenant in self._control.model_tenants(rung)})

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def _generator(self, rung: str, name: str) -> Generator:
        known = self._generators.get((rung, name))
        if known is None:
            if self._connection is None:
                self._connection = self._connect()
            setting = self._settings.get(rung, Setting(""))
            known = self._generators[rung, name] = self._connection.generator(name, setting.sampling)
        return known
