"""Announcements reach whom they concern, once published, and are safe to show."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, WrongState
from common.management.base import COMMAND_LINE
from rollout.audience import strip_for
from rollout.markdown import as_html
from rollout.models import Announcement, Flag
from rollout.selectors import LIVE
from rollout.services.announcements import (
    change_announcement,
    draft_announcement,
    publish_announcement,
    resolve_issue,
)
from tests.factories import api_of, make_athlete, make_user
from tests.plans.review import make_review
from tests.rollout.people.making import KEY, make_rollout

pytestmark = pytest.mark.django_db
URL = "/api/v1/announcements"


def write(title="News", *, publish=True, **fields):
    fields = {"kind": "announcement", "title": title, "body": "It is **there**.", **fields}
    row = draft_announcement(fields=fields, acting_user=COMMAND_LINE)
    return publish_announcement(announcement_id=row.pk, acting_user=COMMAND_LINE) if publish else row


def titles(user):
    return [one["title"] for one in api_of(user).get(URL).json()["results"]]


def set_flag(share):
    with unit_of_work(COMMAND_LINE):
        Flag.objects.filter(name=KEY).update(rollout_thousandths=share)
    LIVE.refresh()


def test_a_draft_is_seen_by_nobody_until_it_is_published():
    user, row = make_user("coach"), write(publish=False)
    assert titles(user) == []
    publish_announcement(announcement_id=row.pk, acting_user=COMMAND_LINE)
    assert titles(user) == ["News"]


def test_what_ended_is_gone():
    write(ends_at=clock.now() + timedelta(hours=1))
    user = make_user("coach")
    assert titles(user) == ["News"]
    with clock.frozen(clock.now() + timedelta(hours=2)):
        assert titles(user) == []


def test_a_role_reads_what_is_for_it():
    write("coaches", audience="role", audience_value="coach")
    assert titles(make_user("coach")) == ["coaches"]
    assert titles(make_user("support")) == []


def test_a_tier_is_told_to_its_athletes_and_to_their_coaches():
    write("elite", audience="tier", audience_value="elite")
    coach, elite, free = make_user("coach"), make_user("athlete"), make_user("athlete")
    make_athlete(user=elite, tier="elite", coach=coach)
    make_athlete(user=free, tier="free")
    assert [titles(user) for user in (elite, coach, free, make_user("coach"))] == [["elite"], ["elite"], [], []]


def test_a_flag_is_told_to_whom_it_is_on_for_and_to_their_coaches():
    make_rollout()
    write("new plans", audience="flag", audience_value=KEY)
    coach, user = make_user("coach"), make_user("athlete")
    make_athlete(user=user, coach=coach)
    for share, wanted in ((100_000, ["new plans"]), (0, [])):
        set_flag(share)
        assert [titles(user), titles(coach)] == [wanted, wanted]
    assert titles(make_user("admin")) == []


def test_a_second_question_costs_nothing_until_something_changes():
    client = api_of(make_user("coach"))
    row = write()
    first = client.get(URL)
    assert "private" in first["Cache-Control"]
    again = client.get(URL, HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    change_announcement(announcement_id=row.pk, fields={"title": "Newer"}, acting_user=COMMAND_LINE)
    assert client.get(URL, HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 200


def test_the_list_is_paged_by_cursor_newest_first():
    for number in range(3):
        write(str(number))
    client = api_of(make_user("coach"))
    page = client.get(f"{URL}?page_size=2").json()
    assert [one["title"] for one in page["results"]] == ["2", "1"]
    assert [one["title"] for one in client.get(page["next"]).json()["results"]] == ["0"]


def test_only_administrators_write():
    for role in ("coach", "support", "athlete", "data_scientist", "compliance"):
        with pytest.raises(NotPermitted):
            draft_announcement(fields={"kind": "announcement"}, acting_user=make_user(role))


@pytest.mark.parametrize(
    "fields",
    [
        {"title": " "},
        {"body": "x" * 4001},
        {"kind": "advert"},
        {"audience": "tier", "audience_value": "gold"},
        {"audience": "flag", "audience_value": "no.such"},
        {"audience": "all", "audience_value": "coach"},
        {"audience": "everyone"},
        {"written_by_id": "me"},
    ],
)
def test_what_nobody_could_read_is_refused(fields):
    with pytest.raises(InvalidInput):
        write(**fields)


def test_a_known_issue_is_resolved_once_and_nothing_else_is():
    issue, news = write(kind="known_issue"), write()
    resolve_issue(announcement_id=issue.pk, acting_user=COMMAND_LINE)
    for row in (issue, news):
        with pytest.raises(WrongState):
            resolve_issue(announcement_id=row.pk, acting_user=COMMAND_LINE)
    (shown,) = (one for one in api_of(make_user("coach")).get(URL).json()["results"] if one["kind"] == "known_issue")
    assert shown["resolved_at"]


def test_each_change_writes_its_two_events():
    row = write(kind="known_issue")
    resolve_issue(announcement_id=row.pk, acting_user=COMMAND_LINE)
    with unit_of_work(COMMAND_LINE, read_only=True):
        events = list(AuditEvent.objects.filter(target_id=row.pk).order_by("id").values_list("action", flat=True))
    assert events == [
        event
        for action in ("change", "publish", "resolve")
        for event in (f"announcement.{action}", "announcement.state")
    ]


def test_the_strip_has_issues_first_few_of_them_and_none_that_is_resolved():
    for number in range(4):
        write(str(number))
    issue, gone = write("broken", kind="known_issue"), write("mended", kind="known_issue")
    write("latest")
    resolve_issue(announcement_id=gone.pk, acting_user=COMMAND_LINE)
    coach = make_user("coach")
    with unit_of_work(coach, read_only=True), CaptureQueriesContext(connection) as queries:
        rows = strip_for(coach)
    assert [row.title for row in rows] == ["broken", "latest", "3"]
    assert rows[0].pk == issue.pk
    assert len(queries) == 1


def test_a_coach_reads_it_on_top_of_the_pending_page(client):
    review = make_review()
    write("Slow today", kind="known_issue", body="We look into it. <script>alert(1)</script>")
    client.force_login(review.coach)
    place = "/admin/rollout/announcement/news/"
    assert f'data-news="{place}"' in client.get("/admin/plans/plan/pending/").content.decode()
    news = client.get(place).content.decode()
    assert "Slow today" in news
    assert "<script" not in news


def test_an_administrator_writes_publishes_and_resolves_on_the_pages(client):
    client.force_login(make_user("admin"))
    base = "/admin/rollout/announcement"
    assert "There is none yet" in client.get(f"{base}/").content.decode()
    sent = {"kind": "known_issue", "title": "Late", "body": "Plans come late.", "audience": "all", "audience_value": ""}
    assert client.post(f"{base}/add/", {**sent, "publish": "on"}).status_code == 302
    with unit_of_work(COMMAND_LINE, read_only=True):
        row = Announcement.objects.get()
    assert row.published_at is not None
    assert client.post(f"{base}/{row.pk}/change/", {**sent, "title": "Later", "resolve": "on"}).status_code == 302
    with unit_of_work(COMMAND_LINE, read_only=True):
        row.refresh_from_db()
    assert (row.title, row.resolved_at is not None) == ("Later", True)
    refused = client.post(f"{base}/add/", {**sent, "audience": "tier"})
    assert "nothing for everybody" in refused.content.decode()


@pytest.mark.pure
@given(st.text(max_size=300) | st.sampled_from(["<script>x</script>", "[a](javascript:alert(1))", "![x](http://e/x)"]))
def test_markdown_never_yields_a_script_an_image_or_a_handler(text):
    html = as_html(text).lower()
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
