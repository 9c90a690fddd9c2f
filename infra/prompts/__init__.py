"""Prompts as files: those that are shipped, and those that a tenant's folder has under prompts/."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from infra.tenants import read_text
from processors.policy import Problem
from processors.prompting.template import Prompts, check_prompts

FOLDER: Final = "prompts"
_HERE: Final = Path(__file__).parent


def load_prompts(tenant: str, directory: Path | None = None) -> Prompts | tuple[Problem, ...]:
    """The prompts that a tenant may use, or every mistake in their files.

    directory: the tenant's folder; its prompts/*.md come before the shipped ones of the same name.
    """
    problems: list[Problem] = []
    shipped = _texts(_HERE, problems)
    own = _texts(directory / FOLDER, problems) if directory is not None else {}
    checked = check_prompts(tenant, own, shipped)
    if isinstance(checked, tuple) or problems:
        return (*problems, *(checked if isinstance(checked, tuple) else ()))
    return checked


def _texts(folder: Path, problems: list[Problem]) -> dict[str, str]:
    read = {str(p): read_text(p, problems) for p in sorted(folder.glob("*.md"))}
    return {file: text for file, text in read.items() if text is not None}
