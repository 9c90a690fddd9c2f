"""An earlier revision is compared as its own code describes it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.schemas import app
from infra.schema_history import ROOT, NoSuchRevision, is_checkout, revision
from schemas.catalogue import RECORDS
from schemas.compatibility import compare, snapshot

RUN = CliRunner()


def _git(folder: Path, *words: str) -> None:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *settings, *words], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of its own that holds today's schemas, committed."""
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas", ignore=shutil.ignore_patterns("__pycache__"))
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", "schemas")
    _git(tmp_path, "commit", "--quiet", "--message", "today")
    return tmp_path


def test_a_revision_of_today_is_today(checkout: Path) -> None:
    """Read through git and a process of its own, nothing differs."""
    assert is_checkout(checkout)
    assert compare(revision("HEAD", checkout), snapshot()) == []


def test_a_change_since_a_revision_is_found(checkout: Path) -> None:
    """A field that the revision did not have, and a topic that it kept for longer."""
    path = checkout / "schemas" / "avro" / "FeedbackGiven.avsc"
    schema = json.loads(path.read_text("utf-8"))
    schema["fields"] = [f for f in schema["fields"] if f["name"] != "score"]
    path.write_text(json.dumps(schema), "utf-8")
    catalogue = checkout / "schemas" / "catalogue.py"
    catalogue.write_text(catalogue.read_text("utf-8").replace("90 * DAY", "365 * DAY"), "utf-8")
    _git(checkout, "commit", "--quiet", "--all", "--message", "before")
    changes = compare(revision("HEAD", checkout), snapshot())
    assert {c.subject for c in changes if c.breaking} >= {"FeedbackGiven.score", "chat.messages"}


def test_a_revision_that_cannot_be_read_says_why(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No such reference, no checkout, and schemas that do not load are told apart."""
    with pytest.raises(NoSuchRevision, match="'nowhere'"):
        revision("nowhere", checkout)
    assert not is_checkout(tmp_path_factory.mktemp("bare"))
    (checkout / "schemas" / "catalogue.py").write_text("syntax error\n", "utf-8")
    _git(checkout, "commit", "--quiet", "--all", "--message", "broken")
    with pytest.raises(NoSuchRevision, match=r"do not load: .*SyntaxError"):
        revision("HEAD", checkout)


def test_a_record_is_shown_whole() -> None:
    """Its topic, subject, ids, schema and examples, as JSON."""
    shown = json.loads(RUN.invoke(app, ["show", "MessageReceived"]).stdout)
    assert shown["subject"] == "chat.messages-spillway.MessageReceived"
    assert shown["schema"]["name"] == "MessageReceived"
    assert len(shown["examples"]) >= 4


def test_an_unknown_record_is_answered_with_those_that_there_are() -> None:
    """The remedy is in the message."""
    answer = RUN.invoke(app, ["show", "Nothing"])
    assert answer.exit_code == 2
    assert all(name in answer.output for name in RECORDS)


def test_a_reference_that_is_none_is_an_error_of_its_own() -> None:
    """Exit 2: nothing was compared; 1 means that something breaks."""
    answer = RUN.invoke(app, ["check", "--against", "no-such-reference"])
    assert answer.exit_code == 2
    assert "no-such-reference" in answer.output


def test_a_registry_that_is_away_is_said_in_a_line() -> None:
    """Not in a traceback."""
    answer = RUN.invoke(app, ["import", "--registry", "http://127.0.0.1:1"])
    assert answer.exit_code == 1
    assert "does not answer" in answer.output
