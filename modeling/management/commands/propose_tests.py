"""Propose near-maximal efforts as performance tests."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from common.context import unit_of_work
from modeling.commands import AthleteCommand
from modeling.core.efforts import DEFAULT_RULE, EffortRule
from modeling.services.proposals import accept_proposals, open_proposals, propose_tests


class Command(AthleteCommand):
    """Find the best near-maximal effort of each week, and accept them if a rule says so."""

    help = "Propose near-maximal efforts (best of each week) as tests; a person accepts them, or --accept-rule does."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the rule."""
        super().add_arguments(parser)
        parser.add_argument("--accept-rule", action="store_true", help="accept every open proposal as a test")
        parser.add_argument(
            "--hr-share",
            type=float,
            default=DEFAULT_RULE.hr_share,
            help="of threshold heart rate (default: %(default)s)",
        )
        parser.add_argument(
            "--min-distance", type=float, default=DEFAULT_RULE.min_distance_m, help="metres (default: %(default)s)"
        )

    def run(self, **options: Any) -> int | None:
        """Propose, accept if asked to, and list."""
        athlete, acting_user = self.athlete(**options), options["acting_user"]
        rule = EffortRule(hr_share=options["hr_share"], min_distance_m=options["min_distance"])
        with unit_of_work(acting_user):
            found = propose_tests(athlete_id=athlete.pk, acting_user=acting_user, rule=rule)
            waiting = open_proposals(athlete)
            accepted = []
            if options["accept_rule"]:
                accepted = accept_proposals(athlete_id=athlete.pk, acting_user=acting_user, rule=repr(rule))
        rows = [{"day": p.day.isoformat(), "value": p.value, "kind": p.kind, "reason": p.reason} for p in waiting]
        if self.as_json:
            self.emit({"proposed": len(found), "accepted": len(accepted), "proposals": rows})
            return None
        self.table(rows, title=f"{athlete}: {len(found)} new proposals, {len(accepted)} accepted")
        if rows and not accepted:
            self.note("accept them in the admin, over the API, or with --accept-rule")
        if not rows:
            self.note("no near-maximal effort found; runs are judged by heart rate: are thresholds recorded?")
        return None
