"""Policies and articles as people write them: what is read, and what is said about mistakes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.demo import TENANTS
from infra.tenants import activation, load_tenant
from processors.policy import Problem, Rules, Tenant, check_tenant, rules_of
from processors.policy.model import Trigger
from schemas.codec import Codec
from schemas.events import PolicyActivated
from tests.unit.dialogues import ARTICLE, POLICY, START, a_meta, a_tenant, some_rules


def problems(policy: str = POLICY, **articles: str) -> list[Problem]:
    """What is wrong with a policy and articles."""
    found = check_tenant(policy, articles or {"articles/shipping.md": ARTICLE})
    return [] if isinstance(found, Tenant) else list(found)


def line_of(text: str, part: str) -> int:
    """The line that a part of a text begins in, from 1."""
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("right", "wrong", "field", "says", "remedy"),
    [
        ("session_timeout: 600", "session_timout: 600", "session_timout", "is no field", "mean session_timeout?"),
        ("session_timeout: 600", "session_timeout: soon", "session_timeout", "is no number", "of seconds from 1"),
        ("session_timeout: 600", "session_timeout: 0", "session_timeout", "is 0", "from 1"),
        ("tenant: shop", "tenant: My Shop", "tenant", "is no tenant's name", "small letters"),
        ("languages: [en, zh]", "languages: [en, fr]", "languages", "'fr' is not known", "use one of: en, zh"),
        ("logistics:\n", "logistic:\n", "scenarios.logistic", "is no scenario", "did you mean logistics?"),
        ("[track_order]", "[trak_order]", "scenarios.logistics.steps.which.intents", "not known", "track_order?"),
        ("until: [order_number]", "until: [order]", "logistics.steps.which.until", "not known", "order_number"),
        ("next: found", "next: fond", "scenarios.logistics.steps.which.next", "'fond' is not known", "mean found?"),
        ("fallback: later", "fallback: latter", "fallback", "'latter' is not known", "did you mean later?"),
        ("fallback: later\n", "", "fallback", "is missing", "name the template"),
        ("other: {rungs: [knowledge]}", "other: {rungs: [knowlege]}", "scenarios.other.rungs", "not", "knowledge?"),
        ("verified: true", "verified: maybe", "scenarios.service_change.triggers[0].verified", "neither", "true or"),
        ("noted: {en: Noted., zh: 已记下。}", "noted: {en: Noted.}", "templates.noted.zh", "is missing", "in zh"),
        ("Order {order_number} is", "Order {order_nr} is", "templates.found.en", "{order_nr}", "order_number?"),
        ("    defaults: {order_number: {en: yours, zh: 您的}}\n", "", "found.en", "has no default", "defaults:"),
        ("is on its way.", "is } here.", "templates.found.en", "a { or } that is no slot", "leave the brace out"),
        ("knowledge: [shipping]", "knowledge: [shiping]", "scenarios.logistics.knowledge", "no article", "shipping?"),
        ("anger: 0.6", "anger: 6", "handoff.anger", "is 6", "from 0 to 1"),
        ("failures: 2}", "failures: 2.5}", "handoff.failures", "is 2.5", "whole number"),
        ("  other: {rungs: [knowledge]}\n", "", "scenarios", "has no scenario other", "add other"),
        ("template: hello}", "template: hello, rungs: [cache]}", "chit_chat.rungs", "there twice", "keep one"),
        ("triggers:\n      - intents", "triggers:\n      - {}\n      - intents", "triggers[0]", "asks for", "name"),
        ("{rungs: [template], template: noted}", "{rungs: [template]}", "scope.template", "is missing", "name one"),
        ("which: {intents: [track_order], ", "which: {", "steps.which", "is never entered", "give it intents"),
        ("template: which, until: [order_number], next: found", "template: which, until: [order_number]", "which.until",
         "no step follows", "add next"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_line_field_and_remedy(
    right: str, wrong: str, field: str, says: str, remedy: str
) -> None:
    """The user is told where it is, what it is, and what to write instead."""
    assert right in POLICY
    text = POLICY.replace(right, wrong, 1)
    found = [p for p in problems(text) if p.field.endswith(field) and says in p.problem]
    assert found, "\n".join(map(str, problems(text)))
    assert remedy in found[0].remedy
    assert found[0].file == "policy.yaml"
    if wrong.strip() and not wrong.startswith("triggers"):
        assert abs(found[0].line - line_of(text, wrong)) <= 2


def test_every_mistake_is_found_in_one_go() -> None:
    """Not one at a time."""
    text = POLICY.replace("fallback: later", "fallback: latter").replace("anger: 0.6", "anger: x")
    text = text.replace("logistics:\n", "logistic:\n")
    assert {p.field for p in problems(text)} >= {"fallback", "handoff.anger", "scenarios.logistic"}
    assert len({p.line for p in problems(text)}) >= 3


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "is no mapping"), ("- a", "is no mapping"), ("a: [", "is no YAML"), ("a: \x00", "is no YAML"),
     ("[" * 3_000, "is no YAML"), ("a: &x [*x]", "is no field"), ("x" * 2_000_000, "characters")],
)  # fmt: skip
def test_what_is_no_policy_at_all_is_said_so(text: str, says: str) -> None:
    """Broken, hostile and huge files are refused like any other mistake."""
    assert any(says in p.problem for p in problems(text))


def test_a_yaml_mistake_names_its_line() -> None:
    """The line where the parser gave up."""
    text = POLICY.replace("fallback: later", 'fallback: "later')
    assert problems(text)[0].line >= line_of(text, 'fallback: "later')


@pytest.mark.parametrize(
    ("right", "wrong", "field", "line"),
    [
        ("---\nid", "id", "front matter", 1),
        ("id: shipping", "id: Shipping Times", "id", 2),
        ("title: Shipping times\n", "", "title", 2),
        ("lang: en", "lang: de", "lang", 4),
        ("tags: [shipping]", "tag: [shipping]", "tag", 5),
        ("We ship within two days. Delivery takes a week.", "", "text", 6),
    ],
)
def test_an_article_with_a_mistake_is_named(right: str, wrong: str, field: str, line: int) -> None:
    """With the same quality as a policy's."""
    found = [p for p in problems(POLICY, **{"articles/a.md": ARTICLE.replace(right, wrong)}) if p.field == field]
    assert [(p.file, p.line) for p in found] == [("articles/a.md", line)]
    assert found[0].remedy


def test_two_articles_cannot_have_one_id() -> None:
    """The second one is named, and says where the first is."""
    found = problems(POLICY, **{"a.md": ARTICLE, "b.md": ARTICLE})
    assert [(p.file, p.field) for p in found] == [("b.md", "id")]
    assert "a.md" in found[0].problem


def test_a_problem_reads_as_one_line() -> None:
    """file:line: field: what is wrong; the remedy."""
    line = str(problems(POLICY.replace("fallback: later", "fallback: latter"))[0])
    assert line == "policy.yaml:10: fallback: 'latter' is not known; did you mean later?"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(0, len(POLICY)))
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_the_reader(noise: str, at: int) -> None:
    """Whatever stands in a file, the answer is a tenant or problems."""
    assert check_tenant(POLICY[:at] + noise + POLICY[at:], {"a.md": noise}) is not None


def test_comments_and_layout_do_not_change_a_fingerprint_but_content_does() -> None:
    """A version is its content."""
    first = some_rules().fingerprint
    assert re.fullmatch(r"shop@1#[0-9a-f]{12}", first)
    assert some_rules("# a comment\n" + POLICY.replace("tenant: shop", 'tenant: "shop"')).fingerprint == first
    assert some_rules(POLICY.replace("anger: 0.6", "anger: 0.7")).fingerprint != first


def test_a_scenario_without_triggers_is_triggered_by_its_family() -> None:
    """The common case needs no words."""
    assert some_rules().policy.scenarios["logistics"].triggers == (Trigger(families=("logistics",)),)


def test_the_fallback_is_always_the_last_rung() -> None:
    """Whether it is named or not, and wherever."""
    rules = some_rules(POLICY.replace("other: {rungs: [knowledge]}", "other: {rungs: [fallback, knowledge]}"))
    assert rules.policy.scenarios["other"].rungs == ("knowledge", "fallback")
    assert rules.policy.scenarios["logistics"].rungs == ("cache", "knowledge", "template", "fallback")


def test_deadlines_are_the_channels_or_the_default() -> None:
    """Seconds; 5 where a policy says nothing."""
    policy = some_rules().policy
    assert (policy.deadline("web"), policy.deadline("fax")) == (10, 5)


def test_an_activation_survives_the_log_and_keeps_its_name() -> None:
    """What is read back compiles to the same rules, under the fingerprint that the log gives it."""
    event = a_tenant().activation(a_meta(START), START)
    codec = Codec()
    back = codec.decode("chat.control", codec.encode(event))
    assert back == event
    assert isinstance(back, PolicyActivated)
    rules = rules_of(back._replace(policy_fingerprint="shop@old#0"))
    assert isinstance(rules, Rules)
    assert (rules.fingerprint, rules.policy) == ("shop@old#0", some_rules().policy)


def test_an_activation_that_does_not_compile_says_why() -> None:
    """So that it can be passed over while the version before keeps serving."""
    event = a_tenant().activation(a_meta(START), START)
    broken = rules_of(event._replace(policy="tenant: ["))
    assert not isinstance(broken, Rules)
    stranger = rules_of(event._replace(meta=event.meta._replace(tenant_id="bank")))
    assert not isinstance(stranger, Rules)
    assert stranger[0].field == "tenant"


def test_a_folder_is_read_with_its_names(tmp_path: Path) -> None:
    """Missing and unreadable files are mistakes like others; their paths are named."""
    found = load_tenant(tmp_path)
    assert not isinstance(found, Tenant)
    assert "policy.yaml:1: -: is not there" in str(found[0])
    (tmp_path / "articles").mkdir()
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "articles" / "shipping.md").write_text(ARTICLE, encoding="utf-8")
    assert isinstance(load_tenant(tmp_path), Tenant)
    (tmp_path / "articles" / "bad.md").write_bytes(b"---\nid: x\n\xff\xfe")
    bad = load_tenant(tmp_path)
    assert not isinstance(bad, Tenant)
    assert (Path(bad[0].file).name, bad[0].line, bad[0].problem) == ("bad.md", 3, "is no UTF-8 text")


def test_the_same_activation_has_the_same_id() -> None:
    """Tenant, versions and time make it, so that sending it twice activates once."""
    tenant = load_tenant(TENANTS / "bank")
    assert isinstance(tenant, Tenant)
    first, again, later = (activation(tenant, at, START) for at in (START, START, START + 1))
    assert first == again
    assert first.meta.event_id != later.meta.event_id


def test_labels_of_a_model_of_ones_own_may_be_named_once_listed() -> None:
    """A label that neither we nor the policy know is a mistake; one that the policy lists is none."""
    wrong = POLICY.replace("[track_order]", "[parcel_drone]")
    assert "scenarios.logistics.steps.which.intents" in [problem.field for problem in problems(wrong)]
    assert problems(wrong.replace("tenant: shop", "tenant: shop\nintents: [parcel_drone]")) == []
