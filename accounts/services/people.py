"""Adding people, changing roles, linking coaches."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import Athlete, CoachLink, Role, Team, User
from accounts.models.athlete import PERSONAL
from accounts.scope import athlete_for, require
from accounts.services.describe import TOLD, describe
from audit.models import AuditEvent
from audit.services import record
from common import clock
from common.context import ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotVisible, WrongState
from common.validation import invalid_input_from

if TYPE_CHECKING:
    from collections.abc import Mapping

Actor = User | ServiceIdentity

EDITABLE = frozenset(
    {
        "name",
        "level",
        "tier",
        "birth_year",
        "sex",
        "resting_heart_rate",
        "time_zone",
        "units",
        "team",
        "personalised_plans",
    }
)
_ADMINISTRATORS = Q(role=Role.ADMIN, is_active=True)
# An athlete's own record: level and tier are the company's word, not theirs.
EDITABLE_BY_ATHLETE = EDITABLE - {"level", "tier", "team"}


def add_user(*, email: str, name: str, role: str, password: str | None = None, acting_user: Actor) -> User:
    """Make a log-in; without a password it waits for its invitation to be followed.

    Raises:
        NotPermitted: only who manages users may.
        InvalidInput: the address is malformed or taken, or the role unknown.
    """
    with unit_of_work(acting_user):
        require(acting_user, "user:manage")
        user = User(email=email.strip().lower(), name=name, role=role)
        user.set_password(password)
        try:
            user.full_clean()
        except ValidationError as error:
            raise invalid_input_from(error) from error
        user.save()
        record("user.add", target_id=user.pk, metadata={"role": role, "invited": password is None})
        return user


def change_role(*, user_id: UUID, role: str, acting_user: Actor) -> User:
    """Give a user another role; tokens that are out stop working at once.

    Raises:
        NotPermitted: only who manages users may.
        InvalidInput: an unknown role.
        WrongState: the last active administrator would be lost.
    """
    with unit_of_work(acting_user):
        require(acting_user, "user:manage")
        if role not in Role.values:
            raise InvalidInput(f"{role!r} is no role; roles are {', '.join(Role.values)}.", pointer="/role")
        user = _locked(user_id)
        before = user.role
        if role != Role.ADMIN:
            _keep_an_administrator(user)
        user.role = role
        metadata = {"role_before": before, "role_after": role}
        return _with_tokens_ended(user, record("user.role_change", target_id=user.pk, metadata=metadata))


def set_active(*, user_id: UUID, is_active: bool, acting_user: Actor) -> User:
    """Close somebody's log-in, or open it again; sessions and tokens that are out end at once.

    Links to athletes and places in teams stay as they are: who covers for them is another decision.

    Raises:
        NotPermitted: only who manages users may.
        NotVisible: no such user.
        WrongState: the last active administrator would be lost, or the person was erased.
    """
    with unit_of_work(acting_user):
        require(acting_user, "user:manage")
        user = _locked(user_id)
        if user.is_active == is_active:
            return user
        if not is_active:
            _keep_an_administrator(user)
        elif user.is_erased:
            raise WrongState("This person was erased: nobody can log in as them again.")
        user.is_active = is_active
        return _with_tokens_ended(user, record("user.open" if is_active else "user.close", target_id=user.pk))


def _locked(user_id: UUID) -> User:
    """Return a user, locked with every administrator: two who close each other at once go one after the other."""
    rows = User.objects.select_for_update().filter(Q(pk=user_id) | _ADMINISTRATORS).order_by("pk")
    user = next((row for row in rows if row.pk == user_id), None)
    if user is None:
        raise NotVisible("There is no such user.")
    return user


def _keep_an_administrator(user: User) -> None:
    others = User.objects.filter(_ADMINISTRATORS).exclude(pk=user.pk)
    if user.role == Role.ADMIN and user.is_active and not others.exists():
        raise WrongState("This is the last administrator; make another one first.")


def _with_tokens_ended(user: User, action: AuditEvent) -> User:
    user.token_version += 1
    user.save()
    state = {"role": user.role, "is_active": user.is_active, "token_version": user.token_version}
    record("user.role_state", target_id=user.pk, metadata=state, linked_to=action)
    return user


def add_athlete(*, name: str, sport: str, level: str, acting_user: Actor, log_in: str = "", **fields: Any) -> Athlete:
    """Make an athlete's record; a coach who makes one is linked to it from today.

    `log_in` is the e-mail address of the user who the athlete is; blank: the athlete logs in nowhere.

    Raises:
        NotPermitted: the role may not add athletes, or name a log-in without managing users.
        InvalidInput: a field is missing or not one of its values; nobody's log-in, or no athlete's, or taken.
    """
    with unit_of_work(acting_user):
        require(acting_user, "athlete:add")
        if log_in:
            fields["user"] = _log_in_of_athlete(log_in, acting_user)
        athlete = Athlete(name=name, sport=sport, level=level, **fields)
        try:
            athlete.full_clean()
        except ValidationError as error:
            raise invalid_input_from(error) from error
        athlete.save()
        record(
            "athlete.add",
            target_id=athlete.pk,
            subject_id=athlete.pk,
            metadata={
                "sport": sport,
                "level": level,
                "tier": athlete.tier,
                "synthetic": athlete.is_synthetic,
                "user_id": str(athlete.user_id) if athlete.user_id else None,
            },
        )
        if isinstance(acting_user, User) and acting_user.role == Role.COACH:
            _open_link(acting_user, athlete, clock.today())
        describe(athlete)
        return athlete


def _log_in_of_athlete(email: str, acting_user: Actor) -> User:
    require(acting_user, "user:manage")
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None or user.role != Role.ATHLETE:
        raise InvalidInput(f"{email} is no active log-in with the role athlete.", pointer="/log_in")
    if Athlete.objects.filter(user=user).exists():
        raise InvalidInput(f"{email} is another athlete's log-in.", pointer="/log_in")
    return user


def edit_athlete(*, athlete_id: UUID, changes: Mapping[str, Any], acting_user: Actor) -> Athlete:
    """Change fields of an athlete's record.

    Raises:
        NotVisible, NotPermitted: as `athlete_for`.
        InvalidInput: a field that may not be changed, or a value that is not allowed.
    """
    with unit_of_work(acting_user):
        athlete = athlete_for(acting_user, "athlete:edit", athlete_id, lock=True)
        own = isinstance(acting_user, User) and acting_user.role == Role.ATHLETE
        for field in changes:
            if field not in (EDITABLE_BY_ATHLETE if own else EDITABLE):
                raise InvalidInput(f"{field} cannot be changed here.", pointer=f"/{field}")
        before = {field: getattr(athlete, field) for field in changes}
        for field, value in changes.items():
            setattr(athlete, field, value)
        try:
            athlete.full_clean()
        except ValidationError as error:
            raise invalid_input_from(error) from error
        changed = {f: [_plain(before[f]), _plain(v)] for f, v in changes.items() if before[f] != v}
        if changed:
            athlete.save()
            metadata = {
                "changes": {field: pair for field, pair in changed.items() if field not in PERSONAL},
                "personal": {field: pair for field, pair in changed.items() if field in PERSONAL} or None,
            }
            record("athlete.edit", target_id=athlete.pk, subject_id=athlete.pk, metadata=metadata)
            if changed.keys() & TOLD:
                describe(athlete)
        return athlete


def link_coach(*, coach_id: UUID, athlete_id: UUID, acting_user: Actor, active_from: date | None = None) -> CoachLink:
    """Assign an athlete to a coach.

    Raises:
        NotPermitted: only who manages links may.
        InvalidInput: the user is no coach.
        WrongState: an open link of the two exists.
    """
    with unit_of_work(acting_user):
        require(acting_user, "link:manage")
        coach = User.objects.filter(pk=coach_id, role=Role.COACH, is_active=True).first()
        athlete = Athlete.objects.filter(pk=athlete_id).first()
        if coach is None:
            raise InvalidInput("This user is not an active coach.", pointer="/coach")
        if athlete is None:
            raise NotVisible("There is no such athlete.")
        link = _open_link(coach, athlete, active_from or clock.today())
        describe(athlete)
        return link


def end_link(*, link_id: UUID, acting_user: Actor, active_until: date | None = None) -> CoachLink:
    """End a coach's assignment; from that day the athlete is out of the coach's scope.

    Raises:
        NotPermitted: only who manages links may.
        NotVisible: there is no such open link.
    """
    with unit_of_work(acting_user):
        require(acting_user, "link:manage")
        link = CoachLink.objects.select_for_update().filter(pk=link_id, active_until=None).first()
        if link is None:
            raise NotVisible("There is no such open link.")
        link.active_until = max(active_until or clock.today(), link.active_from)
        link.save()
        metadata = {"coach_id": str(link.coach_id), "active_until": link.active_until.isoformat()}
        record("link.close", target_id=link.pk, subject_id=link.athlete_id, metadata=metadata)
        describe(link.athlete)
        return link


def _open_link(coach: User, athlete: Athlete, active_from: date) -> CoachLink:
    try:
        with transaction.atomic():
            link = CoachLink.objects.create(coach=coach, athlete=athlete, active_from=active_from)
    except IntegrityError as error:
        raise WrongState("This coach has an open link to the athlete already.") from error
    metadata = {"coach_id": str(coach.pk), "active_from": active_from.isoformat()}
    record("link.open", target_id=link.pk, subject_id=athlete.pk, metadata=metadata)
    return link


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it: related rows become their id."""
    if isinstance(value, Team):
        return str(value.pk)
    return value if isinstance(value, int | float | bool | str | None) else str(value)
