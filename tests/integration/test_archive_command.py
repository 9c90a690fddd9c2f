"""`spillway archive` writes a stretch of a real log, and the stretch of the archive is that of the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from infra.cli.archive import command
from infra.local.errors import StackError
from infra.topics import create_topics
from schemas.codec import Codec
from streams.replay.archive import ArchiveStretch
from streams.replay.kafka_stretch import KafkaStretch
from streams.replay.stretch import Selection, Window
from streams.testing import a_message
from tests.contracts.stretch_suite import reply, route, rules_of, signal
from tests.contracts.stretch_worlds import OnBroker

APP = typer.Typer()
APP.command()(command)
RUN = CliRunner()


@pytest.fixture
def world(broker: str) -> Iterator[OnBroker]:
    """The session's broker, to write to."""
    create_topics(broker)
    world = OnBroker(broker)
    yield world
    world.close()


def env(broker: str) -> dict[str, str]:
    """Settings of which only the broker is there."""
    return {
        "SPILLWAY_KAFKA": broker,
        "SPILLWAY_POSTGRES": "postgresql://nobody@127.0.0.1:1/none",
        "SPILLWAY_CLICKHOUSE": "http://127.0.0.1:1",
    }


def written(at: int) -> str:
    """A log time, as one writes it."""
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat()


@pytest.mark.broker
def test_an_archive_is_replayed_as_the_log_is(world: OnBroker, unique: str, tmp_path: Path) -> None:
    """Partition by partition the same; and it can be checked without the log."""
    rules = rules_of(unique)
    before = world.append([a_message("before", unique, f"s-{n}") for n in range(6)])
    world.append([route(r, rules) for r in before])
    start = world.now()
    records = world.append([a_message(f"{n}", unique, f"s-{n % 9}") for n in range(30)])
    end = world.now()
    made = [e for r in records for e in (signal(r), route(r, rules), reply(route(r, rules)))]
    world.append([*made, a_message("after", unique, "s-1")])
    out, times = tmp_path / "archives" / "one", ["--from", written(start), "--to", written(end)]
    answer = RUN.invoke(APP, ["--out", str(out), *times, "--tenant", unique, "--json"], env=env(world.bootstrap))
    assert answer.exit_code == 0, answer.output
    said = json.loads(answer.stdout)
    assert said["topics"] == {"chat.messages": 30, "chat.replies": 30, "chat.routes": 36, "chat.signals": 30}
    assert said["gaps"] == []
    log = KafkaStretch.of(world.bootstrap, Codec(), Window(start, end), Selection(tenant=unique))
    archive = ArchiveStretch.of(out, Codec())
    assert [archive.read(n) for n in archive.partitions] == [log.read(n) for n in log.partitions]
    checked = RUN.invoke(APP, ["--check", "--out", str(out)])
    assert (checked.exit_code, "is whole" in checked.stdout) == (0, True)


@pytest.mark.broker
def test_a_folder_that_is_there_is_refused(world: OnBroker, unique: str, tmp_path: Path) -> None:
    """With what to do about it."""
    world.append([a_message("one", unique, "s")])
    (tmp_path / "kept").write_text("mine")
    refused = RUN.invoke(APP, ["--out", str(tmp_path), "--from", "-1h"], env=env(world.bootstrap))
    assert isinstance(refused.exception, StackError)
    assert "name another folder" in str(refused.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.broker
def test_an_archive_of_nothing_is_not_written(world: OnBroker, unique: str, tmp_path: Path) -> None:
    """A tenant that is not there is more likely a slip of the pen."""
    world.append([a_message("one", unique, "s")])
    refused = RUN.invoke(APP, ["--out", str(tmp_path / "a"), "--tenant", "nobody"], env=env(world.bootstrap))
    assert isinstance(refused.exception, StackError)
    assert "the log holds no messages of nobody" in str(refused.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_time_that_is_none_names_its_option(tmp_path: Path) -> None:
    """Before anything is asked of the log."""
    refused = RUN.invoke(APP, ["--out", str(tmp_path / "a"), "--to", "tomorrow"])
    assert isinstance(refused.exception, StackError)
    assert str(refused.exception).startswith("--to: 'tomorrow' is no time: give a time in ISO 8601")


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    """A check needs no stack."""
    refused = RUN.invoke(APP, ["--check", "--out", str(tmp_path)])
    assert isinstance(refused.exception, StackError)
    assert "is no archive, or one that was not finished" in str(refused.exception)
