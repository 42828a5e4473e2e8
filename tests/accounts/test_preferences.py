"""A person's language, time zone and units: kept once, recorded, and in force where they read."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client

from accounts.models import Athlete, Language, User
from accounts.preferences import reader_of
from accounts.services.notify import notify
from audit.models import AuditEvent
from common.context import unit_of_work
from common.errors import InvalidInput
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from tests.factories import PASSWORD, api_of, make_athlete, make_user

pytestmark = pytest.mark.django_db
URL = "/api/v1/me/preferences"


def change(client, body):
    return client.patch(URL, body, HTTP_IF_MATCH=client.get(URL).headers["ETag"])


def athlete_with_log_in(**fields) -> User:
    user, athlete = make_user("athlete"), make_athlete(**fields)
    with unit_of_work(COMMAND_LINE):
        Athlete.objects.filter(pk=athlete.pk).update(user=user)
    return user


def test_languages_of_the_settings_are_those_people_choose_from():
    assert list(Language.choices) == list(settings.LANGUAGES)


def test_choosing_is_recorded_and_based_on_what_was_read():
    user = make_user()
    client, tag = api_of(user), api_of(user).get(URL).headers["ETag"]
    assert client.get(URL).json() == {"language": "", "time_zone": "", "units": "", "intensity": ""}
    assert client.patch(URL, {"units": "imperial"}).status_code == 428
    first = client.patch(URL, {"units": "imperial", "time_zone": "Pacific/Auckland"}, HTTP_IF_MATCH=tag)
    assert first.json() == {"language": "", "time_zone": "Pacific/Auckland", "units": "imperial", "intensity": ""}
    assert client.patch(URL, {"units": "metric"}, HTTP_IF_MATCH=tag).status_code == 412
    assert client.patch(URL, {"units": "metric"}, HTTP_IF_MATCH=first.headers["ETag"]).status_code == 200
    with unit_of_work(COMMAND_LINE, read_only=True):
        told = [
            event.metadata_json["changes"] for event in AuditEvent.objects.filter(action="user.prefer").order_by("id")
        ]
    assert told == [
        {"units": ["", "imperial"], "time_zone": ["", "Pacific/Auckland"]},
        {"units": ["imperial", "metric"]},
    ]


@pytest.mark.parametrize("wrong", [{"language": "tlh"}, {"time_zone": "Moon/Crater"}, {"units": "nautical"}])
def test_a_value_that_is_none_of_its_own_changes_nothing(wrong):
    user = make_user()
    answer = change(api_of(user), {"intensity": "pace", **wrong})
    assert answer.status_code == 400
    assert [e["pointer"] for e in answer.json()["errors"]] == [f"#/{next(iter(wrong))}"]
    assert User.objects.get(pk=user.pk).intensity == ""


def test_time_zone_and_units_of_an_athlete_are_those_of_their_record():
    user = athlete_with_log_in(time_zone="America/Los_Angeles")
    client = api_of(user)
    assert client.get(URL).json()["time_zone"] == "America/Los_Angeles"
    assert change(client, {"units": "imperial", "language": "de"}).json()["units"] == "imperial"
    with unit_of_work(COMMAND_LINE, read_only=True):
        record = Athlete.objects.get(user=user)
        actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))[-2:]
        fresh = User.objects.get(pk=user.pk)
    assert (record.units, fresh.units, fresh.language) == ("imperial", "", "de")
    assert actions == ["athlete.edit", "user.prefer"]
    assert client.get("/api/v1/me/settings").json()["units"] == "imperial"
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert reader_of(fresh).time_zone == "America/Los_Angeles"


def test_the_service_knows_no_other_field():
    from accounts.services.preferences import set_preferences

    with pytest.raises(InvalidInput):
        set_preferences(changes={"role": "admin"}, acting_user=make_user())


def test_a_client_is_answered_in_the_language_it_asks_for_then_in_the_persons(settings):
    user = make_user()
    change(api_of(user), {"language": "de"})
    missing = f"/api/v1/plans/{uuid7()}"

    def title(**headers):
        answer = api_of(user).get(missing, **headers)
        assert answer.json()["type"] == "/problems/not-found/"
        return answer.json()["title"], answer.headers["Content-Language"]

    assert title() == ("Nicht gefunden", "de")
    assert title(HTTP_ACCEPT_LANGUAGE="en-US,en;q=0.8") == ("Not found", "en-gb")
    assert title(HTTP_ACCEPT_LANGUAGE="fr") == ("Nicht gefunden", "de")
    stranger = Client().get(missing, HTTP_ACCEPT_LANGUAGE="de-AT")
    assert stranger.json()["title"] == "Wer bist du?"
    schema = Client().get("/api/schema/", HTTP_ACCEPT_LANGUAGE="de").content
    assert schema == Client().get("/api/schema/").content


def test_pages_are_in_the_persons_language_whatever_the_browser_asks_for():
    user = make_user("data_scientist")
    client = Client()
    client.login(email=user.email, password=PASSWORD)
    page = "/admin/preferences/"
    assert 'lang="de"' in client.get(page, HTTP_ACCEPT_LANGUAGE="de").content.decode()
    client.post(page, {"language": "en-gb", "time_zone": "", "units": "imperial", "intensity": ""})
    found = client.get(page, HTTP_ACCEPT_LANGUAGE="de").content.decode()
    assert 'lang="en-gb"' in found
    assert '<option value="imperial" selected>Miles</option>' in found


def test_mail_is_written_in_the_readers_language(django_capture_on_commit_callbacks):
    user, admin = make_user(), make_user("admin")
    change(api_of(user), {"language": "de"})
    with django_capture_on_commit_callbacks(execute=True), unit_of_work(COMMAND_LINE):
        notify(
            user_ids=[user.pk, admin.pk], kind="erasure.requested", subject_id=uuid7(), target_type="erasure_request",
            target_id=uuid7(), data={"request_id": "1"}, dedupe_key="x",
        )  # fmt: skip
    texts = {message.to[0]: message.subject for message in mail.outbox}
    assert texts[admin.email].startswith("Mesocycle: Somebody asks to be erased")
    assert texts[user.email].startswith("Mesocycle: Jemand bittet")
