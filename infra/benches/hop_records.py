"""What the contenders of one hop copy besides random bytes: real events in Avro."""

from __future__ import annotations

from typing import Final

from infra.benches.copying import KEYS, Record
from schemas.codec import Codec
from schemas.events import Customer
from schemas.identity import session_key
from streams.channels import compose
from streams.channels.compose import Sender

BYTES: Final = "bytes"
AVRO: Final = "avro"
NOON: Final = 1_800_000_000_000_000
"""When the events are said to have happened, microseconds UTC: the same in every run."""
TEXT: Final = "I ordered two pairs of shoes in May, order {}, and only one of them has come: where is the other?"


def events() -> list[Record]:
    """Customers' messages as a channel writes them; about as large as the random records."""
    codec, customer = Codec(), Customer("c-1021", "gold", True, {"lang": "en"})
    found = []
    for n in range(KEYS):
        sender = Sender("bench", f"session {n}", "web")
        event = compose.message(sender, TEXT.format(700_000 + n), f"message {n}", NOON + n, customer, "/orders")
        found.append((session_key("bench", sender.session), codec.encode(event)))
    return found
