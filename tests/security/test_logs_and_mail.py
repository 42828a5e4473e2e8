"""What others write stays on its line: in logs, in mails, in file names."""

from __future__ import annotations

import io
import json
import logging
from typing import Any, Final

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client

from accounts.services.invitations import invite_user
from common.cells import guarded
from common.management.base import COMMAND_LINE
from tests.factories import make_athlete, make_user

HOSTILE: Final = "x\r\n2026-01-01 [error] forged\x1b[2K"


@pytest.fixture(params=["json", "line"])
def written(request: pytest.FixtureRequest) -> Any:
    """What Django's logger of requests writes in a format of ours."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    made = dict(settings.LOGGING["formatters"][request.param])
    handler.setFormatter(made.pop("()")(**made))
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    yield lambda: stream.getvalue()
    logger.removeHandler(handler)


@pytest.mark.django_db
def test_a_request_forges_no_line_of_the_log(written: Any) -> None:
    headers = {"user-agent": HOSTILE, "x-request-id": HOSTILE}
    Client().get("/no/such/%0d%0a2026-01-01 [error] forged%1b[2K", headers=headers)
    text = written()
    assert text.count("\n") == 1 and text.endswith("\n"), text
    assert "\x1b" not in text and "\r" not in text


@pytest.mark.pure
def test_a_json_line_is_one_object() -> None:
    made = dict(settings.LOGGING["formatters"]["json"])
    formatter = made.pop("()")(**made)
    line = formatter.format(logging.LogRecord("mesocycle", logging.ERROR, "", 1, HOSTILE, None, None))
    assert "\n" not in line and json.loads(line)["event"] == HOSTILE


@pytest.mark.django_db
def test_a_calendars_secret_is_written_nowhere(written: Any, django_capture_on_commit_callbacks: Any) -> None:
    from common.models import RequestRollup
    from plans.services.calendar_feed import subscribe

    user = make_user("athlete")
    athlete = make_athlete(user=user)
    feed, token = subscribe(athlete_id=athlete.pk, acting_user=user)
    answer = Client().get(f"/calendar/{token}.ics")
    assert answer.status_code == 200
    assert answer.headers["Referrer-Policy"] == "same-origin" and token not in answer.content.decode()
    assert feed.token_sha256 != token and token not in written()
    assert not [row for row in RequestRollup.objects.all() if token in json.dumps(row.__dict__, default=str)]


@pytest.mark.django_db
@pytest.mark.parametrize("name", [HOSTILE, "Eve\nBcc: all@evil.example", "<b>Eve</b><script>alert(1)</script>"])
def test_a_name_adds_no_header_and_no_html_to_a_mail(name: str, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        invite_user(email="eve@test.example", name=name, role="coach", acting_user=COMMAND_LINE)
    [message] = mail.outbox
    sent = message.message()
    assert sent.get_content_type() == "text/plain" and message.alternatives == []
    assert sent["Bcc"] is None and sent["To"] == "eve@test.example" and "\n" not in message.subject


@pytest.mark.pure
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_begins_like_a_formula(start: str) -> None:
    assert guarded(f"{start}1+1") == f"'{start}1+1" and guarded("1+1") == "1+1"
