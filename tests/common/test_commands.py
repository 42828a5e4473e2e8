"""The base of our commands."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from common import clock, context
from common.errors import Busy, DomainError, InternalError, InvalidInput, LimitReached, NotPermitted, NotVisible
from common.management.base import COMMAND_LINE, ActorMixin, AsOfMixin, MesocycleCommand, SeedMixin


class Command(AsOfMixin, SeedMixin, ActorMixin):
    help = "A command for these tests."
    raises: Exception | None = None
    code: int | None = None
    seen: dict[str, Any]

    def run(self, **options: Any) -> int | None:
        self.seen = {**options, "now": clock.now(), "request": context.request_info.get()}
        if self.raises:
            raise self.raises
        if options["as_json"]:
            self.emit({"seed": options["seed"], "day": date(2026, 1, 2)})
        else:
            self.note("a note")
            self.table([{"name": "tau1", "value": 42.5}, {"name": "tau2", "value": None}], title="Parameters")
        return self.code


def from_command_line(command: MesocycleCommand, *arguments: str) -> tuple[int, str, str]:
    """Run as `manage.py` does and return (exit code, standard output, standard error)."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        command.stdout._out, command.stderr._out = out, err  # type: ignore[attr-defined]
        command.requires_system_checks = []
        try:
            command.run_from_argv(["manage.py", "test", *arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return code, out.getvalue(), err.getvalue()


def make(**attributes: Any) -> Command:
    command = Command()
    for name, value in attributes.items():
        setattr(command, name, value)
    return command


@pytest.fixture(autouse=True)
def _keep_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.core.management.base.connections.close_all", lambda: None)


pytestmark = pytest.mark.django_db


def test_json_is_one_document_and_the_notes_go_elsewhere() -> None:
    code, out, err = from_command_line(make(), "--json", "--seed", "7")
    assert (code, json.loads(out), err) == (0, {"seed": 7, "day": "2026-01-02"}, "")


def test_people_get_a_table_and_notes_on_standard_error() -> None:
    code, out, err = from_command_line(make())
    assert code == 0
    assert "42.5" in out
    assert "Parameters" in out
    assert "a note" not in out
    assert "a note" in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("bad"), 2),
        (NotVisible("bad"), 2),
        (NotPermitted("bad"), 3),
        (Busy("bad"), 4),
        (LimitReached("bad", retry_after=1), 4),
        (InternalError("bad"), 1),
    ],
)
def test_a_refusal_is_one_line_an_exit_code_and_a_problem(error: DomainError, code: int) -> None:
    plain = from_command_line(make(raises=error))
    assert (plain[0], plain[1]) == (code, "")
    as_json = from_command_line(make(raises=error), "--json")
    assert as_json[0] == code
    assert json.loads(as_json[1])["error"]["status"] == error.status
    if code != 1:
        assert plain[2].strip() == "CommandError: bad"
    with pytest.raises(CommandError) as caught:
        call_command(make(raises=error), stdout=io.StringIO())
    assert caught.value.returncode == code


def test_every_wrong_value_is_named() -> None:
    error = InvalidInput("two are wrong", errors=[{"pointer": "/day", "detail": "no such day"}])
    assert "day: no such day" in from_command_line(make(raises=error))[2]


def test_partly_failed_is_1_and_the_output_stays_a_document() -> None:
    code, out, err = from_command_line(make(code=1), "--json")
    assert (code, json.loads(out)["seed"], err) == (1, 0, "")
    with pytest.raises(CommandError) as caught:
        call_command(make(code=1), stdout=io.StringIO(), stderr=io.StringIO())
    assert caught.value.returncode == 1


def test_a_code_that_says_what_was_found_is_no_error() -> None:
    code, out, err = from_command_line(make(code=5))
    assert code == 5
    assert "Parameters" in out
    assert "CommandError" not in err
    with pytest.raises(CommandError) as caught:
        call_command(make(code=5), stdout=io.StringIO(), stderr=io.StringIO())
    assert caught.value.returncode == 5


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_a_database_that_does_not_answer_is_told_in_a_line(as_json: bool) -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect("postgresql://nobody@127.0.0.1:1/nothing", connect_timeout=2)
    away = OperationalError(*refused.value.args)
    away.__cause__ = refused.value
    code, out, err = from_command_line(make(raises=away), *["--json"] * as_json)
    assert (code, "port 1 failed: Connection refused" in err) == (1, True)
    assert err.startswith("The database does not answer") and "Traceback" not in err
    assert not as_json or json.loads(out)["error"]["status"] == 503
    with pytest.raises(OperationalError):
        from_command_line(make(raises=away), "--traceback")
    with pytest.raises(OperationalError):  # any other fault of the database is one of ours: it needs its traceback
        from_command_line(make(raises=OperationalError("no such table")))


def test_bad_usage_is_2() -> None:
    assert from_command_line(make(), "--seed", "many")[0] == 2
    assert from_command_line(make(), "--as-of", "yesterday")[0] == 2


def test_help_documents_exit_codes() -> None:
    code, out, _ = from_command_line(make(), "--help")
    assert code == 0
    assert "exit codes:" in out
    assert "--json" in out


@pytest.mark.parametrize("when", ["2026-03-01", date(2026, 3, 1), "2026-03-01T13:00:00+01:00"])
def test_as_of_sets_the_clock(when: Any) -> None:
    command = make()
    call_command(command, as_of=when, stdout=io.StringIO(), stderr=io.StringIO())
    assert command.seen["now"] == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert command.seen["request"] is not None


def test_as_user_finds_the_person_whatever_the_case() -> None:
    user = get_user_model()._default_manager.create(email="coach@example.org", role="coach")
    command = make()
    call_command(command, as_user="Coach@Example.org", stdout=io.StringIO(), stderr=io.StringIO())
    assert command.seen["acting_user"] == user
    call_command(command, stdout=io.StringIO(), stderr=io.StringIO())
    assert command.seen["acting_user"] is COMMAND_LINE


def test_as_somebody_unknown_or_inactive_is_refused() -> None:
    get_user_model()._default_manager.create(email="gone@example.org", role="coach", is_active=False)
    assert from_command_line(make(), "--as", "nobody@example.org")[0] == 2
    assert from_command_line(make(), "--as", "gone@example.org")[0] == 3
