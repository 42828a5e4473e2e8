"""Teams: naming them, and who looks after whose athletes."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Role, Team, TeamMembership, User
from accounts.scope import require
from audit.services import record
from common.context import ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotVisible
from common.validation import invalid_input_from

Actor = User | ServiceIdentity
STAFF = (Role.COACH, Role.SUPPORT)


def add_team(*, name: str, acting_user: Actor) -> Team:
    """Make a team.

    Raises:
        NotPermitted: only who manages users may.
        InvalidInput: no name, or one that is taken.
    """
    with unit_of_work(acting_user):
        require(acting_user, "user:manage")
        team = Team(name=name.strip())
        _save(team)
        record("team.add", target_id=team.pk, metadata={"name": team.name})
        return team


def rename_team(*, team_id: UUID, name: str, acting_user: Actor) -> Team:
    """Give a team another name; raises as `add_team`, and NotVisible where there is none."""
    with unit_of_work(acting_user):
        require(acting_user, "user:manage")
        team = _team(team_id)
        before, team.name = team.name, name.strip()
        if team.name != before:
            _save(team)
            record("team.rename", target_id=team.pk, metadata={"name_before": before, "name_after": team.name})
        return team


def set_staff(*, team_id: UUID, user_ids: Iterable[UUID], acting_user: Actor) -> None:
    """Make exactly these people the team's staff; who leaves stops seeing its athletes at once.

    Raises:
        NotPermitted, NotVisible: only who manages users may; there is no such team.
        InvalidInput: somebody who is not an active coach or member of support.
    """
    with unit_of_work(acting_user):
        require(acting_user, "user:manage")
        team = _team(team_id)
        wanted = set(user_ids)
        known = set(User.objects.filter(pk__in=wanted, role__in=STAFF, is_active=True).values_list("pk", flat=True))
        present = set(TeamMembership.objects.filter(team=team).values_list("user_id", flat=True))
        if wanted - known - present:
            raise InvalidInput("The staff of a team are active coaches and members of support.", pointer="/user")
        for user_id in sorted(wanted - present):
            TeamMembership.objects.create(team=team, user_id=user_id)
            _tell("team.join", team, user_id)
        for row in TeamMembership.objects.filter(team=team, user_id__in=present - wanted):
            row.delete()
            _tell("team.leave", team, row.user_id)


def _tell(name: str, team: Team, user_id: UUID) -> None:
    """Record who came or went, and who is there now: what somebody reaches is sensitive (B6)."""
    action = record(name, target_id=team.pk, metadata={"user_id": str(user_id)})
    staff = TeamMembership.objects.filter(team=team).order_by("user_id").values_list("user_id", flat=True)
    record("team.staff_state", target_id=team.pk, metadata={"staff": [str(pk) for pk in staff]}, linked_to=action)


def _team(team_id: UUID) -> Team:
    team = Team.objects.select_for_update().filter(pk=team_id).first()
    if team is None:
        raise NotVisible("There is no such team.")
    return team


def _save(team: Team) -> None:
    try:
        with transaction.atomic():
            team.full_clean()
            team.save()
    except ValidationError as error:
        raise invalid_input_from(error) from error
    except IntegrityError as error:
        raise InvalidInput("This name is taken.", pointer="/name") from error
