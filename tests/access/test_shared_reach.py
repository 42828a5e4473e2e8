"""A shared plan opens that plan; the rest of its athlete stays closed, on pages that show many things at once too."""

from __future__ import annotations

import pytest

from tests.access.world import World

RUN = "13.4 km"
"""Ann's one activity, as her page shows it."""


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
