"""A reply that unfolds on a terminal ends as the reply, whatever its pieces said."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from infra.cli.unfolding import AGAIN, Unfolding, rows

COLUMNS = 10
WIDE = set("可以。退货")


class Terminal:
    """As much of a terminal as is written to: rows of cells, wrapping, up, and erasing to the end of the screen."""

    def __init__(self) -> None:
        self.lines: list[list[str]] = [[]]
        self.at = 0

    def write(self, text: str) -> None:
        for part in re.findall(r"\x1b\[\d*[AJ]|.", text, re.DOTALL):
            if part.startswith("\x1b") and part.endswith("A"):
                self.at -= int(part[2:-1])
                assert self.at >= 0
            elif part == "\x1b[J":
                del self.lines[self.at + 1 :]
                self.lines[self.at] = []
            elif part == "\n":
                self._next()
            elif part != "\r":
                if sum(map(self._width, [*self.lines[self.at], part])) > COLUMNS:
                    self._next()
                self.lines[self.at].append(part)

    def _next(self) -> None:
        self.at += 1
        self.lines.append([])

    @staticmethod
    def _width(character: str) -> int:
        return 2 if character in WIDE else 1

    @property
    def text(self) -> str:
        return "\n".join("".join(line) for line in self.lines)


def piece(text: str, position: int = 0, attempt: str = "a", turn: str = "t") -> dict[str, Any]:
    return {"type": "partial", "turn_id": turn, "attempt": attempt, "position": position, "text": text}


def test_the_pieces_stand_as_they_come_and_the_reply_completes_them() -> None:
    """Nothing is written twice when the reply says what its pieces said, and more."""
    out: list[str] = []
    unfolding = Unfolding(out.append)
    unfolding.begin("t")
    unfolding.take(piece("One. "))
    unfolding.take(piece("One. Two. "))
    unfolding.end("One. Two. Three.")
    assert out == ["One. ", "Two. ", "Three.\n"]
    assert unfolding.pieces == 2
    assert unfolding.first_seconds is not None


def test_without_pieces_the_reply_is_written_whole() -> None:
    """A reply of a fast rung comes at once."""
    out: list[str] = []
    unfolding = Unfolding(out.append)
    unfolding.begin("t")
    unfolding.end("Hello.")
    assert out == ["Hello.\n"]
    assert (unfolding.pieces, unfolding.first_seconds) == (0, None)


def test_a_file_marks_what_is_void() -> None:
    """Where nothing can be erased, another attempt, and a reply that says something else, begin on a marked line."""
    out: list[str] = []
    unfolding = Unfolding(out.append)
    unfolding.begin("t")
    unfolding.take(piece("Old. "))
    unfolding.take(piece("New. ", attempt="b"))
    unfolding.end("Sorry.")
    assert "".join(out) == f"Old. \n{AGAIN}New. \n{AGAIN}Sorry.\n"


def test_pieces_of_other_turns_and_after_a_hole_are_not_written() -> None:
    """Only the turn that is asked unfolds, without holes, and nothing follows its reply."""
    out: list[str] = []
    unfolding = Unfolding(out.append)
    unfolding.begin("t")
    unfolding.take(piece("Another's.", turn="u"))
    unfolding.take(piece("One. "))
    unfolding.take(piece("Three. ", position=9))
    unfolding.end("One. Two. ")
    unfolding.take(piece("Late.", attempt="b"))
    assert "".join(out) == "One. Two. \n"


def test_a_wide_character_is_never_cut() -> None:
    """Ten columns hold five Chinese characters, and four after one Latin letter."""
    assert rows("可以退货。", 10) == 1
    assert rows("a可以退货。", 10) == 2
    assert rows("", 10) == 1
    assert rows("0123456789\n0", 10) == 2


@example([" "], "")
@given(st.lists(st.text("ab 可以。\n", max_size=30), max_size=4), st.text("ab 可以。\n", max_size=30))
def test_on_a_terminal_only_the_reply_stands_in_the_end(attempts: list[str], reply: str) -> None:
    """Whatever attempts there were, and however they wrapped, the screen shows what it would without them."""
    screen, plain = Terminal(), Terminal()
    unfolding = Unfolding(screen.write, COLUMNS)
    unfolding.begin("t")
    for n, text in enumerate(attempts):
        unfolding.take(piece(text[: len(text) // 2], attempt=str(n)))
        unfolding.take(piece(text[len(text) // 2 :], len(text) // 2, attempt=str(n)))
    unfolding.end(reply)
    plain.write(f"{reply}\n")
    assert screen.text == plain.text
