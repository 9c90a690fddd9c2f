"""Models are activated and taken back in a whole stack under traffic, and its worker killed meanwhile."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from infra.cli.models import app
from infra.cli.status import command as status
from infra.local.inspection import inspect_stack
from infra.local.stack import LocalStack
from schemas.catalogue import SIGNALS
from schemas.codec import Codec
from schemas.events import Record
from streams.log import read_to_end
from tests.bundles import a_hashed_bundle
from tests.faults.drill import until
from tests.faults.whole_stack import Traffic, verdict

pytestmark = [pytest.mark.stack, pytest.mark.faults]


def test_models_change_under_traffic_and_nothing_is_lost_or_doubled(
    stack: LocalStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each signal names the old or the new model, every message has one answer, and the stores agree with the log."""
    data, tasks = str(stack.folder.path), ("intent", "sentiment")
    bundles = {task: a_hashed_bundle(tmp_path / f"new-{task}", task=task) for task in tasks}
    old = {task: _in_force(stack, task) for task in tasks}
    try:
        with Traffic(stack.settings()) as traffic:
            until(lambda: all(_made(stack)[old[task]] for task in tasks), "signals by the models before")
            new = {task: _run("activate", str(bundles[task]), "--data", data) for task in tasks}
            until(lambda: all(_made(stack)[new[task]] >= 20 for task in tasks), "signals by the new models")
            assert {task: _in_force(stack, task) for task in tasks} == new
            stack.kill("worker", signal.SIGKILL)
            before = _made(stack)
            for task in tasks:
                _run("withdraw", task, "--data", data)
            stack.wait_ready("worker")
            until(lambda: all(_made(stack)[old[t]] >= before[old[t]] + 20 for t in tasks), "the old models again")
    finally:
        for task in tasks:
            _run("withdraw", task, "--in", "0", "--data", data)
    assert traffic.failed == []
    assert verdict(stack, traffic).problems() == []
    assert set(_made(stack)) <= {*old.values(), *new.values(), _in_force(stack, "entities")}
    with pytest.raises(typer.Exit):
        status(stack.folder.path)
    assert old["intent"] in capsys.readouterr().out


def _run(*words: str) -> str:
    """The command; its fingerprint."""
    said = CliRunner().invoke(app, [*words, "--json"], env={"SPILLWAY_KAFKA": None})
    assert said.exit_code == 0, said.output
    return str(json.loads(said.stdout)["fingerprint"])


def _in_force(stack: LocalStack, stage: str) -> str:
    """What the worker says that it uses, of the tenants without an activation of their own."""
    return str(inspect_stack(stack.folder).models[stage]["in_force"]["*"])


def _made(stack: LocalStack) -> Counter[str]:
    """How many signals each model has made."""
    records = read_to_end(stack.addresses.kafka or "", [SIGNALS], Codec())
    return Counter(r.event.meta.made_by.fingerprint for r in records if isinstance(r, Record))
