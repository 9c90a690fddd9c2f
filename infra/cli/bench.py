"""`spillway bench`: measures this machine."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from infra.cli import (
    bench_cache,
    bench_figures,
    bench_flow,
    bench_generation,
    bench_hop,
    bench_rebuild,
    bench_rehearse,
    bench_scale,
    bench_sessions,
    bench_soak,
)
from infra.cli.bench_replay import Stretched, replayed, replayed_beside
from infra.cli.options import DEFAULT_DATA, AsJson, Data, Share
from infra.replaying.running import How

Text = Optional[str]  # noqa: UP045
app = typer.Typer(no_args_is_help=True, help="Measure this machine.")
app.add_typer(bench_generation.app, name="generation")
app.command(name="cache")(bench_cache.command)
app.command(name="scale")(bench_scale.command)
app.command(name="rehearse")(bench_rehearse.command)
app.command(name="figures")(bench_figures.command)
app.command(name="flow")(bench_flow.flow)
app.command(name="freshness")(bench_flow.freshness)
app.command(name="burst")(bench_flow.burst)
app.command(name="hop")(bench_hop.command)
app.command(name="rebuild")(bench_rebuild.command)
app.command(name="sessions")(bench_sessions.command)
app.command(name="soak")(bench_soak.command)


@app.callback()
def group() -> None:
    """Measure this machine."""


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
