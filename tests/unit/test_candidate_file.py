"""Candidate files: what is read, every mistake in one go, and the schema that editors check them by."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from infra.candidates.fields import FIELDS
from infra.candidates.gate import Rule, parse_condition
from infra.candidates.model import Candidate, CandidateRefused
from infra.candidates.parse import load_candidate
from infra.candidates.replaced_prompt import template_of
from infra.candidates.schema import SCHEMA, as_text, candidate_schema
from infra.models.store import ModelStore
from processors.policy import Problem
from schemas.events import PromptFile
from streams.models.manifest import read_manifest
from streams.testing import SMALL_POLICY
from tests.bundles import a_hashed_bundle
from tests.unit.test_policy_prompts import PROMPT

ARTICLE = """\
---
id: returns-window
title: Returns
lang: en
tags: [returns]
---
You may return goods within 30 days.
"""


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A model store whose shipped bundles are one for intents and one for moods."""
    for task in ("intent", "sentiment"):
        a_hashed_bundle(tmp_path / "shipped" / f"{task}-fast", task=task, name=f"{task}-fast")
    return ModelStore(tmp_path / "models", tmp_path / "shipped")


@pytest.fixture
def tenant(tmp_path: Path) -> Path:
    """A tenant's folder."""
    folder = tmp_path / "shop"
    (folder / "articles").mkdir(parents=True)
    (folder / "policy.yaml").write_text(SMALL_POLICY.format(tenant="shop", version="2"), encoding="utf-8")
    (folder / "articles" / "returns.md").write_text(ARTICLE, encoding="utf-8")
    return folder


def loaded(folder: Path, text: str, store: ModelStore | None = None) -> Candidate:
    """The candidate of a text in a file of that folder."""
    file = folder / "candidate.yaml"
    file.write_text(text, encoding="utf-8")
    return load_candidate(file, store)


def problems(folder: Path, text: str, store: ModelStore | None = None) -> tuple[Problem, ...]:
    """What is wrong with it."""
    with pytest.raises(CandidateRefused) as refused:
        loaded(folder, text, store)
    return refused.value.problems


def test_a_name_is_enough(tmp_path: Path) -> None:
    """What is left out is as it was live."""
    candidate = loaded(tmp_path, "name: as-it-was\n")
    assert (candidate.changed, candidate.fingerprints, candidate.gate) == (frozenset(), {}, ())


def test_a_candidate_says_what_replaces_what(tmp_path: Path, tenant: Path, store: ModelStore) -> None:
    """Bundles by name or folder, a tenant's policy and articles from their files."""
    mine = a_hashed_bundle(tmp_path / "mine", task="sentiment", name="mine")
    candidate = loaded(
        tmp_path,
        "name: everything\nmodels: {intent: intent-fast, sentiment: ./mine}\npolicy: shop/policy.yaml\n"
        "knowledge: shop/articles\nseed: 3\nmetrics: [tokens]\n"
        "gate: {handoff_rate: [no worse than 1 point, at most 20 %]}\n",
        store,
    )
    assert candidate.changed == {"intent", "sentiment", "policy", "knowledge"}
    assert candidate.models["sentiment"].fingerprint == read_manifest(mine).fingerprint
    change = candidate.tenants["shop"]
    assert (change.policy or "").startswith("tenant: shop")
    assert [article.article_id for article in change.articles or ()] == ["returns-window"]
    assert candidate.gate == (Rule("handoff_rate", "no_worse", 0.01), Rule("handoff_rate", "at_most", 0.2))
    assert set(candidate.fingerprints) == {"intent", "sentiment", "policy.shop", "knowledge.shop"}


def test_a_tenants_folder_is_both(tmp_path: Path, tenant: Path) -> None:
    """The same as its policy and its articles named apart."""
    apart = loaded(tmp_path, "name: one\npolicy: shop/policy.yaml\nknowledge: {shop: shop/articles}\n")
    assert loaded(tmp_path, "name: one\ntenant: shop\n").tenants == apart.tenants


def test_a_replaced_policy_brings_the_prompts_beside_it(tmp_path: Path, tenant: Path) -> None:
    """Alone or as the whole folder; a mistake in one is named in its own file, and the candidate keeps them as JSON."""
    policy = (tenant / "policy.yaml").read_text(encoding="utf-8")
    policy = policy.replace("rungs: [knowledge, template]", "rungs: [small_model, template]")
    assert "small_model" in policy
    (tenant / "policy.yaml").write_text(policy, encoding="utf-8")
    (tenant / "prompts").mkdir()
    (tenant / "prompts" / "answer.md").write_text(PROMPT, encoding="utf-8")
    mine = (PromptFile("answer", PROMPT, "shop"),)
    for named in ("policy: shop/policy.yaml", "tenant: shop"):
        candidate = loaded(tmp_path, f"name: mine\n{named}\n")
        assert candidate.tenants["shop"].prompts == mine
        assert Candidate.from_json(candidate.to_json()) == candidate
    (tenant / "prompts" / "answer.md").write_text("answer", encoding="utf-8")
    wrong = problems(tmp_path, "name: mine\npolicy: shop/policy.yaml\n")
    assert any(Path(p.file).name == "answer.md" and p.line == 1 for p in wrong)


def test_articles_alone_are_those_of_the_policy_beside_them(tmp_path: Path, tenant: Path) -> None:
    """The policy itself stays as it was live."""
    candidate = loaded(tmp_path, "name: one\nknowledge: shop/articles\n")
    assert candidate.changed == {"knowledge"}
    assert candidate.tenants["shop"].policy is None


def test_a_candidate_needs_its_files_no_more(tmp_path: Path, tenant: Path, store: ModelStore) -> None:
    """As JSON or pickled it reaches another host whole."""
    candidate = loaded(
        tmp_path,
        "name: one\nabout: 试验\ntenant: shop\nmodels: {intent: intent-fast}\ngate: {tokens: <= +5 %}\n",
        store,
    )
    assert Candidate.from_json(json.loads(json.dumps(candidate.to_json()))) == candidate
    assert pickle.loads(pickle.dumps(candidate)) == candidate


def test_a_fingerprint_tells_what_is_played_and_nothing_else(tmp_path: Path, tenant: Path) -> None:
    """Another gate or layout plays the same; another policy does not."""
    first = loaded(tmp_path, "name: one\npolicy: shop/policy.yaml\n")
    assert loaded(
        tmp_path, "# a comment\nname: one\npolicy: shop/policy.yaml\ngate: {tokens: no worse}\n"
    ).fingerprint == (first.fingerprint)
    (tenant / "policy.yaml").write_text(SMALL_POLICY.format(tenant="shop", version="3"), encoding="utf-8")
    assert loaded(tmp_path, "name: one\npolicy: shop/policy.yaml\n").fingerprint != first.fingerprint


def test_every_mistake_is_found_in_one_go(tmp_path: Path, store: ModelStore) -> None:
    """Each by line and field, with a remedy."""
    found = problems(
        tmp_path,
        "name: Not A Name\n"
        "models:\n  intent: intent-fats\n  sentiment: intent-fast\n  generation: some-llm\n"
        "policy: nowhere.yaml\nknowledge: nothing-here\nprompt: be kind\nmetrics: [handof_rate]\n"
        "gate:\n  handoff_rate: fine\n  p95 latency: '<= +10 %'\nseed: -1\nnonsense: 1\n",
        store,
    )
    assert {(p.line, p.field) for p in found if p.file.endswith("candidate.yaml")} == {
        (1, "name"),
        (3, "models.intent"),
        (4, "models.sentiment"),
        (5, "models.generation"),
        (6, "policy"),
        (7, "knowledge"),
        (8, "prompt"),
        (9, "metrics"),
        (11, "gate.handoff_rate"),
        (12, "gate.p95 latency"),
        (13, "seed"),
        (14, "nonsense"),
    }
    assert all(p.problem and p.remedy for p in found)


def test_a_prompt_is_a_shipped_one_or_a_file(tmp_path: Path) -> None:
    """With all of its text, so that any host can play it; and a file comes first."""
    shipped = loaded(tmp_path, "name: one\nprompt: answer-short\n")
    assert shipped.prompt is not None
    assert (shipped.prompt.name, shipped.changed, shipped.generates) == ("answer-short", {"prompt"}, True)
    assert shipped.fingerprints == {"prompt": shipped.prompt.fingerprint}
    assert template_of(shipped.prompt).fingerprint == shipped.prompt.fingerprint
    mine = tmp_path / "mine.md"
    mine.write_text(shipped.prompt.text.replace("Answer the", "Do answer the"), encoding="utf-8")
    own = loaded(tmp_path, "name: one\nprompt: mine.md\n")
    assert own.prompt is not None
    assert own.prompt.fingerprint != shipped.prompt.fingerprint
    assert own.fingerprint != shipped.fingerprint


def test_models_that_generate_are_named_by_rung(tmp_path: Path) -> None:
    """By their names on the server; another rung there is not."""
    candidate = loaded(tmp_path, "name: one\ngeneration: {small_model: small, large_model: qwen}\n")
    assert candidate.fingerprints == {"generation.small_model": "small", "generation.large_model": "qwen"}
    assert (candidate.changed, candidate.generates) == ({"generation"}, True)
    (problem,) = problems(tmp_path, "name: one\ngeneration: {small: small, small_model: green}\n")
    assert (problem.line, problem.field) == (2, "generation.small")
    assert loaded(tmp_path, "name: one\n").generates is False


def test_a_candidate_that_generates_needs_its_files_no_more(tmp_path: Path) -> None:
    """As JSON it reaches another host whole; one of before the fields were there is read too."""
    candidate = loaded(tmp_path, "name: one\nprompt: answer\ngeneration: {small_model: small}\n")
    stored = json.loads(json.dumps(candidate.to_json()))
    assert Candidate.from_json(stored) == candidate
    del stored["prompt"], stored["generation"]
    assert Candidate.from_json(stored).generates is False


def test_a_mistake_in_a_prompt_is_named_in_its_own_file(tmp_path: Path) -> None:
    """And at the line of the candidate that names it."""
    (tmp_path / "mine.md").write_text("---\nname: mine\n---\n# en\nHello\n", encoding="utf-8")
    here, *there = problems(tmp_path, "name: one\nprompt: mine.md\n")
    assert (here.line, here.field) == (2, "prompt")
    assert {Path(p.file).name for p in there} == {"mine.md"}


def test_a_mistake_in_a_policy_is_named_in_its_own_file(tmp_path: Path, tenant: Path) -> None:
    """And at the line of the candidate that names the policy."""
    text = (tenant / "policy.yaml").read_text(encoding="utf-8")
    (tenant / "policy.yaml").write_text(text.replace("fallback: fallback", "fallback: nothing"), encoding="utf-8")
    here, there = problems(tmp_path, "name: one\npolicy: shop/policy.yaml\n")
    assert (here.line, here.field) == (2, "policy")
    assert (Path(there.file), there.field) == (tenant / "policy.yaml", "fallback")


def test_nothing_is_replaced_twice(tmp_path: Path, tenant: Path) -> None:
    """A tenant's folder and a policy for the same tenant contradict each other."""
    (problem,) = problems(tmp_path, "name: one\ntenant: shop\npolicy: shop/policy.yaml\n")
    assert "a second time" in problem.problem


def test_a_sign_without_quotes_is_explained(tmp_path: Path) -> None:
    """YAML reads >= as the beginning of a longer text, and says so in words that help nobody."""
    (problem,) = problems(tmp_path, "name: one\ngate:\n  label_agreement: >= 0.8\n")
    assert (problem.line, problem.remedy) == (3, 'put the condition in quotes: ">= 0.8"')


def test_a_run_cannot_be_called_live(tmp_path: Path) -> None:
    """That is what was recorded."""
    (problem,) = problems(tmp_path, "name: live\n")
    assert problem.field == "name"


def test_the_example_of_the_document_is_a_candidate(tmp_path: Path, tenant: Path) -> None:
    """As it is printed, with a tenant's folder beside it; and the reader and the schema agree on it."""
    document = Path(__file__).resolve().parents[2] / "docs" / "candidates.md"
    example = document.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    candidate = loaded(tmp_path, example, ModelStore(tmp_path / "models"))
    assert candidate.changed == {"intent", "sentiment", "policy", "knowledge"}
    assert len(candidate.gate) == 3
    jsonschema.validate(yaml.safe_load(example), candidate_schema())


def test_every_condition_of_the_document_is_read() -> None:
    """Those of the table of the gate, for a share where worse is up or down, or a time."""
    document = Path(__file__).resolve().parents[2] / "docs" / "candidates.md"
    table = document.read_text(encoding="utf-8").split("| condition |")[1].split("\n\n")[0]
    conditions = [c.strip('"') for line in table.splitlines()[2:] for c in re.findall(r"`([^`]+)`", line.split("|")[1])]
    assert len(conditions) > 12
    for condition in conditions:
        metric = "decision_p95" if "ms" in condition else "handoff_rate"
        assert parse_condition(metric, condition)


def test_the_schema_is_the_table_of_fields() -> None:
    """After a change of the fields or the metrics: python -m infra.candidates.schema."""
    assert SCHEMA.read_text(encoding="utf-8") == as_text()
    jsonschema.Draft202012Validator.check_schema(candidate_schema())


def test_the_reader_knows_the_fields_of_the_schema_and_no_others(tmp_path: Path) -> None:
    """What it offers instead of an unknown field is all that there is."""
    (problem,) = problems(tmp_path, "name: one\nqqqqqqqqqqqqq: 1\n")
    assert problem.remedy == f"use one of: {', '.join(sorted(field.name for field in FIELDS))}"


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("name: one", True),
        ("about: no name", False),
        ("name: Upper Case", False),
        ("name: one\nmodels: {intent: intent-fast}\npolicy: [a.yaml, b.yaml]\nknowledge: {shop: x}", True),
        ("name: one\nmodels: {intents: intent-fast}", False),
        ("name: one\nmetrics: [handoff_rate]\ngate: {tokens: <= +5 %, handoff_rate: [no worse, at most 5 %]}", True),
        ("name: one\ngate: {handof_rate: no worse}", False),
        ("name: one\nprompt: answer\ngeneration: {small_model: small}", True),
        ("name: one\ngeneration: {medium_model: small}", False),
        ("name: one\ngeneration: {}", False),
        ("name: one\nseed: 1.5", False),
        ("name: one\nnonsense: 1", False),
    ],
)
def test_an_editor_sees_what_the_reader_would_refuse(text: str, valid: bool) -> None:
    """As far as a schema can say it."""
    assert jsonschema.Draft202012Validator(candidate_schema()).is_valid(yaml.safe_load(text)) == valid
