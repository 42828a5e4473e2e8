"""The same of what releases models: flags, rollouts, reports, announcements, messages, experiments."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest

from common import clock, jobs
from common.alerts import Alert, Severity
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from common.models import Job
from experiments.lifecycle import Command
from experiments.models import ExperimentAssignment
from rollout.gates.evidence import Arm
from rollout.models import Flag, Incident, Rollout
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services.drill import Fault
from telemetry.models import AlertIncident, DeadLetter
from telemetry.probing import Seen
from telemetry.services.forget import forget_experiments
from tests.access import faults
from tests.access.faults import STRIDES, Story, her, key_of, service, services_of, tell, who
from tests.experiments.protocols import protocol
from tests.factories import make_athlete, make_user
from tests.plans.review import make_review
from tests.rollout.runs.driver import POLICY, START, Driver, begun
from tests.telemetry.making import dead_letter

APPS: Final = ("rollout", "experiments", "telemetry")
INSIDE: Final = "runs inside the unit of work of another service"
NO_SERVICES: Final = {
    **dict.fromkeys(("rollout.incidents.open_incident", "rollout.messages.tell", "rollout.steps.take"), INSIDE),
    **dict.fromkeys(("rollout.wishes.ask", "rollout.writing.managed_flag", "rollout.rollouts.managed_run"), INSIDE),
    "telemetry.emit.emit": INSIDE,
    "experiments.assign.assign": "is `assign_many` of one",
}
SEVERAL: Final = {
    "experiments.looking.look_at_all": "looks at each experiment by itself; one that fails is told of",
    "rollout.tick.tick": "looks at each run by itself; one that fails is told of, and the others go on",
    "telemetry.alerts.evaluate_alerts": "each rule is judged by itself, then what is to be told is handed on",
    "telemetry.alerts.hand_over_notices": "a notice is handed on and marked, one after the other",
    "rollout.messages.deliver_due": "a message is claimed, sent and noted, one after the other",
    "rollout.updates.tell_daily": "a message for each run",
    "telemetry.forget.forget_due": "cleans the outbox, then the files, then says so; cut off, it begins again",
    "rollout.drill.inject_fault": "a person says that it is a drill; then made-up answers come, as a service's",
}
"""Services of several transactions, each of which is whole."""
UI: Final = "ui.compare_swap"
When = Callable[[dict[str, Any]], AbstractContextManager[Any]]
STEPS: list[tuple[str, str, Callable[[dict[str, Any]], Any], When]] = []


def now_of(has: dict[str, Any]) -> datetime:
    return has["now"]  # type: ignore[no-any-return]


@contextmanager
def at_its_time(has: dict[str, Any]) -> Any:
    with clock.frozen(has["now"]):
        yield


def after(prepare: Callable[[dict[str, Any]], None]) -> When:
    """Let the step begin at the story's time, once something was prepared."""

    @contextmanager
    def within(has: dict[str, Any]) -> Any:
        with ExitStack() as stack:
            stack.enter_context(clock.frozen(has["now"]))
            with unit_of_work(COMMAND_LINE):
                prepare(has)
            stack.enter_context(clock.frozen(has["now"]))
            yield

    return within


def does(name: str, /, *values: Any, keep: str = "", within: When = at_its_time, **given: Any) -> None:
    """Add a step that calls a service; what is callable among the values is made from what the story has."""

    def call(has: dict[str, Any]) -> Any:
        made = [value(has) if callable(value) else value for value in values]
        return partial(service(name), *made, **{k: v(has) if callable(v) else v for k, v in given.items()})

    STEPS.append((name, keep, call, within))


def later(minutes: float) -> Callable[[dict[str, Any]], None]:
    def move(has: dict[str, Any]) -> None:
        has["now"] += timedelta(minutes=minutes)

    return move


def run_of(has: dict[str, Any]) -> Any:
    return has["wish"].rollout_id


def incident(has: dict[str, Any]) -> Any:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return Incident.objects.latest("id").pk


def tomorrow(has: dict[str, Any]) -> datetime:
    return clock.now() + timedelta(days=1)


def answers(has: dict[str, Any]) -> None:
    driver = Driver(Rollout.objects.get(pk=run_of(has)), has["now"])
    for _ in range(3):
        driver.answer(Arm.NEW)
    later(1)(has)


def synthetic(has: dict[str, Any]) -> None:
    Rollout.objects.filter(pk=run_of(has)).update(synthetic=True)


def in_spring(has: dict[str, Any]) -> None:
    """Months after the flag's history was written, which happens at real times."""
    has["now"] = datetime.now(UTC) + timedelta(days=90)


def in_two_days(has: dict[str, Any]) -> None:
    has["now"] += timedelta(days=2)


ADMIN: Final = {"acting_user": who("admin"), "reason": "for the story"}
SECOND: Final = {"acting_user": who("second admin")}
does("rollout.flags.seed_flags", acting_user=COMMAND_LINE)
does("rollout.flags.set_group", name="team", subject_ids=lambda has: [her(has)], acting_user=who("admin"))
does("rollout.flags.change_flag", key=UI, changes={"description": "Another."}, **ADMIN)
OF_ANN: Final = {"key": UI, "subject_id": key_of("ann")}
does("rollout.flags.set_user_override", value=False, expires_at=tomorrow, **OF_ANN, **ADMIN)
does("rollout.flags.clear_user_override", **OF_ANN, **ADMIN)
does("rollout.flags.set_admin_override", key=UI, value=False, **ADMIN)
does("rollout.flags.kill_flag", key=UI, **ADMIN)
does("rollout.flags.resume_flag", key=UI, **ADMIN)
does("rollout.approvals.ask_for_change", key=KEY, changes={"requires_tier": ""}, **ADMIN, keep="wish")
does("rollout.approvals.refuse", approval_id=key_of("wish"), comment="no", **SECOND)
does("rollout.approvals.ask_for_group", key=KEY, name="team", subject_ids=lambda has: {her(has), has["bare"].pk},
     **ADMIN, keep="wish")  # fmt: skip
does("rollout.approvals.ask_for_override", key=KEY, subject_id=her, expires_at=tomorrow, **ADMIN, keep="wish")
does("rollout.approvals.approve", approval_id=key_of("wish"), **SECOND)
does("rollout.flags.kill_flag", key=KEY, **ADMIN)
does("rollout.approvals.ask_to_resume", key=KEY, **ADMIN, keep="wish")
does("rollout.approvals.approve", approval_id=key_of("wish"), **SECOND)
does("rollout.incidents.acknowledge_incident", incident_id=incident, cause="a drill", **SECOND)
does("rollout.incidents.add_entry", incident_id=incident, text="All is well.", **SECOND)
does("rollout.incidents.close_incident", incident_id=incident, cause="a drill", follow_up="none", **SECOND)
does("rollout.rollouts.request_rollout", key=KEY, policy_name="short", within=after(later(600)), **ADMIN, keep="wish")
does("rollout.rollouts.discard", rollout_id=run_of, expected=None, **ADMIN)
does("rollout.rollouts.request_rollout", key=KEY, policy_name="short", within=after(later(1)), **ADMIN, keep="wish")
does("rollout.approvals.approve", approval_id=key_of("wish"), **SECOND)
does("rollout.tick.tick_run", rollout_id=run_of, at=now_of, within=after(later(1)))
does("rollout.outcomes.roll_up", at=now_of, within=after(answers))
MOVED: Final = {"rollout_id": run_of, "expected": None, **ADMIN}
does("rollout.rollouts.advance", within=after(later(1)), **MOVED, keep="ahead")
does("rollout.approvals.approve", approval_id=key_of("ahead"), **SECOND)
does("rollout.rollouts.record_check", rollout_id=run_of, gate="looked-at", passed=True, evidence="read", **SECOND)
does("rollout.rollouts.pause", **MOVED)
does("rollout.rollouts.resume", **MOVED)
does("rollout.rollouts.step_back", stage="team", **MOVED)
does("rollout.tick.tick", at=now_of, within=after(later(1)))
does("rollout.drill.inject_fault", rollout_id=run_of, fault=Fault.ERRORS, within=after(synthetic), **ADMIN)
does("rollout.updates.tell_daily", now_of, within=after(later(1)))
does("rollout.updates.tell_weekly", now_of)
does("rollout.rollouts.rollback", within=after(later(1)), **MOVED)
does("rollout.messages.tell_alert", lambda has: Alert("a word", Severity.WARNING, "Soon.", "faults"))
does("rollout.messages.deliver_due", now_of)
does("rollout.retirement.checklist", key="plan.done", acting_user=who("admin"))

does("rollout.reports.file_report", topic="guidance", severity="low", text="No.", acting_user=who("ann"), keep="report")
REPORT: Final = {"report_id": key_of("report"), "acting_user": who("admin")}
does("rollout.reports.take_report", **REPORT)
does("rollout.reports.raise_report", reason="hard", **REPORT)
does("rollout.reports.resolve_report", answer="Mended.", **REPORT)
NEWS: Final = {"announcement_id": key_of("news"), "acting_user": who("admin")}
does("rollout.announcements.draft_announcement", acting_user=who("admin"), keep="news",
     fields={"kind": "known_issue", "title": "A word", "body": "Soon."})  # fmt: skip
does("rollout.announcements.change_announcement", fields={"title": "Two words"}, **NEWS)
does("rollout.announcements.publish_announcement", **NEWS)
does("rollout.announcements.resolve_issue", **NEWS)

WEIGHTS: Final = {"variant_weights": {"a": 50, "b": 50}, "protocol": protocol()}
STEPPED: Final = {"key": "taper", "expected": None, **ADMIN}
does("experiments.running.create_experiment", key="taper", fields=WEIGHTS, **ADMIN)
does("experiments.running.edit_experiment", changes={"description": "Shorter."}, **STEPPED)
does("experiments.previewing.preview_experiment", key="taper", acting_user=COMMAND_LINE)
does("experiments.previewing.preview_fields", key="idea", fields=WEIGHTS, acting_user=COMMAND_LINE)
does("experiments.running.step", command=Command.START, **STEPPED)
does("experiments.running.begin_phase", changes={"variant_weights": {"a": 10, "b": 90}}, **STEPPED)
does("experiments.assign.assign_many", experiment_key="taper", acting_user=COMMAND_LINE,
     subjects=lambda has: [(her(has), {}), (has["bare"].pk, {})])  # fmt: skip
does("experiments.exposing.report_exposure", experiment_key="taper", acting_user=COMMAND_LINE, subject_id=her,
     variant="a", source_id=UUID(int=7))  # fmt: skip
does("experiments.looking.take_look", key="taper", acting_user=COMMAND_LINE, within=after(in_two_days))
does("experiments.looking.look_at_all", within=after(in_two_days))
does("experiments.check.replay_assignment", acting_user=COMMAND_LINE, assignment_id=lambda has: _assignment().pk)
STEPS.append(
    (
        "experiments.check.replay_experiment",
        "",
        lambda has: lambda: list(service("experiments.check.replay_experiment")(key="taper", acting_user=COMMAND_LINE)),
        at_its_time,
    )
)
does("experiments.roster.enrol_roster", key="closed", acting_user=COMMAND_LINE)


def waiting_job(has: dict[str, Any]) -> None:
    Job.objects.create(kind="k", state="queued", created_at=has["now"] - timedelta(hours=1))


def alert_in_story(has: dict[str, Any]) -> UUID:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return AlertIncident.objects.get(rule__name="Leaks").pk


does("telemetry.dead_letters.retry_dead_letter", letter_id=lambda has: dead_letter_in_story().pk, **ADMIN)
does("telemetry.probes.record_probes", name="oslo", seen=lambda has: [Seen(clock.now(), True, 12.5)])
does("telemetry.forget.forget_due", within=after(lambda has: forget_experiments(her(has))))
RULE = {"name": "Leaks", "metric": "jobs.oldest_waiting", "threshold": 5.0, "clear_threshold": 3.0, "window_minutes": 5}
does("telemetry.alert_rules.add_rule", fields=RULE, acting_user=who("admin"), keep="rule")
does(
    "telemetry.alert_rules.change_rule",
    rule_id=key_of("rule"),
    fields={"min_n": 0},
    expected=1,
    acting_user=who("admin"),
)
does("telemetry.alert_rules.silence_rule", rule_id=key_of("rule"), until=tomorrow, **ADMIN)
does("telemetry.alert_rules.end_silence", rule_id=key_of("rule"), acting_user=who("admin"))
does("telemetry.alerts.evaluate_alerts", at=now_of, within=after(waiting_job))
does("telemetry.alert_rules.acknowledge_alert", incident_id=alert_in_story, acting_user=who("admin"))
does("telemetry.alert_rules.try_channel", group="team", acting_user=who("admin"))
does("telemetry.alerts.hand_over_notices")
does("rollout.retirement.retire_flag", key="plan.done", within=after(in_spring), **ADMIN)


def dead_letter_in_story() -> DeadLetter:
    with unit_of_work(COMMAND_LINE):
        return DeadLetter.objects.first() or dead_letter()


def _assignment() -> ExperimentAssignment:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return ExperimentAssignment.objects.latest("id")


def test_every_service_of_releases_is_in_the_story() -> None:
    told = {name for name, *_ in STEPS}
    assert told | NO_SERVICES.keys() == services_of(APPS)
    assert not told & NO_SERVICES.keys()


@pytest.fixture
def people(committed_database: str, tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(jobs, "_dispatch_on_commit", lambda job_id: None)
    settings.TELEMETRY_DIR = str(tmp_path / "telemetry")
    monkeypatch.setattr(
        faults, "FORGIVEN", faults.FORGIVEN | {("incidents.py", "in_any_case"): "a message holds up no rollback (I5)"}
    )
    (tmp_path / "short.toml").write_text(POLICY.format(name="short"))
    settings.ROLLOUT_POLICY_DIR = str(tmp_path)
    review = make_review()
    has = {
        "admin": make_user("admin"),
        "second admin": make_user("admin"),
        "ann": review.user,
        "athlete": review.athlete,
        "bare": make_athlete(),
        "now": START + timedelta(days=1),
    }
    _ready_to_retire(has)
    _closed_experiment(has)
    return has


def _ready_to_retire(has: dict[str, Any]) -> None:
    """A flag whose run completed, to be retired once it was full for a month."""
    with unit_of_work(COMMAND_LINE), clock.frozen(START):
        Flag.objects.create(name="plan.done", enabled=True, guarded=True)
    driver = begun("plan.done", policy="short", by=has["admin"], approver=has["second admin"])
    driver.minutes(31, new=2, control=1)
    with clock.frozen(driver.now):
        service("rollout.rollouts.record_check")(
            rollout_id=driver.run.pk, gate="looked-at", passed=True, evidence="read", acting_user=has["admin"]
        )
    driver.minutes(61, new=1, control=1)
    driver.minutes(61, new=1, control=0)
    assert driver.run.state == "completed"


def _closed_experiment(has: dict[str, Any]) -> None:
    """A closed roster that began before anybody had agreed."""
    told = {"key": "closed", "reason": "x", "acting_user": COMMAND_LINE}
    service("experiments.running.create_experiment")(fields={**WEIGHTS, "roster": "closed"}, **told)
    service("experiments.running.step")(command=Command.START, expected=None, **told)
    for athlete in (has["athlete"], has["bare"]):
        service("accounts.consent.record_consent")(
            athlete_id=athlete.pk, purpose="experiments", granted=True, text_version="1", acting_user=COMMAND_LINE
        )


@pytest.mark.parametrize("stride", STRIDES)
def test_a_fault_at_each_statement_of_a_release_leaves_before_or_after(people: dict[str, Any], stride: int) -> None:
    story = Story(people)
    wrong, number = [], 0
    for name, keep, call, within in STEPS:
        with within(story.has):
            count, said = tell(story, name, keep, call, stride=stride, several=SEVERAL)
        number, wrong = number + count, wrong + said
    story.close()
    assert wrong == [], "\n".join(wrong)
    assert number > {1: 400, 9: 40}[stride]
