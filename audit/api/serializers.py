"""How heads and proofs are written: hashes, keys and signatures in hex, an event's bytes in base64."""

from __future__ import annotations

import base64
from typing import Any

from rest_framework import serializers

from audit.heads import TreeHead
from audit.proofs import ConsistencyProof, InclusionProof


class HeadSerializer(serializers.Serializer[Any]):
    """A signed tree head; the signature is over the other members but `public_key`, as docs/audit.md says."""

    format = serializers.CharField(read_only=True)
    number = serializers.IntegerField(read_only=True)
    tree_size = serializers.IntegerField(read_only=True)
    root_hash = serializers.CharField(read_only=True)
    sealed_at = serializers.CharField(read_only=True)
    previous_hash = serializers.CharField(read_only=True)
    key_version = serializers.IntegerField(read_only=True)
    key_id = serializers.CharField(read_only=True)
    signature = serializers.CharField(read_only=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Write the members exactly as they were signed."""
        head = instance if isinstance(instance, TreeHead) else instance.head
        return head.as_json()


class InclusionQuerySerializer(serializers.Serializer[Any]):
    event = serializers.UUIDField(help_text="The event's id.")
    size = serializers.IntegerField(
        required=False, min_value=1, max_value=2**62, help_text="Of the log so long; by default as long as it is."
    )


class ConsistencyQuerySerializer(serializers.Serializer[Any]):
    first = serializers.IntegerField(min_value=1, max_value=2**62, help_text="Size of the older log.")
    second = serializers.IntegerField(
        required=False, min_value=1, max_value=2**62, help_text="Size of the newer log; by default the newest head's."
    )


class InclusionProofSerializer(serializers.Serializer[Any]):
    event_id = serializers.UUIDField()
    event = serializers.CharField(help_text="The event's canonical bytes, base64.")
    leaf_index = serializers.IntegerField()
    tree_size = serializers.IntegerField()
    leaf_hash = serializers.CharField()
    root_hash = serializers.CharField()
    inclusion_proof = serializers.ListField(child=serializers.CharField())
    head = HeadSerializer(allow_null=True)

    def to_representation(self, instance: InclusionProof) -> dict[str, Any]:
        """Write the proof."""
        return {
            "event_id": str(instance.event_id),
            "event": base64.b64encode(instance.canonical).decode(),
            "leaf_index": instance.leaf_index,
            "tree_size": instance.tree_size,
            "leaf_hash": instance.leaf_hash.hex(),
            "root_hash": instance.root_hash.hex(),
            "inclusion_proof": [value.hex() for value in instance.path],
            "head": _head(instance.head),
        }


class ConsistencyProofSerializer(serializers.Serializer[Any]):
    first_size = serializers.IntegerField()
    second_size = serializers.IntegerField()
    first_root = serializers.CharField()
    second_root = serializers.CharField()
    consistency_proof = serializers.ListField(child=serializers.CharField())
    first_head = HeadSerializer(allow_null=True)
    second_head = HeadSerializer(allow_null=True)

    def to_representation(self, instance: ConsistencyProof) -> dict[str, Any]:
        """Write the proof."""
        return {
            "first_size": instance.first_size,
            "second_size": instance.second_size,
            "first_root": instance.first_root.hex(),
            "second_root": instance.second_root.hex(),
            "consistency_proof": [value.hex() for value in instance.path],
            "first_head": _head(instance.first_head),
            "second_head": _head(instance.second_head),
        }


def _head(head: TreeHead | None) -> dict[str, Any] | None:
    return head.as_json() if head else None
