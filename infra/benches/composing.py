"""Messages made ready before a load begins: all of their bytes but the times, which are known when they go.

A message of each recorded turn is encoded once, by the codec, with marks where ids and times stand; every message of
the load is that one with its own ids. So nothing here knows how a message is laid out.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from infra.benches.frame import BenchError
from infra.recordings import Recorded, playable
from schemas.codec import Codec
from schemas.events import Customer
from schemas.identity import message_id, session_key
from streams.channels import compose
from streams.channels.compose import Sender

NOW: Final = 1_800_000_000_000_001
"""A time of about these years, microseconds: marks where the message's own stands."""
_ID: Final = b"\x01" * 36
_SESSION: Final = b"\x02"
_MESSAGE: Final = b"\x03"
_TURN_DIGITS: Final = 4
_SESSION_DIGITS: Final = 9


class Turn(NamedTuple):
    """One recorded turn of a customer, as it is sent: pieces of bytes between ids and times.

    before, after: with the marks in which ids are put. between: what stands between the three times.
    """

    channel: str
    before: bytes
    between: tuple[bytes, bytes]
    after: bytes


@dataclass
class Messages:
    """What a load sends, in the order of sending. Of message n: `at[n]` seconds from the start, and its bytes.

    `talk[n]`: the number of its session, which is named `name.number`.
    """

    tenant: str
    name: str
    deadline: float
    at: list[float] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    pieces: list[tuple[bytes, bytes, bytes, bytes]] = field(default_factory=list)
    talk: list[int] = field(default_factory=list)

    def value(self, n: int, now: int) -> bytes:
        """Message n as it was written at `now` (microseconds UTC)."""
        before, one, two, after = self.pieces[n]
        written = long_bytes(now)
        return b"".join((before, written, one, written, two, long_bytes(now + round(self.deadline * 1e6)), after))


def long_bytes(value: int) -> bytes:
    """A time of these centuries, microseconds, as Avro writes a long: eight bytes.

    Raises ValueError outside of the years 1987 to 4253, which need another number of bytes.
    """
    z = value << 1
    if not 0x2000000000000 <= z < 0x100000000000000:
        raise ValueError(f"{value} is no time of these centuries in microseconds")
    return (
        (z & 0x7F)
        | (z << 1 & 0x7F00)
        | (z << 2 & 0x7F0000)
        | (z << 3 & 0x7F000000)
        | (z << 4 & 0x7F00000000)
        | (z << 5 & 0x7F0000000000)
        | (z << 6 & 0x7F000000000000)
        | (z << 7 & 0x7F00000000000000)
        | 0x0080808080808080
    ).to_bytes(8, "little")


def session_name(name: str, number: int) -> str:
    """The session of a load's conversation; each is as long as the others."""
    return f"{name}.{number:0{_SESSION_DIGITS}d}"


def messages(
    talks: Sequence[Recorded],
    arrivals: Iterable[float],
    codec: Codec,
    *,
    tenant: str,
    name: str,
    deadline: float,
    think: float,
) -> Messages:
    """Deals the customers' turns of recorded conversations to the arrivals, and makes their messages.

    The conversations go round and round, each time in a session of its own. think: seconds from a session's message to
    its next, at least. The same arguments give the same bytes. Raises BenchError without a customer's turn.
    """
    width = len(session_name(name, 0))
    recorded = [turns for talk in talks if (turns := _turns(talk, codec, tenant, deadline, width))]
    if not recorded:
        raise BenchError("the recorded conversations have no customer's turn; name another file")
    found = Messages(tenant, name, deadline)
    for at, number, turn in dealt([len(turns) for turns in recorded], arrivals, think):
        _add(found, at, number, recorded[number % len(recorded)][turn], turn)
    return found


def dealt(turns: Sequence[int], arrivals: Iterable[float], think: float) -> Iterator[tuple[float, int, int]]:
    """Arrival, number of the session, number of the turn in it. turns: how many each conversation has, in turn.

    An arrival goes to the session that has waited longest, if that is `think` seconds or more; else to a new one.
    """
    waiting: deque[tuple[float, int, int]] = deque()
    begun = 0
    for at in arrivals:
        if waiting and waiting[0][0] <= at:
            _, number, turn = waiting.popleft()
        else:
            number, turn, begun = begun, 0, begun + 1
        if turn + 1 < turns[number % len(turns)]:
            waiting.append((at + think, number, turn + 1))
        yield at, number, turn


def _add(found: Messages, at: float, number: int, turn: Turn, nth: int) -> None:
    session = session_name(found.name, number)
    channel_id = f"{session}/{nth:0{_TURN_DIGITS}d}"
    id_ = message_id(found.tenant, turn.channel, channel_id)
    own = (id_.encode(), session.encode(), channel_id.encode())
    found.at.append(at)
    found.ids.append(id_)
    found.keys.append(session_key(found.tenant, session))
    found.pieces.append((_filled(turn.before, own), *turn.between, _filled(turn.after, own)))
    found.talk.append(number)


def _filled(piece: bytes, own: tuple[bytes, bytes, bytes]) -> bytes:
    id_, session, channel_id = own
    with_id = piece.replace(_ID, id_) if _ID in piece else piece
    with_message = with_id.replace(_MESSAGE * len(channel_id), channel_id)
    return with_message.replace(_SESSION * len(session), session)


def _turns(talk: Recorded, codec: Codec, tenant: str, deadline: float, width: int) -> list[Turn]:
    texts = [text for said in talk.turns if said.speaker == "customer" and (text := playable(said.text)) is not None]
    customer = talk.customer or Customer(f"customer of {talk.conversation_id}"[:256])
    if talk.lang != "und":
        customer = customer._replace(attributes={"lang": talk.lang, **customer.attributes})
    sender = Sender(tenant, "s" * width, talk.channel, deadline)
    return [_turn(sender, text, customer, talk.entry_path, codec) for text in texts]


def _turn(sender: Sender, text: str, customer: Customer, entry_path: str, codec: Codec) -> Turn:
    """Raises BenchError where a message no longer has its three times, each written in eight bytes."""
    event = compose.message(sender, text, "m", NOW, customer, entry_path)
    width, due = len(sender.session), NOW + round(sender.deadline * 1e6)
    meta = event.meta._replace(event_id=_ID.decode(), turn_id=_ID.decode(), session_id=_SESSION.decode() * width)
    channel_id = _MESSAGE.decode() * (width + 1 + _TURN_DIGITS)
    value = codec.encode(event._replace(meta=meta, channel_message_id=channel_id))
    times = {long_bytes(NOW): "now", long_bytes(due): "due"}
    pieces = re.split(b"(" + b"|".join(map(re.escape, times)) + b")", value)
    if [times.get(mark) for mark in pieces[1::2]] != ["now", "now", "due"]:
        raise BenchError("MessageReceived has other times than the load writes: mend infra/benches/composing.py")
    before, _, one, _, two, _, after = pieces
    return Turn(sender.channel, before, (one, two), after)
