"""Who may call the gateway: API keys, each of one tenant and one role. The tenant never comes from the client."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

from processors.documents import NotReadable, json_value, yaml_value
from streams.channels.limits import Rate

Role = Literal["channel", "desk", "page"]
ROLES: Final[tuple[str, ...]] = get_args(Role)
PAGE_SESSION: Final = "page-"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}").fullmatch
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}").fullmatch


class KeysError(ValueError):
    """The keys file cannot be used; the message names file, entry, field and remedy."""


class Principal(NamedTuple):
    """Who calls: what a key stands for."""

    tenant: str
    role: Role
    name: str = ""


class Keys:
    """The keys of one gateway.

    A file holds `keys`, a list of entries with `tenant`, `role` (channel, desk or page), and `sha256`, the hex digest
    of the key; instead of it a `key` in clear, which page keys need, since the page is served with them, and which
    suits a development stack. `limits` maps tenants to `per_second` and `burst`.
    """

    def __init__(self, entries: Mapping[str, Principal], clear: Mapping[str, Principal], limits: Mapping[str, Rate]):
        self._of = dict(entries)
        self.clear = dict(clear)
        """The keys that the file holds in clear."""
        self.limits = dict(limits)

    @property
    def tenants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(p.tenant for p in self._of.values()))

    def who(self, key: str) -> Principal | None:
        """Whom a key stands for. Compares digests, so the time it takes says nothing about the keys."""
        return self._of.get(digest(key))

    def clear_key(self, tenant: str, role: Role) -> str | None:
        """A key in clear of this tenant and role, if the file holds one."""
        return next((k for k, p in self.clear.items() if p.tenant == tenant and p.role == role), None)

    def page_keys(self) -> dict[str, str]:
        """Tenant to the key that its chat page is served with."""
        return {p.tenant: k for k, p in self.clear.items() if p.role == "page"}


def digest(key: str) -> str:
    """What the keys file holds of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def load_keys(path: Path) -> Keys:
    """The keys in a JSON or YAML file. Raises KeysError."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json_value(text) if path.suffix == ".json" else yaml_value(text)
    except FileNotFoundError as err:
        raise KeysError(f"{path} is not there: make one as docs/adr/0053 shows, or start with: spillway up") from err
    except (OSError, UnicodeDecodeError, NotReadable) as err:
        raise KeysError(f"{path} cannot be read: {err}") from err
    if not isinstance(content, dict) or not isinstance(content.get("keys"), list):
        raise KeysError(f"{path}: field keys: a list of entries with tenant, role and sha256 is meant")
    entries: dict[str, Principal] = {}
    clear: dict[str, Principal] = {}
    for number, entry in enumerate(content["keys"], 1):
        sha, key, principal = _entry(f"{path}: entry {number}", entry)
        if sha in entries:
            raise KeysError(f"{path}: entry {number}: the same key is there already; give each entry a key of its own")
        entries[sha] = principal
        if key is not None:
            clear[key] = principal
    return Keys(entries, clear, _limits(path, content.get("limits") or {}))


def _entry(where: str, entry: Any) -> tuple[str, str | None, Principal]:
    if not isinstance(entry, dict):
        raise KeysError(f"{where}: an entry with tenant, role and sha256 is meant")
    tenant, role, sha, key = (entry.get(f) for f in ("tenant", "role", "sha256", "key"))
    if not isinstance(tenant, str) or not _TENANT(tenant):
        raise KeysError(f"{where}: field tenant: {tenant!r} is no tenant's name (lower-case letters, digits, _ and -)")
    if role not in ROLES:
        raise KeysError(f"{where}: field role: {role!r}; one of {', '.join(ROLES)} is meant")
    if isinstance(key, str) and len(key) >= 16:
        sha = digest(key)
    elif key is not None:
        raise KeysError(f"{where}: field key: at least 16 characters are needed; drop it to give sha256 instead")
    elif role == "page":
        raise KeysError(f"{where}: field key: a page's key is served with the page, so it is given in clear")
    if not isinstance(sha, str) or not _DIGEST(sha):
        raise KeysError(f"{where}: field sha256: 64 hex digits are meant, as from: printf %s KEY | sha256sum")
    return sha, key, Principal(tenant, role, str(entry.get("name") or ""))


def _limits(path: Path, limits: Any) -> dict[str, Rate]:
    found = {}
    for tenant, rate in limits.items() if isinstance(limits, dict) else [("limits", limits)]:
        values: list[Any] = [rate.get(f) for f in Rate._fields] if isinstance(rate, dict) else []
        if not values or not all(isinstance(v, int | float) and v > 0 for v in values) or values[1] < 1:
            raise KeysError(f"{path}: field limits.{tenant}: per_second above 0 and burst of at least 1 are meant")
        found[str(tenant)] = Rate(float(values[0]), float(values[1]))
    return found


def ensure_keys(data_dir: Path, tenants: Iterable[str]) -> Path:
    """The development keys of a local stack: DATA/keys.json, readable by its owner alone. Returns its path.

    Made once; a tenant that is not in it yet gets its keys added, and none is ever changed. Raises KeysError where
    the file is there and cannot be read.
    """
    path = data_dir / "keys.json"
    content: dict[str, Any] = {"keys": []}
    if path.exists():
        load_keys(path)
        content = json.loads(path.read_text(encoding="utf-8"))
    there = {(e["tenant"], e["role"]) for e in content["keys"]}
    new = [
        {"tenant": tenant, "role": role, "key": f"sw_{role}_{secrets.token_urlsafe(24)}", "name": f"local {role}"}
        for tenant in tenants
        for role in ROLES
        if (tenant, role) not in there
    ]
    if new or not path.exists():
        content["keys"].extend(new)
        data_dir.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.tmp")
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            json.dump(content, out, indent=2)
            out.write("\n")
        scratch.replace(path)
    return path
