"""The `spillway` command around the stack: its table, its settings, the guard of the tests' own fixtures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from infra.cli.main import COMMANDS
from infra.local.account import room_for
from infra.local.errors import StackNotRunning
from infra.local.ports import Ports, is_free
from infra.local.stack import LocalStack
from infra.local.state import Folder
from infra.settings import Settings, SettingsError

ROOT = Path(__file__).parents[2]


def spillway(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_lists_every_command_without_loading_one() -> None:
    """`spillway --help` shows the whole table, and imports none of the commands' modules to do so."""
    code = (
        "import sys; from infra.cli.main import run\n"
        "try: run()\nexcept SystemExit: pass\n"
        "print([m for m in sys.modules if m.startswith('infra.cli.') and m != 'infra.cli.main'])"
    )
    shown = subprocess.run([sys.executable, "-c", code, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for row in COMMANDS:
        assert row.name in shown.stdout
        assert row.about.split(":")[0].split(",")[0] in " ".join(shown.stdout.split())
    assert shown.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize("name", [row.name for row in COMMANDS])
def test_each_command_loads_and_explains_itself(name: str) -> None:
    """Every command of the table has a module, and help that shows it."""
    shown = spillway(name, "--help")
    assert shown.returncode == 0, shown.stderr
    assert "Usage:" in shown.stdout


@pytest.mark.parametrize("command", ["status", "down"])
def test_without_a_stack_the_remedy_is_named(tmp_path: Path, command: str) -> None:
    """A command that needs a running stack says that none runs on the folder, and how to start one."""
    refused = spillway(command, "--data", str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr.strip() == f"no stack runs on {tmp_path}; start one with: spillway up --data {tmp_path}"


def test_what_another_version_wrote_is_no_running_stack(tmp_path: Path) -> None:
    """A record with fields that this version does not know, or cut short, is a stack that does not run, not a crash."""
    for text in ('{"parts": [{"name": "kafka", "unknown": 1}]}', '{"parts": [', "[]"):
        folder = Folder(tmp_path)
        folder.run.mkdir(exist_ok=True)
        folder.record.write_text(text, encoding="utf-8")
        with pytest.raises(StackNotRunning, match="spillway up"):
            folder.running()


def test_settings_survive_the_environment(tmp_path: Path) -> None:
    """Settings written to variables are read back the same; a bad port names its variable."""
    settings = Settings(
        kafka="127.0.0.1:9092",
        postgres="postgresql://u:p@h/d",
        clickhouse="http://h:8123",
        registry="http://h:8081",
        data_dir=tmp_path,
        metrics_port=9100,
        gateway_port=8088,
    )
    assert Settings.from_env(settings.to_env()) == settings
    with pytest.raises(SettingsError, match="SPILLWAY_METRICS_PORT must be a port from 1 to 65535, not 'many'"):
        Settings.from_env({**settings.to_env(), "SPILLWAY_METRICS_PORT": "many"})
    with pytest.raises(SettingsError, match="SPILLWAY_KAFKA, SPILLWAY_POSTGRES"):
        Settings.from_env({})


def test_ports_are_remembered_and_distinct(tmp_path: Path) -> None:
    """A part gets the port of last time again, and no two parts get the same one."""
    first = Ports(tmp_path / "ports.json", usual=False)
    given = {name: first.take(name) for name in ("kafka", "postgres", "clickhouse")}
    assert len(set(given.values())) == 3
    again = Ports(tmp_path / "ports.json", usual=False)
    assert {name: again.take(name) for name in given if is_free(given[name])} == given


def test_a_test_without_the_marker_is_told_which_one_to_add(tmp_path: Path) -> None:
    """Reaching for a part without its marker fails before the part is started."""
    (tmp_path / "test_x.py").write_text("def test_x(fresh_database):\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", os.devnull, f"--rootdir={tmp_path}"]
    refused = subprocess.run(
        [*command, str(tmp_path / "test_x.py")], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert refused.returncode == 1
    assert "a test that uses the fixture 'fresh_database' must carry @pytest.mark.postgres" in refused.stdout


@pytest.mark.stack
def test_postgres_starts_on_a_folder_that_only_its_owner_may_enter(tmp_path: Path) -> None:
    """A private data folder works for root too, whose PostgreSQL runs as another user: its data is put elsewhere."""
    folder = tmp_path / ("a long name " * 12)
    folder.mkdir(mode=0o700)
    said: list[str] = []
    try:
        for value in (1, 2):
            stack = LocalStack(folder, only={"postgres"}, usual_ports=False).start(said.append)
            try:
                assert stack.addresses.postgres is not None
                with psycopg.connect(stack.addresses.postgres) as connection:
                    connection.execute("CREATE TABLE IF NOT EXISTS kept (value integer)")
                    connection.execute("INSERT INTO kept VALUES (%s)", [value])
                    count = connection.execute("SELECT count(*) FROM kept").fetchone()
            finally:
                stack.stop()
            assert count == (value,)
    finally:
        shutil.rmtree(room_for(folder / "postgres"), ignore_errors=True)
    assert any("who may not enter" in line for line in said) == (os.geteuid() == 0)
