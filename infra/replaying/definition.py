"""What a replay was asked for, and the stretch of the log that it was found to mean: enough to do it again anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self, get_args

from infra.candidates.casting import LIVE_AGAIN
from infra.candidates.model import Candidate
from infra.replaying.errors import OtherRun, ReplayError
from infra.replaying.moments import shown
from projections.runs import Run
from streams.replay.engine import Mode
from streams.replay.stretch import Gap, Selection, Window

FORMAT: Final = 1
MODES: Final[tuple[Mode, ...]] = get_args(Mode)


@dataclass(frozen=True)
class Asked:
    """What tells one replay from another. archive: the folder that is read instead of Kafka. topics: whether what is
    replayed also goes to isolated topics.
    """

    window: Window
    selection: Selection = field(default_factory=Selection)
    mode: Mode = "teacher-forced"
    candidate: Candidate = LIVE_AGAIN
    archive: str | None = None
    topics: bool = False

    def compared(self) -> dict[str, Any]:
        """In the words of the command line. A run of the same name with any of it otherwise is another run."""
        return {
            "from": shown(self.window.start),
            "to": shown(self.window.end),
            **asdict(self.selection),
            "mode": self.mode,
            "candidate": self.candidate.fingerprint,
            "gate": [str(rule) for rule in self.candidate.gate],
            "archive": self.archive,
            "topics": self.topics,
        }

    @property
    def id(self) -> str:
        """SHA-256 of all that is compared."""
        return hashlib.sha256(json.dumps(self.compared(), sort_keys=True).encode()).hexdigest()

    def run_name(self) -> str:
        """The name of a run that was given none: the same for the same replay, so the same command goes on with it."""
        return f"{self.candidate.name[:31].rstrip('-')}-{self.id[:8]}"


@dataclass(frozen=True)
class Definition:
    """A run's definition. `stretch`: as Stretch.describe gave it. `gaps`: what retention had taken by then."""

    asked: Asked
    stretch: Mapping[str, Any]
    gaps: tuple[Gap, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What is stored with the run."""
        asked, window = self.asked, list(self.asked.window)
        return {
            "format": FORMAT,
            "compared": asked.compared(),
            "asked": {**asked.compared(), "candidate": asked.candidate.text, "window": window},
            "window": window,
            "selection": asdict(asked.selection),
            "mode": asked.mode,
            "candidate": asked.candidate.to_json(),
            "changed": sorted(asked.candidate.changed),
            "gate": [str(rule) for rule in asked.candidate.gate],
            "archive": asked.archive,
            "topics": asked.topics,
            "stretch": dict(self.stretch),
            "gaps": [gap._asdict() for gap in self.gaps],
        }

    @classmethod
    def of(cls, run: Run) -> Self:
        """The definition of a stored run. Raises ReplayError for one of another version."""
        stored = run.definition
        if stored.get("format") != FORMAT:
            raise ReplayError(f"run {run.run_id} was made by another version; replay it again under another --name")
        asked = Asked(
            Window(*stored["window"]),
            Selection(**stored["selection"]),
            stored["mode"],
            Candidate.from_json(stored["candidate"]),
            stored["archive"],
            stored["topics"],
        )
        return cls(asked, stored["stretch"], tuple(Gap(**gap) for gap in stored["gaps"]))


def same_or_refused(run: Run, asked: Asked) -> None:
    """Raises OtherRun, which names every difference, where a run was asked for otherwise than now."""
    if run.definition_id == asked.id:
        return
    then, now = run.definition.get("compared", {}), asked.compared()
    changed = [name for name in now if then.get(name) != now[name]]
    differing = [f"{name} was {_said(then.get(name))}, now {_said(now[name])}" for name in changed]
    raise OtherRun(
        f"there is a run {run.run_id} already, and it is another one: {'; '.join(differing)}. "
        f"Give this one another --name, or remove that one: spillway runs delete {run.run_id}"
    )


def _said(value: Any) -> str:
    if value is None or value == []:
        return "not given"
    return ", ".join(value) if isinstance(value, list) else str(value)
