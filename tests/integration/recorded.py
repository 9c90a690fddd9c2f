"""Recorded conversations: played in memory, and kept as an archive, at the times that they had there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.settings import Settings
from processors.entities import PatternEntities
from schemas.codec import Codec
from streams.replay.archive import write_archive
from streams.replay.stretch import Window
from streams.testing import Conversations, Pass, a_message, a_policy
from streams.testing.stretch import BusSource

TENANT = "shop"
SAID = ("where is my order 1234567?", "hello", "I want to return it", "no")


@dataclass(frozen=True)
class Recorded:
    """What was kept. `turns`, `sessions`: how many; `settings`: of broker and ClickHouse, and nobody else."""

    folder: Path
    turns: int
    sessions: int
    settings: Settings

    @property
    def env(self) -> dict[str, str]:
        """For commands."""
        return self.settings.to_env()

    @property
    def asked(self) -> list[str]:
        """The options of `spillway replay` that mean all of it."""
        return ["--archive", str(self.folder), "--tenant", TENANT]


def record(settings: Settings, folder: Path, partitions: int, sessions: int = 12) -> Recorded:
    """Plays some conversations, a few of which are short, and keeps them."""
    talk = Conversations([a_policy(TENANT)], entities=PatternEntities(), partitions=partitions, codec=Codec())
    began, turns = talk.clock.now(), 0
    for number, text in enumerate(SAID):
        for session in range(sessions):
            if number < 2 or session % 3:
                turns += 1
                talk.play([a_message(text, TENANT, f"s-{session}", talk.clock.now()), Pass(0.05)], settle=False)
    talk.play([])
    talk.clock.advance(1)
    write_archive(BusSource(talk.bus), Codec(), Window(began, talk.clock.now()), folder)
    return Recorded(folder, turns, sessions, settings)
