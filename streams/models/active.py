"""The models that understand messages, each while it is in force: loaded ahead, kept while needed, refused when wrong.

A bundle that is refused leaves the one before it in force, says so in the log, in the metrics and in `status`, and is
tried again with back-off: its folder may still be on its way.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final, Generic, NamedTuple, TypeVar

from processors.outcomes import Retry
from schemas.events import ModelActivated, Record
from schemas.validation import wrong_activation
from streams import metrics
from streams.control import ControlView
from streams.models.fields import BundleRefused
from streams.models.in_force import Scope, Timeline
from streams.models.provider import Fingerprinted
from streams.models.runner import CannotRun
from streams.wall_clock import now_micros

FRESH: Final = 4.0
"""Seconds within which the end of the control log must have been seen: less than an activation is announced ahead."""
PATIENCE: Final = 1.0
"""Seconds for which a batch waits for a model to load. Routing waits two for a signal: an older model's is better."""
LOOK_AGAIN: Final = 0.05
LOOK_EVERY: Final = 0.2
TRY_AGAIN: Final = (5.0, 300.0)
"""Seconds until a refused bundle is tried again: at first, and at most; each time twice as long."""
SPARE: Final = 2
"""Versions kept besides those in force or announced: a backlog may lie on both sides of an activation."""

log = logging.getLogger(__name__)


M = TypeVar("M", bound=Fingerprinted)
Load = Callable[[str], M]


class _Slot(Generic[M]):
    """A bundle that was activated, whether it is loaded or not."""

    def __init__(self, activated: ModelActivated) -> None:
        self.activated = activated
        self.model: M | None = None
        self.refused: str | None = None
        self.tries = 0
        self.again_at = 0.0
        self.waited_since: float | None = None
        self.given_up = False
        self.used = 0

    @property
    def fingerprint(self) -> str:
        return self.activated.fingerprint


class _Span(NamedTuple):
    """What `Timeline.standing` says, with the model that came of it."""

    since: int
    until: int
    model: Any


Key = tuple[str, str]


def _key(activated: ModelActivated) -> Key:
    return activated.fingerprint, activated.location


class ActiveModels(Generic[M]):
    """A task's models. `start` loads what is in force, and from then on a thread loads ahead; without it, `models`
    loads what it needs itself, as replays do.

    shipped: what holds where nothing was activated. load: the model in a folder of the model store, by the location
    in the event; raises BundleRefused. wall: microseconds UTC; clock: seconds of any origin.
    """

    def __init__(
        self,
        task: str,
        control: ControlView,
        shipped: M,
        load: Load[M],
        wall: Callable[[], int] = now_micros,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.task = task
        self._control, self._shipped, self._load_from, self._wall, self._clock = control, shipped, load, wall, clock
        self._lock = threading.RLock()
        self._slots: dict[Key, _Slot[M]] = {}
        self._wanted: dict[Key, None] = {}
        self._held: set[Key] = set()
        """What a batch that is held needs: none of it is forgotten before the batch is through."""
        self._seen = -1
        self._timeline = Timeline((), {})
        self._uses = count(1)
        self._shown: set[tuple[str, str, str]] = set()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Loads what is in force now, then begins to load ahead. Blocks for as long as the loading takes."""
        self.follow()
        self._thread = threading.Thread(target=self._ahead, name=f"models {self.task}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Loads no more."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def models(self, records: Sequence[Record]) -> Sequence[M] | Retry:
        """See `Models`. Raises RuntimeError when a bug has ended the loading."""
        if self._thread is not None and not self._thread.is_alive():
            raise RuntimeError(f"the models of {self.task} are not loaded any more; what ended that was logged")
        if not self._control.fresh(FRESH):
            return Retry(0.5, "control_log_unseen")
        with self._lock:
            timeline = self._current()
            if timeline.empty:
                return [self._shipped] * len(records)
            found: list[M] = []
            spans: dict[Scope, _Span] = {}
            for record in records:
                meta, at = record.event.meta, record.appended_at
                scope = timeline.scope(meta.tenant_id, meta.session_id, at)
                span = spans.get(scope)
                if span is None or not span.since <= at < span.until:
                    span = self._span(timeline, scope, at)
                    if span is None:
                        return Retry(LOOK_AGAIN, "model_loading")
                    spans[scope] = span
                found.append(span.model)
            self._held.clear()
            return found

    def follow(self) -> None:
        """Loads what is in force or announced and is not loaded yet, and forgets what is needed no more."""
        while (slot := self._due()) is not None:
            self._load(slot)
        self._forget()
        self._show()

    def status(self) -> dict[str, Any]:
        """What is in force now, by tenant and by tenant/experiment/arm; what is loading; and what was refused, why, and
        when it is tried again."""
        with self._lock:
            timeline, now = self._current(), self._wall()
            needed = {_key(a): self._slot(a) for a in self._needed(timeline, now)}
            return {
                "shipped": self._shipped.fingerprint,
                "in_force": {
                    str(s) or "*": self._usable(timeline, s, now).fingerprint for s in timeline.scopes(now)
                },
                "loading": [s.fingerprint for s in needed.values() if s.model is None and s.refused is None],
                "refused": [
                    {
                        "fingerprint": slot.fingerprint,
                        "location": slot.activated.location,
                        "reason": slot.refused,
                        "again_in": max(0.0, round(slot.again_at - self._clock(), 1)),
                    }
                    for slot in needed.values()
                    if slot.refused is not None
                ],
            }

    # What a message gets. Under the lock.

    def _span(self, timeline: Timeline, scope: Scope, at: int) -> _Span | None:
        since, until, activations = timeline.standing(scope, at)
        for activated in activations:
            slot = self._slot(activated)
            self._held.add(_key(activated))
            if slot.model is None and slot.refused is None and not self._arrived(slot):
                return None
            if slot.model is not None:
                slot.used, slot.waited_since = next(self._uses), None
                return _Span(since, until, slot.model)
        return _Span(since, until, self._shipped)

    def _arrived(self, slot: _Slot[M]) -> bool:
        """Whether to go on: the bundle is loaded or refused by now, or has been waited for long enough."""
        if self._thread is None:
            self._load(slot)
            return True
        now = self._clock()
        if slot.waited_since is None:
            slot.waited_since = now
            self._wanted[_key(slot.activated)] = None
            self._wake.set()
        elif now - slot.waited_since >= PATIENCE:
            if not slot.given_up:
                slot.given_up = True
                log.warning("%s: %s is still loading, and the one before it goes on", self.task, slot.fingerprint)
            return True
        return False

    def _usable(self, timeline: Timeline, scope: Scope, at: int) -> M:
        for activated in timeline.standing(scope, at).activations:
            if (model := self._slot(activated).model) is not None:
                return model
        return self._shipped

    def _current(self) -> Timeline:
        version = self._control.version
        if version != self._seen:
            self._timeline, self._seen = Timeline.of(self._control, self.task), version
        return self._timeline

    def _slot(self, activated: ModelActivated) -> _Slot[M]:
        return self._slots.setdefault(_key(activated), _Slot(activated))

    # What is loaded, by one thread.

    def _ahead(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(LOOK_EVERY)
            self._wake.clear()
            self.follow()

    def _needed(self, timeline: Timeline, now: int) -> list[ModelActivated]:
        """In force now for anyone, down to the first that can be used; then what is announced."""
        needed = []
        for scope in timeline.scopes(now):
            for activated in timeline.standing(scope, now).activations:
                needed.append(activated)
                if self._slot(activated).refused is None:
                    break
        return [*needed, *timeline.upcoming(now)]

    def _due(self) -> _Slot[M] | None:
        with self._lock:
            wanted = [self._slots[key] for key in self._wanted]
            needed = [self._slot(a) for a in self._needed(self._current(), self._wall())]
            for slot in (*wanted, *needed):
                if slot.model is None and self._clock() >= slot.again_at:
                    return slot
        return None

    def _load(self, slot: _Slot[M]) -> None:
        began, activated = self._clock(), slot.activated
        wrong, model = wrong_activation(activated), None
        if wrong is None:
            try:
                model = self._load_from(activated.location)
            except (BundleRefused, CannotRun) as err:
                wrong = str(err)
        if model is not None and model.fingerprint != activated.fingerprint:
            wrong, model = f"{activated.location} holds {model.fingerprint}; activate that, or put it back", None
        with self._lock:
            self._wanted.pop(_key(activated), None)
            if model is None:
                self._refuse(slot, wrong or "")
            else:
                slot.model, slot.refused, slot.waited_since, slot.given_up = model, None, None, False
                slot.used = next(self._uses)
                log.info("%s: %s is loaded", self.task, slot.fingerprint)
        metrics.MODEL_LOAD_SECONDS.labels(self.task).observe(self._clock() - began)

    def _refuse(self, slot: _Slot[M], wrong: str) -> None:
        first, longest = TRY_AGAIN
        slot.again_at = self._clock() + min(first * 2**slot.tries, longest)
        slot.tries += 1
        if wrong != slot.refused:
            log.error(
                "%s: %s is refused, and the one before it stays in force: %s", self.task, slot.fingerprint, wrong
            )
        slot.refused = wrong

    def _forget(self) -> None:
        with self._lock:
            needed = {_key(a) for a in self._needed(self._current(), self._wall())} | self._wanted.keys() | self._held
            spare = [key for key in self._slots if key not in needed]
            spare.sort(key=lambda key: self._slots[key].used, reverse=True)
            for key in spare[SPARE:]:
                del self._slots[key]

    def _show(self) -> None:
        status = self.status()
        metrics.MODELS_REFUSED.labels(self.task).set(len(status["refused"]))
        shown = {(self.task, tenant, fingerprint) for tenant, fingerprint in status["in_force"].items()}
        for gone in self._shown - shown:
            metrics.MODEL_IN_FORCE.remove(*gone)
        for labels in shown:
            metrics.MODEL_IN_FORCE.labels(*labels).set(1)
        self._shown = shown
