"""What our athlete commands share: naming an athlete, days and thresholds on the command line."""

from __future__ import annotations

import argparse
import uuid
from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from accounts.models import Athlete
from accounts.scope import athletes_in_scope
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.management.base import ActorMixin


def day(value: str) -> date:
    """Return an ISO day, as argparse wants its errors."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a day such as 2026-05-31") from None


class AthleteCommand(ActorMixin):
    """A command about one athlete: `ATHLETE` is an id, or a name that only one athlete in scope has."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the athlete's position."""
        super().add_arguments(parser)
        parser.add_argument("athlete", metavar="ATHLETE", help="id or (unambiguous) name")

    def athlete(self, **options: Any) -> Athlete:
        """Return the athlete whom the user named.

        Raises:
            NotVisible: nobody in the user's scope has this id or name.
            InvalidInput: several have it.
        """
        acting_user, wanted = options["acting_user"], options["athlete"].strip()
        with unit_of_work(acting_user, read_only=True):
            rows = Athlete.objects.filter(athletes_in_scope(acting_user, "athlete:view"))
            try:
                found = list(rows.filter(pk=uuid.UUID(wanted)))
            except ValueError:
                found = list(rows.filter(name__iexact=wanted)[:2])
        if not found:
            raise NotVisible(f"there is no athlete {wanted!r}, or you may not see them")
        if len(found) > 1:
            raise InvalidInput(f"several athletes are called {wanted!r}; name one by id", pointer="/athlete")
        return found[0]
