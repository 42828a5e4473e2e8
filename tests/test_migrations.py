"""A release's migrations leave the release before it at work: it goes on reading and writing on the new tables."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.state import ProjectState

from common.online_index import AddIndexOnline
from tests.support.migration_rules import NOTE, faults_of, faults_of_history
from tests.test_repository import OURS

pytestmark = pytest.mark.pure

# From before the rule, and before the first release: nothing ran that they could have broken.
FROM_BEFORE_THE_RULE = {
    "accounts.0006_governance",
    "audit.0002_seals",
    "experiments.0002_protocol_exposures_looks",
    "plans.0005_in_experiment",
    "rollout.0003_overrides_and_groups",
    "rollout.0004_rollouts",
    "rollout.0006_override_reason_out_of_history",
    "rollout.0008_alert_rules_watch",
    "telemetry.0002_relay",
}


def noop(apps: Any, schema_editor: Any) -> None:
    """Change nothing."""


def made() -> ProjectState:
    """A table `things` with a name that may be empty, and a text."""
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=20, null=True)),
        ("text", models.TextField()),
    ]
    migrations.CreateModel("Thing", fields).state_forwards("plans", state)
    return state


def faults(*operations: Any, note: str = "", atomic: bool = True) -> list[str]:
    migration = migrations.Migration("0009_change", "plans")
    migration.operations, migration.atomic = list(operations), atomic
    if note:
        setattr(migration, NOTE, note)
    return list(faults_of(migration, made()))


def index() -> models.Index:
    return models.Index(fields=["name"], name="thing_name")


def test_every_migration_leaves_the_release_before_it_at_work():
    found = faults_of_history(OURS)
    assert {name: faults for name, faults in found.items() if name not in FROM_BEFORE_THE_RULE} == {}
    assert FROM_BEFORE_THE_RULE - set(found) == set(), "no longer at fault: take them out"


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (migrations.RemoveField("thing", "name"), NOTE),
        (migrations.DeleteModel("Thing"), NOTE),
        (migrations.AddConstraint("thing", models.UniqueConstraint(fields=["name"], name="one")), NOTE),
        (migrations.RenameField("thing", "name", "title"), "the old name"),
        (migrations.RenameModel("Thing", "Item"), "the old name"),
        (migrations.AlterModelTable("thing", "items"), "the old name"),
        (migrations.AddField("thing", "size", models.IntegerField(default=0)), "null=True or db_default"),
        (migrations.AddField("thing", "size", models.IntegerField(null=True, db_index=True)), "AddIndexOnline"),
        (
            migrations.AddField("thing", "code", models.CharField(max_length=3, null=True, unique=True)),
            "AddIndexOnline",
        ),
        (migrations.AlterField("thing", "name", models.CharField(max_length=20)), "NOT NULL"),
        (migrations.AlterField("thing", "name", models.CharField(max_length=10, null=True)), "shorter"),
        (migrations.AlterField("thing", "name", models.IntegerField(null=True)), "another type"),
        (migrations.AlterField("thing", "text", models.TextField(db_index=True)), "makes an index"),
        (migrations.AddIndex("thing", index()), "AddIndexOnline"),
        (AddIndexOnline("thing", index()), "atomic = False"),
        (migrations.RunPython(noop), "cannot be undone"),
        (migrations.RunSQL("UPDATE things SET name = ''"), "cannot be undone"),
        (
            migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField("thing", "name")]),
            NOTE,
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value.split()[0],
)
def test_what_breaks_the_old_code_is_refused(operation, said):
    (fault,) = faults(operation)
    assert said in fault


@pytest.mark.parametrize(
    "operations",
    [
        [migrations.AddField("thing", "size", models.IntegerField(db_default=0))],
        [migrations.AddField("thing", "size", models.IntegerField(null=True))],
        [migrations.AddField("thing", "others", models.ManyToManyField("plans.thing"))],
        [migrations.AlterField("thing", "name", models.CharField(max_length=40, null=True, help_text="Short."))],
        [migrations.RunPython(noop, migrations.RunPython.noop)],
        [
            migrations.CreateModel("Part", [("id", models.BigAutoField(primary_key=True))]),
            migrations.AddField("part", "size", models.IntegerField(db_index=True)),
            migrations.AddIndex("part", models.Index(fields=["size"], name="part_size")),
            migrations.AddConstraint("part", models.UniqueConstraint(fields=["size"], name="part_once")),
        ],
        [migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("thing", "name")])],
    ],
    ids=lambda operations: type(operations[0]).__name__,
)
def test_what_the_old_code_does_not_notice_is_allowed(operations):
    assert faults(*operations) == []


def test_what_nobody_needs_any_more_is_removed_with_a_note():
    assert faults(migrations.RemoveField("thing", "name"), note="0.4 no longer reads or writes things.name") == []
    assert faults(migrations.RenameField("thing", "name", "title"), note="any") != []


def test_an_index_online_stands_alone():
    assert faults(AddIndexOnline("thing", index()), atomic=False) == []
    both = [AddIndexOnline("thing", index()), migrations.AddField("thing", "size", models.IntegerField(null=True))]
    assert "alone" in faults(*both, atomic=False)[0]


def test_data_is_not_moved_under_a_lock():
    changed = migrations.AddField("thing", "size", models.IntegerField(null=True))
    (fault,) = faults(changed, migrations.RunPython(noop, noop))
    assert "two migrations" in fault
