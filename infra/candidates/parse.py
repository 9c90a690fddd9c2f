"""A candidate's YAML, and the files it names, to a Candidate; every mistake in any of them is found in one go."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from infra.candidates.fields import MAX_SEED, TASKS
from infra.candidates.gate import Rule, RuleRefused, close_metrics, parse_condition
from infra.candidates.model import NAME, SEED, Candidate, CandidateRefused, ModelChoice
from infra.candidates.paths import named_path
from infra.candidates.replaced_prompt import replaced_prompt
from infra.candidates.replaced_tenants import replaced_tenants
from infra.comparing.metrics import METRICS
from infra.local.errors import StackError
from infra.models.store import ModelStore
from infra.tenants import read_text
from processors.ladder import GENERATING
from processors.policy import Problem
from processors.policy.reading import Fields, Source
from schemas.events import LIVE
from streams.models.bundle import BundleRefused
from streams.models.manifest import MANIFEST, read_manifest

_NO_FILE: Final = "name a candidate's file; docs/candidates.md says what is in one"
_SIGN: Final = re.compile(r":\s*(>=?|≥)\s*[\d.+-]")


def load_candidate(path: Path, store: ModelStore | None = None) -> Candidate:
    """The candidate in a file. With a model store, its bundles are looked up, and their fingerprints noted.

    Raises CandidateRefused with every mistake of the file, of the policies and articles that it names, and of the
    references to bundles.
    """
    problems: list[Problem] = []
    text = read_text(path, problems, _NO_FILE)
    if text is None:
        raise CandidateRefused(tuple(problems))
    return parse_candidate(text, str(path), path.parent, store)


def parse_candidate(text: str, file: str, folder: Path, store: ModelStore | None = None) -> Candidate:
    """The same of a text. `file`: what it is called in problems; `folder`: what its paths are relative to."""
    source = Source(file)
    root = source.root(text)
    if root is None:
        raise CandidateRefused(tuple(_unquoted(p, text) for p in source.problems))
    candidate = Candidate(
        name=_name(root),
        text=text,
        about=root.text("about"),
        models=_models(root, folder, store),
        tenants=replaced_tenants(root, folder),
        seed=root.whole("seed", SEED, 0, MAX_SEED),
        metrics=_metrics(root),
        gate=_gate(root),
        prompt=replaced_prompt(root, folder),
        generation=_generation(root),
    )
    root.close()
    if source.problems:
        raise CandidateRefused(tuple(source.problems))
    return candidate


def _name(root: Fields) -> str:
    name = root.text("name", "", "write a name, such as name: intent-2026-11")
    if name == LIVE:
        root.wrong("name", f"{LIVE!r} is what was recorded", "give the candidate a name of its own")
    elif name and not re.fullmatch(NAME, name):
        root.wrong("name", f"{name!r} is no name of a candidate", "use small letters, digits and -, at most 40")
    return name


def _models(root: Fields, folder: Path, store: ModelStore | None) -> dict[str, ModelChoice]:
    inner = root.inner("models")
    if inner is None:
        return {}
    found: dict[str, ModelChoice] = {}
    for task in TASKS:
        if reference := inner.text(task):
            found[task] = _choice(inner, task, reference, folder, store)
    inner.close()
    return found


def _generation(root: Fields) -> dict[str, str]:
    inner = root.inner("generation")
    if inner is None:
        return {}
    found = {rung: name for rung in GENERATING if (name := inner.text(rung))}
    if not found and not any(inner.has(rung) for rung in GENERATING):
        root.wrong("generation", "names no model", "write a rung and a model's name, such as {small_model: small}")
    inner.close()
    return found


def _choice(inner: Fields, task: str, reference: str, folder: Path, store: ModelStore | None) -> ModelChoice:
    place = named_path(inner, task, folder, reference)
    if place is None:
        return ModelChoice(reference)
    if os.sep in reference or (place / MANIFEST).is_file():
        reference = str(place.resolve())
    if store is None:
        return ModelChoice(reference)
    try:
        manifest = read_manifest(store.find(reference))
    except (StackError, BundleRefused) as err:
        inner.wrong(task, str(err), "spillway models list shows the bundles that there are")
        return ModelChoice(reference)
    if manifest.task != task:
        inner.wrong(task, f"{reference} is for {manifest.task}", f"name a bundle for {task}")
    return ModelChoice(reference, manifest.fingerprint)


def _metrics(root: Fields) -> tuple[str, ...]:
    names = root.names("metrics")
    for name in names:
        if name not in METRICS:
            root.wrong("metrics", f"{name!r} is no metric", close_metrics(name))
    return names


def _gate(root: Fields) -> tuple[Rule, ...]:
    inner = root.inner("gate")
    if inner is None:
        return ()
    rules: list[Rule] = []
    metrics = inner.keys()
    for metric in metrics:
        conditions = inner.names(metric)
        if not conditions and not inner.has(metric):
            inner.wrong(metric, "has no condition", "write one, such as no worse than 1 point")
        for condition in conditions:
            try:
                rules.append(parse_condition(metric, condition))
            except RuleRefused as refused:
                inner.wrong(metric, refused.problem, refused.remedy)
    return tuple(rules)


def _unquoted(problem: Problem, text: str) -> Problem:
    """YAML takes `>` for the beginning of a text over several lines."""
    lines = text.splitlines()
    line = lines[problem.line - 1] if problem.line <= len(lines) else ""
    return problem._replace(remedy='put the condition in quotes: ">= 0.8"') if _SIGN.search(line) else problem
