"""What the generation stage is set to: a YAML file named by SPILLWAY_GENERATION, or what suits the small model.

Every field may be left out. `small_model` and `large_model` name models of the Triton server; a rung whose `name` is
empty has none until one is activated. docs/ladder.md says how to choose the caps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.local.errors import StackError
from processors.ladder import GENERATING, Rules, Speed
from processors.policy.reading import Fields, Source
from streams.generation.admission import Caps
from streams.generation.fairness import Bounds
from streams.generation.models import Setting

MOST_TOKENS: Final = 100_000_000
_SAMPLED: Final = ("temperature", "top_p", "top_k", "seed", "repetition_penalty")

SMALL: Final = Setting("small", Speed(0.6, 0.02), 4_096)
CAPS: Final = Caps(everything=12_288, tenant=6_144, turns=16, replay=2_048)
"""Sixteen turns of the usual size, of which one tenant holds half."""
BOUNDS: Final = Bounds(everything=131_072, tenant=65_536, wait=8.0, quantum=1_024)


@dataclass(frozen=True)
class GenerationSettings:
    """models: by rung, what is asked where nothing is activated. caps, bounds: of this process. ladder: its rules."""

    models: Mapping[str, Setting] = field(default_factory=lambda: {"small_model": SMALL})
    caps: Caps = CAPS
    bounds: Bounds = BOUNDS
    ladder: Rules = field(default_factory=Rules)
    ranks: Mapping[str, int] = field(default_factory=dict)
    """Customers' tiers to classes, 0 the highest; empty: as the engine has them."""


def load_generation(path: Path | None) -> GenerationSettings:
    """The settings of a file; None: what suits the small model. Raises StackError with every mistake of the file."""
    if path is None:
        return GenerationSettings()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise StackError(f"SPILLWAY_GENERATION: {path} cannot be read: {err}; name a YAML file, or unset it") from err
    source = Source(str(path))
    root = source.root(text)
    found = _settings(root) if root is not None else GenerationSettings()
    if source.problems:
        raise StackError("\n".join(map(str, source.problems)))
    return found


def _settings(root: Fields) -> GenerationSettings:
    models = {"small_model": SMALL}
    for rung in GENERATING:
        inner = root.inner(rung)
        if inner is not None:
            models[rung] = _model(inner, models.get(rung, Setting("")))
    found = GenerationSettings(models, _caps(root), _bounds(root), _ladder(root), _ranks(root))
    root.close()
    return found


def _model(fields: Fields, usual: Setting) -> Setting:
    """A rung's model; what is not said is as for the one that stands there otherwise."""
    speed = Speed(
        fields.number("first", usual.speed.first, 0.001, 60, "seconds"),
        fields.number("token", usual.speed.token, 0.0001, 10, "seconds"),
    )
    sampling: dict[str, str | int | float | bool] = {}
    if (inner := fields.inner("sampling")) is not None:
        for key in _SAMPLED:
            if inner.has(key):
                value = inner.number(key, 0.0, -1, 1e9)
                sampling[key] = int(value) if key in ("top_k", "seed") else value
        inner.close()
    found = Setting(
        fields.text("name", usual.name),
        speed,
        fields.whole("context", usual.context, 64, 10_000_000),
        frozenset(fields.names("tenants")),
        sampling,
    )
    fields.close()
    return found


def _caps(root: Fields) -> Caps:
    inner = root.inner("caps")
    if inner is None:
        return CAPS
    found = Caps(
        everything=inner.whole("everything", CAPS.everything, 1, MOST_TOKENS),
        tenant=inner.whole("tenant", CAPS.tenant, 1, MOST_TOKENS),
        turns=inner.whole("turns", CAPS.turns, 1, 100_000),
        replay=inner.whole("replay", CAPS.replay, 1, MOST_TOKENS),
        of={name: int(value) for name, value in _numbers(inner, "of", 1, MOST_TOKENS).items()},
    )
    inner.close()
    return found


def _bounds(root: Fields) -> Bounds:
    inner = root.inner("queue")
    if inner is None:
        return BOUNDS
    found = Bounds(
        everything=inner.whole("everything", BOUNDS.everything, 1, MOST_TOKENS),
        tenant=inner.whole("tenant", BOUNDS.tenant, 1, MOST_TOKENS),
        wait=inner.number("wait", BOUNDS.wait, 0.01, 600, "seconds"),
        quantum=inner.whole("quantum", BOUNDS.quantum, 1, 1_000_000),
        weights=_numbers(inner, "weights", 0.1, 10),
        replay_share=inner.number("replay_share", BOUNDS.replay_share, 0, 0.99),
    )
    inner.close()
    return found


def _ladder(root: Fields) -> Rules:
    inner, usual = root.inner("ladder"), Rules()
    if inner is None:
        return usual
    found = Rules(
        inner.number("reserve", usual.reserve, 0, 10, "seconds"),
        inner.whole("least", usual.least, 1, 10_000),
        inner.number("worth", usual.worth, 0, 1),
    )
    inner.close()
    return found


def _ranks(root: Fields) -> dict[str, int]:
    return {tier: int(rank) for tier, rank in _numbers(root, "ranks", 0, 100).items()}


def _numbers(fields: Fields, key: str, low: float, high: float) -> dict[str, float]:
    """A mapping of names to numbers."""
    inner = fields.inner(key)
    return {} if inner is None else {name: inner.number(name, low, low, high) for name in inner.keys()}  # noqa: SIM118
