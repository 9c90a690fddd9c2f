"""The prompt that a candidate file names: a file, or one that is shipped; read and checked like any prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from infra.candidates.model import PromptChoice
from infra.candidates.paths import named_path
from infra.tenants import read_text
from processors.policy import Problem
from processors.policy.reading import Fields, Source
from processors.prompting.template import PromptTemplate, parse_prompt

SHIPPED: Final = Path(__file__).parent.parent / "prompts"


def replaced_prompt(root: Fields, folder: Path) -> PromptChoice | None:
    """Of the field prompt. Mistakes of the file are noted in the source of `root`."""
    name = root.text("prompt")
    place = _place(root, folder, name) if name else None
    if place is None:
        return None
    problems: list[Problem] = []
    text = read_text(place, problems)
    source = Source(str(place))
    template = parse_prompt(text, source) if text is not None else None
    problems += source.problems
    if text is None or template is None or problems:
        root.wrong("prompt", f"{place} cannot be used", "mend what is said of it below")
        root.source.problems += problems
        return None
    return PromptChoice(template.name, template.fingerprint, text)


def template_of(choice: PromptChoice) -> PromptTemplate:
    """The prompt, ready to be filled. Raises ValueError where this version of the product cannot read it."""
    source = Source(f"prompt {choice.name}")
    template = parse_prompt(choice.text, source)
    if template is None or source.problems:
        raise ValueError("; ".join(map(str, source.problems)))
    return template


def _place(root: Fields, folder: Path, name: str) -> Path | None:
    """A file where there is one of that name, else the shipped prompt."""
    place = named_path(root, "prompt", folder, name)
    if place is None or place.is_file():
        return place
    shipped = sorted(file.stem for file in SHIPPED.glob("*.md"))
    if name in shipped:
        return SHIPPED / f"{name}.md"
    remedy = f"name a prompt's file, relative to this one, or one of: {', '.join(shipped)}"
    root.wrong("prompt", f"{name} is neither a file nor a shipped prompt", remedy)
    return None
