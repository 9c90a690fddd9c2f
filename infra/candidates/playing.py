"""The control log as a candidate plays it: its policies and articles in force for its tenants, the rest as recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from infra.candidates.model import TenantChange
from schemas.catalogue import CONTROL
from schemas.events import LIVE, ExperimentArm, ExperimentChanged, MadeBy, Meta, PolicyActivated, Record
from schemas.identity import uuid5
from streams.control import ControlFold

Overridden = TypeVar("Overridden", PolicyActivated, ExperimentArm)
_ALWAYS: Final = 0


def control_as_played(records: Iterable[Record], tenants: Mapping[str, TenantChange]) -> ControlFold:
    """The control log's fold, in which whatever was ever in force for a changed tenant has the candidate's content.

    Articles alone: each recorded version of the policy, with the candidate's articles. The policy alone: the recorded
    articles, with the candidate's policy. Arms of experiments likewise. A tenant that the record has no policy of gets
    the candidate's, if there is one, from the beginning.
    """
    fold = ControlFold()
    of_changed: dict[str, list[Record]] = {}
    for record in records:
        event = record.event
        change = tenants.get(event.meta.tenant_id) if isinstance(event, PolicyActivated | ExperimentChanged) else None
        if change is not None and isinstance(event, PolicyActivated):
            of_changed.setdefault(change.tenant, []).append(record._replace(event=_changed(event, change)))
        elif change is not None and isinstance(event, ExperimentChanged):
            fold.take(record._replace(event=event._replace(arms=tuple(_arm(arm, change) for arm in event.arms))))
        else:
            fold.take(record)
    for name, change in sorted(tenants.items()):
        for record in _distinct(of_changed.get(name, ())) or _first(change):
            fold.take(record)
    return fold


def _arm(arm: ExperimentArm, change: TenantChange) -> ExperimentArm:
    """An arm that has a policy of its own would pass the candidate's by."""
    return _changed(arm, change) if arm.policy or arm.articles else arm


def _changed(of: Overridden, change: TenantChange) -> Overridden:
    if change.policy is not None:
        of = of._replace(
            policy=change.policy, policy_fingerprint=change.policy_fingerprint, prompts=change.prompts
        )
    if change.articles is not None:
        of = of._replace(articles=change.articles, knowledge_fingerprint=change.knowledge_fingerprint)
    return of


def _distinct(records: Sequence[Record]) -> list[Record]:
    """By the time from which they hold, without those that change nothing any more."""
    kept: list[Record] = []
    before: tuple[str, str] | None = None
    for record in sorted(records, key=_since):
        event = record.event
        assert isinstance(event, PolicyActivated)
        content = (event.policy_fingerprint, event.knowledge_fingerprint)
        if content != before:
            kept.append(record)
        before = content
    return kept


def _since(record: Record) -> tuple[int, int]:
    assert isinstance(record.event, PolicyActivated)
    return record.event.effective_at, record.offset


def _first(change: TenantChange) -> list[Record]:
    """For a tenant without a recorded policy. Articles alone have nothing that would search them."""
    if change.policy is None:
        return []
    id_ = uuid5(f"candidate|{change.tenant}|{change.policy_fingerprint}|{change.knowledge_fingerprint}")
    made_by = MadeBy("operators", change.policy_fingerprint)
    meta = Meta(id_, change.tenant, "", None, None, LIVE, None, _ALWAYS, None, made_by)
    content = (change.policy, change.policy_fingerprint, change.articles or (), change.knowledge_fingerprint)
    return [Record(CONTROL, 0, -1, _ALWAYS, PolicyActivated(meta, *content, _ALWAYS, change.prompts))]
