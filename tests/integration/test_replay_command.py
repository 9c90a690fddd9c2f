"""`spillway replay` and `spillway runs`: a recorded stretch once more, by real processes, with nothing live touched."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from confluent_kafka import TopicPartition
from typer.testing import CliRunner, Result

from infra.cli import replay, runs, worker
from infra.replaying.definition import Asked
from infra.replaying.errors import ReplayDied
from infra.replaying.group import Member, group_of
from infra.replaying.measuring import OWN, measure
from infra.replaying.processes import Job, replay_in_processes
from infra.replaying.running import How
from infra.replaying.work import SPENT_ON
from projections.analytics.rows import FACTS
from projections.analytics.schema import client_of
from projections.runs import RunStore
from schemas.catalogue import CATALOGUE, MESSAGES
from schemas.codec import Codec
from schemas.events import Record
from streams.log import a_reader, bounds, read_to_end
from streams.replay.archive import ArchiveStretch
from streams.replay.stretch import Selection
from tests.integration.recorded import TENANT, Recorded, ends, recorded_for

pytestmark = [pytest.mark.broker, pytest.mark.clickhouse, pytest.mark.timeout(300)]
RUN = CliRunner()
FULL = ("--full-priority",)
"""Replays here do not step back: beside others' work on the machine they would hardly get on."""


def alone(function: Callable[..., None]) -> typer.Typer:
    """A command that is no group, as the table has it."""
    single = typer.Typer()
    single.command()(function)
    return single


COMMANDS = {"replay": alone(replay.command), "runs": runs.app, "worker": alone(worker.command)}


@pytest.fixture(scope="module")
def recorded(broker: str, clickhouse: str, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """What the replays of this module are of."""
    return recorded_for(broker, clickhouse, tmp_path_factory)


def run(recorded: Recorded, *words: str) -> Result:
    """A command of ours, to its end, in this process; what it starts are processes of its own."""
    name, *rest = words
    return RUN.invoke(COMMANDS[name], [*rest, *(FULL if name == "replay" else ())], env=recorded.env)


def outcome(recorded: Recorded, *words: str) -> dict[str, Any]:
    """The same, and what it says as JSON."""
    said = run(recorded, *words, "--json")
    assert said.exit_code == 0, said.output + repr(said.exception)
    found: dict[str, Any] = json.loads(said.stdout)
    return found


class First(NamedTuple):
    """What replaying live as it was came to, and how long the log and how large live was before and after."""

    outcome: dict[str, Any]
    before: object
    after: object


@pytest.fixture(scope="module")
def replayed(recorded: Recorded) -> First:
    """The whole of the tenant's conversations, replayed as they were."""
    before = live(recorded)
    found = outcome(recorded, "replay", *recorded.asked, "--name", "first-run", "--workers", "1")
    return First(found, before, live(recorded))


@pytest.fixture
def first(replayed: First) -> dict[str, Any]:
    """What that came to."""
    return replayed.outcome


def live(recorded: Recorded) -> tuple[object, ...]:
    """Where every topic of the catalogue ends, and how much every table of facts has of live."""
    with client_of(recorded.settings.clickhouse) as client:
        count = "SELECT count() FROM {} FINAL WHERE run_id = 'live'"
        rows = [client.query(count.format(table)).result_rows[0][0] for table in (*FACTS.values(), "turn_parts")]
    return ends(recorded.settings.kafka, *(t.name for t in CATALOGUE)), rows


def test_live_replayed_against_itself_is_identical(recorded: Recorded, first: dict[str, Any]) -> None:
    """Every conversation and turn, each decided as it was; what ran again and what was served is counted."""
    assert (first["status"], first["conversations"]) == ("complete", recorded.sessions)
    assert (first["turns"], first["identical"], first["differs"]) == (recorded.turns, 1.0, {})
    assert first["recomputed"]["route"] == first["recomputed"]["entities"] == recorded.turns
    assert first["served"]["intent"] == recorded.turns
    assert (first["gaps"], first["missing"]) == ([], {})
    assert set(first["seconds"]) == set(SPENT_ON)
    assert first["took_seconds"] == pytest.approx(sum(first["seconds"].values()), abs=0.1)
    assert first["processes"] == 1


def test_nothing_live_is_touched(replayed: First) -> None:
    """No topic of the catalogue has grown, and no table has a row more of live; nothing else could be reached."""
    assert replayed.after == replayed.before


def test_a_complete_run_is_left_alone(recorded: Recorded, first: dict[str, Any]) -> None:
    """The same command says that it is done, does nothing, and shows what there is."""
    said = run(recorded, "replay", *recorded.asked, "--name", first["run_id"])
    assert (said.exit_code, "nothing is done" in said.stderr) == (0, True)
    assert "spillway compare live first-run" in said.stdout


def test_what_was_asked_otherwise_is_refused_under_the_same_name(recorded: Recorded, first: dict[str, Any]) -> None:
    """With the difference; and live is no name."""
    assert first["run_id"] == "first-run"
    said = run(recorded, "replay", *recorded.asked, "--name", "first-run", "--mode", "free-run")
    assert "mode was teacher-forced, now free-run" in str(said.exception)
    assert "--only-create" not in str(said.exception)
    assert "only the log writes it" in str(run(recorded, "replay", *recorded.asked, "--name", "live").exception)
    assert "--mode must be" in str(run(recorded, "replay", *recorded.asked, "--mode", "both").exception)
    assert "--from is missing" in str(run(recorded, "replay").exception)
    assert "no archive" in str(run(recorded, "replay", "--archive", "/no/such/folder").exception)
    assert "spillway runs list" in str(run(recorded, "replay", "--resume", "--name", "nobody").exception)


def test_a_killed_replay_goes_on_to_the_same_facts(recorded: Recorded, first: dict[str, Any]) -> None:
    """Begun again and killed once a partition is done, it is resumed by name, and every digest is what it was."""
    words = ["replay", "--name", "first-run", "--resume", "--again", "--workers", "1", *FULL]
    command = [sys.executable, "-m", "infra.cli.main", *words]
    with (
        RunStore(recorded.settings.clickhouse) as store,
        subprocess.Popen(command, env=recorded.env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as begun,
    ):
        while begun.poll() is None and not (store.need("first-run").status == "running" and store.parts("first-run")):
            with suppress(subprocess.TimeoutExpired):
                begun.wait(0.1)
        begun.kill()
    resumed = outcome(recorded, "replay", "--resume", "--name", "first-run", "--workers", "1")
    apart = ("seconds", "took_seconds", "processes", "this_time")
    assert {k: v for k, v in resumed.items() if k not in apart} == {k: v for k, v in first.items() if k not in apart}


def test_a_process_that_dies_ends_the_replay_with_a_remedy(recorded: Recorded) -> None:
    """Nothing hangs, no process is left, and the run is as far as it was."""
    assert run(recorded, "replay", *recorded.asked, "--name", "dies", "--only-create").exit_code == 0
    with RunStore(recorded.settings.clickhouse) as store:
        created = store.need("dies")

    def kill(_: object) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    with pytest.raises(ReplayDied, match=r"killed by signal 9 in partition \d.*the same command goes on"):
        replay_in_processes(Job(recorded.settings, created, aside=False), created.partitions, 1, kill)
    assert multiprocessing.active_children() == []
    assert "spillway replay --name dies --resume" in run(recorded, "runs", "show", "dies").stdout


def test_a_model_that_is_not_here_is_said_in_one_line(recorded: Recorded, tmp_path: Path) -> None:
    """A candidate that cannot play is refused before a run is made of it."""
    file = tmp_path / "candidate.yaml"
    file.write_text("name: nobody\nmodels: {intent: no-such-bundle}\n", encoding="utf-8")
    said = run(recorded, "replay", *recorded.asked, "--candidate", str(file))
    assert "no-such-bundle" in str(said.exception)
    assert "nobody" not in run(recorded, "runs", "list").stdout


def test_workers_of_a_group_share_a_replay(recorded: Recorded, first: dict[str, Any], broker: str) -> None:
    """One that leaves is taken over from, nothing is decided otherwise, and the group is at the end."""
    assert run(recorded, "replay", *recorded.asked, "--name", "by-group", "--only-create").exit_code == 0
    with RunStore(recorded.settings.clickhouse) as store:
        created = store.need("by-group")
    leaves = Member(recorded.settings, created, lambda part: leaves.stop())
    assert leaves.run().status == "created"
    assert Member(recorded.settings, created).run().status == "complete"
    found = outcome(recorded, "runs", "show", "by-group")
    assert (found["turns"], found["identical"]) == (recorded.turns, 1.0)
    assert found["partitions_done"] == len(first["digests"])
    reader = a_reader(broker, **{"group.id": group_of("by-group")})
    committed = reader.committed([TopicPartition(MESSAGES, n) for n in created.partitions], timeout=30)
    reader.close()
    assert sum(p.offset for p in committed if p.offset > 0) == recorded.turns
    assert run(recorded, "worker", "--replay", "by-group").exit_code == 0


def test_isolated_topics_are_made_and_removed_with_the_run(recorded: Recorded, broker: str) -> None:
    """They hold the run's signals, routes and replies; nothing is left of a run that is removed."""
    asked = [*recorded.asked, "--sessions", "3", "--name", "with-topics", "--topics", "--workers", "1"]
    outcome(recorded, "replay", *asked)
    names = [f"replay.with-topics.{part}" for part in ("signals", "routes", "replies")]
    reader = a_reader(broker)
    spans = bounds(reader, names)
    assert {topic for (topic, _), (low, high) in spans.items() if high > low} == set(names)
    codec = Codec()
    for name, topic in zip(names, ("chat.signals", "chat.routes", "chat.replies"), strict=True):
        assert {r.event.meta.run_id for r in _decoded(broker, name, topic, codec)} == {"with-topics"}
    assert run(recorded, "runs", "delete", "with-topics").exit_code == 0
    assert not set(names) & reader.list_topics(timeout=30).topics.keys()
    reader.close()
    assert "with-topics" not in run(recorded, "runs", "list").stdout
    assert "there is no run" in str(run(recorded, "runs", "show", "with-topics").exception)


def _decoded(broker: str, name: str, topic: str, codec: Codec) -> list[Record]:
    class Under(Codec):
        def decode(self, _: str, value: bytes | None) -> Any:
            return codec.decode(topic, value)

    return [r for r in read_to_end(broker, [name], Under()) if isinstance(r, Record)]


def test_facts_of_a_run_are_listed_shown_and_asked_for(recorded: Recorded, first: dict[str, Any]) -> None:
    """The list and the description say what was asked; the analytics has a turn of the run for each of live."""
    listed = outcome(recorded, "runs", "list")
    assert isinstance(listed, list)
    mine = next(entry for entry in listed if entry["run_id"] == "first-run")
    assert (mine["status"], mine["mode"], mine["candidate"]) == ("complete", "teacher-forced", "live-again")
    assert mine["asked_for"]["archive"] == str(recorded.folder)
    shown = run(recorded, "runs", "show", "first-run").stdout
    assert f"{recorded.sessions} conversations, {recorded.turns} turns" in shown
    with client_of(recorded.settings.clickhouse) as client:
        rows = client.query("SELECT count() FROM turns WHERE run_id = 'first-run' AND received").result_rows
    assert rows[0][0] == first["turns"]


def test_a_measured_replay_leaves_nothing(recorded: Recorded) -> None:
    """`spillway bench replay` replays, compares, tells its figures, and removes its run."""
    stretch = ArchiveStretch.of(recorded.folder, Codec())
    asked = Asked(stretch.window, Selection(tenant=TENANT), archive=str(recorded.folder))
    said: list[str] = []
    found = measure(recorded.settings, recorded.settings.data_dir, asked, How(1), said.append)
    assert (found.turns, found.conversations, found.identical) == (recorded.turns, recorded.sessions, 1.0)
    assert found.cpu.keys() == {OWN}
    assert said[-1] == "removing the run…"
    assert "bench-" not in run(recorded, "runs", "list").stdout
