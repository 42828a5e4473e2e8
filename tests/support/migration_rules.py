"""What a migration may do while the release before it is at work; the rules of docs/operations/deploy.md, Upgrade.

A migration that takes away, or forbids, what no release that may still run needs says so in its class:

    previous_release_does_without = "0.4 no longer reads or writes athletes.nick"

Every table that was there before counts as large: which ones are is another matter in each installation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, Field

from common.online_index import AddIndexOnline

NOTE: Final = "previous_release_does_without"
_RENAMES: Final = (operations.RenameField, operations.RenameModel, operations.AlterModelTable)
_REMOVALS: Final = (operations.RemoveField, operations.DeleteModel, operations.AddConstraint)


def faults_of_history(apps: tuple[str, ...]) -> dict[str, list[str]]:
    """Return what is wrong with each migration of some apps, by `app.name`; only those with which something is."""
    loader = MigrationLoader(None)
    state, seen, found = ProjectState(), set[tuple[str, str]](), dict[str, list[str]]()
    for leaf in loader.graph.leaf_nodes():
        for node in loader.graph.forwards_plan(leaf):
            if node in seen:
                continue
            seen.add(node)
            migration = loader.graph.nodes[node]
            faults = list(faults_of(migration, state))  # moves the state on
            if faults and node[0] in apps:
                found[".".join(node)] = faults
    return found


def faults_of(migration: Migration, state: ProjectState) -> Iterator[str]:
    """Yield what is wrong with a migration, and bring the state of the models from before it to after it."""
    made, altered = set[str](), False
    note = str(getattr(migration, NOTE, "")).strip()
    moves_data = any(isinstance(one, operations.RunPython | operations.RunSQL) for one in migration.operations)
    for operation in _on_the_database(migration.operations):
        if isinstance(operation, operations.CreateModel):
            made.add(operation.name.lower())
        is_new = str(getattr(operation, "model_name", getattr(operation, "name", ""))).lower() in made
        if not is_new:
            yield from _faults(operation, migration, state, note)
            altered = altered or isinstance(operation, operations.AddField | operations.AlterField)
        operation.state_forwards(migration.app_label, state)
    for operation in migration.operations:
        if isinstance(operation, operations.SeparateDatabaseAndState):
            operation.state_forwards(migration.app_label, state)
    if moves_data and altered:
        yield "moves data while it holds a lock on a table that it alters: two migrations"


def _on_the_database(given: list[Operation]) -> Iterator[Operation]:
    for operation in given:
        if isinstance(operation, operations.SeparateDatabaseAndState):
            yield from _on_the_database(operation.database_operations)
        else:
            yield operation


def _faults(operation: Operation, migration: Migration, state: ProjectState, note: str) -> Iterator[str]:
    what = operation.describe()
    if isinstance(operation, _RENAMES):
        yield f"{what}: the old code asks for the old name; add, copy, and remove in a later release"
    if isinstance(operation, _REMOVALS) and not note:
        yield f"{what}: say in {NOTE} why the old code does without"
    if isinstance(operation, operations.AddField):
        yield from _of_new_field(operation.field, what)
    if isinstance(operation, operations.AlterField) and not note:
        before = state.models[migration.app_label, operation.model_name_lower].fields[operation.name]
        yield from _of_changed_field(before, operation.field, what)
    if isinstance(operation, operations.AddIndex):
        if not isinstance(operation, AddIndexOnline):
            yield f"{what}: nobody writes until it is made; AddIndexOnline"
        elif migration.atomic or len(migration.operations) > 1:
            yield f"{what}: alone in a migration with atomic = False"
    if isinstance(operation, operations.RunPython | operations.RunSQL) and not operation.reversible:
        yield f"{what}: cannot be undone; noop says that nothing is to be undone"


def _of_new_field(field: Field[Any, Any], what: str) -> Iterator[str]:
    if field.many_to_many:
        return
    if not field.null and field.db_default is NOT_PROVIDED:
        yield f"{what}: the old code writes rows without it; null=True or db_default"
    if field.db_index or field.unique:
        yield f"{what}: makes its index under the lock; db_index=False, and AddIndexOnline afterwards"


def _of_changed_field(before: Field[Any, Any], after: Field[Any, Any], what: str) -> Iterator[str]:
    if before.null and not after.null:
        yield f"{what}: NOT NULL, and the old code may leave it empty; say in {NOTE} why it does not"
    if type(before).mro()[:-1] != type(after).mro()[:-1] and before.get_internal_type() != after.get_internal_type():
        yield f"{what}: another type; a new column beside it"
    if (after.max_length or float("inf")) < (before.max_length or float("inf")):
        yield f"{what}: shorter than what the old code may write; say in {NOTE} why it does not"
    if (after.db_index and not before.db_index) or (after.unique and not before.unique):
        yield f"{what}: makes an index; AddIndexOnline"
