"""Near-maximal efforts of an athlete's history, proposed as tests and accepted by a person or by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final
from uuid import UUID

from accounts.models import Athlete
from audit.services import record
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput
from modeling.core.efforts import DEFAULT_RULE, EffortRule
from modeling.core.efforts import propose_tests as find_efforts
from modeling.models import Activity, Test, TestProposal
from modeling.policies import Actor, athlete_to_import_for
from modeling.rows import parsed_from_row
from modeling.services.corrections import invalidate_fits, tell_of_tests
from modeling.thresholds import DatedThresholds

UNIT_OF_SPORT: Final = {"running": "VDOT", "cycling": "W"}


def propose_tests(*, athlete_id: UUID, acting_user: Actor, rule: EffortRule = DEFAULT_RULE) -> list[TestProposal]:
    """Propose the best near-maximal effort of each week that was not proposed before, and return the new ones.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not the role's.
    """
    with unit_of_work(acting_user):
        athlete = athlete_to_import_for(acting_user, athlete_id, lock=True)
        rows = list(
            Activity.objects.filter(athlete=athlete, deleted_at=None, sport=athlete.sport).order_by("day", "pk")
        )
        thresholds = DatedThresholds.of(athlete)
        efforts = find_efforts(
            [parsed_from_row(row) for row in rows],
            thresholds_on=lambda day: thresholds.on(athlete.sport, day),
            rule=rule,
        )
        known = set(TestProposal.objects.filter(athlete=athlete).values_list("activity_id", flat=True))
        proposals = [
            TestProposal(
                athlete=athlete,
                day=effort.day,
                value=round(effort.value, 2),
                kind=effort.kind,
                reason=effort.reason[:300],
                activity=rows[effort.activity],
            )
            for effort in efforts
            if effort.unit == UNIT_OF_SPORT[athlete.sport] and rows[effort.activity].pk not in known
        ]
        TestProposal.objects.bulk_create(proposals, batch_size=500)
        metadata = {"rule": asdict(rule), "proposed": len(proposals)}
        record("test.propose", target_id=athlete.pk, subject_id=athlete.pk, metadata=metadata)
        return proposals


def open_proposals(athlete: Athlete) -> list[TestProposal]:
    """Return the proposals that nobody has decided on, oldest first."""
    rows = TestProposal.objects.filter(athlete=athlete, deleted_at=None, accepted_test=None, dismissed_at=None)
    return list(rows.order_by("day", "pk"))


def accept_proposals(
    *, athlete_id: UUID, acting_user: Actor, proposal_ids: Sequence[UUID] | None = None, rule: str = "by hand"
) -> list[Test]:
    """Turn proposals (all open ones by default) into tests; fits that end later are invalidated.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not the role's.
        InvalidInput: a proposal that is not open.
    """
    with unit_of_work(acting_user):
        athlete = athlete_to_import_for(acting_user, athlete_id, lock=True)
        proposals = open_proposals(athlete)
        if proposal_ids is not None:
            wanted = set(proposal_ids)
            proposals = [proposal for proposal in proposals if proposal.pk in wanted]
            if len(proposals) != len(wanted):
                raise InvalidInput("Some of these proposals are decided already or do not exist.", pointer="/proposals")
        tests = []
        for proposal in proposals:
            test, _ = Test.objects.get_or_create(
                athlete=athlete,
                day=proposal.day,
                value=proposal.value,
                deleted_at=None,
                defaults={
                    "kind": proposal.kind,
                    "note": proposal.reason[:200],
                    "source_name": "near-maximal effort",
                    "activity_id": proposal.activity_id,
                },
            )
            proposal.accepted_test = test
            tests.append(test)
        TestProposal.objects.bulk_update(proposals, ["accepted_test"], batch_size=500)
        if tests:
            invalidate_fits(athlete, since=min(test.day for test in tests), because="proposed tests were accepted")
            metadata = {"proposals": len(proposals), "rule": rule}
            record("test.accept", target_id=athlete.pk, subject_id=athlete.pk, metadata=metadata)
            tell_of_tests(athlete, {test.day for test in tests}, acting_user)
        return tests


def dismiss_proposals(*, athlete_id: UUID, acting_user: Actor, proposal_ids: Sequence[UUID]) -> int:
    """Set proposals aside; they are not proposed again.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not the role's.
    """
    with unit_of_work(acting_user):
        athlete = athlete_to_import_for(acting_user, athlete_id, lock=True)
        rows = TestProposal.objects.filter(athlete=athlete, pk__in=proposal_ids, accepted_test=None, dismissed_at=None)
        return rows.update(dismissed_at=clock.now())
