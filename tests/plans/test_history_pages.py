"""Comparing versions, an athlete's plan history, and the changelog as a file: who may, and that it says what is so."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from audit.models import AuditEvent
from common.context import unit_of_work
from common.errors import InvalidInput
from common.management.base import COMMAND_LINE
from plans.admin.compare_page import compare_context
from plans.models import PlanVersion
from plans.services import export_changelog as exporting
from tests.factories import api_of, make_user
from tests.plans.review import Review, make_review, note_op, replace_op

pytestmark = pytest.mark.django_db


@pytest.fixture
def review() -> Review:
    return make_review()


def page(user: Any, path: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.get(path)


def compare_url(review: Review, **query: str) -> str:
    found = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/admin/plans/plan/{review.plan_id}/compare/?{found}"


def history_url(review: Review) -> str:
    return f"/admin/accounts/athlete/{review.athlete.pk}/plan-history/"


def csv_url(review: Review) -> str:
    return f"/admin/plans/plan/{review.plan_id}/changelog.csv"


def context(review: Review, **query: str) -> dict[str, Any]:
    with unit_of_work(review.coach, read_only=True):
        return compare_context(review.coach, review.plan_id, query)


def ids_of(review: Review) -> dict[int, str]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = PlanVersion.objects.filter(plan=review.plan_id).values_list("version_number", "pk")
        return {number: str(pk) for number, pk in rows}


def exports() -> list[AuditEvent]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(AuditEvent.objects.filter(action="plan.export").order_by("id"))


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def edit(review: Review, times: int) -> None:
    """Store so many versions, each a note on another session."""
    for number, session in enumerate(review.editable()[:times]):
        assert review.patch([note_op(session, f"edit {number}")]).status_code == 200


def week_of(day: str) -> date:
    found = date.fromisoformat(day)
    return found - timedelta(days=found.weekday())


def moved_to_next_week(review: Review) -> dict[str, Any]:
    """Move the second session by a week and make it longer; returns it as it was."""
    session = review.editable()[1]
    day = (date.fromisoformat(session["day"]) + timedelta(days=7)).isoformat()
    minutes = session["prescribed_work"]["duration_min"] + 20
    operations = [
        replace_op(session, "day", day, reason="travel", note="conference"),
        replace_op(session, "prescribed_work/duration_min", minutes),
    ]
    assert review.patch(operations).status_code == 200
    return session


# Comparing


def test_a_move_is_two_rows_and_counts_once(review):
    session = moved_to_next_week(review)
    found = context(review)
    rows = [row for group in found["groups"] for row in group.get("rows", [])]
    assert [(row["sign"], bool(row["before"]), bool(row["after"])) for row in rows] == [
        ("⇄", True, False),
        ("⇄", False, True),
    ]
    assert rows[0]["day"].isoformat() == session["day"]
    assert (rows[1]["day"] - rows[0]["day"]).days == 7
    assert found["edits"] == {"added": 0, "removed": 0, "changed": 0, "moved": 1, "all": 1}
    assert [field["word"] for field in rows[1]["fields"]] == ["minutes"]
    assert (rows[1]["reason"], rows[1]["note"]) == ("Travel", "conference")
    body = page(review.coach, compare_url(review)).content.decode()
    assert body.count("conference") == 1
    assert "moved to" in body
    assert "⇄1" in body


def test_unchanged_weeks_fold_and_every_session_is_counted(review):
    first, second = review.editable()[0], review.editable()[-1]
    operations = [
        {"op": "remove", "path": f"/sessions/{first['session_id']}", "reason": "injury"},
        replace_op(second, "title", "Fartlek"),
    ]
    assert review.patch(operations).status_code == 200
    groups = context(review)["groups"]
    changed = [group for group in groups if "rows" in group]
    folds = [group for group in groups if "folded" in group]
    assert {group["monday"] for group in changed} == {week_of(first["day"]), week_of(second["day"])}
    assert not any("folded" in left and "folded" in right for left, right in zip(groups, groups[1:], strict=False))
    kept = sum(fold["count"] for fold in folds) + sum(g["unchanged"] for g in changed)
    assert kept + 1 == len(review.sessions()), "folded, unchanged in changed weeks, and the one that is changed"
    weeks = [week["monday"] for fold in folds for week in fold["folded"]] + [group["monday"] for group in changed]
    assert len(weeks) == len(set(weeks)) == len(review.version()["weeks"])
    body = page(review.coach, compare_url(review)).content.decode()
    for fold in folds:
        assert re.search(rf"{fold['label']}</th>.*?<summary>no changes, {fold['count']} session", body)


def test_totals_add_up_and_show_the_difference_of_the_numbers_shown(review):
    session = review.editable()[0]
    assert review.patch([{"op": "remove", "path": f"/sessions/{session['session_id']}"}]).status_code == 200
    found = context(review)
    assert sum(map(_minutes, (g["hours"]["delta"] for g in found["groups"] if "rows" in g))) == pytest.approx(
        -session["prescribed_work"]["duration_min"], abs=1
    )
    for total in (found["totals"]["load"], *(g["load"] for g in found["groups"] if "rows" in g)):
        assert int(total["after"]) - int(total["before"]) == int(total["delta"].replace("−", "-").replace("±", ""))
    assert sum(float(part["width"]) for part in found["mix"][0]["parts"]) == pytest.approx(100, abs=0.1)


def _minutes(delta: str) -> int:
    hours, rest = delta[1:].split(":")
    return (int(hours) * 60 + int(rest)) * (-1 if delta[0] == "−" else 1)


def test_any_two_versions_can_be_compared_both_ways(review):
    edit(review, 2)
    ids = ids_of(review)
    default = context(review)
    assert (default["before"].version_number, default["after"].version_number) == (1, 3)
    assert default["edits"]["changed"] == 2
    step = context(review, **{"from": ids[2], "to": ids[3]})
    assert step["edits"]["changed"] == 1
    back = context(review, **{"from": ids[3], "to": ids[2]})
    (row,) = [row for group in back["groups"] for row in group.get("rows", [])]
    assert (row["fields"][0]["word"], row["fields"][0]["new"]) == ("notes", "")
    same = context(review, **{"from": ids[2], "to": ids[2]})
    assert [len(group["folded"]) for group in same["groups"]] == [len(review.version()["weeks"])]
    only = page(review.coach, compare_url(make_review()))
    assert only.status_code == 404, "another coach's plan"


def test_a_version_of_another_plan_or_no_version_is_not_found(review):
    other = make_review()
    foreign = ids_of(other)[1]
    for query in ({"from": foreign}, {"to": foreign}, {"to": "no-id"}):
        assert page(review.coach, compare_url(review, **query)).status_code == 404, query


# Rights


@pytest.mark.parametrize(
    ("role", "compare", "history", "export"),
    [
        (Role.ADMIN, 200, 200, 200),
        (Role.COACH, 404, 404, 404),
        (Role.SUPPORT, 404, 404, 404),
        (Role.DATA_SCIENTIST, 404, 404, 404),
        (Role.COMPLIANCE, 404, 200, 404),
        (Role.ATHLETE, 302, 302, 302),
    ],
)
def test_strangers_see_what_their_role_grants_and_no_more(review, role, compare, history, export):
    stranger = make_user(role)
    assert page(stranger, compare_url(review)).status_code == compare
    assert page(stranger, history_url(review)).status_code == history
    assert page(stranger, csv_url(review)).status_code == export
    lacks_the_verb = role in (Role.DATA_SCIENTIST, Role.COMPLIANCE)
    expected = 200 if export == 200 else 403 if lacks_the_verb else 404
    assert api_of(stranger).get(f"{review.url}/changelog.csv").status_code == expected
    assert len(exports()) == (2 if export == 200 else 0)


def test_compliance_reads_the_audit_entries_and_nothing_of_the_content(review):
    session = review.editable()[0]
    assert review.patch([replace_op(session, "title", "Secret fartlek", reason="illness")]).status_code == 200
    compliance, admin = make_user(Role.COMPLIANCE), make_user(Role.ADMIN)
    seen = page(compliance, history_url(review)).content.decode()
    assert "plan.edit" in seen
    assert "reasons illness 1" in seen
    assert "Secret fartlek" not in seen
    assert str(review.athlete.name) not in seen
    whole = page(admin, history_url(review)).content.decode()
    assert "Secret fartlek" in whole
    assert session["title"] in whole
    assert 'class="mc-table ph-audit"' not in page(review.coach, history_url(review)).content.decode()
    nobody = history_url(review).replace(str(review.athlete.pk), str(review.plan_id))
    assert page(compliance, nobody).status_code == page(admin, nobody).status_code == 404


def test_history_shows_versions_decisions_and_links_each_version_to_its_parent(review):
    edit(review, 1)
    assert review.submit(comment="Have a look").status_code == 200
    assert review.decide("request_changes", comment="Too <b>hard</b>").status_code == 200
    body = page(review.coach, history_url(review)).content.decode()
    ids = ids_of(review)
    assert f"?from={ids[1]}&to={ids[2]}" in body.replace("&amp;", "&")
    assert body.index("Changes requested") < body.index("Submitted") < body.index("<b>v2</b>") < body.index("<b>v1</b>")
    assert "Have a look" in body
    assert "Too &lt;b&gt;hard&lt;/b&gt;" in body


def test_audit_entries_come_in_pages_that_neither_repeat_nor_skip(review, monkeypatch):
    monkeypatch.setattr("plans.admin.plan_history.EVENTS", 3)
    edit(review, 3)
    admin = make_user(Role.ADMIN)
    seen, path = [], history_url(review)
    for _ in range(10):
        body = page(admin, path).content.decode()
        seen += re.findall(r"/admin/audit/auditevent/([0-9a-f-]{36})/", body)
        older = re.search(r'\?before=([0-9a-f-]{36})#audit"', body)
        if older is None:
            break
        path = f"{history_url(review)}?before={older[1]}"
    with unit_of_work(COMMAND_LINE, read_only=True):
        events = AuditEvent.objects.filter(subject_id=review.athlete.pk, target_type="plan").order_by("-id")
        assert seen == [str(pk) for pk in events.values_list("pk", flat=True)]
    assert len(seen) > 6
    assert page(admin, f"{history_url(review)}?before=x").status_code == 404


# The file


def test_a_hostile_note_title_and_comment_come_back_as_text(review):
    session = review.editable()[0]
    operations = [replace_op(session, "title", '=HYPERLINK("x";"y")', note='-1+1;"=2"\r\n=3', reason="weather")]
    assert review.patch(operations).status_code == 200
    for message in ("@SUM(A1)", "+49 170 1234", "ünïcode, “quoted”"):
        assert review.as_coach.post(f"{review.url}/comments", {"message": message}).status_code == 201
    answer = page(review.coach, csv_url(review))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = rows_of(answer.content)
    assert [row["text"] for row in rows[:3]] == ["ünïcode, “quoted”", "'+49 170 1234", "'@SUM(A1)"]
    (change,) = [row for row in rows if row["type"] == "change"]
    assert (change["new"], change["old"]) == ('\'=HYPERLINK("x";"y")', session["title"])
    assert (change["text"], change["reason"], change["user"]) == ('\'-1+1;"=2"\r\n=3', "weather", "coach")
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values())


def test_an_export_is_recorded_with_what_it_held(review, monkeypatch):
    monkeypatch.setattr(exporting, "_PAGE", 2)
    edit(review, 5)
    assert review.submit(comment="please").status_code == 200
    content = page(review.coach, csv_url(review)).content
    rows = rows_of(content)
    assert len(rows) == len({tuple(row.values()) for row in rows}) == 6
    assert [row["type"] for row in rows] == ["decision", *["change"] * 5]
    (event,) = exports()
    assert event.metadata_json == {
        "rows": 6,
        "sha256": hashlib.sha256(content).hexdigest(),
        "what": "changelog",
    }
    assert (event.actor_id, event.target_id, event.subject_id) == (review.coach.pk, review.plan_id, review.athlete.pk)


def test_the_api_gives_the_same_file_and_takes_a_period(review):
    edit(review, 1)
    answer = review.as_coach.get(f"{review.url}/changelog.csv", HTTP_ACCEPT="text/csv")
    assert answer.content == page(review.coach, csv_url(review)).content
    tomorrow = (date.today() + timedelta(days=2)).isoformat()
    assert rows_of(review.as_coach.get(f"{review.url}/changelog.csv", {"from": tomorrow}).content) == []
    wrong = review.as_coach.get(f"{review.url}/changelog.csv", {"from": "yesterday"}, HTTP_ACCEPT="text/csv")
    assert (wrong.status_code, wrong["Content-Type"]) == (400, "application/problem+json")
    assert len(exports()) == 3


def test_athletes_get_no_private_comment_and_no_draft(review):
    edit(review, 1)
    assert review.submit().status_code == 200
    for visibility in ("coach", "shared"):
        body = {"message": f"for {visibility}", "visibility": visibility}
        assert review.as_coach.post(f"{review.url}/comments", body).status_code == 201
    rows = rows_of(review.as_athlete.get(f"{review.url}/changelog.csv").content)
    assert [row["text"] for row in rows if row["type"] == "comment"] == ["for shared"]
    everything = rows_of(review.as_coach.get(f"{review.url}/changelog.csv").content)
    assert len(everything) == len(rows) + 1
    assert everything[0].keys() == rows[0].keys()


def test_a_file_beyond_the_limit_is_refused_and_not_recorded(review, monkeypatch):
    edit(review, 2)
    monkeypatch.setattr(exporting, "MOST_BYTES", 300)
    with pytest.raises(InvalidInput):
        exporting.export_changelog(plan_id=review.plan_id, acting_user=review.coach)
    answer = page(review.coach, csv_url(review))
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/plans/plan/{review.plan_id}/change/")
    assert exports() == []


# Cost, and the review page's own links


def test_two_versions_and_six_take_the_same_queries(review):
    admin = make_user(Role.ADMIN)
    edit(review, 1)
    paths = [compare_url(review), history_url(review), csv_url(review)]
    for path in paths:
        page(admin, path)  # the first record of a person makes their key
    before = [queries(admin, path) for path in paths]
    for session in review.editable()[1:5]:
        assert review.patch([note_op(session, "more")]).status_code == 200
    assert [queries(admin, path) for path in paths] == before


def queries(user: Any, path: str) -> int:
    client = Client()
    client.force_login(user)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_review_page_links_to_the_comparison_and_brings_its_comments(review):
    body = {"message": "Easy on the hills", "anchor_id": review.editable()[0]["session_id"], "visibility": "coach"}
    assert review.as_coach.post(f"{review.url}/comments", body).status_code == 201
    answer = page(review.coach, f"/admin/plans/plan/{review.plan_id}/change/")
    given = answer.context["review"]
    assert given["urls"]["compare"] == compare_url(review).rstrip("?")
    (shown,), (told,) = given["comments"], review.as_coach.get(f"{review.url}/comments").json()
    assert datetime.fromisoformat(shown.pop("created_at")) == datetime.fromisoformat(told.pop("created_at"))
    assert shown == told
    button = page(review.coach, f"/admin/accounts/athlete/{review.athlete.pk}/change/").content.decode()
    assert history_url(review) in button
