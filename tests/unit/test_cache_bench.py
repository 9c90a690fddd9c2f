"""What `spillway bench cache` counts and times, with a model that says what it is told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.benches.cache import measure, repeated
from infra.benches.cache_traffic import Models, Traffic, hits, traffic
from infra.cli.bench import app
from infra.local.errors import StackError
from infra.recordings import Recorded, Said
from processors.policy import Rules, Tenant
from streams.generation.models import FixedModels, Serving
from streams.testing import ScriptedIntents, ScriptedSentiments
from streams.testing.generation import Pause, Say, ScriptedGenerator, Step
from tests.unit.test_policy_prompts import GENERATES, a_generating_tenant

ALWAYS: Tenant = a_generating_tenant(GENERATES.replace("large_model, template", "cache, large_model, template"))
RULES: Rules = ALWAYS.rules
TEXTS = ("which teapot is warm", "Which teapot is warm?", "which teapot is cold", "teapot 20260001")
UNDERSTANDING = Models(
    ScriptedIntents(dict.fromkeys(TEXTS, ("product_info", "product_question"))), ScriptedSentiments()
)
TOLD = "I cannot say more about it."


def conversations(*questions: str) -> list[Recorded]:
    """One conversation for each question."""
    return [Recorded(f"c-{n}", "en", (Said("customer", text), Said("agent", "…"))) for n, text in enumerate(questions)]


def found(*questions: str) -> Traffic:
    """What the policy makes of them."""
    return traffic(conversations(*questions), ALWAYS, UNDERSTANDING)


def says(prompt: str) -> list[Step]:
    """The model takes its time."""
    return [Pause(0.02), Say(TOLD)]


def test_questions_that_come_again_are_counted() -> None:
    """Whatever their case and marks; those that name an order have no part in it."""
    told = found("which teapot is warm", "Which teapot is warm?", "which teapot is cold", "teapot 20260001", "hello")
    assert told[:5] == (5, 5, 4, 3, 1)


def test_a_kept_answer_is_a_hit_from_the_second_time_on() -> None:
    """With `always`; with feedback it depends on who marks, and is the same every time."""
    routes = found(*["which teapot is warm"] * 50).routes
    assert hits(routes, RULES, 1.0) == 49
    assert 0 < hits(routes, RULES, 0.2, bad=0.0) == hits(routes, RULES, 0.2, bad=0.0) < 49
    assert hits(routes, RULES, 0.0) == 0


def test_a_pair_is_a_turn_that_is_kept_and_one_that_could_get_it() -> None:
    """Each question once, however often it comes."""
    pairs = repeated(found(*["which teapot is warm"] * 3, "which teapot is cold").routes, RULES)
    assert [(a.text, b.text) for a, b in pairs] == [("which teapot is warm",) * 2]


def test_repeated_questions_are_timed_with_the_cache_and_without() -> None:
    """Through the stage: the second answer comes from the cache, the other from the model."""
    model = ScriptedGenerator(says)
    told = found("which teapot is warm", "which teapot is warm", "which teapot is cold", "which teapot is cold")
    result = measure(told, ALWAYS, FixedModels(Serving(model, "large_model")), 10)
    assert result.timed is not None
    assert (result.timed.pairs, result.timed.passed_over, result.always) == (2, 0, 2)
    assert len(model.seen.asked) == 4
    assert result.timed.tokens > 0
    assert set(json.loads(result.as_json())) >= {"always", "seconds_saved", "tokens_saved", "timed"}


def test_a_model_that_answers_nothing_is_said_so() -> None:
    """Instead of figures of nothing."""
    told = found("which teapot is warm", "which teapot is warm")
    with pytest.raises(StackError, match="a model answered none twice"):
        measure(told, ALWAYS, FixedModels(), 10)


def test_the_command_counts_without_a_server(tmp_path: Path) -> None:
    """With the product's models and the example shop; nothing needs to run."""
    file = tmp_path / "talk.jsonl"
    lines = [{"conversation_id": f"c-{n}", "lang": "en", "turns": [
        {"speaker": "customer", "text": "What is the teapot made of?"}]} for n in range(2)]  # fmt: skip
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    ran = CliRunner().invoke(app, ["cache", str(file), "--json", "--data", str(tmp_path / "none")])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert (told["turns"], told["generated"], told["again"], told["always"], told["timed"]) == (2, 2, 1, 1, None)
