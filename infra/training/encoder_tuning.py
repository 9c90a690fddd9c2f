"""Fine-tuning: the top layers of an encoder learn several label sets at once, so that one file serves all heads.

Texts of all heads are mixed in one batch; each is scored against the labels of its own head only. The same seed,
processor and versions give the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from infra.training.encoder import Layer, Params, Product, Shape, embedded, pooled, through
from infra.training.encoder_lessons import Lesson, Lessons, by_length

if TYPE_CHECKING:
    from jax import Array

SHARPNESS: Final = 16.0
"""Embeddings have length 1; a class's score is this times the product with its vector."""
BETAS: Final = (0.9, 0.98)
LARGEST_STEP: Final = 1.0
"""Gradients are cut to this length."""

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Tuning:
    """How to tune. `rate` is the peak step of the top layer; each layer below takes `fade` of the one above."""

    layers: int = 3
    rate: float = 2e-4
    fade: float = 0.85
    head_rate: float = 2e-3
    warmup: float = 0.06
    decay: float = 0.01
    smoothing: float = 0.05
    dropout: float = 0.1


class Tuned(NamedTuple):
    """The tuned encoder, how much text it saw, and the mean loss in each tenth of the training."""

    params: Params
    texts: int
    steps: int
    losses: tuple[float, ...]


def tuned(
    params: Params,
    shape: Shape,
    lessons: Sequence[Lesson],
    how: Tuning,
    seed: int,
    report: Report = lambda _what, _share: None,
) -> Tuned:
    """`params` after the lessons; only the top `how.layers` layers change."""
    import jax

    texts = Lessons(lessons)
    below = shape.layers - how.layers
    frozen, learning = params["layers"][:below], params["layers"][below:]
    product = quick_product()
    lower = jax.jit(lambda ids, mask: through(frozen, embedded(params, ids, shape), mask, shape, product))
    texts.read(
        lambda ids, mask: np.asarray(lower(ids, mask)).astype(np.float16),
        lambda share: report("reading the text with the layers that stay", share * 0.1),
    )
    batches = list(texts.batches(seed))
    step = _step(shape, how, len(batches))
    state = _start({"layers": learning, **_class_means(learning, shape, texts)})
    losses: list[Any] = []
    for number, batch in enumerate(batches):
        hidden, mask = texts.hidden(batch)
        state, loss = step(state, number, jax.random.key(seed + number), hidden, mask, *texts.targets(batch))
        losses.append(loss)
        if number % 20 == 19:
            recent = float(np.mean([float(n) for n in losses[-20:]]))
            report(f"tuning, step {number + 1} of {len(batches)}, loss {recent:.3f}", 0.1 + 0.9 * number / len(batches))
    layers = jax.tree.map(np.asarray, state["params"]["layers"])
    tenths = np.array_split(np.array([float(loss) for loss in losses]), 10)
    means = tuple(float(tenth.mean()) for tenth in tenths if len(tenth))
    return Tuned({**params, "layers": [*frozen, *layers]}, sum(len(b.texts) for b in batches), len(batches), means)


def quick_product() -> Product:
    """A product of both sides rounded to bfloat16, summed in float32; exact backwards.

    Processors that multiply bfloat16 are nearly twice as quick with it; the rounding is below what int8 costs later.
    Backwards they are not, since one side lies transposed in memory.
    """
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def product(x: Array, weight: Array) -> Array:
        halves = x.astype(jnp.bfloat16), weight.astype(jnp.bfloat16)
        return jnp.matmul(*halves, preferred_element_type=jnp.float32)

    def forwards(x: Array, weight: Array) -> tuple[Array, tuple[Array, Array]]:
        return product(x, weight), (x, weight)

    def backwards(kept: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
        x, weight = kept
        return slope @ weight.T, x.reshape(-1, x.shape[-1]).T @ slope.reshape(-1, slope.shape[-1])

    product.defvjp(forwards, backwards)
    return product


def _class_means(learning: Sequence[Layer], shape: Shape, texts: Lessons, most: int = 24) -> dict[str, Any]:
    """Where the heads start: the mean embedding of some texts of each class, [H, classes], and no bias."""
    import jax

    embed = jax.jit(lambda hidden, mask: pooled(through(learning, hidden, mask, shape), mask, shape))
    count = texts.allowed.shape[1]
    chosen = np.concatenate([np.flatnonzero(texts.classes == number)[:most] for number in range(count)])
    sums = np.zeros((count, shape.hidden), np.float32)
    for batch in by_length(chosen, texts.lengths):
        vectors = np.asarray(embed(*(a.astype(np.float32) for a in texts.hidden(batch))))[: len(batch.texts)]
        np.add.at(sums, texts.classes[batch.texts], vectors)
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
    return {"head": {"weight": means.T.copy(), "bias": np.zeros(count, np.float32)}}


def _start(params: dict[str, Any]) -> dict[str, Any]:
    import jax
    import jax.numpy as jnp

    params = jax.tree.map(jnp.asarray, params)
    empty = jax.tree.map(jnp.zeros_like, params)
    return {"params": params, "mean": empty, "square": jax.tree.map(jnp.zeros_like, params)}


def _step(shape: Shape, how: Tuning, steps: int) -> Callable[..., tuple[dict[str, Any], Array]]:
    """One step of AdamW, compiled: (state, number, key, hidden, mask, classes, allowed, present) → (state, loss)."""
    import jax
    import jax.numpy as jnp

    product = quick_product()

    def loss_of(params: Any, key: Array, *batch: Array) -> Array:
        hidden, mask, classes, allowed, present = batch
        states = through(params["layers"], hidden.astype(jnp.float32), mask, shape, product)
        vector = pooled(states, mask, shape)
        kept = jax.random.bernoulli(key, 1 - how.dropout, vector.shape)
        vector = jnp.where(kept, vector / (1 - how.dropout), 0.0)
        scores = SHARPNESS * (vector @ params["head"]["weight"]) + params["head"]["bias"]
        shares = jax.nn.log_softmax(jnp.where(allowed, scores, -1e9))
        right = jnp.take_along_axis(shares, classes[:, None], axis=1)[:, 0]
        spread = jnp.where(allowed, shares, 0.0).sum(axis=1) / allowed.sum(axis=1)
        each = -(1 - how.smoothing) * right - how.smoothing * spread
        return (each * present).sum() / jnp.maximum(present.sum(), 1.0)

    def rates(params: Any, now: Array) -> Any:
        """The step of every leaf."""
        own = [how.rate * how.fade ** (how.layers - 1 - n) * now for n in range(how.layers)]
        layers = [jax.tree.map(lambda _leaf, r=r: r, layer) for r, layer in zip(own, params["layers"], strict=True)]
        return {"layers": layers, "head": jax.tree.map(lambda _leaf: how.head_rate * now, params["head"])}

    def step(state: Any, number: Array, key: Array, *batch: Array) -> tuple[dict[str, Any], Array]:
        loss, slope = jax.value_and_grad(loss_of)(state["params"], key, *batch)
        size = jnp.sqrt(sum((leaf * leaf).sum() for leaf in jax.tree.leaves(slope)))
        slope = jax.tree.map(lambda leaf: leaf * jnp.minimum(1.0, LARGEST_STEP / (size + 1e-6)), slope)
        done = (number + 1.0) / steps
        now = jnp.minimum(done / how.warmup, (1.0 - done) / (1.0 - how.warmup))
        mean = jax.tree.map(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, state["mean"], slope)
        square = jax.tree.map(lambda s, g: BETAS[1] * s + (1 - BETAS[1]) * g * g, state["square"], slope)
        early = [1 - beta ** (number + 1.0) for beta in BETAS]

        def moved(rate: Array, leaf: Array, m: Array, s: Array) -> Array:
            shrink = how.decay * leaf if leaf.ndim > 1 else 0.0
            return leaf - rate * ((m / early[0]) / (jnp.sqrt(s / early[1]) + 1e-8) + shrink)

        params = jax.tree.map(moved, rates(state["params"], now), state["params"], mean, square)
        return {"params": params, "mean": mean, "square": square}, loss

    return jax.jit(step, donate_argnums=0)
