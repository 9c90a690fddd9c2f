"""What the documents tell people to type exists, and what they link to is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from typer.main import get_command

from infra.cli import main
from infra.flow_picture import mermaid

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
TOP: Any = get_command(main._top)
COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/|\$\(BIN\)/)?spillway (.+)$")


def _typed(text: str) -> Iterator[str]:
    """What follows `spillway` in code spans, in code blocks and in recipes, one command each."""
    spans = re.findall(r"`([^`\n]+)`", text)
    for line in [*(line.strip() for line in text.splitlines()), *spans]:
        if found := COMMAND.match(line.rstrip("`")):
            yield found.group(1).strip()


def _resolved(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words lead to, and the words after its name."""
    command, context = TOP, click.Context(TOP, info_name="spillway")
    while words and hasattr(command, "get_command") and not words[0].startswith("-"):
        following = command.get_command(context, words[0])
        assert following is not None, f"no such command: {' '.join(words)}"
        command, context, words = following, click.Context(following, parent=context), words[1:]
    return command, words


def _options(command: Any) -> set[str]:
    declared = {o for p in command.params for o in [*p.opts, *p.secondary_opts]}
    return declared | {"--help"}


def _check(line: str) -> None:
    for alternative in _alternatives(re.sub(r"[\[\]…]", "", line)):
        command, rest = _resolved(shlex.split(alternative, comments=True))
        used = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert used <= _options(command), f"spillway {line}: no such option: {used - _options(command)}"


def _alternatives(line: str) -> list[str]:
    """`dead-letters list|show` is two commands."""
    words = line.split()
    for i, word in enumerate(words[:2]):
        if "|" in word and not word.startswith(("|", '"')):
            return [" ".join([*words[:i], choice, *words[i + 1 :]]) for choice in word.split("|")]
    return [line]


TYPED = sorted({(p, line) for p in [*DOCUMENTS, ROOT / "Makefile"] for line in _typed(p.read_text("utf-8"))})


@pytest.mark.parametrize(("path", "line"), TYPED, ids=lambda x: str(x.name if isinstance(x, Path) else x))
def test_a_command_in_a_document_exists(path: Path, line: str) -> None:
    """Each is in our command line, with those options."""
    assert path.exists()
    _check(line)


ALERTS = (ROOT / "infra/prometheus/alerts.yml").read_text("utf-8")


@pytest.mark.parametrize("line", sorted(set(re.findall(r'spillway (\w[^;"\n]*)', ALERTS))))
def test_a_remedy_in_an_alert_exists(line: str) -> None:
    """Whoever is woken at night can type it."""
    words = re.sub(r"\{\{.*?\}\}", "X", line).split()
    command, rest = _resolved(words)
    assert command is not TOP
    assert {w for w in rest if w.startswith("--")} <= _options(command)
    if words[0] == "ask":
        assert (ROOT / "projections/analytics/saved" / f"{rest[0]}.sql").exists()


IMAGE_COMMANDS = {name: s["command"][1:] for name, s in SERVICES.items() if s.get("command", [""])[0] == "spillway"}


@pytest.mark.parametrize("name", IMAGE_COMMANDS)
def test_a_container_runs_a_command_that_exists(name: str) -> None:
    """Its arguments are parsed by the command itself, as they would be there."""
    command, rest = _resolved([str(word) for word in IMAGE_COMMANDS[name]])
    command.make_context(name, list(rest))


def test_the_picture_in_the_readme_is_drawn_from_the_topology() -> None:
    """If not: put what spillway topics --picture prints between the fences."""
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"```mermaid\n{mermaid()}```\n" in readme


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_link_leads_to_a_file(path: Path) -> None:
    """A document links to what is in the repository."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


def test_the_decisions_are_numbered_once() -> None:
    """A decision is cited by its number."""
    numbers = [p.name[:4] for p in (ROOT / "docs" / "adr").glob("*.md")]
    assert all(re.fullmatch(r"\d{4}", n) for n in numbers)
    assert len(numbers) == len(set(numbers))
