"""The champion: promoted by a person with a reason, rolled back one step, and never the cause of a failed plan."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from common.context import COMMAND_LINE, service, unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible, StaleVersion, WrongState
from modeling import versions
from modeling.evidence import EVIDENCE, Evidence
from modeling.learned.algorithm import SHIPPED, SHIPPED_ALGORITHM
from modeling.models import AlgorithmVersion
from modeling.services import versions as services
from modeling.services.versions import give_experiment, promote_version, roll_back_version
from modeling.versions import candidate_of, champion, version_named
from tests.factories import make_user
from tests.modeling.registry import damage, version

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """Forget what other tests kept, and collect alerts."""
    versions.forget()
    found: list[str] = []
    monkeypatch.setattr(versions, "raise_alert", lambda name, *, text, **_: found.append(text))
    return found


def promote(name, *, by=None, expected=SHIPPED, without=True, reason="It is better."):
    return promote_version(
        name=name, reason=reason, expected=expected, without_experiment=without, acting_user=by or make_user("admin")
    )


def test_a_promotion_holds_at_once_is_recorded_and_goes_back_one_step(told):
    assert champion() is SHIPPED_ALGORITHM
    first, second = version("a"), version("b")
    scientist = make_user("data_scientist")
    assert promote(first.name, by=scientist).before == SHIPPED
    assert champion().name == first.name
    promote(second.name, expected=first.name)
    assert champion().name == second.name
    assert AlgorithmVersion.objects.get(pk=first.pk).status == "retired"
    back = {"reason": "Athletes wait longer.", "acting_user": scientist}
    assert roll_back_version(expected=second.name, **back).champion == first.name
    assert roll_back_version(expected=first.name, **back).champion == SHIPPED
    assert champion() is SHIPPED_ALGORITHM
    with pytest.raises(WrongState, match="shipped version plans already"):
        roll_back_version(expected=SHIPPED, **back)
    with unit_of_work(COMMAND_LINE, read_only=True):
        acts = list(AuditEvent.objects.filter(action__in=["model.promote", "model.rollback"]).order_by("id"))
        linked = [AuditEvent.objects.filter(linked_event_id=act.pk).count() for act in acts]
    assert [act.action for act in acts] == ["model.promote"] * 2 + ["model.rollback"] * 2
    assert linked == [1, 2, 2, 1]
    assert [one.history_user_id for one in first.history.filter(status="champion").order_by("history_date")] == [
        scientist.pk,
        scientist.pk,
    ]
    assert told == []


def test_a_generation_asks_one_small_query_and_reads_the_document_once():
    promote(version().name)
    champion()
    with CaptureQueriesContext(
        connection,
    ) as seen:
        champion()
    assert len(seen) == 1
    assert "document" not in seen[0]["sql"]


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null"])
def test_a_damaged_document_is_told_and_the_shipped_version_plans(told, text):
    name = version().name
    promote(name)
    damage(name, text)
    assert champion() is SHIPPED_ALGORITHM
    assert version_named(name) is SHIPPED_ALGORITHM
    assert name in told[0]
    assert "the shipped version plans" in told[0]
    assert version_named("2020-01-01.1") is SHIPPED_ALGORITHM
    assert version_named(SHIPPED) is SHIPPED_ALGORITHM


def test_a_candidate_is_that_of_its_experiment_and_the_champion_stands_in(told):
    first, second = version("a"), version("b")
    give_experiment(version_id=second.pk, key="which", acting_user=COMMAND_LINE)
    promote(first.name)
    assert candidate_of("which").name == second.name
    assert candidate_of("other").name == first.name
    assert "other" in told[0]
    with pytest.raises(WrongState):
        give_experiment(version_id=second.pk, key="again", acting_user=COMMAND_LINE)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"reason": " "}, InvalidInput, "Say why"),
        ({"reason": "x" * 301}, InvalidInput, "Say why"),
        ({"expected": "2020-01-01.1"}, StaleVersion, "by now"),
        ({"without": False}, WrongState, "not tried in an experiment"),
    ],
)
def test_a_promotion_that_is_refused_changes_nothing(change, error, says):
    name = version().name
    with pytest.raises(error, match=says):
        promote(name, **change)
    assert champion() is SHIPPED_ALGORITHM
    assert AlgorithmVersion.objects.get(name=name).status == "candidate"


def test_only_a_person_promotes_and_skips_no_experiment_of_their_own_run():
    scientist = make_user("data_scientist")
    own = version("own", acting_user=scientist, trigger="person")
    with pytest.raises(NotPermitted, match="somebody else"):
        promote(own.name, by=scientist)
    with pytest.raises(NotPermitted, match="not a service"):
        promote(own.name, by=service("refitter"))
    with pytest.raises(NotPermitted):
        promote(own.name, by=make_user("coach"))
    with pytest.raises(NotVisible):
        promote("2020-01-01.1")
    assert promote(own.name).champion == own.name


def test_a_damaged_candidate_is_not_promoted_and_a_damaged_way_back_is_the_shipped_version():
    first, second = version("a"), version("b")
    damage(second.name)
    with pytest.raises(WrongState, match="damaged"):
        promote(second.name)
    third = version("c")
    promote(first.name)
    promote(third.name, expected=first.name)
    damage(first.name)
    back = roll_back_version(reason="slow", expected=third.name, acting_user=make_user("admin"))
    assert back.champion == SHIPPED
    with pytest.raises(WrongState, match="a candidate is promoted"):
        promote(third.name)


@pytest.mark.parametrize("against", ["", "its conclusion is “worse”."])
def test_the_experiments_conclusion_decides(monkeypatch, against):
    found = version()
    give_experiment(version_id=found.pk, key="which", acting_user=COMMAND_LINE)
    monkeypatch.setitem(EVIDENCE._entries, "experiments", lambda key, user: Evidence(f"of {key}", against))
    if against:
        with pytest.raises(WrongState, match="worse"):
            promote(found.name, without=False)
    else:
        promote(found.name, without=False)
    assert champion().name == (SHIPPED if against else found.name)


def test_a_database_error_half_way_leaves_the_champion(monkeypatch):
    first, second = version("a"), version("b")
    promote(first.name)

    def fails(*args, **kwargs):
        raise OperationalError("disk full")

    monkeypatch.setattr(services, "record", fails)
    with pytest.raises(OperationalError):
        promote(second.name, expected=first.name)
    assert champion().name == first.name
    assert sorted(AlgorithmVersion.objects.values_list("status", flat=True)) == ["candidate", "champion"]
