"""Per-subject encryption of personal text: destroying a person's key erases what was written about them, everywhere.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; the subject's id is additional authenticated data, so that
ciphertext moved to another person does not decrypt. A subject's data key is itself wrapped by a master key that lives
outside the database (`settings.FIELD_ENCRYPTION_KEYS`, {version: base64 of 32 bytes}); the highest version wraps.
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Collection, Iterable
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet, UUIDField

from common import clock
from common.context import unit_memory
from common.errors import KeyDestroyed
from common.models import SubjectKey
from common.prepared import Given, Prepared

__all__ = [
    "ERASED",
    "KeyRing",
    "SubjectKey",
    "count_unreadable",
    "decrypt",
    "derived_key",
    "destroy_key",
    "encrypt_for",
    "key_ring",
    "newest_version",
    "renew_destroyed_key",
    "rewrap",
]

ERASED = "[erased]"

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32
_MEMORY = "subject keys"


class KeyRing:
    """The data keys of several subjects, read with one query; lives as long as the caller's list of rows."""

    def __init__(self, keys: dict[UUID, bytes | None]) -> None:
        self._keys = keys

    def encrypt(self, subject_id: UUID, text: str) -> bytes:
        """Return the ciphertext of `text`.

        Raises:
            KeyDestroyed: the subject was erased.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + AESGCM(self._key(subject_id)).encrypt(nonce, text.encode(), subject_id.bytes)

    def decrypt(self, subject_id: UUID, ciphertext: bytes) -> str:
        """Return the text.

        Raises:
            KeyDestroyed: the subject was erased.
            ValueError: not a ciphertext of this subject, or tampered with.
        """
        key = self._key(subject_id)
        if ciphertext[:1] != _FORMAT:
            raise ValueError("unknown ciphertext format")
        nonce, body = ciphertext[1 : 1 + _NONCE_BYTES], ciphertext[1 + _NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, body, subject_id.bytes).decode()
        except InvalidTag as error:
            raise ValueError("this ciphertext is not of this subject, or was tampered with") from error

    def read(self, subject_id: UUID, ciphertext: bytes | None) -> str:
        """Return the text for display: empty where there is none, `ERASED` where its key is gone."""
        if not ciphertext:
            return ""
        try:
            return self.decrypt(subject_id, ciphertext)
        except KeyDestroyed:
            return ERASED

    def _key(self, subject_id: UUID) -> bytes:
        key = self._keys.get(subject_id)
        if key is None:
            raise KeyDestroyed(subject_id=str(subject_id))
        return key


def key_ring(subject_ids: Iterable[UUID], *, create: bool = False) -> KeyRing:
    """Return the keys of these subjects, made where missing if `create`; erased subjects stay erased.

    A unit of work reads each key once: an edit encrypts in several places.
    """
    wanted = set(subject_ids)
    known = unit_memory().setdefault(_MEMORY, {})
    if unknown := wanted - known.keys():
        known.update((row.subject_id, _unwrap(row)) for row in _rows(unknown))
    if create:
        for subject_id in sorted(wanted - known.keys()):
            known[subject_id] = _unwrap(_make_key(subject_id))
    return KeyRing({subject_id: known[subject_id] for subject_id in wanted & known.keys()})


def encrypt_for(subject_id: UUID, text: str) -> bytes:
    """Return `text` encrypted under the subject's key, which is made on first use.

    Raises:
        KeyDestroyed: the subject was erased.
    """
    return key_ring([subject_id], create=True).encrypt(subject_id, text)


def decrypt(subject_id: UUID, ciphertext: bytes) -> str:
    """Return the text of one ciphertext; for lists, use `key_ring`.

    Raises:
        KeyDestroyed: the subject was erased.
        ValueError: not a ciphertext of this subject, or tampered with.
    """
    return key_ring([subject_id]).decrypt(subject_id, ciphertext)


def destroy_key(subject_id: UUID) -> bool:
    """Destroy the subject's key for good; a subject without one gets an empty one, so that none can be made later.

    Returns False if it was destroyed already.
    """
    _make_key(subject_id)
    unit_memory().pop(_MEMORY, None)
    changed = SubjectKey.objects.filter(subject_id=subject_id, destroyed_at=None).update(
        wrapped_key=b"", destroyed_at=clock.now()
    )
    return changed == 1


def renew_destroyed_key(subject_id: UUID) -> bool:
    """Put a new key in the place of one that was destroyed; it opens nothing that was written before.

    For one use alone: an erasure that has to be done again, and destroys it at its end. Returns whether there was one.
    """
    newest = max(_master_keys())
    wrapped = _wrap(subject_id, os.urandom(_KEY_BYTES), newest)
    unit_memory().pop(_MEMORY, None)
    destroyed = SubjectKey.objects.filter(subject_id=subject_id).exclude(destroyed_at=None)
    return destroyed.update(wrapped_key=wrapped, version=newest, destroyed_at=None) == 1


def rewrap(*, limit: int = 1000) -> int:
    """Wrap up to `limit` keys anew that an older master key wraps; return how many were."""
    newest = max(_master_keys())
    rows = SubjectKey.objects.filter(destroyed_at=None).exclude(version=newest)[:limit]
    done = 0
    for row in rows:
        key = _unwrap(row)
        assert key is not None
        wrapped = _wrap(row.subject_id, key, newest)
        done += SubjectKey.objects.filter(pk=row.pk, version=row.version, destroyed_at=None).update(
            wrapped_key=wrapped, version=newest
        )
    return done


def newest_version() -> int:
    """Return the version of the master key that wraps today."""
    return max(_master_keys())


def derived_key(version: int, purpose: bytes) -> bytes:
    """Return 32 bytes that a master key alone can make, for a purpose of their own.

    Raises:
        ImproperlyConfigured: `FIELD_ENCRYPTION_KEYS` lacks this version.
    """
    master = _master_keys().get(version)
    if master is None:
        raise ImproperlyConfigured(f"FIELD_ENCRYPTION_KEYS lacks version {version}")
    return hmac.digest(master, purpose, "sha256")


def count_unreadable() -> int:
    """Return how many keys of people the master keys do not open: another key, or a row that was altered."""
    unreadable = 0
    for row in SubjectKey.objects.filter(destroyed_at=None).iterator(chunk_size=2_000):
        try:
            _unwrap(row)
        except (InvalidTag, ImproperlyConfigured):
            unreadable += 1
    return unreadable


def _rows(subject_ids: Collection[UUID]) -> Iterable[SubjectKey]:
    if len(subject_ids) > 1:
        return SubjectKey.objects.filter(subject_id__in=subject_ids)
    [subject_id] = subject_ids
    return _KEY_OF.ask(subject=subject_id)


def _key_of() -> QuerySet[SubjectKey]:
    return SubjectKey.objects.filter(subject_id=Given("subject", UUIDField())).order_by()


_KEY_OF: Prepared[SubjectKey] = Prepared(_key_of)


def _make_key(subject_id: UUID) -> SubjectKey:
    newest = max(_master_keys())
    wrapped = _wrap(subject_id, os.urandom(_KEY_BYTES), newest)
    row, _ = SubjectKey.objects.get_or_create(
        subject_id=subject_id, defaults={"version": newest, "wrapped_key": wrapped}
    )
    return row


def _wrap(subject_id: UUID, key: bytes, version: int) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_master_keys()[version]).encrypt(nonce, key, b"subject-key" + subject_id.bytes)


def _unwrap(row: SubjectKey) -> bytes | None:
    if row.destroyed_at is not None:
        return None
    master = _master_keys().get(row.version)
    if master is None:
        raise ImproperlyConfigured(f"FIELD_ENCRYPTION_KEYS lacks version {row.version}, which still wraps keys")
    nonce, body = row.wrapped_key[:_NONCE_BYTES], row.wrapped_key[_NONCE_BYTES:]
    return AESGCM(master).decrypt(nonce, body, b"subject-key" + row.subject_id.bytes)


def _master_keys() -> dict[int, bytes]:
    keys = {version: base64.b64decode(key) for version, key in settings.FIELD_ENCRYPTION_KEYS.items()}
    if not keys or any(len(key) != _KEY_BYTES for key in keys.values()):
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS wants at least one key of 32 bytes, in base64")
    return keys
