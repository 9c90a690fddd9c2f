"""`spillway bench generation`: faults, swaps, a burst and the overhead of generation, each on a stack of its own."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from infra.cli.options import AsJsonLater
from infra.local.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Hurt, swap, flood and measure generation, on a stack of its own with a real Triton server.",
)
Tenants = Annotated[int, typer.Option(min=2, help="Tenants that send turns.")]
Rate = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(min=0.1, help="Turns a second, of all tenants; default: half of what the pool makes, measured first."),
]
Deadline = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Of each turn.")]
TokenMs = Annotated[float, typer.Option(min=0.1, help="Milliseconds that the healthy model takes for a token.")]
Slots = Annotated[int, typer.Option(min=1, help="Turns that the pool makes at once.")]
Seed = Annotated[int, typer.Option(help="What happens when.")]
Kept = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--data", metavar="DIR", help="Keep the stack's data here; default: nowhere."),
]


@app.callback()
def group() -> None:
    """Hurt, swap, flood and measure generation, on a stack of its own with a real Triton server."""


@app.command()
def faults(
    fault: Annotated[Optional[list[str]], typer.Option("--fault", metavar="NAME", help="Only this one.")] = None,  # noqa: UP045
    tenants: Tenants = 12,
    rate: Rate = None,
    deadline: Deadline = 8.0,
    token_ms: TokenMs = 15.0,
    slots: Slots = 16,
    seed: Seed = 1,
    data: Kept = None,
    as_json: AsJsonLater = False,
) -> None:
    """Kill, stop, slow down and starve the model's server under load; exit code 1 where a promise is broken.

    Counted: turns answered in time and by which rung, seconds until models make replies as before, processes left over,
    turns lost or answered twice, and the ledger.

    \b
    Examples:
      spillway bench generation faults
      spillway bench generation faults --fault killed --fault stopped --json
    """
    from infra.generation_drills.faults import NAMES, OF_THE_WORKER
    from infra.generation_drills.runs import How, half_of_capacity, run_faults, running
    from infra.generation_drills.showing import shown_faults

    known = (*NAMES, *OF_THE_WORKER)
    if unknown := sorted({*(fault or ())} - {*known}):
        raise typer.BadParameter(f"there is no fault {unknown[0]!r}; there are {', '.join(known)}")
    how = How(tenants, rate, deadline, token_ms, slots, wanted=fault or known, seed=seed, data=data)
    with _told(), running(how, _say) as (stack, server):
        found = run_faults(stack, server, how, half_of_capacity(stack, how, _say), _say)
    _print("faults", found, shown_faults(found), as_json)
    if broken := found.broken():
        raise StackError("; ".join(broken))


@app.command()
def swap(
    swaps: Annotated[int, typer.Option(min=1, help="To the other model, and back, and so on.")] = 2,
    tenants: Tenants = 12,
    rate: Rate = None,
    deadline: Deadline = 8.0,
    token_ms: TokenMs = 15.0,
    slots: Slots = 16,
    seed: Seed = 1,
    data: Kept = None,
    as_json: AsJsonLater = False,
) -> None:
    """Swap the model under load: what is dropped or late, before and during.

    \b
    Examples:
      spillway bench generation swap --swaps 4
    """
    from infra.generation_drills.runs import How, half_of_capacity, run_swaps, running
    from infra.generation_drills.showing import shown_swaps

    how = How(tenants, rate, deadline, token_ms, slots, swaps=swaps, seed=seed, data=data)
    with _told(), running(how, _say) as (stack, _):
        found = run_swaps(stack, how, half_of_capacity(stack, how, _say), _say)
    _print("swap", found, shown_swaps(found), as_json)


@app.command()
def burst(
    seconds: Annotated[float, typer.Option(min=5, help="Of the usual load, and of the burst, in each round.")] = 60.0,
    rounds: Annotated[int, typer.Option(min=1, help="Usual load, then the burst, so often.")] = 3,
    tenants: Tenants = 12,
    rate: Rate = None,
    deadline: Deadline = 8.0,
    token_ms: TokenMs = 15.0,
    slots: Slots = 16,
    seed: Seed = 1,
    data: Kept = None,
    as_json: AsJsonLater = False,
) -> None:
    """One tenant of a fifth of the load sends ten times as much: the others' p99, and who is served what.

    \b
    Examples:
      spillway bench generation burst
      spillway bench generation burst --rounds 1 --rate 10
    """
    from infra.generation_drills.runs import How, half_of_capacity, run_burst, running
    from infra.generation_drills.showing import shown_burst

    how = How(tenants, rate, deadline, token_ms, slots, seconds, rounds, seed=seed, data=data)
    with _told(), running(how, _say) as (stack, _):
        found = run_burst(stack, how, half_of_capacity(stack, how, _say), _say)
    _print("burst", found, shown_burst(found), as_json)


@app.command()
def overhead(
    concurrency: Annotated[str, typer.Option(metavar="N,N…", help="Generations at once.")] = "16",
    rounds: Annotated[int, typer.Option(min=1, help="Straight, then through; the medians count.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, help="Of each way in a round.")] = 20.0,
    tenants: Tenants = 4,
    token_ms: TokenMs = 30.0,
    generator: Annotated[
        str, typer.Option(metavar="NAME", help="Of `small`: extractive, or pointer, which computes.")
    ] = "extractive",
    model: Annotated[str, typer.Option(metavar="NAME", help="The server's; of `small` the speed is set.")] = "small",
    triton: Annotated[str, typer.Option(metavar="HOST:PORT", help="A server elsewhere; default: one here.")] = "",
    data: Kept = None,
    as_json: AsJsonLater = False,
) -> None:
    """The same requests straight to Triton and through the pipeline: tokens a second, seconds to the first text.

    \b
    Examples:
      spillway bench generation overhead
      spillway bench generation overhead --concurrency 64,256,1024 --model vllm --triton 127.0.0.1:8001
    """
    from infra.generation_drills.runs import How, run_overhead
    from infra.generation_drills.showing import shown_overhead

    sizes = _numbers("--concurrency", concurrency)
    how = How(tenants, None, 60.0, token_ms, max(sizes), seconds, rounds, at_once=sizes, data=data, generator=generator)
    with _told():
        found = run_overhead(how, _say, model, triton)
    _print("overhead", found, shown_overhead(found), as_json)


@app.command()
def classifiers(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A folder, or a bundle's name.")] = "intent-accurate",
    runtime: Annotated[str, typer.Option(help="cpu, cuda, or grpc://HOST:PORT of a Triton.")] = "cpu",
    concurrency: Annotated[str, typer.Option(metavar="N,N…", help="Texts at once.")] = "1,64,256",
    seconds: Annotated[float, typer.Option(min=0.1, help="For each size.")] = 3.0,
    as_json: AsJsonLater = False,
) -> None:
    """Texts a second that a classifier does: on the processor, on a GPU (CUDA), or on a Triton server.

    \b
    Examples:
      spillway bench generation classifiers
      spillway bench generation classifiers intent-accurate --runtime cuda --concurrency 64,256,1024
    """
    from infra.generation_drills.classifiers import measure_classifiers
    from infra.generation_drills.showing import shown_classified
    from infra.models.loading import runners
    from infra.models.settings import ModelSettings
    from infra.models.store import ModelStore
    from infra.settings import DEFAULT_DATA

    where = runners(ModelSettings.from_env({"SPILLWAY_MODEL_RUNTIME": runtime}))
    folder = ModelStore(DEFAULT_DATA / "models").find(bundle)
    with _told():
        found = measure_classifiers(folder, runtime, where, _numbers("--concurrency", concurrency), seconds)
    _print("classifiers", found, shown_classified(found), as_json)


def _numbers(option: str, text: str) -> tuple[int, ...]:
    words = text.split(",")
    if not all(word.isdigit() and int(word) > 0 for word in words):
        raise typer.BadParameter(f"{option}: {text!r}: whole numbers with commas between are meant, such as 64,256")
    return tuple(int(word) for word in words)


def _print(name: str, found: Any, text: str, as_json: bool) -> None:
    from infra.generation_drills.runs import as_plain

    typer.echo(json.dumps({name: as_plain(found)}, indent=1) if as_json else text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong outside, in a line."""
    from confluent_kafka import KafkaException
    from tritonclient.utils import InferenceServerException

    from infra.summary import NotAtRest
    from streams.models.bundle import BundleRefused
    from streams.models.runner import CannotRun

    try:
        yield
    except (BundleRefused, CannotRun, NotAtRest) as why:
        raise StackError(str(why)) from why
    except (KafkaException, InferenceServerException) as why:
        raise StackError(f"the stack of this measurement failed: {why}") from why
