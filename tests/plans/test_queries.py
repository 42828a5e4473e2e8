"""Every list asks the database the same number of questions, whether it is about 1, 50 or 500 plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Athlete, CoachLink, Notification
from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.keys import encrypt_for
from common.management.base import COMMAND_LINE
from plans import selectors
from plans.models import (
    CompletionStatus,
    Decision,
    Plan,
    PlanComment,
    PlanContent,
    PlanReview,
    PlanSession,
    PlanVersion,
    PlanVersionChange,
    SessionCompletion,
)
from rollout.models import FlagProcess
from tests.plans.review import Review, make_review, note_op, plan_row
from tests.support.databases import Databases

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.long]

SIZES: Final = (1, 50, 500)
BOOKKEEPING: Final = ("SET ", "SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "SELECT SET_CONFIG", "SELECT CURRENT_SETTING")
PENDING_MOST: Final = 6
API: Final = "/api/v1"
# page → (who asks, address); {plan}, {head}, {athlete} are those with N of everything
PAGES: Final[dict[str, tuple[str, str]]] = {
    "plans": ("coach", f"{API}/plans"),
    "pending plans": ("coach", f"{API}/plans?status=pending"),
    "own plans": ("athlete", f"{API}/plans"),
    "plan": ("coach", f"{API}/plans/{{plan}}"),
    "versions": ("coach", f"{API}/plans/{{plan}}/versions"),
    "version": ("coach", f"{API}/plans/{{plan}}/versions/{{head}}"),
    "comments": ("coach", f"{API}/plans/{{plan}}/comments"),
    "changelog": ("coach", f"{API}/plans/{{plan}}/changelog"),
    "schedule": ("coach", f"{API}/athletes/{{athlete}}/schedule"),
    "today": ("athlete", f"{API}/me/today"),
    "week": ("athlete", f"{API}/me/week"),
    "adherence": ("athlete", f"{API}/me/adherence"),
    "athletes": ("coach", f"{API}/athletes"),
    "notifications": ("coach", f"{API}/notifications"),
    "own notifications": ("athlete", f"{API}/notifications"),
    "pending page": ("page", "/admin/plans/plan/pending/"),
    "plans page": ("page", "/admin/plans/plan/"),
    "review page": ("page", "/admin/plans/plan/{plan}/change/"),
    "compare page": ("page", "/admin/plans/plan/{plan}/compare/"),
    "athletes page": ("page", "/admin/accounts/athlete/"),
    "athlete page": ("page", "/admin/accounts/athlete/{athlete}/change/"),
    "history page": ("page", "/admin/accounts/athlete/{athlete}/plan-history/"),
    "notifications page": ("page", "/admin/accounts/notification/"),
}


@dataclass
class Rows:
    """Copies of what one reviewed plan is made of, in bulk: N of everything that a list shows."""

    review: Review
    count: int = 0

    def grow(self, count: int) -> None:
        """Add rows until there are `count` of each kind."""
        fresh = count - self.count
        with unit_of_work(COMMAND_LINE):
            plan = Plan.objects.select_related("head_version").get(pk=self.review.plan_id)
            others = self._athletes(fresh)
            self._plans(plan, [self.review.athlete] * fresh, status="published", active=True)
            self._plans(plan, others, status="draft", active=False)
            self._versions(plan, fresh)
            self._talk(plan, fresh)
        self.count = count

    def _athletes(self, count: int) -> list[Athlete]:
        names = [f.attname for f in Athlete._meta.concrete_fields if f.attname not in ("id", "user_id")]
        same = {name: getattr(self.review.athlete, name) for name in names}
        athletes = Athlete.objects.bulk_create([Athlete(**same) for _ in range(count)])
        today = clock.today()
        CoachLink.objects.bulk_create(
            CoachLink(coach=self.review.coach, athlete=athlete, active_from=today) for athlete in athletes
        )
        return athletes

    def _plans(self, like: Plan, athletes: list[Athlete], *, status: str, active: bool) -> None:
        """Add a plan for each athlete with one version and one session today, released to the athlete if active."""
        plans = Plan.objects.bulk_create(
            _copy(like, athlete=athlete, status=status, head_version=None, active_version=None) for athlete in athletes
        )
        head: Any = like.head_version
        links = {"parent_version": None, "baseline": None, "version_number": 1}
        versions = PlanVersion.objects.bulk_create(
            _copy(head, plan=plan, athlete_id=plan.athlete_id, **links) for plan in plans
        )
        for plan, version in zip(plans, versions, strict=True):
            plan.head_version, plan.active_version = version, version if active else None
        Plan.objects.bulk_update(plans, ["head_version", "active_version"])
        session = PlanSession.objects.filter(version=like.head_version, kind="easy")[0]
        today = {"day": clock.today()}
        rows = PlanSession.objects.bulk_create(
            _copy(session, version=version, athlete_id=version.athlete_id, session_id=uuid4(), **today)
            for version in versions
        )
        if active:
            PlanReview.objects.bulk_create(_submission(version) for version in versions)
            SessionCompletion.objects.bulk_create(
                SessionCompletion(
                    plan_id=version.plan_id,
                    athlete_id=version.athlete_id,
                    session_id=row.session_id,
                    status=CompletionStatus.DONE,
                    recorded_by_id=self.review.user.pk,
                    **today,
                )
                for version, row in zip(versions, rows, strict=True)
            )

    def _versions(self, plan: Plan, count: int) -> None:
        head: Any = plan.head_version
        change = PlanVersionChange.objects.filter(version__plan=plan)[0]
        session = PlanSession.objects.filter(version=head, kind="easy")[0]
        links = {"parent_version": head, "baseline": head.baseline}
        versions = PlanVersion.objects.bulk_create(
            _copy(head, version_number=self.count + 3 + n, **links) for n in range(1, count + 1)
        )
        content = PlanContent.objects.get(version=head)
        PlanContent.objects.bulk_create(_copy(content, version=version) for version in versions)
        PlanVersionChange.objects.bulk_create(_copy(change, version=version) for version in versions)
        PlanSession.objects.bulk_create(_copy(session, version=version) for version in versions)
        PlanReview.objects.bulk_create(_submission(version) for version in versions)
        Plan.objects.filter(pk=plan.pk).update(head_version=versions[-1])

    def _talk(self, plan: Plan, count: int) -> None:
        comment = PlanComment.objects.filter(plan=plan)[0]
        PlanComment.objects.bulk_create(_copy(comment) for _ in range(count))
        Notification.objects.bulk_create(_notifications(self.review, count))


def _copy(row: Any, **changes: Any) -> Any:
    """Return an unsaved copy of a row under a new id."""
    fields = {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields}
    for name, value in changes.items():
        field = row._meta.get_field(name)
        fields[field.attname] = value.pk if hasattr(value, "pk") else value
    return type(row)(**{**fields, "id": uuid7()})


def _submission(version: Any) -> PlanReview:
    return PlanReview(
        plan_id=version.plan_id,
        version=version,
        athlete_id=version.athlete_id,
        reviewer_id=version.author_id,
        decision=Decision.SUBMIT,
        content_sha256=version.content_sha256,
    )


def _notifications(review: Review, count: int) -> Iterator[Notification]:
    data = {"plan_id": str(review.plan_id), "race": "10k", "race_date": clock.today().isoformat()}
    for user in (review.coach, review.user):
        for _ in range(count):
            yield Notification(
                user=user,
                kind="plan.changes_requested",
                subject_id=review.athlete.pk,
                target_type="plan",
                target_id=review.plan_id,
                data=data,
                dedupe_key=str(uuid4()),
            )


@pytest.fixture(scope="module")
def counts(
    databases: Databases, django_db_setup: None, django_db_blocker: Any, worker_id: str
) -> Iterator[dict[str, list[int]]]:
    """The number of queries of each page at each size, in a database of its own."""
    name = databases.copy(f"{worker_id}_queries")
    with django_db_blocker.unblock():
        connection.close()
        before, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], name
        try:
            yield _measure()
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
            databases.drop(name)


def _measure() -> dict[str, list[int]]:
    review = make_review()
    for text in ("with a note", "with another"):
        review.patch([note_op(review.editable()[0], text)])
    review.as_coach.post(f"{review.url}/comments", {"message": "Good?"})
    with unit_of_work(COMMAND_LINE):
        encrypt_for(review.athlete.pk, "so that there is a key")
        Notification.objects.bulk_create(_notifications(review, 1))
    rows, found = Rows(review), {page: [] for page in PAGES}
    ask = _askers(review)
    for size in SIZES:
        rows.grow(size)
        assert plan_row(review).head_version.version_number >= size
        for page, (who, address) in PAGES.items():
            words = {"plan": review.plan_id, "head": plan_row(review).head_version_id, "athlete": review.athlete.pk}
            found[page].append(_queries(ask[who], address.format(**words)))
    return found


def _askers(review: Review) -> dict[str, Callable[[str], Any]]:
    client = Client()
    client.force_login(review.coach)
    return {"coach": review.as_coach.get, "athlete": review.as_athlete.get, "page": client.get}


def _queries(get: Callable[[str], Any], address: str) -> int:
    """Return how many statements a page needs once the process is warm, with nothing known of any version.

    What the process says of itself and looks for every few seconds is of no page: the smaller of two counts is.
    """
    counted = []
    for _ in range(3):
        selectors._contents.clear()
        with CaptureQueriesContext(connection) as context:
            answer = get(address)
        assert answer.status_code == 200, (address, answer.status_code, answer.content[:300])
        asked = (q["sql"] for q in context.captured_queries)
        own = (sql for sql in asked if FlagProcess._meta.db_table not in sql)
        counted.append(sum(not sql.upper().startswith(BOOKKEEPING) for sql in own))
    return min(counted[1:])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_the_same_number_of_queries_at_any_size(counts: dict[str, list[int]], page: str) -> None:
    assert counts[page] == [counts[page][0]] * len(SIZES)


@pytest.mark.parametrize("page", ["pending plans", "pending page"])
def test_the_pending_list_needs_at_most_six_queries(counts: dict[str, list[int]], page: str) -> None:
    assert max(counts[page]) <= PENDING_MOST
