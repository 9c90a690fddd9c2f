"""`spillway bench flow`, `freshness` and `burst`: the whole pipeline under load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from confluent_kafka import KafkaException
from rich.console import Console
from rich.table import Table

from infra.benches.burst import BurstPlan, BurstResult, measure_burst
from infra.benches.flow import FlowResult, Plan, measure_flow
from infra.benches.frame import BenchError, write
from infra.benches.freshness import FreshnessResult, FreshPlan, measure_freshness
from infra.benches.stack import bench_stack
from infra.cli.options import DEFAULT_DATA, Data
from infra.demo import CONVERSATIONS
from infra.recordings import read_recordings

JsonFile = Annotated[Optional[Path], typer.Option("--json", metavar="FILE", help="Also write the result as JSON.")]  # noqa: UP045
HtmlFile = Annotated[Optional[Path], typer.Option("--html", metavar="FILE", help="Also write a page with plots.")]  # noqa: UP045
Conversations = Annotated[
    Path,
    typer.Option(
        "--data-file",
        metavar="FILE",
        help="Recorded conversations, as of spillway play; default: the demo's.",
        show_default=False,
    ),
]
Rounds = Annotated[int, typer.Option(min=1, help="Repetitions that count; medians and spread are told.")]


def flow(
    from_rate: Annotated[float, typer.Option(min=1, metavar="R", help="Turns a second to begin with.")] = 200.0,
    to_rate: Annotated[float, typer.Option(min=1, metavar="R", help="Nothing above this is tried.")] = 4000.0,
    rate: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(min=1, metavar="R", help="Only this rate; nothing is looked for."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=5, help="Of each hold of the search.")] = 30.0,
    hold: Annotated[float, typer.Option(min=5, help="Seconds of the holds that count, at the rate found.")] = 30.0,
    rounds: Rounds = 3,
    data_file: Conversations = CONVERSATIONS,
    data: Data = DEFAULT_DATA,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
) -> None:
    """Find the highest rate of turns that the whole pipeline holds on this machine, and what each part takes of it.

    All stages, both projections, the ledger, and the load generator itself. A rate is held if p99, from when a message
    was to arrive until its reply was read, stays below 500 ms, no reader falls behind, and no turn is unanswered. The
    search is by short holds; the rate found is then held `--rounds` times for `--hold` seconds, 5 % lower as often as
    that fails. Then everything rests, and every turn sent is held against the log, both stores and the ledger.

    The stack that runs on DIR is used, and given a tenant `bench` whose replies come from fast rungs; else one is
    started in a temporary folder. Conversations are played round and round, each time in a session of its own.
    Exit code 1 where a turn is missing, doubled or unaccounted for.

    \b
    Examples:
      spillway bench flow
      spillway bench flow --rate 600 --hold 60 --rounds 1
      spillway bench flow --from-rate 1000 --hold 300 --rounds 1 --json flow.json --html flow.html
    """
    if rate is None and from_rate > to_rate:
        raise BenchError(f"--from-rate {from_rate:g} is above --to-rate {to_rate:g}")
    talks, plan = read_recordings(data_file), Plan(from_rate, to_rate, rate, seconds, hold, rounds)
    with _told(), bench_stack(data, _say) as stack:
        result = measure_flow(stack, talks, plan, _say)
    write(result, json_file, html_file)
    _show_flow(result)
    if not result.sound:
        raise BenchError("turns are missing, or the stores and the ledger do not agree; see above")


def freshness(
    rate: Annotated[float, typer.Option(min=1, metavar="R", help="Turns a second.")] = 2000.0,
    seconds: Annotated[float, typer.Option(min=5, help="Of each round.")] = 30.0,
    rounds: Rounds = 3,
    data_file: Conversations = CONVERSATIONS,
    data: Data = DEFAULT_DATA,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
) -> None:
    """Measure how long it takes from an event in the log until it can be read in ClickHouse and in PostgreSQL.

    Under load, both stores are asked by SELECT again and again which events they have; an event counts as readable
    when such an answer came back. Every event of the load is measured. Where the machine does not hold the rate, that
    is said, and lower rates are measured until one is held.

    \b
    Examples:
      spillway bench freshness
      spillway bench freshness --rate 500 --rounds 1 --json freshness.json
    """
    talks, plan = read_recordings(data_file), FreshPlan(rate, seconds, rounds)
    with _told(), bench_stack(data, _say) as stack:
        result = measure_freshness(stack, talks, plan, _say)
    write(result, json_file, html_file)
    _show_freshness(result)


def burst(
    base: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(min=0.5, metavar="R", help="Turns a second usually; default: capacity / times."),
    ] = None,
    capacity: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(min=1, metavar="R", help="Turns a second that the machine holds; default: looked for first."),
    ] = None,
    times: Annotated[float, typer.Option(min=1, help="So many times as much in the burst.")] = 10.0,
    seconds: Annotated[float, typer.Option(min=2, help="Of the burst.")] = 60.0,
    rounds: Rounds = 1,
    data_file: Conversations = CONVERSATIONS,
    data: Data = DEFAULT_DATA,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
) -> None:
    """Send ten times as much for a minute on top of a base load: who is answered in time, by which rung, and how long
    it takes until everything is worked off.

    In time: by the turn's deadline, by any rung. Worked off: no reader is a second of the base load further behind
    than before the burst. Without `--base` it is so that the burst is what the machine holds: `--capacity`, else what
    a short search finds.

    \b
    Examples:
      spillway bench burst --base 100
      spillway bench burst --capacity 2000 --json burst.json --html burst.html
    """
    talks, plan = read_recordings(data_file), BurstPlan(base, capacity, times, seconds, rounds)
    with _told(), bench_stack(data, _say) as stack:
        result = measure_burst(stack, talks, plan, _say)
    write(result, json_file, html_file)
    _show_burst(result)


class _told:
    """What went wrong, in a line: an error of the broker."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KafkaException):
            raise BenchError(f"the broker does not answer ({error}); see: spillway status") from error


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _show_flow(result: FlowResult) -> None:
    console = Console(highlight=False)
    console.print(result.headline)
    table = Table("", "µs on a core a turn", "share")
    total = result.cpu_us_per_turn.median or 1.0
    for name, us in result.cpu_us_by_part.items():
        table.add_row(name, f"{us:,.1f}", f"{us / total:.0%}")
    table.add_row("all", f"{result.cpu_us_per_turn.median:,.1f}", "")
    console.print(table)
    _end(console, result)


def _show_freshness(result: FreshnessResult) -> None:
    console = Console(highlight=False)
    console.print(result.headline)
    table = Table("readable in", "p50 ms", "p95 ms", "max ms")
    for store, figures in result.by_store().items():
        table.add_row(store, *(spread.shown() for spread in figures))
    console.print(table)
    _end(console, result)


def _show_burst(result: BurstResult) -> None:
    console = Console(highlight=False)
    console.print(result.headline)
    table = Table("rung", "turns of the burst", "in time")
    for rung, (turns, share) in result.by_rung.items():
        table.add_row(rung, f"{turns:,}", f"{share:.3%}")
    console.print(table)
    _end(console, result)


def _end(console: Console, result: FlowResult | FreshnessResult | BurstResult) -> None:
    console.print(result.limit, soft_wrap=True)
    console.print(result.machine.sentence, soft_wrap=True)
