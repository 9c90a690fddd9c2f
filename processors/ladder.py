"""Which rung answers a turn that routing sent to a generating one, and why not a higher one. Pure.

The stage asks twice: when the turn comes, with the wait that the queue predicts, and when the turn leaves the queue,
with none. Both answers are made of the same numbers, so a reply can say what was seen when it stepped down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, get_args

from schemas.events import PassedOver

Breaker = Literal["closed", "probing", "open"]
"""What the breaker of a model says: ask it; ask it with this one turn, as a trial; do not ask it."""

Reason = Literal[
    "no_model",
    "not_allowed",
    "not_ready",
    "breaker_open",
    "too_long",
    "class_yields",
    "too_late",
    "queue",
    "tenant_share",
    "tenant_queue_full",
    "queue_full",
    "made_room",
    "waited_too_long",
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
"""Every word that the ladder and the queue write into `passed_over`; docs/ladder.md explains each to operators."""

GENERATING: Final = ("large_model", "small_model")
"""The rungs that the generation stage makes, best first; a policy may order them otherwise."""


class Speed(NamedTuple):
    """How long a model takes, cautiously: most turns are faster.

    first: seconds from the request to the first token. token: seconds for each token after it.
    """

    first: float
    token: float

    def seconds(self, tokens: int) -> float:
        """From the request to the last of `tokens`."""
        return self.first + max(0, tokens - 1) * self.token

    def tokens(self, seconds: float) -> int:
        """How many tokens are there after `seconds`; 0 if not even the first."""
        if seconds < self.first:
            return 0
        return 1 + int((seconds - self.first) / self.token) if self.token > 0 else _ENDLESS


_ENDLESS: Final = 1_000_000


class Wait(NamedTuple):
    """What the queue of a model predicts for one turn: seconds, and what is most of it.

    because: `tenant_share` if the tenant mostly waits behind its own turns, else `queue`.
    """

    seconds: float = 0.0
    because: Literal["queue", "tenant_share"] = "queue"


class Offer(NamedTuple):
    """A model that stands for a rung, as it is at this moment.

    context: tokens that prompt and reply may have together. wait: for this turn. pressure: what the turn's tenant has
    taken of the pool and waits for, by its share of it; 1.0 is all of that. tenants: who may use it; empty: everybody.
    """

    rung: str
    model: str
    speed: Speed
    context: int
    breaker: Breaker = "closed"
    ready: bool = True
    wait: Wait = Wait()
    pressure: float = 0.0
    tenants: frozenset[str] = frozenset()


class Ask(NamedTuple):
    """A turn that is to be generated.

    rungs: what routing allows, best first; others than the generating ones are left to whoever makes them.
    prompt: tokens of the prompt. wish: tokens of a usual reply. most: tokens of the longest that may be asked for.
    remaining: seconds to the deadline. rank: the customer's class, 0 is the highest.
    """

    tenant: str
    rungs: tuple[str, ...]
    prompt: int
    wish: int
    most: int
    remaining: float
    rank: int = 0


class Rules(NamedTuple):
    """What is set once for the stage.

    reserve: seconds before the deadline at which the reply must be whole, for writing and delivering it.
    least: tokens below which a reply is not worth beginning. worth: nor is one below this part of a usual reply, so
    that nobody waits only to be cut short. yields: for each class, the pressure from which it no longer uses the
    pool; a class beyond the list has the last one's.
    """

    reserve: float = 0.3
    least: int = 24
    worth: float = 0.6
    yields: tuple[float, ...] = (4.0, 2.5, 1.5)


USUAL: Final = Rules()


class Run(NamedTuple):
    """Generate with this model. `tokens`: as many as may be asked for; `shortened`: fewer than a usual reply has.

    `start_by`: seconds from now until which it may begin and still make the least reply in time.
    """

    rung: str
    model: str
    tokens: int
    shortened: bool
    start_by: float
    trial: bool


class Chosen(NamedTuple):
    """`run`: None when every generating rung was passed over; the stage then answers with a fast one."""

    run: Run | None
    passed: tuple[PassedOver, ...]


def choose(ask: Ask, offers: Sequence[Offer], rules: Rules = USUAL) -> Chosen:
    """The first rung of `ask` that a model can make in time, and each rung before it with the reason it cannot.

    Of several models of one rung the first that can is taken, and the first one's reason is recorded.
    """
    passed: list[PassedOver] = []
    for rung in ask.rungs:
        if rung not in GENERATING:
            continue
        why: Reason = "no_model"
        for i, offer in enumerate(o for o in offers if o.rung == rung):
            found = consider(ask, offer, rules)
            if isinstance(found, Run):
                return Chosen(found, tuple(passed))
            why = found if i == 0 else why
        passed.append(PassedOver(rung, why))
    return Chosen(None, tuple(passed))


def consider(ask: Ask, offer: Offer, rules: Rules = USUAL) -> Run | Reason:
    """How this model would make the reply, or why it does not."""
    refused = _refused(ask, offer, rules)
    if refused is not None:
        return refused
    left = ask.remaining - rules.reserve
    room = min(ask.most, offer.context - ask.prompt)
    tokens = min(room, offer.speed.tokens(left - offer.wait.seconds))
    least = min(max(rules.least, int(ask.wish * rules.worth)), room)
    if tokens < least:
        return offer.wait.because if offer.speed.tokens(left) >= least else "too_late"
    start_by = left - offer.speed.seconds(least)
    return Run(offer.rung, offer.model, tokens, tokens < min(ask.wish, room), start_by, offer.breaker == "probing")


def rank(tier: str, ranks: Mapping[str, int]) -> int:
    """The class of a customer's tier; a tier that nobody ranked is in the lowest class."""
    return ranks.get(tier, max(ranks.values(), default=0))


def _refused(ask: Ask, offer: Offer, rules: Rules) -> Reason | None:
    """What speaks against the model whatever time is left; the firmest reason first."""
    if offer.tenants and ask.tenant not in offer.tenants:
        return "not_allowed"
    if not offer.ready:
        return "not_ready"
    if offer.breaker == "open":
        return "breaker_open"
    if offer.context - ask.prompt < min(rules.least, ask.most):
        return "too_long"
    if rules.yields and offer.pressure >= rules.yields[min(ask.rank, len(rules.yields) - 1)]:
        return "class_yields"
    return None
