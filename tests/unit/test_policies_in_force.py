"""Which version of a policy holds when, and what becomes of one that is wrong."""

from __future__ import annotations

import logging

import pytest

from processors.ports import Knowledge
from schemas.events import Article, PolicyActivated, Record
from streams.control import ControlFold
from streams.policies import Policies
from streams.search import ArticleSearch
from streams.testing import EPOCH, a_policy

SECOND = 1_000_000
ARTICLE = Article("a1", "Returns", "en", ("returns",), "You may return goods within 30 days.")


def policies_of(*activated: PolicyActivated) -> tuple[ControlFold, Policies]:
    """What a process knows that has read these activations."""
    control = ControlFold()
    for offset, event in enumerate(activated):
        control.take(Record("chat.control", 0, offset, EPOCH, event))
    return control, Policies(control)


def version_at(policies: Policies, at: int) -> str:
    """The fingerprint in force for the shop."""
    version = policies.in_force("shop", at)
    assert version is not None
    return version.rules.fingerprint


def test_the_latest_that_is_effective_by_the_messages_time_holds() -> None:
    """A version begins with the messages that the log takes at its effective_at."""
    _, policies = policies_of(
        a_policy(version="1", effective_at=EPOCH), a_policy(version="2", effective_at=EPOCH + SECOND)
    )
    assert version_at(policies, EPOCH + SECOND - 1) == "shop@1#test"
    assert version_at(policies, EPOCH + SECOND) == "shop@2#test"


def test_of_two_that_begin_together_the_later_offset_holds() -> None:
    """An operator who activates twice means the second."""
    _, policies = policies_of(a_policy(version="1", effective_at=EPOCH), a_policy(version="2", effective_at=EPOCH))
    assert version_at(policies, EPOCH) == "shop@2#test"


def test_what_came_before_the_first_version_uses_the_first() -> None:
    """A customer who writes while the first policy is on its way is answered."""
    _, policies = policies_of(a_policy(version="1", effective_at=EPOCH + SECOND))
    assert version_at(policies, EPOCH) == "shop@1#test"


def test_a_tenant_without_a_policy_is_unknown() -> None:
    """Nothing is in force for it."""
    _, policies = policies_of(a_policy())
    assert policies.in_force("nobody", EPOCH) is None


def test_a_version_that_does_not_compile_leaves_the_old_one_in_force(caplog: pytest.LogCaptureFixture) -> None:
    """It is refused once, with what is wrong with it; the one before it serves on."""
    bad = a_policy(
        version="2", text="tenant: {tenant}\nversion: '{version}'\nscenarios: nonsense\n", effective_at=EPOCH
    )
    with caplog.at_level(logging.ERROR):
        _, policies = policies_of(a_policy(version="1"), bad)
        for _ in range(3):
            assert version_at(policies, EPOCH) == "shop@1#test"
    (message,) = [r.getMessage() for r in caplog.records]
    assert "shop@2#test" in message
    assert "scenarios" in message


def test_a_new_activation_is_seen_at_once() -> None:
    """There is no need to ask again, or to restart."""
    control, policies = policies_of(a_policy(version="1"))
    assert version_at(policies, EPOCH) == "shop@1#test"
    control.take(Record("chat.control", 0, 1, EPOCH, a_policy(version="2", effective_at=EPOCH)))
    assert version_at(policies, EPOCH) == "shop@2#test"


def test_a_version_is_found_by_its_fingerprints() -> None:
    """The reply stage answers with the version that routing has named, which need not be the newest."""
    _, policies = policies_of(a_policy(version="1"), a_policy(version="2", effective_at=EPOCH))
    old = policies.version("shop", "shop@1#test", "shop-articles@0#test")
    assert old is not None
    assert old.rules.fingerprint == "shop@1#test"
    assert policies.version("shop", "shop@1#test", "other articles") is None
    assert policies.version("bank", "shop@1#test", "shop-articles@0#test") is None


def test_versions_with_the_same_articles_share_an_index() -> None:
    """Articles are indexed when they are first searched, once a fingerprint."""
    built = []

    def search(articles: object, fingerprint: str) -> Knowledge:
        built.append(fingerprint)
        return ArticleSearch([ARTICLE], fingerprint)

    control = ControlFold()
    for offset, version in enumerate("12"):
        control.take(Record("chat.control", 0, offset, EPOCH, a_policy(version=version, articles=[ARTICLE])))
    policies = Policies(control, search)
    found = [policies.version("shop", f"shop@{v}#test", "shop-articles@1#test") for v in "12"]
    assert built == []
    indexes = {id(v.knowledge()) for v in found if v is not None}
    assert (len(indexes), built) == (1, ["shop-articles@1#test"])


def test_the_latest_articles_are_indexed_ahead() -> None:
    """An activation is announced before it holds; its index is there when the first customer needs it."""
    built = []

    def search(articles: object, fingerprint: str) -> Knowledge:
        built.append(fingerprint)
        return ArticleSearch([ARTICLE], fingerprint)

    control = ControlFold()
    policies = Policies(control, search)
    policies.prepare()
    control.take(Record("chat.control", 0, 0, EPOCH, a_policy(articles=[ARTICLE], effective_at=EPOCH + 5 * SECOND)))
    for _ in range(3):
        policies.prepare()
    assert built == ["shop-articles@1#test"]
