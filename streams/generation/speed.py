"""How fast each model is, and how fast a pool takes turns through: learnt from what was served, forgotten when old."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from math import exp
from typing import Final

from processors.ladder import Speed

_KEPT: Final = 128
_ENOUGH: Final = 8


class Recent:
    """A quantile of the newest observations: at most 128, none older than `age` seconds.

    Old ones go even if nothing replaces them: a model that was thought too slow to be asked is asked again, with
    what it was first said to take, and shows whether it has recovered.
    """

    def __init__(self, quantile: float, age: float) -> None:
        self._quantile = quantile
        self._age = age
        self._seen: deque[tuple[float, float]] = deque()
        self._sorted: list[float] = []

    def add(self, value: float, now: float) -> None:
        """Takes in one observation."""
        self._forget(now)
        if len(self._seen) == _KEPT:
            self._drop()
        self._seen.append((now, value))
        insort(self._sorted, value)

    def value(self, now: float, otherwise: float) -> float:
        """The quantile; `otherwise` while fewer than 8 observations are fresh."""
        self._forget(now)
        if len(self._sorted) < _ENOUGH:
            return otherwise
        return self._sorted[min(len(self._sorted) - 1, int(self._quantile * len(self._sorted)))]

    def _forget(self, now: float) -> None:
        while self._seen and self._seen[0][0] < now - self._age:
            self._drop()

    def _drop(self) -> None:
        _, value = self._seen.popleft()
        del self._sorted[bisect_left(self._sorted, value)]


class SpeedOf:
    """The speed of one model. `stated`: what is assumed until enough turns were seen.

    quantile: which turn of ten is meant by "how long it takes": 0.9 makes nine turns of ten faster than said.
    """

    def __init__(self, stated: Speed, quantile: float = 0.9, age: float = 20.0) -> None:
        self._stated = stated
        self._first = Recent(quantile, age)
        self._token = Recent(quantile, age)
        self._length = Recent(quantile, 30 * age)

    def began(self, seconds: float, now: float) -> None:
        """The first token came after `seconds`. Also for a request given up before: it took at least so long."""
        self._first.add(seconds, now)

    def ended(self, tokens: int, seconds: float, now: float, whole: bool = True) -> None:
        """`tokens` came, the last of them `seconds` after the first. whole: the model itself came to an end."""
        if tokens > 1:
            self._token.add(seconds / (tokens - 1), now)
        if whole:
            self._length.add(float(tokens), now)

    def speed(self, now: float) -> Speed:
        """What to reckon with at this moment."""
        return Speed(self._first.value(now, self._stated.first), self._token.value(now, self._stated.token))

    def length(self, now: float, otherwise: int) -> int:
        """Tokens that nine replies of ten do not exceed; `otherwise` while too few were seen."""
        return int(self._length.value(now, float(otherwise)))


class Turnover:
    """Tokens a second that leave a full pool, by Little's law: from how long the turns that ended had held their part.

    It needs no backlog to learn from, and a pool that has become slow is seen when its turns end late or are given
    up. `cost`, `most` and `seconds` of a usual turn are assumed at first, and always count as one turn. What ended is
    forgotten over `memory` seconds.
    """

    def __init__(self, cost: int, most: int, seconds: float, memory: float = 10.0) -> None:
        if min(cost, most) < 1 or seconds <= 0:
            raise ValueError(f"turnover: a turn of {cost} to {most} tokens in {seconds} s; give more than 0 of each")
        self._usual = (float(cost), float(most) * seconds, seconds)
        self._memory = memory
        self._cost = self._held = self._seconds = 0.0
        self._at = 0.0

    def ended(self, cost: int, most: int, seconds: float, now: float) -> None:
        """A turn of `cost` tokens had held `most` of the caps for `seconds`."""
        kept = exp(min(0.0, self._at - now) / self._memory)
        self._at = max(self._at, now)
        self._cost = self._cost * kept + cost
        self._held = self._held * kept + most * seconds
        self._seconds = self._seconds * kept + seconds

    def rate(self, tokens: int, turns: int) -> float:
        """Tokens of cost a second, of a pool of so many tokens and turns, when one of the two is all taken."""
        cost, held, seconds = self._usual
        return (self._cost + cost) * min(tokens / (self._held + held), turns / (self._seconds + seconds))
