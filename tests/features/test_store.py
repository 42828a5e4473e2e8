"""The feature store's files: written, read as of a moment, found damaged; the same in a folder and in a bucket."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from modeling.training.contract import MANIFEST, TABLES, Kind
from modeling.training.store import (
    ChangedStore,
    DamagedStore,
    EmptyStore,
    FeatureStore,
    Place,
    arrow_schema,
    table_of,
    write_manifest,
    write_table,
)

pytestmark = pytest.mark.pure
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
TESTS = TABLES["tests"]


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3-compatible server with a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    patch = pytest.MonkeyPatch()
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")):
        patch.setenv(name, value)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1").create_bucket(Bucket="features")
    yield f"{host}:{port}"
    patch.undo()
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "features")
    address = request.getfixturevalue("s3")
    return f"s3://features/{uuid.uuid4()}?endpoint_override={address}&scheme=http&region=us-east-1"


def measured(name: str, at: datetime, **more: Any) -> dict[str, Any]:
    said = {"athlete": "v1:aa", "test": name, "day": at.date(), "value": 45.5, "kind": "race", "withdrawn_at": None}
    return {**said, "event_at": at, "available_at": at, **more}


def export(url: str, rows: list[dict[str, Any]], **more: Any) -> FeatureStore:
    place = Place(url)
    parts = {"tests": write_table(place, TESTS, rows)}
    write_manifest(place, parts, exported_at=more.pop("exported_at", NOW), **more)
    return FeatureStore.open(url)


def names(store: FeatureStore, as_of: datetime) -> list[str]:
    return store.table("tests", as_of=as_of).column("test").to_pylist()


def test_rows_come_back_as_they_were_known(url: str):
    gone = START + timedelta(days=100)
    rows = [
        measured("b", START + timedelta(days=40)),
        measured("a", START),
        measured("gone", START + timedelta(days=1), withdrawn_at=gone),
        measured("late", START, available_at=START + timedelta(days=200)),
    ]
    store = export(url, rows, consented=["v1:aa"])
    store.verify()
    assert names(store, START) == ["a"]
    assert names(store, START + timedelta(days=99)) == ["a", "gone", "b"]
    assert names(store, gone) == ["a", "b"]  # withdrawn by then
    assert names(store, NOW) == ["a", "b", "late"]
    before = store.table("tests", as_of=gone - timedelta(microseconds=1)).column("withdrawn_at").to_pylist()
    assert before == [None, None, None]  # nobody knew
    assert store.manifest.rows()["tests"] == 4
    assert store.consented() == {"v1:aa"}
    with store.connect(as_of=gone) as database:
        asked = database.execute("SELECT test, available_at, withdrawn_at FROM tests ORDER BY available_at").fetchall()
        assert [(name, at.astimezone(UTC)) for name, at, _ in asked] == [
            ("a", START),
            ("b", START + timedelta(days=40)),
        ]
        assert database.execute("SELECT count(*) FROM sessions").fetchall() == [(0,)]
        with pytest.raises(Exception, match="(?i)disabled|permission|not allowed|locked"):
            database.execute("SELECT * FROM read_csv('/etc/passwd')")
        with pytest.raises(Exception, match="(?i)locked"):
            database.execute("SET enable_external_access = true")


def test_view_and_table_agree_on_columns_types_and_rows(url: str):
    store = export(url, [measured("a", START), measured("b", START, withdrawn_at=NOW)])
    with store.connect(as_of=NOW - timedelta(days=1)) as database:
        for name in TABLES:
            ours = store.table(name, as_of=NOW - timedelta(days=1))
            theirs = database.sql(f"SELECT * FROM {name}").to_arrow_table()
            assert ours.schema == arrow_schema(TABLES[name])
            assert theirs.cast(ours.schema.remove_metadata()).to_pylist() == ours.to_pylist()


def test_what_spills_is_private_and_goes_with_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = export(str(tmp_path / "store"), [measured("a", START)])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    database = store.connect(as_of=NOW)
    (spill,) = tmp_path.glob("features-*")
    assert database.execute("SELECT current_setting('temp_directory')").fetchall() == [(str(spill),)]
    assert spill.stat().st_mode & 0o077 == 0
    database.close()
    del database
    assert not spill.exists()


def test_one_column_is_enough(url: str):
    store = export(url, [measured("a", START), measured("b", START, withdrawn_at=START)])
    assert store.table("tests", as_of=NOW, columns=["value", "test"]).to_pylist() == [{"value": 45.5, "test": "a"}]
    with pytest.raises(KeyError):
        store.table("nothing", as_of=NOW)


def test_the_same_rows_make_the_same_bytes(tmp_path: Path):
    rows = [measured(f"{n:04}", START + timedelta(hours=7 * n), value=float(n)) for n in range(3000)]
    one = export(str(tmp_path / "one"), rows)
    two = export(str(tmp_path / "two"), rows[::-1], exported_at=NOW + timedelta(days=1))
    three = tmp_path / "three"
    parts = write_table(three, TESTS, table_of(TESTS, rows[::-1]))  # a pyarrow table makes the same files
    write_manifest(three, {"tests": parts}, exported_at=NOW)
    assert one.data_sha256() == two.data_sha256() == FeatureStore.open(str(three)).data_sha256()
    files = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").rglob("*.parquet")}
    assert len(files) == 29  # months
    assert files == {path.relative_to(three): path.read_bytes() for path in three.rglob("*.parquet")}


def test_what_is_no_longer_named_is_removed(url: str):
    export(url, [measured("a", START), measured("b", START + timedelta(days=40))])
    first = Place(url).names()
    store = export(url, [measured("b", START + timedelta(days=40))])
    left = Place(url).names()
    assert len(first) == 2
    assert left == store.manifest.paths() < first


def test_a_crash_before_the_manifest_leaves_the_old_state(url: str):
    store = export(url, [measured("a", START)])
    write_table(url, TESTS, [measured("a", START), measured("new", START)])  # and then it died
    again = FeatureStore.open(url)
    again.verify()
    assert again.data_sha256() == store.data_sha256()
    assert names(again, NOW) == ["a"]


def test_an_export_while_somebody_reads_is_told_apart_from_damage(url: str):
    store = export(url, [measured("a", START)])
    export(url, [measured("b", START)])
    with pytest.raises(ChangedStore, match="open it again"):
        store.table("tests", as_of=NOW)


def test_without_an_export_it_says_what_to_do(url: str):
    with pytest.raises(EmptyStore, match="run the export first"):
        FeatureStore.open(url)


def test_damage_is_named(url: str):
    store = export(url, [measured("a", START)])
    place, (part,) = Place(url), store.manifest.parts["tests"]
    whole = place.read(part.path)
    for broken in (whole[:-1], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], b""):
        place.write(part.path, broken)
        for ask in (store.verify, lambda: names(FeatureStore.open(url), NOW), lambda: store.connect(as_of=NOW)):
            with pytest.raises(DamagedStore, match=part.path):
                ask()
    place.remove(part.path)
    with pytest.raises(DamagedStore, match=f"{part.path} is missing"):
        store.verify()
    for broken in (b"{", b'{"schema": 1}', b"[]", b"\xff"):
        place.write(MANIFEST, broken)
        with pytest.raises(DamagedStore, match="manifest.json"):
            FeatureStore.open(url)


def test_no_parquet_under_the_right_hash_is_named_too(tmp_path: Path):
    from dataclasses import replace

    from modeling.training.store_files import sha256_of

    store = export(str(tmp_path), [measured("a", START)])
    (part,) = store.manifest.parts["tests"]
    place = Place(tmp_path)
    place.write(part.path, b"no Parquet")
    write_manifest(place, {"tests": [replace(part, sha256=sha256_of(b"no Parquet"))]}, exported_at=NOW)
    with pytest.raises(DamagedStore, match="no Parquet file"):
        FeatureStore.open(str(tmp_path)).verify()


def test_another_schema_and_another_hash_are_refused(tmp_path: Path):
    export(str(tmp_path), [measured("a", START)])
    manifest = tmp_path / "schema=1" / MANIFEST
    said = manifest.read_text()
    for old, new, what in (
        ('"schema": 1', '"schema": 2', "schema 2"),
        ('"contract_sha256": "', '"contract_sha256": "0', "other columns"),
        ('"data_sha256": "', '"data_sha256": "0', "data_sha256"),
    ):
        assert old in said
        manifest.write_text(said.replace(old, new))
        with pytest.raises(DamagedStore, match=what):
            FeatureStore.open(str(tmp_path))


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (measured("a", START, day=None), "tests: day is empty in 1 rows"),
        (measured("a", START, value="fast"), "tests: value"),
        (measured("a", START, available_at=None), "tests: available_at is empty"),
        ({"test": "a"}, "tests: athlete is empty"),
    ],
)
def test_bad_rows_write_nothing(tmp_path: Path, row: dict[str, Any], what: str):
    with pytest.raises(ValueError, match=what):
        write_table(tmp_path, TESTS, [row])
    assert list(tmp_path.rglob("*.parquet")) == []
    with pytest.raises(ValueError, match="tests"):
        write_table(tmp_path, TESTS, pa.table({"test": ["a"]}))


_values = {
    Kind.TEXT: st.text(max_size=5),
    Kind.NUMBER: st.floats(allow_nan=False),
    Kind.WHOLE: st.integers(-(2**63), 2**63 - 1),
    Kind.TRUTH: st.booleans(),
    Kind.DAY: st.dates(),
    Kind.MOMENT: st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    Kind.JSON: st.just("{}"),
}


def _rows(name: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    columns = {
        one.name: _values[one.kind] if one.required else st.none() | _values[one.kind] for one in TABLES[name].columns
    }
    return st.lists(st.fixed_dictionaries(columns), max_size=12)


@settings(max_examples=15)
@given(st.data(), st.sampled_from(sorted(TABLES)), _values[Kind.MOMENT])
def test_any_rows_of_any_table_as_of_any_moment(tmp_path_factory: Any, data: Any, name: str, as_of: datetime):
    rows = data.draw(_rows(name))
    url = str(tmp_path_factory.mktemp("store"))
    write_manifest(url, {name: write_table(url, TABLES[name], iter(rows))}, exported_at=NOW)
    expected = [expected_of(name, row, as_of) for row in rows if is_known(row, as_of)]
    store = FeatureStore.open(url)
    found = store.table(name, as_of=as_of)
    assert sorted(map(in_words, found.to_pylist())) == sorted(map(in_words, expected))
    assert found.column("available_at").to_pylist() == sorted(row["available_at"] for row in expected)
    with store.connect(as_of=as_of) as database:
        assert database.execute(f"SELECT count(*) FROM {name}").fetchall() == [(len(expected),)]


def in_words(row: dict[str, Any]) -> str:
    """A row as text, whatever made its time zones and whatever order its values were drawn in."""
    said = ((name, value.isoformat() if isinstance(value, date) else value) for name, value in sorted(row.items()))
    return repr(dict(said))


def is_known(row: dict[str, Any], as_of: datetime) -> bool:
    gone = row.get("withdrawn_at")
    return row["available_at"] <= as_of and (gone is None or gone > as_of)


def expected_of(name: str, row: dict[str, Any], as_of: datetime) -> dict[str, Any]:
    """What a reader is to see: later moments are empty."""
    later = {
        one.name
        for one in TABLES[name].columns
        if one.kind is Kind.MOMENT and not one.required and row[one.name] is not None and row[one.name] > as_of
    }
    return {key: None if key in later else value for key, value in row.items()}


def test_days_before_1970_and_month_ends_fall_into_their_month(tmp_path: Path):
    moments = [datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2026, 1, 31, 23, 59, tzinfo=UTC)]
    parts = write_table(tmp_path, TESTS, [measured(str(at), at, day=date(1969, 1, 1)) for at in moments])
    assert [part.month for part in parts] == ["1969-12", "2026-01"]
