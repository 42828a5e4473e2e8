"""Retraining with its real parts where there is nothing or something is broken: it says so, and the champion stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import WrongState
from common.management.base import COMMAND_LINE
from experiments.models import Experiment
from modeling import versions
from modeling.models import AlgorithmVersion, TrainingRun
from modeling.services.training_runs import begin_run
from modeling.services.versions import promote_version, roll_back_version
from modeling.tracking import TrackingDown
from plans.models import PlanVersion
from plans.services import retrain as chain
from plans.services.retrain import EXPORT, TRAIN, retrain, take_step
from tests.factories import make_user
from tests.features.making import at, make_world
from tests.modeling.registry import damage, version
from tests.plans.review import make_plan

pytestmark = pytest.mark.django_db
DEAD = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def told(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give the test a feature store of its own; returns the alerts that retraining and versions raise."""
    settings.FEATURE_STORE_URL = str(tmp_path / "features")
    settings.VAR_DIR = tmp_path
    found: list[str] = []
    for module in (chain, versions):
        monkeypatch.setattr(module, "raise_alert", lambda name, *, text, **_: found.append(text))
    versions.forget()
    yield found
    versions.forget()


def nothing_moved(champion: str = "1") -> None:
    assert versions.champion_name() == champion
    assert Experiment.objects.count() == 0
    assert TrainingRun.objects.filter(status="running").count() == 0


def test_an_empty_database_is_nothing_to_learn_from(told: list[str]) -> None:
    run = retrain(acting_user=COMMAND_LINE)
    assert run.status == "nothing"
    assert "0 athletes with 3 tests or more, and 0 sessions" in run.message
    assert "40 such athletes" in run.message
    assert AlgorithmVersion.objects.count() == 0
    nothing_moved()
    assert told == []


def test_a_store_that_was_never_exported_says_what_to_do(told: list[str]) -> None:
    run = begin_run(as_of=clock.now(), trigger="person", acting_user=COMMAND_LINE)
    ended = take_step(run_id=run.pk, step=TRAIN, acting_user=COMMAND_LINE)
    assert ended.status == "nothing"
    assert "manage.py features export" in ended.message
    nothing_moved()


def test_one_athlete_is_too_little_and_the_message_counts(told: list[str]) -> None:
    make_world()
    with at(40):
        run = retrain(acting_user=COMMAND_LINE)
    assert run.status == "nothing"
    assert "300 sessions" in run.message
    assert ", and 0 sessions" not in run.message
    assert AlgorithmVersion.objects.count() == 0
    nothing_moved()
    assert told == []


@pytest.mark.parametrize("how", ["cut short", "one byte", "not Parquet", "gone"])
def test_a_file_that_is_not_what_was_exported_is_named_and_made_anew_by_the_next_run(
    settings: Any, told: list[str], how: str
) -> None:
    make_world()
    with at(40):
        run = begin_run(as_of=clock.now(), trigger="person", acting_user=COMMAND_LINE)
        take_step(run_id=run.pk, step=EXPORT, acting_user=COMMAND_LINE)
        file = next(Path(settings.FEATURE_STORE_URL).glob("schema=*/sessions/month=*/*.parquet"))
        spoil(file, how)
        ended = take_step(run_id=run.pk, step=TRAIN, acting_user=COMMAND_LINE)
        assert (ended.status, ended.step) == ("failed", "train")
        assert f"sessions/{file.parent.name}/{file.name}" in ended.message
        assert told == [f"Retraining failed in the step train: {ended.message} The champion stays."]
        nothing_moved()
        assert retrain(acting_user=COMMAND_LINE).status == "nothing"


def spoil(file: Path, how: str) -> None:
    """Change a file as a disk or a person would."""
    content = file.read_bytes()
    if how == "gone":
        file.unlink()
        return
    middle = len(content) // 2
    spoilt = {
        "cut short": content[:middle],
        "one byte": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "not Parquet": b"no such thing",
    }
    file.write_bytes(spoilt[how])


def test_a_damaged_champion_keeps_its_place_while_the_shipped_version_plans(told: list[str]) -> None:
    found, admin = version(), make_user("admin")
    promote(found.name, admin)
    damage(found.name)
    run = retrain(acting_user=COMMAND_LINE)
    assert run.status == "nothing"
    assert any(found.name in text and "the shipped version plans in its place" in text for text in told)
    nothing_moved(champion=found.name)
    review = make_world().review
    with at(3):
        plan_id = make_plan(review.coach, review.athlete)
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert PlanVersion.objects.get(plan=plan_id).provenance_json["algorithm_version"] == "1"
    roll_back_version(reason="damaged", expected=found.name, acting_user=admin)
    assert versions.champion_name() == "1"


def test_a_damaged_candidate_is_not_promoted() -> None:
    champion, candidate, admin = version("a"), version("b"), make_user("admin")
    promote(champion.name, admin)
    damage(candidate.name)
    with pytest.raises(WrongState, match="is damaged"):
        promote(candidate.name, admin, expected=champion.name)
    assert states() == {champion.name: "champion", candidate.name: "candidate"}
    nothing_moved(champion=champion.name)


def test_mlflow_at_a_dead_address_costs_a_run_nothing_and_a_promotion_everything(
    settings: Any, told: list[str]
) -> None:
    found, admin = version(), make_user("admin")
    settings.MLFLOW_TRACKING_URI = DEAD
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        run = retrain(acting_user=COMMAND_LINE)
    assert (run.status, run.tracking_url) == ("nothing", "")
    assert any("MLflow was not told" in text for text in told)
    promotions = AuditEvent.objects.filter(action="model.promote").count()
    with pytest.raises(TrackingDown):
        promote(found.name, admin)
    assert states() == {found.name: "candidate"}
    assert versions.champion_name() == "1"
    assert AuditEvent.objects.filter(action="model.promote").count() == promotions
    settings.MLFLOW_TRACKING_URI = ""
    promote(found.name, admin)
    assert versions.champion_name() == found.name


def promote(name: str, by: Any, expected: str = "1") -> None:
    promote_version(name=name, reason="test", expected=expected, without_experiment=True, acting_user=by)


def states() -> dict[str, str]:
    return dict(AlgorithmVersion.objects.values_list("name", "status"))
