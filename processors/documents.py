"""Documents from outside, YAML and JSON: the value that a text stands for, or one kind of error for all that is none.

The libraries have many: a date that no calendar has, a number of five thousand digits, brackets within brackets until
the stack ends, and aliases of aliases, a line each, that stand for more than memory holds.
"""

from __future__ import annotations

import json
from typing import Any, Final

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEEPEST: Final = 200
"""Lists and mappings within each other."""
LARGEST: Final = 2_000_000
"""Values of a document, with each alias counted as what it stands for."""
_LIBRARIES_RAISE: Final = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, OverflowError)


class NotReadable(ValueError):
    """The text is no document of its kind. The message says in a line what is wrong with it."""


def yaml_value(text: str | bytes) -> Any:
    """The value of a YAML document. Raises NotReadable, and nothing else, whatever the text is."""
    try:
        refuse_depth(text)
        value = yaml.load(text, Loader=LOADER)  # the safe one
    except _LIBRARIES_RAISE as err:
        raise NotReadable(_line(err)) from err
    return _bounded(value)


def refuse_depth(text: str | bytes) -> None:
    """Raises ValueError for YAML that lies too deep within itself: composing it would end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"lists or mappings lie more than {DEEPEST} deep within each other")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def json_value(text: str | bytes) -> Any:
    """The value of a JSON document. Raises NotReadable, and nothing else, whatever the text is."""
    try:
        return _bounded(json.loads(text))
    except RecursionError as err:
        raise NotReadable("lists or objects lie within each other too deep") from err
    except ValueError as err:
        raise NotReadable(_line(err)) from err


def _line(err: Exception) -> str:
    return " ".join(str(err).split())[:500] or type(err).__name__


def _bounded(value: Any) -> Any:
    if _size(value, 0, {}) > LARGEST:
        raise NotReadable(f"with its aliases it stands for more than {LARGEST} values")
    return value


def _size(value: Any, depth: int, known: dict[int, int | None]) -> int:
    """How many values there are, each place of a shared one counted. None in `known`: it is being counted."""
    if not isinstance(value, dict | list | tuple | set):
        return 1
    if depth > DEEPEST:
        raise NotReadable(f"lists or mappings lie more than {DEEPEST} deep within each other")
    if id(value) in known:
        size = known[id(value)]
        if size is None:
            raise NotReadable("an alias stands for what it is itself a part of")
        return size
    known[id(value)] = None
    inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    size = 1 + sum(_size(each, depth + 1, known) for each in inner)
    known[id(value)] = size
    return size
