"""Any sequence of what people do to a plan leaves it provable: a Hypothesis state machine over the public API."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts.models import CoachLink
from accounts.services.people import end_link, link_coach
from audit.models import AuditEvent
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from plans.document import (
    FieldChange,
    apply_changes,
    canonical_json,
    content_sha256,
    field_changes,
    parsed,
    session_texts,
)
from plans.models import Decision, Plan, PlanComment, PlanReview, PlanVersion, PlanVersionChange, State
from plans.selectors import content_of, entry_of
from tests.factories import api_of, make_user
from tests.plans.review import added_session, make_plan, make_review, note_op, replace_op

pytestmark = pytest.mark.django_db
_keys = itertools.count()


def pair(action: str) -> list[str]:
    return [f"plan.{action}", f"plan.{action}_state"]


class ReviewMachine(RuleBasedStateMachine):
    """Coach, athlete and retrying clients at one plan; a second plan of the athlete may supersede it."""

    def __init__(self) -> None:
        super().__init__()
        self.review = make_review(weeks=6, race="5k", seed=3)
        self.mark = self._last_event()
        self.anchors: set[str] = set()

    # What people do. Each says which events it must have written: exactly these on success, none on refusal.

    @rule(seed=st.integers(0, 10_000))
    def edit(self, seed: int) -> None:
        rng, sessions = random.Random(seed), self.review.editable()
        if not sessions:
            return
        one, two = rng.choice(sessions), rng.choice(sessions)
        new_id, entry = added_session(one["day"], rng)
        choices: list[list[dict[str, Any]]] = [
            [replace_op(one, "load", round(rng.uniform(5, 90), 1), reason="fatigue", note="tired")],
            [replace_op(one, "day", two["day"])],
            [note_op(one, f"note {seed}")],
            [{"op": "remove", "path": f"/sessions/{one['session_id']}", "reason": "injury"}],
            [{"op": "add", "path": f"/sessions/{new_id}", "value": entry}],
        ]
        head = self.review.head()
        answer = self.review.patch(rng.choice(choices), HTTP_IDEMPOTENCY_KEY=self._key())
        changed = answer.status_code == 200 and answer.json()["id"] != head["head_version"]["id"]
        self._wrote(pair("edit") if changed else [])

    @rule(anchored=st.booleans(), by_coach=st.booleans())
    def comment(self, anchored: bool, by_coach: bool) -> None:
        sessions = self.review.editable()
        anchor = sessions[0]["session_id"] if anchored and sessions else None
        client = self.review.as_coach if by_coach else self.review.as_athlete
        answer = client.post(f"{self.review.url}/comments", {"message": "hm", "anchor_id": anchor}, format="json")
        if answer.status_code == 201 and anchor:
            self.anchors.add(anchor)
        self._wrote(["plan.comment"] if answer.status_code == 201 else [])

    @rule(reason=st.sampled_from(["", "coach_judgement"]))
    def submit(self, reason: str) -> None:
        self._wrote(pair("submit") if self.review.submit(reason=reason).status_code == 200 else [])

    @rule()
    def accept(self) -> None:
        answer = self.review.decide("accept")
        self._wrote([*pair("approve"), *pair("publish")] if answer.status_code == 200 else [])

    @rule()
    def submit_and_accept(self) -> None:
        """The usual end of a review, so that runs get past it."""
        self.submit("coach_judgement")
        self.accept()

    @rule()
    def request_changes(self) -> None:
        self._wrote(pair("request_changes") if self.review.decide("request_changes").status_code == 200 else [])

    @rule()
    def withdraw(self) -> None:
        body = {"expected_etag": self.review.head()["etag"]}
        answer = self.review.as_coach.post(f"{self.review.url}/withdraw", body)
        self._wrote(pair("withdraw") if answer.status_code == 200 else [])

    @rule()
    def regenerate(self) -> None:
        body = {"expected_etag": self.review.head()["etag"]}
        answer = self.review.as_coach.post(f"{self.review.url}/regenerate", body)
        assert answer.status_code in (200, 409, 429), answer.content
        self._wrote(pair("regenerate") if answer.status_code == 200 else [])

    @rule()
    def change_coach(self) -> None:
        former = self.review.as_coach
        with unit_of_work(COMMAND_LINE, read_only=True):
            links = list(CoachLink.objects.filter(athlete=self.review.athlete, active_until=None))
        for link in links:
            end_link(link_id=link.pk, acting_user=COMMAND_LINE)
        self.review.coach = make_user("coach")
        link_coach(coach_id=self.review.coach.pk, athlete_id=self.review.athlete.pk, acting_user=COMMAND_LINE)
        self.review.as_coach = api_of(self.review.coach)
        assert former.get(self.review.url).status_code == 404, "a coach whose link ended sees nothing at once"

    @rule()
    def retry(self) -> None:
        """Send one edit twice under one key: one effect, one answer."""
        sessions = self.review.editable()
        if not sessions:
            return
        head, key = self.review.head(), self._key()
        answers = [
            self.review.patch(
                [note_op(sessions[0], key)],
                etag=head["etag"],
                version_id=head["head_version"]["id"],
                HTTP_IDEMPOTENCY_KEY=key,
            )
            for _ in range(2)
        ]
        assert answers[0].status_code == answers[1].status_code
        self._wrote(pair("edit") if answers[0].status_code == 200 else [])

    @precondition(lambda self: self.review.head()["status"] in ("withdrawn", "superseded"))
    @rule()
    def generate(self) -> None:
        self.review.plan_id = make_plan(self.review.coach, self.review.athlete, race="5k", weeks=7, seed=4)
        self.anchors.clear()
        self._wrote(pair("generate"))

    # What must hold after each.

    @invariant()
    def there_is_one_active_version_at_most(self) -> None:
        with unit_of_work(COMMAND_LINE, read_only=True):
            assert Plan.objects.filter(athlete=self.review.athlete).exclude(active_version=None).count() <= 1

    @invariant()
    def what_is_published_was_accepted_as_it_is(self) -> None:
        with unit_of_work(COMMAND_LINE, read_only=True):
            plan = Plan.objects.select_related("active_version").get(pk=self.review.plan_id)
            if plan.status == State.PUBLISHED:
                assert plan.head_version_id == plan.active_version_id
            if plan.active_version is None:
                return
            accepted = PlanReview.objects.filter(version=plan.active_version, decision=Decision.ACCEPT)
            hashes = set(accepted.values_list("content_sha256", flat=True))
            assert hashes == {plan.active_version.content_sha256}
            assert content_sha256(content_of(plan.active_version)) == plan.active_version.content_sha256

    @invariant()
    def the_rows_are_a_projection_of_the_document(self) -> None:
        with unit_of_work(COMMAND_LINE, read_only=True):
            version = PlanVersion.objects.filter(plan=self.review.plan_id).order_by("-version_number")[0]
            content, texts = parsed(version.content.document)
            assert texts == session_texts(content)
            rows = {str(row.session_id): entry_of(row) for row in version.sessions.all()}
            assert content_sha256({"sessions": rows}) == version.content_sha256

    @invariant()
    def the_newest_version_follows_from_its_parent(self) -> None:
        with unit_of_work(COMMAND_LINE, read_only=True):
            version = PlanVersion.objects.filter(plan=self.review.plan_id).order_by("-version_number")[0]
            if version.parent_version is None:
                return
            rows = PlanVersionChange.objects.filter(version=version)
            stored = [
                FieldChange(r.field_path, str(r.session_id), r.change_type, r.old_value, r.new_value) for r in rows
            ]
            before, after = content_of(version.parent_version), content_of(version)
            assert canonical_json(apply_changes(before, stored)) == canonical_json(after)
            assert list(field_changes(before, after)) == stored

    @invariant()
    def comments_stay_anchored(self) -> None:
        with unit_of_work(COMMAND_LINE, read_only=True):
            comments = PlanComment.objects.filter(plan=self.review.plan_id).exclude(anchor_id=None)
            assert {str(pk) for pk in comments.values_list("anchor_id", flat=True)} == self.anchors

    def _key(self) -> str:
        return f"machine-{next(_keys)}"

    def _wrote(self, expected: list[str]) -> None:
        with unit_of_work(COMMAND_LINE, read_only=True):
            rows = AuditEvent.objects.filter(target_type="plan", action__startswith="plan.")
            rows = rows.filter(id__gt=self.mark) if self.mark else rows
            assert list(rows.order_by("id").values_list("action", flat=True)) == expected
        self.mark = self._last_event()

    def _last_event(self) -> Any:
        with unit_of_work(COMMAND_LINE, read_only=True):
            return AuditEvent.objects.order_by("-id").values_list("id", flat=True).first()


def test_any_sequence_leaves_a_plan_provable():
    run_state_machine_as_test(
        ReviewMachine,
        settings=settings(
            max_examples=6, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
