"""How long a generation is waited for: pure, with the time passed in."""

from __future__ import annotations

from streams.generation.ports import Budget, Fault


class Patience:
    """A budget that began to run. Times are seconds of one monotonic clock."""

    __slots__ = ("_began", "_budget", "_heard", "first")

    def __init__(self, budget: Budget, began: float) -> None:
        self._budget = budget
        self._began = began
        self._heard: float | None = None
        self.first: float | None = None
        """Seconds from the beginning to the first text; None until it came."""

    def hear(self, now: float, text: bool) -> None:
        """The model gave a sign of life; `text`: one that a customer can read.

        A sign without text does not count as the first: a model that only says nothing is as silent as one that is
        stopped.
        """
        if text and self.first is None:
            self.first = now - self._began
        if self.first is not None:
            self._heard = now

    def until(self) -> tuple[float, Fault]:
        """When the wait for the next sign ends, and what has run out then."""
        total = self._began + self._budget.total
        if self._heard is None:
            next_, fault = self._began + self._budget.first, "first"
        else:
            next_, fault = self._heard + self._budget.between, "between"
        if total <= next_:
            return total, "total"
        return next_, "first" if fault == "first" else "between"

    def spent(self, now: float) -> float:
        """Seconds since the beginning."""
        return now - self._began

    def allowance(self, fault: Fault) -> float:
        """The seconds that the part `fault` of the budget gave."""
        return {"first": self._budget.first, "between": self._budget.between}.get(fault, self._budget.total)
