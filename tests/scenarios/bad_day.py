"""A day on which everything changes at once: conversations under way while policy, model and worker go."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import typer
from psycopg import sql
from typer.testing import CliRunner

from infra.cli import compare, models, policy, replay
from infra.demo import CONVERSATIONS, TENANTS
from infra.local.stack import LocalStack
from infra.play import PlayOptions, PlayProgress, play
from infra.recordings import read_recordings
from infra.settings import Settings
from infra.summary import come_to_rest
from projections.analytics.rows import FACTS, LOG_INDEX
from projections.analytics.schema import client_of
from projections.session_state.store import SCHEMA
from schemas.catalogue import CATALOGUE
from streams.log import a_reader, bounds
from tests.bundles import a_hashed_bundle
from tests.faults.drill import until

PLAY = "bad-day"
PATIENCE = 240.0
STATE = ("turns", "session_events", "positions")
GREETING = "greet: {intents: [greeting], template: greeting}"
"""The rule of the shop that is altered afterwards."""
GREETED_OTHERWISE = "greet: {intents: [greeting], template: small_talk}"


@dataclass(frozen=True)
class Day:
    """What was recorded. `start`, `end`: of its log times, as `spillway replay` takes them."""

    stack: LocalStack
    start: str
    end: str
    restarts: int

    @property
    def settings(self) -> Settings:
        return self.stack.settings()

    def replay(self, name: str, *words: str) -> dict[str, Any]:
        """`spillway replay` of the day in one process; what it says as JSON."""
        asked = ("--from", self.start, "--to", self.end, "--name", name, "--workers", "1", "--full-priority", "--json")
        return self._said(_alone(replay.command), *asked, *words)

    def compare(self, name: str) -> dict[str, Any]:
        """`spillway compare` of live with that run; the whole document. No verdict is an error."""
        return self._said(compare.app, "live", name, "--json", "-", "--no-replies", "--differences", "500")

    def query(self, query: str, **given: Any) -> list[Any]:
        """Rows of the analytics."""
        with client_of(self.settings.clickhouse) as client:
            return list(client.query(query, {"play": PLAY, **given}).result_rows)

    def live(self) -> dict[str, Any]:
        """Where each topic ends; how many rows of live each table has, and their digests; what sessions are."""
        found: dict[str, Any] = {}
        reader = a_reader(self.settings.kafka)
        try:
            for (topic, partition), (_, high) in bounds(reader, [t.name for t in CATALOGUE]).items():
                found[f"{topic}/{partition}"] = high
        finally:
            reader.close()
        for table in (*FACTS.values(), LOG_INDEX, "turns"):
            final = "" if table == "turns" else "FINAL"
            digest = f"SELECT count(), groupBitXor(sipHash64(*)) FROM {table} {final} WHERE run_id = 'live'"
            found[table] = self.query(digest)[0]
        with psycopg.connect(self.settings.postgres) as connection:
            for table in STATE:
                rows = sql.SQL("SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} AS t")
                found[f"state of {table}"] = connection.execute(rows.format(sql.Identifier(SCHEMA, table))).fetchone()
        return found

    def _said(self, app: typer.Typer, *words: str) -> dict[str, Any]:
        done = CliRunner().invoke(app, [*words, "--data", str(self.stack.folder.path)], env=_OWN)
        assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
        assert done.stdout.startswith("{"), done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found


_OWN = {"SPILLWAY_KAFKA": None}
"""Not what another test may have left in the environment: the stack of the folder."""


def a_bad_day(stack: LocalStack, folder: Path) -> Day:
    """The demonstration's conversations, all under way at once, while the bank's policy and everybody's intents are
    changed and the worker is killed. What came of it is at rest. `folder`: for what is put in force.
    """
    settings, data = stack.settings(), str(stack.folder.path)
    before = stack.part("worker").restarts
    start = _now()
    effective: list[int] = []

    def command(app: typer.Typer, *words: str) -> None:
        done = CliRunner().invoke(app, [*words, "--data", data], env=_OWN)
        assert done.exit_code == 0, done.output + repr(done.exception)
        effective.append(time.time_ns() // 1000 + int(policy.AHEAD * 1e6))

    def in_force() -> None:
        """Until both changes hold and the worker is back; what follows is decided by them."""
        until(lambda: time.time_ns() // 1000 > max(effective), "both changes are in force")
        stack.wait_ready("worker")

    acts: deque[tuple[int, Callable[[], None]]] = deque(
        [
            (30, lambda: command(policy.app, "activate", str(_another_bank(folder)))),
            (40, lambda: command(models.app, "activate", str(a_hashed_bundle(folder / "other-intents")))),
            (60, lambda: stack.kill("worker", signal.SIGKILL)),
            (70, in_force),
        ]
    )

    def follow(progress: PlayProgress) -> None:
        while acts and progress.replies >= acts[0][0]:
            acts.popleft()[1]()

    options = PlayOptions(PLAY, rate=40.0, grace=PATIENCE)
    played = play(read_recordings(CONVERSATIONS), settings, options, follow)
    assert not acts, f"the play ended after {played.summary.replies} replies"
    come_to_rest(settings, PATIENCE)
    return Day(stack, start, _now(), stack.part("worker").restarts - before)


def put_back(stack: LocalStack) -> None:
    """The policy and the models that others find in a stack."""
    for app, words in ((policy.app, ("activate", str(TENANTS / "bank"))), (models.app, ("withdraw", "intent"))):
        done = CliRunner().invoke(app, [*words, "--in", "0", "--data", str(stack.folder.path)], env=_OWN)
        assert done.exit_code == 0, done.output


def altered_shop(folder: Path) -> Path:
    """A candidate file: the shop's policy with another answer to greetings."""
    text = (TENANTS / "shop" / "policy.yaml").read_text("utf-8")
    assert text.count(GREETING) == 1
    (folder / "shop.yaml").write_text(text.replace(GREETING, GREETED_OTHERWISE), "utf-8")
    candidate = folder / "candidate.yaml"
    candidate.write_text("name: greeted-otherwise\npolicy: shop.yaml\n", "utf-8")
    return candidate


def _another_bank(folder: Path) -> Path:
    """The bank, which hands over sooner, and says that it is another version."""
    bank = folder / "bank"
    shutil.copytree(TENANTS / "bank", bank)
    file = bank / "policy.yaml"
    text = file.read_text("utf-8")
    assert text.count('version: "1"') == 1
    file.write_text(text.replace('version: "1"', 'version: "2"').replace("min_confidence: 0.", "min_confidence: 0.9"))
    return bank


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _alone(function: Callable[..., None]) -> typer.Typer:
    single = typer.Typer()
    single.command()(function)
    return single
