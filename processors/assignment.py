"""Which sessions an experiment puts into which arm: a pure function of salt, tenant and session.

No stage and no process has to remember anything: whoever knows the experiment knows every session's arm, a replay and
ClickHouse too (`projections.analytics.arms` writes the same function as SQL).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5
from itertools import accumulate
from typing import Final

from schemas.identity import SEPARATOR

EVERY: Final = "*"
"""At the end of an excluded name: every session that begins so."""
_STEPS: Final = 1 << 53


def fraction(salt: str, tenant: str, session: str) -> float:
    """Where a session lies in [0, 1): the first 53 bits of the MD5 of the three, U+001F between them, as UTF-8."""
    name = f"{salt}{SEPARATOR}{tenant}{SEPARATOR}{session}".encode()
    return (int.from_bytes(md5(name, usedforsecurity=False).digest()[:8], "big") >> 11) / _STEPS


def upper_bounds(weights: Sequence[float]) -> tuple[float, ...]:
    """Where each arm's stretch of [0, 1) ends. The last is 1. Raises ValueError where the weights add up to nothing."""
    total = sum(weights)
    if not total > 0:
        raise ValueError(f"the weights {list(weights)} add up to nothing")
    bounds = [reached / total for reached in accumulate(weights)]
    return (*bounds[:-1], 1.0)


class Exclusion:
    """The sessions that take no part. names: sessions; one that ends with `*` is every session that begins so."""

    __slots__ = ("_names", "_prefixes")

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(n for n in names if not n.endswith(EVERY))
        self._prefixes = tuple(n.removesuffix(EVERY) for n in names if n.endswith(EVERY))

    def __contains__(self, session: object) -> bool:
        return session in self._names or (isinstance(session, str) and session.startswith(self._prefixes))
