"""Decisions about a plan hold though the clock of the process that took an earlier one was ahead."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta

import pytest

from audit.services.reconcile import reconcile
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from plans.admin.review_state import _what_was_asked
from plans.models import Plan, PlanReview
from tests.plans.review import make_review, replace_op

pytestmark = pytest.mark.django_db


@pytest.fixture
def review():
    return make_review()


@contextmanager
def clock_ahead(monkeypatch):
    """What is stored within is stored by a process whose clock is a day ahead."""
    tomorrow = time.time_ns() + 86_400 * 10**9
    with monkeypatch.context() as ahead:
        ahead.setattr("common.ids.time.time_ns", lambda: tomorrow)
        ahead.setattr("common.ids._last", 0)
        yield


def test_a_later_submission_is_decided_though_an_earlier_ones_clock_was_ahead(review, monkeypatch):
    with clock_ahead(monkeypatch):
        assert review.submit().status_code == 200
        assert review.decide("request_changes").status_code == 200
    assert review.submit().status_code == 200
    assert review.decide("request_changes").status_code == 200
    assert review.submit().status_code == 200
    assert review.decide("accept").status_code == 200
    with unit_of_work(COMMAND_LINE, read_only=True):
        made = {row.pk: row for row in PlanReview.objects.all()}
    submitted = {pk for pk, row in made.items() if row.decision == "submit"}
    assert {row.submission_id for row in made.values() if row.submission_id} == submitted
    assert len(made) == 2 * len(submitted) == 6


def test_a_decision_is_about_its_own_version_though_a_submission_before_has_none(review, monkeypatch):
    with clock_ahead(monkeypatch):
        assert review.submit().status_code == 200
    review.patch([replace_op(review.editable()[0], "title", "Hills")])  # before the athlete decided
    assert review.submit().status_code == 200
    assert review.decide("accept").status_code == 200
    with unit_of_work(COMMAND_LINE, read_only=True):
        accepted = PlanReview.objects.select_related("submission").get(decision="accept")
    assert accepted.submission.version_id == accepted.version_id


def test_the_later_decision_is_the_newest_though_an_earlier_ones_clock_was_ahead(review, monkeypatch):
    with clock_ahead(monkeypatch):
        review.submit()
        review.decide("request_changes", comment="Fewer hills")
    review.patch([replace_op(review.editable()[0], "title", "Flat")])
    review.submit()
    review.decide("request_changes", comment="More rest")
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert _what_was_asked(Plan.objects.get(pk=review.plan_id)) == "Changes were requested: “More rest”"


def test_decisions_agree_with_the_log_though_an_earlier_ones_clock_was_ahead(review, monkeypatch):
    with clock_ahead(monkeypatch):
        review.submit()
        review.decide("request_changes")
    review.submit()
    review.decide("accept")
    for until in (clock.now() + timedelta(seconds=1), clock.now() + timedelta(days=2)):
        assert reconcile(until=until) == []
