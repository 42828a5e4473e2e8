"""Tests and thresholds that a person enters."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.preferences import today_of
from audit.services import record
from common.context import unit_of_work
from common.errors import InvalidInput, WrongState
from common.validation import invalid_input_from
from modeling.models import Test, Threshold
from modeling.policies import Actor, athlete_to_import_for
from modeling.services.corrections import invalidate_fits, tell_of_tests
from modeling.services.loads import recompute_loads


def add_test(*, athlete_id: UUID, day: date, value: float, kind: str, acting_user: Actor, note: str = "") -> Test:
    """Record a performance test (VDOT for running, watts for cycling).

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not the role's.
        InvalidInput: a day in the future, a value that nobody reaches, an unknown kind.
        WrongState: the same test is recorded already.
    """
    with unit_of_work(acting_user):
        athlete = athlete_to_import_for(acting_user, athlete_id, lock=True)
        if day > today_of(athlete):
            raise InvalidInput("A test lies in the past.", pointer="/day")
        test = Test(athlete=athlete, day=day, value=value, kind=kind, note=note)
        try:
            test.full_clean()
            with transaction.atomic():
                test.save()
        except ValidationError as error:
            raise invalid_input_from(error) from error
        except IntegrityError as error:
            raise WrongState("This test is recorded already.") from error
        invalidate_fits(athlete, since=day, because="a test was added")
        metadata = {"day": day.isoformat(), "value": value, "kind": kind, "source": test.source_name}
        record("test.add", target_id=test.pk, subject_id=athlete.pk, metadata=metadata)
        tell_of_tests(athlete, {day}, acting_user)
        return test


def add_threshold(
    *, athlete_id: UUID, sport: str, valid_from: date, acting_user: Actor, **thresholds: float | None
) -> Threshold:
    """Record thresholds that hold from a day on and recompute the loads since.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not the role's.
        InvalidInput: no threshold at all, or a value that is not plausible.
        WrongState: thresholds from that day exist; correct them instead.
    """
    with unit_of_work(acting_user):
        athlete = athlete_to_import_for(acting_user, athlete_id, lock=True)
        if not any(thresholds.values()):
            raise InvalidInput("Give at least one threshold.")
        row = Threshold(athlete=athlete, sport=sport, valid_from=valid_from, **thresholds)
        try:
            row.full_clean(validate_constraints=False)
            with transaction.atomic():
                row.validate_constraints()
                row.save()
        except ValidationError as error:
            raise invalid_input_from(error) from error
        except IntegrityError as error:
            raise WrongState("Thresholds from that day exist; correct them instead.") from error
        first = not Threshold.objects.filter(athlete=athlete, sport=sport, deleted_at=None).exclude(pk=row.pk).exists()
        since = date.min if first else valid_from
        recompute_loads(athlete, since=None if first else valid_from)
        invalidate_fits(athlete, since=since, because="thresholds were added")
        metadata = {"sport": sport, "valid_from": valid_from.isoformat()}
        record("threshold.add", target_id=row.pk, subject_id=athlete.pk, metadata=metadata)
        return row
