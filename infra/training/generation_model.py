"""The small generating model: a reader of a prompt's rows, and a decoder that points at words or says one of its own.

It is written once, for JAX arrays and for the nodes of an ONNX graph alike: whatever is not an operator comes from
`ops` (generation_graph.py). It is of one prompt; training maps it over a batch.

**Reader.** A word is its vector and that of the pair it makes, with its neighbours. Of every row it is known how well
each word of the question is met in it, in its passage and in its title; from these and from what the row is about come
its vector, by two layers in which rows see each other, and how strongly it is proposed as the answer.

**Decoder.** Two layers over what was said so far (keys and values are kept), the rows and the question. What it says
next is a word of its own small vocabulary or a position in the passages; the word after the last one said, and the
beginnings of proposed rows, are offered to it as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from infra.training.generation_words import WIDTH

HEADS: Final = 4
LAYERS: Final = 2
INNER: Final = 256
WINDOW: Final = 64
"""Words said before that the decoder looks back on."""
FEATURES: Final = 9
FACTS: Final = 8
FAR: Final = 1e4

Params = dict[str, Any]
Value = Any
"""A JAX array, or a node of a graph."""


class Memory(NamedTuple):
    """What the reader hands to the decoder. N positions, U rows, Q asked words.

    `keys`, `words`: [N, WIDTH]. `proposed`: [U]. `nothing`: [1], that no row answers. `seen`: [U + Q, WIDTH]. `gist`:
    [1, WIDTH]. `unseen`: [1, U + Q], what is taken off for rows and words that are none.
    """

    keys: Value
    words: Value
    proposed: Value
    nothing: Value
    seen: Value
    gist: Value
    unseen: Value


def initial(seed: int, own: int) -> Params:
    """Parameters before training; `own`: words of the decoder's own vocabulary."""
    rng = np.random.default_rng(seed)

    def dense(inputs: int, outputs: int, scale: float = 1.0) -> Any:
        return (rng.standard_normal((inputs, outputs)) * scale / np.sqrt(inputs)).astype(np.float32)

    def layer(crossed: bool) -> Params:
        parts = {name: dense(WIDTH, WIDTH) for name in ("q", "k", "v")} | {"o": dense(WIDTH, WIDTH, 0.3)}
        made: Params = {f"self_{name}": weight for name, weight in parts.items()}
        if crossed:
            made |= {f"seen_{n}": dense(WIDTH, WIDTH, 0.3 if n == "o" else 1.0) for n in ("q", "k", "v", "o")}
        made |= {"inner": dense(WIDTH, INNER), "inner_b": np.zeros(INNER, np.float32)}
        return made | {"outer": dense(INNER, WIDTH, 0.3), "outer_b": np.zeros(WIDTH, np.float32)}

    return {
        "near": dense(3 * WIDTH, WIDTH, 0.3),
        "near_b": np.zeros(WIDTH, np.float32),
        "near_o": dense(WIDTH, WIDTH, 0.1),
        "like": np.eye(WIDTH, dtype=np.float32),
        "say": np.array([0.0, 3.0, -1.0, -1.0], np.float32),
        "met": np.array([10.0, 0.6], np.float32),
        "row": dense(2 * WIDTH, WIDTH),
        "row_f": dense(FEATURES + FACTS, WIDTH),
        "row_b": np.zeros(WIDTH, np.float32),
        "rows": [layer(False) for _ in range(LAYERS)],
        "propose": dense(WIDTH, 1, 0.1),
        "propose_f": np.array([[4.0], [2.0], [2.0], [4.0], [1.0], [1.0], [0.5], [0.0], [0.0]], np.float32),
        "nothing": dense(WIDTH + FEATURES, 1, 0.1),
        "nothing_b": np.array([3.0], np.float32),
        "word_m": dense(WIDTH, WIDTH, 0.5),
        "row_m": dense(WIDTH, WIDTH, 0.5),
        "asked_m": dense(WIDTH, WIDTH, 0.5),
        "earlier_m": dense(1, WIDTH)[0],
        "key": dense(WIDTH, WIDTH),
        "gist": dense(WIDTH + 1, WIDTH),
        "own": dense(own, WIDTH) * np.float32(np.sqrt(own) * 0.1),
        "last": dense(WIDTH, WIDTH, 0.5),
        "next": dense(WIDTH, WIDTH, 0.5),
        "layers": [layer(True) for _ in range(LAYERS)],
        "point": dense(WIDTH, WIDTH),
        "speak": dense(WIDTH, own),
        "speak_b": np.zeros(own, np.float32),
        "turn": np.concatenate([np.zeros((WIDTH, 3), np.float32), np.array([[6.0, 0.0, 1.0]], np.float32)]),
    }


def read(ops: Any, p: Params, table: tuple[Value, Value], given: Mapping[str, Value]) -> Memory:
    """The reader. `table`: vectors and weights of the vocabulary; `given`: the inputs of reading.Read."""
    vectors, weights = table
    there = ops.positive(given["ids"])
    x = _words(ops, p, vectors, given["ids"], given["pairs"])
    x = _neighbours(ops, p, x, there)
    q = _words(ops, p, vectors, given["asked"], given["asked_pairs"])
    asked = ops.positive(given["asked"])
    q = _flat(ops, _neighbours(ops, p, ops.reshape(q, (1, -1, WIDTH)), ops.reshape(asked, (1, -1))))
    like, like_q = ops.unit(x @ p["like"]), ops.unit(q @ p["like"])
    say, say_q = _said(ops, p, weights, given["ids"], 0.0) * there, _said(ops, p, weights, given["asked"], 1.0)
    # What was asked before counts less than what is asked now.
    say_q = say_q * asked * ops.sigmoid(ops.scalar(p["say"], 0) + given["earlier"] * ops.scalar(p["met"], 1) * -2.0)
    alike = like @ ops.transpose(like_q, (1, 0)) + (ops.last(there) - 1.0) * 4.0
    met = ops.max(alike, 1)
    share = say_q / (ops.sum(say_q, 0) + 1e-6)
    spread = ops.max(ops.first(met) + (ops.last(given["same"]) - 1.0) * 4.0, 1)
    bag = ops.unit(ops.sum(x * ops.last(say), 1))
    bag_q = ops.unit(ops.sum(q * ops.last(say_q), 0))
    close = ops.sum(bag * bag_q, 1)
    titled = given["titled"] @ ops.last(_covered(ops, met, share))
    back = ops.sum((ops.max(alike, 2) * there) * say, 1) / (ops.sum(say, 1) + 1e-6)
    sharp = ops.sum(ops.sigmoid((met - ops.scalar(p["met"], 1)) * ops.scalar(p["met"], 0)) * share, 1)
    features = ops.concat(
        [
            *map(ops.last, (_covered(ops, met, share), sharp, back, close, _covered(ops, spread, share))),
            titled,
            given["titled"] @ ops.last(close),
            ops.last(_covered(ops, met, share) - ops.max(_covered(ops, met, share), 0)),
            ops.last(close - ops.max(close, 0)),
        ],
        1,
    )
    known = ops.concat([features, given["facts"]], 1)
    h = ops.relu(ops.concat([bag * bag_q * 8.0, bag], 1) @ p["row"] + known @ p["row_f"] + p["row_b"])
    absent = ops.first(ops.max(there, 1) - 1.0) * FAR
    for layer in p["rows"]:
        n = ops.norm(h)
        h = h + _attend(ops, layer, "self", n, n, absent)
        h = h + _inner(ops, layer, ops.norm(h))
    h = ops.norm(h)
    starts = ops.column(given["facts"], 1)
    proposed = ops.reshape(h @ p["propose"] + features @ p["propose_f"], (-1,)) + (starts - 1.0) * FAR
    best = ops.softmax(proposed, 0)
    picked = ops.concat([ops.first(ops.sum(h * ops.last(best), 0)), ops.first(ops.max(features, 0))], 1)
    nothing = ops.reshape(picked @ p["nothing"], (-1,)) + p["nothing_b"]
    unsure = ops.sigmoid(nothing - ops.first(ops.max(proposed, 0)))
    gist = ops.concat([ops.first(ops.sum(h * ops.last(best), 0)), ops.last(unsure)], 1) @ p["gist"]
    words = ops.norm(x @ p["word_m"] + ops.middle(h @ p["row_m"]))
    flat = _flat(ops, words)
    seen = ops.concat([h, ops.norm(q @ p["asked_m"] + ops.last(given["earlier"]) * p["earlier_m"])], 0)
    unseen = ops.concat([absent, ops.first(asked - 1.0) * FAR], 1)
    return Memory(flat @ p["key"], flat, proposed, nothing, seen, gist, unseen)


def step(
    ops: Any, p: Params, memory: Memory, said: Mapping[str, Value], past: Value, hidden: Value
) -> tuple[Value, Value]:
    """Scores of what comes next, [T, own + N], and keys and values to keep, [LAYERS, 2, T, WIDTH].

    `said`: T words as they were said: `own` their numbers (0 where a position was said), `last` and `next` [T, WIDTH]
    the words at that position and behind it (zeros for none), `following` [T, N] with a 1 at the position behind it,
    `opening` [1, N] how strongly a row is proposed at its first position (0 elsewhere), `opens` [1, N] a 1 there,
    `closed` [1, N] what is taken off a score. `past`: [LAYERS, 2, P, WIDTH]; None: nothing before. `hidden`: [T, P + T]
    what is taken off for what may not be looked at.
    """
    x = ops.rows(p["own"], said["own"]) + said["last"] @ p["last"] + said["next"] @ p["next"] + memory.gist
    kept = []
    for number, layer in enumerate(p["layers"]):
        n = ops.norm(x)
        k, v = n @ layer["self_k"], n @ layer["self_v"]
        kept += [k, v]
        if past is not None:
            k = ops.concat([ops.slab(past, number, 0), k], 0)
            v = ops.concat([ops.slab(past, number, 1), v], 0)
        x = x + _heads(ops, n @ layer["self_q"], k, v, hidden) @ layer["self_o"]
        x = x + _attend(ops, layer, "seen", ops.norm(x), memory.seen, memory.unseen)
        x = x + _inner(ops, layer, ops.norm(x))
    x = ops.norm(x)
    turn = x @ ops.slice(p["turn"], 0, WIDTH) + ops.slice(p["turn"], WIDTH, WIDTH + 1)
    point = (x @ p["point"]) @ ops.transpose(memory.keys, (1, 0)) * float(WIDTH**-0.5)
    point = point + said["following"] * ops.part(turn, 0)
    point = point + said["opens"] * ops.part(turn, 1) + said["opening"] * ops.part(turn, 2) + said["closed"]
    return ops.concat([x @ p["speak"] + p["speak_b"], point], 1), ops.stack(kept)


def _words(ops: Any, p: Params, vectors: Value, ids: Value, pairs: Value) -> Value:
    return ops.rows(vectors, ids) + ops.rows(vectors, pairs) * 1.5


def _neighbours(ops: Any, p: Params, x: Value, there: Value) -> Value:
    x = x * ops.last(there)
    near = ops.concat([ops.shifted(x, 1), x, ops.shifted(x, -1)], 2)
    return x + ops.relu(near @ p["near"] + p["near_b"]) @ p["near_o"]


def _said(ops: Any, p: Params, weights: Value, ids: Value, asked: float) -> Value:
    """How much a word says: what is rare says more."""
    rarity = ops.rows(weights, ids) * ops.scalar(p["say"], 1)
    return ops.sigmoid(rarity * 2.0 + ops.scalar(p["say"], 2 + int(asked)) * 2.0)


def _covered(ops: Any, met: Value, share: Value) -> Value:
    return ops.sum(met * share, 1)


def _flat(ops: Any, x: Value) -> Value:
    return ops.reshape(x, (-1, WIDTH))


def _attend(ops: Any, layer: Params, name: str, x: Value, seen: Value, hidden: Value) -> Value:
    parts = (x @ layer[f"{name}_q"], seen @ layer[f"{name}_k"], seen @ layer[f"{name}_v"])
    return _heads(ops, *parts, hidden) @ layer[f"{name}_o"]


def _heads(ops: Any, q: Value, k: Value, v: Value, hidden: Value) -> Value:
    q, k, v = (ops.transpose(ops.reshape(part, (-1, HEADS, WIDTH // HEADS)), (1, 0, 2)) for part in (q, k, v))
    scores = q @ ops.transpose(k, (0, 2, 1)) * float((WIDTH // HEADS) ** -0.5)
    if hidden is not None:
        scores = scores + hidden
    return ops.reshape(ops.transpose(ops.softmax(scores, 2) @ v, (1, 0, 2)), (-1, WIDTH))


def _inner(ops: Any, layer: Params, x: Value) -> Value:
    return ops.relu(x @ layer["inner"] + layer["inner_b"]) @ layer["outer"] + layer["outer_b"]
