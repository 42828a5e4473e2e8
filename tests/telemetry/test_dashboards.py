"""The dashboards: numbers worked out by hand, who sees whose, what is hidden, and what they say where there is none."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from common import clock
from common.models import RequestRollup
from telemetry.tokens import person_token
from tests.factories import make_user
from tests.telemetry.marts import AS_OF, LAST, publish, success, weekly

pytestmark = [pytest.mark.django_db, pytest.mark.once]
BEFORE = LAST - timedelta(days=7)
KEYS = {1: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", 2: "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
ARM, CONTROL = "engine:advanced", "engine:control"
PAGES = ("/admin/metrics/", "/admin/metrics/targets/", "/admin/metrics/accuracy/")
SERVICE = "/admin/service-health/"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """An empty warehouse, two keys of tokens, and an hour after the build."""
    settings.WAREHOUSE_DIR, settings.TELEMETRY_TOKEN_KEYS = str(tmp_path), KEYS
    with clock.frozen(AS_OF + timedelta(hours=1)):
        yield tmp_path


def as_(role: str, **fields: Any) -> Client:
    client = Client()
    client.force_login(make_user(role, **fields))
    return client


def shown(client: Client, address: str = PAGES[0]) -> dict[str, Any]:
    answer = client.get(address)
    assert answer.status_code == 200
    found: dict[str, Any] = {**answer.context_data, "text": answer.content.decode()}
    return found


def table(client: Client, address: str) -> list[list[str]]:
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(io.StringIO(answer.content.decode())))


def adherence(coach: str, arm: str, done: float, due: float, week: date = LAST, **more: Any) -> dict[str, Any]:
    pipeline = {ARM: "advanced", CONTROL: "simplified"}.get(arm, "")
    return weekly("adherence", week, done, due, coach_id=coach, experiment_arm=arm, pipeline=pipeline, **more)


def plan(number: int, coach: str, athlete: str, steps: int, **more: Any) -> dict[str, Any]:
    """Return a plan that came so many steps far, each ten hours after the one before."""
    made = datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC)
    names = ("generated_at", "submitted_at", "approved_at", "published_at", "completed_at")
    done = {name: made + timedelta(hours=10 * i) for i, name in enumerate(names[:steps])}
    hours = {"hours_to_review": 10.0 + number if steps > 1 else None, "hours_to_answer": 10.0 if steps > 2 else None}
    return {"plan_id": str(number), "coach_id": coach, "athlete": athlete, "sport": "running", **done, **hours, **more}


class TestNumbers:
    """What an administrator sees, worked out by hand."""

    def test_a_target_is_what_was_published_for_its_weeks_and_says_how_far_it_is_missed(self, root: Path) -> None:
        rows = [success("plan_completion", BEFORE, 70, 100), success("plan_completion", LAST, 78, 100)]
        rows += [success("satisfaction", LAST, 42, 10), success("prediction_error", BEFORE, 66, 10)]
        publish(root, {"mart_success": rows})
        cards = {card.title: card for card in shown(as_("admin"))["cards"]}
        assert (cards["Plans completed"].value, cards["Plans completed"].pill.word) == ("78.0 %", "2.0 pp short")
        assert (cards["Satisfaction"].value, cards["Satisfaction"].pill.word) == ("4.2", "Met")
        late = cards["Prediction error"]
        assert (late.value, late.pill.word, late.pill.tone, late.through) == ("6.6 %", "1.6 pp over", "bad", "to W08")
        assert (cards["Adoption, elite tier"].value, cards["Adoption, elite tier"].pill.word) == ("No data", "No data")

    def test_a_part_of_the_whole_is_added_up_over_the_same_weeks(self, root: Path) -> None:
        old = LAST - timedelta(weeks=12)
        rows = [
            weekly("satisfaction", week, scores, ratings, sport=sport)
            for week, scores, ratings, sport in [
                (old, 10, 10, "cycling"),
                (old + timedelta(weeks=1), 50, 10, "cycling"),
                (LAST, 30, 10, "cycling"),
                (LAST, 50, 10, "running"),
            ]
        ]
        publish(root, {"mart_metrics_weekly": rows, "mart_success": [success("satisfaction", LAST, 130, 30)]})
        admin = as_("admin")

        def satisfaction(address: str) -> tuple[str, str]:
            [card] = [card for card in shown(admin, address)["cards"] if card.title == "Satisfaction"]
            return card.value, card.n

        assert satisfaction("/admin/metrics/") == ("4.3", "n 30")
        assert satisfaction("/admin/metrics/?sport=cycling") == ("4.0", "n 20")
        assert satisfaction("/admin/metrics/?sport=rowing") == ("No data", "")

    def test_variants_stand_beside_each_other_with_n_and_the_week_before(self, root: Path) -> None:
        rows = [
            adherence("v1:a", ARM, 8, 10),
            adherence("v1:b", ARM, 4, 10),
            adherence("v1:a", CONTROL, 9, 12),
            adherence("v1:a", CONTROL, 1, 2, BEFORE),
            adherence("v1:a", "", 1, 4),
        ]
        publish(root, {"mart_metrics_weekly": rows})
        admin = as_("admin")
        lines = table(admin, "/admin/metrics/overview/week.csv")
        assert lines[0][3:] == [
            "all", "n of all", "advanced", "n of advanced", "advanced, week before",
            "control", "n of control", "control, week before",
        ]  # fmt: skip
        assert lines[1] == [
            "adherence", "Adherence", "share", "0.611111", "36.0", "0.6", "20.0", "", "0.75", "12.0", "0.5"
        ]  # fmt: skip
        chart = shown(admin)["chart"][0]
        assert '"label": "advanced", "data": [null, null' in chart
        assert "null, 60.0]" in chart
        assert '"label": "Outside experiments"' in chart
        by_pipeline = table(admin, "/admin/metrics/overview/adherence.csv?by=pipeline&arm=engine")
        assert by_pipeline[0] == ["week", "advanced", "simplified"]
        assert by_pipeline[-1] == [LAST.isoformat(), "0.6", "0.75"]

    def test_the_funnel_counts_who_waits_and_takes_medians(self, root: Path) -> None:
        plans = [plan(1, "v1:a", "x", 1), plan(2, "v1:a", "y", 2), plan(4, "v1:a", "z", 4), plan(9, "v1:b", "z", 5)]
        plans += [plan(5, "v1:b", "z", 2, superseded_at=AS_OF), plan(6, "v1:b", "w", 1, sport="cycling")]
        publish(root, {"mart_plans": plans})
        page = shown(as_("admin"), "/admin/metrics/?sport=running")
        assert [stage.count for stage in page["stages"]] == ["5", "4", "2", "2", "1"]
        assert page["stages"][1].notes == ("1 wait for review, oldest 7 d",)
        assert page["stages"][2].notes == ("1 wait for an answer",)
        assert page["stages"][4].notes == ("1 still running", "1 replaced by a newer plan")
        assert page["hours"] == [("to review", "14.5"), ("to approval", "10.0"), ("to publishing", "No data")]

    def test_the_heat_map_frames_who_stands_out_and_marks_few_plans(self, root: Path) -> None:
        def of(coach: str, plans: int, volume: int) -> dict[str, Any]:
            kinds = dict.fromkeys(("intensity", "session_type", "order_of_sessions", "rest_days", "strength"), 0)
            return {"week": LAST, "coach_id": coach, "sport": "running", "plans": plans, "volume": volume, **kinds}

        ada = make_user("coach", name="Ada")
        token = person_token(ada.pk, version=1)
        rows = [of(f"v1:{i}abcdefg", 20, 4) for i in range(4)] + [of(token, 20, 12), of("v9:few", 4, 4)]
        edits = [
            {"id": str(i), "week": LAST, "coach_id": token, "athlete": "x", "sport": "running", "volume_percent": by}
            for i, by in enumerate((-10.0, -5.0, None))
        ]
        publish(root, {"mart_changes": rows, "mart_edits": edits})
        page = shown(as_("admin"))
        found = {row.coach: row for row in page["heat"]}
        assert set(found) == {"Ada", "Coach few", *(f"Coach {i}abcde" for i in range(4))}
        assert (found["Ada"].cells[0].text, found["Ada"].cells[0].kind, found["Ada"].volume) == ("60", "framed", "-7.5")
        assert (found["Coach few"].cells[0].kind, found["Coach 0abcde"].cells[0].kind) == ("few", "")
        [ada_row] = [row for row in table(as_("admin"), "/admin/metrics/overview/changes.csv") if row[0] == "Ada"]
        assert ada_row[1:3] == ["20.0", "0.6"]

    def test_accuracy_has_an_interval_by_race_and_says_what_is_sure(self, root: Path) -> None:
        errors = {"calibrated": (1.0, -2.0, 3.0, -4.0), "provisional": (9.0,)}
        rows = [
            {
                "week": LAST,
                "grade": grade,
                "race": "10k",
                "sport": "running",
                "races": len(found),
                "error_percent_sum": sum(found),
                "absolute_error_percent_sum": sum(map(abs, found)),
                "squared_error_percent_sum": sum(one * one for one in found),
            }
            for grade, found in errors.items()
        ]
        publish(root, {"mart_accuracy": rows})
        admin = as_("admin")
        page = shown(admin, PAGES[2])
        [(_, _, by_grade), *_] = page["groups"]
        # Mean 2.5, variance 5/3, t(3) at 97.5 % is 3.182446: 2.5 ± 2.054
        assert [(line.error, line.interval, line.bias) for line in by_grade] == [
            ("2.5 %", "0.4 to 4.6 %", "-0.5 %"),
            ("9.0 %", "–", "+9.0 %"),
        ]
        assert by_grade[0].pill.word == "Met"
        assert table(admin, "/admin/metrics/accuracy/grade.csv")[1][1:] == ["4", "2.5", "0.44574", "4.55426", "-0.5"]

    def test_days_of_the_service_are_added_up_by_route(self, root: Path) -> None:
        rows = [
            {"day": AS_OF.date() - timedelta(days=back), "route": route, "method": "GET", "requests": 100.0,
             "server_errors": bad, "client_errors": 1.0, "within_200_ms": 90.0}
            for back, route, bad in ((1, "api/a", 2.0), (2, "api/a", 0.0), (1, "api/b", 0.0), (0, "api/b", 50.0))
        ]  # fmt: skip
        publish(root, {"mart_service_daily": rows})
        admin = as_("admin")
        assert table(admin, f"{SERVICE}routes.csv")[1:] == [
            ["GET api/a", "200", "0.01", "0.01", "0.9"],
            ["GET api/b", "100", "0.0", "0.01", "0.9"],
        ]
        assert [row[1] for row in table(admin, f"{SERVICE}days.csv")[1:]] == ["100", "200"]

    def test_the_latest_hours_come_from_the_roll_ups(self) -> None:
        def rollup(minutes: int, status: str, latency: dict[str, int]) -> RequestRollup:
            at = clock.now() - timedelta(minutes=minutes)
            counted = sum(latency.values())
            return RequestRollup(
                minute=at, route="api/a", method="GET", status_class=status, count=counted, latency=latency,
                total_ms=300.0 * counted if status == "5xx" else 190.0 * counted,
            )  # fmt: skip

        rows = [rollup(1, "2xx", {"50": 90, "500": 5}), rollup(2, "5xx", {"inf": 5}), rollup(200, "5xx", {"5": 99})]
        RequestRollup.objects.bulk_create(rows)
        page = shown(as_("admin"), SERVICE)
        values = [one.value for one in page["gauges"][0].gauges]
        assert values == ["5.0 %", "196 ms", "90.0 %", "500 ms"]  # (95 x 190 + 5 x 300) / 100 = 195.5
        assert [one.pill.word for one in page["gauges"][0].gauges[:2]] == ["Above", "Met"]
        assert page["routes"][0]["name"] == "GET api/a"


class TestReach:
    """Whose numbers each role sees."""

    @pytest.mark.parametrize("role", ["support", "compliance", "athlete"])
    def test_others_see_none(self, root: Path, role: str) -> None:
        publish(root, {})
        client = as_(role)
        for address in (*PAGES, SERVICE, "/admin/metrics/overview/week.csv"):
            assert client.get(address).status_code in (302, 403), address
        assert as_("coach").get(SERVICE).status_code == 403

    def test_a_coach_sees_plans_that_were_theirs_under_any_key_and_no_others(self, root: Path) -> None:
        coach = make_user("coach", name="Cora")
        own = [person_token(coach.pk, version=version) for version in (1, 2)]
        rows = [
            adherence(own[0], "", 1, 10),
            adherence(own[1], "", 5, 10),
            adherence("v1:0therc0ach", "", 70, 70),
            weekly("adherence", LAST, 3, 3),
        ]
        races = [
            {"week": LAST, "grade": "calibrated", "race": "5k", "sport": "running", "coach_id": token, "races": 1,
             "error_percent_sum": error, "absolute_error_percent_sum": error, "squared_error_percent_sum": error**2}
            for token, error in ((own[1], 2.0), ("v1:0therc0ach", 8.0))
        ]  # fmt: skip
        changed = [
            {"week": LAST, "coach_id": token, "sport": "running", "plans": 3, "volume": 3}
            for token in (own[0], "v1:0therc0ach")
        ]
        plans = [plan(1, own[1], "x", 1), plan(2, "v1:0therc0ach", "y", 5)]
        published = [success("satisfaction", LAST, 50, 10), success("server_errors", LAST, 0, 10)]
        tables = {"mart_metrics_weekly": rows, "mart_accuracy": races, "mart_changes": changed, "mart_plans": plans}
        publish(root, {**tables, "mart_success": published})
        client = Client()
        client.force_login(coach)
        assert table(client, "/admin/metrics/overview/week.csv")[1][3:5] == ["0.3", "20.0"]
        assert table(client, "/admin/metrics/overview/plans.csv")[1] == ["Generated", "1.0"]
        assert [row[0] for row in table(client, "/admin/metrics/overview/changes.csv")[1:]] == ["Cora"]
        assert table(client, "/admin/metrics/accuracy/grade.csv")[1][1:3] == ["1", "2.0"]
        page = shown(client)
        assert [card.value for card in page["cards"]] == ["No data"] * 4
        assert "0ther" not in page["text"]
        titles = [row["card"].title for _, rows in shown(client, PAGES[1] + "?sport=running")["groups"] for row in rows]
        assert "Server errors" not in titles

    def test_a_data_scientist_sees_no_names_and_no_number_of_fewer_than_five(self, root: Path) -> None:
        coach = make_user("coach", name="Quentin Coachly")
        token = person_token(coach.pk)
        facts = [
            {"week": LAST, "athlete": f"a{i}", "coach_id": token, "experiment_arm": arm, "sessions_due": 2.0}
            for i, arm in enumerate([ARM] * 5 + [CONTROL] * 4 + ["engine:third"] * 6)
        ]
        third = adherence(token, "engine:third", 5, 12)
        rows = [adherence(token, ARM, 6, 10), adherence(token, CONTROL, 2, 8), third]
        plans = [plan(i, token, f"a{i}", 5 if i < 4 else 2) for i in range(9)]
        changed = [
            {"week": LAST, "coach_id": who, "sport": "running", "plans": 12, "volume": 3} for who in (token, "v1:b")
        ]
        approvals = [
            {"week": LAST, "athlete": f"a{i}", "coach_id": who, "changes": 1.0}
            for who, people in ((token, 5), ("v1:b", 4))
            for i in range(people)
        ]
        publish(
            root,
            {"mart_metrics_weekly": rows, "fct_plan_weeks": facts, "mart_plans": plans, "mart_changes": changed,
             "fct_approvals": approvals, "dim_athletes": [{"athlete": f"a{i}", "sport": "running"} for i in range(15)]},
        )  # fmt: skip
        client = as_("data_scientist")
        [line] = table(client, "/admin/metrics/overview/week.csv?sport=running")[1:2]
        assert (line[3], line[11]) == ("0.433333", "suppressed")
        assert (line[5], line[8]) == ("suppressed", "0.416667"), "the smallest of the others: one could be subtracted"
        steps = dict(table(client, "/admin/metrics/overview/plans.csv")[1:])
        assert (steps["Generated"], steps["Completed"], steps["wait for an answer"]) == ("9.0", "suppressed", "5.0")
        heat = {row.coach: row.cells[0] for row in shown(client)["heat"]}
        assert (heat[f"Coach {token[3:9]}"].text, heat["Coach b"].kind) == ("25", "hidden")
        page = shown(client)
        assert "Coachly" not in page["text"]
        assert token not in page["text"]
        assert "fewer than 5 athletes is hidden" in page["text"]
        assert "Quentin Coachly" in shown(as_("admin"))["text"]

    def test_a_target_of_few_people_is_hidden_and_one_of_nobody_is_not(self, root: Path) -> None:
        facts = [{"week": LAST, "athlete": f"a{i % 4}", "score": 5.0} for i in range(40)]
        published = [success("satisfaction", LAST, 200, 40), success("server_errors", LAST, 1, 10)]
        publish(root, {"mart_success": published, "fct_ratings": facts})
        lines = {line[0]: line for line in table(as_("data_scientist"), "/admin/metrics/targets/targets.csv")[1:]}
        assert (lines["satisfaction"][3], lines["satisfaction"][9]) == ("suppressed", "no data")
        assert (lines["server_errors"][3], lines["server_errors"][9]) == ("0.1", "missed")

    def test_today_stands_beside_the_whole_weeks(self, root: Path) -> None:
        running = LAST + timedelta(days=7)
        rows = [success("availability", LAST, 9990, 10000), success("availability", running, 9000, 10000)]
        publish(root, {"mart_success": rows, "mart_metrics_weekly": [weekly("adherence", BEFORE, 1, 2)]})
        client = as_("admin")
        lines = {line[0]: line for line in table(client, "/admin/metrics/targets/targets.csv")[1:]}
        assert (lines["availability"][3], lines["availability"][-2:]) == ("0.999", ["0.9", "10000.0"])
        assert lines["cache_hits"][-2:] == ["", ""]
        page = shown(client, PAGES[1])["text"]
        assert "with the running week" in page
        assert "with the running week" not in shown(client, f"{PAGES[1]}?from={BEFORE}&to={BEFORE}")["text"]


class TestStates:
    """What pages say where there is nothing, something old, or something invented."""

    @pytest.mark.parametrize("address", [*PAGES, SERVICE])
    def test_without_a_build_they_say_what_to_run(self, address: str) -> None:
        page = shown(as_("admin"), address)["text"]
        assert "No numbers have been built yet" in page
        assert "python manage.py warehouse build" in page

    def test_without_the_extra_they_say_so(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        publish(root, {})
        monkeypatch.setitem(sys.modules, "duckdb", None)
        assert "mesocycle[warehouse]" in shown(as_("admin"))["text"]

    def test_a_build_of_an_earlier_version_is_no_error(self, root: Path) -> None:
        publish(root, {})
        (root / "marts" / "by-hand" / "mart_edits.parquet").unlink()
        assert "not those that this page reads" in shown(as_("admin"))["text"]
        assert as_("admin").get("/admin/metrics/overview/week.csv").status_code == 404

    @pytest.mark.parametrize("address", [*PAGES, SERVICE])
    def test_where_nothing_was_measured_they_lead_to_all_weeks(self, root: Path, address: str) -> None:
        publish(root, {})
        assert 'href="?span=all"' in shown(as_("admin"), address)["text"]

    @pytest.mark.parametrize(("hours", "is_stale"), [(26, False), (27, True)])
    def test_old_numbers_are_shown_as_such(self, root: Path, hours: int, is_stale: bool) -> None:
        publish(root, {"mart_success": [success("satisfaction", LAST, 42, 10)]})
        admin = as_("admin")
        with clock.frozen(AS_OF + timedelta(hours=hours)):
            page = shown(admin)["text"]
        assert ("Stale, 27 h" in page, "mx-old" in page) == (is_stale, is_stale)
        assert "Complete up to <b>2 Mar 2026 02:00 UTC</b>" in page

    def test_invented_numbers_are_labelled_where_they_are_shown_and_only_there(self, root: Path) -> None:
        rows = [adherence("v1:a", ARM, 8, 10, is_synthetic=True), adherence("v1:a", "", 8, 10, BEFORE)]
        publish(root, {"mart_metrics_weekly": rows, "mart_accuracy": []})
        admin = as_("admin")
        assert "Synthetic data" in shown(admin)["text"]
        assert "Synthetic data" not in shown(admin, PAGES[2])["text"]
        assert "Synthetic data" not in shown(admin, f"/admin/metrics/?from={BEFORE}&to={BEFORE}")["text"]

    def test_days_are_widened_to_weeks_and_nonsense_is_said(self, root: Path) -> None:
        rows = [adherence("v1:a", "", 1, 10, BEFORE), adherence("v1:a", "", 2, 10)]
        publish(root, {"mart_metrics_weekly": rows})
        admin = as_("admin")
        wednesday = BEFORE + timedelta(days=2)
        page = shown(admin, f"/admin/metrics/?from={wednesday}&to={wednesday}")
        assert (page["page"].asked.start, page["page"].asked.until) == (BEFORE, LAST)
        assert table(admin, f"/admin/metrics/overview/adherence.csv?to={wednesday}")[1:] == [[str(BEFORE), "0.1"]]
        for wrong in ("from=soon", f"from={LAST}&to={BEFORE}", "from=9999-12-31", "span=9", "to=9999-12-31&from=x"):
            assert "no full week of numbers" in shown(admin, f"/admin/metrics/?{wrong}")["text"], wrong
        hostile = "/admin/metrics/?arm=%27%3B+DROP+TABLE+x%3B--&sport=%3Cscript%3Ealert(1)"
        assert "<script>alert(1)" not in shown(admin, hostile)["text"]

    def test_a_spreadsheet_takes_no_name_for_a_formula(self, root: Path) -> None:
        coach = make_user("coach", name="=cmd()")
        row = {"week": LAST, "coach_id": person_token(coach.pk), "sport": "running", "plans": 3, "volume": 3}
        publish(root, {"mart_changes": [row]})
        admin = as_("admin")
        assert table(admin, "/admin/metrics/overview/changes.csv")[1][0] == "'=cmd()"
        for unknown in ("overview/none.csv", "none/week.csv"):
            assert admin.get(f"/admin/metrics/{unknown}").status_code == 404

    def test_a_page_asks_the_database_for_people_alone(self, root: Path, django_assert_num_queries: Any) -> None:
        for _ in range(5):
            make_user("coach")
        publish(root, {"mart_metrics_weekly": [adherence("v1:a", ARM, 8, 10)]})
        admin = as_("admin")
        admin.get(PAGES[0])
        with django_assert_num_queries(7):  # session, user, names of coaches, two badges, the unit of work's two
            admin.get(PAGES[0])
