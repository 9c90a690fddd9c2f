"""The real stores under the supervisor: ready means that the protocol answers, and kill -9 loses nothing."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.local.account import may_enter
from infra.local.errors import StackRunning
from infra.local.inspection import inspect_stack
from infra.local.packages import PartsCache, default_cache
from infra.local.stack import LocalStack
from infra.local.state import Folder
from infra.settings import Settings

pytestmark = pytest.mark.stack
ROOT = Path(__file__).parents[2]
STORES = ["kafka", "postgres", "clickhouse"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter, for stacks of a test's own."""
    path = Path(tempfile.mkdtemp(prefix="spillway-stack-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def write(stack: LocalStack, value: int) -> None:
    """Store `value` in all three stores and wait until each has confirmed it."""
    where = stack.addresses
    assert where.kafka
    assert where.postgres
    assert where.clickhouse
    admin = AdminClient({"bootstrap.servers": where.kafka})
    if "kept" not in admin.list_topics(timeout=5).topics:
        admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(10)
    producer = Producer({"bootstrap.servers": where.kafka, "acks": "all"})
    producer.produce("kept", str(value).encode())
    assert producer.flush(10) == 0
    with psycopg.connect(where.postgres) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value integer)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])
    for sql in [
        "CREATE TABLE IF NOT EXISTS kept (value UInt32) ENGINE = MergeTree ORDER BY value",
        f"INSERT INTO kept VALUES ({value})",
    ]:
        httpx.post(where.clickhouse, content=sql).raise_for_status()


def read(stack: LocalStack) -> dict[str, list[int]]:
    """What each store holds."""
    where = stack.addresses
    assert where.postgres
    assert where.clickhouse
    consumer = Consumer({"bootstrap.servers": where.kafka, "group.id": "audit", "enable.auto.commit": False})
    _, end = consumer.get_watermark_offsets(TopicPartition("kept", 0), timeout=10)
    consumer.assign([TopicPartition("kept", 0, 0)])
    messages = consumer.consume(end, timeout=10)
    consumer.close()
    with psycopg.connect(where.postgres) as connection:
        rows = connection.execute("SELECT value FROM kept ORDER BY value").fetchall()
    lines = httpx.post(where.clickhouse, content="SELECT value FROM kept ORDER BY value").text.split()
    return {
        "kafka": sorted(int(message.value() or b"") for message in messages),
        "postgres": [value for (value,) in rows],
        "clickhouse": [int(line) for line in lines],
    }


def test_no_confirmed_write_is_lost_when_each_store_is_killed(folder: Path) -> None:
    """Each store killed with SIGKILL is restarted by the supervisor, on the same address, with all its data."""
    with LocalStack(folder, usual_ports=False) as stack:
        write(stack, 1)
        for store in STORES:
            before = stack.part(store).pid
            stack.kill(store, signal.SIGKILL)
            until(lambda store=store, before=before: stack.part(store).pid not in (before, None))  # type: ignore[misc]
            stack.wait_ready(store)
            assert stack.part(store).restarts >= 1
        assert read(stack) == {store: [1] for store in STORES}
        write(stack, 2)
        assert read(stack) == {store: [1, 2] for store in STORES}


def test_everything_comes_back_after_everything_was_killed(folder: Path) -> None:
    """After SIGKILL of the supervisor and every part, `spillway up` on the same folder has all the data again."""
    command = [sys.executable, "-m", "infra.cli.main", "up", "--stores-only", "--data", str(folder / "data")]
    state = Folder(folder / "data")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as up:
        until(lambda: (record := state.read()) is not None and record.ready)
        record = state.running()
        killed = [part.pid for part in record.parts if part.pid] + [up.pid]
        stack = LocalStack(folder / "data")
        for name in STORES:
            setattr(stack.addresses, name, record.addresses[name])
        write(stack, 7)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
    with LocalStack(folder / "data", usual_ports=False) as again:
        assert read(again) == {store: [7] for store in STORES}
        assert vars(again.addresses) == record.addresses


def test_no_part_outlives_a_killed_supervisor_into_the_next_start(folder: Path) -> None:
    """Parts of a supervisor that was killed are gone by the time the next stack on the folder is ready."""
    command = [sys.executable, "-m", "infra.cli.main", "up", "--stores-only", "--data", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as up:
        until(lambda: (record := Folder(folder).read()) is not None and record.ready)
        parts = [part.identity for part in Folder(folder).running().parts]
        up.kill()
    with LocalStack(folder, only={"postgres"}, usual_ports=False):
        assert [part for part in parts if part is not None and part.process() is not None] == []


def test_a_second_stack_on_a_live_folder_is_refused(folder: Path) -> None:
    """A folder in use is refused with the process that holds it and what to do, and exit code 2 by the command."""
    with LocalStack(folder, only={"postgres"}, usual_ports=False) as stack:
        with pytest.raises(StackRunning, match=rf"process {os.getpid()}\).*spillway down"):
            LocalStack(folder, only={"postgres"}).start()
        command = [sys.executable, "-m", "infra.cli.main", "up", "--stores-only", "--data", str(folder)]
        refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert refused.returncode == 2
        assert "already runs" in refused.stderr
        assert inspect_stack(stack.folder).ready


def test_down_leaves_no_process(folder: Path) -> None:
    """`spillway status` exits 0 while all is ready; after `spillway down` no process of the stack is left."""
    command = [sys.executable, "-m", "infra.cli.main"]
    data = ["--data", str(folder)]
    with subprocess.Popen([*command, "up", "--stores-only", *data], cwd=ROOT, stdout=subprocess.DEVNULL) as up:
        until(lambda: (record := Folder(folder).read()) is not None and record.ready)
        settings = Settings.of_stack(folder)
        status = subprocess.run([*command, "status", *data], cwd=ROOT, capture_output=True, text=True, check=False)
        family = psutil.Process(up.pid).children(recursive=True)
        subprocess.run([*command, "down", *data], cwd=ROOT, check=True, capture_output=True)
        assert up.wait(10) == 0
    assert status.returncode == 0, status.stdout
    assert settings.postgres.rpartition("@")[0] not in status.stdout
    assert [process for process in family if process.is_running()] == []
    after = subprocess.run([*command, "status", *data], cwd=ROOT, capture_output=True, text=True, check=False)
    assert after.returncode == 1
    assert "spillway up" in after.stderr


@pytest.mark.timeout(180)
def test_an_ordinary_user_runs_the_three_stores(folder: Path) -> None:
    """The three stores start, answer and stop for a user without privileges, from a cache that it may write."""
    script = (
        "import sys; from pathlib import Path; from infra.local.stack import LocalStack\n"
        "from infra.local.inspection import inspect_stack\n"
        "with LocalStack(Path(sys.argv[1]), usual_ports=False) as stack:\n"
        "    print(sorted(part.name for part in inspect_stack(stack.folder).parts if part.ready))\n"
    )
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    python = sys.executable
    if account is not None and not may_enter(Path(python).resolve()):
        # Root's own interpreter is out of reach for others; the system's runs the same packages.
        python = "/usr/bin/python3"
    home = folder / "home"
    home.mkdir()
    cache = default_cache()
    if account is not None:
        # The user's own cache is filled before, so that nothing is downloaded twice.
        part, _ = PartsCache(cache).files("kafka", lambda _line: None)
        for file in part.files:
            file.path_in(home / "cache").parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.path_in(cache), file.path_in(home / "cache"))
        for path in [home, *home.rglob("*")]:
            os.chown(path, account.pw_uid, account.pw_gid)
    done = subprocess.run(
        [python, "-c", script, str(home / "data")],
        cwd=ROOT,
        env={
            **os.environ,
            "HOME": str(home),
            "SPILLWAY_CACHE": str(home / "cache"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(httpx.__file__).parents[1])]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("['clickhouse', 'kafka', 'postgres', 'supervisor']")
