"""What is copied: two coaches' athletes with histories, fits and plans in every state, made by the product's services.

All of it is synthetic and says so. `COPY` stands in each name and address where a copy puts its number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from accounts.models import Athlete, Purpose, Team, User
from accounts.services.consent import record_consent
from accounts.services.people import add_athlete, add_user, link_coach
from accounts.services.teams import add_team, set_staff
from common import clock
from common.context import COMMAND_LINE, unit_of_work
from modeling.history.contract import ParsedActivity
from modeling.services.fit_athlete import fit_athlete
from modeling.services.import_history import add_activities
from modeling.services.record_test import add_test, add_threshold
from plans.demo.simulator import SyntheticAthlete, SyntheticHistory, synthetic_history
from plans.document.patch import parse_patch
from plans.models import Plan, PlanSession, PlanVersion
from plans.services.comments import add_comment
from plans.services.complete_session import complete_session
from plans.services.decide import accept_plan, request_changes, submit_plan
from plans.services.rate_cycle import rate_cycle, record_result
from plans.services.request_plan import PlanWish, request_plan
from plans.services.save_edits import save_edits
from tests.load.names import DOMAIN, PASSWORD
from tests.load.tokens import COPY

COACHES: Final = 2
ROSTER: Final = 25
"""Athletes of one coach."""
DAYS: Final = 300
"""Of history before the plan; `synthetic_history` tests every five to six weeks."""

STATES: Final = (
    *("published",) * 6,
    "completed",
    "coach_reviewed",
    "generated",
    "draft",
)
"""The state of each tenth template's plan; one draft in two went back to its coach."""
WEEKS: Final = {"published": (8, 10), "completed": (16, -3), "coach_reviewed": (0, 12), "generated": (0, 14)}
"""Weeks since the plan was asked for, and weeks from now to its race."""
RESULTS: Final = {"5k": 1500.0, "10k": 3150.0, "half_marathon": 7000.0, "marathon": 14_800.0}
REASONS: Final = ("travel", "fatigue", "time_constraint", "illness", "coach_judgement")


@dataclass(frozen=True)
class Person:
    """An athlete of a template with their coach, and what happens to their plan."""

    number: int
    who: SyntheticAthlete
    coach: User
    user: User
    state: str

    @property
    def running(self) -> bool:
        return self.who.sport == "running"


def make_templates(*, today: date, progress: Callable[[str, int, int], None] = lambda *_: None) -> list[UUID]:
    """Make two coaches with 25 athletes each and return the athletes' ids; takes a second or two for each.

    Raises:
        WrongState, InvalidInput: templates are there already.
    """
    coaches, team = _staff()
    found = []
    for number in range(COACHES * ROSTER):
        progress("templates", number, COACHES * ROSTER)
        found.append(_make(number, coaches[number // ROSTER], team, today).pk)
    return found


def _staff() -> tuple[list[User], Team]:
    with unit_of_work(COMMAND_LINE):
        coaches = [_user("coach", f"coach{number}", f"Coach {number}") for number in range(COACHES)]
        support = _user("support", "support", "Support")
        team = add_team(name=f"Synthetic team {COPY}", acting_user=COMMAND_LINE)
        set_staff(team_id=team.pk, user_ids={one.pk for one in (*coaches, support)}, acting_user=COMMAND_LINE)
    return coaches, team


def _user(role: str, local: str, name: str) -> User:
    return add_user(
        email=f"{local}.{COPY}@{DOMAIN}", name=f"{name} {COPY}", role=role, password=PASSWORD, acting_user=COMMAND_LINE
    )


def _make(number: int, coach: User, team: Team, today: date) -> Athlete:
    who = _synthetic(number)
    user = _user("athlete", f"athlete{number:02d}", f"{who.sport.capitalize()} {number:02d}")
    person = Person(number, who, coach, user, STATES[number % len(STATES)])
    weeks_ago, weeks_ahead = WEEKS.get(person.state, (1, 11))
    asked = today - timedelta(weeks=weeks_ago)
    history = synthetic_history(who, until=today, days=DAYS + 7 * weeks_ago)
    with _on(asked - timedelta(days=1)):
        athlete = _add(person, team, history)
        _record(athlete, person, history, before=asked)
        fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE)
    plan_id = _ask(athlete, person, asked, _sunday(today + timedelta(weeks=weeks_ahead)))
    _review(plan_id, person, asked)
    _train(athlete, person, history, asked, today)
    if person.state == "completed":
        _end(athlete, person, plan_id)
    return athlete


def _synthetic(number: int) -> SyntheticAthlete:
    """Return one of 50: four runners in five, all levels and tiers."""
    sport = "cycling" if number % 5 == 4 else "running"
    level = ("beginner", "intermediate", "advanced", "elite", "intermediate")[(number // 5) % 5]
    tier = ("elite", "premium", "guided", "elite", "basic", "free")[number % 6]
    sex = ("female", "male")[number % 2]
    name = f"{sport.capitalize()} {number:02d} {COPY}"
    return SyntheticAthlete(name, sport, level, tier, sex, 1970 + number % 35, 9000 + number)


def _add(person: Person, team: Team, history: SyntheticHistory) -> Athlete:
    who = person.who
    fields: dict[str, Any] = {name: getattr(who, name) for name in ("name", "sport", "level", "tier", "sex")}
    fields |= {"birth_year": who.birth_year, "resting_heart_rate": 50, "is_synthetic": True}
    with unit_of_work(COMMAND_LINE):
        athlete = add_athlete(**fields, user=person.user, team=team, acting_user=COMMAND_LINE)
        link_coach(coach_id=person.coach.pk, athlete_id=athlete.pk, acting_user=COMMAND_LINE)
        for purpose in Purpose.values:
            granted = purpose == Purpose.TRAINING or person.number % 5 != 3
            record_consent(
                athlete_id=athlete.pk, purpose=purpose, granted=granted, text_version="1", acting_user=COMMAND_LINE
            )
        add_threshold(
            athlete_id=athlete.pk,
            sport=who.sport,
            valid_from=history.activities[0].day,
            threshold_hr=172.0,
            max_hr=190.0,
            pace_s_per_km=history.threshold_pace,
            ftp_w=history.ftp,
            acting_user=COMMAND_LINE,
        )
    return athlete


def _record(athlete: Athlete, person: Person, history: SyntheticHistory, *, before: date) -> None:
    with unit_of_work(COMMAND_LINE):
        _import(athlete, [one for one in history.activities if one.day < before])
        for day, value in history.tests:
            if day < before - timedelta(days=1):
                add_test(
                    athlete_id=athlete.pk, day=day, value=value, kind="race", note="synthetic", acting_user=COMMAND_LINE
                )


def _import(athlete: Athlete, activities: Sequence[ParsedActivity]) -> None:
    if activities:
        add_activities(athlete_id=athlete.pk, activities=activities, acting_user=COMMAND_LINE)


def _ask(athlete: Athlete, person: Person, asked: date, race_date: date) -> UUID:
    races = ("marathon", "half_marathon", "10k", "5k") if person.running else ("40km_tt", "gran_fondo")
    wish = PlanWish(race_date=race_date, race_distance=races[person.number % len(races)])
    with _on(asked):
        request_plan(athlete_id=athlete.pk, wish=wish, acting_user=person.coach, seed=person.number, limited=False)
        with unit_of_work(person.coach, read_only=True):
            return UUID(str(Plan.objects.get(athlete=athlete).pk))


def _review(plan_id: UUID, person: Person, asked: date) -> None:
    """What the coach and the athlete do with the plan in the days after it was made."""
    if person.state == "generated":
        return
    if person.number % 3 or person.state == "draft":
        with _on(asked, 11):
            _edit(plan_id, person)
            _comment(plan_id, person)
    if person.state == "draft" and person.number % 20 > 10:
        return
    with _on(asked, 12):
        submit_plan(plan_id=plan_id, expected=None, reason="coach_judgement", acting_user=person.coach)
    if person.state == "coach_reviewed":
        return
    with _on(asked, 15):
        head = _head(plan_id)
        seen = {"plan_id": plan_id, "version_id": head.pk, "content_sha256": head.content_sha256}
        if person.state == "draft":
            # Said as a comment, not with the decision: the audit log's ciphertext of it could not be copied.
            add_comment(plan_id=plan_id, message="Synthetic: I travel that week.", acting_user=person.user)
            request_changes(**seen, acting_user=person.user)
        else:
            accept_plan(**seen, rating=3 + person.number % 3, acting_user=person.user)


def _edit(plan_id: UUID, person: Person) -> None:
    """Shorten four sessions, each with its reason, and move one."""
    head, rng = _head(plan_id), random.Random(person.number)
    rows = _sessions(head, after=clock.today())
    operations: list[dict[str, Any]] = []
    for row in rng.sample(rows, min(4, len(rows))):
        minutes = row.prescribed_work_json.get("duration_min")
        if minutes:
            path = f"/sessions/{row.session_id}/prescribed_work/duration_min"
            value = round(float(minutes) * rng.choice((0.7, 0.8, 0.9)))
            operations.append({"op": "replace", "path": path, "value": value, "reason": rng.choice(REASONS)})
    _save(plan_id, head, operations, person.coach)


def _save(plan_id: UUID, head: PlanVersion, operations: list[dict[str, Any]], coach: User) -> None:
    save_edits(
        plan_id=plan_id, version_id=head.pk, expected=None, operations=parse_patch(operations), acting_user=coach
    )


def _comment(plan_id: UUID, person: Person) -> None:
    anchor = _sessions(_head(plan_id), after=clock.today())[0].session_id
    add_comment(plan_id=plan_id, message="Synthetic: easy, by feel.", anchor_id=anchor, acting_user=person.coach)


def _train(athlete: Athlete, person: Person, history: SyntheticHistory, asked: date, today: date) -> None:
    """Import what was done week by week, which completes sessions by itself; some are told by hand."""
    day = asked
    while day < today:
        until = min(day + timedelta(days=7), today)
        with _on(until - timedelta(days=1), 20):
            with unit_of_work(COMMAND_LINE):
                _import(athlete, [one for one in history.activities if day <= one.day < until])
            if person.state in ("published", "completed"):
                _say(athlete, person, day, until)
        day = until
    if asked < today:
        with _on(today - timedelta(days=1), 21):
            fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE)


def _say(athlete: Athlete, person: Person, since: date, until: date) -> None:
    """Tell of the week's first session that nothing was imported for."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        plan = Plan.objects.select_related("active_version").get(athlete=athlete)
        rows = _sessions(plan.active_version, after=since - timedelta(days=1)) if plan.active_version else []
    due = [row for row in rows if row.day < until and row.kind != "race"]
    if due:
        status = ("done", "skipped", "partly")[person.number % 3]
        minutes = None if status == "skipped" else 40.0
        complete_session(
            session_id=due[0].session_id, status=status, duration_min=minutes, rpe=4, acting_user=person.user
        )


def _end(athlete: Athlete, person: Person, plan_id: UUID) -> None:
    with unit_of_work(COMMAND_LINE, read_only=True):
        plan = Plan.objects.get(pk=plan_id)
    with _on(plan.race_date, 21):
        seconds = RESULTS[plan.race]
        record_result(
            athlete_id=athlete.pk, race=plan.race, day=plan.race_date, seconds=seconds, acting_user=person.user
        )
        rate_cycle(plan_id=plan_id, score=4, acting_user=person.user)


def _head(plan_id: UUID) -> PlanVersion:
    with unit_of_work(COMMAND_LINE, read_only=True):
        found = Plan.objects.select_related("head_version").get(pk=plan_id).head_version
    assert found is not None
    return found


def _sessions(version: PlanVersion, *, after: date) -> list[PlanSession]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = version.sessions.filter(day__gt=after).exclude(kind__in=("rest", "race"))
        return list(rows.order_by("day", "session_id"))


def _sunday(day: date) -> date:
    return day + timedelta(days=6 - day.weekday())


def _on(day: date, hour: int = 9) -> AbstractContextManager[None]:
    return clock.frozen(datetime.combine(day, time(hour), UTC))
