"""How much a tenant may send: a token bucket each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Rate(NamedTuple):
    """`per_second` requests in the long run, `burst` at once."""

    per_second: float
    burst: float


DEFAULT_RATE = Rate(per_second=500, burst=1000)


class RateLimit:
    """A token bucket for each tenant. `clock`: seconds, never running backwards."""

    def __init__(self, clock: Callable[[], float], default: Rate = DEFAULT_RATE, of: Mapping[str, Rate] = {}) -> None:
        self._clock = clock
        self._default = default
        self._of = dict(of)
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, tenant: str) -> float:
        """Takes one token. Returns 0.0 if there was one, otherwise the seconds until there will be; none is taken then.

        Tenants come from the keys file, so there are as many buckets as tenants there.
        """
        rate = self._of.get(tenant, self._default)
        now = self._clock()
        tokens, at = self._buckets.get(tenant, (rate.burst, now))
        tokens = min(rate.burst, tokens + max(0.0, now - at) * rate.per_second)
        if tokens >= 1.0:
            self._buckets[tenant] = (tokens - 1.0, now)
            return 0.0
        self._buckets[tenant] = (tokens, now)
        return (1.0 - tokens) / rate.per_second
