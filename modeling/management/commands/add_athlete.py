"""Make an empty athlete."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.models import Level, Sex, Sport, Tier
from accounts.services.people import add_athlete
from common import clock
from common.context import unit_of_work
from common.management.base import ActorMixin
from modeling.commands import day
from modeling.services.record_test import add_threshold


class Command(ActorMixin):
    """Add an athlete, with thresholds if they are known."""

    help = "Make an athlete without history; import one next (import_history)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what is known of the athlete."""
        super().add_arguments(parser)
        parser.add_argument("--name", default="", help="shown to coaches (default: New athlete)")
        parser.add_argument(
            "--log-in", default="", metavar="EMAIL", help="who the athlete is: an invited person with the role athlete"
        )
        parser.add_argument("--sport", required=True, choices=Sport.values)
        parser.add_argument("--level", required=True, choices=Level.values)
        parser.add_argument(
            "--tier", default=Tier.ELITE, choices=Tier.values, help="subscription (default: %(default)s)"
        )
        parser.add_argument("--sex", default=Sex.UNSPECIFIED, choices=Sex.values)
        parser.add_argument("--birth-year", type=int)
        parser.add_argument("--resting-hr", type=int, help="beats a minute")
        parser.add_argument("--time-zone", default="UTC", help="such as Europe/Berlin")
        parser.add_argument("--thresholds-from", type=day, help="day from which the thresholds hold (default: today)")
        parser.add_argument("--threshold-hr", type=float, help="beats a minute")
        parser.add_argument("--max-hr", type=float, help="beats a minute")
        parser.add_argument("--ftp", type=float, help="watts")
        parser.add_argument("--threshold-pace", type=float, help="seconds a km")

    def run(self, **options: Any) -> int | None:
        """Add the athlete and print its id."""
        acting_user = options["acting_user"]
        with unit_of_work(acting_user):
            athlete = add_athlete(
                name=options["name"] or "New athlete",
                sport=options["sport"],
                level=options["level"],
                log_in=options["log_in"],
                tier=options["tier"],
                sex=options["sex"],
                birth_year=options["birth_year"],
                resting_heart_rate=options["resting_hr"],
                time_zone=options["time_zone"],
                acting_user=acting_user,
            )
            thresholds = {
                "threshold_hr": options["threshold_hr"],
                "max_hr": options["max_hr"],
                "ftp_w": options["ftp"],
                "pace_s_per_km": options["threshold_pace"],
            }
            if any(thresholds.values()):
                add_threshold(
                    athlete_id=athlete.pk,
                    sport=athlete.sport,
                    valid_from=options["thresholds_from"] or clock.today(),
                    acting_user=acting_user,
                    **thresholds,
                )
        row = {"id": str(athlete.pk), "name": athlete.name, "sport": athlete.sport, "level": athlete.level}
        if self.as_json:
            self.emit({**row, "tier": athlete.tier})
        else:
            self.table([row])
        return None
