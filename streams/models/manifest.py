"""model.yaml, the manifest of a bundle: what it is, which files belong to it, how its parts and heads fit together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from processors.documents import NotReadable, yaml_value
from schemas.events import DIALOGUE_ACT, SCENARIOS
from schemas.identity import fingerprint
from streams.models.features import Features
from streams.models.fields import BundleRefused, Fields

MANIFEST: Final = "model.yaml"
PROBE: Final = "probe.json"
FORMAT: Final = 1
SHA256: Final = re.compile(r"[0-9a-f]{64}")
LANGS: Final = ("zh", "en", "mixed", "und")
Task = Literal["intent", "sentiment"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_HEAD: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,31}")
_FILE: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class Head(NamedTuple):
    """One label set. `scenarios`: label → scenario family, for intents. `parts`: by number, those that have it."""

    labels: tuple[str, ...]
    scenarios: Mapping[str, str] = {}
    parts: tuple[int, ...] = (0,)


class Backbone(NamedTuple):
    """A language model shared by name and content: wherever its file lies, its SHA-256 must be this.

    `max_rows`: how many texts one run may hold. Above 1 only for what gives a text the same embedding whatever its
    neighbours are, which a graph that measures its activations as it runs (dynamic int8) does not.
    """

    name: str
    sha256: str
    max_rows: int = 1


@dataclass(frozen=True, slots=True)
class HashedPart:
    """Hashed n-grams straight into `model`."""

    langs: tuple[str, ...]
    model: str
    features: Features


class Grams(NamedTuple):
    """Hashed n-grams that have a say beside an encoder, by a graph of their own, as a HashedPart's. `share`: of the
    say, 0 to 1. `temperatures`: of what both say together, by head."""

    model: str
    features: Features
    share: float
    temperatures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class EncoderPart:
    """`tokenizer`, then `backbone`, then the heads in `model`; with `grams` beside them. `words`: a file of words that
    others are mended to (streams.models.mending), one a line, most frequent first; "" where none are mended."""

    langs: tuple[str, ...]
    model: str
    backbone: Backbone
    tokenizer: str
    max_tokens: int
    words: str = ""
    grams: Grams | None = None


Part = HashedPart | EncoderPart


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model.yaml that holds together. `files`: SHA-256 by name. `content`: the bytes of model.yaml themselves."""

    name: str
    version: str
    task: Task
    release: bool
    parts: tuple[Part, ...]
    heads: Mapping[str, Head]
    default_head: str
    files: Mapping[str, str]
    data: tuple[Mapping[str, Any], ...]
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    content: bytes

    @property
    def fingerprint(self) -> str:
        """name@version#hash of the content."""
        return fingerprint(self.name, self.version, self.content)

    @property
    def sha256(self) -> str:
        """The bundle's content hash."""
        return hashlib.sha256(self.content).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the bundle in `folder`. Raises BundleRefused, naming file, field and remedy."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise BundleRefused(folder, "is not a folder", "name a bundle's folder, one with a model.yaml")
    if not path.is_file():
        raise BundleRefused(path, "is not there", "name a bundle's folder; `spillway train` writes one")
    return parse_manifest(path.read_bytes(), path)


def parse_manifest(content: bytes, path: Path = Path(MANIFEST)) -> Manifest:
    """The manifest that `content` is. `path`: for messages only."""
    try:
        document = yaml_value(content)
    except NotReadable as error:
        raise BundleRefused(path, f"is not YAML: {' '.join(str(error).split())}", _AGAIN) from error
    top = Fields(path, "", document)
    if top.whole("format") != FORMAT:
        raise top.wrong("format", f"is not {FORMAT}", "use a version of Spillway that knows this format")
    task: Task = "intent" if top.one_of("task", ("intent", "sentiment")) == "intent" else "sentiment"
    parts = tuple(_part(fields) for fields in top.sections("parts"))
    manifest = Manifest(
        name=top.matching("name", _NAME, "small letters, digits and -"),
        version=top.matching("version", _VERSION, "letters, digits and . + -"),
        task=task,
        release=top.flag("release"),
        parts=parts,
        heads=_heads(top, task, len(parts)),
        default_head=top.text("default_head"),
        files=_files(top.section("files")),
        data=tuple(fields.values() for fields in top.sections("data", may_be_empty=True)),
        training=top.section("training", may_be_absent=True).values(),
        metrics=top.section("metrics", may_be_absent=True).values(),
        content=content,
    )
    top.nothing_else()
    _check_references(manifest, top)
    return manifest


_AGAIN: Final = "train or copy the bundle again"


def _part(fields: Fields) -> Part:
    langs = fields.texts("langs")
    for lang in langs:
        if lang not in LANGS:
            raise fields.wrong("langs", f"has {lang!r}", f"use {', '.join(LANGS)}")
    model = fields.matching("model", _FILE, "a file's name in this folder")
    part: Part
    if fields.one_of("kind", ("hashed", "encoder")) == "hashed":
        part = HashedPart(langs, model, read_features(fields.section("features")))
    else:
        backbone = fields.section("backbone")
        part = EncoderPart(
            langs,
            model,
            Backbone(
                backbone.matching("name", _FILE, "letters, digits and . _ -"),
                backbone.matching("sha256", SHA256, "64 hex digits"),
                backbone.whole("max_rows", least=1, most=1024, absent=1),
            ),
            fields.matching("tokenizer", _FILE, "a file's name in this folder"),
            fields.whole("max_tokens", least=4, most=4096),
            fields.matching("words", _FILE, "a file's name in this folder") if "words" in fields.names() else "",
            _grams(fields.section("grams")) if "grams" in fields.names() else None,
        )
        backbone.nothing_else()
    fields.nothing_else()
    return part


def _grams(fields: Fields) -> Grams:
    said = fields.section("temperatures")
    temperatures = {head: said.number(head) for head in sorted(said.names())}
    grams = Grams(
        fields.matching("model", _FILE, "a file's name in this folder"),
        read_features(fields.section("features")),
        fields.number("share"),
        temperatures,
    )
    if not 0 <= grams.share <= 1:
        raise fields.wrong("share", f"is {grams.share}", "it must be from 0 to 1")
    if not all(0.01 <= temperature <= 100 for temperature in temperatures.values()):
        raise fields.wrong("temperatures", f"are {temperatures}", "each must be from 0.01 to 100")
    fields.nothing_else()
    return grams


def read_features(fields: Fields) -> Features:
    """The section `features` of a part."""
    features: dict[str, Any] = {"buckets": fields.whole("buckets", least=1, most=2**31 - 1)}
    given = fields.names()
    for name in ("words", "characters", "han"):
        if name in given:
            features[name] = fields.span(name)
    for name in ("marks", "shape", "fold_digits"):
        if name in given:
            features[name] = fields.flag(name)
    for name in ("limit", "scheme"):
        if name in given:
            features[name] = fields.whole(name, least=1, most=1_000_000)
    fields.nothing_else()
    try:
        return Features(**features)
    except ValueError as error:
        name, _, wrong = str(error).partition(": ")
        raise fields.wrong(name, wrong, _AGAIN) from error


def _heads(top: Fields, task: Task, parts: int) -> Mapping[str, Head]:
    heads: dict[str, Head] = {}
    for name, fields in top.section("heads").named_sections():
        if not _HEAD.fullmatch(name):
            raise top.wrong(f"heads.{name}", "is no head's name", "use letters, digits, _ - and single dots")
        labels = fields.texts("labels")
        if len(set(labels)) != len(labels) or len(labels) < 2:
            raise fields.wrong("labels", "are fewer than two, or not all different", _AGAIN)
        having = fields.wholes("parts", absent=tuple(range(parts)))
        if not having or not set(having) <= set(range(parts)):
            raise fields.wrong("parts", f"names a part that is not among the {parts} from 0", _AGAIN)
        heads[name] = Head(labels, _scenarios(fields, task, labels), having)
        fields.nothing_else()
    return heads


def _scenarios(fields: Fields, task: Task, labels: tuple[str, ...]) -> Mapping[str, str]:
    if task == "sentiment":
        if not {"negative", "positive"} <= set(labels):
            raise fields.wrong("labels", "lack negative or positive", "a score is p(positive) - p(negative)")
        return {}
    scenarios = fields.section("scenarios", may_be_absent=True).values()
    for label, scenario in scenarios.items():
        if label not in labels:
            raise fields.wrong("scenarios", f"has {label!r}, which is no label of this head", _AGAIN)
        if scenario not in (*SCENARIOS, DIALOGUE_ACT):
            raise fields.wrong("scenarios", f"gives {label!r} the unknown family {scenario!r}", "use a known one")
    return scenarios


def _files(fields: Fields) -> Mapping[str, str]:
    files = fields.values()
    for name in files:
        if not _FILE.fullmatch(name):
            raise fields.wrong(name, "is no file's name in this folder", _AGAIN)
        fields.matching(name, SHA256, "64 hex digits")
    return files


def _named(part: Part) -> list[str]:
    """The files that a part needs."""
    if isinstance(part, HashedPart):
        return [part.model]
    return list(filter(None, [part.model, part.tokenizer, part.words, part.grams.model if part.grams else ""]))


def _check_references(manifest: Manifest, top: Fields) -> None:
    if manifest.default_head not in manifest.heads:
        raise top.wrong("default_head", f"{manifest.default_head!r} is not under heads", _AGAIN)
    for number, part in enumerate(manifest.parts):
        for name in _named(part):
            if name not in manifest.files:
                raise top.wrong(f"parts[{number}]", f"uses {name}, which is not under files", _AGAIN)
        if not any(number in head.parts for head in manifest.heads.values()):
            raise top.wrong(f"parts[{number}]", "has no head", _AGAIN)
    if PROBE not in manifest.files:
        raise top.wrong("files", f"lacks {PROBE}", _AGAIN)
