"""Reading YAML field by field, with the line of each, so that every mistake of a file is found in one go.

A field that is wrong is noted and replaced by something harmless; whether anything was wrong is asked at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import yaml

from processors.documents import LOADER, refuse_depth
from processors.policy.problem import Problem, instead

MAX_FILE: Final = 1 << 20
_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})


class Source:
    """A file while it is read: its name, and what was found wrong. `offset`: lines before the YAML begins."""

    def __init__(self, file: str, offset: int = 0) -> None:
        self.file = file
        self.offset = offset
        self.problems: list[Problem] = []

    def wrong(self, node: yaml.Node | None, field: str, problem: str, remedy: str) -> None:
        """Notes a mistake at a node's line."""
        line = 1 if node is None else node.start_mark.line + 1
        self.problems.append(Problem(self.file, line + self.offset, field, problem, remedy))

    def root(self, text: str) -> Fields | None:
        """The mapping that a file consists of; None, and a problem noted, when it is none."""
        if len(text) > MAX_FILE:
            self.wrong(None, "-", f"has {len(text)} characters", f"at most {MAX_FILE} are taken")
            return None
        try:
            refuse_depth(text)
            node = yaml.compose(text, Loader=LOADER)
        except yaml.MarkedYAMLError as e:
            line = e.problem_mark.line + 1 if e.problem_mark else 1
            said = " ".join(filter(None, (e.context, e.problem)))
            self.problems.append(
                Problem(self.file, line + self.offset, "-", f"is no YAML: {said}", "mend the syntax at this line")
            )
            return None
        except (yaml.YAMLError, RecursionError, ValueError) as e:
            said = str(e).splitlines()[0] if str(e) else type(e).__name__
            self.wrong(None, "-", f"is no YAML: {said}", "save it as UTF-8 text without control characters")
            return None
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, "-", "is no mapping of keys to values", "begin with: key: value")
            return None
        return Fields(self, node, "")

    def front_matter(self, text: str, shape: str) -> FrontMatter | None:
        """What a text begins with between two lines of ---; None, noted with the `shape` that is meant, without it."""
        lines = text.lstrip("\ufeff").splitlines()
        ends = [i for i, line in enumerate(lines) if line.strip() == "---"][:2]
        if len(ends) < 2 or ends[0] != 0:
            self.wrong(None, "front matter", "is missing or not closed", shape)
            return None
        self.offset = 1
        fields = self.root("\n".join(lines[1 : ends[1]]))
        return FrontMatter(fields, lines, ends[1] + 1) if fields is not None else None


class FrontMatter(NamedTuple):
    """The fields before a text, all lines of the file, and the index of the first line of the text itself."""

    fields: Fields
    lines: list[str]
    body: int


class Fields:
    """A YAML mapping. Ask for each field that may be there, then `close`: what was not asked for is unknown."""

    def __init__(self, source: Source, node: yaml.MappingNode, path: str) -> None:
        self.source = source
        self.node = node
        self.path = path
        self._values: dict[str, yaml.Node] = {}
        self._keys: dict[str, yaml.Node] = {}
        self._asked: list[str] = []
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name in self._values:
                source.wrong(key, self.field(name), "is there twice", "keep one of them")
            self._values[name], self._keys[name] = value, key

    def field(self, key: str) -> str:
        """The path of a field, as problems name it."""
        return f"{self.path}.{key}" if self.path else key

    def wrong(self, key: str, problem: str, remedy: str) -> None:
        """Notes a mistake at a field, or at the mapping where it is missing."""
        self.source.wrong(self._values.get(key, self.node), self.field(key), problem, remedy)

    def has(self, key: str) -> bool:
        """Whether the field is there and not empty."""
        node = self._values.get(key)
        return node is not None and not (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"))

    def _get(self, key: str, required: str | None) -> yaml.Node | None:
        self._asked.append(key)
        if self.has(key):
            return self._values[key]
        if required is not None:
            self.wrong(key, "is missing", required)
        return None

    def text(self, key: str, default: str = "", required: str | None = None) -> str:
        """A text. `required`: what to write when it is missing."""
        node = self._get(key, required)
        if node is None:
            return default
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(key, "is no text", "write one value, in quotes if it contains : or #")
            return default
        return str(node.value)

    def choice(self, key: str, known: Iterable[str], required: str | None = None) -> str | None:
        """A text that must be one of the known ones."""
        value = self.text(key, "", required)
        if not value:
            return None
        if value not in (known := set(known)):
            self.wrong(key, f"{value!r} is not known", instead(value, known))
            return None
        return value

    def number(self, key: str, default: float, low: float, high: float, unit: str = "") -> float:
        """A number within bounds."""
        node = self._get(key, None)
        if node is None:
            return default
        try:
            value = float(node.value) if isinstance(node, yaml.ScalarNode) else None
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            said = "is no number" if value is None else f"is {value:g}"
            self.wrong(key, said, f"write a number{' of ' + unit if unit else ''} from {low:g} to {high:g}")
            return default
        return value

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self.number(key, default, low, high)
        if value != int(value):
            self.wrong(key, f"is {value:g}", f"write a whole number from {low} to {high}")
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self.text(key, "true" if default else "false").lower()
        if value not in _TRUE | _FALSE:
            self.wrong(key, f"{value!r} is neither true nor false", "write true or false")
            return default
        return value in _TRUE

    def is_mapping(self, key: str) -> bool:
        """Whether the field is there and holds keys and values."""
        return isinstance(self._values.get(key), yaml.MappingNode)

    def names(self, key: str, known: Iterable[str] | None = None) -> tuple[str, ...]:
        """A list of texts, or one text alone; of the known ones, where these are given."""
        node = self._get(key, None)
        if node is None:
            return ()
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        known = None if known is None else set(known)
        found: list[str] = []
        for item in items:
            if not isinstance(item, yaml.ScalarNode) or not item.value:
                self.source.wrong(item, self.field(key), "holds something that is no text", "write [one, two]")
            elif known is not None and item.value not in known:
                self.source.wrong(
                    item, self.field(key), f"{item.value!r} is not known", instead(item.value, known)
                )
            elif item.value not in found:
                found.append(item.value)
        return tuple(found)

    def inner(self, key: str, required: str | None = None) -> Fields | None:
        """A mapping within this one."""
        node = self._get(key, required)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self.wrong(key, "is no mapping", "write keys and values below it, indented")
            return None
        return Fields(self.source, node, self.field(key))

    def each(self, key: str) -> list[Fields]:
        """The mappings of a list."""
        node = self._get(key, None)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode) or not all(isinstance(n, yaml.MappingNode) for n in node.value):
            self.wrong(key, "is no list of mappings", "begin each entry with: - key: value")
            return []
        return [Fields(self.source, n, f"{self.field(key)}[{i}]") for i, n in enumerate(node.value)]

    def entries(self) -> Iterator[tuple[str, Fields]]:
        """Every key with the mapping below it; a key with nothing below is an empty mapping."""
        for key, node in list(self._values.items()):
            self._asked.append(key)
            if isinstance(node, yaml.MappingNode):
                yield key, Fields(self.source, node, self.field(key))
            elif not self.has(key):
                empty = yaml.MappingNode("", [], node.start_mark, node.end_mark)
                yield key, Fields(self.source, empty, self.field(key))
            else:
                self.wrong(key, "is no mapping", "write keys and values below it, indented")

    def keys(self) -> list[str]:
        """The keys that are there."""
        return list(self._values)

    def close(self) -> None:
        """Notes the keys that nobody asked for."""
        for key, node in self._keys.items():
            if key not in self._asked:
                self.source.wrong(node, self.field(key), "is no field here", instead(key, self._asked))
