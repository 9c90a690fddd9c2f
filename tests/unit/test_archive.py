"""An archive keeps every byte, is read by any Avro tool, and says when it is not whole."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import avro.datafile
import avro.io
import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalogue import CONTROL, DEAD_LETTERS, MESSAGES, PARTIALS, ROUTES
from schemas.codec import HEADER, Codec, Ids, expanded, parsed, to_dict
from schemas.identity import session_key
from streams.replay.archive import ArchiveError, ArchiveSource, ArchiveStretch, check_archive, write_archive
from streams.replay.archive_file import PartitionFile, records_in
from streams.replay.archive_index import read_index
from streams.replay.source import Raw
from streams.replay.stretch import Selection, Window
from streams.testing import Conversations, Pass, a_feedback, a_message, a_policy
from streams.testing.stretch import BusSource, BusStretch
from tests.contracts.stretch_suite import all_of

CODEC = Codec()
EVER = Window(0, 1_900_000_000_000_000)


@pytest.fixture(scope="module")
def talk() -> Conversations:
    """Conversations of two tenants, played through the whole pipeline, with records that are no events."""
    policies = [a_policy(), a_policy("bank")]
    played = Conversations(policies, codec=CODEC)
    played.play([a_message(session=f"s-{n % 4}") for n in range(8)])
    played.play([a_message("你好", tenant="bank"), a_feedback(), Pass(1.0)])
    played.bus.append_bytes(MESSAGES, session_key("shop", "s-1"), b"\x00\x00\x00\x00\x01no event")
    played.bus.append_bytes(MESSAGES, None, None)
    played.bus.append_bytes(DEAD_LETTERS, b"", b"no event either")
    return played


@pytest.fixture
def folder(talk: Conversations, tmp_path: Path) -> Path:
    """An archive of all of it."""
    write_archive(BusSource(talk.bus), CODEC, EVER, tmp_path / "archive")
    return tmp_path / "archive"


def raws(source: BusSource | ArchiveSource, talk: Conversations) -> dict[tuple[str, int], list[Raw]]:
    """Everything that a source has, by place."""
    found: dict[tuple[str, int], list[Raw]] = {}
    for place, raw in source.raws(source.spans(list(talk.bus.partitions))):
        found.setdefault(place, []).append(raw)
    return found


def test_every_byte_comes_back(talk: Conversations, folder: Path) -> None:
    """Keys, values, offsets and times of every topic, of what is no event and what has no value too."""
    kept = raws(ArchiveSource(folder, CODEC), talk)
    assert kept == raws(BusSource(talk.bus), talk)
    values = [raw.value for raw in kept[MESSAGES, 0] + kept[MESSAGES, 1] + kept[MESSAGES, 2] + kept[MESSAGES, 3]]
    assert None in values
    assert b"\x00\x00\x00\x00\x01no event" in values


def test_headers_are_kept(tmp_path: Path) -> None:
    """With and without a value."""
    given = [Raw(n, n, b"key", b"v" * n, None, (("a", b"1"), ("b", None))[: n % 3]) for n in range(5000)]
    file = PartitionFile(tmp_path / "f.avro", MESSAGES, CODEC)
    for raw in given:
        file.append(raw)
    written = file.close()
    assert (written.records, written.bytes) == (5000, (tmp_path / "f.avro").stat().st_size)
    assert list(records_in(tmp_path / "f.avro", {})) == given


def _by_fastavro(path: Path) -> Iterator[dict[str, object]]:
    with path.open("rb") as file:
        yield from fastavro.reader(file)  # type: ignore[misc]


def _by_apache_avro(path: Path) -> Iterator[dict[str, object]]:
    with avro.datafile.DataFileReader(path.open("rb"), avro.io.DatumReader()) as reader:
        yield from reader


@pytest.mark.parametrize("tool", [_by_fastavro, _by_apache_avro])
def test_other_avro_tools_see_the_events(
    talk: Conversations, folder: Path, tool: Callable[[Path], Iterator[dict[str, object]]]
) -> None:
    """Decoded by the schemas they were written with, of every topic; the log's own bytes, not a copy of them."""
    for file in read_index(folder).files:
        records = {r.offset: r for r in talk.bus.records(file.topic) if r.partition == file.partition}
        rows = list(tool(folder / file.file))
        assert len(rows) == file.records
        for row in rows:
            record = records.get(row["offset"])  # type: ignore[call-overload]
            if record is None:
                assert row["event"] is None or isinstance(row["event"], bytes)
                continue
            event = row["event"]
            assert isinstance(event, dict)
            assert event["meta"]["event_id"] == record.event.meta.event_id
            assert event.keys() == to_dict(record.event).keys()


def test_versions_of_one_record_lie_side_by_side(tmp_path: Path) -> None:
    """Each by the schema it was written with, for us and for other tools."""
    older = {**expanded("FeedbackGiven"), "fields": expanded("FeedbackGiven")["fields"][:-1]}
    codec = Codec(Ids({**Ids.pinned().ids, "FeedbackGiven": [90, 2]}, {90: older}))
    event, out = a_feedback(3), io.BytesIO()
    fastavro.schemaless_writer(out, parsed(older), {k: v for k, v in to_dict(event).items() if k != "comment"})
    values = [HEADER.pack(0, 90) + out.getvalue(), codec.encode(event)]
    file = PartitionFile(tmp_path / "f.avro", MESSAGES, codec)
    for n, value in enumerate(values):
        file.append(Raw(n, n, None, value))
    assert file.close().ids == {90, 2}
    assert [raw.value for raw in records_in(tmp_path / "f.avro", {})] == values
    assert [codec.decode(MESSAGES, raw.value) for raw in records_in(tmp_path / "f.avro", {})] == [event, event]
    for tool in (_by_fastavro, _by_apache_avro):
        seen: list[Any] = [row["event"] for row in tool(tmp_path / "f.avro")]
        assert ["comment" in each for each in seen] == [False, True]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.none() | st.binary(), st.none() | st.binary(max_size=300)), min_size=1, max_size=20))
def test_whatever_lies_in_the_log_comes_back(records: list[tuple[bytes | None, bytes | None]]) -> None:
    """Any key and any value."""
    given_ = [Raw(n, n, key, value) for n, (key, value) in enumerate(records)]
    with TemporaryDirectory() as folder:
        file = PartitionFile(Path(folder) / "f.avro", MESSAGES, CODEC)
        for raw in given_:
            file.append(raw)
        file.close()
        assert list(records_in(Path(folder) / "f.avro", {})) == given_


def test_the_index_says_what_is_there(talk: Conversations, folder: Path) -> None:
    """Of each file where it begins and ends, and its hash; and the schemas, so that no registry is needed."""
    index = json.loads((folder / "index.json").read_text())
    assert index["format"] == "spillway.archive/1"
    kept = set(talk.bus.partitions) - {PARTIALS}  # which say nothing that the replies do not
    assert index["records"] == sum(talk.bus.end(place) for place in talk.bus.places(kept))
    assert {file["topic"] for file in index["files"]} == kept
    (control,) = (file for file in index["files"] if file["topic"] == CONTROL)
    assert (control["first_offset"], control["last_offset"], control["records"]) == (0, 1, 2)
    assert {each["record"] for each in index["schemas"].values()} >= {"MessageReceived", "ScenarioRouted"}
    assert sorted(p.name for p in folder.iterdir()) == sorted(["index.json", *(f["file"] for f in index["files"])])


def test_a_tenants_archive_holds_nothing_of_others(talk: Conversations, tmp_path: Path) -> None:
    """Neither conversations nor policies; and a stretch of it is that of the log."""
    write_archive(BusSource(talk.bus), CODEC, EVER, tmp_path / "bank", tenant="bank")
    source = ArchiveSource(tmp_path / "bank", CODEC)
    kept = [CODEC.decode(place[0], raw.value) for place, many in raws(source, talk).items() for raw in many]
    assert {event.meta.tenant_id for event in kept} == {"bank"}
    whole = BusStretch.of(talk.bus, EVER, Selection(tenant="bank"))
    assert all_of(ArchiveStretch.of(tmp_path / "bank", CODEC)) == all_of(whole)
    with pytest.raises(ArchiveError, match="bank only, and none of shop"):
        ArchiveStretch.of(tmp_path / "bank", CODEC, None, Selection(tenant="shop"))


def test_what_is_not_of_the_windows_conversations_is_left_out_around_it(talk: Conversations, tmp_path: Path) -> None:
    """Before and after the window only its own conversations are kept."""
    at = next(r for r in talk.bus.records(MESSAGES) if r.event.meta.tenant_id == "bank").appended_at
    write_archive(BusSource(talk.bus), CODEC, Window(at, at + 1000), tmp_path / "one")
    kept = raws(ArchiveSource(tmp_path / "one", CODEC), talk)
    routes = [CODEC.decode(ROUTES, raw.value) for place, many in kept.items() if place[0] == ROUTES for raw in many]
    metas = [r.event.meta for r in talk.bus.records(MESSAGES) if r.appended_at == at]
    named = {(meta.tenant_id, meta.session_id) for meta in metas}
    assert {(event.meta.tenant_id, event.meta.session_id) for event in routes} <= named


def test_a_gap_of_the_log_is_a_gap_of_its_archive(talk: Conversations, tmp_path: Path) -> None:
    """A window that begins with what was lost says so, and one after it does not."""
    place = next(p for p in talk.bus.places([MESSAGES]) if talk.bus.end(p) > 1)
    times = [entry.appended_at for entry in talk.bus.entries(place, 0, 99)]
    window = Window(times[0] - 1000, times[-1] + 1000)
    write_archive(BusSource(talk.bus, {place: 1}), CODEC, window, tmp_path / "a")
    whole = ArchiveStretch.of(tmp_path / "a", CODEC)
    assert [(gap.topic, gap.partition, gap.missing_from) for gap in whole.gaps] == [(*place, window.start)]
    later = Window(whole.gaps[0].missing_to, window.end)
    assert ArchiveStretch.of(tmp_path / "a", CODEC, later).gaps == ()


def test_nothing_is_written_over(talk: Conversations, folder: Path) -> None:
    """A folder with anything in it is refused, and left as it is."""
    before = {path: path.stat() for path in folder.iterdir()}
    with pytest.raises(ArchiveError, match="never written over; name another folder"):
        write_archive(BusSource(talk.bus), CODEC, EVER, folder)
    assert {path: path.stat() for path in folder.iterdir()} == before


def test_an_archive_that_is_broken_off_leaves_nothing(talk: Conversations, tmp_path: Path) -> None:
    """Neither a folder of its name, nor a part of one."""

    def stop(done: int, whole: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_archive(BusSource(talk.bus), CODEC, EVER, tmp_path / "archive", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told(talk: Conversations, tmp_path: Path) -> None:
    """The last call says that all is done."""
    calls: list[tuple[int, int]] = []
    index = write_archive(BusSource(talk.bus), CODEC, EVER, tmp_path / "a", progress=lambda *call: calls.append(call))
    assert calls[-1] == (index.records, index.records)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_file_that_was_changed_is_named(folder: Path) -> None:
    """When it is read, and when the archive is checked; the message says what to do."""
    file = next(f for f in read_index(folder).files if f.topic == MESSAGES)
    _flip(folder / file.file)
    stretch = ArchiveStretch.of(folder, CODEC)
    with pytest.raises(ArchiveError, match=rf"{file.file} has the SHA-256 .*; copy it again"):
        stretch.read(file.partition)
    with pytest.raises(ArchiveError, match=file.file):
        check_archive(folder, CODEC)


def test_a_file_that_is_cut_or_missing_is_named_at_once(folder: Path) -> None:
    """Before anything is read."""
    file = read_index(folder).files[0].file
    path = folder / file
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ArchiveError, match=rf"{file} has \d+ bytes, the index says \d+: .*copy it again"):
        ArchiveStretch.of(folder, CODEC)
    path.unlink()
    with pytest.raises(ArchiveError, match=rf"{file} is not there, and the index names it"):
        ArchiveStretch.of(folder, CODEC)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is no archive, or one that was not finished"),
        ("{", "index.json is damaged"),
        ("[]", "the format is None"),
        ('{"format": "spillway.archive/9"}', "the format is 'spillway.archive/9', this version reads"),
        ('{"format": "spillway.archive/1", "extent": {}}', "index.json is damaged"),
    ],
)
def test_an_index_that_cannot_be_read_is_said(folder: Path, text: str | None, message: str) -> None:
    """Not there, cut off, of another version, or with something missing."""
    index = folder / "index.json"
    index.unlink() if text is None else index.write_text(text)
    with pytest.raises(ArchiveError, match=message):
        ArchiveStretch.of(folder, CODEC)


def test_a_window_beyond_the_archive_is_refused(folder: Path) -> None:
    """The message says what it holds."""
    held = ArchiveStretch.of(folder, CODEC).window
    with pytest.raises(ArchiveError, match="ask for a part of it"):
        ArchiveStretch.of(folder, CODEC, Window(held.start - 1, held.end))


def test_an_archive_is_read_where_the_registry_gave_other_ids(talk: Conversations, folder: Path) -> None:
    """Schemas are told by what they are."""
    there = Codec(_newest(1000))
    assert all_of(ArchiveStretch.of(folder, there))[0].routes == all_of(ArchiveStretch.of(folder, CODEC))[0].routes
    (raw, *_) = (raw for place, raw in _records(ArchiveSource(folder, there)) if place[0] == ROUTES)
    assert HEADER.unpack_from(raw.value or b"")[1] == there.ids.ids["ScenarioRouted"][-1]


def _records(source: ArchiveSource) -> Iterator[tuple[tuple[str, int], Raw]]:
    return source.raws(source.spans([ROUTES]))


def _newest(offset: int) -> Ids:
    """A registry that knows each record by one schema, under other ids."""
    return Ids({name: [offset + n] for n, name in enumerate(sorted(Ids.pinned().ids))})


def test_events_by_a_schema_that_is_not_known_here_are_refused(folder: Path) -> None:
    """Rather than read as something else."""
    path = folder / "index.json"
    index = json.loads(path.read_text())
    (routed,) = (each for each in index["schemas"].values() if each["record"] == "ScenarioRouted")
    routed["schema"] = {**expanded("ScenarioRouted"), "fields": expanded("ScenarioRouted")["fields"][1:]}
    path.write_text(json.dumps(index))
    with pytest.raises(ArchiveError, match=r"ScenarioRouted by a schema .* not known here: use a version"):
        ArchiveStretch.of(folder, CODEC)


DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "archive.md"


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL))
def test_the_code_in_the_document_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands there, on an archive of that name."""
    played = Conversations(codec=CODEC, partitions=12)
    played.play([a_message(session=f"s-{n}") for n in range(60)])
    write_archive(BusSource(played.bus), CODEC, EVER, tmp_path / "archives" / "2026-11-03")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(DOCUMENT), "exec"), {})
    assert capsys.readouterr().out.count("\n") > 1
