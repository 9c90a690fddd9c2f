"""The supervisor, tried with small scripted processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.local.errors import PartFailed
from infra.local.process import HALTED, PartSpec, end_orphan, identity_of
from infra.local.supervisor import PartState, Supervisor

WAIT = "import time; open({ready!r}, 'w').close(); time.sleep(600)"
STUBBORN_WITH_CHILD = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); " + WAIT
)


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(lambda _parts: None, requests=tmp_path / "requests")
    yield supervisor
    supervisor.close()


def scripted(tmp_path: Path, code: str, name: str = "part", timeout: float = 30.0) -> PartSpec:
    """A part that runs `code`, and answers once the file that the code makes is there."""
    ready = tmp_path / f"{name}.ready"
    return PartSpec(
        name=name,
        argv=[sys.executable, "-c", code.format(ready=str(ready), runs=str(tmp_path / "runs"))],
        log=tmp_path / f"{name}.log",
        ready=ready.exists,
        start_timeout=timeout,
        stop_grace=1.0,
    )


def test_a_part_that_ends_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    """Whatever ended it, a part runs again under another pid, and the restart is counted."""
    part = supervisor.start(scripted(tmp_path, WAIT))
    supervisor.wait_ready("part")
    first = part.pid
    supervisor.kill("part", signal.SIGKILL)
    until(lambda: part.pid not in (first, None))
    assert (part.restarts, part.exit_code, part.state) == (1, -9, PartState.RUNNING)


def test_back_off_grows_while_a_part_keeps_failing(supervisor: Supervisor, tmp_path: Path) -> None:
    """A part that fails at once is tried less and less often, and the error shows the end of its log."""
    supervisor.start(scripted(tmp_path, "import sys; open({runs!r}, 'a').write('x'); sys.exit('no such thing')"))
    began = time.monotonic()
    with pytest.raises(PartFailed, match=r"(?s)part ended with exit code 1.*no such thing"):
        supervisor.wait_ready("part")
    # 0.2 + 0.4 + 0.8 + 1.6 s lie between its first five ends.
    assert time.monotonic() - began > 2.5
    assert len((tmp_path / "runs").read_text()) == 5


def test_a_part_that_never_answers_is_reported(supervisor: Supervisor, tmp_path: Path) -> None:
    """Running is not ready: a part whose protocol stays silent fails the start after its time."""
    supervisor.start(scripted(tmp_path, "import time; time.sleep(600)", timeout=0.5))
    with pytest.raises(PartFailed, match="part does not answer after"):
        supervisor.wait_ready("part")


def test_a_halted_part_stays_stopped_until_it_is_asked_for(supervisor: Supervisor, tmp_path: Path) -> None:
    """The exit code for "halted" is not restarted; a request by name starts the part again."""
    code = "import os, sys; again = os.path.exists({runs!r}); open({runs!r}, 'a').close()\n"
    code += f"if not again: sys.exit({HALTED})\n" + WAIT
    part = supervisor.start(scripted(tmp_path, code))
    until(lambda: part.state is PartState.HALTED)
    assert (part.restarts, part.pid) == (0, None)
    (tmp_path / "requests").mkdir()
    (tmp_path / "requests" / "part").touch()
    until(lambda: part.state.value == "running")
    supervisor.wait_ready("part")


def test_stopping_ends_the_whole_process_group(supervisor: Supervisor, tmp_path: Path) -> None:
    """A part that ignores the stop signal is killed after its grace, and its own children end with it."""
    part = supervisor.start(scripted(tmp_path, STUBBORN_WITH_CHILD))
    supervisor.wait_ready("part")
    assert part.pid is not None
    family = [psutil.Process(part.pid), *psutil.Process(part.pid).children(recursive=True)]
    assert len(family) == 2
    supervisor.stop("part")
    until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family))
    assert part.state is PartState.STOPPED


def test_parts_end_with_a_killed_supervisor(tmp_path: Path) -> None:
    """When the supervisor's process is killed, its part ends too, or the next start ends it by its identity."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom infra.local.process import PartSpec\n"
        "from infra.local.supervisor import Supervisor\n"
        "s = Supervisor(lambda parts: None)\n"
        "argv = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "p = s.start(PartSpec(name='p', argv=argv, log=Path(sys.argv[1]), ready=lambda: True))\n"
        "print(p.pid, flush=True)\ntime.sleep(600)\n"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code, str(tmp_path / "p.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as killed:
        assert killed.stdout is not None
        orphan = identity_of(int(killed.stdout.readline()))
        killed.kill()
    end_orphan(orphan, grace=5.0)
    assert orphan.process() is None


def test_a_pid_given_to_another_process_is_left_alone() -> None:
    """An orphan is recognised by pid and birth together; a process that only has the pid is not touched."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True) as other:
        identity = identity_of(other.pid)
        impostor = type(identity)(identity.pid, "another birth")
        assert not end_orphan(impostor, grace=1.0)
        assert other.poll() is None
        assert end_orphan(identity, grace=5.0) or other.poll() is not None
