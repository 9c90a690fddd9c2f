"""What a replay is asked for: times, names, and what makes it another replay."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from infra.candidates.gate import parse_rule
from infra.candidates.model import Candidate, TenantChange
from infra.replaying.definition import Asked, Definition, same_or_refused
from infra.replaying.errors import OtherRun, ReplayError
from projections.runs import Run, checked_run_id
from streams.replay.stretch import Gap, Selection, Window

NOW = 1_800_000_000_000_000
HOUR = 3_600_000_000
WINDOW = Window(NOW - HOUR, NOW)


def a_run(asked: Asked, run_id: str = "mine") -> Run:
    """The run as the store gives it back."""
    definition = json.loads(json.dumps(Definition(asked, {"offsets": {}}).as_json()))
    return Run(run_id, "created", asked.candidate.name, asked.mode, definition, asked.id, (0, 1), NOW, NOW)


def test_the_same_replay_has_the_same_name() -> None:
    """A run that is given no name is called by its content, so the same command goes on with it."""
    one, same = Asked(WINDOW), Asked(WINDOW)
    assert one.run_name() == same.run_name()
    assert one.run_name() != replace(one, mode="free-run").run_name()
    long = Asked(WINDOW, candidate=Candidate("n" * 40))
    assert checked_run_id(long.run_name()) == long.run_name()


def test_a_definition_comes_back_as_it_was_stored() -> None:
    """Candidate, policies and gaps included, so that another host replays the same."""
    change = TenantChange("shop", "tenant: shop", "shop@2#1", None, "")
    candidate = Candidate("strict", tenants={"shop": change}, gate=(parse_rule("handoff_rate: no worse than 1 point"),))
    asked = Asked(WINDOW, Selection("shop", None, 5, 3), "free-run", candidate, "/archive", True)
    definition = Definition(asked, {"offsets": {"a": [1, 2]}}, (Gap("chat.messages", 1, 2, 3, "gone"),))
    run = a_run(asked)._replace(definition=json.loads(json.dumps(definition.as_json())))
    assert Definition.of(run) == definition
    assert Definition.of(run).asked.id == asked.id


OTHERWISE: list[tuple[dict[str, Any], str]] = [
    ({"mode": "free-run"}, "mode was teacher-forced, now free-run"),
    ({"window": Window(NOW - 2 * HOUR, NOW)}, "from was 2027-01-15T07:00:00.000000Z, now 2027-01-15T06:00:00.000000Z"),
    ({"selection": Selection(sessions=10)}, "sessions was not given, now 10"),
    ({"candidate": Candidate("other")}, "candidate was live-again@candidate#"),
    ({"candidate": Candidate("live-again", gate=(parse_rule("handoff_rate: at most 5 %"),))}, "gate was not given"),
    ({"topics": True}, "topics was False, now True"),
]


@pytest.mark.parametrize(("change", "named"), OTHERWISE, ids=lambda x: str(x)[:20])
def test_another_replay_of_the_same_name_is_refused_with_the_difference(change: dict[str, Any], named: str) -> None:
    """The difference is named in the words of the command line, and both remedies are."""
    run = a_run(Asked(WINDOW))
    same_or_refused(run, Asked(WINDOW))
    with pytest.raises(OtherRun) as refused:
        same_or_refused(run, replace(Asked(WINDOW), **change))
    assert named in str(refused.value)
    assert "spillway runs delete mine" in str(refused.value)


def test_a_definition_of_another_version_is_refused() -> None:
    """A run that was stored by another version is not guessed at."""
    run = a_run(Asked(WINDOW))
    with pytest.raises(ReplayError, match="another version"):
        Definition.of(run._replace(definition={**run.definition, "format": 99}))
