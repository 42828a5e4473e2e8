"""What processes use, on the page of the service: numbers worked out by hand from rows written here."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from common import clock
from common.models import Job, ProcessRole, ProcessSample, RequestRollup
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MIB, MINUTE = 2**20, timedelta(minutes=1)
PAGE = "/admin/service-health/"


@pytest.fixture(autouse=True)
def at_noon(tmp_path: Path, settings: Any) -> Iterator[None]:
    """Noon, with an empty warehouse and no broker."""
    settings.WAREHOUSE_DIR = str(tmp_path)
    with clock.frozen(NOW):
        yield


def as_(role: str) -> Client:
    client = Client()
    client.force_login(make_user(role))
    return client


def sample(minutes: float, process: str, memory: int, cpu: float, **more: Any) -> None:
    given = {"role": ProcessRole.WEB, "memory_bytes": memory * MIB, "cpu_percent": cpu, **more}
    ProcessSample.objects.create(at=NOW - minutes * MINUTE, process=process, **given)


def shown(address: str = PAGE, role: str = "admin") -> dict[str, Any]:
    answer = as_(role).get(address)
    assert answer.status_code == 200
    return {**answer.context_data, "text": answer.content.decode()}


def cards(page: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    every = [one for group in page["gauges"] for one in group.gauges]
    return {one.title: (one.value, one.note, one.pill.word if one.pill else "") for one in every}


def test_cards_add_up_who_was_seen_lately_and_say_what_they_should_be() -> None:
    sample(1, "a:1", 300, 40.0, caches_json={"flags": [900, 50], "keys": [40, 10]})
    sample(2, "a:2", 900, 130.0)
    sample(4, "a:3", 5000, 99.0)  # ended: three minutes are over
    Job.objects.create(kind="k", state="queued", created_at=NOW - 7 * MINUTE)
    Job.objects.create(kind="k", state="running", created_at=NOW - 70 * MINUTE)
    found = cards(page := shown())
    assert found["Memory"] == ("1.2 GiB", "2 processes, the largest 900 MiB", "")
    assert found["Processor"] == ("170.0 %", "of one core, 2 processes", "")
    assert found["Cache hits"] == ("94.0 %", "of 1,000, target ≥ 95 %", "Below")
    assert found["Oldest job waits"] == ("7 min", "1 queued", "Late")
    assert "GPU busy" not in found
    assert [row["name"] for row in page["processes"]] == ["a:1", "a:2", "a:3"]
    assert [(row["name"], row["share"]) for row in page["caches"]] == [("flags", "94.7 %"), ("keys", "80.0 %")]


@pytest.mark.parametrize(("hits", "word"), [(950, "Met"), (949, "Below")])
def test_caches_meet_their_target_at_it(hits: int, word: str) -> None:
    sample(1, "a:1", 1, 0.0, caches_json={"flags": [hits, 1000 - hits]})
    assert cards(shown())["Cache hits"][2] == word


def test_a_cache_that_few_have_asked_is_not_judged() -> None:
    sample(1, "a:1", 1, 0.0, caches_json={"flags": [1, 998]})
    assert cards(shown())["Cache hits"] == ("0.1 %", "of 999, target ≥ 95 %, judged from 1,000 on", "")


@pytest.mark.parametrize(("total_ms", "word"), [(1999.0, "Met"), (2000.0, "Above")])
def test_answers_are_faster_than_their_target_on_average(total_ms: float, word: str) -> None:
    RequestRollup.objects.create(
        minute=NOW - MINUTE,
        route="a",
        method="GET",
        status_class="2xx",
        count=10,
        total_ms=total_ms,
        latency={"200": 10},
    )
    assert cards(shown())["Average response"][2] == word


def test_a_chart_means_over_slots_and_breaks_where_nobody_was_seen() -> None:
    """Three hours are 36 slots of five minutes; each process counts with its mean, and all are added up."""
    sample(9, "a:1", 100, 10.0)
    sample(6, "a:1", 300, 30.0)
    sample(6, "a:2", 50, 5.0, role=ProcessRole.WORKER)
    sample(179, "a:1", 40, 1.0)
    sample(181, "a:1", 9000, 1.0)  # before
    memory, processor, caches = shown()["use"]
    assert [(at, value) for at, value in memory.rows if value != "No data"] == [
        ("09:00", "40 MiB"),
        ("11:50", "250 MiB"),
    ]
    assert (len(memory.rows), memory.rows[-1]) == (36, ("11:55", "No data"))
    assert memory.strokes[0].path.count("M") == 2
    assert processor.rows[34] == ("11:50", "25.0 %")
    assert (caches.is_empty, caches.bands[0].text) == (True, "target 95 %")


def test_longer_hours_are_asked_for_and_kept_in_links() -> None:
    sample(200, "a:1", 100, 10.0)
    assert shown()["use"] == []
    page = shown(f"{PAGE}?hours=24&span=4")
    assert [label for _, label, chosen in page["lengths"] if chosen] == ["24 h"]
    assert (len(page["use"][0].rows), page["since"]) == (100, "last 24 h")
    assert cards(page)["Memory"] == ("No data", "a process was last seen 3 h ago", "")
    for wrong in ("0", "99999999", "soon", "-3"):
        assert shown(f"{PAGE}?hours={wrong}")["since"] == "last 3 h"


def test_a_gpu_has_a_card_and_a_line_where_there_is_one() -> None:
    gpu = {"role": ProcessRole.WORKER, "gpu_percent": 40.0, "gpu_memory_percent": 25.0}
    sample(8, "a:1", 100, 10.0, **{**gpu, "gpu_percent": 60.0})
    sample(7, "b:1", 100, 10.0, **gpu)
    page = shown()
    assert cards(page)["GPU busy"] == ("40.0 %", "its memory 25.0 %, seen 7 min ago", "")
    assert (page["use"][3].title, page["use"][3].rows[34][1]) == ("GPU busy", "50.0 %")


def test_where_nobody_looked_the_page_says_when_they_do() -> None:
    page = shown()
    assert "No process looked at itself in these hours" in page["text"]
    assert (page["use"], "Memory" in cards(page)) == ([], False)
    assert cards(page)["Oldest job waits"] == ("0 s", "0 queued", "On time")


def test_tables_are_for_spreadsheets() -> None:
    sample(3, "=cmd:1", 100, 10.0, caches_json={"flags": [3, 1]})
    client = as_("data_scientist")

    def table(name: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(client.get(f"{PAGE}{name}.csv").content.decode())))

    assert table("processes")[1][:4] == ["'=cmd:1", "web", "2026-03-02T11:57:00+00:00", str(100 * MIB)]
    assert table("caches")[1] == ["flags", "3", "1", "0.75"]
    assert table("use")[1] == ["2026-03-02T11:55:00+00:00", str(100 * MIB), "10.0", "0.75", ""]


@pytest.mark.parametrize("role", ["coach", "support", "compliance"])
def test_others_do_not_see_processes(role: str) -> None:
    sample(1, "a:1", 1, 0.0)
    for address in (PAGE, f"{PAGE}processes.csv", f"{PAGE}use.csv"):
        assert as_(role).get(address).status_code == 403, address


@pytest.mark.parametrize("many", [1, 30])
def test_as_many_queries_for_many_processes_as_for_one(many: int, django_assert_num_queries: Any) -> None:
    for number in range(many):
        sample(number, f"a:{number}", 100, 10.0, caches_json={"flags": [1, 1]})
        RequestRollup.objects.create(
            minute=NOW - MINUTE, route=f"r{number}", method="GET", status_class="2xx", count=1, latency={"5": 1}
        )
    client = as_("admin")
    client.get(PAGE)
    with django_assert_num_queries(16):  # four units of work are half of them
        client.get(PAGE)
