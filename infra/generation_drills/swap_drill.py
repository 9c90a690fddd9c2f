"""The model of a rung is swapped to and fro under load, as an operator does it: nothing may be dropped, nor be late."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from infra.generation_drills.fault_drill import a_load
from infra.generation_drills.measures import Group, group, reasons, sent_between
from infra.generation_drills.server import MODEL
from infra.generation_drills.turns import Turn, read_turns
from infra.local.errors import StackError
from infra.local.stack import LocalStack
from infra.local.triton import REPOSITORY
from infra.summary import come_to_rest
from infra.wiring import build_codec

GREEN: Final = "drill-green"
SWAP_WITHIN: Final = 120.0
RUNG: Final = "small_model"
Say = Callable[[str], None]


@dataclass(frozen=True)
class SwapPlan:
    """rates: turns a second by tenant. knobs: of the model on either side. swaps: how many. Seconds: `deadline` of a
    turn, `seconds` of load before the first swap and after each."""

    rates: Mapping[str, float]
    deadline: float
    knobs: Mapping[str, str]
    swaps: int = 2
    seconds: float = 15.0
    seed: int = 3


@dataclass(frozen=True)
class SwapReport:
    """`before`, `during`: turns sent before the first swap, and while one was under way. `by_model`: turns that each
    made. `took`: seconds of each swap, loading and waiting for the older one's last turn included."""

    all: Group
    before: Group
    during: Group
    by_model: dict[str, int]
    took: list[float]
    late: int
    late_before: int
    unanswered: int
    why: dict[str, int]


def swap_drill(stack: LocalStack, plan: SwapPlan, say: Say) -> SwapReport:
    """Runs it on a stack with the tenants of the drills. Raises StackError where a swap fails, NotAtRest."""
    settings = stack.settings()
    spans: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="spillway-swap-") as scratch:
        models = {name: written(Path(scratch), name, plan.knobs) for name in (GREEN, MODEL)}
        with a_load(settings, plan.rates, plan.deadline, plan.seed) as load:
            _wait(plan.seconds)
            for number in range(plan.swaps):
                name = (GREEN, MODEL)[number % 2]
                began = time.time()
                source = ["--from", str(models[name])] if number == 0 else []
                _spillway(stack, "models", "swap", RUNG, name, *source)
                spans.append((began, time.time()))
                say(f"swapped to {name} in {time.time() - began:.1f} s; {len(load.asked):,} turns sent so far")
                _wait(plan.seconds)
            asked = load.finish()
    come_to_rest(settings, patience=120)
    return reported(read_turns(settings.kafka, asked, build_codec(settings)), spans)


def reported(turns: list[Turn], spans: list[tuple[float, float]]) -> SwapReport:
    """The figures of these turns. spans: from when to when each swap was under way, seconds UTC."""
    before = sent_between(turns, 0.0, spans[0][0])
    during = [t for span in spans for t in sent_between(turns, *span)]
    made = Counter(t.generated.model for t in turns if t.made and t.generated is not None)
    return SwapReport(
        all=group(turns),
        before=group(before),
        during=group(during),
        by_model=dict(made.most_common()),
        took=[round(end - begin, 1) for begin, end in spans],
        late=sum(not t.in_time for t in turns),
        late_before=sum(not t.in_time for t in before),
        unanswered=sum(t.replied_at is None for t in turns),
        why=reasons(turns),
    )


def written(folder: Path, name: str, knobs: Mapping[str, str]) -> Path:
    """The model `small` under another name, with these parameters, as a folder below `folder`."""
    target = folder / name
    shutil.copytree(REPOSITORY / MODEL, target)
    file = target / "config.pbtxt"
    config = text_format.Parse(file.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    config.name = name
    for knob, value in knobs.items():
        config.parameters[knob].string_value = value
    file.write_text(text_format.MessageToString(config), encoding="utf-8")
    return target


def _spillway(stack: LocalStack, *command: str) -> None:
    """Runs the command as an operator does. Raises StackError with what it said."""
    words = [sys.executable, "-m", "infra.cli.main", *command, "--data", str(stack.folder.path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SWAP_WITHIN, check=False)
    if done.returncode != 0:
        raise StackError(f"spillway {' '.join(command)}: {done.stderr or done.stdout}")


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)
