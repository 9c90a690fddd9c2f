"""Models change while messages flow through the real log; and a worker meets bundles that it must refuse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from infra.local.stack import LocalStack
from infra.models.activation import activation, publish, withdrawal
from infra.models.loading import active_intents
from infra.models.settings import ModelSettings
from infra.models.store import ModelStore
from infra.settings import Settings
from infra.topics import create_topics
from processors.outcomes import Emit, Retry
from processors.stage import Context
from schemas.catalogue import MESSAGES, SIGNALS
from schemas.events import IntentDetected, MessageReceived, Record
from streams.control import Control, ControlFold
from streams.log import read_to_end
from streams.models.active import ActiveModels
from streams.models.bundle import load_bundle
from streams.models.in_force import Timeline
from streams.models.intent import BundleIntents
from streams.models.manifest import read_manifest
from streams.sink import Sink
from streams.stage_work import TransformWork, now_micros
from streams.testing import EPOCH, a_message
from streams.understanding import IntentStage
from tests.bundles import a_hashed_bundle
from tests.integration.stage_loop import CODEC, message, running, spec, until
from tests.spoiled import SPOILED

AHEAD = 5_000_000
TEXTS = ("where is my order", "i want a refund", "hello", "今天天气怎么样")


@pytest.fixture(scope="module")
def log(short_folder: Path) -> Iterator[str]:
    """A broker of this module's own: what is activated here for every tenant concerns nobody else."""
    with LocalStack(short_folder / "model-swap", only={"kafka"}, usual_ports=False) as stack:
        assert stack.addresses.kafka is not None
        create_topics(stack.addresses.kafka, partitions=4)
        yield stack.addresses.kafka


@pytest.fixture
def control(log: str) -> Iterator[Control]:
    """The control log, followed."""
    control = Control(log, CODEC)
    control.start()
    assert control.wait_until_read(30)
    yield control
    control.close()


@pytest.mark.broker
def test_a_bundle_is_swapped_while_messages_flow(log: str, control: Control, unique: str, tmp_path: Path) -> None:
    """Nothing is dropped or doubled, the order is kept, and each event names the model in force at its log time."""
    bundles = {n: a_hashed_bundle(tmp_path / f"v{n}", name="mine", version=str(n), sharpness=40.0 + n) for n in (1, 2)}
    settings = Settings(log, "", "", data_dir=tmp_path / "data")
    store = ModelStore(settings.model_store)
    fingerprints = {n: read_manifest(folder).fingerprint for n, folder in bundles.items()}
    # A clock that stands still: however slow the machine, a batch waits for its model.
    active = ActiveModels(
        "intent",
        control,
        BundleIntents(load_bundle(bundles[1])),
        lambda location: BundleIntents(load_bundle(store.folder(location))),
        clock=lambda: 0.0,
    )
    active.start()
    sink, numbers = Sink(log, CODEC), iter(range(1_000_000))

    def write_some(step: Callable[[], None]) -> Callable[[], None]:
        def more() -> None:
            sink.send([message(unique, n)._replace(text=TEXTS[n % len(TEXTS)]) for n in _some(numbers, 5)])
            step()

        return more

    def made_by(fingerprint: str) -> int:
        return sum(s.event.meta.made_by.fingerprint == fingerprint for s in _read(log, SIGNALS, unique))

    work = TransformWork(spec(unique), IntentStage(active), CODEC, Sink(log, CODEC))
    try:
        with running(log, spec(unique), work) as step:
            more = write_some(step)
            until(lambda: made_by(fingerprints[1]) >= 20, more)
            manifest, now = read_manifest(bundles[2]), now_micros()
            publish(settings, activation(manifest, store.add(bundles[2]), "", now + AHEAD, now, "test"))
            until(lambda: made_by(fingerprints[2]) >= 20, more)
        # The next member begins where this one ended, with messages of both sides of the switch back before it.
        now = now_micros()
        publish(settings, withdrawal("intent", "", now + AHEAD, now, "test"))
        with running(log, spec(unique), work) as step:
            more, back = write_some(step), made_by(fingerprints[1])
            until(lambda: made_by(fingerprints[1]) >= back + 20, more)
            until(lambda: len(_read(log, SIGNALS, unique)) >= len(_read(log, MESSAGES, unique)), step)
    finally:
        active.close()

    messages, signals = _read(log, MESSAGES, unique), _read(log, SIGNALS, unique)
    timeline = Timeline.of(control, "intent")
    assert [s.event.meta.turn_id for s in signals] == [m.event.meta.event_id for m in messages]
    expected = []
    for record in messages:
        found = timeline.standing(unique, record.appended_at).activations
        expected.append(found[0].fingerprint if found else fingerprints[1])
    assert [s.event.meta.made_by.fingerprint for s in signals] == expected
    in_time = [f for _, f in sorted(zip((m.appended_at for m in messages), expected, strict=True))]
    switches = [f for f, before in pairwise([*in_time, ""]) if f != before]
    assert switches == [fingerprints[1], fingerprints[2], fingerprints[1]]


@pytest.mark.parametrize("wrong", SPOILED)
def test_a_worker_refuses_a_wrong_bundle_and_goes_on(
    tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The one before it answers every message; the reason and the remedy are in its log and its status."""
    spoil, pattern = SPOILED[wrong]
    bad = spoil(tmp_path / "bad")
    shipped = a_hashed_bundle(tmp_path / "shipped", version="7")
    settings = Settings("", "", "", data_dir=tmp_path / "data", models=ModelSettings(intent=str(shipped)))
    manifest = read_manifest(bad)
    location = f"{manifest.name}/{manifest.sha256[:12]}"
    place = settings.model_store / location
    place.parent.mkdir(parents=True)
    bad.rename(place)
    if (tmp_path / "backbones").exists():
        (tmp_path / "backbones").rename(place.parent / "backbones")
    control = ControlFold()
    control.take(Record("chat.control", 0, 0, EPOCH, activation(manifest, location, "", EPOCH, EPOCH, "test")))
    active = active_intents(control, settings)
    try:
        messages = [Record("chat.messages", 0, n, EPOCH + n, a_message(text)) for n, text in enumerate(TEXTS)]
        outcomes = IntentStage(active).process(messages, Context(EPOCH))
    finally:
        active.close()
    assert not isinstance(outcomes, Retry)
    events = [event for outcome in outcomes if isinstance(outcome, Emit) for event in outcome.events]
    labels = [event.label for event in events if isinstance(event, IntentDetected)]
    assert labels == ["order_status", "refund", "greeting", "off_topic"]
    assert {e.meta.made_by.fingerprint for e in events} == {read_manifest(shipped).fingerprint}
    (refused,) = active.status()["refused"]
    assert refused["fingerprint"] == manifest.fingerprint
    assert re.search(pattern, refused["reason"])
    assert [r for r in caplog.records if "is refused" in r.message and re.search(pattern, r.message)]


def test_a_model_of_the_settings_that_is_wrong_stops_the_worker_at_once(tmp_path: Path) -> None:
    """There is none before it; the message names the variable."""
    bad = SPOILED["labels"][0](tmp_path / "bad")
    settings = Settings("", "", "", data_dir=tmp_path, models=ModelSettings(intent=str(bad)))
    with pytest.raises(Exception, match=r"SPILLWAY_INTENT_MODEL=.*bad cannot be used: .*5 labels of head service"):
        active_intents(ControlFold(), settings)
    moods = a_hashed_bundle(tmp_path / "moods", task="sentiment")
    settings = Settings("", "", "", data_dir=tmp_path, models=ModelSettings(intent=str(moods)))
    with pytest.raises(Exception, match="is for sentiment, not for intent"):
        active_intents(ControlFold(), settings)


def _some(numbers: Iterator[int], count: int) -> list[int]:
    return [next(numbers) for _ in range(count)]


def _read(log: str, topic: str, tenant: str) -> list[Record]:
    """A tenant's records, by partition and offset."""
    records = [r for r in read_to_end(log, [topic], CODEC) if isinstance(r, Record)]
    of_tenant = [r for r in records if r.event.meta.tenant_id == tenant]
    assert all(isinstance(r.event, MessageReceived | IntentDetected) for r in of_tenant)
    return sorted(of_tenant, key=lambda r: (r.partition, r.offset))
