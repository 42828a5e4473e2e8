"""What the operators' pages say, and that they ask the database a bounded number of times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from rollout.dashboard.gates import forest_of, read_verdicts, row_of
from rollout.dashboard.history import run_history
from rollout.dashboard.inbox import inbox
from rollout.dashboard.incident import incident_page, incident_rows
from rollout.dashboard.listing import listing
from rollout.dashboard.run import run_now
from rollout.demo import KEY, make_rollout_demo
from rollout.gates.evidence import Outcome, Verdict
from rollout.models import Flag, FlagProcess, FlagVersion, Incident, OutcomeMinute, Rollout, UserOverride
from rollout.policy.model import Gate, GateKind, Metric, Purpose
from rollout.services.flags import kill_flag
from rollout.services.rollouts import pause
from tests.factories import make_athlete, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def people():
    return make_user("admin", name="Ada"), make_user("admin", name="Ben")


@pytest.fixture
def run(people):
    make_rollout_demo(asked_by=people[0], approved_by=people[1])
    return Rollout.objects.select_related("flag").get(state="running")


def reading(user):
    return unit_of_work(user, read_only=True)


def texts(now):
    return " | ".join(reason.text for reason in now.reasons)


def test_the_demo_is_synthetic_at_a_middle_stage_and_is_made_once(run, people):
    now = run_now(run)
    assert [rung.place for rung in now.rungs].index("current") == 5
    assert "Synthetic" in [pill.word for pill in now.pills]
    assert make_rollout_demo(asked_by=people[0], approved_by=people[1]) is None
    first, last = (OutcomeMinute.objects.filter(rollout=run).order_by(o).first().minute for o in ("minute", "-minute"))
    assert last - first > timedelta(days=13)


@pytest.mark.parametrize(("hour", "minute"), [(3, 10), (14, 1), (18, 18), (22, 40)])
def test_the_demo_tells_the_same_story_at_every_time_of_day(people, hour, minute):
    with clock.frozen(datetime(2026, 11, 21, hour, minute, tzinfo=UTC)):
        make_rollout_demo(asked_by=people[0], approved_by=people[1])
        verdicts = read_verdicts(Rollout.objects.get(state="running").verdicts_json)
        assert "fail" not in {verdict.outcome for verdict in verdicts}
        assert "worse than the control" in Incident.objects.get().evidence_json["why"]


def test_the_page_says_what_keeps_the_stage_from_being_left(run):
    now = run_now(run)
    assert "of the stage remain" in texts(now)
    assert "The load test passes" in texts(now)
    assert "remain" in now.blocked
    assert "At most 3 % errors:" not in texts(now), "a gate that only pages is in nobody's way"


def test_a_killed_flag_is_said_first_and_blocks_the_advance(run, people):
    kill_flag(key=KEY, reason="wrong plans seen", acting_user=people[0])
    run.flag.refresh_from_db()
    now = run_now(run)
    assert now.pills[0].word == "Killed"
    assert now.blocked == "the flag is killed"
    assert now.reasons[0].text.startswith("The flag is killed")


def test_outcomes_older_than_the_policy_allows_are_stale(run):
    assert run_now(run).stale == ""
    with clock.frozen(clock.now() + timedelta(minutes=40)):
        assert "min" in run_now(run).stale


def test_only_processes_that_still_report_count_as_observed(run):
    token, now = FlagVersion.objects.get().token, clock.now()
    for name, version, ago in (("web-1", token, 1), ("web-2", "older", 2), ("web-3", "older", 600)):
        at = now - timedelta(seconds=ago)
        FlagProcess.objects.create(name=name, snapshot_version=version, snapshot_at=at, seen_at=at)
    seen = run_now(run).processes
    assert (seen.current, seen.total) == (1, 2)
    assert [(p.name, p.is_silent) for p in seen.shown] == [("web-3", True), ("web-2", False), ("web-1", False)]


def test_the_days_until_a_gate_can_answer_are_told_at_todays_traffic(run):
    OutcomeMinute.objects.filter(rollout=run, stage=run.stage).exclude(
        minute__gte=clock.now() - timedelta(hours=24)
    ).delete()
    verdict = Verdict("errors-below-2-percent", Outcome.INCONCLUSIVE, n=10, why="10 of 250")
    run.verdicts_json = [{"gate": verdict.gate, "outcome": "inconclusive", "n": 10, "why": verdict.why}]
    found = next(r.text for r in run_now(run).reasons if r.text.startswith("At most 2 % errors"))
    assert "enough in about" in found
    assert "at today’s traffic" in found


@pytest.mark.parametrize(("observed", "worse"), [(0.03, True), (0.01, False)])
def test_a_forest_stands_to_the_right_where_the_new_arm_is_worse(observed, worse):
    gate = Gate("g", GateKind.GUARDRAIL, Purpose.ROLLBACK, metric=Metric.ERROR, margin=1.5, alpha=0.01, min_n=10)
    forest = forest_of(gate, Verdict("g", Outcome.PASS, n=2000, n_control=2000, observed=observed, control=0.02))
    assert (forest.dot > 50) is worse
    assert 50 < forest.limit < 70
    assert forest.left < forest.dot < forest.left + forest.width


def test_a_gate_without_a_verdict_has_no_data():
    row = row_of(Gate("g", GateKind.SLO, Purpose.PAGE, metric=Metric.ERROR, limit=0.03, min_n=400), None)
    assert (row.pill.word, row.observed, row.n, row.fails_at) == ("No data", "–", "0 (min 400)", "> 3 %")


def test_overrides_name_only_athletes_whom_the_viewer_may_see(run, people):
    athlete = make_athlete(name="Quxworth")
    end = clock.now() + timedelta(hours=5)
    with unit_of_work(COMMAND_LINE):
        given = {"flag": run.flag, "value": False, "reason": "injury", "expires_at": end, "set_by_id": people[0].pk}
        UserOverride.objects.create(subject_id=athlete.pk, **given)
    names = []
    for user in (people[0], make_user("data_scientist")):
        with reading(user):
            (row,) = run_history(run_now(run), user).overrides
            names.append(row.who)
    assert names == ["Quxworth", f"Athlete {str(athlete.pk)[-6:]}"]


def test_the_history_has_charts_usage_and_the_earlier_rollback_with_its_incident(run, people):
    with reading(people[0]):
        history = run_history(run_now(run), people[0])
    assert len(history.charts) == 8
    assert not any(chart.is_empty for chart in history.charts)
    assert sum(part.share for part in history.usage) == pytest.approx(100, abs=0.2)
    (rollback,) = history.rollbacks
    assert rollback.incident_id == Incident.objects.get().pk


def test_the_list_puts_what_needs_a_person_first(run, people):
    assert [title for title, _ in listing().groups] == ["Running"]
    pause(rollout_id=run.pk, expected=run.version, reason="look at it", acting_user=people[0])
    ((title, (row,)),) = listing().groups
    assert (title, row.next_what, row.tags) == ("Needs you", "Resume or roll back", {"live"})
    assert listing(chosen="killed").groups == ()
    assert listing(words="TAPER").groups != ()


def test_a_flag_at_full_for_a_month_is_stale_until_it_was_narrowed(people):
    with unit_of_work(COMMAND_LINE):
        flag = Flag.objects.create(name="plan.old", enabled=True, rollout_thousandths=100_000)
    with clock.frozen(clock.now() + timedelta(days=31)):
        ((_, (row,)),) = listing().groups
        assert row.next_pill.word.startswith("Stale: 100 %, 3")
    with unit_of_work(COMMAND_LINE):
        flag.rollout_thousandths = 50_000
        flag.save()
    with clock.frozen(clock.now() + timedelta(days=31)):
        ((_, (row,)),) = listing().groups
        assert row.next_pill is None


def test_an_incident_shows_what_it_was_decided_on(run, people):
    with reading(people[0]):
        page = incident_page(Incident.objects.select_related("flag", "rollout").get(), people[0])
    assert page.is_contained
    assert "No more errors than the control" in page.gates.failed
    assert [label for label, _, _ in page.exposed][0] == "Athletes exposed"
    assert len(page.entries) == 4


def queries(read):
    with CaptureQueriesContext(
        connection,
    ) as seen:
        read()
    return len(seen)


def test_pages_ask_a_bounded_number_of_times(run, people):
    admin = people[0]

    def reads():
        with reading(admin):
            found = Rollout.objects.select_related("flag").get(pk=run.pk)
            now = run_now(found)
            incident = Incident.objects.select_related("flag", "rollout").first()
            asked = [
                lambda: run_now(found),
                lambda: run_history(now, admin),
                listing,
                incident_rows,
                lambda: incident_page(incident, admin),
                lambda: inbox(admin),
            ]
            return [queries(read) for read in asked]

    before = reads()
    with unit_of_work(COMMAND_LINE):
        for number in range(12):
            Flag.objects.create(name=f"plan.more_{number}")
            at = clock.now()
            FlagProcess.objects.create(name=f"web-{number}", snapshot_version="x", snapshot_at=at, seen_at=at)
            Incident.objects.create(flag=run.flag, rollout=run, title="more", automatic=False)
            given = {"value": False, "reason": "r", "expires_at": at + timedelta(days=1), "set_by_id": admin.pk}
            UserOverride.objects.create(flag=run.flag, subject_id=uuid7(), **given)
    after = reads()
    assert max(before) <= 10
    assert all(b <= a + 2 for a, b in zip(before, after, strict=True)), (before, after)
