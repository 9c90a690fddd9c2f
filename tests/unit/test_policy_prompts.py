"""Policies that let models answer: which prompt makes which turn, and what goes into the log with the policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.demo import TENANTS
from infra.tenants import activation, load_tenant
from processors.policy import Problem, Rules, Tenant, check_tenant, rules_of
from processors.routing import Signals
from schemas.codec import Codec
from schemas.events import Customer, PolicyActivated, PromptFile
from streams.experiments import Arm
from streams.testing import a_policy, an_arm, an_experiment
from tests.unit.dialogues import ARTICLE, POLICY, START, Dialogue, a_meta, a_tenant, heard

PROMPT = """\
---
name: answer
version: "1"
langs: [en, zh]
max_tokens: 50
budget: {total: 600, message: 100}
---
# en
Answer from these.
{passages}
{message}
# zh
只根据文章回答。
{passages}
{message}
"""
OWN = PROMPT.replace("name: answer", "name: tea")
WITH_RUNGS = POLICY.replace(
    "other: {rungs: [knowledge]}", "other: {rungs: [cache, small_model, knowledge]}\n  product_question: "
    "{rungs: [large_model, template], template: noted, prompt: tea}"
)  # fmt: skip
GENERATES = WITH_RUNGS + "generation: {max_tokens: 90, cache: always}\n"
SHIPPED = {"shipped/answer.md": PROMPT}


def checked(
    policy: str = GENERATES, own: dict[str, str] | None = None, shipped: dict[str, str] | None = None
) -> Tenant | tuple[Problem, ...]:
    """A tenant with a prompt of its own and one that is shipped."""
    own = {"prompts/tea.md": OWN} if own is None else own
    return check_tenant(policy, {"a.md": ARTICLE}, "policy.yaml", own, SHIPPED if shipped is None else shipped)


def a_generating_tenant(policy: str = GENERATES, own: dict[str, str] | None = None) -> Tenant:
    """The same, without a mistake."""
    tenant = checked(policy, own)
    assert isinstance(tenant, Tenant), "\n".join(map(str, tenant))
    return tenant


def test_a_scenario_is_generated_by_its_own_prompt_or_the_policys() -> None:
    """Where no rung generates there is none."""
    rules = a_generating_tenant().rules
    prompts = {name: rules.prompt(name) for name in ("product_question", "other", "complaint", "logistics")}
    assert {name: p and (p.name, p.tenant) for name, p in prompts.items()} == {
        "product_question": ("tea", "shop"),
        "other": ("answer", ""),
        "complaint": None,
        "logistics": None,
    }
    assert (rules.policy.generation.max_tokens, rules.policy.generation.cache) == (90, "always")


def test_the_bounds_of_generation_have_defaults() -> None:
    """A policy need not say anything but the rung."""
    generation = a_generating_tenant(WITH_RUNGS).rules.policy.generation
    assert (generation.prompt, generation.max_tokens, generation.cache) == ("answer", 220, "feedback")


@pytest.mark.parametrize(
    ("right", "wrong", "field", "says", "remedy"),
    [
        ("prompt: tea", "prompt: toa", "scenarios.product_question.prompt", "no prompt 'toa'", "did you mean tea?"),
        ("max_tokens: 90", "prompt: anser", "generation.prompt", "no prompt 'anser'", "prompts/anser.md"),
        ("max_tokens: 90", "max_tokens: 0", "generation.max_tokens", "is 0", "from 1 to 4096"),
        ("cache: always", "cache: sometimes", "generation.cache", "not known", "use one of: always, feedback, never"),
        ("large_model", "big_model", "scenarios.product_question.rungs", "not known", "mean large_model?"),
        ("[large_model, template]", "[template]", "product_question.prompt", "of no use", "add small_model to rungs"),
        ("max_tokens: 90", "maxtokens: 90", "generation.maxtokens", "is no field", "mean max_tokens?"),
    ],
)
def test_a_mistake_about_generation_is_named_by_line_field_and_remedy(
    right: str, wrong: str, field: str, says: str, remedy: str
) -> None:
    """As everything else in a policy."""
    assert right in GENERATES
    text = GENERATES.replace(right, wrong, 1)
    found = checked(text)
    assert not isinstance(found, Tenant)
    named = [p for p in found if p.field.endswith(field) and says in p.problem]
    assert named, "\n".join(map(str, found))
    assert remedy in named[0].remedy
    assert text.splitlines()[named[0].line - 1].count(wrong.partition(":")[0].strip("[")) == 1


def test_a_mistake_in_a_prompt_is_the_tenants() -> None:
    """Its file, line and field are named, whether the policy uses it or not; one name twice is a mistake too."""
    wrong = PROMPT.replace("{message}\n# zh", "{mesage}\n# zh")
    found = checked(own={"prompts/tea.md": OWN, "prompts/x.md": wrong})
    assert not isinstance(found, Tenant)
    assert [(p.file, p.line) for p in found if "mesage" in p.problem] == [("prompts/x.md", 11)]
    twice = checked(own={"prompts/tea.md": OWN, "prompts/two.md": OWN})
    assert not isinstance(twice, Tenant)
    assert [(p.file, p.field) for p in twice] == [("prompts/two.md", "name")]


def test_a_policy_that_generates_without_any_prompt_is_refused() -> None:
    """The field that would name it is said, though the policy does not have it."""
    found = checked(WITH_RUNGS, shipped={})
    assert not isinstance(found, Tenant)
    assert [(p.field, p.problem) for p in found] == [("generation", "there is no prompt 'answer'")]


def test_the_fingerprint_covers_the_prompts_that_are_used() -> None:
    """Another text of one is another policy; of a prompt that nobody uses it is not. Nor where nothing generates."""
    first = a_generating_tenant().policy_fingerprint
    other = a_generating_tenant(own={"prompts/tea.md": OWN.replace("Answer from", "Reply from")}).policy_fingerprint
    unused = {"prompts/tea.md": OWN, "prompts/new.md": OWN.replace("name: tea", "name: new")}
    assert first != other
    assert a_generating_tenant(own=unused).policy_fingerprint == first
    assert a_generating_tenant(POLICY, own=unused).policy_fingerprint == a_tenant().policy_fingerprint


def test_a_tenants_own_prompt_takes_the_place_of_the_shipped_one() -> None:
    """By its name; the policy does not change a letter."""
    own = {"prompts/tea.md": OWN, "prompts/answer.md": PROMPT.replace("these.", "those.")}
    prompt = a_generating_tenant(own=own).rules.prompt("other")
    assert prompt is not None
    assert (prompt.tenant, prompt.text["en"].splitlines()[0]) == ("shop", "Answer from those.")


def test_the_log_alone_holds_the_prompts() -> None:
    """What is read back has the same templates under the same fingerprints, shipped ones included."""
    tenant = a_generating_tenant()
    event = tenant.activation(a_meta(START), START)
    codec = Codec()
    back = codec.decode("chat.control", codec.encode(event))
    assert isinstance(back, PolicyActivated)
    assert back.prompts == (PromptFile("answer", PROMPT, ""), PromptFile("tea", OWN, "shop"))
    rules = rules_of(back)
    assert isinstance(rules, Rules)
    for name in ("other", "product_question"):
        assert rules.prompt(name) == tenant.rules.prompt(name)


def test_an_activation_without_a_prompt_that_it_uses_is_refused() -> None:
    """The version before keeps serving, and the log of the process says why."""
    event = a_generating_tenant().activation(a_meta(START), START)
    found = rules_of(event._replace(prompts=event.prompts[:1]))
    assert not isinstance(found, Rules)
    assert "'tea' did not come with the policy" in str(found[0])
    broken = rules_of(event._replace(prompts=(event.prompts[0], PromptFile("tea", "no front matter"))))
    assert not isinstance(broken, Rules)
    assert broken[0].file == "prompt tea"


def test_a_folder_has_its_prompts_beside_its_articles(tmp_path: Path) -> None:
    """Those of the tenant and those that are shipped go with the activation."""
    (tmp_path / "articles").mkdir()
    (tmp_path / "prompts").mkdir()
    (tmp_path / "policy.yaml").write_text(GENERATES, encoding="utf-8")
    (tmp_path / "articles" / "shipping.md").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "prompts" / "tea.md").write_text(OWN, encoding="utf-8")
    tenant = load_tenant(tmp_path)
    assert isinstance(tenant, Tenant), "\n".join(map(str, tenant))
    assert [(p.name, p.tenant) for p in activation(tenant, START, START).prompts] == [("answer", ""), ("tea", "shop")]
    (tmp_path / "prompts" / "tea.md").write_text("tea", encoding="utf-8")
    wrong = load_tenant(tmp_path)
    assert not isinstance(wrong, Tenant)
    assert wrong[0].file.endswith("prompts/tea.md")


def test_an_arm_brings_the_prompts_of_its_policy() -> None:
    """What an experiment tries compiles by itself."""
    policy = a_policy()._replace(prompts=(PromptFile("answer", PROMPT),))
    started = an_experiment(an_arm(policy))
    tried = Arm(started, started.arms[1]).policy
    assert tried is not None
    assert tried.prompts == policy.prompts


def test_a_turn_that_a_model_may_answer_is_the_generation_stages() -> None:
    """Who answers follows from the rungs; a human's turn stays the human's, and the tier goes with the route."""
    rules = a_generating_tenant().rules
    dialogue = Dialogue(rules, Customer("c-1", "gold"))
    asked = dialogue.says("which teapot is best", heard("product_info", "product_question"))
    assert (asked.owner, asked.rungs, asked.tier) == ("generation", ("large_model", "template", "fallback"), "gold")
    assert dialogue.says("where is it", heard("track_order", "logistics")).owner == "reply"
    handed = dialogue.says("a human please", heard("request_human", "human_handoff"))
    assert (handed.owner, handed.handoff) == ("reply", True)
    assert dialogue.says("which teapot", heard("product_info", "product_question")).owner == "human"
    assert Dialogue(rules).says("hm", Signals()).owner == "reply"


def test_the_demo_tenants_compile_with_their_prompts() -> None:
    """What is shipped has no mistake in it."""
    for name in ("shop", "bank"):
        tenant = load_tenant(TENANTS / name)
        assert isinstance(tenant, Tenant), "\n".join(map(str, tenant))
        assert [p.name for p in tenant.prompts] == list(tenant.rules.policy.prompts)
