"""Which version of a policy a session has while an experiment holds."""

from __future__ import annotations

import logging

import pytest

from processors.ports import Knowledge
from schemas.events import Article, Event, Record
from streams.control import ControlFold
from streams.policies import Policies, Search
from streams.search import ArticleSearch
from streams.testing import EPOCH, SMALL_POLICY, a_policy, a_stop, an_arm, an_experiment

SECOND = 1_000_000
ARTICLE = Article("a1", "Returns", "en", ("returns",), "You may return goods within 30 days.")
SESSIONS = [f"s-{n}" for n in range(40)]
LIVE, TRIED = "shop@1#test", "shop@2#test"


def policies_of(*events: Event, search: Search = ArticleSearch) -> Policies:
    """What a process knows that has read these."""
    control = ControlFold()
    for offset, event in enumerate(events):
        control.take(Record("chat.control", 0, offset, EPOCH, event))
    return Policies(control, search)


def versions(policies: Policies, at: int = EPOCH) -> list[str]:
    """What each session has at a log time."""
    found = [policies.in_force("shop", at, session) for session in SESSIONS]
    return [version.rules.fingerprint for version in found if version is not None]


def test_sessions_have_the_version_of_their_arm_while_it_holds() -> None:
    """Before and after, and for whoever asks without a session, what is live is in force."""
    policies = policies_of(
        a_policy(version="1"),
        an_experiment(an_arm(a_policy(version="2")), effective_at=EPOCH),
        a_stop(effective_at=EPOCH + SECOND),
    )
    assert versions(policies, EPOCH - 1) == versions(policies, EPOCH + SECOND) == [LIVE] * 40
    assert set(versions(policies)) == {LIVE, TRIED}
    assert versions(policies) == versions(policies, EPOCH + SECOND - 1)
    nobody = policies.in_force("shop", EPOCH)
    assert nobody is not None
    assert nobody.rules.fingerprint == LIVE


def test_the_control_goes_on_with_what_is_live() -> None:
    """A policy that is activated meanwhile is in force for it; the arm keeps its own."""
    policies = policies_of(
        a_policy(version="1"),
        an_experiment(an_arm(a_policy(version="2")), effective_at=EPOCH),
        a_policy(version="3", effective_at=EPOCH + 5),
    )
    before, after = versions(policies), versions(policies, EPOCH + 5)
    assert set(after) == {"shop@3#test", TRIED}
    assert [b == TRIED for b in before] == [a == TRIED for a in after]


def test_the_version_of_an_arm_is_found_by_its_fingerprints() -> None:
    """The reply stage answers with the version that routing has named, after the experiment too."""
    arm = an_arm(a_policy(version="2"))
    policies = policies_of(a_policy(version="1"), an_experiment(arm), a_stop(effective_at=5))
    version = policies.version("shop", TRIED, "shop-articles@0#test")
    assert version is not None
    assert version.rules.fingerprint == TRIED
    assert policies.version("bank", TRIED, "shop-articles@0#test") is None


def test_a_dialogue_matters_for_as_long_as_any_arm_says() -> None:
    """Routing must not forget what the arm's longer timeouts still need."""
    longer = SMALL_POLICY.replace("session_timeout: 1800", "session_timeout: 7200").replace("3600", "14400")
    policies = policies_of(a_policy(version="1"), an_experiment(an_arm(a_policy(version="2", text=longer))))
    assert policies.horizons == (7200 * SECOND, 14400 * SECOND)


def test_the_articles_of_an_arm_are_indexed_ahead() -> None:
    """An experiment is announced before it holds; no customer waits for its index. One that is over has none."""
    built = []

    def search(articles: object, fingerprint: str) -> Knowledge:
        built.append(fingerprint)
        return ArticleSearch([ARTICLE], fingerprint)

    arm = an_arm(a_policy(version="2", articles=[ARTICLE]))
    policies_of(a_policy(), an_experiment(arm), a_stop(effective_at=5), search=search).prepare()
    assert built == ["shop-articles@0#test"]
    policies_of(a_policy(), an_experiment(arm, effective_at=EPOCH), search=search).prepare()
    assert built[1:] == ["shop-articles@0#test", "shop-articles@1#test"]


def test_an_arm_whose_policy_does_not_compile_has_what_is_live(caplog: pytest.LogCaptureFixture) -> None:
    """Its sessions are served, and the log says what is wrong."""
    bad = a_policy(version="2", text="tenant: {tenant}\nversion: '{version}'\nscenarios: nonsense\n")
    with caplog.at_level(logging.ERROR):
        policies = policies_of(a_policy(version="1"), an_experiment(an_arm(bad)))
        assert versions(policies) == [LIVE] * 40
    (message,) = [r.getMessage() for r in caplog.records]
    assert TRIED in message


def test_an_experiment_on_models_leaves_the_policy_alone() -> None:
    """So does one of another tenant."""
    other = an_experiment(an_arm(a_policy(tenant="bank", version="2")), tenant="bank")
    assert versions(policies_of(a_policy(version="1"), other)) == [LIVE] * 40
