"""`spillway bench cache`: how often questions repeat, and what answering them from the cache saves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.table import Table

from infra.benches.cache import MARKED, Result, measure
from infra.benches.cache_traffic import Models, traffic
from infra.cli.options import DEFAULT_DATA, AsJson, Data
from infra.demo import TENANTS
from infra.generation.serving import models_of
from infra.generation.settings import load_generation
from infra.local.errors import StackError, StackNotRunning
from infra.models.loading import load_intents, load_sentiments, runners
from infra.models.settings import ModelSettings
from infra.models.store import ModelStore
from infra.recordings import read_recordings
from infra.settings import Settings, SettingsError, triton_address
from infra.tenants import load_tenant
from streams.control import ControlFold


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Conversations, as of spillway play.")],
    tenant: Annotated[Path, typer.Option(metavar="DIR", help="The tenant's folder.")] = TENANTS / "shop",
    limit: Annotated[Optional[int], typer.Option(min=1, help="Conversations of each file.")] = None,  # noqa: UP045
    pairs: Annotated[int, typer.Option(min=1, help="Repeated questions that are timed.")] = 40,
    triton: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="HOST:PORT", help="The server's gRPC; else that of the stack on DIR, if there is one."),
    ] = None,
    as_json: AsJson = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Say how many turns of real traffic are answered from the cache of generated answers, and what that saves.

    Every customer's turn is understood and decided as live does it, under the tenant's policy. With a Triton server,
    repeated questions are then asked of the stage twice: without the cache, and with it. Nothing is written to a log.

    \b
    Examples:
      spillway bench cache conversations.jsonl.gz
      spillway bench cache *.jsonl.gz --tenant tenants/bank --triton 127.0.0.1:8001 --json
    """
    owner = load_tenant(tenant)
    if isinstance(owner, tuple):
        raise StackError("\n".join(map(str, owner)))
    if not owner.prompts:
        raise StackError(f"{tenant}: no rung of its policy generates; add small_model to the rungs of a scenario")
    settings = _settings(data)
    conversations = [recorded for file in files for recorded in read_recordings(file, limit)]
    where, store = runners(settings.models), ModelStore(settings.model_store)
    understanding = Models(
        load_intents(store.find(settings.models.intent), where),
        load_sentiments(store.find(settings.models.sentiment), where),
    )
    address = triton_address(triton) or settings.triton
    how = load_generation(settings.generation)
    models = models_of(how, ControlFold(), address) if address else None
    result = measure(traffic(conversations, owner, understanding), owner, models, pairs)
    if as_json:
        typer.echo(result.as_json())
    else:
        _show(result)


def _settings(data: Path) -> Settings:
    """The stack's, or those of nothing that runs: models of this folder, and what the environment says of them."""
    try:
        return Settings.find(data)
    except (StackNotRunning, SettingsError):
        models, file = ModelSettings.from_env(os.environ), os.environ.get("SPILLWAY_GENERATION")
        return Settings("", "", "", data_dir=data, models=models, generation=Path(file) if file else None)


def _show(result: Result) -> None:
    console = Console(highlight=False)
    table = Table("", "turns", "of those a model may answer")
    of = max(1, result.generated)
    for what, count in (
        ("of customers", result.turns),
        ("that a model may answer", result.generated),
        ("whose answer may be kept or come from the cache", result.asked),
        ("whose question came before", result.again),
        ("answered from the cache, generation.cache: always", result.always),
        (f"answered from the cache, feedback, {MARKED:.0%} mark, a fifth of them bad", result.marked),
    ):
        table.add_row(what, f"{count:,}", f"{count / of:.1%}" if count <= of else "")
    console.print(table)
    timed = result.timed
    if timed is None:
        console.print("No Triton server: nothing was timed. Name one with --triton HOST:PORT.")
        return
    console.print(
        f"{timed.pairs} repeated questions, median within the stage: {timed.without * 1000:.1f} ms without the cache, "
        f"{timed.with_cache * 1000:.2f} ms with it (ratio {timed.ratio:.4f}); {timed.passed_over} were not comparable"
    )
    saved = result.always * (timed.without - timed.with_cache)
    console.print(f"Saved by always: {saved:,.0f} s of a model's time, {result.always * timed.tokens:,.0f} tokens")
