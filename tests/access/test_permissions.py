"""Each method of each view names its verb; who lacks it is refused before anything is read."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.urls.resolvers import URLPattern
from rest_framework.permissions import AllowAny
from rest_framework.test import APIRequestFactory, force_authenticate

from accounts.api.permissions import MatrixPermission
from accounts.matrix import MATRIX, relation_for
from accounts.models import Athlete, Role, Team, TeamMembership, User
from audit.models import AuditEvent
from audit.services import DENIED
from common.admin import PolicyAdmin
from common.api import UnitOfWorkAPIMixin
from common.context import unit_of_work
from common.errors import NotPermitted
from common.management.base import COMMAND_LINE
from plans.api.review_views import SubmitView
from plans.services.comments import add_comment, resolve_comment
from tests.access.world import methods_of
from tests.factories import api_of, make_user
from tests.plans.review import make_review

LIBRARIES = ("auth", "waffle", "django_celery_beat")
"""Apps whose pages Django's permission tables guard, in which nobody has a row."""


def api_views() -> list[Any]:
    """Return every view under /api/v1/."""
    found: list[Any] = []

    def walk(resolver: Any) -> None:
        for entry in resolver.url_patterns:
            if isinstance(entry, URLPattern):
                view = getattr(entry.callback, "__wrapped__", entry.callback)
                found.append(getattr(view, "cls", None) or entry.callback.cls)
            else:
                walk(entry)

    for entry in get_resolver().url_patterns:
        if str(entry.pattern) == "api/v1/":
            walk(entry)
    assert len(found) > 45
    return found


@pytest.mark.pure
def test_the_matrix_is_asked_wherever_a_view_does_not_say_otherwise() -> None:
    classes = settings.REST_FRAMEWORK["DEFAULT_PERMISSION_CLASSES"]
    assert classes[-1] == f"{MatrixPermission.__module__}.{MatrixPermission.__name__}"
    for view in api_views():
        assert issubclass(view, UnitOfWorkAPIMixin), view
        assert MatrixPermission in view.permission_classes or tuple(view.permission_classes) == (AllowAny,), view


@pytest.mark.pure
def test_each_method_of_each_view_names_a_verb_of_the_matrix() -> None:
    for view in api_views():
        if MatrixPermission not in view.permission_classes:
            assert not view.verbs, view
            continue
        methods = set(methods_of(view.as_view()))
        assert view.verbs.keys() == methods, (view, view.verbs, methods)
        assert {verb for verb in view.verbs.values() if verb} <= MATRIX.keys(), view


@pytest.mark.pure
def test_each_page_of_the_admin_asks_the_matrix_or_is_closed() -> None:
    ours = 0
    for model, page in admin.site._registry.items():
        if model._meta.app_label in LIBRARIES:
            assert not isinstance(page, PolicyAdmin)
            continue
        assert isinstance(page, PolicyAdmin), model
        named = {page.view_verb, page.add_verb, page.change_verb} - {""}
        assert named <= MATRIX.keys(), model
        ours += 1
    assert ours >= 12


class Forgetful(UnitOfWorkAPIMixin):
    """A view that names no verb for what it can do."""

    def get(self, request: Any) -> Any:
        raise AssertionError("nobody gets here")


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role.values)
def test_a_method_without_a_verb_is_refused_to_everybody(role: str) -> None:
    request = APIRequestFactory().get("/x/")
    force_authenticate(request, make_user(role))
    assert Forgetful.as_view()(request).status_code == 403


@pytest.mark.pure
@pytest.mark.parametrize("role", Role.values)
def test_whether_a_role_has_the_verb_is_all_that_counts(role: str) -> None:
    request: Any = APIRequestFactory().post("/x/")
    request.user = User(role=role)
    allowed = relation_for(role, "plan:edit") is not None
    assert MatrixPermission().has_permission(request, SubmitView()) is allowed
    request.user = User(role=role, is_active=False)
    assert not MatrixPermission().has_permission(request, SubmitView())


@pytest.mark.django_db
def test_who_lacks_the_verb_is_refused_before_anything_is_read_and_it_is_recorded() -> None:
    client = api_of(make_user("compliance"))
    path = "/api/v1/plans/00000000-0000-0000-0000-000000000001"
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert answer.json()["detail"] == "Your role may not do plan:view."
    assert not [query for query in queries if 'FROM "plans"' in query["sql"]]
    assert client.options(path).status_code == 200
    assert client.put(path, {}).status_code == 405
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert AuditEvent.objects.filter(action=DENIED).count() == 1


@pytest.mark.django_db
def test_a_page_that_refuses_is_recorded_too(client: Any) -> None:
    client.force_login(make_user("support"))
    assert client.get("/admin/accounts/user/").status_code == 403
    with unit_of_work(COMMAND_LINE, read_only=True):
        event = AuditEvent.objects.get(action=DENIED)
    assert event.metadata_json["attempted"] == "GET admin/accounts/user/"


@pytest.mark.django_db
def test_support_reads_a_plan_of_its_team_and_does_not_comment_on_it() -> None:
    review, support = make_review(), make_user("support")
    review.submit()
    with unit_of_work(COMMAND_LINE):
        team = Team.objects.create(name="Hers")
        TeamMembership.objects.create(team=team, user=support)
        Athlete.objects.filter(pk=review.athlete.pk).update(team=team)
    assert api_of(support).get(f"{review.url}/comments").status_code == 200
    thread = add_comment(plan_id=review.plan_id, message="Well done.", acting_user=review.coach)
    with pytest.raises(NotPermitted):
        add_comment(plan_id=review.plan_id, message="Me too.", acting_user=support)
    with pytest.raises(NotPermitted):
        resolve_comment(plan_id=review.plan_id, comment_id=thread.pk, acting_user=support)
    add_comment(plan_id=review.plan_id, message="Thanks.", acting_user=review.user)
