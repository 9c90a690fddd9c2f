"""Every kind of file that people hand to Spillway: a sound one, its reader, and how it may say no.

    python -m tests.fuzz.files --inputs 5000 --seed 3
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from infra.candidates.parse import load_candidate
from infra.comparing.labels import LabelsRefused, labels_in
from infra.demo import TENANTS
from infra.evaluation.errors import EvaluationError
from infra.evaluation.label_map import load_label_map
from infra.evaluation.reading import read
from infra.experiments.gate import gate_in
from infra.experiments.planning import excluded_in
from infra.generation.settings import load_generation
from infra.local.errors import StackError
from infra.recordings import read_recordings
from infra.tenants import load_tenant
from infra.training.recipe import RECIPES, read_recipe
from infra.training.refusal import TrainingRefused
from schemas.codec import Codec
from streams.channels.keys import KeysError, load_keys
from streams.models.bundle import BundleRefused
from streams.models.bundle_files import SHIPPED
from streams.models.manifest import read_manifest
from streams.models.probe import read_probe
from streams.replay.archive import ArchiveError, ArchiveSource, write_archive
from streams.replay.archive_index import INDEX
from streams.replay.stretch import Window
from streams.testing import Conversations, a_message
from streams.testing.stretch import BusSource
from tests.fuzz.texts import damaged, damaged_bytes, damaged_gzip

CODEC = Codec()
Damage = Callable[[bytes, random.Random], bytes]


class Kind(NamedTuple):
    """make: writes a sound file into an empty folder, and returns it. read: raises an error of `refusals` for a file
    that is not as it should be, or returns the problems it has; its message names the file."""

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    refusals: tuple[type[Exception], ...]
    damage: Damage = damaged


def _tenant(folder: Path) -> Path:
    for path in (TENANTS / "shop").rglob("*"):
        if path.is_file():
            copy = folder / path.relative_to(TENANTS / "shop")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return folder


def _policy(folder: Path) -> Path:
    return _tenant(folder) / "policy.yaml"


def _article(folder: Path) -> Path:
    return sorted((_tenant(folder) / "articles").glob("*.md"))[0]


def _prompt(folder: Path) -> Path:
    prompts = _tenant(folder) / "prompts"
    prompts.mkdir()
    shipped = TENANTS.parents[1] / "prompts" / "answer.md"
    (prompts / "own.md").write_bytes(shipped.read_bytes())
    return prompts / "own.md"


def _read_tenant(path: Path) -> Any:
    folder = path.parent if path.name == "policy.yaml" else path.parent.parent
    found = load_tenant(folder)
    if isinstance(found, tuple):
        for problem in found:
            if not (problem.file and problem.line >= 1 and problem.field and problem.remedy):
                raise AssertionError(f"a problem does not say what to mend: {problem}")
            str(problem)
    return found


def _recording(folder: Path) -> Path:
    lines = [
        {
            "conversation_id": f"c-{n}",
            "lang": "en",
            "tenant": "shop",
            "customer": {"id": "c1", "tier": "gold", "verified": True, "attributes": {"lang": "en"}},
            "turns": [
                {"speaker": "customer", "text": "where is my order?", "scenario": "order_query", "webhook_repeats": 1},
                {"speaker": "agent", "text": "我来看看"},
            ],
        }
        for n in range(3)
    ]
    path = folder / "talks.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def _packed(folder: Path) -> Path:
    path = folder / "talks.jsonl.gz"
    path.write_bytes(gzip.compress(_recording(folder).read_bytes(), mtime=0))
    return path


CANDIDATE = """\
name: mine
about: a try
models: {intent: intent-fast, sentiment: sentiment-fast}
seed: 7
metrics: [ask_back_rate, handoff_rate]
gate:
  handoff_rate: no worse than 1 point
generation: {small_model: small}
"""
GENERATION = """\
small_model: {name: small, first: 0.5, token: 0.02, context: 4096, tenants: [shop], sampling: {temperature: 0.2}}
caps: {everything: 8000, tenant: 4000, turns: 8, of: {shop: 2000}}
queue: {wait: 4, weights: {shop: 2}}
ladder: {reserve: 0.3, least: 16, worth: 0.5}
ranks: {gold: 0}
"""
KEYS = {
    "keys": [
        {"tenant": "shop", "role": "channel", "sha256": "0" * 64, "name": "app"},
        {"tenant": "shop", "role": "page", "key": "sw_page_" + "0" * 24},
    ],
    "limits": {"shop": {"per_second": 10, "burst": 20}},
}
LABEL_MAP = "set: {order_query: [track], other: '*'}\n"
ROWS = [{"text": "where is it", "label": "track", "lang": "en", "source": "s", "split": "test"}] * 4
LABELS = [{"turn_id": f"t{n}", "label": "track", "scenario": "order_query"} for n in range(3)]
PLAYED = {"play_id": "p", "messages": [{"event_id": f"t{n}", "label": "order_query"} for n in range(3)]}


def _text(name: str, content: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text(content, encoding="utf-8")
        return folder / name

    return write


def _lines(name: str, rows: Sequence[object]) -> Callable[[Path], Path]:
    return _text(name, "".join(json.dumps(row) + "\n" for row in rows))


def _bundle(name: str) -> Callable[[Path], Path]:
    def copy(folder: Path) -> Path:
        for path in (SHIPPED / "intent-fast").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        return folder / name

    return copy


def _recipe(folder: Path) -> Path:
    (folder / "mine.yaml").write_bytes(sorted(RECIPES.glob("*fast*.yaml"))[0].read_bytes())
    return folder / "mine.yaml"


def _archive(folder: Path) -> Path:
    talk = Conversations(codec=CODEC)
    talk.play([a_message(session=f"s-{n % 3}") for n in range(6)])
    write_archive(BusSource(talk.bus), CODEC, Window(0, 1_900_000_000_000_000), folder / "archive")
    return folder / "archive" / INDEX


def _archived(folder: Path) -> Path:
    return sorted(_archive(folder).parent.rglob("*.avro"))[0]


def _read_archive(path: Path) -> None:
    source = ArchiveSource(path.parent, CODEC)
    source.check()
    for _ in source.raws(source.spans(sorted({file.topic for file in source.index.files}))):
        pass


def _read_archived(path: Path) -> None:
    """As if the index had been made of the damaged file: what a hash finds, no reader has to."""
    folder = path.parent
    while not (folder / INDEX).is_file():
        folder = folder.parent
    content, whole = path.read_bytes(), json.loads((folder / INDEX).read_text("utf-8"))
    for file in whole["files"]:
        if folder / file["file"] == path:
            file.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    (folder / INDEX).write_text(json.dumps(whole), encoding="utf-8")
    _read_archive(folder / INDEX)


def _read_gate(path: Path) -> None:
    """What a candidate file of an experiment says, as the event carries it: read anew whenever it is shown."""
    gate_in(load_candidate(path).text)


def _refused(path: Path) -> None:
    read_probe(path, path.read_bytes(), read_manifest(path.parent))


KINDS = (
    Kind("policy", _policy, _read_tenant, ()),
    Kind("article", _article, _read_tenant, ()),
    Kind("prompt", _prompt, _read_tenant, ()),
    Kind("recording", _recording, read_recordings, (StackError,)),
    Kind("recording.gz", _packed, read_recordings, (StackError,), damaged_gzip),
    Kind("candidate", _text("mine.yaml", CANDIDATE), _read_gate, (StackError,)),
    Kind("generation", _text("generation.yaml", GENERATION), load_generation, (StackError,)),
    Kind("model.yaml", _bundle("model.yaml"), lambda path: read_manifest(path.parent), (BundleRefused,)),
    Kind("probe.json", _bundle("probe.json"), _refused, (BundleRefused,)),
    Kind("keys.json", _text("keys.json", json.dumps(KEYS, indent=1)), load_keys, (KeysError,)),
    Kind("keys.yaml", _text("keys.yaml", json.dumps(KEYS)), load_keys, (KeysError,)),
    Kind("archive index", _archive, _read_archive, (ArchiveError,)),
    Kind("archive file", _archived, _read_archived, (ArchiveError,), damaged_bytes),
    Kind("excluded", _text("excluded.txt", "s-1\n# no\ntest-*\n"), excluded_in, (StackError,)),
    Kind("label map", _text("map.yaml", LABEL_MAP), load_label_map, (EvaluationError,)),
    Kind("label map.json", _text("map.json", '{"track": "order_query"}'), load_label_map, (EvaluationError,)),
    Kind("labelled", _lines("rows.jsonl", ROWS), lambda path: read([path]), (EvaluationError,)),
    Kind("labels", _lines("labels.jsonl", LABELS), lambda path: labels_in(path, None, ()), (LabelsRefused,)),
    Kind("manifest", _text("play.json", json.dumps(PLAYED)), lambda path: labels_in(path, None, ()), (LabelsRefused,)),
    Kind("recipe", _recipe, lambda path: read_recipe(str(path)), (TrainingRefused,)),
)


class Harm(NamedTuple):
    """A file whose reader did something else than read it or say no."""

    kind: str
    number: int
    content: bytes
    what: str


def harms(kind: Kind, inputs: int, seed: int, folder: Path, counts: Counter[str]) -> Iterator[Harm]:
    """Of so many damaged files those that do harm. counts: how many were read, and refused."""
    path = kind.make(folder)
    sound = path.read_bytes()
    others = {p: p.read_bytes() for p in folder.rglob("index.json")}
    for number in range(inputs):
        content = kind.damage(sound, random.Random(f"{kind.name}|{seed}|{number}"))
        for other, was in others.items():
            other.write_bytes(was)
        path.write_bytes(content)
        try:
            kind.read(path)
            counts["read"] += 1
        except kind.refusals as refused:
            counts["refused"] += 1
            if path.name not in str(refused) and path.parent.name not in str(refused):
                yield Harm(kind.name, number, content, f"the refusal does not name the file: {refused}")
        except Exception as bug:  # noqa: BLE001 - whatever it is, it is what is looked for
            where = traceback.extract_tb(bug.__traceback__)[-1]
            counts["harm"] += 1
            yield Harm(kind.name, number, content, f"{type(bug).__name__}: {bug} ({where.filename}:{where.lineno})")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 where every file was read or refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.files", description="Hand damaged files to readers.")
    parser.add_argument("--inputs", type=int, default=1000, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", default="", help="this one alone")
    chosen = parser.parse_args(arguments)
    found = 0
    for kind in KINDS:
        if chosen.kind in ("", kind.name):
            counts: Counter[str] = Counter()
            with tempfile.TemporaryDirectory() as folder:
                for harm in harms(kind, chosen.inputs, chosen.seed, Path(folder), counts):
                    found += 1
                    if counts["harm"] < 10:
                        print(f"{harm.kind} {harm.number}: {harm.what[:400]}\n  {harm.content[:160]!r}")
            print(f"{kind.name}: {dict(counts)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
