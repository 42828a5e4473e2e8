"""Scope in SQL equals scope in Python, for every role (PostgreSQL has the second wall, SQLite the first alone)."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.models import Athlete, CoachLink, Role, Team, TeamMembership
from accounts.scope import athletes_in_scope
from accounts.services.people import end_link
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from modeling.models import Activity
from plans.models import Plan
from tests.factories import make_athlete, make_user

pytestmark = pytest.mark.django_db


def people():
    """One user of each role among six athletes; a link of the past, a team, an own record."""
    users = {role: make_user(role) for role in Role.values}
    make_athlete(coach=users["coach"])
    former = make_athlete(coach=users["coach"])
    make_athlete(user=users["athlete"])
    with unit_of_work(COMMAND_LINE):
        team = Team.objects.create(name="Team")
        TeamMembership.objects.create(team=team, user=users["support"])
        link = CoachLink.objects.get(athlete=former)
    make_athlete(team=team)
    make_athlete()
    end_link(link_id=link.pk, acting_user=COMMAND_LINE)
    return users


def test_row_level_security_lets_each_role_see_what_the_matrix_says():
    expected = {"admin": 5, "coach": 1, "athlete": 1, "support": 1, "data_scientist": 0, "compliance": 0}
    for role, user in people().items():
        with unit_of_work(user, read_only=True):
            by_policy = set(
                Athlete.objects.filter(athletes_in_scope(user, "athlete:view")).values_list("pk", flat=True)
            )
            assert len(by_policy) == expected[role], role
            if connection.vendor == "postgresql":
                assert set(Athlete.objects.values_list("pk", flat=True)) == by_policy, role


def test_no_context_sees_no_rows_on_postgresql():
    make_athlete()
    expected = 0 if connection.vendor == "postgresql" else 1
    assert Athlete.objects.count() == expected
    assert Activity.objects.count() == 0
    assert Plan.objects.count() == 0


def test_every_table_with_an_athlete_is_forced_on_postgresql():
    if connection.vendor != "postgresql":
        tables = connection.introspection.table_names()
        assert "plan_versions" in tables
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE a.attname = 'athlete_id' AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        )
        assert cursor.fetchall() == []
