"""`spillway topics` shows the catalogue, and what a real broker has of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from infra.cli.topics import command
from infra.flow_picture import mermaid
from infra.topics import create_topics
from schemas import examples
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from streams.sink import Sink

APP = typer.Typer()
APP.command()(command)
RUN = CliRunner()


def test_without_a_stack_it_is_the_catalogue(tmp_path: Path) -> None:
    """Every topic with its records; why there are no offsets is said beside it."""
    answer = RUN.invoke(APP, ["--json", "--data", str(tmp_path)])
    assert answer.exit_code == 0
    assert [row["topic"] for row in json.loads(answer.stdout)] == [t.name for t in CATALOGUE]
    table = RUN.invoke(APP, ["--data", str(tmp_path)])
    assert "spillway up" in table.output
    assert "PolicyActivated" in table.output


@pytest.mark.broker
def test_with_a_broker_it_says_how_many_records_there_are(broker: str, tmp_path: Path) -> None:
    """End offsets grow with what is written."""
    create_topics(broker)
    env = {
        "SPILLWAY_KAFKA": broker,
        "SPILLWAY_POSTGRES": "postgresql://nobody@127.0.0.1:1/none",
        "SPILLWAY_CLICKHOUSE": "http://127.0.0.1:1",
    }

    def kept() -> dict[str, int]:
        # Topics that have just been made have no leader for a moment, and the command says so.
        deadline = time.monotonic() + 30
        while (answer := RUN.invoke(APP, ["--json", "--data", str(tmp_path)], env=env)).stderr:
            assert time.monotonic() < deadline, answer.stderr
        assert (answer.exit_code, answer.stderr) == (0, "")
        return {row["topic"]: row["records_kept"] for row in json.loads(answer.stdout)}

    before = kept()
    sink = Sink(broker, Codec())
    sink.send([examples.event("FeedbackGiven.en"), examples.event("FeedbackGiven.zh")])
    sink.close()
    assert kept()["chat.messages"] == before["chat.messages"] + 2


def test_it_draws_the_flow() -> None:
    """The picture is that of the topology."""
    assert RUN.invoke(APP, ["--picture"]).stdout == mermaid()
