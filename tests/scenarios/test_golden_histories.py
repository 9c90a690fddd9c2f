"""A change of behaviour must change a file in review."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.playing import files, play, read

REMEDY = "if the change is meant: python -m tests.scenarios.regenerate, and look at the difference"


@pytest.mark.parametrize("file", files(), ids=lambda file: file.stem)
def test_a_history_comes_out_as_it_was_recorded(file: Path) -> None:
    """Every turn is routed and answered as the file says."""
    history = read(file)
    recorded, found = history["turns"], play(history)
    for number, (was, is_) in enumerate(zip(recorded, found, strict=False)):
        assert is_ == was, f"{file.name}, turn {number} ({was.get('text', '')!r}) has changed; {REMEDY}"
    assert len(found) == len(recorded), REMEDY


@pytest.mark.parametrize("file", files(), ids=lambda file: file.stem)
def test_a_history_comes_out_the_same_when_every_stage_forgets(file: Path) -> None:
    """Restarting each stage after each line changes nothing that a customer or an analyst sees."""
    history = read(file)
    stages = [stage for line in history["script"] for stage in line.values() if line.keys() & {"stops", "starts"}]
    forgets = [{"restarts": stage} for stage in ("routing", "reply") if stage not in stages]
    script = [line for original in history["script"] for line in (original, *forgets)]
    assert play({**history, "script": script}) == history["turns"]


def test_the_histories_show_what_they_should() -> None:
    """Between them they use each fast rung, each reason for a handoff that a policy can give, and both tenants."""
    turns = [(read(file)["tenant"], turn) for file in files() for turn in read(file)["turns"]]
    assert {turn.get("rung") for _, turn in turns} >= {"cache", "template", "knowledge", "human", "fallback", None}
    assert {turn.get("handoff") for _, turn in turns} >= {"asked_for", "anger", "low_confidence", "repeated_failure"}
    assert {tenant for tenant, _ in turns} == {"bank", "shop"}
    assert {turn.get("lang") for _, turn in turns} >= {"en", "zh"}


def test_the_files_are_as_they_are_written() -> None:
    """Nobody has edited by hand what `regenerate` would write otherwise."""
    for file in files():
        text = file.read_text(encoding="utf-8")
        assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n", file.name
