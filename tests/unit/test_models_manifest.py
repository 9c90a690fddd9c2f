"""A manifest that does not hold together is refused with a message that names file, field and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.models.fields import BundleRefused
from streams.models.manifest import EncoderPart, HashedPart, parse_manifest, read_manifest
from tests.bundles import a_hashed_bundle, an_encoder_bundle, rewrite

Document = dict[str, Any]


def test_a_manifest_says_what_the_bundle_is(tmp_path: Path) -> None:
    """Name, version, parts, heads and files stand as they were written; the fingerprint is of the content."""
    manifest = read_manifest(an_encoder_bundle(tmp_path / "tiny", version="2.1.0"))
    assert (manifest.name, manifest.version, manifest.task, manifest.default_head) == (
        "tiny",
        "2.1.0",
        "intent",
        "service",
    )
    (part,) = manifest.parts
    assert isinstance(part, EncoderPart)
    assert part.backbone.name == "tiny"
    assert part.backbone.max_rows == 1
    assert manifest.heads["service"].scenarios["refund"] == "returns_exchange"
    assert sorted(manifest.files) == ["all.onnx", "all.tokenizer.json", "probe.json"]
    assert manifest.fingerprint == f"tiny@2.1.0#{manifest.sha256[:12]}"


def test_features_have_defaults(tmp_path: Path) -> None:
    """A part names the features it wants to differ; the number of buckets has no default."""
    folder = a_hashed_bundle(tmp_path / "tiny")
    rewrite(folder, lambda d: d["parts"][0].update(features={"buckets": 77, "words": [], "shape": True}))
    (part,) = read_manifest(folder).parts
    assert isinstance(part, HashedPart)
    assert part.features.buckets == 77
    assert part.features.words == (0, 0)
    assert part.features.han == (1, 3)
    assert part.features.shape


def with_grams(folder: Path, **changed: Any) -> Path:
    """An encoder bundle whose part names words, and n-grams beside it."""
    grams = {"model": "all.onnx", "features": {"buckets": 77}, "share": 0.5, "temperatures": {"service": 0.9}}
    rewrite(folder, lambda d: d["parts"][0].update(words="all.tokenizer.json", grams={**grams, **changed}))
    return folder


def test_an_encoder_may_have_words_and_n_grams(tmp_path: Path) -> None:
    """What others are mended to, and what has a say beside it; neither is asked for."""
    (part,) = read_manifest(with_grams(an_encoder_bundle(tmp_path / "tiny"))).parts
    assert isinstance(part, EncoderPart)
    assert part.words == "all.tokenizer.json"
    assert part.grams is not None
    assert (part.grams.features.buckets, part.grams.share, part.grams.temperatures) == (77, 0.5, {"service": 0.9})
    (plain,) = read_manifest(an_encoder_bundle(tmp_path / "plain")).parts
    assert isinstance(plain, EncoderPart)
    assert (plain.words, plain.grams) == ("", None)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": "b.onnx"}, r"parts\[0\] uses b\.onnx"),
        ({"share": 1.5}, r"grams\.share is 1\.5; it must be from 0 to 1"),
        ({"temperatures": {"service": 0}}, r"grams\.temperatures are .*; each must be from 0\.01 to 100"),
        ({"colour": 1}, r"grams\.colour is unknown"),
    ],
)
def test_n_grams_that_cannot_be_are_refused(tmp_path: Path, changed: Any, said: str) -> None:
    """Field and remedy are named."""
    folder = with_grams(an_encoder_bundle(tmp_path / "tiny"), **changed)
    with pytest.raises(BundleRefused, match=said):
        read_manifest(folder)


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    """The message says which file is missing."""
    with pytest.raises(BundleRefused, match=r"model\.yaml: is not there; name a bundle's folder"):
        read_manifest(tmp_path)
    with pytest.raises(BundleRefused, match="is not a folder"):
        read_manifest(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"- 1", b"a: [", b"\xff\xfe\x00", b"1: 2"])
def test_what_is_no_mapping_is_refused(content: bytes) -> None:
    """Whatever bytes are in model.yaml, the answer is a refusal."""
    with pytest.raises(BundleRefused, match=r"model\.yaml"):
        parse_manifest(content)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("format is not 1", lambda d: d.update(format=2)),
        ("name is 'Big Model'", lambda d: d.update(name="Big Model")),
        ("version is 1.0", lambda d: d.update(version=1.0)),
        ("task is 'summary'", lambda d: d.update(task="summary")),
        ("release is 'yes'", lambda d: d.update(release="yes")),
        ("default_head 'other'", lambda d: d.update(default_head="other")),
        ("parts is not a list", lambda d: d.update(parts=[])),
        ("parts[0].langs has 'fr'", lambda d: d["parts"][0].update(langs=["fr"])),
        ("parts[0].kind is 'magic'", lambda d: d["parts"][0].update(kind="magic")),
        ("parts[0].model is '../x.onnx'", lambda d: d["parts"][0].update(model="../x.onnx")),
        ("parts[0] uses b.onnx", lambda d: d["parts"][0].update(model="b.onnx")),
        ("parts[0].features.buckets is missing", lambda d: d["parts"][0]["features"].pop("buckets")),
        ("parts[0].features.words is [1]", lambda d: d["parts"][0]["features"].update(words=[1])),
        ("parts[0].features.characters [5, 2]", lambda d: d["parts"][0]["features"].update(characters=[5, 2])),
        ("parts[0].features.colour is unknown", lambda d: d["parts"][0]["features"].update(colour=1)),
        ("parts[0].features.scheme 2", lambda d: d["parts"][0]["features"].update(scheme=2)),
        ("heads is empty", lambda d: d.update(heads={})),
        ("heads.service.labels are fewer", lambda d: d["heads"]["service"].update(labels=["a", "a"])),
        ("heads.service.labels is not a list", lambda d: d["heads"]["service"].update(labels=["a", True])),
        ("heads.service.scenarios has 'x'", lambda d: d["heads"]["service"]["scenarios"].update(x="payment")),
        ("heads.service.scenarios gives", lambda d: d["heads"]["service"]["scenarios"].update(refund="banking")),
        ("heads.service.parts names", lambda d: d["heads"]["service"].update(parts=[1])),
        ("files.all.onnx is 'abc'", lambda d: d["files"].update({"all.onnx": "abc"})),
        ("files.../all.onnx", lambda d: d["files"].update({"../all.onnx": "0" * 64})),
        ("files lacks probe.json", lambda d: d["files"].pop("probe.json")),
        ("colour is unknown", lambda d: d.update(colour="red")),
        ("training is not a mapping", lambda d: d.update(training=[1])),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, field: str, change: Callable[[Document], None]) -> None:
    """The message begins with the file and the field, and ends with a remedy."""
    folder = a_hashed_bundle(tmp_path / "tiny")
    rewrite(folder, change)
    with pytest.raises(BundleRefused) as refused:
        read_manifest(folder)
    assert str(refused.value).startswith(f"{folder / 'model.yaml'}: {field}")
    assert refused.value.remedy


def test_a_sentiment_knows_good_from_bad(tmp_path: Path) -> None:
    """Without the two labels there is no score."""
    folder = a_hashed_bundle(tmp_path / "tiny", task="sentiment")
    rewrite(folder, lambda d: d["heads"]["sentiment"].update(labels=["bad", "neutral", "good"]))
    with pytest.raises(BundleRefused, match=r"heads\.sentiment\.labels lack negative or positive"):
        read_manifest(folder)
