"""Tenants as folders: policy.yaml, articles/*.md, prompts/*.md; read, checked, and made the event of an activation."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from processors.policy import Problem, Tenant, check_tenant
from schemas.events import LIVE, MadeBy, Meta, PolicyActivated
from schemas.identity import uuid5

POLICY = "policy.yaml"
ARTICLES = "articles"
PROMPTS = "prompts"
_SHIPPED: Final = Path(__file__).parent / PROMPTS
_MISSING = f"write it, or name the folder that holds {POLICY}"


def load_tenant(directory: Path) -> Tenant | tuple[Problem, ...]:
    """The tenant in a folder, or every mistake in its files. The files are named with the folder."""
    shown = str(directory / POLICY)
    problems: list[Problem] = []
    policy = read_text(directory / POLICY, problems)
    articles = read_folder(directory / ARTICLES, problems)
    prompts = read_folder(directory / PROMPTS, problems)
    if policy is None:
        return tuple(problems)
    checked = check_tenant(policy, articles, shown, prompts, shipped_prompts(problems))
    if isinstance(checked, tuple) or problems:
        return (*problems, *(checked if isinstance(checked, tuple) else ()))
    return checked


def read_folder(directory: Path, problems: list[Problem]) -> dict[str, str]:
    """The Markdown files of a folder, by path; those that cannot be read are noted. Empty where there is no folder."""
    texts = {str(p): read_text(p, problems) for p in sorted(directory.glob("*.md"))}
    return {file: text for file, text in texts.items() if text is not None}


def shipped_prompts(problems: list[Problem]) -> dict[str, str]:
    """The prompts that any tenant may use, by path."""
    return read_folder(_SHIPPED, problems)


def activation(tenant: Tenant, effective_at: int, now: int) -> PolicyActivated:
    """The event that puts a tenant in force from `effective_at` on (microseconds UTC); its id says what and when."""
    name = tenant.rules.tenant
    identity = f"{name}|{tenant.policy_fingerprint}|{tenant.knowledge_fingerprint}|{effective_at}"
    made_by = MadeBy("operators", tenant.policy_fingerprint)
    return tenant.activation(Meta(uuid5(identity), name, "", None, None, LIVE, None, now, None, made_by), effective_at)


def read_text(file: Path, problems: list[Problem], missing: str = _MISSING) -> str | None:
    """A file's text; None, and a problem noted, where it cannot be read. `missing`: the remedy if it is not there."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        problems.append(Problem(str(file), 1, "-", "is not there", missing))
    except UnicodeDecodeError as e:
        line = e.object[: e.start].count(b"\n") + 1
        problems.append(Problem(str(file), line, "-", "is no UTF-8 text", "save the file as UTF-8"))
    except OSError as e:
        problems.append(Problem(str(file), 1, "-", f"cannot be read: {e.strerror}", "mend the file or its permissions"))
    return None
