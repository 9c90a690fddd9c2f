"""The prompts that a policy uses, as files that travel with it: found by name, and read back from the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from processors.policy.model import Policy
from processors.policy.problem import Problem, instead
from processors.policy.reading import Source
from processors.prompting import template as prompting  # as a module: it needs this package's readers to load
from schemas.events import PromptFile

if TYPE_CHECKING:
    from processors.prompting.template import PromptTemplate


def used_prompts(
    policy: Policy, policy_text: str, policy_file: str, own: Mapping[str, str], shipped: Mapping[str, str]
) -> tuple[tuple[PromptFile, ...], list[Problem]]:
    """The files of the prompts that a policy uses, by name, and every mistake in prompts and in the names of them.

    own, shipped: file name to text; of one name the tenant's own counts.
    """
    problems: list[Problem] = []
    files: dict[str, PromptFile] = {}
    for whose, texts in (("", shipped), (policy.tenant, own)):
        seen: dict[str, str] = {}
        for file in sorted(texts):
            source = Source(file)
            found = prompting.parse_prompt(texts[file], source, whose)
            if found is not None and found.name in seen:
                problem = f"{found.name!r} is also the name of {seen[found.name]}"
                source.problems.append(Problem(file, 2, "name", problem, "give each prompt a name of its own"))
            if found is not None and found.name:
                seen.setdefault(found.name, file)
                files[found.name] = PromptFile(found.name, texts[file], whose)
            problems += source.problems
    problems += _unknown(policy, policy_text, policy_file, files)
    return tuple(files[name] for name in policy.prompts if name in files), problems


def read_prompts(files: Sequence[PromptFile]) -> tuple[dict[str, PromptTemplate], list[Problem]]:
    """The templates of files that a policy came with, by the policy's names, and every mistake in them."""
    found: dict[str, PromptTemplate] = {}
    problems: list[Problem] = []
    for name, text, tenant in files:
        source = Source(f"prompt {name}")
        parsed = prompting.parse_prompt(text, source, tenant)
        if parsed is not None and not source.problems:
            found[name] = parsed
        problems += source.problems
    return found, problems


def lacking(policy: Policy, templates: Mapping[str, PromptTemplate], file: str) -> list[Problem]:
    """A problem for each prompt that a policy uses, and that is not among its templates."""
    remedy = "activate the tenant anew: its prompts go with it"
    return [
        Problem(file, 1, "generation.prompt", f"the prompt {name!r} did not come with the policy", remedy)
        for name in policy.prompts
        if name not in templates
    ]


def _unknown(policy: Policy, policy_text: str, file: str, known: Mapping[str, PromptFile]) -> list[Problem]:
    """Names of prompts, where the policy has them, of which there is no file. They count where they are used or not."""
    source = Source(file)
    root = source.root(policy_text)
    if root is None:
        return []
    general = root.inner("generation")
    name = policy.generation.prompt
    if name not in known and ((general is not None and general.has("prompt")) or name in policy.prompts):
        field = "generation" if general is None else "prompt"
        (general or root).wrong(field, f"there is no prompt {name!r}", _where(name, known))
    scenarios = root.inner("scenarios")
    for key, fields in scenarios.entries() if scenarios is not None else ():
        scenario = policy.scenarios.get(key)
        if scenario is not None and scenario.prompt and scenario.prompt not in known:
            fields.wrong("prompt", f"there is no prompt {scenario.prompt!r}", _where(scenario.prompt, known))
    return [p for p in source.problems if p.problem.startswith("there is no prompt")]


def _where(name: str, known: Mapping[str, PromptFile]) -> str:
    other = f", or {instead(name, known)}" if known else ""
    return f"write prompts/{name}.md beside the policy{other}"
