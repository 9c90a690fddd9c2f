"""`spillway models`: which bundles there are, what is in them, whether they are sound, and which are in force; and the
models of the server that generates (`infra.cli.models_served`)."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from confluent_kafka import KafkaException

from infra.cli import models_served
from infra.cli.options import AHEAD, DEFAULT_DATA, LOADS, AsJson, By, Data, operator
from infra.local.errors import StackError
from infra.models.activation import activation, history, publish, when, withdrawal
from infra.models.description import described, written
from infra.models.store import Found, ModelStore
from infra.settings import Settings
from infra.wiring import build_codec, open_control
from schemas.validation import GENERATING, TASKS
from streams.models.bundle import Bundle, BundleRefused, load_bundle
from streams.models.manifest import read_manifest

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="List, show, verify and activate models, and go back to older ones; load and swap those that generate.",
)
Bundled = Annotated[
    str, typer.Argument(metavar="BUNDLE", help="A folder, NAME, NAME@VERSION, NAME#HASH or a whole fingerprint.")
]
Tenant = Annotated[str, typer.Option(metavar="NAME", help="Only for this tenant; default: for every tenant.")]


@app.command(name="list")
def list_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """The shipped and the stored bundles, what the Triton server has, and every activation there was.

    Which model each worker really uses, and which it refuses and why, is in: spillway status.

    \b
    Examples:
      spillway models list
      spillway models list --json
    """
    bundles = [_row(found) for found in _store(data).bundles()]
    activations = _activations(data)
    served = models_served.served(data)
    if as_json:
        typer.echo(json.dumps({"bundles": bundles, "served": served, "activations": activations}, indent=2))
        return
    for row in bundles:
        where = "shipped" if row["shipped"] else "stored"
        typer.echo(f"{where:<8} {row['task']:<10} {row['fingerprint']:<44} {row['wrong'] or row['folder']}")
    if not bundles:
        typer.echo("there is no bundle; make one with: spillway train")
    typer.echo("")
    for row in served or ():
        what = ", ".join(row["stands_for"]) or row["reason"]
        typer.echo(f"{row['state']:<10} {'triton':<10} {row['name'] + '@' + (row['version'] or '-'):<44} {what}")
    if served is not None:
        typer.echo("")
    for row in activations or ():
        what = row["fingerprint"] or "(what held before it)"
        typer.echo(
            f"{row['state']:<10} {row['task']:<10} {row['tenant']:<12} {what:<44} {row['effective_at']}  {row['by']}"
        )
    if activations is None:
        typer.echo("no stack answers, so what was activated is not known; start one with: spillway up")
    elif not activations:
        typer.echo("nothing was activated: the models that the settings name are in force")


@app.command()
def show(bundle: Bundled, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """What a bundle says of itself: its heads, figures, data and licences, how it was made, its files.

    \b
    Examples:
      spillway models show intent-fast
      spillway models show ./my-bundle --json
    """
    folder = _store(data).find(bundle)
    try:
        manifest = read_manifest(folder)
    except BundleRefused as err:
        raise StackError(str(err)) from err
    found = described(manifest, folder)
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else written(found))


@app.command()
def verify(bundle: Bundled, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Check everything that a worker checks before it uses a bundle: hashes, labels, operators, tokenizers, answers.

    Needs no running stack. Exit code 1, with the reason and the remedy, when anything is wrong.

    \b
    Examples:
      spillway models verify intent-fast
      spillway models verify ./my-bundle
    """
    folder = _store(data).find(bundle)
    loaded, seconds = _verified(folder, as_json)
    if as_json:
        typer.echo(json.dumps({"ok": True, "fingerprint": loaded.fingerprint, "seconds": round(seconds, 3)}))
    else:
        typer.echo(f"{folder}: nothing is wrong ({loaded.fingerprint}, loaded in {seconds:.1f} s)")


@app.command()
def activate(
    bundle: Bundled,
    tenant: Tenant = "",
    in_: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--in", min=0, metavar="SECONDS", help="From when on; default: 5 s, or more if it loads slowly."),
    ] = None,
    by: By = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Verify a bundle, copy it into the model store, and put it in force while messages flow.

    A bundle that is wrong is refused, and the one before keeps serving. To go back, activate the older one: each that
    was ever activated stays in the store.

    \b
    Examples:
      spillway models activate ./my-bundle
      spillway models activate intent-accurate --tenant bank
      spillway models activate intent-fast@1.2.0 --in 600
      spillway models activate "intent-fast#0a1b2c3d4e5f" --by ana
    """
    settings = Settings.find(data)
    store = ModelStore(settings.model_store)
    folder = store.find(bundle)
    loaded, seconds = _verified(folder, as_json)
    try:
        location = store.add(folder)
    except OSError as err:
        raise StackError(f"{store.root}: {err.strerror}; run this where the workers' data can be written") from err
    now = time.time_ns() // 1000
    ahead = max(AHEAD, LOADS * seconds) if in_ is None else in_
    event = activation(loaded.manifest, location, tenant, now + int(ahead * 1_000_000), now, operator(by))
    publish(settings, event)
    _say(event.task, loaded.fingerprint, tenant, event.effective_at, as_json)


@app.command()
def withdraw(
    task: Annotated[str, typer.Argument(help="intent, sentiment, small_model or large_model.")],
    tenant: Tenant = "",
    in_: Annotated[float, typer.Option("--in", min=0, metavar="SECONDS", help="From when on.")] = AHEAD,
    by: By = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """End what was activated: a tenant has again what every tenant has, and every tenant the settings' model.

    \b
    Examples:
      spillway models withdraw intent --tenant bank
      spillway models withdraw sentiment
    """
    if task not in (*TASKS, *GENERATING):
        raise typer.BadParameter(f"there is no task {task!r}; there are {', '.join((*TASKS, *GENERATING))}")
    now = time.time_ns() // 1000
    event = withdrawal(task, tenant, now + int(in_ * 1_000_000), now, operator(by))
    publish(Settings.find(data), event)
    _say(task, "", tenant, event.effective_at, as_json)


@app.command()
def triton(
    bundle: Bundled,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The model repository; made if it is not there.")],
    data: Data = DEFAULT_DATA,
    cuda: Annotated[bool, typer.Option("--cuda", help="Run them on the server's GPUs.")] = False,
    batch: Annotated[
        int, typer.Option(min=0, help="Let the server join requests to batches of at most so many texts; 0: never.")
    ] = 0,
) -> None:
    """Add a bundle's graphs to the model repository of a Triton, beside what is there, for SPILLWAY_MODEL_RUNTIME.

    \b
    Examples:
      spillway models triton intent-accurate /srv/triton/models
      spillway models triton intent-accurate /srv/triton/models --cuda --batch 256
    """
    # Brings the client, which no other command needs.
    from streams.models.triton_repository import Serving, write_repository

    try:
        names = write_repository(_store(data).find(bundle), directory, Serving(cuda, batch))
    except BundleRefused as err:
        raise StackError(str(err)) from err
    for name in names:
        typer.echo(f"{directory / name}")


app.command()(models_served.load)
app.command()(models_served.unload)
app.command()(models_served.swap)


def _say(task: str, fingerprint: str, tenant: str, effective_at: int, as_json: bool) -> None:
    if as_json:
        row = {"ok": True, "task": task, "tenant": tenant or "*", "fingerprint": fingerprint}
        typer.echo(json.dumps({**row, "effective_at": when(effective_at)}, indent=2))
        return
    whom = tenant or "every tenant"
    what = fingerprint or ("what every tenant has" if tenant else "the settings' model")
    typer.echo(f"{task} of {whom}: {what} is in force from {when(effective_at)}")
    typer.echo("what the workers use: spillway status; what made which signal: spillway ask models_by_day")


def _verified(folder: Path, as_json: bool) -> tuple[Bundle, float]:
    """The bundle, and the seconds that loading took. Ends the command where it is refused."""
    began = time.perf_counter()
    try:
        bundle = load_bundle(folder)
    except BundleRefused as err:
        if as_json:
            typer.echo(json.dumps({"ok": False, "reason": str(err)}, indent=2, ensure_ascii=False))
        else:
            typer.echo(f"{folder} is refused: {err}", err=True)
        raise typer.Exit(1) from err
    return bundle, time.perf_counter() - began


def _store(data: Path) -> ModelStore:
    """The store of the installation, whether anything of it runs or not."""
    folder = Path(os.environ.get("SPILLWAY_DATA") or data) if os.environ.get("SPILLWAY_KAFKA") else data
    return ModelStore(folder / "models")


def _activations(data: Path) -> list[dict[str, Any]] | None:
    """None: no stack answers."""
    try:
        settings = Settings.find(data)
        control = open_control(settings, build_codec(settings))
    except (StackError, KafkaException):
        return None
    try:
        return list(history(control, time.time_ns() // 1000))
    finally:
        control.close()


def _row(found: Found) -> dict[str, Any]:
    manifest = found.manifest
    return {
        "fingerprint": manifest.fingerprint if manifest else "(cannot be read)",
        "task": manifest.task if manifest else "-",
        "release": manifest.release if manifest else False,
        "shipped": found.shipped,
        "folder": str(found.folder),
        "wrong": found.wrong,
    }
