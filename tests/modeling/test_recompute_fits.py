"""A sample of yesterday's fits is computed a second time; what contradicts is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from modeling.models import Fit, Test
from modeling.services import recompute_fits
from modeling.services.corrections import delete_row
from modeling.services.fit_athlete import fit_athlete
from modeling.services.import_history import import_history
from modeling.services.recompute_fits import recompute_due, sampled
from modeling.services.record_test import add_test
from telemetry.models import OutboxEvent
from tests.factories import make_athlete

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT = NOON + timedelta(hours=14)
START = date(2025, 1, 1)
NOTHING = {"agrees": 0, "contradicts": 0, "inputs_changed": 0}


@pytest.fixture
def fit() -> Fit:
    """A fit of yesterday noon."""
    with clock.frozen(NOON):
        athlete = make_athlete()
        table = "date,load\n" + "".join(f"{START + timedelta(days=i)},{30 + i % 50}\n" for i in range(120))
        import_history(athlete_id=athlete.pk, sources=[("loads.csv", table.encode())], acting_user=COMMAND_LINE)
        for i in range(6):
            add_test(
                athlete_id=athlete.pk,
                day=START + timedelta(days=20 + 15 * i),
                value=45 + i % 2,
                kind="race",
                acting_user=COMMAND_LINE,
            )
        return fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE)


def stored(fit: Fit) -> Fit:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return Fit.objects.get(pk=fit.pk)


def test_a_fit_that_agrees_is_written_down_once_and_told_as_an_event(fit: Fit) -> None:
    with clock.frozen(NOON + timedelta(hours=11)):
        assert recompute_due() == NOTHING, "the day is not over"
    with clock.frozen(NIGHT):
        assert recompute_due() == {**NOTHING, "agrees": 1}
        assert recompute_due() == NOTHING
    done = stored(fit)
    assert (done.recomputation, done.recomputed_at) == ("agrees", NIGHT)
    assert done.deviation is not None
    assert done.deviation < 0.03
    with unit_of_work(COMMAND_LINE, read_only=True):
        [event] = OutboxEvent.objects.filter(type="model.recomputed")
        assert AuditEvent.objects.filter(action="model.recompute", target_id=fit.pk).count() == 1
    assert (event.data["data"]["outcome"], event.data["data"]["fit_id"]) == ("agrees", str(fit.pk))
    assert str(fit.athlete_id) not in str(event.data["data"])


def test_a_fit_that_says_something_else_is_contradicted_and_told_to_the_team(fit: Fit, monkeypatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(recompute_fits, "raise_alert", lambda name, *, text, **_: told.append(text))
    with unit_of_work(COMMAND_LINE):
        wrong = {**fit.report, "tau1": {**fit.report["tau1"], "value": fit.report["tau1"]["value"] * 1.4}}
        Fit.objects.filter(pk=fit.pk).update(report=wrong)
    with clock.frozen(NIGHT):
        assert recompute_due() == {**NOTHING, "contradicts": 1}
    assert stored(fit).recomputation == "contradicts"
    [text] = told
    assert f"Fit {fit.pk}: an independent recomputation gives tau1" in text


def test_changed_inputs_are_told_apart_from_a_contradiction(fit: Fit) -> None:
    with unit_of_work(COMMAND_LINE, read_only=True):
        test = Test.objects.filter(athlete=fit.athlete_id).first()
    assert test is not None
    delete_row(kind="test", row_id=test.pk, reason="typing error", acting_user=COMMAND_LINE)
    with clock.frozen(NIGHT):
        assert recompute_due() == {**NOTHING, "inputs_changed": 1}
    assert stored(fit).deviation is None


def test_days_on_which_nothing_ran_are_made_up_for_a_week(fit: Fit) -> None:
    with clock.frozen(NIGHT + timedelta(days=7)):
        assert recompute_due() == NOTHING
    with clock.frozen(NIGHT + timedelta(days=6)):
        assert recompute_due() == {**NOTHING, "agrees": 1}


def test_one_in_a_hundred_and_at_least_one_is_chosen_whatever_the_order() -> None:
    ids = [UUID(int=i) for i in range(250)]
    assert len(sampled(ids)) == 3
    assert sampled(list(reversed(ids))) == sampled(ids)
    assert len(sampled(ids[:1])) == 1
    assert sampled([]) == []
