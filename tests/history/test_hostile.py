"""Hostile and broken files: refused with a reason, within bounds, and never an exception."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.history.contract import DEFAULT_LIMITS, Limits, ParseResult
from modeling.history.parse import iter_archive, parse_file
from tests.history.builders import gpx, northward, tcx

pytestmark = pytest.mark.pure

SMALL = Limits(max_bytes=2_000_000, max_uncompressed_bytes=4_000_000, max_points=20_000, max_rows=5_000, max_seconds=5)


class Endless(io.RawIOBase):
    """A stream that never ends: a head, then one piece for ever."""

    def __init__(self, head: bytes, piece: bytes) -> None:
        self._pieces = self._flow(head, piece)
        self._rest = b""
        self.given = 0

    @staticmethod
    def _flow(head: bytes, piece: bytes) -> Iterator[bytes]:
        yield head
        while True:
            yield piece * (1 + 65536 // len(piece))

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size:
            self._rest += next(self._pieces)
        out, self._rest = self._rest[:size], self._rest[size:]
        self.given += len(out)
        return out


def reason(result: ParseResult) -> str:
    assert result.activities == () and result.tests == ()
    (problem,) = result.problems
    assert problem.line is None
    return problem.reason


POINT = b'<trkpt lat="50" lon="8"><time>2024-05-01T06:00:00Z</time></trkpt>'
FLOODS = {
    "points": (b"<gpx><trk><trkseg>", POINT),
    "waypoints": (b"<gpx>", b"<wpt/>"),
    "nest": (b"<gpx>", b"<a>"),
    "text": (b"<gpx><name>", b"x"),
    "attribute": (b'<gpx><trk a="', b"x"),
    "comment": (b"<gpx><!--", b"x"),
    "children": (b"<gpx><trk><trkseg><trkpt>", b"<ele>1</ele>"),
    "rows": (b"date,load\n", b"2024-01-01,50\n"),
    "cells": (b"date,load\n", b"1,"),
    "quote": (b'date,load\n"', b"\n"),
    "headers": (b"date,", b"load,"),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_an_endless_file_is_refused_without_growing(kind: str) -> None:
    limits = replace(DEFAULT_LIMITS, max_bytes=3_000_000, max_points=10_000)
    stream = Endless(*FLOODS[kind])
    tracemalloc.start()
    result = parse_file(kind, stream, limits=limits)  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reason(result)
    assert peak < 60_000_000
    assert stream.given <= limits.max_bytes + 1_000_000


@pytest.mark.parametrize("kind", ["points", "rows"])
def test_a_gzip_bomb_is_refused(kind: str) -> None:
    head, piece = FLOODS[kind]
    bomb = gzip.compress(head + piece * (20_000_000 // len(piece)))
    assert len(bomb) < 200_000
    assert reason(parse_file("bomb.gz", bomb, limits=SMALL))


def test_a_zip_bomb_is_refused_by_member_and_the_others_are_read() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("activities/1.gpx", b"\0" * 50_000_000)
        out.writestr("activities/2.gpx", gpx(northward(60, 3.0)))
        out.writestr("photos/3.jpg", b"no training")
    found = list(iter_archive("export.zip", archive.getvalue(), limits=SMALL))
    assert str(found[0]) == "export.zip/activities/1.gpx: too large when decompressed"
    assert isinstance(found[1], tuple) and len(found) == 2
    assert parse_file(*found[1]).problems == ()
    assert "archive" in reason(parse_file("export.zip", archive.getvalue()))


def test_an_archive_of_many_small_bombs_is_given_up_in_time() -> None:
    """Each member is small in the archive and large in gzip: bytes by member do not bound their sum."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        for number in range(50):
            out.writestr(f"{number}.gpx.gz", gzip.compress(b"\0" * 5_000_000))
    limits = replace(SMALL, max_archive_seconds=-1.0)
    (problem,) = list(iter_archive("export.zip", archive.getvalue(), limits=limits))
    assert "took longer than" in str(problem)
    found = list(iter_archive("export.zip", archive.getvalue(), limits=replace(SMALL, max_members=49)))
    assert [str(one) for one in found] == ["export.zip: more than 49 files in the archive"]


def test_a_name_in_an_archive_is_a_name_and_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["../../escape.gpx", "/etc/cron.d/escape.gpx", "..\\..\\escape.gpx", "a/" * 300 + "long.gpx"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for name in names:
            out.writestr(name, gpx(northward(60, 3.0)))
    found = list(iter_archive("export.zip", archive.getvalue()))
    assert len(found) == len(names) and all(isinstance(one, tuple) for one in found)
    assert list(tmp_path.rglob("*")) == [] and not (tmp_path.parents[1] / "escape.gpx").exists()


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "prolog",
    [
        LAUGHS,
        '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE l SYSTEM "http://x.invalid/l.dtd">',
    ],
)
def test_document_types_and_entities_are_refused(prolog: str) -> None:
    padding = f"<!--{'x' * 5000}-->"
    for text in (f"<gpx>&a;</gpx>{prolog}", f"{prolog}<gpx><trk><name>&a;</name></trk></gpx>"):
        assert "XML" in reason(parse_file("x.gpx", text.encode()))
    hidden = f'<?xml version="1.0"?>{prolog}{padding}<gpx/>'
    assert "entities" in reason(parse_file("x.gpx", hidden.encode()))
    assert "XML" in reason(
        parse_file("x.gpx", hidden.replace("?>", ' encoding="UTF-16"?>', 1).replace('1.0"? ', '1.0" ').encode("utf-16"))
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "PNG"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"<html><body>log in</body></html>", "neither TCX nor GPX"),
        (b"dear diary, today I ran", "neither FIT"),
        (b"\x7fELF\0\0\0", "neither FIT"),
        (b"\x1f\x8b\x08garbage", "gzip"),
        (gzip.compress(b"date,load\n2024-01-01,5\n", mtime=0)[:-12], "gzip"),
        (tcx([100] * 90)[:-40], "not well-formed"),
        (b"<gpx></gpx>", "no activity"),
        (b"<gpx><trk><trkseg><trkpt lat='1' lon='2'/></trkseg></trk></gpx>", "points"),
        (b"date,load\n", "no rows"),
    ],
)
def test_a_file_of_another_kind_is_one_problem_with_a_reason(data: bytes, expected: str) -> None:
    assert expected in reason(parse_file("x", data))


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_random_bytes_never_raise(data: bytes) -> None:
    for head in (
        b"",
        b"\x0e\x10\x00\x00\x90\x01\x00\x00.FIT\x00\x00",
        b"<gpx><trk>",
        b"date,load\n",
        b"\x1f\x8b\x08\x00",
    ):
        result = parse_file("x", head + data, limits=SMALL)
        assert result.problems or result.activities or result.tests


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_random_text_in_a_table_never_raises(text: str) -> None:
    for head in (
        "date,load,duration\n2024-01-01,5,60\n",
        "Day;Load;Test\n1;5;\n",
        "Activity ID,Activity Date,Distance,Elapsed Time\n",
    ):
        parse_file("x", (head + text).encode("utf-8", "surrogatepass"), limits=SMALL)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["run_fenix5.fit", "session_b.gpx", "session_b.tcx"])
def test_mutated_real_files_never_raise(shared_data: Path, name: str) -> None:
    data = (shared_data / "workouts" / name).read_bytes()
    for seed in range(40):
        chance = Random(seed)
        broken = bytearray(data)
        for _ in range(chance.choice([1, 5, 50])):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        cut = broken[: chance.randrange(len(broken))] if seed % 4 == 0 else broken
        result = parse_file(name, bytes(cut), limits=SMALL)
        assert result.problems or result.activities


@pytest.mark.shared_data
def test_a_truncated_fit_file_is_refused(shared_data: Path) -> None:
    data = (shared_data / "workouts" / "run_fenix5.fit").read_bytes()
    assert "FIT" in reason(parse_file("x.fit", data[: len(data) // 2]))
    flipped = bytearray(data)
    flipped[-1] ^= 0xFF
    assert "FIT" in reason(parse_file("x.fit", bytes(flipped)))
