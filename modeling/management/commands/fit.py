"""Fit an athlete's fitness–fatigue model."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from modeling.commands import AthleteCommand, day
from modeling.presentation import report_rows, report_sections
from modeling.services.fit_athlete import METHODS, fit_athlete


class Command(AthleteCommand):
    """Fit and print the report."""

    help = "Fit an athlete's fitness–fatigue model and print what it can and cannot tell."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add method and window."""
        super().add_arguments(parser)
        parser.add_argument("--method", default="posterior", choices=METHODS)
        parser.add_argument("--ratio", type=float, default=1.5, help="least squares: τ1 at least so many τ2")
        parser.add_argument("--from", dest="since", type=day, help="first day of the window")
        parser.add_argument("--until", type=day, help="last day of the window")

    def run(self, **options: Any) -> int | None:
        """Fit and show."""
        athlete = self.athlete(**options)
        fit = fit_athlete(
            athlete_id=athlete.pk,
            acting_user=options["acting_user"],
            method=options["method"],
            ratio=options["ratio"],
            since=options["since"],
            until=options["until"],
        )
        if self.as_json:
            self.emit({"fit_id": str(fit.pk), "athlete_id": str(athlete.pk), **fit.report})
            return None
        self.table(report_rows(fit.report), title=f"{athlete}: {fit.grade}, {fit.n_tests} tests, {fit.method}")
        for title, rows in report_sections(fit.report):
            self.table(rows, title=title)
        for warning in fit.report.get("warnings", []):
            self.note(f"warning: {warning}")
        return None
