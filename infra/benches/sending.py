"""The process of a load: sends messages at their times, and reads replies only as far as that costs nothing.

`python -m infra.benches.sending FOLDER`: says {} when it is ready, hears `go SECONDS_UTC` and `stop`, says twice a
second how far it is, and leaves its result in the folder. Replies are kept as bytes, and decoded once nothing is sent
any more.
"""

from __future__ import annotations

import gc
import io
import json
import pickle
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from infra.benches.composing import Messages, messages
from infra.benches.load import NO_RUNG
from infra.wiring import build_codec
from schemas.catalogue import MESSAGES, REPLIES
from schemas.codec import Codec
from schemas.events import RUNGS, ReplyProduced
from schemas.identity import SEPARATOR
from streams.channels.publisher import producer_config
from streams.kafka_log import KAFKA_LOG, is_fatal
from streams.log import a_reader, bounds

TICK: Final = 0.004
"""Seconds from one look at the clock to the next: messages of a tick go together."""
AT_ONCE: Final = 2_000
PATIENCE: Final = 30.0
TELL_EVERY: Final = 0.5
QUIET: Final = 0.5
_PRODUCER: Final = {
    "linger.ms": 5,
    "delivery.report.only.error": True,
    "queue.buffering.max.messages": 2_000_000,
    "queue.buffering.max.kbytes": 2 << 20,
}
_READER: Final[dict[str, str | int | bool]] = {
    "enable.partition.eof": False,
    "auto.offset.reset": "earliest",
    # A fetch for every reply would keep the broker busy; this adds at most so many milliseconds to a latency.
    "fetch.min.bytes": 32 << 10,
    "fetch.wait.max.ms": 20,
}


class Sending:
    """Sends and reads, in one thread: two would wait for each other."""

    def __init__(self, bootstrap: str, sent: Messages, codec: Codec, grace: float) -> None:
        self._messages, self._codec, self._grace = sent, codec, grace
        self._producer = Producer({**producer_config(bootstrap, PATIENCE), **_PRODUCER}, logger=KAFKA_LOG)
        self._reader = _at_the_end(bootstrap)
        self._prefix = f"{sent.tenant}{SEPARATOR}{sent.name}.".encode()
        self._raw: list[tuple[float, bytes]] = []
        self._stop = threading.Event()
        self._place: dict[str, int] = {}
        self._reply_ids: dict[int, str] = {}
        self._doubled: set[int] = set()
        self.read = self.sent = 0
        self.sent_at = np.full(len(sent.at), np.nan)
        self.replied_at = np.full(len(sent.at), np.nan)
        self.rung = np.full(len(sent.at), NO_RUNG, dtype=np.uint8)
        self.unconfirmed: list[str] = []
        self.began = self._zero = self._told = 0.0

    @property
    def doubled(self) -> int:
        return len(self._doubled)

    def stop(self) -> None:
        """Sends no more; may be called from another thread."""
        self._stop.set()

    def send(self, began: float) -> None:
        """Sends everything at its time from `began` (seconds UTC) on; reads meanwhile."""
        self.began, self._zero = began, time.monotonic() + began - time.time()
        at, last = self._messages.at, len(self._messages.at)
        n = 0
        while n < last and not self._stop.is_set():
            now = time.monotonic() - self._zero
            begun = n
            while n < last and at[n] <= now and n - begun < AT_ONCE:
                self._produce(n)
                n += 1
            self.sent_at[begun:n] = now
            self.sent = n
            self._producer.poll(0)
            self._take(0)
            self._tell(now)
            if n < last and n - begun < AT_ONCE:
                spent = time.monotonic() - self._zero - now
                self._wait(min(max(TICK - spent, at[n] - now - spent), 0.02))
        self._producer.flush(PATIENCE)

    def await_replies(self) -> None:
        """Reads until every message is answered, or can no longer be."""
        self._place = {id_: n for n, id_ in enumerate(self._messages.ids[: self.sent])}
        last = self._messages.at[self.sent - 1] if self.sent else 0.0
        end = self._zero + last + self._messages.deadline + self._grace
        quiet_since = time.monotonic()
        while (now := time.monotonic()) < end:
            if self._take(0.05):
                quiet_since = now
            if self.read >= self.sent or now - quiet_since > QUIET:
                # Only now is there time to look: whatever comes meanwhile would seem to be later than it is.
                self._look()
                if len(self._reply_ids) + len(self.unconfirmed) >= self.sent:
                    break
                quiet_since = time.monotonic()
            self._tell(now - self._zero)
        self._look()

    def close(self) -> None:
        self._reader.close()

    def _produce(self, n: int) -> None:
        value = self._messages.value(n, round((self.began + self._messages.at[n]) * 1e6))
        while True:
            try:
                self._producer.produce(MESSAGES, value, self._messages.keys[n], on_delivery=self._refused)
                return
            except BufferError:
                self._producer.poll(0.01)

    def _refused(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.unconfirmed.append(self._codec.decode(MESSAGES, message.value()).meta.event_id)

    def _take(self, seconds: float) -> int:
        # Only the first is waited for: consume() alone would wait for all that it is asked for.
        first = self._reader.poll(seconds) if seconds else None
        found = [*([first] if first is not None else ()), *self._reader.consume(AT_ONCE, 0)]
        now, before = time.monotonic() - self._zero, self.read
        for message in found:
            error = message.error()
            if error is not None:
                if is_fatal(error):
                    raise KafkaException(error)
            elif (message.key() or b"").startswith(self._prefix):
                self._raw.append((now, message.value() or b""))
                self.read += 1
        return self.read - before

    def _look(self) -> None:
        for at, value in self._raw:
            event: Any = self._codec.decode(REPLIES, value)
            n = self._place.get(event.meta.turn_id or "")
            if n is None or not isinstance(event, ReplyProduced):
                continue
            first = self._reply_ids.setdefault(n, event.meta.event_id)
            if first != event.meta.event_id:
                self._doubled.add(n)
            if np.isnan(self.replied_at[n]):
                self.replied_at[n], self.rung[n] = at, RUNGS.index(event.rung)
        self._raw.clear()

    def _tell(self, now: float) -> None:
        if now - self._told >= TELL_EVERY:
            self._told = now
            print(json.dumps({"sent": self.sent, "replied": self.read}), flush=True)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


def _at_the_end(bootstrap: str) -> Consumer:
    """A reader of replies from now on."""
    reader = a_reader(bootstrap, **_READER)
    spans = bounds(reader, (REPLIES,))
    reader.assign([TopicPartition(topic, partition, end) for (topic, partition), (_, end) in spans.items()])
    return reader


def _listen(told: io.FileIO, sending: Sending) -> None:
    while line := told.readline():
        if line.strip() == b"stop":
            sending.stop()
    sending.stop()  # whoever started it is gone


def main() -> None:
    """One load, of the folder on the command line."""
    folder = Path(sys.argv[1])
    plan, settings, talks = pickle.loads((folder / "plan.pickle").read_bytes())
    grace, codec = plan.pop("grace"), build_codec(settings)
    arrivals = np.load(folder / "arrivals.npy").tolist()
    made = messages(talks, arrivals, codec, **plan)
    sending = Sending(settings.kafka, made, codec, grace)
    gc.collect()
    gc.freeze()
    gc.disable()
    print("{}", flush=True)
    # Without a buffer: the lock of one that a thread waits in would stop the process from ending.
    told = io.FileIO(0, closefd=False)
    word, _, began = told.readline().partition(b" ")
    if word != b"go":
        return
    threading.Thread(target=_listen, args=(told, sending), daemon=True).start()
    cpu = time.process_time()
    sending.send(float(began))
    cpu = time.process_time() - cpu
    sending.await_replies()
    sending.close()
    n = sending.sent
    np.savez(
        folder / "loaded.npz",
        at=np.array(made.at[:n]),
        sent_at=sending.sent_at[:n],
        replied_at=sending.replied_at[:n],
        rung=sending.rung[:n],
        session=np.array(made.talk[:n], dtype=np.int32),
        ids=np.array(made.ids[:n], dtype="S36"),
    )
    facts = {"name": made.name, "tenant": made.tenant, "deadline": made.deadline, "began": sending.began}
    facts |= {"unconfirmed": sending.unconfirmed, "doubled": sending.doubled, "cpu_seconds": cpu}
    (folder / "told.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
