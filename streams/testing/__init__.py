"""The kit for tests of conversations: the whole pipeline in memory, time that moves when told to, models that say what
they are told to, and events with everything in them that a test does not care about.

    talk = Conversations(policies=[a_policy()])
    talk.play([a_message("where is my order?"), Pass(0.2), Crash("routing", "after_produce"), a_message("hello?")])
    assert [reply.rung for reply in talk.replies()] == ["template", "template"]

Faults are items of the script, so a test of a recovery reads like a story.
"""

from streams.bus import Bus, Clock
from streams.pipeline import Crashed, Pipeline, Runner
from streams.testing.conversations import Conversations, Crash, Hold, Item, Pass, Release, Restart
from streams.testing.events import (
    EPOCH,
    SMALL_POLICY,
    a_close,
    a_feedback,
    a_message,
    a_model,
    a_policy,
    a_return,
    a_stop,
    a_withdrawal,
    an_arm,
    an_experiment,
)
from streams.testing.models import INTENTS, ScriptedEntities, ScriptedIntents, ScriptedSentiments, ScriptedStore

__all__ = [
    "EPOCH",
    "INTENTS",
    "SMALL_POLICY",
    "Bus",
    "Clock",
    "Conversations",
    "Crash",
    "Crashed",
    "Hold",
    "Item",
    "Pass",
    "Pipeline",
    "Release",
    "Restart",
    "Runner",
    "ScriptedEntities",
    "ScriptedIntents",
    "ScriptedSentiments",
    "ScriptedStore",
    "a_close",
    "a_feedback",
    "a_message",
    "a_model",
    "a_policy",
    "a_return",
    "a_stop",
    "a_withdrawal",
    "an_arm",
    "an_experiment",
]
