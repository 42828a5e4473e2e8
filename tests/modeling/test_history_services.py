"""History in, tests, corrections and fits through services, API and commands."""

from __future__ import annotations

import json
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from audit.selectors import readable
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput
from common.management.base import COMMAND_LINE
from modeling.models import Activity, Fit, Test
from modeling.services.corrections import correct_row, delete_row
from modeling.services.fit_athlete import fit_athlete
from modeling.services.import_history import import_history
from modeling.services.record_test import add_test, add_threshold
from tests.factories import api_of, make_athlete, make_user

pytestmark = pytest.mark.django_db
START = date(2025, 1, 1)


def table(days: int = 120, load: str = "50") -> bytes:
    rows = [f"{START + timedelta(days=i)},{load}" for i in range(days)]
    return ("date,load\n" + "\n".join(rows) + "\n").encode()


def imported(athlete, *files: tuple[str, bytes]):
    return import_history(athlete_id=athlete.pk, sources=list(files), acting_user=COMMAND_LINE)


def with_history():
    athlete = make_athlete()
    imported(athlete, ("loads.csv", table()))
    for i in range(6):
        add_test(
            athlete_id=athlete.pk,
            day=START + timedelta(days=20 + 15 * i),
            value=45 + i * 0.3,
            kind="race",
            acting_user=COMMAND_LINE,
        )
    return athlete


def run(*arguments: str) -> dict:
    out = StringIO()
    call_command(*arguments, "--json", stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def test_the_same_file_twice_is_the_same_activities():
    athlete = make_athlete()
    assert imported(athlete, ("loads.csv", table())).added == 120
    again = imported(athlete, ("other-name.csv", table()))
    assert (again.added, again.known) == (0, 120)


def test_a_broken_row_is_named_and_loses_nothing_else():
    athlete = make_athlete()
    data = table(5) + b"2025-03-01,NaN\n2025-03-02,-4\n2025-03-03,99999\nnot a day,5\n2025-03-05,40\n"
    report = imported(athlete, ("loads.csv", data), ("picture.png", b"\x89PNG\r\n\x1a\n0000"))
    assert report.added == 6
    assert sorted(p.line for p in report.problems if p.line) == [7, 8, 9, 10]
    assert any(p.source == "picture.png" and p.line is None for p in report.problems)


@pytest.mark.shared_data
def test_one_ride_in_three_formats_is_one_activity(shared_data: Path):
    athlete = make_athlete(sport="cycling")
    names = ["ride_a.gpx", "ride_a.tcx", "ride_a.fit", "ride_power_edge810.fit"]
    report = imported(athlete, *((name, (shared_data / "workouts" / name).read_bytes()) for name in names))
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = list(Activity.objects.filter(athlete=athlete))
    assert len(rows) == 2, report.problems
    powered = next(row for row in rows if row.normalised_power_w)
    assert powered.normalised_power_w == pytest.approx(301, rel=0.01)


@pytest.mark.shared_data
def test_the_real_runner_by_command(shared_data: Path):
    runner = run(
        "add_athlete",
        "--sport=running",
        "--level=advanced",
        "--threshold-hr=172",
        "--max-hr=190",
        "--thresholds-from=2022-01-01",
    )["id"]
    history = str(shared_data / "history" / "runner_2022_2026.csv")
    assert run("import_history", runner, history)["added"] == 1055
    assert run("import_history", runner, history)["added"] == 0
    assert run("propose_tests", runner, "--accept-rule")["accepted"] == 95
    report = run("fit", runner, "--from=2025-01-01")
    assert {"grade", "tau1", "tau2", "k1", "k2", "p0", "sse", "n_tests", "skill_vs_last", "skill_vs_trend"} <= set(
        report
    )
    assert all({"value", "interval", "identified"} <= set(report[name]) for name in ("tau1", "tau2", "k1", "k2", "p0"))


def test_a_load_follows_the_thresholds_of_its_day():
    athlete = make_athlete()
    data = b"date,duration,distance,hr\n2025-02-01,1:00:00,12000,160\n2025-04-01,1:00:00,12000,160\n"
    imported(athlete, ("runs.csv", data))
    for day, pace in ((date(2025, 1, 1), 300.0), (date(2025, 3, 1), 270.0)):
        add_threshold(
            athlete_id=athlete.pk, sport="running", valid_from=day, pace_s_per_km=pace, acting_user=COMMAND_LINE
        )
    with unit_of_work(COMMAND_LINE, read_only=True):
        early, late = Activity.objects.filter(athlete=athlete).order_by("day")
    assert early.load == pytest.approx(100, abs=0.5)
    assert late.load == pytest.approx(81, abs=0.5)


def test_a_fit_is_reused_until_something_it_used_changes():
    athlete = with_history()
    first = fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE)
    assert fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE).pk == first.pk
    with unit_of_work(COMMAND_LINE, read_only=True):
        row = Test.objects.filter(athlete=athlete).order_by("day").first()
    correct_row(kind="test", row_id=row.pk, changes={"value": 47.0}, reason="typo", acting_user=COMMAND_LINE)
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert Fit.objects.get(pk=first.pk).invalidated_at is not None
        event = AuditEvent.objects.get(action="data.correct")
        (read,) = readable([event])
    assert event.metadata_json["before"].keys() == {"ciphertext"}  # what was measured is the athlete's own
    assert json.loads(read.metadata["before"])["value"] == 45.0
    assert event.metadata_json["fits_invalidated"] == 1
    assert "typo" not in json.dumps(event.metadata_json)
    assert fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE).pk != first.pk


def test_a_deleted_activity_no_longer_counts():
    athlete = with_history()
    before = fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE)
    with unit_of_work(COMMAND_LINE, read_only=True):
        row = Activity.objects.filter(athlete=athlete).first()
    delete_row(kind="activity", row_id=row.pk, reason="not mine", acting_user=COMMAND_LINE)
    assert fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE).cache_key != before.cache_key
    with pytest.raises(InvalidInput, match="reason"):
        delete_row(kind="activity", row_id=row.pk, reason=" ", acting_user=COMMAND_LINE)


def test_tests_on_one_day_are_refused_by_least_squares_and_labelled_by_the_posterior():
    athlete = make_athlete()
    imported(athlete, ("loads.csv", table()))
    for i in range(6):
        add_test(
            athlete_id=athlete.pk, day=START + timedelta(days=60), value=45 + i, kind="lab", acting_user=COMMAND_LINE
        )
    with pytest.raises(InvalidInput, match="one day"):
        fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE, method="least-squares")
    assert fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE).grade == "population"


def test_a_command_without_history_says_what_to_do_and_fails():
    athlete = make_athlete()
    with pytest.raises(CommandError, match="import a history first") as refused:
        call_command("fit", str(athlete.pk), stdout=StringIO(), stderr=StringIO())
    assert refused.value.returncode == 2


def test_import_over_the_api_as_file_and_as_json():
    coach = make_user("coach")
    athlete = make_athlete(coach=coach)
    client, url = api_of(coach), f"/api/v1/athletes/{athlete.pk}/activities"
    upload = SimpleUploadedFile("loads.csv", table(), content_type="text/csv")
    made = client.post(url, {"file": upload}, format="multipart")
    assert made.status_code == 201, made.content
    assert made.json()["added"] == 120
    row = {"day": "2025-06-01", "duration_s": 3600, "load": 60}
    assert client.post(url, {"activities": [row]}).json()["added"] == 1
    assert client.post(url, {"activities": [row]}).json()["known"] == 1
    assert len(client.get(url).json()["results"]) == 50


@pytest.mark.parametrize(
    "row",
    [
        {"day": "2025-06-01", "load": -1},
        {"day": "2025-06-01", "load": 1e9},
        {"day": "2025-06-01"},
        {"load": 5},
        {"day": "never", "load": 5},
    ],
)
def test_an_impossible_activity_is_refused_and_nothing_is_written(row):
    coach = make_user("coach")
    athlete = make_athlete(coach=coach)
    good = {"day": "2025-06-01", "load": 10}
    answer = api_of(coach).post(f"/api/v1/athletes/{athlete.pk}/activities", {"activities": [good, row]})
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/problem+json")
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert not Activity.objects.filter(athlete=athlete).exists()


def test_a_file_of_another_kind_is_a_problem():
    coach = make_user("coach")
    athlete = make_athlete(coach=coach)
    upload = SimpleUploadedFile("x.fit", b"%PDF-1.7 nothing here", content_type="application/octet-stream")
    answer = api_of(coach).post(f"/api/v1/athletes/{athlete.pk}/activities", {"file": upload}, format="multipart")
    assert answer.status_code == 400
    assert "PDF" in answer.json()["errors"][0]["detail"]


def test_the_model_over_the_api_has_its_series_and_another_coach_gets_404():
    coach = make_user("coach")
    athlete = with_history()
    other = api_of(coach).get(f"/api/v1/athletes/{athlete.pk}/model")
    assert other.status_code == 404
    model = api_of(make_user("admin")).get(f"/api/v1/athletes/{athlete.pk}/model").json()
    series = model["series"]
    assert len(series["days"]) == len(series["fitness"]) == len(series["performance_low"]) == 120
    assert all(low < high for low, high in zip(series["performance_low"], series["performance_high"], strict=True))
    assert model["report"]["n_tests"] == 6


def test_a_test_in_the_future_is_refused():
    athlete = make_athlete()
    with pytest.raises(InvalidInput, match="past"):
        add_test(
            athlete_id=athlete.pk,
            day=clock.today() + timedelta(days=1),
            value=50,
            kind="race",
            acting_user=COMMAND_LINE,
        )
