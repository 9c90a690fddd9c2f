"""Writing a report to a file that the user named."""

from __future__ import annotations

from pathlib import Path


def save(path: Path, text: str, error: type[Exception]) -> None:
    """Folders on the way are made. Raises `error`, with the remedy, where the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise error(f"{path}: cannot be written ({err.strerror}); name another file") from err
