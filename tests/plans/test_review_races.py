"""People at one plan at the same time: nothing that was answered with success is lost, each race has one winner.

A sample runs here; `MESOCYCLE_RACES=full` (`make bench`) runs 8 × 100 edits and 200 decisions.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from plans.models import Decision, PlanComment, PlanReview, PlanVersion
from plans.selectors import content_of
from tests.factories import api_of
from tests.plans.review import Review, make_review, note_op

pytestmark = [pytest.mark.usefixtures("committed_database"), pytest.mark.postgres]

FULL = os.environ.get("MESOCYCLE_RACES") == "full"
CLIENTS = 8
EDITS = 100 if FULL else 6
RACES = 200 if FULL else 12


def at_once(work: Callable[[int], Any], threads: int) -> list[Any]:
    """Run `work` in threads that start together, each with a connection of its own."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> Any:
        barrier.wait()
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def test_racing_edits_lose_none_that_was_answered_with_success():
    review = make_review(weeks=4, race="5k")
    session = review.editable()[0]
    clients = [api_of(review.coach) for _ in range(CLIENTS)]

    def edit_until_taken(number: int) -> int:
        conflicts = 0
        for count in range(1, EDITS + 1):
            operation = note_op(session, f"{count}") | {
                "path": f"/sessions/{session['session_id']}/prescribed_work/c_{'abcdefgh'[number]}"
            }
            while True:
                head = clients[number].get(review.url).json()
                answer = clients[number].patch(
                    f"{review.url}/versions/{head['head_version']['id']}",
                    [operation],
                    format="json",
                    HTTP_IF_MATCH=head["etag"],
                )
                if answer.status_code == 200:
                    break
                assert answer.status_code == 412, answer.content
                conflicts += 1
        return conflicts

    conflicts = at_once(edit_until_taken, CLIENTS)
    assert sum(conflicts) > 0, "the edits did race"
    with unit_of_work(COMMAND_LINE, read_only=True):
        versions = list(PlanVersion.objects.filter(plan=review.plan_id).order_by("version_number"))
        assert len(versions) == 1 + CLIENTS * EDITS
        assert all(child.parent_version_id == parent.pk for parent, child in zip(versions, versions[1:], strict=False))
        work = content_of(versions[-1])["sessions"][session["session_id"]]["prescribed_work"]
        assert {name: work[name] for name in work if name.startswith("c_")} == {
            f"c_{letter}": f"{EDITS}" for letter in "abcdefgh"
        }


def submitted(review: Review, number: int) -> None:
    """Bring the plan back to where the athlete decides."""
    review.patch([note_op(review.editable()[0], f"round {number}")])
    answer = review.submit(reason="coach_judgement")
    assert answer.status_code == 200, answer.content


def test_of_two_racing_decisions_one_wins():
    review = make_review(weeks=4, race="5k")
    for number in range(RACES):
        submitted(review, number)
        head = review.head()["head_version"]

        def decide(choice: int, head: dict[str, Any] = head) -> int:
            body = {
                "decision": ["accept", "request_changes"][choice],
                "version_id": head["id"],
                "content_sha256": head["content_sha256"],
            }
            return int(api_of(review.user).post(f"{review.url}/approve", body).status_code)

        assert sorted(at_once(decide, 2)) == [200, 409]
    with unit_of_work(COMMAND_LINE, read_only=True):
        decided = PlanReview.objects.filter(plan=review.plan_id, decision__in=[Decision.ACCEPT, "request_changes"])
        assert decided.count() == RACES


def test_sixteen_posts_under_one_key_have_one_effect():
    review = make_review(weeks=4, race="5k")
    clients = [api_of(review.coach) for _ in range(16)]

    def post(number: int) -> Any:
        return clients[number].post(f"{review.url}/comments", {"message": "once"}, HTTP_IDEMPOTENCY_KEY="one")

    answers = at_once(post, 16)
    assert [answer.status_code for answer in answers] == [201] * 16
    assert len({answer.json()["id"] for answer in answers}) == 1
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert PlanComment.objects.filter(plan=review.plan_id).count() == 1
