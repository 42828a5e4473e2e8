"""`manage.py model`: what it prints, what it refuses, and by which code."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from modeling.models import AlgorithmVersion
from modeling.versions import champion_name
from tests.factories import make_user
from tests.modeling.registry import damage, version

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(capsys):
    def call(*words):
        capsys.readouterr()
        code = 0
        try:
            call_command("model", "--json", *words)
        except CommandError as error:
            code = error.returncode
        text = capsys.readouterr().out
        return code, json.loads(text) if text else None

    return call


def test_nothing_learned_is_said(ask, capsys):
    assert ask("list") == (0, {"champion": "1", "versions": [], "mlflow": None})
    call_command("model", "list")
    said = capsys.readouterr().err
    assert "manage.py retrain" in said
    assert "which ships, plans" in said


def test_promote_show_diff_and_rollback(ask, capsys):
    first, second = version("a").name, version("b").name
    scientist = make_user("data_scientist").email
    by = ("--reason", "better", "--as", scientist)
    assert ask("promote", first, *by)[0] == 4  # no experiment yet
    assert ask("promote", first, "--without-experiment", "--as", scientist)[0] == 2  # no reason
    code, moved = ask("promote", first, "--without-experiment", *by)
    assert (code, moved) == (0, {"champion": first, "before": "1"})
    assert ask("promote", second, "--without-experiment", *by, "--champion", "1")[0] == 4  # somebody was faster
    code, listed = ask("list")
    assert (listed["champion"], [row["name"] for row in listed["versions"]]) == (first, [first, second])
    code, shown = ask("show", second)
    assert shown["gate"]["passed"] is True
    assert shown["document"]["trained_as_of"] == "b"
    code, told = ask("diff", first, second)
    assert told["differences"] == [{"where": "/trained_as_of", first: "a", second: "b"}]
    assert ask("diff", first, first)[1]["differences"] == []
    assert ask("rollback", *by) == (0, {"champion": "1", "before": first})
    assert ask("rollback", *by)[0] == 4
    for words in (("list",), ("show", first), ("diff", "1", first)):
        call_command("model", *words)
        assert first in capsys.readouterr().out


def test_who_may_not_and_what_is_not_there(ask):
    name, coach = version().name, make_user("coach").email
    for words in (("list",), ("show", name), ("promote", name, "--reason", "x", "--without-experiment")):
        assert ask(*words, "--as", coach)[0] == 3
    assert ask("show", "2020-01-01.1")[0] == 2
    damage(name)
    assert ask("promote", name, "--reason", "x", "--without-experiment")[0] in (3, 4)
    assert champion_name() == "1"
    assert AlgorithmVersion.objects.get().status == "candidate"
