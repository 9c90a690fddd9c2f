"""Versions of what is installed as Python packages."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def package_version(distribution: str) -> str:
    """The installed version of a distribution; `unknown` where it is not installed as one."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
