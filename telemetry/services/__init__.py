"""Emitting telemetry: into the outbox, in the transaction of the change."""

from telemetry.services.emit import PARTITIONS, SOURCE, emit, partition_of

__all__ = ["PARTITIONS", "SOURCE", "emit", "partition_of"]
