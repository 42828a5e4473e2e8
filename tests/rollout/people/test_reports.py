"""Support reports: filed by athletes and coaches, counted for the arm that the athlete had, worked by support."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.models import Notification, Team, TeamMembership
from accounts.notifications import text_of
from accounts.services.erasure import erase_from_command_line
from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, LimitReached, NotPermitted, NotVisible, WrongState
from common.keys import ERASED
from common.management.base import COMMAND_LINE
from rollout.models import Flag, OutcomeFact, Report, ReportStatus, RolloutMessage
from rollout.selectors import LIVE
from rollout.services.reports import file_report, raise_report, resolve_report, take_report
from telemetry.models import OutboxEvent
from telemetry.tokens import person_token
from tests.factories import api_of, make_athlete, make_user
from tests.rollout.people.making import KEY, make_rollout

pytestmark = pytest.mark.django_db
URL = "/api/v1/reports"


def rows_of(model, **where):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(model.objects.filter(**where).order_by("pk"))


def ann(**more):
    """An athlete, her log-in, her coach."""
    user, coach = make_user("athlete"), make_user("coach")
    return make_athlete(user=user, coach=coach, **more), user, coach


def flag_at(thousandths):
    with unit_of_work(COMMAND_LINE):
        Flag.objects.filter(name=KEY).update(rollout_thousandths=thousandths)
    LIVE.refresh()


def file(user, **more):
    return file_report(**{"topic": "error", "severity": "medium", "text": "It fails.", **more}, acting_user=user)


def support_for(athlete):
    user = make_user("support")
    with unit_of_work(COMMAND_LINE):
        team = Team.objects.create(name="Hers")
        type(athlete).objects.filter(pk=athlete.pk).update(team=team)
        TeamMembership.objects.create(team=team, user=user)
    return user


@pytest.mark.parametrize(("share", "arm"), [(100_000, "new"), (0, "control")])
def test_a_report_counts_for_the_arm_that_the_athlete_has_whatever_a_client_says(share, arm):
    athlete, user, _ = ann()
    run = make_rollout(stage=2)
    flag_at(share)
    body = {"topic": "outage", "severity": "critical", "text": "Nothing.", "flag": "other", "arm": "x", "level": 1}
    answer = api_of(user).post(URL, body)
    assert answer.status_code == 201, answer.content
    (fact,) = rows_of(OutcomeFact)
    assert (fact.rollout_id, fact.stage, fact.arm, fact.kind, fact.critical) == (run.pk, 2, arm, "report", True)
    (report,) = rows_of(Report)
    assert fact.source_id == report.pk
    assert (report.flag_id, report.rollout_id, report.stage, report.arm) == (run.flag_id, run.pk, 2, arm)
    assert report.level == 3
    assert fact.athlete_id == report.athlete_id == athlete.pk


def test_a_report_is_told_once_when_it_is_filed_without_a_word_of_it():
    athlete, user, coach = ann()
    make_rollout(stage=2)
    flag_at(100_000)
    report = file(user, topic="calculation", severity="medium", text="zanzibar")
    raise_report(report_id=report.pk, reason="look", acting_user=make_user("admin"))
    file(coach)
    first, second = rows_of(OutboxEvent, type="report.filed")
    assert (first.aggregate_id, first.data["subject"]) == (report.pk, str(report.pk))
    assert first.data["data"] == {
        "report_id": str(report.pk),
        "topic": "calculation",
        "severity": "medium",
        "level": 2,
        "athlete": person_token(athlete.pk),
        "flag": KEY,
        "arm": "new",
    }
    about = second.data["data"]
    assert (about["athlete"], about["flag"], about["arm"]) == (None, None, "")


def test_a_report_belongs_to_the_way_of_the_newest_answer_not_to_todays_decision():
    athlete, user, _ = ann()
    run = make_rollout(stage=1)
    with unit_of_work(COMMAND_LINE):
        OutcomeFact.objects.create(
            rollout=run, stage=1, arm="control", kind="answer", source_id=athlete.pk, athlete_id=athlete.pk
        )
        type(run).objects.filter(pk=run.pk).update(state="rolled_back")
        Flag.objects.filter(pk=run.flag_id).update(rollout_id=None)
    file(user)
    (report,) = rows_of(Report)
    assert (report.rollout_id, report.stage, report.arm) == (run.pk, 1, "control")
    assert rows_of(OutcomeFact, kind="report") == [], "a run that ended counts no more"


def test_trouble_with_the_account_counts_for_no_feature():
    _, user, _ = ann()
    make_rollout()
    flag_at(100_000)
    file(user, topic="account", severity="critical")
    assert rows_of(OutcomeFact) == []


def test_without_a_rollout_a_report_is_about_no_feature():
    _, user, _ = ann()
    file(user)
    (report,) = rows_of(Report)
    assert (report.flag_id, report.rollout_id, report.stage, report.arm) == (None, None, None, "")


def test_a_coach_reports_about_athletes_of_theirs_and_in_general():
    athlete, _, coach = ann()
    assert file(coach, athlete_id=athlete.pk).athlete == athlete
    assert file(coach).athlete is None
    with pytest.raises(NotVisible):
        file(coach, athlete_id=make_athlete().pk)


@pytest.mark.parametrize("role", ["support", "data_scientist", "compliance"])
def test_others_file_none(role):
    with pytest.raises(NotPermitted):
        file(make_user(role))


def test_what_was_written_is_ciphertext_of_the_athlete_and_goes_with_their_key():
    athlete, user, coach = ann()
    file(coach, athlete_id=athlete.pk, text="Quetzal hurts")
    file(user, text="Quetzal again")
    assert all(b"Quetzal" not in report.text for report in rows_of(Report))
    assert [one["text"] for one in api_of(user).get(URL).json()["results"]] == ["Quetzal again"]
    erase_from_command_line(athlete_id=athlete.pk, reason="asked")
    assert [one["text"] for one in api_of(coach).get(URL).json()["results"]] == [ERASED]


@pytest.mark.parametrize("text", ["", "   ", "x" * 4001, "a\x00b"])
def test_an_empty_or_endless_text_is_refused(text):
    with pytest.raises(InvalidInput):
        file(ann()[1], text=text)


def test_the_same_request_sent_twice_files_one_report():
    _, user, _ = ann()
    client = api_of(user)
    body = {"topic": "guidance", "text": "How do I move a session?"}
    first, second = (client.post(URL, body, HTTP_IDEMPOTENCY_KEY="once") for _ in range(2))
    assert first.json() == second.json()
    assert len(rows_of(Report)) == 1


def test_a_person_files_so_many_an_hour(settings):
    settings.THROTTLE_RATES = {**settings.THROTTLE_RATES, "report": "1/hour"}
    client = api_of(ann()[1])
    body = {"topic": "guidance", "text": "How?"}
    assert [client.post(URL, body).status_code for _ in range(2)] == [201, LimitReached.status]


def test_everybody_reads_their_own_alone_newest_first():
    athlete, user, coach = ann()
    mine = [str(file(user).pk) for _ in range(3)]
    file(coach, athlete_id=athlete.pk)
    page = api_of(user).get(f"{URL}?page_size=2").json()
    assert [one["id"] for one in page["results"]] == mine[:0:-1]
    assert page["next"]
    assert len(api_of(coach).get(URL).json()["results"]) == 1


def test_a_report_is_taken_raised_and_answered_and_each_step_is_recorded():
    athlete, user, _ = ann()
    worker = support_for(athlete)
    report = file(user, topic="guidance", severity="low")
    take_report(report_id=report.pk, acting_user=worker)
    raised = raise_report(report_id=report.pk, reason="needs numbers", acting_user=worker)
    assert (raised.level, raised.status, raised.assigned_to_id) == (2, ReportStatus.NEW, None)
    resolve_report(report_id=report.pk, answer="Drag it.", acting_user=worker)
    (shown,) = api_of(user).get(URL).json()["results"]
    assert (shown["status"], shown["answer"]) == ("resolved", "Drag it.")
    events = rows_of(AuditEvent, target_id=report.pk)
    actions = [event.action for event in events if event.action != "report.state"]
    assert actions == ["report.add", "report.take", "report.raise", "report.resolve"]
    states = [event.metadata_json for event in events if event.action == "report.state"]
    assert [(state["status"], state["level"]) for state in states] == [
        ("new", 1), ("in_progress", 1), ("new", 2), ("resolved", 2),
    ]  # fmt: skip


def test_the_reporter_is_notified_of_the_answer():
    _, user, _ = ann()
    resolve_report(report_id=file(user).pk, answer="Mended.", acting_user=make_user("admin"))
    (note,) = rows_of(Notification, user=user)
    assert text_of(note.kind, note.data).title == "Your report was answered: something fails."
    assert "Mended" not in str(note.data)


def test_a_report_is_closed_once_and_the_last_level_has_no_next():
    admin = make_user("admin")
    report = file(ann()[1], severity="critical")
    with pytest.raises(WrongState):
        raise_report(report_id=report.pk, reason="more", acting_user=admin)
    resolve_report(report_id=report.pk, answer="Done.", acting_user=admin)
    for again in (
        lambda: take_report(report_id=report.pk, acting_user=admin),
        lambda: resolve_report(report_id=report.pk, answer="Again.", acting_user=admin),
    ):
        with pytest.raises(WrongState):
            again()


def test_support_works_its_teams_reports_and_those_about_nobody():
    athlete, user, coach = ann()
    worker, stranger = support_for(athlete), make_user("support")
    about_her, general = file(user), file(coach)
    take_report(report_id=about_her.pk, acting_user=worker)
    take_report(report_id=general.pk, acting_user=stranger)
    with pytest.raises(NotVisible):
        take_report(report_id=about_her.pk, acting_user=stranger)
    for outsider in (coach, user, make_user("data_scientist")):
        with pytest.raises(NotPermitted):
            take_report(report_id=about_her.pk, acting_user=outsider)


def test_data_scientists_get_counts_and_no_rows():
    _, user, _ = ann()
    make_rollout()
    flag_at(100_000)
    file(user, severity="critical")
    file(user, topic="guidance", severity="low")
    scientist = make_user("data_scientist")
    counts = api_of(scientist).get(f"{URL}/counts").json()
    assert {(one["level"], one["topic"], one["arm"], one["flag"], one["count"]) for one in counts} == {
        (1, "guidance", "new", KEY, 1), (3, "error", "new", KEY, 1),
    }  # fmt: skip
    assert api_of(scientist).get(URL).status_code == 403
    if connection.vendor == "postgresql":
        with unit_of_work(scientist, read_only=True):
            assert Report.objects.count() == 0


@pytest.mark.parametrize("days", ["0", "x", "-1", "9999"])
def test_an_impossible_span_is_refused(days):
    assert api_of(make_user("admin")).get(f"{URL}/counts?days={days}").status_code == 400


def test_the_second_wall_hides_a_report_from_the_athletes_coach_and_from_other_teams():
    athlete, user, coach = ann()
    worker, stranger = support_for(athlete), make_user("support")
    file(user)
    readers = {"user": user, "coach": coach, "worker": worker, "stranger": stranger, "admin": make_user("admin")}
    seen = {}
    for name, reader in readers.items():
        with unit_of_work(reader, read_only=True):
            seen[name] = Report.objects.count()
    if connection.vendor == "postgresql":
        assert seen == {"user": 1, "coach": 0, "worker": 1, "stranger": 0, "admin": 1}
    else:
        assert set(seen.values()) == {1}, "SQLite has the first wall alone"


def test_the_people_on_call_hear_of_a_critical_report_without_a_word_of_it():
    file(ann()[1], severity="critical", text="Quetzal")
    file(ann()[1], severity="high")
    told = rows_of(RolloutMessage)
    assert {row.group for row in told} == {"oncall", "team"}
    assert all("Quetzal" not in row.text + row.subject for row in told)


def test_the_queue_shows_the_worst_first_and_the_forms_work(client):
    athlete, user, _ = ann(name="Bea Quick")
    worker = support_for(athlete)
    low, bad = file(user, topic="guidance", severity="low"), file(user, severity="critical")
    client.force_login(worker)
    page = client.get("/admin/rollout/report/").content.decode()
    assert page.index(str(bad.pk)) < page.index(str(low.pk))
    assert str(bad.pk) not in client.get("/admin/rollout/report/?level=1").content.decode()
    assert "No report matches" in client.get("/admin/rollout/report/?status=resolved").content.decode()
    base = f"/admin/rollout/report/{low.pk}"
    client.post(f"{base}/take/")
    client.post(f"{base}/raise/", {"reason": "numbers"})
    client.post(f"{base}/resolve/", {"answer": "Like this."})
    assert "Like this." in client.get(f"{base}/change/").content.decode()
    assert rows_of(Report, pk=low.pk)[0].status == "resolved"


def test_a_coach_reports_on_a_page_and_what_was_typed_stays_when_it_is_refused(client):
    athlete, _, coach = ann()
    client.force_login(coach)
    assert "You have reported nothing" in client.get("/admin/rollout/report/").content.decode()
    sent = {"topic": "error", "severity": "odd", "athlete": str(athlete.pk), "text": "Keep me"}
    assert "Keep me" in client.post("/admin/rollout/report/add/", sent).content.decode()
    assert client.post("/admin/rollout/report/add/", {**sent, "severity": "low"}).status_code == 302
    assert "Something fails" in client.get("/admin/rollout/report/").content.decode()


def test_reports_are_kept_for_their_time_after_they_were_resolved(settings):
    from common.retention import RULES

    open_one = file(ann()[1])
    closed = file(ann()[1])
    resolve_report(report_id=closed.pk, answer="Done.", acting_user=make_user("admin"))
    rule = RULES.get("rollout_reports")
    assert rule.keep is not None
    with unit_of_work(COMMAND_LINE, read_only=True):
        over = set(rule.over(clock.now() + 2 * rule.keep, frozenset()).values_list("pk", flat=True))
    assert over == {closed.pk}
    assert open_one.pk not in over
