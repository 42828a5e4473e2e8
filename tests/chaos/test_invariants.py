"""Each invariant says nothing of what the product made, and names the violation that was made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.jobs import Job, JobState
from common.management.base import COMMAND_LINE
from common.models import IdempotencyKey
from plans.models import Plan, PlanGeneration, PlanVersion, PlanVersionChange
from rollout.models import Rollout, RolloutStep
from telemetry.models import OutboxEvent
from tests.chaos import invariants as found
from tests.chaos.ledger import Outcome, Write
from tests.chaos.world import _rollout
from tests.factories import make_user
from tests.plans.review import Review, make_review, note_op, plan_row

pytestmark = [pytest.mark.django_db, pytest.mark.once]


class _Undone(Exception):
    pass


def _write(kind: str, outcome: Outcome = Outcome.ACKNOWLEDGED, **facts: Any) -> Write:
    return Write(kind, "key", str(uuid7()), outcome, 200, 1, 0.1, False, facts)


def _lost(review: Review) -> list[Write]:
    return [_write("edit", id=str(uuid7()), plan_id=str(review.plan_id), version_number=2, content_sha256="", note="n")]


def _twice(review: Review) -> list[Write]:
    version = plan_row(review).head_version
    assert version is not None
    for position in (900, 901):
        PlanVersionChange.objects.create(
            version=version, athlete=review.athlete, position=position, session_id=uuid7(), field_path="x",
            change_type="add", new_value="n",
        )  # fmt: skip
    facts = {"id": str(version.pk), "plan_id": review.plan_id, "version_number": version.version_number}
    return [_write("edit", **facts, content_sha256=version.content_sha256, note="n")]


def _answerless(review: Review) -> list[Write]:
    IdempotencyKey.objects.create(key="k", user_id=review.coach.pk, method="POST", path="/", body_sha256="")
    return []


def _headless(review: Review) -> list[Write]:
    Plan.objects.filter(pk=review.plan_id).update(head_version=None)
    return []


def _contentless(review: Review) -> list[Write]:
    _version(review, number=3, parent=plan_row(review).head_version)
    return []


def _parentless(review: Review) -> list[Write]:
    _version(review, number=4, parent=None)
    return []


def _version(review: Review, *, number: int, parent: PlanVersion | None) -> None:
    PlanVersion.objects.create(
        plan_id=review.plan_id, athlete=review.athlete, version_number=number, parent_version=parent, status="draft",
        author_id=review.coach.pk, content_sha256="0" * 64,
    )  # fmt: skip


def _moved_past_the_table(review: Review) -> list[Write]:
    plan = plan_row(review)
    plan.status, plan.lock_version = "generated", plan.lock_version + 1
    plan.save()
    return []


def _running(review: Review) -> list[Write]:
    Job.objects.create(kind="plans.generate", state=JobState.RUNNING)
    return []


def _without_request(review: Review) -> list[Write]:
    PlanGeneration.objects.filter(plan_id=review.plan_id).update(plan=None)
    return []


def _impossible_step(review: Review) -> list[Write]:
    run = Rollout.objects.get()
    states = {"from_state": run.state, "to_state": "completed", "from_stage": run.stage, "to_stage": run.stage}
    RolloutStep.objects.create(rollout=run, number=run.version + 1, at=clock.now(), command="confirm", why="", **states)
    Rollout.objects.filter(pk=run.pk).update(version=run.version + 1, state="completed")
    return []


def _waiting(review: Review) -> list[Write]:
    OutboxEvent.objects.filter(pk=OutboxEvent.objects.values("pk")[:1]).update(published_at=None)
    return []


def _outranked(review: Review) -> list[Write]:
    facts = {"session_id": str(uuid7()), "athlete_id": str(uuid7())}
    first, second = (_write("completion", id=str(uuid7()), **facts) for _ in range(2))
    assert found.later_words_count([first, second]) == []
    return [second, first]


VIOLATIONS: dict[found.Invariant, tuple[Callable[[Review], list[Write]], ...]] = {
    found.acknowledged_writes_are_there: (_lost,),
    found.writes_took_effect_once: (_twice,),
    found.answers_are_kept_whole: (_answerless,),
    found.later_words_count: (_outranked,),
    found.no_half_plan: (_headless, _contentless),
    found.no_orphan_version: (_parentless,),
    found.plan_states_are_legal: (_moved_past_the_table,),
    found.jobs_have_ended: (_running,),
    found.generations_have_one_plan: (_without_request,),
    found.rollouts_are_legal: (_impossible_step,),
    found.every_version_was_told_of: (_contentless,),
    found.outbox_is_empty: (_waiting,),
}


def test_every_invariant_finds_its_violation_and_nothing_in_what_the_product_made() -> None:
    review = make_review(weeks=6, race="5k")
    answer = review.patch([note_op(review.editable()[0], "chaos 1")], HTTP_IDEMPOTENCY_KEY="1")
    assert answer.status_code == 200
    assert review.submit().status_code == 200
    assert review.decide("accept").status_code == 200
    _rollout(make_user("admin"), make_user("admin"))
    with unit_of_work(COMMAND_LINE):
        OutboxEvent.objects.update(published_at=clock.now())  # no relay and no worker here
        Job.objects.update(state=JobState.DONE, result={"plan_id": str(review.plan_id)})
    body = answer.json()
    facts = {name: body[name] for name in ("id", "plan_id", "version_number", "content_sha256")}
    told = [_write("edit", note="chaos 1", **facts)]
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert [line for invariant in found.INVARIANTS for line in invariant(told)] == []
    assert set(VIOLATIONS) == set(found.INVARIANTS)
    for invariant, spoils in VIOLATIONS.items():
        for spoil in spoils:
            with pytest.raises(_Undone), unit_of_work(COMMAND_LINE):
                assert invariant(spoil(review)), f"{invariant.__name__} does not see {spoil.__name__}"
                raise _Undone
