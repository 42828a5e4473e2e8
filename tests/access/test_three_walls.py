"""Who sees what, three times: the plain rule, the policies' querysets, and the bare tables under row-level security."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Model, Q

from accounts.models import Athlete, Role, User
from accounts.scope import athletes_in_scope
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from modeling.models import Activity
from modeling.policies import visible_history
from plans.models import Plan, PlanVersion
from plans.policies import visible_plans, visible_versions
from tests.access.crowd import Crowd, make_crowd
from tests.access.world import kept_for_a_module
from tests.support.databases import ON_POSTGRES, Databases

SEED = 20260101
SAMPLE = 300 if ON_POSTGRES else 1500  # that both ask the same policies is shown once


@pytest.fixture(scope="module")
def crowd(databases: Databases, django_db_setup: None, django_db_blocker: Any, worker_id: str) -> Iterator[Crowd]:
    with kept_for_a_module(databases, django_db_blocker, worker_id, lambda: make_crowd(SEED)) as made:
        yield made


def ids(model: type[Model], condition: Q | None = None) -> set[Any]:
    return set(model.objects.filter(condition or Q()).values_list("pk", flat=True))  # type: ignore[attr-defined]


def by_policy(user: User) -> dict[str, set[Any]]:
    """Ask the policies as a service, whom row-level security hides nothing from: else it would mend a wide policy."""
    return {
        "athletes": ids(Athlete, athletes_in_scope(user, "athlete:view")),
        "plans": ids(Plan, visible_plans(user)),
        "versions": ids(PlanVersion, visible_versions(user)),
        "activities": ids(Activity, visible_history(user)),
    }


def test_the_policies_say_what_the_plain_rule_says(crowd: Crowd) -> None:
    assert crowd.pairs >= 100_000
    seen = dict.fromkeys(("athletes", "plans", "versions", "activities"), 0)
    with unit_of_work(COMMAND_LINE, read_only=True):
        for user in crowd.users:
            wanted = {
                "athletes": crowd.seen_athletes(user),
                "plans": crowd.seen_plans(user),
                "versions": crowd.seen_versions(user),
                "activities": crowd.seen_activities(user),
            }
            found = by_policy(user)
            assert found == wanted, (user.role, user.is_active)
            for name, rows in found.items():
                seen[name] += bool(rows)
    assert min(seen.values()) > 40, seen  # it is no test if nobody sees anything


def test_object_permissions_are_the_policies(crowd: Crowd) -> None:
    rng = random.Random(SEED)
    allowed = 0
    for _ in range(SAMPLE):
        user = rng.choice(crowd.users)
        athlete, plan = rng.choice(list(crowd.athletes.values())), rng.choice(list(crowd.plans.values()))
        with unit_of_work(user, read_only=True):
            found = user.has_perm("accounts.view_athlete", athlete), user.has_perm("plans.view_plan", plan)
        wanted = athlete.pk in crowd.seen_athletes(user), plan.pk in crowd.seen_plans(user)
        assert found == wanted, (user.role, user.is_active)
        allowed += sum(found)
    assert allowed > SAMPLE / 30


@pytest.mark.postgres
def test_row_level_security_shows_what_the_policies_show(crowd: Crowd) -> None:
    """Wider on purpose in three places, where it is the verb or the moment that hides a row and not the relation:

    athletes do not see drafts of theirs; support has no part in histories; deleted activities are hidden by the
    policy alone, since a correction must find them.
    """
    for user in crowd.users:
        with unit_of_work(COMMAND_LINE, read_only=True):
            policy = by_policy(user)
        with unit_of_work(user, read_only=True):
            bare = {
                "athletes": ids(Athlete),
                "plans": ids(Plan),
                "versions": ids(PlanVersion),
                "activities": ids(Activity),
            }
        assert all(policy[name] <= bare[name] for name in bare), (user.role, user.is_active)
        reach = crowd.reach(user)
        if user.role == Role.ATHLETE:
            policy["plans"] = {pk for pk, plan in crowd.plans.items() if plan.athlete_id in reach}
            policy["versions"] = {pk for pk, version in crowd.versions.items() if version.athlete_id in reach}
        policy["activities"] = {pk for pk, row in crowd.activities.items() if row.athlete_id in reach}
        assert bare == policy, (user.role, user.is_active)
