"""Recorded conversations: played in memory, and kept as an archive, at the times that they had there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.settings import Settings
from infra.topics import create_topics
from processors.entities import PatternEntities
from projections import analytics
from schemas.catalogue import MESSAGES
from schemas.codec import Codec
from streams.log import a_reader, bounds
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


def recorded_for(broker: str, clickhouse: str, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Twelve conversations in an archive; a broker and a store; and nobody else to be reached."""
    nobody = "postgresql://nobody@127.0.0.1:1/none"
    settings = Settings(broker, nobody, clickhouse, data_dir=tmp_path_factory.mktemp("data"), gateway_port=1)
    create_topics(broker, 3)
    analytics.migrate(clickhouse)
    return record(settings, tmp_path_factory.mktemp("archives") / "kept", len(ends(broker, MESSAGES)))


def ends(broker: str, *topics: str) -> dict[tuple[str, int], int]:
    """Where each of these topics ends."""
    reader = a_reader(broker)
    try:
        return {place: high for place, (_, high) in bounds(reader, topics).items()}
    finally:
        reader.close()


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
