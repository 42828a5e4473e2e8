"""A test of several columns says which of them failed, and nothing is published."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from telemetry.warehousing import dbt
from telemetry.warehousing.build import Outcome
from telemetry.warehousing.published import current
from tests.telemetry.warehouse.building import built, places
from tests.telemetry.warehouse.written_out import written_out

pytestmark = [pytest.mark.pure]

SPOILT = {
    "marts/mart_reasons.sql": "select null as reason, edits from ({sql}) as fine",
    "marts/mart_edits.sql": "select * from ({sql}) as fine union all select * from ({sql}) as again",
    "facts/fct_changes.sql": "select plan_id, kind || '?' as kind from ({sql}) as fine",
    "staging/stg_plans_edited.sql": "select * from ({sql}) as fine union all select * from ({sql}) as again",
}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """A build of a project in which models say what they must not."""
    project = tmp_path_factory.mktemp("project") / "warehouse"
    shutil.copytree(dbt.PROJECT, project)
    for name, query in SPOILT.items():
        path = project / "models" / name
        path.write_text(query.format(sql=path.read_text()))
    folder = tmp_path_factory.mktemp("spoilt")
    with pytest.MonkeyPatch.context() as patch, places(folder):
        patch.setattr(dbt, "PROJECT", project)
        yield built(folder, written_out())


def test_each_fault_is_named_with_its_rows(spoilt: Outcome) -> None:
    assert {one.name: one.message for one in spoilt.bad if one.status == "fail"} == {
        "columns_of_mart_reasons": "reason: missing (1)",
        "columns_of_mart_edits": "id: not unique (2)",
        "columns_of_fct_changes": "kind: not among its values (2)",
        "every_event_is_staged_once": "stg_plans_edited.id: not unique (2)",
    }


def test_nothing_of_it_is_published(spoilt: Outcome) -> None:
    assert spoilt.build is None and current() is None
