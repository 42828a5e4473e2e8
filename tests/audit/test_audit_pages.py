"""The pages of the audit log: who reads what, filters, names, diffs, break-glass, and the file to take away."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from datetime import timedelta
from typing import Final
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import BreakGlass, CoachLink
from accounts.services.break_glass import close_break_glass, open_break_glass, review_break_glass
from accounts.services.holds import place_hold
from accounts.services.people import change_role, edit_athlete, end_link
from audit.models import AuditEvent
from audit.services import record
from audit.services.export_events import COLUMNS
from common import clock
from common.context import RequestInfo, requested_by, unit_of_work
from common.errors import InvalidInput, NotPermitted, WrongState
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from tests.factories import make_athlete, make_user
from tests.plans.review import make_review, replace_op

pytestmark = pytest.mark.django_db

LIST = "/admin/audit/auditevent/"
SECRET: Final = "the knee again, since Tuesday"
BOOKKEEPING: Final = ("SET ", "SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "SELECT SET_CONFIG", "SELECT CURRENT_SETTING")


def browser(user):
    client = Client()
    client.force_login(user)
    return client


def page(user, address=LIST, **query):
    answer = browser(user).get(address, query)
    assert answer.status_code == 200, answer.content
    return text_of(answer)


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def events(**where):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(AuditEvent.objects.filter(**where).order_by("-id"))


def ids_on(user, **query):
    answer = browser(user).get(LIST, query)
    return re.findall(rf"{LIST}([0-9a-f-]{{36}})/change/", answer.content.decode())


def write(athlete, count=1, *, by=COMMAND_LINE, text=SECRET):
    """Write events with free text and an origin about an athlete."""
    with requested_by(RequestInfo(uuid7(), "203.0.113.9", "Gecko of the test")), unit_of_work(by):
        for _ in range(count):
            record("hold.lift", target_id=uuid7(), subject_id=athlete.pk, metadata={"reason": text})


def test_the_list_and_the_page_say_which_flag_it_is_about():
    with unit_of_work(COMMAND_LINE):
        record(
            "flag.retire", target_id=uuid7(), metadata={"key": "plan.taper_by_model", "reason": "x", "references": 0}
        )
    admin = make_user("admin")
    (event,) = events(action="flag.retire")
    assert "flag plan.taper_by_model" in page(admin)
    assert "Object flag plan.taper_by_model" in page(admin, f"{LIST}{event.pk}/change/")


@pytest.mark.parametrize("role", ["coach", "support", "data_scientist"])
def test_others_read_nothing_of_the_log(role):
    athlete = make_athlete()
    write(athlete)
    (event,) = events(action="hold.lift")
    client = browser(make_user(role))
    timeline = reverse("admin:audit_athlete", args=[athlete.pk])
    for address in (LIST, f"{LIST}{event.pk}/change/", timeline):
        assert client.get(address).status_code == 403, address
    assert client.post(f"{LIST}export/").status_code == 403


def test_compliance_reads_what_was_written_and_an_admin_does_not():
    athlete = make_athlete(name="Penelope")
    write(athlete)
    (event,) = events(action="hold.lift")
    timeline = reverse("admin:audit_athlete", args=[athlete.pk])
    for address in (LIST, f"{LIST}{event.pk}/change/", timeline):
        seen, hidden = page(make_user("compliance"), address), page(make_user("admin"), address)
        assert SECRET in seen and "Penelope" in seen, address
        assert SECRET not in hidden and "[hidden]" in hidden and "Penelope" in hidden, address
    assert "203.0.113.9" in page(make_user("compliance"), f"{LIST}{event.pk}/change/")
    assert "203.0.113.9" not in page(make_user("admin"), f"{LIST}{event.pk}/change/")


def test_break_glass_shows_it_for_half_an_hour_and_is_recorded():
    athlete, admin, other = make_athlete(), make_user("admin"), make_user("admin")
    write(athlete)
    (event,) = events(action="hold.lift")
    address = f"{LIST}{event.pk}/change/"
    glass = open_break_glass(reason="ticket 7", acting_user=admin)
    shown = page(admin, address)
    assert SECRET in shown and "Break-glass is open until" in shown
    assert SECRET not in page(other, address)
    (read,) = events(action="break_glass.read")
    assert (read.target_id, read.actor_id) == (glass.pk, admin.pk)
    assert read.metadata_json == {"page": address, "events": 1}
    with clock.frozen(clock.now() + timedelta(minutes=31)):
        assert SECRET not in page(admin, address)
    close_break_glass(acting_user=admin)
    assert SECRET not in page(admin, address)


def test_break_glass_writes_action_and_state_and_hides_the_reason():
    admin = make_user("admin")
    glass = open_break_glass(reason="ticket 8", acting_user=admin)
    close_break_glass(acting_user=admin)
    found = events(target_id=glass.pk)[::-1]
    assert [event.action for event in found] == [
        "break_glass.open",
        "break_glass.state",
        "break_glass.close",
        "break_glass.state",
    ]
    assert [event.metadata_json.get("is_open") for event in found] == [None, True, None, False]
    assert found[1].linked_event_id == found[0].pk and found[3].linked_event_id == found[2].pk
    assert "ticket 8" not in str(found[0].metadata_json) and b"ticket 8" not in glass.reason


@pytest.mark.parametrize("role", ["coach", "compliance", "support", "data_scientist", "athlete"])
def test_only_an_admin_breaks_the_glass_and_only_compliance_reviews(role):
    with pytest.raises(NotPermitted):
        open_break_glass(reason="why not", acting_user=make_user(role))
    admin = make_user("admin")
    glass = open_break_glass(reason="ticket", acting_user=admin)
    close_break_glass(acting_user=admin)
    reviewers = {"compliance"}
    if role in reviewers:
        assert review_break_glass(glass_id=glass.pk, note="fine", acting_user=make_user(role)).reviewed_at
    else:
        with pytest.raises(NotPermitted):
            review_break_glass(glass_id=glass.pk, note="fine", acting_user=make_user(role))


def test_a_use_is_reviewed_once_and_after_its_end():
    admin, compliance = make_user("admin"), make_user("compliance")
    glass = open_break_glass(reason="ticket", acting_user=admin)
    with pytest.raises(WrongState):
        open_break_glass(reason="again", acting_user=admin)
    with pytest.raises(WrongState):
        review_break_glass(glass_id=glass.pk, note="early", acting_user=compliance)
    close_break_glass(acting_user=admin)
    with pytest.raises(InvalidInput):
        review_break_glass(glass_id=glass.pk, note=" ", acting_user=compliance)
    review_break_glass(glass_id=glass.pk, note="asked the athlete", acting_user=compliance)
    with pytest.raises(WrongState):
        review_break_glass(glass_id=glass.pk, note="twice", acting_user=compliance)
    queue = page(compliance, reverse("admin:accounts_breakglass_changelist"))
    assert "asked the athlete" in queue and "Nothing to review" in queue


def test_the_whole_use_through_the_pages():
    admin, compliance = browser(make_user("admin")), browser(make_user("compliance"))
    write(make_athlete())
    opened = admin.post(reverse("admin:break_glass_open"), {"reason": "ticket 9"}, follow=True)
    assert SECRET in text_of(opened)
    assert SECRET not in text_of(admin.post(reverse("admin:break_glass_close"), follow=True))
    assert "ticket 9" in text_of(compliance.get(reverse("admin:accounts_breakglass_changelist")))
    with unit_of_work(COMMAND_LINE, read_only=True):
        glass = BreakGlass.objects.get()
    done = compliance.post(reverse("admin:break_glass_review", args=[glass.pk]), {"note": "in order"}, follow=True)
    assert "in order" in text_of(done)


def test_filters_by_day_actor_athlete_and_action():
    admin, compliance = make_user("admin"), make_user("compliance")
    mine, other = make_athlete(name="Ariadne One"), make_athlete(name="Daphne Two")
    with clock.frozen(clock.now() - timedelta(days=10)):
        write(mine)
    write(other, by=admin)
    (old,) = events(subject_id=mine.pk, action="hold.lift")
    (new,) = events(subject_id=other.pk, action="hold.lift")
    today, week_ago = clock.today(), clock.today() - timedelta(days=7)
    for query, found, missing in (
        ({"from": week_ago.isoformat(), "until": today.isoformat()}, new, old),
        ({"until": week_ago.isoformat()}, old, new),
        ({"athlete_q": "ariadne"}, old, new),
        ({"actor_q": admin.email}, new, old),
        ({"actor": str(admin.pk), "action": "hold.lift"}, new, old),
        ({"athlete": str(mine.pk), "action": "hold.lift"}, old, new),
        ({"target": str(new.target_id)}, new, old),
        ({"request": str(old.request_id)}, old, new),
    ):
        shown = ids_on(compliance, **query)
        assert str(found.pk) in shown and str(missing.pk) not in shown, query
    assert ids_on(compliance, action="no.such") == []


def test_a_name_that_several_bear_is_a_choice_and_nobodys_is_said_so():
    for name in ("Helena Alpha", "Helena Beta"):
        make_athlete(name=name)
    compliance = make_user("compliance")
    shown = page(compliance, athlete_q="helena")
    assert "Helena Alpha" in shown and "Helena Beta" in shown and "Several athletes" in shown
    assert "Nobody is called “zz-no-one”" in page(compliance, actor_q="zz-no-one")


@pytest.mark.parametrize("query", [{"from": "31/12/2026"}, {"actor": "x"}, {"before": "''--"}, {"until": "9999-12-31"}])
def test_a_query_that_makes_no_sense_is_said_and_left_out(query):
    write(make_athlete())
    shown = page(make_user("compliance"), **query)
    assert SECRET in shown
    assert ("Left out" in shown) == (query != {"until": "9999-12-31"})


def test_old_and_new_values_are_readable_and_a_persons_own_are_hidden():
    user, athlete = make_user("coach", name="Jason"), make_athlete(level="beginner", name="Medea")
    change_role(user_id=user.pk, role="support", acting_user=COMMAND_LINE)
    edit_athlete(athlete_id=athlete.pk, changes={"level": "elite", "name": "Medea Two"}, acting_user=COMMAND_LINE)
    (role,), (edit,) = events(action="user.role_change"), events(action="athlete.edit")
    shown = page(make_user("admin"), f"{LIST}{role.pk}/change/")
    assert re.search(r"role coach support", shown)
    assert "State that resulted" in shown and "token version 1" in shown
    hidden = page(make_user("admin"), f"{LIST}{edit.pk}/change/")
    assert re.search(r"level beginner elite", hidden) and "personal details [hidden]" in hidden
    assert re.search(r"name Medea Medea Two", page(make_user("compliance"), f"{LIST}{edit.pk}/change/"))


def test_an_edit_shows_its_fields_to_those_who_may_see_plans():
    review = make_review()
    session = review.editable()[0]
    assert review.patch([replace_op(session, "title", "Hill repeats", reason="injury")]).status_code == 200
    (event,) = events(action="plan.edit")
    shown = page(make_user("admin"), f"{LIST}{event.pk}/change/")
    assert "Hill repeats" in shown and session["title"] in shown
    assert "Hill repeats" not in page(make_user("compliance"), f"{LIST}{event.pk}/change/")


def test_the_events_of_one_request_stand_together():
    athlete, request = make_athlete(coach=make_user("coach")), uuid7()
    with requested_by(RequestInfo(request)):
        edit_athlete(athlete_id=athlete.pk, changes={"level": "elite"}, acting_user=COMMAND_LINE)
        with unit_of_work(COMMAND_LINE, read_only=True):
            link = CoachLink.objects.get(athlete=athlete)
        end_link(link_id=link.pk, acting_user=COMMAND_LINE)
    (edit,) = events(action="athlete.edit")
    shown = page(make_user("admin"), f"{LIST}{edit.pk}/change/")
    assert "Link: close" in shown.split("Also in this request")[1]


def test_the_timeline_is_of_one_athlete_and_says_that_they_are_held():
    athlete, other = make_athlete(name="Circe"), make_athlete()
    write(athlete)
    write(other, text="about somebody else")
    address = reverse("admin:audit_athlete", args=[athlete.pk])
    compliance = make_user("compliance")
    shown = page(compliance, address)
    assert "Timeline of Circe" in shown and SECRET in shown and "about somebody else" not in shown
    assert "Under a legal hold" not in shown
    place_hold(athlete_id=athlete.pk, reason="court", held_until=None, acting_user=compliance)
    assert "Under a legal hold" in page(compliance, address)
    assert browser(compliance).get(reverse("admin:audit_athlete", args=[uuid4()])).status_code == 404
    assert browser(compliance).get(f"{LIST}{uuid4()}/change/").status_code == 404


def test_pages_older_and_older_reach_every_event_once():
    athlete, compliance = make_athlete(), make_user("compliance")
    write(athlete, 120)
    client, address, found = browser(compliance), f"{LIST}?athlete={athlete.pk}&action=hold.lift", []
    while address:
        html = client.get(address).content.decode()
        found += re.findall(rf"{LIST}([0-9a-f-]{{36}})/change/", html)
        older = re.search(r'href="(\?[^"]*before=[^"]*)"', html)
        address = LIST + older[1].replace("&amp;", "&") if older else ""
    assert found == [str(event.pk) for event in events(action="hold.lift")]


def exported(user, **chosen):
    answer = browser(user).post(f"{LIST}export/", chosen)
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content)
    return answer, content, list(csv.DictReader(io.StringIO(content.decode())))


def test_the_export_is_recorded_with_rows_and_hash_before_it_leaves():
    athlete, compliance = make_athlete(), make_user("compliance")
    write(athlete, 3)
    answer, content, rows = exported(compliance, athlete=str(athlete.pk), action="hold.lift")
    (event,) = events(action="audit.export")
    assert len(rows) == event.metadata_json["rows"] == 3
    assert event.metadata_json["sha256"] == answer["X-Content-SHA256"] == hashlib.sha256(content).hexdigest()
    assert event.actor_id == compliance.pk and event.metadata_json["decrypted"] is True
    assert event.metadata_json["what"] == {"action": "hold.lift", "subject_id": str(athlete.pk)}


def test_columns_and_text_of_the_export_go_by_role():
    athlete, admin = make_athlete(), make_user("admin")
    write(athlete)
    _, content, rows = exported(make_user("compliance"), action="hold.lift")
    assert tuple(rows[0]) == COLUMNS and rows[0]["origin_ip"] == "203.0.113.9" and SECRET.encode() in content
    _, content, rows = exported(admin, action="hold.lift")
    assert set(COLUMNS) - set(rows[0]) == {"origin_ip", "user_agent"} and SECRET.encode() not in content
    open_break_glass(reason="ticket", acting_user=admin)
    _, content, rows = exported(admin, action="hold.lift")
    assert tuple(rows[0]) == COLUMNS and SECRET.encode() in content
    (read,) = events(action="break_glass.read")
    assert read.metadata_json == {"page": "export", "events": 1}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_of_the_export_is_a_formula(start):
    athlete = make_athlete()
    with requested_by(RequestInfo(uuid7(), "", f"{start}HYPERLINK(1)")), unit_of_work(COMMAND_LINE):
        record("hold.lift", target_id=uuid7(), subject_id=athlete.pk, metadata={"reason": "x"})
    _, _, rows = exported(make_user("compliance"), action="hold.lift")
    assert rows[0]["user_agent"].startswith("'")
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in rows[0].values())


def test_an_export_that_cannot_be_recorded_hands_nothing_out(monkeypatch):
    write(make_athlete())
    client = browser(make_user("compliance"))
    client.raise_request_exception = False

    def broken(*args, **kwargs):
        raise RuntimeError("the log is down")

    monkeypatch.setattr("audit.services.download_events.tell_export", broken)
    answer = client.post(f"{LIST}export/")
    assert answer.status_code == 500 and SECRET.encode() not in answer.content


def queries(client, address):
    for _ in range(2):
        with CaptureQueriesContext(connection) as context:
            assert client.get(address).status_code == 200
    return sum(not q["sql"].upper().startswith(BOOKKEEPING) for q in context.captured_queries)


@pytest.mark.once
@pytest.mark.parametrize("role", ["admin", "compliance"])
def test_every_page_asks_the_same_few_questions_at_any_size(role):
    review = make_review()
    assert review.patch([replace_op(review.editable()[0], "load", 20, reason="injury")]).status_code == 200
    (edit,) = events(action="plan.edit")
    user = make_user(role)
    client = browser(user)
    pages = {
        "list": LIST,
        "filtered": f"{LIST}?athlete={review.athlete.pk}&action=hold.lift",
        "event": f"{LIST}{edit.pk}/change/",
        "timeline": reverse("admin:audit_athlete", args=[review.athlete.pk]),
    }
    counts = {name: [] for name in pages}
    for size in (1, 49, 450):
        write(review.athlete, size)
        for name, address in pages.items():
            counts[name].append(queries(client, address))
    assert {name: len(set(found)) for name, found in counts.items()} == dict.fromkeys(pages, 1), counts
    assert max(map(max, counts.values())) <= 10, counts
