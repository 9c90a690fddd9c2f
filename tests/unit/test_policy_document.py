"""docs/policies.md says what the reader of policies takes."""

from __future__ import annotations

import re
from pathlib import Path

from infra.tenants import shipped_prompts
from processors.entities import KINDS
from processors.labels import LABELS
from processors.policy import Tenant, check_tenant
from schemas.events import SCENARIOS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The first example in a language."""
    found = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_examples_are_without_mistakes() -> None:
    """The whole policy and the article fit each other."""
    tenant = check_tenant(block("yaml"), {"returns.md": block("markdown")}, shipped=shipped_prompts([]))
    assert isinstance(tenant, Tenant), "\n".join(map(str, tenant))


def test_every_word_that_may_be_used_is_listed() -> None:
    """Scenarios, slots and intents."""
    assert {word for word in (*SCENARIOS, *KINDS, *LABELS) if f"`{word}`" not in TEXT} == set()
