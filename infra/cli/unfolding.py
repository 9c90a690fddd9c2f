"""A reply as it unfolds on a terminal: its pieces as they come, and in the end exactly what the reply says."""

from __future__ import annotations

import threading
import time
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final

AGAIN: Final = "↺ "
"""Where nothing can be erased: what came before this on the turn is void."""


class Unfolding:
    """One turn at a time. Pieces may come from another thread.

    write: puts text on the terminal, without a line's end. columns: its width, 0 where nothing can be erased, as in a
    file; what is void is marked there instead.
    """

    def __init__(self, write: Callable[[str], None], columns: int = 0) -> None:
        self._write = write
        self._columns = columns
        self._lock = threading.Lock()
        self._turn = ""
        self._attempt = ""
        self._text = ""
        self._began = 0.0
        self.pieces = 0
        self.first_seconds: float | None = None

    def begin(self, turn_id: str) -> None:
        """A turn is asked; of others nothing is shown."""
        with self._lock:
            self._turn, self._attempt, self._text = turn_id, "", ""
            self._began = time.monotonic()
            self.pieces, self.first_seconds = 0, None

    def take(self, piece: Mapping[str, Any]) -> None:
        """A piece as the gateway streams it."""
        with self._lock:
            if piece["turn_id"] != self._turn:
                return
            if piece["attempt"] != self._attempt:
                self._void()
                self._attempt = piece["attempt"]
            if piece["position"] > len(self._text):
                return  # a hole: the reply fills it
            new = piece["text"][len(self._text) - piece["position"] :]
            if new:
                self.pieces += 1
                if self.first_seconds is None:
                    self.first_seconds = time.monotonic() - self._began
                self._text += new
                self._write(new)

    def end(self, text: str) -> None:
        """The reply is there: writes what is missing of it, or all where it says something else."""
        with self._lock:
            self._turn = ""
            if not self._columns and self._text.rstrip() == text:
                self._text = text  # spaces at the end hurt nobody in a file; on a terminal they may have wrapped
            elif not text.startswith(self._text):
                self._void()
            self._write(f"{text[len(self._text) :]}\n")

    def _void(self) -> None:
        if not self._text:
            return
        if self._columns:
            up = rows(self._text, self._columns) - 1
            self._write("\r" + (f"\x1b[{up}A" if up else "") + "\x1b[J")
        else:
            self._write(f"\n{AGAIN}")
        self._text = ""


def rows(text: str, columns: int) -> int:
    """How many rows of a terminal a text takes. Chinese characters are two columns wide, and never cut in half."""
    count = 0
    for line in text.split("\n"):
        count += 1
        used = 0
        for character in line:
            wide = 2 if unicodedata.east_asian_width(character) in "WF" else int(not unicodedata.combining(character))
            if used + wide > columns:
                count += 1
                used = 0
            used += wide
    return count
