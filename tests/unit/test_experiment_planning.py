"""What starts and stops an experiment, and what is refused before it reaches the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.candidates.model import Candidate, PromptChoice, TenantChange
from infra.experiments.gate import gate_in
from infra.experiments.planning import Plan, excluded_in, find, start, stop
from infra.local.errors import StackError
from schemas.codec import Codec
from schemas.events import ArmModel, Article, Event, ExperimentChanged, PromptFile, Record
from schemas.validation import wrong_experiment
from streams.control import ControlFold
from streams.experiments import Experiment, Experiments
from streams.testing import EPOCH, SMALL_POLICY, a_policy, a_stop, an_arm, an_experiment
from tests.unit.test_policy_prompts import PROMPT

SECOND = 1_000_000
SOON = EPOCH + 5 * SECOND
POLICY = SMALL_POLICY.format(tenant="shop", version="2")
ARTICLE = Article("a1", "Returns", "en", ("returns",), "You may return goods within 30 days.")
MODEL = ArmModel("intent", "mine", "7", "mine@7#0a1b2c3d4e5f", "mine/0a1b2c3d4e5f")
PLAN = Plan("trial", "shop", 20.0, 100, ("test-*",))
NEW_POLICY = Candidate("new-policy", "name: new-policy", tenants={"shop": TenantChange("shop", POLICY, "shop@2#new")})
ARM = an_arm(a_policy(version="2"))


def control(*events: Event) -> ControlFold:
    """A control log with a shop and a bank, and these."""
    fold = ControlFold()
    tenants = (a_policy(version="1", articles=[ARTICLE]), a_policy(tenant="bank"))
    for offset, event in enumerate((*tenants, *events)):
        fold.take(Record("chat.control", 0, offset, EPOCH, event))
    return fold


def started(
    plan: Plan = PLAN, candidate: Candidate = NEW_POLICY, *models: ArmModel, before: tuple[Event, ...] = ()
) -> ExperimentChanged:
    """The event of a start."""
    return start(plan, candidate, models, control(*before), SOON, EPOCH, "ana")


def test_a_start_says_all_that_the_stages_and_the_analysts_need() -> None:
    """The whole policy with the articles that are live, the shares, who is excluded, and the candidate file."""
    event = started()
    assert wrong_experiment(event) is None
    live, arm = event.arms
    assert [(a.name, a.weight) for a in event.arms] == [("control", 80.0), ("candidate", 20.0)]
    assert (live.policy, live.models) == ("", ())
    assert (arm.policy, arm.policy_fingerprint) == (POLICY, "shop@2#new")
    assert (arm.articles, arm.knowledge_fingerprint) == ((ARTICLE,), "shop-articles@1#test")
    assert (event.effective_at, event.sessions, event.excluded) == (SOON, 100, ("test-*",))
    assert (event.candidate, event.operator, event.meta.tenant_id) == ("name: new-policy", "ana", "shop")
    assert event.meta.made_by.fingerprint == NEW_POLICY.fingerprint
    assert Codec().decode("chat.control", Codec().encode(event)) == event


def test_articles_alone_go_with_the_policy_that_is_live() -> None:
    """A version is both."""
    change = TenantChange("shop", articles=(), knowledge_fingerprint="shop-articles@0#new")
    arm = started(PLAN, Candidate("fewer-articles", tenants={"shop": change})).arms[1]
    assert (arm.policy_fingerprint, arm.articles) == ("shop@1#test", ())
    assert arm.knowledge_fingerprint == "shop-articles@0#new"


def test_prompts_go_with_their_policy() -> None:
    """The candidate's with the candidate's; those that are live where the articles alone are tried."""
    live, mine = PromptFile("answer", PROMPT), PromptFile("answer", PROMPT, "shop")
    now = a_policy(version="1", articles=[ARTICLE], effective_at=1)._replace(prompts=(live,))
    articles = TenantChange("shop", articles=(), knowledge_fingerprint="shop-articles@0#new")
    arm = started(PLAN, Candidate("fewer-articles", tenants={"shop": articles}), before=(now,)).arms[1]
    assert arm.prompts == (live,)
    changed = TenantChange("shop", POLICY, "shop@2#new", prompts=(mine,))
    assert started(PLAN, Candidate("new-prompt", tenants={"shop": changed}), before=(now,)).arms[1].prompts == (mine,)
    nonsense = changed._replace(prompts=(PromptFile("answer", "no front matter"),))
    assert "prompt answer:1" in _refusal(Candidate("nonsense", tenants={"shop": nonsense}))


def _refusal(candidate: Candidate) -> str:
    with pytest.raises(StackError) as refused:
        started(PLAN, candidate)
    return str(refused.value)


@pytest.mark.parametrize(
    ("candidate", "says"),
    [
        (Candidate("c", prompt=PromptChoice("answer", "answer@1#0", "…")), "it goes with a policy"),
        (Candidate("c", generation={"small_model": "small-2"}), "spillway models swap"),
    ],
)
def test_what_only_replays_try_is_refused(candidate: Candidate, says: str) -> None:
    """With what to do instead."""
    assert says in _refusal(candidate)


def test_models_alone_leave_the_policy_as_it_is_live() -> None:
    """The arm follows what is activated meanwhile."""
    arm = started(PLAN, Candidate("new-model"), MODEL).arms[1]
    assert (arm.policy, arm.articles, arm.models) == ("", (), (MODEL,))


def test_two_experiments_deal_differently() -> None:
    """Who had the last candidate is no more likely to have this one."""
    one, two = started(), started(PLAN._replace(name="other"))
    assert one.salt != two.salt
    assert one == started()


REFUSED = {
    "a tenant that is not there": (PLAN._replace(tenant="nobody"), NEW_POLICY, "no tenant nobody; there are: bank"),
    "another tenant's policy": (PLAN._replace(tenant="bank"), NEW_POLICY, "changes shop, but an experiment is one"),
    "a share of everything": (PLAN._replace(share=100.0), NEW_POLICY, "--share 100 is not between"),
    "nothing changed": (PLAN, Candidate("nothing"), "changes nothing, so that there is nothing to compare"),
    "a name that is none": (PLAN._replace(name="A/B"), NEW_POLICY, "name 'A/B' is not 1 to 40"),
    "everybody excluded": (PLAN._replace(excluded=("*",)), NEW_POLICY, r"excluded\[0\]"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused(case: str) -> None:
    """With what mends it."""
    plan, candidate, why = REFUSED[case]
    with pytest.raises(StackError, match=why):
        started(plan, candidate)


def test_a_second_experiment_is_refused_while_the_first_runs_or_is_planned() -> None:
    """After its stop there may be another, of another name."""
    first = an_experiment(ARM, name="first", effective_at=SOON)
    with pytest.raises(StackError, match=r"has an experiment already, first, .* spillway experiment stop first"):
        started(before=(first,))
    over = (first, a_stop("first", effective_at=SOON))
    assert started(before=over).name == "trial"
    with pytest.raises(StackError, match="has had an experiment first already"):
        started(PLAN._replace(name="first"), before=over)


def test_an_experiment_is_stopped_once() -> None:
    """One that is planned is called off: its stop holds from the same moment as its start."""
    experiment = Experiment(an_experiment(ARM, effective_at=EPOCH + 60 * SECOND))
    event = stop(experiment, SOON, EPOCH, "wei")
    assert (event.status, event.effective_at, event.meta.caused_by) == (
        "stopped",
        EPOCH + 60 * SECOND,
        experiment.started.meta.event_id,
    )
    with pytest.raises(StackError, match="is over already"):
        stop(Experiment(experiment.started, EPOCH + 70 * SECOND), SOON, EPOCH, "wei")


def test_an_experiment_is_found_by_its_name_and_if_need_be_its_tenant() -> None:
    """What is not there is answered with what is."""
    of_bank = an_experiment(an_arm(a_policy(tenant="bank", version="2")), tenant="bank")
    found = Experiments.of(control(an_experiment(ARM), of_bank, an_experiment(ARM, name="lone", effective_at=SOON)))
    assert find(found, "lone").tenant == "shop"
    assert find(found, "trial", "bank").tenant == "bank"
    with pytest.raises(StackError, match="bank, shop have an experiment trial"):
        find(found, "trial")
    with pytest.raises(StackError, match=r"no experiment none; there are: lone \(shop\)"):
        find(found, "none")


def test_sessions_are_excluded_by_a_file(tmp_path: Path) -> None:
    """One a line; comments and empty lines are left out, and a star alone is refused by file and line."""
    file = tmp_path / "excluded.txt"
    file.write_text("# our own\ntest-*\n\n 测试会话 \ntest-*\n", "utf-8")
    assert excluded_in(file) == ("test-*", "测试会话")
    file.write_text("a\n*\n", "utf-8")
    with pytest.raises(StackError, match=r"excluded\.txt:2: \* would exclude every session"):
        excluded_in(file)
    with pytest.raises(StackError, match="cannot be read"):
        excluded_in(tmp_path / "none.txt")


def test_the_gate_is_read_from_the_event_without_the_files_that_the_candidate_names() -> None:
    """Rules that only a replay can decide are left out, and said to be."""
    text = (
        "name: mine\npolicy: not/there.yaml\nseed: 3\n"
        'gate: {handoff_rate: no worse than 1 point, decision_p95: "<= +10 %"}\n'
    )
    gate = gate_in(text)
    assert ([r.metric for r in gate.rules], [r.metric for r in gate.left_out], gate.seed) == (
        ["handoff_rate"],
        ["decision_p95"],
        3,
    )
