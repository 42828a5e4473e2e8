"""Two people decide at the same moment, on connections of their own: one wins, the other is told."""

from __future__ import annotations

import pytest

from common.errors import DomainError
from common.management.base import COMMAND_LINE
from modeling.learned.algorithm import SHIPPED
from modeling.models import AlgorithmVersion, TrainingRun
from modeling.services.versions import promote_version, roll_back_version
from tests.common.test_concurrency import at_once
from tests.factories import make_user
from tests.modeling.registry import begun, version

pytestmark = [pytest.mark.usefixtures("committed_database"), pytest.mark.postgres]


def outcomes(work, threads=2) -> list[str]:
    def tried(number: int) -> str:
        try:
            work(number)
        except DomainError as error:
            return error.type_slug
        return "done"

    return sorted(at_once(tried, threads))


@pytest.mark.parametrize("has_champion", [False, True])
def test_of_two_promotions_one_wins(has_champion):
    names, admin, expected = [version(mark).name for mark in "abc"], make_user("admin"), SHIPPED
    told = {"reason": "better", "without_experiment": True, "acting_user": admin}
    if has_champion:
        expected = promote_version(name=names[2], expected=SHIPPED, **told).champion
    found = outcomes(lambda number: promote_version(name=names[number], expected=expected, **told))
    assert found == ["done", "stale-version"]
    assert AlgorithmVersion.objects.filter(status="champion").count() == 1
    assert AlgorithmVersion.objects.filter(status="retired").count() == int(has_champion)


def test_a_promotion_and_a_rollback_do_not_mix():
    first, second = version("a").name, version("b").name
    told = {"reason": "decided", "expected": first, "acting_user": make_user("admin")}
    promote_version(name=first, without_experiment=True, **{**told, "expected": SHIPPED})
    work = [
        lambda: promote_version(name=second, without_experiment=True, **told),
        lambda: roll_back_version(**told),
    ]
    assert outcomes(lambda number: work[number]()) == ["done", "stale-version"]
    assert AlgorithmVersion.objects.get(name=first).status == "retired"


def test_of_two_runs_one_begins():
    assert outcomes(lambda number: begun(COMMAND_LINE), threads=4) == ["done", *["wrong-state"] * 3]
    assert TrainingRun.objects.count() == 1
