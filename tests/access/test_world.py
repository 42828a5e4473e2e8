"""Walks over Ann's world: what a shared plan opens, what every answer carries, what no body sets.

A shared plan opens that plan; the rest of its athlete stays closed, on pages that show many things at once too.
"""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Athlete, User
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from plans.models import Plan
from tests.access.asking import API, BODIES, filled, path_of
from tests.access.table import row_of, rows
from tests.access.world import World, routes, undone

RUN = "13.4 km"
"""Ann's one activity, as her page shows it."""
SHOWN: Final = {
    "text/html",
    "text/plain",
    "text/javascript",
    "application/json",
    "application/problem+json",
    "application/vnd.oai.openapi",
    "application/openmetrics-text",
}
"""What a browser may show in place; anything else is saved as a file."""
FEEDS: Final = {"calendar-feed"}
"""Fetched by calendars, which save nothing."""
GUARDS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PLANTED: Final = "5eedf00d-0000-4000-8000-00000000beef"
PROTECTED: Final = {
    **dict.fromkeys(("id", "pk", "uuid", "athlete", "athlete_id", "coach", "coach_id", "user", "user_id"), PLANTED),
    **dict.fromkeys(
        ("actor_id", "created_by", "reviewer", "owner", "team", "plan_id", "version_id", "job_id"), PLANTED
    ),
    **dict.fromkeys(("status", "state", "tier", "grade", "content_sha256", "algorithm_version", "dedupe_key"), PLANTED),
    **dict.fromkeys(("created_at", "decided_at", "expires_at", "emailed_at"), "1999-09-09T09:09:09Z"),
    **dict.fromkeys(("is_staff", "is_superuser", "is_active", "is_synthetic", "approved", "sealed"), True),
    **dict.fromkeys(("token_version", "version_number", "priority"), 5_170_417),
    "role": "admin",
    "password": f"planted-{PLANTED}",
}
"""What bodies bring that nobody may set, with values that are found again."""
CHANGES_ROLES: Final = {"admin:accounts_user_change"}
MARKS: Final = (PLANTED, PLANTED.replace("-", ""), "1999-09-09", "5170417")
WRITES: Final = re.compile(r"\s*(INSERT|UPDATE)\b", re.IGNORECASE)


@pytest.mark.parametrize(("column", "sees"), [("coach", True), ("c-ath", True), ("c-plan", False), ("s-plan", False)])
def test_the_athletes_page_shows_what_the_reader_may_see(world: World, column: str, sees: bool) -> None:
    page = world.pages[column].get(f"/admin/accounts/athlete/{world.words['athlete']}/change/")
    content = page.content.decode()
    assert page.status_code == 200
    assert world.words["plan"] in content
    assert (world.words["draft"] in content) is sees
    assert (RUN in content) is sees
    assert (page.context["chart"] is not None) is sees
    assert (page.context["summary"] is not None) is sees


@pytest.mark.parametrize(("column", "reviews"), [("coach", True), ("c-ath", False), ("c-plan", False)])
def test_the_plans_page_is_a_review_for_her_coach_alone(world: World, column: str, reviews: bool) -> None:
    page = world.pages[column].get(f"/admin/plans/plan/{world.words['plan']}/change/")
    assert page.status_code == 200
    assert ("review" in page.context) is reviews
    if reviews:
        assert [row["id"] for row in page.context["review"]["previous_plans"]] == [world.words["draft"]]
    assert (world.words["draft"] in page.content.decode()) is reviews


@pytest.mark.parametrize(("column", "plans", "grade"), [("coach", 2, True), ("c-plan", 1, False)])
def test_the_list_of_athletes_counts_what_the_reader_may_see(
    world: World, column: str, plans: int, grade: bool
) -> None:
    page = world.pages[column].get("/admin/accounts/athlete/")
    [row] = [row for row in page.context["cl"].result_list if str(row.pk) == world.words["athlete"]]
    assert row.n_plans == plans
    assert (row.last_day is not None) is grade


def test_every_answer_is_guarded_and_every_file_is_saved(world: World) -> None:
    wrong, files = [], set()
    for name, pattern, methods in routes():
        if "GET" not in methods:
            continue
        with undone():
            answer = world.pages["admin"].get(path_of(name, pattern, world.words))
            headers, kind = answer.headers, answer.headers.get("Content-Type", "").split(";")[0]
        wrong += [f"{name}: {guard} is {headers.get(guard)}" for guard in GUARDS if headers.get(guard) != GUARDS[guard]]
        if "Content-Security-Policy" not in headers:
            wrong.append(f"{name}: no policy")
        if kind == "text/html" and "charset=utf-8" not in headers["Content-Type"]:
            wrong.append(f"{name}: HTML of no charset")
        if answer.status_code == 200 and kind and kind not in SHOWN:
            files.add(name)
            if name not in FEEDS and not headers.get("Content-Disposition", "").startswith("attachment; filename="):
                wrong.append(f"{name}: {kind} is shown in place")
    assert wrong == [], "\n".join(wrong)
    assert len(files) >= 3, files


def test_no_answer_lets_another_site_read_it(world: World) -> None:
    for path in ("/api/v1/me", "/api/schema/", "/admin/login/", f"/calendar/{world.words['token']}.ics"):
        answer = world.api["coach"].get(path, headers={"origin": "https://evil.example"})
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_no_body_sets_what_nobody_may_set(world: World) -> None:
    """Whoever may write, with fields in the body that are not theirs to say: refused by name, or never written."""
    wrong, written, patterns = [], 0, {name: pattern for name, pattern, _ in routes()}
    before = _protected(world)
    for (name, method), body in BODIES.items():
        row = row_of(name, method)
        if row is None or not isinstance(body, dict):
            continue
        columns = [column for column, said in rows()[row].items() if said in ("ok", "say")]
        own = {key: value for key, value in PROTECTED.items() if key not in body}
        is_api = patterns[name].startswith((API, "ofrep/"))
        with undone(), CaptureQueriesContext(connection) as asked:
            client: Any = (world.api if is_api else world.pages)[columns[-1]]
            given = {**filled(body, world.words), **(own if is_api else {k: str(v) for k, v in own.items()})}
            sent = {"format": "json"} if is_api else {}
            answer = getattr(client, method.lower())(path_of(name, patterns[name], world.words), given, **sent)
            if _protected(world) != before and name not in CHANGES_ROLES:
                wrong.append(f"{method} {name}: {answer.status_code}, and roles, states or owners changed")
        writes = [query["sql"] for query in asked if WRITES.match(query["sql"])]
        written += answer.status_code < 400 and bool(writes)
        wrong += [f"{method} {name}: {answer.status_code} {sql[:300]}" for sql in writes
                  if any(mark in sql for mark in MARKS)]  # fmt: skip
    assert wrong == [], "\n".join(wrong)
    assert written > 15


def _protected(world: World) -> Any:
    """Return roles, rights, states and owners of everything."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        return (
            list(User.objects.order_by("pk").values_list("pk", "role", "is_superuser", "is_active", "password")),
            list(Athlete.objects.order_by("pk").values_list("pk", "user", "tier", "team", "is_synthetic")),
            list(Plan.objects.order_by("pk").values_list("pk", "athlete")),
        )
