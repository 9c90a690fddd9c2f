"""What operators change, told to every process: one event on chat.control, and what kept it from getting there."""

from __future__ import annotations

from infra.local.errors import StackError
from infra.settings import Settings
from infra.wiring import build_codec
from schemas.events import Event
from streams.sink import Sink, Undelivered


def announce(settings: Settings, event: Event, what: str, too_large: str) -> None:
    """Writes the event. `what`: names it; `too_large`: what is said where it does not fit, with the remedy.

    Raises StackError where the broker does not take it.
    """
    sink = Sink(settings.kafka, build_codec(settings))
    try:
        left_out = sink.send([event])
    except Undelivered as err:
        raise StackError(f"{settings.kafka} did not take {what}: {err}; is the stack up and prepared?") from err
    finally:
        sink.close()
    if left_out:
        raise StackError(too_large)
