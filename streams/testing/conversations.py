"""The whole pipeline in memory, played by a script in which faults are items like any other."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from processors.ports import EntityModel, IntentModel, SentimentModel
from processors.stage import Stage
from schemas.catalogue import PARTIALS, REPLIES, ROUTES
from schemas.codec import Codec
from schemas.events import DialogueChanged, Event, PolicyActivated, ReplyPartial, ReplyProduced, ScenarioRouted
from streams.bus import Bus, Clock
from streams.control import ControlFold
from streams.generation.inline import InlineGenerations
from streams.generation.models import FixedModels
from streams.generation.models import Models as Generating
from streams.generation.stage import GeneratedAnswers, Generation
from streams.models.provider import Models, always
from streams.pipeline import CrashPoint, Pipeline
from streams.policies import Policies
from streams.reply import Reply
from streams.reply_cache import LruReplyCache
from streams.routing import Routing
from streams.testing.events import EPOCH, a_policy
from streams.testing.generated import NothingKept
from streams.testing.models import INTENTS, ScriptedEntities, ScriptedIntents, ScriptedSentiments
from streams.testing.virtual_time import VirtualLoop
from streams.understanding import IntentStage, Understanding


@dataclass(frozen=True, slots=True)
class Pass:
    """Time passes, and the stages work meanwhile."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Crash:
    """The stage breaks off when it next comes to `point` with something in hand, and begins again."""

    stage: str
    point: CrashPoint = "after_produce"


@dataclass(frozen=True, slots=True)
class Restart:
    """The stage begins again from its committed offsets."""

    stage: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The stage stops working, as a process that is stopped or has not been started."""

    stage: str


@dataclass(frozen=True, slots=True)
class Release:
    """A stage that was held goes on with what it had in memory."""

    stage: str


Item = Event | Pass | Crash | Restart | Hold | Release


class Conversations:
    """The whole pipeline over a log in memory.

    codec: with one, every event goes through its bytes. intent_models: made of the control log, in place of `intents`.
    generating: what makes the generating rungs, in no time of the clock's; None: nothing does. kept: generated answers.
    """

    def __init__(
        self,
        policies: Iterable[PolicyActivated] | None = None,
        intents: IntentModel | None = None,
        sentiments: SentimentModel | None = None,
        entities: EntityModel | None = None,
        codec: Codec | None = None,
        partitions: int = 4,
        wait: float = 0.3,
        intent_models: Callable[[ControlFold], Models[IntentModel]] | None = None,
        generating: Generating | None = None,
        kept: GeneratedAnswers | None = None,
    ) -> None:
        self.clock = Clock(EPOCH)
        self.bus = Bus(self.clock.now, partitions, codec)
        self.control = ControlFold()
        self.policies = Policies(self.control)
        for activated in (a_policy(),) if policies is None else policies:
            self.bus.append(activated)
        models = always(intents or ScriptedIntents(INTENTS)) if intent_models is None else intent_models(self.control)
        generations = InlineGenerations(generating or FixedModels(), self.clock.now, self._show, loop=VirtualLoop)
        weakref.finalize(self, generations.close)
        answers = NothingKept() if kept is None else kept  # an empty cache counts as none to `or`
        stages: dict[str, Stage] = {
            "intent": IntentStage(models),
            "sentiment": Understanding.sentiment(sentiments or ScriptedSentiments()),
            "entities": Understanding.entities(entities or ScriptedEntities()),
            "routing": Routing(self.policies, wait),
            "reply": Reply(self.policies, LruReplyCache(), seconds=lambda: 0.0),
            "generation": Generation(self.policies, generations, answers, seconds=lambda: 0.0),
        }
        self.pipeline = Pipeline(self.bus, self.clock, self.control, stages)

    def play(self, script: Iterable[Item], settle: bool = True) -> None:
        """Plays a script; events are appended at the clock's time as it is then, and worked on at once.

        settle: lets time pass afterwards until nothing is left to do. Raises TimeoutError if something stays.
        """
        for item in script:
            match item:
                case Pass(seconds):
                    self.pipeline.run_for(seconds)
                case Crash(stage, point):
                    self.pipeline.runners[stage].crash_at = point
                case Restart(stage):
                    self.pipeline.runners[stage].restart()
                case Hold(stage):
                    self.pipeline.held.add(stage)
                case Release(stage):
                    self.pipeline.held.discard(stage)
                case _:
                    self.bus.append(item)
                    self.pipeline.run()
        if settle:
            self.pipeline.settle()

    def _show(self, partial: ReplyPartial) -> None:
        self.bus.append(partial)

    def routes(self, session: str | None = None) -> list[ScenarioRouted]:
        """The decisions that count, of each id the first; of one session in its order."""
        return [e for e in self._first(ROUTES, session) if isinstance(e, ScenarioRouted)]

    def changes(self, session: str | None = None) -> list[DialogueChanged]:
        """The changes of dialogues without a turn."""
        return [e for e in self._first(ROUTES, session) if isinstance(e, DialogueChanged)]

    def replies(self, session: str | None = None) -> list[ReplyProduced]:
        """The replies that count."""
        return [e for e in self._first(REPLIES, session) if isinstance(e, ReplyProduced)]

    def partials(self, session: str | None = None) -> list[ReplyPartial]:
        """The pieces of replies that went out before them."""
        return [e for e in self._first(PARTIALS, session) if isinstance(e, ReplyPartial)]

    def _first(self, topic: str, session: str | None) -> list[Event]:
        first: dict[str, Event] = {}
        for record in self.bus.records(topic):
            if session is None or record.event.meta.session_id == session:
                first.setdefault(record.event.meta.event_id, record.event)
        return list(first.values())
