"""Whose rows may be exported, under which tokens; profiles, and arms of experiments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet

from accounts.models import Athlete, Consent, Purpose, Role, User
from common.models import SubjectKey
from experiments.models import ExperimentAssignment, ExperimentExposure
from telemetry.tokens import person_token

Row = Mapping[str, Any]
PROFILE = ("sport", "level", "tier", "is_synthetic")


@dataclass(frozen=True)
class People:
    """athletes: tokens of those whose consent to training stands and who were not erased; coaches: of everybody who may
    coach. in_experiments: athletes whose consent to experiments stands too: of others no arm is told."""

    athletes: Mapping[UUID, str]
    coaches: Mapping[UUID, str]
    in_experiments: frozenset[UUID]
    as_of: datetime

    def coach(self, user_id: UUID | None) -> str | None:
        """Return a coach's token; None for nobody, an athlete or a service."""
        return self.coaches.get(user_id) if user_id else None


def people_now(as_of: datetime) -> People:
    """Return who may be exported as things stand now, whatever `as_of`: consent counts when it is used."""
    erased = set(SubjectKey.objects.filter(destroyed_at__isnull=False).values_list("subject_id", flat=True))
    given = consenting(Purpose.TRAINING).values_list("athlete_id", flat=True).iterator()
    arms = consenting(Purpose.EXPERIMENTS).values_list("athlete_id", flat=True).iterator()
    staff = User.objects.exclude(role=Role.ATHLETE).values_list("pk", flat=True).iterator()
    return People(
        athletes={pk: person_token(pk) for pk in given if pk not in erased},
        coaches={pk: person_token(pk) for pk in staff},
        in_experiments=frozenset(arms) - erased,
        as_of=as_of,
    )


def consenting(purpose: str) -> QuerySet[Consent]:
    """Return the consents to a purpose that stand."""
    return Consent.objects.filter(purpose=purpose, granted=True).order_by()


def of_athletes(model: Any, people: People, *, athlete: str = "athlete_id", known: str = "created_at") -> QuerySet[Any]:
    """Return the rows about athletes who consented, known by then. Who was erased is left out by their token."""
    consented = consenting(Purpose.TRAINING).values("athlete_id")
    rows: QuerySet[Any] = model.objects.filter(**{f"{athlete}__in": consented, f"{known}__lte": people.as_of})
    return rows.order_by()


def profiles(people: People) -> Iterator[Row]:
    """Yield an athlete's profile from each change on. Year of birth and sex are those of now: no history has them."""
    now = dict[UUID, tuple[Any, ...]]()
    for pk, *known in of_athletes(Athlete, people, athlete="id").values_list("pk", "birth_year", "sex").iterator():
        now[pk] = tuple(known)
    history = of_athletes(Athlete.history.model, people, athlete="id", known="history_date")
    rows = history.exclude(history_type="-").order_by("id", "history_date", "history_id")
    last: tuple[Any, ...] = ()
    for pk, at, *profile in rows.values_list("id", "history_date", *PROFILE).iterator():
        token, this = people.athletes.get(pk), (pk, *profile)
        if token and pk in now and this != last:
            birth_year, sex = now[pk]
            said = {"birth_year": birth_year, "sex": sex, "event_at": at, "available_at": at}
            yield {"athlete": token, **dict(zip(PROFILE, profile, strict=True)), **said}
        last = this


def assignments(people: People) -> Iterator[Row]:
    """Yield an athlete's arm in each experiment, where their consent to experiments stands as well."""
    used = of_athletes(ExperimentExposure, people, athlete="subject_id").values_list("experiment_id", "subject_id")
    first = {(one, pk): at for one, pk, at in used.annotate(at=Min("exposed_at")).iterator()}
    columns = ("subject_id", "experiment_id", "experiment__key", "variant", "is_holdout", "propensity")
    rows = of_athletes(ExperimentAssignment, people, athlete="subject_id")
    found = rows.values_list(*columns, "assigned_at", "created_at").iterator()
    for pk, one, key, variant, is_holdout, propensity, at, known in found:
        if pk in people.athletes and pk in people.in_experiments:
            yield {
                "athlete": people.athletes[pk],
                "experiment": key,
                "variant": variant or None,
                "is_holdout": is_holdout,
                "propensity": propensity,
                "first_exposed_at": first.get((one, pk)),
                "event_at": at,
                "available_at": max(at, known),
            }
