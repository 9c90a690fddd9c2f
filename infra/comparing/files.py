"""Writing a comparison down: the page, and the document of `--json`."""

from __future__ import annotations

import json
from pathlib import Path

from infra.comparing.report import report
from infra.comparing.result import Comparison, as_json
from infra.local.errors import StackError
from infra.reporting.saving import save


def document(comparison: Comparison) -> str:
    """As JSON, without anything that JSON does not have: a figure that is none is null."""
    return json.dumps(as_json(comparison), ensure_ascii=False, indent=1, allow_nan=False)


def write_json(path: Path, comparison: Comparison) -> None:
    """Raises StackError where the file cannot be written."""
    save(path, document(comparison) + "\n", StackError)


def write_page(path: Path, comparison: Comparison) -> None:
    """Raises StackError where the file cannot be written."""
    save(path, report(comparison), StackError)
