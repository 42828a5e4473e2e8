"""The service seen from outside: what counts as up, each minute once, and what an hour came to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from common import clock
from common.context import COMMAND_LINE, unit_of_work
from common.errors import InvalidInput
from common.models import ProcessSample, RequestRollup
from telemetry.models import AvailabilityProbe, OutboxEvent
from telemetry.probing import Seen, address_of, look
from telemetry.services.observe import observe_due
from telemetry.services.probes import record_probes

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


class Service(BaseHTTPRequestHandler):
    """`/up` answers, `/down` is unavailable, `/away` sends elsewhere, `/slow` takes its time."""

    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(0.6)
        self.send_response({"/up": 200, "/slow": 200, "/away": 302}.get(self.path, 503))
        self.send_header("Location", "/up")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def seen(minute: int, is_up: bool = True) -> Seen:
    return Seen(TEN + timedelta(minutes=minute), is_up, 12.5 if is_up else None, "" if is_up else "TimeoutError")


@pytest.mark.pure
@pytest.mark.parametrize(
    ("path", "failure"), [("/up", ""), ("/down", "status 503"), ("/away", "status 302"), ("/slow", "TimeoutError")]
)
def test_only_an_answer_of_200_in_time_is_up(address: str, path: str, failure: str) -> None:
    found = look(address + path, minute=TEN, timeout=0.3 if path == "/slow" else 20)
    assert (found.is_up, found.failure) == (not failure, failure)


@pytest.mark.pure
def test_nobody_listening_is_down() -> None:
    assert look("http://127.0.0.1:9/up", minute=TEN, timeout=1).failure == "ConnectionRefusedError"


@pytest.mark.pure
@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "plans.example", "http://", "http://a:b@plans.example/", "http://x:99999/"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        address_of(url)


@pytest.mark.django_db
class TestRecords:
    """Rows, the command, and the event of an hour."""

    def test_a_minute_counts_once_for_each_prober(self) -> None:
        assert record_probes("berlin", [seen(0), seen(1, is_up=False)]) == 2
        assert record_probes("berlin", [seen(1), seen(2)]) == 1
        assert record_probes("oslo", [seen(1)]) == 1
        with unit_of_work(COMMAND_LINE, read_only=True):
            rows = AvailabilityProbe.objects.order_by("name", "minute").values_list("name", "is_up", "failure")
        assert list(rows) == [
            ("berlin", True, ""), ("berlin", False, "TimeoutError"), ("berlin", True, ""), ("oslo", True, "")
        ]  # fmt: skip

    def test_the_command_looks_once_and_says_by_its_code_what_it_saw(self, address: str) -> None:
        out = StringIO()
        call_command("probe", f"{address}/up", "--once", "--json", stdout=out)
        assert (json.loads(out.getvalue())["up"], json.loads(out.getvalue())["written"]) == (True, True)
        with pytest.raises(CommandError) as refused:
            call_command("probe", f"{address}/down", "--once", "--name", "oslo", stdout=StringIO())
        assert refused.value.returncode == 1
        with pytest.raises(CommandError) as refused:
            call_command("probe", "file:///etc/passwd", "--once", stderr=StringIO())
        assert refused.value.returncode == 2
        with unit_of_work(COMMAND_LINE, read_only=True):
            assert list(AvailabilityProbe.objects.order_by("name").values_list("name", "is_up")) == [
                ("oslo", False),
                ("outside", True),
            ]

    def test_an_hour_of_failed_probes_alone_is_told_too(self) -> None:
        record_probes("berlin", [seen(0), seen(1, is_up=False), seen(60, is_up=False)])
        with unit_of_work(COMMAND_LINE):
            RequestRollup.objects.create(
                minute=TEN, route="x", method="GET", status_class="2xx", count=4, total_ms=500.0, latency={"200": 4}
            )
            ProcessSample.objects.create(
                at=TEN, process="a:1", role="web", memory_bytes=1, cpu_percent=1, caches_json={"flags": [9, 1]}
            )
        with clock.frozen(TEN + timedelta(hours=1, minutes=4)):
            assert observe_due() == 0, "its last minutes are still being written"
        with clock.frozen(TEN + timedelta(hours=3)):
            assert observe_due() == 2
            assert observe_due() == 0
        with unit_of_work(COMMAND_LINE, read_only=True):
            first, second = (
                row.data["data"] for row in OutboxEvent.objects.filter(type="service.observed").order_by("id")
            )
        assert first == {
            "hour": TEN.isoformat(), "requests": 4, "total_ms": 500.0, "cache_hits": 9, "cache_misses": 1,
            "probes": 2, "probes_answered": 1,
        }  # fmt: skip
        assert (second["probes"], second["probes_answered"], second["requests"]) == (1, 0, 0)
