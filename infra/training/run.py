"""One training from what was asked to the bundle in its folder."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

from infra.training.data import Task
from infra.training.job import Job, Report, TrainedParts
from infra.training.plan import Plan, make_plan
from infra.training.recipe import Recipe, Size, read_recipe
from infra.training.refusal import TrainingRefused
from infra.training.writing import About, check_out, write_bundle
from streams.models.manifest import read_manifest

TRAINERS: Final = {"fast": "infra.training.fast:train_fast", "accurate": "infra.training.accurate:train_accurate"}
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,31}")


class Wanted(NamedTuple):
    """What `spillway train` was asked for; empty is: not said."""

    task: Task
    data: Path
    out: Path
    recipe: str | None = None
    size: Size = "fast"
    sets: tuple[str, ...] = ()
    head: str = ""
    name: str = ""
    version: str = ""
    seed: int = 7
    release: bool = False
    threads: int = 2
    reuse: bool = False


def run(wanted: Wanted, report: Report) -> dict[str, object]:
    """Trains, writes and verifies; {fingerprint, folder, sha256, mb, metrics}. Raises TrainingRefused."""
    recipe = _recipe(wanted)
    check_out(wanted.out)
    about = About(recipe.name, recipe.version, recipe.task, wanted.release, _command(wanted), wanted.seed)
    report("reading", 0.0)
    plan = make_plan(
        recipe, wanted.data, wanted.seed, sets=wanted.sets, head=wanted.head, release=wanted.release
    )
    trained = _train(recipe.size, wanted, plan, report)
    report("writing", 0.99)
    folder = write_bundle(wanted.out, about, plan, trained)
    report("done", 1.0)
    made = read_manifest(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {
        "fingerprint": made.fingerprint,
        "folder": str(folder),
        "sha256": made.sha256,
        "mb": round(size / 1e6, 1),
        "metrics": made.metrics,
    }


def _recipe(wanted: Wanted) -> Recipe:
    if wanted.recipe is not None:
        recipe = read_recipe(wanted.recipe)
        if recipe.task != wanted.task:
            raise TrainingRefused(f"--recipe {wanted.recipe}: is for {recipe.task}, not for {wanted.task}")
    else:
        name = re.sub(r"[^a-z0-9]+", "-", wanted.out.resolve().name.lower()).strip("-")
        recipe = Recipe(name or wanted.task, "1.0.0", wanted.task, wanted.size)
    recipe = recipe._replace(name=wanted.name or recipe.name, version=wanted.version or recipe.version)
    if not _NAME.fullmatch(recipe.name):
        raise TrainingRefused(f"--name {recipe.name}: a bundle's name is small letters, digits and -, at most 64")
    if not _VERSION.fullmatch(recipe.version):
        raise TrainingRefused(f"--version {recipe.version}: a version is letters, digits and . + -, at most 32")
    return recipe


def _train(size: Size, wanted: Wanted, plan: Plan, report: Report) -> TrainedParts:
    parts = plan.parts
    if wanted.reuse:
        if size != "accurate":
            raise TrainingRefused("--reuse: the fast size has no encoder; leave it out")
        parts = tuple(part._replace(settings={**part.settings, "reuse": True}) for part in parts)
    module, _, function = TRAINERS[size].partition(":")
    backbones = (wanted.out.resolve().parent / "backbones",)
    job = Job(wanted.task, parts, wanted.seed, wanted.threads, report, backbones)
    trained: TrainedParts = getattr(import_module(module), function)(job)
    return trained


def _command(wanted: Wanted) -> str:
    """What makes the same bundle again, wherever the data lies."""
    words = ["spillway", "train", wanted.task, "--data", "DIR", "--out", "BUNDLE"]
    if wanted.recipe is not None:
        words += ["--recipe", Path(wanted.recipe).name]
    elif wanted.size != "fast":
        words += ["--size", wanted.size]
    said = {"sets": ",".join(wanted.sets), "head": wanted.head, "name": wanted.name, "version": wanted.version}
    for option, value in said.items():
        words += [f"--{option}", value] if value else []
    words += ["--seed", str(wanted.seed)]
    flags = {"--release": wanted.release, "--reuse": wanted.reuse}
    return shlex.join([*words, *(flag for flag, given in flags.items() if given)])
