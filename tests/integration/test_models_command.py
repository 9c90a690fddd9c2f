"""`spillway models`: what is there, what is in it, whether it is sound; put in force, and taken back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from infra.cli.models import app
from infra.models.store import ModelStore
from infra.topics import create_topics
from schemas.codec import Codec
from schemas.events import ModelActivated
from streams.control import Control
from streams.models.manifest import read_manifest
from tests.bundles import a_hashed_bundle, an_encoder_bundle
from tests.spoiled import SPOILED

RUN = CliRunner()


def run(data: Path, *words: str, broker: str = "") -> Result:
    """The command on a data folder; with a broker and no stores, or without any stack."""
    env: dict[str, str | None] = {"SPILLWAY_KAFKA": None}
    if broker:
        env = {
            "SPILLWAY_KAFKA": broker,
            "SPILLWAY_POSTGRES": "postgresql://nobody@127.0.0.1:1/none",
            "SPILLWAY_CLICKHOUSE": "http://127.0.0.1:1",
            "SPILLWAY_DATA": str(data),
        }
    return RUN.invoke(app, [*words, "--data", str(data)], env=env)


def activations(broker: str, task: str, tenant: str) -> tuple[ModelActivated, ...]:
    """What the control log says."""
    control = Control(broker, Codec())
    control.start()
    try:
        assert control.wait_until_read(30)
        return control.models(task, tenant)
    finally:
        control.close()


def test_a_sound_bundle_is_said_to_be(tmp_path: Path) -> None:
    """By its fingerprint, and without a stack."""
    folder = an_encoder_bundle(tmp_path / "mine")
    fingerprint = read_manifest(folder).fingerprint
    said = run(tmp_path, "verify", str(folder))
    assert said.exit_code == 0, said.output
    assert f"nothing is wrong ({fingerprint}, loaded in" in said.output
    assert json.loads(run(tmp_path, "verify", str(folder), "--json").stdout)["fingerprint"] == fingerprint


@pytest.mark.parametrize("wrong", SPOILED)
def test_a_wrong_bundle_is_refused_with_the_reason(tmp_path: Path, wrong: str) -> None:
    """The file, what is wrong with it, and the remedy; exit code 1."""
    spoil, pattern = SPOILED[wrong]
    folder = spoil(tmp_path / "bad")
    said = run(tmp_path, "verify", str(folder))
    assert said.exit_code == 1
    assert re.search(pattern, said.stderr), said.stderr
    found = json.loads(run(tmp_path, "verify", str(folder), "--json").stdout)
    assert found["ok"] is False
    assert re.search(pattern, found["reason"])


def test_a_bundle_says_what_is_in_it(tmp_path: Path) -> None:
    """Heads with their labels, data with their licences, files with their hashes."""
    folder = an_encoder_bundle(tmp_path / "mine")
    found: dict[str, Any] = json.loads(run(tmp_path, "show", str(folder), "--json").stdout)
    assert found["fingerprint"] == read_manifest(folder).fingerprint
    assert found["heads"]["service"]["labels"] == ["order_status", "refund", "greeting", "off_topic"]
    assert found["files"]["all.onnx"]["bytes"] == (folder / "all.onnx").stat().st_size
    text = run(tmp_path, "show", str(folder)).output
    for words in ("intent, for release", "backbone tiny", "*service: 4 labels", "Apache-2.0", "all.tokenizer.json"):
        assert words in text


def test_a_bundle_is_written_as_a_model_repository(tmp_path: Path) -> None:
    """Each graph under its own name, the backbone too; a second time changes nothing."""
    folder = an_encoder_bundle(tmp_path / "mine")
    for _ in range(2):
        said = run(tmp_path, "triton", str(folder), str(tmp_path / "repository"))
        assert said.exit_code == 0, said.output
    places = sorted((tmp_path / "repository").iterdir())
    assert [str(place) for place in places] == sorted(said.output.split())
    assert all((place / "config.pbtxt").is_file() and (place / "1" / "model.onnx").is_file() for place in places)


def test_without_a_stack_the_bundles_are_listed_all_the_same(tmp_path: Path) -> None:
    """What was activated is not known then, and is not invented."""
    location = ModelStore(tmp_path / "models").add(a_hashed_bundle(tmp_path / "mine"))
    listed = json.loads(run(tmp_path, "list", "--json").stdout)
    assert listed["activations"] is None
    assert [b["folder"] for b in listed["bundles"] if not b["shipped"]] == [str(tmp_path / "models" / location)]
    assert "start one with: spillway up" in run(tmp_path, "list").output


def test_an_unknown_bundle_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    """A misspelt name is an error that helps."""
    said = run(tmp_path, "show", "no-such-bundle")
    assert said.exit_code != 0
    assert "there is no bundle no-such-bundle; known:" in str(said.exception)


@pytest.mark.broker
def test_a_bundle_is_activated_superseded_withdrawn_and_listed(broker: str, unique: str, tmp_path: Path) -> None:
    """It is stored before it is announced; the history says what held when, and by whom."""
    create_topics(broker)
    one, two = (a_hashed_bundle(tmp_path / f"v{n}", name="mine", version=n) for n in ("1", "2"))
    steps = [
        ("activate", str(one), "--in", "0", "--by", "ana"),
        ("activate", str(two), "--in", "0", "--by", "wei"),
        ("activate", "mine@1", "--in", "900", "--by", "ana"),
    ]
    for step in steps:
        said = run(tmp_path, *step, "--tenant", unique, "--json", broker=broker)
        assert said.exit_code == 0, said.output
    for event in activations(broker, "intent", unique):
        manifest = read_manifest(tmp_path / "models" / event.location)
        assert (manifest.fingerprint, manifest.version) == (event.fingerprint, event.version)
    rows = _history(broker, tmp_path, unique)
    assert [(r["state"], r["fingerprint"].partition("#")[0], r["by"]) for r in rows] == [
        ("planned", "mine@1", "ana"),
        ("in force", "mine@2", "wei"),
        ("past", "mine@1", "ana"),
    ]
    assert run(tmp_path, "withdraw", "intent", "--tenant", unique, "--in", "0", broker=broker).exit_code == 0
    assert [r["state"] for r in _history(broker, tmp_path, unique)] == ["planned", "withdrawn", "past", "past"]
    assert "(what held before it)" in run(tmp_path, "list", broker=broker).output


@pytest.mark.broker
@pytest.mark.parametrize("wrong", SPOILED)
def test_what_is_wrong_is_neither_stored_nor_announced(broker: str, unique: str, tmp_path: Path, wrong: str) -> None:
    """The version before keeps serving, since nobody hears of the new one."""
    create_topics(broker)
    said = run(tmp_path, "activate", str(SPOILED[wrong][0](tmp_path / "bad")), "--tenant", unique, broker=broker)
    assert said.exit_code == 1
    assert re.search(SPOILED[wrong][1], said.stderr)
    assert activations(broker, "intent", unique) == ()
    assert list(tmp_path.glob("models/*/*")) == []


@pytest.mark.broker
def test_a_tenant_that_cannot_be_is_refused(broker: str, tmp_path: Path) -> None:
    """A slip of the keyboard does not become an activation for nobody."""
    create_topics(broker)
    said = run(tmp_path, "activate", str(a_hashed_bundle(tmp_path / "mine")), "--tenant", "No One", broker=broker)
    assert "is no tenant's name" in str(said.exception)
    assert activations(broker, "intent", "No One") == ()


def _history(broker: str, data: Path, tenant: str) -> list[dict[str, Any]]:
    listed = json.loads(run(data, "list", "--json", broker=broker).stdout)
    return [row for row in listed["activations"] if row["tenant"] == tenant]
