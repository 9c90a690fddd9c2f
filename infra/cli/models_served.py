"""`spillway models load|unload|swap`: the models of the Triton server that generates."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from infra.cli.options import AHEAD, DEFAULT_DATA, AsJsonLater, By, Data, operator
from infra.local.errors import StackError
from infra.models.activation import publish, when
from infra.settings import Settings, triton_address
from infra.wiring import build_codec, open_control
from schemas.validation import GENERATING

if TYPE_CHECKING:
    from streams.models.triton_control import TritonControl

At = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--triton", metavar="HOST:PORT", help="The server's gRPC address; default: that of the stack."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The model's name on the server.")]
From = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--from", metavar="DIR", help="First copy this model, a folder or a model's name, to the local server as NAME."
    ),
]
Timeout = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="For each step.")]


def load(
    name: Name,
    source: From = None,
    triton: At = None,
    timeout: Timeout = 120.0,
    data: Data = DEFAULT_DATA,
    as_json: AsJsonLater = False,
) -> None:
    """Load a model on the Triton server, and ask it for a short reply. No turn goes to it before a swap.

    A model that does not load, or does not answer, is an error; one that was loaded under the name serves on.

    \b
    Examples:
      spillway models load vllm
      spillway models load small-2 --from ./small-2
      spillway models load small --triton 10.0.0.7:8001
    """
    from infra.models.serving import bring, probe

    with _server(triton, data) as server, _errors(as_json):
        if source is not None:
            _say(as_json, f"copied to {bring(source, name, data / 'triton' / 'models')}")
        began = time.monotonic()
        server.load(name, timeout)
        seconds = time.monotonic() - began
        probed = probe(server.url, name, {}, timeout)
    if as_json:
        row = {"ok": True, "model": name, "load_seconds": round(seconds, 3)}
        typer.echo(json.dumps({**row, **probed._asdict()}, indent=2))
        return
    typer.echo(
        f"{probed.fingerprint} is loaded ({seconds:.1f} s) and answers: {probed.tokens} tokens in "
        f"{probed.seconds:.2f} s, the first text after {probed.first_seconds:.2f} s"
    )
    typer.echo(f"let it answer turns: spillway models swap small_model {name}")


def unload(
    name: Name,
    triton: At = None,
    force: Annotated[bool, typer.Option("--force", help="Even if it is in use, or nobody can say whether.")] = False,
    timeout: Timeout = 120.0,
    data: Data = DEFAULT_DATA,
    as_json: AsJsonLater = False,
) -> None:
    """Unload a model from the Triton server, once nobody asks it. What it has under way runs to its end.

    Refused for a model that stands for a rung: swap it first. By force, its turns go down their ladder.

    \b
    Examples:
      spillway models unload small-1
      spillway models unload small --force
    """
    from infra.models.swapping import drained
    from infra.models.swapping import unload as unload_

    with _server(triton, data) as server, _errors(as_json):
        listed = server.model(name)
        if listed is None or listed.state != "ready":
            raise StackError(f"Triton at {server.url} does not serve {name}; see: spillway models list")
        if not force:
            _require_unused(name, data)
            if not drained(server, name, timeout):
                raise StackError(f"{name} is still asked after {timeout:.0f} s; see spillway status, or use --force")
        gone = unload_(server, name, timeout)
    if as_json:
        typer.echo(json.dumps({"ok": True, "model": name, "gone": gone}))
    else:
        typer.echo(f"{name} is unloaded" if gone else f"{name} takes no requests, and goes when its last reply ends")


def swap(
    rung: Annotated[str, typer.Argument(metavar="RUNG", help="small_model or large_model.")],
    name: Name,
    source: From = None,
    tenant: Annotated[str, typer.Option(metavar="NAME", help="Only for this tenant; default: for every tenant.")] = "",
    in_: Annotated[float, typer.Option("--in", min=0, metavar="SECONDS", help="From when on it answers.")] = AHEAD,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the model before it loaded.")] = False,
    by: By = "",
    triton: At = None,
    timeout: Timeout = 120.0,
    data: Data = DEFAULT_DATA,
    as_json: AsJsonLater = False,
) -> None:
    """Let another model stand for a rung while turns flow, none of them dropped; then unload the one before.

    It is loaded and probed first. An event says from when on it answers; when nobody asks the one before any more, that
    is unloaded. Where the new one fails, the one before answers again. To go back later: swap to the older name.

    \b
    Examples:
      spillway models swap small_model small-2 --from ./small-2
      spillway models swap large_model qwen3-8b --tenant bank --keep
      spillway models swap small_model small
    """
    from infra.generation.settings import load_generation
    from infra.models.serving import bring, probe
    from infra.models.swapping import Server, Swap

    if rung not in GENERATING:
        raise typer.BadParameter(f"there is no rung {rung!r} of models; there are {', '.join(GENERATING)}")
    began = time.monotonic()
    settings = Settings.find(data)
    generation = load_generation(settings.generation)
    with _server(triton, data) as server, _errors(as_json):
        if source is not None:
            bring(source, name, data / "triton" / "models")
        control = open_control(settings, build_codec(settings))
        try:
            world = Server(
                server,
                lambda of, sampling, seconds: probe(server.url, of, sampling, seconds),
                control,
                lambda event: publish(settings, event),
                generation,
                operator(by),
                lambda words: _say(as_json, f"{time.monotonic() - began:6.1f} s  {words}"),
            )
            done = Swap(world, rung, tenant, name, in_, timeout).run(keep)
        finally:
            control.close()
    if as_json:
        row = {"ok": True, **done._asdict(), "tenant": tenant or "*", "effective_at": when(done.effective_at)}
        typer.echo(json.dumps(row, indent=2))
        return
    after = f"{done.blue} is unloaded" if done.unloaded else f"{done.blue or 'none'} is not unloaded: {done.kept}"
    typer.echo(f"{rung} of {tenant or 'every tenant'}: {done.fingerprint}; {after}")


def served(data: Path) -> list[dict[str, Any]] | None:
    """The models of the server, and where each stands; None: no server is known, or it does not answer."""
    try:
        settings = Settings.find(data)
    except StackError:
        return None
    if settings.triton is None:
        return None
    from streams.models.runner import CannotRun
    from streams.models.triton_control import TritonControl

    with TritonControl(settings.triton) as server:
        try:
            listed = server.models()
        except CannotRun:
            return None
    return [{**model._asdict(), "stands_for": _stands_for(model.name, settings)} for model in listed]


def _stands_for(name: str, settings: Settings) -> list[str]:
    from infra.generation.settings import load_generation
    from infra.models.serving import uses

    control = open_control(settings, build_codec(settings))
    try:
        return [str(use) for use in uses(control, load_generation(settings.generation), name, time.time_ns() // 1000)]
    finally:
        control.close()


def _require_unused(name: str, data: Path) -> None:
    try:
        found = _stands_for(name, Settings.find(data))
    except StackError as err:
        raise StackError(f"whether {name} is in use cannot be told: {err}; or use --force") from err
    if found:
        raise StackError(f"{name} stands for {', '.join(found)}; swap it for another one first, or use --force")


@contextmanager
def _server(triton: str | None, data: Path) -> Iterator[TritonControl]:
    address = triton_address(triton) if triton else Settings.find(data).triton
    if address is None:
        raise StackError("no Triton server is known; start one with spillway up --triton, or set SPILLWAY_TRITON")
    # Brings the client, which most commands do without.
    from streams.models.triton_control import TritonControl

    with TritonControl(address) as server:
        yield server


@contextmanager
def _errors(as_json: bool) -> Iterator[None]:
    """What the server refuses, as an error for people; for programs too, where they asked for JSON."""
    from streams.models.runner import CannotRun

    try:
        yield
    except (CannotRun, StackError) as err:
        if as_json:
            typer.echo(json.dumps({"ok": False, "reason": str(err)}, indent=2, ensure_ascii=False))
            raise typer.Exit(1) from err
        raise StackError(str(err)) from err


def _say(as_json: bool, words: str) -> None:
    typer.echo(words, err=as_json)
