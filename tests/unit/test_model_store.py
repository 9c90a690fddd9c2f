"""The model store: bundles appear whole or not at all, and are found by name, version and hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.errors import StackError
from infra.models.store import ModelStore
from streams.models.bundle import BundleRefused, load_bundle
from streams.models.manifest import read_manifest
from tests.bundles import a_hashed_bundle, an_encoder_bundle, rewrite


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store without anything, and a folder of shipped bundles with one."""
    a_hashed_bundle(tmp_path / "shipped" / "intent-fast", name="intent-fast")
    return ModelStore(tmp_path / "store" / "models", tmp_path / "shipped")


def test_a_stored_bundle_is_the_one_that_was_given(store: ModelStore, tmp_path: Path) -> None:
    """By its name and content hash, loadable, and the same when it is given again."""
    folder = a_hashed_bundle(tmp_path / "mine", name="mine")
    location = store.add(folder)
    manifest = read_manifest(folder)
    assert location == f"mine/{manifest.sha256[:12]}"
    assert load_bundle(store.folder(location)).fingerprint == manifest.fingerprint
    assert store.add(folder) == location
    assert {path.name for path in store.root.iterdir()} == {"mine"}


def test_two_bundles_share_their_backbone(store: ModelStore, tmp_path: Path) -> None:
    """It lies on the disk once, and each bundle is whole without the folder that it came from."""
    folders = [an_encoder_bundle(tmp_path / "trained" / name, name=name) for name in ("one", "two")]
    locations = [store.add(folder) for folder in folders]
    (tmp_path / "trained").rename(tmp_path / "gone")
    links = [store.folder(location) / "backbone-tiny.onnx" for location in locations]
    assert len({link.stat().st_ino for link in links}) == 1
    assert all(load_bundle(store.folder(location)) for location in locations)


def test_a_damaged_bundle_is_replaced_when_it_is_given_again(store: ModelStore, tmp_path: Path) -> None:
    """Going back to a version mends it."""
    folder = a_hashed_bundle(tmp_path / "mine", name="mine")
    place = store.folder(store.add(folder))
    (place / "all.onnx").write_bytes(b"cut")
    with pytest.raises(BundleRefused):
        load_bundle(place)
    store.add(folder)
    assert load_bundle(place)


def test_a_bundle_that_changes_while_it_is_copied_is_not_stored(store: ModelStore, tmp_path: Path) -> None:
    """What does not have the hashes of its manifest never appears, not even in part."""
    folder = a_hashed_bundle(tmp_path / "mine", name="mine")
    (folder / "all.onnx").write_bytes(b"cut")
    with pytest.raises(BundleRefused, match=r"all\.onnx"):
        store.add(folder)
    assert list(store.root.glob("mine/*")) == []
    assert list(store.root.glob(".incoming*")) == []


@pytest.mark.parametrize("location", ["/etc", "../../etc", "a/../../b"])
def test_nothing_outside_the_store_is_opened(store: ModelStore, location: str) -> None:
    """Whatever an event says."""
    with pytest.raises(BundleRefused, match="outside the model store"):
        store.folder(location)


def test_bundles_are_found_by_what_people_call_them(store: ModelStore, tmp_path: Path) -> None:
    """A folder, a name, a version, a hash or its beginning, a whole fingerprint; a name alone means the shipped one."""
    newer = a_hashed_bundle(tmp_path / "newer", name="intent-fast", version="2.0.0", sharpness=50)
    stored = store.folder(store.add(newer))
    manifest = read_manifest(newer)
    shipped = tmp_path / "shipped" / "intent-fast"
    assert store.find(str(newer)) == newer
    assert store.find("intent-fast") == shipped
    for reference in ("intent-fast@2.0.0", f"intent-fast#{manifest.sha256[:5]}", manifest.fingerprint):
        assert store.find(reference) == stored
    assert [(b.shipped, b.folder) for b in store.bundles()] == [(True, shipped), (False, stored)]


def test_what_could_be_several_is_asked_back(store: ModelStore, tmp_path: Path) -> None:
    """And what is none is answered with those that there are."""
    for number, sharpness in enumerate((40.0, 50.0)):
        store.add(a_hashed_bundle(tmp_path / f"{number}", name="mine", version="3", sharpness=sharpness))
    with pytest.raises(StackError, match=r"mine may be any of mine@3#.*, mine@3#.*; say which"):
        store.find("mine")
    with pytest.raises(StackError, match="there is no bundle yours; known: intent-fast, mine"):
        store.find("yours")
    with pytest.raises(StackError, match="is no bundle's folder"):
        store.find("Not A Name")


def test_a_bundle_that_cannot_be_read_is_listed_with_the_reason(store: ModelStore, tmp_path: Path) -> None:
    """It does not hide the others."""
    place = store.folder(store.add(a_hashed_bundle(tmp_path / "mine", name="mine")))
    rewrite(place, lambda document: document.pop("heads"))
    wrong = {b.folder: b.wrong for b in store.bundles()}
    assert "heads is missing" in wrong[place]
    assert wrong[tmp_path / "shipped" / "intent-fast"] == ""
