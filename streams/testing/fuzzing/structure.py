"""Where an Avro record can be changed, and what can be put there: the ends of each type, and what people get wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from schemas.codec import Schema, expanded
from schemas.identity import SEPARATOR

Path = tuple[str | int, ...]
"""The way into nested dictionaries and lists."""

LONGS: Final = (0, 1, -1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63), 1_800_000_000, 1_800_000_000_000)
INTS: Final = (0, 1, -1, 2**31 - 1, -(2**31))
DOUBLES: Final = (math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 2.0, 5e-324, 1.7e308, 1e-9)
TEXTS: Final = (
    "",
    " ",
    "\x00",
    "a\x00b",
    SEPARATOR,
    f"bank{SEPARATOR}s-1",
    "\n" * 200,
    "\u202e\u200b\ufeff",
    "e\u0301" * 60,
    "😀" * 129,
    "ﷺ" * 100,
    "null",
    "NaN",
    "live",
    "run-1",
    "bank",
    "nobody",
    "../../../etc/passwd",
    "{tenant}{{x}}%s${y}",
    "'; DROP TABLE turns; --",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "00000000-0000-0000-0000-000000000000",
    "6F0C9D5E-6C1F-5D53-9D9F-3D1C2A7B4E10",
    "x" * 256,
    "x" * 257,
    "1" * 300,
    "generation",
    "human",
    "reply",
    "large_model",
)
LONG_TEXTS: Final = (
    "x" * 16_384,
    "x" * 16_385,
    "1" * 16_000,
    "1-" * 8_000,
    "a@" * 8_000,
    "a1b2" * 4_000,
    "百" * 16_384,
    "二零" * 8_000,
    " " * 16_000 + "x",
    "￥1,0" * 4_000,
    "a." * 8_000 + "@",
    "\u0300" * 16_000,
    "x" * 70_000,
)
HUGE_TEXTS: Final = ("x" * 700_000, "😀" * 200_000, "x" * 1_040_000)
LONG_SHARE: Final = 0.02
HUGE_SHARE: Final = 0.002
MANY: Final = 300


@cache
def places(record: str) -> tuple[tuple[Path, Any], ...]:
    """Every place of a record, with its type, as far as the schema alone tells: not into lists and maps."""
    return tuple(_within(expanded(record), (), {}))


def _within(node: Any, path: Path, names: dict[str, Schema]) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, str):
        node = names.get(node.removeprefix("spillway."), node)
    if isinstance(node, dict) and node.get("type") == "record":
        names[node["name"]] = node
        for field in node["fields"]:
            yield from _within(field["type"], (*path, field["name"]), names)
    else:
        yield path, node


def put(values: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """A copy with `value` at a place; what lies beside the way there is shared. As it was, where the way ends early."""
    step, rest = path[0], path[1:]
    inner = values[str(step)]
    if rest and inner is None:
        return dict(values)
    return {**values, str(step): put(inner, rest, value) if rest else value}


def odd(node: Any, now: Any, rng: random.Random) -> Any:
    """A value of the type `node` that is at an end of it. now: what lies there."""
    if isinstance(node, list):
        return odd(rng.choice(node), now, rng)
    kind = node if isinstance(node, str) else node["type"]
    match kind:
        case "null":
            return None
        case "string":
            return text(rng)
        case "bytes":
            return rng.randbytes(rng.choice((0, 1, 300)))
        case "boolean":
            return rng.random() < 0.5
        case "int":
            return rng.choice(INTS)
        case "long":
            return now + rng.choice((-1, 1, -(10**6), 10**6, 86_400 * 10**6)) if _near(now, rng) else rng.choice(LONGS)
        case "double":
            return rng.choice(DOUBLES)
        case "enum":
            return rng.choice(node["symbols"])
        case "array":
            return _list(node["items"], now, rng)
        case "map":
            return {text(rng): odd(node["values"], None, rng) for _ in range(rng.choice((0, 1, 3, MANY)))}
        case "record":
            return {field["name"]: odd(field["type"], None, rng) for field in node["fields"]}
    raise ValueError(f"nothing is known of the Avro type {kind}")


def text(rng: random.Random) -> str:
    """A text that somebody will send one day; a long one now and then, and seldom one that fills a record."""
    chance = rng.random()
    if chance < HUGE_SHARE:
        return rng.choice(HUGE_TEXTS)
    if chance < LONG_SHARE:
        return rng.choice(LONG_TEXTS)
    return rng.choice(TEXTS)


def _near(now: Any, rng: random.Random) -> bool:
    return isinstance(now, int) and abs(now) < 2**62 and rng.random() < 0.4


def _list(items: Any, now: Any, rng: random.Random) -> list[Any]:
    there: Sequence[Any] = now or ()
    match rng.randrange(4):
        case 0:
            return []
        case 1 if there:
            return [*there, *there]
        case 2 if there:
            return list(there) * (MANY // len(there) + 1)
        case _:
            return [odd(items, None, rng) for _ in range(rng.randint(1, 3))]
