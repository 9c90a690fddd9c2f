"""Events with everything in them that a test does not care about."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final

from schemas.events import (
    LIVE,
    ArmModel,
    Article,
    Customer,
    ExperimentArm,
    ExperimentChanged,
    FeedbackGiven,
    MadeBy,
    MessageReceived,
    Meta,
    ModelActivated,
    PolicyActivated,
    SessionClosed,
    SessionReturned,
)
from schemas.identity import fingerprint, message_id, uuid5

EPOCH: Final = 1_800_000_000_000_000
"""When the kit's clock begins."""
TENANT: Final = "shop"
SESSION: Final = "s-1"
_NUMBERS: Final = count(1)

SMALL_POLICY: Final = """\
tenant: {tenant}
version: "{version}"
about: A shop for tests
languages: [en, zh]
session_timeout: 1800
channels:
  default: {{deadline: 5}}
understanding: {{min_confidence: 0.4, out_of_scope: 0.7, ask_back: ask_back, rungs: [template], acknowledge: ask_back}}
handoff: {{notice: handing_over, timeout: 3600, anger: 0.8, low_confidence: 3, failures: 3}}
soothing: {{above: 0.5, template: sorry}}
knowledge: {{min_score: 0.4, passages: 1}}
fallback: fallback
cache: false
scenarios:
  human_handoff: {{priority: 100, template: handing_over}}
  order_query: {{priority: 10, rungs: [template], template: order_help}}
  returns_exchange: {{priority: 10, rungs: [knowledge, template], template: order_help, knowledge: [returns]}}
  other: {{priority: 0, rungs: [template], template: ask_back}}
templates:
  order_help: {{en: "Here is your order.", zh: "这是您的订单。"}}
  ask_back: {{en: "What can I do for you?", zh: "请问有什么可以帮您？"}}
  handing_over: {{en: "A colleague will be with you.", zh: "正在为您转接人工客服。"}}
  sorry: {{en: "I am sorry.", zh: "非常抱歉。"}}
  fallback: {{en: "We will come back to you.", zh: "稍后回复您。"}}
"""


def a_policy(
    tenant: str = TENANT,
    version: str = "1",
    text: str = SMALL_POLICY,
    articles: Sequence[Article] = (),
    effective_at: int = 0,
) -> PolicyActivated:
    """An activation. `text` may hold {tenant} and {version}; any other brace is doubled."""
    policy = text.format(tenant=tenant, version=version)
    meta = _meta(uuid5(f"activation|{tenant}|{policy}|{effective_at}"), tenant, "", EPOCH, None, "operators")
    knowledge = f"{tenant}-articles@{len(articles)}#test"
    return PolicyActivated(meta, policy, f"{tenant}@{version}#test", tuple(articles), knowledge, effective_at)


def a_model(
    version: str = "1",
    tenant: str = "",
    effective_at: int = 0,
    task: str = "intent",
    name: str = "model",
) -> ModelActivated:
    """An activation of a model, for every tenant where `tenant` is empty; what it is of follows from its version."""
    meta = _meta(uuid5(f"model|{task}|{tenant}|{name}|{version}|{effective_at}"), tenant, "", EPOCH, None, "operators")
    print_ = fingerprint(name, version, version.encode())
    location = f"{name}/{print_.partition('#')[2]}"
    return ModelActivated(meta, task, name, version, print_, location, effective_at, "test")


def a_withdrawal(tenant: str = "", effective_at: int = 0, task: str = "intent") -> ModelActivated:
    """The end of what was activated before, for this tenant, or for every tenant."""
    meta = _meta(uuid5(f"withdrawal|{task}|{tenant}|{effective_at}"), tenant, "", EPOCH, None, "operators")
    return ModelActivated(meta, task, "", "", "", "", effective_at, "test")


def an_arm(
    policy: PolicyActivated | None = None, *models: ModelActivated, name: str = "candidate", weight: float = 50.0
) -> ExperimentArm:
    """What an arm changes: a policy with its articles, models, or nothing at all, as the control."""
    bundles = tuple(ArmModel(m.task, m.name, m.version, m.fingerprint, m.location) for m in models)
    said = (*policy[1:5], bundles, policy.prompts) if policy is not None else ("", "", (), "", bundles)
    return ExperimentArm(name, weight, *said)


def an_experiment(
    *arms: ExperimentArm,
    name: str = "trial",
    tenant: str = TENANT,
    effective_at: int = 0,
    excluded: Sequence[str] = (),
    sessions: int = 100,
    control: float = 50.0,
) -> ExperimentChanged:
    """The start of an experiment: the control, with a weight of `control`, and these arms."""
    id_ = uuid5(f"experiment|{tenant}|{name}|{effective_at}")
    every = (an_arm(name="control", weight=control), *arms)
    meta = _meta(id_, tenant, "", EPOCH, None, "operators")
    return ExperimentChanged(meta, name, "started", effective_at, every, id_, sessions, tuple(excluded))


def a_stop(name: str = "trial", tenant: str = TENANT, effective_at: int = 0) -> ExperimentChanged:
    """The end of an experiment."""
    id_ = uuid5(f"experiment's end|{tenant}|{name}|{effective_at}")
    return ExperimentChanged(_meta(id_, tenant, "", EPOCH, None, "operators"), name, "stopped", effective_at)


def a_message(
    text: str = "where is my order?",
    tenant: str = TENANT,
    session: str = SESSION,
    at: int = EPOCH,
    id_: str | None = None,
    deadline: float = 5.0,
    channel: str = "web",
    customer: Customer | None = None,
    entry_path: str = "",
) -> MessageReceived:
    """A message written at `at`. `id_`: the channel's own id; by default one that no other message has."""
    own = f"m-{next(_NUMBERS)}" if id_ is None else id_
    turn = message_id(tenant, channel, own)
    meta = _meta(turn, tenant, session, at, turn, f"channel.{channel}", at + int(deadline * 1_000_000))
    return MessageReceived(meta, text, channel, own, customer or Customer(f"customer of {session}"), entry_path)


def a_feedback(score: int = 5, tenant: str = TENANT, session: str = SESSION, at: int = EPOCH) -> FeedbackGiven:
    """What a customer thought of it."""
    return FeedbackGiven(_meta(_an_id(tenant, "feedback"), tenant, session, at, None, "channel.web"), score)


def a_close(tenant: str = TENANT, session: str = SESSION, at: int = EPOCH) -> SessionClosed:
    """The channel ends a conversation."""
    return SessionClosed(_meta(_an_id(tenant, "close"), tenant, session, at, None, "channel.web"), "left")


def a_return(tenant: str = TENANT, session: str = SESSION, at: int = EPOCH) -> SessionReturned:
    """The desk gives a conversation back to the bot."""
    return SessionReturned(_meta(_an_id(tenant, "return"), tenant, session, at, None, "desk"), "agent-1")


def _an_id(tenant: str, what: str) -> str:
    return uuid5(f"{tenant}|{what}|{next(_NUMBERS)}")


def _meta(
    id_: str, tenant: str, session: str, at: int, turn: str | None, stage: str, deadline: int | None = None
) -> Meta:
    started = at if turn is not None else None
    return Meta(id_, tenant, session, turn, started, LIVE, None, at, deadline, MadeBy(stage, "test@1"))
