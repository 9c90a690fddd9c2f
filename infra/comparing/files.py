"""Writing a comparison down: the page, and the document of `--json`."""

from __future__ import annotations

import json
from pathlib import Path

from infra.comparing.report import report
from infra.comparing.result import Comparison, as_json
from infra.local.errors import StackError


def document(comparison: Comparison) -> str:
    """As JSON, without anything that JSON does not have: a figure that is none is null."""
    return json.dumps(as_json(comparison), ensure_ascii=False, indent=1, allow_nan=False)


def write_json(path: Path, comparison: Comparison) -> None:
    """Raises StackError where the file cannot be written."""
    write_text(path, document(comparison) + "\n")


def write_page(path: Path, comparison: Comparison) -> None:
    """Raises StackError where the file cannot be written."""
    write_text(path, report(comparison))


def write_text(path: Path, text: str) -> None:
    """Folders on the way are made. Raises StackError where the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise StackError(f"{path}: cannot be written ({err.strerror}); name another file") from err
