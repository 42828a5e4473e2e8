"""Connected as the owner, retention removes what is append-only and over, and the guards stand again."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from django.db import connection

from common.context import unit_of_work
from common.db_operations import guarded_tables
from common.management.base import COMMAND_LINE
from plans.models import PlanVersionChange
from tests.plans.review import make_review, replace_op
from tests.support.databases import ROOT, Databases, environment


def left(model):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return set(model.objects.values_list("pk", flat=True))


@pytest.mark.postgres
def test_the_owner_removes_old_edits_and_the_guard_stands_again(databases: Databases, committed_database: str):
    review = make_review()
    assert review.patch([replace_op(review.editable()[0], "load", 20, reason="injury")]).status_code == 200
    edits = left(PlanVersionChange)
    assert edits
    name = connection.settings_dict["NAME"]
    env = environment(databases.url(name, user="app_owner"), RETENTION_PLAN_EDITS_DAYS="1")

    def retention(*more):
        command = [sys.executable, "-c", _IN_TWO_DAYS, *more]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return {rule["table"]: rule for rule in json.loads(done.stdout)["rules"]}

    assert retention("--dry-run")["plan_version_changes"]["due"] == len(edits)
    assert left(PlanVersionChange) == edits
    rules = retention()
    assert rules["plan_version_changes"]["removed"] == len(edits)
    assert rules["plan_versions"]["removed"] == 0
    assert left(PlanVersionChange) == set()
    assert "plan_version_changes" in guarded_tables(connection)


_IN_TWO_DAYS = """
import sys
from datetime import timedelta
import django
django.setup()
from django.core.management import call_command
from common import clock
with clock.frozen(clock.now() + timedelta(days=2)):
    call_command("retention", "--json", *sys.argv[1:])
"""
