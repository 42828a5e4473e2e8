"""How lists are asked for, so that they cost what they show and not what there is."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from accounts.models import Athlete, Role
from accounts.scope import athletes_in_scope, either
from common.admin import AtLeast, BoundedPaginator
from common.context import unit_of_work
from plans.models import Plan
from plans.pending import pending_plans
from plans.policies import visible_plans
from tests.factories import make_athlete, make_user
from tests.plans.review import make_review
from tests.support.databases import ADMIN_URL

MANY = 20_000
"""Athletes, each with a plan and a coach, who has twenty."""
COPIES = {
    "accounts_athlete": "'id', md5('athlete' || n)::uuid, 'user_id', NULL",
    "accounts_coachlink": "'id', md5('link' || n)::uuid, 'athlete_id', md5('athlete' || n)::uuid,"
    f" 'coach_id', md5('coach' || n % {MANY // 20})::uuid",
    "plans": "'id', md5('plan' || n)::uuid, 'athlete_id', md5('athlete' || n)::uuid",
}
"""What differs between the copies of a table's first row."""


def explained_among_many(database: str, *rows: Any) -> list[str]:
    """Return the plans that PostgreSQL has for queries where there are many athletes and plans.

    On a test's few rows it takes whatever is cheap there, as autovacuum happened to come by.
    """
    queries = [query.query.sql_with_params() for query in rows]
    with psycopg.connect(ADMIN_URL, dbname=database, cursor_factory=psycopg.ClientCursor) as server:
        server.execute("SET LOCAL session_replication_role = replica")  # nobody asks whether the coaches exist
        for table, differs in COPIES.items():
            server.execute(
                f"INSERT INTO {table} SELECT made.* FROM (SELECT {table} AS row FROM {table} LIMIT 1) one,"
                f" generate_series(1, {MANY}) n, jsonb_populate_record(one.row, jsonb_build_object({differs})) made"
            )
        server.execute("ANALYZE")
        server.execute("SET LOCAL ROLE app_rw")
        told = [server.execute(f"EXPLAIN {text}", parameters).fetchall() for text, parameters in queries]
        server.rollback()
    return ["\n".join(line for (line,) in lines) for lines in told]


@pytest.mark.postgres
def test_a_coach_finds_athletes_and_plans_by_their_keys(committed_database):
    review = make_review()
    with unit_of_work(review.coach, read_only=True):
        athletes, plans = explained_among_many(
            str(connection.settings_dict["NAME"]),
            Athlete.objects.filter(athletes_in_scope(review.coach, "athlete:view")),
            Plan.objects.filter(visible_plans(review.coach)),
        )
    assert "Index Cond: (id = " in athletes
    assert "Index Cond: (id = " in plans
    assert "Index Cond: (athlete_id = " in plans
    for table in COPIES:
        assert f"Seq Scan on {table} " not in athletes + plans


@pytest.mark.django_db
def test_who_reaches_everybody_is_not_joined_with_everybody():
    admin = make_user(role=Role.ADMIN)
    with unit_of_work(admin, read_only=True):
        assert "accounts_athlete" not in str(Plan.objects.filter(visible_plans(admin)).query)


@pytest.mark.django_db
def test_which_plans_are_pending_is_asked_without_their_versions():
    review = make_review()
    with unit_of_work(review.coach, read_only=True), CaptureQueriesContext(connection) as asked:
        assert [row.plan.pk for row in pending_plans(review.coach)] == [review.plan_id]
    texts = [one["sql"] for one in asked.captured_queries]
    joined = [text for text in texts if 'FROM "plans"' in text and 'JOIN "plan_versions"' in text]
    assert len(joined) == 1
    within = joined[0].partition('"plans"."id" IN (SELECT')[2]
    assert "LIMIT" in within and "JOIN" not in within.partition("LIMIT")[0]


@pytest.mark.django_db
def test_either_is_one_query_by_key_where_it_can_be_and_means_the_same():
    coach, athlete, other = make_user(role=Role.COACH), make_athlete(), make_athlete()
    make_athlete()
    rows = Athlete.objects.order_by()
    first, second = (Q(pk__in=rows.filter(pk=one.pk).values("pk")) for one in (athlete, other))
    united = either(first, Q(), second)
    with unit_of_work(make_user(role=Role.ADMIN), read_only=True):
        assert set(Athlete.objects.filter(united)) == set(Athlete.objects.filter(first | second)) == {athlete, other}
        assert "UNION" in str(Athlete.objects.filter(united).query)
        assert either(first, ~second) == first | ~second
        assert either(first) == first
    assert coach.is_active


@pytest.mark.django_db
def test_pages_count_to_their_limit_and_say_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(BoundedPaginator, "MOST", 3)
    with unit_of_work(make_user(role=Role.ADMIN), read_only=True):
        start = Athlete.objects.count()
    for _ in range(max(0, 4 - start)):
        make_athlete()
    with unit_of_work(make_user(role=Role.ADMIN), read_only=True):
        rows = Athlete.objects.order_by("name", "id")
        many, few = BoundedPaginator(rows, 2), BoundedPaginator(rows.filter(pk__in=rows.values("pk")[:2]), 2)
        with CaptureQueriesContext(connection) as asked:
            assert isinstance(many.count, AtLeast) and str(many.count) == "3+"
        assert "LIMIT 4" in asked.captured_queries[0]["sql"]
        assert many.num_pages == 2
        assert few.count == 2 and not isinstance(few.count, AtLeast)
    assert BoundedPaginator([1, 2, 3, 4], 2).count == 4
