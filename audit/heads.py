"""Signed tree heads: what the log was at one time, so that it can never be another afterwards. Pure.

A head is signed with Ed25519 (RFC 8032) over its canonical JSON and names the SHA-256 of the head before it, so that
the heads are a chain of their own. Its public key is named by the first half of its SHA-256.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FORMAT: Final = "mesocycle-tree-head/1"
NO_HEAD: Final = bytes(32)
MAC_BYTES: Final = 16
KEY_BYTES: Final = 32


class BadHead(ValueError):
    """A tree head is malformed, or not signed by a key of ours."""


@dataclass(frozen=True)
class TreeHead:
    """number: 1, 2, …; tree_size: leaves; root_hash, previous_hash: 32 bytes; sealed_at: UTC; signature: 64 bytes."""

    number: int
    tree_size: int
    root_hash: bytes
    sealed_at: datetime
    previous_hash: bytes
    key_version: int
    key_id: str
    signature: bytes = b""

    @property
    def signed_bytes(self) -> bytes:
        """Return what the signature is over: JSON, ASCII, keys sorted, no blanks."""
        return json.dumps(self._signed(), sort_keys=True, separators=(",", ":")).encode("ascii")

    @property
    def digest(self) -> bytes:
        """Return what the next head calls `previous_hash`: SHA-256 of the signed bytes."""
        return hashlib.sha256(self.signed_bytes).digest()

    def _signed(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "number": self.number,
            "tree_size": self.tree_size,
            "root_hash": self.root_hash.hex(),
            "sealed_at": self.sealed_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "previous_hash": self.previous_hash.hex(),
            "key_version": self.key_version,
            "key_id": self.key_id,
        }

    def as_json(self) -> dict[str, Any]:
        """Return the head as it is published: the signed members and the signature, hashes in hex."""
        return {**self._signed(), "signature": self.signature.hex()}

    @classmethod
    def from_json(cls, data: Any) -> TreeHead:
        """Return a published head; nothing is verified.

        Raises:
            BadHead: it is no tree head.
        """
        try:
            if data["format"] != FORMAT:
                raise BadHead(f"the format is {data['format']!r}, not {FORMAT}")
            head = cls(
                number=int(data["number"]),
                tree_size=int(data["tree_size"]),
                root_hash=bytes.fromhex(data["root_hash"]),
                sealed_at=datetime.fromisoformat(data["sealed_at"]),
                previous_hash=bytes.fromhex(data["previous_hash"]),
                key_version=int(data["key_version"]),
                key_id=str(data["key_id"]),
                signature=bytes.fromhex(data["signature"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise error if isinstance(error, BadHead) else BadHead("this is no tree head") from error
        if head.sealed_at.tzinfo is None or len(head.root_hash) != 32 or len(head.previous_hash) != 32:
            raise BadHead("this is no tree head")
        return head


@dataclass(frozen=True)
class SigningKeys:
    """seeds: version → 32 secret bytes; the highest version signs. retired: version → public key of a seed put away."""

    seeds: Mapping[int, bytes]
    retired: Mapping[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys = [*self.seeds.values(), *self.retired.values()]
        if not self.seeds or any(len(key) != KEY_BYTES for key in keys) or self.seeds.keys() & self.retired.keys():
            raise ValueError(f"at least one key of {KEY_BYTES} bytes is needed, each version once")

    @property
    def newest(self) -> int:
        """Return the version that signs."""
        return max(self.seeds)

    def public_key(self, version: int) -> bytes:
        """Return a version's public key, 32 bytes.

        Raises:
            KeyError: this version is not known here.
        """
        if version in self.retired:
            return self.retired[version]
        return _public(self.seeds[version])

    def sign(self, head: TreeHead) -> bytes:
        """Return the signature of a head (64 bytes) by the key that it names."""
        return Ed25519PrivateKey.from_private_bytes(self.seeds[head.key_version]).sign(head.signed_bytes)

    def verify(self, head: TreeHead) -> None:
        """Check a head's signature.

        Raises:
            BadHead: signed by no key of ours, or altered since.
        """
        try:
            key = self.public_key(head.key_version)
        except KeyError:
            raise BadHead(f"key version {head.key_version} is not known here") from None
        if head.key_id != key_id(key):
            raise BadHead(f"key {head.key_id} is not our version {head.key_version}")
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(head.signature, head.signed_bytes)
        except InvalidSignature:
            raise BadHead("the signature does not fit") from None

    def mac_key(self, version: int) -> bytes | None:
        """Return the key under which leaves sealed with this version are marked; None where its seed is put away."""
        seed = self.seeds.get(version)
        return None if seed is None else hmac.digest(seed, b"mesocycle audit leaf", "sha256")


def key_id(public_key: bytes) -> str:
    """Return a public key's name: the first 16 bytes of its SHA-256, as hex."""
    return hashlib.sha256(public_key).hexdigest()[:32]


def leaf_mac(mac_key: bytes, index: int, event_id: UUID, leaf: bytes) -> bytes:
    """Return a leaf's mark, 16 bytes: who can write to the database alone cannot make one.

    The signed heads prove that something was changed; the marks tell which leaf, also where leaf and event were
    changed together. HMAC-SHA-256 (RFC 2104), truncated (section 5).
    """
    return hmac.digest(mac_key, index.to_bytes(8, "big") + event_id.bytes + leaf, "sha256")[:MAC_BYTES]


@lru_cache(maxsize=16)
def _public(seed: bytes) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
