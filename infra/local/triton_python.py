"""The interpreter for the local Triton: which ones there are, and which of them its Python backend can be built on.

The backend's process holds a Python inside: it needs that Python's shared library, of exactly the version that its
standard library is of. So an interpreter must be asked, and in the end tried.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from infra.local.errors import PartMissing

VARIABLE = "SPILLWAY_TRITON_PYTHON"
VERSIONS = ((3, 11), (3, 12), (3, 10))
"""Those that the pinned packages are for, in the order of preference."""
GLIBC = (2, 35)
REMEDY = (
    "install one with venv and its shared library (Debian and Ubuntu: apt install python3-venv libpython3-dev), "
    f"or name one: {VARIABLE}=/path/to/python3.11 spillway up --triton"
)
_ASK = """
import json, sys, sysconfig
have = lambda name: __import__("importlib.util").util.find_spec(name) is not None
print(json.dumps({
    "version": sys.version_info[:3], "library": sysconfig.get_config_var("INSTSONAME") or "",
    "folder": sysconfig.get_config_var("LIBDIR") or "", "prefix": sys.base_prefix,
    "venv": have("venv") and have("ensurepip"), "nested": sys.prefix != sys.base_prefix,
}))
"""


class Interpreter(NamedTuple):
    """A Python and what it says of itself. `library`: its shared library, whether or not that is there."""

    path: Path
    version: tuple[int, int, int]
    library: Path
    has_venv: bool
    nested: bool

    @property
    def short(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"

    def unfit(self) -> str | None:
        """Why it cannot serve; None where it may."""
        if self.version[:2] not in VERSIONS:
            wanted = ", ".join(f"{major}.{minor}" for major, minor in sorted(VERSIONS))
            return f"is Python {self.short}; the server's packages are for {wanted}"
        if self.nested:
            return "belongs to a virtual environment; name the one that it was made from"
        if not self.library.is_file():
            return f"has no shared library {self.library.name or 'at all'}"
        return None if self.has_venv else "cannot make virtual environments: venv or ensurepip is missing"


def require_platform() -> None:
    """Raises PartMissing where the server's binary cannot run at all: not Linux, not x86-64, or glibc before 2.35."""
    system, machine = platform.system(), platform.machine()
    _, version = platform.libc_ver()
    glibc = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if system != "Linux" or machine != "x86_64" or glibc < GLIBC:
        raise PartMissing(
            f"the local Triton server is for Linux on x86-64 with glibc 2.35 or newer; this is {system} on {machine}, "
            f"glibc {version or 'none'}; run spillway up without --triton, or use a server elsewhere: docs/triton.md"
        )


def asked(path: Path) -> Interpreter | None:
    """What the interpreter at `path` says of itself; None where it is none or does not answer in time."""
    try:
        done = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, timeout=20, check=True)
        said = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    major, minor, patch = said["version"]
    library = Path(said["folder"]) / said["library"]
    if not library.is_file():  # where a distribution moved it
        library = Path(said["prefix"]) / "lib" / said["library"]
    return Interpreter(path, (major, minor, patch), library, said["venv"], said["nested"])


def candidates(environment: Mapping[str, str] = os.environ) -> Iterator[Path]:
    """Interpreters to ask, best first, each once: the named one alone, or the one that runs this, then all others."""
    if named := environment.get(VARIABLE):
        yield Path(named)
        return
    seen: set[Path] = set()
    for path in _places(environment):
        if path.is_file() and (real := path.resolve()) not in seen:
            seen.add(real)
            yield path


def _places(environment: Mapping[str, str]) -> Iterator[Path]:
    # The one that our own environment was made from: venv works there, or we would not be here.
    yield Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    names = [f"python{major}.{minor}" for major, minor in VERSIONS]
    home = Path(environment.get("HOME") or "/")
    for name in [*names, "python3"]:
        for folder in ("/usr/bin", "/usr/local/bin"):
            yield Path(folder, name)
        if found := shutil.which(name, path=environment.get("PATH")):
            yield Path(found)
    for root in (environment.get("PYENV_ROOT") or home / ".pyenv", home / ".local/share/uv"):
        for name in names:
            version = name.removeprefix("python")
            yield from sorted(Path(root).glob(f"*/*{version}*/bin/{name}"), reverse=True)
