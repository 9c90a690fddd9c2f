"""The environment of the local Triton server: which interpreter it gets, and what is remembered of trying."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.local.errors import PartFailed, PartMissing
from infra.local.packages import PartsCache
from infra.local.stack import silent
from infra.local.triton import REPOSITORY, command
from infra.local.triton_env import REQUIREMENTS, TritonEnvironment, triton_environment
from infra.local.triton_python import VARIABLE, Interpreter, asked, candidates
from tests.triton_files import REPOSITORY as MODELS

BASE = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
FIT = Interpreter(Path("/python"), (3, 11, 9), Path(__file__), has_venv=True, nested=False)


def pretend_python(folder: Path, name: str, version: str = "3, 11, 9", library: str = "libpython.so") -> Path:
    """A program that answers as an interpreter does that has its library in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "libpython.so").touch()
    said = f'"version": [{version}], "library": "{library}", "folder": "{folder}", "prefix": "{folder}"'
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{{{said}, \"venv\": true, \"nested\": false}}'\n")
    path.chmod(0o755)
    return path


class Tries:
    """Stands for pip and for starting the server; notes what it was asked. `broken`: interpreters that fail."""

    def __init__(self, *broken: Path) -> None:
        self.broken = broken
        self.installed: list[Path] = []
        self.tried = 0

    def install(self, folder: Path, interpreter: Interpreter, _progress: object) -> None:
        self.installed.append(interpreter.path)
        home = folder / f"lib/python{interpreter.short}/site-packages/pytriton/tritonserver"
        stub = home / "python_backend_stubs" / interpreter.short / "triton_python_backend_stub"
        for file in (stub, home / "backends/python/libtriton_python.so"):
            file.parent.mkdir(parents=True)
            file.touch()

    def trial(self, environment: TritonEnvironment, _scratch: Path) -> None:
        self.tried += 1
        assert (environment.backends / "python" / "triton_python_backend_stub").exists()
        if self.installed[-1] in self.broken:
            raise PartFailed("the server did not start: AttributeError: _recursion_count")


def environment_by(tries: Tries, cache: Path, variables: Mapping[str, str]) -> TritonEnvironment:
    return triton_environment(PartsCache(cache), tries.trial, silent, variables, tries.install)


def test_an_interpreter_says_what_it_is() -> None:
    """The one that runs the tests is asked as any other; a file that is no interpreter is none."""
    found = asked(BASE)
    assert found is not None
    assert found.version == sys.version_info[:3]
    assert not found.nested
    assert asked(Path(__file__)) is None


def test_an_interpreter_that_cannot_serve_says_why() -> None:
    """Of the wrong version, inside a virtual environment, without its shared library, or without venv."""
    assert FIT.unfit() is None
    assert FIT._replace(version=(3, 13, 0)).unfit() == "is Python 3.13; the server's packages are for 3.10, 3.11, 3.12"
    assert "virtual environment" in str(FIT._replace(nested=True).unfit())
    assert "no shared library libpython3.so" in str(FIT._replace(library=Path("/no/libpython3.so")).unfit())
    assert "venv or ensurepip is missing" in str(FIT._replace(has_venv=False).unfit())


def test_a_named_interpreter_is_the_only_one_tried() -> None:
    """Who names one wants that one; else the one that made our own environment is the first."""
    assert list(candidates({VARIABLE: "/opt/python3.11"})) == [Path("/opt/python3.11")]
    found = list(candidates({"PATH": "/usr/bin", "HOME": "/nobody"}))
    assert found[0] == BASE
    assert len({path.resolve() for path in found}) == len(found)


def test_an_environment_is_made_and_tried_once(tmp_path: Path) -> None:
    """The second time it is taken as it is; another interpreter has another."""
    tries, python = Tries(), pretend_python(tmp_path / "a", "python3.11")
    first = environment_by(tries, tmp_path / "cache", {VARIABLE: str(python)})
    assert environment_by(tries, tmp_path / "cache", {VARIABLE: str(python)}) == first
    assert (tries.installed, tries.tried) == ([python], 1)
    assert first.variables()["LD_LIBRARY_PATH"] == str(tmp_path / "a")
    other = pretend_python(tmp_path / "b", "python3.11")
    assert environment_by(tries, tmp_path / "cache", {VARIABLE: str(other)}).home != first.home


def test_an_interpreter_in_which_the_server_does_not_start_is_passed_over_and_remembered(tmp_path: Path) -> None:
    """Where none is left, the message names each with its reason, and what to do; trying again costs nothing."""
    python = pretend_python(tmp_path / "broken", "python3.11")
    old = pretend_python(tmp_path / "old", "python3.9", version="3, 9, 1")
    tries = Tries(python)
    for _ in range(2):
        with pytest.raises(PartMissing) as refused:
            environment_by(tries, tmp_path / "cache", {VARIABLE: str(python)})
        for said in (str(python), "_recursion_count", "apt install", VARIABLE):
            assert said in str(refused.value)
    assert (tries.installed, tries.tried) == ([python], 1)
    assert [path.name for path in (tmp_path / "cache/triton").rglob("*") if path.is_file()] == ["fails.json"]
    with pytest.raises(PartMissing, match=r"is Python 3\.9"):
        environment_by(tries, tmp_path / "cache", {VARIABLE: str(old)})
    with pytest.raises(PartMissing, match="does not answer as a Python"):
        environment_by(tries, tmp_path / "cache", {VARIABLE: "/no/python"})


def test_every_package_is_pinned_by_hash_for_every_version() -> None:
    """What pip installs is pinned; nothing says where it is fetched."""
    text = REQUIREMENTS.read_text(encoding="utf-8")
    pins = re.findall(r"^(\S+)==(\S+) ((?:\\\n\s+--hash=sha256:[0-9a-f]{64} ?)+)$", text, re.MULTILINE)
    found = {name: hashes.count("--hash") for name, _, hashes in pins}
    assert found == {"nvidia-pytriton": 1, "numpy": 3, "onnxruntime": 3}
    assert "http" not in text
    assert "index-url" not in text


def test_the_server_is_told_to_listen_on_the_loopback_interface_and_to_load_only_what_is_asked(tmp_path: Path) -> None:
    """Triton's own defaults are every interface, and every model."""
    assert REPOSITORY == MODELS
    environment = TritonEnvironment(tmp_path / "bin/python3", tmp_path / "libpython.so", tmp_path)
    line = command(environment, (1, 2, 3), [REPOSITORY, tmp_path], ["small"], shared_memory="ours-")
    assert line[0] == str(tmp_path / "bin" / "tritonserver")
    for option in (
        *("--grpc-address=127.0.0.1", "--http-address=127.0.0.1", "--metrics-address=127.0.0.1"),
        *("--grpc-port=1", "--http-port=2", "--metrics-port=3", f"--model-repository={tmp_path}"),
        *("--model-control-mode=explicit", "--load-model=small"),
    ):
        assert option in line
    assert not any(option.startswith("--load-model=vllm") for option in line)
