"""Fitting the small generating model: the loss of a lesson, and Adam over batches of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.training import generation_model as model
from infra.training.generation_batches import ROW, ROWS, STEPS, Arrays
from infra.training.generation_graph import ArrayOps

_DECAYS: Final = (0.9, 0.98)
_SPARED: Final = 1e-8
_CLIP: Final = 1.0
_AIDED: Final = 0.5
"""What the choice of a row counts, by itself, beside what is said."""


class Fitting(NamedTuple):
    """`rate`: the highest learning rate, reached after a tenth of the `steps`, then less and less."""

    steps: int = 400
    size: int = 12
    rate: float = 2e-3


def fit(
    params: model.Params,
    table: tuple[NDArray[np.float32], NDArray[np.float32]],
    lessons: Iterator[Arrays],
    wanted: Fitting,
    report: Callable[[int, float], None],
) -> model.Params:
    """The parameters after so many batches. `report`: a step and its loss."""
    import jax
    import jax.numpy as jnp

    ops = ArrayOps(jnp)
    held = tuple(jnp.asarray(part) for part in table)

    def loss(p: model.Params, batch: Any) -> Any:
        return jax.vmap(lambda one: _loss(ops, p, held, one))(batch).mean()

    def update(p: Any, first: Any, second: Any, batch: Any, at: Any) -> Any:
        value, slope = jax.value_and_grad(loss)(p, batch)
        length = jnp.sqrt(sum((g * g).sum() for g in jax.tree_util.tree_leaves(slope)))
        slope = jax.tree_util.tree_map(lambda g: g * jnp.minimum(1.0, _CLIP / (length + 1e-6)), slope)
        share = at / wanted.steps
        rate = wanted.rate * jnp.minimum(1.0, at / (0.1 * wanted.steps)) * 0.5 * (1 + jnp.cos(jnp.pi * share))
        one, two = _DECAYS
        first = jax.tree_util.tree_map(lambda m, g: one * m + (1 - one) * g, first, slope)
        second = jax.tree_util.tree_map(lambda v, g: two * v + (1 - two) * g * g, second, slope)

        def moved(x: Any, m: Any, v: Any) -> Any:
            return x - rate * (m / (1 - one**at)) / (jnp.sqrt(v / (1 - two**at)) + _SPARED)

        return jax.tree_util.tree_map(moved, p, first, second), first, second, value

    run = jax.jit(update, donate_argnums=(0, 1, 2))
    p = jax.tree_util.tree_map(jnp.asarray, params)
    first, second = (jax.tree_util.tree_map(jnp.zeros_like, p) for _ in range(2))
    for number in range(1, wanted.steps + 1):
        p, first, second, value = run(p, first, second, next(lessons), float(number))
        if number % 20 == 0 or number == 1:
            report(number, float(value))
    fitted: model.Params = jax.tree_util.tree_map(np.asarray, p)
    return fitted


def _loss(ops: ArrayOps, p: model.Params, table: Any, one: Any) -> Any:
    import jax
    import jax.numpy as jnp

    memory = model.read(ops, p, table, one)
    words = jnp.concatenate([memory.words, jnp.zeros_like(memory.words[:1])])
    places = jnp.arange(ROWS * ROW)
    said = {
        "own": one["own"],
        "last": words[one["last"]],
        "next": words[one["next"]],
        "following": (places[None] == one["next"][:, None]).astype(jnp.float32),
        "opening": jnp.where(one["opens"] > 0, jnp.repeat(memory.proposed, ROW), 0.0)[None],
        "opens": one["opens"][None],
        "closed": one["closed"][None],
    }
    ago = jnp.arange(STEPS)[:, None] - jnp.arange(STEPS)[None]
    hidden = jnp.where((ago >= 0) & (ago <= model.WINDOW), 0.0, -1e9)
    scores, _ = model.step(ops, p, memory, said, None, hidden)
    right = jnp.take_along_axis(jax.nn.log_softmax(scores, axis=-1), one["target"][:, None], axis=1)[:, 0]
    spoken = -(right * one["counts"]).sum() / one["counts"].sum()
    there = jnp.where(one["facts"][:, 1] > 0, memory.proposed, -1e4)
    choice = jax.nn.log_softmax(jnp.concatenate([there, memory.nothing]))
    return spoken + _AIDED * -(choice * one["gold"]).sum()
