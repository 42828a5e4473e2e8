"""Per-subject keys: what is erased stays erased."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from common import keys
from common.errors import KeyDestroyed
from common.ids import uuid7
from common.models import SubjectKey

pytestmark = pytest.mark.django_db

OLD, NEW = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_encrypted_can_be_read(db: None, text: str) -> None:
    subject = uuid7()
    ciphertext = keys.encrypt_for(subject, text)
    assert keys.decrypt(subject, ciphertext) == text
    assert len(text) < 4 or text.encode() not in ciphertext


def test_the_same_text_never_has_the_same_ciphertext() -> None:
    subject = uuid7()
    assert keys.encrypt_for(subject, "knee") != keys.encrypt_for(subject, "knee")
    assert SubjectKey.objects.count() == 1


def test_ciphertext_moved_to_another_person_or_changed_does_not_open() -> None:
    hers, his = uuid7(), uuid7()
    ciphertext = keys.encrypt_for(hers, "knee")
    keys.encrypt_for(his, "")
    SubjectKey.objects.filter(subject_id=his).delete()
    SubjectKey.objects.filter(subject_id=hers).update(subject_id=his)
    with pytest.raises(Exception):  # noqa: B017, PT011  (the wrapped key is bound to its subject as well)
        keys.decrypt(his, ciphertext)
    SubjectKey.objects.filter(subject_id=his).update(subject_id=hers)
    for position in range(len(ciphertext)):
        tampered = bytearray(ciphertext)
        tampered[position] ^= 1
        with pytest.raises(ValueError):  # noqa: PT011
            keys.decrypt(hers, bytes(tampered))
    with pytest.raises(ValueError):  # noqa: PT011
        keys.decrypt(hers, b"")


def test_a_destroyed_key_opens_nothing_and_is_never_made_again() -> None:
    subject = uuid7()
    ciphertext = keys.encrypt_for(subject, "knee")
    assert keys.destroy_key(subject)
    assert not keys.destroy_key(subject)
    with pytest.raises(KeyDestroyed):
        keys.decrypt(subject, ciphertext)
    with pytest.raises(KeyDestroyed):
        keys.encrypt_for(subject, "again")
    assert SubjectKey.objects.get().wrapped_key == b""
    ring = keys.key_ring([subject])
    assert (ring.read(subject, ciphertext), ring.read(subject, None)) == (keys.ERASED, "")


def test_who_never_had_a_key_can_be_erased_too() -> None:
    subject = uuid7()
    assert keys.destroy_key(subject)
    with pytest.raises(KeyDestroyed):
        keys.encrypt_for(subject, "late")


def test_a_new_master_key_wraps_old_keys_anew(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = {1: OLD}
    subject, erased = uuid7(), uuid7()
    ciphertext = keys.encrypt_for(subject, "knee")
    keys.destroy_key(erased)
    settings.FIELD_ENCRYPTION_KEYS = {1: OLD, 2: NEW}
    assert keys.decrypt(subject, ciphertext) == "knee"
    assert keys.rewrap() == 1
    settings.FIELD_ENCRYPTION_KEYS = {2: NEW}
    assert keys.decrypt(subject, ciphertext) == "knee"


def test_a_master_key_that_is_still_needed_is_missed(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = {1: OLD}
    subject = uuid7()
    ciphertext = keys.encrypt_for(subject, "knee")
    settings.FIELD_ENCRYPTION_KEYS = {2: NEW}
    with pytest.raises(ImproperlyConfigured, match="version 1"):
        keys.decrypt(subject, ciphertext)


@pytest.mark.parametrize("wrong", [{}, {1: base64.b64encode(b"short").decode()}])
def test_master_keys_have_32_bytes(wrong: dict[int, str], settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = wrong
    with pytest.raises(ImproperlyConfigured):
        keys.encrypt_for(uuid7(), "knee")


def test_keys_of_many_people_are_one_query(django_assert_num_queries: Any) -> None:
    subjects = [uuid7() for _ in range(20)]
    written = {subject: keys.encrypt_for(subject, str(subject)) for subject in subjects}
    with django_assert_num_queries(1):
        ring = keys.key_ring(subjects)
        assert all(ring.decrypt(subject, written[subject]) == str(subject) for subject in subjects)
