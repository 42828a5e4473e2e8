"""Messages say what is known, and say aloud what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.stats.histogram import Histogram
from rollout.gates.evidence import Arm, Outcome, Tally, Verdict
from rollout.lifecycle import Command, State
from rollout.messages import render
from rollout.messages.figures import duration_text, measured, percent_text, reach_text
from rollout.messages.view import Ended, IncidentView, Reports, Status, StepLine, Week
from rollout.policy.model import Gate, GateKind, Metric, Purpose
from rollout.support import Topic

pytestmark = pytest.mark.pure

NOW = datetime(2026, 3, 9, 6, 30, tzinfo=UTC)
GATES = {
    "errors": Gate("errors", GateKind.GUARDRAIL, Purpose.ROLLBACK, title="Errors", metric=Metric.ERROR),
    "liked": Gate("liked", GateKind.SLO, Purpose.ADVANCE, title="Satisfaction", metric=Metric.RATING),
    "golden": Gate("golden", GateKind.CHECK, Purpose.ADVANCE),
}
VERDICTS = [
    Verdict("errors", Outcome.PASS, 1204, 4000, 0.0025, 0.003),
    Verdict("liked", Outcome.INCONCLUSIVE, 12, observed=4.25, why="12 ratings of 30"),
    Verdict("golden", Outcome.NO_DATA, why="nobody recorded it"),
]
NEW = Tally(
    answered=1204, subjects=1100, failed=3, fallback=1, decided=55, accepted=40, latency=Histogram.of(*[400.0] * 100)
)
STATUS = Status(
    flag="plan.x",
    policy="Five levels",
    at=NOW,
    state=State.HOLDING,
    stage=2,
    stages=5,
    stage_title="Limited beta",
    thousandths=5000,
    groups=("beta-users",),
    time_left=timedelta(days=3, hours=4, minutes=9),
    tallies={Arm.NEW: NEW},
    verdicts=VERDICTS,
    gates=GATES,
    waits_for="liked: inconclusive",
    contacts={"on-call": "Kim"},
)
STEP = StepLine(NOW, Command.ADVANCE, "Internal", "Limited beta", "engine", "every criterion is met")


def test_a_daily_status_holds_the_stage_the_reach_the_time_and_what_it_waits_for():
    text = render.daily_status(STATUS)
    assert text.subject == "plan.x: stage 2 of 5, beta-users and 5 %, waits"
    assert (
        "Stage 2 of 5, “Limited beta”: on for beta-users and 5 %. Holding, at least 3 days 4 hours left." in text.body
    )
    assert "Waits for: liked: inconclusive" in text.body


def test_each_number_stands_with_its_n():
    body = render.daily_status(STATUS).body
    assert "1,204 answered for 1,100 subjects; 3 of 1,204 (0.25 %) failed (1 fell back)" in body
    assert "40 of 55 (73 %) accepted without changes" in body
    assert f"p95 {NEW.latency.quantile(0.95):.0f} ms" in body
    assert "Errors: 0.25 % (n 1,204), control 0.3 % (n 4,000)" in body
    assert "Satisfaction: 4.25 of 5 (n 12); 12 ratings of 30" in body


def test_what_is_not_known_is_said_and_stands_before_what_passed():
    body = render.daily_status(STATUS).body
    assert "control  no data" in body
    lines = [line.split(":")[0].split() for line in body.splitlines() if line.startswith("  ")][-3:]
    assert lines == [["no", "data", "golden"], ["inconclusive", "Satisfaction"], ["pass", "Errors"]]
    assert "golden: nobody recorded it" in body


def test_nothing_judged_is_not_silence():
    assert "not judged yet" in render.daily_status(replace(STATUS, verdicts=())).body


@given(st.sampled_from(Outcome), st.none() | st.floats(0, 1), st.integers(0, 10**6))
def test_a_gate_never_reads_as_another_outcome_and_no_data_never_shows_a_number(outcome, observed, n):
    verdict = Verdict("errors", outcome, n=n, observed=observed)
    (line,) = render.daily_status(replace(STATUS, verdicts=[verdict], tallies={})).body.splitlines()[-1:]
    named = [known for known in Outcome if line.strip().startswith(known.replace("_", " "))]
    assert named == [outcome]
    if outcome is Outcome.NO_DATA:
        assert "%" not in line


@pytest.mark.parametrize("make", [render.daily_status, lambda s: render.step_completed(STEP, s)])
def test_synthetic_outcomes_are_called_so_in_subject_and_text(make):
    text = make(replace(STATUS, synthetic=True))
    assert text.subject.startswith("[synthetic] ")
    assert "synthetic" in text.body
    assert "synthetic" not in make(STATUS).subject + make(STATUS).body


def test_a_killed_flag_reads_as_killed_whatever_its_percentage():
    assert "killed, off for everybody" in render.daily_status(replace(STATUS, killed=True)).subject


def test_a_step_says_what_by_whom_and_why():
    text = render.step_completed(STEP, STATUS)
    assert text.subject == "plan.x advanced to “Limited beta”"
    assert "by engine, 2026-03-09 06:30 UTC" in text.body
    assert "Why: every criterion is met" in text.body


def test_every_command_has_words():
    for command in Command:
        assert render.step_completed(replace(STEP, command=command), STATUS).subject


def test_an_incident_names_what_holds_now_what_was_seen_and_whom_to_call():
    bad = Verdict("errors", Outcome.FAIL, 900, 900, 0.04, 0.01, 60.0, "e-value 60")
    view = IncidentView(
        "plan.x", "Errors above the control", NOW, True, "open", "off for everybody", [bad], GATES,
        [(NOW, "engine", "rolled back")], contacts={"on-call": "Kim"},
    )  # fmt: skip
    body = render.incident(view).body
    assert "by the engine" in body
    assert "Now: off for everybody. Existing plans are not touched." in body
    assert "fail         Errors: 4 % (n 900), control 1 % (n 900); e-value 60" in body
    assert "2026-03-09 06:30 UTC  engine: rolled back" in body
    assert "on-call: Kim" in body


def test_a_week_without_anything_says_so_line_by_line():
    body = render.weekly(Week("2026-W10")).body
    assert "No rollout is live." in body
    assert "Support reports: none." in body
    assert body.count("none") == 3


def test_a_week_counts_reports_by_level():
    week = Week(
        "2026-W10", [STATUS], [replace(STEP, flag="plan.x")], [(NOW, "plan.x", "Down")], Reports({2: 3, 3: 1}, 1)
    )
    text = render.weekly(week)
    assert text.subject == "Rollouts in 2026-W10: 1 live, 1 incidents"
    assert "Support reports: 4 (level 2: 3, level 3: 1), 1 critical." in text.body
    assert "plan.x advanced to “Limited beta”, by engine" in text.body


def test_the_last_report_tells_how_it_ended_and_how_long_it_took():
    done = replace(STATUS, state=State.ROLLED_BACK, at=NOW + timedelta(days=2, hours=1))
    text = render.post_rollout_report(Ended(done, NOW, [STEP]))
    assert text.subject == "plan.x was rolled back: report"
    assert "(2 days 1 hour)" in text.body
    assert "inconclusive" in text.body


def test_a_critical_report_says_nothing_of_what_somebody_wrote():
    text = render.critical_report(Topic.OUTAGE, "plan.x", "new")
    assert text.subject == "Critical report: Nothing works"
    assert "It counts for plan.x, the feature." in text.body
    assert "counts" not in render.critical_report(Topic.OUTAGE, "", "").body


@given(st.text(max_size=400))
def test_a_subject_is_one_short_line(title):
    subject = render.incident(IncidentView("f", title, NOW, False, "open", "off")).subject
    assert len(subject) <= render.LONGEST_SUBJECT
    assert len(subject.splitlines()) == 1


def test_figures_in_words():
    assert percent_text(100) == "0.1 %"
    assert [reach_text(0, ()), reach_text(100_000, ()), reach_text(0, ["team"])] == ["nobody", "everybody", "team"]
    assert duration_text(timedelta(seconds=-5)) == "no time"
    assert duration_text(timedelta(days=1, minutes=1)) == "1 day 1 minute"
    assert measured(1.0, Metric.RATING) == "1.00 of 5"
    assert measured(1.0, Metric.ERROR) == "100 %"
    assert measured(4.0, Metric.CRITICAL_COUNT) == "4"
