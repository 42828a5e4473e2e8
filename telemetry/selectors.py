"""Whom telemetry is to forget."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from common.context import register_service, unit_of_work
from telemetry.forgetting import Forget
from telemetry.models import Forgetting, Scope
from telemetry.tokens import person_tokens

FILES: Final = register_service("telemetry-files")


def everybody_forgotten() -> Forget:
    """Return whom no file may hold, of all time: an event about them may have come late."""
    with unit_of_work(FILES, read_only=True):
        return whom(list(Forgetting.objects.all()))


def whom(noted: Iterable[Forgetting]) -> Forget:
    """Return the tokens of those who are noted, under every key that there is."""
    people: set[str] = set()
    withdrawn: dict[str, datetime] = {}
    for one in noted:
        for token in person_tokens(one.subject_id):
            if one.scope == Scope.PERSON:
                people.add(token)
            else:
                withdrawn[token] = max(one.until, withdrawn.get(token, one.until))
    return Forget(frozenset(people), withdrawn)
