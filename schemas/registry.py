"""Schema registries: whose ids are written, and how a real registry gets ours.

    RegistryError
    ├── RegistryAway        it does not answer: start it, or go on with the ids that were looked up before
    ├── SchemaMissing       it does not hold one of our schemas: import them
    └── IdsChanged          its ids are not those that the log was written with: restore it

The ids that Spillway pins need no registry. A registry with ids of its own is asked at start, and its answer kept in a
file, so that a worker starts and runs while the registry is down.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from fastavro.schema import to_parsing_canonical_form

from schemas.catalogue import RECORDS, TOPIC_OF
from schemas.codec import Ids, Schema, parsed, pinned_schema

CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
PATIENCE: Final = 5.0
"""Seconds a registry has for one answer."""


class RegistryError(RuntimeError):
    """A schema registry cannot be used as it is; the message says what to do."""


class RegistryAway(RegistryError):
    """It does not answer."""


class SchemaMissing(RegistryError):
    """It does not hold one of our schemas."""


class IdsChanged(RegistryError):
    """An id stands for something else than when it was first looked up."""


class Version(NamedTuple):
    """A schema as a registry numbers it. `version` counts from 1 in its subject."""

    subject: str
    version: int
    id: int
    record: str
    schema: Schema


def subject_of(record: str) -> str:
    """TopicRecordNameStrategy: the record lives on one topic, so it has one subject."""
    return f"{TOPIC_OF[RECORDS[record]]}-spillway.{record}"


def pinned_versions() -> Iterator[Version]:
    """Everything pinned, oldest first in each subject."""
    return versions_of(Ids.pinned())


def versions_of(ids: Ids) -> Iterator[Version]:
    """Everything pinned, with these ids for it: the pinned ones, or those of a registry (`ids_of`)."""
    for record, pinned in Ids.pinned().ids.items():
        for version, (id_, number) in enumerate(zip(pinned, ids.ids[record], strict=True), 1):
            yield Version(subject_of(record), version, number, record, pinned_schema(id_, record))


def same_bytes(schema: Schema) -> str:
    """Two schemas with the same of this write the same bytes: docs, defaults and properties do not matter."""
    return str(to_parsing_canonical_form(parsed(schema)))


def _ask(url: str, path: str, body: dict[str, Any] | None = None, method: str = "") -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE}
    request = urllib.request.Request(url.rstrip("/") + path, data, headers, method=method or None)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
    except urllib.error.HTTPError as err:
        with err:
            if err.code >= 500 and err.code != 501:
                raise RegistryAway(f"the schema registry at {url} answers {err.code} to {path}") from err
            raise
    except OSError as err:
        raise RegistryAway(f"the schema registry at {url} does not answer: {err}") from err
    return json.loads(text) if text.strip() else None


def _subject_path(subject: str) -> str:
    return "/subjects/" + urllib.parse.quote(subject, safe="")


def registered_id(url: str, version: Version) -> int:
    """The registry's own id of a pinned schema. Raises SchemaMissing, RegistryAway."""
    body = {"schemaType": "AVRO", "schema": json.dumps(version.schema)}
    try:
        found = _ask(url, _subject_path(version.subject), body)
    except urllib.error.HTTPError as err:
        raise SchemaMissing(
            f"the schema registry at {url} does not hold version {version.version} of {version.subject} "
            f"({err.code} {err.reason}): import it with: spillway schemas import --registry {url}"
        ) from err
    return int(found["id"])


def ids_of(url: str, kept: Path) -> Ids:
    """The ids of the registry at `url`: what it says, or what it said before if it does not answer.

    kept: the file that remembers; written when the registry has answered.
    Raises IdsChanged where the answer is not what was remembered, SchemaMissing, and RegistryAway where nothing was.
    """
    versions = list(pinned_versions())
    before = _remembered(kept)
    try:
        found = {str(v.id): registered_id(url, v) for v in versions}
    except RegistryAway:
        if any(str(v.id) not in before for v in versions):
            raise
        found = before
    for v in versions:
        was, now = before.get(str(v.id)), found[str(v.id)]
        if was is not None and was != now:
            raise IdsChanged(
                f"the schema registry at {url} gives {v.record} version {v.version} the id {now}; the log was written "
                f"with {was} (remembered in {kept}). Restore the registry; or, if the log is new too, remove that file"
            )
    if len(set(found.values())) != len(found):
        raise IdsChanged(f"the schema registry at {url} gives several of our schemas one id: {sorted(found.values())}")
    if found != before:
        kept.parent.mkdir(parents=True, exist_ok=True)
        partly = kept.with_suffix(".part")
        partly.write_text(json.dumps({"registry": url, "ids": found}, indent=2) + "\n", encoding="utf-8")
        partly.replace(kept)
    ids: dict[str, list[int]] = {}
    for v in versions:
        ids.setdefault(v.record, []).append(found[str(v.id)])
    return Ids(ids, {found[str(v.id)]: v.schema for v in versions})


def _remembered(kept: Path) -> dict[str, int]:
    """Pinned id to the registry's id."""
    if not kept.exists():
        return {}
    try:
        return {str(k): int(v) for k, v in json.loads(kept.read_text(encoding="utf-8"))["ids"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise RegistryError(f"{kept} cannot be read ({err}): remove it, and start with the registry up") from err


class Imported(NamedTuple):
    """`id`: what the registry calls it. It is `version.id` where the registry takes ids."""

    version: Version
    id: int


def import_into(url: str) -> list[Imported]:
    """Registers every pinned schema, with our ids where the registry takes them. Safe to run again.

    Raises RegistryAway, and RegistryError where it refuses a schema.
    """
    return [Imported(v, _import(url, v)) for v in pinned_versions()]


def _import(url: str, version: Version) -> int:
    try:
        return registered_id(url, version)
    except SchemaMissing:
        pass
    mode = "/mode/" + urllib.parse.quote(version.subject, safe="")
    schema = {"schemaType": "AVRO", "schema": json.dumps(version.schema)}
    with_id = {**schema, "id": version.id, "version": version.version}
    if _accepted(url, mode + "?force=true", {"mode": "IMPORT"}, "PUT"):
        taken = _accepted(url, _subject_path(version.subject) + "/versions", with_id, "POST")
        _accepted(url, mode, None, "DELETE")
    else:
        taken = _accepted(url, _subject_path(version.subject) + "/versions", with_id, "POST")
    if not taken:
        try:
            _ask(url, _subject_path(version.subject) + "/versions", schema, "POST")
        except urllib.error.HTTPError as err:
            said = err.read().decode(errors="replace")[:300]
            raise RegistryError(f"the schema registry at {url} refuses {version.subject}: {err.code} {said}") from err
    return registered_id(url, version)


def _accepted(url: str, path: str, body: dict[str, Any] | None, method: str) -> bool:
    try:
        _ask(url, path, body, method)
    except urllib.error.HTTPError as err:
        err.close()
        return False
    return True
