"""A synthetic cohort in the database: people by the product's services, their past written in bulk.

`modeling.training.simulate.coaching` says what happened, with habits planted; here it becomes the rows that the
services of plans would have stored: 400 athletes' ten weekly plans through the services would take ten minutes. Left
out are rows that no part of retraining reads: audit log, outbox, notifications, histories of heads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import Athlete, User
from accounts.services.consent import record_consent
from accounts.services.people import add_athlete, add_user, link_coach
from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from modeling.models import Activity, Test
from modeling.training.simulate.coaching import Coaching, Rule, simulate_coaching
from plans.document import document, document_text, field_changes, session_texts, summarise, text_sha256
from plans.document.content import session_entry
from plans.models import (
    Plan,
    PlanContent,
    PlanGeneration,
    PlanReview,
    PlanSession,
    PlanVersion,
    PlanVersionChange,
    SessionCompletion,
)

Row = Mapping[str, Any]

PLANTED = Coaching(
    athletes=400,
    coaches=20,
    weeks=8,
    rules=(Rule(kind="long", reason="travel", factor=0.88, coaches=0.9, chance=0.95),),
    reasons=("travel",),
    reason_weeks=0.3,
    rates={"volume": 0.03, "swap": 0.01, "move": 0.02, "rest": 0.01},
    coach_spread=0.1,
    by_weekday={0: 1.0, 4: -1.5},
    start=date(2026, 1, 5),
    seed=6,
)
"""Nine coaches in ten cut the long run after a week of travel by 12 %; Mondays are kept, Fridays often not. The two
tests an athlete has are too few for priors of their own."""
UNTIL = date(2026, 4, 20)
"""A Monday; the last weekly plan is over."""


@dataclass(frozen=True)
class Cohort:
    """The people, in the simulator's order."""

    coaches: list[User]
    users: list[User]
    athletes: list[Athlete]

    def coach_of(self, number: int) -> User:
        return self.coaches[number % len(self.coaches)]


def make_cohort(of: Coaching = PLANTED) -> Cohort:
    """Make the people, who agree to training and experiments, and write what they did."""
    tables = {name: found.to_pylist() for name, found in simulate_coaching(of).items()}
    coaches = [_user("coach", number) for number in range(of.coaches)]
    users = [_user("athlete", number) for number in range(of.athletes)]
    athletes = [_athlete(row, number, users, coaches) for number, row in enumerate(tables["athletes"])]
    cohort = Cohort(coaches, users, athletes)
    with unit_of_work(COMMAND_LINE):
        _write_training(cohort, tables)
        _write_plans(cohort, tables)
    return cohort


def _user(role: str, number: int) -> User:
    return add_user(email=f"{role}{number}@loop.example", name=f"{role} {number}", role=role, acting_user=COMMAND_LINE)


def _athlete(row: Row, number: int, users: list[User], coaches: list[User]) -> Athlete:
    """Add one; the id is fixed, since its token says who is held out."""
    with clock.frozen(row["available_at"]):
        athlete = add_athlete(
            id=UUID(f"01955c3a-0000-7000-8000-{number:012x}"),
            name=f"Synthetic {number}",
            is_synthetic=True,
            user=users[number],
            acting_user=COMMAND_LINE,
            tier="elite",
            **{name: row[name] for name in ("sport", "level", "sex", "birth_year")},
        )
        coach_id = coaches[number % len(coaches)].pk
        link_coach(coach_id=coach_id, athlete_id=athlete.pk, acting_user=COMMAND_LINE)
        for purpose in ("training", "experiments"):
            told = {"athlete_id": athlete.pk, "purpose": purpose, "text_version": "1"}
            record_consent(granted=True, acting_user=COMMAND_LINE, **told)
    return athlete


def number_of(token: str) -> int:
    """Return the number of one of the simulator's names, such as "synthetic-plan-12"."""
    return int(token.rsplit("-", 1)[1])


def _write_training(cohort: Cohort, tables: Mapping[str, list[Row]]) -> None:
    Activity.objects.bulk_create(
        (
            Activity(
                athlete=cohort.athletes[number_of(row["athlete"])],
                day=row["day"],
                sport=row["sport"],
                duration_s=60 * row["minutes"],
                load=row["load"],
                load_unit="TSS",
                load_method="stated",
                stated_load=row["load"],
                stated_load_unit="TSS",
                stated_load_source="table",
                source_name="simulated",
                fingerprint=row["activity"],
                created_at=row["available_at"],
            )
            for row in _by_time(tables["activities"])
        ),
        batch_size=500,
    )
    Test.objects.bulk_create(
        Test(
            athlete=cohort.athletes[number_of(row["athlete"])],
            day=row["day"],
            value=row["value"],
            kind=row["kind"],
            created_at=row["available_at"],
        )
        for row in _by_time(tables["tests"])
    )


def _write_plans(cohort: Cohort, tables: Mapping[str, list[Row]]) -> None:
    sessions = defaultdict[tuple[str, str], list[Row]](list)
    for row in tables["sessions"]:
        sessions[row["plan"], row["role"]].append(row)
    reviews = {(row["plan"], row["decision"]): row for row in tables["reviews"]}
    reasons = {row["session"]: row["reason"] or "" for row in tables["overrides"]}
    ids = {row["session"]: uuid7() for row in tables["sessions"]}
    last = {row["athlete"]: row["plan"] for row in tables["plans"] if (row["plan"], "submit") in reviews}
    desk = _Desk(cohort, reasons, ids, {})
    for row in _by_time(tables["plans"]):
        seen, said = (reviews.get((row["plan"], name)) for name in ("submit", "accept"))
        proposed, published = (sessions[row["plan"], name] for name in ("proposed", "published"))
        desk.write(row, proposed, published, seen and (seen["available_at"], said["available_at"]), last)
    for model, rows in desk.rows.items():
        model.objects.bulk_create(rows, batch_size=500)
    SessionCompletion.objects.bulk_create(list(desk.completions(tables["completions"])), batch_size=500)


@dataclass(frozen=True)
class _Desk:
    """The rows of plans, in the order in which they may be inserted. plans: of those that were published."""

    cohort: Cohort
    reasons: Mapping[str, str]
    ids: Mapping[str, UUID]
    plans: dict[str, Plan]
    rows: Any = None

    def __post_init__(self) -> None:
        models = (Plan, PlanVersion, PlanContent, PlanSession, PlanVersionChange, PlanReview, PlanGeneration)
        object.__setattr__(self, "rows", {model: [] for model in models})

    def write(
        self,
        row: Row,
        proposed: list[Row],
        published: list[Row],
        seen: tuple[datetime, datetime] | None,
        last: Mapping[str, str],
    ) -> None:
        """Write a week's plan: as proposed, as the coach submitted it where one looked, and as it was accepted."""
        number = number_of(row["athlete"])
        athlete, coach, at = self.cohort.athletes[number], self.cohort.coach_of(number), row["available_at"]
        plan = Plan(
            athlete=athlete,
            created_by_id=coach.pk,
            race=row["race"],
            race_date=row["race_date"],
            available_days=list(range(7)),
            pipeline="auto",
            created_at=at,
            state_since=at,
        )
        self.rows[Plan].append(plan)
        self.rows[PlanGeneration].append(_request(plan, coach, at))
        first = head = self._version(plan, coach, proposed, at, None)
        if seen is not None:
            submitted, accepted = seen
            if _told(published, self.ids) != _told(proposed, self.ids):
                head = self._version(plan, coach, published, submitted, first)
            self._decide(plan, head, coach, self.cohort.users[number], submitted, accepted)
            plan.status = "published" if last[row["athlete"]] == row["plan"] else "superseded"
            plan.active_version, plan.state_since = head, accepted
            self.plans[row["plan"]] = plan
        plan.head_version = head

    def _version(
        self, plan: Plan, author: User, sessions: list[Row], at: datetime, parent: PlanVersion | None
    ) -> PlanVersion:
        content = document(_told(sessions, self.ids).items())
        text = document_text(session_texts(content))
        some = sessions[0]
        version = PlanVersion(
            plan=plan,
            athlete=plan.athlete,
            version_number=2 if parent else 1,
            parent_version=parent,
            baseline=parent,
            status="draft" if parent else "generated",
            author_id=author.pk,
            content_sha256=text_sha256(text),
            weeks_json=[_week(some)],
            provenance_json={"pipeline": "auto", "algorithm_version": "1"},
            created_at=at,
        )
        version.document = content
        self.rows[PlanVersion].append(version)
        self.rows[PlanContent].append(PlanContent(version=version, athlete=plan.athlete, document=text, created_at=at))
        self.rows[PlanSession] += _session_rows(version, content["sessions"], at)
        if parent is not None:
            self._changes(version, parent, sessions)
        return version

    def _changes(self, version: PlanVersion, parent: PlanVersion, sessions: list[Row]) -> None:
        reasons = {str(self.ids[row["session"]]): self.reasons.get(row["session"], "") for row in sessions}
        changes = field_changes(parent.document, version.document)
        given = [reasons[change.session_id] for change in changes]
        version.diff_summary_json = summarise(parent.document, version.document, reasons=given).as_json()
        self.rows[PlanVersionChange] += [
            PlanVersionChange(
                version=version,
                athlete=version.athlete,
                position=position,
                session_id=UUID(change.session_id),
                field_path=change.path,
                change_type=change.change,
                old_value=change.old,
                new_value=change.new,
                reason=reason,
                created_at=version.created_at,
            )
            for position, (change, reason) in enumerate(zip(changes, given, strict=True))
        ]

    def _decide(
        self, plan: Plan, head: PlanVersion, coach: User, user: User, submitted: datetime, accepted: datetime
    ) -> None:
        shared = {"plan": plan, "version": head, "athlete": plan.athlete, "content_sha256": head.content_sha256}
        submission = PlanReview(**shared, reviewer_id=coach.pk, decision="submit", created_at=submitted)
        acceptance = {"decision": "accept", "submission": submission, "created_at": accepted}
        self.rows[PlanReview] += [submission, PlanReview(**shared, reviewer_id=user.pk, **acceptance)]

    def completions(self, rows: Iterable[Row]) -> Iterator[SessionCompletion]:
        """Yield what athletes said of sessions; of a plan that was never published they say nothing."""
        for row in _by_time(rows):
            number = number_of(row["athlete"])
            if row["plan"] in self.plans:
                yield SessionCompletion(
                    plan=self.plans[row["plan"]],
                    athlete=self.cohort.athletes[number],
                    session_id=self.ids[row["session"]],
                    day=row["day"],
                    status=row["status"],
                    duration_min=row["minutes"],
                    recorded_by_id=self.cohort.users[number].pk,
                    created_at=row["available_at"],
                )


def _by_time(rows: Iterable[Row]) -> list[Row]:
    """Ids are by time, and so must be the order of insertion."""
    return sorted(rows, key=lambda row: row["available_at"])


def _told(sessions: list[Row], ids: Mapping[str, UUID]) -> dict[str, Any]:
    """Return a week's sessions as the document holds them, by id."""
    return {str(ids[row["session"]]): _entry(row) for row in sessions}


def _entry(row: Row) -> dict[str, Any]:
    minutes, kind = round(row["minutes"], 1), row["kind"]
    return session_entry(
        day=row["day"].isoformat(),
        modality="rest" if kind == "rest" else row["modality"],
        kind=kind,
        title=f"{kind.capitalize()} {minutes:g} min",
        prescribed_work={"duration_min": minutes, "steps": [], "summary": f"{minutes:g} min"},
        load=row["load"],
        key_session=row["key_session"],
    )


def _week(row: Row) -> dict[str, Any]:
    monday = row["day"] - timedelta(days=row["day"].weekday())
    frame = {"number": row["week_number"], "monday": monday.isoformat(), "phase": row["phase"]}
    return frame | {"is_recovery": row["is_recovery"], "target_load": 300.0}


def _session_rows(version: PlanVersion, entries: Mapping[str, Any], at: datetime) -> list[PlanSession]:
    return [
        PlanSession(
            version=version,
            athlete=version.athlete,
            session_id=UUID(session_id),
            prescribed_work_json=entry["prescribed_work"],
            created_at=at,
            **{name: entry[name] for name in ("day", "modality", "kind", "title", "load", "key_session", "locked")},
        )
        for session_id, entry in entries.items()
    ]


def _request(plan: Plan, coach: User, at: datetime) -> PlanGeneration:
    goal = {"race_date": plan.race_date.isoformat(), "race_distance": plan.race, "goal_seconds": None}
    return PlanGeneration(
        athlete=plan.athlete,
        requested_by_id=coach.pk,
        day=at.astimezone(UTC).date(),
        slot=1,
        goal_json=goal | {"available_days": list(range(7))},
        routed_to="auto",
        routing_reason="flag_on",
        seed=1,
        outcome="ok",
        pipeline="auto",
        latency_ms=150.0,
        settled_at=at,
        plan=plan,
        created_at=at,
    )
