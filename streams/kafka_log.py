"""Where librdkafka's own messages go: to logging, not to the terminal of whoever runs a command."""

from __future__ import annotations

import logging
from typing import Final

KAFKA_LOG: Final = logging.getLogger("spillway.kafka")
"""Pass it as `logger=` to every client. A process that sets up logging shows it; a command that does not is quiet."""
KAFKA_LOG.addHandler(logging.NullHandler())
