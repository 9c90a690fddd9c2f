"""Damaged files: each is read, or refused by a message that names it; none ends the process or keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.documents import NotReadable, json_value, yaml_value
from processors.policy.reading import Source
from tests.fuzz.files import KINDS, Kind, harms
from tests.fuzz.texts import LAUGHS, VALUES

INPUTS = 40
SEED = 618


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_damaged_file_is_read_or_refused(kind: Kind, tmp_path: Path) -> None:
    """More of it: python -m tests.fuzz.files --inputs 5000."""
    found = [harm[1:] for harm in harms(kind, INPUTS, SEED, tmp_path, Counter())]
    assert found == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_sound_file_is_read(kind: Kind, tmp_path: Path) -> None:
    """Else refusing everything would pass for care."""
    found = kind.read(kind.make(tmp_path))
    assert not isinstance(found, tuple) or kind.refusals, found


def _refusal(read: Callable[[str], object], value: str) -> str:
    """What the reader says of a text; empty where it reads it."""
    try:
        read(value)
    except NotReadable as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("value", VALUES)
def test_any_value_is_read_or_refused_in_one_way(value: str) -> None:
    """The libraries raise a dozen kinds of error for these; here there is one, with one line."""
    for read in (yaml_value, json_value):
        assert "\n" not in _refusal(read, value)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "- " * 50_000, "? " * 50_000, "a: &a [*a]", LAUGHS])
def test_a_document_that_would_end_the_process_is_refused(text: str) -> None:
    """Too deep for the stack, endless, or larger than memory: refused before anything is made of it."""
    with pytest.raises(NotReadable):
        yaml_value(text)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "- " * 50_000])
def test_a_policy_that_would_end_the_process_is_refused(text: str) -> None:
    """Policies come over chat.control too: one activation would otherwise end every worker."""
    source = Source("policy.yaml")
    assert source.root(text) is None
    assert "deep" in str(source.problems[0])
