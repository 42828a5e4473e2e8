"""Rotating the master key: everything stays readable, an erased person stays erased, the old version may go."""

from __future__ import annotations

import base64
import json

import pytest
from django.core.management import CommandError, call_command

from common import keys
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from common.models import SubjectKey

pytestmark = pytest.mark.django_db
NEW = base64.b64encode(b"n" * 32).decode()


@pytest.fixture
def people():
    found = {uuid7(): f"text {i}" for i in range(7)}
    with unit_of_work(COMMAND_LINE):
        texts = {person: keys.encrypt_for(person, text) for person, text in found.items()}
        erased = uuid7()
        keys.encrypt_for(erased, "gone")
        keys.destroy_key(erased)
    return found, texts, erased


def test_all_keys_move_to_the_newest_version_and_the_old_one_may_go(people, settings, capsys, monkeypatch):
    monkeypatch.setattr("common.management.commands.rotate_keys.BATCH", 3)
    found, texts, erased = people
    settings.FIELD_ENCRYPTION_KEYS = {**settings.FIELD_ENCRYPTION_KEYS, 2: NEW}
    call_command("rotate_keys", "--dry-run", "--json")
    assert json.loads(capsys.readouterr().out)["left"] == 7
    call_command("rotate_keys", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["rewrapped"], report["left"], report["by_version"]) == (7, 0, [{"version": 2, "keys": 7}])
    settings.FIELD_ENCRYPTION_KEYS = {2: NEW}
    with unit_of_work(COMMAND_LINE):
        assert {person: keys.decrypt(person, text) for person, text in texts.items()} == found
        assert SubjectKey.objects.get(subject_id=erased).destroyed_at is not None
    call_command("rotate_keys", "--json")
    assert json.loads(capsys.readouterr().out)["rewrapped"] == 0


def test_a_version_that_still_wraps_keys_may_not_be_missing(people, settings):
    settings.FIELD_ENCRYPTION_KEYS = {2: NEW}
    with pytest.raises(CommandError, match="lacks version 1"):
        call_command("rotate_keys")
