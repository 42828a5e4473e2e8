"""Random people, links, teams, grants and rows, and the rule of who sees what told once more in plain Python."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from accounts.models import Athlete, AthleteGrant, CoachLink, Role, Team, TeamMembership, User
from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from modeling.models import Activity
from plans.models import Decision, Plan, PlanGrant, PlanReview, PlanVersion, State

USERS: Final = 250
ATHLETES: Final = 100
PLANS: Final = 100
ACTIVITIES: Final = 100
VERSIONS: Final = 100
GRANTEES: Final = (Role.COACH, Role.SUPPORT)


@dataclass
class Crowd:
    """Everything that was made, as plain rows."""

    users: list[User] = field(default_factory=list)
    athletes: dict[UUID, Athlete] = field(default_factory=dict)
    plans: dict[UUID, Plan] = field(default_factory=dict)
    versions: dict[UUID, PlanVersion] = field(default_factory=dict)
    activities: dict[UUID, Activity] = field(default_factory=dict)
    links: list[CoachLink] = field(default_factory=list)
    memberships: list[TeamMembership] = field(default_factory=list)
    access: list[AthleteGrant] = field(default_factory=list)
    shares: list[PlanGrant] = field(default_factory=list)
    reviews: list[PlanReview] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        objects = len(self.athletes) + len(self.plans) + len(self.versions) + len(self.activities)
        return len(self.users) * objects

    def reach(self, user: User) -> set[UUID]:
        """Athletes whose plans a user sees: all, coached today, of the user's teams, granted, or themselves."""
        today, now = clock.today(), clock.now()
        granted = {g.content_object_id for g in self.access if g.user_id == user.pk and g.expires_at > now}
        match user.role if user.is_active else None:
            case Role.ADMIN:
                return set(self.athletes)
            case Role.COACH:
                held = (k for k in self.links if k.coach_id == user.pk and k.active_from <= today)
                return granted | {k.athlete_id for k in held if k.active_until is None or k.active_until > today}
            case Role.SUPPORT:
                teams = {m.team_id for m in self.memberships if m.user_id == user.pk}
                return granted | {pk for pk, athlete in self.athletes.items() if athlete.team_id in teams}
            case Role.ATHLETE:
                return {pk for pk, athlete in self.athletes.items() if athlete.user_id == user.pk}
        return set()

    def shared(self, user: User) -> set[UUID]:
        """Plans that were shared with a user and still are."""
        if not user.is_active or user.role not in GRANTEES:
            return set()
        now = clock.now()
        return {g.content_object_id for g in self.shares if g.user_id == user.pk and g.expires_at > now}

    def seen_athletes(self, user: User) -> set[UUID]:
        return self.reach(user) | {self.plans[pk].athlete_id for pk in self.shared(user)}

    def seen_plans(self, user: User) -> set[UUID]:
        """Athletes see of their own what was submitted to them or what they asked for."""
        reach, shared = self.reach(user), self.shared(user)
        found = {pk for pk, plan in self.plans.items() if plan.athlete_id in reach or pk in shared}
        if user.role == Role.ATHLETE:
            submitted = {review.plan_id for review in self.reviews}
            found = {pk for pk in found if pk in submitted or self.plans[pk].created_by_id == user.pk}
        return found

    def seen_versions(self, user: User) -> set[UUID]:
        reach, shared = self.reach(user), self.shared(user)
        found = {pk for pk, v in self.versions.items() if v.athlete_id in reach or v.plan_id in shared}
        if user.role == Role.ATHLETE:
            submitted = {review.version_id for review in self.reviews}
            found = {pk for pk in found if pk in submitted or self._asked_for(user, self.versions[pk])}
        return found

    def seen_activities(self, user: User) -> set[UUID]:
        """Support has no part in histories; what was deleted nobody sees."""
        reach = self.reach(user) if user.role != Role.SUPPORT else set()
        return {pk for pk, row in self.activities.items() if row.athlete_id in reach and row.deleted_at is None}

    def _asked_for(self, user: User, version: PlanVersion) -> bool:
        is_first = version.status == State.GENERATED.value and version.version_number == 1
        return is_first and self.plans[version.plan_id].created_by_id == user.pk


def make_crowd(seed: int) -> Crowd:
    """Make a crowd; the same seed makes the same relations."""
    rng, crowd = random.Random(seed), Crowd()
    with unit_of_work(COMMAND_LINE):
        _people(rng, crowd)
        _relations(rng, crowd)
        _rows(rng, crowd)
        _shares(rng, crowd)
    return crowd


def _people(rng: random.Random, crowd: Crowd) -> None:
    weights = {Role.COACH: 9, Role.SUPPORT: 5, Role.ATHLETE: 6, Role.ADMIN: 1, "data_scientist": 1, "compliance": 1}
    roles = rng.choices(list(weights), list(weights.values()), k=USERS)
    roles[:6] = list(weights)
    crowd.users = User.objects.bulk_create(
        User(email=f"crowd{n}@test.example", role=str(role), is_active=n < 6 or rng.random() > 0.08)
        for n, role in enumerate(roles)
    )
    teams = Team.objects.bulk_create(Team(name=f"Team {n}") for n in range(8))
    runners = [user for user in crowd.users if user.role == Role.ATHLETE]
    made = Athlete.objects.bulk_create(
        Athlete(
            name=f"Athlete {n}",
            sport="running",
            level="intermediate",
            user=runners[n] if n < len(runners) and rng.random() < 0.9 else None,
            team=rng.choice(teams) if rng.random() < 0.7 else None,
        )
        for n in range(ATHLETES)
    )
    crowd.athletes = {athlete.pk: athlete for athlete in made}
    # A membership of somebody who is no support gives nothing.
    crowd.memberships = TeamMembership.objects.bulk_create(
        TeamMembership(team=team, user=user)
        for user in crowd.users
        if user.role in (Role.SUPPORT, Role.COACH)
        for team in rng.sample(teams, rng.choice((0, 1, 1, 2)))
    )


def _relations(rng: random.Random, crowd: Crowd) -> None:
    today = clock.today()
    for user in crowd.users:
        # A link of somebody who is no coach any more gives nothing.
        count = rng.randrange(12) if user.role == Role.COACH else rng.choice((0, 0, 0, 1))
        for athlete in rng.sample(list(crowd.athletes.values()), count):
            start = today + timedelta(days=rng.choice((-400, -30, -1, 0, 0, 1, 30)))
            length = rng.choice((None, None, 0, 1, 30, 31, 500))
            until = None if length is None else start + timedelta(days=length)
            crowd.links.append(CoachLink(coach=user, athlete=athlete, active_from=start, active_until=until))
    CoachLink.objects.bulk_create(crowd.links)
    crowd.access = AthleteGrant.objects.bulk_create(_grants(rng, crowd, AthleteGrant, crowd.athletes, 300))


def _rows(rng: random.Random, crowd: Crowd) -> None:
    people = list(crowd.athletes.values())
    for number in range(PLANS):
        athlete = rng.choice(people)
        author = athlete.user_id if athlete.user_id and rng.random() < 0.4 else crowd.users[0].pk
        plan = Plan(athlete=athlete, created_by_id=author, race="10k", race_date=clock.today(), pipeline="template")
        crowd.plans[plan.pk] = plan
        for version_number in range(1, 1 + rng.choice((1, 1, 2)) if number else 2):
            status = State.GENERATED if version_number == 1 and rng.random() < 0.8 else State.DRAFT
            version = PlanVersion(
                plan=plan,
                athlete=athlete,
                version_number=version_number,
                status=status.value,
                author_id=author,
                content_sha256="0" * 64,
            )
            crowd.versions[version.pk] = version
            if rng.random() < 0.4:
                review = PlanReview(
                    plan=plan, version=version, athlete=athlete, reviewer_id=author, decision=Decision.SUBMIT
                )
                review.content_sha256 = version.content_sha256
                crowd.reviews.append(review)
    Plan.objects.bulk_create(crowd.plans.values())
    PlanVersion.objects.bulk_create(crowd.versions.values())
    PlanReview.objects.bulk_create(crowd.reviews)
    rows = [
        Activity(
            athlete=rng.choice(people),
            day=clock.today(),
            sport="running",
            load=50,
            load_unit="TSS",
            load_method="stated",
            source_name="crowd",
            fingerprint=f"{n:064d}",
            deleted_at=clock.now() if rng.random() < 0.1 else None,
        )
        for n in range(ACTIVITIES)
    ]
    crowd.activities = {row.pk: row for row in Activity.objects.bulk_create(rows)}


def _shares(rng: random.Random, crowd: Crowd) -> None:
    shares = _grants(rng, crowd, PlanGrant, crowd.plans, 300)
    for share in shares:
        share.athlete_id = crowd.plans[share.content_object_id].athlete_id
    crowd.shares = PlanGrant.objects.bulk_create(shares)


def _grants(rng: random.Random, crowd: Crowd, model: Any, things: dict[UUID, Any], count: int) -> list[Any]:
    """Return grants to anybody, holding or over; the services give them to coaches and support alone."""
    name = next(iter(things.values()))._meta.model_name
    content_type = ContentType.objects.get_for_model(type(next(iter(things.values()))))
    right, _ = Permission.objects.get_or_create(content_type=content_type, codename=f"view_{name}")
    pairs = {(rng.choice(crowd.users).pk, rng.choice(list(things))) for _ in range(count)}
    return [
        model(
            id=uuid7(),
            user_id=user_id,
            content_object_id=thing,
            permission=right,
            expires_at=clock.now() + timedelta(hours=rng.choice((-2000, -1, 1, 24, 2000))),
            granted_by_id=crowd.users[0].pk,
            reason=b"-",
        )
        for user_id, thing in sorted(pairs)
    ]
