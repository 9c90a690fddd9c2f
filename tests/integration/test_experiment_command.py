"""`spillway experiment`: from a candidate file to a verdict, on conversations that the stages themselves have had."""

from __future__ import annotations

import json
import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from infra.cli.experiment import app
from infra.models.store import ModelStore
from infra.topics import create_topics
from projections import analytics
from projections.analytics.store import Store
from projections.reading import Entry
from schemas.catalogue import CONTROL, MESSAGES, REPLIES, ROUTES, SIGNALS
from schemas.codec import Codec
from schemas.events import ExperimentChanged, Record
from streams.experiments import Experiment
from streams.log import read_to_end
from streams.sink import Sink
from streams.testing import SMALL_POLICY, Conversations, Pass, a_message, a_policy
from tests.bundles import a_hashed_bundle

pytestmark = [pytest.mark.broker, pytest.mark.clickhouse]
RUN = CliRunner()
HANDS_OFF = SMALL_POLICY.replace("order_query: {{", "order_query: {{handoff: {{always: true}}, ")
CANDIDATE = """\
name: eager
policy: policy.yaml
gate:
  handoff_rate: no worse than 2 points
  decision_p95: "<= +10 %"
"""
SESSIONS = [f"会话-{n}" for n in range(40)]


class Place:
    """A broker, a ClickHouse and a folder, and a tenant that has a policy."""

    def __init__(self, broker: str, clickhouse: str, folder: Path, tenant: str) -> None:
        self.broker, self.clickhouse, self.folder, self.tenant = broker, clickhouse, folder, tenant
        self.live = a_policy(tenant=tenant, version="1")
        Sink(broker, Codec()).send([self.live])

    def run(self, *words: str) -> Result:
        """The command, as a user of this place types it."""
        env = {
            "SPILLWAY_KAFKA": self.broker,
            "SPILLWAY_POSTGRES": "postgresql://nobody@127.0.0.1:1/none",
            "SPILLWAY_CLICKHOUSE": self.clickhouse,
            "SPILLWAY_DATA": str(self.folder),
        }
        return RUN.invoke(app, [*words, "--data", str(self.folder)], env=env)

    def candidate(self, text: str = CANDIDATE, policy: str = HANDS_OFF) -> Path:
        """A candidate file beside the policy that it names."""
        (self.folder / "policy.yaml").write_text(policy.format(tenant=self.tenant, version="2"), "utf-8")
        file = self.folder / "candidate.yaml"
        file.write_text(text, "utf-8")
        return file

    def start(self, name: str, *more: str, sessions: int = 100) -> Result:
        """The usual start."""
        words = ("--candidate", str(self.candidate()), "--tenant", self.tenant, "--sessions", str(sessions))
        return self.run("start", name, *words, "--in", "0", *more)

    def changes(self) -> list[ExperimentChanged]:
        """What the control log says of this tenant's experiments."""
        found = [r.event for r in read_to_end(self.broker, [CONTROL], Codec()) if isinstance(r, Record)]
        return [e for e in found if isinstance(e, ExperimentChanged) and e.meta.tenant_id == self.tenant]

    def dealt(self, each: int) -> list[str]:
        """So many sessions of each arm, in turns: the salt is another at each start."""
        experiment, names = Experiment(self.changes()[0]), (f"会话-{n}" for n in count())
        arms: dict[str, list[str]] = {"control": [], "candidate": []}
        while min(map(len, arms.values())) < each:
            session = next(names)
            arms[experiment.arm(session).name].append(session)
        return [s for pair in zip(*(found[:each] for found in arms.values()), strict=True) for s in pair]

    def converse(self, *sessions: str) -> None:
        """Conversations with everything in force that the control log has, written to ClickHouse."""
        talk = Conversations(policies=[self.live])
        messages = [a_message(tenant=self.tenant, session=s, id_=f"{s}-{n}") for n in range(2) for s in sessions]
        talk.play([*self.changes(), Pass(1), *messages])
        records = [r for topic in (MESSAGES, SIGNALS, ROUTES, REPLIES) for r in talk.bus.records(topic)]
        with Store(self.clickhouse) as store:
            store.write([Entry(*r[:4], "decoded", "", b"", r) for r in records], now=0)

    def shown(self, name: str) -> tuple[int, dict[str, Any]]:
        """Exit code and JSON of show."""
        said = self.run("show", name, "--json")
        return said.exit_code, json.loads(said.stdout)


@pytest.fixture
def place(broker: str, clickhouse: str, unique: str, tmp_path: Path) -> Place:
    """With topics and tables."""
    create_topics(broker)
    analytics.migrate(clickhouse)
    return Place(broker, clickhouse, tmp_path, unique)


def test_an_experiment_comes_to_a_verdict(place: Place) -> None:
    """Before the planned sessions have come there is only exposure; then what is worse is called worse, exit code 1."""
    said = place.start("eager", sessions=120)
    assert said.exit_code == 0, said.output
    assert "left out of the gate, since a live experiment has no figures of it: decision_p95" in said.output
    assert place.run("show", "eager").exit_code == 2
    sessions = place.dealt(60)
    place.converse(*sessions[:80])
    code, early = place.shown("eager")
    assert (code, early["verdict"], early["comparisons"], early["withheld"]) == (2, "not_enough_evidence", {}, True)
    assert (early["reached"], early["planned"], early["state"]) == (80, 120, "running")
    assert [arm["strayed"] for arm in early["exposure"]["arms"]] == [0, 0]
    assert sum(arm["turns"] for arm in early["exposure"]["arms"]) == 160
    place.converse(*sessions)
    code, late = place.shown("eager")
    assert (code, late["verdict"], late["reached"]) == (1, "worse", 120)
    (finding,) = late["comparisons"]["candidate"]["findings"]
    assert (finding["rule"]["metric"], finding["state"]) == ("handoff_rate", "broken")
    assert sum(late["comparisons"]["candidate"][side]["sessions"] for side in ("a", "b")) == 120
    text = place.run("show", "eager").output
    for words in ("running", "candidate", "worse", "0.00 % made by another arm's version", "Turns handed to a human"):
        assert words in text, text
    page = place.folder / "reports" / "eager.html"
    assert place.run("show", "eager", "--html", str(page)).exit_code == 1
    said = page.read_text("utf-8")
    for words in (late["sentence"].replace("'", "&#39;"), "Who was in which arm", "conversations of A", "The gate"):
        assert words in said, words
    for words in ("turns that both have", "same reply", "The turns that differ most", "recomputed"):
        assert words not in said, words


def test_an_experiment_is_listed_and_stopped_once(place: Place) -> None:
    """The stop names its start; until it holds the experiment runs."""
    assert place.start("brief", sessions=1000).exit_code == 0
    stopped = place.run("stop", "brief", "--in", "60")
    assert stopped.exit_code == 0, stopped.output
    assert place.run("stop", "brief").exception is not None
    (start, stop) = place.changes()
    assert (start.status, stop.status, stop.meta.caused_by) == ("started", "stopped", start.meta.event_id)
    listed = json.loads(place.run("list", "--json").stdout)
    assert [(r["name"], r["state"], r["arms"]) for r in listed if r["tenant"] == place.tenant] == [
        ("brief", "running", {"control": 50.0, "candidate": 50.0})
    ]


def test_models_of_a_candidate_are_stored_before_they_are_announced(place: Place) -> None:
    """The event names their place; a worker finds them there."""
    bundle = a_hashed_bundle(place.folder / "mine", name="mine", version="7")
    file = place.candidate(f"name: new-model\nmodels: {{intent: {bundle}}}\n")
    words = ("--candidate", str(file), "--tenant", place.tenant, "--sessions", "100", "--share", "10", "--json")
    said = place.run("start", "new-model", *words)
    assert said.exit_code == 0, said.output
    (event,) = place.changes()
    (model,) = event.arms[1].models
    assert (model.task, model.name, model.version) == ("intent", "mine", "7")
    assert (ModelStore(place.folder / "models").folder(model.location) / "model.yaml").is_file()
    assert [arm.weight for arm in event.arms] == [90.0, 10.0]


def test_what_is_refused_never_reaches_the_log(place: Place) -> None:
    """A wrong file by file, line and field; a second experiment by the name of the first."""
    bad = place.candidate("name: eager\npolicy: none.yaml\ngate: {handof_rate: no worse than 1 point}\n")
    said = place.run("start", "x", "--candidate", str(bad), "--tenant", place.tenant, "--sessions", "9")
    assert re.search(r"candidate.yaml:3: gate", str(said.exception)), said.exception
    assert place.changes() == []
    assert place.start("one").exit_code == 0
    assert "has an experiment already, one" in str(place.start("two").exception)
    assert len(place.changes()) == 1


def test_the_question_for_analysts_gives_each_sessions_arm(place: Place) -> None:
    """As the stages had it, and nothing for those that take no part."""
    (place.folder / "out.txt").write_text("会话-3*\n", "utf-8")
    assert place.start("asked", "--exclude", str(place.folder / "out.txt")).exit_code == 0
    place.converse(*SESSIONS)
    question = place.run("show", "asked", "--sql").stdout
    with Store(place.clickhouse) as store:
        rows = store.client.query(question).result_rows
        policies = store.client.query(
            f"SELECT session_id, any(policy) FROM turns WHERE tenant_id = '{place.tenant}' GROUP BY session_id"
        ).result_rows
    arms = {session: arm for session, arm, *_ in rows}
    assert {s for s, arm in arms.items() if not arm} == {s for s in SESSIONS if s.startswith("会话-3")}
    tried = {session for session, policy in policies if "@2#" in policy}
    assert tried == {session for session, arm in arms.items() if arm == "candidate"}


def test_what_cannot_be_said_has_an_exit_code_of_its_own(place: Place) -> None:
    """Whoever calls it in a pipeline tells a typing error from a bad candidate."""
    said = place.run("show", "nothing-of-that-name")
    assert said.exit_code == 3
    assert "there is no experiment nothing-of-that-name" in said.stderr
