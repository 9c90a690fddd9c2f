"""The accurate size from labelled text to a bundle that loads; and pretrained encoders from pinned jars."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.training.accurate import settings_of, train_accurate
from infra.training.backbone import Backbone, backbone_names, fetch
from infra.training.data import Row
from infra.training.encoder import params_of
from infra.training.job import HeadData, Job, PartPlan
from infra.training.plan import HeadPlan, Plan
from infra.training.refusal import TrainingRefused
from infra.training.writing import About, write_bundle
from streams.models.bundle import load_bundle
from streams.models.manifest import EncoderPart, read_manifest
from tests.bundles import rewrite
from tests.unit import encoders

THINGS = ("shoes", "coat", "parcel", "order")
WHERE = tuple(Row(f"where is my {thing}", "where", "en") for thing in THINGS)
BACK = tuple(Row(f"send the {thing} back", "return", "en") for thing in THINGS)
OTHER = tuple(Row(f"sing a song {thing}", "oos", "en") for thing in ("weather", "the weather"))
OTHER_DEV = (Row("a song", "oos", "en"),)


def tiny(name: str, positions: int) -> Backbone:
    """A pretrained encoder that needs no network."""
    weights = encoders.weights(positions=positions)
    params = params_of(weights, encoders.SHAPE, positions=positions)
    return Backbone(name, "Tiny", "MIT", "a test", "0" * 64, encoders.SHAPE, params, encoders.tokenizer())


def part(
    settings: Mapping[str, Any], of_head: Mapping[str, Any] = {"epochs": 2}, train: tuple[Row, ...] = WHERE + BACK
) -> PartPlan:
    """A part with one head."""
    head = HeadData("h", ("return", "where"), train, WHERE + BACK, OTHER, OTHER_DEV, of_head)
    return PartPlan("en", ("en", "und", "zh", "mixed"), settings, (head,))


def bundle(out: Path, settings: Mapping[str, Any]) -> Path:
    """A trained bundle in a folder."""
    plan = part({"layers": 1, "max_tokens": 24, **settings})
    job = Job("intent", (plan,), 7, 1, lambda what, share: None, (out.parent / "backbones",))
    heads = {"h": HeadPlan(("return", "where"), {}, (0,))}
    about = About(out.name, "1.0.0", "intent", False, "spillway train", 7)
    return write_bundle(out, about, Plan((plan,), heads, "h", ()), train_accurate(job, tiny))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with its encoder inside."""
    return bundle(tmp_path_factory.mktemp("accurate") / "own", {})


def test_what_is_trained_loads_and_tells(own: Path) -> None:
    """A bundle with its encoder inside answers its own text, and names what it was made from."""
    assert (own / "backbone-minilm-l6.onnx").is_file()
    loaded = load_bundle(own)
    found = loaded.predict([row.text for row in WHERE + BACK])
    told = [loaded.heads["h"].labels[n] for n in found.probabilities.argmax(axis=1)]
    assert told == [row.label for row in WHERE + BACK]
    assert [entry["name"] for entry in loaded.manifest.data] == ["Tiny"]


def test_an_encoder_is_shared_and_taken_again(tmp_path: Path) -> None:
    """One bundle puts its encoder beside itself; another takes it as it lies there, and has no file of it."""
    first = bundle(tmp_path / "first", {"share": True})
    shared = tmp_path / "backbones" / "minilm-l6" / "model.onnx"
    before = shared.read_bytes()
    second = bundle(tmp_path / "second", {"reuse": True})
    assert shared.read_bytes() == before
    for folder in (first, second):
        assert not (folder / "backbone-minilm-l6.onnx").exists()
        part = load_bundle(folder).manifest.parts[0]
        assert part.backbone.sha256 == hashlib.sha256(before).hexdigest()  # type: ignore[union-attr]


def test_n_grams_have_a_say_beside_an_encoder_unless_told_otherwise(own: Path, tmp_path: Path) -> None:
    """The probabilities are of both; settings of the fast size shape the n-grams; false leaves them out."""
    part = read_manifest(own).parts[0]
    assert isinstance(part, EncoderPart)
    assert part.grams is not None
    assert (own / part.grams.model).is_file()
    copy = tmp_path / "own"
    shutil.copytree(own, copy)
    rewrite(copy, lambda d: d["parts"][0]["grams"].update(temperatures={"h": 50.0}))
    sure, unsure = (load_bundle(b, probe=False).predict([WHERE[0].text]).probabilities[0] for b in (own, copy))
    assert sure.argmax() == unsure.argmax()
    assert sure.max() > unsure.max() > 0.5

    small = read_manifest(bundle(tmp_path / "small", {"layers": 0, "grams": {"buckets": 999}})).parts[0]
    none = read_manifest(bundle(tmp_path / "none", {"layers": 0, "grams": False})).parts[0]
    assert small.grams.features.buckets == 999  # type: ignore[union-attr]
    assert none.grams is None  # type: ignore[union-attr]


def test_training_reads_words_as_serving_does(tmp_path: Path) -> None:
    """The words of enough training texts ship with the bundle, and others are mended to them."""
    folder = bundle(tmp_path / "mended", {"mended": 2, "grams": False})
    often, seldom = "the back is my send where", "a coat order parcel shoes sing song weather"
    assert (folder / "en.words.txt").read_text().split() == f"{often} {seldom}".split()
    loaded = load_bundle(folder)
    right, wrong = loaded.predict(["where is my order", "whereis my order"]).probabilities
    assert np.array_equal(right, wrong)


def test_the_same_seed_is_the_same_bundle(own: Path, tmp_path: Path) -> None:
    """Training again gives the same content hash."""
    again = bundle(tmp_path / "own", {})
    assert (own / "model.yaml").read_bytes() == (again / "model.yaml").read_bytes()


@pytest.mark.parametrize(
    ("settings", "of_head", "said"),
    [
        ({"speed": 2}, {}, "unknown setting 'speed'; known are backbone, layers"),
        ({"layers": "all"}, {}, "layers is 'all'"),
        ({"layers": {}}, {}, "layers is {}"),
        ({"backbone": "other"}, {}, "unknown backbone 'other'; known are minilm-l6, bge-small-zh"),
        ({}, {"width": 3}, "unknown setting 'width'; known are auxiliary, epochs"),
    ],
)
def test_a_setting_that_is_none_is_refused(settings: Any, of_head: Any, said: str) -> None:
    """The part or head and what is known are named."""
    with pytest.raises(TrainingRefused, match=said):
        settings_of(part(settings, of_head))


def test_the_encoder_follows_the_language_of_the_text() -> None:
    """Chinese text is read by the Chinese encoder, without being asked for."""
    chinese = (Row("我的快递到哪里了", "where", "zh"), Row("我要退货", "return", "zh"))
    assert settings_of(part({})).backbone == "minilm-l6"
    assert settings_of(part({}, train=chinese)).backbone == "bge-small-zh"


def locked(tmp_path: Path, *, weights: bytes = b"weights", pinned: bytes = b"weights") -> tuple[Path, Path]:
    """A cache with a jar in it and the lock file that pins it."""
    file = {"group": "org.example", "artifact": "tiny", "version": "1", "packaging": "jar", "classifier": "", "size": 1}
    jar = tmp_path / "cache" / "maven" / "org" / "example" / "tiny" / "1" / "tiny-1.jar"
    jar.parent.mkdir(parents=True)
    tokenizer = json.dumps(
        {"normalizer": {"type": "BertNormalizer", "lowercase": False}, "padding": {}, "truncation": {}}
    )
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("tiny.onnx", weights)
        archive.writestr("tiny.json", tokenizer)
    shape = {"layers": 3, "hidden": 16, "heads": 4, "inner": 32, "pooling": "mean"}
    model = {
        **{"title": "Tiny", "licence": "MIT", "attribution": "a test", "shape": shape},
        **{"weights": "tiny.onnx", "weights_sha256": hashlib.sha256(pinned).hexdigest()},
        **{"tokenizer": "tiny.json", "tokenizer_sha256": hashlib.sha256(tokenizer.encode()).hexdigest()},
    }
    part = {"version": "1", "files": [{**file, "sha256": hashlib.sha256(jar.read_bytes()).hexdigest()}], "model": model}
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({"parts": {"tiny": part}}), encoding="utf-8")
    return tmp_path / "cache", lock


def test_weights_come_out_of_a_jar(tmp_path: Path) -> None:
    """The pinned files are read, with no network where the cache has the jar; the tokeniser neither pads nor cuts."""
    content = encoders.published(tmp_path / "bert.onnx", encoders.weights()).read_bytes()
    cache, lock = locked(tmp_path, weights=content, pinned=content)
    found = fetch("tiny", positions=20, cache=cache, lock_file=lock)
    assert found.params["positions"].shape == (20, 16)
    assert json.loads(found.tokenizer) == {
        "normalizer": {"type": "BertNormalizer", "lowercase": True},
        "padding": None,
        "truncation": None,
    }


def test_other_weights_than_the_pinned_are_refused(tmp_path: Path) -> None:
    """A file in the jar with another hash is not used."""
    cache, lock = locked(tmp_path, pinned=b"others")
    with pytest.raises(TrainingRefused, match=r"tiny\.onnx has the SHA-256 .* pins"):
        fetch("tiny", positions=20, cache=cache, lock_file=lock)


def test_an_unknown_encoder_is_refused(tmp_path: Path) -> None:
    """The names that there are are said."""
    with pytest.raises(TrainingRefused, match=r"'none' is unknown; lock\.json has tiny"):
        fetch("none", positions=20, lock_file=locked(tmp_path)[1])
    assert backbone_names() == ("minilm-l6", "bge-small-zh")
