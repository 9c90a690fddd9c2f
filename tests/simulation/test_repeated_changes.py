"""What the simulation found once, kept as small as it gets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.events import Event
from streams.testing import Conversations, Restart, a_close, a_message, a_return
from streams.testing.conversations import Item


@pytest.mark.parametrize("make", [a_close, a_return])
def test_a_repeated_change_is_decided_alike_by_whoever_reads_it(make: Callable[[], Event]) -> None:
    """A close that changed nothing comes again: a router that began in between decides what one that did not does."""
    change = make()
    begin: list[Item] = [change, a_message(id_="1"), a_message("let me talk to a human", id_="2")]
    through, anew = Conversations(), Conversations()
    through.play([*begin, change, a_message(id_="3")])
    anew.play([*begin, Restart("routing"), change, a_message(id_="3")])
    assert through.changes() == anew.changes()
    assert through.routes() == anew.routes()


def test_a_repeated_change_changes_a_dialogue_once() -> None:
    """The second close of one id does nothing, although a conversation is open again."""
    change = a_close()
    talk = Conversations()
    talk.play([a_message(id_="1"), change, a_message(id_="2"), change, Restart("routing"), change])
    assert len(talk.changes()) == 1
