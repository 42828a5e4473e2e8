"""A fault at each statement of each service leaves what was before or what comes after, never something between.

The services are told as one story, each step with a fault at its first statement, its second, and so on until it gets
through; then the story goes on.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import date, timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

import pytest

from accounts.models import AthleteGrant, Team
from common import clock, jobs
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from modeling.history.contract import ParsedActivity
from modeling.models import Activity, RunStatus, TestProposal
from modeling.services.tag_models import TrainedTags
from modeling.tagging.fitting import seed_model
from modeling.tagging.model import document_of, sha256_of
from modeling.tagging.seed import seed_sha256
from modeling.training.patterns import Evidence, Pattern
from plans.document import parse_patch
from plans.models import Plan
from plans.services.request_plan import PlanWish
from plans.services.retrain_parts import NothingToLearn, Parts
from plans.services.versions import etag_of
from telemetry.models import OutboxEvent
from tests.access.faults import STRIDES, Call, Story, her, key_of, service, services_of, tell, who
from tests.factories import PASSWORD, make_athlete, make_user
from tests.modeling.registry import trained
from tests.plans.review import make_review, note_op, sunday

APPS: Final = ("accounts", "modeling", "plans")
NO_SERVICES: Final = {
    "accounts.break_glass.record_reading": "tells of a reading beside the page that reads; it changes nothing else",
    "accounts.note_erasures.note_erasures": "reads; what it writes is a file, told again (tests/backup)",
    "accounts.erased_again.erase_again": "a unit of work a person; a second run completes the first (tests/backup)",
    "accounts.erasure.erase_restored": "what `erase_from_command_line` does, in a restored database (tests/backup)",
    "accounts.notify.notify": "runs inside the unit of work of what people are told about",
    "plans.complete_session.match_imports": "runs inside an import's unit of work",
    "modeling.corrections.tell_of_tests": "runs inside the unit of work that changed them",
    "plans.tell_race.tell_results": "runs inside the unit of work that changed tests",
    "plans.retrain_tags.retrain_tags_where_due": "asks whether `retrain_tags` is due, and calls it",
    "plans.retrain_parts.train": "reads, and learns from files; what it found is kept by `finish_run`",
    "plans.retrain_tags.retrain_tags": "reads, makes a model, and has services that are told here store or stop it",
    "plans.export_features.export_features": "writes files; cut off, it leaves the manifest before it (tests/features)",
    "plans.version_evidence.evidence_of": "reads within the unit of work of a promotion",
    "modeling.heuristics.link_experiment": "runs inside the unit of work that drafts the experiment",
    "plans.try_heuristic.fields_with_power": "reads; told with `try_heuristic` and `adopt_pattern`",
    "plans.try_heuristic.draft_experiment": "runs inside the unit of work that asks for the experiment",
    "plans.make_demo.make_demo": "many units of work, one an athlete; a second run completes the first",
}
NOTED_AFTERWARDS: Final = {"accounts.erasure.confirm_erasure", "accounts.erasure.erase_from_command_line"}
"""What is done when the list of erasures is written: a fault there is logged, and made up for within minutes."""
SEVERAL: Final = {
    "accounts.notify.send_waiting_mail",
    "accounts.erasure.erase_from_command_line",
    "modeling.recompute_fits.recompute_due",
    "plans.retrain.fail",
    "plans.retrain.retrain",
    "plans.retrain.take_step",
}
"""Services of several transactions, each of which is whole: a mail is claimed, sent, and noted; an erasure is asked for
by one identity and confirmed by another, and run again it goes on from the open request; a step of a training run that
fails closes the run with the reason, and then people are told; a fit that cannot be recomputed is logged, and the
others are recomputed."""


HEURISTIC: Final = {
    "name": "short-saturdays",
    "condition": {"kind": ["long"], "weekday": [5]},
    "adjustment": {"adjustment": "volume", "volume_factor": 0.85},
    "reason": "Coaches shorten long sessions on Saturdays.",
}
FOUND: Final = [
    Evidence(Pattern("shortened", "long", "weekday", day), 12.0, 0.5, 0.1, 9, 7, 21, 34, 68, 0.85, None, None, "")
    for day in ("3", "4")
]


STEPS: list[tuple[str, str, Call, Callable[[dict[str, Any]], AbstractContextManager[Any]]]] = []


def step(name: str, call: Call, /, *, keep: str = "", within: Any = lambda has: nullcontext()) -> None:
    STEPS.append((name, keep, call, within))


def does(name: str, /, *, keep: str = "", within: Any = lambda has: nullcontext(), **given: Any) -> None:
    """Add a step that calls a service; what is callable among `given` is made from what the story has."""

    def call(has: dict[str, Any]) -> Any:
        return partial(service(name), **{k: value(has) if callable(value) else value for k, value in given.items()})

    step(name, call, keep=keep, within=within)


def plan_now(has: dict[str, Any]) -> Plan:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return Plan.objects.select_related("head_version").get(pk=has["plan_id"])


def tag(has: dict[str, Any]) -> frozenset[Any]:
    return frozenset({etag_of(plan_now(has))})


def head_id(has: dict[str, Any]) -> Any:
    return plan_now(has).head_version_id


def sha(has: dict[str, Any]) -> str:
    head = plan_now(has).head_version
    assert head is not None
    return head.content_sha256


def ends(has: dict[str, Any]) -> Any:
    return clock.now() + timedelta(days=2)


def yesterday(has: dict[str, Any]) -> date:
    return clock.today() - timedelta(days=1)


def activity(has: dict[str, Any]) -> list[ParsedActivity]:
    day = clock.today() - timedelta(days=2)
    return [
        ParsedActivity(
            source_name="api", line=None, started_at=None, day=day, sport="running", duration_s=2400.0,
            fingerprint="f" * 64,
        )
    ]  # fmt: skip


def csv(has: dict[str, Any]) -> list[Any]:
    rows = "".join(f"{clock.today() - timedelta(days=n)},run,{3000 + n},10000\n" for n in range(5, 60, 2))
    return [("week.csv", io.BytesIO(f"date,sport,duration,distance\n{rows}".encode()))]


def one_activity(has: dict[str, Any]) -> Any:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return Activity.objects.filter(athlete=has["athlete"], deleted_at=None).order_by("day")[0].pk


def proposals(has: dict[str, Any]) -> list[Any]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = TestProposal.objects.filter(athlete=has["athlete"], accepted_test=None, dismissed_at=None)
        return [row.pk for row in rows.order_by("id")[:1]]


def expire(has: dict[str, Any]) -> AbstractContextManager[Any]:
    with unit_of_work(COMMAND_LINE):
        AthleteGrant.objects.update(expires_at=clock.now() - timedelta(hours=1))
    return nullcontext()


def on_the_day(has: dict[str, Any]) -> AbstractContextManager[Any]:
    day = date.fromisoformat(has["session"]["day"])
    return clock.frozen(clock.now() + (day - clock.today()))


def tomorrow(has: dict[str, Any]) -> AbstractContextManager[Any]:
    return clock.frozen(clock.now() + timedelta(days=1))


def moved(has: dict[str, Any]) -> date:
    day = date.fromisoformat(has["other_session"]["day"])
    return day + timedelta(days=1 if day.weekday() < 6 else -1)


def undescribed(has: dict[str, Any]) -> AbstractContextManager[Any]:
    with unit_of_work(COMMAND_LINE):
        OutboxEvent.objects.filter(type="athlete.described").delete()
    return nullcontext()


def trained_tags(has: dict[str, Any]) -> TrainedTags:
    document = document_of(seed_model(), seed_sha256=seed_sha256(), corrections=0)
    metrics = {"mean_f1": 0.8, "difference": 0.0, "low": 0.0, "accepted": True}
    return TrainedTags("seed", document, sha256_of(document), [], metrics)


NOTE: Final = {"operations": lambda has: parse_patch([note_op(has["session"], f"at {clock.now()}")])}

does("accounts.people.add_user", email="new@test.example", name="New", role="coach", password=PASSWORD,
     acting_user=who("admin"), keep="new")  # fmt: skip
does("accounts.invitations.invite_user", email="asked@test.example", name="Asked", role="support",
     acting_user=who("admin"), keep="asked")  # fmt: skip
does("accounts.people.change_role", user_id=key_of("new"), role="coach", acting_user=who("admin"))
does("accounts.people.set_active", user_id=key_of("asked"), is_active=False, acting_user=who("admin"))
does("accounts.people.add_athlete", name="Bea", sport="cycling", level="beginner", acting_user=who("coach"))
does("accounts.people.edit_athlete", athlete_id=her, changes={"name": "Ann B."}, acting_user=who("ann"))
does("accounts.people.link_coach", coach_id=key_of("new"), athlete_id=her, acting_user=who("admin"), keep="link")
does("accounts.people.end_link", link_id=key_of("link"), acting_user=who("admin"))
does("accounts.describe.describe_missing", acting_user=who("admin"), within=undescribed)
does("accounts.teams.add_team", name="North", acting_user=who("admin"), keep="team")
does("accounts.teams.rename_team", team_id=key_of("team"), name="South", acting_user=who("admin"))
does(
    "accounts.teams.set_staff",
    team_id=key_of("team"),
    user_ids=lambda has: [has["support"].pk, has["new"].pk],
    acting_user=who("admin"),
)
does("accounts.consent.record_consent", athlete_id=her, purpose="experiments", granted=True, text_version="1",
     acting_user=who("ann"))  # fmt: skip
GRANT: Final = {"athlete_id": her, "user_id": key_of("support"), "expires_at": ends, "reason": "cover"}
does("accounts.grants.grant_athlete", **GRANT, acting_user=who("admin"), keep="grant")
does("accounts.grants.end_athlete_grant", athlete_id=her, grant_id=key_of("grant"), acting_user=who("admin"))
does("accounts.grants.grant_athlete", **GRANT, acting_user=who("admin"))
does("accounts.grants.end_expired", within=expire)
does("accounts.passwords.ask_for_reset", email=lambda has: has["ann"].email)
does("accounts.passwords.choose_password", password=PASSWORD, acting_user=who("ann"))
does("accounts.tokens.log_in", email=lambda has: has["ann"].email, password=PASSWORD, keep="tokens")
does("accounts.tokens.refresh", token=lambda has: has["tokens"].refresh, keep="tokens")
does("accounts.tokens.log_out", token=lambda has: has["tokens"].refresh)
does("modeling.record_test.add_threshold", athlete_id=her, sport="running", acting_user=who("coach"),
     valid_from=lambda has: clock.today() - timedelta(days=80), threshold_hr=170.0, max_hr=190.0)  # fmt: skip
does("modeling.import_history.import_history", athlete_id=her, sources=csv, acting_user=who("coach"))
does("modeling.import_history.add_activities", athlete_id=her, activities=activity, acting_user=who("coach"))
does("modeling.record_test.add_test", athlete_id=her, day=yesterday, value=45.0, kind="race", acting_user=who("coach"))
does("modeling.corrections.correct_row", kind="activity", row_id=one_activity, changes={"duration_s": 3333.0},
     reason="watch", acting_user=who("coach"))  # fmt: skip
does("modeling.corrections.delete_row", kind="activity", row_id=one_activity, reason="twice", acting_user=who("coach"))
does("modeling.proposals.propose_tests", athlete_id=her, acting_user=who("coach"))
does("modeling.proposals.accept_proposals", athlete_id=her, acting_user=who("coach"), proposal_ids=proposals)
does("modeling.proposals.dismiss_proposals", athlete_id=her, acting_user=who("coach"), proposal_ids=proposals)
does("modeling.fit_athlete.fit_athlete", athlete_id=her, acting_user=who("coach"))
does("modeling.recompute_fits.recompute_due", within=tomorrow)
does("plans.request_plan.request_plan", athlete_id=her, seed=3, limited=False, acting_user=who("coach"),
     wish=lambda has: PlanWish(race_date=sunday(6), race_distance="5k"), keep="generation")  # fmt: skip
does("plans.generate_plan.generate_plan", generation_id=key_of("generation"), acting_user=who("coach"), keep="second")
does("plans.request_plan.request_plan", athlete_id=her, seed=4, limited=False, acting_user=who("coach"),
     wish=lambda has: PlanWish(race_date=sunday(7), race_distance="5k"), keep="failing")  # fmt: skip
does("plans.generate_plan.tell_failure", generation_id=key_of("failing"), why="no", acting_user=who("coach"))
MINE: Final = {"plan_id": who("plan_id"), "acting_user": who("coach")}
ANN: Final = {"plan_id": who("plan_id"), "acting_user": who("ann")}
NAMED: Final = {"version_id": head_id, "content_sha256": sha}
does("plans.share_plan.share_plan", user_id=key_of("support"), expires_at=ends, reason="look", **MINE, keep="share")
does("plans.share_plan.end_share", grant_id=key_of("share"), **MINE)
does("plans.look.look_at_plan", version_number=1, **MINE)
does("plans.save_edits.save_edits", version_id=head_id, expected=tag, **NOTE, **MINE)
does("plans.regenerate_plan.regenerate_plan", expected=tag, seed=5, **MINE)
does("plans.decide.submit_plan", expected=tag, reason="travel", **MINE)
does("plans.decide.request_changes", comment="Too much.", **NAMED, **ANN)
does("plans.save_edits.save_edits", version_id=head_id, expected=tag, **NOTE, **MINE)
does("plans.decide.submit_plan", expected=tag, reason="travel", **MINE)
does("plans.decide.accept_plan", **NAMED, **ANN)
does("plans.comments.add_comment", message="Good.", **MINE, keep="comment")
does("plans.comments.resolve_comment", comment_id=key_of("comment"), **ANN)
does("plans.tag_comment.tag_comment", comment_id=key_of("comment"), acting_user=COMMAND_LINE)
does("plans.correct_tags.correct_tags", comment_id=key_of("comment"), tags=["injury", "time"], **MINE)
does("modeling.tag_models.store_tag_model", trained=trained_tags, acting_user=who("admin"))
does("modeling.tag_models.stop_tag_model", why="for the story", acting_user=who("admin"))
does("plans.move_session.move_session", session_id=lambda has: has["other_session"]["session_id"], day=moved, **ANN)
does("plans.complete_session.complete_session", session_id=lambda has: has["session"]["session_id"], status="done",
     rpe=4, note="windy", acting_user=who("ann"), within=on_the_day)  # fmt: skip
does("plans.rate_cycle.rate_cycle", score=4, comment="fine", **ANN)
does("plans.rate_cycle.record_result", athlete_id=her, race="5k", day=yesterday, seconds=1500.0, acting_user=who("ann"))
does("plans.export_changelog.export_changelog", **MINE)
does("plans.calendar_feed.subscribe", athlete_id=her, acting_user=who("ann"), keep="feed")
step("plans.calendar_feed.read_feed", lambda has: partial(service("plans.calendar_feed.read_feed"), has["feed"][1]))
does("plans.calendar_feed.revoke", feed_id=lambda has: has["feed"][0].pk, acting_user=who("ann"))
does("plans.decide.withdraw_plan", plan_id=key_of("second"), expected=lambda has: frozenset({etag_of(has["second"])}),
     acting_user=who("coach"))  # fmt: skip
does("accounts.preferences.set_preferences", changes={"units": "imperial", "language": "de"}, acting_user=who("ann"))
does("accounts.notify.mark_read", ids=None, acting_user=who("ann"))
does("accounts.notify.send_waiting_mail")


def version_of(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda has: has[name].version.name


def too_little(as_of: Any, champion: Any, progress: Any) -> Any:
    progress("features", 0, 1)
    raise NothingToLearn("one athlete")


MODELS: Final = {"acting_user": who("admin")}
RUN: Final = {"as_of": lambda has: clock.now(), "trigger": "nightly", **MODELS}
PARTS: Final = Parts(lambda progress: progress("export", 0, 1), too_little)
does("modeling.training_runs.begin_run", **RUN, keep="run")
does("modeling.training_runs.report_step", run_id=key_of("run"), step="train", **MODELS)
does("modeling.training_runs.finish_run", run_id=key_of("run"), trained=trained("a"), **MODELS, keep="first model")
does("plans.propose_version.propose_newest", **MODELS)
does("modeling.versions.promote_version", name=version_of("first model"), reason="better", expected="1",
     without_experiment=True, **MODELS)  # fmt: skip
does("modeling.versions.roll_back_version", reason="worse", expected=version_of("first model"), **MODELS)
does("modeling.training_runs.begin_run", **RUN, keep="run")
does("modeling.training_runs.finish_run", run_id=key_of("run"), trained=trained("b"), **MODELS, keep="second model")
does("modeling.versions.give_experiment", version_id=lambda has: has["second model"].version.pk, key="x", **MODELS)
does("modeling.training_runs.begin_run", **RUN, keep="run")
does("modeling.training_runs.end_run", run_id=key_of("run"), status=RunStatus.FAILED, message="no room", **MODELS)
does("modeling.training_runs.begin_run", **RUN, keep="run")
does("plans.retrain.take_step", run_id=key_of("run"), step="propose", parts=lambda has: PARTS, **MODELS)
does("plans.retrain.fail", run_id=key_of("run"), why="no room", **MODELS)
does("plans.retrain.retrain", parts=lambda has: PARTS, **MODELS)

does("modeling.heuristics.create_heuristic", document=HEURISTIC, reason="seen", acting_user=who("admin"))
does("plans.try_heuristic.try_heuristic", name="short-saturdays", reason="seen", acting_user=who("admin"))
does("modeling.heuristics.step_heuristic", name="short-saturdays", command="retire", reason="done",
     acting_user=who("admin"))  # fmt: skip
does(
    "plans.override_patterns.propose_patterns", found=lambda has: FOUND, data_sha256="a" * 64, acting_user=who("admin")
)
does("plans.override_patterns.adopt_pattern", key=FOUND[0].pattern.key, reason="seen", acting_user=who("admin"))
does("plans.override_patterns.dismiss_pattern", key=FOUND[1].pattern.key, reason="no", acting_user=who("admin"))
does("modeling.report_preference.prefer_mail", wants_mail=False, acting_user=who("coach"))
does("plans.tell_reports.tell_reports")

does("accounts.break_glass.open_break_glass", reason="incident 4", acting_user=who("admin"), keep="glass")
does("accounts.break_glass.close_break_glass", acting_user=who("admin"))
does("accounts.break_glass.review_break_glass", glass_id=key_of("glass"), note="fine", acting_user=who("compliance"))
BARE: Final = {"athlete_id": key_of("bare"), "acting_user": who("admin")}
does("accounts.holds.place_hold", reason="a claim", held_until=None, **BARE, keep="hold")
does("accounts.holds.lift_hold", hold_id=key_of("hold"), reason="settled", acting_user=who("admin"))
does("accounts.erasure.request_erasure", reason="asked", **BARE, keep="erasure")
does("accounts.erasure.refuse_erasure", request_id=key_of("erasure"), reason="a mistake", acting_user=who("admin"))
does("accounts.erasure.request_erasure", reason="asked again", **BARE, keep="erasure")
does("accounts.erasure.what_would_go", **BARE)
does("accounts.erasure.confirm_erasure", request_id=key_of("erasure"), acting_user=who("second admin"))
does("accounts.erasure.erase_from_command_line", athlete_id=key_of("bare too"), reason="a letter")


def test_every_service_is_in_the_story() -> None:
    told = {name for name, *_ in STEPS}
    assert told | NO_SERVICES.keys() == services_of(APPS)
    assert not told & NO_SERVICES.keys()


@pytest.mark.parametrize("stride", STRIDES)
def test_a_fault_at_each_statement_leaves_before_or_after(
    committed_database: str, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    # A queued job would run at once and in transactions of its own; what it calls has its own step.
    monkeypatch.setattr(jobs, "_dispatch_on_commit", lambda job_id: None)
    story = Story(_people())
    wrong, faults = [], 0
    for name, keep, call, within in STEPS:
        with within(story.has):
            said_of = {"several": SEVERAL, "noted_afterwards": NOTED_AFTERWARDS}
            count, said = tell(story, name, keep, call, stride=stride, **said_of)
        faults, wrong = faults + count, wrong + said
    story.close()
    assert wrong == [], "\n".join(wrong)
    assert faults > {1: 500, 9: 50}[stride]


def test_a_change_in_two_halves_is_noticed(committed_database: str) -> None:
    def in_halves() -> None:
        for _ in range(2):
            with unit_of_work(COMMAND_LINE):
                Team.objects.create(name=str(uuid4()))

    story = Story()
    _, wrong = tell(story, "none.of.ours", "", lambda has: in_halves, stride=1)
    story.close()
    assert any("changed something although it failed" in said for said in wrong)


def _people() -> dict[str, Any]:
    review = make_review(race="5k", weeks=6)
    sessions = [session for session in review.editable() if session["prescribed_work"]["duration_min"]]
    return {
        "admin": make_user("admin"),
        "support": make_user("support"),
        "coach": review.coach,
        "ann": review.user,
        "athlete": review.athlete,
        "bare": make_athlete(coach=review.coach),
        "bare too": make_athlete(coach=review.coach),
        "compliance": make_user("compliance"),
        "second admin": make_user("admin"),
        "plan_id": review.plan_id,
        "session": sessions[0],
        "other_session": sessions[2],
    }
