"""Versions of the parts that come as Python packages."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def spillway_version() -> str:
    """The version of Spillway itself; `unknown` where it runs from a bare checkout."""
    try:
        return version("spillway")
    except PackageNotFoundError:
        return "unknown"
