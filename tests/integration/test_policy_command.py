"""`spillway policy`: what is wrong is refused, what is right is put in force."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli.policy import app
from infra.demo import TENANTS
from infra.topics import create_topics

RUN = CliRunner()


def run(broker: str, *words: str) -> Result:
    """The command, with a broker and no stores."""
    env = {
        "SPILLWAY_KAFKA": broker,
        "SPILLWAY_POSTGRES": "postgresql://nobody@127.0.0.1:1/none",
        "SPILLWAY_CLICKHOUSE": "http://127.0.0.1:1",
    }
    return RUN.invoke(app, list(words), env=env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shop's folder, to change."""
    return Path(shutil.copytree(TENANTS / "shop", tmp_path / "shop"))


def test_a_folder_without_mistakes_is_said_so(folder: Path) -> None:
    """By its fingerprints, and without a stack."""
    said = RUN.invoke(app, ["check", str(folder)])
    assert (said.exit_code, "nothing is wrong (shop@1#" in said.output) == (0, True)
    found = json.loads(RUN.invoke(app, ["check", str(folder), "--json"]).stdout)
    assert (found["ok"], found["tenant"], found["articles"] >= 20) == (True, "shop", True)


def test_every_mistake_is_listed_with_its_remedy(folder: Path) -> None:
    """File, line and field of each, and exit code 1."""
    policy = folder / "policy.yaml"
    policy.write_text(policy.read_text(encoding="utf-8").replace("fallback: fallback", "fallback: falback"), "utf-8")
    (folder / "articles" / "odd.md").write_text("no front matter", "utf-8")
    said = RUN.invoke(app, ["check", str(folder)])
    assert said.exit_code == 1
    assert "fallback: 'falback' is not known; did you mean fallback?" in said.stderr
    assert "odd.md:1: front matter: is missing or not closed" in said.stderr
    assert "2 things are wrong" in said.stderr
    found = json.loads(RUN.invoke(app, ["check", str(folder), "--json"]).stdout)
    assert (found["ok"], len(found["problems"])) == (False, 2)
    assert set(found["problems"][0]) == {"file", "line", "field", "problem", "remedy"}


@pytest.mark.broker
def test_an_activation_is_listed_and_a_wrong_one_changes_nothing(broker: str, folder: Path, unique: str) -> None:
    """The newest that holds is in force, one for later is planned, one with mistakes is refused."""
    create_topics(broker)
    policy = folder / "policy.yaml"
    tenant = f"t-{unique}".lower()
    text = policy.read_text(encoding="utf-8").replace("tenant: shop", f"tenant: {tenant}")
    policy.write_text(text, "utf-8")
    assert run(broker, "activate", str(folder), "--in", "0").exit_code == 0
    policy.write_text(text.replace('version: "1"', 'version: "2"'), "utf-8")
    later = run(broker, "activate", str(folder), "--in", "600", "--json")
    assert json.loads(later.stdout)["policy"].startswith(f"{tenant}@2#")
    policy.write_text(text.replace("languages:", "langauges:"), "utf-8")
    refused = run(broker, "activate", str(folder))
    assert (refused.exit_code, "nothing was put in force" in refused.stderr) == (1, True)
    rows = [r for r in json.loads(run(broker, "list", "--json").stdout) if r["tenant"] == tenant]
    assert [(r["state"], r["policy"].partition("#")[0]) for r in rows] == [
        ("planned", f"{tenant}@2"),
        ("in force", f"{tenant}@1"),
    ]
    assert "in force" in run(broker, "list").output
