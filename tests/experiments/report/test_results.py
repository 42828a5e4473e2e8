"""Results from stored looks: page, files, API and command say the same, and none while the sample ratio alarms."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible
from common.management.base import COMMAND_LINE
from experiments.api.results_views import ResultsSerializer
from experiments.errors import NoLook, ResultsHidden
from experiments.models import ExperimentLook
from experiments.report import COLUMNS
from experiments.selectors import moment_of, results_of
from experiments.services.looking import take_look
from experiments.services.running import begin_phase
from tests.experiments.looking import BEGIN, DAY, study_of
from tests.experiments.looking import KEY as TAPER
from tests.experiments.report.placing import STORIES, experiment, place
from tests.factories import make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_noon():
    with clock.frozen(NOW):
        yield


def story(key: str, **changes):
    return place(key, now=NOW, **{**STORIES[key], **changes})


def page_of(key: str, *, role: str = "data_scientist", path: str = "results/", **query):
    client = Client()
    client.force_login(make_user(role))
    return client.get(f"/admin/experiments/experiment/{experiment(key).pk}/{path}", query)


def api_of(key: str, role: str = "data_scientist", **headers):
    client = APIClient()
    client.force_authenticate(make_user(role))
    return client.get(f"/api/v1/experiments/{key}/results", headers=headers)


def command(*arguments: object) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("experiment", *map(str, arguments), stdout=out, stderr=io.StringIO())
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


def test_results_are_told_from_looks_alone_and_earlier_ones_stay():
    story("better")
    by = make_user("data_scientist")
    newest = results_of(key="better", acting_user=by)
    assert (newest.report.number, newest.is_newest, len(newest.history)) == (21, True, 21)
    then = results_of(key="better", as_of=moment_of("2026-04-24"), acting_user=by)
    assert (then.report.number, then.is_newest) == (14, False)
    assert then.report.as_of == datetime(2026, 4, 24, tzinfo=UTC)
    with unit_of_work(COMMAND_LINE):
        later = [one.pk for one in ExperimentLook.objects.filter(number__gt=14)]
    assert len(later) == 7
    assert newest.document()["look_sha256"] == newest.sha256 == newest.history[-1].sha256


def test_results_need_the_verb_an_experiment_and_a_look():
    story("new")
    with pytest.raises(NotPermitted):
        results_of(key="new", acting_user=make_user("coach"))
    with pytest.raises(NoLook):
        results_of(key="new", acting_user=make_user("admin"))
    with pytest.raises(NotVisible):
        results_of(key="none", acting_user=make_user("admin"))
    with pytest.raises(InvalidInput):
        moment_of("yesterday")


def test_as_many_queries_for_many_looks_as_for_few():
    found = {}
    by = make_user("data_scientist")
    for key, days in (("inconclusive", 2), ("three", 20)):
        story(key, days=days)
        with CaptureQueriesContext(connection) as captured:
            results_of(key=key, acting_user=by)
        found[key] = len(captured)
    assert found["inconclusive"] == found["three"] <= 12


def test_an_alarm_hides_results_in_every_form():
    story("hidden")
    found = results_of(key="hidden", acting_user=COMMAND_LINE)
    for tell in (found.document, found.rows):
        with pytest.raises(ResultsHidden) as refused:
            tell()
        assert refused.value.members["code"] == "srm_alarm"
    page = page_of("hidden").content.decode()
    assert "Hidden: the arms do not have the subjects" in page
    assert "Where the imbalance comes from" in page
    assert "xp-forest" not in page
    for path in ("results.csv", "results.json"):
        answer = page_of("hidden", path=path)
        assert (answer.status_code, answer.json()["code"]) == (409, "srm_alarm")
    answer = api_of("hidden")
    assert (answer.status_code, answer.json()["type"], "ETag" in answer) == (409, "/problems/srm-alarm/", False)
    code, text = command("results", "hidden", "--json")
    assert (code, json.loads(text)["error"]["code"]) == (6, "srm_alarm")
    code, text = command("results", "hidden")
    assert code == 6
    assert "Cycling" in text
    assert command("results", "hidden", "--csv")[0] == 6


@pytest.mark.once
def test_what_was_told_before_an_alarm_stays_and_says_not_to_rely_on_it():
    story("hidden")
    before = results_of(key="hidden", as_of=moment_of("2026-04-12"), acting_user=COMMAND_LINE)
    assert not before.report.hidden
    assert before.alarmed_later
    assert not results_of(key="hidden", acting_user=COMMAND_LINE).alarmed_later
    assert "Do not rely on this look." in page_of("hidden", as_of="2026-04-12").content.decode()


@pytest.mark.once
@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("inconclusive", "Inconclusive: it is not known whether b changes adherence."),
        ("better", "Better: b changes adherence by"),
        ("early", "Too early: whether b changes adherence is judged after whole weeks."),
        ("few-coaches", "Not identified: nothing can be said of adherence under b."),
        ("three", "Better: c. Inconclusive: b."),
        ("new", "The first look is taken after midnight UTC"),
    ],
)
def test_a_page_says_what_is_known(key, says):
    story(key)
    answer = page_of(key)
    assert answer.status_code == 200
    assert says in answer.content.decode()


@pytest.mark.once
def test_a_page_chooses_a_treatment_and_a_look_and_survives_nonsense():
    story("three")
    page = page_of("three", treatment="c").content.decode()
    assert "Better: c changes adherence" in page
    assert "Difference" in page
    page = page_of("three", as_of="2026-04-20").content.decode()
    assert "As of 20 Apr 00:00 UTC" in page
    assert "No look by then" in page_of("three", as_of="2020-01-01").content.decode()
    assert "This is the newest look." in page_of("three", as_of="soon", treatment="z").content.decode()
    assert page_of("three", role="coach").status_code == 403


def test_files_and_api_say_what_the_command_says():
    story("better")
    told = json.loads(command("results", "better", "--json")[1])
    assert api_of("better").json() == told == page_of("better", path="results.json").json()
    assert told["headline"]["outcome"] == "better"
    assert {"status", "age", "next_look"} & told.keys() == set()
    lines = page_of("better", path="results.csv")
    assert lines.headers["Content-Disposition"] == 'attachment; filename="better-20260501-results.csv"'
    text = command("results", "better", "--csv")[1]
    assert lines.content.decode() == text
    read = list(csv.DictReader(io.StringIO(text)))
    assert tuple(read[0]) == COLUMNS
    assert len(read) == 21 * 6
    code, table = command("results", "better", "--as-of", "2026-04-24")
    assert code == 0
    assert "as of 24 Apr 00:00 UTC" in table


def unlike(fields: dict, told: dict, at: str = "") -> list[str]:
    """Return where a document has other names than the serializer that describes it."""
    found = [f"{at}{name}" for name in fields.keys() ^ told.keys()]
    for name, field in fields.items():
        value, child = told.get(name), getattr(field, "child", None)
        many = value if isinstance(value, list) else [*value.values()] if child and isinstance(value, dict) else [value]
        for one in many:
            inner = getattr(child or field, "fields", None)
            if inner is not None and one is not None:
                found += unlike(inner, one, f"{at}{name}/")
    return found


@pytest.mark.once
@pytest.mark.parametrize("key", ["three", "few-coaches"])
def test_the_schema_names_what_the_document_has(key):
    story(key)
    told = api_of(key).json()
    assert unlike(ResultsSerializer().fields, told) == []
    assert unlike(ResultsSerializer().fields, {**told, "more": 1}) == ["more"]


@pytest.mark.once
def test_a_client_may_keep_a_look_for_ever():
    story("better")
    first = api_of("better")
    tag = first.headers["ETag"]
    assert tag == f'"{first.json()["look_sha256"]}-1"'
    again = api_of("better", **{"If-None-Match": f'W/"x", {tag}'})
    assert (again.status_code, again.headers["ETag"], again.content) == (304, tag, b"")
    assert api_of("better", **{"If-None-Match": '"other-1"'}).status_code == 200
    with clock.frozen(NOW + 3 * DAY):
        assert api_of("better").json() == first.json()


def test_the_api_refuses_who_may_not_and_what_is_not_there():
    story("new")
    assert [api_of("new", role).status_code for role in ("coach", "athlete", "support", "compliance")] == [403] * 4
    assert [api_of(key, "admin").status_code for key in ("new", "none")] == [404, 404]
    client = APIClient()
    client.force_authenticate(make_user("admin"))
    assert client.get("/api/v1/experiments/new/results?as_of=soon").status_code == 400
    assert APIClient().get("/api/v1/experiments/new/results").status_code == 401


def test_a_real_look_from_a_command_to_its_results():
    with study_of() as study:
        study.join(48)
        for index, (athlete, variant) in enumerate(study.athletes):
            at = BEGIN + timedelta(hours=1 + index % 5)
            study.measure("score", athlete, index % 3 + 2.0 * (variant == "b"), at=at)
            study.measure("harm", athlete, 1 + index % 5 / 10, at=at)
        assert command("look", TAPER)[0] == 4
        with clock.frozen(BEGIN + 14 * DAY):
            code, text = command("look", TAPER, "--json")
            assert (code, json.loads(text)["number"]) == (0, 1)
            assert command("look", TAPER)[0] == 4
            told = json.loads(command("results", TAPER, "--json")[1])
        assert told["phase"] == {"day": 14, "of": 28, "is_over": False}
        [one] = told["treatments"]
        assert one["primary"]["estimate"]["low"] > 0
        assert told["headline"]["outcome"] == "better"
        with clock.frozen(BEGIN + 15 * DAY):
            take_look(key=TAPER, acting_user=study.scientist)
            again = results_of(key=TAPER, as_of=BEGIN + 14 * DAY, acting_user=study.scientist)
        assert again.document() == told


def test_a_phase_that_began_later_does_not_change_what_was_told():
    story("better")
    as_of = moment_of("2026-04-30")
    before = results_of(key="better", as_of=as_of, acting_user=COMMAND_LINE).document()
    begin_phase(
        key="better",
        changes={"variant_weights": {"a": 20, "b": 80}},
        reason="b is safe",
        expected=None,
        acting_user=COMMAND_LINE,
    )
    assert results_of(key="better", as_of=as_of, acting_user=COMMAND_LINE).document() == before
