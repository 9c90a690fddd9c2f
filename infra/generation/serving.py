"""Puts the generation stage together for this installation: its engine, its models, and where its sentences go."""

from __future__ import annotations

from collections.abc import Callable

from infra.generation.settings import GenerationSettings, load_generation
from infra.settings import Settings
from schemas.codec import Codec
from schemas.events import ReplyPartial
from streams.control import ControlView
from streams.generated_cache import GeneratedCache
from streams.generation.engine import Engine
from streams.generation.models import Connection, ControlledModels, FixedModels, Models
from streams.generation.partials import Partials
from streams.generation.sessions import TIERS
from streams.generation.stage import Generation
from streams.policies import Policies
from streams.wall_clock import now_micros


def generation_stage(policies: Policies, control: ControlView, settings: Settings, codec: Codec) -> Generation:
    """The stage, its engine running. Without a Triton server it passes over every generating rung.

    Raises StackError where the file of its settings has a mistake.
    """
    how = load_generation(settings.generation)
    engine = engine_of(how, models_of(how, control, settings.triton), Partials(settings.kafka, codec))
    return Generation(policies, engine, GeneratedCache())


def models_of(how: GenerationSettings, control: ControlView, triton: str | None) -> Models:
    """What stands for the generating rungs: the server's models, as set or activated; none without a server."""
    if triton is None:
        return FixedModels()
    address = triton

    def connect() -> Connection:
        from streams.generation.client import TritonConnection  # its library takes a while to load

        return TritonConnection(address)

    return ControlledModels(control, how.models, connect, _now)


def engine_of(how: GenerationSettings, models: Models, partials: Callable[[ReplyPartial], None]) -> Engine:
    """An engine within the caps that are set; close it at the end."""
    return Engine(models, how.bounds, how.caps, how.ladder, partials, _now, how.ranks or TIERS)


def _now() -> int:
    return now_micros()
