"""Registries and the system check on them."""

from __future__ import annotations

import uuid

import pytest

from common import registries
from common.checks import registries_are_filled
from common.registries import Registry

pytestmark = pytest.mark.pure


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry[int]:
    monkeypatch.setattr(registries, "ALL", {})
    monkeypatch.setattr("common.checks.ALL", registries.ALL)
    return Registry(f"numbers {uuid.uuid4()}", required=("one",))


def test_a_required_entry_that_nobody_filled_is_an_error(registry: Registry[int]) -> None:
    assert [error.id for error in registries_are_filled(None)] == ["common.E001"]
    registry.register("one", 1)
    assert registries_are_filled(None) == []


def test_a_name_has_one_entry(registry: Registry[int]) -> None:
    registry.register("one", 1)
    registry.register("one", 1)
    with pytest.raises(ValueError, match="another entry"):
        registry.register("one", 2)
    assert registry.get("one") == 1


def test_an_unknown_entry_names_the_registry(registry: Registry[int]) -> None:
    with pytest.raises(KeyError, match="numbers"):
        registry.get("two")
