"""Heuristics, proposals from patterns, and the pages on what coaches change; everybody in the store is made up."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core import mail
from django.test import Client

from accounts.models import Notification, User
from accounts.services.notify import send_waiting_mail
from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible, WrongState
from common.management.base import COMMAND_LINE
from experiments.models import Experiment
from modeling.heuristics import active_heuristics, heuristics_tried_by
from modeling.models import HeuristicRow, OverridePattern
from modeling.services.heuristics import create_heuristic, step_heuristic
from modeling.services.report_preference import prefer_mail
from modeling.training.null_cohorts import Planted, cohort
from modeling.training.patterns import Pattern, significant
from plans.evidence import reading
from plans.evidence import report as report_module
from plans.evidence.nightly import propose_from_store
from plans.evidence.report import report_of
from plans.heuristics import document_of
from plans.services.override_patterns import FINDER, adopt_pattern, dismiss_pattern, propose_patterns
from plans.services.tell_reports import tell_reports
from plans.services.try_heuristic import try_heuristic
from telemetry.tokens import person_token
from tests.factories import make_athlete, make_user
from tests.plans.review import make_review, replace_op
from tests.support.overriding import World, write_store

pytestmark = pytest.mark.django_db
WHY = "seen in the weekly"
SATURDAY = Pattern("shortened", "long", "weekday", "5")
DOCUMENT: dict[str, Any] = {
    "name": "short-saturdays",
    "condition": {"kind": ["long"], "weekday": [5]},
    "adjustment": {"adjustment": "volume", "volume_factor": 0.85},
    "reason": "Coaches shorten long sessions on Saturdays.",
    "support": {"coaches": 9, "athletes": 21, "cases": 34},
}
PAGE = "/admin/overrides/"
REPORT = "/admin/coach-report/"


@pytest.fixture
def ada() -> User:
    return make_user("data_scientist", name="Ada")


@pytest.fixture
def coach() -> User:
    return make_user("coach")


@pytest.fixture
def store(settings: Any, tmp_path: Path, coach: User, monkeypatch: pytest.MonkeyPatch) -> World:
    """What six coaches looked at, of whom `coach` is one and the four first shorten Saturday's long run."""
    monkeypatch.setattr(reading, "_kept", {})
    world = World(
        coaches=6,
        athletes=5,
        seed=3,
        begin=clock.now() - timedelta(days=300),
        chance=lambda number, kind, day: 0.0 if number > 3 else 0.8 if (kind, day) == ("long", 5) else 0.1,
        coach_token=lambda number: person_token(coach.pk) if number == 0 else f"v1:c{number:05}",
    )
    settings.FEATURE_STORE_URL = str(tmp_path / "features")
    write_store(tmp_path / "features", world)
    return world


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


@cache
def found_patterns() -> Any:
    return significant(cohort(5, coaches=12, submissions=20, planted=Planted(SATURDAY, 0.7, 0.8)))


def proposed() -> OverridePattern:
    [row] = propose_patterns(found=found_patterns(), data_sha256="a" * 64, acting_user=FINDER)
    return row


def actions() -> list[str]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_a_heuristic_is_written_activated_and_retired(ada: User) -> None:
    create_heuristic(document=DOCUMENT, reason=WHY, acting_user=ada)
    assert active_heuristics() == ()
    step_heuristic(name="short-saturdays", command="activate", reason=WHY, acting_user=ada)
    assert [one.name for one in active_heuristics()] == ["short-saturdays"]
    step_heuristic(name="short-saturdays", command="retire", reason=WHY, acting_user=ada)
    assert active_heuristics() == ()
    with pytest.raises(WrongState):
        step_heuristic(name="short-saturdays", command="activate", reason=WHY, acting_user=ada)
    assert [one for one in actions() if one.startswith("heuristic")] == [
        "heuristic.create", "heuristic.state", "heuristic.step", "heuristic.state", "heuristic.step", "heuristic.state",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": "Short Saturdays"}, "/name"),
        ({"condition": {}}, "/condition"),
        ({"condition": {"weekday": [7]}}, "/condition/weekday"),
        ({"condition": {"mood": ["low"]}}, "/condition/mood"),
        ({"adjustment": {"adjustment": "volume", "volume_factor": 9}}, "/adjustment"),
        ({"reason": " "}, "/reason"),
    ],
)
def test_a_heuristic_that_makes_no_sense_is_refused(ada: User, change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_heuristic(document={**DOCUMENT, **change}, reason=WHY, acting_user=ada)
    assert refused.value.errors[0]["pointer"] == f"#{pointer}"
    assert not HeuristicRow.objects.exists()


def test_heuristics_need_a_reason_a_free_name_and_the_role(ada: User, coach: User) -> None:
    with pytest.raises(InvalidInput):
        create_heuristic(document=DOCUMENT, reason=" ", acting_user=ada)
    with pytest.raises(NotPermitted):
        create_heuristic(document=DOCUMENT, reason=WHY, acting_user=coach)
    create_heuristic(document=DOCUMENT, reason=WHY, acting_user=ada)
    with pytest.raises(InvalidInput):
        create_heuristic(document=DOCUMENT, reason=WHY, acting_user=ada)
    with pytest.raises(NotVisible):
        step_heuristic(name="no-such", command="retire", reason=WHY, acting_user=ada)


def test_an_experiment_of_a_heuristic_is_a_draft_that_says_what_it_can_show(ada: User) -> None:
    create_heuristic(document=DOCUMENT, reason=WHY, acting_user=ada)
    experiment = try_heuristic(name="short-saturdays", reason=WHY, acting_user=ada)
    assert (experiment.status, experiment.key) == ("draft", "heuristic-short-saturdays")
    assert experiment.protocol["parameter"] == "plan_heuristic"
    assert "What it can show is not known yet" in experiment.description
    assert [one.name for one in heuristics_tried_by(experiment.key)] == ["short-saturdays"]
    with pytest.raises(WrongState):
        try_heuristic(name="short-saturdays", reason=WHY, acting_user=ada)
    step_heuristic(name="short-saturdays", command="retire", reason=WHY, acting_user=ada)
    assert heuristics_tried_by(experiment.key) == ()
    assert heuristics_tried_by("") == ()


def test_a_pattern_is_proposed_once_and_a_dismissed_one_does_not_come_back(ada: User) -> None:
    row = proposed()
    assert row.pattern_json == {"change": "shortened", "kind": "long", "field": "weekday", "value": "5"}
    assert propose_patterns(found=found_patterns(), data_sha256="b" * 64, acting_user=FINDER) == []
    dismiss_pattern(key=row.key, reason=WHY, acting_user=ada)
    assert propose_patterns(found=found_patterns(), data_sha256="c" * 64, acting_user=FINDER) == []
    assert OverridePattern.objects.get().status == "dismissed"
    with pytest.raises(WrongState):
        adopt_pattern(key=row.key, reason=WHY, acting_user=ada)


def test_the_nightly_run_proposes_what_the_store_shows_once(store: World) -> None:
    assert propose_from_store() >= 1
    kinds = {row.pattern_json["kind"] for row in OverridePattern.objects.all()}
    assert kinds == {"long"}
    assert propose_from_store() == 0


def test_an_adopted_pattern_is_a_heuristic_and_a_draft_experiment(ada: User) -> None:
    row = proposed()
    heuristic, experiment = adopt_pattern(key=row.key, reason=WHY, acting_user=ada)
    row.refresh_from_db()
    assert (row.status, row.heuristic, row.experiment_key) == ("adopted", heuristic, experiment.key)
    assert heuristic.experiment_key == experiment.key
    assert heuristic.document_json["condition"] == {"kind": ["long"], "weekday": [5]}
    assert heuristic.document_json["adjustment"] == {"adjustment": "volume", "volume_factor": 0.85}
    assert experiment.status == "draft"


def test_adopting_is_all_or_nothing(ada: User) -> None:
    row = proposed()
    document = document_of(SATURDAY, row.evidence_json)
    create_heuristic(document=document, reason="somebody was faster", acting_user=ada)
    with pytest.raises(InvalidInput):
        adopt_pattern(key=row.key, reason=WHY, acting_user=ada)
    row.refresh_from_db()
    assert row.status == "proposed"
    assert not Experiment.objects.exists()


def test_what_plans_cannot_do_beforehand_cannot_be_adopted(ada: User) -> None:
    row = proposed()
    OverridePattern.objects.filter(pk=row.pk).update(pattern_json={**row.pattern_json, "change": "intensity"})
    with pytest.raises(WrongState):
        adopt_pattern(key=row.key, reason=WHY, acting_user=ada)
    assert OverridePattern.objects.get().status == "proposed"


def test_the_page_says_what_to_do_where_nothing_was_exported(ada: User, settings: Any, tmp_path: Path) -> None:
    settings.FEATURE_STORE_URL = str(tmp_path / "nothing")
    shown = logged_in(ada).get(PAGE).content.decode()
    assert "features export" in shown
    assert "manage.py retrain" in shown


def test_a_damaged_export_is_told_of(ada: User, settings: Any, store: World) -> None:
    for path in Path(settings.FEATURE_STORE_URL).rglob("*.parquet"):
        path.write_bytes(b"no parquet")
    assert "cannot be read" in logged_in(ada).get(PAGE).content.decode()


def test_clusters_are_shown_sorted_filtered_and_small_ones_hidden(ada: User, store: World) -> None:
    client = logged_in(ada)
    rows = client.get(PAGE).context["rows"]
    counts = [int(one.counts.split()[0].replace(",", "")) for one in rows]
    assert counts == sorted(counts, reverse=True)
    kinds = {one.kind for one in client.get(f"{PAGE}?kind=long").context["rows"]}
    assert kinds == {"long"}
    first = client.get(f"{PAGE}?sort=lift").context["rows"][0]
    assert (first.change, first.kind, first.when) == ("Shortened by 15–30 %", "long", "on Saturdays")
    hidden = client.get(f"{PAGE}?sport=cycling&level=advanced&weeks=13").context
    assert hidden["least"] == 5
    wrong = client.get(f"{PAGE}?level=olympic&sort=luck")
    assert wrong.context["asked"].is_wrong
    assert wrong.status_code == 200


def test_one_cluster_has_examples_without_names_and_becomes_an_experiment(ada: User, store: World, coach: User) -> None:
    client = logged_in(ada)
    key = client.get(f"{PAGE}?sort=lift").context["rows"][0].key
    page = client.get(f"{PAGE}cluster/", {"key": key})
    shown = page.content.decode()
    assert len(page.context["examples"]) == 30
    assert person_token(coach.pk) not in shown
    assert coach.email not in shown
    form = {"command": "experiment", "key": key, "name": "short-saturdays", "reason": WHY}
    answer = client.post(f"{PAGE}do/", form)
    assert "Drafted" in said(answer)
    assert Experiment.objects.get().key == "heuristic-short-saturdays"
    again = client.post(f"{PAGE}do/", form)
    assert "Not done" in said(again)
    assert client.get(f"{PAGE}cluster/", {"key": "no|such"}).status_code == 404


def test_proposals_are_decided_on_the_page(ada: User) -> None:
    row = proposed()
    client = logged_in(ada)
    assert "Coaches shorten long sessions by 15 % on Saturdays" in client.get(PAGE).content.decode()
    assert "Not done" in said(client.post(f"{PAGE}do/", {"command": "dismiss", "key": row.key}))
    assert "Dismissed" in said(client.post(f"{PAGE}do/", {"command": "dismiss", "key": row.key, "reason": WHY}))


def test_coaches_and_athletes_do_not_see_the_page(coach: User) -> None:
    assert logged_in(coach).get(PAGE).status_code == 403
    assert logged_in(coach).post(f"{PAGE}do/", {}).status_code == 403


def test_a_report_is_the_coachs_own(store: World, coach: User) -> None:
    report = report_of(coach)
    assert report.own is not None
    assert report.own.submissions == 15
    assert report.own.athletes == 5
    assert 0.15 < (report.own.share or 0) < 0.3
    assert report.own.median is not None
    other = report_of(make_user("coach"))
    assert other.own is not None
    assert other.own.looked_at == 0
    shown = logged_in(coach).get(REPORT).content.decode()
    assert "on Saturdays" in shown
    assert "1 coaches" not in shown
    assert "v1:" not in shown


def test_the_median_of_few_coaches_is_not_told(
    settings: Any, tmp_path: Path, coach: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_kept", {})
    settings.FEATURE_STORE_URL = str(tmp_path)
    token = person_token(coach.pk)
    write_store(tmp_path, World(coaches=5, coach_token=lambda n: token if n == 0 else f"v1:c{n}",
                                begin=clock.now() - timedelta(days=300)))  # fmt: skip
    report = report_of(coach)
    assert report.own is not None
    assert report.own.median is None


def test_a_coach_sees_no_other_report_and_an_administrator_any(store: World, coach: User) -> None:
    other = make_user("coach")
    assert logged_in(other).get(REPORT, {"coach": str(coach.pk)}).status_code == 404
    admin = logged_in(make_user("admin"))
    assert "Choose a coach" in admin.get(REPORT).content.decode()
    assert "on Saturdays" in admin.get(REPORT, {"coach": str(coach.pk)}).content.decode()
    assert logged_in(make_user("data_scientist")).get(REPORT).status_code == 403


def test_overrides_of_athletes_who_did_not_consent_are_counted_and_no_more(settings: Any, tmp_path: Path) -> None:
    settings.FEATURE_STORE_URL = str(tmp_path / "nothing")
    review = make_review()
    assert report_of(review.coach).unused == 0
    answer = review.patch([replace_op(review.editable()[0], "title", "Hills")])
    assert answer.status_code < 300
    assert review.submit().status_code == 200
    assert report_of(review.coach).unused == 1


def test_what_was_adjusted_beforehand_is_kept_or_taken_back(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FEATURE_STORE_URL = str(tmp_path / "nothing")
    review = make_review()
    first, second, third = review.editable()[:3]
    ids = {first["session_id"], second["session_id"]}
    monkeypatch.setattr(report_module, "adjusted_in", lambda version: ids)
    answer = review.patch([replace_op(first, "title", "Hills"), replace_op(third, "title", "Hills")])
    assert answer.status_code < 300, answer.content
    assert report_of(review.coach).since == report_module.Since(None, 0, 0)
    assert review.submit().status_code == 200
    assert report_of(review.coach).since == report_module.Since(None, 2, 1)


def test_the_monthly_mail_goes_out_once_and_not_to_who_declined(store: World, coach: User) -> None:
    make_user("coach")  # of whom nothing is known: no mail
    assert tell_reports() == 1
    tell_reports()
    with unit_of_work(COMMAND_LINE, read_only=True):
        [told] = Notification.objects.filter(kind="coach.report")
    assert told.user_id == coach.pk
    send_waiting_mail()
    [sent] = [one for one in mail.outbox if "model learned" in one.subject]
    assert re.search(r"You changed \d+\.\d % of the sessions", sent.body)
    assert "/admin/coach-report/" in sent.body
    client = logged_in(coach)
    client.post(f"{REPORT}mail/", {"wants_mail": "no"})
    assert "Send me the monthly e-mail" in client.get(REPORT).content.decode()
    assert tell_reports() == 0
    prefer_mail(wants_mail=True, acting_user=coach)
    assert tell_reports() == 1


def test_athletes_have_no_report_to_prefer() -> None:
    athlete = make_athlete()
    user = make_user("athlete")
    assert athlete.pk
    with pytest.raises(NotPermitted):
        prefer_mail(wants_mail=False, acting_user=user)
