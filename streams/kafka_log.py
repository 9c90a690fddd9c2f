"""What librdkafka says by itself: its messages, which go to logging, and which of its errors end a client."""

from __future__ import annotations

import logging
from typing import Final

from confluent_kafka import KafkaError

KAFKA_LOG: Final = logging.getLogger("spillway.kafka")
"""Pass it as `logger=` to every client. A process that sets up logging shows it; a command that does not is quiet."""
KAFKA_LOG.addHandler(logging.NullHandler())


def is_fatal(error: KafkaError) -> bool:
    """Whether the client that gave this error will never work again.

    An error that comes as a message, as of an instance id that is still in use, has the code but not the mark.
    """
    return error.fatal() or error.code() == KafkaError._FATAL
