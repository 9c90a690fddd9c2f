"""The tree reads as it claims to: five packages, one subject a file, nothing that is named after nothing."""

from __future__ import annotations

from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "processors", "streams", "projections", "infra")
SOURCES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
NAMELESS = {"utils", "util", "common", "helpers", "helper", "base", "misc", "shared", "core", "lib", "manager"}
LONGEST = 400


def test_no_module_is_named_after_nothing() -> None:
    """A file's name says its subject."""
    assert [str(p.relative_to(ROOT)) for p in SOURCES + TESTS if p.stem in NAMELESS or p.parent.name in NAMELESS] == []


def test_no_file_is_too_long_to_read() -> None:
    """About 300 lines are meant; beyond 400 a file has two subjects."""
    long = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in SOURCES}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_top_level_name_is_only_ours(package: str) -> None:
    """No distribution that we install brings a package of the same name."""
    assert set(packages_distributions().get(package, [])) <= {"spillway"}


def test_every_module_says_what_it_is() -> None:
    """The first line of a file is a sentence about it."""
    silent = [p for p in SOURCES if p.read_text(encoding="utf-8").lstrip()[:3] not in ('"""', "")]
    assert [str(p.relative_to(ROOT)) for p in silent] == []


def test_tests_do_not_shadow_the_packages() -> None:
    """A folder tests/streams would hide the real one from an installed wheel's tests."""
    assert [p.name for p in (ROOT / "tests").iterdir() if p.name in PACKAGES] == []
    assert all((p.parent / "__init__.py").exists() for p in TESTS)
