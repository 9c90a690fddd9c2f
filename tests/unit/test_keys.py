"""Keys say who calls; a file with a mistake is refused with what mends it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from streams.channels.keys import KeysError, Principal, digest, ensure_keys, load_keys
from streams.channels.limits import Rate

GOOD = {"tenant": "shop", "role": "channel", "sha256": digest("a key of the shop")}


def written(folder: Path, content: Any, name: str = "keys.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_key_stands_for_a_tenant_and_a_role(tmp_path: Path) -> None:
    """The file holds the digest alone; the key is known, and no other."""
    keys = load_keys(written(tmp_path, {"keys": [GOOD], "limits": {"shop": {"per_second": 5, "burst": 10}}}))
    assert keys.who("a key of the shop") == Principal("shop", "channel")
    assert keys.who("another") is None
    assert keys.who("\ud800") is None
    assert keys.tenants == ("shop",)
    assert keys.limits == {"shop": Rate(5, 10)}
    assert keys.page_keys() == {}


def test_keys_may_be_yaml(tmp_path: Path) -> None:
    """The same file in YAML gives the same keys."""
    text = f"keys:\n  - tenant: shop\n    role: desk\n    sha256: {digest('a key of the desk')}\n"
    assert load_keys(written(tmp_path, text, "keys.yaml")).who("a key of the desk") == Principal("shop", "desk")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "cannot be read"),
        ([], "field keys"),
        ({"keys": ["x"]}, "entry 1"),
        ({"keys": [{**GOOD, "tenant": "The Shop"}]}, "entry 1: field tenant"),
        ({"keys": [GOOD, {**GOOD, "role": "root"}]}, "entry 2: field role"),
        ({"keys": [GOOD, GOOD]}, "entry 2: the same key"),
        ({"keys": [{**GOOD, "sha256": "abc"}]}, "entry 1: field sha256"),
        ({"keys": [{**GOOD, "key": "short"}]}, "entry 1: field key"),
        ({"keys": [{**GOOD, "role": "page"}]}, "entry 1: field key"),
        ({"keys": [GOOD], "limits": {"shop": {"per_second": 0, "burst": 1}}}, "limits.shop"),
        ({"keys": [GOOD], "limits": {"shop": {"per_second": 1}}}, "limits.shop"),
        ({"keys": [GOOD], "limits": 5}, "limits.limits"),
    ],
)
def test_a_mistake_is_named_with_file_and_field(tmp_path: Path, content: Any, named: str) -> None:
    """Each mistake is refused, and the message says where it is."""
    path = written(tmp_path, content)
    with pytest.raises(KeysError) as err:
        load_keys(path)
    assert str(path) in str(err.value)
    assert named in str(err.value)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    """The remedy is in the message."""
    with pytest.raises(KeysError, match="spillway up"):
        load_keys(tmp_path / "keys.json")


def test_a_stack_gets_keys_of_every_role_that_nobody_else_can_read(tmp_path: Path) -> None:
    """Each tenant gets a channel, a desk and a page key, in a file for its owner alone."""
    path = ensure_keys(tmp_path / "data", ["shop", "bank"])
    keys = load_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.tenants == ("shop", "bank")
    desk = keys.clear_key("bank", "desk")
    assert desk is not None
    assert keys.who(desk) == Principal("bank", "desk", "local desk")
    assert set(keys.page_keys()) == {"shop", "bank"}


def test_keys_that_are_there_stay(tmp_path: Path) -> None:
    """A second preparation changes no key, and a new tenant gets its own."""
    before = ensure_keys(tmp_path, ["shop"]).read_text(encoding="utf-8")
    assert ensure_keys(tmp_path, ["shop"]).read_text(encoding="utf-8") == before
    old, new = load_keys(tmp_path / "keys.json"), load_keys(ensure_keys(tmp_path, ["shop", "bank"]))
    assert old.clear.items() <= new.clear.items()
    assert new.tenants == ("shop", "bank")
