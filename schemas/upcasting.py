"""What became of records that were replaced: a breaking change is a new record, and an upcaster from the old one.

Compatible changes need nothing of this: Avro fills in the defaults. There is no replaced record yet, so the registry is
empty. When there is one, it stays in the catalogue and in `events.py` for as long as the log keeps it, and a line here
says what it is now; everything behind the codec sees only the new one.

    UPCASTERS.register(FeedbackGiven, TurnRated, lambda old: TurnRated(old.meta, stars=old.score, comment=old.comment))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from schemas.events import Event

Old = TypeVar("Old")
New = TypeVar("New")
Upcast = Callable[[Any], Event]


class Upcasters:
    """From replaced records to those that took their place. Chains are followed: a to b, b to c."""

    def __init__(self) -> None:
        self._steps: dict[type[Any], tuple[type[Any], Callable[[Any], Any]]] = {}

    def register(self, old: type[Old], new: type[New], upcast: Callable[[Old], New]) -> None:
        """From now on `old` is read as `new`. `upcast` is pure and leaves `meta` as it is: versions are no identity.

        Raises ValueError where `old` has an upcaster, or where the chain would come back to it.
        """
        if old in self._steps:
            raise ValueError(f"{old.__name__} already has an upcaster, to {self._steps[old][0].__name__}")
        end: type[Any] = new
        while end is not old and end in self._steps:
            end = self._steps[end][0]
        if end is old:
            raise ValueError(f"{old.__name__} would become itself: {new.__name__} leads back to it")
        self._steps[old] = (new, upcast)

    def of(self, record: type[Any]) -> Upcast | None:
        """What makes today's event of one of `record`; None where `record` is of today."""
        steps = []
        while record in self._steps:
            record, step = self._steps[record]
            steps.append(step)
        if not steps:
            return None

        def upcast(event: Any) -> Event:
            for step in steps:
                event = step(event)
            today: Event = event
            return today

        return upcast


UPCASTERS = Upcasters()
"""Those of this release."""
