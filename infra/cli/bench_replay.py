"""What `spillway bench replay` does: the stretch, the run beside live, and what went wrong in a line."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import KafkaException

from infra.candidates.casting import LIVE_AGAIN
from infra.replaying.beside import measure_beside, shown_beside
from infra.replaying.definition import Asked
from infra.replaying.errors import ReplayError
from infra.replaying.measuring import measure, shown
from infra.replaying.moments import NoMoment, moment
from infra.replaying.moments import shown as as_time
from infra.replaying.running import How, create, delete
from infra.settings import Settings
from projections.analytics.store import AWAY
from projections.runs import RunStore
from streams.replay.source import StretchGone
from streams.replay.stretch import Selection, Window


class Stretched(NamedTuple):
    """A stretch as it was typed."""

    begin: str
    end: str
    sessions: int | None

    def asked(self) -> Asked:
        """Raises ReplayError for what is no time."""
        now = time.time_ns() // 1000
        try:
            window = Window(moment(self.begin, now), moment(self.end, now))
        except NoMoment as err:
            raise ReplayError(f"--from, --to: {err}") from err
        if window.start >= window.end:
            raise ReplayError(f"--from {self.begin} is not before --to {self.end}")
        return Asked(window, Selection(sessions=self.sessions, seed=LIVE_AGAIN.seed))


def replayed(data: Path, stretch: Stretched, how: How) -> tuple[str, str]:
    """How fast a replay is: as JSON, and for people."""
    with _told():
        found = measure(Settings.find(data), data, stretch.asked(), how, _say)
    return found.as_json(), shown(found)


def replayed_beside(
    data: Path, stretch: Stretched, how: How, rounds: int, rate: float, seconds: float
) -> tuple[str, str]:
    """What it costs those who are served meanwhile: as JSON, and for people."""
    settings, asked, name = Settings.find(data), stretch.asked(), f"bench-{secrets.token_hex(4)}"
    window = [as_time(at) for at in asked.window]
    options = ["--name", name, "--from", window[0], "--to", window[1], "--workers", str(how.workers)]
    options += ["--sessions", str(stretch.sessions)] if stretch.sessions is not None else []
    options += ["--share", str(how.share)] if how.share < 1 else []
    options += [] if how.aside else ["--full-priority"]
    with _told(), RunStore(settings.clickhouse) as store:
        create(settings, store, name, asked, time.time_ns() // 1000)
        try:
            found = measure_beside(settings, data, options, rounds, rate, seconds, _say)
        finally:
            delete(settings, store, name)
    return found.as_json(), shown_beside(found)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except StretchGone as why:
        raise ReplayError(str(why)) from why
    except ValueError as why:
        raise ReplayError(f"there is nothing to replay: {why}") from why
    except KafkaException as why:
        raise ReplayError(f"the broker does not answer ({why}); see: spillway status") from why
    except AWAY as why:
        raise ReplayError(f"ClickHouse does not do it ({why}); see: spillway status") from why
