"""Who plays in a replay: the candidate's policies and models, and the recorded ones for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from infra.candidates.casting import LIVE_AGAIN, Replaced, cast_of, replacements, settled
from infra.candidates.model import Candidate, ModelChoice, TenantChange
from infra.candidates.parse import load_candidate
from infra.candidates.playing import control_as_played
from infra.candidates.recorded_models import RecordedModels
from infra.local.errors import StackError
from infra.models.settings import ModelSettings
from infra.models.store import ModelStore
from infra.settings import Settings
from processors.entities import PatternEntities
from schemas.catalogue import CONTROL
from schemas.events import Article, Event, Record
from streams.control import ControlFold
from streams.models.manifest import read_manifest
from streams.replay.stretch import Window
from streams.testing import EPOCH, SMALL_POLICY, a_model, a_policy, a_stop, an_arm, an_experiment
from streams.testing.generation import Say
from streams.testing.triton_streaming import StreamingTriton
from tests.bundles import a_hashed_bundle

OLD = (Article("old", "Old", "en", ("returns",), "Returns within 14 days."),)
NEW = (Article("new", "New", "en", ("returns",), "Returns within 30 days."),)
POLICY = TenantChange("shop", SMALL_POLICY.format(tenant="shop", version="9"), "shop@9#new")
KNOWLEDGE = TenantChange("shop", None, "", NEW, "shop-articles@1#new")
BOTH = POLICY._replace(articles=NEW, knowledge_fingerprint="shop-articles@1#new")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation whose models are two tiny bundles in folders of their own."""
    intent = a_hashed_bundle(tmp_path / "own" / "intent", name="live-intent")
    mood = a_hashed_bundle(tmp_path / "own" / "mood", task="sentiment", name="live-mood")
    return Settings("", "", "", data_dir=tmp_path / "data", models=ModelSettings(str(intent), str(mood)))


def log(*events: Event) -> list[Record]:
    return [Record(CONTROL, 0, offset, EPOCH, event) for offset, event in enumerate(events)]


def contents(control: ControlFold, tenant: str = "shop") -> list[tuple[int, str, str]]:
    """Since when, which policy, which articles."""
    return [(a.effective_at, a.policy_fingerprint, a.knowledge_fingerprint) for a in control.policies(tenant)]


RECORDED = log(
    a_policy(version="1", articles=OLD, effective_at=100),
    a_policy(version="2", articles=OLD, effective_at=200),
    a_policy(version="2", articles=(), effective_at=300),
    a_policy(tenant="bank", effective_at=150),
)


@pytest.mark.parametrize(
    ("change", "held"),
    [
        (BOTH, [(100, "shop@9#new", "shop-articles@1#new")]),
        (
            POLICY,
            [(100, "shop@9#new", "shop-articles@1#test"), (300, "shop@9#new", "shop-articles@0#test")],
        ),
        (
            KNOWLEDGE,
            [(100, "shop@1#test", "shop-articles@1#new"), (200, "shop@2#test", "shop-articles@1#new")],
        ),
    ],
)
def test_the_candidate_is_in_force_over_the_whole_window(
    change: TenantChange, held: list[tuple[int, str, str]]
) -> None:
    """What it does not replace changes as it changed in the record; what changes nothing any more is left out."""
    played = control_as_played(RECORDED, {"shop": change})
    assert contents(played) == held


def test_other_tenants_stay_as_they_were() -> None:
    """Their activations, and all that is said of models."""
    records = [*RECORDED, *(r._replace(offset=10) for r in log(a_model("2")))]
    recorded, played = control_as_played(records, {}), control_as_played(records, {"shop": BOTH})
    assert contents(played, "bank") == contents(recorded, "bank")
    assert played.models("intent") == recorded.models("intent") != ()


def test_an_experiments_arm_does_not_pass_the_candidate_by() -> None:
    """A session in an arm with a policy of its own gets the candidate's all the same."""
    arm = an_arm(a_policy(version="5", articles=OLD), a_model("2"))
    records = log(a_policy(effective_at=100), an_experiment(arm, effective_at=200), a_stop(effective_at=300))
    started, stopped = control_as_played(records, {"shop": BOTH}).experiments("shop")
    assert [a.policy_fingerprint for a in started.arms] == ["", "shop@9#new"]
    assert started.arms[1].models == arm.models
    assert stopped.status == "stopped"


def test_a_tenant_without_a_recorded_policy_gets_the_candidates() -> None:
    """From the beginning; articles alone have no policy that would use them."""
    assert contents(control_as_played((), {"shop": BOTH})) == [(0, "shop@9#new", "shop-articles@1#new")]
    assert contents(control_as_played((), {"shop": KNOWLEDGE})) == []


def test_live_again_changes_nothing(settings: Settings) -> None:
    """The control log as it is, no model of its own."""
    cast = cast_of(LIVE_AGAIN, RECORDED, settings)
    assert (cast.changed, dict(cast.models)) == (frozenset(), {})
    assert list(cast.control.policies("shop")) == [r.event for r in RECORDED[:3]]


def test_the_models_that_the_record_names_are_loaded_again(settings: Settings, tmp_path: Path) -> None:
    """From the place that the control log names, the settings, or the product itself; each once."""
    mine = a_hashed_bundle(tmp_path / "mine", name="mine", sharpness=5.0)
    manifest = read_manifest(mine)
    activated = a_model()._replace(
        fingerprint=manifest.fingerprint, location=ModelStore(settings.model_store).add(mine)
    )
    recorded = RecordedModels(log(activated), settings)
    named = read_manifest(Path(settings.models.sentiment)).fingerprint
    patterns = PatternEntities().fingerprint
    for task, fingerprint in (("intent", manifest.fingerprint), ("sentiment", named), ("entities", patterns)):
        model = recorded(task, fingerprint)
        assert model is not None
        assert model.fingerprint == fingerprint
        assert recorded(task, fingerprint) is model
    assert recorded.refused == {}


def test_a_model_that_is_not_here_is_none_with_the_reason_kept(settings: Settings) -> None:
    """Another version of the patterns, a bundle that nobody has, a task that there is not."""
    recorded = RecordedModels((), settings)
    asked = [("intent", "gone@1#abcdef123456"), ("entities", "patterns@0#0"), ("weather", "x")]
    assert [recorded(*one) for one in asked] == [None, None, None]
    assert list(recorded.refused) == asked
    assert "there is no bundle gone@1#abcdef123456" in recorded.refused["intent", "gone@1#abcdef123456"]


def test_a_damaged_bundle_is_refused_and_nothing_else_is_taken_for_it(settings: Settings) -> None:
    """The record is served instead."""
    folder = Path(settings.models.intent)
    fingerprint = read_manifest(folder).fingerprint
    (folder / "all.onnx").write_bytes(b"cut")
    recorded = RecordedModels((), settings)
    assert recorded("intent", fingerprint) is None
    assert "SHA-256" in recorded.refused["intent", fingerprint]


def test_a_candidates_bundle_plays_on_every_host(settings: Settings, tmp_path: Path) -> None:
    """Once it is settled it lies in the model store, and the folder that the file named may go."""
    mine = a_hashed_bundle(tmp_path / "mine", name="mine", sharpness=5.0)
    candidate = settled(Candidate("one", models={"intent": ModelChoice(str(mine))}), settings)
    fingerprint = read_manifest(mine).fingerprint
    mine.rename(tmp_path / "gone")
    assert candidate.models["intent"].fingerprint == fingerprint
    assert cast_of(candidate, (), settings).models["intent"].fingerprint == fingerprint


def test_a_candidate_whose_bundle_is_not_here_does_not_play(settings: Settings) -> None:
    """Playing another one instead would be a lie."""
    candidate = Candidate("one", models={"intent": ModelChoice("gone", "gone@1#abcdef123456")})
    with pytest.raises(StackError, match="gone@1#abcdef123456 cannot be loaded"):
        cast_of(candidate, (), settings)


def test_a_bundle_for_another_task_is_not_settled(settings: Settings) -> None:
    """The message says what it is for."""
    candidate = Candidate("one", models={"intent": ModelChoice(settings.models.sentiment)})
    with pytest.raises(StackError, match="is for sentiment"):
        settled(candidate, settings)


def test_a_runs_description_says_what_replaced_what(settings: Settings) -> None:
    """Of the window alone: what was in force at its beginning, and what came into force in it."""
    records: Iterable[Record] = [*RECORDED, *(r._replace(offset=10) for r in log(a_model("2", effective_at=250)))]
    candidate = Candidate("one", models={"intent": ModelChoice("x", "x@1#1")}, tenants={"shop": BOTH})
    window = Window(210, 400)
    assert replacements(candidate, list(records), settings, window) == (
        Replaced(
            "intent", "*", (read_manifest(Path(settings.models.intent)).fingerprint, a_model("2").fingerprint), "x@1#1"
        ),
        Replaced("policy", "shop", ("shop@2#test",), "shop@9#new"),
        Replaced("knowledge", "shop", ("shop-articles@1#test", "shop-articles@0#test"), "shop-articles@1#new"),
    )


def test_a_candidate_that_generates_needs_a_server(settings: Settings, tmp_path: Path) -> None:
    """Before a replay begins, in words that say what to do; one that does not generate needs none."""
    missing = r"no Triton server: .*spillway up --triton.*SPILLWAY_TRITON"
    for file in ("prompt: answer-short", "generation: {small_model: small}"):
        (tmp_path / "one.yaml").write_text(f"name: one\n{file}\n", encoding="utf-8")
        candidate = load_candidate(tmp_path / "one.yaml")
        with pytest.raises(StackError, match=missing):
            settled(candidate, settings)
        with pytest.raises(StackError, match=missing):
            cast_of(candidate, (), settings)
    assert cast_of(LIVE_AGAIN, (), settings).generating is None


def test_a_model_that_the_server_does_not_serve_is_named_before_the_replay(settings: Settings) -> None:
    """With the server's own word; those that it serves are taken."""
    green, blue = (Candidate("one", generation={"small_model": name}) for name in ("green", "blue"))

    async def settle() -> None:
        async with StreamingTriton({"green": lambda prompt: [Say("Hello.")]}) as server:
            here = replace(settings, triton=server.url)
            assert (await asyncio.to_thread(settled, green, here)).generation == green.generation
            with pytest.raises(StackError, match=r"small_model: Triton at .* does not serve blue: .*models list"):
                await asyncio.to_thread(settled, blue, here)

    asyncio.run(settle())


def test_a_candidates_prompt_stands_for_those_of_all_policies(settings: Settings, tmp_path: Path) -> None:
    """It is read once more wherever it is played, and is the same one."""
    (tmp_path / "one.yaml").write_text("name: one\nprompt: answer-short\n", encoding="utf-8")
    candidate = load_candidate(tmp_path / "one.yaml")
    assert candidate.prompt is not None
    generating = cast_of(candidate, (), replace(settings, triton="127.0.0.1:1")).generating
    assert generating is not None
    assert generating.prompt is not None
    assert generating.prompt.fingerprint == candidate.prompt.fingerprint
