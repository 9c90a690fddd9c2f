"""Prompt templates are checked when they are read: each mistake with its file, line, field and remedy."""

from __future__ import annotations

import pytest

from infra.prompts import load_prompts
from processors.policy import Problem
from processors.policy.reading import Source
from processors.prompting.template import Prompts, PromptTemplate, check_prompts, parse_prompt

HEAD = """---
name: answer
version: "2"
langs: [en]
max_tokens: 50
stop: ["###"]
budget: {total: 600, message: 100}
---
"""
BODY = "# en\nYou answer for {about}.\n{passages}\n{message}\nAnswer:\n"


def parsed(text: str, tenant: str = "") -> PromptTemplate:
    """A template without a mistake."""
    source = Source("answer.md")
    template = parse_prompt(text, source, tenant)
    assert source.problems == []
    assert template is not None
    return template


def problems(text: str) -> list[Problem]:
    """The mistakes of a file."""
    source = Source("answer.md")
    parse_prompt(text, source)
    return source.problems


def test_a_file_is_a_template() -> None:
    """Front matter and text come out as they were written."""
    template = parsed(HEAD + BODY)
    assert (template.name, template.version, template.langs, template.max_tokens) == ("answer", "2", ("en",), 50)
    assert template.stop == ("###",)
    assert template.text["en"] == BODY.removeprefix("# en\n").rstrip("\n")
    assert template.budget["total"] == 600
    assert template.lang("zh") == "en"


def test_the_fingerprint_is_of_what_the_prompt_says() -> None:
    """Comments and layout of the front matter do not count; text, budget, version and tenant do."""
    template = parsed(HEAD + BODY)
    commented = parsed(HEAD.replace("name: answer", "# a comment\nname:   answer") + BODY)
    assert commented.fingerprint == template.fingerprint
    assert template.fingerprint.startswith("answer@2#")
    others = [
        parsed(HEAD + BODY.replace("Answer:", "Reply:")),
        parsed(HEAD.replace("600", "601") + BODY),
        parsed(HEAD.replace('"2"', '"3"') + BODY),
        parsed(HEAD + BODY, "shop"),
    ]
    assert len({template.fingerprint, *(t.fingerprint for t in others)}) == 5


@pytest.mark.parametrize(
    ("text", "line", "field", "said"),
    [
        ("no front matter", 1, "front matter", "missing"),
        (HEAD.replace("name: answer", "name: An swer") + BODY, 2, "name", "is no name"),
        (HEAD.replace("max_tokens: 50", "max_tokens: 0") + BODY, 5, "max_tokens", "is 0"),
        (HEAD.replace("max_tokens: 50\n", "") + BODY, 2, "max_tokens", "is missing"),
        (HEAD.replace("[en]", "[en, fr]") + BODY, 4, "langs", "'fr' is not known"),
        (HEAD.replace("total: 600, ", "") + BODY, 7, "budget.total", "is missing"),
        (HEAD.replace("total: 600", "total: 101") + BODY, 7, "budget", "total is 101, but the en instructions"),
        (HEAD.replace("message: 100", "massage: 100") + BODY, 7, "budget.massage", "is no field here"),
        (HEAD.replace("stop:", "stopp:") + BODY, 6, "stopp", "is no field here"),
        (HEAD.replace("[en]", "[en, zh]") + BODY, 13, "zh", "has no text"),
        (HEAD + BODY + "# zh\n{message}\n", 14, "zh", "is not in langs"),
        (HEAD + "stray\n" + BODY, 9, "text", "begins before"),
        (HEAD + BODY.replace("{about}", "{abuot}"), 10, "en", "{abuot} is no place"),
        (HEAD + BODY.replace("{message}\n", "Asked: {message}\n"), 12, "en", "is not alone on its line"),
        (HEAD + BODY.replace("{message}\n", ""), 9, "en", "has no {message}"),
        (HEAD + BODY.replace("{passages}", "{message}"), 12, "en", "is there twice"),
        (HEAD + BODY.replace("Answer:", "Answer: }"), 13, "en", "has a { or } that is no place"),
        (HEAD + BODY.replace("Answer:", "</message>"), 13, "en", "has the tag of a block"),
        (HEAD.replace("---", "---\ndefaults: {history: {zh: x}}", 1) + BODY, 2, "defaults.history.en", "is missing"),
    ],
)
def test_a_mistake_is_named_where_it_is(text: str, line: int, field: str, said: str) -> None:
    """File, line, field and problem are those of the mistake, and a remedy is there."""
    found = problems(text)
    assert [p for p in found if (p.file, p.line, p.field) == ("answer.md", line, field) and said in p.problem], found
    assert all(p.remedy for p in found)


def test_a_tenant_has_its_own_before_the_shipped_ones() -> None:
    """A prompt of the tenant's folder stands for the shipped one of its name; the others stay."""
    shipped = {"a.md": HEAD + BODY, "b.md": HEAD.replace("name: answer", "name: other") + BODY}
    prompts = check_prompts("shop", {"own.md": HEAD + BODY}, shipped)
    assert isinstance(prompts, Prompts)
    assert list(prompts) == ["answer", "other"]
    own, other = prompts.get("answer"), prompts.get("other")
    assert own is not None
    assert other is not None
    assert (own.tenant, other.tenant) == ("shop", "")
    assert own.fingerprint.startswith("shop-answer@2#")
    assert prompts.get("none") is None


def test_two_prompts_of_one_name_are_a_mistake() -> None:
    """Which of them is meant cannot be told."""
    found = check_prompts("shop", {"a.md": HEAD + BODY, "b.md": HEAD + BODY}, {})
    assert isinstance(found, tuple)
    assert "also the name of a.md" in found[0].problem


def test_the_shipped_prompts_are_without_a_mistake() -> None:
    """Each is in both languages."""
    prompts = load_prompts("shop")
    assert isinstance(prompts, Prompts), prompts
    assert list(prompts) == ["answer", "answer-short"]
    for name in prompts:
        template = prompts.get(name)
        assert template is not None
        assert set(template.langs) == {"zh", "en"}
