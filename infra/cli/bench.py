"""`spillway bench`: measures this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.table import Table

from infra.cli import bench_cache, bench_generation
from infra.cli.bench_replay import Stretched, replayed, replayed_beside
from infra.cli.options import DEFAULT_DATA, AsJson, Data, Share
from infra.hop_bench import BenchFailed, Result, measure
from infra.local.errors import StackError, StackNotRunning
from infra.local.stack import LocalStack
from infra.replaying.running import How
from infra.settings import Settings, SettingsError

Text = Optional[str]  # noqa: UP045
app = typer.Typer(no_args_is_help=True, help="Measure this machine.")
app.add_typer(bench_generation.app, name="generation")
app.command(name="cache")(bench_cache.command)


@app.callback()
def group() -> None:
    """Measure this machine."""


@app.command()
def hop(
    json_file: Annotated[
        Optional[Path], typer.Option("--json", metavar="FILE", help="Also write the result as JSON.")  # noqa: UP045
    ] = None,
    records: Annotated[int, typer.Option(min=10_000, help="Records a contender copies in a round.")] = 200_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the medians count.")] = 3,
    rate: Annotated[int, typer.Option(min=100, help="Records a second for the latency.")] = 4000,
    seconds: Annotated[float, typer.Option(min=2, help="Seconds for which the latency is measured.")] = 10.0,
    data: Data = DEFAULT_DATA,
) -> None:
    """Measure one hop: read, write, see it confirmed, commit; 300-byte records through a stage that does nothing.

    Against the same client in a bare loop, and against Faust as its tutorial has it, in turn on the same broker: the
    one of the stack on DIR where one runs, else one of its own. Then the latency of a hop at a steady rate.

    \b
    Examples:
      spillway bench hop
      spillway bench hop --json hop.json --rounds 5
    """
    console = Console(stderr=True, highlight=False)
    try:
        with _broker(data, console) as bootstrap:
            result = measure(bootstrap, records, rounds, rate, seconds, console.print)
    except BenchFailed as failed:
        raise StackError(str(failed)) from failed
    _show(result)
    if json_file is not None:
        json_file.write_text(result.as_json() + "\n", encoding="utf-8")


@app.command()
def replay(
    from_: Annotated[Text, typer.Option("--from", metavar="T", help="As of replay; else earliest.")] = None,
    to: Annotated[str, typer.Option(metavar="T", help="As of spillway replay.")] = "now",
    sessions: Annotated[Optional[int], typer.Option(min=1, metavar="N", help="N conversations of it.")] = None,  # noqa: UP045
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    full_priority: Annotated[bool, typer.Option("--full-priority", help="Do not step back for others.")] = False,
    share: Share = 1.0,
    beside: Annotated[bool, typer.Option("--beside", help="Instead: what it costs customers.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="With --beside: without and with a replay, so often.")] = 3,
    rate: Annotated[float, typer.Option(min=1, help="With --beside: messages a second.")] = 200.0,
    seconds: Annotated[float, typer.Option(min=1, help="With --beside: of a round.")] = 30.0,
    as_json: AsJson = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Replay a stretch of the running stack as live was, compare it with live, and say how fast that was.

    Conversations a second over both, where the time goes, what every part computed (its own processes, ClickHouse,
    Kafka), and whether it decided the same. The run is removed. With --beside: conversations are played at a steady
    rate, in turn without and with a replay of that stretch beside them, and the latency of both is told.

    \b
    Examples:
      spillway bench replay
      spillway bench replay --from -2h --sessions 10000 --json
      spillway bench replay --beside --rounds 5 --workers 1 --share 0.2
    """
    asked = Stretched(from_ or "earliest", to, sessions)
    how = How(workers, aside=not full_priority, share=share)
    said, text = replayed_beside(data, asked, how, rounds, rate, seconds) if beside else replayed(data, asked, how)
    typer.echo(said if as_json else text)


@contextmanager
def _broker(data: Path, console: Console) -> Iterator[str]:
    """The bootstrap string of the running stack's broker, else of a new one."""
    try:
        yield Settings.find(data).kafka
        return
    except (StackNotRunning, SettingsError):
        console.print("no stack runs: a broker is started for this")
    with (
        tempfile.TemporaryDirectory(prefix="spillway-bench-", ignore_cleanup_errors=True) as folder,
        LocalStack(Path(folder), only={"kafka"}, usual_ports=False) as stack,
    ):
        Path(folder).chmod(0o755)
        yield stack.addresses.kafka or ""


def _show(result: Result) -> None:
    table = Table("", "records/s", "of raw")
    for name, per_s in (("raw", result.raw_per_s), ("stage", result.stage_per_s), ("faust", result.faust_per_s)):
        table.add_row(_NAMES[name], f"{per_s:,.0f}", f"{per_s / result.raw_per_s:.2f}")
    console = Console()
    console.print(table)
    late = result.latency_ms
    console.print(
        f"a hop at {result.latency_rate_per_s}/s: p50 {late.p50} ms, p95 {late.p95} ms, p99 {late.p99} ms; "
        f"ratio {result.ratio}",
        highlight=False,
    )


_NAMES = {
    "raw": "librdkafka in a bare loop",
    "stage": "a stage that does nothing",
    "faust": "Faust, one event at a time",
}
