"""`spillway compare` of runs that a store has: what it prints, writes and ends with."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli.compare import EXITS, app
from projections.analytics.schema import DATABASE
from streams.models.judge import INPUTS
from streams.testing.judges import longer
from streams.testing.triton import FakeTriton, TextModel
from tests.integration.compared_desk import TURNS, Desk

pytestmark = pytest.mark.clickhouse


def by_length(given: Mapping[str, Sequence[str]]) -> list[str]:
    """The longer reply wins."""
    return [longer(*pair) for pair in zip(given["first"], given["second"], strict=True)]


@pytest.fixture(scope="module")
def desk(clickhouse: str) -> Desk:
    """In the database that commands know, under a tenant of its own."""
    return Desk(clickhouse, DATABASE, f"shop-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def altered(desk: Desk) -> str:
    """A run in which orders are answered at greater length."""
    return desk.with_policy("teacher-forced", "Here is your order.", "Here is your order, and all that we know of it.")


@pytest.fixture
def judges() -> Iterator[FakeTriton]:
    """A KServe v2 server with a judge that has no taste."""
    with FakeTriton(texts={"length": TextModel(INPUTS, "verdict", by_length)}) as running:
        yield running


def run(desk: Desk, *words: str) -> Result:
    """The command, as a user of this store types it."""
    env = {
        "SPILLWAY_KAFKA": "127.0.0.1:1",
        "SPILLWAY_POSTGRES": "postgresql://nobody@127.0.0.1:1/none",
        "SPILLWAY_CLICKHOUSE": desk.url,
    }
    return CliRunner().invoke(app, list(words), env=env)


def test_live_again_ends_with_0_and_a_page(desk: Desk, tmp_path: Path) -> None:
    """Identical, in the document and in words; the page leads with the same sentence."""
    page, document = tmp_path / "report.html", tmp_path / "figures.json"
    said = run(desk, "live", desk.again(), "--html", str(page), "--json", str(document))
    assert said.exit_code == 0, said.output
    figures = json.loads(document.read_text("utf-8"))
    assert (figures["verdict"], figures["identical"], figures["different"]) == ("better_or_equal", 1.0, [])
    assert figures["sentence"] in said.output.replace("\n", " ")
    assert figures["sentence"] in page.read_text("utf-8")


def test_a_run_that_is_not_at_its_end_ends_with_2(desk: Desk) -> None:
    """However good it looks so far: nothing but that is said of it."""
    said = run(desk, "live", desk.again(status="running"), "--json", "-")
    assert said.exit_code == EXITS["not_enough_evidence"] == 2, said.output
    figures = json.loads(said.stdout)
    assert (figures["verdict"], figures["effects"]) == ("not_enough_evidence", [])
    assert "is not finished" in figures["sentence"]


def test_a_judge_says_whose_replies_it_prefers(desk: Desk, altered: str, judges: FakeTriton) -> None:
    """Asked blind, both ways round; who judged, how often and how steadily is told."""
    said = run(desk, "live", altered, "--judge", f"grpc://{judges.url}/length", "--no-replies", "--json", "-")
    figures = json.loads(said.stdout)
    assert said.exit_code == EXITS[figures["verdict"]]
    (effect,) = (e for e in figures["effects"] if e["metric"] == "judged" and e["scenario"] is None)
    both, longer_replies = effect["turns"], figures["identity"]["different"]
    assert 0 < longer_replies < both <= TURNS
    assert effect["b"] == pytest.approx((both + longer_replies) / (2 * both))
    assert any("Judge length" in note and "100 % the same" in note for note in figures["quality"])


def test_a_judge_that_is_away_is_no_verdict(desk: Desk, altered: str, judges: FakeTriton) -> None:
    """It ends with 3 and names the address."""
    judges.close()
    said = run(desk, "live", altered, "--judge", f"grpc://{judges.url}/length")
    assert said.exit_code == 3
    assert judges.url in said.output
