"""The relay over the outbox: everything leaves once the sink has it, and what cannot leave is put aside and told of."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pyarrow.dataset as ds
import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from audit.models import AuditEvent
from common import clock
from common.context import COMMAND_LINE, NoContext, unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible
from common.ids import uuid7
from rollout.models import RolloutMessage
from telemetry import lag
from telemetry.inbox import once
from telemetry.models import DeadLetter, InboxEntry, OutboxEvent
from telemetry.relay import MAX_ATTEMPTS
from telemetry.services import relay as module
from telemetry.services.dead_letters import retry_dead_letter
from telemetry.services.relay import Relay
from telemetry.sinks import Event
from telemetry.sinks.parquet import ParquetSink
from tests.factories import make_user
from tests.telemetry.making import HAPPENED, add_types, dead_letter, event

pytestmark = pytest.mark.django_db(transaction=False)

A, B = UUID(int=1), UUID(int=2)


@pytest.fixture(autouse=True)
def _types(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[None]:
    add_types(monkeypatch)
    settings.TELEMETRY_DIR = str(tmp_path / "telemetry")
    cache.clear()
    yield
    cache.clear()


class Failing:
    """The sink that tests have in their hands: fails while told to."""

    def __init__(self, folder: Path) -> None:
        self.inner, self.fails, self.asked = ParquetSink(folder), False, 0

    def write(self, batch: Sequence[Event]) -> None:
        self.asked += 1
        self.inner.write(batch)

    def flush(self) -> None:
        if self.fails:
            self.inner.close()
            raise OSError("no space left")
        self.inner.flush()

    def close(self) -> None:
        self.inner.close()


def store(*rows: OutboxEvent) -> list[OutboxEvent]:
    with unit_of_work(COMMAND_LINE):
        return OutboxEvent.objects.bulk_create(rows)


def received(folder: Path | str) -> list[int]:
    """The numbers of what the files hold, sorted."""
    found = ds.dataset(str(folder), format="parquet", partitioning="hive").to_table(columns=["data_number"])
    return sorted(found.column("data_number").to_pylist())


def poisoned(aggregate: UUID, number: Any) -> OutboxEvent:
    row = event(aggregate, number=number)
    row.data["data"]["number"] = "Jane Doe"
    return row


def later(times: int = 1) -> timedelta:
    return timedelta(hours=times)


def test_events_leave_and_are_marked(settings: Any) -> None:
    rows = store(*(event(uuid7(), number=number) for number in range(50)))
    done = Relay().turn()
    assert (done.published, done.retried, done.dead, done.oldest, done.error) == (50, 0, 0, None, "")
    assert received(settings.TELEMETRY_DIR) == list(range(50))
    assert not OutboxEvent.objects.filter(published_at=None).exists()
    assert Relay().turn().published == 0
    assert OutboxEvent.objects.count() == len(rows)


def test_a_cache_that_is_away_ends_no_relay() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:  # listens no more once this block has ended
        port = taken.getsockname()[1]
    away = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": f"redis://127.0.0.1:{port}",
        "OPTIONS": {"retry": Retry(NoBackoff(), 0)},
    }
    store(event(uuid7(), number=1))
    with override_settings(CACHES={"default": away}):
        assert Relay().turn().published == 1


def test_batches_follow_each_other_until_nothing_waits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store(*(event(A, number=number) for number in range(25)))
    sink = ParquetSink(Path(settings.TELEMETRY_DIR))
    parts = list(module.relay_waiting(sink, batch=10))
    assert [part.published for part in parts if part.published] == [10, 10, 5]
    assert received(settings.TELEMETRY_DIR) == list(range(25))


def test_an_event_that_commits_late_is_not_forgotten(settings: Any) -> None:
    early, late = event(A, number=1), event(A, number=2)
    store(late)
    Relay().turn()
    store(early)  # made before the one that is published already
    assert Relay().turn().published == 1
    assert received(settings.TELEMETRY_DIR) == [1, 2]


@pytest.mark.postgres
def test_a_partition_that_another_relay_has_is_left_to_it() -> None:
    held, free = store(event(A, number=1), event(B, number=2))
    assert held.partition != free.partition
    with psycopg.connect(**{**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s, %s)", [module._LOCK, held.partition])
        assert Relay().turn().published == 1
        assert OutboxEvent.objects.get(published_at=None).pk == held.pk
    assert Relay().turn().published == 1


def test_a_poison_row_holds_up_its_aggregate_until_it_is_put_aside(settings: Any) -> None:
    store(event(A, number=1), bad := poisoned(A, 2), event(A, number=3), event(B, number=4))
    start = clock.now()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        with clock.frozen(start + later(attempt)):
            done = Relay().turn()
            if attempt < MAX_ATTEMPTS:
                assert (done.retried, done.dead) == (1, 0)
                assert Relay().turn() == module.Relayed(oldest=bad.occurred_at)  # its time has not come
                assert received(settings.TELEMETRY_DIR) == [1, 4]
    assert (done.retried, done.dead) == (0, 1)
    assert Relay().turn().published + done.published == 1
    assert received(settings.TELEMETRY_DIR) == [1, 3, 4]
    letter = DeadLetter.objects.get()
    assert (letter.pk, letter.attempts, letter.aggregate_id) == (bad.pk, MAX_ATTEMPTS, A)
    assert letter.reason == "test.happened 1: number breaks type"
    assert not OutboxEvent.objects.filter(pk=bad.pk).exists()


def test_a_dead_letter_is_told_of() -> None:
    row = poisoned(A, 1)
    row.attempts = MAX_ATTEMPTS - 1
    store(row)
    assert Relay().turn().dead == 1
    text = RolloutMessage.objects.get().text
    assert str(row.pk) in text
    assert "Jane" not in text


def test_what_the_sink_can_never_take_is_put_aside_too(settings: Any) -> None:
    row = event(A, number=2**70)
    row.attempts = MAX_ATTEMPTS - 1
    store(event(A, number=1), row, event(A, number=3))
    Relay().turn()
    Relay().turn()
    assert received(settings.TELEMETRY_DIR) == [1, 3]
    assert DeadLetter.objects.get().reason.startswith("does not fit into Parquet")


def test_a_sink_that_fails_is_left_alone_and_loses_nothing(settings: Any) -> None:
    sink = Failing(Path(settings.TELEMETRY_DIR))
    relay = Relay(lambda: sink)
    store(*(event(A, number=number) for number in range(3)))
    sink.fails = True
    done = relay.turn()
    assert (done.published, done.error) == (0, "OSError: no space left")
    assert done.oldest is not None
    assert relay.turn().error == ""
    assert sink.asked == 1  # backing off
    assert OutboxEvent.objects.filter(published_at=None, attempts=0).count() == 3
    sink.fails = False
    relay._backoff.until = 0.0
    assert relay.turn().published == 3
    assert received(settings.TELEMETRY_DIR) == [0, 1, 2]


def test_without_pyarrow_the_relay_says_what_to_install_and_events_wait(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "telemetry.sinks.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    store(event(A, number=1))
    with pytest.raises(CommandError) as caught:
        call_command("relay", "--once")
    assert caught.value.returncode == 1
    assert "install the extra [warehouse]" in capsys.readouterr().err
    assert OutboxEvent.objects.filter(published_at=None).count() == 1


def test_a_folder_that_cannot_be_made_is_a_failing_sink(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.TELEMETRY_DIR = str(tmp_path / "file" / "telemetry")
    store(event(A, number=1))
    done = Relay().turn()
    assert "Not a directory" in done.error
    assert done.oldest is not None


def test_a_second_thread_leaves_the_turn_to_the_first() -> None:
    store(event(A, number=1))
    with module._BUSY:
        assert module.relay_due() == module.Relayed()
    assert OutboxEvent.objects.filter(published_at=None).exists()


def test_the_command_publishes_what_waits(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store(event(A, number=1), poisoned(B, 2))
    call_command("relay", "--once", "--json")
    out = capsys.readouterr().out
    assert '"published": 1' in out
    assert '"retried": 1' in out


def test_monitors_are_told_how_long_the_oldest_event_waits() -> None:
    assert lag.lag() == {"oldest_waiting_seconds": None, "measured_seconds_ago": None}
    (row,) = store(poisoned(A, 1))
    Relay().turn()
    with clock.frozen(row.occurred_at + timedelta(seconds=90)):
        assert lag.lag()["oldest_waiting_seconds"] == 90.0
        assert Client().get("/health/ready").json()["telemetry"]["oldest_waiting_seconds"] == 90.0
    OutboxEvent.objects.all().delete()
    Relay().turn()
    assert lag.lag()["oldest_waiting_seconds"] == 0.0


def test_a_cache_that_is_down_makes_nobody_unready(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(key: str) -> None:
        raise ConnectionError

    monkeypatch.setattr(lag, "cache", type("Down", (), {"get": staticmethod(down)}))
    assert lag.lag()["oldest_waiting_seconds"] is None


def dead() -> DeadLetter:
    with unit_of_work(COMMAND_LINE):
        return dead_letter()


def test_a_dead_letter_is_put_back_with_a_reason(settings: Any) -> None:
    letter, admin = dead(), make_user("admin")
    retry_dead_letter(letter_id=letter.pk, reason=" mended ", acting_user=admin)
    assert not DeadLetter.objects.exists()
    told = AuditEvent.objects.get(action="telemetry.retry")
    assert (told.target_id, told.actor_id) == (letter.pk, admin.pk)
    said = told.metadata_json
    assert said.pop("reason").keys() == {"ciphertext"}
    assert said == {
        "type": HAPPENED, "attempts": 5, "why_dead": "the sink refused it",
    }  # fmt: skip
    assert Relay().turn().published == 1
    assert received(settings.TELEMETRY_DIR) == [7]
    with pytest.raises(NotVisible):
        retry_dead_letter(letter_id=letter.pk, reason="again", acting_user=admin)


def test_only_who_operates_puts_back_and_says_why() -> None:
    letter = dead()
    with pytest.raises(NotPermitted):
        retry_dead_letter(letter_id=letter.pk, reason="x", acting_user=make_user("coach"))
    for reason in ("", "  ", "x" * 501, "a\x00"):
        with pytest.raises(InvalidInput):
            retry_dead_letter(letter_id=letter.pk, reason=reason, acting_user=COMMAND_LINE)
    assert DeadLetter.objects.exists()
    assert not OutboxEvent.objects.exists()


def test_the_page_shows_dead_letters_and_puts_them_back(client: Client) -> None:
    letter = dead()
    client.force_login(make_user("admin"))
    page = f"/admin/telemetry/deadletter/{letter.pk}"
    assert "the sink refused it" in client.get("/admin/telemetry/deadletter/").content.decode()
    shown = client.get(f"{page}/change/").content.decode()
    assert f'action="{page}/retry/"' in shown
    assert 'name="_save"' not in shown
    assert client.post(f"{page}/retry/", {"reason": ""}, follow=True).redirect_chain[-1][0] == f"{page}/change/"
    assert DeadLetter.objects.exists()
    client.post(f"{page}/retry/", {"reason": "mended"})
    assert OutboxEvent.objects.get().pk == letter.pk


def test_a_consumer_handles_an_event_once(person: Callable[..., Any]) -> None:
    somebody, event_id = person(), uuid7()
    with unit_of_work(somebody):
        assert once("warehouse", event_id)
        assert not once("warehouse", event_id)
        assert once("mailing", event_id)
    with unit_of_work(somebody):
        assert not once("warehouse", event_id)
    assert InboxEntry.objects.count() == 2


def test_what_was_rolled_back_was_not_handled(person: Callable[..., Any]) -> None:
    event_id = uuid7()
    with pytest.raises(ZeroDivisionError), unit_of_work(person()):
        assert once("warehouse", event_id)
        1 / 0
    with unit_of_work(person()):
        assert once("warehouse", event_id)


def test_a_consumer_asks_inside_its_unit_of_work_and_has_a_name(person: Callable[..., Any]) -> None:
    with pytest.raises(NoContext):
        once("warehouse", uuid7())
    with pytest.raises(NoContext), unit_of_work(person(), read_only=True):
        once("warehouse", uuid7())
    for name in ("", "x" * 101):
        with pytest.raises(ValueError, match="characters"), unit_of_work(person()):
            once(name, uuid7())
