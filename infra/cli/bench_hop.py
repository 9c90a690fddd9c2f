"""`spillway bench hop`: what one hop of the data plane does, and how long it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.table import Table

from infra.benches.frame import BenchError, Say, write
from infra.benches.hop import measure
from infra.benches.hop_result import NAMES, Result
from infra.benches.quix_env import quix_python
from infra.cli.options import DEFAULT_DATA, Data
from infra.local.errors import StackNotRunning
from infra.local.packages import PartsCache
from infra.local.stack import LocalStack
from infra.settings import Settings, SettingsError


def command(
    json_file: Annotated[
        Optional[Path], typer.Option("--json", metavar="FILE", help="Also write the result as JSON.")  # noqa: UP045
    ] = None,
    html_file: Annotated[
        Optional[Path], typer.Option("--html", metavar="FILE", help="Also write a page with plots.")  # noqa: UP045
    ] = None,
    records: Annotated[int, typer.Option(min=10_000, help="Records a contender copies in a round.")] = 200_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, after one that does not count.")] = 3,
    rate: Annotated[int, typer.Option(min=100, help="Records a second for the latency.")] = 4000,
    seconds: Annotated[float, typer.Option(min=2, help="Seconds for which the latency is measured.")] = 10.0,
    without: Annotated[Optional[list[str]], typer.Option(metavar="NAME", help="Leave out: quix.")] = None,  # noqa: UP045
    data: Data = DEFAULT_DATA,
) -> None:
    """Measure one hop: read, write, see it confirmed, commit; 300-byte records through a stage that does nothing.

    Against the same client in a bare loop, both also with Avro decoded and encoded, and against other frameworks: Faust
    as its tutorial has it, Faust at its best, and Quix Streams, whose environment is made on first use (about 30 MB).
    Each is a process of its own, in turn on the same broker: the one of the stack on DIR where one runs, else one of
    its own. Then the latency of a hop at a steady rate.

    \b
    Examples:
      spillway bench hop
      spillway bench hop --json hop.json --html hop.html --rounds 5
      spillway bench hop --without quix
    """
    left_out = set(without or ())
    if unknown := left_out - {"quix"}:
        raise BenchError(f"--without {sorted(unknown)[0]}: there is only quix to leave out")
    console = Console(stderr=True, highlight=False)
    quix = None if "quix" in left_out else partial(quix_python, PartsCache(), console.print)
    with a_broker(data, console.print) as bootstrap:
        result = measure(bootstrap, records, rounds, rate, seconds, console.print, quix)
    _show(result)
    write(result, json_file, html_file)


@contextmanager
def a_broker(data: Path, say: Say) -> Iterator[str]:
    """The bootstrap string of the running stack's broker, else of a new one."""
    try:
        yield Settings.find(data).kafka
        return
    except (StackNotRunning, SettingsError):
        say("no stack runs: a broker is started for this")
    with (
        tempfile.TemporaryDirectory(prefix="spillway-bench-", ignore_cleanup_errors=True) as folder,
        LocalStack(Path(folder), only={"kafka"}, usual_ports=False) as stack,
    ):
        Path(folder).chmod(0o755)
        yield stack.addresses.kafka or ""


def _show(result: Result) -> None:
    table = Table("", "records/s", "of raw", "µs of its processor a record")
    for name, spread in result.by_name().items():
        of_raw = f"{spread.median / result.raw_per_s.median:.2f}"
        table.add_row(NAMES[name], spread.shown(), of_raw, f"{result.cpu_us_per_record[name]:.1f}")
    console = Console(highlight=False)
    console.print(table)
    if result.quix_note:
        console.print(f"Quix Streams did not run: {result.quix_note.splitlines()[0]}")
    for name, of_rounds in (
        ("on bytes, stage to raw", result.ratio),
        ("with Avro, stage to raw loop with Avro", result.avro_ratio),
        ("with Avro, stage to raw loop on bytes", result.avro_to_bytes_ratio),
    ):
        console.print(f"{name}: {of_rounds.shown(3)}")
    for goal, reached in result.reached.items():
        console.print(f"{goal}: {'reached' if reached else 'not reached'}")
    late = f"p50 {result.p50_ms} ms, p95 {result.p95_ms} ms, p99 {result.p99_ms} ms"
    console.print(f"a hop at {result.latency_rate_per_s}/s: {late}")
    console.print(f"{result.limit}\n{result.machine.sentence}", soft_wrap=True)
