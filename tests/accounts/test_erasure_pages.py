"""The pages to erase and to hold: who gets them, what they refuse, and what they say when there is nothing."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Athlete, BreakGlass, ErasureRequest, LegalHold, Role
from accounts.services.break_glass import open_break_glass
from accounts.services.holds import place_hold
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from tests.factories import make_athlete, make_user

pytestmark = pytest.mark.django_db

QUEUE, ENTER = "admin:accounts_erasurerequest_changelist", "admin:accounts_erasurerequest_add"
HOLDS, HOLD = "admin:accounts_legalhold_changelist", "admin:accounts_legalhold_add"
GLASS = "admin:accounts_breakglass_changelist"


def browser(role):
    client = Client()
    client.force_login(make_user(role))
    return client


def only(model, **where):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return model.objects.get(**where)


def test_a_request_goes_through_the_pages_of_two_administrators():
    athlete = make_athlete(name="Orpheus")
    one, two = browser("admin"), browser("admin")
    assert "Nobody waits" in one.get(reverse(QUEUE)).content.decode()
    found = one.get(reverse(ENTER), {"q": "orph"}).content.decode()
    assert f'value="{athlete.pk}"' in found
    one.post(reverse(ENTER), {"athlete": str(athlete.pk), "reason": "by letter"})
    asked = only(ErasureRequest)
    here, confirm = reverse("admin:accounts_erasurerequest_change", args=[asked.pk]), "admin:erasure_confirm"
    assert "another administrator has to confirm" in one.get(here).content.decode()
    assert "Erase for good" in two.get(here).content.decode()
    for client, typed in ((two, "Orfeus"), (one, "Orpheus")):
        client.post(reverse(confirm, args=[asked.pk]), {"name": typed})
        assert only(Athlete, pk=athlete.pk).name == "Orpheus"
    two.post(reverse(confirm, args=[asked.pk]), {"name": "Orpheus"})
    assert only(Athlete, pk=athlete.pk).name == "Erased athlete"
    assert "What was changed" in two.get(here).content.decode()


def test_an_administrator_refuses_with_a_reason():
    client, athlete = browser("admin"), make_athlete()
    client.post(reverse(ENTER), {"athlete": str(athlete.pk), "reason": "by letter"})
    asked = only(ErasureRequest)
    refuse = reverse("admin:erasure_refuse", args=[asked.pk])
    client.post(refuse, {"reason": "  "})
    assert only(ErasureRequest).state == "open"
    client.post(refuse, {"reason": "it was a mistake"})
    assert only(ErasureRequest).state == "refused"


def test_a_hold_is_placed_and_lifted_by_compliance_through_the_pages():
    client, athlete = browser("compliance"), make_athlete(name="Eurydice")
    assert "No legal holds" in client.get(reverse(HOLDS)).content.decode()
    assert f'value="{athlete.pk}"' in client.get(reverse(HOLD), {"athlete": str(athlete.pk)}).content.decode()
    for wrong in (
        {"reason": ""},
        {"reason": "case 7", "held_until": "31.12."},
        {"reason": "x", "held_until": "2001-01-01"},
    ):
        client.post(reverse(HOLD), {"athlete": str(athlete.pk), **wrong})
    client.post(reverse(HOLD), {"athlete": "nobody", "reason": "case 7"})
    client.post(reverse(HOLD), {"athlete": str(athlete.pk), "reason": "case 7"})
    hold = only(LegalHold)
    page = client.get(reverse(HOLDS)).content.decode()
    assert "Eurydice" in page and "case 7" in page
    client.post(reverse("admin:hold_lift", args=[hold.pk]), {"reason": "settled"})
    assert only(LegalHold).ended_at is not None


@pytest.mark.parametrize("role", [role for role in Role.values if role not in ("admin", "compliance", "athlete")])
def test_others_get_none_of_these_pages(role):
    athlete = make_athlete()
    client = browser(role)
    for name in (QUEUE, ENTER, HOLDS, HOLD, GLASS, "admin:break_glass_open"):
        assert client.get(reverse(name)).status_code in (403, 404), name
        client.post(reverse(name), {"athlete": str(athlete.pk), "reason": "why"})
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert not any(model.objects.exists() for model in (ErasureRequest, LegalHold, BreakGlass))


def test_compliance_erases_nobody():
    client = browser("compliance")
    assert client.get(reverse(QUEUE)).status_code == 404
    client.post(reverse(ENTER), {"athlete": str(make_athlete().pk), "reason": "why"})
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert not ErasureRequest.objects.exists()


def test_the_second_wall_shows_holds_and_break_glass_to_who_reads_the_audit_log():
    coach, user = make_user("coach"), make_user("athlete")
    athlete = make_athlete(coach=coach, user=user)
    place_hold(athlete_id=athlete.pk, reason="court", held_until=None, acting_user=COMMAND_LINE)
    open_break_glass(reason="ticket", acting_user=make_user("admin"))
    everybody = 0 if connection.vendor == "postgresql" else 1
    readers = {make_user("admin"): 1, make_user("compliance"): 1, coach: everybody, user: everybody}
    for reader, expected in readers.items():
        with unit_of_work(reader, read_only=True):
            assert (LegalHold.objects.count(), BreakGlass.objects.count()) == (expected, expected), reader.role
