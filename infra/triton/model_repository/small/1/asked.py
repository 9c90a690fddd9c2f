"""A request of the vLLM contract: what it asks, and where its answer ends."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from words import pieces_of

DEFAULT_MAX_TOKENS = 16
"""vLLM's own, where a request names none."""


class Refused(Exception):
    """The request is wrong; the message says what about it."""


class Piece(NamedTuple):
    """A text, of as many tokens. `reason`: None (as a word) while there is more, `stop` or `length` with the last."""

    text: str
    reason: str
    tokens: int = 1


class Asked(NamedTuple):
    """One request. `prepend`: the answer begins with the prompt."""

    prompt: str
    stream: bool
    prepend: bool
    max_tokens: int
    stop: tuple[str, ...]
    wants_reason: bool
    wants_input_tokens: bool
    wants_output_tokens: bool

    @classmethod
    def of(cls, value: Callable[[str], Any], parameters: str) -> "Asked":
        """Reads the inputs by name (None: not given). `parameters`: the request's own, as JSON, for those who do not
        give the input `sampling_parameters`.

        Raises:
            Refused: an input is wrong, in the way that the vLLM backend refuses.
        """
        stream, exclude = bool(value("stream") or False), value("exclude_input_in_output")
        prepend = not stream if exclude is None else not bool(exclude)
        if stream and prepend:
            raise Refused("When streaming, `exclude_input_in_output` = False is not allowed.")
        given = value("sampling_parameters")
        sampling = _sampling(_text(given, "sampling_parameters") if given is not None else parameters)
        stop = sampling.get("stop") or ()
        return cls(
            prompt=_text(value("text_input"), "text_input"),
            stream=stream,
            prepend=prepend,
            max_tokens=_whole(sampling.get("max_tokens", DEFAULT_MAX_TOKENS)),
            stop=(stop,) if isinstance(stop, str) else tuple(map(str, stop)),
            wants_reason=bool(value("return_finish_reason") or False),
            wants_input_tokens=bool(value("return_num_input_tokens") or False),
            wants_output_tokens=bool(value("return_num_output_tokens") or False),
        )

    @property
    def input_tokens(self) -> int:
        return len(pieces_of(self.prompt))

    def limited(self, pieces: Iterable[str]) -> Iterator[Piece]:
        """The pieces up to the first stop text, or `max_tokens` of them; the last one says why it is the last.

        A piece is held until no stop text can begin in it.
        """
        held, longest = "", max((len(text) for text in self.stop), default=1) - 1
        made = 0
        for piece in pieces:
            if made == self.max_tokens:
                yield Piece(held, "length", 0)
                return
            held, made = held + piece, made + 1
            found = [place for text in self.stop if (place := held.find(text)) >= 0]
            if found:
                yield Piece(held[: min(found)], "stop")
                return
            free = len(held) - longest
            yield Piece(held[: max(0, free)], "None")
            held = held[max(0, free) :]
        yield Piece(held, "stop", 0)


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as wrong:
        raise Refused(f"{name} is not UTF-8: {wrong}") from wrong


def _sampling(text: str) -> Mapping[str, Any]:
    try:
        read = json.loads(text or "{}")
    except ValueError as wrong:
        raise Refused(f"sampling parameters: not JSON: {wrong}") from wrong
    if not isinstance(read, dict):
        raise Refused("sampling parameters: not a JSON object")
    return read


def _whole(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as wrong:
        raise Refused(f"sampling parameters: max_tokens must be a whole number, not {value!r}") from wrong
    if number < 1:
        raise Refused(f"sampling parameters: max_tokens must be at least 1, got {number}.")
    return number
