"""Prompts as files: those that are shipped, and those that a tenant's folder has under prompts/."""

from __future__ import annotations

from pathlib import Path

from infra.tenants import PROMPTS, read_folder, shipped_prompts
from processors.policy import Problem
from processors.prompting.template import Prompts, check_prompts


def load_prompts(tenant: str, directory: Path | None = None) -> Prompts | tuple[Problem, ...]:
    """The prompts that a tenant may use, or every mistake in their files.

    directory: the tenant's folder; its prompts/*.md come before the shipped ones of the same name.
    """
    problems: list[Problem] = []
    shipped = shipped_prompts(problems)
    own = read_folder(directory / PROMPTS, problems) if directory is not None else {}
    checked = check_prompts(tenant, own, shipped)
    if isinstance(checked, tuple) or problems:
        return (*problems, *(checked if isinstance(checked, tuple) else ()))
    return checked
