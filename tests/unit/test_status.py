"""`spillway status` shows which models are in force, and what keeps one from being asked."""

from __future__ import annotations

from typing import Any

import pytest

from infra.cli.status import _show
from infra.local.inspection import StackStatus
from infra.wiring import models_of
from streams.testing.models import ScriptedEntities
from streams.topology import SPECS
from streams.understanding import Understanding


def said(**changes: Any) -> dict[str, Any]:
    """What a worker says of a model that stands for a rung."""
    usual = {"rung": "small_model", "model": "small", "fingerprint": "small@1#abc", "breaker": "closed", "ready": True}
    return {**usual, "tenants": [], **changes}


def shown(capsys: pytest.CaptureFixture[str], **models: Any) -> list[str]:
    """The lines of a status with these models."""
    _show(StackStatus("data", True, 0, 0, {}, [], models))
    return capsys.readouterr().out.splitlines()


def test_the_models_of_rungs_stand_beside_those_that_understand(capsys: pytest.CaptureFixture[str]) -> None:
    """One table: stage, tenant, and what is in force there."""
    lines = shown(
        capsys,
        intent={"in_force": {"*": "intent-fast@1#def"}},
        generation={"generating": {"*": [said()], "bank": [said(rung="large_model", fingerprint="wide@3#012")]}},
    )
    table = lines[lines.index("stage       tenant  model in force") :][:4]
    assert [line.split(None, 2) for line in table[1:]] == [
        ["intent", "*", "intent-fast@1#def"],
        ["generation", "*", "small_model: small@1#abc"],
        ["generation", "bank", "large_model: wide@3#012"],
    ]


def test_what_keeps_a_model_from_being_asked_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """An open breaker, and a server that does not serve it."""
    lines = shown(capsys, generation={"generating": {"*": [said(breaker="open", ready=False)]}})
    assert any(line.endswith("small@1#abc (its server does not serve it, breaker open)") for line in lines)


def test_a_worker_says_the_models_of_every_stage_that_asks_some() -> None:
    """Stages without models say nothing."""
    stage = Understanding.entities(ScriptedEntities(fingerprint="patterns@1"))
    assert models_of([(SPECS["entities"], stage)]) == {"entities": {"in_force": {"*": "patterns@1"}}}
